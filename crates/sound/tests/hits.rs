//! Drum hits against goldens made by `training/resonant/hit_goldens.py`, and what a kit does with them.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

use std::path::{Path, PathBuf};

use resonantgen_music::score::{DRUM_CLASS_COUNT, DrumClass};
use resonantgen_sound::codec::hits::{CURVE_POINTS, Hits, Stroke, render};
use resonantgen_sound::codec::kit::{Kit, KitPiece, Performance, Strike, perform};

const FLAT: [f64; CURVE_POINTS] = [0.0; CURVE_POINTS];
const SECOND: usize = 48_000;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/hits")
}

fn bytes() -> Vec<u8> {
    std::fs::read(folder().join("hits.bin")).unwrap()
}

fn hits() -> Hits {
    Hits::parse(&bytes()).unwrap()
}

fn kit(room: f32) -> Kit {
    let mut pieces: [Option<KitPiece>; DRUM_CLASS_COUNT] = Default::default();
    for (class, name) in
        [(DrumClass::Snare, "skin"), (DrumClass::ClosedHat, "hat"), (DrumClass::OpenHat, "open_hat")]
    {
        pieces[class.index()] = Some(KitPiece { piece: name.to_owned(), gain_db: 0.0, tune: 1.0 });
    }
    Kit { pieces, room, room_s: 0.4, drive_db: 0.0, tone: FLAT }
}

fn strike(at: usize, class: DrumClass, velocity: u8) -> Strike {
    Strike { at, class, velocity }
}

fn performance(threads: usize) -> Performance<'static> {
    Performance { seed: 5, tone: &FLAT, threads }
}

fn play(kit: &Kit, strikes: &[Strike]) -> [Vec<f32>; 2] {
    perform(kit, &hits(), strikes, SECOND, performance(1), &|| true).unwrap()
}

fn mono([left, right]: &[Vec<f32>; 2]) -> Vec<f32> {
    left.iter().zip(right).map(|(left, right)| 0.5 * (left + right)).collect()
}

fn energy(samples: &[f32]) -> f64 {
    samples.iter().map(|sample| f64::from(*sample).powi(2)).sum()
}

/// Share of the energy that lies in differences of neighbouring samples: more is brighter.
fn brightness(samples: &[f32]) -> f64 {
    samples.windows(2).map(|pair| f64::from(pair[1] - pair[0]).powi(2)).sum::<f64>() / energy(samples)
}

#[test]
fn renderings_match_the_training_code_stage_by_stage() {
    let cases: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder().join("cases.json")).unwrap()).unwrap();
    let hits = hits();
    assert_eq!(cases.as_object().unwrap().len(), 6);
    for (case, case_facts) in cases.as_object().unwrap() {
        let expected: Vec<f32> = std::fs::read(folder().join(format!("{case}.f32")))
            .unwrap()
            .chunks_exact(4)
            .map(|chunk| f32::from_le_bytes(chunk.try_into().unwrap()))
            .collect();
        let piece = hits.piece(case_facts["piece"].as_str().unwrap()).unwrap();
        let stroke = Stroke {
            variant: case_facts["variant"].as_u64().unwrap() as usize,
            curve: std::array::from_fn(|point| case_facts["curve"][point].as_f64().unwrap()),
            tune: case_facts["tune"].as_f64().unwrap(),
        };
        let got = render(&piece.hits()[case_facts["layer"].as_u64().unwrap() as usize], &stroke);
        let peak = expected.iter().fold(0f32, |peak, sample| peak.max(sample.abs()));
        assert_eq!((expected.len(), peak > 0.01), (got.len(), true), "{case}");
        for (index, (expected, got)) in expected.iter().zip(&got).enumerate() {
            assert!(
                (expected - got).abs() < 2e-5 * peak,
                "{case}: at {index} expected {expected}, got {got}"
            );
        }
    }
}

#[test]
fn the_same_parameters_give_the_same_bits_everywhere() {
    let hits = hits();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for piece in hits.pieces() {
        let stroke =
            Stroke { variant: 1, curve: [2.0, 1.0, 0.0, -1.0, 3.0, 0.5, 0.0, -4.0, 1.0, 2.0], tune: 1.03 };
        for sample in render(&piece.hits()[0], &stroke) {
            hash = (hash ^ u64::from(sample.to_bits())).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    assert_eq!(hash, HASH, "{hash:#x}");
}

/// FNV-1a of all samples' bits, made on x86-64.
const HASH: u64 = 0x484b_961c_7460_df4d;

#[test]
fn damaged_files_are_refused_in_words() {
    let whole = bytes();
    for length in 0..whole.len() {
        if length % 97 == 0 || length < 200 {
            let reason = Hits::parse(&whole[..length]).unwrap_err();
            assert!(reason.contains("cut off") || reason.contains("version"), "{length}: {reason}");
        }
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert!(Hits::parse(&longer).unwrap_err().contains("longer"));
    let mut newer = whole;
    newer[7] = 2;
    assert!(Hits::parse(&newer).unwrap_err().contains("version"));
}

#[test]
fn tails_ring_over_the_end_into_the_start() {
    let late = mono(&play(&kit(0.3), &[strike(40_000, DrumClass::Snare, 110)]));
    let mut early = mono(&play(&kit(0.3), &[strike(0, DrumClass::Snare, 110)]));
    early.rotate_right(40_000);
    assert!(energy(&late[..4_000]) > 0.0);
    let peak = late.iter().fold(0f32, |peak, sample| peak.max(sample.abs()));
    // The room starts two seconds before the loop: what is older than that is missing.
    for (index, (late, early)) in late.iter().zip(&early).enumerate() {
        assert!((late - early).abs() < 1e-4 * peak, "at {index}: {late} {early}");
    }
}

#[test]
fn nothing_sounds_before_its_onset() {
    let out = play(&kit(0.0), &[strike(24_000, DrumClass::ClosedHat, 100)]);
    assert!(out.iter().all(|side| side[..24_000].iter().all(|sample| *sample == 0.0)));
    assert!(energy(&out[0][24_000..24_480]) > 0.0);
}

#[test]
fn a_closed_hat_closes_the_open_one_around_the_seam_too() {
    let kit = kit(0.0);
    let alone = mono(&play(&kit, &[strike(30_000, DrumClass::OpenHat, 110)]));
    assert!(energy(&alone[45_000..]) > 0.0);
    let closed = [strike(30_000, DrumClass::OpenHat, 110), strike(36_000, DrumClass::ClosedHat, 60)];
    let both = mono(&play(&kit, &closed));
    assert!(energy(&both[45_000..]) < 1e-6 * energy(&alone[45_000..]));
    let wrapped = [strike(1_000, DrumClass::ClosedHat, 60), strike(47_000, DrumClass::OpenHat, 110)];
    let both = mono(&play(&kit, &wrapped));
    assert!(energy(&both[9_000..20_000]) < 1e-9 * energy(&both));
}

#[test]
fn repeated_strokes_differ_and_harder_ones_are_brighter_than_their_level() {
    let roll: Vec<Strike> = (0..2).map(|index| strike(index * 24_000, DrumClass::Snare, 100)).collect();
    let out = mono(&play(&kit(0.0), &roll));
    let (first, second) = out.split_at(24_000);
    let difference: Vec<f32> = first.iter().zip(second).map(|(a, b)| a - b).collect();
    let difference = energy(&difference) / energy(first);
    assert!(difference > 0.01, "{difference}");
    let stroke = |velocity| mono(&play(&kit(0.0), &[strike(0, DrumClass::Snare, velocity)]));
    let (soft, hard) = (stroke(30), stroke(120));
    let level = 10.0 * (energy(&hard) / energy(&soft)).log10();
    assert!((12.0..28.0).contains(&level), "{level} dB");
    let mut last = 0.0;
    for velocity in [20, 45, 70, 95, 120] {
        let level = energy(&stroke(velocity));
        assert!(level > last, "velocity {velocity} is louder than the one before");
        last = level;
    }
    let hat = |velocity| brightness(&mono(&play(&kit(0.0), &[strike(0, DrumClass::ClosedHat, velocity)])));
    assert!(hat(12) < hat(50), "below the softest layer strokes get darker");
}

#[test]
fn the_mono_sum_has_all_of_a_panned_piece_and_threads_change_nothing() {
    let strikes = [strike(0, DrumClass::ClosedHat, 100), strike(20_000, DrumClass::OpenHat, 100)];
    let [left, right] = play(&kit(0.0), &strikes);
    let sides: Vec<f32> = left.iter().zip(&right).map(|(left, right)| 0.5 * (left - right)).collect();
    let sum = mono(&[left, right]);
    assert!(energy(&sides) > 0.01 * energy(&sum) && energy(&sides) < energy(&sum));
    assert!(perform(&kit(0.0), &hits(), &strikes, SECOND, performance(1), &|| false).is_none());
    let [with_one, with_three] =
        [1, 3].map(|threads| perform(&kit(0.2), &hits(), &strikes, SECOND, performance(threads), &|| true));
    assert_eq!(with_one, with_three);
}

#[test]
fn driven_kits_keep_their_peak_and_lose_crest() {
    let strikes = [strike(0, DrumClass::Snare, 120), strike(24_000, DrumClass::Snare, 90)];
    let peak = |samples: &[f32]| samples.iter().fold(0f32, |peak, sample| peak.max(sample.abs()));
    let clean = play(&kit(0.0), &strikes);
    let driven = play(&Kit { drive_db: 12.0, ..kit(0.0) }, &strikes);
    assert!((peak(&driven[0]) / peak(&clean[0]) - 1.0).abs() < 1e-4);
    assert!(energy(&driven[0]) > 1.3 * energy(&clean[0]));
}
