//! Tests of the onset and pitch detectors that judge the stems.

use resonantgen_tests::listen::{onsets, pitch_hz};

const RATE_HZ: f32 = 48_000.0;

#[test]
fn pitch_of_a_sawtooth_is_found() {
    for hz in [41.2_f32, 55.0, 110.0, 233.08] {
        let wave: Vec<f32> =
            (0..7200).map(|index| (index as f32 * hz / RATE_HZ).fract() * 2.0 - 1.0).collect();
        let found = pitch_hz(&wave, RATE_HZ).expect("a sawtooth has a pitch");
        assert!((found / hz - 1.0).abs() < 0.005, "{hz} Hz was heard as {found} Hz");
    }
}

#[test]
fn noise_has_no_pitch() {
    let mut state = 1_u32;
    let noise: Vec<f32> = (0..7200)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state as f32 / u32::MAX as f32 - 0.5
        })
        .collect();
    assert_eq!(pitch_hz(&noise, RATE_HZ), None);
}

#[test]
fn clicks_are_found_where_they_are() {
    let mut audio = vec![0.0; 48_000];
    for start in [4_800, 19_200, 33_600] {
        for index in 0..4000 {
            audio[start + index] += (-(index as f32) / 600.0).exp() * (index as f32 * 0.9).sin();
        }
    }
    let found = onsets(&audio, RATE_HZ);
    assert_eq!(found.len(), 3, "{found:?}");
    for (found, truth) in found.iter().zip([0.1, 0.4, 0.7]) {
        assert!((found - truth).abs() < 0.003, "{found} s instead of {truth} s");
    }
}
