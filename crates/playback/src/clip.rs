//! A take's audio, prepared for the audio thread.

use std::sync::Arc;

use resonantgen_music::plan::Plan;
use resonantgen_music::score::Score;
use resonantgen_take::{FULL_SCALE, StemAudio, TAKE_SAMPLE_RATE_HZ, Take};

use resonantgen_sound::resample::resample_loop;
use resonantgen_sound::split::{DRUM_VOICE_COUNT, Stereo};

use super::dials::{Dials, Onsets, Piece};
use super::notes::{self, ClipNote};
use super::song::{SongJoin, SongPass, SongSamples};

/// Left and right sample of a stem, then those of a drum stem's kick, snare and hats. Percussion is the remainder.
pub(super) type Lanes = [[f32; 2]; DRUM_VOICE_COUNT];
/// Kick, snare and hats of a drum clip, each as long as the clip.
pub type DrumVoices = [Stereo; DRUM_VOICE_COUNT - 1];

/// Combines two samples of each lane and side.
#[inline]
pub(super) fn combine(one: Lanes, other: Lanes, with: impl Fn(f32, f32) -> f32) -> Lanes {
    let mut lanes = one;
    for (lane, other) in lanes.iter_mut().flatten().zip(other.iter().flatten()) {
        *lane = with(*lane, *other);
    }
    lanes
}

/// Tempos that differ by less than this fraction count as equal: the drift over a loop is below one sample.
const TEMPO_TOLERANCE: f64 = 1e-6;
/// Offset in samples added before positions are rounded, so that the last bit of a host's beat position does not decide a tie.
const ROUNDING_BIAS: f64 = 1e-3;
/// Positions within a slice are rounded to this fraction of a sample, so that the last bits of a host's beat position do not
/// change the crossfade's gains.
const SLICE_RESOLUTION: f64 = 64.0;
/// Crossfade between two slices, in seconds.
const SLICE_FADE_SECONDS: f64 = 0.002;
/// How long before its grid step a slice begins, in seconds, so that the crossfade does not touch the attack.
const SLICE_LEAD_SECONDS: f64 = 0.004;

/// Whether a take made at one tempo plays at another without slicing. Realtime-safe.
#[must_use]
pub fn is_same_tempo(made_bpm: f64, heard_bpm: f64) -> bool {
    ((heard_bpm - made_bpm) / made_bpm).abs() < TEMPO_TOLERANCE
}

/// Storage of a clip's samples.
#[derive(Debug)]
enum Samples {
    /// The take's own samples, shared without a copy, for a host that runs at the take's rate.
    Take(Arc<StemAudio>),
    /// Left and right, resampled.
    Own(Vec<f32>, Vec<f32>),
    /// A whole song.
    Song(SongSamples),
}

/// A take at the host's sample rate: everything the audio thread needs, immutable.
#[derive(Clone, Debug)]
pub struct Clip {
    samples: Arc<Samples>,
    /// Kick, snare and hats, once they have been requested.
    voices: Option<Arc<DrumVoices>>,
    sample_rate_hz: f64,
    bpm: f64,
    quarters: f64,
    quarters_per_bar: f64,
    /// The loop's length before rounding to whole samples.
    exact_samples: f64,
    notes: Arc<[ClipNote]>,
    onsets: Arc<Onsets>,
}

impl Clip {
    /// Prepares a take for a host that runs at `sample_rate_hz`. At [`TAKE_SAMPLE_RATE_HZ`] its samples are the take's,
    /// divided by [`FULL_SCALE`]. Not realtime-safe: it allocates and, at other rates, resamples.
    #[must_use]
    pub fn prepare(take: &Take, sample_rate_hz: f64) -> Self {
        let plan = &take.recipe.plan;
        let samples = if sample_rate_hz == f64::from(TAKE_SAMPLE_RATE_HZ) {
            Samples::Take(take.audio.clone())
        } else {
            let channel = |samples: &[i32]| {
                let samples: Vec<f32> = samples.iter().map(|&sample| sample as f32 / FULL_SCALE).collect();
                resample_loop(&samples, (plan.seconds() * sample_rate_hz).round() as usize)
            };
            Samples::Own(channel(&take.audio.left), channel(&take.audio.right))
        };
        Self::with(plan, samples, sample_rate_hz).with_score(&take.score, plan)
    }

    /// A clip of stereo samples that last one loop of `plan` at `sample_rate_hz`, without notes.
    #[must_use]
    pub fn new(plan: &Plan, left: Vec<f32>, right: Vec<f32>, sample_rate_hz: f64) -> Self {
        Self::with(plan, Samples::Own(left, right), sample_rate_hz)
    }

    fn with(plan: &Plan, samples: Samples, sample_rate_hz: f64) -> Self {
        Self {
            samples: Arc::new(samples),
            voices: None,
            sample_rate_hz,
            bpm: plan.bpm,
            quarters: plan.quarters().max(f64::MIN_POSITIVE),
            quarters_per_bar: plan.meter.quarters_per_bar(),
            exact_samples: plan.seconds() * sample_rate_hz,
            notes: Arc::default(),
            onsets: Arc::default(),
        }
    }

    /// A clip of a whole song on one track, which does not loop: its passes in order and without gaps, and the joins between them.
    /// Both are made for `bpm` and `sample_rate_hz`. Not realtime-safe.
    ///
    /// # Panics
    /// Panics if a pass plays a song.
    #[must_use]
    pub fn song(passes: Vec<SongPass>, joins: Vec<Arc<SongJoin>>, bpm: f64, sample_rate_hz: f64) -> Self {
        let mut clips = passes.iter().filter_map(|pass| pass.clip.as_ref());
        assert!(clips.all(|clip| clip.loops()), "a song within a song");
        let quarters = passes.last().map_or(0.0, |pass| pass.start_quarter + pass.quarters);
        let first = passes.iter().find_map(|pass| pass.clip.as_ref());
        let quarters_per_bar = first.map_or(4.0, |clip| clip.quarters_per_bar);
        let song = SongSamples::new(passes, joins, bpm, sample_rate_hz);
        let (notes, onsets) = (song.notes(), Onsets::of_song(&song, quarters, bpm));
        Self {
            samples: Arc::new(Samples::Song(song)),
            voices: None,
            sample_rate_hz,
            bpm,
            quarters: quarters.max(f64::MIN_POSITIVE),
            quarters_per_bar,
            exact_samples: quarters * 60.0 / bpm * sample_rate_hz,
            notes,
            onsets,
        }
    }

    pub(super) fn as_song(&self) -> Option<&SongSamples> {
        match &*self.samples {
            Samples::Song(song) => Some(song),
            Samples::Take(_) | Samples::Own(..) => None,
        }
    }

    /// Whether the clip starts over at its end. Takes do, songs do not. Realtime-safe.
    #[must_use]
    pub fn loops(&self) -> bool {
        self.as_song().is_none()
    }

    /// The onsets of its score.
    pub(super) fn onsets(&self) -> &Onsets {
        &self.onsets
    }

    /// The same clip with the notes of its score, which was written for `plan`. Not realtime-safe.
    #[must_use]
    pub fn with_score(self, score: &Score, plan: &Plan) -> Self {
        Self { notes: notes::clip_notes(score, plan), onsets: Onsets::new(score, plan), ..self }
    }

    /// The same clip of a drum take with its kick, snare and hats, at the clip's rate and length. Not realtime-safe.
    ///
    /// # Panics
    /// Panics if `voices` are not as long as the clip.
    #[must_use]
    pub fn with_voices(&self, voices: DrumVoices) -> Self {
        let length = self.len();
        assert!(voices.iter().flatten().all(|channel| channel.len() == length), "voices of another length");
        Self { voices: Some(Arc::new(voices)), ..self.clone() }
    }

    /// Whether the clip has separate kick, snare and hats.
    #[must_use]
    pub fn has_voices(&self) -> bool {
        self.as_song().map_or(self.voices.is_some(), SongSamples::has_voices)
    }

    /// Whether both clips share their samples and differ only in additional information. Realtime-safe.
    #[must_use]
    pub fn is_same_sound(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.samples, &other.samples)
            || self.as_song().zip(other.as_song()).is_some_and(|(one, other)| one.is_same_sound(other))
    }

    /// Whether both are songs that play the same pass at a position in quarter notes. Realtime-safe.
    pub(super) fn agrees_at(&self, other: &Self, quarter: f64) -> bool {
        self.as_song().zip(other.as_song()).is_some_and(|(one, other)| one.agrees_at(other, quarter))
    }

    /// Length in audio frames at the clip's rate.
    #[must_use]
    pub fn len(&self) -> usize {
        match &*self.samples {
            Samples::Take(audio) => audio.left.len().min(audio.right.len()),
            Samples::Own(left, right) => left.len().min(right.len()),
            Samples::Song(song) => song.len(),
        }
    }

    /// Whether the clip has no audio frames.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The clip's notes, sorted by start.
    pub(super) fn notes(&self) -> &[ClipNote] {
        &self.notes
    }

    /// Length of the loop in quarter notes.
    #[must_use]
    pub fn quarters(&self) -> f64 {
        self.quarters
    }

    /// Length of one of the loop's bars in quarter notes.
    #[must_use]
    pub fn quarters_per_bar(&self) -> f64 {
        self.quarters_per_bar
    }

    /// Tempo at which the clip was made, in quarter notes per minute.
    #[must_use]
    pub fn bpm(&self) -> f64 {
        self.bpm
    }

    /// Whether the clip was made for this tempo and needs no slicing. Realtime-safe.
    #[must_use]
    pub fn is_at(&self, bpm: f64) -> bool {
        is_same_tempo(self.bpm, bpm)
    }

    /// Left and right sample at a beat position (quarter notes, any sign) of a timeline that runs at `bpm`.
    ///
    /// At the clip's own tempo these are the take's samples. At another tempo the clip is sliced at its grid steps, and each
    /// slice starts on the host's grid at its original speed. If the host is slower, gaps are filled with the end of the slice in
    /// reverse; if it is faster, slices are faded out early. Realtime-safe.
    #[inline]
    #[must_use]
    pub fn at(&self, beat: f64, bpm: f64) -> [f32; 2] {
        self.lanes(beat, bpm)[0]
    }

    /// Like [`at`](Self::at), with kick, snare and hats; they are silent if not available.
    #[inline]
    pub(super) fn lanes(&self, beat: f64, bpm: f64) -> Lanes {
        let turns = beat / self.quarters;
        let phase = if self.loops() { turns - turns.floor() } else { turns };
        if self.is_at(bpm) {
            return self.sample(phase * self.exact_samples);
        }
        self.sliced(phase * self.quarters, bpm)
    }

    /// Like [`lanes`](Self::lanes), with the dials applied. `known` caches the last piece found with the same dials and tempo.
    #[inline]
    pub(super) fn played(&self, beat: f64, bpm: f64, dials: &Dials, known: &mut Option<Piece>) -> Lanes {
        if !dials.moves() || bpm.is_nan() || bpm <= 0.0 {
            return self.lanes(beat, bpm);
        }
        self.onsets.read(beat, bpm, dials, known, |beat| self.lanes(beat, self.bpm))
    }

    /// How far the dials move the notes that start at a beat of the loop, in quarter notes. Realtime-safe.
    pub(super) fn shift_of(&self, at: f64, dials: &Dials, bpm: f64) -> f64 {
        self.onsets.shift_of(at, dials, bpm)
    }

    /// Whether a timeline that runs at `bpm` is at the loop's first sample. Realtime-safe.
    #[must_use]
    pub fn starts_at(&self, beat: f64, bpm: f64) -> bool {
        let turns = beat / self.quarters;
        let samples_per_turn = self.quarters * 60.0 / bpm * self.sample_rate_hz;
        let from_start = if self.loops() { turns - turns.round() } else { turns };
        (from_start * samples_per_turn).abs() < 0.5 - ROUNDING_BIAS
    }

    /// Sample nearest to a position in samples, wrapped at the loop's end. A song is silent outside its bounds.
    #[inline]
    fn sample(&self, position: f64) -> Lanes {
        let nearest = (position + 0.5 + ROUNDING_BIAS).floor() as i64;
        if let Samples::Song(song) = &*self.samples {
            return song.frame(nearest);
        }
        match self.len() {
            0 => Lanes::default(),
            length => self.frame(nearest.rem_euclid(length as i64) as usize),
        }
    }

    /// Left and right sample at an audio frame counted from the start, wrapped at the loop's end. Realtime-safe.
    #[must_use]
    pub fn wrapped(&self, frame: usize) -> [f32; 2] {
        match self.len() {
            0 => [0.0; 2],
            length => self.frame(frame % length)[0],
        }
    }

    /// One audio frame; `index` must be below [`len`](Self::len).
    #[inline]
    pub(super) fn frame(&self, index: usize) -> Lanes {
        let mut lanes = Lanes::default();
        lanes[0] = match &*self.samples {
            Samples::Take(audio) => {
                [audio.left[index] as f32 / FULL_SCALE, audio.right[index] as f32 / FULL_SCALE]
            }
            Samples::Own(left, right) => [left[index], right[index]],
            Samples::Song(song) => return song.frame(index as i64),
        };
        if let Some(voices) = &self.voices {
            for (lane, [left, right]) in lanes[1..].iter_mut().zip(&**voices) {
                *lane = [left[index], right[index]];
            }
        }
        lanes
    }

    fn sliced(&self, loop_beat: f64, bpm: f64) -> Lanes {
        const STEPS_PER_QUARTER: f64 = resonantgen_music::plan::STEPS_PER_QUARTER as f64;
        if bpm.is_nan() || bpm <= 0.0 {
            return Lanes::default();
        }
        let host_samples_per_step = 60.0 / bpm / STEPS_PER_QUARTER * self.sample_rate_hz;
        let slice_samples = self.exact_samples / (self.quarters * STEPS_PER_QUARTER);
        let lead = SLICE_LEAD_SECONDS * self.sample_rate_hz;
        let fade = (SLICE_FADE_SECONDS * self.sample_rate_hz).min(host_samples_per_step / 2.0);

        let position = loop_beat * STEPS_PER_QUARTER + lead / host_samples_per_step;
        let step = position.floor();
        let elapsed =
            ((position - step) * host_samples_per_step * SLICE_RESOLUTION).round() / SLICE_RESOLUTION;
        let read = |step: f64, elapsed: f64| {
            if elapsed <= slice_samples {
                return self.sample(step * slice_samples - lead + elapsed);
            }
            // If the host is much slower, the slice is played to its end, then backwards, and fades out.
            let within = 2.0 * slice_samples - elapsed;
            if within <= 0.0 {
                return Lanes::default();
            }
            let gain = (within / fade).min(1.0) as f32;
            self.sample(step * slice_samples - lead + within).map(|lane| lane.map(|sample| sample * gain))
        };
        let new = read(step, elapsed);
        if elapsed >= fade {
            return new;
        }
        let rise = (elapsed / fade) as f32;
        let old = read(step - 1.0, elapsed + host_samples_per_step);
        combine(old, new, |old, new| old + (new - old) * rise)
    }
}
