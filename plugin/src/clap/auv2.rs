//! The Audio Unit entry point. It is clap-wrapper's, exported under the name given in the bundle's property list
//! (`xtask/src/bundle/macos.rs`), and presents [`crate::clap::entry::clap_entry`] as an Audio Unit.

use std::ffi::c_void;

#[link(name = "clap_wrapper_auv2", kind = "static")]
unsafe extern "C" {
    fn wrapAsAUV2_inst0Factory(description: *const c_void) -> *mut c_void;
}

/// Creates an instance.
///
/// # Safety
/// `description` must point to an `AudioComponentDescription`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn GetPluginFactoryAUV2(description: *const c_void) -> *mut c_void {
    // SAFETY: forwarded unchanged from the host.
    unsafe { wrapAsAUV2_inst0Factory(description) }
}
