//! The VST3 under the tests of Steinberg's validator (`tests/hosts/vst3_validator.cpp`), on Linux.
#![cfg(steinberg_validator)]

use std::ffi::{CString, c_char, c_int};
use std::os::unix::ffi::OsStrExt;

use resonantgen_tests::needs;

#[link(name = "steinberg_validator", kind = "static")]
#[link(name = "stdc++")]
unsafe extern "C" {
    fn resonantgen_validate_vst3(path: *const c_char) -> c_int;
}

#[test]
fn steinbergs_validator_finds_nothing() {
    let Some(plugins) = needs::plugins() else { return };
    let bundle = plugins.join("ResonantGen.vst3");
    let path = CString::new(bundle.as_os_str().as_bytes()).expect("no NUL in it");
    // SAFETY: a terminated string that lives for the call; the bundle is the one that this repository has built.
    let failed = unsafe { resonantgen_validate_vst3(path.as_ptr()) };
    assert_eq!(failed, 0, "its output names the tests that failed");
}
