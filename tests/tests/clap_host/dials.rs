//! Swing, humanise, brightness and intensity, as a host automates them. The host's values go from 0 to 1; 0.5 is the middle.

use crate::host::{BLOCK, Host, LOOP, PORTS, RATE_HZ, Stereo};
use crate::state;

const TRACKS: [&str; 4] = ["Drums", "Bass", "Harmony", "Melody"];
const DIALS: [&str; 4] = ["Swing", "Humanise", "Brightness", "Intensity"];

/// Sets a dial of all tracks.
fn turn(host: &mut Host, dial: &str, value: f64) {
    for track in TRACKS {
        host.block(BLOCK, &[(0, &format!("{track} {dial}"), value)]);
    }
}

fn first_difference(one: &Stereo, other: &Stereo) -> Option<usize> {
    one[0].iter().zip(&other[0]).position(|(one, other)| one != other)
}

#[test]
fn dials_change_what_plays_and_their_middle_changes_nothing_to_the_bit() {
    let Some(state) = state() else { return };
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    let before = host.loop_once();
    let saved = host.save();
    for dial in DIALS {
        for value in [0.0, 1.0] {
            turn(&mut host, dial, value);
            let heard = host.loop_once();
            let changed = (1..PORTS).filter(|port| heard[*port] != before[*port]).count();
            // A straight part cannot get straighter, nor one on the grid be moved onto it.
            let may_do_nothing = value == 0.0 && (dial == "Swing" || dial == "Humanise");
            assert!(changed >= 2 || may_do_nothing, "{dial} {value}: {changed} stems change");
            let loudest =
                heard.iter().flatten().flatten().fold(0.0_f32, |most, sample| most.max(sample.abs()));
            assert!(loudest.is_finite() && loudest < 4.0, "{dial} {value}: {loudest}");
            let blocks = host.render(0.0, LOOP, 127);
            if dial == "Swing" || dial == "Humanise" {
                assert!(blocks == heard, "{dial} {value} depends on the blocks");
            }
        }
        turn(&mut host, dial, 0.5);
        // Wait until the tilt filter has settled.
        host.render(0.0, RATE_HZ as usize, BLOCK);
        let again = host.loop_once();
        let differs: Vec<Option<usize>> =
            (0..PORTS).map(|port| first_difference(&before[port], &again[port])).collect();
        assert!(again == before, "{dial} in the middle: {differs:?}");
    }
    assert!(host.save() == saved, "the takes stay as they are");
}

#[test]
fn a_dial_acts_within_fifty_milliseconds() {
    let Some(state) = state() else { return };
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    let before = host.loop_once();
    for (dial, value) in [("Brightness", 1.0), ("Intensity", 0.0)] {
        host.forget();
        host.beat = 0.0;
        let name = format!("Drums {dial}");
        let heard = host.block(LOOP / 40, &[(1_000, &name, value)]);
        assert!(heard[1][0][..1_000] == before[1][0][..1_000], "{dial} acts before it is turned");
        let at = first_difference(&[heard[1][0].clone(), Vec::new()], &before[1]).expect("it acts");
        assert!(at < 1_000 + 2_400, "{dial} acts {} frames later", at - 1_000);
        host.block(BLOCK, &[(0, &name, 0.5)]);
        host.block(LOOP / 40, &[]);
    }
}
