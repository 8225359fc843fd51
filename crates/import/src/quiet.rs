//! Panics that are caught and told as errors, without the report that Rust writes of each.

use std::cell::Cell;
use std::panic;
use std::sync::Once;

thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Calls something that may panic and catches it, so that nothing is written of a panic on this thread. The hook that reports
/// panics elsewhere stays.
pub(super) fn without_report<T>(call: impl FnOnce() -> T) -> T {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            // A thread that ends has no flag any more.
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
