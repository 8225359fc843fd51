//! Channels that share memory: hosts may pass one buffer for several unused outputs.

use crate::host::{BLOCK, Host, PORTS};
use crate::state;

/// Every channel has its own memory.
const APART: [[usize; 2]; PORTS] = [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]];

/// The contents of each buffer after one bar from the song's start.
fn bar(state: &[u8], layout: [[usize; 2]; PORTS]) -> Vec<Vec<f32>> {
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    // From the first block on the plugin knows what is connected; gains then change without a click.
    host.block_shared(BLOCK, layout);
    host.forget();
    host.block_shared(BLOCK, layout);
    host.forget();
    host.beat = 0.0;
    let mut heard: Vec<Vec<f32>> = Vec::new();
    for _ in 0..200 {
        let pieces = host.block_shared(BLOCK, layout);
        heard.resize(pieces.len(), Vec::new());
        for (heard, piece) in heard.iter_mut().zip(&pieces) {
            heard.extend(piece);
        }
    }
    heard
}

#[test]
fn ports_that_share_memory_hear_the_mix() {
    let Some(state) = state() else { return };
    let apart = bar(state, APART);
    assert!(apart.iter().all(|channel| channel.iter().any(|sample| sample.abs() > 1e-3)));
    let shared = bar(state, [[0, 1]; PORTS]);
    assert!(shared[..2] == apart[..2], "one buffer for all ports has the mix, as Main alone");
    // Stems that share Main's buffer are not connected; the others are.
    let some = bar(state, [[0, 1], [2, 3], [0, 1], [0, 1], [0, 1]]);
    assert!(some[2..4] == apart[2..4], "the drums are heard apart");
    for frame in 0..some[0].len() {
        let rest: f32 = [4, 6, 8].iter().map(|stem: &usize| apart[*stem][frame]).sum();
        assert!((some[0][frame] - rest).abs() < 1e-5, "Main has the others, frame {frame}");
    }
}

#[test]
fn a_buffer_for_all_that_is_unused_takes_no_stem_out_of_the_mix() {
    let Some(state) = state() else { return };
    let apart = bar(state, APART);
    // Bass, harmony and melody share a buffer that nobody hears.
    let unused = bar(state, [[0, 1], [2, 3], [4, 5], [4, 5], [4, 5]]);
    assert!(unused[2..4] == apart[2..4], "the drums are heard apart");
    for frame in 0..unused[0].len() {
        let rest: f32 = [4, 6, 8].iter().map(|stem: &usize| apart[*stem][frame]).sum();
        assert!((unused[0][frame] - rest).abs() < 1e-5, "Main has the others, frame {frame}");
    }
}

#[test]
fn left_and_right_in_one_buffer_are_mono() {
    let Some(state) = state() else { return };
    let apart = bar(state, APART);
    let mono = bar(state, [[0, 1], [2, 2], [3, 4], [5, 6], [7, 8]]);
    for frame in 0..mono[2].len() {
        let both = (apart[2][frame] + apart[3][frame]) * 0.5;
        assert!((mono[2][frame] - both).abs() < 1e-6, "frame {frame}");
    }
    assert!(mono[3..] == apart[4..], "the other stems are as they were");
}
