//! The Windows build compared with the Linux build: both run here, one of them under Wine.
#![cfg(target_os = "linux")]

mod beside_linux;
mod command_line;
mod editor;
mod hardship;
mod serve;

use resonantgen_tests::stem::Stem;

/// Largest difference from Linux allowed. The measured difference is one rounding step, -102 dB, in fewer than one in a
/// thousand samples.
const MOST_DB: f32 = -80.0;

/// The loudest difference of two stems, in dB of full scale.
fn difference_db(one: &Stem, other: &Stem) -> f32 {
    assert_eq!((one.spec, one.len()), (other.spec, other.len()));
    let pairs = one.left.iter().chain(&one.right).zip(other.left.iter().chain(&other.right));
    20.0 * pairs.map(|(one, other)| (one - other).abs()).fold(0.0, f32::max).log10()
}
