"""The `musicgen` export matches transformers in greedy decoding with guidance."""

from pathlib import Path

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from resonant import export_musicgen, foreign_fixtures  # noqa: E402
from resonant.export_codec import session  # noqa: E402

FRAMES = 24


def greedy(folder: Path, manifest: dict, ids: list[int]) -> np.ndarray:
    """Codes [K, FRAMES] from the exported graphs, decoded in numpy."""
    text, step = session(folder / "text.onnx"), session(folder / "step.onnx")
    heard = text.run(None, {"tokens": np.array([ids])})
    names = [value.name for value in text.get_outputs()]
    cross = {name: np.concatenate([value, np.zeros_like(value)]) for name, value in zip(names, heard, strict=True)}
    layers, count, pad = manifest["layers"], manifest["codec"]["codebooks"], manifest["pad"]
    shape = (2, manifest["heads"], manifest["positions"], manifest["head_width"])
    past = {f"past_{kind}_{n}": np.zeros(shape, np.float32) for n in range(layers) for kind in ("key", "value")}
    rows = np.full((count, FRAMES + count), pad)
    for position in range(FRAMES + count - 1):
        codes = np.repeat(rows[None, :, position], 2, 0)
        where = np.full(2, position, np.int32)
        results = step.run(None, {"codes": codes, "position": where, **past, **cross})
        named = dict(zip([value.name for value in step.get_outputs()], results, strict=True))
        past = {name: named[name.replace("past", "present")] for name in past}
        prompted, free = named["logits"]
        chosen = (free + manifest["guidance"] * (prompted - free)).argmax(1)
        for k in range(count):
            if 1 + k <= position + 1 <= FRAMES + k:
                rows[k, position + 1] = chosen[k]
    return np.stack([rows[k, 1 + k : 1 + k + FRAMES] for k in range(count)])


@pytest.mark.parametrize("gated", [False, True])
def test_greedy_decoding_is_that_of_transformers(gated: bool, tmp_path: Path) -> None:
    model = foreign_fixtures.random_musicgen(seed=3, gated=gated)
    manifest = export_musicgen.export(model, foreign_fixtures.tokenizer(), tmp_path, "x", "1.0.0", "CC-BY-NC-4.0")
    for prompt in ("dark techno with driving bass", "sad piano"):
        ids, expected, _ = foreign_fixtures.torch_music(model, prompt, FRAMES)
        assert len(np.unique(expected)) > 8
        assert np.array_equal(greedy(tmp_path, manifest, ids), expected)


def test_int8_multiplies_integers_and_the_command_line_says_what_is_wrong(tmp_path: Path) -> None:
    model = foreign_fixtures.random_musicgen()
    manifest = export_musicgen.export(model, foreign_fixtures.tokenizer(), tmp_path, "x", "1", "MIT", int8=True)
    kinds = {node.op_type for node in onnx.load(tmp_path / "step.onnx").graph.node}
    assert {"MatMulInteger", "GroupQueryAttention"} <= kinds
    assert greedy(tmp_path, manifest, [4, 5, 1]).max() < manifest["vocabulary"]
    with pytest.raises(SystemExit, match="config.json"):
        export_musicgen.main([str(tmp_path / "no"), "--out", str(tmp_path / "out"), "--id", "x", "--licence", "MIT"])
