//! Skipped tests report themselves, so that they are never mistaken for passed ones.

use std::io::Write as _;

/// Writes `skipped: TEST: WHY` for the running test, which then returns. `cargo xtask test` counts these lines.
///
/// # Panics
/// Panics if `CI` is set: a CI machine must have what the tests need.
#[track_caller]
pub fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "this test cannot run here, a failure where CI is set: {why}");
    leave_out(why);
}

/// As [`skip`], for tests that were excluded deliberately (`cargo xtask test --no-hosts`): never a failure.
pub fn leave_out(why: &str) {
    let thread = std::thread::current();
    let line = format!("skipped: {}: {why}\n", thread.name().unwrap_or("?"));
    // Written directly, because the test harness hides the output of `eprintln!` while tests pass.
    let _ = std::io::stderr().write_all(line.as_bytes());
}
