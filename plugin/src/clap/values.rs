//! Parameter values as hosts display them.
//!
//! The framework counts a parameter's steps from 0, but Prompt Slot begins at 1. Hosts that show the plain number beside the
//! parameter's text (qtractor's panel, clap-info) showed it one too low, and a typed number chose the next slot. So every stepped
//! parameter whose lowest text is a number gets the values that its texts say, in both directions. Each value is a whole number;
//! the framework's are off by the rounding of a 32-bit fraction.

use std::cell::{Cell, UnsafeCell};
use std::ffi::{CStr, c_char, c_void};
use std::sync::OnceLock;

use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE, clap_event_header, clap_event_param_value,
    clap_input_events, clap_output_events,
};
use clap_sys::ext::params::{CLAP_EXT_PARAMS, CLAP_PARAM_IS_STEPPED, clap_param_info, clap_plugin_params};
use clap_sys::id::clap_id;
use clap_sys::plugin::clap_plugin;

use super::shim;

/// Buffer size for a parameter's text.
const TEXT: usize = 64;
/// Changed events that a reader may hold at once; it looks at one and at the next.
const COPIES: usize = 8;

/// The stepped parameters, each with the difference between its displayed value and the framework's.
#[derive(Debug, Default)]
pub struct Offsets(OnceLock<Vec<(clap_id, f64)>>);

impl Offsets {
    /// Reads all parameters. Not realtime-safe.
    ///
    /// # Safety
    /// `inner` must be the framework's plugin, already initialised. Main thread only.
    pub unsafe fn find(&self, inner: *const clap_plugin) {
        // SAFETY: guaranteed by the caller.
        self.0.get_or_init(|| unsafe { offsets(inner) }.unwrap_or_default());
    }

    fn of(&self, id: clap_id) -> Option<f64> {
        let offsets = self.0.get().map_or(&[][..], Vec::as_slice);
        offsets.iter().find(|(known, _)| *known == id).map(|(_, offset)| *offset)
    }

    /// The displayed value for a value of the framework's. Rounded to a whole number for stepped parameters. Realtime-safe.
    fn shown(&self, id: clap_id, value: f64) -> f64 {
        self.of(id).map_or(value, |offset| (value + offset).round())
    }

    /// The framework's value for a displayed one. Realtime-safe.
    fn inner(&self, id: clap_id, value: f64) -> f64 {
        value - self.of(id).unwrap_or(0.0)
    }
}

/// # Safety
/// Same as [`Offsets::find`].
unsafe fn offsets(inner: *const clap_plugin) -> Option<Vec<(clap_id, f64)>> {
    // SAFETY: guaranteed by the caller; the buffers have the stated sizes.
    unsafe {
        let params = inner_params(inner)?;
        let mut offsets = Vec::new();
        for index in 0..(params.count?)(inner) {
            let mut info: clap_param_info = std::mem::zeroed();
            let mut text = [0; TEXT];
            if !(params.get_info?)(inner, index, &raw mut info) || info.flags & CLAP_PARAM_IS_STEPPED == 0 {
                continue;
            }
            let has_text =
                (params.value_to_text?)(inner, info.id, info.min_value, text.as_mut_ptr(), TEXT as u32);
            let shown = Some(&text)
                .filter(|_| has_text)
                .and_then(|text| CStr::from_ptr(text.as_ptr()).to_str().ok()?.parse::<i32>().ok());
            offsets.push((info.id, shown.map_or(0.0, |shown| f64::from(shown) - info.min_value)));
        }
        Some(offsets)
    }
}

/// The framework's own parameter extension.
///
/// # Safety
/// `inner` must be the framework's plugin.
unsafe fn inner_params<'a>(inner: *const clap_plugin) -> Option<&'a clap_plugin_params> {
    // SAFETY: guaranteed by the caller.
    unsafe { shim::inner_extension_of(inner, CLAP_EXT_PARAMS) }
}

/// The parameter extension.
pub static PARAMS: clap_plugin_params = clap_plugin_params {
    count: Some(count),
    get_info: Some(get_info),
    get_value: Some(get_value),
    value_to_text: Some(value_to_text),
    text_to_value: Some(text_to_value),
    flush: Some(flush),
};

unsafe extern "C" fn count(plugin: *const clap_plugin) -> u32 {
    // SAFETY: like all functions below, called by the host while the plugin lives.
    unsafe {
        let inner = shim::inner(plugin);
        inner_params(inner).and_then(|params| params.count).map_or(0, |count| count(inner))
    }
}

unsafe extern "C" fn get_info(plugin: *const clap_plugin, index: u32, info: *mut clap_param_info) -> bool {
    // SAFETY: as in `count`; `info` is the host's to fill.
    unsafe {
        let inner = shim::inner(plugin);
        let get_info = inner_params(inner).and_then(|params| params.get_info);
        let is_known = get_info.is_some_and(|get_info| get_info(inner, index, info));
        if is_known {
            let (offsets, id) = (shim::offsets(plugin), (*info).id);
            (*info).min_value = offsets.shown(id, (*info).min_value);
            (*info).max_value = offsets.shown(id, (*info).max_value);
            (*info).default_value = offsets.shown(id, (*info).default_value);
        }
        is_known
    }
}

unsafe extern "C" fn get_value(plugin: *const clap_plugin, id: clap_id, value: *mut f64) -> bool {
    // SAFETY: as in `count`; `value` is the host's to fill.
    unsafe {
        let inner = shim::inner(plugin);
        let get_value = inner_params(inner).and_then(|params| params.get_value);
        let is_known = get_value.is_some_and(|get_value| get_value(inner, id, value));
        if is_known {
            *value = shim::offsets(plugin).shown(id, *value);
        }
        is_known
    }
}

unsafe extern "C" fn value_to_text(
    plugin: *const clap_plugin,
    id: clap_id,
    value: f64,
    text: *mut c_char,
    capacity: u32,
) -> bool {
    // SAFETY: as in `count`; `text` is the host's to fill.
    unsafe {
        let inner = shim::inner(plugin);
        let value = shim::offsets(plugin).inner(id, value);
        let to_text = inner_params(inner).and_then(|params| params.value_to_text);
        to_text.is_some_and(|to_text| to_text(inner, id, value, text, capacity))
    }
}

unsafe extern "C" fn text_to_value(
    plugin: *const clap_plugin,
    id: clap_id,
    text: *const c_char,
    value: *mut f64,
) -> bool {
    // SAFETY: as in `count`; `value` is the host's to fill.
    unsafe {
        let inner = shim::inner(plugin);
        let to_value = inner_params(inner).and_then(|params| params.text_to_value);
        let is_known = to_value.is_some_and(|to_value| to_value(inner, id, text, value));
        if is_known {
            *value = shim::offsets(plugin).shown(id, *value);
        }
        is_known
    }
}

/// Passes events to the parameters without an audio block.
///
/// # Safety
/// `plugin` must come from [`shim::wrap`]. The lists must be null or valid for this call.
pub unsafe extern "C" fn flush(
    plugin: *const clap_plugin,
    input: *const clap_input_events,
    output: *const clap_output_events,
) {
    if input.is_null() || output.is_null() {
        return;
    }
    // SAFETY: guaranteed by the caller.
    unsafe {
        let inner = shim::inner(plugin);
        with_events(shim::offsets(plugin), 0, input, output, |input, output| {
            if let Some(flush) = inner_params(inner).and_then(|params| params.flush) {
                flush(inner, input, output);
            }
        });
    }
}

/// The host's events, converted to the framework's values, with times clamped to the block. For an event outside the block the
/// framework would write to the log, on the audio thread.
struct Input<'a> {
    host: *const clap_input_events,
    offsets: &'a Offsets,
    last_frame: u32,
    copies: UnsafeCell<[clap_event_param_value; COPIES]>,
    next: Cell<usize>,
}

/// The framework's events, converted to displayed values.
struct Output<'a> {
    host: *const clap_output_events,
    offsets: &'a Offsets,
}

/// The parameter value in an event, if it is a parameter event.
///
/// # Safety
/// `event` must be null or a valid CLAP event.
unsafe fn param_value(event: *const clap_event_header) -> Option<clap_event_param_value> {
    // SAFETY: guaranteed by the caller.
    unsafe {
        let header = event.as_ref()?;
        (header.space_id == CLAP_CORE_EVENT_SPACE_ID && header.type_ == CLAP_EVENT_PARAM_VALUE)
            .then(|| *event.cast::<clap_event_param_value>())
    }
}

unsafe extern "C" fn input_size(list: *const clap_input_events) -> u32 {
    // SAFETY: `list` was made by `with_events`.
    unsafe {
        let host = (*(*list).ctx.cast::<Input<'_>>()).host;
        (*host).size.map_or(0, |size| size(host))
    }
}

unsafe extern "C" fn input_get(list: *const clap_input_events, index: u32) -> *const clap_event_header {
    // SAFETY: `list` was made by `with_events` and is used by one thread. The reader holds fewer events than there are copies.
    unsafe {
        let this = &*(*list).ctx.cast::<Input<'_>>();
        let event = (*this.host).get.map_or(std::ptr::null(), |get| get(this.host, index));
        let Some(mut value) = param_value(event) else { return event };
        let inner = this.offsets.inner(value.param_id, value.value);
        let time = value.header.time.min(this.last_frame);
        if inner == value.value && time == value.header.time {
            return event;
        }
        value.value = inner;
        value.header.time = time;
        let copy = this.copies.get().cast::<clap_event_param_value>().add(this.next.get());
        this.next.set((this.next.get() + 1) % COPIES);
        copy.write(value);
        copy.cast::<clap_event_header>()
    }
}

unsafe extern "C" fn output_try_push(
    list: *const clap_output_events,
    event: *const clap_event_header,
) -> bool {
    // SAFETY: `list` was made by `with_events`.
    unsafe {
        let this = &*(*list).ctx.cast::<Output<'_>>();
        let Some(try_push) = (*this.host).try_push else { return false };
        let Some(mut value) = param_value(event) else { return try_push(this.host, event) };
        value.value = this.offsets.shown(value.param_id, value.value);
        try_push(this.host, (&raw const value).cast())
    }
}

/// Calls `work` with event lists converted to the framework's values and clamped to a block whose last audio frame is
/// `last_frame`. A null list stays null. Realtime-safe.
///
/// # Safety
/// Both lists must be null or valid for this call.
pub unsafe fn with_events<T>(
    offsets: &Offsets,
    last_frame: u32,
    input: *const clap_input_events,
    output: *const clap_output_events,
    work: impl FnOnce(*const clap_input_events, *const clap_output_events) -> T,
) -> T {
    // SAFETY: all its fields are numbers and pointers.
    let empty: clap_event_param_value = unsafe { std::mem::zeroed() };
    let inside = Input {
        host: input,
        offsets,
        last_frame,
        copies: UnsafeCell::new([empty; COPIES]),
        next: Cell::new(0),
    };
    let outside = Output { host: output, offsets };
    let input_list = clap_input_events {
        ctx: (&raw const inside).cast::<c_void>().cast_mut(),
        size: Some(input_size),
        get: Some(input_get),
    };
    let output_list = clap_output_events {
        ctx: (&raw const outside).cast::<c_void>().cast_mut(),
        try_push: Some(output_try_push),
    };
    let input = if input.is_null() { input } else { &raw const input_list };
    let output = if output.is_null() { output } else { &raw const output_list };
    work(input, output)
}
