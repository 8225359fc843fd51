"""Writes the golden drum hits for testing the Rust twin: synthetic hits, no recordings.

`python -m resonant.hit_goldens ../tests/golden/hits` writes `hits.bin` and, per case of `CASES`, the rendering as
little-endian float32 in `<case>.f32`, with `cases.json` giving piece, layer, variant, curve and tuning. Each case covers one
stage (modes, modes on a bent clock, fast noise, slow noise, a spike) or all of them together.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from resonant import hits
from resonant.hits import Hit, Piece

CURVE = (3.0, -2.0, 0.0, 1.0, 4.0, -6.0, 2.0, 0.0, -3.0, 5.0)


def _hit(seed: int, modes: int, fast: bool, slow: bool, length: int, clock: tuple[int, int] = (0, 0), spike: int = 0,
         loudness_db: float = -6.0) -> Hit:  # fmt: skip
    rng = np.random.default_rng(seed)
    table = np.stack([
        np.sort(rng.integers(12_000, 58_000, modes)), rng.integers(120, 220, modes), rng.integers(150, 235, modes),
        rng.integers(0, 256, modes),
    ], axis=1) if modes else np.zeros((0, 4), dtype=np.int64)  # fmt: skip

    def grid(times: int, bands: int, there: bool) -> np.ndarray:
        if not there:
            return np.zeros((times, bands), dtype=np.uint8)
        fall = 230 - np.arange(times)[:, None] * 9 + rng.integers(-25, 25, (times, bands))
        return np.clip(fall, 0, 255).astype(np.uint8)

    curve = np.rint(np.linspace(30, -10 + seed, hits.CURVE_POINTS)).astype(np.int8)
    return Hit(10 ** (loudness_db / 20), loudness_db - 12.0, length, *clock, seed % 4, 6, spike, table, grid(17, 32, fast), -4.0,
               grid(9, 96, slow), -5.0, curve, (3, 11, 40 + seed))  # fmt: skip


def pieces() -> list[Piece]:
    """The synthetic pieces."""
    return [
        Piece("modes", [_hit(1, 12, False, False, 9_600)]),
        Piece("bent", [_hit(2, 12, False, False, 9_600, clock=(5, 2))]),
        Piece("fast", [_hit(3, 0, True, False, 6_400)]),
        Piece("slow", [_hit(4, 0, False, True, 19_200)]),
        Piece("spike", [_hit(5, 0, True, False, 4_800, spike=5)]),
        Piece("skin", [_hit(6, 16, True, True, 12_800, (2, 1), 2, -30.0), _hit(7, 16, True, True, 14_400, (3, 1), 3, -14.0),
                       _hit(8, 16, True, True, 16_000, (4, 1), 4, -4.0)]),
        Piece("hat", [_hit(9, 2, True, True, 3_200, loudness_db=-20.0), _hit(10, 2, True, True, 3_840)]),
        Piece("open_hat", [_hit(11, 2, True, True, 24_000)]),
    ]  # fmt: skip


CASES = {
    "modes": ("modes", 0, 0, None, 1.0),
    "bent": ("bent", 0, 1, None, 1.0),
    "fast": ("fast", 0, 0, None, 1.0),
    "slow": ("slow", 0, 2, None, 1.0),
    "spike": ("spike", 0, 0, None, 1.0),
    "all": ("skin", 2, 1, CURVE, 1.1),
}


def main() -> None:
    """Command-line entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    made = pieces()
    (folder / "hits.bin").write_bytes(hits.pack(made))
    by_name = {piece.name: piece for piece in hits.unpack(hits.pack(made))}
    cases = {}
    for case, (name, layer, variant, curve, tune) in CASES.items():
        hit = by_name[name].hits[layer]
        sound = hits.render(hit, hit.seeds[variant], None if curve is None else np.array(curve), tune)
        sound.astype("<f4").tofile(folder / f"{case}.f32")
        cases[case] = {"piece": name, "layer": layer, "variant": variant, "curve": curve or [0.0] * 10, "tune": tune}
    (folder / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main()
