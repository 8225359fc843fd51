"""Human drum performances as training pieces for the composers: `python -m resonant.train_compose cache --groove-midi DIR`.

DIR is the Groove MIDI Dataset (see DATA_CARD.md); its train split becomes pieces of eight bars with drums only; its test split is
never read. The piece's figure marks hits that the drummer plays nearly always; hits played only sometimes are free steps in it.
From this a composer learns what drummers add to a groove: ghost notes, fills, accents. Hits are quantised to sixteenths; the
groove templates cover microtiming (`resonant.groove_templates`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from resonant.composer.figures import Figure
from resonant.groove_templates import FAMILIES, FIGURE_FAMILY, Performance, read_groove_midi
from resonant.piece import ATTRIBUTES, DRUM_CLASSES, DRUM_KEYS, STYLES, TRACKS, Note, Piece

BARS = 8
STEPS = 16
# The closest composer style for each style of the dataset.
STYLE = {
    **dict.fromkeys(("rock", "punk", "country", "blues"), "rock"), **dict.fromkeys(("jazz", "neworleans"), "jazz"),
    **dict.fromkeys(("funk", "soul", "gospel", "afrobeat", "highlife"), "funk"), "hiphop": "hiphop", "dance": "house",
    **dict.fromkeys(("pop", "latin", "reggae", "afrocuban", "middleeastern"), "pop"),
}  # fmt: skip
# Rates at which a position in the two-bar pattern is marked as played (at least) or as a rest (at most).
ALWAYS, NEVER = 0.8, 0.06
SOFT = 48


def pieces(folder: Path, first: int) -> Iterator[tuple[int, Piece, dict[str, Figure]]]:
    """Pieces of the train split, numbered from `first` in steps of the number of styles (see `compose_data.is_held_out`)."""
    number = first
    for performance in read_groove_midi(folder, "train"):
        for piece, figure in windows(performance):
            yield number, piece, {"drums": figure}
            number += len(STYLES)


def windows(performance: Performance) -> Iterator[tuple[Piece, Figure]]:
    """Consecutive windows of eight bars of a performance; shorter performances give none."""
    grid = performance.grid
    usual = _usual(performance)
    family = next((name for name, styles in FAMILIES.items() if performance.style in styles), None)
    length = BARS * STEPS
    for start in range(0, int(grid.max()) + 1 - length + STEPS, length):
        own = (grid >= start) & (grid < start + length)
        hits: dict[tuple[int, int], int] = {}
        for step, drum, velocity in zip(grid[own] - start, performance.classes[own], performance.velocities[own], strict=True):
            hits[int(step), int(drum)] = max(hits.get((int(step), int(drum)), 0), int(velocity))
        if len({step // STEPS for step, _ in hits}) < BARS:
            continue
        notes = [Note(step, 0.0, 1.0, DRUM_KEYS[drum], velocity) for (step, drum), velocity in sorted(hits.items())]
        marks = {}
        for drum, voice in enumerate(DRUM_CLASSES):
            signs = [usual[drum][step % (2 * STEPS)] for step in range(length)]
            for step in range(length):  # the figure must match the notes: steps that deviate from it become free
                if (signs[step] in "Xxg") != ((step, drum) in hits):
                    signs[step] = "." if signs[step] == "." else "?"
                if signs[step] == "." and (step, drum) in hits:
                    signs[step] = "?"
            marks[voice] = "".join(signs)
        yield _piece(performance, notes), Figure(FIGURE_FAMILY.get(family or ""), marks)


def _usual(p: Performance) -> list[str]:
    """Signs of two bars by class: played nearly always, sometimes, or hardly ever."""
    place = p.grid % (2 * STEPS)
    times = max(int(np.ceil((p.grid.max() + 1) / (2 * STEPS))), 1)
    rows = []
    for drum in range(len(DRUM_CLASSES)):
        signs = ""
        loudness = np.median(p.velocities[p.classes == drum]) if (p.classes == drum).any() else 0.0
        for step in range(2 * STEPS):
            here = (p.classes == drum) & (place == step)
            rate = len(np.unique(p.grid[here])) / times
            force = np.median(p.velocities[here]) if here.any() else 0.0
            played = "g" if force < SOFT and drum == 1 else "X" if force > loudness + 12 else "x"
            signs += played if rate >= ALWAYS else "." if rate <= NEVER else "?"
        rows.append(signs)
    return rows


def _piece(p: Performance, notes: list[Note]) -> Piece:
    """A piece with drums only, over one chord; energy follows the hits' mean velocity, density their number."""
    force = float(np.mean([note.velocity for note in notes])) / 127.0
    values = {**dict.fromkeys(ATTRIBUTES, 0.5), "energy": round(min(max(1.4 * force - 0.4, 0.0), 1.0), 3)}
    values["density"] = round(min(len(notes) / (BARS * 24.0), 1.0), 3)
    swung = p.style == "jazz"
    return Piece(
        seed=0, style=STYLE.get(p.style, "pop"), bpm=float(round(p.bpm)), tonic=0, mode="minor", meter=(4, 4), bars=BARS,
        swing_unit=2 if swung else 1, swing_ratio=0.62 if swung else 0.5, chords=[(0, "min")] * (2 * BARS),
        tracks={"drums": notes}, patches=dict.fromkeys(TRACKS, ""),
        families={"drums": "kit_acoustic", "bass": "bass_electric", "harmony": "keys", "melody": "lead"},
        attributes=values, moods=[], captions=[],
    )  # fmt: skip
