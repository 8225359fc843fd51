//! `resonantgen` end to end: files as a DAW reads them, locks that hold, bad input refused.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;

use resonantgen_tests::program::{self, assert_refused, files};
use resonantgen_tests::stem::Stem;
use resonantgen_tests::{listen, root};
use serde_json::Value;

const TRACKS: [&str; 4] = ["drums", "bass", "harmony", "melody"];
const RATE_HZ: f32 = 48_000.0;

/// A session folder generated once and shared by many tests.
struct Piece {
    folder: tempfile::TempDir,
    report: Value,
    session: Value,
}

impl Piece {
    fn generate(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let out = folder.path().to_str().expect("temporary folders have plain names").to_owned();
        let report = program::json(&[&["generate", "--out", &out], arguments].concat());
        let session = session_of(folder.path());
        Self { folder, report, session }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn stem(&self, name: &str) -> Stem {
        Stem::read(&self.path().join(format!("{name}.wav")))
    }

    fn plan(&self) -> &Value {
        &self.session["plan"]
    }

    /// A copy for tests that change it.
    fn copy(&self) -> tempfile::TempDir {
        let copy = tempfile::tempdir().expect("there is room for a folder");
        for (name, bytes) in files(self.path()) {
            let path = copy.path().join(name);
            fs::create_dir_all(path.parent().expect("a file lies in a folder"))
                .expect("there is room for a folder");
            fs::write(path, bytes).expect("there is room for a copy");
        }
        copy
    }
}

const TECHNO: [&str; 9] =
    ["dark techno with driving bass", "--bpm", "132", "--key", "A minor", "--bars", "4", "--seed", "7"];

fn techno() -> &'static Piece {
    static PIECE: OnceLock<Piece> = OnceLock::new();
    PIECE.get_or_init(|| Piece::generate(&TECHNO))
}

fn session_of(folder: &Path) -> Value {
    let text = fs::read(folder.join("session.json")).expect("session.json is there");
    serde_json::from_slice(&text).expect("session.json is JSON")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}

#[test]
fn stems_are_24_bit_stereo_and_exactly_as_long_as_the_bars() {
    let piece = techno();
    let frames = (4.0 * 4.0 * 60.0 / 132.0 * 48_000.0_f64).round() as usize;
    for name in TRACKS.into_iter().chain(["mix"]) {
        let stem = piece.stem(name);
        assert_eq!((stem.spec.sample_rate, stem.spec.bits_per_sample), (48_000, 24), "{name}");
        assert_eq!(stem.spec.sample_format, hound::SampleFormat::Int, "{name}");
        assert_eq!(stem.len(), frames, "{name}");
        assert!(stem.rms() > 0.003, "{name} is nearly silent: {}", stem.rms());
        assert!(stem.peak() <= 1.0, "{name}");
    }
}

#[test]
fn the_mix_is_the_sum_of_the_stems() {
    let piece = techno();
    let stems = TRACKS.map(|name| piece.stem(name));
    let mix = piece.stem("mix");
    let sums: Vec<f32> =
        (0..mix.len()).map(|index| stems.iter().map(|stem| stem.left[index]).sum()).collect();
    let loudest = sums.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    if loudest < 0.8 {
        let off = sums.iter().zip(&mix.left).fold(0.0_f32, |worst, (sum, mix)| worst.max((sum - mix).abs()));
        assert!(off < 1e-5, "the mix differs from the sum by {off}");
    } else {
        // The mix is limited but still follows the sum.
        let both: f32 = sums.iter().zip(&mix.left).map(|(sum, mix)| sum * mix).sum();
        let norm = |samples: &[f32]| samples.iter().map(|sample| sample * sample).sum::<f32>().sqrt();
        assert!(both / (norm(&sums) * norm(&mix.left)) > 0.95);
    }
}

#[test]
fn the_session_says_how_it_was_made() {
    let piece = techno();
    let plan = piece.plan();
    assert_eq!(plan["bpm"], 132.0);
    assert_eq!(plan["key"], "A minor");
    assert_eq!(plan["meter"], "4/4");
    assert_eq!(plan["bars"], 4);
    let chords = plan["chords"].as_array().expect("chords are a list");
    assert_eq!(chords.len(), 2 * 4);
    assert!(chords.iter().all(|chord| {
        chord.as_str().is_some_and(|chord| chord.starts_with(|root| ('A'..='G').contains(&root)))
    }));
    assert_eq!(piece.session["prompt"], "dark techno with driving bass");
    assert!(piece.session["intent"].is_object());
    assert_eq!(piece.session["seed"], 7);
    let everything = piece.session.to_string();
    for part in ["bundle", "licence", "recipe", "locked"] {
        assert!(everything.contains(part), "session.json says nothing of '{part}'");
    }
    let made = &piece.report["run"];
    assert!(made["real_time_factor"].as_f64().is_some_and(|factor| factor > 0.0));
    assert_eq!(made["tracks"].as_array().map(Vec::len), Some(4));
}

#[test]
fn midi_files_hold_the_notes_at_the_tempo() {
    let piece = techno();
    for name in TRACKS {
        let bytes =
            fs::read(piece.path().join(format!("{name}.mid"))).expect("there is a MIDI file for each track");
        let file = midly::Smf::parse(&bytes).expect("it is a MIDI file");
        let events = || file.tracks.iter().flatten();
        let tempo = events().find_map(|event| match event.kind {
            midly::TrackEventKind::Meta(midly::MetaMessage::Tempo(tempo)) => Some(tempo.as_int()),
            _ => None,
        });
        assert_eq!(tempo, Some((60_000_000.0_f64 / 132.0).round() as u32), "{name}");
        assert!(!midi_notes(&bytes).is_empty(), "{name} has no notes");
    }
    let all: Vec<_> = files(piece.path())
        .into_iter()
        .filter(|(name, _)| name.extension().is_some_and(|extension| extension == "mid"))
        .collect();
    assert_eq!(all.len(), 5, "four tracks and one file with all of them");
}

/// Notes of a MIDI file: start in quarter notes, key.
fn midi_notes(bytes: &[u8]) -> Vec<(f32, u8)> {
    let file = midly::Smf::parse(bytes).expect("it is a MIDI file");
    let midly::Timing::Metrical(ticks) = file.header.timing else {
        panic!("timing in ticks per quarter is wanted")
    };
    let mut notes = Vec::new();
    for track in &file.tracks {
        let mut now = 0;
        for event in track {
            now += event.delta.as_int();
            if let midly::TrackEventKind::Midi { message: midly::MidiMessage::NoteOn { key, vel }, .. } =
                event.kind
                && vel.as_int() > 0
            {
                notes.push((now as f32 / f32::from(ticks.as_int()), key.as_int()));
            }
        }
    }
    notes
}

#[test]
fn the_picture_is_a_png() {
    let bytes = fs::read(techno().path().join("overview.png")).expect("overview.png is there");
    assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"));
    assert!(bytes.len() > 20_000, "the picture is nearly empty");
}

#[test]
fn the_same_seed_gives_the_same_files() {
    let again = Piece::generate(&TECHNO);
    let strip = |files: Vec<(PathBuf, Vec<u8>)>| -> HashMap<PathBuf, Vec<u8>> {
        // session.json also records how long the work took.
        files.into_iter().filter(|(name, _)| name != Path::new("session.json")).collect()
    };
    let (first, second) = (strip(files(techno().path())), strip(files(again.path())));
    assert_eq!(first.len(), second.len());
    for (name, bytes) in &first {
        assert!(second.get(name) == Some(bytes), "{} differs", name.display());
    }
    let takes = |report: &Value| {
        report["tracks"]
            .as_array()
            .expect("tracks are a list")
            .iter()
            .map(|track| track["take"]["id"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(takes(&techno().report), takes(&again.report));
}

#[test]
fn another_seed_gives_another_piece() {
    let other = Piece::generate(&[
        "dark techno with driving bass",
        "--bpm",
        "132",
        "--key",
        "A minor",
        "--bars",
        "4",
        "--seed",
        "8",
    ]);
    for name in TRACKS {
        assert!(other.stem(name).left != techno().stem(name).left, "{name} is the same");
    }
}

#[test]
fn prompts_differ_in_style_and_each_keeps_its_own_facts() {
    let jazz = Piece::generate(&[
        "slow smoky jazz ballad with upright bass in F minor",
        "--bars",
        "2",
        "--seed",
        "7",
    ]);
    let dnb = Piece::generate(&["fast aggressive drum and bass, 174 bpm", "--bars", "2", "--seed", "7"]);
    assert_eq!(jazz.plan()["key"], "F minor");
    assert_eq!(dnb.plan()["bpm"], 174.0);
    assert!(jazz.plan()["bpm"].as_f64() < Some(120.0), "a slow ballad: {}", jazz.plan()["bpm"]);
    assert_ne!(jazz.plan()["chords"], dnb.plan()["chords"]);
    let styles = |piece: &Piece| piece.session["intent"]["styles"].clone();
    assert_ne!(styles(&jazz), styles(&dnb));
    let kit = |piece: &Piece| piece.report["tracks"][0]["take"]["patch"].clone();
    assert_ne!(kit(&jazz), kit(&dnb), "a ballad and drum and bass have different kits");
    for piece in [&jazz, &dnb] {
        let bpm = piece.plan()["bpm"].as_f64().expect("there is a tempo");
        let frames = (2.0 * 4.0 * 60.0 / bpm * 48_000.0).round() as usize;
        assert!(TRACKS.into_iter().all(|name| piece.stem(name).len() == frames));
    }
}

#[test]
fn odd_meters_and_other_rates_keep_their_length() {
    let waltz = Piece::generate(&[
        "gentle waltz",
        "--meter",
        "3/4",
        "--bpm",
        "90",
        "--bars",
        "2",
        "--rate",
        "44100",
        "--tracks",
        "drums,bass",
        "--seed",
        "1",
    ]);
    for name in ["drums", "bass", "mix"] {
        let stem = waltz.stem(name);
        assert_eq!(stem.spec.sample_rate, 44_100, "{name}");
        assert_eq!(stem.len(), (2.0 * 3.0 * 60.0 / 90.0 * 44_100.0_f64).round() as usize, "{name}");
    }
    assert!(!waltz.path().join("melody.wav").exists(), "only what was asked for is made");
    // Takes at 48 kHz are kept: loading and saving again changes nothing.
    let before = fs::read(waltz.path().join("bass.wav")).expect("it was made");
    let _ = program::json(&["lock", text(waltz.path()), "bass"]);
    assert!(fs::read(waltz.path().join("bass.wav")).expect("it is still there") == before);
}

#[test]
fn stems_loop_without_a_click() {
    for name in TRACKS.into_iter().chain(["mix"]) {
        let stem = techno().stem(name);
        for samples in [&stem.left, &stem.right] {
            let widest = samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0_f32, f32::max);
            let seam = (samples[0] - samples[samples.len() - 1]).abs();
            assert!(seam <= widest, "{name}: {seam} at the seam, {widest} elsewhere");
        }
    }
}

#[test]
fn drums_are_on_the_grid() {
    let piece = techno();
    let step = 15.0 / 132.0;
    let drums = piece.stem("drums");
    let onsets = listen::onsets(&drums.mono(), RATE_HZ);
    assert!(onsets.len() >= 16, "only {} onsets in four bars", onsets.len());
    let mut off: Vec<f32> =
        onsets.iter().map(|onset| (onset - (onset / step).round() * step).abs()).collect();
    off.sort_by(f32::total_cmp);
    let (median, most) = (off[off.len() / 2], off[off.len() * 9 / 10]);
    assert!(median < 0.008, "half of the onsets are {median} s off the grid");
    assert!(most < 0.030, "a tenth of the onsets is {most} s off the grid");
}

#[test]
fn the_bass_sounds_the_notes_of_its_score_and_they_are_in_key() {
    let piece = techno();
    let audio = piece.stem("bass").mono();
    let notes = midi_notes(&fs::read(piece.path().join("bass.mid")).expect("it was made"));
    // A minor, and the tones of the plan's chords outside it.
    let scale = [9, 11, 0, 2, 4, 5, 7];
    let in_key = notes.iter().filter(|(_, key)| scale.contains(&(key % 12))).count();
    assert!(in_key * 10 >= notes.len() * 8, "{in_key} of {} notes are in key", notes.len());
    let (mut heard, mut right) = (0, 0);
    for (index, &(start, key)) in notes.iter().enumerate() {
        let from = (start * 60.0 / 132.0 * RATE_HZ) as usize + 960;
        let next =
            notes.get(index + 1).map_or(audio.len(), |(next, _)| (next * 60.0 / 132.0 * RATE_HZ) as usize);
        let to = (from + 7200).min(next).min(audio.len());
        if from + 4000 > to {
            continue;
        }
        if let Some(hz) = listen::pitch_hz(&audio[from..to], RATE_HZ) {
            heard += 1;
            let off = (69.0 + 12.0 * (hz / 440.0).log2() - f32::from(key)).rem_euclid(12.0);
            right += usize::from(!(0.5..=11.5).contains(&off));
        }
    }
    assert!(heard >= 4, "only {heard} of {} notes have a clear pitch", notes.len());
    assert!(right * 10 >= heard * 8, "{right} of {heard} clear notes have the pitch of the score");
}

#[test]
fn regeneration_keeps_locked_stems_to_the_byte() {
    let copy = techno().copy();
    let folder = text(copy.path());
    let locked = program::json(&["lock", folder, "drums", "bass"]);
    assert_eq!(locked["tracks"][0]["locked"], true);
    assert_eq!(locked["tracks"][2]["locked"], false);
    let bytes = |name: &str| fs::read(copy.path().join(name)).expect("the file is there");
    let kept = ["drums.wav", "bass.wav", "drums.mid", "bass.mid", "harmony.wav"];
    let before = kept.map(bytes);
    let melody = bytes("melody.wav");

    assert_refused(&["regenerate", folder, "--track", "drums"], 2, "locked");
    let report =
        program::json(&["regenerate", folder, "--track", "melody", "more aggressive", "--seed", "5"]);
    assert_eq!(report["run"]["tracks"].as_array().map(Vec::len), Some(1));
    assert!(kept.map(bytes) == before, "only the melody may change");
    assert!(bytes("melody.wav") != melody, "the melody did not change");

    // Generating into the folder replaces unlocked tracks and keeps the plan of locked ones.
    let _ = program::json(&["generate", "bright ambient", "--out", folder, "--seed", "9"]);
    assert!(
        kept[..4].iter().zip(&before).all(|(name, before)| bytes(name) == *before),
        "a locked stem changed"
    );
    assert!(bytes("harmony.wav") != before[4], "the harmony did not change");
    assert_eq!(session_of(copy.path())["plan"]["bpm"], 132.0);

    let unlocked = program::json(&["unlock", folder, "drums,bass"]);
    assert_eq!(unlocked["tracks"][0]["locked"], false);
    let shown = program::json(&["show", folder]);
    assert_eq!(shown["plan"]["key"], "A minor");
}

#[test]
fn the_table_names_tempo_key_and_chords() {
    let output = program::run(&["show", text(techno().path())]);
    let table = String::from_utf8_lossy(&output.stdout);
    for part in ["132 bpm", "A minor", "chords", "drums", "melody"] {
        assert!(table.contains(part), "'{part}' is not in:\n{table}");
    }
}

#[test]
fn bad_words_and_numbers_are_refused_in_one_line() {
    let out = tempfile::tempdir().expect("there is room for a folder");
    let folder = out.path().join("never-made");
    let folder = text(&folder);
    let refused = |prompt: &str, flags: &[&str], code: i32, hint: &str| {
        assert_refused(&[&["generate", prompt, "--out", folder], flags].concat(), code, hint);
    };
    refused("", &[], 2, "prompt is empty");
    refused("  \t\n ", &[], 2, "prompt is empty");
    refused(&"techno ".repeat(1429), &[], 2, "at most");
    refused("🔥🔥🔥", &[], 2, "techno");
    refused("λίγο θλιμμένο πράγμα", &[], 2, "techno");
    refused("techno", &["--bpm", "0"], 2, "40 to 240");
    refused("techno", &["--bpm", "NaN"], 2, "40 to 240");
    refused("techno", &["--bpm", "1e9"], 2, "40 to 240");
    refused("techno", &["--key", "H sharp"], 2, "A minor");
    refused("techno", &["--bars", "0"], 2, "1 to 64");
    refused("techno", &["--bars", "10000"], 2, "1 to 64");
    refused("techno", &["--meter", "4"], 2, "4/4");
    refused("techno", &["--tracks", "kazoo"], 2, "drums, bass, harmony or melody");
    refused("techno", &["--variation", "7"], 2, "0 to 1");
    refused("techno", &["--loudness", "11"], 2, "--loudness");
    assert!(!Path::new(folder).exists(), "a refused command makes no folder");
    assert_refused(&["show", text(out.path())], 2, "session.json");
    assert_refused(&["regenerate", text(out.path()), "--track", "bass"], 2, "session.json");
}

#[test]
fn folders_have_names_of_any_length_and_language() {
    /// Longer than Windows programs can open without opting in to long paths.
    const LENGTH: usize = 320;
    let place = tempfile::tempdir().expect("there is room for a folder");
    let mut folder = place.path().join("Gr\u{f6}\u{df}e & Ma\u{df} (neu), \u{97f3}\u{697d}");
    while folder.as_os_str().len() < LENGTH {
        folder.push("one of many folders with a long name");
    }
    let words = ["--bars", "1", "--bpm", "200", "--tracks", "drums,bass", "--out", text(&folder)];
    let _ = program::json(&[&["generate", "techno"], &words[..]].concat());
    let _ = program::json(&["lock", text(&folder), "drums"]);
    let _ = program::json(&["regenerate", text(&folder), "--track", "bass"]);
    let again = place.path().join("my break.wav");
    fs::copy(folder.join("bass.wav"), &again).expect("there is room");
    let _ = program::json(&["import", text(&folder), "--track", "melody", text(&again), "--bpm", "200"]);
    let exports = folder.join("exports");
    let _ = program::json(&["export", text(&folder), "--out", text(&exports)]);
    let count = files(&exports)
        .into_iter()
        .filter(|(path, _)| path.extension().is_some_and(|end| end == "wav"))
        .count();
    assert_eq!(count, 4, "three stems and the mix");
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_the_work() {
    let file = tempfile::NamedTempFile::new().expect("there is room for a file");
    assert_refused(&["generate", "techno", "--out", text(file.path())], 1, "choose another --out folder");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_loses_nothing() {
    assert_refused(&["generate", "techno", "--out", "/dev/full/techno"], 1, "choose another --out folder");
    // The file size limit simulates a disk that fills up while the result is saved.
    let copy = techno().copy();
    let before = files(copy.path());
    let line = format!(
        "trap '' XFSZ; ulimit -f 300; exec '{}' regenerate '{}' --track melody --seed 3",
        program::path().display(),
        copy.path().display()
    );
    let output = std::process::Command::new("bash")
        .args(["-c", &line])
        .current_dir(root())
        .output()
        .expect("there is a shell");
    assert!(!output.status.success(), "300 KB hold no stem");
    assert!(files(copy.path()) == before, "a failed save left something behind");
}

#[test]
fn a_damaged_session_is_refused_and_left_alone() {
    let copy = techno().copy();
    let session = copy.path().join("session.json");
    let text_before = fs::read_to_string(&session).expect("session.json is there");
    fs::write(&session, &text_before[..text_before.len() / 2]).expect("there is room");
    let before = files(copy.path());
    assert_refused(&["regenerate", text(copy.path()), "--track", "bass"], 1, "session.json");
    assert_refused(&["generate", "techno", "--out", text(copy.path())], 1, "session.json");
    assert!(files(copy.path()) == before);
}

#[test]
fn a_lost_take_is_named_and_made_again_when_it_is_played() {
    let copy = techno().copy();
    let folder = text(copy.path());
    for seed in ["21", "22"] {
        let _ = program::json(&["regenerate", folder, "--track", "bass", "--seed", seed]);
    }
    let listed = program::json(&["take", folder, "--track", "bass"]);
    let id = listed["takes"][0]["id"].as_str().expect("a take has an id").to_owned();
    let file = copy.path().join("takes").join(format!("{id}.flac"));
    let whole = fs::read(&file).expect("the take's file is there");
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(&file, damaged).expect("there is room");

    let shown = program::run(&["show", folder]);
    let told = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.status.success() && told.contains("take 1 of bass is lost"), "{told}");
    assert!(!told.contains("delete") && !String::from_utf8_lossy(&shown.stderr).contains("delete"));
    assert_eq!(program::json(&["take", folder, "--track", "bass"])["takes"][0]["lost"], true);
    let listed = program::json(&["take", folder, "--track", "bass", "--select", "1"]);
    assert_eq!((&listed["takes"][0]["playing"], &listed["takes"][0]["lost"]), (&true.into(), &false.into()));
    assert!(fs::read(&file).expect("it is written again") == whole, "the same take, to the bit");
}

#[test]
fn notes_are_varied_into_a_take_of_their_own() {
    let copy = techno().copy();
    let folder = text(copy.path());
    let before = fs::read(copy.path().join("drums.wav")).expect("there are drums");
    let bass = fs::read(copy.path().join("bass.wav")).expect("there is a bass");
    let _ = program::json(&["vary", folder, "--track", "drums", "--density", "-1", "--fills", "2"]);
    let takes = program::json(&["take", folder, "--track", "drums"]);
    assert_eq!(takes["takes"].as_array().map(Vec::len), Some(2), "the take before stays");
    assert!(fs::read(copy.path().join("drums.wav")).expect("there are drums") != before);
    assert!(fs::read(copy.path().join("bass.wav")).expect("there is a bass") == bass);
    let _ = program::json(&["undo", folder]);
    assert!(fs::read(copy.path().join("drums.wav")).expect("there are drums") == before);
    for (arguments, hint) in [
        (&["--track", "drums"][..], "nothing to vary"),
        (&["--track", "drums", "--fills", "3"][..], "3 is not in -2..=2"),
    ] {
        let refused = program::run(&[&["vary", folder], arguments].concat());
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && told.contains(hint), "{told}");
    }
    let _ = program::json(&["lock", folder, "drums"]);
    let locked = program::run(&["vary", folder, "--track", "drums", "--density", "1"]);
    assert!(String::from_utf8_lossy(&locked.stderr).contains("drums is locked"));
}

#[test]
fn the_first_action_can_be_undone_and_redone() {
    let copy = techno().copy();
    let folder = text(copy.path());
    let before = fs::read(copy.path().join("mix.wav")).expect("there is a mix");
    let undone = program::json(&["undo", folder]);
    assert!(undone["plan"].is_null() && undone["tracks"][0]["take"].is_null());
    assert!(!copy.path().join("mix.wav").exists() && !copy.path().join("overview.png").exists());
    assert!(program::json(&["show", folder])["plan"].is_null());
    let shown = program::run(&["show", folder]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("an empty session"));
    let redone = program::json(&["redo", folder]);
    assert!(redone["tracks"][0]["take"].is_object());
    assert!(fs::read(copy.path().join("mix.wav")).expect("it is back") == before);
}

#[test]
fn of_two_commands_at_once_none_is_lost() {
    let copy = techno().copy();
    let folder = text(copy.path());
    let mut running: Vec<_> = TRACKS
        .iter()
        .map(|track| {
            let arguments = ["regenerate", folder, "--track", track, "--seed", "77"];
            let mut command = program::command(&arguments);
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("resonantgen starts")
        })
        .collect();
    let is_done: Vec<bool> =
        running.iter_mut().map(|child| child.wait().expect("it ends").success()).collect();
    for (track, is_done) in TRACKS.iter().zip(is_done) {
        let takes = program::json(&["take", folder, "--track", track]);
        let count = takes["takes"].as_array().expect("there are takes").len();
        assert_eq!(count, if is_done { 2 } else { 1 }, "{track}: what is told is what happened");
    }
}

/// A bundle folder that differs from the real one in the named file; the others are linked.
fn spoilt_bundle(spoil: impl Fn(&Path)) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let bundle = folder.path().join("bundle");
    fs::create_dir(&bundle).expect("there is room for a folder");
    for entry in fs::read_dir(bundle_folder()).expect("the models are there") {
        let path = entry.expect("the folder can be listed").path();
        if path.is_file() {
            fs::copy(&path, bundle.join(path.file_name().expect("a file has a name")))
                .expect("there is room for a copy");
        }
    }
    spoil(&bundle);
    (folder, bundle)
}

fn bundle_folder() -> PathBuf {
    std::env::var_os("RESONANTGEN_BUNDLE")
        .map_or_else(|| root().join("models").join("resonant"), PathBuf::from)
}

#[test]
fn spoilt_models_are_refused_by_name() {
    let out = tempfile::tempdir().expect("there is room for a folder");
    let refused = |spoil: &dyn Fn(&Path), hint: &str| {
        let (_folder, bundle) = spoilt_bundle(spoil);
        let arguments = ["generate", "techno", "--out", text(out.path()), "--bundle", text(&bundle)];
        assert_refused(&arguments, 1, hint);
        let doctor = program::run(&["doctor", "--bundle", text(&bundle)]);
        assert_eq!(doctor.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&doctor.stdout).contains(hint));
    };
    refused(&|bundle| fs::remove_file(bundle.join("manifest.json")).expect("it was there"), "manifest.json");
    refused(&|bundle| fs::write(bundle.join("manifest.json"), "{").expect("there is room"), "manifest.json");
    refused(
        &|bundle| fs::remove_file(bundle.join("decode_bass.onnx")).expect("it was there"),
        "decode_bass.onnx",
    );
    refused(
        &|bundle| {
            let path = bundle.join("compose_drums.onnx");
            let bytes = fs::read(&path).expect("it was there");
            fs::write(path, &bytes[..bytes.len() / 2]).expect("there is room");
        },
        "compose_drums.onnx",
    );
    refused(
        &|bundle| {
            let path = bundle.join("perform_melody.onnx");
            let mut bytes = fs::read(&path).expect("it was there");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(path, bytes).expect("there is room");
        },
        "perform_melody.onnx",
    );
    assert!(files(out.path()).is_empty(), "nothing is written when the models are refused");
}

#[test]
fn a_missing_or_wrong_runtime_is_refused() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let wrong = folder.path().join("libonnxruntime.so");
    fs::write(&wrong, "not a library").expect("there is room");
    for library in [folder.path().join("missing.so"), wrong] {
        let out = folder.path().join("out");
        let output = program::command(&["generate", "techno", "--out", text(&out)])
            .env("RESONANTGEN_RUNTIME", &library)
            .output()
            .expect("resonantgen starts");
        program::assert_output_refused(&output, &library.display().to_string(), 1, "cargo xtask setup");
        let doctor =
            program::command(&["doctor"]).env("RESONANTGEN_RUNTIME", &library).output().expect("it starts");
        assert_eq!(doctor.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&doctor.stdout).contains("cargo xtask setup"));
    }
}

#[test]
fn doctor_is_content_here() {
    let document = program::json(&["doctor"]);
    assert_eq!(document["healthy"], true, "{document}");
    assert!(document["runtime"]["version"].as_str().is_some_and(|version| version.starts_with("1.28")));
    assert!(document["bundle"]["licence"].as_str().is_some_and(|licence| !licence.is_empty()));
}

#[test]
#[cfg(unix)]
fn ctrl_c_leaves_everything_as_it_was() {
    let copy = techno().copy();
    let folder = text(copy.path());
    let _ = program::json(&["lock", folder, "drums"]);
    let before = files(copy.path());
    interrupt(&["generate", "ambient with a long pad", "--out", folder, "--seed", "2"]);
    assert!(files(copy.path()) == before, "an interrupted generation changed the folder");

    // A new folder is not left half-filled either.
    let fresh = tempfile::tempdir().expect("there is room for a folder");
    interrupt(&["generate", "long cinematic piece", "--bars", "16", "--out", text(fresh.path())]);
    let left: Vec<_> = files(fresh.path()).into_iter().map(|(path, _)| path).collect();
    assert_eq!(left, [Path::new(".resonantgen.lock")], "the lock stays, and nothing else");
}

/// Presses Ctrl-C after the first stage of a generation and checks that it stops before the last.
#[cfg(unix)]
fn interrupt(arguments: &[&str]) {
    use std::io::BufRead as _;

    let stages = |lines: &[String]| lines.iter().filter(|line| line.ends_with(" s")).count();
    let mut child = program::command(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("resonantgen starts");
    let mut errors = std::io::BufReader::new(child.stderr.take().expect("it is piped")).lines();
    let mut told = Vec::new();
    while stages(&told) == 0 {
        told.push(errors.next().expect("it ended before its first stage").expect("a line"));
    }
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.is_ok_and(|status| status.success()), "it ended before it could be interrupted");
    told.extend(errors.map(|line| line.expect("a line")));
    assert_eq!(child.wait().expect("it ends").code(), Some(130), "{told:#?}");
    assert!(stages(&told) < 3 * TRACKS.len(), "everything was made all the same: {told:#?}");
}

#[test]
fn help_tells_a_person_what_to_type() {
    let help = program::run(&["--help"]);
    assert!(help.status.success());
    let text = String::from_utf8_lossy(&help.stdout);
    for word in ["generate", "regenerate", "lock", "unlock", "show", "doctor", "bench", "batch", "Example"] {
        assert!(text.contains(word), "{word}");
    }
    for command in ["generate", "regenerate", "lock", "show", "doctor", "bench"] {
        assert!(program::run(&[command, "--help"]).status.success(), "{command}");
    }
}

#[test]
fn a_provider_that_is_not_there_is_named_and_the_processor_works() {
    let foreign = if cfg!(windows) { "coreml" } else { "directml" };
    let out = tempfile::tempdir().expect("there is room for a folder");
    let folder = out.path().join("loop");
    let folder = folder.to_str().expect("temporary folders have plain names");
    let words =
        ["generate", "techno", "--bars", "1", "--tracks", "bass", "--out", folder, "--provider", foreign];
    let output = program::run(&words);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(
        told.lines().any(|line| line.starts_with("note: ") && line.contains("the CPU was used")),
        "{told}"
    );
    assert!(Path::new(folder).join("bass.wav").is_file());
}
