//! The click check on the shipped bundle's sounds: its verdict on good renders and on the same ones with defects put in.
//!
//! `cargo test -p resonantgen-engine --test clicks --release -- --ignored --nocapture` prints the figures for BENCHMARKS.md over all
//! patches; the regular test covers a selection.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a test; figures go to BENCHMARKS.md"
)]

mod support;

use std::collections::BTreeMap;

use resonantgen_models::generator::{Engine, EngineOptions, Silent};
use resonantgen_music::harmony::register;
use resonantgen_music::plan::{Chord, ChordQuality, Key, Meter, Mode, Plan, Swing};
use resonantgen_music::score::{DrumClass, Note, Score};
use resonantgen_music::track::Track;
use resonantgen_sound::measure::sound::{clicks, mono};
use resonantgen_take::{
    GenerationSettings, Recipe, StageSeconds, StemAudio, TAKE_SAMPLE_RATE_HZ, Take, TakeId, Tokens,
};
use resonantgen_words::Intent;
use support::{repository, runtime_library};

const BPM: f64 = 120.0;
const BARS: u32 = 4;
/// Length of a note in steps.
const LENGTH: u32 = 8;

/// The notes to play: a beat on drums, otherwise notes of half a bar from the bottom to the top of the track's register.
fn part(track: Track) -> Vec<Note> {
    let Some((low, high)) = register(track) else {
        let hits = (0..BARS * 16).filter(|step| step % 2 == 0).flat_map(|step| {
            let loud =
                [(0, DrumClass::Kick), (4, DrumClass::Snare), (8, DrumClass::Kick), (12, DrumClass::Snare)];
            let loud = loud.into_iter().filter(move |(at, _)| step % 16 == *at).map(|(_, class)| class);
            let all = [DrumClass::ClosedHat].into_iter().chain(loud);
            all.map(move |class| Note { step, offset: 0.0, length: 1.0, pitch: class.key(), velocity: 100 })
        });
        return hits.collect();
    };
    let count = BARS * 16 / LENGTH;
    let pitch = |index: u32| low + ((u32::from(high - low) * index + (count - 1) / 2) / (count - 1)) as u8;
    (0..count)
        .map(|index| Note {
            step: index * LENGTH,
            offset: 0.0,
            length: LENGTH as f32,
            pitch: pitch(index),
            velocity: 100,
        })
        .collect()
}

fn asleep(track: Track, patch: &str) -> Take {
    let chord = Chord::new(9, ChordQuality::Minor, false);
    let plan = Plan {
        bpm: BPM,
        key: Key { tonic: 9, mode: Mode::Minor },
        meter: Meter::COMMON,
        bars: BARS,
        chords: vec![chord; 2 * BARS as usize],
        swing: Swing::default(),
    };
    let recipe = Recipe {
        track,
        prompt: "techno".to_owned(),
        intent: Intent::default(),
        plan,
        seed: 1,
        settings: GenerationSettings::default(),
        bundle_id: String::new(),
        context: Vec::new(),
        imported: None,
        held_patch: None,
        taken_over: None,
    };
    Take {
        id: TakeId(String::new()),
        patch: patch.to_owned(),
        recipe,
        score: Score { notes: part(track) },
        tokens: Tokens::default(),
        audio: StemAudio::default().into(),
        timings: StageSeconds::default(),
        measures: None,
    }
}

/// Audio frames at which notes begin.
fn attacks(take: &Take) -> Vec<usize> {
    let rate = f64::from(TAKE_SAMPLE_RATE_HZ);
    take.score
        .notes
        .iter()
        .map(|note| (take.recipe.plan.seconds_at(f64::from(note.step)) * rate) as usize)
        .collect()
}

/// A name, and a function that puts a defect into audio at a frame, given the level there.
type Defect = (&'static str, fn(&mut [f32], usize, f32));

/// Defects heard as clicks: steps of several sizes, gaps, repeated or missing pieces, a stray sample.
const DEFECTS: [Defect; 8] = [
    ("a step of the level", |audio, at, level| shift(audio, at, level)),
    ("half of it", |audio, at, level| shift(audio, at, 0.5 * level)),
    ("a quarter", |audio, at, level| shift(audio, at, 0.25 * level)),
    ("an eighth", |audio, at, level| shift(audio, at, 0.125 * level)),
    ("3 ms missing", |audio, at, _| audio[at..at + 144].fill(0.0)),
    ("7 ms twice", |audio, at, _| audio.copy_within(at - 333..at, at)),
    ("7 ms left out", |audio, at, _| audio.copy_within(at + 333..at + 5_000, at)),
    ("a stray sample", |audio, at, level| audio[at] += level),
];

/// A step that decays over a quarter of a second, as behind a coupling capacitor.
fn shift(audio: &mut [f32], at: usize, step: f32) {
    for (index, sample) in audio[at..].iter_mut().enumerate() {
        *sample += step * (-(index as f32) / 12_000.0).exp();
    }
}

#[derive(Default)]
struct Counts {
    good: u32,
    alarms: Vec<String>,
    /// Numbers of defects tried and found, by kind.
    bad: BTreeMap<usize, (u32, u32)>,
}

impl Counts {
    fn found(&self) -> (u32, u32) {
        self.bad.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }
}

fn count(engine: &Engine, every: usize) -> Counts {
    let mut counts = Counts::default();
    for track in Track::ALL {
        for patch in engine.bundle().patches(track).step_by(every) {
            let take = asleep(track, &patch.id);
            let made = engine.make_again(&take, &[], &Silent).unwrap().unwrap();
            let audio = mono(&made.audio);
            let attacks = attacks(&take);
            counts.good += 1;
            let alarms = clicks(&audio, &attacks);
            if alarms > 0 {
                counts.alarms.push(format!("{} ({alarms})", patch.id));
            }
            // Between hits there is almost silence.
            let notes = if track == Track::Drums { &[][..] } else { &attacks };
            for (number, attack) in notes.iter().enumerate() {
                // In the middle of the note, each time at another phase of the waveform.
                let at = attack + 9_000 + 37 * number;
                let part = &audio[at - 1_200..at + 1_200];
                let level = (part.iter().map(|sample| sample * sample).sum::<f32>() / 2_400.0).sqrt();
                if level < 0.01 {
                    continue;
                }
                for (index, (_, spoil)) in DEFECTS.iter().enumerate() {
                    let mut audio = audio.clone();
                    spoil(&mut audio, at, level);
                    let (tried, found) = counts.bad.entry(index).or_default();
                    *tried += 1;
                    *found += u32::from(clicks(&audio, &attacks) > alarms);
                }
            }
        }
    }
    counts
}

fn engine() -> Engine {
    let bundle = repository().join("models/resonant");
    let options =
        EngineOptions { runtime_library: Some(runtime_library()), threads: 2, ..EngineOptions::new(bundle) };
    Engine::open(&options).unwrap()
}

fn print(counts: &Counts) {
    println!("{} patches, false alarms at {}: {:?}", counts.good, counts.alarms.len(), counts.alarms);
    for (index, (tried, found)) in &counts.bad {
        println!("{:<22} {found} of {tried}", DEFECTS[*index].0);
    }
    let (tried, found) = counts.found();
    println!("{:<22} {found} of {tried}", "all");
}

/// Some patches of each kind. In bright ones, the sound itself hides small defects.
#[test]
fn good_sounds_have_no_clicks_and_broken_ones_have() {
    let counts = count(&engine(), 24);
    assert_eq!(counts.alarms, Vec::<String>::new());
    let (tried, found) = counts.found();
    assert!(counts.good >= 15 && found * 100 >= tried * 70, "{found} of {tried} in {}", counts.good);
}

#[test]
#[ignore = "chore: prints figures, which takes minutes"]
fn clicks_on_all_patches() {
    print(&count(&engine(), 1));
}
