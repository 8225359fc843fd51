//! A shim around the framework's CLAP plugin that makes missing outputs harmless.
//!
//! nice-plug 0.4.2 skips a block when any output buffer is missing, but hosts leave out the outputs that they do not
//! use. The shim hands it scratch buffers in their place and notes which ports were really there. It also says
//! "notes only" where the framework claims raw MIDI (clap-wrapper would add two thousand VST3 parameters for its
//! controllers), passes "the project has changed" on to the host, which the framework cannot do, tells apart parameters
//! that a loaded state has moved, hears of a bounce at any time (the framework only when it is activated), and adds the
//! loading of presets.

use std::cell::UnsafeCell;
use std::ffi::{CStr, c_char, c_void};
use std::sync::Arc;

use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::ext::gui::CLAP_EXT_GUI;
use clap_sys::ext::note_ports::{
    CLAP_EXT_NOTE_PORTS, CLAP_NOTE_DIALECT_CLAP, clap_note_port_info, clap_plugin_note_ports,
};
use clap_sys::ext::params::{CLAP_EXT_PARAMS, clap_plugin_params};
use clap_sys::ext::preset_load::{CLAP_EXT_PRESET_LOAD, CLAP_EXT_PRESET_LOAD_COMPAT};
use clap_sys::ext::render::{
    CLAP_EXT_RENDER, CLAP_RENDER_OFFLINE, clap_plugin_render, clap_plugin_render_mode,
};
use clap_sys::ext::state::{CLAP_EXT_STATE, clap_host_state, clap_plugin_state};
use clap_sys::host::clap_host;
use clap_sys::plugin::clap_plugin;
use clap_sys::process::{CLAP_PROCESS_CONTINUE, CLAP_PROCESS_ERROR, clap_process, clap_process_status};
use clap_sys::stream::{clap_istream, clap_ostream};

use crate::clap_preset;
use crate::clap_state;
use crate::host::HostLink;

/// Main and four stems.
pub const PORT_COUNT: usize = 5;
const CHANNEL_COUNT: usize = 2;
/// As CLAP's extension for rendering, for each block and from the audio thread: `build.rs` lets the VST3 call it.
const RENDER_OF_BLOCK: &CStr = c"org.resonantgen.render-of-block";

/// Buffers for one block; used by the audio thread only, except while the plugin is not active.
#[derive(Default)]
struct Scratch {
    max_frames: usize,
    /// Stands in for missing channels: `PORT_COUNT * CHANNEL_COUNT` buffers of `max_frames` samples.
    samples: Vec<f32>,
}

/// The plugin that the host sees: the framework's, with some functions replaced. `plugin` comes first, so that a
/// pointer to it is a pointer to the shim.
#[repr(C)]
struct Shim {
    plugin: clap_plugin,
    inner: *const clap_plugin,
    host: *const clap_host,
    link: Arc<HostLink>,
    note_ports: UnsafeCell<Option<&'static clap_plugin_note_ports>>,
    scratch: UnsafeCell<Scratch>,
}

/// Wraps what `create` makes.
///
/// # Safety
/// `create` returns null or a CLAP plugin of this framework that nobody else uses; `host` is the host that asked.
pub unsafe fn wrap(
    host: *const clap_host,
    create: impl FnOnce() -> *const clap_plugin,
) -> *const clap_plugin {
    let link = HostLink::new(host);
    let inner = HostLink::create_with(&link, create);
    if inner.is_null() {
        return inner;
    }
    // SAFETY: not null, and a whole plugin as `create` promises. The copy shares the framework's `plugin_data`.
    let mut plugin = unsafe { std::ptr::read(inner) };
    plugin.destroy = Some(destroy);
    plugin.activate = Some(activate);
    plugin.process = Some(process);
    plugin.get_extension = Some(get_extension);
    plugin.on_main_thread = Some(on_main_thread);
    let shim = Box::new(Shim {
        plugin,
        inner,
        host,
        link,
        note_ports: UnsafeCell::new(None),
        scratch: UnsafeCell::default(),
    });
    Box::into_raw(shim).cast::<clap_plugin>()
}

/// The shim behind the pointer that the host was given.
///
/// # Safety
/// `plugin` is what [`wrap`] returned and has not been destroyed.
unsafe fn shim<'a>(plugin: *const clap_plugin) -> &'a Shim {
    // SAFETY: `wrap` returned a pointer to the first member of a `Shim` in `repr(C)`.
    unsafe { &*plugin.cast::<Shim>() }
}

unsafe extern "C" fn destroy(plugin: *const clap_plugin) {
    // SAFETY: the host's last call; the framework's plugin goes first, because its worker may still use the link.
    unsafe {
        let owned = Box::from_raw(plugin.cast::<Shim>().cast_mut());
        if let Some(destroy) = (*owned.inner).destroy {
            destroy(owned.inner);
        }
        owned.link.forget();
    }
}

unsafe extern "C" fn activate(
    plugin: *const clap_plugin,
    sample_rate: f64,
    min_frames: u32,
    max_frames: u32,
) -> bool {
    // SAFETY: CLAP does not process while it activates, so nobody else touches the scratch buffers.
    unsafe {
        let this = shim(plugin);
        let scratch = &mut *this.scratch.get();
        scratch.max_frames = max_frames as usize;
        scratch.samples = vec![0.0; PORT_COUNT * CHANNEL_COUNT * scratch.max_frames];
        (*this.inner)
            .activate
            .is_some_and(|activate| activate(this.inner, sample_rate, min_frames, max_frames))
    }
}

unsafe extern "C" fn process(
    plugin: *const clap_plugin,
    process: *const clap_process,
) -> clap_process_status {
    if process.is_null() {
        return CLAP_PROCESS_ERROR;
    }
    // SAFETY: CLAP calls `process` from one thread at a time, between `activate` and `deactivate`: the scratch buffers
    // are ours. The host's pointers are valid for this call.
    unsafe {
        let this = shim(plugin);
        let Some(inner_process) = (*this.inner).process else { return CLAP_PROCESS_ERROR };
        let scratch = &mut *this.scratch.get();
        let host = &*process;
        let frames = host.frames_count as usize;
        if frames == 0 {
            // The framework would count the events' times down from nothing.
            flush(this.inner, host);
            return CLAP_PROCESS_CONTINUE;
        }
        if frames > scratch.max_frames {
            // Against the rules, and there is no room for it.
            return CLAP_PROCESS_ERROR;
        }
        let mut channels = [[std::ptr::null_mut::<f32>(); CHANNEL_COUNT]; PORT_COUNT];
        let mut supplied = 0;
        for (port, channels) in channels.iter_mut().enumerate() {
            let buffer = (!host.audio_outputs.is_null() && port < host.audio_outputs_count as usize)
                .then(|| &mut *host.audio_outputs.add(port));
            for (channel, pointer) in channels.iter_mut().enumerate() {
                *pointer = buffer
                    .as_deref()
                    .filter(|buffer| !buffer.data32.is_null() && channel < buffer.channel_count as usize)
                    .map_or(std::ptr::null_mut(), |buffer| *buffer.data32.add(channel));
            }
            if !channels[0].is_null() {
                supplied |= 1 << port;
            }
            if let Some(buffer) = buffer {
                buffer.constant_mask = 0;
                silence_surplus(buffer, frames);
            }
        }
        this.link.note_supplied(supplied);

        let mut missing_right = [false; PORT_COUNT];
        let spare = scratch.samples.as_mut_ptr();
        for (port, channels) in channels.iter_mut().enumerate() {
            missing_right[port] = !channels[0].is_null() && channels[1].is_null();
            for (channel, pointer) in channels.iter_mut().enumerate() {
                if pointer.is_null() {
                    *pointer = spare.add((port * CHANNEL_COUNT + channel) * scratch.max_frames);
                }
            }
        }
        let mut buffers: [clap_audio_buffer; PORT_COUNT] = std::array::from_fn(|port| clap_audio_buffer {
            data32: channels[port].as_mut_ptr(),
            data64: std::ptr::null_mut(),
            channel_count: CHANNEL_COUNT as u32,
            latency: 0,
            constant_mask: 0,
        });
        let whole = clap_process {
            audio_outputs: buffers.as_mut_ptr(),
            audio_outputs_count: PORT_COUNT as u32,
            ..*host
        };
        let status = inner_process(this.inner, &whole);

        for (channels, missing_right) in channels.iter().zip(missing_right) {
            if missing_right {
                // A mono port hears both sides.
                for frame in 0..frames {
                    let left = channels[0].add(frame);
                    *left = (*left + *channels[1].add(frame)) * 0.5;
                }
            }
        }
        status
    }
}

/// Hands the events of a block without audio frames to the plugin's parameters.
///
/// # Safety
/// `inner` is the framework's plugin, `process` the host's, both for the time of this call.
unsafe fn flush(inner: *const clap_plugin, process: &clap_process) {
    if process.in_events.is_null() || process.out_events.is_null() {
        return;
    }
    // SAFETY: as the caller promises; the extension is the framework's own and static.
    unsafe {
        let Some(get_extension) = (*inner).get_extension else { return };
        let params = get_extension(inner, CLAP_EXT_PARAMS.as_ptr()).cast::<clap_plugin_params>();
        if !params.is_null()
            && let Some(flush) = (*params).flush
        {
            flush(inner, process.in_events, process.out_events);
        }
    }
}

/// Channels beyond stereo are silent.
///
/// # Safety
/// `buffer` is the host's, with `frames` samples per channel.
unsafe fn silence_surplus(buffer: &mut clap_audio_buffer, frames: usize) {
    if buffer.data32.is_null() {
        return;
    }
    for channel in CHANNEL_COUNT..buffer.channel_count as usize {
        // SAFETY: `channel` is below the host's channel count.
        let samples = unsafe { *buffer.data32.add(channel) };
        if !samples.is_null() {
            // SAFETY: as the caller promises.
            unsafe { std::slice::from_raw_parts_mut(samples, frames) }.fill(0.0);
        }
    }
}

unsafe extern "C" fn on_main_thread(plugin: *const clap_plugin) {
    // SAFETY: called by the host on its main thread while the plugin lives.
    unsafe {
        let this = shim(plugin);
        if this.link.take_dirty()
            && let Some(get_extension) = (*this.host).get_extension
        {
            let state = get_extension(this.host, CLAP_EXT_STATE.as_ptr()).cast::<clap_host_state>();
            if !state.is_null()
                && let Some(mark_dirty) = (*state).mark_dirty
            {
                mark_dirty(this.host);
            }
        }
        if let Some(on_main_thread) = (*this.inner).on_main_thread {
            on_main_thread(this.inner);
        }
    }
}

unsafe extern "C" fn get_extension(plugin: *const clap_plugin, id: *const c_char) -> *const c_void {
    if id.is_null() {
        return std::ptr::null();
    }
    // SAFETY: the host passes a terminated string.
    unsafe {
        let this = shim(plugin);
        let Some(inner_extension) = (*this.inner).get_extension else { return std::ptr::null() };
        let name = CStr::from_ptr(id);
        if name == CLAP_EXT_PRESET_LOAD || name == CLAP_EXT_PRESET_LOAD_COMPAT {
            return (&raw const clap_preset::LOAD).cast::<c_void>();
        }
        if name == RENDER_OF_BLOCK {
            return (&raw const RENDER_BLOCK).cast::<c_void>();
        }
        if name == CLAP_EXT_RENDER {
            return (&raw const RENDER).cast::<c_void>();
        }
        // The framework unwraps the host's side of it when the window is made.
        if name == CLAP_EXT_GUI && !has_extension(this.host, CLAP_EXT_GUI) {
            return std::ptr::null();
        }
        let extension = inner_extension(this.inner, id);
        if name == CLAP_EXT_STATE && !extension.is_null() {
            return (&raw const STATE).cast::<c_void>();
        }
        if name == CLAP_EXT_NOTE_PORTS && !extension.is_null() {
            // Asked on the main thread, before the plugin is used from any other.
            *this.note_ports.get() = Some(&*extension.cast::<clap_plugin_note_ports>());
            return (&raw const NOTE_PORTS).cast::<c_void>();
        }
        extension
    }
}

/// Whether a host has an extension.
///
/// # Safety
/// `host` is the host, on its main thread.
unsafe fn has_extension(host: *const clap_host, name: &CStr) -> bool {
    // SAFETY: as the caller promises.
    unsafe { (*host).get_extension.is_some_and(|get| !get(host, name.as_ptr()).is_null()) }
}

static STATE: clap_plugin_state = clap_plugin_state { save: Some(save_state), load: Some(load_state) };

/// The framework's own functions for states.
///
/// # Safety
/// `inner` is the framework's plugin.
unsafe fn inner_state<'a>(inner: *const clap_plugin) -> Option<&'a clap_plugin_state> {
    // SAFETY: as the caller promises; what it returns is part of the framework's plugin.
    unsafe { (*inner).get_extension?(inner, CLAP_EXT_STATE.as_ptr()).cast::<clap_plugin_state>().as_ref() }
}

unsafe extern "C" fn save_state(plugin: *const clap_plugin, stream: *const clap_ostream) -> bool {
    // SAFETY: called by the host on its main thread while the plugin lives.
    unsafe {
        let this = shim(plugin);
        let Some(save) = inner_state(this.inner).and_then(|state| state.save) else { return false };
        clap_state::save(&this.link.state, stream, |stream| save(this.inner, stream))
    }
}

/// Lets the framework load a state, and the plugin know that nobody has moved the parameters that it changes.
///
/// # Safety
/// `plugin` is what [`wrap`] returned, `stream` a stream for the time of this call, on the main thread.
pub unsafe extern "C" fn load_state(plugin: *const clap_plugin, stream: *const clap_istream) -> bool {
    // SAFETY: as the caller promises.
    unsafe {
        let this = shim(plugin);
        let Some(load) = inner_state(this.inner).and_then(|state| state.load) else { return false };
        this.link.restore(|| clap_state::load(&this.link.state, stream, |stream| load(this.inner, stream)))
    }
}

/// The host that a plugin was made for.
///
/// # Safety
/// `plugin` is what [`wrap`] returned.
pub unsafe fn host_of(plugin: *const clap_plugin) -> *const clap_host {
    // SAFETY: as the caller promises.
    unsafe { shim(plugin).host }
}

static RENDER: clap_plugin_render = clap_plugin_render {
    has_hard_realtime_requirement: Some(has_hard_realtime_requirement),
    set: Some(set_render_mode),
};

static RENDER_BLOCK: clap_plugin_render = clap_plugin_render {
    has_hard_realtime_requirement: Some(has_hard_realtime_requirement),
    set: Some(note_render_mode),
};

unsafe extern "C" fn has_hard_realtime_requirement(_plugin: *const clap_plugin) -> bool {
    false
}

unsafe extern "C" fn set_render_mode(plugin: *const clap_plugin, mode: clap_plugin_render_mode) -> bool {
    // SAFETY: called by the host while the plugin lives.
    unsafe { shim(plugin) }.link.set_offline(mode == CLAP_RENDER_OFFLINE);
    true
}

unsafe extern "C" fn note_render_mode(plugin: *const clap_plugin, mode: clap_plugin_render_mode) -> bool {
    // SAFETY: called by the VST3 while the plugin lives.
    unsafe { shim(plugin) }.link.note_block_offline(mode == CLAP_RENDER_OFFLINE);
    true
}

static NOTE_PORTS: clap_plugin_note_ports =
    clap_plugin_note_ports { count: Some(note_port_count), get: Some(note_port) };

unsafe extern "C" fn note_port_count(plugin: *const clap_plugin, is_input: bool) -> u32 {
    // SAFETY: `get_extension` has stored the framework's functions before it gave ours away.
    unsafe {
        let this = shim(plugin);
        let ports = *this.note_ports.get();
        ports.and_then(|ports| ports.count).map_or(0, |count| count(this.inner, is_input))
    }
}

unsafe extern "C" fn note_port(
    plugin: *const clap_plugin,
    index: u32,
    is_input: bool,
    info: *mut clap_note_port_info,
) -> bool {
    // SAFETY: as `note_port_count`; `info` is the host's to fill.
    unsafe {
        let this = shim(plugin);
        let ports = *this.note_ports.get();
        let known =
            ports.and_then(|ports| ports.get).is_some_and(|get| get(this.inner, index, is_input, info));
        if known {
            (*info).supported_dialects = CLAP_NOTE_DIALECT_CLAP;
            (*info).preferred_dialect = CLAP_NOTE_DIALECT_CLAP;
        }
        known
    }
}
