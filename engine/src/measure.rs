//! What can be said of a take by measuring it: is it on the grid, in key, does it sound, does it loop.
//!
//! Every new take is measured from its audio and its score before it is offered ([`crate::generator`] tries again when a
//! candidate fails); the figures stay with the take, so that a session can show why a take is what it is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Bounds in hertz of the bands of [`Measures::bands`]: sub, bass, low mid, mid, presence, air.
pub const BAND_EDGES_HZ: [f32; 7] = [20.0, 60.0, 250.0, 800.0, 2_500.0, 8_000.0, 20_000.0];
/// How many bands there are.
pub const BAND_COUNT: usize = BAND_EDGES_HZ.len() - 1;

/// Figures of one take. `None` stands for what has no meaning for the track (drums have no key) or cannot be told (nothing
/// sounds). All numbers are finite.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Measures {
    /// Share of the onsets heard in the audio that lie within 20 ms of the (swung) sixteenth or triplet grid.
    pub on_grid: Option<f32>,
    /// Share of the notes' time that lies in the scale of key and chord.
    pub in_scale: Option<f32>,
    /// Share of the heard tonal energy that lies on pitch classes of the scale of key and chord.
    pub in_key: Option<f32>,
    /// Share of the notes' time that lies on chord tones: harmony and bass.
    pub chord_tones: Option<f32>,
    /// Share of the bass's notes on bar starts that are root or fifth of their chord.
    pub downbeat_roots: Option<f32>,
    /// How alike bars are to the most alike of the bars one, two and four before, from 0 to 1.
    pub repetition: Option<f32>,
    /// Note onsets in a bar (chords count once).
    pub onsets_per_bar: f32,
    /// Share of the bars in which nothing sounds.
    pub empty_bars: f32,
    /// Share of 50 ms blocks below -60 dBFS.
    pub silence: f32,
    /// Breaks in the wave form that no hit or note explains.
    pub clicks: u32,
    /// How much sharper the wave form bends at the loop's seam than it does in the sharpest of other places; above 1 it may
    /// be heard as a click.
    pub seam: f32,
    /// Mean of the spectrum's centre of gravity in hertz, weighted by power.
    pub centroid_hz: Option<f32>,
    /// Share of the energy in each band of [`BAND_EDGES_HZ`].
    pub bands: [f32; BAND_COUNT],
    /// Share of the energy in the band that is planned for the track.
    pub in_band: Option<f32>,
    /// Integrated loudness in LUFS (ITU-R BS.1770-4).
    pub loudness_lufs: Option<f32>,
    /// Highest true peak of both channels in dBTP (ITU-R BS.1770-4, annex 2).
    pub true_peak_dbtp: Option<f32>,
    /// How many candidates were made until this one was chosen; 0 when it is not known.
    pub candidates: u32,
}

/// Something that a listener would object to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Failure {
    /// Nothing, or next to nothing, is heard.
    Silent,
    /// Onsets lie off the grid; the share of those on it.
    OffGrid(f32),
    /// Notes lie outside of key and chord; the share of those inside.
    OutOfKey(f32),
    /// Too few chord tones; their share.
    FewChordTones(f32),
    /// The bass leaves the root on downbeats; the share of those that keep it.
    DownbeatsOffRoot(f32),
    /// Bars are empty; their share.
    EmptyBars(f32),
    /// The bars have nothing in common; how alike they are.
    Restless(f32),
    /// The sound lies outside of the track's band; the share inside.
    OutOfBand(f32),
    /// The wave form breaks; how often.
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
            Self::OffGrid(share) => {
                write!(formatter, "only {} % of the hits are on the grid", percent(share))
            }
            Self::OutOfKey(share) => write!(formatter, "only {} % of the notes are in key", percent(share)),
            Self::FewChordTones(share) => {
                write!(formatter, "only {} % of the notes are chord tones", percent(share))
            }
            Self::DownbeatsOffRoot(share) => {
                write!(
                    formatter,
                    "the bass is on root or fifth on only {} % of the downbeats",
                    percent(share)
                )
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

impl Measures {
    /// What a listener would object to, the worst first; empty when the take is fine.
    #[must_use]
    pub fn failures(&self) -> Vec<Failure> {
        let mut failures = Vec::new();
        if self.silence > 0.98 {
            failures.push(Failure::Silent);
        }
        let mut below = |value: Option<f32>, least: f32, failure: fn(f32) -> Failure| {
            failures.extend(value.filter(|value| *value < least).map(failure));
        };
        below(self.on_grid, 0.85, Failure::OffGrid);
        below(self.in_scale, 0.9, Failure::OutOfKey);
        below(self.chord_tones, 0.7, Failure::FewChordTones);
        below(self.downbeat_roots, 0.75, Failure::DownbeatsOffRoot);
        below(self.repetition, 0.35, Failure::Restless);
        below(self.in_band, 0.6, Failure::OutOfBand);
        if self.empty_bars > 0.5 {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_say_what_is_wrong() {
        let fine = Measures { on_grid: Some(0.99), in_scale: Some(1.0), ..Measures::default() };
        assert!(fine.failures().is_empty());
        let bad = Measures { silence: 1.0, on_grid: Some(0.5), clicks: 3, ..fine };
        let texts: Vec<String> = bad.failures().iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["nothing is heard", "only 50 % of the hits are on the grid", "3 clicks"]);
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
