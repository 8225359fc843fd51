//! Times in a host, printed rather than asserted. Run with `-- --ignored --nocapture times_in_a_host`.

use std::time::{Duration, Instant};

use crate::host::{ALL_PORTS, BLOCK, Host, PORTS, RATE_HZ, plugin};
use crate::state;

/// Real-time duration of a block.
const BLOCK_TIME: Duration = Duration::from_micros((BLOCK as f64 / RATE_HZ * 1e6) as u64);

/// Plays in real time until a stem differs from `before` at the same position; returns the time.
fn first_new_sound(host: &mut Host, port: usize, before: &[f32]) -> Duration {
    let began = Instant::now();
    loop {
        let at = (host.beat * 60.0 / host.bpm * RATE_HZ).round() as usize % before.len();
        let heard = host.block(BLOCK, &[]);
        let old = (0..BLOCK).map(|frame| before[(at + frame) % before.len()]);
        if heard[port][0].iter().zip(old).any(|(new, old)| (new - old).abs() > 1e-3) {
            return began.elapsed();
        }
        assert!(began.elapsed() < Duration::from_secs(120), "nothing new is heard");
        std::thread::sleep(BLOCK_TIME);
    }
}

#[test]
#[ignore = "chore: prints figures that depend on the machine"]
#[allow(clippy::print_stdout, reason = "it is what it is for")]
fn times_in_a_host() {
    if plugin().is_none() {
        return;
    }
    drop(Host::open(None, PORTS));
    let began = Instant::now();
    let mut host = Host::open(None, PORTS).expect("there is a plugin");
    println!("load, create and activate: {:?}", began.elapsed());

    // Four takes of 16 s.
    let settings = [(0, "Bars", 8.0), (0, "Swap At", 0.0), (0, "Seed", 7.0), (0, "Seed Mode", 1.0)];
    host.block(BLOCK, &settings);
    host.trigger("Generate");
    let began = Instant::now();
    let state = host.save();
    println!("first save of {} bytes: {:?}", state.len(), began.elapsed());
    let began = Instant::now();
    host.save();
    println!("next save: {:?}", began.elapsed());
    let began = Instant::now();
    host.load(&state);
    println!("load: {:?}", began.elapsed());

    let before = host.render(0.0, 16 * RATE_HZ as usize, BLOCK);
    host.beat = 0.0;
    host.block(BLOCK, &[(0, "Bass Regenerate", 0.0), (0, "Seed", 8.0)]);
    host.block(BLOCK, &[(0, "Bass Regenerate", 1.0)]);
    println!("first sound of a warm regenerate of 16 s: {:?}", first_new_sound(&mut host, 2, &before[2][0]));

    host.block(BLOCK, &[(0, "Seed", 9.0), (0, "Generate", 0.0)]);
    host.block(BLOCK, &[(0, "Generate", 1.0)]);
    std::thread::sleep(Duration::from_millis(300));
    let began = Instant::now();
    drop(host);
    println!("removal in mid-generation: {:?}", began.elapsed());

    // The worker is still loading the models.
    for milliseconds in [5, 20, 50, 100, 200] {
        let mut host = Host::open(None, PORTS).expect("there is a plugin");
        host.block(BLOCK, &[(0, "Generate", 0.0)]);
        host.block(BLOCK, &[(0, "Generate", 1.0)]);
        std::thread::sleep(Duration::from_millis(milliseconds));
        let began = Instant::now();
        drop(host);
        println!("removal {milliseconds} ms after the first generation began: {:?}", began.elapsed());
        // Abandoned threads end.
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// Processor time of this process in seconds; `None` where there is no `/proc`.
fn processor_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // Fields 14 and 15 are user and system time in hundredths of a second; the second field ends in a parenthesis.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / 100.0)
}

#[test]
#[ignore = "chore: prints figures that depend on the machine"]
#[allow(clippy::print_stdout, reason = "it is what it is for")]
fn cost_of_idle_instances() {
    const INSTANCES: u32 = 40;
    const SECONDS: u64 = 10;
    if plugin().is_none() {
        return;
    }
    let hosts: Vec<Host> = (0..INSTANCES).filter_map(|_| Host::open(None, PORTS)).collect();
    // Wait until the audio threads count as stopped.
    std::thread::sleep(Duration::from_secs(2));
    let before = processor_seconds();
    std::thread::sleep(Duration::from_secs(SECONDS));
    if let Some(seconds) = before.zip(processor_seconds()).map(|(before, after)| after - before) {
        let share = seconds / SECONDS as f64 / f64::from(INSTANCES);
        println!("an idle instance: {:.3} % of a core", 100.0 * share);
    }
    drop(hosts);
}

/// Length of a callback in audio frames, and the number of callbacks (`RESONANTGEN_CALLBACKS` overrides it).
const CALLBACK: usize = 64;
const CALLBACKS: u64 = 1_000_000;
/// Upper bounds of the histogram's columns in microseconds; the last but one is a callback's deadline.
const COLUMNS_US: [f64; 9] = [5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_333.0, f64::INFINITY];

/// Durations of callbacks.
#[derive(Default)]
struct Histogram {
    counts: [u64; COLUMNS_US.len()],
    longest_us: f64,
    sum_us: f64,
}

impl Histogram {
    fn add(&mut self, took: Duration) {
        let microseconds = took.as_secs_f64() * 1e6;
        let column = COLUMNS_US.iter().position(|end| microseconds < *end).unwrap_or(COLUMNS_US.len() - 1);
        self.counts[column] += 1;
        self.longest_us = self.longest_us.max(microseconds);
        self.sum_us += microseconds;
    }

    fn line(&self) -> String {
        let count: u64 = self.counts.iter().sum();
        let columns: Vec<String> =
            COLUMNS_US.iter().zip(self.counts).map(|(end, count)| format!("<{end}: {count}")).collect();
        let mean = self.sum_us / count.max(1) as f64;
        format!(
            "{count} callbacks, mean {mean:.1} us, longest {:.0} us; {}",
            self.longest_us,
            columns.join(", ")
        )
    }
}

/// Pause after each callback with realtime priority: a thread that never rests would be stopped by the system.
const REST: Duration = Duration::from_micros(20);

fn is_realtime() -> bool {
    std::env::var_os("RESONANTGEN_REALTIME").is_some()
}

/// Gives this thread realtime priority as a host's audio thread has it, or takes it away, if `RESONANTGEN_REALTIME` is set.
fn set_realtime(has_it: bool) {
    if !is_realtime() {
        return;
    }
    let thread = std::fs::read_link("/proc/thread-self").expect("threads have numbers here");
    let thread = thread.file_name().expect("a number").to_owned();
    let policy = if has_it { ["--rr", "--pid", "1"] } else { ["--other", "--pid", "0"] };
    let status = std::process::Command::new("chrt").args(policy).arg(thread).status();
    assert!(status.is_ok_and(|status| status.success()), "chrt cannot change the priority");
}

/// Plays all outputs and note events while a dial moves in every callback; `others` keep generating.
fn callbacks(host: &mut Host, others: &mut [Host], count: u64) -> (Histogram, u32) {
    /// Number of callbacks between looks at the other instances.
    const LOOK: u64 = 200;
    let dials = ["Drums Brightness", "Bass Intensity", "Harmony Swing", "Melody Humanise"];
    let (mut histogram, mut made) = (Histogram::default(), 0);
    let mut known: Vec<u32> = others.iter_mut().map(Host::dirty).collect();
    set_realtime(true);
    for number in 0..count {
        if number.is_multiple_of(LOOK) {
            for (other, known) in others.iter_mut().zip(&mut known) {
                let now = other.dirty();
                if number == 0 || now > *known {
                    made += u32::from(now > *known);
                    *known = now;
                    other.block(BLOCK, &[(0, "Generate", 0.0), (100, "Generate", 1.0)]);
                }
                other.block(BLOCK, &[]);
            }
        }
        let value = (number % 1_000) as f64 / 1_000.0;
        host.block(CALLBACK, &[(0, dials[number as usize % dials.len()], value)]);
        histogram.add(host.took);
        if is_realtime() {
            std::thread::sleep(REST);
        }
    }
    set_realtime(false);
    (histogram, made)
}

#[test]
#[ignore = "chore: prints figures that depend on the machine"]
#[allow(clippy::print_stdout, reason = "it is what it is for")]
fn callbacks_beside_four_instances() {
    let Some(state) = state() else { return };
    let count = std::env::var("RESONANTGEN_CALLBACKS")
        .map_or(CALLBACKS, |count| count.parse().expect("RESONANTGEN_CALLBACKS is a number"));
    let mut host = Host::open(Some(state), ALL_PORTS).expect("there is a plugin");
    let outputs = ["Drums Output", "Bass Output", "Harmony Output", "Melody Output"];
    host.block(BLOCK, &outputs.map(|name| (0, name, 2.0)));
    println!("alone: {}", callbacks(&mut host, &mut [], count).0.line());
    let mut others: Vec<Host> = (0..4).filter_map(|_| Host::open(None, PORTS)).collect();
    for other in &mut others {
        other.block(BLOCK, &[(0, "Bars", 8.0), (0, "Swap At", 0.0)]);
    }
    let (histogram, made) = callbacks(&mut host, &mut others, count);
    println!("beside four instances, which made {made} sessions: {}", histogram.line());
}

/// Resident memory of this process in megabytes; `None` where there is no `/proc`.
fn resident_megabytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<f64>().ok().map(|kilobytes| kilobytes / 1_024.0)
}

#[test]
#[ignore = "chore: prints figures that depend on the machine"]
#[allow(clippy::print_stdout, reason = "it is what it is for")]
fn sixteen_instances_with_takes() {
    const INSTANCES: usize = 16;
    /// Wait until the engine has released the memory of its generations.
    const RESTED: Duration = Duration::from_secs(6);
    if plugin().is_none() {
        return;
    }
    for rate_hz in [48_000.0, 44_100.0] {
        let mut hosts: Vec<Host> = Vec::new();
        let mut megabytes = Vec::new();
        for number in 0..INSTANCES {
            let began = Instant::now();
            let mut host = Host::open(None, PORTS).expect("there is a plugin");
            let opened = began.elapsed();
            host.start(rate_hz, clack_extensions::render::RenderMode::Realtime);
            let settings =
                [(0, "Bars", 8.0), (0, "Swap At", 0.0), (0, "Seed Mode", 1.0), (0, "Seed", number as f64)];
            host.block(BLOCK, &settings);
            host.trigger("Generate");
            hosts.push(host);
            if number == 0 || number + 1 == INSTANCES {
                std::thread::sleep(RESTED);
                megabytes.extend(resident_megabytes());
                println!("{rate_hz} Hz: instance {} opened in {opened:?}, {megabytes:.0?} MB", number + 1);
            }
        }
        drop(hosts);
        std::thread::sleep(RESTED);
        println!("{rate_hz} Hz: all closed, {:.0?} MB", resident_megabytes());
    }
}

#[test]
#[ignore = "chore: prints figures that depend on the machine"]
#[allow(clippy::print_stdout, reason = "it is what it is for")]
fn time_of_a_scan() {
    let Some(path) = plugin() else { return };
    let began = Instant::now();
    // SAFETY: the plugin is the one built from this repository.
    let entry = unsafe { clack_host::prelude::PluginEntry::load(&path) }.expect("the plugin can be loaded");
    let factory = entry.get_plugin_factory().expect("it makes plugins");
    let names: Vec<_> =
        factory.plugin_descriptors().filter_map(|plugin| Some(plugin.name()?.to_owned())).collect();
    println!("scan of {names:?}: {:?}", began.elapsed());
}
