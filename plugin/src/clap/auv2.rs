//! The Audio Unit's entry point: clap-wrapper's, under the name that the bundle's property list gives
//! (`xtask/src/bundle/macos.rs`). It presents [`crate::clap::entry::clap_entry`] as an Audio Unit.

use std::ffi::c_void;

#[link(name = "clap_wrapper_auv2", kind = "static")]
unsafe extern "C" {
    fn wrapAsAUV2_inst0Factory(description: *const c_void) -> *mut c_void;
}

/// Makes an instance.
///
/// # Safety
/// `description` is an `AudioComponentDescription`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn GetPluginFactoryAUV2(description: *const c_void) -> *mut c_void {
    // SAFETY: passed on as the host gave it.
    unsafe { wrapAsAUV2_inst0Factory(description) }
}
