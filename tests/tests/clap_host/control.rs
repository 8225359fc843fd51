//! Demands: a bounce waits, within a limit, for everything it needs, at any sample rate and after any activation.

use std::io::Read;
use std::net::TcpListener;

use clack_extensions::render::RenderMode;

use crate::host::{BLOCK, Host, PORTS, RATE_HZ, Stereo, plugin};
use crate::{state, two_takes};

const RATES_HZ: [f64; 3] = [44_100.0, RATE_HZ, 96_000.0];
/// The port of the bass.
const BASS: usize = 2;

/// A loop of two bars at 120 quarter notes per minute.
fn loop_frames(rate_hz: f64) -> usize {
    4 * rate_hz as usize
}

fn opened(state: &[u8], rate_hz: f64, mode: RenderMode) -> Host {
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    host.start(rate_hz, mode);
    host
}

#[test]
fn a_take_that_a_number_chooses_is_in_the_bounce_at_any_rate_from_its_first_sample() {
    let (Some(one), Some(two)) = (state(), two_takes()) else { return };
    for rate_hz in RATES_HZ {
        let whole = |state: &[u8]| {
            opened(state, rate_hz, RenderMode::Offline).render(0.0, loop_frames(rate_hz), BLOCK)
        };
        let (old, new) = (whole(one), whole(two));
        assert!(old[BASS] != new[BASS], "the takes differ at {rate_hz} Hz");
        let mut host = opened(two, rate_hz, RenderMode::Offline);
        // The first take has not been heard in this plugin yet.
        let block = rate_hz as usize / 20;
        let fade = (rate_hz * 0.010).ceil() as usize;
        for pass in 0..2 {
            host.forget();
            host.beat = 0.0;
            for (index, (number, expected)) in
                [(1.0, &old), (2.0, &new), (1.0, &old), (0.0, &new), (1.0, &old)].into_iter().enumerate()
            {
                let heard = host.block(block, &[(0, "Bass Take", number)]);
                let from = if index == 0 { 0 } else { fade + 1 };
                for side in 0..2 {
                    let is = &heard[BASS][side][from..];
                    let should = &expected[BASS][side][index * block + from..(index + 1) * block];
                    assert!(is == should, "block {index} with take {number} in pass {pass} at {rate_hz} Hz");
                }
            }
            // After reactivation, nothing is prepared.
            host.start(rate_hz, RenderMode::Offline);
        }
    }
}

/// A loop at 100 quarter notes per minute, in the blocks of a bounce.
fn slower(host: &mut Host, rate_hz: f64) -> Vec<Stereo> {
    host.bpm = 100.0;
    host.render(0.0, (8.0 * 0.6 * rate_hz) as usize, BLOCK)
}

#[test]
fn a_tempo_that_was_performed_anew_stays_so_after_activations_and_loading() {
    let Some(state) = state() else { return };
    for rate_hz in RATES_HZ {
        let mut host = opened(state, rate_hz, RenderMode::Offline);
        let performed = slower(&mut host, rate_hz);

        // Right after a tempo change, audio is sliced: this is not the performed version.
        host.forget();
        host.bpm = 120.0;
        host.beat = 2.0 - BLOCK as f64 * 2.0 / rate_hz;
        host.block(BLOCK, &[]);
        host.bpm = 100.0;
        host.beat = 2.0;
        let sliced = host.block(4_800, &[]);
        let at = (2.0 * 0.6 * rate_hz) as usize;
        let is_heard = |port: usize| sliced[port][0][2_000..] == performed[port][0][at + 2_000..at + 4_800];
        assert!(!(1..PORTS).all(is_heard), "slices at {rate_hz} Hz");

        // With another rate in between, with the same rate, with another project in between.
        for other_hz in RATES_HZ {
            host.start(other_hz, RenderMode::Offline);
            slower(&mut host, other_hz);
            host.start(rate_hz, RenderMode::Offline);
            assert!(slower(&mut host, rate_hz) == performed, "from {other_hz} Hz to {rate_hz} Hz");
        }
        host.load(state);
        assert!(slower(&mut host, rate_hz) == performed, "the project was loaded again at {rate_hz} Hz");
        // And in a fresh instance.
        let mut fresh = opened(state, rate_hz, RenderMode::Offline);
        assert!(slower(&mut fresh, rate_hz) == performed, "in another plugin at {rate_hz} Hz");
    }
}

#[test]
fn a_storm_of_triggers_in_a_bounce_is_one_demand() {
    const STORM: u32 = 100;
    let Some(state) = state() else { return };
    let settings = [(0, "Bars", 1.0), (0, "Swap At", 0.0), (0, "Seed Mode", 1.0), (0, "Generate", 0.0)];
    let mut host = opened(state, RATE_HZ, RenderMode::Offline);
    host.block(BLOCK, &settings);
    let before = host.dirty();
    let mut made = 0;
    let mut told = before;
    for seed in 0..STORM {
        host.block(
            48,
            &[(0, "Seed", 1_000.0 + f64::from(seed)), (0, "Generate", 1.0), (24, "Generate", 0.0)],
        );
        made += u32::from(host.dirty() != told);
        told = host.dirty();
    }
    assert!(made < STORM / 2, "{made} of {STORM} triggers were waited for");
    // After the storm, only its last trigger counts.
    for _ in 0..4 {
        host.block(RATE_HZ as usize / 10, &[]);
    }
    // A start fades out the audio before it, so that audio has to match too.
    host.render(0.0, RATE_HZ as usize / 2, BLOCK);
    let heard = host.render(0.0, 2 * RATE_HZ as usize, BLOCK);

    let mut other = opened(state, RATE_HZ, RenderMode::Offline);
    other.block(BLOCK, &settings);
    other.block(BLOCK, &[(0, "Seed", 1_000.0 + f64::from(STORM - 1)), (24, "Generate", 1.0)]);
    other.block(BLOCK, &[(0, "Generate", 0.0)]);
    other.render(0.0, RATE_HZ as usize / 2, BLOCK);
    let expected = other.render(0.0, 2 * RATE_HZ as usize, BLOCK);
    let differs = |port: usize| {
        expected[port][0].iter().zip(&heard[port][0]).position(|(wanted, heard)| wanted != heard)
    };
    assert!(
        expected[1..] == heard[1..],
        "the last trigger is not heard: the stems differ from {:?} on",
        [1, 2, 3, 4].map(differs)
    );
}

#[test]
fn a_server_that_does_not_answer_does_not_hold_the_host() {
    // The server's address is set for the whole process.
    const FOLDER: &str = "RESONANTGEN_STALLED_SERVER_TEST";
    const TEST: &str = "control::a_server_that_does_not_answer_does_not_hold_the_host";
    if plugin().is_none() {
        return;
    }
    if let Some(folder) = std::env::var_os(FOLDER).map(std::path::PathBuf::from) {
        let server = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = server.local_addr().expect("a port");
        let settings = format!("{{\"address\": \"{address}\"}}");
        std::fs::write(folder.join("server.json"), settings).expect("there is room for it");
        let mut host = Host::open(None, PORTS).expect("there is a plugin");
        host.block(BLOCK, &[(0, "Generate", 0.0)]);
        host.block(BLOCK, &[(0, "Generate", 1.0)]);
        let (mut stream, _) = server.accept().expect("a request");
        stream.read_exact(&mut [0]).expect("the request has begun");
        // The server stays silent. Waiting for it would take until the request times out, a minute later.
        drop(host);
        stream.set_nonblocking(true).expect("it can be asked");
        let mut rest = vec![0; 1 << 16];
        let is_open = loop {
            match stream.read(&mut rest) {
                Ok(0) => break false,
                Ok(_) => {}
                Err(error) => break error.kind() == std::io::ErrorKind::WouldBlock,
            }
        };
        assert!(is_open, "the host was held until the request was given up");
        return;
    }
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let elsewhere = std::process::Command::new(std::env::current_exe().expect("it has a file"))
        .args([TEST, "--exact"])
        .env(FOLDER, folder.path())
        .env("RESONANTGEN_CONFIG", folder.path())
        .output()
        .expect("it starts again");
    let told = String::from_utf8_lossy(&elsewhere.stdout);
    assert!(elsewhere.status.success() && told.contains("1 passed"), "{told}");
}
