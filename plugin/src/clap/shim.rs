//! A shim around the framework's CLAP plugin that works around gaps in nice-plug 0.4.2.
//!
//! - Missing outputs: the framework skips a block if any output buffer is missing, but hosts leave out outputs that they do not
//!   use, or give several of them the same memory. The shim substitutes scratch buffers and records which ports were present.
//! - The sidechain: the framework gives an input the id that the first output had before, so projects that route outputs by id would lose
//!   their routing, and it reads past the inputs of hosts that have fewer. The shim declares the input and hears it by itself.
//! - Bars: the framework guesses the host's bar position after the first event of a block. The shim passes on the real one.
//! - Note ports: the framework claims to accept raw MIDI, for which clap-wrapper would add two thousand VST3 parameters (one per
//!   controller). The shim declares CLAP notes only.
//! - Unsaved changes: the shim tells the host when the project has changed, which the framework cannot do.
//! - Parameters: the shim distinguishes changes made by loading a state from those made by a person.
//! - Bounces: the shim follows the render mode at any time, the framework only on activation.
//! - Presets: the shim adds the preset-load extension.

use std::cell::UnsafeCell;
use std::ffi::{CStr, c_char, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::ext::audio_ports::{
    CLAP_EXT_AUDIO_PORTS, CLAP_PORT_STEREO, clap_audio_port_info, clap_plugin_audio_ports,
};
use clap_sys::ext::audio_ports_config::{
    CLAP_EXT_AUDIO_PORTS_CONFIG, clap_audio_ports_config, clap_plugin_audio_ports_config,
};
use clap_sys::ext::gui::CLAP_EXT_GUI;
use clap_sys::ext::note_ports::{
    CLAP_EXT_NOTE_PORTS, CLAP_NOTE_DIALECT_CLAP, clap_note_port_info, clap_plugin_note_ports,
};
use clap_sys::ext::params::{CLAP_EXT_PARAMS, CLAP_PARAM_RESCAN_TEXT, clap_host_params};
use clap_sys::ext::preset_load::{CLAP_EXT_PRESET_LOAD, CLAP_EXT_PRESET_LOAD_COMPAT};
use clap_sys::ext::render::{
    CLAP_EXT_RENDER, CLAP_RENDER_OFFLINE, clap_plugin_render, clap_plugin_render_mode,
};
use clap_sys::ext::state::{CLAP_EXT_STATE, clap_host_state, clap_plugin_state};
use clap_sys::host::clap_host;
use clap_sys::id::CLAP_INVALID_ID;
use clap_sys::plugin::clap_plugin;
use clap_sys::process::{CLAP_PROCESS_CONTINUE, CLAP_PROCESS_ERROR, clap_process, clap_process_status};
use clap_sys::stream::{clap_istream, clap_ostream};

use super::values::{self, Offsets};
use super::{gui, preset, state};
use crate::audio::bars::BarReader;
use crate::audio::realtime;
use crate::audio::record::Recorder;
use crate::control::host::HostLink;

/// Main, four stems, and four drum parts.
pub const PORT_COUNT: usize = 9;
const CHANNEL_COUNT: usize = 2;
/// Number of inputs, and the id and name of the one that there is.
const INPUT_COUNT: u32 = 1;
const SIDECHAIN_ID: u32 = 100;
const SIDECHAIN_NAME: &[u8] = b"Sidechain";
/// CLAP's render extension, but per block and called from the audio thread. `build.rs` patches the VST3 wrapper to call it.
const RENDER_OF_BLOCK: &CStr = c"org.resonantgen.render-of-block";

/// Buffers for one block. Used by the audio thread only, except while the plugin is inactive.
#[derive(Debug, Default)]
struct Scratch {
    max_frames: usize,
    /// Stand-ins for missing channels: `PORT_COUNT * CHANNEL_COUNT` buffers of `max_frames` samples.
    samples: Vec<f32>,
    bars: BarReader,
    rate_hz: f64,
    /// `None` until the plugin is initialised.
    recorder: Option<Recorder>,
}

/// The plugin that the host sees: the framework's, with some functions replaced. `plugin` comes first, so a pointer to it is also
/// a pointer to the shim.
#[repr(C)]
struct Shim {
    plugin: clap_plugin,
    inner: *const clap_plugin,
    host: *const clap_host,
    link: Arc<HostLink>,
    /// Whether the host has `clap.gui`, looked up at the same moment as the framework does.
    host_has_gui: AtomicBool,
    offsets: Offsets,
    scratch: UnsafeCell<Scratch>,
}

/// Wraps the plugin that `create` returns.
///
/// # Safety
/// `create` must return null or a CLAP plugin of this framework that nobody else uses. `host` must be the host that asked for it.
pub unsafe fn wrap(
    host: *const clap_host,
    create: impl FnOnce() -> *const clap_plugin,
) -> *const clap_plugin {
    let link = HostLink::new(host);
    let inner = HostLink::create_with(&link, create);
    if inner.is_null() {
        return inner;
    }
    // SAFETY: not null, and a complete plugin, as required of `create`. The copy shares the framework's `plugin_data`.
    let mut plugin = unsafe { std::ptr::read(inner) };
    plugin.init = Some(init);
    plugin.destroy = Some(destroy);
    plugin.activate = Some(activate);
    plugin.process = Some(process);
    plugin.get_extension = Some(get_extension);
    plugin.on_main_thread = Some(on_main_thread);
    let scratch = Scratch { recorder: link.take_recorder(), ..Scratch::default() };
    let shim = Box::new(Shim {
        plugin,
        inner,
        host,
        link,
        host_has_gui: AtomicBool::new(false),
        offsets: Offsets::default(),
        scratch: UnsafeCell::new(scratch),
    });
    Box::into_raw(shim).cast::<clap_plugin>()
}

/// The shim behind the pointer given to the host.
///
/// # Safety
/// `plugin` must come from [`wrap`] and must not have been destroyed.
unsafe fn shim<'a>(plugin: *const clap_plugin) -> &'a Shim {
    // SAFETY: `wrap` returned a pointer to the first member of a `Shim` in `repr(C)`.
    unsafe { &*plugin.cast::<Shim>() }
}

unsafe extern "C" fn init(plugin: *const clap_plugin) -> bool {
    // SAFETY: the host's first call, on its main thread.
    unsafe {
        let this = shim(plugin);
        this.host_has_gui.store(has_extension(this.host, CLAP_EXT_GUI), Ordering::Release);
        let is_ready = (*this.inner).init.is_some_and(|init| init(this.inner));
        this.offsets.find(this.inner);
        is_ready
    }
}

unsafe extern "C" fn destroy(plugin: *const clap_plugin) {
    // SAFETY: the host's last call. The framework's plugin is destroyed first, because its worker may still use the link.
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
    // SAFETY: hosts do not call `process` during `activate`, so nobody else touches the scratch buffers.
    unsafe {
        let this = shim(plugin);
        let scratch = &mut *this.scratch.get();
        scratch.max_frames = max_frames as usize;
        scratch.rate_hz = sample_rate;
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
    // SAFETY: called by the host as `process_block` demands.
    realtime(|| unsafe { process_block(plugin, process) })
}

/// The plugin's work in a block.
///
/// # Safety
/// `plugin` must come from [`wrap`], and be active and not destroyed; `process` must be null or valid. Audio thread only.
unsafe fn process_block(plugin: *const clap_plugin, process: *const clap_process) -> clap_process_status {
    if process.is_null() {
        return CLAP_PROCESS_ERROR;
    }
    // SAFETY: hosts call `process` from one thread at a time, between `activate` and `deactivate`, so nobody else uses the
    // scratch buffers. The host's pointers are valid for this call.
    unsafe {
        let this = shim(plugin);
        let Some(inner_process) = (*this.inner).process else { return CLAP_PROCESS_ERROR };
        let scratch = &mut *this.scratch.get();
        let host = &*process;
        let frames = host.frames_count as usize;
        if frames == 0 {
            // The framework subtracts from the frame count when it clamps event times, which would underflow here.
            values::flush(plugin, host.in_events, host.out_events);
            return CLAP_PROCESS_CONTINUE;
        }
        if frames > scratch.max_frames {
            // The host breaks its promise, and the scratch buffers are too small.
            return CLAP_PROCESS_ERROR;
        }
        // Before anything is written: hosts may use the same memory for inputs and outputs.
        if let Some(recorder) = &mut scratch.recorder {
            recorder.process(host.transport.as_ref(), scratch.rate_hz, sidechain(host), frames);
        }
        let mut channels = [[std::ptr::null_mut::<f32>(); CHANNEL_COUNT]; PORT_COUNT];
        for (port, channels) in channels.iter_mut().enumerate() {
            let buffer = (!host.audio_outputs.is_null() && port < host.audio_outputs_count as usize)
                .then(|| &mut *host.audio_outputs.add(port));
            for (channel, pointer) in channels.iter_mut().enumerate() {
                *pointer = buffer
                    .as_deref()
                    .filter(|buffer| !buffer.data32.is_null() && channel < buffer.channel_count as usize)
                    .map_or(std::ptr::null_mut(), |buffer| *buffer.data32.add(channel));
            }
            if let Some(buffer) = buffer {
                buffer.constant_mask = 0;
                silence_surplus(buffer, frames);
            }
        }
        this.link.note_supplied(take_apart(&mut channels, frames));
        this.link.bar.store(host.transport.as_ref().and_then(|transport| scratch.bars.read(transport)));

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
        let status = values::with_events(
            &this.offsets,
            host.frames_count - 1,
            host.in_events,
            host.out_events,
            |in_events, out_events| {
                let whole = clap_process {
                    audio_inputs: std::ptr::null(),
                    audio_inputs_count: 0,
                    audio_outputs: buffers.as_mut_ptr(),
                    audio_outputs_count: PORT_COUNT as u32,
                    in_events,
                    out_events,
                    ..*host
                };
                inner_process(this.inner, &whole)
            },
        );

        for (channels, missing_right) in channels.iter().zip(missing_right) {
            if missing_right {
                // A mono port gets both sides mixed.
                for frame in 0..frames {
                    let left = channels[0].add(frame);
                    *left = (*left + *channels[1].add(frame)) * 0.5;
                }
            }
        }
        status
    }
}

/// Both sides of the sidechain in a block; a mono input is both. `None` if the host does not supply it.
///
/// # Safety
/// `host` must be valid, and its memory for as long as what is returned.
unsafe fn sidechain<'a>(host: &clap_process) -> Option<[&'a [f32]; 2]> {
    // SAFETY: guaranteed by the caller; a channel has a pointer, and `frames_count` samples.
    unsafe {
        let input = host.audio_inputs.as_ref().filter(|_| host.audio_inputs_count > 0)?;
        if input.data32.is_null() || input.channel_count == 0 {
            return None;
        }
        let side = |channel: u32| {
            let samples = *input.data32.add(channel as usize);
            (!samples.is_null()).then(|| std::slice::from_raw_parts(samples, host.frames_count as usize))
        };
        let left = side(0)?;
        Some([left, if input.channel_count > 1 { side(1).unwrap_or(left) } else { left }])
    }
}

/// Sets channels to null whose memory overlaps an earlier channel, so that no memory is written twice. Returns one bit per port
/// that has memory of its own; hosts give that only to ports they use.
fn take_apart(channels: &mut [[*mut f32; CHANNEL_COUNT]; PORT_COUNT], frames: usize) -> u16 {
    let given = *channels;
    let length = frames * size_of::<f32>();
    let overlap = |one: *mut f32, other: *mut f32| {
        !one.is_null() && !other.is_null() && one.addr().abs_diff(other.addr()) < length
    };
    let mut supplied = 0;
    for port in 0..PORT_COUNT {
        for channel in 0..CHANNEL_COUNT {
            let pointer = given[port][channel];
            let mut earlier = given[..port].iter().flatten().chain(&given[port][..channel]);
            if earlier.any(|earlier| overlap(*earlier, pointer)) {
                channels[port][channel] = std::ptr::null_mut();
            }
        }
        let [left, right] = given[port];
        let mut others =
            given.iter().enumerate().filter(|(other, _)| *other != port).flat_map(|(_, other)| other);
        if !left.is_null() && !others.any(|other| overlap(*other, left) || overlap(*other, right)) {
            supplied |= 1 << port;
        }
    }
    supplied
}

/// Silences channels beyond stereo.
///
/// # Safety
/// `buffer` must be the host's, with `frames` samples per channel.
unsafe fn silence_surplus(buffer: &mut clap_audio_buffer, frames: usize) {
    if buffer.data32.is_null() {
        return;
    }
    for channel in CHANNEL_COUNT..buffer.channel_count as usize {
        // SAFETY: `channel` is below the host's channel count.
        let samples = unsafe { *buffer.data32.add(channel) };
        if !samples.is_null() {
            // SAFETY: guaranteed by the caller.
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
        if this.link.take_other_texts()
            && let Some(get_extension) = (*this.host).get_extension
        {
            let params = get_extension(this.host, CLAP_EXT_PARAMS.as_ptr()).cast::<clap_host_params>();
            if !params.is_null()
                && let Some(rescan) = (*params).rescan
            {
                rescan(this.host, CLAP_PARAM_RESCAN_TEXT);
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
            return (&raw const preset::LOAD).cast::<c_void>();
        }
        if name == RENDER_OF_BLOCK {
            return (&raw const RENDER_BLOCK).cast::<c_void>();
        }
        if name == CLAP_EXT_RENDER {
            return (&raw const RENDER).cast::<c_void>();
        }
        if name == CLAP_EXT_PARAMS {
            return (&raw const values::PARAMS).cast::<c_void>();
        }
        if name == CLAP_EXT_GUI {
            return (&raw const gui::GUI).cast::<c_void>();
        }
        let extension = inner_extension(this.inner, id);
        if name == CLAP_EXT_STATE && !extension.is_null() {
            return (&raw const STATE).cast::<c_void>();
        }
        if name == CLAP_EXT_AUDIO_PORTS && !extension.is_null() {
            return (&raw const AUDIO_PORTS).cast::<c_void>();
        }
        if name == CLAP_EXT_AUDIO_PORTS_CONFIG && !extension.is_null() {
            return (&raw const AUDIO_PORTS_CONFIG).cast::<c_void>();
        }
        if name == CLAP_EXT_NOTE_PORTS && !extension.is_null() {
            return (&raw const NOTE_PORTS).cast::<c_void>();
        }
        extension
    }
}

/// Whether a host has an extension.
///
/// # Safety
/// `host` must be the host. Main thread only.
unsafe fn has_extension(host: *const clap_host, name: &CStr) -> bool {
    // SAFETY: guaranteed by the caller.
    unsafe { (*host).get_extension.is_some_and(|get| !get(host, name.as_ptr()).is_null()) }
}

static STATE: clap_plugin_state = clap_plugin_state { save: Some(save_state), load: Some(load_state) };

/// The framework's own state extension.
///
/// # Safety
/// `inner` must be the framework's plugin.
unsafe fn inner_state<'a>(inner: *const clap_plugin) -> Option<&'a clap_plugin_state> {
    // SAFETY: guaranteed by the caller.
    unsafe { inner_extension_of(inner, CLAP_EXT_STATE) }
}

unsafe extern "C" fn save_state(plugin: *const clap_plugin, stream: *const clap_ostream) -> bool {
    // SAFETY: called by the host on its main thread while the plugin lives.
    unsafe {
        let this = shim(plugin);
        let Some(save) = inner_state(this.inner).and_then(|state| state.save) else { return false };
        state::save(&this.link.state, stream, |stream| save(this.inner, stream))
    }
}

/// Lets the framework load a state, and marks the resulting parameter changes as not made by a person.
///
/// # Safety
/// `plugin` must come from [`wrap`], and `stream` must be valid for this call. Main thread only.
pub unsafe extern "C" fn load_state(plugin: *const clap_plugin, stream: *const clap_istream) -> bool {
    // SAFETY: guaranteed by the caller.
    unsafe {
        let this = shim(plugin);
        let Some(load) = inner_state(this.inner).and_then(|state| state.load) else { return false };
        this.link.restore(|| state::load(&this.link.state, stream, |stream| load(this.inner, stream)))
    }
}

/// The framework's plugin behind the pointer given to the host.
///
/// # Safety
/// `plugin` must come from [`wrap`] and must not have been destroyed.
pub unsafe fn inner(plugin: *const clap_plugin) -> *const clap_plugin {
    // SAFETY: guaranteed by the caller.
    unsafe { shim(plugin) }.inner
}

/// The offsets between displayed parameter values and the framework's.
///
/// # Safety
/// `plugin` must come from [`wrap`] and must not have been destroyed.
pub unsafe fn offsets<'a>(plugin: *const clap_plugin) -> &'a Offsets {
    // SAFETY: guaranteed by the caller.
    &unsafe { shim(plugin) }.offsets
}

/// Whether the host itself supports `clap.gui`.
///
/// # Safety
/// `plugin` must come from [`wrap`] and must not have been destroyed.
pub unsafe fn host_has_gui(plugin: *const clap_plugin) -> bool {
    // SAFETY: guaranteed by the caller.
    unsafe { shim(plugin) }.host_has_gui.load(Ordering::Acquire)
}

/// The host that a plugin was created for.
///
/// # Safety
/// `plugin` must come from [`wrap`] and must not have been destroyed.
pub unsafe fn host_of(plugin: *const clap_plugin) -> *const clap_host {
    // SAFETY: guaranteed by the caller.
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
    // SAFETY: called by the VST3 wrapper while the plugin lives.
    unsafe { shim(plugin) }.link.note_block_offline(mode == CLAP_RENDER_OFFLINE);
    true
}

static AUDIO_PORTS: clap_plugin_audio_ports =
    clap_plugin_audio_ports { count: Some(audio_port_count), get: Some(audio_port) };

static AUDIO_PORTS_CONFIG: clap_plugin_audio_ports_config = clap_plugin_audio_ports_config {
    count: Some(port_config_count),
    get: Some(port_config),
    select: Some(select_port_config),
};

/// The framework's own extension of a type.
///
/// # Safety
/// `inner` must be the framework's plugin, and `T` the extension's type.
pub(super) unsafe fn inner_extension_of<'a, T>(inner: *const clap_plugin, name: &CStr) -> Option<&'a T> {
    // SAFETY: guaranteed by the caller; the extension belongs to the framework's plugin.
    unsafe { (*inner).get_extension?(inner, name.as_ptr()).cast::<T>().as_ref() }
}

/// The framework's own audio ports, which are outputs.
///
/// # Safety
/// `inner` must be the framework's plugin.
unsafe fn inner_audio_ports<'a>(inner: *const clap_plugin) -> Option<&'a clap_plugin_audio_ports> {
    // SAFETY: guaranteed by the caller.
    unsafe { inner_extension_of(inner, CLAP_EXT_AUDIO_PORTS) }
}

unsafe extern "C" fn audio_port_count(plugin: *const clap_plugin, is_input: bool) -> u32 {
    if is_input {
        return INPUT_COUNT;
    }
    // SAFETY: called by the host on its main thread while the plugin lives.
    unsafe {
        let inner = inner(plugin);
        inner_audio_ports(inner).and_then(|ports| ports.count).map_or(0, |count| count(inner, false))
    }
}

unsafe extern "C" fn audio_port(
    plugin: *const clap_plugin,
    index: u32,
    is_input: bool,
    info: *mut clap_audio_port_info,
) -> bool {
    // SAFETY: as in `audio_port_count`; `info` is the host's to fill.
    unsafe {
        if !is_input {
            let inner = inner(plugin);
            let get = inner_audio_ports(inner).and_then(|ports| ports.get);
            return get.is_some_and(|get| get(inner, index, false, info));
        }
        if index >= INPUT_COUNT || info.is_null() {
            return false;
        }
        *info = std::mem::zeroed();
        for (place, letter) in (*info).name.iter_mut().zip(SIDECHAIN_NAME) {
            *place = *letter as c_char;
        }
        (*info).id = SIDECHAIN_ID;
        (*info).channel_count = CHANNEL_COUNT as u32;
        (*info).port_type = CLAP_PORT_STEREO.as_ptr();
        (*info).in_place_pair = CLAP_INVALID_ID;
        true
    }
}

/// The framework's own layouts.
///
/// # Safety
/// `inner` must be the framework's plugin.
unsafe fn inner_port_configs<'a>(inner: *const clap_plugin) -> Option<&'a clap_plugin_audio_ports_config> {
    // SAFETY: guaranteed by the caller.
    unsafe { inner_extension_of(inner, CLAP_EXT_AUDIO_PORTS_CONFIG) }
}

unsafe extern "C" fn port_config_count(plugin: *const clap_plugin) -> u32 {
    // SAFETY: called by the host on its main thread while the plugin lives.
    unsafe {
        let inner = inner(plugin);
        inner_port_configs(inner).and_then(|configs| configs.count).map_or(0, |count| count(inner))
    }
}

unsafe extern "C" fn port_config(
    plugin: *const clap_plugin,
    index: u32,
    config: *mut clap_audio_ports_config,
) -> bool {
    // SAFETY: as in `port_config_count`; `config` is the host's to fill.
    unsafe {
        let inner = inner(plugin);
        let get = inner_port_configs(inner).and_then(|configs| configs.get);
        let is_known = get.is_some_and(|get| get(inner, index, config));
        if is_known {
            (*config).input_port_count = INPUT_COUNT;
        }
        is_known
    }
}

unsafe extern "C" fn select_port_config(plugin: *const clap_plugin, id: u32) -> bool {
    // SAFETY: as in `port_config_count`.
    unsafe {
        let inner = inner(plugin);
        let select = inner_port_configs(inner).and_then(|configs| configs.select);
        select.is_some_and(|select| select(inner, id))
    }
}

static NOTE_PORTS: clap_plugin_note_ports =
    clap_plugin_note_ports { count: Some(note_port_count), get: Some(note_port) };

/// The framework's own note-port extension.
///
/// # Safety
/// `inner` must be the framework's plugin.
unsafe fn inner_note_ports<'a>(inner: *const clap_plugin) -> Option<&'a clap_plugin_note_ports> {
    // SAFETY: guaranteed by the caller.
    unsafe { inner_extension_of(inner, CLAP_EXT_NOTE_PORTS) }
}

unsafe extern "C" fn note_port_count(plugin: *const clap_plugin, is_input: bool) -> u32 {
    // SAFETY: called by the host on its main thread while the plugin lives.
    unsafe {
        let inner = inner(plugin);
        inner_note_ports(inner).and_then(|ports| ports.count).map_or(0, |count| count(inner, is_input))
    }
}

unsafe extern "C" fn note_port(
    plugin: *const clap_plugin,
    index: u32,
    is_input: bool,
    info: *mut clap_note_port_info,
) -> bool {
    // SAFETY: as in `note_port_count`; `info` is the host's to fill.
    unsafe {
        let inner = inner(plugin);
        let ports = inner_note_ports(inner);
        let known = ports.and_then(|ports| ports.get).is_some_and(|get| get(inner, index, is_input, info));
        if known {
            (*info).supported_dialects = CLAP_NOTE_DIALECT_CLAP;
            (*info).preferred_dialect = CLAP_NOTE_DIALECT_CLAP;
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAMES: usize = 64;

    /// The ports' channels in one block of memory, each starting at the given frame.
    fn channels(
        memory: &mut [f32],
        at: [[Option<usize>; CHANNEL_COUNT]; PORT_COUNT],
    ) -> [[*mut f32; CHANNEL_COUNT]; PORT_COUNT] {
        at.map(|port| port.map(|frame| frame.map_or(std::ptr::null_mut(), |frame| &raw mut memory[frame])))
    }

    #[test]
    fn no_memory_is_handed_out_twice() {
        let mut memory = vec![0.0_f32; 2 * PORT_COUNT * FRAMES];
        let own = |port: usize| [Some(2 * port * FRAMES), Some((2 * port + 1) * FRAMES)];
        let kept = |memory: &mut [f32], at| {
            let mut channels = channels(memory, at);
            let supplied = take_apart(&mut channels, FRAMES);
            (channels.map(|port| port.map(|pointer| !pointer.is_null())), supplied)
        };
        // Five connected ports; those of the drum parts have no buffers.
        let five = |ports: [[Option<usize>; CHANNEL_COUNT]; 5]| -> [_; PORT_COUNT] {
            std::array::from_fn(|port| ports.get(port).copied().unwrap_or_default())
        };
        let all = std::array::from_fn(own);
        assert_eq!(kept(&mut memory, all), ([[true; 2]; PORT_COUNT], 0b1_1111_1111));
        // All ports share one buffer.
        let (apart, supplied) = kept(&mut memory, [own(0); PORT_COUNT]);
        assert_eq!((apart[0], &apart[1..], supplied), ([true; 2], &[[false; 2]; PORT_COUNT - 1][..], 0));
        // Unused ports share one buffer.
        let unused = kept(&mut memory, five([own(0), own(1), own(2), own(2), own(2)]));
        assert_eq!(unused.0[..5], [[true; 2], [true; 2], [true; 2], [false; 2], [false; 2]]);
        assert_eq!(unused.1, 0b0_0011);
        // Left and right share a buffer, and another port starts in the middle of it.
        let ports = five([own(0), [Some(200), Some(200)], [Some(230), None], own(7), [None, None]]);
        let mono = kept(&mut memory, ports);
        assert_eq!(mono.0[1], [true, false]);
        assert_eq!(mono.0[2], [false, false]);
        assert_eq!(mono.1, 0b0_1001);
    }
}
