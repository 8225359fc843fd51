//! `resonantgen codec` and `mix` on miniature third-party bundles, as a user runs them.

use std::path::Path;

use resonantgen_tests::program::{assert_output_refused, run};
use resonantgen_tests::root;

fn bundle(name: &str) -> String {
    root().join(format!("tests/golden/{name}_fixture")).display().to_string()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}

#[test]
fn audio_becomes_tokens_and_audio_again() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let [input, tokens, output] = ["in.wav", "out.tokens", "out.wav"].map(|name| folder.path().join(name));
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 44_100,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&input, spec).expect("a WAV file");
    for index in 0..44_100 {
        let sample = (10_000.0 * (index as f32 * 0.06).sin()) as i16;
        writer.write_sample(sample).expect("left");
        writer.write_sample(sample / 2).expect("right");
    }
    writer.finalize().expect("a WAV file");
    let bundle = bundle("encodec_24khz");
    let encode = |rest: &[&str]| {
        run(&[&["codec", "encode", "--bundle", &bundle, text(&input), text(&tokens)], rest].concat())
    };
    let done = encode(&["--bandwidth", "1.8"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(String::from_utf8_lossy(&done.stderr).contains("MIT OR Apache-2.0"), "the licence is shown");
    let done = run(&["codec", "decode", "--bundle", &bundle, text(&tokens), text(&output)]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let reader = hound::WavReader::open(&output).expect("a WAV file");
    assert_eq!((reader.spec().sample_rate, reader.spec().channels, reader.duration()), (24_000, 1, 24_000));

    let refused = encode(&["--bandwidth", "7"]);
    let errors = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(2) && errors.contains("0.9, 1.8, 3.6"), "{errors}");
    let refused = run(&["codec", "decode", "--bundle", &bundle, text(&input), text(&output)]);
    assert_output_refused(&refused, "a WAV file for tokens", 1, "not a token file");
}

#[test]
fn a_mix_wants_its_licence_accepted() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let output = folder.path().join("mix.wav");
    let bundle = bundle("musicgen");
    let words = ["mix", "--bundle", &bundle, "--seconds", "0.5", "dark techno", text(&output)];
    let refused = run(&words);
    assert_output_refused(&refused, "no licence accepted", 2, "CC-BY-NC-4.0");
    assert!(!output.exists());
    let done = run(&[&words[..], &["--accept-licence"]].concat());
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let mut reader = hound::WavReader::open(&output).expect("a WAV file");
    assert_eq!((reader.spec().sample_rate, reader.duration()), (32_000, 16_000));
    assert!(reader.samples::<i32>().any(|sample| sample.is_ok_and(|value| value.abs() > 100_000)));
    let refused =
        run(&["mix", "--bundle", &bundle, "--accept-licence", "--seconds", "999", "a", text(&output)]);
    let errors = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(2) && errors.contains("at most"), "{errors}");
}
