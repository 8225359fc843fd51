//! What a measurement depends on: the machine, its memory, and the resources used by this process.

use std::time::Instant;

use serde::{Deserialize, Serialize};

/// The machine of a measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    pub inference_threads: usize,
    pub system: String,
    pub architecture: String,
    /// Built with optimisation.
    pub optimised: bool,
}

impl Machine {
    pub fn this(inference_threads: usize) -> Self {
        let description = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = description
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
            .map_or("unknown processor", |(_, name)| name.trim());
        Self {
            processor: processor.to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            inference_threads,
            system: std::env::consts::OS.to_owned(),
            architecture: std::env::consts::ARCH.to_owned(),
            optimised: !cfg!(debug_assertions),
        }
    }
}

/// Seconds that one core takes to read a byte from memory, measured by summing a buffer larger than any cache; the best of
/// several tries. A network that is read from memory at each step cannot be faster than its size in bytes times this.
pub fn read_seconds_per_byte() -> f64 {
    const BYTES: usize = 256 << 20;
    let words = vec![1u64; BYTES / 8];
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        std::hint::black_box(words.iter().fold(0u64, |sum, word| sum.wrapping_add(*word)));
        best = best.min(start.elapsed().as_secs_f64());
    }
    best / BYTES as f64
}

/// Processor seconds (user and system) of this process so far; `None` where the system does not report them.
pub fn processor_seconds() -> Option<f64> {
    #[cfg(unix)]
    {
        let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: the pointer is valid for one `rusage`, which the call fills.
        let done = unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) };
        if done != 0 {
            return None;
        }
        // SAFETY: the call succeeded, and all zeros is a valid value anyway.
        let usage = unsafe { usage.assume_init() };
        let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 * 1e-6;
        Some(seconds(usage.ru_utime) + seconds(usage.ru_stime))
    }
    #[cfg(not(unix))]
    None
}

/// Resident memory of this process in megabytes, current and peak; `None` where the system does not report it.
pub fn resident_megabytes() -> Option<(f64, f64)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let field = |name: &str| {
        let text = status.lines().find_map(|line| line.strip_prefix(name))?;
        text.split_whitespace().next()?.parse::<f64>().ok().map(|kilobytes| kilobytes / 1024.0)
    };
    Some((field("VmRSS:")?, field("VmHWM:")?))
}
