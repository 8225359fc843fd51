//! Tests that cannot run here say so: a skipped test is never mistaken for one that passed.

use std::io::Write as _;

/// Writes `skipped: TEST: WHY` for the running test, which then returns. `cargo xtask test` counts these lines.
///
/// # Panics
/// Where `CI` is set: a machine that is there to test must have what the tests need.
#[track_caller]
pub fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "this test cannot run here, a failure where CI is set: {why}");
    leave_out(why);
}

/// As [`skip`], for what somebody left out on purpose (`cargo xtask test --no-hosts`): no failure anywhere.
pub fn leave_out(why: &str) {
    let thread = std::thread::current();
    let line = format!("skipped: {}: {why}\n", thread.name().unwrap_or("?"));
    // At once, and not by `eprintln!`, which the test harness keeps to itself while tests pass.
    let _ = std::io::stderr().write_all(line.as_bytes());
}
