"""`compose_piece`: plan, drums, bass, harmony, melody, captions, then a clean-up that enforces the note grammar."""

from __future__ import annotations

from resonant.composer.bass import compose_bass
from resonant.composer.captions import write_captions
from resonant.composer.drums import compose_drums
from resonant.composer.harmony import compose_harmony
from resonant.composer.melody import compose_melody
from resonant.composer.plan import make_plan
from resonant.piece import TRACKS, Note, Piece


def _order(note: Note) -> tuple[int, float, int]:
    return note.step, note.offset, note.pitch


def _clean(notes: list[Note], total: int, mono: bool) -> list[Note]:
    """Sorts, removes duplicate onsets, and trims notes that overlap the next (of the same pitch, or any if mono)."""
    unique: dict[tuple, Note] = {}
    for note in notes:
        if 0 <= note.step < total:
            key = (note.step, note.offset) if mono else (note.step, note.offset, note.pitch)
            unique.setdefault(key, note)
    ordered = sorted(unique.values(), key=_order)
    voices: dict[int, list[Note]] = {}
    for note in ordered:
        voices.setdefault(0 if mono else note.pitch, []).append(note)
    for voice in voices.values():
        for note, following in zip(voice, [*voice[1:], None], strict=True):
            limit = (following.start if following else voice[0].start + total) - note.start
            note.length = round(min(note.length, max(limit, 0.1)), 4)
    return ordered


def compose_piece(
    seed: int,
    style: str | None = None,
    bars: int | None = None,
    *,
    attributes: dict[str, float] | None = None,
    meter: tuple[int, int] | None = None,
    mode: str | None = None,
    tonic: int | None = None,
    bpm: float | None = None,
    moods: list[str] | None = None,
) -> Piece:
    """A random but musical piece; the same arguments give the same piece.

    Style, bars (4, 8 or 16), meter, mode, tonic, bpm, moods and any of the attributes can be given; the rest is drawn
    at random. Notes lie on the step grid, except for rolls (offsets 1/2, or 1/3 and 2/3, with equal velocity);
    `humanise` adds timing variation. Raises ValueError on unknown names.
    """
    plan = make_plan(
        seed, style, bars, attributes=attributes, meter=meter, mode=mode, tonic=tonic, bpm=bpm, moods=moods
    )
    drums = compose_drums(plan)
    tracks = {
        "drums": _clean(drums.notes, plan.total, False),
        "bass": _clean(compose_bass(plan, drums.kicks), plan.total, True),
        "harmony": _clean(compose_harmony(plan), plan.total, False),
        "melody": _clean(compose_melody(plan), plan.total, True),
    }
    return Piece(
        seed=seed,
        style=plan.style,
        bpm=plan.bpm,
        tonic=plan.tonic,
        mode=plan.mode,
        meter=plan.meter,
        bars=plan.bars,
        swing_unit=plan.swing[0],
        swing_ratio=plan.swing[1],
        chords=plan.chords,
        tracks=tracks,
        patches={track: "" for track in TRACKS},
        families=plan.families,
        attributes=plan.attributes,
        moods=plan.moods,
        captions=write_captions(plan),
    )
