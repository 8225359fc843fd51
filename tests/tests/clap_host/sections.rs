//! Whole songs and their sections in a host: bounces equal exports, at several sample rates and block sizes, after
//! seeks, at other tempos, and after reactivating and reopening.

use std::sync::OnceLock;

use clack_extensions::render::RenderMode;
use clack_host::events::event_types::{NoteOnEvent, ParamValueEvent};
use clack_host::prelude::*;
use resonantgen_music::track::Track;
use resonantgen_project::{StoredSound as _, song_stem};
use resonantgen_session::fake::Fake;
use resonantgen_session::{Request, Session};
use resonantgen_sound::resample::resample_loop;
use resonantgen_take::StemAudio;
use resonantgen_take::maker::Silent;

use crate::host::{BLOCK, Host, PORTS, RATE_HZ, Stereo};
use crate::{project, state};

/// Sections of the song, whose loop has two bars at 120 quarter notes per minute.
const FORM: &str = "intro 2, build 1, drop 2, break 2, drop 2, outro 1";
const BARS: usize = 10;
/// Length of a bar in audio frames at the takes' rate.
const BAR: usize = 96_000;
/// How long a jump of the timeline is smoothed, in seconds.
const SMOOTHED: f64 = 0.0031;
const FULL_SCALE: f32 = 8_388_608.0;

/// A state with a song, the song, and the stems of its export.
struct Song {
    state: Vec<u8>,
    session: Session,
    stems: Vec<StemAudio>,
}

fn song() -> Option<&'static Song> {
    static SONG: OnceLock<Song> = OnceLock::new();
    let plain = state()?;
    Some(SONG.get_or_init(|| {
        let opened = resonantgen_project::from_project(&project::session(plain)).expect("the plugin's own");
        let mut session = opened.session;
        let request = Request::song(Some(FORM.parse().expect("a form")));
        session.apply(&Fake::default(), &request, &Silent).expect("a song");
        let stems = Track::ALL.map(|track| song_stem(&session, track).expect("it plays")).into();
        let state = project::with_session(plain, &resonantgen_project::to_project(&session));
        Song { state, session, stems }
    }))
}

fn open(song: &Song, rate_hz: f64) -> Host {
    let mut host = Host::open(Some(&song.state), PORTS).expect("there is a plugin");
    host.start(rate_hz, RenderMode::Offline);
    host.block(BLOCK, &[(0, "Song Mode", 1.0), (0, "Song Start", 1.0), (0, "Swap At", 2.0)]);
    host
}

fn left(stem: &StemAudio) -> Vec<f32> {
    stem.left.iter().map(|sample| *sample as f32 / FULL_SCALE).collect()
}

/// Difference of two signals, relative to the second.
fn distance(heard: &[f32], expected: &[f32]) -> f64 {
    let power = |samples: &mut dyn Iterator<Item = f32>| -> f64 {
        samples.map(|sample| f64::from(sample).powi(2)).sum()
    };
    let difference = power(&mut heard.iter().zip(expected).map(|(heard, expected)| heard - expected));
    (difference / power(&mut expected.iter().copied()).max(1e-12)).sqrt()
}

#[test]
fn a_song_is_bounced_as_it_is_exported_at_every_rate_and_block_size() {
    let Some(song) = song() else { return };
    for (rate_hz, most) in [(48_000.0, 0.0), (44_100.0, 5e-3), (96_000.0, 5e-3)] {
        let mut host = open(song, rate_hz);
        let frames = (song.stems[0].len() as f64 * rate_hz / RATE_HZ).round() as usize;
        let first = host.render(0.0, frames, 512);
        for (port, stem) in first[1..].iter().zip(&song.stems) {
            let expected = resample_loop(&left(stem), frames);
            let share = distance(&port[0], &expected);
            assert!(share <= most, "{share} at {rate_hz} Hz");
        }
        for size in [64, 333, 4_096] {
            assert!(host.render(0.0, frames, size) == first, "blocks of {size} at {rate_hz} Hz");
        }
        host.start(rate_hz, RenderMode::Offline);
        assert!(host.render(0.0, frames, 512) == first, "activated anew at {rate_hz} Hz");
        let mut again = Host::open(Some(&host.save()), PORTS).expect("there is a plugin");
        again.start(rate_hz, RenderMode::Offline);
        assert!(again.render(0.0, frames, 1_024) == first, "opened again at {rate_hz} Hz");
    }
}

#[test]
fn the_timeline_decides_where_the_song_is_after_seeks_in_cycles_and_from_another_bar() {
    let Some(song) = song() else { return };
    let mut host = open(song, RATE_HZ);
    let stems: Vec<Vec<f32>> = song.stems.iter().map(left).collect();
    let skipped = (SMOOTHED * RATE_HZ) as usize;
    let same = |heard: &[Stereo], from: usize, what: &str| {
        for (port, stem) in heard[1..].iter().zip(&stems) {
            let expected = &stem[from + skipped..from + port[0].len()];
            let differs = port[0][skipped..].iter().zip(expected).position(|(heard, stem)| heard != stem);
            assert_eq!(differs, None, "{what}");
        }
    };
    // In mid-section, right before a border, on it, in the tail that rings over it, and after the last bar.
    for from in [BAR / 2, 2 * BAR - 500, 3 * BAR, 5 * BAR + 9_000, BARS * BAR + 2_000] {
        let heard = host.render(from as f64 / 24_000.0, 20_000, 480);
        same(&heard, from, &format!("from sample {from}"));
    }
    // A loop across a border, without stopping.
    host.forget();
    for pass in 0..3 {
        host.beat = 11.0;
        let mut heard: Vec<Stereo> = vec![Default::default(); PORTS];
        for _ in 0..100 {
            for (heard, block) in heard.iter_mut().flatten().zip(host.block(480, &[]).iter().flatten()) {
                heard.extend(block);
            }
        }
        same(&heard, 11 * 24_000, &format!("pass {pass} of the cycle"));
    }
    // From bar 4 on; silence before.
    host.block(BLOCK, &[(0, "Song Start", 4.0)]);
    let heard = host.render(0.0, 4 * BAR, 480);
    for (port, stem) in heard[1..].iter().zip(&stems) {
        assert!(port[0][..3 * BAR].iter().all(|sample| *sample == 0.0), "silent before its bar");
        assert!(port[0][3 * BAR..] == stem[..BAR], "from its bar on");
    }
    // A start bar that the host never reaches: silence, and nothing is lost.
    host.block(BLOCK, &[(0, "Song Start", 999.0)]);
    let silent = host.render(0.0, BAR, 480);
    assert!(silent.iter().flatten().flatten().all(|sample| *sample == 0.0));
    host.block(BLOCK, &[(0, "Song Start", 1.0)]);
    same(&host.render(0.0, BAR, 480), 0, "it is back");
}

#[test]
fn at_another_tempo_sections_start_on_the_hosts_bars() {
    let Some(song) = song() else { return };
    let mut host = open(song, RATE_HZ);
    host.render_mode(RenderMode::Realtime);
    host.bpm = 100.0;
    let bar = (4.0 * 60.0 / 100.0 * RATE_HZ) as usize;
    let heard = host.render(0.0, BARS * bar, 480);
    // The first step of a bar is not stretched.
    let step = 2_000..5_000;
    for index in [0, 2, 3, 5, 7, 9] {
        for (port, stem) in heard[1..].iter().zip(&song.stems) {
            let expected = &left(stem)[index * BAR..][step.clone()];
            let share = distance(&port[0][index * bar..][step.clone()], expected);
            let is_silent = expected.iter().all(|sample| sample.abs() < 1e-3);
            assert!(is_silent || share < 1e-3, "bar {index}: {share}");
        }
    }
    // A new tempo in mid-song, then the old one again.
    host.forget();
    (host.beat, host.bpm) = (0.0, 120.0);
    for block in 0..400 {
        host.bpm = if (100..200).contains(&block) { 133.0 } else { 120.0 };
        host.block(480, &[]);
    }
    let from = (host.beat * 24_000.0).round() as usize;
    host.beat = from as f64 / 24_000.0;
    let mut after = Vec::new();
    for _ in 0..40 {
        after.extend(host.block(480, &[])[2][0].clone());
    }
    let expected = &left(&song.stems[1])[from..from + after.len()];
    assert!(after[600..] == expected[600..], "to the bit where the tempo is the takes' own again");
}

/// The audio of a section's track at a host position, given in samples at the takes' rate.
fn of_section(song: &Song, number: u32, track: Track, frames: std::ops::Range<usize>) -> Vec<f32> {
    let section = song.session.numbered_section(number).expect("there is one");
    let Some(take) = section.take(track) else { return vec![0.0; frames.len()] };
    let take = if take.is_asleep() { take.unpacked().expect("it was stored") } else { take.clone() };
    let samples = &take.audio.left;
    frames.map(|frame| samples[frame % samples.len()] as f32 / FULL_SCALE).collect()
}

#[test]
fn a_section_is_chosen_by_the_parameter_or_by_a_note_to_the_sample() {
    let Some(song) = song() else { return };
    let mut host = open(song, RATE_HZ);
    host.block(BLOCK, &[(0, "Song Mode", 0.0), (0, "Section", 3.0)]);
    let play = |host: &mut Host, events: &[(usize, Option<u8>, f64)]| {
        host.forget();
        host.beat = 0.0;
        let mut heard: Vec<Vec<f32>> = vec![Vec::new(); 4];
        let mut done = 0;
        while done < 3 * BAR {
            let mut buffer = EventBuffer::new();
            for (at, key, value) in events.iter().filter(|(at, ..)| (done..done + 500).contains(at)) {
                let time = (at - done) as u32;
                match key {
                    Some(key) => {
                        let note = Pckn::new(0_u16, 0_u16, u16::from(*key), 1_u32);
                        buffer.push(&NoteOnEvent::new(time, note, 0.8));
                    }
                    None => {
                        let id = host.parameter("Section");
                        let all = Pckn::match_all();
                        buffer.push(&ParamValueEvent::new(time, id, all, *value));
                    }
                }
            }
            let block = host.block_with(500, &buffer);
            for (heard, port) in heard.iter_mut().zip(&block[1..]) {
                heard.extend(&port[0]);
            }
            done += 500;
        }
        heard
    };
    for events in [vec![(40_123, None, 4.0)], vec![(40_123, Some(27_u8), 0.0)]] {
        let heard = play(&mut host, &events);
        for (track, heard) in Track::ALL.into_iter().zip(&heard) {
            assert!(heard[..BAR] == of_section(song, 3, track, 0..BAR), "{track}: section 3 until the bar");
            // After a second the tail has ended.
            let alone = 2 * BAR - 40_000..3 * BAR;
            assert!(heard[alone.clone()] == of_section(song, 4, track, alone), "{track}: then section 4");
            let ringing = &heard[BAR..BAR + 2_000];
            assert!(ringing.iter().any(|sample| sample.abs() > 1e-4), "{track}: section 3 rings on");
        }
        // The parameter overrides the section chosen by a note.
        host.block(BLOCK, &[(0, "Section", 1.0)]);
        host.block(BLOCK, &[(0, "Section", 3.0)]);
    }
    // Numbers without a section select the open one.
    host.block(BLOCK, &[(0, "Section", 16.0)]);
    let heard = host.render(0.0, BAR, 480);
    assert!(heard[2][0] == of_section(song, 3, Track::Bass, 0..BAR), "the drop is open");
}

#[test]
fn notes_are_balanced_whatever_happens_to_the_song() {
    let Some(song) = song() else { return };
    let mut host = open(song, RATE_HZ);
    for track in ["Drums", "Bass", "Harmony", "Melody"] {
        let output = format!("{track} Output");
        host.block(BLOCK, &[(0, output.as_str(), 2.0)]);
    }
    // The test host fails if a note starts twice, ends without a start, or sounds while stopped.
    let mut started = 0;
    host.forget();
    host.beat = 0.0;
    for block in 0..2_200 {
        let changes: &[(u32, &str, f64)] = match block {
            500 => &[(77, "Song Mode", 0.0), (78, "Section", 1.0)],
            700 => &[(0, "Section", 4.0)],
            900 => &[(9, "Section", 0.0)],
            1_100 => &[(3, "Song Mode", 1.0)],
            1_300 => &[(0, "Song Start", 3.0)],
            _ => &[],
        };
        if block == 1_500 {
            host.beat = 15.9;
        }
        if block == 1_800 {
            host.forget();
        }
        host.block(480, changes);
        started += host.notes.iter().filter(|note| note.velocity > 0.0).count();
    }
    assert!(started > 50, "{started} notes");
    host.playing = false;
    host.block(480, &[]);
    assert!(host.sounding.is_empty());
}

#[test]
fn the_host_is_told_when_sections_have_other_names() {
    let Some(song) = song() else { return };
    let mut host = Host::open(Some(&song.state), PORTS).expect("there is a plugin");
    host.start(RATE_HZ, RenderMode::Realtime);
    host.wait_for_other_texts(0);
    let first = song.session.sections().next().expect("a section");
    assert_eq!(host.text("Section", f64::from(first.number)), first.name);
    let mut renamed = song.session.clone();
    renamed.rename_section(first.id, "Overture").expect("a name");
    let before = host.other_texts();
    host.load(&project::with_session(&song.state, &resonantgen_project::to_project(&renamed)));
    host.wait_for_other_texts(before);
    assert_eq!(host.text("Section", f64::from(first.number)), "Overture");
}

#[test]
fn dials_act_on_the_whole_song_and_their_middle_brings_it_back_to_the_bit() {
    let Some(song) = song() else { return };
    let mut host = open(song, RATE_HZ);
    let frames = song.stems[0].len();
    let plain = host.render(0.0, frames, 512);
    for (dial, value, middle) in [("Density", 0.0, 2.0), ("Complexity", 4.0, 2.0), ("Swing", 1.0, 0.5)] {
        host.block(BLOCK, &[(0, &format!("Bass {dial}"), value)]);
        let varied = host.render(0.0, frames, 512);
        let placements = song.session.placements();
        let changed = placements.iter().filter(|part| {
            let frame = |quarter: f64| (quarter * BAR as f64 / 4.0) as usize;
            let range = frame(part.start_quarter)..frame(part.start_quarter + part.quarters);
            plain[2][0][range.clone()] != varied[2][0][range]
        });
        // A bass may pause in an intro or a break. (Held chords cannot be thinned out at all.)
        let count = changed.count();
        assert!(2 * count >= placements.len(), "{dial} changes {count} of {} sections", placements.len());
        for port in [1, 3, 4] {
            assert!(varied[port] == plain[port], "{dial} of the bass changes stem {port}");
        }
        assert!(host.render(0.0, frames, 127) == varied, "{dial} depends on the blocks");
        host.block(BLOCK, &[(0, &format!("Bass {dial}"), middle)]);
        assert!(host.render(0.0, frames, 512) == plain, "{dial} in the middle");
    }
}
