//! The ResonantGen instrument: parameters, processing, state and editor around the engine. Wiring only.
//!
//! Threads: the host's audio thread ([`ResonantGen`]'s `process`), the host's main thread (state, editor) and one
//! `worker` per instance, which makes takes. They meet in `shared`; takes travel to the audio thread by the
//! engine's playback ring.

mod clap_entry;
mod clap_preset;
mod clap_state;
mod editor;
mod export;
mod host;
mod inference;
mod job;
mod location;
mod mixer;
mod outlet;
mod params;
mod port_shim;
mod preset;
mod prompts;
mod remote;
mod shared;
mod state;
mod trigger;
mod worker;

#[cfg(feature = "vst3")]
mod vst3;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use nice_plug::midi::Key;
use nice_plug::prelude::*;
use resonantgen_engine::playback::{Player, Position};
use resonantgen_engine::track::{TRACK_COUNT, Track};
use rtrb::{Producer, RingBuffer};

use crate::job::{Ask, Trigger};
use crate::mixer::Mixer;
use crate::params::ResonantParams;
use crate::shared::Shared;
use crate::trigger::{Edges, Wish};
use crate::worker::Worker;

/// Triggers under way from the audio thread to the worker.
const TRIGGER_CAPACITY: usize = 64;
/// Most wishes in one block: more than there are keys and parameters for them.
const WISHES: usize = 16;
/// Tempo of the preview before anything was made, in quarter notes per minute.
const PREVIEW_BPM: f64 = 120.0;
/// Half of the longest tick that hosts count in, in quarter notes.
const HALF_TICK_BEATS: f64 = 0.5 / 960.0;
/// Seconds that are as near as this to a whole number of samples were counted in samples.
const EXACT_SAMPLES: f64 = 0.01;
/// Longest time an offline render waits for a take that was asked for.
const OFFLINE_PATIENCE: Duration = Duration::from_secs(180);
/// How often it looks.
const OFFLINE_POLL: Duration = Duration::from_millis(2);

/// The plugin.
pub struct ResonantGen {
    params: Arc<ResonantParams>,
    shared: Arc<Shared>,
    asks: Producer<Ask>,
    /// `None` when the system had no thread for it.
    _worker: Option<Worker>,
    player: Option<Player>,
    mixer: Mixer,
    edges: Edges,
    sample_rate_hz: f64,
    /// The host renders instead of playing: it waits for us.
    offline: bool,
    /// Where the timeline stands when the host has none.
    free_beat: f64,
    fresh: bool,
    /// Index of the take that a number chooses, one below it, for each track; a locked track keeps what it had.
    chosen: [Option<usize>; TRACK_COUNT],
    /// Which of them could not be played and were asked for.
    asked_for: [Option<usize>; TRACK_COUNT],
}

impl Default for ResonantGen {
    fn default() -> Self {
        let shared = Shared::new();
        let (asks, asked) = RingBuffer::new(TRIGGER_CAPACITY);
        let worker = Worker::start(&shared, asked)
            .inspect_err(|error| {
                shared.set_message(Some(format!("Nothing can be generated: no thread to do it ({error}).")));
            })
            .ok();
        Self {
            params: Arc::new(ResonantParams::new(&shared)),
            shared,
            asks,
            _worker: worker,
            player: None,
            mixer: Mixer::new(48_000.0),
            edges: Edges::default(),
            sample_rate_hz: 48_000.0,
            offline: false,
            free_beat: 0.0,
            fresh: true,
            chosen: [None; TRACK_COUNT],
            asked_for: [None; TRACK_COUNT],
        }
    }
}

/// The host's beat position, and whether it is exact. Hosts that count in ticks round it, but tell the seconds exactly: at
/// one tempo from the song's start these say the same, to the sample.
fn exact_beat(transport: &Transport, sample_rate_hz: f64) -> (f64, bool) {
    let beat = transport.pos_beats().unwrap_or(0.0);
    let Some((seconds, bpm)) = transport.pos_seconds().zip(transport.tempo) else { return (beat, false) };
    let by_seconds = seconds * bpm / 60.0;
    if (by_seconds - beat).abs() > HALF_TICK_BEATS {
        return (beat, false);
    }
    let sample = seconds * sample_rate_hz;
    (by_seconds, (sample - sample.round()).abs() <= EXACT_SAMPLES)
}

impl ResonantGen {
    /// Where the timeline is, at a tempo that takes can be made at: the host's, or our own where the host has none or stands
    /// still during a preview.
    fn position(&mut self, transport: &Transport, samples: usize) -> Position {
        let host_bpm = transport.tempo.filter(|bpm| bpm.is_finite() && *bpm > 0.0);
        // An offline render of a timeline that stands still is one of a host without a transport: hosts for scripts
        // (pedalboard) report a tempo and beat 0 for ever, and what they render must not be silence.
        let renders_without_transport = self.offline && !transport.playing;
        let has_timeline =
            !renders_without_transport && (transport.pos_beats.is_some() || host_bpm.is_some());
        let quarters_per_bar = match (transport.time_sig_numerator, transport.time_sig_denominator) {
            (Some(numerator), Some(denominator)) if numerator > 0 && denominator > 0 => {
                f64::from(numerator) * 4.0 / f64::from(denominator)
            }
            _ => 4.0,
        };
        let (beat, exact) = exact_beat(transport, self.sample_rate_hz);
        let host = Position {
            beat,
            bpm: host_bpm.unwrap_or(PREVIEW_BPM),
            quarters_per_bar,
            playing: transport.playing,
            exact,
        }
        .in_range();
        self.shared.host_bpm.store(host_bpm.map_or(0.0, |_| host.bpm));
        self.shared.stopped.store(has_timeline && !transport.playing, Ordering::Relaxed);

        let previews = has_timeline && !transport.playing && self.shared.preview.load(Ordering::Relaxed);
        if has_timeline && !previews {
            self.free_beat = 0.0;
            return host;
        }
        let own_bpm = self.player.as_ref().and_then(|player| {
            Track::ALL.into_iter().find_map(|track| player.clip(track)).map(|clip| clip.bpm())
        });
        let bpm = own_bpm.unwrap_or(PREVIEW_BPM);
        let beat = self.free_beat;
        self.free_beat += samples as f64 * bpm / (60.0 * self.sample_rate_hz);
        Position { beat, bpm, quarters_per_bar, playing: true, exact: true }
    }

    /// Passes what the parameters and notes ask for on to the worker.
    fn trigger(&mut self, wish: Wish, position: &Position) {
        let host_bpm = Some(self.shared.host_bpm.load()).filter(|bpm| *bpm > 0.0);
        let beat = position.beat + f64::from(wish.at) * position.bpm / (60.0 * self.sample_rate_hz);
        let beat = Some(beat).filter(|_| position.playing);
        let mut trigger = Trigger::read(&self.params, wish.target, host_bpm, beat);
        trigger.slot = wish.slot.unwrap_or(trigger.slot);
        self.ask(Ask::Make(trigger));
    }

    fn ask(&mut self, ask: Ask) {
        self.shared.unfinished.fetch_add(1, Ordering::AcqRel);
        if self.asks.push(ask).is_err() {
            self.shared.unfinished.fetch_sub(1, Ordering::AcqRel);
            self.shared.lost_triggers.fetch_add(1, Ordering::AcqRel);
        }
        self.shared.wake_worker();
    }

    /// Asks for renditions when the host's tempo has settled at another than the takes'.
    fn follow_tempo(&mut self, position: &Position, samples: usize) {
        let Some(player) = &self.player else { return };
        let asked = self.shared.settled_bpm.load();
        if player.wants_renditions(position, samples) {
            if asked != position.bpm {
                self.shared.settled_bpm.store(position.bpm);
                self.ask(Ask::Perform(position.bpm));
            }
        } else if position.playing && asked != 0.0 && asked != position.bpm {
            self.shared.settled_bpm.store(0.0);
        }
    }

    /// Reads which takes are chosen by number.
    fn choose(&mut self) {
        let locked = self.params.locked();
        for (index, (chosen, now)) in self.chosen.iter_mut().zip(self.params.takes()).enumerate() {
            if self.fresh || !locked[index] {
                *chosen = now.map(|number| number as usize - 1);
            }
            let number = chosen.map_or(0, |index| index as u32 + 1);
            self.shared.chosen[index].store(number, Ordering::Relaxed);
        }
        // Takes whose sound is not at hand are fetched, once for each choice.
        let missing = self.player.as_ref().map(|player| player.missing(self.chosen)).unwrap_or_default();
        let is_new =
            (0..TRACK_COUNT).any(|index| missing[index].is_some() && missing[index] != self.asked_for[index]);
        self.asked_for = missing;
        if is_new {
            self.ask(Ask::Fetch);
        }
    }

    /// An offline render waits for what it has asked for: time does not matter there, the sound does.
    fn wait_offline(&self) {
        let began = Instant::now();
        while self.shared.unfinished.load(Ordering::Acquire) > 0 && !self.shared.quit.load(Ordering::Acquire)
        {
            if began.elapsed() >= OFFLINE_PATIENCE {
                self.shared.gave_up.store(true, Ordering::Release);
                self.shared.cancel.store(true, Ordering::Release);
                self.shared.wake_worker();
                return;
            }
            std::thread::sleep(OFFLINE_POLL);
        }
    }
}

impl Plugin for ResonantGen {
    const NAME: &'static str = "ResonantGen";
    const VENDOR: &'static str = "ResonantGen";
    const URL: &'static str = "";
    const EMAIL: &'static str = "";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");

    const AUDIO_IO_LAYOUTS: &'static [AudioIOLayout] = &[AudioIOLayout {
        main_input_channels: None,
        main_output_channels: NonZeroU32::new(2),
        aux_input_ports: &[],
        aux_output_ports: &[new_nonzero_u32(2); TRACK_COUNT],
        names: PortNames {
            layout: Some("Main and four stems"),
            // nice-plug 0.4.2 reads the main output's name from `main_input`.
            main_input: Some("Main"),
            main_output: Some("Main"),
            aux_inputs: &[],
            aux_outputs: &["Drums", "Bass", "Harmony", "Melody"],
        },
    }];
    const MIDI_INPUT: MidiConfig = MidiConfig::Basic;
    const SAMPLE_ACCURATE_AUTOMATION: bool = true;

    type Editor = editor::Editor;
    type SysExMessage = ();
    type BackgroundTask = ();

    fn params(&self) -> Arc<dyn Params> {
        Arc::clone(&self.params) as Arc<dyn Params>
    }

    fn editor(&mut self, _executor: AsyncExecutor<Self>) -> Option<Self::Editor> {
        editor::create(&self.params, &self.shared)
    }

    fn activate(
        &mut self,
        _layout: &AudioIOLayout,
        config: &BufferConfig,
        _context: &mut impl ActivateContext<Self>,
    ) -> bool {
        self.sample_rate_hz = f64::from(config.sample_rate);
        self.player = Some(self.shared.open_player(self.sample_rate_hz));
        self.mixer = Mixer::new(config.sample_rate);
        true
    }

    fn reset(&mut self) {
        self.free_beat = 0.0;
        self.fresh = true;
        if let Some(player) = &mut self.player {
            player.reset();
        }
    }

    fn process(
        &mut self,
        buffer: &mut Buffer,
        aux: &mut AuxiliaryBuffers,
        context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        let samples = buffer.samples();
        self.offline = self.shared.host.is_offline();
        self.shared.offline.store(self.offline, Ordering::Relaxed);
        let position = self.position(context.transport(), samples);
        let mut wishes = [None; WISHES];
        let mut add = |wish: Wish| {
            let is_same = |other: &Wish| (other.target, other.slot) == (wish.target, wish.slot);
            if let Some(free) = wishes.iter_mut().find(|known| known.as_ref().is_none_or(is_same)) {
                *free = Some(wish);
            }
        };
        let restored = self.shared.host.take_restored();
        self.edges.rising(&self.params, restored, |target| add(Wish { target, slot: None, at: 0 }));
        while let Some(event) = context.next_event() {
            if let NoteEvent::NoteOn { key: Key::Number(key), timing, .. } = event
                && let Some((target, slot)) = trigger::of_key(key)
            {
                add(Wish { target, slot, at: timing });
            }
        }
        for wish in wishes.into_iter().flatten() {
            self.trigger(wish, &position);
        }
        self.choose();
        self.follow_tempo(&position, samples);
        if self.offline {
            self.wait_offline();
        }

        self.mixer.aim(&self.params, &self.shared.host);
        if std::mem::take(&mut self.fresh) {
            self.mixer.snap();
        }
        let is_new_beat = self.shared.playhead_beat.load().floor() != position.beat.floor();
        self.shared.playhead_beat.store(position.beat);
        let changes = self.shared.playing.swap(position.playing, Ordering::Relaxed) != position.playing;
        // The editor goes on drawing by itself. The beat revives it where the window library has lost a drawing.
        let has_music = |player: &Player| Track::ALL.into_iter().any(|track| player.clip(track).is_some());
        if changes || (position.playing && is_new_beat && self.player.as_ref().is_some_and(has_music)) {
            self.shared.repaint.request_repaint();
        }

        let ([main_left, main_right], Ok([drums, bass, harmony, melody]), Some(player)) =
            (buffer.as_slice(), <&mut [Buffer; TRACK_COUNT]>::try_from(&mut *aux.outputs), &mut self.player)
        else {
            return ProcessStatus::Normal;
        };
        let (
            [drums_left, drums_right],
            [bass_left, bass_right],
            [harmony_left, harmony_right],
            [melody_left, melody_right],
        ) = (drums.as_slice(), bass.as_slice(), harmony.as_slice(), melody.as_slice())
        else {
            return ProcessStatus::Normal;
        };
        let mut stems: [[&mut [f32]; 2]; TRACK_COUNT] = [
            [drums_left, drums_right],
            [bass_left, bass_right],
            [harmony_left, harmony_right],
            [melody_left, melody_right],
        ];
        player.process(position, self.params.swap_at.value().into(), self.chosen, &mut stems);
        self.mixer.mix(&mut stems, [main_left, main_right], &self.shared.meters);
        ProcessStatus::KeepAlive
    }
}

impl ClapPlugin for ResonantGen {
    /// Frozen: the VST3's class id is derived from it as well.
    const CLAP_ID: &'static str = "org.resonantgen.resonantgen";
    const CLAP_DESCRIPTION: Option<&'static str> =
        Some("Type a prompt, get drums, bass, harmony and melody in the host's tempo");
    const CLAP_MANUAL_URL: Option<&'static str> = None;
    const CLAP_SUPPORT_URL: Option<&'static str> = None;
    const CLAP_FEATURES: &'static [ClapFeature] =
        &[ClapFeature::Instrument, ClapFeature::Synthesizer, ClapFeature::Drum, ClapFeature::Stereo];
}
