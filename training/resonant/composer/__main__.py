"""Command line: compose one piece (text, MIDI, JSON), or print statistics of many."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from resonant.composer.compose import compose_piece
from resonant.composer.statistics import table
from resonant.piece import DRUM_CLASSES, DRUM_KEYS, STYLES, Piece, pitch_class_name, uses_flats


def roll(piece: Piece) -> str:
    """The piece as text: one row per drum class or pitch, one column per step."""
    spb, lines = piece.steps_per_bar, []

    def row(label: str, cells: list[str]) -> str:
        return f"{label:>10s} " + "|".join("".join(cells[i : i + spb]) for i in range(0, len(cells), spb))

    for track, notes in piece.tracks.items():
        lines.append(f"{track} ({piece.families[track]})")
        if track == "drums":
            for key, name in zip(DRUM_KEYS, DRUM_CLASSES, strict=True):
                cells = ["."] * piece.total_steps
                for n in notes:
                    if n.pitch == key:
                        level = "gox"[n.velocity // 30] if n.velocity < 90 else "x" if n.velocity < 107 else "X"
                        cells[n.step] = level if n.offset == 0 else "3" if n.length < 0.4 else "2"
                if any(c != "." for c in cells):
                    lines.append(row(name, cells))
            continue
        for pitch in sorted({n.pitch for n in notes}, reverse=True):
            cells = ["."] * piece.total_steps
            for n in notes:
                if n.pitch == pitch:
                    for step in range(n.step + 1, min(round(n.end), piece.total_steps)):
                        cells[step] = "-"
                    cells[n.step] = "X" if n.velocity >= 107 else "x"
            lines.append(row(f"{pitch_class_name(pitch, uses_flats(piece.tonic, piece.mode))}{pitch // 12 - 1}", cells))
    return "\n".join(lines)


def main() -> int:
    """Command-line entry point; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m resonant.composer", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--style", choices=STYLES)
    parser.add_argument("--bars", type=int, choices=(4, 8, 16))
    parser.add_argument("--midi", type=Path, help="write a MIDI file")
    parser.add_argument("--json", type=Path, help="write the piece as JSON")
    parser.add_argument("--roll", action="store_true", help="print the piece as text")
    parser.add_argument("--stats", type=int, metavar="N", help="print statistics per style over N pieces each")
    options = parser.parse_args()
    if options.stats:
        styles = (options.style,) if options.style else STYLES
        print(table(compose_piece(options.seed + i, style) for style in styles for i in range(options.stats)))
        return 0
    piece = compose_piece(options.seed, options.style, options.bars)
    try:
        if options.midi:
            from resonant.composer.midi import write_midi

            write_midi(piece, options.midi)
        if options.json:
            options.json.write_text(piece.to_json() + "\n")
    except (ImportError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    meter = f"{piece.meter[0]}/{piece.meter[1]}"
    swing = f", swing {piece.swing_ratio} of unit {piece.swing_unit}" if piece.swing_ratio > 0.5 else ""
    print(f"seed {piece.seed}: {piece.style}, {piece.key}, {piece.bpm:.0f} bpm, {meter}, {piece.bars} bars{swing}")
    print(
        "moods: "
        + (", ".join(piece.moods) or "none")
        + "; "
        + ", ".join(f"{k} {v:.2f}" for k, v in piece.attributes.items())
    )
    names = piece.chord_names()
    print("chords: " + " | ".join(a if a == b else f"{a} {b}" for a, b in zip(names[::2], names[1::2], strict=True)))
    for caption in piece.captions:
        print(f"  {caption!r}")
    if options.roll:
        print(roll(piece))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
