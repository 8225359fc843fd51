"""Training data and fit of the critic that ranks scores (`crates/models/src/generator/critic.rs`).

    python -m resonant.critic pieces --out pieces.jsonl [--groove-midi DIR --ours DIR]
    RESONANTGEN_PIECES=pieces.jsonl RESONANTGEN_FIGURES=figures.csv cargo test -p resonantgen-models critic -- --ignored
    python -m resonant.critic fit pieces.jsonl figures.csv > ../crates/models/src/generator/critic.json

For tonal tracks, the critic separates a piece's own part from wrong ones: a part from another piece of the same style and meter
(transposed to the key), the own part delayed by some steps, or the own part in another key. For drums, it separates human
performances (Groove MIDI, by its own split) from a folder of generated ones (`models/tests/people.rs`). The engine computes the
features (`figures.csv`), so that there is only one implementation of them.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import numpy as np

from resonant.composer.compose import compose_piece
from resonant.groove_templates import Performance, auc, read_groove_midi, read_midi
from resonant.piece import DRUM_KEYS, TRACKS, Piece

_HELD_OUT = 0.25
_RIDGE = 4.0
_WINDOW_BARS = 8
# General MIDI key of each `groove_templates` class, in the engine's order.
_KEYS = DRUM_KEYS[:10]


def _rows(piece: Piece) -> list[list[tuple[int, float, int]]]:
    return [[(n.step, n.length, n.pitch) for n in piece.tracks[track]] for track in TRACKS]


def tonal_cases(count: int, seed: int) -> list[dict]:
    """A piece's own parts and wrong parts, from procedural pieces of 8 bars."""
    rng = random.Random(seed)
    pieces = [compose_piece(seed * 100_000 + index, bars=8) for index in range(count)]
    cases = []
    for index, piece in enumerate(pieces):
        alike = [p for p in pieces if p is not piece and (p.style, p.meter) == (piece.style, piece.meter)]
        beat = 6 if piece.meter[1] == 8 and piece.meter[0] % 3 == 0 else 4
        head = {"tonic": piece.tonic, "bar": piece.steps_per_bar, "beat": beat, "total": piece.total_steps}
        is_held_out = rng.random() < _HELD_OUT
        for track in TRACKS[1:]:
            own = _rows(piece)
            at = TRACKS.index(track)
            if not own[at]:
                continue
            # Any subset of the other tracks may be present.
            for other in range(4):
                if other != at and rng.random() < 0.25:
                    own[other] = []
            wrongs = []
            if alike:
                other = rng.choice(alike)
                move = (piece.tonic - other.tonic + 5) % 12 - 5
                wrongs.append(("another piece", [(s, le, p + move) for s, le, p in _rows(other)[at] if s < piece.total_steps]))
            late = rng.choice([1, 2, 3, 5, 6, 7])
            wrongs.append(("late", sorted(((s + late) % piece.total_steps, le, p) for s, le, p in own[at])))
            up = rng.choice([1, 2, 3, 4, 6])
            wrongs.append(("another key", [(s, le, p + up) for s, le, p in own[at]]))
            for kind, notes in [("own", own[at]), *wrongs]:
                if notes:
                    rows = [notes if other == at else own[other] for other in range(4)]
                    cases.append({**head, "track": track, "kind": kind, "held_out": is_held_out, "group": index, "notes": rows})
    return cases


def drum_cases(performances: list[Performance], kind: str, held_out: bool) -> list[dict]:
    """Windows of eight bars, quantised to the grid."""
    cases = []
    for group, p in enumerate(performances):
        size = 16 * _WINDOW_BARS
        for index in range(min((p.grid.max() + 1) // size, 4)):
            inside = p.grid // size == index
            hits = sorted({(int(step) % size, 1.0, _KEYS[c]) for step, c in zip(p.grid[inside], p.classes[inside], strict=True)})
            if len(hits) >= 24:
                cases.append({"track": "drums", "kind": kind, "held_out": held_out, "group": group, "tonic": 0, "bar": 16,
                              "beat": 4, "total": size, "notes": [hits, [], [], []]})
    return cases


def fit(table: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and spread of the features, and the weights of a ridge logistic regression on them and their squares."""
    mean, spread = table.mean(0), np.maximum(table.std(0), 1e-3)
    inputs = _inputs(table, mean, spread)
    x = np.hstack([inputs, np.ones((len(inputs), 1))])
    balance = np.where(labels == 1, 0.5 / labels.mean(), 0.5 / (1 - labels.mean()))
    beta = np.zeros(x.shape[1])
    for _ in range(40):
        chance = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        gradient = x.T @ (balance * (chance - labels)) + _RIDGE * beta
        hessian = (x * (balance * chance * (1 - chance))[:, None]).T @ x + _RIDGE * np.eye(x.shape[1])
        beta -= np.linalg.solve(hessian, gradient)
    return mean, spread, beta[:-1]


def _inputs(table: np.ndarray, mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
    scaled = np.clip((table - mean) / spread, -4, 4)
    return np.hstack([scaled, scaled**2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    pieces = commands.add_parser("pieces")
    pieces.add_argument("--out", type=Path, required=True)
    pieces.add_argument("--count", type=int, default=1500)
    pieces.add_argument("--groove-midi", type=Path)
    pieces.add_argument("--ours", type=Path)
    fitting = commands.add_parser("fit")
    fitting.add_argument("pieces", type=Path)
    fitting.add_argument("figures", type=Path)
    arguments = parser.parse_args()
    if arguments.what == "pieces":
        cases = tonal_cases(arguments.count, 7)
        if arguments.groove_midi and arguments.ours:
            ours = [p for path in sorted(arguments.ours.glob("*.mid")) if (p := read_midi(path, path.name.split("_")[0]))]
            for split, mine, held_out in (("train", ours[0::2], False), ("test", ours[1::2], True)):
                cases += drum_cases(read_groove_midi(arguments.groove_midi, split), "own", held_out)
                cases += drum_cases(mine, "ours", held_out)
        arguments.out.write_text("\n".join(json.dumps(case) for case in cases) + "\n")
        return
    cases = [json.loads(line) for line in arguments.pieces.read_text().splitlines()]
    table = np.loadtxt(arguments.figures, delimiter=",")
    critic = {}
    for track in TRACKS:
        mine = np.array([case["track"] == track for case in cases])
        held_out = np.array([case["held_out"] for case in cases])
        kinds = np.array([case["kind"] for case in cases])
        labels = (kinds == "own").astype(float)
        mean, spread, weights = fit(table[mine & ~held_out], labels[mine & ~held_out])
        scores = _inputs(table, mean, spread) @ weights
        found = {}
        for kind in dict.fromkeys(kinds[mine]):
            if kind != "own":
                which = mine & held_out & np.isin(kinds, ["own", kind])
                found[kind] = round(auc(scores[which], labels[which]), 3)
        rows = {"mean": mean, "spread": spread, "weights": weights}
        critic[track] = {name: [float(f"{value:.4g}") for value in values] for name, values in rows.items()}
        critic[track]["held_out_auc"] = found
    print(json.dumps(critic, indent=1).replace(",\n   ", ", ").replace("[\n   ", "["))


if __name__ == "__main__":
    main()
