"""Training audio: composed pieces rendered to isolated stems, in shards.

    python -m resonant.data make --hours 2 --seed 1 --out DIR [--shard-start 0] [--styles techno,house]

Layout: `DIR/shard_0000/clip_0000.json` and `clip_0000.npy`. The JSON holds `piece` (see `Piece.to_dict`), `patches`
(track -> patch record with its excitation), `samples` and `sample_rate`; the array is int16 `[4, samples]`, full scale
32768, tracks in the order of `resonant.piece.TRACKS`; absent tracks are zero. Every stem is a seamless loop of exactly
the piece's length. A shard is written under a temporary name and renamed when complete, so that interrupted runs resume
and processes with different `--shard-start` can share a folder.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from resonant.composer import compose_piece, humanise
from resonant.piece import STYLES, TRACKS, Piece
from resonant.synth import PATCHES, Patch, loop_samples, patch_by_id, patch_record, pick_patch, render_stem
from resonant.synth.fluid import SoundfontError
from resonant.synth.tables import SAMPLE_RATE

SHARD_SECONDS = 300.0
MAX_SECONDS = 16.2
_BARS = (8, 8, 4)
_ROTATION = 0.4  # share of the other stems whose patch comes from the rotation through the whole bank
_TYPICAL_CLIPS = 25  # per shard
_RESERVE_BYTES = 2 << 30


class DataError(RuntimeError):
    """An error to report on the command line."""


@dataclass(frozen=True)
class Clip:
    """One rendered piece."""

    piece: Piece
    patches: dict[str, dict[str, Any]]  # track -> patch record
    stems: np.ndarray  # int16 [4, samples]
    path: Path


def load_clip(path: Path | str, mmap: bool = False) -> Clip:
    """Load a clip by the path of its .json or .npy (or without suffix). Raises DataError if it is damaged."""
    base = Path(path)
    if base.suffix in (".json", ".npy"):
        base = base.with_suffix("")
    try:
        info = json.loads(base.with_suffix(".json").read_text())
        stems = np.load(base.with_suffix(".npy"), mmap_mode="r" if mmap else None)
        piece = Piece.from_dict(info["piece"])
        samples = info["samples"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{base}: damaged clip ({error})") from error
    if stems.dtype != np.int16 or stems.shape != (len(TRACKS), samples):
        raise DataError(f"{base}: stems are {stems.dtype} {stems.shape}, expected int16 ({len(TRACKS)}, {samples})")
    return Clip(piece, info["patches"], stems, base)


def clip_paths(folder: Path | str) -> list[Path]:
    """All clips of the complete shards of a folder, sorted."""
    return sorted(path.with_suffix("") for path in Path(folder).glob("shard_????/clip_????.json"))


def iterate_clips(folder: Path | str) -> Iterator[Clip]:
    """Load the clips of a folder one at a time."""
    for path in clip_paths(folder):
        yield load_clip(path)


def crop_bars(piece: Piece, bars: int) -> Piece:
    """The first bars of a piece as a loop; notes that extend past the new end are cut there."""
    if bars >= piece.bars:
        return piece
    data = piece.to_dict()
    total = bars * piece.steps_per_bar
    data["bars"] = bars
    data["chords"] = data["chords"][: 2 * bars]
    data["tracks"] = {
        track: [
            [step, offset, max(0.25, min(length, total - step - offset)), pitch, velocity]
            for step, offset, length, pitch, velocity in notes
            if step < total
        ]
        for track, notes in data["tracks"].items()
    }
    return Piece.from_dict(data)


@functools.cache
def _pool(track: str) -> tuple[Patch, ...]:
    return tuple(patch for patch in PATCHES if patch.track == track)


def _rotation(track: str, seed: int, position: int) -> list[Patch]:
    """The bank of a track in shuffled order; `position` runs on through successive shuffles."""
    pool = _pool(track)
    turn, place = divmod(position, len(pool))
    order = np.random.default_rng([seed, TRACKS.index(track), turn]).permutation(len(pool))
    return [pool[int(i)] for i in np.roll(order, -place)]


def _style_for(patch: Patch, styles: tuple[str, ...], rng: np.random.Generator) -> str:
    """A style that suits a patch; styles that suit many patches are drawn less often, so that every style occurs."""
    weights = np.array([patch.styles.get(style, 0.0) for style in styles])
    totals = np.array([sum(other.styles.get(style, 0.0) for other in _pool(patch.track)) for style in styles])
    if not np.any(weights):
        return styles[int(rng.integers(len(styles)))]
    weights = weights / totals
    return styles[int(rng.choice(len(styles), p=weights / weights.sum()))]


def make_piece(seed: int, shard: int, index: int, styles: tuple[str, ...]) -> Piece:
    """Compose a clip's piece and choose its patches; depends only on the arguments.

    Each clip features the next patch of a rotation through one track's bank, in a style that suits it. The other tracks
    take a patch of the composer's family, drawn by style weight, or the next one in their rotation that suits the
    style.
    """
    rng = np.random.default_rng([seed, shard, index])
    position = shard * _TYPICAL_CLIPS + index
    featured = TRACKS[position % len(TRACKS)]
    patch = _rotation(featured, seed, position // len(TRACKS))[0]
    style = _style_for(patch, styles, rng)
    bars = _BARS[int(rng.integers(len(_BARS)))]
    piece = compose_piece(int(rng.integers(1 << 31)), style, bars)
    bar_seconds = piece.steps_per_bar * piece.step_seconds
    piece = crop_bars(piece, max(1, min(piece.bars, int(MAX_SECONDS / bar_seconds))))
    piece = humanise(piece, int(rng.integers(1 << 31)), float(rng.uniform(0.0, 1.2)))
    for track in TRACKS:
        if not piece.tracks.get(track):
            continue
        chosen = patch
        if track != featured and rng.random() < _ROTATION:
            order = _rotation(track, seed + 1, position)
            chosen = next((other for other in order if other.styles.get(style, 0.0) >= 0.2), order[0])
        elif track != featured:
            chosen = pick_patch(track, piece.families.get(track), piece.style, rng)
        piece.patches[track] = chosen.id
        piece.families[track] = chosen.family
    return piece


def render_piece(piece: Piece, seed: int) -> np.ndarray:
    """int16 [4, samples] of a piece with its patches already chosen."""
    stems = np.zeros((len(TRACKS), loop_samples(piece)), dtype=np.int16)
    for row, track in enumerate(TRACKS):
        if not piece.tracks.get(track):
            continue
        rng = np.random.default_rng([seed, row])
        audio = render_stem(piece, track, patch_by_id(piece.patches[track]), rng)
        if not np.all(np.isfinite(audio)):
            raise DataError(f"patch {piece.patches[track]} rendered non-finite samples (piece seed {piece.seed})")
        # Triangular dither would add a noise floor; plain rounding leaves silence at zero.
        stems[row] = np.round(audio * 32768.0).astype(np.int16)
    return stems


def _check_space(folder: Path, seconds: float) -> None:
    needed = int(seconds * SAMPLE_RATE * 2 * len(TRACKS)) + _RESERVE_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DataError(f"not enough disk space in {folder}: {free >> 20} MiB free, {needed >> 20} MiB needed")


def _remove_stale(folder: Path, shard: int) -> None:
    """Delete partial shards left by processes that are no longer running."""
    for path in folder.glob(f"shard_{shard:04d}.partial-*"):
        try:
            os.kill(int(path.name.rpartition("-")[2]), 0)
        except (ProcessLookupError, ValueError):
            shutil.rmtree(path, ignore_errors=True)
        except PermissionError:
            continue  # still running and owned by another user


def make_shard(folder: Path, seed: int, shard: int, styles: tuple[str, ...]) -> tuple[int, float]:
    """Render one shard and rename it into place. Returns (clips, seconds of music)."""
    _remove_stale(folder, shard)
    temporary = folder / f"shard_{shard:04d}.partial-{os.getpid()}"
    temporary.mkdir()
    try:
        seconds, index = 0.0, 0
        while seconds < SHARD_SECONDS:
            piece = make_piece(seed, shard, index, styles)
            stems = render_piece(piece, seed * 1_000_003 + shard * 1_009 + index)
            info = {
                "format": 1,
                "sample_rate": SAMPLE_RATE,
                "samples": int(stems.shape[1]),
                "piece": piece.to_dict(),
                "patches": {
                    track: patch_record(patch_by_id(piece.patches[track]))
                    for track in TRACKS
                    if piece.tracks.get(track)
                },
            }
            np.save(temporary / f"clip_{index:04d}.npy", stems)
            (temporary / f"clip_{index:04d}.json").write_text(json.dumps(info, separators=(",", ":")))
            seconds += stems.shape[1] / SAMPLE_RATE
            index += 1
        temporary.rename(folder / f"shard_{shard:04d}")
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return index, seconds


def make(folder: Path, hours: float, seed: int, shard_start: int, styles: tuple[str, ...]) -> None:
    """Render `hours` of music in shards, skipping existing ones."""
    folder.mkdir(parents=True, exist_ok=True)
    count = max(1, math.ceil(hours * 3600.0 / SHARD_SECONDS))
    for shard in range(shard_start, shard_start + count):
        if (folder / f"shard_{shard:04d}").exists():
            print(f"shard {shard:04d}: complete, skipped", flush=True)
            continue
        _check_space(folder, SHARD_SECONDS * 1.1)
        wall, cpu = time.perf_counter(), time.process_time()
        clips, seconds = make_shard(folder, seed, shard, styles)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(
            f"shard {shard:04d}: {clips} clips, {seconds:.0f} s in {wall:.1f} s, real-time factor {seconds / wall:.1f} "
            f"({seconds / cpu:.1f} per core second)",
            flush=True,
        )


def _styles(text: str) -> tuple[str, ...]:
    chosen = tuple(part.strip() for part in text.split(",") if part.strip())
    unknown = [name for name in chosen if name not in STYLES]
    if unknown or not chosen:
        raise argparse.ArgumentTypeError(f"unknown style {', '.join(unknown) or text!r}; known: {', '.join(STYLES)}")
    return chosen


def main(arguments: list[str] | None = None) -> int:
    """Command-line entry point; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m resonant.data", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("make", help="render shards of stems")
    command.add_argument("--hours", type=float, required=True, help="hours of music (four stems each)")
    command.add_argument("--seed", type=int, required=True)
    command.add_argument("--out", type=Path, required=True)
    command.add_argument("--shard-start", type=int, default=0, help="number of the first shard")
    command.add_argument("--styles", type=_styles, default=STYLES, help="comma-separated subset")
    options = parser.parse_args(arguments)
    if not (0 < options.hours < 10_000) or options.seed < 0 or not (0 <= options.shard_start < 10_000):
        parser.error("--hours must be positive, --seed and --shard-start not negative")
    try:
        make(options.out, options.hours, options.seed, options.shard_start, options.styles)
    except (DataError, SoundfontError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: cannot write to {options.out}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
