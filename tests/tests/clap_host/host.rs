//! A CLAP host.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clack_extensions::gui::{GuiSize, HostGui, HostGuiImpl};
use clack_extensions::params::{
    HostParams, HostParamsImplMainThread, HostParamsImplShared, ParamClearFlags, ParamInfoBuffer,
    ParamRescanFlags, PluginParams,
};
use clack_extensions::render::{PluginRender, RenderMode};
use clack_extensions::state::{HostState, HostStateImpl, PluginState};
use clack_host::events::event_types::{ParamValueEvent, TransportEvent, TransportFlags};
use clack_host::events::spaces::CoreEventSpace;
use clack_host::events::{EventFlags, EventHeader, Pckn};
use clack_host::prelude::*;
use clap_sys::audio_buffer::clap_audio_buffer;

const ID: &std::ffi::CStr = c"org.resonantgen.resonantgen";
pub const RATE_HZ: f64 = 48_000.0;
pub const BLOCK: usize = 480;
/// Main and the four stems, which most hosts use.
pub const PORTS: usize = 5;
/// With kick, snare, hats and percussion.
pub const ALL_PORTS: usize = 9;
/// Longest block.
pub const LONGEST: usize = 8_192;
/// One loop of two bars at 120 quarter notes per minute, in audio frames.
pub const LOOP: usize = 4 * RATE_HZ as usize;
/// Generating may be slow on a busy machine; a longer wait counts as a hang.
const PATIENCE: Duration = Duration::from_secs(300);
/// Longest pause of a faster-than-real-time host that waits for a take.
const PAUSE: Duration = Duration::from_millis(2);

/// Whether the plugin has requested a callback.
#[derive(Default)]
pub struct Shared {
    callback: Mutex<bool>,
    called: Condvar,
}

impl Shared {
    /// Waits at most `patience` for the plugin's request; returns whether it came.
    fn wait(&self, patience: Duration) -> bool {
        let asked = self.callback.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.called.wait_timeout_while(asked, patience, |asked| !*asked);
        std::mem::take(&mut *waited.unwrap_or_else(PoisonError::into_inner).0)
    }
}

impl SharedHandler<'_> for Shared {
    fn request_restart(&self) {}
    fn request_process(&self) {}
    fn request_callback(&self) {
        *self.callback.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.called.notify_all();
    }
}

#[derive(Default)]
pub struct MainThread {
    /// How often the plugin has marked the project as changed.
    dirty: Cell<u32>,
    /// How often the plugin has reported changed parameter texts.
    other_texts: Cell<u32>,
}

impl MainThreadHandler<'_> for MainThread {}

impl HostStateImpl for MainThread {
    fn mark_dirty(&self) {
        self.dirty.set(self.dirty.get() + 1);
    }
}

impl HostParamsImplMainThread for MainThread {
    fn rescan(&self, flags: ParamRescanFlags) {
        if flags.contains(ParamRescanFlags::TEXT) {
            self.other_texts.set(self.other_texts.get() + 1);
        }
    }

    fn clear(&self, _param: ClapId, _flags: ParamClearFlags) {}
}

impl HostParamsImplShared for Shared {
    fn request_flush(&self) {}
}

impl HostGuiImpl for Shared {
    fn resize_hints_changed(&self) {}

    fn request_resize(&self, _new_size: GuiSize) -> Result<(), HostError> {
        Ok(())
    }

    fn request_show(&self) -> Result<(), HostError> {
        Ok(())
    }

    fn request_hide(&self) -> Result<(), HostError> {
        Ok(())
    }

    fn closed(&self, _was_destroyed: bool) {}
}

pub struct TestHost;

impl HostHandlers for TestHost {
    type Shared<'a> = Shared;
    type MainThread<'a> = MainThread;
    type AudioProcessor<'a> = ();

    fn declare_extensions(builder: &mut HostExtensions<Self>, _shared: &Self::Shared<'_>) {
        builder.register::<HostState>().register::<HostGui>().register::<HostParams>();
    }
}

/// An input's sound, and an input of another kind, which the host does not have.
type Input<'a> = AudioPortBuffer<Vec<InputChannel<'a, f32>>, [InputChannel<'a, f64>; 0]>;

/// Capacity for events per block; more would allocate on the audio thread.
const ANSWERS: usize = 2_048;

/// A note event sent by the plugin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoteEvent {
    /// Audio frame within its block.
    pub at: u32,
    /// Counted from 0.
    pub channel: u16,
    pub key: u16,
    /// 0 ends the note.
    pub velocity: f64,
}

/// Left and right channel of each port.
pub type Stereo = [Vec<f32>; 2];

pub struct Host {
    processor: Option<StartedPluginAudioProcessor<TestHost>>,
    pub instance: PluginInstance<TestHost>,
    parameters: HashMap<String, ClapId>,
    /// How many ports the host supplies.
    pub ports: usize,
    /// How many channels each of them has.
    pub channels: [usize; ALL_PORTS],
    pub beat: f64,
    pub bpm: f64,
    pub playing: bool,
    /// Ticks per quarter note of a host that counts in ticks and reports exact seconds; 0 for a host that does neither.
    pub ticks: f64,
    /// Meters of the song's first bars; all later bars are in 4/4.
    pub meters: Vec<(u16, u16)>,
    /// Whether the host numbers its bars. A host that does not always reports 0, as with every VST3.
    pub counts_bars: bool,
    /// What the host plays into the sidechain: the sample of both channels at each beat; `None` where nothing is connected.
    pub sidechain: Option<Box<dyn Fn(f64) -> [f32; 2]>>,
    /// Note events of the last block.
    pub notes: Vec<NoteEvent>,
    /// Channel and key of the sounding notes.
    pub sounding: HashSet<(u16, u16)>,
    /// How long the plugin took for the last block.
    pub took: Duration,
    rate_hz: f64,
    offline: bool,
    _entry: PluginEntry,
}

/// Stands in for the audio thread; `cargo xtask sanitize` watches its system calls. An offline render
/// may block: nobody hears that it is late, and it waits for what the song requests.
fn on_the_audio_thread<T>(is_offline: bool, work: impl FnOnce() -> T) -> T {
    if is_offline {
        return work();
    }
    #[cfg(realtime_sanitizer)]
    unsafe extern "C" {
        safe fn __rtsan_realtime_enter();
        safe fn __rtsan_realtime_exit();
    }
    #[cfg(realtime_sanitizer)]
    __rtsan_realtime_enter();
    let done = work();
    #[cfg(realtime_sanitizer)]
    __rtsan_realtime_exit();
    done
}

/// The CLAP; skips the test if there is none.
pub fn plugin() -> Option<PathBuf> {
    Some(resonantgen_tests::needs::plugins()?.join("ResonantGen.clap"))
}

impl Host {
    /// Loads the plugin, restores `state` if there is one, and starts processing.
    pub fn open(state: Option<&[u8]>, ports: usize) -> Option<Self> {
        let path = plugin()?;
        // SAFETY: the plugin is the one built from this repository.
        let entry = unsafe { PluginEntry::load(&path) }.expect("the plugin can be loaded");
        let about = HostInfo::new("ResonantGen tests", "ResonantGen", "", "1").expect("no NUL in it");
        let mut instance = PluginInstance::<TestHost>::new(
            |()| Shared::default(),
            |_| MainThread::default(),
            &entry,
            ID,
            &about,
        )
        .expect("the plugin can be created");
        let mut parameters = HashMap::new();
        {
            let handle = instance.plugin_handle();
            let params: PluginParams = handle.get_extension().expect("it has parameters");
            let mut buffer = ParamInfoBuffer::new();
            for index in 0..params.count(&handle) {
                let info =
                    params.get_info(&handle, index, &mut buffer).expect("each parameter has its facts");
                parameters.insert(String::from_utf8_lossy(info.name).into_owned(), info.id);
            }
            if let Some(mut state) = state {
                let extension: PluginState = handle.get_extension().expect("it has state");
                extension.load(&handle, &mut state).expect("the state can be loaded");
            }
        }
        let mut host = Self {
            processor: None,
            instance,
            parameters,
            ports,
            channels: [2; ALL_PORTS],
            beat: 0.0,
            bpm: 120.0,
            playing: true,
            ticks: 0.0,
            meters: Vec::new(),
            counts_bars: true,
            sidechain: None,
            notes: Vec::new(),
            sounding: HashSet::new(),
            took: Duration::ZERO,
            rate_hz: RATE_HZ,
            offline: false,
            _entry: entry,
        };
        host.start(RATE_HZ, RenderMode::Realtime);
        if state.is_some() {
            host.settle();
        }
        Some(host)
    }

    /// Waits until everything loaded is ready, by an offline block: a realtime one plays whatever is ready. The song position is
    /// forgotten.
    pub fn settle(&mut self) {
        let before = (self.beat, self.playing);
        self.playing = true;
        self.render_mode(RenderMode::Offline);
        self.block(1, &[]);
        (self.beat, self.playing) = before;
        self.render_mode(RenderMode::Realtime);
        self.processor.as_mut().expect("it is processing").reset();
    }

    /// Activates the plugin, deactivating it first if needed.
    pub fn start(&mut self, rate_hz: f64, mode: RenderMode) {
        self.stop();
        self.rate_hz = rate_hz;
        self.render_mode(mode);
        let configuration = PluginAudioConfiguration {
            sample_rate: rate_hz,
            min_frames_count: 1,
            max_frames_count: LONGEST as u32,
        };
        let stopped = self.instance.activate(|_, _| (), configuration).expect("it can be activated");
        self.processor = Some(stopped.start_processing().expect("it can be started"));
    }

    /// Switches between offline and realtime rendering.
    pub fn render_mode(&mut self, mode: RenderMode) {
        let handle = self.instance.plugin_handle();
        let render: PluginRender = handle.get_extension().expect("it knows offline rendering");
        render.set(&handle, mode).expect("it renders either way");
        self.offline = mode == RenderMode::Offline;
    }

    pub fn parameter(&self, name: &str) -> ClapId {
        *self.parameters.get(name).unwrap_or_else(|| panic!("there is no parameter '{name}'"))
    }

    /// Runs one block with parameter changes at given audio frames.
    pub fn block(&mut self, frames: usize, changes: &[(u32, &str, f64)]) -> Vec<Stereo> {
        let mut events = EventBuffer::new();
        for (time, name, value) in changes {
            events.push(&ParamValueEvent::new(*time, self.parameter(name), Pckn::match_all(), *value));
        }
        self.block_with(frames, &events)
    }

    /// Start and number of the bar that `beat` lies in, and its meter.
    pub fn bar_at(&self, beat: f64) -> (f64, i32, (u16, u16)) {
        let mut start = 0.0;
        for (index, meter) in self.meters.iter().enumerate() {
            let end = start + f64::from(meter.0) * 4.0 / f64::from(meter.1);
            if (start..end).contains(&beat) {
                return (start, index as i32, *meter);
            }
            start = end;
        }
        let known = self.meters.len() as i32;
        let (start, known) = if beat < 0.0 { (0.0, 0) } else { (start, known) };
        let bars = ((beat - start) / 4.0).floor();
        (start + bars * 4.0, known + bars as i32, (4, 4))
    }

    fn transport(&self) -> TransportEvent {
        let mut flags = TransportFlags::HAS_TEMPO
            | TransportFlags::HAS_BEATS_TIMELINE
            | TransportFlags::HAS_TIME_SIGNATURE;
        if self.playing {
            flags |= TransportFlags::IS_PLAYING;
        }
        let zero_beats = clack_host::utils::BeatTime::from_float(0.0);
        let zero_seconds = clack_host::utils::SecondsTime::from_float(0.0);
        let (mut beat, mut seconds) = (self.beat, zero_seconds);
        if self.ticks > 0.0 {
            flags |= TransportFlags::HAS_SECONDS_TIMELINE;
            beat = (self.beat * self.ticks).round() / self.ticks;
            seconds = clack_host::utils::SecondsTime::from_float(self.beat * 60.0 / self.bpm);
        }
        // Rounding must not move a bar's first sample into the bar before.
        let (bar_start, bar_number, meter) = self.bar_at(self.beat + 1e-9);
        TransportEvent {
            header: EventHeader::new_core(0, EventFlags::empty()),
            flags,
            song_pos_beats: clack_host::utils::BeatTime::from_float(beat),
            song_pos_seconds: seconds,
            tempo: self.bpm,
            tempo_inc: 0.0,
            loop_start_beats: zero_beats,
            loop_end_beats: zero_beats,
            loop_start_seconds: zero_seconds,
            loop_end_seconds: zero_seconds,
            bar_start: clack_host::utils::BeatTime::from_float(bar_start),
            bar_number: if self.counts_bars { bar_number } else { 0 },
            time_signature_numerator: meter.0,
            time_signature_denominator: meter.1,
        }
    }

    pub fn block_with(&mut self, frames: usize, events: &EventBuffer) -> Vec<Stereo> {
        // Anything that is not overwritten becomes audible.
        let mut heard: Vec<Stereo> = vec![[vec![9.0; frames], vec![9.0; frames]]; self.ports];
        let channels = self.channels;
        let mut outputs = AudioPorts::with_capacity(2 * ALL_PORTS, ALL_PORTS);
        let mut outputs =
            outputs.with_output_buffers(heard.iter_mut().zip(channels).map(|(port, channels)| {
                let channels = port.iter_mut().take(channels).map(Vec::as_mut_slice);
                AudioPortBuffer { latency: 0, channels: AudioPortBufferType::f32_output_only(channels) }
            }));
        self.process(frames, &mut outputs, events);
        heard
    }

    /// Runs one block in which channels share memory: `layout` gives the buffer of each port's left and right channel.
    /// Returns all buffers.
    pub fn block_shared(&mut self, frames: usize, layout: [[usize; 2]; PORTS]) -> Vec<Vec<f32>> {
        let count = layout.iter().flatten().max().map_or(0, |last| last + 1);
        let mut memory = vec![vec![9.0_f32; frames]; count];
        let pieces: Vec<*mut f32> = memory.iter_mut().map(|piece| piece.as_mut_ptr()).collect();
        let mut channels = layout.map(|port| port.map(|piece| pieces[piece]));
        let mut buffers = channels.each_mut().map(|port| clap_audio_buffer {
            data32: port.as_mut_ptr(),
            data64: std::ptr::null_mut(),
            channel_count: 2,
            latency: 0,
            constant_mask: 0,
        });
        // SAFETY: each channel is as long as the block.
        let mut outputs = unsafe { OutputAudioBuffers::from_raw_buffers(&mut buffers, frames as u32) };
        self.process(frames, &mut outputs, &EventBuffer::new());
        memory
    }

    fn process(&mut self, frames: usize, outputs: &mut OutputAudioBuffers<'_>, events: &EventBuffer) {
        let transport = self.transport();
        let per_frame = self.bpm / (60.0 * self.rate_hz);
        let mut played = self.sidechain.as_ref().map(|played| {
            let samples: Vec<[f32; 2]> =
                (0..frames).map(|frame| played(self.beat + frame as f64 * per_frame)).collect();
            [0, 1].map(|channel| samples.iter().map(|pair| pair[channel]).collect::<Vec<f32>>())
        });
        let mut inputs = AudioPorts::with_capacity(2, 1);
        let inputs = inputs.with_input_buffers(played.iter_mut().map(|channels| {
            let channels = channels.iter_mut().map(|channel| InputChannel::variable(channel.as_mut_slice()));
            Input { latency: 0, channels: AudioPortBufferType::F32(channels.collect()) }
        }));
        let mut answers = EventBuffer::with_capacity(ANSWERS);
        let processor = self.processor.as_mut().expect("it is processing");
        {
            let (events, mut answers) = (events.as_input(), answers.as_output());
            let began = Instant::now();
            let processed = on_the_audio_thread(self.offline, || {
                processor.process(&inputs, outputs, &events, &mut answers, None, Some(&transport))
            });
            self.took = began.elapsed();
            processed.expect("a block can be processed");
        }
        self.take_notes(&answers, frames);
        if self.playing {
            self.beat += frames as f64 * self.bpm / (60.0 * self.rate_hz);
        }
    }

    /// Records the block's notes, which must be in order, must not start twice, and must not end before they start.
    fn take_notes(&mut self, answers: &EventBuffer, frames: usize) {
        self.notes.clear();
        for event in answers {
            let (pckn, velocity): (Pckn, f64) = match event.as_core_event() {
                Some(CoreEventSpace::NoteOn(on)) => (on.pckn(), on.velocity()),
                Some(CoreEventSpace::NoteOff(off)) => (off.pckn(), 0.0),
                _ => continue,
            };
            let specific = |value: &clack_host::events::Match<u16>| value.into_specific().expect("a note");
            let (channel, key) = (specific(&pckn.channel), specific(&pckn.key));
            let at = event.header().time();
            assert!((at as usize) < frames, "a note at {at} in a block of {frames}");
            assert!(self.notes.last().is_none_or(|last| last.at <= at), "notes are not in order");
            if velocity > 0.0 {
                assert!(self.sounding.insert((channel, key)), "{channel} {key} has started twice");
            } else {
                assert!(self.sounding.remove(&(channel, key)), "{channel} {key} has not started");
            }
            self.notes.push(NoteEvent { at, channel, key, velocity });
        }
        // An offline render plays even without a transport.
        let plays = self.playing || self.offline || frames == 0;
        assert!(plays || self.sounding.is_empty(), "a note is stuck");
    }

    /// Renders `frames` from `beat` on, in blocks of `size`.
    pub fn render(&mut self, beat: f64, frames: usize, size: usize) -> Vec<Stereo> {
        self.forget();
        self.beat = beat;
        let mut heard: Vec<Stereo> = vec![Default::default(); self.ports];
        while heard[0][0].len() < frames {
            let block = self.block(size.min(frames - heard[0][0].len()), &[]);
            for (heard, block) in heard.iter_mut().flatten().zip(block.iter().flatten()) {
                heard.extend(block);
            }
        }
        heard
    }

    /// Stops for one block and forgets the song position, so that playback starts afresh.
    pub fn forget(&mut self) {
        self.playing = false;
        self.block(BLOCK, &[]);
        self.playing = true;
        self.processor.as_mut().expect("it is processing").reset();
    }

    pub fn loop_once(&mut self) -> Vec<Stereo> {
        self.render(0.0, LOOP, BLOCK)
    }

    /// One bar at 240 quarter notes per minute.
    pub fn loop_bar(&mut self) -> Vec<Stereo> {
        self.render(0.0, RATE_HZ as usize, BLOCK)
    }

    pub fn dirty(&mut self) -> u32 {
        self.dirty_within(Duration::ZERO)
    }

    /// Waits for the next change notice; returns the number of notices so far.
    fn dirty_within(&mut self, patience: Duration) -> u32 {
        if self.instance.access_shared_handler(|shared| shared.wait(patience)) {
            self.instance.call_on_main_thread_callback();
        }
        self.instance.access_handler(|main| main.dirty.get())
    }

    /// Plays until the plugin reports once more that parameter texts have changed.
    pub fn wait_for_other_texts(&mut self, before: u32) {
        let began = Instant::now();
        while self.other_texts() == before {
            assert!(began.elapsed() < PATIENCE, "no other texts within {PATIENCE:?}");
            self.dirty_within(PAUSE);
        }
    }

    /// How often the plugin has reported changed parameter texts.
    pub fn other_texts(&mut self) -> u32 {
        self.instance.access_handler(|main| main.other_texts.get())
    }

    /// The text of a parameter's value.
    pub fn text(&mut self, name: &str, value: f64) -> String {
        let id = self.parameters[name];
        let handle = self.instance.plugin_handle();
        let params: PluginParams = handle.get_extension().expect("it has parameters");
        let mut buffer = [0; 64];
        let text = params.value_to_text(&handle, id, value, &mut buffer).expect("it has a text");
        String::from_utf8_lossy(text).into_owned()
    }

    /// Plays until the plugin reports one more change of the project.
    pub fn wait_for_take(&mut self, before: u32) {
        let began = Instant::now();
        while self.dirty_within(PAUSE) == before {
            assert!(began.elapsed() < PATIENCE, "no take within {PATIENCE:?}");
            self.block(BLOCK, &[]);
        }
        // The swap itself.
        for _ in 0..10 {
            self.block(BLOCK, &[]);
        }
    }

    /// Stays stopped until the plugin reports one more change of the project.
    pub fn wait_until_dirty(&mut self, before: u32) {
        let began = Instant::now();
        while self.dirty_within(PATIENCE) == before {
            assert!(began.elapsed() < PATIENCE, "no take within {PATIENCE:?}");
        }
    }

    /// Triggers a parameter and waits for the result.
    pub fn trigger(&mut self, name: &str) {
        let before = self.dirty();
        self.block(BLOCK, &[(0, name, 0.0), (100, name, 1.0), (300, name, 0.0)]);
        self.wait_for_take(before);
    }

    pub fn save(&mut self) -> Vec<u8> {
        let handle = self.instance.plugin_handle();
        let extension: PluginState = handle.get_extension().expect("it has state");
        let mut bytes = Vec::new();
        extension.save(&handle, &mut bytes).expect("the state can be saved");
        bytes
    }

    pub fn load(&mut self, mut state: &[u8]) {
        let handle = self.instance.plugin_handle();
        let extension: PluginState = handle.get_extension().expect("it has state");
        extension.load(&handle, &mut state).expect("the state can be loaded");
    }

    /// Flushes parameter changes while the plugin is inactive.
    pub fn flush(&mut self, events: &EventBuffer) {
        let mut answers = EventBuffer::new();
        let params: PluginParams = self.instance.plugin_handle().get_extension().expect("it has parameters");
        let mut handle = self.instance.inactive_plugin_handle().expect("it is not active");
        params.flush(&mut handle, &events.as_input(), &mut answers.as_output());
    }

    pub fn stop(&mut self) {
        if let Some(processor) = self.processor.take() {
            self.instance.deactivate(processor.stop_processing());
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.stop();
    }
}
