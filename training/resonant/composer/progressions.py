"""Chord progressions by idiom and mode, as Roman numerals against the parallel major scale.

They are in a file shared with the engine; the notation is described there.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

_NUMERALS = {"i": 0, "ii": 2, "iii": 4, "iv": 5, "v": 7, "vi": 9, "vii": 11}
_UPPER = {"": "maj", "7": "7", "maj7": "maj7", "maj9": "maj9", "9": "9", "6": "6", "sus2": "sus2", "sus4": "sus4",
          "add9": "add9", "5": "5", "+": "aug"}
_LOWER = {"": "min", "7": "min7", "9": "min9", "o": "dim", "o7": "dim7", "h": "m7b5", "6": "m6", "add9": "minadd9",
          "M7": "mMaj7", "5": "5", "sus2": "sus2", "sus4": "sus4"}
_PATTERN = re.compile(r"([b#]?)([IV]+|[iv]+)(.*)")

# The file shared with the engine.
FILE = Path(__file__).parents[3] / "crates" / "words" / "src" / "progressions.txt"


def _pools() -> dict[str, dict[str, list[str]]]:
    pools: dict[str, dict[str, list[str]]] = {}
    texts: list[str] = []
    for line in FILE.read_text().splitlines():
        if line.startswith("["):
            idiom, mode = line.strip("[]").split()
            texts = pools.setdefault(idiom, {}).setdefault(mode, [])
        elif line and not line.startswith("#"):
            texts.append(line)
    return pools


# idiom -> mode -> progressions
POOLS = _pools()

# style -> idioms with weights
STYLE_POOLS: dict[str, dict[str, float]] = {
    "techno": {"club": 5, "liquid": 1}, "house": {"house": 6, "pop": 1}, "hiphop": {"soul": 5, "dark": 1.5},
    "trap": {"dark": 5, "liquid": 1}, "dnb": {"liquid": 5, "dark": 1}, "rock": {"rock": 6, "pop": 1},
    "pop": {"pop": 6, "house": 0.7}, "ambient": {"drift": 6, "score": 0.5}, "jazz": {"jazz": 1},
    "funk": {"funk": 6, "soul": 1}, "synthwave": {"neon": 5, "pop": 1}, "cinematic": {"score": 6, "drift": 1},
}


def _chord(text: str) -> tuple[int, str]:
    match = _PATTERN.fullmatch(text)
    if match is None or match[2].lower() not in _NUMERALS:
        raise ValueError(f"bad chord numeral {text!r}")
    shift = {"b": -1, "#": 1, "": 0}[match[1]]
    table = _UPPER if match[2].isupper() else _LOWER
    if match[3] not in table:
        raise ValueError(f"bad chord numeral {text!r}")
    return (_NUMERALS[match[2].lower()] + shift) % 12, table[match[3]]


@lru_cache(maxsize=4096)
def parse(text: str) -> tuple[tuple[int, str], ...]:
    """Half-bar chords (root relative to the tonic, quality) of a progression."""
    chords: list[tuple[int, str]] = []
    for bar in text.split():
        if bar == "-":
            chords += [chords[-1], chords[-1]]
            continue
        halves = [_chord(part) for part in bar.split(",")]
        chords += halves * 2 if len(halves) == 1 else halves
    return tuple(chords)


def candidates(style: str, mode: str) -> list[tuple[str, float]]:
    """Progressions for a style and mode with their weights."""
    found = [
        (text, weight / len(POOLS[pool][mode]))
        for pool, weight in STYLE_POOLS[style].items()
        if mode in POOLS[pool]
        for text in POOLS[pool][mode]
    ]
    return found or [(text, 1.0) for pool in STYLE_POOLS[style] for text in POOLS[pool]["minor"]]
