"""Held-out losses of exported composers, by kind of piece and compared piece by piece.

    python -m resonant.compose_losses ../models/resonant mine --track bass --shards data/compose/HASH

The first segment of every held-out piece, all other tracks heard, in nats per token: pieces without a figure, pieces with one in 4/4,
and in other meters; told of their figure and not. The last columns compare with the first bundle: the mean over pieces of the
difference of their losses, and its standard error. 8-bit weights are read as they are, activations stay in single precision.
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

from resonant.compose_data import CachedPiece, PieceCache, collate, example
from resonant.compose_model import POSITIONS, ComposeModelConfig, Composer
from resonant.conditions import CONDITION, FIGURE_WIDTH
from resonant.piece import TRACKS
from resonant.tokens import PAD
from resonant.warm_start import composer_from

WIDTH = CONDITION + FIGURE_WIDTH
PIECES_AT_ONCE = 12


def kind_of(piece: CachedPiece, track: str) -> str:
    """What a piece is evaluated as."""
    if track not in piece.figures:
        return "without a role"
    return "of a role, 4/4" if piece.plan.meter == (4, 4) else "of a role, other meters"


@torch.no_grad()
def losses(model: Composer, pieces: list[CachedPiece], told: bool) -> np.ndarray:
    """f64 [pieces, 2]: the sum of the loss over a piece's first segment, and its tokens."""
    track = model.track
    found = np.zeros((len(pieces), 2))
    examples = []
    for number, piece in enumerate(pieces):
        known = piece if told else replace(piece, figures={})
        item = example(known, track, None, _FirstSegment(number), WIDTH)
        examples.append((number, item))
    examples.sort(key=lambda pair: len(pair[1].condition))
    for at in range(0, len(examples), PIECES_AT_ONCE):
        group = examples[at : at + PIECES_AT_ONCE]
        tokens, condition, targets = (torch.from_numpy(part[:, :POSITIONS]) for part in collate([item for _, item in group]))
        logits = model(tokens, condition)
        each = functional.cross_entropy(logits.transpose(1, 2), targets, ignore_index=PAD, reduction="none").sum(1)
        for row, (number, _) in enumerate(group):
            found[number] = float(each[row]), int((targets[row] != PAD).sum())
    return found


class _FirstSegment(random.Random):
    """Chooses the first of several segments."""

    def randrange(self, *_: int) -> int:
        return 0


def rows(bundles: list[Path], track: str, pieces: list[CachedPiece]) -> Iterator[str]:
    """The comparison as rows of a Markdown table."""
    kinds = np.array([kind_of(piece, track) for piece in pieces])
    yield "| held-out pieces | pieces | tokens | bundle | told | not told | told, difference |"
    yield "|---" * 7 + "|"
    first: np.ndarray | None = None
    for bundle in bundles:
        model = composer_from(bundle, track, ComposeModelConfig(condition=WIDTH)).eval()
        told = losses(model, pieces, told=True)
        untold = told.copy()
        followers = [number for number, piece in enumerate(pieces) if track in piece.figures]
        untold[followers] = losses(model, [pieces[number] for number in followers], told=False)
        first = told if first is None else first
        for kind in sorted(set(kinds)):
            own = kinds == kind
            values = [found[own, 0].sum() / found[own, 1].sum() for found in (told, untold)]
            change = (told[own, 0] - first[own, 0]) / told[own, 1].mean()  # their mean is the difference of the totals
            error = change.std(ddof=1) / len(change) ** 0.5 if len(change) > 1 else float("nan")
            yield (
                f"| {kind} | {own.sum()} | {told[own, 1].sum():.0f} | {bundle.name} | {values[0]:.4f} | {values[1]:.4f} | "
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
