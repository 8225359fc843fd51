"""Checks the codec goldens in tests/golden/codec against the normative Python code.

Rounding differs between processors, because numpy, BLAS and libm choose kernels by processor features. Therefore each stage
starts from the golden of the previous stage, and its tolerance follows from its arithmetic and from the scale of the signal:

* noise is generated from integers and must be equal;
* values computed in double precision and rounded once, or summed from a few single-precision products, differ by a few roundings
  of the largest value;
* filtered audio has passed through two transforms, and each of their log2(n) stages rounds once;
* the logarithm of a band's power differs by the transform's rounding error relative to that power: little in a loud band, much in
  a band far below the rest of its frame.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resonant import codec_goldens, mel

GOLDEN = Path(__file__).parents[2] / "tests" / "golden" / "codec"
EPS = float(np.finfo(np.float32).eps)


def read(name: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Description and arrays of a golden case."""
    description = json.loads((GOLDEN / f"{name}.json").read_text())
    files = description["files"].items()
    return description, {
        key: np.fromfile(GOLDEN / file["file"], dtype="<f4").reshape(file["shape"]) for key, file in files
    }


def log_mel_tolerance(log_power: np.ndarray, signal: np.ndarray, n_fft: int, hop: int) -> np.ndarray:
    """Tolerance of a log-mel [96, frames] of a signal [samples].

    Each bin X of a transform has an error of delta, a few roundings of the frame's norm. The error of a band's power
    p = sum(f |X|^2) is then at most 2 sqrt(p sum(f)) delta + sum(f) delta^2 (Cauchy-Schwarz). The sum and the logarithm add
    rounding errors of their own.
    """
    frames, half = log_power.shape[1], n_fft // 2
    padded = np.pad(signal.astype(np.float64), (half, n_fft + hop))
    windows = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop][:frames]
    delta = 4.0 * EPS * np.linalg.norm(windows * mel.hann(n_fft), axis=1)
    weight = mel.mel_filters(n_fft).astype(np.float64).sum(1)[:, None]
    relative = delta * np.sqrt(weight / np.exp(log_power.astype(np.float64)))
    return 2.0 * relative + relative**2 + EPS * (8.0 + np.abs(log_power))


def inputs_of_levels(stored: dict[str, np.ndarray]) -> np.ndarray:
    return stored["streams"] + np.float32(1e-3) * stored["noise"]


def tolerance(key: str, case: dict[str, Any], stored: dict[str, np.ndarray]) -> np.ndarray | float:
    """Largest allowed difference of the array `key` between two machines."""
    values, n_fft, hop = stored[key], case["n_fft"], case["hop"]
    if key == "noise":
        return 0.0
    if key == "log_mel":
        return log_mel_tolerance(values, stored["audio"], mel.MEL_N_FFT, mel.MEL_HOP)
    if key == "levels":
        both = zip(values, inputs_of_levels(stored), strict=True)
        return np.stack([log_mel_tolerance(log_power, signal, n_fft, hop) for log_power, signal in both])
    roundings = 2.0 * np.log2(n_fft) if key == "audio" else 4.0
    return roundings * EPS * float(np.abs(values).max())


@pytest.mark.parametrize("name", sorted(codec_goldens.CASES))
def test_golden_is_current(name: str) -> None:
    description, made = codec_goldens.make_case(name)
    case, stored = read(name)
    assert case == json.loads(json.dumps(description))
    n_fft, hop, frames = case["n_fft"], case["hop"], case["frames"]
    streams = np.concatenate([stored["streams"], stored["noise"][None]])
    made["audio"] = mel.apply_gains(stored["log_gains"], streams, n_fft, hop)
    made["log_mel"] = mel.log_mel(stored["audio"], frames)
    made["levels"] = mel.stream_levels(inputs_of_levels(stored), n_fft, hop, case["samples"] // hop)
    assert made.keys() == stored.keys()
    for key, value in made.items():
        excess = np.abs(value.astype(np.float64) - stored[key]) - tolerance(key, case, stored)
        worst = np.unravel_index(excess.argmax(), excess.shape)
        assert excess[worst] <= 0.0, f"{key}{[int(i) for i in worst]} is {value[worst]}, was {stored[key][worst]}"


@pytest.mark.parametrize("name", sorted(codec_goldens.CASES))
def test_an_error_of_a_hundredth_of_a_decibel_is_found(name: str) -> None:
    """Applies to every band less than 70 dB below the loudest of its frame."""
    case, stored = read(name)
    for key in ("log_mel", "levels"):
        values = stored[key]
        allowed = tolerance(key, case, stored)
        heard = (values > values.max(-2, keepdims=True) - 7.0 * np.log(10.0)) & (values > np.log(mel.MEL_FLOOR))
        assert allowed[heard].max() < 0.001 * np.log(10.0)
