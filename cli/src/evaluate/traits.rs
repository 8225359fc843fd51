//! Traits of genres that can be checked on scores: what a producer listens for to recognise a genre.

use std::collections::BTreeSet;

use resonantgen_models::bundle::Patch;
use resonantgen_music::plan::{Mode, Plan};
use resonantgen_music::score::{DrumClass, Note};
use resonantgen_music::track::Track;

/// Share of bars in which a pattern must be present, because fills and variations are part of the music.
const MOST_BARS: f32 = 0.6;
/// Ratio above which notes sound swung.
const SWUNG: f64 = 0.535;

/// The scores of one piece, and its instruments.
pub struct Sketch<'a> {
    pub plan: &'a Plan,
    /// Index as [`Track::ALL`].
    pub notes: [&'a [Note]; 4],
    pub patches: [Option<&'a Patch>; 4],
}

/// A set of steps of one bar.
type Steps = BTreeSet<u32>;

impl Sketch<'_> {
    fn bar_steps(&self) -> u32 {
        self.plan.meter.steps_per_bar()
    }

    fn notes(&self, track: Track) -> &[Note] {
        self.notes[track.index()]
    }

    /// Onsets of notes that `counts`, bar by bar.
    fn bars_of(&self, track: Track, counts: impl Fn(&Note) -> bool) -> Vec<Steps> {
        let mut bars = vec![Steps::new(); self.plan.bars as usize];
        for note in self.notes(track).iter().filter(|note| counts(note)) {
            if let Some(bar) = bars.get_mut((note.step / self.bar_steps()) as usize) {
                bar.insert(note.step % self.bar_steps());
            }
        }
        bars
    }

    /// Onsets bar by bar: chords count once.
    pub fn onsets(&self, track: Track) -> Vec<Steps> {
        self.bars_of(track, |_| true)
    }

    fn hits(&self, classes: &[DrumClass]) -> Vec<Steps> {
        self.bars_of(Track::Drums, |note| {
            DrumClass::from_key(note.pitch).is_some_and(|class| classes.contains(&class))
        })
    }

    fn hits_per_bar(&self, classes: &[DrumClass]) -> f32 {
        let counts =
            |note: &&Note| DrumClass::from_key(note.pitch).is_some_and(|class| classes.contains(&class));
        self.notes(Track::Drums).iter().filter(counts).count() as f32 / self.plan.bars as f32
    }

    fn onsets_per_bar(&self, track: Track) -> f32 {
        mean(self.onsets(track).iter().map(|bar| bar.len() as f32))
    }

    /// Share of all onsets at steps that `counts`.
    fn share(&self, bars: &[Steps], counts: impl Fn(u32) -> bool) -> f32 {
        let all: usize = bars.iter().map(BTreeSet::len).sum();
        let those: usize = bars.iter().map(|bar| bar.iter().filter(|step| counts(**step)).count()).sum();
        if all == 0 { 0.0 } else { those as f32 / all as f32 }
    }

    fn patch_has(&self, track: Track, words: &str) -> bool {
        let Some(patch) = self.patches[track.index()] else { return false };
        let texts = [patch.id.as_str(), patch.name.as_str(), patch.family.name()];
        let text =
            texts.into_iter().chain(patch.tags.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
        let text = text.to_lowercase().replace(['_', '-'], " ");
        words.split('/').any(|word| text.contains(word))
    }
}

fn mean(values: impl ExactSizeIterator<Item = f32>) -> f32 {
    let count = values.len().max(1);
    values.sum::<f32>() / count as f32
}

/// Whether most bars have the pattern.
fn mostly(bars: &[Steps], holds: impl Fn(&Steps) -> bool) -> bool {
    bars.iter().filter(|bar| holds(bar)).count() as f32 >= MOST_BARS * bars.len() as f32
}

fn has_all(bar: &Steps, steps: &[u32]) -> bool {
    steps.iter().all(|step| bar.contains(step))
}

const KICK: &[DrumClass] = &[DrumClass::Kick];
const BACKBEAT: &[DrumClass] = &[DrumClass::Snare, DrumClass::Clap];
const STICKS: &[DrumClass] = &[DrumClass::Snare, DrumClass::Clap, DrumClass::Rim];
const HATS: &[DrumClass] = &[DrumClass::ClosedHat, DrumClass::OpenHat];
const CYMBALS: &[DrumClass] = &[DrumClass::ClosedHat, DrumClass::OpenHat, DrumClass::Ride];
const RUNNING: &[DrumClass] = &[DrumClass::ClosedHat, DrumClass::OpenHat, DrumClass::Shaker];
const PERCUSSION: &[DrumClass] =
    &[DrumClass::Snare, DrumClass::Rim, DrumClass::Percussion, DrumClass::LowTom, DrumClass::HighTom];
const SHAKEN: &[DrumClass] = &[DrumClass::Shaker, DrumClass::Percussion];

/// Whether a piece has the trait of that name; `None` if there is no such trait.
///
/// Steps are sixteenths of a bar; numbers in names are onsets per bar unless said otherwise.
pub fn check(name: &str, piece: &Sketch<'_>) -> Option<bool> {
    let plan = piece.plan;
    let (drums, bass, harmony, melody) = (Track::Drums, Track::Bass, Track::Harmony, Track::Melody);
    if let Some((track, words)) = name.split_once('~') {
        let track = Track::ALL.into_iter().find(|known| known.name() == track)?;
        return Some(piece.patch_has(track, words));
    }
    if let Some((name, value)) = name.split_once('=') {
        let number = || value.parse::<f32>().ok();
        return Some(match name {
            "tempo" => value
                .split('/')
                .map(|range| {
                    range
                        .split_once('-')
                        .and_then(|(low, high)| Some((low.parse().ok()?, high.parse().ok()?)))
                })
                .collect::<Option<Vec<(f64, f64)>>>()?
                .iter()
                .any(|(low, high)| (*low..=*high).contains(&plan.bpm)),
            "meter" => value.split('+').any(|meter| plan.meter.to_string() == meter),
            "drums-most" => piece.hits_per_bar(&DrumClass::ALL) <= number()?,
            "drums-least" => piece.hits_per_bar(&DrumClass::ALL) >= number()?,
            "drum-sounds-most" => {
                let keys: BTreeSet<u8> = piece.notes(drums).iter().map(|note| note.pitch).collect();
                keys.len() as f32 <= number()?
            }
            "kick-least" => piece.hits_per_bar(KICK) >= number()?,
            "kick-most" => piece.hits_per_bar(KICK) <= number()?,
            "snare-least" => piece.hits_per_bar(&[DrumClass::Snare]) >= number()?,
            "running-least" => piece.hits_per_bar(RUNNING) >= number()?,
            "shaker-least" => piece.hits_per_bar(SHAKEN) >= number()?,
            "bass-least" => piece.onsets_per_bar(bass) >= number()?,
            "bass-most" => piece.onsets_per_bar(bass) <= number()?,
            "bass-off" => piece.share(&piece.onsets(bass), |step| !step.is_multiple_of(4)) >= number()?,
            "bass-rhythms-most" => rhythms(&piece.onsets(bass), 4) as f32 <= number()?,
            "harmony-least" => piece.onsets_per_bar(harmony) >= number()?,
            "harmony-most" => piece.onsets_per_bar(harmony) <= number()?,
            "harmony-off" => piece.share(&piece.onsets(harmony), |step| step % 4 == 2) >= number()?,
            "harmony-rhythms-most" => rhythms(&piece.onsets(harmony), 4) as f32 <= number()?,
            "melody-least" => piece.onsets_per_bar(melody) >= number()?,
            "melody-most" => piece.onsets_per_bar(melody) <= number()?,
            "arpeggio" => piece.onsets_per_bar(melody).max(piece.onsets_per_bar(harmony)) >= number()?,
            "riff" => piece.onsets_per_bar(bass).max(piece.onsets_per_bar(harmony)) >= number()?,
            // Mean length of a chord in bars.
            "chord-length" => {
                let lengths = piece.notes(harmony).iter().map(|note| note.length / piece.bar_steps() as f32);
                mean(lengths) >= number()? - 0.01
            }
            _ => return None,
        });
    }
    Some(match name {
        // Drums.
        "four" => mostly(&piece.hits(KICK), |bar| has_all(bar, &[0, 4, 8, 12])),
        "not-four" => {
            let bars = piece.hits(KICK);
            let four = bars.iter().filter(|bar| has_all(bar, &[0, 4, 8, 12])).count();
            (four as f32) < 0.5 * bars.len() as f32
        }
        "backbeat" => mostly(&piece.hits(BACKBEAT), |bar| has_all(bar, &[4, 12])),
        "half-time" => {
            mostly(&piece.hits(BACKBEAT), |bar| bar.contains(&8) && !bar.contains(&4) && !bar.contains(&12))
        }
        "not-plain-backbeat" => !mostly(&piece.hits(BACKBEAT), |bar| {
            has_all(bar, &[4, 12]) && ![3, 6, 11, 14].iter().any(|step| bar.contains(step))
        }),
        "backbeat-or-four" => check("backbeat", piece)? || check("four", piece)?,
        "backbeat-or-compound" => {
            plan.bpm > 0.0 && (check("backbeat", piece)? || plan.meter.denominator() == 8)
        }
        "slow-backbeat" => check("half-time", piece)? || (plan.bpm <= 106.0 && check("backbeat", piece)?),
        "half-time-or-irregular" => check("half-time", piece)? || check("not-plain-backbeat", piece)?,
        "snare-beats-or-backbeat" => {
            mostly(&piece.hits(BACKBEAT), |bar| has_all(bar, &[0, 4, 8, 12])) || check("backbeat", piece)?
        }
        "dembow" => mostly(&piece.hits(STICKS), |bar| {
            [3, 6, 11, 14].iter().filter(|step| bar.contains(step)).count() >= 3
        }),
        "tresillo" => mostly(&piece.hits(PERCUSSION), |bar| {
            [3, 6, 11, 14].iter().filter(|step| bar.contains(step)).count() >= 2
        }),
        "kick-1-and-3" => mostly(&piece.hits(KICK), |bar| has_all(bar, &[0, 8])),
        "kick-dotted" => mostly(&piece.hits(KICK), |bar| {
            bar.contains(&0) && [6, 8, 14].iter().filter(|step| bar.contains(step)).count() >= 2
        }),
        "kick-2-and-4" => mostly(&piece.hits(KICK), |bar| has_all(bar, &[4, 12])),
        "kick-1-only" => mostly(&piece.hits(KICK), |bar| bar.contains(&0) && bar.len() <= 2),
        "kick-skipped" => mostly(&piece.hits(KICK), |bar| bar.contains(&0) && !bar.contains(&8)),
        "kick-broken" => {
            check("not-four", piece)?
                && mostly(&piece.hits(KICK), |bar| bar.iter().any(|step| !step.is_multiple_of(4)))
        }
        "kick-two-step" => {
            mostly(&piece.hits(KICK), |bar| has_all(bar, &[0, 10]) && !has_all(bar, &[4, 8, 12]))
        }
        "no-kick-on-1-or-steppers" => {
            check("four", piece)? || mostly(&piece.hits(KICK), |bar| !bar.contains(&0))
        }
        "rim-clave" => {
            let bars = piece.hits(&[DrumClass::Rim]);
            mean(bars.iter().map(|bar| bar.len() as f32)) >= 2.6
                && piece.share(&bars, |step| !step.is_multiple_of(4)) >= 0.4
        }
        "sticks-syncopated" => {
            mean(
                piece
                    .hits(STICKS)
                    .iter()
                    .map(|bar| bar.iter().filter(|step| !step.is_multiple_of(4)).count() as f32),
            ) >= 3.0
        }
        "surf-beat" => mostly(&piece.hits(BACKBEAT), |bar| has_all(bar, &[4, 6, 12])),
        "off-beat-hats" => {
            let found = piece
                .hits(HATS)
                .iter()
                .map(|bar| bar.iter().filter(|step| *step % 4 == 2).count() as f32)
                .collect::<Vec<_>>();
            mean(found.into_iter()) >= 0.7 * piece.bar_steps() as f32 / 4.0
        }
        "hats-eighths" => {
            mostly(&piece.hits(CYMBALS), |bar| bar.iter().filter(|step| step.is_multiple_of(2)).count() >= 6)
        }
        "ride-swung" => mostly(&piece.hits(&[DrumClass::Ride, DrumClass::ClosedHat]), |bar| bar.len() >= 4),
        "drums-differ" => {
            let bars = piece.bars_with_keys();
            bars.iter().take(4).collect::<BTreeSet<_>>().len() == bars.len().min(4)
        }
        "cowbell-or-bell" => {
            piece.hits_per_bar(&[DrumClass::Percussion]) >= 1.0 || piece.patch_has(melody, "bell/cowbell")
        }
        "hard-kit-or-four" => piece.patch_has(drums, "808/hard/distorted") || check("four", piece)?,
        "no-rock-kit" => !piece.patch_has(drums, "rock/metal/arena/power"),
        // Feel.
        "straight" => plan.swing.ratio < SWUNG,
        "swung" => plan.swing.ratio >= SWUNG,
        "swung-16" => plan.swing.ratio >= SWUNG && plan.swing.unit_steps == 1,
        "swung-8" => plan.swing.ratio >= 0.55 && plan.swing.unit_steps == 2,
        "shuffle" => {
            (plan.swing.ratio >= 0.6 && plan.swing.unit_steps == 2)
                || (plan.meter.denominator() == 8 && plan.meter.numerator().is_multiple_of(3))
        }
        // Bass.
        "root-fifth" => {
            let notes = piece.notes(bass);
            let interval = |note: &Note| (note.pitch + 120 - plan.chord_at(note.step).root) % 12;
            let count =
                |wanted: &[u8]| notes.iter().filter(|note| wanted.contains(&interval(note))).count() as f32;
            !notes.is_empty() && count(&[0, 6, 7]) >= 0.8 * notes.len() as f32 && count(&[6, 7]) > 0.0
        }
        "bass-1-3-4" => mostly(&piece.onsets(bass), |bar| has_all(bar, &[0, 8, 12])),
        "bass-rolling" => {
            mean(
                piece
                    .onsets(bass)
                    .iter()
                    .map(|bar| bar.iter().filter(|step| !step.is_multiple_of(4)).count() as f32),
            ) >= 7.5
        }
        "bass-octaves" => {
            let leaps: Vec<u8> = piece
                .notes(bass)
                .windows(2)
                .map(|pair| pair[0].pitch.abs_diff(pair[1].pitch))
                .filter(|leap| *leap > 0)
                .collect();
            !leaps.is_empty()
                && leaps.iter().filter(|leap| **leap == 12).count() as f32 >= 0.3 * leaps.len() as f32
        }
        "bass-melodic" => {
            let pitches: BTreeSet<u8> = piece.notes(bass).iter().map(|note| note.pitch).collect();
            piece.onsets_per_bar(bass) >= 5.0 && pitches.len() >= 4
        }
        "bass-walks" => {
            let beats: Vec<u32> = (0..piece.bar_steps()).step_by(4).collect();
            mostly(&piece.onsets(bass), |bar| has_all(bar, &beats))
        }
        "bass-walks-or-eighths" => check("bass-walks", piece)? || piece.onsets_per_bar(bass) >= 6.5,
        "tumbao" => {
            mostly(&piece.onsets(bass), |bar| bar.contains(&6) && (bar.contains(&12) || bar.contains(&14)))
        }
        // Harmony.
        "sevenths" => {
            let rich = plan.chords.iter().filter(|chord| chord.quality.intervals().len() >= 4).count();
            rich as f32 >= 0.5 * plan.chords.len() as f32
        }
        "blues-form" => {
            let roots: BTreeSet<u8> =
                plan.chords.iter().map(|chord| (chord.root + 12 - plan.key.tonic) % 12).collect();
            plan.bars == 12 || (roots.len() >= 3 && roots.iter().all(|root| [0, 5, 7].contains(root)))
        }
        "minor" => plan.key.mode.degrees()[2] == 3,
        "major" => plan.key.mode.degrees()[2] == 4,
        "phrygian" => {
            let dominant = |chord: &resonantgen_music::plan::Chord| {
                (chord.root + 12 - plan.key.tonic) % 12 == 7 && chord.quality.intervals().contains(&4)
            };
            plan.key.mode == Mode::Phrygian
                || (plan.key.mode == Mode::Minor && plan.chords.iter().any(dominant))
        }
        "chop" => {
            let chords = piece.onsets(harmony);
            piece.share(&chords, |step| step % 4 == 2) >= 0.5
                || piece.share(&chords, |step| step % 8 == 4) >= 0.5
        }
        "pah-pah" => {
            let offs = |bars: Vec<Steps>| mostly(&bars, |bar| has_all(bar, &[4, 8]) && !bar.contains(&0));
            plan.meter.steps_per_bar() == 12 && (offs(piece.onsets(harmony)) || offs(piece.hits(STICKS)))
        }
        "oom-pah" => {
            let low = mostly(&piece.onsets(bass), |bar| has_all(bar, &[0, 8]));
            let chords = piece.onsets(harmony);
            low && (piece.share(&chords, |step| step % 4 == 2) >= 0.6
                || piece.share(&chords, |step| step % 8 == 4) >= 0.6)
        }
        _ => return None,
    })
}

impl Sketch<'_> {
    fn bars_with_keys(&self) -> Vec<BTreeSet<(u32, u8)>> {
        let mut bars = vec![BTreeSet::new(); self.plan.bars as usize];
        for note in self.notes(Track::Drums) {
            if let Some(bar) = bars.get_mut((note.step / self.bar_steps()) as usize) {
                bar.insert((note.step % self.bar_steps(), note.pitch));
            }
        }
        bars
    }

    /// Whether bars 5 to 8 repeat bars 1 to 4 note for note, moved with the chords or not; `None` for shorter pieces.
    pub fn is_copied(&self, track: Track) -> Option<bool> {
        let half = 4 * self.bar_steps();
        let notes = self.notes(track);
        if self.plan.bars < 8 || notes.is_empty() {
            return None;
        }
        let part = |first: u32| -> Vec<(u32, u8)> {
            let inside = notes.iter().filter(|note| (first..first + half).contains(&note.step));
            inside.map(|note| (note.step - first, note.pitch)).collect()
        };
        Some(part(0) == part(half))
    }

    /// Whether the drums of a bar (from 0) differ from all other bars of its half: a fill or variation.
    pub fn has_fill(&self, bar: usize) -> bool {
        let bars = self.bars_with_keys();
        let Some(this) = bars.get(bar) else { return false };
        let others = bars.iter().enumerate().filter(|(index, _)| *index != bar && index % 4 != 3);
        // Two hits more or less than in any bar that does not end a phrase.
        others
            .map(|(_, other)| this.symmetric_difference(other).count())
            .min()
            .is_some_and(|least| least >= 2)
    }
}

/// Distinct rhythms in the first bars.
pub fn rhythms(bars: &[Steps], first: usize) -> usize {
    bars.iter().take(first).collect::<BTreeSet<_>>().len()
}
