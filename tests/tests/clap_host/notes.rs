//! The tracks' notes as note events of the plugin.

use clack_extensions::render::RenderMode;
use resonantgen_tests::listen::onsets;

use crate::host::{BLOCK, Host, LOOP, NoteEvent, PORTS, RATE_HZ};
use crate::{rms, state, two_takes};

/// General MIDI keys of the twelve drum classes.
const DRUM_KEYS: [u16; 12] = [36, 37, 38, 39, 42, 45, 46, 49, 50, 51, 56, 70];
const OUTPUTS: [&str; 4] = ["Drums Output", "Bass Output", "Harmony Output", "Melody Output"];
const MIDI: f64 = 1.0;
const BOTH: f64 = 2.0;

fn switch(host: &mut Host, value: f64) {
    host.block(BLOCK, &OUTPUTS.map(|name| (0, name, value)));
}

/// The notes of the song's first `frames`, in blocks of `size`, timed in audio frames of the song; without those that the stop
/// afterwards ends or cuts off.
fn notes(host: &mut Host, frames: usize, size: usize) -> Vec<NoteEvent> {
    host.forget();
    host.beat = 0.0;
    let mut heard = Vec::new();
    let mut done = 0;
    while done < frames {
        host.block(size.min(frames - done), &[]);
        heard.extend(host.notes.iter().map(|note| NoteEvent { at: note.at + done as u32, ..*note }));
        done += size;
    }
    heard
}

#[test]
fn scores_are_sent_on_four_channels_in_time_with_the_stems() {
    let Some(state) = state() else { return };
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    let audio = host.loop_once();
    assert!(notes(&mut host, LOOP, BLOCK).is_empty(), "notes are off until they are asked for");

    switch(&mut host, BOTH);
    assert!(host.loop_once() == audio, "the stems do not change");
    let sent = notes(&mut host, 2 * LOOP, 512);
    for channel in 0..4 {
        assert!(sent.iter().any(|note| note.channel == channel && note.velocity > 0.0), "channel {channel}");
    }
    for note in sent.iter().filter(|note| note.channel == 0) {
        assert!(DRUM_KEYS.contains(&note.key), "drum key {}", note.key);
    }
    // Each pass of the loop starts the same notes.
    let starts = |turn: usize| -> Vec<(u32, u16, u16, u64)> {
        let range = (turn * LOOP) as u32..((turn + 1) * LOOP) as u32;
        sent.iter()
            .filter(|note| note.velocity > 0.0 && range.contains(&note.at))
            .map(|note| (note.at - range.start, note.channel, note.key, note.velocity.to_bits()))
            .collect()
    };
    assert_eq!(starts(0), starts(1));
    // Every audible drum hit has a note. The detector also finds an onset or two in what decays (here two of 18, between the hits).
    let hits: Vec<f32> =
        starts(0).iter().filter(|note| note.1 == 0).map(|note| note.0 as f32 / RATE_HZ as f32).collect();
    let heard = onsets(&audio[1][0], RATE_HZ as f32);
    let met = heard.iter().filter(|onset| hits.iter().any(|hit| (*hit - **onset).abs() < 0.02)).count();
    assert!(heard.len() >= 4 && met * 10 >= heard.len() * 8, "{met} of {} onsets have a note", heard.len());

    for size in [64, 127, 4_096] {
        assert!(notes(&mut host, 2 * LOOP, size) == sent, "blocks of {size}");
    }
    // The switches are saved with the project.
    let mut again = Host::open(Some(&host.save()), PORTS).expect("there is a plugin");
    assert!(notes(&mut again, 2 * LOOP, 512) == sent);
}

#[test]
fn a_track_that_sends_notes_only_is_silent() {
    let Some(state) = state() else { return };
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    let audio = host.loop_once();
    host.block(BLOCK, &[(0, "Bass Output", MIDI)]);
    let heard = host.loop_once();
    assert!(rms(&heard[2][0]) == 0.0, "the bass sounds");
    assert!(heard[1] == audio[1] && heard[3..] == audio[3..], "the others have changed");
    let sent = notes(&mut host, LOOP, BLOCK);
    assert!(!sent.is_empty() && sent.iter().all(|note| note.channel == 1), "only the bass sends notes");
    host.block(BLOCK, &[(0, "Bass Mute", 1.0)]);
    assert!(notes(&mut host, LOOP, BLOCK).is_empty(), "what is muted sends nothing");
    host.block(BLOCK, &[(0, "Bass Mute", 0.0), (0, "Drums Solo", 1.0)]);
    assert!(notes(&mut host, LOOP, BLOCK).is_empty(), "another track is soloed");
}

/// Plays until notes sound, and a little further.
fn until_notes_sound(host: &mut Host) {
    host.forget();
    host.beat = 0.0;
    while host.sounding.is_empty() || host.beat < 1.0 {
        host.block(64, &[]);
        assert!(host.beat < 16.0, "nothing sounds");
    }
}

#[test]
fn notes_end_on_stop_seek_switch_and_another_take() {
    let Some(state) = two_takes() else { return };
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    // An offline render waits for takes that are still being unpacked.
    host.render_mode(RenderMode::Offline);
    host.block(BLOCK, &[(0, "Bass Take", 1.0)]);
    host.block(BLOCK, &[(0, "Bass Take", 0.0)]);
    host.render_mode(RenderMode::Realtime);
    switch(&mut host, BOTH);
    let ends =
        |host: &Host, at: u32| host.notes.iter().filter(|note| note.velocity == 0.0 && note.at == at).count();

    until_notes_sound(&mut host);
    let sounding = host.sounding.len();
    host.playing = false;
    host.block(64, &[]);
    assert_eq!(ends(&host, 0), sounding, "the host stops");
    host.playing = true;

    until_notes_sound(&mut host);
    let sounding = host.sounding.clone();
    host.beat = 5.03;
    host.block(1, &[]);
    assert_eq!(ends(&host, 0), sounding.len(), "the host goes elsewhere");

    until_notes_sound(&mut host);
    host.block(64, &OUTPUTS.map(|name| (7, name, 0.0)));
    assert!(host.sounding.is_empty() && host.notes.iter().all(|note| note.at <= 7), "they are switched off");
    switch(&mut host, BOTH);

    until_notes_sound(&mut host);
    while !host.sounding.iter().any(|(channel, _)| *channel == 1) {
        host.block(64, &[]);
    }
    let bass: Vec<(u16, u16)> = host.sounding.iter().copied().filter(|(channel, _)| *channel == 1).collect();
    host.block(16, &[(5, "Bass Take", 1.0)]);
    for (channel, key) in bass {
        let is_end = |note: &&NoteEvent| (note.channel, note.key) == (channel, key) && note.velocity == 0.0;
        assert!(
            host.notes.iter().find(is_end).is_some_and(|note| note.at <= 5),
            "the old take's {key} goes on"
        );
    }

    // Deactivated while notes sound: they end on reactivation.
    until_notes_sound(&mut host);
    host.start(RATE_HZ, RenderMode::Realtime);
    let sounding = host.sounding.clone();
    host.beat = 100.0;
    host.block(1, &[]);
    assert_eq!(ends(&host, 0), sounding.len(), "activated anew");
}
