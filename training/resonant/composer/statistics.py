"""Measures of composed pieces: music theory, structure, density. Used by the tests and `--stats`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from resonant.piece import KEY_TO_CLASS, MODES, Note, Piece, chord_pcs


def bass_downbeats(piece: Piece) -> tuple[int, int, int]:
    """Bars with a bass root or fifth on the first beat, bars with any bass onset there, and all bars."""
    good = heard = 0
    by_step = {note.step: note for note in piece.tracks["bass"]}
    for bar in range(piece.bars):
        note = by_step.get(bar * piece.steps_per_bar)
        if note is None:
            continue
        heard += 1
        root, quality = piece.chord_at(note.step)
        fifths = {p for p in chord_pcs(root, quality) if (p - root) % 12 in (6, 7, 8)}
        good += note.pitch % 12 in fifths | {root}
    return good, heard, piece.bars


def chord_tones(piece: Piece) -> tuple[int, int]:
    """Harmony notes that belong to their chord, and all harmony notes."""
    notes = piece.tracks["harmony"]
    return sum(n.pitch % 12 in chord_pcs(*piece.chord_at(n.step)) for n in notes), len(notes)


def in_scale(piece: Piece) -> tuple[int, int, int]:
    """Melody notes in the mode's scale, in the scale or the chord, and all melody notes."""
    scale = {(piece.tonic + degree) % 12 for degree in MODES[piece.mode]}
    notes = piece.tracks["melody"]
    strict = sum(n.pitch % 12 in scale for n in notes)
    loose = sum(n.pitch % 12 in scale or n.pitch % 12 in chord_pcs(*piece.chord_at(n.step)) for n in notes)
    return strict, loose, len(notes)


def strong_consonance(piece: Piece) -> tuple[int, int]:
    """Melody notes on strong beats (4/4: one and three; 3/4: one; 6/8: both): those that are chord tones, and all."""
    accent = {(3, 4): 12, (6, 8): 6}.get(piece.meter, 8)
    strong = [n for n in piece.tracks["melody"] if n.step % accent == 0]
    return sum(n.pitch % 12 in chord_pcs(*piece.chord_at(n.step)) for n in strong), len(strong)


def bar_contents(piece: Piece, track: str) -> list[frozenset]:
    """Per bar, the set of (step in bar, offset, pitch, velocity)."""
    bars: list[set] = [set() for _ in range(piece.bars)]
    for n in piece.tracks[track]:
        bars[n.step // piece.steps_per_bar].add((n.step % piece.steps_per_bar, n.offset, n.pitch, n.velocity))
    return [frozenset(bar) for bar in bars]


def equal_bars(piece: Piece, track: str = "drums") -> tuple[int, int]:
    """Bars equal to the bar before, and bars that have a bar before."""
    bars = bar_contents(piece, track)
    return sum(a == b for a, b in zip(bars, bars[1:], strict=False)), len(bars) - 1


def bar_similarity(piece: Piece, track: str = "drums") -> float:
    """Mean Jaccard similarity of neighbouring bars' onsets, around the loop."""
    bars = [{(step, offset, pitch) for step, offset, pitch, _ in bar} for bar in bar_contents(piece, track)]
    values = [len(a & b) / max(len(a | b), 1) if a | b else 1.0 for a, b in zip(bars, bars[1:] + bars[:1], strict=True)]
    return sum(values) / len(values)


def kick_lock(piece: Piece) -> tuple[int, int]:
    """Bass onsets on a kick, and all bass onsets."""
    kicks = {n.step for n in piece.tracks["drums"] if KEY_TO_CLASS[n.pitch] == 0}
    return sum(n.step in kicks for n in piece.tracks["bass"]), len(piece.tracks["bass"])


def _phi(a: set[int], b: set[int], total: int) -> float | None:
    """Phi coefficient of two sets of steps out of `total`; None if one is empty or full."""
    spread = len(a) * (total - len(a)) * len(b) * (total - len(b))
    return (total * len(a & b) - len(a) * len(b)) / spread**0.5 if spread else None


def kick_preference(pieces: list[Piece]) -> float:
    """How often a bass fits its own kick better than another piece's kick (phi coefficient of the onsets); ties count half.

    Compares pieces of the same style and meter over the steps they share; pairs with equal kicks are skipped. Twin of the
    engine's evaluation.
    """
    wins = pairs = 0.0
    for piece in pieces:
        for other in pieces:
            if other is piece or (other.style, other.meter) != (piece.style, piece.meter):
                continue
            total = min(piece.total_steps, other.total_steps)
            own, strange = (
                {n.step for n in p.tracks["drums"] if KEY_TO_CLASS[n.pitch] == 0 and n.step < total} for p in (piece, other)
            )
            bass = {n.step for n in piece.tracks["bass"] if n.step < total}
            fit, misfit = _phi(bass, own, total), _phi(bass, strange, total)
            if own == strange or fit is None or misfit is None:
                continue
            wins += 1.0 if fit > misfit else 0.5 if fit == misfit else 0.0
            pairs += 1
    return wins / max(pairs, 1.0)


def voice_motion(piece: Piece) -> tuple[float, int]:
    """Semitones moved by all voices between adjacent half bars with equally many notes, and the number of moves."""
    half = piece.steps_per_bar // 2
    sets = []
    for index in range(2 * piece.bars):
        low, high = index * half, (index + 1) * half
        sets.append(sorted({n.pitch for n in piece.tracks["harmony"] if n.step < high and n.end > low}))
    total, voices = 0.0, 0
    for a, b in zip(sets, sets[1:] + sets[:1], strict=True):
        if a != b and len(a) == len(b) and a:
            total += sum(abs(x - y) for x, y in zip(a, b, strict=True))
            voices += len(a)
    return total, voices


def clashes(piece: Piece) -> tuple[float, float]:
    """Steps in which a long melody note forms a minor second or ninth with the harmony, and all melody steps."""
    harmony = piece.tracks["harmony"]
    bad = heard = 0.0
    for m in piece.tracks["melody"]:
        heard += m.length
        if m.length < 2:
            continue
        overlap = [min(m.end, h.end) - max(m.start, h.start) for h in harmony if abs(m.pitch - h.pitch) in (1, 13)]
        bad += max([o for o in overlap if o > 0.5], default=0.0)
    return bad, heard


def token_load(piece: Piece, track: str) -> int:
    """Tokens of the busiest 8-bar segment (an upper bound: one pitch and one duration token per note)."""
    size = min(piece.bars, 8) * piece.steps_per_bar
    per = defaultdict(int)
    for n in piece.tracks[track]:
        per[n.step // size] += 1 if track == "drums" else 2
    return size + 1 + max(per.values(), default=0)


def overlaps(notes: list[Note], total: int, mono: bool) -> int:
    """Notes that overlap the next onset of the same pitch (of any pitch if mono), including across the loop point."""
    voices: dict[int, list[Note]] = defaultdict(list)
    for n in notes:
        voices[0 if mono else n.pitch].append(n)
    count = 0
    for voice in voices.values():
        for note, following in zip(voice, [*voice[1:], None], strict=True):
            limit = following.start if following else voice[0].start + total
            count += note.end > limit + 1e-3
    return count


def table(pieces: Iterable[Piece]) -> str:
    """One line of statistics per style."""
    groups: dict[str, list[Piece]] = defaultdict(list)
    for piece in pieces:
        groups[piece.style].append(piece)

    def rate(pairs: Iterable[tuple]) -> float:
        rows = list(pairs)
        return sum(r[0] for r in rows) / max(sum(r[-1] for r in rows), 1e-9)

    names = [
        "n",
        "bpm",
        "dr/bar",
        "ba/bar",
        "ha/bar",
        "me/bar",
        "dr=",
        "drsim",
        "ba=",
        "me=",
        "bass15",
        "bass1",
        "lock",
        "chord",
        "motion",
        "scale",
        "sc|ch",
        "strong",
        "clash",
        "merest",
        "tokmax",
    ]
    lines = [f"{'style':10s}" + "".join(f"{name:>7s}" for name in names)]
    for style, group in sorted(groups.items()):
        bars = sum(p.bars for p in group)
        density = [sum(len(p.tracks[t]) for p in group) / bars for t in ("drums", "bass", "harmony", "melody")]
        silent = sum(1 for p in group for bar in bar_contents(p, "melody") if not bar)
        downbeats = [bass_downbeats(p) for p in group]
        scale = [in_scale(p) for p in group]
        values = [
            float(len(group)),
            sum(p.bpm for p in group) / len(group),
            *density,
            rate(equal_bars(p) for p in group),
            sum(bar_similarity(p) for p in group) / len(group),
            rate(equal_bars(p, "bass") for p in group),
            rate(equal_bars(p, "melody") for p in group),
            rate((g, h) for g, h, _ in downbeats),
            rate((h, b) for _, h, b in downbeats),
            rate(kick_lock(p) for p in group),
            rate(chord_tones(p) for p in group),
            rate(voice_motion(p) for p in group),
            rate((s, n) for s, _, n in scale),
            rate((c, n) for _, c, n in scale),
            rate(strong_consonance(p) for p in group),
            rate(clashes(p) for p in group),
            silent / bars,
            float(max(token_load(p, t) for p in group for t in p.tracks)),
        ]
        lines.append(f"{style:10s}" + "".join(f"{v:7.0f}" if v >= 20 else f"{v:7.2f}" for v in values))
    return "\n".join(lines)
