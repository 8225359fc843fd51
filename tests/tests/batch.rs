//! `resonantgen batch`: each row equals a single run, bad rows do not stop the others, and an interrupted batch resumes.

use std::fs;
use std::path::{Path, PathBuf};

use resonantgen_tests::program::{self, assert_refused, files};

/// Short, with a single track, to keep the test quick.
const TABLE: &str = "\
name,prompt,bpm,bars,tracks,seed,variation
low,\"techno, with an acid bass\",240,1,bass,7,0.25
odd,techno,999,1,bass,,
lost,qwertz uiop,,,,,
,house with a warm bass,240,1,bass,,
low,techno,240,1,bass,,
";

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}

/// All audio and notes; not the session file, which records how long the work took.
fn music(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let is_music = |path: &Path| path.extension().is_some_and(|kind| kind == "wav" || kind == "mid");
    files(folder).into_iter().filter(|(path, _)| is_music(path)).collect()
}

#[test]
fn rows_are_as_single_runs_and_bad_ones_stop_nothing_and_it_goes_on() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let table = folder.path().join("prompts.csv");
    fs::write(&table, TABLE).expect("there is room for a table");
    let out = folder.path().join("out");
    let run = || {
        let output = program::run(&["batch", text(&table), "--out", text(&out), "--json", "--jobs", "2"]);
        assert_eq!(output.status.code(), Some(1), "bad rows give the exit code 1");
        let lines = String::from_utf8(output.stderr).expect("lines are UTF-8");
        let summary: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
        (lines, summary)
    };

    let (lines, summary) = run();
    assert_eq!((&summary["made"], &summary["failed"]), (&2.into(), &3.into()), "{summary}");
    // The runtime may say something of its own on Windows.
    let told = lines.lines().filter(|line| line.starts_with('[')).count();
    assert_eq!(told, 5, "one line for each row: {lines}");
    for hint in ["line 3: the tempo is", "line 4: no word of the prompt", "line 6: another row has the name"]
    {
        let (line, words) = hint.split_once(": ").expect("both are given");
        let found = lines.lines().any(|found| found.contains(line) && found.contains(words));
        assert!(found, "{hint} is not in:\n{lines}");
    }

    for (name, arguments) in [
        ("low", ["techno, with an acid bass", "--seed=7", "--variation=0.25"]),
        ("0004-house-with-a-warm-bass", ["house with a warm bass", "--seed=4", "--variation=0.5"]),
    ] {
        let single = tempfile::tempdir().expect("there is room for a folder");
        let plan = ["--bpm=240", "--bars=1", "--tracks=bass"];
        let _ = program::json(&[&["generate", "--out", text(single.path())], &arguments[..], &plan].concat());
        let (made, alone) = (music(&out.join(name)), music(single.path()));
        assert!(made.len() > 3 && made == alone, "{name} differs from a single run");
    }

    // Changed and interrupted rows are made again; the others stay untouched.
    let kept = files(&out.join("low"));
    let note = out.join("0004-house-with-a-warm-bass/batch.json");
    let begun =
        fs::read_to_string(&note).expect("a note").replace("\"complete\": true", "\"complete\": false");
    fs::write(&note, begun).expect("the note can be written");
    let (_, summary) = run();
    assert_eq!((&summary["made"], &summary["already_there"]), (&1.into(), &1.into()), "{summary}");
    assert!(files(&out.join("low")) == kept, "a row that was there was touched");
}

/// A file without an end: reading it would hang and ignore Ctrl-C.
#[cfg(unix)]
#[test]
fn pipes_devices_and_folders_are_refused_at_once_where_a_file_is_wanted() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("a program").success());
    let out = folder.path().join("out");
    for (named, hint) in [
        (pipe.as_path(), "not a regular file"),
        (Path::new("/dev/zero"), "not a regular file"),
        (folder.path(), "it is a folder"),
    ] {
        for command in [
            &["batch", text(named), "--out", text(&out)][..],
            &["import", text(&out), text(named), "--track", "drums"],
            &["bench", "--compare", text(named)],
            &["codec", "decode", text(named), text(&out), "--bundle", text(&out)],
        ] {
            assert_refused(command, 1, hint);
        }
    }
    assert!(!out.exists(), "nothing was written");
}

#[test]
fn a_table_that_is_none_is_refused_and_foreign_sessions_are_left_alone() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let table = folder.path().join("prompts.csv");
    fs::write(&table, "prompt,volume\ntechno,3\n").expect("there is room for a table");
    let out = folder.path().join("out");
    assert_refused(&["batch", text(&table), "--out", text(&out)], 2, "volume");

    fs::write(&table, "name,prompt\nmine,techno\n").expect("there is room for a table");
    fs::create_dir_all(out.join("mine")).expect("there is room for a folder");
    fs::write(out.join("mine/session.json"), "{}").expect("there is room for a file");
    let output = program::run(&["batch", text(&table), "--out", text(&out)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("an unrelated session"));
    assert_eq!(files(&out.join("mine")).len(), 1);
}
