//! The colour of a stem: the usual effects of its style, and those requested by words.
//!
//! The usual effects are subtle: a short room for patches that have none, a trace of saturation on the bass, and glue
//! compression. They follow common practice (Izhaki, "Mixing Audio", chapters 17 and 23 to 26). "Unprocessed" removes them all;
//! words such as "dry" and "clean" remove single ones.

use super::TakeRequest;
use super::arrange::by_style;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_sound::finish::{Chain, Room};
use resonantgen_words::STYLE_COUNT;

/// Level of the room, then its decay in seconds, by style (indexed like [`resonantgen_words::Style::ALL`]).
const ROOM: [f32; STYLE_COUNT] = [0.10, 0.10, 0.12, 0.10, 0.09, 0.15, 0.14, 0.28, 0.20, 0.11, 0.18, 0.28];
const ROOM_S: [f32; STYLE_COUNT] = [0.5, 0.5, 0.4, 0.5, 0.45, 0.5, 0.6, 1.5, 0.7, 0.4, 0.9, 1.6];
/// Rooms with a longer decay than this, in seconds, are larger.
const LARGE_S: f64 = 0.8;
/// Share of the room level for drums that have no room of their own.
const DRUM_SHARE: f32 = 0.3;
/// Drive into a bass's usual saturation, in decibels, and the amount of glue.
const BASS_DRIVE_DB: f32 = 1.5;
const GLUE: f32 = 0.35;
/// Extra width of harmony and melody, as the level of a decorrelated side signal. Indexed like [`Track::ALL`].
const SPREAD: [f32; TRACK_COUNT] = [0.0, 0.0, 0.2, 0.12];
/// Maximum power of a stem's side relative to its mid: usually, for a stem in a large room, and for wide stems.
const MOST_SIDE: f32 = 0.18;
const MOST_SIDE_OF_ROOM: f32 = 0.25;
const MOST_SIDE_WIDE: f32 = 0.32;

/// The effects of a stem.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Colour {
    pub(super) chain: Chain,
    /// Maximum power of the side relative to the mid.
    pub(super) most_side: f32,
    /// Factor on the level of the room built into a kit of hits.
    pub(super) own_room: f32,
}

impl Colour {
    /// The effects for a request. `has_room` tells whether the patch has a room of its own.
    pub(super) fn new(request: &TakeRequest<'_>, has_room: bool) -> Self {
        let own = request.intent.track(request.track);
        let mut colour = usual(request, has_room);
        let strength = |name: &str| {
            own.sound.iter().find(|(known, _)| known == name).map_or(0.0, |(_, strength)| *strength)
        };
        if strength("unprocessed") > 0.0 {
            return Self { chain: Chain::default(), most_side: MOST_SIDE, own_room: 0.0 };
        }
        // Later words override earlier ones: "dry" removes a room, "clean" a drive.
        for name in resonantgen_words::SOUNDS {
            let strength = strength(name);
            if strength != 0.0 {
                colour.add(name, strength, request.track);
            }
        }
        colour
    }

    /// Moves the effects towards a word, or away from it if `strength` is negative.
    fn add(&mut self, name: &str, strength: f32, track: Track) {
        let Self { chain, most_side, own_room } = self;
        let is_bass = track == Track::Bass;
        // Strength for words without an opposite.
        let much = strength.max(0.0);
        let lower = |limit: &mut f32, hz: f32| {
            if much > 0.0 && (*limit == 0.0 || *limit > hz) {
                *limit = hz;
            }
        };
        match name {
            "bright" => {
                chain.tone.high_db += 5.0 * strength;
                chain.tone.presence_db += 1.5 * strength;
            }
            "dark" => {
                chain.tone.high_db -= 6.0 * strength;
                chain.tone.presence_db -= 2.5 * strength;
            }
            "muffled" => {
                let hz = if is_bass { 420.0 } else { 1_700.0 };
                lower(&mut chain.tone.high_cut_hz, hz / (0.5 + 0.5 * much));
                chain.tone.high_db += 4.0 * (much - strength);
            }
            "crisp" => {
                chain.tone.air_db += 4.0 * strength;
                chain.tone.high_db += 3.5 * strength;
                chain.attack_db += 2.0 * strength;
            }
            "airy" => {
                chain.tone.air_db += 8.0 * strength;
                chain.tone.body_db -= 2.0 * strength;
            }
            "harsh" => {
                chain.tone.presence_db += 7.0 * strength;
                chain.drive_db += 5.0 * much;
            }
            "warm" => {
                chain.tone.high_db -= 4.5 * strength;
                chain.tone.body_db += 2.5 * strength;
                chain.tone.low_db += 1.5 * strength;
            }
            "fat" => {
                chain.tone.low_db += 5.0 * strength;
                chain.tone.body_db += 2.0 * strength;
                chain.drive_db += 2.0 * much;
            }
            "thin" => {
                chain.tone.low_db -= 8.0 * strength;
                chain.tone.body_db -= 3.0 * strength;
                let hz = if is_bass { 90.0 } else { 160.0 };
                chain.tone.low_cut_hz = chain.tone.low_cut_hz.max(hz * much.min(1.0));
            }
            "punchy" => {
                chain.attack_db += 7.0 * strength;
                chain.sustain_db -= 3.0 * strength;
                chain.glue *= 1.0 - 0.5 * much.min(1.0);
            }
            "soft" => {
                chain.attack_db -= 8.0 * strength;
                chain.tone.high_db -= 2.0 * strength;
            }
            "tight" => {
                chain.sustain_db -= 7.0 * strength;
                chain.room.level *= 1.0 - 0.7 * much.min(1.0);
                *own_room *= 1.0 - 0.6 * much.min(1.0);
            }
            "crunchy" => {
                chain.drive_db += 14.0 * much;
                chain.tone.presence_db += 1.5 * strength;
            }
            "gritty" => chain.drive_db += 10.0 * much,
            "clean" => {
                chain.drive_db *= 1.0 - much.min(1.0);
                chain.glue *= 1.0 - much.min(1.0);
                chain.grain_db = chain.grain_db.filter(|_| much == 0.0);
                chain.attack_db += 1.5 * much;
            }
            "dusty" if much > 0.0 => {
                chain.grain_db = Some(-28.0 + 5.0 * (much - 1.0));
                chain.wow_cents += 4.0 * much;
                chain.tone.high_db -= 3.0 * much;
                lower(&mut chain.tone.high_cut_hz, 7_500.0);
            }
            "lo-fi" if much > 0.0 => {
                chain.wow_cents += 7.0 * much;
                chain.drive_db += 3.0 * much;
                chain.grain_db = Some(chain.grain_db.unwrap_or(-36.0));
                let hz = if is_bass { 1_200.0 } else { 4_200.0 };
                lower(&mut chain.tone.high_cut_hz, hz / (0.5 + 0.5 * much));
                chain.tone.low_cut_hz = chain.tone.low_cut_hz.max(if is_bass { 35.0 } else { 70.0 });
            }
            "distant" if much > 0.0 => {
                chain.room =
                    Room { level: 0.7 + 0.25 * much, direct: 0.4, seconds: 1.5, size: 2, damping: 0.4 };
                chain.tone.high_db -= 4.0 * much;
                chain.attack_db -= 2.0 * much;
                *most_side = most_side.max(MOST_SIDE_OF_ROOM);
            }
            "wet" => {
                let room = &mut chain.room;
                room.level = (room.level + 0.4 * strength).max(0.0);
                if much > 0.0 {
                    room.seconds = room.seconds.max(1.3);
                    room.size = 2;
                    *most_side = most_side.max(MOST_SIDE_OF_ROOM);
                }
                *own_room *= 1.0 + 0.5 * much;
            }
            "dry" => {
                chain.room.level *= (1.0 - strength).max(0.0);
                *own_room *= (1.0 - strength).max(0.0);
                chain.sustain_db -= 3.0 * much;
            }
            "wide" => {
                chain.width *= 1.0 + 0.6 * strength.max(-1.0);
                chain.spread += if is_bass { 0.25 } else { 0.4 } * much;
                *most_side += (MOST_SIDE_WIDE - MOST_SIDE) * strength.clamp(-1.0, 1.0);
            }
            "narrow" => {
                let left = (1.0 - 0.85 * strength).clamp(0.0, 1.5);
                chain.width *= left;
                chain.spread *= left.min(1.0);
                *most_side *= (1.0 - 0.9 * much).max(0.01);
            }
            _ => {}
        }
    }
}

/// The usual effects of a stem in this style.
fn usual(request: &TakeRequest<'_>, has_room: bool) -> Colour {
    let styles = &request.intent.styles;
    let level = by_style(styles, |style| ROOM[style])
        * match request.track {
            Track::Drums if has_room => 0.0,
            Track::Drums => DRUM_SHARE,
            Track::Bass => 0.0,
            Track::Harmony | Track::Melody => 1.0,
        };
    let seconds = f64::from(by_style(styles, |style| ROOM_S[style]));
    let size = if seconds > LARGE_S { 2 } else { 1 };
    let chain = Chain {
        drive_db: if request.track == Track::Bass { BASS_DRIVE_DB } else { 0.0 },
        glue: GLUE,
        spread: SPREAD[request.track.index()],
        room: Room { level, seconds, size, ..Room::default() },
        ..Chain::default()
    };
    Colour { chain, most_side: MOST_SIDE, own_room: 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resonantgen_take::GenerationSettings;
    use resonantgen_words::{Overrides, make_plan, parse};

    fn colour(prompt: &str, track: Track) -> Colour {
        let intent = parse(prompt).expect("a prompt");
        let plan = make_plan(&intent, &Overrides::default(), 1).expect("a plan");
        let request = TakeRequest {
            track,
            prompt,
            intent: &intent,
            plan: &plan,
            seed: 1,
            settings: GenerationSettings::default(),
            context: &[],
            patch: None,
        };
        Colour::new(&request, false)
    }

    #[test]
    fn words_reach_their_track_and_nothing_else() {
        let plain = colour("house", Track::Drums);
        assert_eq!(colour("house with a distant melody", Track::Drums), plain);
        let dusty = colour("house with dusty drums", Track::Drums);
        assert!(dusty.chain.grain_db.is_some() && dusty.chain.tone.high_cut_hz > 0.0);
        let very = colour("house with very dusty drums", Track::Drums);
        assert!(very.chain.grain_db > dusty.chain.grain_db);
        assert_eq!(colour("house with dry drums", Track::Drums).chain.room.level, 0.0);
        assert!(
            colour("house, not wet", Track::Melody).chain.room.level
                < colour("house", Track::Melody).chain.room.level
        );
        for track in Track::ALL {
            assert_eq!(colour("unprocessed house, crunchy", track).chain, Chain::default());
        }
    }

    #[test]
    fn every_word_does_something_on_every_track() {
        for word in resonantgen_words::SOUNDS {
            for track in Track::ALL {
                let with = colour(&format!("{word} house"), track);
                // A room or a drive cannot be removed from a stem that has none.
                let is_nothing = matches!((word, track), ("dry", _) | ("narrow", _) | ("clean", _));
                assert!(is_nothing || with != colour("house", track), "{word} {track}");
            }
        }
    }

    /// Notes with partials and a noisy attack, twice per second, slightly wide.
    fn stem() -> [Vec<f32>; 2] {
        let noise = |index: usize| {
            let bits = (index as u32).wrapping_mul(2_654_435_761) ^ (index as u32 >> 3).wrapping_mul(40_503);
            (bits.wrapping_mul(1_103_515_245) >> 8) as f32 / 8_388_608.0 - 1.0
        };
        let sample = |index: usize, turn: f32| {
            let since = (index % 24_000) as f32 / 48_000.0;
            let tone: f32 = (1..40)
                .map(|partial| {
                    let partial = partial as f32;
                    let phase = std::f32::consts::TAU * 110.0 * partial * since + turn * partial;
                    phase.sin() * (-since * (2.0 + 0.4 * partial)).exp() / partial
                })
                .sum();
            0.2 * (tone + 0.6 * noise(index) * (-since * 60.0).exp())
        };
        [0.0, 0.3].map(|turn| (0..96_000).map(|index| sample(index, turn)).collect())
    }

    fn power(samples: &[f32]) -> f32 {
        samples.iter().map(|sample| sample * sample).sum::<f32>().max(1e-12)
    }

    #[test]
    fn every_word_moves_what_it_names() {
        use resonantgen_sound::measure::sound::Spectrum;
        let mid = |sides: &[Vec<f32>; 2]| -> Vec<f32> {
            sides[0].iter().zip(&sides[1]).map(|(left, right)| 0.5 * (left + right)).collect()
        };
        let share = |sides: &[Vec<f32>; 2], low: f32, high: f32| {
            Spectrum::new(&mid(sides)).share(low, high).expect("a sound")
        };
        // The first 20 ms of notes compared with their sound after 200 to 400 ms.
        let attack = |sides: &[Vec<f32>; 2]| {
            let mid = mid(sides);
            let at = |from: usize, to: usize| -> f32 {
                (0..4).map(|note| power(&mid[24_000 * note + from..24_000 * note + to])).sum()
            };
            at(0, 960) / at(9_600, 19_200)
        };
        let crest = |sides: &[Vec<f32>; 2]| {
            let mid = mid(sides);
            mid.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs())) / power(&mid).sqrt()
        };
        let side = |sides: &[Vec<f32>; 2]| {
            let side: Vec<f32> =
                sides[0].iter().zip(&sides[1]).map(|(left, right)| 0.5 * (left - right)).collect();
            power(&side) / power(&mid(sides))
        };
        // The quietest moment of each note, above the note's partials.
        let floor = |sides: &[Vec<f32>; 2]| {
            let mid = mid(sides);
            let parts = mid.chunks(480).map(power).fold(f32::INFINITY, f32::min);
            parts / power(&mid)
        };
        // The part of the change that a gain does not explain, for a stem without added room or noise.
        let bent = |sides: &[Vec<f32>; 2]| {
            let (from, to) = (mid(&stem()), mid(sides));
            let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            let gain = product(&from, &to) / product(&from, &from);
            1.0 - gain * product(&from, &to) / product(&to, &to)
        };
        type Figure<'a> = &'a dyn Fn(&[Vec<f32>; 2]) -> f32;
        let highs: Figure<'_> = &|sides| share(sides, 4_000.0, 24_000.0);
        let lows: Figure<'_> = &|sides| share(sides, 20.0, 500.0);
        let air: Figure<'_> = &|sides| share(sides, 10_000.0, 24_000.0);
        let presence: Figure<'_> = &|sides| share(sides, 2_000.0, 5_500.0);
        for (word, figure, rises) in [
            ("bright", highs, true),
            ("dark", highs, false),
            ("muffled", highs, false),
            ("crisp", highs, true),
            ("airy", air, true),
            ("harsh", presence, true),
            ("warm", highs, false),
            ("fat", lows, true),
            ("thin", lows, false),
            ("punchy", &attack as Figure<'_>, true),
            ("soft", &attack as Figure<'_>, false),
            ("tight", &attack as Figure<'_>, true),
            ("crunchy", &crest as Figure<'_>, false),
            ("gritty", &crest as Figure<'_>, false),
            ("clean", &bent as Figure<'_>, false),
            ("dusty", &floor as Figure<'_>, true),
            ("lo-fi", highs, false),
            ("distant", &attack as Figure<'_>, false),
            ("wet", &side as Figure<'_>, true),
            ("dry", &attack as Figure<'_>, true),
            ("wide", &side as Figure<'_>, true),
            ("narrow", &side as Figure<'_>, false),
        ] {
            let measured = |prompt: &str| {
                let mut sides = stem();
                let colour = colour(prompt, Track::Harmony);
                colour.chain.apply(&mut sides, &[], 1);
                resonantgen_sound::finish::keep_mono_compatible(&mut sides, colour.most_side);
                figure(&sides)
            };
            // A house piece is already clean, and "lo-fi house" is a genre.
            let base = match word {
                "clean" => "gritty house",
                "lo-fi" => "techno",
                _ => "house",
            };
            let (before, after) = (measured(base), measured(&format!("{word} {base}")));
            assert!((after > before) == rises, "{word}: from {before} to {after}");
        }
    }
}
