//! Measures of a take: whether it is on the grid, in key, audible, and loops cleanly.
//!
//! Every new take is measured from its audio and its score before it is offered; the generator makes another candidate if one
//! fails. The figures stay with the take, so that a session can show them.

pub mod fit;
mod music;
mod onsets;
pub mod sound;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use music::{Music, onset_steps};
pub use onsets::{Onset, onsets};
use sound::Spectrum;

use crate::audio::{FULL_SCALE, StemAudio, TAKE_SAMPLE_RATE_HZ};
use resonantgen_music::plan::Plan;
use resonantgen_music::score::Note;
use resonantgen_music::track::Track;

/// Bounds in hertz of the bands of [`Measures::bands`]: sub, bass, low mid, mid, presence, air.
pub const BAND_EDGES_HZ: [f32; 7] = [20.0, 60.0, 250.0, 800.0, 2_500.0, 8_000.0, 20_000.0];
/// Number of bands.
pub const BAND_COUNT: usize = BAND_EDGES_HZ.len() - 1;

/// Figures of one take. `None` means that a figure does not apply to the track (drums have no key) or cannot be determined
/// (nothing sounds). All numbers are finite.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Measures {
    /// Share of the onsets heard in the audio that lie within 20 ms of the (swung) sixteenth or triplet grid.
    pub on_grid: Option<f32>,
    /// Share of the notes' time in the scale of key and chord.
    pub in_scale: Option<f32>,
    /// Share of the notes' time on chord tones; harmony and bass.
    pub chord_tones: Option<f32>,
    /// Share of the bass's notes on bar starts that are the chord's root.
    pub downbeat_roots: Option<f32>,
    /// Mean likeness of each bar to the most similar of the bars one, two and four before, from 0 to 1.
    pub repetition: Option<f32>,
    /// Note onsets per bar (a chord counts once).
    pub onsets_per_bar: f32,
    /// Share of the bars in which nothing sounds.
    pub empty_bars: f32,
    /// Share of the notes or hits that are audible: the level after their start is within 40 dB of the loudest.
    pub notes_heard: Option<f32>,
    /// Share of 50 ms blocks below -60 dBFS.
    pub silence: f32,
    /// Number of discontinuities in the waveform that no hit or note explains.
    pub clicks: u32,
    /// Sharpness of the waveform's bend at the loop's seam, relative to the sharpest elsewhere; above 1 it may be audible as
    /// a click.
    pub seam: f32,
    /// Mean spectral centroid in hertz, weighted by power.
    pub centroid_hz: Option<f32>,
    /// Share of the energy in each band of [`BAND_EDGES_HZ`].
    pub bands: [f32; BAND_COUNT],
    /// Share of the energy in the track's planned band.
    pub in_band: Option<f32>,
    /// Integrated loudness in LUFS (ITU-R BS.1770-4).
    pub loudness_lufs: Option<f32>,
    /// Highest true peak of both channels in dBTP (ITU-R BS.1770-4, annex 2).
    pub true_peak_dbtp: Option<f32>,
    /// Number of candidates made until this one was chosen; 0 if unknown.
    pub candidates: u32,
}

/// A fault that a listener would notice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Failure {
    /// Nothing, or almost nothing, is audible.
    Silent,
    /// Some notes are not audible; the share of audible notes.
    NotesUnheard(f32),
    /// Onsets are off the grid; the share on it.
    OffGrid(f32),
    /// Notes are outside key and chord; the share inside.
    OutOfKey(f32),
    /// Too few chord tones; their share.
    FewChordTones(f32),
    /// The bass does not play the root on downbeats; the share of downbeats on the root.
    DownbeatsOffRoot(f32),
    /// Bars are empty; their share.
    EmptyBars(f32),
    /// The bars have nothing in common; their likeness.
    Restless(f32),
    /// The sound is outside the track's band; the share inside.
    OutOfBand(f32),
    /// The waveform has clicks; their number.
    Clicks(u32),
    /// The loop clicks at its seam.
    Seam(f32),
    /// The true peak in dBTP leaves no headroom.
    Peak(f32),
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f32| (share * 100.0).round();
        match *self {
            Self::Silent => write!(formatter, "nothing is heard"),
            Self::NotesUnheard(share) => {
                write!(formatter, "only {} % of the notes are heard", percent(share))
            }
            Self::OffGrid(share) => {
                write!(formatter, "only {} % of the hits are on the grid", percent(share))
            }
            Self::OutOfKey(share) => write!(formatter, "only {} % of the notes are in key", percent(share)),
            Self::FewChordTones(share) => {
                write!(formatter, "only {} % of the notes are chord tones", percent(share))
            }
            Self::DownbeatsOffRoot(share) => {
                write!(formatter, "the bass is on the root on only {} % of the downbeats", percent(share))
            }
            Self::EmptyBars(share) => write!(formatter, "{} % of the bars are empty", percent(share)),
            Self::Restless(_) => write!(formatter, "the bars have little in common"),
            Self::OutOfBand(share) => {
                write!(formatter, "only {} % of the sound lies in the track's band", percent(share))
            }
            Self::Clicks(count) => write!(formatter, "{count} clicks"),
            Self::Seam(_) => write!(formatter, "the loop may click at its seam"),
            Self::Peak(peak) => write!(formatter, "the true peak is {peak:.1} dBTP"),
        }
    }
}

impl fmt::Display for Measures {
    /// The most important figures, in one line.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shares = [
            (self.on_grid, "on the grid"),
            (self.in_scale, "in key"),
            (self.chord_tones, "chord tones"),
            (self.downbeat_roots, "roots on downbeats"),
        ];
        for (share, what) in shares {
            if let Some(share) = share {
                write!(formatter, "{:.0} % {what}, ", share * 100.0)?;
            }
        }
        write!(formatter, "{:.1} onsets a bar", self.onsets_per_bar)?;
        if let (Some(loudness), Some(peak)) = (self.loudness_lufs, self.true_peak_dbtp) {
            write!(formatter, ", {loudness:.1} LUFS, {peak:.1} dBTP")?;
        }
        if self.candidates > 1 {
            write!(formatter, ", best of {}", self.candidates)?;
        }
        Ok(())
    }
}

/// Minimum values for a take; see [`Measures`].
const LEAST_HEARD: f32 = 0.85;
/// Low, because rolls of toms and timpani are hard to resolve, and scores are on the grid by construction.
const LEAST_ON_GRID: f32 = 0.5;
const LEAST_IN_SCALE: f32 = 0.9;
const LEAST_CHORD_TONES: f32 = 0.7;
const LEAST_ROOTS: f32 = 0.75;
const LEAST_REPETITION: f32 = 0.35;
const LEAST_IN_BAND: f32 = 0.6;
const MOST_EMPTY: f32 = 0.5;

impl Failure {
    /// Whether the fault is in the sound, not in the notes.
    #[must_use]
    pub fn is_of_sound(&self) -> bool {
        match self {
            Self::Silent
            | Self::NotesUnheard(_)
            | Self::OffGrid(_)
            | Self::OutOfBand(_)
            | Self::Clicks(_)
            | Self::Seam(_)
            | Self::Peak(_) => true,
            Self::OutOfKey(_)
            | Self::FewChordTones(_)
            | Self::DownbeatsOffRoot(_)
            | Self::EmptyBars(_)
            | Self::Restless(_) => false,
        }
    }

    /// Distance from the allowed range, from 0 to 1.
    #[must_use]
    fn distance(&self) -> f32 {
        match *self {
            Self::Silent | Self::Clicks(_) | Self::Seam(_) | Self::Peak(_) => 1.0,
            Self::NotesUnheard(share) => LEAST_HEARD - share,
            Self::OffGrid(share) => LEAST_ON_GRID - share,
            Self::OutOfKey(share) => LEAST_IN_SCALE - share,
            Self::FewChordTones(share) => LEAST_CHORD_TONES - share,
            Self::DownbeatsOffRoot(share) => LEAST_ROOTS - share,
            Self::Restless(share) => LEAST_REPETITION - share,
            Self::OutOfBand(share) => LEAST_IN_BAND - share,
            Self::EmptyBars(share) => share - MOST_EMPTY,
        }
    }
}

/// Notes within this time of each other are one onset.
const TOGETHER_S: f64 = 0.02;
/// Onsets this near to the grid are on it.
const ON_GRID_S: f64 = 0.02;

/// The planned band of a track's sound, in hertz.
#[must_use]
pub const fn planned_band_hz(track: Track) -> (f32, f32) {
    match track {
        Track::Drums => (20.0, 20_000.0),
        Track::Bass => (25.0, 800.0),
        Track::Harmony => (100.0, 6_000.0),
        Track::Melody => (150.0, 8_000.0),
    }
}

impl Measures {
    /// Measures a take's audio and score. Takes about 2 ms per second of music; not realtime-safe.
    #[must_use]
    pub fn new(track: Track, plan: &Plan, notes: &[Note], audio: &StemAudio) -> Self {
        let floats =
            |samples: &[i32]| samples.iter().map(|sample| *sample as f32 / FULL_SCALE).collect::<Vec<_>>();
        let (left, right) = (floats(&audio.left), floats(&audio.right));
        let mono = sound::mono(audio);
        let music = Music::new(track, plan, notes);
        let starts = starts(plan, notes, mono.len());
        let spectrum = Spectrum::new(&mono);
        let (low, high) = planned_band_hz(track);
        Self {
            on_grid: (track == Track::Drums).then(|| on_grid(plan, &onsets(&mono))).flatten(),
            notes_heard: notes_heard(&mono, &attacks(&starts)),
            silence: sound::silence(&mono),
            clicks: sound::clicks(&mono, &starts),
            seam: sound::seam(&mono, &starts),
            centroid_hz: spectrum.centroid_hz(),
            bands: spectrum.bands(),
            in_band: spectrum.share(low, high),
            loudness_lufs: sound::loudness(&left, &right),
            true_peak_dbtp: sound::true_peak(&left, &right),
            ..Self::of_score(&music)
        }
    }
    /// The measures of a score alone; the measures of sound have faultless values.
    #[must_use]
    pub fn of_score(music: &Music) -> Self {
        Self {
            in_scale: music.in_scale,
            chord_tones: music.chord_tones,
            downbeat_roots: music.downbeat_roots,
            repetition: music.repetition,
            onsets_per_bar: music.onsets_per_bar,
            empty_bars: music.empty_bars,
            ..Self::default()
        }
    }

    /// Total shortfall: for each failure, 1 plus its distance; 0 if there are no failures.
    #[must_use]
    pub fn shortfall(&self) -> f32 {
        self.failures().iter().map(|failure| 1.0 + failure.distance()).sum()
    }

    /// Faults that a listener would notice, worst first; empty if there are none.
    #[must_use]
    pub fn failures(&self) -> Vec<Failure> {
        let mut failures = Vec::new();
        if self.silence > 0.98 {
            failures.push(Failure::Silent);
        }
        let mut below = |value: Option<f32>, least: f32, failure: fn(f32) -> Failure| {
            failures.extend(value.filter(|value| *value < least).map(failure));
        };
        below(self.notes_heard, LEAST_HEARD, Failure::NotesUnheard);
        below(self.on_grid, LEAST_ON_GRID, Failure::OffGrid);
        below(self.in_scale, LEAST_IN_SCALE, Failure::OutOfKey);
        below(self.chord_tones, LEAST_CHORD_TONES, Failure::FewChordTones);
        below(self.downbeat_roots, LEAST_ROOTS, Failure::DownbeatsOffRoot);
        below(self.repetition, LEAST_REPETITION, Failure::Restless);
        below(self.in_band, LEAST_IN_BAND, Failure::OutOfBand);
        if self.empty_bars > MOST_EMPTY {
            failures.push(Failure::EmptyBars(self.empty_bars));
        }
        if self.clicks > 0 {
            failures.push(Failure::Clicks(self.clicks));
        }
        if self.seam > 2.0 {
            failures.push(Failure::Seam(self.seam));
        }
        failures.extend(self.true_peak_dbtp.filter(|peak| *peak > 0.0).map(Failure::Peak));
        failures
    }
}

/// Audio frames at which notes start, sorted.
fn starts(plan: &Plan, notes: &[Note], audio_frames: usize) -> Vec<usize> {
    let rate = f64::from(TAKE_SAMPLE_RATE_HZ);
    let mut starts: Vec<usize> = notes
        .iter()
        .map(|note| {
            (plan.seconds_at(f64::from(note.step) + f64::from(note.offset)) * rate).round().max(0.0) as usize
        })
        .filter(|start| *start < audio_frames)
        .collect();
    starts.sort_unstable();
    starts
}

/// Starts that are heard one by one: those of nearly simultaneous notes are one attack.
fn attacks(starts: &[usize]) -> Vec<usize> {
    let together = (TOGETHER_S * f64::from(TAKE_SAMPLE_RATE_HZ)) as usize;
    let mut attacks = starts.to_vec();
    attacks.dedup_by(|later, earlier| *later < *earlier + together);
    attacks
}

/// Share of onsets within 20 ms of a sixteenth (swung or straight) or a triplet eighth; `None` if fewer than four are found.
#[must_use]
pub fn on_grid(plan: &Plan, onsets: &[Onset]) -> Option<f32> {
    let steps = plan.total_steps();
    let mut grid: Vec<f64> = (0..=steps)
        .flat_map(|step| {
            let straight = f64::from(step) * plan.step_seconds();
            [plan.seconds_at(f64::from(step)), straight]
        })
        .chain((0..=steps * 3 / 4).map(|triplet| f64::from(triplet) * plan.step_seconds() * 4.0 / 3.0))
        .collect();
    grid.sort_by(f64::total_cmp);
    let is_near = |onset: &&Onset| {
        let next = grid.partition_point(|line| *line < onset.seconds - ON_GRID_S);
        grid.get(next).is_some_and(|line| *line <= onset.seconds + ON_GRID_S)
    };
    (onsets.len() >= 4).then(|| onsets.iter().filter(is_near).count() as f32 / onsets.len() as f32)
}

/// Share of attacks after which the level reaches within 40 dB of the loudest attack's.
fn notes_heard(mono: &[f32], attacks: &[usize]) -> Option<f32> {
    const WINDOW: usize = 4_800;
    let levels: Vec<f32> = attacks
        .iter()
        .map(|attack| {
            let part = &mono[*attack..(attack + WINDOW).min(mono.len())];
            part.iter().map(|sample| sample * sample).sum::<f32>() / part.len().max(1) as f32
        })
        .collect();
    let loudest = levels.iter().copied().fold(0.0, f32::max);
    let heard = levels.iter().filter(|level| **level > loudest * 1e-4).count();
    (!levels.is_empty()).then(|| heard as f32 / levels.len() as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_say_what_is_wrong() {
        let fine = Measures { on_grid: Some(0.99), in_scale: Some(1.0), ..Measures::default() };
        assert!(fine.failures().is_empty());
        let bad = Measures { silence: 1.0, on_grid: Some(0.4), clicks: 3, ..fine };
        let texts: Vec<String> = bad.failures().iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["nothing is heard", "only 40 % of the hits are on the grid", "3 clicks"]);
    }

    #[test]
    fn the_attack_of_a_note_soon_after_another_is_no_click() {
        let plan = music::tests::plan(&["C", "C"]);
        let rate = f64::from(TAKE_SAMPLE_RATE_HZ);
        let note = |offset: f32| Note { step: 4, offset, length: 1.0, pitch: 38, velocity: 100 };
        let later = (0.018 / plan.step_seconds()) as f32;
        let mut samples = vec![0_i32; (rate * plan.total_steps() as f64 * plan.step_seconds()) as usize];
        for offset in [0.0, later] {
            let start = (plan.seconds_at(4.0 + f64::from(offset)) * rate).round() as usize;
            for (age, sample) in samples[start..start + 9_600].iter_mut().enumerate() {
                *sample += (0.3 * FULL_SCALE * (-(age as f32) / 2_000.0).exp()) as i32;
            }
        }
        let audio = StemAudio { left: samples.clone(), right: samples };
        let clicks = |notes: &[Note]| Measures::new(Track::Drums, &plan, notes, &audio).clicks;
        assert_eq!(clicks(&[note(0.0), note(later)]), 0);
        assert_eq!(clicks(&[note(0.0)]), 1);
    }

    #[test]
    fn measures_survive_json_and_older_ones_are_read() {
        let measures =
            Measures { on_grid: Some(0.123_456_78), bands: [0.1; BAND_COUNT], ..Measures::default() };
        let json = serde_json::to_string(&measures).expect("plain data");
        assert_eq!(serde_json::from_str::<Measures>(&json).expect("the same"), measures);
        assert_eq!(serde_json::from_str::<Measures>("{\"clicks\":2}").expect("fewer fields").clicks, 2);
    }
}
