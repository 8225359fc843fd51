"""Held-out losses of exported composers, by kind of piece and compared piece by piece.

    python -m resonant.compose_losses ../models/resonant mine --track bass --shards data/compose/HASH

The first segment of every held-out piece, all other tracks heard, in nats per token: pieces without a figure (those in 5/4, 7/8 and 12/8
apart), pieces with one in 4/4, and in other meters; told of their figure and not. The last columns compare with the first bundle: the
mean over pieces of the difference of their losses, and its standard error. 8-bit weights are read as they are, activations stay in single precision.

The row of gaps has one or two bars of each piece of three bars or more, in nats per token of the gap: told what follows the gap, and
not.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from resonant.compose_data import SEGMENT_BARS, CachedPiece, PieceCache, collate, example
from resonant.compose_model import POSITIONS, ComposeModelConfig, Composer
from resonant.conditions import GAP, METERS
from resonant.piece import TRACKS
from resonant.tokens import PAD
from resonant.warm_start import ExportedGraph, composer_from

WIDTH = GAP.stop
PIECES_AT_ONCE = 12
FEWEST_BARS = 3  # of a piece with a gap


def kind_of(piece: CachedPiece, track: str) -> str:
    """What a piece is evaluated as."""
    if track not in piece.figures:
        return "without a role" if piece.plan.meter in METERS else "without a role, odd meters"
    return "of a role, 4/4" if piece.plan.meter == (4, 4) else "of a role, other meters"


def gap_of(piece: CachedPiece) -> range:
    """The bars of a piece's gap: one or two, never all of what its first segment has."""
    length = 1 + piece.index % 2
    first = piece.index // 2 % (min(SEGMENT_BARS, piece.plan.bars) - length + 1)
    return range(first, first + length)


@torch.no_grad()
def losses(model: Composer, pieces: list[CachedPiece], told: bool, in_gaps: bool = False) -> np.ndarray:
    """f64 [pieces, 2]: the sum of the loss over a piece's first segment, or over its gap, and its tokens.

    Untold, the composer knows neither the piece's figure nor what follows the gap.
    """
    track = model.track
    found = np.zeros((len(pieces), 2))
    examples = []
    for number, piece in enumerate(pieces):
        known = piece if told else replace(piece, figures={})
        item = example(known, track, None, _FirstSegment(number), WIDTH, gap_of(piece) if in_gaps else None)
        counts = item.condition[:, GAP.stop - 1] > 0.0 if in_gaps else np.ones(len(item.condition), bool)
        if not told:
            item.condition[:, GAP] = 0.0
        examples.append((number, item, counts))
    examples.sort(key=lambda three: len(three[1].condition))
    for at in range(0, len(examples), PIECES_AT_ONCE):
        group = examples[at : at + PIECES_AT_ONCE]
        tokens, condition, targets = (torch.from_numpy(part[:, :POSITIONS]) for part in collate([item for _, item, _ in group]))
        targets = targets.clone()  # it shares its memory with the tokens
        for row, (_, _, counts) in enumerate(group):
            targets[row, : len(counts)][torch.from_numpy(~counts[:POSITIONS])] = PAD
        logits = model(tokens, condition)
        each = functional.cross_entropy(logits.transpose(1, 2), targets, ignore_index=PAD, reduction="none").sum(1)
        for row, (number, _, _) in enumerate(group):
            found[number] = float(each[row]), int((targets[row] != PAD).sum())
    return found


class _FirstSegment(random.Random):
    """Chooses the first of several segments."""

    def randrange(self, *_: int) -> int:
        return 0


def _config(bundle: Path, track: str) -> ComposeModelConfig:
    """The configuration of an export, with all conditions."""
    config = ComposeModelConfig(condition=WIDTH)
    hidden = ExportedGraph(bundle / f"compose_{track}.onnx").constants["condition_in_bias"].size
    return replace(config, figure_units=max(hidden - config.condition_width, 0))


def rows(bundles: list[Path], track: str, pieces: list[CachedPiece]) -> Iterator[str]:
    """The comparison as rows of a Markdown table."""
    kinds = np.array([kind_of(piece, track) for piece in pieces])
    with_gaps = [piece for piece in pieces if piece.plan.bars >= FEWEST_BARS]
    yield "| held-out pieces | pieces | tokens | bundle | told | not told | told, difference |"
    yield "|---" * 7 + "|"
    first: dict[str, np.ndarray] = {}
    for bundle in bundles:
        model = composer_from(bundle, track, _config(bundle, track)).eval()
        told = losses(model, pieces, told=True)
        untold = told.copy()
        followers = [number for number, piece in enumerate(pieces) if track in piece.figures]
        untold[followers] = losses(model, [pieces[number] for number in followers], told=False)
        found = {kind: (told[kinds == kind], untold[kinds == kind]) for kind in sorted(set(kinds))}
        found["a gap"] = tuple(losses(model, with_gaps, told=told, in_gaps=True) for told in (True, False))
        for kind, pair in found.items():
            told, tokens = pair[0][:, 0], pair[0][:, 1]
            values = [each[:, 0].sum() / each[:, 1].sum() for each in pair]
            change = (told - first.setdefault(kind, told)) / tokens.mean()  # their mean is the difference of the totals
            error = change.std(ddof=1) / len(change) ** 0.5 if len(change) > 1 else float("nan")
            yield (
                f"| {kind} | {len(change)} | {tokens.sum():.0f} | {bundle.name} | {values[0]:.4f} | {values[1]:.4f} | "
                f"{change.mean():+.4f} ± {error:.4f} |"
            )


def main(argv: list[str] | None = None) -> None:
    """Command line entry."""
    parser = argparse.ArgumentParser(prog="compose_losses", description=__doc__.splitlines()[0])
    parser.add_argument("bundles", type=Path, nargs="+")
    parser.add_argument("--track", choices=TRACKS, required=True)
    parser.add_argument("--shards", type=Path, required=True, help="folder of shards (train_compose cache)")
    parser.add_argument("--pieces", type=int, help="that many at random [default: all held-out pieces]")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(1)
    pieces = PieceCache(arguments.shards).split(arguments.track, held_out=True)
    if arguments.pieces is not None:
        pieces = random.Random(1).sample(pieces, min(arguments.pieces, len(pieces)))
    for row in rows(arguments.bundles, arguments.track, pieces):
        print(row, flush=True)


if __name__ == "__main__":
    main()
