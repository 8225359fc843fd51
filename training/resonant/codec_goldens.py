"""Writes the codec goldens for testing the Rust twins.

`python -m resonant.codec_goldens ../tests/golden/codec` writes, per case, `<case>.json` (notes in
seconds, excitation parameters, sizes) and raw little-endian float32 files:

* `streams` [2, samples]: odd/even or impulse/body (noise is an input),
* `features` [rows, frames],
* `noise` [samples] and `log_gains` [3, 96, gain_frames]: inputs of the filter stage,
* `audio` [samples]: output of the filter stage from (streams, noise) and log_gains,
* `log_mel` [96, frames] of `audio`,
* `levels` [2, 96, gain_frames]: the decoder input of that name, computed from `streams` with 1e-3 of `noise` added to
  each stream, so that no band consists of rounding errors only.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from resonant import excitation, features, mel

CASES: dict[str, dict[str, Any]] = {
    "chord": {
        "track": "harmony",
        "frames": 70,
        "excitation": {
            "voices": 5, "detune_cents": 14.0, "attack_s": 0.02, "decay_s": 0.3, "sustain": 0.6,
            "release_s": 0.05, "vibrato_hz": 5.5, "vibrato_cents": 12.0, "vibrato_delay_s": 0.1, "glide_s": 0.0,
            "partials": [0.9, 0.1, 1.4, 0.02, 0.7, 0.3],
        },
        "notes": [
            (-0.2, 0.12, 57, 90), (0.05, 0.4313, 60, 100), (0.05, 0.4313, 64, 64), (0.0512, 0.38, 67, 127),
            (0.45, 0.61, 112, 80), (0.5, 0.55, 20, 80),
        ],
    },
    "string": {
        "track": "harmony",
        "frames": 60,
        "excitation": {
            "voices": 2, "detune_cents": 3.0, "attack_s": 0.002, "decay_s": 0.8, "sustain": 0.0, "release_s": 0.1,
            "partials": [1.0, 0.6, 1.2, 0.4], "inharmonicity": [[45, 1.1e-4], [59, 2.6e-4], [73, 1.05e-3]],
        },
        "notes": [
            (-0.3, 0.2, 40, 90), (0.05, 0.4313, 52, 100), (0.05, 0.4313, 60, 64), (0.0512, 0.38, 67, 127), (0.3, 0.5, 95, 80),
        ],
    },
    "glide": {
        "track": "bass",
        "frames": 60,
        "excitation": {
            "voices": 1, "detune_cents": 0.0, "attack_s": 0.0, "decay_s": 0.0, "sustain": 1.0,
            "release_s": 0.02, "vibrato_hz": 6.0, "vibrato_cents": 25.0, "vibrato_delay_s": 0.05, "glide_s": 0.04, "transpose": -12,
        },
        "notes": [(0.0, 0.1503, 33, 110), (0.15, 0.2951, 45, 80), (0.3, 0.45, 40, 127)],
    },
    "drums": {
        "track": "drums",
        "frames": 80,
        "excitation": {
            "kick": {"hz": 48.0, "start_ratio": 4.2, "sweep_s": 0.03, "decay_s": 0.12},
            "snare": {"hz": 185.0, "start_ratio": 1.3, "sweep_s": 0.02, "decay_s": 0.05},
            "low_tom": {"hz": 110.0, "start_ratio": 1.0, "sweep_s": 0.0, "decay_s": 0.1},
        },
        "notes": [
            (-0.1, -0.05, 36, 100), (0.1, 0.15, 36, 120), (0.1, 0.15, 42, 60), (0.2251, 0.27, 42, 90),
            (0.35003, 0.4, 38, 110), (0.35003, 0.4, 39, 50), (0.475, 0.5, 46, 80), (0.6, 0.65, 45, 127),
        ],
    },
}  # fmt: skip


def smooth_gains(streams: int, frames: int, rng: np.random.Generator) -> np.ndarray:
    """Plausible log gains [streams, 96, frames], roughly -8 to 1."""
    band = np.arange(mel.MEL_BANDS)[:, None] / mel.MEL_BANDS
    time = np.arange(frames)[None] / frames
    rows = []
    for _ in range(streams):
        a, b, c, d = rng.uniform(0.0, 2.0 * np.pi, 4)
        rows.append(-3.0 + 2.5 * np.sin(9.0 * band + a + 4.0 * time) + 1.5 * np.sin(23.0 * time + b + 3.0 * band)
                    + 0.5 * np.sin(60.0 * band + c) + 0.5 * np.sin(90.0 * time + d))
    return np.stack(rows).astype(np.float32)


def make_case(name: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Description and arrays of one case."""
    case = CASES[name]
    rng = np.random.default_rng(len(name))
    track, frames = case["track"], case["frames"]
    n_fft, hop = (1024, 240) if track == "drums" else (2048, 480)
    samples = frames * 480
    notes = excitation.TimedNotes.from_rows(case["notes"])
    streams = excitation.streams_for(track, notes, case["excitation"], samples, rng)
    gains = smooth_gains(3, samples // hop, rng)
    audio = mel.apply_gains(gains, streams, n_fft, hop)
    arrays = {
        "streams": streams[:2],
        "features": features.score_features(track, notes, frames),
        "noise": streams[2],
        "log_gains": gains,
        "audio": audio,
        "log_mel": mel.log_mel(audio, frames),
        "levels": mel.stream_levels(streams[:2] + np.float32(1e-3) * streams[2], n_fft, hop, samples // hop),
    }
    rows = zip(notes.on, notes.off, notes.pitch, notes.velocity, strict=True)
    description = {
        "case": name, "track": track, "sample_rate": mel.SAMPLE_RATE, "samples": samples, "frames": frames,
        "n_fft": n_fft, "hop": hop, "excitation": case["excitation"], "tolerance": 1e-4, "log_tolerance": 1e-2,
        "notes": [
            {"on": float(a), "off": float(b), "pitch": int(p), "velocity": int(v)} for a, b, p, v in rows
        ],
        "files": {key: {"file": f"{name}.{key}.f32", "shape": list(value.shape)} for key, value in arrays.items()},
    }  # fmt: skip
    return description, arrays


def main() -> None:
    """Command-line entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name in CASES:
        description, arrays = make_case(name)
        for key, value in arrays.items():
            value.astype("<f4").tofile(folder / description["files"][key]["file"])
        (folder / f"{name}.json").write_text(json.dumps(description, indent=1) + "\n")
        print(f"{name}: {description['samples']} samples")


if __name__ == "__main__":
    main()
