"""Training examples of the composers: a cache of composed pieces, and batches of segments cut from it.

The cache is a folder of shards (`<fingerprint>/shard_00000.npz`, 250 pieces each) named after the procedural composer's source,
so that pieces of different composer versions are never mixed. Shards hold notes and tokens; condition vectors are computed when a
segment is drawn, because its context tracks are chosen only then. Every other shard holds pieces that follow figures
(`resonant.composer.figures`), together with the figures.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from resonant import conditions as cond
from resonant.composer.figures import Figure, compose_figures
from resonant.conditions import Plan, plan_of
from resonant.piece import ATTRIBUTES, STYLES, TRACKS, Note, Piece
from resonant.tokens import BOS, PAD, STEP, decode, encode, target_steps

SHARD_PIECES = 250
SEGMENT_BARS = 8
HELD_OUT_EVERY = 20  # every 20th piece is held out of training
CACHE_VERSION = 3
BARS = (1, 2, 4, 8, 16)
BARS_WEIGHT = (1, 2, 6, 10, 5)
SHORTEST_COMPOSED = 4  # shorter loops are the first bars of pieces of this length
FIRST_SEED = 1_000_000
PEOPLE_SHARD = "shard_99999.npz"
PEOPLE_INDEX = 10_000_000 * 12  # number of the first piece from human performances
LOOK_AHEAD = 3  # steps of context that a condition row shows beyond its own step
HELD = 0.75  # a note that fills at least this share of the time to the next onset counts as held until then


def composer_fingerprint() -> str:
    """Short hash of the procedural composer's source."""
    digest = hashlib.sha256(str(CACHE_VERSION).encode())
    folder = Path(__file__).parent / "composer"
    for path in sorted(folder.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


def piece_of(index: int) -> tuple[Piece, dict[str, Figure]]:
    """Piece number `index` of the cache, with its figures: cycles through the styles, with random lengths."""
    from resonant.composer import compose_piece

    seed = FIRST_SEED + index
    bars = random.Random(seed).choices(BARS, BARS_WEIGHT)[0]
    composed = max(bars, SHORTEST_COMPOSED)
    if index // SHARD_PIECES % 2:
        piece, figures = compose_figures(seed, composed)
    else:
        piece, figures = compose_piece(seed, STYLES[index % len(STYLES)], composed), {}
    if bars == piece.bars:
        return piece, figures
    total = bars * piece.steps_per_bar
    return _beginning(piece, bars), {track: figure.beginning(total, bars) for track, figure in figures.items()}


def _beginning(piece: Piece, bars: int) -> Piece:
    """The first bars of a piece as a loop."""
    total = bars * piece.steps_per_bar
    tracks = {track: [note for note in notes if note.step < total] for track, notes in piece.tracks.items()}
    return replace(piece, bars=bars, chords=piece.chords[: 2 * bars], tracks=tracks)


def is_held_out(index: int) -> bool:
    """Whether a piece is for validation only. Both sets contain all styles."""
    return (index // len(STYLES)) % HELD_OUT_EVERY == 0


def write_shard(path: Path, first: int, count: int) -> None:
    """Compose pieces first .. first + count and write them atomically."""
    write_pieces(path, ((index, *piece_of(index)) for index in range(first, first + count)))


def held(notes: list[Note], total: int) -> list[Note]:
    """Bass notes as they are encoded: a note held until the next one gets the length of the piece's longest note.

    The true length of a held note would reveal the next onset as soon as the note starts, up to a bar before the kick of
    that onset appears in the condition, which looks three steps ahead. Decoded notes are ended at the next onset anyway.
    """
    if not notes:
        return []
    ordered = sorted(notes, key=lambda note: note.start)
    longest = max(note.length for note in ordered)
    following = [*(note.start for note in ordered[1:]), ordered[0].start + total]
    return [
        replace(note, length=longest) if next_start - note.start > LOOK_AHEAD and note.length >= HELD * (next_start - note.start) else note
        for note, next_start in zip(ordered, following, strict=True)
    ]


def write_pieces(path: Path, pieces: Iterable[tuple[int, Piece, dict[str, Figure]]]) -> None:
    """Write numbered pieces and their figures as a shard, atomically. Every piece must give a family for every track."""
    heads, notes, tokens, note_ends, token_ends = [], [], [], [], []
    note_total = token_total = 0
    for index, piece, figures in pieces:
        heads.append(
            {
                "index": index,
                "style": piece.style,
                "bpm": piece.bpm,
                "tonic": piece.tonic,
                "mode": piece.mode,
                "meter": list(piece.meter),
                "bars": piece.bars,
                "swing_unit": piece.swing_unit,
                "swing_ratio": piece.swing_ratio,
                "chords": [list(chord) for chord in piece.chords],
                "attributes": {name: piece.attributes[name] for name in ATTRIBUTES},
                "families": {track: piece.families[track] for track in TRACKS},
                "figures": {track: figure.head() for track, figure in figures.items()},
            }
        )
        for track in TRACKS:
            rows = cond.note_array(piece.tracks.get(track, []))
            own = piece.tracks.get(track, [])
            played = held(own, piece.total_steps) if track == "bass" else own
            coded = encode(track, played, piece.tonic, 0, piece.total_steps)[1:]
            notes.append(rows.astype(np.float32))
            tokens.append(np.array(coded, np.int16))
            note_total += len(rows)
            token_total += len(coded)
            note_ends.append(note_total)
            token_ends.append(token_total)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new.npz")
    np.savez(
        fresh,
        heads=np.array([json.dumps(head) for head in heads]),
        notes=np.concatenate(notes),
        tokens=np.concatenate(tokens),
        note_ends=np.array(note_ends),
        token_ends=np.array(token_ends),
    )
    os.replace(fresh, path)


def extend_cache(folder: Path, pieces: int, groove_midi: Path | None = None) -> Path:
    """Compose the missing pieces up to `pieces` (resumable), and add human drum performances if the dataset's folder is given;
    returns the folder of this composer version.
    """
    own = folder / composer_fingerprint()
    if groove_midi is not None and not (own / PEOPLE_SHARD).exists():
        from resonant import people

        write_pieces(own / PEOPLE_SHARD, people.pieces(groove_midi, PEOPLE_INDEX))
    for shard in range((pieces + SHARD_PIECES - 1) // SHARD_PIECES):
        path = own / f"shard_{shard:05d}.npz"
        if not path.exists():
            write_shard(path, shard * SHARD_PIECES, SHARD_PIECES)
    return own


@dataclass(frozen=True)
class CachedPiece:
    """A piece as loaded from the cache."""

    index: int
    plan: Plan
    swing_unit: int
    families: dict[str, str]
    notes: dict[str, np.ndarray]  # f32 [N, 4]: step, length, pitch, velocity
    tokens: dict[str, np.ndarray]  # int16, the whole piece without BOS
    figures: dict[str, Figure]


class PieceCache:
    """Loads all complete shards of a cache folder."""

    def __init__(self, folder: Path) -> None:
        self.pieces: list[CachedPiece] = []
        for path in sorted(folder.glob("shard_?????.npz")):
            self._read(path)
        if not self.pieces:
            raise FileNotFoundError(f"no pieces in {folder}; make them with `python -m resonant.train_compose cache`")

    def _read(self, path: Path) -> None:
        with np.load(path) as shard:
            notes = np.split(shard["notes"], shard["note_ends"][:-1])
            tokens = np.split(shard["tokens"], shard["token_ends"][:-1])
            heads = [json.loads(text) for text in shard["heads"]]
        for row, head in enumerate(heads):
            first = row * len(TRACKS)
            self.pieces.append(
                CachedPiece(
                    index=head["index"],
                    plan=plan_of(SimpleNamespace(**head)),
                    swing_unit=head["swing_unit"],
                    families=head["families"],
                    notes={track: notes[first + i] for i, track in enumerate(TRACKS)},
                    tokens={track: tokens[first + i] for i, track in enumerate(TRACKS)},
                    figures={track: Figure.of(figure) for track, figure in head.get("figures", {}).items()},
                )
            )

    def split(self, track: str, held_out: bool) -> list[CachedPiece]:
        """Pieces with notes on `track`, for training or held out."""
        return [p for p in self.pieces if is_held_out(p.index) == held_out and len(p.notes[track])]


@dataclass(frozen=True)
class Augment:
    """Probabilities of augmentations."""

    drop_figure: float = 0.1  # figure omitted from the condition, though the notes follow it
    drop_figure_family: float = 0.25  # signs kept but family omitted, as for patterns that users write
    drop_intent: float = 0.1  # style and attributes set to 0 (classifier-free guidance)
    full_context: float = 0.35
    no_context: float = 0.15  # otherwise each track is kept with probability 0.5
    blend_style: float = 0.15  # part of the style weight moves to another style
    attribute_noise: float = 0.03
    short: float = 0.7  # only the segment's first one to three bars: later bars mostly repeat earlier ones
    short_bars: int = 3
    first_segment: float = 0.5  # use the piece's first segment; otherwise any
    gap: float = 0.4  # composers that fill gaps: a gap in the segment, told what follows it
    longest_gap: int = 4  # bars


@dataclass(frozen=True)
class Example:
    """One segment: tokens int64 [T + 1] (BOS first) and conditions f32 [T, 196, 248 or 299] of tokens[1:]."""

    tokens: np.ndarray
    condition: np.ndarray


def context_subset(track: str, piece: CachedPiece, augment: Augment | None, rng: random.Random) -> list[str]:
    """Tracks in the example's context; all of them without augmentation."""
    others = [name for name in TRACKS if name != track and len(piece.notes[name])]
    if augment is None:
        return others
    draw = rng.random()
    if draw < augment.full_context:
        return others
    if draw < augment.full_context + augment.no_context:
        return []
    return [name for name in others if rng.random() < 0.5]


def example(
    piece: CachedPiece,
    track: str,
    augment: Augment | None,
    rng: random.Random,
    condition: int = cond.CONDITION,
    gap: range | None = None,
) -> Example:
    """A segment of at most eight bars with its conditions; without augmentation, always a whole segment.

    With `condition` = 248 the condition includes the figure, with 299 also what follows the bars of `gap` (of the piece).
    """
    plan = piece.plan
    segments = (plan.bars + SEGMENT_BARS - 1) // SEGMENT_BARS
    first_bar = rng.randrange(segments) * SEGMENT_BARS
    bars = min(SEGMENT_BARS, plan.bars - first_bar)
    if augment is not None and rng.random() < augment.first_segment:
        first_bar, bars = 0, min(SEGMENT_BARS, plan.bars)
    if augment is not None and rng.random() < augment.short:
        bars = min(bars, rng.randint(1, augment.short_bars))
    first = first_bar * plan.steps_per_bar
    last = first + bars * plan.steps_per_bar
    whole = piece.tokens[track]
    ends = np.flatnonzero(whole == STEP) + 1
    begin = 0 if first == 0 else ends[first - 1]
    tokens = np.concatenate(([BOS], whole[begin : ends[last - 1]])).astype(np.int64)

    rows = cond.plan_features(plan, piece.families[track])
    contexts = {
        name: cond.track_context(name, piece.notes[name].astype(np.float64), plan)
        for name in context_subset(track, piece, augment, rng)
    }
    cond.add_context(rows, contexts)
    heard = len(whole) if condition >= cond.GAP.stop else ends[last - 1]
    own = cond.onset_features(track, cond.note_array(decode(track, whole[:heard].tolist(), plan.tonic)), plan)
    cond.add_lags(rows, own, plan)
    if augment is not None:
        _blur_intent(rows, augment, rng)
    if condition > cond.CONDITION:
        rows = np.concatenate((rows, _figure_rows(piece, track, augment, rng)), axis=1)
    if condition >= cond.GAP.stop:
        if augment is not None and rng.random() < augment.gap:
            length = rng.randint(1, min(bars, augment.longest_gap))
            start = first_bar + rng.randint(0, bars - length)
            gap = range(start, start + length)
        is_gap = np.isin(np.arange(plan.total_steps) // plan.steps_per_bar, list(gap or ()))
        rows = np.concatenate((rows, cond.gap_features(own, is_gap, plan)), axis=1)
    return Example(tokens, rows[first + target_steps(tokens)])


def _figure_rows(piece: CachedPiece, track: str, augment: Augment | None, rng: random.Random) -> np.ndarray:
    """f32 [total_steps, 52]: condition columns of the piece's figure, possibly without its family; zeros if it is dropped."""
    figure = piece.figures.get(track)
    if augment is not None and figure is not None:
        if rng.random() < augment.drop_figure:
            figure = None
        elif rng.random() < augment.drop_figure_family:
            figure = replace(figure, family=None)
    return cond.figure_features(track, figure, piece.plan)


def _blur_intent(rows: np.ndarray, augment: Augment, rng: random.Random) -> None:
    """Augment the style and attribute columns in place."""
    if rng.random() < augment.drop_intent:
        cond.drop_intent(rows)
        return
    if rng.random() < augment.blend_style:
        moved = rng.uniform(0.0, 0.35)
        rows[:, cond.STYLE] *= 1.0 - moved
        rows[:, rng.randrange(len(STYLES))] += moved
    noise = np.array([rng.gauss(0.0, augment.attribute_noise) for _ in ATTRIBUTES], np.float32)
    rows[:, cond.ATTRIBUTE] = np.clip(rows[:, cond.ATTRIBUTE] + noise, 0.0, 1.0)


def collate(examples: list[Example]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Padded inputs int64 [B, T], conditions f32 [B, T, condition] and targets int64 [B, T] (PAD if there is none)."""
    length = max(len(item.condition) for item in examples)
    tokens = np.full((len(examples), length + 1), PAD, np.int64)
    condition = np.zeros((len(examples), length, examples[0].condition.shape[1]), np.float32)
    for row, item in enumerate(examples):
        tokens[row, : len(item.tokens)] = item.tokens
        condition[row, : len(item.condition)] = item.condition
    return tokens[:, :-1], condition, tokens[:, 1:]


def batches(
    pieces: list[CachedPiece],
    track: str,
    augment: Augment,
    rng: random.Random,
    batch_tokens: int,
    longest: int,
    condition: int = cond.CONDITION,
    figure_share: float | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Endless batches of at most `batch_tokens` padded positions, bucketed by length; longer examples are truncated.

    `figure_share` is the share of examples from pieces in which the track follows a figure; None takes all pieces alike.
    """
    told = [piece for piece in pieces if track in piece.figures]
    plain = [piece for piece in pieces if track not in piece.figures]
    if figure_share is None or not told or not plain:
        figure_share, told, plain = 0.0, [], pieces

    while True:
        drawn = [rng.choice(told if rng.random() < figure_share else plain) for _ in range(96)]
        pool = [example(piece, track, augment, rng, condition) for piece in drawn]
        pool = [Example(item.tokens[: longest + 1], item.condition[:longest]) for item in pool]
        pool.sort(key=lambda item: len(item.condition))
        groups: list[list[Example]] = [[]]
        for item in pool:
            if groups[-1] and (len(groups[-1]) + 1) * len(item.condition) > batch_tokens:
                groups.append([])
            groups[-1].append(item)
        rng.shuffle(groups)
        for group in groups:
            yield collate(group)
