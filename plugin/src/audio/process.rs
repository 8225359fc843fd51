//! The plugin's work in each block.

use std::cell::LazyCell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nice_plug::midi::Key;
use nice_plug::prelude::*;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_playback::{Controls, DrumOutputs, Following, NoteMessage, NoteOutput, Player, Position};
use resonantgen_sound::split::DRUM_VOICE_COUNT;
use rtrb::Consumer;

use super::follow::Listener;
use super::mixer::Mixer;
use super::notes;
use super::trigger::{self, Edges, TriggerEvent};
use crate::ResonantGen;
use crate::control::demand::SongTrigger;
use crate::control::job::{Target, Trigger};
use crate::control::played::PlayedKey;
use crate::control::{Control, ControlPort};
use crate::params::ResonantParams;

/// Outputs other than Main: the stems and the drum parts.
pub const AUX_OUTPUTS: usize = TRACK_COUNT + DRUM_VOICE_COUNT;
/// Maximum number of events in a block; more than there are keys and parameters that can cause them.
const EVENTS: usize = 16;
/// Tempo of the preview before anything has been generated, in quarter notes per minute.
const PREVIEW_BPM: f64 = 120.0;
/// Half of the longest tick that hosts count in, in quarter notes.
const HALF_TICK_BEATS: f64 = 0.5 / 960.0;
/// Seconds within this distance of a whole number of samples were counted in samples.
const EXACT_SAMPLES: f64 = 0.01;

/// The audio thread's part of one instance.
pub struct Processor {
    params: Arc<ResonantParams>,
    control: Arc<Control>,
    port: ControlPort,
    player: Option<Player>,
    mixer: Mixer,
    note_output: NoteOutput,
    edges: Edges,
    sample_rate_hz: f64,
    /// Whether the host renders offline, so that it waits for the plugin.
    offline: bool,
    /// Position of the plugin's own timeline, used if the host has none.
    free_beat: f64,
    fresh: bool,
    /// Per track, the index of the take chosen by number, which is the number minus one. A locked track keeps its previous
    /// choice.
    chosen: [Option<usize>; TRACK_COUNT],
    /// Hears the chords that are followed, and on which timeline they are.
    listener: Listener,
    following: Option<Following>,
    /// The section that a note has chosen since the parameter last changed, and what that is.
    note_section: Option<usize>,
    param_section: Option<usize>,
}

/// The sections that notes choose within a block, with their audio frames, in order.
#[derive(Debug, Default)]
struct Sections {
    chosen: [Option<(usize, usize)>; EVENTS],
}

impl Sections {
    /// Adds one; the last place is for the last of too many.
    fn add(&mut self, at: usize, section: usize) {
        let free = self.chosen.iter().position(Option::is_none).unwrap_or(EVENTS - 1);
        self.chosen[free] = Some((at, section));
    }

    /// Takes what was chosen up to an audio frame; the last of it counts.
    fn take_at(&mut self, frame: usize) -> Option<usize> {
        let due = self.chosen.iter_mut().filter(|chosen| chosen.is_some_and(|(at, _)| at <= frame));
        due.filter_map(Option::take).map(|(_, section)| section).last()
    }

    /// The audio frame of what is chosen next.
    fn next(&self) -> Option<usize> {
        self.chosen.iter().flatten().map(|(at, _)| *at).min()
    }
}

/// A position some audio frames later.
fn advanced(position: &Position, frames: usize, sample_rate_hz: f64) -> Position {
    let beats = if position.playing { frames as f64 * position.bpm / (60.0 * sample_rate_hz) } else { 0.0 };
    Position { beat: position.beat + beats, ..*position }
}

/// The host's beat position, and whether it is exact. Hosts that count in ticks round the position but report exact seconds,
/// which give the same position to the sample if the tempo has been constant since the song's start.
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

impl Processor {
    /// A processor that plays nothing until [`activate`](Self::activate), and the receiving end of its triggers.
    #[must_use]
    pub fn new(params: &Arc<ResonantParams>, control: &Arc<Control>) -> (Self, Consumer<SongTrigger>) {
        let (port, triggers) = ControlPort::new(control);
        let processor = Self {
            params: Arc::clone(params),
            control: Arc::clone(control),
            port,
            player: None,
            mixer: Mixer::new(48_000.0),
            note_output: NoteOutput::new(),
            edges: Edges::default(),
            sample_rate_hz: 48_000.0,
            offline: false,
            free_beat: 0.0,
            fresh: true,
            chosen: [None; TRACK_COUNT],
            listener: Listener::default(),
            following: None,
            note_section: None,
            param_section: None,
        };
        (processor, triggers)
    }

    /// Prepares for a sample rate in Hz. Not realtime-safe.
    pub fn activate(&mut self, sample_rate_hz: f32) {
        self.sample_rate_hz = f64::from(sample_rate_hz);
        self.player = Some(self.control.open_player(self.sample_rate_hz));
        self.mixer = Mixer::new(sample_rate_hz);
        self.note_output.release();
    }

    /// Resets the position of the timeline.
    pub fn reset(&mut self) {
        self.free_beat = 0.0;
        self.fresh = true;
        self.note_section = None;
        self.listener.release();
        self.note_output.release();
        if let Some(player) = &mut self.player {
            player.reset();
        }
    }

    /// The timeline's position at a tempo that takes can have: the host's, or the plugin's own if the host has none or is stopped
    /// during a preview.
    fn position(&mut self, transport: &Transport, samples: usize) -> Position {
        let host_bpm = transport.tempo.filter(|bpm| bpm.is_finite() && *bpm > 0.0);
        // An offline render with a stopped timeline comes from a host without a transport. Scripting hosts (pedalboard) report a
        // tempo and beat 0 for ever, and must not render silence.
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
            bar: self.control.host.bar.load(),
            scale: 1.0,
            playing: transport.playing,
            exact,
        }
        .in_range();
        self.control.audio.host_bpm.store(host_bpm.map_or(0.0, |_| host.bpm), Ordering::Relaxed);
        self.control.audio.stopped.store(has_timeline && !transport.playing, Ordering::Relaxed);

        let previews = has_timeline && !transport.playing && self.control.preview.load(Ordering::Relaxed);
        if has_timeline && !previews {
            self.free_beat = 0.0;
            return host;
        }
        // A bounce without a transport starts at the tempo of the playing takes, so these must be available first.
        self.port.wait();
        let own_bpm = self.player.as_mut().and_then(|player| {
            player.receive();
            player.own_bpm()
        });
        let bpm = own_bpm.unwrap_or(PREVIEW_BPM);
        let beat = self.free_beat;
        self.free_beat += samples as f64 * bpm / (60.0 * self.sample_rate_hz);
        Position { beat, bpm, quarters_per_bar, playing: true, exact: true, ..Position::default() }
    }

    /// Sends triggers of parameters and notes to the worker.
    fn trigger(&mut self, event: TriggerEvent, position: &Position) {
        let host_bpm = self.control.audio.host_bpm();
        let beat = position.beat + f64::from(event.at) * position.bpm / (60.0 * self.sample_rate_hz);
        let beat = Some(beat).filter(|_| position.playing);
        let mut trigger = Trigger::read(&self.params, event.target, host_bpm, beat);
        trigger.slot = event.slot.unwrap_or(trigger.slot);
        let here = advanced(position, event.at as usize, self.sample_rate_hz);
        let section = self.player.as_ref().and_then(|player| player.section_at(&here));
        trigger.section = section.map(|index| index as u32 + 1);
        self.port.trigger(trigger);
    }

    /// How the next part of a block is played.
    fn controls(&mut self) -> Controls {
        self.choose();
        Controls {
            swap_at: self.params.swap_at.value().into(),
            chosen: self.chosen,
            dials: self.params.dials(),
            section: self.note_section.or(self.param_section),
            // A timeline of our own has no bars to choose from.
            song_start: self.params.song_start().map(|bar| if self.free_beat > 0.0 { 0 } else { bar }),
            previews: !self.offline,
            following: self.following,
        }
    }

    /// Begins to hear the chords of a block.
    fn listen(&mut self, position: &Position, shift: f64, samples: usize) {
        let beats = samples as f64 * position.bpm / (60.0 * self.sample_rate_hz);
        let follows = self.params.follow_chords.value().lead().is_some();
        let loop_quarters = self.player.as_ref().filter(|_| follows).and_then(Player::loop_quarters);
        self.following = self.listener.begin(position, shift, beats, loop_quarters);
    }

    /// Forwards the chords that were heard in a block.
    fn follow(&mut self, position: &Position) {
        let Some(lead) = self.params.follow_chords.value().lead() else {
            self.control.audio.follow_run.store(0, Ordering::Release);
            return;
        };
        let audio = &self.control.audio;
        // Most blocks have nothing to forward.
        let trigger = LazyCell::new(|| {
            let section = self.player.as_ref().and_then(|player| player.section_at(position));
            let section = section.map(|index| index as u32 + 1);
            Trigger { section, ..Trigger::read(&self.params, Target::All, audio.host_bpm(), None) }
        });
        audio.follow_half_bar.store(self.listener.half_bar().unwrap_or(0), Ordering::Release);
        audio.follow_run.store(self.following.map_or(0, |following| following.run), Ordering::Release);
        let (port, offline) = (&mut self.port, self.offline);
        self.listener.end(|heard| {
            // An offline render waits for what was heard in the end: nothing is gained by a guess.
            if !(heard.is_guess && offline) {
                port.follow(*trigger, heard, lead);
            }
        });
    }

    /// States what the player needs for the next part of a block.
    fn demand(&mut self, controls: &Controls, position: &Position, samples: usize) {
        let Some(player) = &mut self.player else { return };
        player.receive();
        // On the plugin's own timeline, the first take determines the tempo: nothing is performed for it.
        let bpm = if self.free_beat > 0.0 { Some(None) } else { player.settled_bpm(position, samples) };
        self.port.demand(controls, bpm, self.params.note_dials());
    }

    /// Reads which takes and which section are chosen by number.
    fn choose(&mut self) {
        let section = self.params.section_index();
        if section != self.param_section {
            (self.param_section, self.note_section) = (section, None);
        }
        let locked = self.params.locked();
        for (index, (chosen, now)) in self.chosen.iter_mut().zip(self.params.takes()).enumerate() {
            if self.fresh || !locked[index] {
                *chosen = now.map(|number| number as usize - 1);
            }
        }
    }

    /// Renders one block.
    pub fn process(
        &mut self,
        buffer: &mut Buffer,
        aux: &mut AuxiliaryBuffers,
        context: &mut impl ProcessContext<ResonantGen>,
    ) -> ProcessStatus {
        let samples = buffer.samples();
        self.offline = self.port.begin_block(samples as f64 / self.sample_rate_hz);
        let position = self.position(context.transport(), samples);
        let mut events = [None; EVENTS];
        let mut add = |event: TriggerEvent| {
            let is_same = |other: &TriggerEvent| (other.target, other.slot) == (event.target, event.slot);
            if let Some(free) = events.iter_mut().find(|known| known.as_ref().is_none_or(is_same)) {
                *free = Some(event);
            }
        };
        let shift = self.player.as_ref().map_or(0.0, Player::shift);
        let restored = self.control.host.take_restored();
        self.edges.rising(&self.params, restored, |target| add(TriggerEvent { target, slot: None, at: 0 }));
        if let Some(track) = self.edges.recorded(&self.params, restored) {
            self.control.audio.ask_for_recording(track, self.params.record.bars());
        }
        let mut sections = Sections::default();
        self.listen(&position, shift, samples);
        let chords_from = self.params.chord_keys();
        while let Some(event) = context.next_event() {
            let (key, is_down, at) = match event {
                NoteEvent::NoteOn { key: Key::Number(key), timing, velocity, .. } => {
                    (key, velocity > 0.0, timing)
                }
                NoteEvent::NoteOff { key: Key::Number(key), timing, .. } => (key, false, timing),
                _ => continue,
            };
            if chords_from.is_some_and(|from| key >= from) {
                let beat =
                    position.beat + f64::from(at) * position.bpm / (60.0 * self.sample_rate_hz) + shift;
                self.listener.key(key, is_down, beat);
                self.port.play(PlayedKey { key, is_down, beat: Some(beat).filter(|_| position.playing) });
            } else if is_down && let Some((target, slot)) = trigger::of_key(key) {
                add(TriggerEvent { target, slot, at });
            } else if is_down && let Some(section) = trigger::section_of_key(key) {
                sections.add(at as usize, section);
            }
        }
        for event in events.into_iter().flatten() {
            self.trigger(event, &position);
        }

        if let Some(section) = sections.take_at(0) {
            self.note_section = Some(section);
        }
        let controls = self.controls();
        self.demand(&controls, &position, samples);
        self.follow(&position);
        self.port.wait();

        self.mixer.aim(&self.params, &self.control.host);
        if std::mem::take(&mut self.fresh) {
            self.mixer.snap();
        }
        let shift = self.player.as_ref().map_or(0.0, Player::shift);
        self.control.audio.shift.store(shift, Ordering::Relaxed);
        self.control.audio.store_locks(self.params.locked());
        let playhead_beat = position.beat + shift;
        let is_new_beat =
            self.control.audio.playhead_beat.load(Ordering::Relaxed).floor() != playhead_beat.floor();
        self.control.audio.playhead_beat.store(playhead_beat, Ordering::Relaxed);
        let song_quarter = self.player.as_ref().and_then(|player| player.song_quarter(&position));
        self.control.audio.song_quarter.store(song_quarter.unwrap_or(f64::NAN), Ordering::Relaxed);
        let section = self.player.as_ref().and_then(|player| player.section_at(&position));
        self.control.audio.section.store(section.map_or(0, |index| index as u32 + 1), Ordering::Relaxed);
        let changes =
            self.control.audio.playing.swap(position.playing, Ordering::Relaxed) != position.playing;
        // The editor keeps drawing by itself. A beat revives it if the window library has lost a drawing.
        let has_music = |player: &Player| Track::ALL.into_iter().any(|track| player.clip(track).is_some());
        if changes || (position.playing && is_new_beat && self.player.as_ref().is_some_and(has_music)) {
            self.control.repaint.request_repaint();
        }

        let ([main_left, main_right], Ok(outputs)) =
            (buffer.as_slice(), <&mut [Buffer; AUX_OUTPUTS]>::try_from(&mut *aux.outputs))
        else {
            return ProcessStatus::Normal;
        };
        let mut pairs: [[&mut [f32]; 2]; AUX_OUTPUTS] = Default::default();
        for (pair, output) in pairs.iter_mut().zip(outputs) {
            let [left, right] = output.as_slice() else { return ProcessStatus::Normal };
            *pair = [&mut **left, &mut **right];
        }
        let [drums, bass, harmony, melody, drum_voices @ ..] = pairs;
        let (mut stems, mut drum_voices): (_, DrumOutputs<'_>) =
            ([drums, bass, harmony, melody], drum_voices);
        let mut drum_voices = self.control.host.has_drum_outputs().then_some(&mut drum_voices);
        let mut from = 0;
        while from < samples || from == 0 {
            if let Some(section) = sections.take_at(from) {
                self.note_section = Some(section);
            }
            let to = sections.next().map_or(samples, |at| at.max(from + 1).min(samples));
            let position = advanced(&position, from, self.sample_rate_hz);
            let controls = self.controls();
            self.demand(&controls, &position, to - from);
            self.port.wait();
            let Some(player) = &mut self.player else { break };
            let mut part = stems.each_mut().map(|[left, right]| [&mut left[from..to], &mut right[from..to]]);
            let mut drums = drum_voices.as_mut().map(|drums| {
                drums.each_mut().map(|[left, right]| [&mut left[from..to], &mut right[from..to]])
            });
            player.process(position, &controls, &mut part, drums.as_mut());
            self.note_output.process(player.notes(), notes::enabled(&self.params), |message| {
                let message = NoteMessage { at: message.at + from as u32, ..message };
                context.try_send_event(notes::event(message)).is_ok()
            });
            from = to.max(1);
        }
        self.mixer.mix(&mut stems, drum_voices, [main_left, main_right], &self.control.audio.meters);
        ProcessStatus::KeepAlive
    }
}
