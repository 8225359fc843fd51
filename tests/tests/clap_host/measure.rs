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
