//! The VST3 in two hosts from PyPI, DawDreamer (all buses, transport, state) and pedalboard (main bus only, no
//! transport), and in Ardour 7 (mixer, automation, recording, project, export). `cargo xtask test` names the bundles and the
//! hosts' Python; where one is missing, the tests that need it are skipped.

#[allow(dead_code, reason = "of what reads and writes states, these tests need a part")]
#[path = "clap_host/project.rs"]
mod project;

use std::process::Command;

use resonantgen_tests::needs;

/// A display name with no X server behind it.
const NO_SCREEN: &str = ":4242";

/// Runs a script of `tests/hosts` on the VST3.
fn run(script: &str, arguments: &[&std::ffi::OsStr]) {
    let Some(plugins) = needs::plugins() else { return };
    let Some(python) = needs::python() else { return };
    let output = Command::new(python)
        .arg(resonantgen_tests::root().join("tests").join("hosts").join(script))
        .arg(plugins.join("ResonantGen.vst3"))
        .args(arguments)
        // On a screen without a window manager, DawDreamer's `load_state` ends with an X error, and where none is named it
        // looks for `:0`.
        .env("DISPLAY", NO_SCREEN)
        .output()
        .expect("Python starts");
    assert!(
        output.status.success(),
        "{script}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn daw_dreamer_hears_four_stems_and_the_drums_parts_on_nine_buses() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    run("daw_dreamer.py", &[folder.path().as_os_str()]);
}

#[test]
fn pedalboard_hears_the_mix_on_the_main_bus() {
    run("pedal_board.py", &[]);
}

#[test]
fn ardour_records_four_stems_and_renders_the_opened_project_as_they_were() {
    if !needs::ardour() {
        return;
    }
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    run("ardour.py", &[folder.path().as_os_str()]);
}

/// A song of fake takes as a state of the plugin, and the sum of its exported stems at a sample rate.
fn song(rate_hz: u32, folder: &std::path::Path) -> [std::path::PathBuf; 2] {
    use resonantgen_music::track::Track;
    use resonantgen_project::{song_stem, to_project};
    use resonantgen_session::fake::Fake;
    use resonantgen_session::{Overrides, Request, Session};
    use resonantgen_sound::resample::resample_loop;
    use resonantgen_take::maker::Silent;
    use resonantgen_take::{FULL_SCALE, TAKE_SAMPLE_RATE_HZ};

    let mut session = Session::default();
    let facts = Overrides { bars: Some(2), bpm: Some(120.0), ..Overrides::default() };
    let requests = [
        Request::generate("house").facts(facts).seed(1),
        Request::song("intro 2, build 1, drop 2, break 2, drop 2, outro 1".parse().ok()),
    ];
    for request in requests {
        session.apply(&Fake::default(), &request, &Silent).expect("a song");
    }
    let golden = resonantgen_tests::root().join("tests/golden/plugin_state/form4.state");
    let state = std::fs::read(golden).expect("it is there");
    // The framework's part of the state: a length, then JSON.
    let parameters = project::section(&state, b"JSON").expect("parameters");
    let json = String::from_utf8(parameters[8..].to_vec()).expect("JSON");
    let json = json.replacen("\"params\":{", "\"params\":{\"song_mode\":{\"bool\":true},", 1);
    let parameters = [(json.len() as u64).to_le_bytes().as_slice(), json.as_bytes()].concat();
    let state = project::with_section(&state, b"JSON", &parameters);
    let paths = ["song.state", "reference.wav"].map(|name| folder.join(name));
    std::fs::write(&paths[0], project::with_session(&state, &to_project(&session))).expect("there is room");
    // The plain sum of the stems: the mix of an export is balanced and limited.
    let stems: Vec<_> = Track::ALL.into_iter().filter_map(|track| song_stem(&session, track)).collect();
    let frames = stems[0].len() as f64 * f64::from(rate_hz) / f64::from(TAKE_SAMPLE_RATE_HZ);
    let sides = [0, 1].map(|side| {
        let mut sum = vec![0.0_f32; stems[0].len()];
        for stem in &stems {
            let samples = if side == 0 { &stem.left } else { &stem.right };
            for (sum, sample) in sum.iter_mut().zip(samples) {
                *sum += *sample as f32 / FULL_SCALE;
            }
        }
        resample_loop(&sum, frames.round() as usize)
    });
    let (channels, bits_per_sample, sample_format) = (2, 32, hound::SampleFormat::Float);
    let spec = hound::WavSpec { channels, sample_rate: rate_hz, bits_per_sample, sample_format };
    let mut file = hound::WavWriter::create(&paths[1], spec).expect("there is room");
    for sample in sides[0].iter().zip(&sides[1]).flat_map(|(left, right)| [left, right]) {
        file.write_sample(*sample).expect("there is room");
    }
    file.finalize().expect("there is room");
    paths
}

#[test]
fn ardour_plays_a_whole_song_at_44_1_khz_and_its_bounce_is_the_export() {
    if !needs::ardour() {
        return;
    }
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let [state, reference] = song(44_100, folder.path());
    run("ardour_song.py", &[folder.path().as_os_str(), state.as_os_str(), reference.as_os_str()]);
}
