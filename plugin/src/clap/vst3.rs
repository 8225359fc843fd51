//! The VST3 entry points. They are clap-wrapper's, compiled by the build script with renamed symbols and exported under the names
//! that hosts look for. They present [`crate::clap::entry::clap_entry`] as a VST3.

use std::ffi::c_void;

#[link(name = "clap_wrapper_vst3", kind = "static")]
unsafe extern "system" {
    fn clap_wrapper_GetPluginFactory() -> *mut c_void;
}

#[cfg(all(unix, not(target_os = "macos")))]
unsafe extern "C" {
    fn clap_wrapper_ModuleEntry(library: *mut c_void) -> bool;
    fn clap_wrapper_ModuleExit() -> bool;
}

#[cfg(target_os = "macos")]
unsafe extern "C" {
    fn clap_wrapper_bundleEntry(library: *mut c_void) -> bool;
    fn clap_wrapper_bundleExit() -> bool;
}

#[cfg(windows)]
unsafe extern "system" {
    fn clap_wrapper_InitDll() -> bool;
    fn clap_wrapper_ExitDll() -> bool;
}

/// The factory for the module's classes.
#[unsafe(no_mangle)]
pub extern "system" fn GetPluginFactory() -> *mut c_void {
    // SAFETY: VST3's own entry point; its only precondition is `ModuleEntry`, which the host calls first.
    unsafe { clap_wrapper_GetPluginFactory() }
}

/// Called once after loading.
///
/// # Safety
/// `library` must be the handle of this library.
#[cfg(all(unix, not(target_os = "macos")))]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ModuleEntry(library: *mut c_void) -> bool {
    // SAFETY: forwarded unchanged from the host.
    unsafe { clap_wrapper_ModuleEntry(library) }
}

/// Called once before unloading.
#[cfg(all(unix, not(target_os = "macos")))]
#[unsafe(no_mangle)]
pub extern "C" fn ModuleExit() -> bool {
    // SAFETY: the counterpart of `ModuleEntry`.
    unsafe { clap_wrapper_ModuleExit() }
}

/// Called once after loading.
///
/// # Safety
/// `library` must be this bundle's reference.
#[cfg(target_os = "macos")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bundleEntry(library: *mut c_void) -> bool {
    // SAFETY: forwarded unchanged from the host.
    unsafe { clap_wrapper_bundleEntry(library) }
}

/// Called once before unloading.
#[cfg(target_os = "macos")]
#[unsafe(no_mangle)]
pub extern "C" fn bundleExit() -> bool {
    // SAFETY: the counterpart of `bundleEntry`.
    unsafe { clap_wrapper_bundleExit() }
}

/// Called once after loading.
#[cfg(windows)]
#[unsafe(no_mangle)]
pub extern "system" fn InitDll() -> bool {
    // SAFETY: forwarded unchanged from the host.
    unsafe { clap_wrapper_InitDll() }
}

/// Called once before unloading.
#[cfg(windows)]
#[unsafe(no_mangle)]
pub extern "system" fn ExitDll() -> bool {
    // SAFETY: the counterpart of `InitDll`.
    unsafe { clap_wrapper_ExitDll() }
}
