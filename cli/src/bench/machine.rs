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
        Self {
            processor: processor().unwrap_or_else(|| "unknown processor".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            inference_threads,
            system: std::env::consts::OS.to_owned(),
            architecture: std::env::consts::ARCH.to_owned(),
            optimised: !cfg!(debug_assertions),
        }
    }
}

/// Name of the processor, as reported by the system.
fn processor() -> Option<String> {
    if cfg!(windows) {
        return std::env::var("PROCESSOR_IDENTIFIER").ok();
    }
    if cfg!(target_os = "macos") {
        let told =
            std::process::Command::new("sysctl").args(["-n", "machdep.cpu.brand_string"]).output().ok()?;
        return Some(String::from_utf8_lossy(&told.stdout).trim().to_owned()).filter(|name| !name.is_empty());
    }
    let description = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let name = description.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map(|(_, name)| name.trim().to_owned())
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
    #[cfg(windows)]
    {
        use windows_sys::Win32::Foundation::FILETIME;
        use windows_sys::Win32::System::Threading::{GetCurrentProcess, GetProcessTimes};

        const NEVER: FILETIME = FILETIME { dwLowDateTime: 0, dwHighDateTime: 0 };
        let [mut created, mut ended, mut kernel, mut user] = [NEVER; 4];
        // SAFETY: the pointers are valid for the call; the pseudo handle stands for this process.
        let done =
            unsafe { GetProcessTimes(GetCurrentProcess(), &mut created, &mut ended, &mut kernel, &mut user) };
        // In tenths of a microsecond.
        let seconds = |time: FILETIME| {
            ((u64::from(time.dwHighDateTime) << 32) | u64::from(time.dwLowDateTime)) as f64 * 1e-7
        };
        (done != 0).then(|| seconds(kernel) + seconds(user))
    }
    #[cfg(not(any(unix, windows)))]
    None
}

/// Resident memory of this process in megabytes, current and peak; `None` where the system does not report it.
#[cfg(windows)]
pub fn resident_megabytes() -> Option<(f64, f64)> {
    use windows_sys::Win32::System::ProcessStatus::{K32GetProcessMemoryInfo, PROCESS_MEMORY_COUNTERS};
    use windows_sys::Win32::System::Threading::GetCurrentProcess;

    let mut counters = PROCESS_MEMORY_COUNTERS::default();
    let size = size_of::<PROCESS_MEMORY_COUNTERS>() as u32;
    // SAFETY: the structure has the stated size; the pseudo handle stands for this process.
    let done = unsafe { K32GetProcessMemoryInfo(GetCurrentProcess(), &mut counters, size) };
    let megabytes = |bytes: usize| bytes as f64 / f64::from(1 << 20);
    (done != 0).then(|| (megabytes(counters.WorkingSetSize), megabytes(counters.PeakWorkingSetSize)))
}

/// Resident memory of this process in megabytes, current and peak; `None` where the system does not report it.
#[cfg(not(windows))]
pub fn resident_megabytes() -> Option<(f64, f64)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let field = |name: &str| {
        let text = status.lines().find_map(|line| line.strip_prefix(name))?;
        text.split_whitespace().next()?.parse::<f64>().ok().map(|kilobytes| kilobytes / 1024.0)
    };
    Some((field("VmRSS:")?, field("VmHWM:")?))
}

/// Lets the peak of [`resident_megabytes`] start again at what is resident now, which is returned; `None` where the system cannot.
pub fn restart_peak() -> Option<f64> {
    if cfg!(target_os = "linux") {
        // proc_pid_clear_refs(5): 5 resets the peak of the resident set.
        std::fs::write("/proc/self/clear_refs", "5").ok()?;
        return resident_megabytes().map(|(now, _)| now);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells_of_the_processor_and_of_this_process() {
        let machine = Machine::this(1);
        assert!(machine.cores >= 1);
        if cfg!(any(target_os = "linux", windows)) {
            assert!(processor_seconds().is_some_and(|seconds| seconds >= 0.0));
            let (now, peak) = resident_megabytes().expect("it is told");
            assert!(now > 0.5 && peak >= now, "{now} MB of {peak} MB");
        }
        if cfg!(windows) {
            assert_ne!(machine.processor, "unknown processor");
        }
    }
}
