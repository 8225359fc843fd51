//! The CLAP GUI extension, which is always offered.
//!
//! Some hosts (qtractor) probe a plugin with a dummy host and remember which extensions it had. If `clap.gui` were hidden then,
//! it would stay hidden. It is therefore always offered, and `create` fails if the host or the plugin lacks a GUI.

use std::ffi::{c_char, c_void};

use clap_sys::ext::gui::{CLAP_EXT_GUI, clap_gui_resize_hints, clap_plugin_gui, clap_window};
use clap_sys::plugin::clap_plugin;

use super::shim;

/// The GUI extension.
pub static GUI: clap_plugin_gui = clap_plugin_gui {
    is_api_supported: Some(is_api_supported),
    get_preferred_api: Some(get_preferred_api),
    create: Some(create),
    destroy: Some(destroy),
    set_scale: Some(set_scale),
    get_size: Some(get_size),
    can_resize: Some(can_resize),
    get_resize_hints: Some(get_resize_hints),
    adjust_size: Some(adjust_size),
    set_size: Some(set_size),
    set_parent: Some(set_parent),
    set_transient: Some(set_transient),
    suggest_title: Some(suggest_title),
    show: Some(show),
    hide: Some(hide),
};

/// The framework's own GUI extension; `None` if it has no editor.
///
/// # Safety
/// `inner` must be the framework's plugin.
unsafe fn inner_gui<'a>(inner: *const clap_plugin) -> Option<&'a clap_plugin_gui> {
    // SAFETY: guaranteed by the caller; the extension belongs to the framework's plugin.
    unsafe {
        let gui: *const c_void = (*inner).get_extension?(inner, CLAP_EXT_GUI.as_ptr());
        gui.cast::<clap_plugin_gui>().as_ref()
    }
}

/// Functions that forward a call to the framework's plugin. They do nothing if it has no editor.
macro_rules! pass_on {
    ($($name:ident($($argument:ident: $type:ty),*) $(-> $answer:ty)?;)*) => {$(
        unsafe extern "C" fn $name(plugin: *const clap_plugin $(, $argument: $type)*) $(-> $answer)? {
            // SAFETY: called by the host on its main thread while the plugin lives, with arguments valid under CLAP's rules.
            unsafe {
                let inner = shim::inner(plugin);
                inner_gui(inner)
                    .and_then(|gui| gui.$name)
                    .map(|function| function(inner $(, $argument)*))
                    .unwrap_or_default()
            }
        }
    )*};
}

pass_on! {
    is_api_supported(api: *const c_char, is_floating: bool) -> bool;
    get_preferred_api(api: *mut *const c_char, is_floating: *mut bool) -> bool;
    destroy();
    set_scale(scale: f64) -> bool;
    get_size(width: *mut u32, height: *mut u32) -> bool;
    can_resize() -> bool;
    get_resize_hints(hints: *mut clap_gui_resize_hints) -> bool;
    adjust_size(width: *mut u32, height: *mut u32) -> bool;
    set_size(width: u32, height: u32) -> bool;
    set_parent(window: *const clap_window) -> bool;
    set_transient(window: *const clap_window) -> bool;
    suggest_title(title: *const c_char);
    show() -> bool;
    hide() -> bool;
}

unsafe extern "C" fn create(plugin: *const clap_plugin, api: *const c_char, is_floating: bool) -> bool {
    // SAFETY: as in `pass_on`. The framework unwraps the host's GUI extension, which it looked up in `init`.
    unsafe {
        let inner = shim::inner(plugin);
        shim::host_has_gui(plugin)
            && inner_gui(inner)
                .and_then(|gui| gui.create)
                .is_some_and(|create| create(inner, api, is_floating))
    }
}
