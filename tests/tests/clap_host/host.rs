//! A CLAP host.

use std::cell::Cell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clack_extensions::gui::{GuiSize, HostGui, HostGuiImpl};
use clack_extensions::params::{ParamInfoBuffer, PluginParams};
use clack_extensions::render::{PluginRender, RenderMode};
use clack_extensions::state::{HostState, HostStateImpl, PluginState};
use clack_host::events::event_types::{ParamValueEvent, TransportEvent, TransportFlags};
use clack_host::events::{EventFlags, EventHeader};
use clack_host::prelude::*;

const ID: &std::ffi::CStr = c"org.resonantgen.resonantgen";
pub const RATE_HZ: f64 = 48_000.0;
pub const BLOCK: usize = 480;
pub const PORTS: usize = 5;
/// Longest block.
pub const LONGEST: usize = 8_192;
/// One loop of two bars at 120 quarter notes per minute, in audio frames.
pub const LOOP: usize = 4 * RATE_HZ as usize;
/// A take may take long on a busy machine, but not for ever.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Shared {
    callback: AtomicBool,
}

impl SharedHandler<'_> for Shared {
    fn request_restart(&self) {}
    fn request_process(&self) {}
    fn request_callback(&self) {
        self.callback.store(true, Ordering::Release);
    }
}

#[derive(Default)]
pub struct MainThread {
    /// How often the plugin said that the project has changed.
    dirty: Cell<u32>,
}

impl MainThreadHandler<'_> for MainThread {}

impl HostStateImpl for MainThread {
    fn mark_dirty(&self) {
        self.dirty.set(self.dirty.get() + 1);
    }
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
        builder.register::<HostState>().register::<HostGui>();
    }
}

/// What a port would be that the plugin has none of.
type NoInput<'a> = AudioPortBuffer<[InputChannel<'a, f32>; 0], [InputChannel<'a, f64>; 0]>;

/// Left and right channel of each port.
pub type Stereo = [Vec<f32>; 2];

pub struct Host {
    processor: Option<StartedPluginAudioProcessor<TestHost>>,
    pub instance: PluginInstance<TestHost>,
    parameters: HashMap<String, ClapId>,
    /// How many ports the host supplies.
    pub ports: usize,
    /// How many channels each of them has.
    pub channels: [usize; PORTS],
    pub beat: f64,
    pub bpm: f64,
    pub playing: bool,
    /// Ticks of a quarter note that the host counts in, telling the seconds exactly; 0 for a host that does neither.
    pub ticks: f64,
    rate_hz: f64,
    _entry: PluginEntry,
}

/// The CLAP, if host tests are wanted.
pub fn plugin() -> Option<PathBuf> {
    if std::env::var_os("RESONANTGEN_NO_HOSTS").is_some() {
        return None;
    }
    Some(PathBuf::from(std::env::var_os("RESONANTGEN_PLUGINS")?).join("ResonantGen.clap"))
}

impl Host {
    /// Loads the plugin, restores `state` if there is one, and starts processing.
    pub fn open(state: Option<&[u8]>, ports: usize) -> Option<Self> {
        let path = plugin()?;
        // SAFETY: it is the plugin that this repository has built.
        let entry = unsafe { PluginEntry::load(&path) }.expect("the plugin can be loaded");
        let about = HostInfo::new("ResonantGen tests", "ResonantGen", "", "1").expect("no NUL in it");
        let mut instance = PluginInstance::<TestHost>::new(
            |()| Shared { callback: AtomicBool::new(false) },
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
            channels: [2; PORTS],
            beat: 0.0,
            bpm: 120.0,
            playing: true,
            ticks: 0.0,
            rate_hz: RATE_HZ,
            _entry: entry,
        };
        host.start(RATE_HZ, RenderMode::Realtime);
        if state.is_some() {
            host.settle();
        }
        Some(host)
    }

    /// Waits until what was loaded is there: an offline block does, a realtime one plays what there is. The song's place is
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

    /// Activates the plugin, anew if it was active.
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

    /// Says whether what follows is a bounce.
    pub fn render_mode(&mut self, mode: RenderMode) {
        let handle = self.instance.plugin_handle();
        let render: PluginRender = handle.get_extension().expect("it knows offline rendering");
        render.set(&handle, mode).expect("it renders either way");
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

    pub fn block_with(&mut self, frames: usize, events: &EventBuffer) -> Vec<Stereo> {
        // What is not overwritten is heard.
        let mut heard: Vec<Stereo> = vec![[vec![9.0; frames], vec![9.0; frames]]; self.ports];
        let channels = self.channels;
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
        let transport = TransportEvent {
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
            bar_start: clack_host::utils::BeatTime::from_float((self.beat / 4.0).floor() * 4.0),
            bar_number: (self.beat / 4.0).floor() as i32,
            time_signature_numerator: 4,
            time_signature_denominator: 4,
        };
        let mut inputs = AudioPorts::with_capacity(0, 0);
        let mut outputs = AudioPorts::with_capacity(2 * PORTS, PORTS);
        let inputs = inputs.with_input_buffers([] as [NoInput<'_>; 0]);
        let mut outputs =
            outputs.with_output_buffers(heard.iter_mut().zip(channels).map(|(port, channels)| {
                let channels = port.iter_mut().take(channels).map(Vec::as_mut_slice);
                AudioPortBuffer { latency: 0, channels: AudioPortBufferType::f32_output_only(channels) }
            }));
        let mut answers = EventBuffer::new();
        let processor = self.processor.as_mut().expect("it is processing");
        processor
            .process(
                &inputs,
                &mut outputs,
                &events.as_input(),
                &mut answers.as_output(),
                None,
                Some(&transport),
            )
            .expect("a block can be processed");
        if self.playing {
            self.beat += frames as f64 * self.bpm / (60.0 * self.rate_hz);
        }
        heard
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

    /// Stands still for a block, and forgets where the song was: what follows is a fresh start.
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
        if self.instance.access_shared_handler(|shared| shared.callback.swap(false, Ordering::AcqRel)) {
            self.instance.call_on_main_thread_callback();
        }
        self.instance.access_handler(|main| main.dirty.get())
    }

    /// Runs until the plugin has told of one more change of the project.
    pub fn wait_for_take(&mut self, before: u32) {
        let began = Instant::now();
        while self.dirty() == before {
            assert!(began.elapsed() < PATIENCE, "no take within {PATIENCE:?}");
            self.block(BLOCK, &[]);
            std::thread::sleep(Duration::from_millis(2));
        }
        // The swap itself.
        for _ in 0..10 {
            self.block(BLOCK, &[]);
        }
    }

    /// Stands still until the plugin has told of one more change of the project.
    pub fn wait_until_dirty(&mut self, before: u32) {
        let began = Instant::now();
        while self.dirty() == before {
            assert!(began.elapsed() < PATIENCE, "no take within {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Triggers a parameter and waits for what comes of it.
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

    /// Hands over parameter changes while it is not active.
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
