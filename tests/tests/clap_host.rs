//! The CLAP in a host of our own: four stems by a parameter, in time, locked, saved, with any set of outputs.
//!
//! `cargo xtask test` builds the bundle so that it aborts when the audio thread allocates, and names its folder in
//! `RESONANTGEN_PLUGINS`; without it, or with `RESONANTGEN_NO_HOSTS`, these tests pass without doing anything.

use std::cell::Cell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use clack_extensions::audio_ports::{AudioPortInfoBuffer, PluginAudioPorts};
use clack_extensions::note_ports::{NoteDialects, NotePortInfoBuffer, PluginNotePorts};
use clack_extensions::params::{ParamInfoBuffer, PluginParams};
use clack_extensions::state::{HostState, HostStateImpl, PluginState};
use clack_host::events::event_types::{NoteOnEvent, ParamValueEvent, TransportEvent, TransportFlags};
use clack_host::events::{EventFlags, EventHeader};
use clack_host::prelude::*;
use resonantgen_tests::listen::onsets;

const ID: &std::ffi::CStr = c"org.resonantgen.resonantgen";
const RATE_HZ: f64 = 48_000.0;
const BLOCK: usize = 480;
const PORTS: usize = 5;
const BPM: f64 = 120.0;
const BARS: f64 = 2.0;
/// One loop in audio frames.
const LOOP: usize = (BARS * 4.0 * 60.0 / BPM * RATE_HZ) as usize;
/// A take may take long on a busy machine, but not for ever.
const PATIENCE: Duration = Duration::from_secs(120);

struct Shared {
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
struct MainThread {
    /// How often the plugin said that the project has changed.
    dirty: Cell<u32>,
}

impl MainThreadHandler<'_> for MainThread {}

impl HostStateImpl for MainThread {
    fn mark_dirty(&self) {
        self.dirty.set(self.dirty.get() + 1);
    }
}

struct TestHost;

impl HostHandlers for TestHost {
    type Shared<'a> = Shared;
    type MainThread<'a> = MainThread;
    type AudioProcessor<'a> = ();

    fn declare_extensions(builder: &mut HostExtensions<Self>, _shared: &Self::Shared<'_>) {
        builder.register::<HostState>();
    }
}

/// What a port would be that the plugin has none of.
type NoInput<'a> = AudioPortBuffer<[InputChannel<'a, f32>; 0], [InputChannel<'a, f64>; 0]>;

/// Left and right channel of each port.
type Stereo = [Vec<f32>; 2];

struct Host {
    processor: Option<StartedPluginAudioProcessor<TestHost>>,
    instance: PluginInstance<TestHost>,
    parameters: HashMap<String, ClapId>,
    /// How many ports the host supplies.
    ports: usize,
    beat: f64,
    playing: bool,
    _entry: PluginEntry,
}

/// The CLAP, if host tests are wanted.
fn plugin() -> Option<PathBuf> {
    if std::env::var_os("RESONANTGEN_NO_HOSTS").is_some() {
        return None;
    }
    Some(PathBuf::from(std::env::var_os("RESONANTGEN_PLUGINS")?).join("ResonantGen.clap"))
}

impl Host {
    /// Loads the plugin, restores `state` if there is one, and starts processing.
    fn open(state: Option<&[u8]>, ports: usize) -> Option<Self> {
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
        let mut host =
            Self { processor: None, instance, parameters, ports, beat: 0.0, playing: true, _entry: entry };
        host.start();
        Some(host)
    }

    fn start(&mut self) {
        let configuration = PluginAudioConfiguration {
            sample_rate: RATE_HZ,
            min_frames_count: 1,
            max_frames_count: BLOCK as u32,
        };
        let stopped = self.instance.activate(|_, _| (), configuration).expect("it can be activated");
        self.processor = Some(stopped.start_processing().expect("it can be started"));
    }

    fn parameter(&self, name: &str) -> ClapId {
        *self.parameters.get(name).unwrap_or_else(|| panic!("there is no parameter '{name}'"))
    }

    /// Runs one block with parameter changes at given audio frames.
    fn block(&mut self, frames: usize, changes: &[(u32, &str, f64)]) -> Vec<Stereo> {
        let mut events = EventBuffer::new();
        for (time, name, value) in changes {
            events.push(&ParamValueEvent::new(*time, self.parameter(name), Pckn::match_all(), *value));
        }
        self.block_with(frames, &events)
    }

    fn block_with(&mut self, frames: usize, events: &EventBuffer) -> Vec<Stereo> {
        // What is not overwritten is heard.
        let mut heard: Vec<Stereo> = vec![[vec![9.0; frames], vec![9.0; frames]]; self.ports];
        let mut flags = TransportFlags::HAS_TEMPO
            | TransportFlags::HAS_BEATS_TIMELINE
            | TransportFlags::HAS_TIME_SIGNATURE;
        if self.playing {
            flags |= TransportFlags::IS_PLAYING;
        }
        let zero_beats = clack_host::utils::BeatTime::from_float(0.0);
        let zero_seconds = clack_host::utils::SecondsTime::from_float(0.0);
        let transport = TransportEvent {
            header: EventHeader::new_core(0, EventFlags::empty()),
            flags,
            song_pos_beats: clack_host::utils::BeatTime::from_float(self.beat),
            song_pos_seconds: zero_seconds,
            tempo: BPM,
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
        let mut outputs = outputs.with_output_buffers(heard.iter_mut().map(|port| AudioPortBuffer {
            latency: 0,
            channels: AudioPortBufferType::f32_output_only(port.iter_mut().map(Vec::as_mut_slice)),
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
            self.beat += frames as f64 * BPM / (60.0 * RATE_HZ);
        }
        heard
    }

    /// Renders `frames` from `beat` on, in blocks of `size`.
    fn render(&mut self, beat: f64, frames: usize, size: usize) -> Vec<Stereo> {
        // Standing still first: what follows is a fresh start.
        self.playing = false;
        self.block(BLOCK, &[]);
        self.playing = true;
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

    fn loop_once(&mut self) -> Vec<Stereo> {
        self.render(0.0, LOOP, BLOCK)
    }

    fn dirty(&mut self) -> u32 {
        if self.instance.access_shared_handler(|shared| shared.callback.swap(false, Ordering::AcqRel)) {
            self.instance.call_on_main_thread_callback();
        }
        self.instance.access_handler(|main| main.dirty.get())
    }

    /// Runs until the plugin has told of one more change of the project.
    fn wait_for_take(&mut self, before: u32) {
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

    /// Triggers a parameter and waits for what comes of it.
    fn trigger(&mut self, name: &str) {
        let before = self.dirty();
        self.block(BLOCK, &[(0, name, 0.0), (100, name, 1.0), (300, name, 0.0)]);
        self.wait_for_take(before);
    }

    fn save(&mut self) -> Vec<u8> {
        let handle = self.instance.plugin_handle();
        let extension: PluginState = handle.get_extension().expect("it has state");
        let mut bytes = Vec::new();
        extension.save(&handle, &mut bytes).expect("the state can be saved");
        bytes
    }

    fn stop(&mut self) {
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

/// A state with four takes, made once for all tests.
fn state() -> Option<&'static [u8]> {
    static STATE: OnceLock<Vec<u8>> = OnceLock::new();
    static MAKING: Mutex<()> = Mutex::new(());
    plugin()?;
    let _making = MAKING.lock();
    if STATE.get().is_none() {
        let mut host = Host::open(None, PORTS)?;
        host.block(BLOCK, &[(0, "Bars", BARS), (0, "Swap At", 0.0), (0, "Seed", 7.0), (0, "Seed Mode", 1.0)]);
        host.trigger("Generate");
        let _ = STATE.set(host.save());
    }
    STATE.get().map(Vec::as_slice)
}

fn rms(samples: &[f32]) -> f64 {
    let power: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    (power / samples.len().max(1) as f64).sqrt()
}

/// Largest difference of Main and the sum of the given stems.
fn main_minus(main: &Stereo, stems: &[&Stereo]) -> f32 {
    let mut largest = 0.0_f32;
    for side in 0..2 {
        for frame in 0..main[side].len() {
            let sum: f32 = stems.iter().map(|stem| stem[side][frame]).sum();
            largest = largest.max((main[side][frame] - sum).abs());
        }
    }
    largest
}

#[test]
fn it_has_main_and_four_stems_and_hears_notes_but_claims_no_raw_midi() {
    let Some(mut host) = Host::open(None, PORTS) else { return };
    let handle = host.instance.plugin_handle();
    let ports: PluginAudioPorts = handle.get_extension().expect("it has audio ports");
    assert_eq!(ports.count(&handle, true), 0);
    let mut buffer = AudioPortInfoBuffer::new();
    let names: Vec<String> = (0..ports.count(&handle, false))
        .map(|index| {
            let info = ports.get(&handle, index, false, &mut buffer).expect("each port has its facts");
            assert_eq!(info.channel_count, 2);
            String::from_utf8_lossy(info.name).into_owned()
        })
        .collect();
    assert_eq!(names, ["Main", "Drums", "Bass", "Harmony", "Melody"]);
    let notes: PluginNotePorts = handle.get_extension().expect("it has a note port");
    let mut buffer = NotePortInfoBuffer::new();
    let port = notes.get(&handle, 0, true, &mut buffer).expect("the port has its facts");
    assert_eq!(port.supported_dialects, NoteDialects::CLAP);
}

#[test]
fn a_trigger_makes_four_different_stems_in_time_with_the_grid() {
    let Some(state) = state() else { return };
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    let heard = host.loop_once();
    let [main, stems @ ..] = heard.as_slice() else { unreachable!("five ports") };
    for (index, stem) in stems.iter().enumerate() {
        assert!(rms(&stem[0]) > 1e-4 && rms(&stem[1]) > 1e-4, "stem {index} is silent");
        for other in &stems[..index] {
            assert!(stem[0] != other[0], "stem {index} equals another");
        }
    }
    assert!(main_minus(main, &stems.iter().collect::<Vec<_>>()) < 1e-5, "Main is the sum of the stems");

    let step_seconds = 60.0 / BPM as f32 / 4.0;
    let mut deviations: Vec<f32> = onsets(&stems[0][0], RATE_HZ as f32)
        .into_iter()
        .map(|onset| {
            let steps = onset / step_seconds;
            (steps - steps.round()).abs() * step_seconds
        })
        .collect();
    deviations.sort_by(f32::total_cmp);
    assert!(deviations.len() >= 4, "drums have onsets");
    let median = deviations[deviations.len() / 2];
    assert!(median < 0.02, "drums are {:.0} ms off the grid", median * 1000.0);
}

#[test]
fn the_timeline_decides_what_is_heard() {
    let Some(state) = state() else { return };
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    let whole = host.loop_once();
    let samples_per_beat = (60.0 / BPM * RATE_HZ) as usize;
    for (beat, size) in [(3.0, 480), (5.0, 64), (8.0, 127), (-4.0, 1)] {
        let part = host.render(beat, 4_800, size);
        let start = (beat * samples_per_beat as f64).rem_euclid(LOOP as f64) as usize;
        for (port, (part, whole)) in part.iter().zip(&whole).enumerate() {
            assert!(
                part[0] == whole[0][start..start + 4_800],
                "port {port} from beat {beat} in blocks of {size}"
            );
        }
    }
    host.playing = false;
    host.block(BLOCK, &[]);
    let silent = host.block(BLOCK, &[]);
    assert!(silent.iter().flatten().flatten().all(|sample| *sample == 0.0), "standing still is silence");
}

#[test]
fn a_saved_session_plays_again_to_the_bit() {
    let Some(state) = state() else { return };
    let mut first = Host::open(Some(state), PORTS).expect("there is a plugin");
    let heard = first.loop_once();
    let saved = first.save();
    drop(first);
    let mut second = Host::open(Some(&saved), PORTS).expect("there is a plugin");
    assert!(second.loop_once() == heard);
    // Loading into a plugin that runs.
    let mut third = Host::open(None, PORTS).expect("there is a plugin");
    {
        let handle = third.instance.plugin_handle();
        let extension: PluginState = handle.get_extension().expect("it has state");
        extension.load(&handle, &mut &saved[..]).expect("the state can be loaded");
    }
    assert!(third.loop_once() == heard);
}

#[test]
fn a_locked_track_keeps_its_bits_while_the_others_change() {
    let Some(state) = state() else { return };
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    let before = host.loop_once();
    host.block(BLOCK, &[(0, "Bass Lock", 1.0), (0, "Seed", 23.0)]);
    host.trigger("Generate");
    let after = host.loop_once();
    assert!(before[2] == after[2], "the locked bass has changed");
    assert!(before[1] != after[1], "the drums have not changed");

    let before = after;
    host.block(BLOCK, &[(0, "Seed", 42.0)]);
    host.trigger("Melody Regenerate");
    let after = host.loop_once();
    assert!(before[1..4] == after[1..4], "only the melody was asked for");
    assert!(before[4] != after[4], "the melody has not changed");
}

#[test]
fn the_same_seed_makes_the_same_music() {
    let Some(state) = state() else { return };
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    let before = host.loop_once();
    host.trigger("Generate");
    assert!(host.loop_once() == before);
}

#[test]
fn a_host_without_stem_outputs_hears_everything_in_main() {
    let Some(state) = state() else { return };
    let all = Host::open(Some(state), PORTS).expect("there is a plugin").loop_once();
    let mut host = Host::open(Some(state), 1).expect("there is a plugin");
    assert!(host.loop_once()[0] == all[0]);
    // A host that leaves out what it does not use, with Drums and Bass connected: they leave Main.
    host.ports = 3;
    host.block(BLOCK, &[]);
    host.block(BLOCK, &[]);
    let some = host.loop_once();
    assert!(some[1..3] == all[1..3]);
    assert!(main_minus(&some[0], &[&all[3], &all[4]]) < 1e-5);
}

#[test]
fn a_note_is_a_trigger_too() {
    let Some(state) = state() else { return };
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    let before = host.loop_once();
    host.block(BLOCK, &[(0, "Seed", 99.0)]);
    let dirty = host.dirty();
    let mut events = EventBuffer::new();
    events.push(&NoteOnEvent::new(7, Pckn::new(0_u16, 0_u16, 49_u16, 1_u32), 0.8));
    host.block_with(BLOCK, &events);
    host.wait_for_take(dirty);
    let after = host.loop_once();
    assert!(before[1] != after[1], "the note above 'generate' regenerates the drums");
    assert!(before[2..] == after[2..]);
}

#[test]
fn scanning_is_quick_and_removing_the_plugin_does_not_wait_for_a_take() {
    if plugin().is_none() {
        return;
    }
    drop(Host::open(None, PORTS));
    let began = Instant::now();
    drop(Host::open(None, PORTS));
    assert!(began.elapsed() < Duration::from_millis(500), "creating takes {:?}", began.elapsed());

    let Some(state) = state() else { return };
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    host.block(BLOCK, &[(0, "Bars", 16.0), (0, "Seed", 5.0), (1, "Generate", 1.0)]);
    // In the middle of it.
    for _ in 0..100 {
        host.block(BLOCK, &[]);
        std::thread::sleep(Duration::from_millis(2));
    }
    let began = Instant::now();
    drop(host);
    assert!(began.elapsed() < Duration::from_secs(1), "removing takes {:?}", began.elapsed());
}

#[test]
fn a_damaged_session_is_kept_and_harms_nobody() {
    let Some(state) = state() else { return };
    let text = String::from_utf8_lossy(&state[8..]).into_owned();
    let start = text.find("\"session\":").expect("the state has a session") + 40;
    let damaged_text = format!("{}AAAAAAAA{}", &text[..start], &text[start + 8..]);
    let mut damaged = state[..8].to_vec();
    damaged.extend(damaged_text.as_bytes());
    let mut host = Host::open(Some(&damaged), PORTS).expect("there is a plugin");
    let heard = host.loop_once();
    assert!(heard.iter().flatten().flatten().all(|sample| *sample == 0.0), "an empty session is silent");
    let saved = String::from_utf8_lossy(&host.save()).into_owned();
    assert!(saved.contains(&damaged_text[start - 20..start + 2_000]), "the damaged session is saved again");
}
