//! What the engine asks of the operating system: threads that yield to the host's audio, threads that are audio, and memory that
//! goes back. Linux, macOS and Windows each have their own words for it; only this module knows them.
//!
//! | | Linux | macOS | Windows |
//! |---|---|---|---|
//! | [`give_way`] | niceness 10 | quality of service *utility* | priority *below normal* |
//! | [`become_audio`] | `SCHED_FIFO` | quality of service *user-interactive* | multimedia class scheduler, *Pro Audio* |
//! | [`give_memory_back`] | `malloc_trim` | `malloc_zone_pressure_relief` | `HeapCompact` |
//! | [`share_heaps`] | `mallopt` | nothing | nothing |
//!
//! Timers need no counterpart: Rust's standard library waits with a resolution of less than a millisecond on all three (on Windows
//! by high-resolution timers).

use std::cell::Cell;
use std::thread::{Scope, ScopedJoinHandle};

thread_local! {
    static GIVES_WAY: Cell<bool> = const { Cell::new(false) };
}

/// Lowers the priority of the calling thread, and of all threads that the engine starts from it, below that of a host's
/// audio and window. Cannot be undone: meant for a thread that only generates. Not realtime-safe.
///
/// # Errors
/// Returns the system's error if the priority cannot be changed; the thread then keeps its priority.
pub fn give_way() -> std::io::Result<()> {
    GIVES_WAY.set(true);
    lower_priority()
}

/// Gives the calling thread the priority of a host's audio thread, for measurements beside a host; returns whether the system
/// allowed it. Cannot be undone. Not realtime-safe.
#[must_use]
pub fn become_audio() -> bool {
    raise_priority()
}

/// Returns freed memory to the system, which allocators otherwise keep. Takes some milliseconds, during which other threads may
/// wait to allocate; not realtime-safe.
pub fn give_memory_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the call only returns free pages; it is allowed at any time, from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
    #[cfg(target_os = "macos")]
    {
        unsafe extern "C" {
            // malloc/malloc.h; a null zone stands for all of them, and a goal of 0 for as much as possible.
            fn malloc_zone_pressure_relief(zone: *mut libc::c_void, goal: usize) -> usize;
        }
        // SAFETY: the call only returns free pages; it is allowed at any time, from any thread.
        unsafe {
            malloc_zone_pressure_relief(std::ptr::null_mut(), 0);
        }
    }
    #[cfg(windows)]
    // SAFETY: the heap of the process lives as long as it, and serialises its callers.
    unsafe {
        use windows_sys::Win32::System::Memory;
        Memory::HeapCompact(Memory::GetProcessHeap(), 0);
    }
}

/// Lets the threads of this program share as many heaps as there are cores. The GNU C library gives eight times as many, and what one
/// of them has freed is not used by the others: making a song took 580 to 650 MB with them, and 500 to 540 MB without, at the same
/// speed. Candidates took a tenth longer, because threads wait for each other to allocate. Only for programs, and before they start
/// threads: a plugin must leave its host's allocator alone.
pub fn share_heaps() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        // SAFETY: the call sets a limit; it is allowed at any time.
        unsafe {
            libc::mallopt(libc::M_ARENA_MAX, i32::try_from(cores).unwrap_or(i32::MAX).max(2));
        }
    }
}

/// Starts a thread in `scope` that has the low priority of its parent, if set.
pub(crate) fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> ScopedJoinHandle<'scope, T> {
    let gives_way = GIVES_WAY.get();
    scope.spawn(move || {
        if gives_way {
            // On Linux the niceness is inherited; on other systems a refusal can be ignored.
            let _ = give_way();
        }
        work()
    })
}

#[cfg(target_os = "linux")]
fn lower_priority() -> std::io::Result<()> {
    const NICENESS: libc::c_int = 10;
    // SAFETY: no memory is involved; on Linux, 0 stands for the calling thread alone.
    match unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

#[cfg(target_os = "macos")]
fn lower_priority() -> std::io::Result<()> {
    // SAFETY: no memory is involved; the call concerns the calling thread.
    match unsafe { libc::pthread_set_qos_class_self_np(libc::qos_class_t::QOS_CLASS_UTILITY, 0) } {
        0 => Ok(()),
        code => Err(std::io::Error::from_raw_os_error(code)),
    }
}

#[cfg(windows)]
fn lower_priority() -> std::io::Result<()> {
    use windows_sys::Win32::System::Threading;
    // SAFETY: no memory is involved; the pseudo handle stands for the calling thread.
    let done = unsafe {
        Threading::SetThreadPriority(Threading::GetCurrentThread(), Threading::THREAD_PRIORITY_BELOW_NORMAL)
    };
    if done == 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn lower_priority() -> std::io::Result<()> {
    Ok(())
}

#[cfg(target_os = "linux")]
fn raise_priority() -> bool {
    const PRIORITY: libc::c_int = 70;
    // SAFETY: all zeros is a valid value of this plain structure.
    let mut parameters: libc::sched_param = unsafe { std::mem::zeroed() };
    parameters.sched_priority = PRIORITY;
    // SAFETY: the pointer is valid for the call; 0 stands for the calling thread.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &parameters) == 0 }
}

#[cfg(target_os = "macos")]
fn raise_priority() -> bool {
    // SAFETY: no memory is involved; the call concerns the calling thread.
    unsafe { libc::pthread_set_qos_class_self_np(libc::qos_class_t::QOS_CLASS_USER_INTERACTIVE, 0) == 0 }
}

#[cfg(windows)]
fn raise_priority() -> bool {
    use windows_sys::Win32::System::Threading::AvSetMmThreadCharacteristicsW;
    let task: Vec<u16> = "Pro Audio\0".encode_utf16().collect();
    let mut index = 0;
    // SAFETY: the name is terminated, and both pointers are valid for the call.
    let handle = unsafe { AvSetMmThreadCharacteristicsW(task.as_ptr(), &mut index) };
    !handle.is_null()
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn raise_priority() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How much the calling thread gives way: more is less urgent.
    #[cfg(target_os = "linux")]
    fn yielding() -> i32 {
        // SAFETY: no memory is involved; 0 stands for the calling thread.
        unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) }
    }

    #[cfg(target_os = "macos")]
    fn yielding() -> i32 {
        let (mut class, mut relative) = (libc::qos_class_t::QOS_CLASS_UNSPECIFIED, 0);
        // SAFETY: both pointers are valid for the call, which concerns the calling thread.
        unsafe { libc::pthread_get_qos_class_np(libc::pthread_self(), &mut class, &mut relative) };
        -(class as i32)
    }

    #[cfg(windows)]
    fn yielding() -> i32 {
        use windows_sys::Win32::System::Threading::{GetCurrentThread, GetThreadPriority};
        // SAFETY: no memory is involved; the pseudo handle stands for the calling thread.
        -unsafe { GetThreadPriority(GetCurrentThread()) }
    }

    #[test]
    fn a_thread_that_gives_way_passes_it_on_and_others_do_not() {
        let of_helper = || std::thread::scope(|scope| spawn(scope, yielding).join().expect("it only asks"));
        let before = yielding();
        let polite = std::thread::spawn(move || {
            assert_eq!(of_helper(), before);
            give_way().expect("priorities may always be lowered");
            (yielding(), of_helper())
        });
        let (own, helper) = polite.join().expect("it only asks");
        // The tests themselves may run at a low priority.
        assert!(own > before || before >= 10, "{before} became {own}");
        assert_eq!(helper, own);
        assert_eq!(yielding(), before);
    }

    #[test]
    fn a_thread_may_ask_to_be_audio_and_others_stay_as_they_are() {
        let before = yielding();
        // Whether it is allowed depends on the system's limits.
        let asked = std::thread::spawn(become_audio);
        asked.join().expect("it only asks");
        assert_eq!(yielding(), before);
    }

    #[test]
    fn memory_can_be_given_back_at_any_time() {
        let kept = vec![7_u8; 1 << 20];
        drop(vec![1_u8; 64 << 20]);
        give_memory_back();
        assert!(kept.iter().all(|byte| *byte == 7));
    }
}
