//! The fixture's networks in this engine compared with their outputs in Python.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod support;

use std::ops::Range;

use resonantgen_models::bundle::Bundle;
use resonantgen_models::generator::tokens::vocabulary;
use resonantgen_models::runtime::{Input, ModelError, Network, Runtime, StepNetwork};
use resonantgen_music::track::Track;
use serde_json::Value;
use support::{assert_outputs, fixture, repository, runtime_library, shaken};

fn read(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(fixture().join(name)).unwrap()).unwrap()
}

fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

fn integers(value: &Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(|number| number.as_i64().unwrap()).collect()
}

#[test]
fn composers_give_the_golden_logits_alone_and_in_pairs_and_again() {
    let runtime = Runtime::open(Some(&runtime_library())).unwrap();
    let bundle = Bundle::open(&fixture()).unwrap();
    for track in Track::ALL {
        let golden = read(&format!("compose_{track}.golden.json"));
        let record = bundle.manifest().track(track);
        let mut network = StepNetwork::load(
            &runtime,
            bundle.folder(),
            &record.compose,
            record.cache,
            vocabulary(track),
            record.condition,
        )
        .unwrap();
        let tokens = integers(&golden["tokens"]);
        let rows = golden["condition"].as_array().unwrap().iter().map(floats).collect::<Vec<_>>();
        let logits = golden["logits"].as_array().unwrap().iter().map(floats).collect::<Vec<_>>();
        for lanes in [1, 2, 1] {
            for (position, token) in tokens.iter().enumerate() {
                let conditions = rows[position].repeat(lanes);
                let got = network.step(&vec![*token; lanes], &conditions, &vec![position; lanes]).unwrap();
                for lane in got.chunks_exact(vocabulary(track)) {
                    assert_outputs(
                        &format!("{track}, {lanes} lanes, position {position}"),
                        &logits[position],
                        lane,
                    );
                }
            }
        }
    }
}

#[test]
fn shipped_composers_say_the_same_of_a_sequence_whatever_runs_beside_it() {
    let runtime = Runtime::open(Some(&runtime_library())).unwrap();
    let bundle = Bundle::open(&repository().join("models/resonant")).unwrap();
    for track in Track::ALL {
        let record = bundle.manifest().track(track);
        assert!(record.independent_rows, "{track}");
        let open = || {
            let (graph, width) = (&record.compose, record.condition);
            StepNetwork::load(&runtime, bundle.folder(), graph, record.cache, vocabulary(track), width)
                .unwrap()
        };
        // Four pairs, each of which begins anew at another moment.
        let steps = 40;
        let token = |step: usize, lane: usize| ((step * 31 + lane * 17) % (vocabulary(track) - 1) + 1) as i64;
        let position =
            |step: usize, lane: usize| step - if step < 7 * (lane / 2) { 0 } else { 7 * (lane / 2) };
        let row = |step: usize, lane: usize| -> Vec<f32> {
            let is_set = |column: usize| (step * 13 + lane * 5 + column * 7).is_multiple_of(9);
            (0..record.condition).map(|column| if is_set(column) { 0.5 } else { 0.0 }).collect()
        };
        let run = |lanes: Range<usize>| -> Vec<f32> {
            let (mut network, mut all) = (open(), Vec::new());
            for step in 0..steps {
                let tokens: Vec<i64> = lanes.clone().map(|lane| token(step, lane)).collect();
                let positions: Vec<usize> = lanes.clone().map(|lane| position(step, lane)).collect();
                let rows: Vec<f32> = lanes.clone().flat_map(|lane| row(step, lane)).collect();
                all.extend_from_slice(network.step(&tokens, &rows, &positions).unwrap());
            }
            all
        };
        let together = run(0..8);
        for pair in 0..4 {
            let alone = run(2 * pair..2 * pair + 2);
            let width = 2 * vocabulary(track);
            let beside = together.chunks_exact(width).skip(pair).step_by(4).flatten().copied();
            assert!(alone.iter().copied().eq(beside), "{track}, pair {pair}");
        }
    }
}

#[test]
fn codec_and_performer_give_the_golden_outputs() {
    let runtime = Runtime::open(Some(&runtime_library())).unwrap();
    let bundle = Bundle::open(&fixture()).unwrap();
    let golden = read("codec_io.json");
    for track in Track::ALL {
        let record = bundle.manifest().track(track);
        for (kind, graph) in
            [("perform", &record.perform), ("decode", &record.decode), ("encode", &record.encode)]
        {
            let mut network = Network::load(&runtime, bundle.folder(), graph).unwrap();
            let case = &golden[track.name()][kind];
            let shapes: Vec<Vec<usize>> = graph
                .inputs
                .iter()
                .map(|tensor| integers(&case["inputs"][&tensor.name]["shape"]))
                .map(|shape| shape.into_iter().map(|size| size as usize).collect())
                .collect();
            let is_codes = |name: &str| name == "codes";
            let data: Vec<(Vec<f32>, Vec<i64>)> =
                graph
                    .inputs
                    .iter()
                    .map(|tensor| (&tensor.name, &case["inputs"][&tensor.name]["data"]))
                    .map(|(name, data)| {
                        if is_codes(name) { (Vec::new(), integers(data)) } else { (floats(data), Vec::new()) }
                    })
                    .collect();
            let inputs: Vec<_> = graph
                .inputs
                .iter()
                .zip(&shapes)
                .zip(&data)
                .map(|((tensor, shape), (floats, integers))| {
                    let data = if is_codes(&tensor.name) {
                        Input::Integers(integers)
                    } else {
                        Input::Floats(floats)
                    };
                    (tensor.name.as_str(), shape.as_slice(), data)
                })
                .collect();
            let name = &graph.outputs[0].name;
            let expected = &case["output"][name]["data"];
            if is_codes(name) {
                let got = network.run::<i64>(&inputs, &|| false).unwrap();
                assert_eq!(integers(expected), got, "{kind} {track}");
                let shaken: Vec<_> = data.iter().map(|(floats, _)| shaken(floats)).collect();
                let inputs: Vec<_> = inputs
                    .iter()
                    .zip(&shaken)
                    .map(|((name, shape, data), shaken)| match data {
                        Input::Floats(_) => (*name, *shape, Input::Floats(shaken)),
                        Input::Integers(values) => (*name, *shape, Input::Integers(values)),
                    })
                    .collect();
                let got = network.run::<i64>(&inputs, &|| false).unwrap();
                assert_eq!(integers(expected), got, "{kind} {track}: two entries are as near");
            } else {
                let got = network.run::<f32>(&inputs, &|| false).unwrap();
                assert_outputs(&format!("{kind} {track}"), &floats(expected), &got);
            }
            let error = network.run::<f32>(&inputs, &|| true).unwrap_err();
            assert!(matches!(error, ModelError::Cancelled));
        }
    }
}

/// The decoder sees 0.18 s to each side: a chunk with that much context decodes as it does within the whole.
#[test]
fn a_chunk_with_its_context_decodes_as_in_the_whole() {
    let runtime = Runtime::open(Some(&runtime_library())).unwrap();
    let bundle = Bundle::open(&fixture()).unwrap();
    let (total, first, count, context) = (60, 20, 40, 16);
    for track in [Track::Drums, Track::Bass] {
        let record = bundle.manifest().track(track);
        let mut network = Network::load(&runtime, bundle.folder(), &record.decode).unwrap();
        let ratio = 960 / record.transform.hop;
        let rows = if track == Track::Drums { 60 } else { 336 };
        let noise = |index: usize| ((index * 7919 + 13) % 1009) as f32 / 1009.0;
        let cut = |values: &[f32], per_frame: usize| -> Vec<f32> {
            values
                .chunks_exact(total * per_frame)
                .flat_map(|row| &row[first * per_frame..(first + count) * per_frame])
                .copied()
                .collect()
        };
        let codes: Vec<i64> = (0..4 * total).map(|index| (index * 31 % 16) as i64).collect();
        let features: Vec<f32> = (0..rows * total * 2).map(|i| (noise(i) - 0.9).max(0.0)).collect();
        let levels: Vec<f32> = (0..2 * 96 * total * ratio).map(|index| 4.0 * noise(index)).collect();
        let mut run = |count: usize, codes: &[i64], features: &[f32], levels: &[f32]| {
            network
                .run::<f32>(
                    &[
                        ("codes", &[1, 4, count], Input::Integers(codes)),
                        ("features", &[1, rows, 2 * count], Input::Floats(features)),
                        ("levels", &[1, 2, 96, ratio * count], Input::Floats(levels)),
                    ],
                    &|| false,
                )
                .unwrap()
        };
        let whole = cut(&run(total, &codes, &features, &levels), ratio);
        let chunk_codes: Vec<i64> =
            codes.chunks_exact(total).flat_map(|row| &row[first..first + count]).copied().collect();
        let chunk = run(count, &chunk_codes, &cut(&features, 2), &cut(&levels, ratio));
        for (whole, chunk) in whole.chunks_exact(count * ratio).zip(chunk.chunks_exact(count * ratio)) {
            let inside = context * ratio..(count - context) * ratio;
            assert_outputs(&format!("{track}"), &whole[inside.clone()], &chunk[inside]);
        }
    }
}
