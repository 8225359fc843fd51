"""Writes the tables duplicated in the training code and the engine as a golden file: `python -m resonant.tables DIR`.

Tests in `crates/words` and `crates/models` compare the Rust twins with it. Tables that both sides read from a shared file are
not included: progressions (`crates/words/src/progressions.txt`) and genres (`crates/words/src/genre/*.toml`).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from resonant.composer.progressions import STYLE_POOLS
from resonant.composer.styles import MOODS, STYLES
from resonant.conditions import FIGURE_FAMILIES
from resonant.piece import ATTRIBUTES, DRUM_KEYS, FAMILIES, MODES, QUALITIES, QUALITY_SUFFIX, TRACKS
from resonant.piece import STYLES as STYLE_ORDER


def tables() -> dict:
    """All tables, ready for JSON. Lists by style, family and so on follow the order of the condition vector."""
    return {
        "tracks": list(TRACKS),
        "attributes": list(ATTRIBUTES),
        "families": list(FAMILIES),
        "drum_keys": list(DRUM_KEYS),
        "figure_families": {track: list(names) for track, names in FIGURE_FAMILIES.items()},
        "modes": {name: list(degrees) for name, degrees in MODES.items()},
        "qualities": {QUALITY_SUFFIX[name]: [step % 12 for step in steps] for name, steps in QUALITIES.items()},
        "moods": {name: list(shifts) for name, shifts in MOODS.items()},
        "styles": [
            {
                "name": name,
                "bpm": [float(bpm) for bpm in STYLES[name].bpm],
                "modes": _weights(STYLES[name].modes),
                "swing": [[float(weight), unit, low, high] for weight, unit, low, high in STYLES[name].swing],
                "stretch": STYLES[name].stretch,
                "seventh": STYLES[name].seventh,
                "idioms": _weights(STYLE_POOLS[name]),
            }
            for name in STYLE_ORDER
        ],
    }


def _weights(weights: Mapping[str, float]) -> list[tuple[str, float]]:
    return [(name, float(weight)) for name, weight in weights.items()]


def text() -> str:
    """Text of the golden file."""
    return json.dumps(tables(), indent=1) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tables.json").write_text(text())


if __name__ == "__main__":
    main()
