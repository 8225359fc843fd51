//! The engine's main kernels, on two seconds of sound: excitation, features, filter, condition vectors, sampling, and the
//! player on the audio thread. `resonantgen bench` measures the networks.

#![allow(missing_docs, reason = "Criterion's macros write public functions")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use resonantgen_models::context::Context;
use resonantgen_models::generator::condition::{CONDITION_LENGTH, ConditionBuilder, Family};
use resonantgen_models::generator::sampling::Sampling;
use resonantgen_music::plan::{Meter, Plan, Swing};
use resonantgen_music::score::{Note, Score};
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_playback::{
    Clip, Controls, Dials, DrumOutputs, DrumVoices, NoteOutput, Player, Position, SectionTakes, Slot, SwapAt,
    TakeClips, channel,
};
use resonantgen_sound::codec::excitation::{
    self, DrumBodies, DrumBody, NoiseWidth, Stream, TonalExcitation, Window,
};
use resonantgen_sound::codec::filter::{SpectralFilter, Synthesis, Transform};
use resonantgen_sound::codec::{BANDS, STREAMS, TimedNote, features};
use resonantgen_sound::split::DRUM_VOICE_COUNT;
use resonantgen_words::{Attributes, STYLE_COUNT};

const SECONDS: f64 = 2.0;
const WINDOW: Window = Window { first: 0, samples: 96_000 };
const FEATURE_FRAMES: usize = 200;
const TONAL: Transform = Transform { n_fft: 2048, hop: 480 };
const DRUMS: Transform = Transform { n_fft: 1024, hop: 240 };

/// Four notes at once on each eighth.
fn chords() -> Vec<TimedNote> {
    let onsets = (0..8).map(|eighth| f64::from(eighth) * SECONDS / 8.0);
    onsets
        .flat_map(|on| [48, 55, 60, 64].map(|pitch| TimedNote { on, off: on + 0.2, pitch, velocity: 90 }))
        .collect()
}

/// A kick on each beat, a hat on each sixteenth.
fn beat() -> Vec<TimedNote> {
    let hit = |on: f64, pitch: u8| TimedNote { on, off: on + 0.05, pitch, velocity: 100 };
    let sixteenths = (0..16).map(|step| (step, f64::from(step) * SECONDS / 16.0));
    let mut notes: Vec<TimedNote> = sixteenths
        .flat_map(|(step, on)| [(step % 4 == 0).then(|| hit(on, 36)), Some(hit(on, 42))])
        .flatten()
        .collect();
    notes.sort_by(|a, b| a.on.total_cmp(&b.on).then(a.pitch.cmp(&b.pitch)));
    notes
}

fn plan() -> Plan {
    Plan {
        bpm: 120.0,
        key: "A minor".parse().expect("a key"),
        meter: Meter::COMMON,
        bars: 1,
        chords: vec!["Am".parse().expect("a chord"); 2],
        swing: Swing::default(),
    }
}

fn excitation_streams(criterion: &mut Criterion) {
    let supersaw = TonalExcitation {
        voices: 5,
        detune_cents: 12.0,
        vibrato_cents: 10.0,
        vibrato_hz: 5.0,
        ..TonalExcitation::default()
    };
    let chords = chords();
    criterion.bench_function("excitation of chords, 5 voices", |bencher| {
        bencher.iter(|| excitation::tonal(black_box(&chords), &supersaw, WINDOW));
    });
    let mut bodies: DrumBodies = Default::default();
    bodies[0] = Some(DrumBody { hz: 50.0, start_ratio: 4.0, sweep_s: 0.03, decay_s: 0.15 });
    let beat = beat();
    criterion.bench_function("excitation of drums", |bencher| {
        bencher.iter(|| excitation::drums(black_box(&beat), &bodies, WINDOW));
    });
    let width = NoiseWidth { amount: 0.4, above_hz: 300.0 };
    criterion.bench_function("noise, wide", |bencher| {
        bencher.iter(|| excitation::noise(black_box(7), WINDOW.samples, WINDOW, width));
    });
}

fn score_features(criterion: &mut Criterion) {
    let (chords, beat) = (chords(), beat());
    criterion.bench_function("features of chords", |bencher| {
        bencher.iter(|| features::tonal(black_box(&chords), FEATURE_FRAMES));
    });
    criterion.bench_function("features of drums", |bencher| {
        bencher.iter(|| features::drums(black_box(&beat), FEATURE_FRAMES));
    });
}

fn filter(criterion: &mut Criterion) {
    let noise =
        |seed| excitation::noise(seed, WINDOW.samples, WINDOW, NoiseWidth { amount: 0.0, above_hz: 300.0 });
    let wide = excitation::noise(3, WINDOW.samples, WINDOW, NoiseWidth { amount: 0.4, above_hz: 300.0 });
    let streams: [Stream; STREAMS] = [noise(1), noise(2), wide];
    for (name, transform) in [("tonal", TONAL), ("drums", DRUMS)] {
        let filter = SpectralFilter::new(transform);
        let frames = WINDOW.samples / transform.hop;
        let gains: Vec<f32> =
            (0..STREAMS * BANDS * frames).map(|index| -(((index * 7919) % 1009) as f32) / 200.0).collect();
        criterion.bench_function(&format!("filter, {name}"), |bencher| {
            bencher.iter(|| {
                let mut synthesis = Synthesis::new(&filter, &streams, 0);
                synthesis.push(black_box(&gains), frames, 0..frames);
                let end = synthesis.final_samples(true);
                synthesis.take(0..end)
            });
        });
        criterion.bench_function(&format!("levels, {name}"), |bencher| {
            bencher.iter(|| filter.log_mel(black_box(&streams[0].mid), frames));
        });
    }
}

fn composing(criterion: &mut Criterion) {
    let plan = plan();
    let context = Context::new(&plan, &[]);
    let mut styles = [0.0; STYLE_COUNT];
    styles[0] = 1.0;
    let mut vector = [0.0; CONDITION_LENGTH];
    criterion.bench_function("condition vectors of a bar", |bencher| {
        bencher.iter(|| {
            let attributes = Attributes::default();
            let mut builder =
                ConditionBuilder::new(&plan, &styles, &attributes, Track::Bass, Family::BassSynth, &context);
            for step in 0..plan.total_steps() {
                builder.vector(step, &[], black_box(&mut vector));
            }
        });
    });
    let logits: Vec<f32> = (0..168).map(|index| ((index * 7919) % 1009) as f32 / 200.0).collect();
    let sampling = Sampling::from_variation(0.5);
    criterion.bench_function("draw a token", |bencher| {
        bencher.iter(|| sampling.draw(black_box(&logits), 0.4));
    });
}

/// Sixteen notes of two keys in a bar.
fn sixteenths() -> Score {
    let note = |step: u32| Note { step, offset: 0.0, length: 2.0, pitch: 36 + step as u8 % 2, velocity: 90 };
    Score { notes: (0..16).map(note).collect() }
}

fn playing(criterion: &mut Criterion) {
    let plan = plan();
    let (mut sender, mut player): (_, Player) = channel(48_000.0);
    for track in Track::ALL {
        let samples = vec![0.25; plan.audio_frames(48_000)];
        let clip =
            Clip::new(&plan, samples.clone(), samples.clone(), 48_000.0).with_score(&sixteenths(), &plan);
        let voices = DrumVoices::default().map(|voice| voice.map(|_| samples.clone()));
        let take = TakeClips::new(Arc::new(clip.with_voices(voices)));
        let slot = Slot {
            open: SectionTakes { current: Some(Arc::new(take)), ..SectionTakes::default() },
            immediate: true,
            ..Slot::default()
        };
        assert!(sender.send(track, slot).is_ok(), "the ring is empty");
    }
    let middle = Controls { swap_at: SwapAt::Now, ..Controls::default() };
    let turned = Dials { swing: 0.4, humanise: 0.3, brightness_db: 2.0, intensity: 0.5 };
    let turned = Controls { dials: [turned; TRACK_COUNT], ..middle };
    let mut notes = NoteOutput::new();
    let mut buffers = vec![[[0.0f32; 64]; 2]; TRACK_COUNT + DRUM_VOICE_COUNT];
    let cases = [
        ("at its tempo", 120.0, middle, false),
        ("at another tempo", 133.0, middle, false),
        ("with dials, notes and the drums' parts", 120.0, turned, true),
    ];
    for (name, bpm, controls, all) in cases {
        let mut beat = 0.0;
        criterion.bench_function(&format!("player, 64 samples of four tracks, {name}"), |bencher| {
            bencher.iter(|| {
                let mut channels = buffers.iter_mut().map(|[left, right]| [left.as_mut_slice(), right]);
                let mut next = || channels.next().expect("a buffer for each output");
                let mut stems: [[&mut [f32]; 2]; TRACK_COUNT] = std::array::from_fn(|_| next());
                let mut drums: DrumOutputs<'_> = std::array::from_fn(|_| next());
                let position =
                    Position { beat, bpm, quarters_per_bar: 4.0, playing: true, ..Position::default() };
                player.process(position, &controls, &mut stems, Some(&mut drums).filter(|_| all));
                notes.process(player.notes(), [all; TRACK_COUNT], |message| {
                    black_box(message);
                    true
                });
                beat += 64.0 * bpm / (60.0 * 48_000.0);
            });
        });
    }
}

criterion_group!(kernels, excitation_streams, score_features, filter, composing, playing);
criterion_main!(kernels);
