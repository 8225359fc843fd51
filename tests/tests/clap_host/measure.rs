//! How long things take in a host: printed, not asserted. Run with `-- --ignored --nocapture times_in_a_host`.

use std::time::{Duration, Instant};

use crate::host::{BLOCK, Host, PORTS, RATE_HZ, plugin};

/// Real time of a block.
const BLOCK_TIME: Duration = Duration::from_micros((BLOCK as f64 / RATE_HZ * 1e6) as u64);

/// Plays in real time until a stem sounds otherwise than `before` did at the same place; returns when.
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

    // Nothing is loaded now: the worker is in the middle of that.
    for milliseconds in [5, 20, 50, 100, 200] {
        let mut host = Host::open(None, PORTS).expect("there is a plugin");
        host.block(BLOCK, &[(0, "Generate", 0.0)]);
        host.block(BLOCK, &[(0, "Generate", 1.0)]);
        std::thread::sleep(Duration::from_millis(milliseconds));
        let began = Instant::now();
        drop(host);
        println!("removal {milliseconds} ms after the first generation began: {:?}", began.elapsed());
        // What was left behind ends.
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
    // Until the audio threads count as stopped.
    std::thread::sleep(Duration::from_secs(2));
    let before = processor_seconds();
    std::thread::sleep(Duration::from_secs(SECONDS));
    if let Some(seconds) = before.zip(processor_seconds()).map(|(before, after)| after - before) {
        let share = seconds / SECONDS as f64 / f64::from(INSTANCES);
        println!("an idle instance: {:.3} % of a core", 100.0 * share);
    }
    drop(hosts);
}
