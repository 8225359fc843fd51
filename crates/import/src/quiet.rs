//! Suppresses the panic message where decoder panics are caught.

use std::cell::Cell;
use std::panic;
use std::sync::Once;

thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `call` with the panic hook silenced on this thread. Panics on other threads are still printed.
pub(super) fn without_report<T>(call: impl FnOnce() -> T) -> T {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            // The flag is unavailable while the thread is ending.
            if !IS_QUIET.try_with(Cell::get).unwrap_or(false) {
                report(panic);
            }
        }));
    });
    let before = IS_QUIET.replace(true);
    let result = call();
    IS_QUIET.set(before);
    result
}
