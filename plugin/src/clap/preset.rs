//! Preset discovery and loading for CLAP hosts.
//!
//! Factory presets are files among the plugin's resources; the user's presets are files in [`crate::preset::folder`]. If the
//! resources are missing, the factory presets built into the plugin are offered by name instead. This is only the fallback,
//! because clap-validator 0.4.1 deadlocks at the first preset with a key. Loading a preset sets the prompt and the settings and
//! generates nothing; the takes stay.

use std::ffi::{CStr, CString, c_char, c_void};
use std::path::Path;

use clap_sys::ext::preset_load::{CLAP_EXT_PRESET_LOAD, clap_host_preset_load, clap_plugin_preset_load};
use clap_sys::factory::preset_discovery::{
    CLAP_PRESET_DISCOVERY_IS_FACTORY_CONTENT, CLAP_PRESET_DISCOVERY_IS_USER_CONTENT,
    CLAP_PRESET_DISCOVERY_LOCATION_FILE, CLAP_PRESET_DISCOVERY_LOCATION_PLUGIN,
    clap_preset_discovery_factory, clap_preset_discovery_filetype, clap_preset_discovery_indexer,
    clap_preset_discovery_location, clap_preset_discovery_location_kind,
    clap_preset_discovery_metadata_receiver, clap_preset_discovery_provider,
    clap_preset_discovery_provider_descriptor,
};
use clap_sys::plugin::clap_plugin;
use clap_sys::stream::clap_istream;
use clap_sys::universal_plugin_id::clap_universal_plugin_id;
use clap_sys::version::CLAP_VERSION;
use nice_plug::prelude::ClapPlugin;

use crate::ResonantGen;
use crate::clap::shim;
use crate::control::location;
use crate::preset::{self, Preset};

const PROVIDER_ID: &CStr = c"org.resonantgen.resonantgen.presets";

/// The factory through which hosts discover presets.
pub static DISCOVERY: clap_preset_discovery_factory = clap_preset_discovery_factory {
    count: Some(count),
    get_descriptor: Some(get_descriptor),
    create: Some(create),
};

/// The extension through which hosts load presets.
pub static LOAD: clap_plugin_preset_load = clap_plugin_preset_load { from_location: Some(from_location) };

static DESCRIPTOR: clap_preset_discovery_provider_descriptor = clap_preset_discovery_provider_descriptor {
    clap_version: CLAP_VERSION,
    id: PROVIDER_ID.as_ptr(),
    name: c"ResonantGen presets".as_ptr(),
    vendor: c"ResonantGen".as_ptr(),
};

unsafe extern "C" fn count(_factory: *const clap_preset_discovery_factory) -> u32 {
    1
}

unsafe extern "C" fn get_descriptor(
    _factory: *const clap_preset_discovery_factory,
    index: u32,
) -> *const clap_preset_discovery_provider_descriptor {
    if index == 0 { &raw const DESCRIPTOR } else { std::ptr::null() }
}

/// A provider created for a host. `provider` comes first, so a pointer to it is also a pointer to the `Provider`.
#[repr(C)]
struct Provider {
    provider: clap_preset_discovery_provider,
    indexer: *const clap_preset_discovery_indexer,
}

unsafe extern "C" fn create(
    _factory: *const clap_preset_discovery_factory,
    indexer: *const clap_preset_discovery_indexer,
    id: *const c_char,
) -> *const clap_preset_discovery_provider {
    // SAFETY: the host passes null or a terminated string.
    if indexer.is_null() || id.is_null() || unsafe { CStr::from_ptr(id) } != PROVIDER_ID {
        return std::ptr::null();
    }
    let provider = clap_preset_discovery_provider {
        desc: &raw const DESCRIPTOR,
        provider_data: std::ptr::null_mut(),
        init: Some(init),
        destroy: Some(destroy),
        get_metadata: Some(get_metadata),
        get_extension: Some(get_extension),
    };
    Box::into_raw(Box::new(Provider { provider, indexer })).cast::<clap_preset_discovery_provider>()
}

unsafe extern "C" fn destroy(provider: *const clap_preset_discovery_provider) {
    // SAFETY: the host's last call with what `create` returned.
    drop(unsafe { Box::from_raw(provider.cast::<Provider>().cast_mut()) });
}

unsafe extern "C" fn get_extension(
    _provider: *const clap_preset_discovery_provider,
    _id: *const c_char,
) -> *const c_void {
    std::ptr::null()
}

/// Declares where the presets are.
unsafe extern "C" fn init(provider: *const clap_preset_discovery_provider) -> bool {
    // SAFETY: what `create` returned; the host's indexer outlives it.
    let (indexer, host) = unsafe {
        let indexer = (*provider.cast::<Provider>()).indexer;
        (indexer, &*indexer)
    };
    let (Some(declare_filetype), Some(declare_location)) = (host.declare_filetype, host.declare_location)
    else {
        return false;
    };
    let filetype = clap_preset_discovery_filetype {
        name: c"ResonantGen preset".as_ptr(),
        description: c"A prompt with settings".as_ptr(),
        file_extension: c"json".as_ptr(),
    };
    let path_of = |folder: &Path| CString::new(folder.to_string_lossy().as_bytes()).ok();
    let shipped = location::presets().and_then(|folder| path_of(&folder));
    let factory = clap_preset_discovery_location {
        flags: CLAP_PRESET_DISCOVERY_IS_FACTORY_CONTENT,
        name: c"Factory".as_ptr(),
        kind: if shipped.is_some() {
            CLAP_PRESET_DISCOVERY_LOCATION_FILE
        } else {
            CLAP_PRESET_DISCOVERY_LOCATION_PLUGIN
        },
        location: shipped.as_ref().map_or(std::ptr::null(), |path| path.as_ptr()),
    };
    // SAFETY: the host's functions, with structures that outlive the calls.
    let declared = unsafe { declare_filetype(indexer, &filetype) && declare_location(indexer, &factory) };
    // Hosts only watch a folder that exists.
    let folder =
        preset::folder().filter(|folder| folder.is_absolute() && std::fs::create_dir_all(folder).is_ok());
    let Some(folder) = folder.and_then(|folder| path_of(&folder)) else { return declared };
    let user = clap_preset_discovery_location {
        flags: CLAP_PRESET_DISCOVERY_IS_USER_CONTENT,
        name: c"Your presets".as_ptr(),
        kind: CLAP_PRESET_DISCOVERY_LOCATION_FILE,
        location: folder.as_ptr(),
    };
    // SAFETY: as above.
    declared && unsafe { declare_location(indexer, &user) }
}

/// Reports the presets at a location. A file that is not one of our presets is not an error; it contains none.
unsafe extern "C" fn get_metadata(
    _provider: *const clap_preset_discovery_provider,
    kind: clap_preset_discovery_location_kind,
    location: *const c_char,
    receiver: *const clap_preset_discovery_metadata_receiver,
) -> bool {
    if receiver.is_null() {
        return false;
    }
    // SAFETY: the host passes null or a terminated string, and a receiver that is valid for this call.
    unsafe {
        match kind {
            CLAP_PRESET_DISCOVERY_LOCATION_PLUGIN => {
                preset::factory().iter().all(|preset| tell(receiver, preset, true))
            }
            CLAP_PRESET_DISCOVERY_LOCATION_FILE => path(location)
                .is_some_and(|path| preset::read(path).is_none_or(|preset| tell(receiver, &preset, false))),
            _ => false,
        }
    }
}

/// Reports one preset to the host. Returns whether the host wants more.
///
/// # Safety
/// `receiver` must be a receiver passed by the host.
unsafe fn tell(
    receiver: *const clap_preset_discovery_metadata_receiver,
    preset: &Preset,
    has_key: bool,
) -> bool {
    let (Ok(name), Ok(prompt), Ok(style)) = (
        CString::new(preset.name.as_str()),
        CString::new(preset.prompt.as_str()),
        CString::new(preset.style.as_str()),
    ) else {
        return true;
    };
    let id = CString::new(ResonantGen::CLAP_ID).expect("the id contains no NUL byte");
    let plugin = clap_universal_plugin_id { abi: c"clap".as_ptr(), id: id.as_ptr() };
    let key = if has_key { name.as_ptr() } else { std::ptr::null() };
    // SAFETY: the host's functions, with strings that outlive the calls.
    unsafe {
        let host = &*receiver;
        if !host.begin_preset.is_some_and(|begin| begin(receiver, name.as_ptr(), key)) {
            return false;
        }
        if let Some(add_plugin_id) = host.add_plugin_id {
            add_plugin_id(receiver, &plugin);
        }
        if let Some(set_description) = host.set_description {
            set_description(receiver, prompt.as_ptr());
        }
        if let Some(add_feature) = host.add_feature.filter(|_| !preset.style.is_empty()) {
            add_feature(receiver, style.as_ptr());
        }
    }
    true
}

/// Converts a location to a path.
///
/// # Safety
/// `location` must be null or a terminated string that outlives the path.
unsafe fn path<'a>(location: *const c_char) -> Option<&'a Path> {
    if location.is_null() {
        return None;
    }
    // SAFETY: guaranteed by the caller.
    unsafe { CStr::from_ptr(location) }.to_str().ok().map(Path::new)
}

unsafe extern "C" fn from_location(
    plugin: *const clap_plugin,
    kind: clap_preset_discovery_location_kind,
    location: *const c_char,
    key: *const c_char,
) -> bool {
    // SAFETY: called by the host on its main thread while the plugin lives; it passes null or terminated strings.
    unsafe {
        let preset = match kind {
            CLAP_PRESET_DISCOVERY_LOCATION_PLUGIN if !key.is_null() => {
                let name = CStr::from_ptr(key).to_string_lossy();
                preset::factory().into_iter().find(|preset| preset.name == name)
            }
            CLAP_PRESET_DISCOVERY_LOCATION_FILE => path(location).and_then(preset::read),
            _ => None,
        };
        let loaded = preset.is_some_and(|preset| load(plugin, &preset));
        let host = shim::host_of(plugin);
        let Some(get_extension) = (*host).get_extension else { return loaded };
        let told = get_extension(host, CLAP_EXT_PRESET_LOAD.as_ptr()).cast::<clap_host_preset_load>();
        if let Some(told) = told.as_ref() {
            if loaded && let Some(say) = told.loaded {
                say(host, kind, location, key);
            } else if !loaded && let Some(say) = told.on_error {
                say(host, kind, location, key, 0, c"there is no ResonantGen preset there".as_ptr());
            }
        }
        loaded
    }
}

/// Loads a preset as a state that contains only the prompt and the settings.
///
/// # Safety
/// Same as [`shim::load_state`].
unsafe fn load(plugin: *const clap_plugin, preset: &Preset) -> bool {
    let state = preset.to_state();
    let mut rest = state.as_slice();
    let stream = clap_istream { ctx: (&raw mut rest).cast::<c_void>(), read: Some(read) };
    // SAFETY: guaranteed by the caller; the stream outlives the call.
    unsafe { shim::load_state(plugin, &stream) }
}

/// Reads from a slice of bytes.
unsafe extern "C" fn read(stream: *const clap_istream, buffer: *mut c_void, size: u64) -> i64 {
    // SAFETY: `ctx` is the slice set by `load`; the reader's buffer has room for `size` bytes.
    unsafe {
        let rest = &mut *(*stream).ctx.cast::<&[u8]>();
        let count = rest.len().min(usize::try_from(size).unwrap_or(usize::MAX));
        let (now, later) = rest.split_at(count);
        std::ptr::copy_nonoverlapping(now.as_ptr(), buffer.cast::<u8>(), count);
        *rest = later;
        count as i64
    }
}
