//! Hand-made network files, good and bad.

use std::io::Cursor;

use super::check;

/// A field of number `number` that holds bytes.
fn bytes(number: u8, payload: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    if number > 15 {
        field = vec![(number & 15) << 3 | 2 | 0x80, number >> 4];
    }
    let mut length = payload.len();
    while length > 127 {
        field.push(length as u8 & 127 | 128);
        length >>= 7;
    }
    field.push(length as u8);
    field.extend_from_slice(payload);
    field
}

fn number(number: u8, value: u8) -> Vec<u8> {
    vec![number << 3, value]
}

fn node(operator: &str, domain: &str, rest: &[u8]) -> Vec<u8> {
    bytes(1, &[bytes(4, operator.as_bytes()), bytes(7, domain.as_bytes()), rest.to_vec()].concat())
}

/// A float tensor field (number 5 of a graph) with these dimensions and raw bytes.
fn tensor(dimensions: &[u8], raw: usize, rest: &[u8]) -> Vec<u8> {
    let sizes = dimensions.iter().flat_map(|size| number(1, *size)).collect::<Vec<_>>();
    bytes(5, &[sizes, number(2, 1), bytes(9, &vec![0; raw]), rest.to_vec()].concat())
}

fn model(graph: &[u8], rest: &[u8]) -> Vec<u8> {
    let opset = bytes(8, &[bytes(1, b""), number(2, 18)].concat());
    [number(1, 10), opset, bytes(7, graph), rest.to_vec()].concat()
}

fn verdict(file: &[u8]) -> Result<(), String> {
    check(Cursor::new(file), file.len() as u64)
}

#[track_caller]
fn refused(file: &[u8], word: &str) {
    let reason = verdict(file).expect_err("refused");
    assert!(reason.contains(word), "'{word}' is not in: {reason}");
}

#[test]
fn a_plain_network_passes() {
    let graph = [node("Conv", "", &[]), node("GroupQueryAttention", "com.microsoft", &[])].concat();
    assert_eq!(verdict(&model(&[graph, tensor(&[2, 3], 24, &[])].concat(), &[])), Ok(()));
}

#[test]
fn what_runs_or_reads_something_else_is_refused() {
    for (operator, domain) in
        [("Evil", "com.example"), ("EPContext", "com.microsoft"), ("Loop", ""), ("PyOp", "ai.onnx.contrib")]
    {
        refused(&model(&node(operator, domain, &[]), &[]), operator);
    }
    let needs = bytes(8, &bytes(1, b"com.example"));
    refused(&model(&[], &needs), "com.example");
    let inner = bytes(5, &bytes(6, &node("Add", "", &[])));
    refused(&model(&node("Add", "", &inner), &[]), "inner graph");
    refused(&model(&[], &bytes(25, &[])), "functions");
    refused(&model(&[], &bytes(20, &[])), "training");
    let location = bytes(13, &[bytes(1, b"location"), bytes(2, b"/etc/passwd")].concat());
    refused(&model(&tensor(&[2, 3], 24, &location), &[]), "another file");
    refused(&model(&tensor(&[2, 3], 24, &number(14, 1)), &[]), "another file");
    let hidden = bytes(5, &tensor(&[1], 4, &location));
    refused(&model(&node("Constant", "", &hidden), &[]), "another file");
}

#[test]
fn sizes_must_be_true_and_bounded() {
    refused(&model(&tensor(&[2, 3], 20, &[]), &[]), "other data");
    refused(&model(&tensor(&[100, 100, 100, 100, 100], 4, &[]), &[]), "other data");
    refused(&model(&tensor(&[1; 9], 4, &[]), &[]), "dimensions");
    let endless = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    refused(&model(&tensor(&[], 4, &endless), &[]), "dimensions");
    refused(&model(&[], &bytes(7, &[])), "2 graphs");
    refused(&number(1, 10), "0 graphs");
    refused(&number(1, 99), "newer");
}

#[test]
fn a_cut_or_changed_file_never_panics() {
    let graph = [node("Conv", "", &[]), tensor(&[2, 3], 24, &[])].concat();
    let file = model(&graph, &[]);
    for length in 0..file.len() {
        assert!(verdict(&file[..length]).is_err(), "{length}");
    }
    for position in 0..file.len() {
        for bit in 0..8 {
            let mut changed = file.clone();
            changed[position] ^= 1 << bit;
            // Whatever the verdict is, there is one.
            let _ = verdict(&changed);
        }
    }
    // The stated length is not the true one.
    assert!(check(Cursor::new(&file), u64::MAX).is_err());
    refused(b"no network", "");
}
