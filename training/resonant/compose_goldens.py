"""Goldens for the Rust twins of `tokens` and `conditions`: `python -m resonant.compose_goldens --out DIR`.

Pieces come from a seeded generator that targets corner cases (rolls, mixed durations, notes across the loop point,
velocities at the level thresholds), not music.

Each file holds `piece` (header and all tracks' notes) and `cases`, each with `track`, `family`, `context` (track names),
`drop_intent` (style and attributes zeroed), `first_bar`, `bars` (the coded segment), `tokens`, `decoded` (notes), `rows`
(per step of the piece, 196 values) and `masks` (per token position i, the legal tokens after tokens[..=i]). `figures`:
each with `track`, `figure` and `rows` (per step of the piece, 52 values). `gaps`: each with `track`, `bars` (new ones) and `rows`
(51 values).
"""

from __future__ import annotations

import argparse
import json
import random
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from resonant.composer.figures import Figure
from resonant.conditions import (
    FIGURE_FAMILIES, conditions, drop_intent, figure_features, gap_features, note_array, onset_features, plan_of,
)  # fmt: skip
from resonant.piece import DRUM_CLASSES, DRUM_KEYS, QUALITIES, TRACKS, Note
from resonant.tokens import Grammar, decode, encode

PIECES: tuple[dict, ...] = (
    {"style": "house", "bpm": 124.0, "tonic": 9, "mode": "minor", "meter": (4, 4), "bars": 8, "swing": (1, 0.5)},
    {"style": "jazz", "bpm": 143.5, "tonic": 6, "mode": "dorian", "meter": (4, 4), "bars": 12, "swing": (2, 0.66)},
    {"style": "cinematic", "bpm": 72.0, "tonic": 3, "mode": "major", "meter": (3, 4), "bars": 4, "swing": (1, 0.5)},
    {"style": "ambient", "bpm": 88.0, "tonic": 5, "mode": "lydian", "meter": (6, 8), "bars": 16, "swing": (1, 0.5)},
    {"style": "hiphop", "bpm": 92.0, "tonic": 0, "mode": "phrygian", "meter": (7, 8), "bars": 2, "swing": (1, 0.58)},
)
CHORD_QUALITIES = tuple(QUALITIES)
FAMILY = {"drums": "kit_808", "bass": "bass_sub", "harmony": "pad", "melody": "vox"}
VELOCITIES = (1, 39, 54, 55, 70, 82, 83, 100, 106, 107, 127)
LENGTHS = (0.25, 0.5, 0.74, 0.75, 1.0, 1.5, 2.0, 2.9, 4.0, 9.0, 11.0, 20.0, 40.0)


def make_piece(index: int, header: dict) -> dict:
    """A piece as a JSON-ready dictionary of its fields."""
    rng = random.Random(1000 + index)
    bar = header["meter"][0] * 16 // header["meter"][1]
    total = header["bars"] * bar
    tracks: dict[str, list[dict]] = {}
    for track in TRACKS:
        notes: set[tuple] = set()
        for step in range(total):
            if track == "drums":
                for key in DRUM_KEYS:
                    if rng.random() < 0.12:
                        hits = rng.choice((1, 1, 1, 1, 2, 3, 4))
                        velocity = rng.choice(VELOCITIES)
                        spread = 0.0 if hits > 1 else rng.choice((-0.1, 0.0, 0.2))
                        notes |= {(step, part / hits + spread, 1.0, key, velocity) for part in range(hits)}
                continue
            if rng.random() < 0.3:
                base = {"bass": 30, "harmony": 55, "melody": 72}[track]
                for _ in range(rng.choice((1, 1, 3, 5)) if track != "bass" else 1):
                    pitch = base + rng.randrange(14)
                    notes.add((step, 0.0, rng.choice(LENGTHS), pitch, rng.choice(VELOCITIES)))
        ordered = sorted(notes, key=lambda note: (note[0], note[1], note[3], note[2], note[4]))
        tracks[track] = [
            {"step": s, "offset": round(o, 6), "length": length, "pitch": p, "velocity": v}
            for s, o, length, p, v in ordered
        ]
    return {
        "seed": 1000 + index,
        "style": header["style"],
        "bpm": header["bpm"],
        "tonic": header["tonic"],
        "mode": header["mode"],
        "meter": list(header["meter"]),
        "bars": header["bars"],
        "swing_unit": header["swing"][0],
        "swing_ratio": header["swing"][1],
        "chords": [[rng.randrange(12), rng.choice(CHORD_QUALITIES)] for _ in range(2 * header["bars"])],
        "tracks": tracks,
        "families": FAMILY,
        "attributes": {
            name: round(rng.random(), 3) for name in ("energy", "density", "brightness", "aggression", "complexity")
        },
    }


def notes_of(piece: dict, track: str) -> list[Note]:
    """A track's notes as `Note`s."""
    return [Note(**note) for note in piece["tracks"][track]]


def make_case(piece: dict, track: str, context: list[str], untold: bool, first_bar: int, bars: int) -> dict:
    """One golden case of a piece."""
    plan = plan_of(SimpleNamespace(**piece))
    bar, total = plan.steps_per_bar, plan.total_steps
    notes = notes_of(piece, track)
    own = decode(track, encode(track, notes, plan.tonic, 0, total), plan.tonic)
    rows = conditions(plan, track, piece["families"][track], own, {name: notes_of(piece, name) for name in context})
    if untold:
        drop_intent(rows)
    tokens = encode(track, notes, plan.tonic, first_bar * bar, bars * bar)
    grammar = Grammar(track)
    masks = []
    for position, token in enumerate(tokens):
        grammar.feed(token)
        if position % 37 == 0 and position < 200:
            masks.append({"position": position, "allowed": np.flatnonzero(grammar.allowed()).tolist()})
    chosen = sorted({0, 3, bar, bar + 5, total // 2 + 1, total - 3, total - 1} & set(range(total)))
    return {
        "track": track,
        "family": piece["families"][track],
        "context": context,
        "drop_intent": untold,
        "first_bar": first_bar,
        "bars": bars,
        "tokens": tokens,
        "decoded": [asdict(note) for note in decode(track, tokens, plan.tonic, first_bar * bar)],
        "rows": [
            {"step": step, "values": [float(f"{value:.7g}") for value in rows[step].tolist()]} for step in chosen
        ],
        "masks": masks,
    }


def make_figure(index: int, piece: dict, track: str) -> dict:
    """A golden figure of a piece: random signs."""
    rng = random.Random(f"{index}/{track}")
    plan = plan_of(SimpleNamespace(**piece))
    signs = "Xg?.-x" if track == "drums" else "X?.-x13578"
    voices = DRUM_CLASSES if track == "drums" else ("",)
    figure = Figure(
        rng.choice((None, *FIGURE_FAMILIES[track])),
        {voice: "".join(rng.choice(signs) for _ in range(plan.total_steps)) for voice in voices},
        rng.choice(("", "short", "long")),
        rng.choice((None, (1, 1), (2, 4), (3, 6))),
        tuple(rng.random() < 0.3 for _ in range(plan.bars)) if track != "drums" else (),
    )
    rows = figure_features(track, figure, plan)
    chosen = sorted({0, 1, plan.steps_per_bar, plan.total_steps // 2 + 1, plan.total_steps - 1})
    return {
        "track": track,
        "figure": figure.head(),
        "rows": [{"step": step, "values": [float(f"{value:.7g}") for value in rows[step].tolist()]} for step in chosen],
    }


def make_gap(index: int, piece: dict, track: str) -> dict:
    """Some bars of a piece as a gap: one, several that are apart, or the last."""
    rng = random.Random(f"gap {index}/{track}")
    plan = plan_of(SimpleNamespace(**piece))
    bar, total = plan.steps_per_bar, plan.total_steps
    bars = sorted(rng.sample(range(plan.bars), rng.randint(1, max(1, plan.bars // 2))))
    own = decode(track, encode(track, notes_of(piece, track), plan.tonic, 0, total), plan.tonic)
    is_gap = np.isin(np.arange(total) // bar, bars)
    rows = gap_features(onset_features(track, note_array(own), plan), is_gap, plan)
    chosen = sorted({0, *(bars[0] * bar + step for step in (0, 5, bar - 1)), bars[-1] * bar + 2, total - 1})
    return {
        "track": track,
        "bars": bars,
        "rows": [{"step": step, "values": [float(f"{value:.7g}") for value in rows[step].tolist()]} for step in chosen],
    }


def write(out: Path) -> None:
    """Write one file per piece into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    for index, header in enumerate(PIECES):
        piece = make_piece(index, header)
        others = {track: [name for name in TRACKS if name != track] for track in TRACKS}
        cases = []
        for number, track in enumerate(TRACKS):
            bars = header["bars"]
            cases.append(make_case(piece, track, others[track], False, 0, min(8, bars)))
            subset = others[track][(index + number) % 3 :][: 1 + (index + number) % 2]
            cases.append(make_case(piece, track, subset, number % 2 == 1, 8 if bars > 8 else 0, min(8, bars, 4)))
        cases.append(make_case(piece, TRACKS[1 + index % 3], [], True, 0, 2))
        name = f"{header['style']}_{header['meter'][0]}{header['meter'][1]}.json"
        figures = [make_figure(index, piece, track) for track in ("drums", "bass", "harmony")]
        gaps = [make_gap(index, piece, track) for track in TRACKS]
        text = json.dumps({"piece": piece, "cases": cases, "figures": figures, "gaps": gaps}, separators=(",", ":")).replace("0.0,", "0,")
        (out / name).write_text(text + "\n")


def main() -> None:
    """Command-line entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder, usually tests/golden/compose")
    write(parser.parse_args().out)


if __name__ == "__main__":
    main()
