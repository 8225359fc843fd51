//! Instances that are created and removed, also while generating, leave nothing behind. A separate process, because it checks
//! the process's memory and threads.

#[path = "clap_host/host.rs"]
#[allow(dead_code, reason = "the other host tests use more of it")]
mod host;

use resonantgen_tests::skip::skip;

use host::{BLOCK, Host, PORTS};

/// Number of instances created and removed; `RESONANTGEN_LIFETIMES` overrides it.
const LIFETIMES: u32 = 60;
/// Number of these before memory is first measured, so that models, allocator and runtime settle.
const SETTLING: usize = 8;
/// Number of instances after which memory is measured, at first and at last. The least counts: cancelled generations that have not
/// ended yet, and heaps that are about to be returned, come and go by 10 MB and more.
const MEASURED: usize = 12;
/// Growth that is not a leak: a constant that the allocator keeps, and a little per instance. A take of one
/// bar alone is 0.8 MB.
const NOISE_KB: u64 = 16_000;
const SLACK_KB: u64 = 100;

/// A line of `/proc/self/status`, as a number; `None` where there is no such file.
fn status(what: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

#[test]
fn instances_leave_nothing_behind() {
    if host::plugin().is_none() {
        return;
    }
    let lifetimes = std::env::var("RESONANTGEN_LIFETIMES")
        .map_or(LIFETIMES, |count| count.parse().expect("RESONANTGEN_LIFETIMES is a number"));
    // One instance stays, as in a project, and keeps the models loaded.
    let mut first = Host::open(None, PORTS).expect("there is a plugin");
    let settings = |seed: u32| {
        [(0, "Bars", 1.0), (0, "Swap At", 0.0), (0, "Seed Mode", 1.0), (0, "Seed", f64::from(seed))]
    };
    first.block(BLOCK, &settings(1));
    first.trigger("Generate");
    let state = first.save();
    let (mut threads, mut memory_kb) = (Vec::new(), Vec::new());
    for lifetime in 0..lifetimes {
        let mut host = Host::open(Some(&state), PORTS).expect("there is a plugin");
        host.block(BLOCK, &settings(2 + lifetime));
        if lifetime % 2 == 0 {
            host.trigger("Generate");
        } else {
            host.block(BLOCK, &[(0, "Generate", 0.0), (100, "Generate", 1.0)]);
            host.block(BLOCK, &[]);
        }
        drop(host);
        threads.extend(status("Threads"));
        memory_kb.extend(status("VmRSS"));
    }
    if memory_kb.is_empty() {
        return skip("this system has no /proc/self/status");
    }
    assert!(memory_kb.len() >= SETTLING + 2 * MEASURED, "too few instances to compare");
    assert_eq!(threads.last(), threads.get(SETTLING), "threads are left behind");
    let (first, last) = (&memory_kb[SETTLING..SETTLING + MEASURED], &memory_kb[memory_kb.len() - MEASURED..]);
    let (least_kb, least_now_kb) = (first.iter().min(), last.iter().min());
    let between = (memory_kb.len() - SETTLING - MEASURED) as u64;
    let allowed_kb = least_kb.map(|least| least + NOISE_KB + between * SLACK_KB);
    assert!(least_now_kb <= allowed_kb.as_ref(), "{least_kb:?} kB became {least_now_kb:?} kB");
}
