"""Tests of the composer model, its export parity and its training."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from resonant.compose_data import Example
from resonant.compose_model import PITCH_COLUMNS, ComposeModelConfig, Composer
from resonant.conditions import CONDITION
from resonant.export_compose import Stepper, compare, empty_caches, export, fix_scales, record
from resonant.tokens import vocabulary

CONFIG = ComposeModelConfig(width=64, layers=2, heads=2, feed_forward=96, condition_width=48)
# Libraries and processors sum in different orders, in each of a dozen layers: allow a hundred roundings of the largest
# output.
ROUNDINGS = 100.0 * np.finfo(np.float32).eps
FIXTURE = Path(__file__).parents[2] / "tests" / "golden" / "bundle_fixture"


def _inputs(track: str, length: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    condition = (rng.random((length, CONDITION)) * (rng.random((length, CONDITION)) < 0.2)).astype(np.float32)
    for column in PITCH_COLUMNS:
        condition[:, column] = condition[:, column].round(2)
    return rng.integers(1, vocabulary(track), length), condition


def _composer(track: str) -> Composer:
    torch.manual_seed(1)
    model = Composer(track, CONFIG)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.12)
    return model.eval()


@pytest.mark.parametrize("track", ["drums", "melody"])
def test_exported_steps_equal_torch(track: str, tmp_path: Path) -> None:
    model = _composer(track)
    export(model, tmp_path, int8=False)
    result = compare(model, tmp_path / f"compose_{track}.onnx", *_inputs(track, 200))
    assert result["max_logit_difference"] < 1e-3


def test_int8_stays_close(tmp_path: Path) -> None:
    model = _composer("bass")
    export(model, tmp_path, int8=True)
    result = compare(model, tmp_path / "compose_bass.onnx", *_inputs("bass", 100))
    assert result["top1_agreement"] > 0.9 and result["kl_nats"] < 0.02


def test_fixed_scales_stay_close_and_keep_sequences_apart(tmp_path: Path) -> None:
    model = _composer("bass")
    assert not export(model, tmp_path, int8=True)["independent_rows"]
    path = tmp_path / "compose_bass.onnx"
    measured = [_inputs("bass", 100, seed) for seed in range(1, 4)]
    fix_scales(path, [Example(np.append(tokens, 1), condition) for tokens, condition in measured])
    assert record(path, "bass")["independent_rows"]
    result = compare(model, path, *_inputs("bass", 100))
    assert result["top1_agreement"] > 0.9 and result["kl_nats"] < 0.02

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    tokens, condition = (np.stack(both) for both in zip(_inputs("bass", 30), _inputs("bass", 30, 9), strict=True))

    def run(rows: slice) -> np.ndarray:
        count = len(tokens[rows])
        fed = {"token": tokens[rows], "condition": condition[rows], "position": np.full(count, 29, np.int32)}
        return session.run(["logits"], fed | empty_caches(session, count))[0]

    assert (run(slice(0, 2)) == np.concatenate((run(slice(0, 1)), run(slice(1, 2))))).all()


def test_the_past_does_not_hear_the_future() -> None:
    model = _composer("drums")
    tokens, condition = _inputs("drums", 20)
    with torch.no_grad():
        short = model(torch.from_numpy(tokens[None, :10]), torch.from_numpy(condition[None, :10]))
        full = model(torch.from_numpy(tokens[None]), torch.from_numpy(condition[None]))
    assert (short - full[:, :10]).abs().max() <= ROUNDINGS * full.abs().max()


@pytest.mark.parametrize("track", ["drums", "bass", "harmony", "melody"])
def test_the_fixture_gives_its_golden(track: str) -> None:
    golden = json.loads((FIXTURE / f"compose_{track}.golden.json").read_text())
    tolerance = ROUNDINGS * np.abs(golden["logits"]).max()
    stepper = Stepper(FIXTURE / f"compose_{track}.onnx")
    for position, (token, row, logits) in enumerate(
        zip(golden["tokens"], golden["condition"], golden["logits"], strict=True)
    ):
        got = stepper.step(token, np.array(row, np.float32), position)
        assert np.abs(got - np.array(logits)).max() <= tolerance
