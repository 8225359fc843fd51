"""The benchmark's comparison model: a small model of the same architecture is exported in both precisions."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from resonant import peer  # noqa: E402


def test_both_precisions_have_one_architecture(tmp_path: Path) -> None:
    decoder = {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 32, "ffn_dim": 64}
    text = {"num_layers": 1, "num_heads": 2, "d_model": 16, "d_kv": 8, "d_ff": 32, "vocab_size": 128}
    codec = peer.CODEC | {"num_filters": 2, "hidden_size": 8, "codebook_dim": 8, "codebook_size": 64, "target_bandwidths": [1.3]}
    peer.write(tmp_path, peer.random_model(decoder, text, codec))
    manifests = [json.loads((tmp_path / name / "manifest.json").read_text()) for name in ("fp32", "int8")]
    shape = [(m["layers"], m["heads"], m["positions"], m["vocabulary"]) for m in manifests]
    assert shape == [(2, 4, peer.POSITIONS, 64)] * 2
    sizes = [manifest["step"]["bytes"] for manifest in manifests]
    assert sizes[1] < sizes[0]


def test_the_sizes_are_those_of_the_paper() -> None:
    layer = 4 * peer.DECODER["hidden_size"] ** 2 * 2 + 2 * peer.DECODER["hidden_size"] * peer.DECODER["ffn_dim"]
    assert 300e6 < peer.DECODER["num_hidden_layers"] * layer < 420e6
