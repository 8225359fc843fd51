//! The CLAP in a host of our own: four stems by a parameter, in time, locked, saved, with any set of outputs.
//!
//! `cargo xtask test` builds the bundle so that it aborts when the audio thread allocates, and names its folder in
//! `RESONANTGEN_PLUGINS`; without it, or with `RESONANTGEN_NO_HOSTS`, these tests are skipped.

mod buffers;
mod conformance;
mod control;
mod dials;
mod dice;
mod drums;
mod follow;
mod host;
mod measure;
mod notes;
mod project;
mod sections;
mod sidechain;
mod song;
mod storm;

use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use clack_extensions::audio_ports::{AudioPortInfoBuffer, PluginAudioPorts};
use clack_extensions::note_ports::{NoteDialects, NotePortInfoBuffer, PluginNotePorts};
use clack_extensions::render::RenderMode;
use clack_extensions::state::PluginState;
use clack_host::events::event_types::NoteOnEvent;
use clack_host::prelude::*;
use resonantgen_tests::listen::onsets;

use host::{BLOCK, Host, LOOP, PORTS, RATE_HZ, Stereo, plugin};

/// Tempo and length of the takes.
const BPM: f64 = 120.0;
const BARS: f64 = 2.0;

/// A state with four takes, made once for all tests.
fn state() -> Option<&'static [u8]> {
    static STATE: OnceLock<Vec<u8>> = OnceLock::new();
    static MAKING: Mutex<()> = Mutex::new(());
    plugin()?;
    let _making = MAKING.lock();
    if STATE.get().is_none() {
        let mut host = Host::open(None, PORTS)?;
        host.block(BLOCK, &[(0, "Bars", BARS), (0, "Swap At", 0.0), (0, "Seed", 7.0), (0, "Seed Mode", 1.0)]);
        host.trigger("Generate");
        let _ = STATE.set(host.save());
    }
    STATE.get().map(Vec::as_slice)
}

/// As [`state`], with a second take of each track.
fn two_takes() -> Option<&'static [u8]> {
    static STATE: OnceLock<Vec<u8>> = OnceLock::new();
    static MAKING: Mutex<()> = Mutex::new(());
    let one = state()?;
    let _making = MAKING.lock();
    if STATE.get().is_none() {
        let mut host = Host::open(Some(one), PORTS)?;
        host.block(BLOCK, &[(0, "Seed", 23.0)]);
        host.trigger("Generate");
        let _ = STATE.set(host.save());
    }
    STATE.get().map(Vec::as_slice)
}

fn rms(samples: &[f32]) -> f64 {
    let power: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    (power / samples.len().max(1) as f64).sqrt()
}

/// Largest difference of Main and the sum of the given stems.
fn main_minus(main: &Stereo, stems: &[&Stereo]) -> f32 {
    let mut largest = 0.0_f32;
    for side in 0..2 {
        for frame in 0..main[side].len() {
            let sum: f32 = stems.iter().map(|stem| stem[side][frame]).sum();
            largest = largest.max((main[side][frame] - sum).abs());
        }
    }
    largest
}

#[test]
fn it_has_main_four_stems_and_four_parts_of_the_drums_and_takes_and_sends_notes_but_claims_no_raw_midi() {
    let Some(mut host) = Host::open(None, PORTS) else { return };
    let handle = host.instance.plugin_handle();
    let ports: PluginAudioPorts = handle.get_extension().expect("it has audio ports");
    let mut buffer = AudioPortInfoBuffer::new();
    assert_eq!(ports.count(&handle, true), 1);
    let sidechain = ports.get(&handle, 0, true, &mut buffer).expect("the sidechain has its facts");
    assert_eq!(
        (sidechain.name, sidechain.channel_count, sidechain.flags.is_empty()),
        (&b"Sidechain"[..], 2, true)
    );
    assert!(ports.get(&handle, 1, true, &mut buffer).is_none());
    let names: Vec<String> = (0..ports.count(&handle, false))
        .map(|index| {
            let info = ports.get(&handle, index, false, &mut buffer).expect("each port has its facts");
            assert_eq!(info.channel_count, 2);
            String::from_utf8_lossy(info.name).into_owned()
        })
        .collect();
    assert_eq!(names, ["Main", "Drums", "Bass", "Harmony", "Melody", "Kick", "Snare", "Hats", "Percussion"]);
    let notes: PluginNotePorts = handle.get_extension().expect("it has a note port");
    let mut buffer = NotePortInfoBuffer::new();
    let port = notes.get(&handle, 0, true, &mut buffer).expect("the port has its facts");
    assert_eq!(port.supported_dialects, NoteDialects::CLAP);
    assert_eq!((notes.count(&handle, true), notes.count(&handle, false)), (1, 1));
    let port = notes.get(&handle, 0, false, &mut buffer).expect("the port has its facts");
    assert_eq!(port.supported_dialects, NoteDialects::CLAP);
}

#[test]
fn a_trigger_makes_four_different_stems_in_time_with_the_grid() {
    let Some(state) = state() else { return };
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    let heard = host.loop_once();
    let [main, stems @ ..] = heard.as_slice() else { unreachable!("five ports") };
    for (index, stem) in stems.iter().enumerate() {
        assert!(rms(&stem[0]) > 1e-4 && rms(&stem[1]) > 1e-4, "stem {index} is silent");
        for other in &stems[..index] {
            assert!(stem[0] != other[0], "stem {index} equals another");
        }
    }
    assert!(main_minus(main, &stems.iter().collect::<Vec<_>>()) < 1e-5, "Main is the sum of the stems");

    let step_seconds = 60.0 / BPM as f32 / 4.0;
    let mut deviations: Vec<f32> = onsets(&stems[0][0], RATE_HZ as f32)
        .into_iter()
        .map(|onset| {
            let steps = onset / step_seconds;
            (steps - steps.round()).abs() * step_seconds
        })
        .collect();
    deviations.sort_by(f32::total_cmp);
    assert!(deviations.len() >= 4, "drums have onsets");
    let median = deviations[deviations.len() / 2];
    assert!(median < 0.02, "drums are {:.0} ms off the grid", median * 1000.0);
}

#[test]
fn the_timeline_decides_what_is_heard() {
    let Some(state) = state() else { return };
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    let whole = host.loop_once();
    let samples_per_beat = (60.0 / BPM * RATE_HZ) as usize;
    for (beat, size) in [(3.0, 480), (5.0, 64), (8.0, 127), (-4.0, 1), (2.71, 333)] {
        let part = host.render(beat, 4_800, size);
        let start = (beat * samples_per_beat as f64).rem_euclid(LOOP as f64) as usize;
        // Starts in the middle of a loop are smoothed for 3 ms.
        let smoothed = if start == 0 { 0 } else { 144 };
        for (port, (part, whole)) in part.iter().zip(&whole).enumerate() {
            assert!(
                part[0][smoothed..] == whole[0][start + smoothed..start + 4_800],
                "port {port} from beat {beat} in blocks of {size}"
            );
            // No step larger than those of the music itself.
            let before = whole[0][(start + LOOP - 1) % LOOP];
            let step = (whole[0][start] - before).abs();
            assert!(
                start == 0 || (part[0][0].abs() - step).abs() < 1e-6,
                "port {port} clicks at beat {beat}"
            );
        }
        assert!(host.render(beat, 4_800, BLOCK) == part, "the blocks do not matter at beat {beat}");
    }
    host.playing = false;
    host.block(BLOCK, &[]);
    let silent = host.block(BLOCK, &[]);
    assert!(silent.iter().flatten().flatten().all(|sample| *sample == 0.0), "standing still is silence");
}

#[test]
fn ticks_are_made_exact_by_seconds() {
    let Some(state) = state() else { return };
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    let whole = host.loop_once();
    host.ticks = 1_920.0;
    // Blocks not aligned with any tick; the song begins before the take, as in bounces with pre-roll.
    for first in [-4_444.0, 0.0] {
        let beat = first * BPM / 60.0 / RATE_HZ;
        let heard = host.render(beat, 48_000, 1_111);
        let skipped = -first as usize;
        assert!(heard[1][0][skipped..] == whole[1][0][..48_000 - skipped], "from sample {first}");
    }
}

#[test]
fn a_saved_session_plays_again_to_the_bit() {
    let Some(state) = state() else { return };
    let mut first = Host::open(Some(state), PORTS).expect("there is a plugin");
    let heard = first.loop_once();
    let saved = first.save();
    drop(first);
    let mut second = Host::open(Some(&saved), PORTS).expect("there is a plugin");
    assert!(second.loop_once() == heard);
    // Loading into a running plugin.
    let mut third = Host::open(None, PORTS).expect("there is a plugin");
    {
        let handle = third.instance.plugin_handle();
        let extension: PluginState = handle.get_extension().expect("it has state");
        extension.load(&handle, &mut &saved[..]).expect("the state can be loaded");
    }
    third.settle();
    assert!(third.loop_once() == heard);
}

#[test]
fn a_locked_track_keeps_its_bits_while_the_others_change() {
    let Some(state) = state() else { return };
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    let before = host.loop_once();
    host.block(BLOCK, &[(0, "Bass Lock", 1.0), (0, "Seed", 23.0)]);
    host.trigger("Generate");
    let after = host.loop_once();
    assert!(before[2] == after[2], "the locked bass has changed");
    assert!(before[1] != after[1], "the drums have not changed");

    let before = after;
    host.block(BLOCK, &[(0, "Seed", 42.0)]);
    host.trigger("Melody Regenerate");
    let after = host.loop_once();
    assert!(before[1..4] == after[1..4], "only the melody was asked for");
    assert!(before[4] != after[4], "the melody has not changed");
}

#[test]
fn the_same_seed_makes_the_same_music() {
    let Some(state) = state() else { return };
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    let before = host.loop_once();
    host.trigger("Generate");
    assert!(host.loop_once() == before);
}

#[test]
fn a_host_without_stem_outputs_hears_everything_in_main() {
    let Some(state) = state() else { return };
    let all = Host::open(Some(state), PORTS).expect("there is a plugin").loop_once();
    let mut host = Host::open(Some(state), 1).expect("there is a plugin");
    assert!(host.loop_once()[0] == all[0]);
    // A host that omits unused outputs, with Drums and Bass connected: they leave Main.
    host.ports = 3;
    host.block(BLOCK, &[]);
    host.block(BLOCK, &[]);
    let some = host.loop_once();
    assert!(some[1..3] == all[1..3]);
    assert!(main_minus(&some[0], &[&all[3], &all[4]]) < 1e-5);
}

#[test]
fn any_set_of_outputs_is_served() {
    let Some(state) = state() else { return };
    let all = Host::open(Some(state), PORTS).expect("there is a plugin").loop_once();
    const LENGTH: usize = 9_600;
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    // All of them first: the supplied outputs count as connected only once the host has omitted one.
    for supplied in (0..1_u32 << PORTS).rev() {
        host.channels = std::array::from_fn(|port| if supplied & 1 << port == 0 { 0 } else { 2 });
        // From the first block on the plugin knows what is omitted; gains then change without a click.
        host.render(0.0, BLOCK, BLOCK);
        let heard = host.render(0.0, LENGTH, 441);
        let is_heard = |port: usize| supplied & 1 << port != 0;
        for port in (1..PORTS).filter(|port| is_heard(*port)) {
            assert!(heard[port][0] == all[port][0][..LENGTH], "stem {port} of {supplied:05b}");
        }
        if is_heard(0) {
            let stems: Vec<Stereo> = (1..PORTS)
                .filter(|port| !is_heard(*port) || supplied.count_ones() as usize == PORTS)
                .map(|port| all[port].clone().map(|side| side[..LENGTH].to_vec()))
                .collect();
            let rest = main_minus(&heard[0], &stems.iter().collect::<Vec<_>>());
            assert!(rest < 1e-5, "Main of {supplied:05b} has what is heard nowhere else: {rest}");
        }
    }
}

#[test]
fn ports_may_be_mono_and_may_change_between_blocks() {
    let Some(state) = state() else { return };
    let all = Host::open(Some(state), PORTS).expect("there is a plugin").loop_once();
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    host.channels[2] = 1;
    let heard = host.render(0.0, 4_800, 480);
    for frame in 0..4_800 {
        let both = (all[2][0][frame] + all[2][1][frame]) * 0.5;
        assert!((heard[2][0][frame] - both).abs() < 1e-6, "a mono port hears both sides");
    }
    host.beat = 1.0;
    for block in 0..40 {
        host.channels = std::array::from_fn(|port| [2, 0, 1][(block + port) % 3]);
        let heard = host.block(if block % 7 == 0 { 0 } else { 240 }, &[]);
        for (port, channels) in host.channels.into_iter().enumerate().take(heard.len()) {
            let heard = heard[port][..channels].iter().flatten();
            assert!(heard.into_iter().all(|sample| sample.abs() < 2.0), "port {port} in block {block}");
        }
    }
}

#[test]
fn a_number_chooses_the_take_to_the_sample() {
    let (Some(one), Some(two)) = (state(), two_takes()) else { return };
    let old = Host::open(Some(one), PORTS).expect("there is a plugin").loop_once();
    let mut host = Host::open(Some(two), PORTS).expect("there is a plugin");
    // An offline render waits for takes that are still being unpacked.
    host.start(RATE_HZ, RenderMode::Offline);
    let new = host.loop_once();
    assert!(old[2] != new[2], "the second take is another one");
    host.forget();
    host.beat = 0.0;
    let heard = host.block(4_800, &[(1_000, "Bass Take", 1.0)]);
    assert!(heard[2][0][..1_001] == new[2][0][..1_001], "nothing changes before");
    // The crossfade lasts 10 ms.
    assert!(heard[2][0][1_480..] == old[2][0][1_480..4_800], "the first take plays after");
    assert!(heard[1][0] == new[1][0][..4_800], "the drums go on");
    // The choice is saved.
    let mut again = Host::open(Some(&host.save()), PORTS).expect("there is a plugin");
    again.start(RATE_HZ, RenderMode::Offline);
    assert!(again.loop_once()[2] == old[2]);
}

#[test]
fn a_number_stays_with_its_take_when_older_ones_are_forgotten() {
    let Some(state) = state() else { return };
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    let regenerate = |host: &mut Host, seed: u32| {
        host.block(BLOCK, &[(0, "Seed", f64::from(seed))]);
        host.trigger("Bass Regenerate");
    };
    let bass = |host: &mut Host, number: f64| {
        host.block(BLOCK, &[(0, "Bass Take", number)]);
        let heard = host.loop_once();
        host.block(BLOCK, &[(0, "Bass Take", 0.0)]);
        heard[2].clone()
    };
    for seed in 100..103 {
        regenerate(&mut host, seed);
    }
    let third = bass(&mut host, 3.0);
    assert!(third != bass(&mut host, 4.0), "the takes differ");
    // Sixteen takes are kept: the first two are dropped.
    for seed in 103..117 {
        regenerate(&mut host, seed);
    }
    assert!(bass(&mut host, 3.0) == third, "number 3 plays another take");
    let newest = bass(&mut host, 0.0);
    assert!(
        bass(&mut host, 1.0) == newest && bass(&mut host, 2.0) == newest,
        "those that are gone change nothing"
    );
    assert!(bass(&mut host, 18.0) == newest, "the newest has a number, too");
    let mut again = Host::open(Some(&host.save()), PORTS).expect("there is a plugin");
    again.start(RATE_HZ, RenderMode::Offline);
    assert!(bass(&mut again, 3.0) == third, "number 3 plays another take in the opened project");
}

#[test]
fn a_sound_that_the_project_did_not_keep_is_made_again_to_the_bit() {
    let (Some(one), Some(two)) = (state(), two_takes()) else { return };
    let old = Host::open(Some(one), PORTS).expect("there is a plugin").loop_once();
    let mut host = Host::open(Some(two), PORTS).expect("there is a plugin");
    let new = host.loop_once();
    let project = project::without_other_sounds(two);
    assert!(project.len() < two.len() * 2 / 3, "half of the sound is gone");

    // A bounce waits for it.
    let mut bounce = Host::open(Some(&project), PORTS).expect("there is a plugin");
    assert!(bounce.loop_once() == new, "what plays is there at once");
    bounce.start(RATE_HZ, RenderMode::Offline);
    bounce.block(BLOCK, &[(0, "Melody Take", 1.0)]);
    let heard = bounce.loop_once();
    assert!(heard[4] == old[4], "the melody is as it was");
    assert!(heard[1..4] == new[1..4], "the others are not concerned");

    // In real time, the previous take plays until it is ready.
    let mut live = Host::open(Some(&project), PORTS).expect("there is a plugin");
    live.forget();
    live.beat = 0.0;
    let first = live.block(BLOCK, &[(0, "Melody Take", 1.0)]);
    assert!(first[4][0] == new[4][0][..BLOCK], "nothing is silent in the meantime");
    // The duration depends on the machine; a take that never arrives hangs the test.
    while live.loop_once()[4] != old[4] {}
    // Saved again, it includes its audio.
    let mut again = Host::open(Some(&live.save()), PORTS).expect("there is a plugin");
    again.start(RATE_HZ, RenderMode::Offline);
    assert!(again.loop_once()[4] == old[4]);
}

/// Five bars of a song that generates everything and, two bars later, the melody again. Seeds depend on the position, so each trigger
/// makes different music.
fn regenerating_song(host: &mut Host) -> Vec<Stereo> {
    let is_trigger = |changes: &[(u32, &str, f64)]| changes.iter().any(|(_, _, value)| *value == 1.0);
    host.block(BLOCK, &[(0, "Seed Mode", 2.0), (0, "Swap At", 2.0), (0, "Seed", 5.0)]);
    host.forget();
    host.beat = 0.0;
    let mut heard: Vec<Stereo> = vec![Default::default(); PORTS];
    for block in 0..10 * 100 {
        let changes: &[(u32, &str, f64)] = match block {
            0 => &[(0, "Generate", 0.0), (10, "Generate", 1.0)],
            100 => &[(0, "Generate", 0.0), (7, "Melody Regenerate", 0.0)],
            // On the bar line itself, so that the take has a whole bar to become ready.
            400 => &[(0, "Melody Regenerate", 1.0)],
            450 => &[(0, "Melody Regenerate", 0.0)],
            _ => &[],
        };
        let before = host.dirty();
        let now = host.block(BLOCK, changes);
        for (heard, block) in heard.iter_mut().flatten().zip(now.iter().flatten()) {
            heard.extend(block);
        }
        if is_trigger(changes) {
            // This host runs faster than real time; in a real one the take has until the next bar line.
            host.wait_until_dirty(before);
        }
    }
    heard
}

/// Length of one of its bars, in audio frames.
const SONG_BAR: usize = 2 * RATE_HZ as usize;
/// Until the first crossfade ends, the audio from before the song is heard.
const SONG_BEGINS: usize = SONG_BAR + 480;

#[test]
fn automation_plays_the_same_on_every_pass_and_in_the_bounce() {
    let Some(state) = state() else { return };
    let mut bounce = Host::open(Some(state), PORTS).expect("there is a plugin");
    bounce.start(RATE_HZ, RenderMode::Offline);
    let first = regenerating_song(&mut bounce);
    let bar =
        |port: usize, bar: usize, from: usize| &first[port][0][bar * SONG_BAR + from..(bar + 1) * SONG_BAR];
    assert!(bar(4, 1, 0) != bar(4, 3, 0), "the melody changes on the way");
    assert!(bar(1, 1, 4_800) == bar(1, 3, 4_800), "the drums do not");
    let second = regenerating_song(&mut bounce);
    let differs = |other: &[Stereo]| {
        (1..PORTS).find(|port| first[*port][0][SONG_BEGINS..] != other[*port][0][SONG_BEGINS..])
    };
    assert!(differs(&second).is_none(), "stem {:?} plays other music on the second pass", differs(&second));
    // Then played in real time, with the takes ready.
    let mut live = Host::open(Some(&bounce.save()), PORTS).expect("there is a plugin");
    let third = regenerating_song(&mut live);
    assert!(differs(&third).is_none(), "stem {:?} plays other music than the bounce", differs(&third));
}

#[test]
fn a_song_that_regenerates_plays_where_there_are_no_models() {
    // The models' folder is set for the whole process.
    const FOLDER: &str = "RESONANTGEN_NO_MODELS_TEST";
    const TEST: &str = "a_song_that_regenerates_plays_where_there_are_no_models";
    let bytes = |heard: &[Stereo]| -> Vec<u8> {
        let stems = heard[1..].iter().flatten();
        stems.flat_map(|channel| &channel[SONG_BEGINS..]).flat_map(|sample| sample.to_le_bytes()).collect()
    };
    if let Some(folder) = std::env::var_os(FOLDER).map(std::path::PathBuf::from) {
        let saved = std::fs::read(folder.join("state")).expect("the song was saved");
        let mut host = Host::open(Some(&saved), PORTS).expect("there is a plugin");
        let heard = bytes(&regenerating_song(&mut host));
        assert!(heard == std::fs::read(folder.join("heard")).expect("the song was heard"));
        return;
    }
    let Some(state) = state() else { return };
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let mut bounce = Host::open(Some(state), PORTS).expect("there is a plugin");
    bounce.start(RATE_HZ, RenderMode::Offline);
    let heard = bytes(&regenerating_song(&mut bounce));
    std::fs::write(folder.path().join("heard"), heard).expect("there is room for it");
    std::fs::write(folder.path().join("state"), bounce.save()).expect("there is room for it");
    let elsewhere = std::process::Command::new(std::env::current_exe().expect("it has a file"))
        .args([TEST, "--exact"])
        .env(FOLDER, folder.path())
        .env("RESONANTGEN_BUNDLE", folder.path())
        .output()
        .expect("it starts again");
    assert!(elsewhere.status.success(), "{}", String::from_utf8_lossy(&elsewhere.stdout));
}

#[test]
fn a_bounce_may_begin_in_mid_song() {
    let Some(state) = state() else { return };
    let song = |host: &mut Host| {
        host.forget();
        host.beat = 0.0;
        let mut heard = Vec::new();
        for block in 0..100 {
            let changes: &[(u32, &str, f64)] = match block {
                0 => &[(0, "Seed", 77.0), (0, "Swap At", 0.0), (0, "Bass Regenerate", 0.0)],
                10 => &[(5, "Bass Regenerate", 1.0)],
                _ => &[],
            };
            heard.extend(host.block(BLOCK, changes)[2][0].clone());
        }
        heard
    };
    let mut bounce = Host::open(Some(state), PORTS).expect("there is a plugin");
    let before = bounce.loop_once();
    bounce.start(RATE_HZ, RenderMode::Offline);
    let expected = song(&mut bounce);
    assert!(expected[40 * BLOCK..] != before[2][0][40 * BLOCK..100 * BLOCK], "the take is another one");
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    assert!(host.loop_once() == before);
    host.render_mode(RenderMode::Offline);
    assert!(song(&mut host) == expected, "what was asked for is waited for");
}

#[test]
fn a_new_tempo_is_performed_anew_in_the_bounce_and_the_old_one_comes_back_to_the_bit() {
    let Some(state) = state() else { return };
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    let before = host.loop_once();
    let saved = host.save();
    host.start(RATE_HZ, RenderMode::Offline);
    host.bpm = 100.0;
    let loop_frames = (8.0 * 60.0 / 100.0 * RATE_HZ) as usize;
    let slower = host.render(0.0, loop_frames, 480);
    // Sliced audio repeats or reverses existing audio; performed audio is new and loops seamlessly.
    for (port, heard) in slower.iter().enumerate().skip(1) {
        assert!(rms(&heard[0]) > 1e-4, "stem {port} is silent");
    }
    let beat_frames = (60.0 / 100.0 * RATE_HZ) as usize;
    let step_seconds = 60.0 / 100.0 / 4.0;
    let near = onsets(&slower[1][0], RATE_HZ as f32)
        .into_iter()
        .filter(|onset| {
            let steps = onset / step_seconds;
            (steps - steps.round()).abs() * step_seconds < 0.02
        })
        .count();
    assert!(near >= 4, "drums are on the host's grid of {beat_frames} samples a beat");
    let again = host.render(0.0, loop_frames, 127);
    assert!(slower == again, "a rendition does not depend on the blocks");
    host.bpm = 120.0;
    assert!(host.loop_once() == before, "the take itself is untouched");
    assert!(host.save() == saved, "a rendition is never saved");
}

#[test]
fn a_host_that_is_too_fast_or_too_slow_gets_takes_that_fit_its_bars() {
    if plugin().is_none() {
        return;
    }
    // The music's tempo, and the length of its quarter note in the host's quarter notes.
    for (host_bpm, quarters, bars) in [(280.0, 2.0, 2.0), (30.0, 0.5, 1.0)] {
        let mut host = Host::open(None, PORTS).expect("there is a plugin");
        host.bpm = host_bpm;
        host.block(BLOCK, &[(0, "Bars", bars), (0, "Swap At", 0.0), (0, "Seed", 7.0), (0, "Seed Mode", 1.0)]);
        host.trigger("Generate");
        let beat_frames = 60.0 / host_bpm * RATE_HZ;
        let loop_frames = (bars * 4.0 * quarters * beat_frames).round() as usize;
        let heard = host.render(0.0, 2 * loop_frames, BLOCK);
        for (index, stem) in heard[1..].iter().enumerate() {
            assert!(rms(&stem[0]) > 1e-4, "stem {index} at {host_bpm} bpm is silent");
            let (first, second) = stem[0].split_at(loop_frames);
            // The loop need not be a whole number of audio frames long at the host's tempo.
            let differs =
                first.iter().zip(second).map(|(one, other)| f64::from(one - other).powi(2)).sum::<f64>();
            assert!(
                (differs / loop_frames as f64).sqrt() < 0.2 * rms(first),
                "stem {index} loops with the host's bars"
            );
        }
        let step_seconds = (beat_frames / RATE_HZ * quarters / 4.0) as f32;
        let mut deviations: Vec<f32> = onsets(&heard[1][0], RATE_HZ as f32)
            .into_iter()
            .map(|onset| (onset / step_seconds - (onset / step_seconds).round()).abs() * step_seconds)
            .collect();
        deviations.sort_by(f32::total_cmp);
        assert!(deviations.len() >= 4, "drums have onsets at {host_bpm} bpm");
        let median = deviations[deviations.len() / 2];
        assert!(median < 0.02, "drums are {:.0} ms off the grid of {host_bpm} bpm", median * 1000.0);
        // Also from the middle of the song.
        let later = host.render(4.0 * quarters * bars * 3.0, 4_800, 127);
        assert!(later[1][0] == heard[1][0][..4_800], "the song's fourth loop is as the first");
    }
}

#[test]
fn a_note_is_a_trigger_too() {
    let Some(state) = state() else { return };
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    let before = host.loop_once();
    host.block(BLOCK, &[(0, "Seed", 99.0)]);
    let dirty = host.dirty();
    let mut events = EventBuffer::new();
    events.push(&NoteOnEvent::new(7, Pckn::new(0_u16, 0_u16, 49_u16, 1_u32), 0.8));
    host.block_with(BLOCK, &events);
    host.wait_for_take(dirty);
    let after = host.loop_once();
    assert!(before[1] != after[1], "the note above 'generate' regenerates the drums");
    assert!(before[2..] == after[2..]);
}

#[test]
fn the_plugin_is_removed_in_the_middle_of_a_generation() {
    let Some(state) = state() else { return };
    let mut host = Host::open(None, PORTS).expect("there is a plugin");
    let dirty = host.dirty();
    host.block(BLOCK, &[(0, "Bars", BARS), (0, "Swap At", 0.0), (1, "Generate", 1.0)]);
    // Stems are heard as soon as they are made: the first one before the others are done.
    while host.loop_once()[1..].iter().all(|stem| rms(&stem[0]) == 0.0) {
        assert_eq!(host.dirty(), dirty, "all stems came at once");
    }
    drop(host);
    let again = Host::open(Some(state), PORTS).expect("there is a plugin").loop_once();
    assert!(again[1..].iter().all(|stem| rms(&stem[0]) > 1e-4), "the next instance works");
}

/// At any point of a generation, removal returns to the host within 200 ms. A busy machine may stall this thread for longer,
/// so the fastest of several removals counts: a wait in the plugin would show in all of them.
#[test]
fn a_removal_in_a_generation_takes_less_than_200_ms() {
    const TRIES: usize = 5;
    if plugin().is_none() {
        return;
    }
    for moment in [Duration::ZERO, Duration::from_millis(50), Duration::from_millis(300)] {
        let fastest = (0..TRIES).map(|_| {
            let mut host = Host::open(None, PORTS).expect("there is a plugin");
            host.block(BLOCK, &[(0, "Generate", 0.0)]);
            host.block(BLOCK, &[(0, "Generate", 1.0)]);
            // Only selects the stage to interrupt: loading models, composing, or performing.
            std::thread::sleep(moment);
            let began = Instant::now();
            drop(host);
            began.elapsed()
        });
        let fastest = fastest.min().expect("there were tries");
        assert!(fastest < Duration::from_millis(200), "{moment:?} after the trigger: {fastest:?}");
    }
}

/// Hosts copy the state with every save. Four takes of 8 bars at 120 bpm are 16 s each.
#[test]
fn the_state_of_eight_bars_stays_small() {
    if plugin().is_none() {
        return;
    }
    let mut host = Host::open(None, PORTS).expect("there is a plugin");
    host.block(BLOCK, &[(0, "Bars", 8.0), (0, "Swap At", 0.0), (0, "Seed", 7.0), (0, "Seed Mode", 1.0)]);
    host.trigger("Generate");
    let once = host.save().len();
    host.block(BLOCK, &[(0, "Seed", 23.0)]);
    host.trigger("Generate");
    let twice = host.save().len();
    assert!(once <= 4_000_000 && twice <= 6_000_000, "{once} bytes after one generation, {twice} after two");
}

#[test]
fn a_damaged_session_is_kept_and_harms_nobody() {
    let Some(state) = state() else { return };
    let mut session = project::session(state);
    // Damage in the record: its checksum is wrong.
    session[200] ^= 0x20;
    let damaged = project::with_session(state, &session);
    let mut host = Host::open(Some(&damaged), PORTS).expect("there is a plugin");
    let heard = host.loop_once();
    assert!(heard.iter().flatten().flatten().all(|sample| *sample == 0.0), "an empty session is silent");
    let kept = project::section(&host.save(), b"DMGD").expect("the damaged session is saved again");
    assert!(kept == session);
}

#[test]
fn a_damaged_take_leaves_the_others_alone() {
    let Some(state) = state() else { return };
    let mut session = project::session(state);
    // Damage at the end of the last take's audio (the melody's).
    let end = session.len() - 10;
    session[end] ^= 1;
    let mut whole = Host::open(Some(state), PORTS).expect("there is a plugin");
    let mut host =
        Host::open(Some(&project::with_session(state, &session)), PORTS).expect("there is a plugin");
    let (expected, heard) = (whole.loop_once(), host.loop_once());
    assert!(heard[1..4] == expected[1..4], "drums, bass and harmony play as they did");
    assert!(rms(&expected[4][0]) > 1e-4);
    // Until it has been regenerated.
    let is_silent = heard[4].iter().flatten().all(|sample| *sample == 0.0);
    assert!(is_silent || heard[4] == expected[4], "nothing else is played in its place");
}

#[test]
fn a_state_is_bytes() {
    let Some(state) = state() else { return };
    let session = project::session(state).len();
    let json = project::section(state, b"JSON").expect("parameters").len();
    assert!(json < 20_000, "{json} bytes of JSON");
    assert!(state.len() < session + json + 100, "the session is stored as it is");
}

/// FNV-1a of all samples' bits.
fn fingerprint(heard: &[Stereo]) -> u64 {
    let bytes = heard.iter().flatten().flatten().flat_map(|sample| sample.to_bits().to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// States of every format ever released: `NAME.state`, and in `NAME.txt` the fingerprint of one bar from the song's
/// start. `v0.1` has format 2; `form3` has a melody chosen by number from two.
const GOLDEN: &str = "tests/golden/plugin_state";

fn one_bar(state: &[u8]) -> Vec<Stereo> {
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    host.bpm = 240.0;
    // It waits for takes that are still packed.
    host.start(RATE_HZ, RenderMode::Offline);
    host.loop_bar()
}

#[test]
fn states_of_all_forms_are_loaded_for_ever() {
    if plugin().is_none() {
        return;
    }
    let mut count = 0;
    for entry in std::fs::read_dir(resonantgen_tests::root().join(GOLDEN)).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        if path.extension().is_some_and(|extension| extension == "state") {
            let heard = one_bar(&std::fs::read(&path).expect("it can be read"));
            let expected = std::fs::read_to_string(path.with_extension("txt")).expect("it can be read");
            assert!(heard.iter().all(|port| rms(&port[0]) > 1e-4), "{} is silent", path.display());
            assert_eq!(format!("{:016x}", fingerprint(&heard)), expected.trim(), "{}", path.display());
            count += 1;
        }
    }
    assert!(count > 0, "there is one of each form");
}

/// For a new format: `RESONANTGEN_GOLDEN=form4 cargo test ... -- --ignored write_the_golden_state`.
#[test]
#[ignore = "chore: writes a file of the repository"]
fn write_the_golden_state() {
    let name = std::env::var("RESONANTGEN_GOLDEN").expect("RESONANTGEN_GOLDEN names the form");
    let mut host = Host::open(None, PORTS).expect("RESONANTGEN_PLUGINS names the plugin's folder");
    host.bpm = 240.0;
    let settings = [
        (0, "Bars", 1.0),
        (0, "Swap At", 0.0),
        (0, "Seed", 7.0),
        (0, "Seed Mode", 1.0),
        (0, "Bass Lock", 1.0),
        (0, "Melody Take", 1.0),
    ];
    host.block(BLOCK, &settings[..4]);
    host.trigger("Generate");
    host.block(BLOCK, &[(0, "Seed", 8.0)]);
    host.trigger("Melody Regenerate");
    host.block(BLOCK, &settings[4..]);
    let state = host.save();
    let folder = resonantgen_tests::root().join(GOLDEN);
    std::fs::create_dir_all(&folder).expect("it can be made");
    let print = format!("{:016x}\n", fingerprint(&one_bar(&state)));
    std::fs::write(folder.join(format!("{name}.state")), &state).expect("it can be written");
    std::fs::write(folder.join(format!("{name}.txt")), print).expect("it can be written");
}
