//! The audio thread's side: the work in each block, the channel strips, the note output, and triggers of generations.

pub mod bars;
mod follow;
mod mixer;
mod notes;
mod process;
pub mod record;
mod trigger;

pub use process::{AUX_OUTPUTS, Processor};

/// Runs work of the audio thread, which must neither allocate nor free: debug builds with `assert_process_allocs` abort where it does.
pub fn realtime<T>(work: impl FnOnce() -> T) -> T {
    #[cfg(feature = "assert_process_allocs")]
    return nice_assert_no_alloc::assert_no_alloc(work);
    #[cfg(not(feature = "assert_process_allocs"))]
    work()
}
