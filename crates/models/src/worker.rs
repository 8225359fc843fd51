//! The engine's threads: how they yield to the host's audio, and return memory to the system.

use std::cell::Cell;
use std::thread::{Scope, ScopedJoinHandle};

thread_local! {
    static GIVES_WAY: Cell<bool> = const { Cell::new(false) };
}

/// Lowers the priority of the calling thread, and of all threads that the engine starts from it, below that of a host's
/// audio and window. Cannot be undone: meant for a thread that only generates.
///
/// Linux: niceness 10. macOS: the quality of service *utility*. Windows: *below normal*. Not realtime-safe.
///
/// # Errors
/// Returns the system's error if the priority cannot be changed; the thread then keeps its priority.
pub fn give_way() -> std::io::Result<()> {
    GIVES_WAY.set(true);
    lower_priority()
}

/// Returns freed memory to the system if the allocator would keep it (glibc). Takes some milliseconds, during which other
/// threads may wait to allocate; not realtime-safe.
pub fn give_memory_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the call only returns free pages; it is allowed at any time, from any thread.
    unsafe {
        libc::malloc_trim(0);
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn niceness() -> libc::c_int {
        // SAFETY: no memory is involved; 0 stands for the calling thread.
        unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) }
    }

    #[test]
    fn a_thread_that_gives_way_passes_it_on_and_others_do_not() {
        let of_helper = || std::thread::scope(|scope| spawn(scope, niceness).join().expect("it only asks"));
        let before = niceness();
        let polite = std::thread::spawn(move || {
            assert_eq!(of_helper(), before);
            give_way().expect("priorities may always be lowered");
            (niceness(), of_helper())
        });
        let (own, helper) = polite.join().expect("it only asks");
        assert_eq!((own, helper), (own.max(10), own));
        assert_eq!(niceness(), before);
    }
}
