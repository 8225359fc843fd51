//! The VST3 in Steinberg's validator (`tests/hosts/vst3_validator.cpp`), on Linux and Windows.
#![cfg(steinberg_validator)]
#![allow(clippy::duplicated_attributes, reason = "each library has its own kind")]

use std::ffi::{CString, c_char, c_int};

use resonantgen_tests::needs;

#[link(name = "steinberg_validator", kind = "static")]
#[cfg_attr(target_os = "linux", link(name = "stdc++"))]
#[cfg_attr(windows, link(name = "stdc++", kind = "static", modifiers = "-bundle"))]
#[cfg_attr(windows, link(name = "shell32"), link(name = "ole32"), link(name = "uuid"), link(name = "user32"))]
unsafe extern "C" {
    fn resonantgen_validate_vst3(path: *const c_char, class_id: *const c_char) -> c_int;
}

/// The class id in a preset's file: hosts offer a preset to the plugin whose id it names.
fn class_id_of_presets(plugins: &std::path::Path) -> CString {
    const PLACE: std::ops::Range<usize> = 8..40;
    let presets = std::fs::read_dir(plugins.join("vst3-presets")).expect("the presets lie beside the bundle");
    let preset = presets.flatten().next().expect("there are presets").path();
    let bytes = std::fs::read(preset).expect("a preset");
    CString::new(&bytes[PLACE]).expect("hexadecimal digits")
}

#[test]
fn steinbergs_validator_finds_nothing() {
    let Some(plugins) = needs::plugins() else { return };
    let bundle = plugins.join("ResonantGen.vst3");
    // The SDK takes UTF-8 on all systems.
    let path = CString::new(bundle.to_str().expect("a plain path")).expect("no NUL in it");
    let class_id = class_id_of_presets(&plugins);
    // SAFETY: terminated strings that live for the call; the bundle is the one that this repository has built.
    let failed = unsafe { resonantgen_validate_vst3(path.as_ptr(), class_id.as_ptr()) };
    assert_eq!(failed, 0, "its output names the tests that failed");
}
