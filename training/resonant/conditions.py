"""The composer's condition vector: 196 float32 values per step of a piece.

Layout (frozen; the Rust twin is tested against goldens written from this module):

    0..11    style weights                     71..78   bar mod 8, one-hot
    12..16   attributes, each 0..1             79       last bar
    17       (swing ratio - .5) * 4            80       step / total steps
    18       (bpm - 60) / 120                  81..92   chord root, one-hot
    19..25   mode, one-hot                     93..104  chord pitch classes
    26..29   meter, one-hot                    105..116 next half bar's chord pitch classes
    30       bars / 16                         117..128 context onsets, [4 steps][low, mid, high]
    31..46   own family, one-hot               129..140 context chroma, strongest = 1
    47..70   step in bar, one-hot              141..147 lowest, highest context pitch / 128, energy, tracks
    148..195 lag features: 16 values at each of 1, 2 and 4 bars before

Composers that are conditioned on figures (grooves, bass and comping roles) get 52 more values, which are all 0 without a
figure:

    196..227 family of the groove or role, one-hot (`FIGURE_FAMILIES`); all 0 for patterns without a family
    228..235 bass, harmony: signs of this step and the next seven steps of the loop (`SIGN_VALUES`)
    228..239 drums: the sign of each class, in the order of `DRUM_KEYS`
    236..240 bass, harmony: the tone given by the sign: root, third, fifth, seventh, octave
    241, 242 bass, harmony: length short, long
    243      bass, harmony: steps until the next played sign / 16, at most 1
    244, 245 bass, harmony: fewest, most notes at once / 6
    246      bass, harmony: the bar differs from the bar four bars earlier
    247      there is a figure

Composers that fill gaps in a part get 51 more values. They are all 0 outside the gaps, and where nothing follows:

    248..263 lag features of the kept notes 1 bar ahead; 0 where that bar is in a gap too
    264..279 the same 2 bars ahead
    280..295 lag features of the first kept onset after the gap
    296      steps until that onset / 32, at most 1
    297      bars until the end of the gap / 4, at most 1
    298      the step is in a gap

What is ahead of a loop's end is its beginning. All pitch classes are relative to the tonic. A step is a sixteenth of a whole note.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from resonant.composer.figures import PLAYED, Figure
from resonant.piece import ATTRIBUTES, DRUM_CLASSES, FAMILIES, KEY_TO_CLASS, QUALITIES, STYLES, TRACKS, Note
from resonant.tokens import PITCHES, tonic_offset

CONDITION = 196
FIGURE_WIDTH = 52
FIGURE = slice(CONDITION, CONDITION + FIGURE_WIDTH)
# Families of grooves and roles by track, in column order. Append new ones at the end; there is room for 32.
FIGURE_FAMILIES: dict[str, tuple[str, ...]] = {
    "drums": (
        "house", "techno", "disco", "break", "two_step", "half_time", "trap", "electro", "hip_hop", "funk", "soul", "rock", "metal",
        "country", "shuffle", "ballad", "pop", "second_line", "reggae", "dembow", "brazil", "clave", "tango", "afro", "caribbean",
        "bells", "waltz", "compound", "march", "odd", "hand", "swing",
    ),
    "bass": (
        "octaves", "off_beat", "rolling", "sixteenths", "eighths", "gallop", "walking", "root_fifth", "bossa", "tumbao", "tresillo",
        "reggae", "log_drum", "sub", "wobble", "trap", "syncopated", "funk", "soul", "hip_hop", "dnb", "ballad", "drone", "waltz",
        "compound", "tango", "march", "shuffle", "riff", "odd", "afro",
    ),
    "harmony": (
        "pads", "stabs", "gated", "off_beats", "montuno", "bossa", "jazz", "beats", "funk", "soul", "strum", "power", "wall", "rock",
        "shuffle", "arpeggio", "chords", "hook", "afro", "waltz", "compound", "flamenco", "tango", "bachata", "ostinato", "odd",
    ),
    "melody": (),
}  # fmt: skip
GAP = slice(FIGURE.stop, FIGURE.stop + 51)
GAP_WIDTH = GAP.stop - GAP.start
AHEAD_BARS: tuple[int, ...] = (1, 2)
SIGN_VALUES: dict[str, float] = {"X": 1.0, "g": 0.4, "?": 0.0, ".": -0.7, "-": -1.0, **dict.fromkeys("x13578", 0.8)}
TONE_SIGNS = "13578"
AHEAD = 8  # signs included in the condition of bass and harmony

MODES: tuple[str, ...] = ("major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "locrian")
MODE_ALIASES: dict[str, str] = {"ionian": "major", "aeolian": "minor", "harmonic_minor": "minor"}
METERS: tuple[tuple[int, int], ...] = ((4, 4), (3, 4), (6, 8))

STYLE = slice(0, 12)
ATTRIBUTE = slice(12, 17)
FAMILY = slice(31, 47)
CHORD_ROOT, CHORD, NEXT_CHORD = 81, 93, 105
CONTEXT_ONSETS, CONTEXT_CHROMA, CONTEXT_LOW, CONTEXT_HIGH, CONTEXT_ENERGY, CONTEXT_TRACKS = 117, 129, 141, 142, 143, 144
LAG = 148
LAG_BARS: tuple[int, ...] = (1, 2, 4)
LAG_WIDTH = 16

# Band (low 0, mid 1, high 2) and weight of each drum class's onsets.
DRUM_BAND = np.array([0, 1, 1, 1, 2, 2, 1, 1, 2, 2, 1, 1])
DRUM_WEIGHT = np.array([1.0, 0.9, 0.9, 0.4, 0.6, 0.7, 0.9, 0.9, 1.0, 0.7, 0.4, 0.4])
TONAL_WEIGHT = 0.8
DRUM_CLASS_OF_KEY = np.array([KEY_TO_CLASS.get(key, -1) for key in range(128)])
BASS_CEILING = 48  # tonal notes below this are "low", others "mid"


@dataclass(frozen=True)
class Plan:
    """The shared part of a piece: time grid, key, chords, style and attributes."""

    style: np.ndarray  # f32 [12]
    attributes: np.ndarray  # f32 [5]
    bpm: float
    swing_ratio: float
    tonic: int
    mode: str
    meter: tuple[int, int]
    bars: int
    chords: tuple[tuple[int, str], ...]  # one (root pitch class, quality) per half bar

    @property
    def steps_per_bar(self) -> int:
        """Steps (sixteenths) of one bar."""
        return steps_per_bar(self.meter)

    @property
    def total_steps(self) -> int:
        """Steps of the whole piece."""
        return self.bars * self.steps_per_bar


def steps_per_bar(meter: tuple[int, int]) -> int:
    """Sixteenths of one bar of a meter."""
    return meter[0] * 16 // meter[1]


def plan_of(piece: object) -> Plan:
    """The shared part of a `Piece`."""
    style = np.zeros(len(STYLES), np.float32)
    style[STYLES.index(piece.style)] = 1.0
    return Plan(
        style=style,
        attributes=np.array([piece.attributes[name] for name in ATTRIBUTES], np.float32),
        bpm=float(piece.bpm),
        swing_ratio=float(piece.swing_ratio),
        tonic=int(piece.tonic),
        mode=MODE_ALIASES.get(piece.mode, piece.mode),
        meter=(int(piece.meter[0]), int(piece.meter[1])),
        bars=int(piece.bars),
        chords=tuple((int(root), str(quality)) for root, quality in piece.chords),
    )


def note_array(notes: Sequence[Note]) -> np.ndarray:
    """float64 [N, 4] of (step, length, pitch, velocity), as the features need them."""
    if not notes:
        return np.zeros((0, 4))
    return np.array([(note.step, note.length, note.pitch, note.velocity) for note in notes], np.float64)


def chord_table(plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """Per half bar: relative chord root int [H] and relative pitch classes f32 [H, 12]."""
    roots = np.array([(root - plan.tonic) % 12 for root, _ in plan.chords])
    chroma = np.zeros((len(roots), 12), np.float32)
    for row, (root, (_, quality)) in enumerate(zip(roots, plan.chords, strict=True)):
        for interval in QUALITIES[quality]:
            chroma[row, (root + interval) % 12] = 1.0
    return roots, chroma


def plan_features(plan: Plan, family: str) -> np.ndarray:
    """f32 [total_steps, 196] with columns 0..116 set (all that do not depend on notes)."""
    total, bar = plan.total_steps, plan.steps_per_bar
    rows = np.zeros((total, CONDITION), np.float32)
    step = np.arange(total)
    rows[:, STYLE] = plan.style
    rows[:, ATTRIBUTE] = plan.attributes
    rows[:, 17] = (plan.swing_ratio - 0.5) * 4.0
    rows[:, 18] = (plan.bpm - 60.0) / 120.0
    rows[:, 19 + MODES.index(plan.mode)] = 1.0
    rows[:, 26 + (METERS.index(plan.meter) if plan.meter in METERS else 3)] = 1.0
    rows[:, 30] = plan.bars / 16.0
    rows[:, FAMILY.start + FAMILIES.index(family)] = 1.0
    rows[step, 47 + np.minimum(step % bar, 23)] = 1.0
    rows[step, 71 + (step // bar) % 8] = 1.0
    rows[:, 79] = step // bar == plan.bars - 1
    rows[:, 80] = step / total
    roots, chroma = chord_table(plan)
    half = step * 2 // bar
    rows[step, CHORD_ROOT + roots[half]] = 1.0
    rows[:, CHORD : CHORD + 12] = chroma[half]
    rows[:, NEXT_CHORD : NEXT_CHORD + 12] = chroma[(half + 1) % len(roots)]
    return rows


@dataclass(frozen=True)
class TrackContext:
    """One track's contribution to the context of the others, before summation (cached per piece and track)."""

    onsets: np.ndarray  # f32 [total_steps, 3]
    chroma: np.ndarray  # f32 [total_steps, 12], relative pitch classes of sounding notes weighted by velocity
    low: np.ndarray  # f32 [total_steps], lowest sounding MIDI pitch, 0 for none
    high: np.ndarray  # f32 [total_steps], highest sounding MIDI pitch, 0 for none


@njit(cache=True)
def _sum_context(
    drums: bool, notes: np.ndarray, total: int, tonic: int, classes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    onsets = np.zeros((total, 3))
    chroma = np.zeros((total, 12))
    low = np.zeros(total)
    high = np.zeros(total)
    for index in range(len(notes)):
        start, length, pitch, velocity = int(notes[index, 0]), notes[index, 1], int(notes[index, 2]), notes[index, 3]
        if drums:
            drum = classes[pitch]
            if drum >= 0:
                onsets[start, DRUM_BAND[drum]] += DRUM_WEIGHT[drum] * velocity / 127.0
            continue
        onsets[start, 0 if pitch < BASS_CEILING else 1] += TONAL_WEIGHT * velocity / 127.0
        for part in range(min(max(int(np.ceil(length)), 1), total)):
            step = (start + part) % total
            chroma[step, (pitch - tonic) % 12] += velocity / 127.0
            low[step] = pitch if low[step] == 0.0 else min(low[step], pitch)
            high[step] = max(high[step], pitch)
    return onsets, chroma, low, high


def track_context(track: str, notes: np.ndarray, plan: Plan) -> TrackContext:
    """Context contribution of one track's notes (float64 [N, 4], see `note_array`)."""
    sums = _sum_context(track == "drums", notes, plan.total_steps, plan.tonic, DRUM_CLASS_OF_KEY)
    return TrackContext(*(values.astype(np.float32) for values in sums))


def add_context(rows: np.ndarray, contexts: Mapping[str, TrackContext]) -> None:
    """Set columns 117..147 of rows f32 [total_steps, 196] from the given tracks; zeros if there are none."""
    rows[:, CONTEXT_ONSETS:LAG] = 0.0
    if not contexts:
        return
    onsets = np.minimum(sum(context.onsets for context in contexts.values()), 1.0)
    total = len(rows)
    for ahead in range(4):
        rows[:, CONTEXT_ONSETS + 3 * ahead : CONTEXT_ONSETS + 3 * ahead + 3] = np.roll(onsets, -ahead, axis=0)
    chroma = sum(context.chroma for context in contexts.values())
    rows[:, CONTEXT_CHROMA : CONTEXT_CHROMA + 12] = chroma / np.maximum(chroma.max(axis=1, keepdims=True), 1e-9)
    lows = np.stack([np.where(context.low > 0, context.low, np.inf) for context in contexts.values()]).min(axis=0)
    rows[:, CONTEXT_LOW] = np.where(np.isinf(lows), 0.0, lows) / 128.0
    rows[:, CONTEXT_HIGH] = np.stack([context.high for context in contexts.values()]).max(axis=0) / 128.0
    beat = np.arange(total) // 4 * 4
    load = onsets.sum(axis=1)
    energy = sum(load[(beat + part) % total] for part in range(4))
    rows[:, CONTEXT_ENERGY] = np.minimum(energy / 6.0, 1.0)
    for track in contexts:
        rows[:, CONTEXT_TRACKS + TRACKS.index(track)] = 1.0


@njit(cache=True)
def _onset_features(drums: bool, notes: np.ndarray, total: int, tonic_offset: int, classes: np.ndarray) -> np.ndarray:
    rows = np.zeros((total, LAG_WIDTH), np.float32)
    for index in range(len(notes)):
        row = rows[int(notes[index, 0])]
        length, pitch, velocity = notes[index, 1], int(notes[index, 2]), notes[index, 3]
        if drums:
            drum = classes[pitch]
            if drum >= 0:
                row[drum] = max(row[drum], velocity / 127.0)
            continue
        relative = min(max(pitch - 12 - tonic_offset, 0), PITCHES - 1)
        first = row[15] == 0.0
        row[relative % 12] = 1.0
        row[12] = max(row[12], relative / 100.0)
        row[13] = relative / 100.0 if first else min(row[13], relative / 100.0)
        row[14] = max(row[14], length / 16.0)
        row[15] += 1.0 / 6.0
    return rows


def onset_features(track: str, notes: np.ndarray, plan: Plan) -> np.ndarray:
    """f32 [total_steps, 16]: lag features of the track's own onsets at each step.

    Drums: the loudest velocity / 127 per class, four zeros. Tonal: relative pitch classes, highest and lowest relative
    pitch / 100, longest length / 16, note count / 6.
    """
    return _onset_features(track == "drums", notes, plan.total_steps, tonic_offset(plan.tonic), DRUM_CLASS_OF_KEY)


def add_lags(rows: np.ndarray, onsets: np.ndarray, plan: Plan) -> None:
    """Set columns 148..195 of rows f32 [total_steps, 196] from `onset_features` rows; zeros before the start."""
    for index, bars in enumerate(LAG_BARS):
        columns = slice(LAG + index * LAG_WIDTH, LAG + (index + 1) * LAG_WIDTH)
        lag = bars * plan.steps_per_bar
        rows[:, columns] = 0.0
        if lag < len(rows):
            rows[lag:, columns] = onsets[:-lag]


def drop_intent(rows: np.ndarray) -> None:
    """Remove style and attributes from condition rows [..., condition] in place: the sequence that guidance compares with."""
    rows[..., STYLE] = 0.0
    rows[..., ATTRIBUTE] = 0.0


def figure_features(track: str, figure: Figure | None, plan: Plan) -> np.ndarray:
    """f32 [total_steps, 52]: condition columns of the track's figure at each step; zeros without a figure."""
    total = plan.total_steps
    rows = np.zeros((total, FIGURE_WIDTH), np.float32)
    if figure is None:
        return rows
    rows[:, 51] = 1.0
    if figure.family in FIGURE_FAMILIES[track]:
        rows[:, FIGURE_FAMILIES[track].index(figure.family)] = 1.0
    if track == "drums":
        for column, voice in enumerate(DRUM_CLASSES):
            rows[:, 32 + column] = [SIGN_VALUES[sign] for sign in figure.marks[voice]]
        return rows
    signs = figure.marks[""]
    values = np.array([SIGN_VALUES[sign] for sign in signs], np.float32)
    for ahead in range(AHEAD):
        rows[:, 32 + ahead] = np.roll(values, -ahead)
    played = [step for step, sign in enumerate(signs) if sign in PLAYED]
    for step, sign in enumerate(signs):
        if sign in TONE_SIGNS:
            rows[step, 40 + TONE_SIGNS.index(sign)] = 1.0
    if played:
        following = np.array(played + [step + total for step in played])
        gap = following[np.searchsorted(following, np.arange(total), side="right")] - np.arange(total)
        rows[:, 47] = np.minimum(gap / 16.0, 1.0)
    rows[:, 45] = figure.length == "short"
    rows[:, 46] = figure.length == "long"
    if figure.voices is not None:
        rows[:, 48], rows[:, 49] = figure.voices[0] / 6.0, figure.voices[1] / 6.0
    for bar, differs in enumerate(figure.differs):
        rows[bar * plan.steps_per_bar : (bar + 1) * plan.steps_per_bar, 50] = differs
    return rows


def gap_features(onsets: np.ndarray, gap: np.ndarray, plan: Plan) -> np.ndarray:
    """f32 [total_steps, 51]: condition columns of the steps in `gap` (bool [total_steps]), from `onset_features` rows.

    Rows of steps in the gap are not read. All zeros if there is no gap, or if nothing is kept.
    """
    total, bar = plan.total_steps, plan.steps_per_bar
    rows = np.zeros((total, GAP_WIDTH), np.float32)
    if gap.all() or not gap.any():
        return rows
    step = np.arange(total)
    kept = np.where(gap[:, None], 0.0, onsets)
    landing = LAG_WIDTH * len(AHEAD_BARS)
    for index, bars in enumerate(AHEAD_BARS):
        rows[:, index * LAG_WIDTH : (index + 1) * LAG_WIDTH] = kept[(step + bars * bar) % total]
    rows[:, landing + LAG_WIDTH] = 1.0
    rows[:, landing + LAG_WIDTH + 1] = np.minimum(_steps_until(~gap) / (4.0 * bar), 1.0)
    if kept.any():
        distance = _steps_until(kept.any(axis=1))
        rows[:, landing : landing + LAG_WIDTH] = kept[(step + distance) % total]
        rows[:, landing + LAG_WIDTH] = np.minimum(distance / 32.0, 1.0)
    rows[:, landing + LAG_WIDTH + 2] = 1.0
    rows[~gap] = 0.0
    return rows


def _steps_until(true: np.ndarray) -> np.ndarray:
    """int64 [N]: how far ahead the next true value is, around the end, 0 where it is here; `true` has one at least."""
    total = len(true)
    found = np.flatnonzero(true)
    following = np.concatenate((found, found[:1] + total))
    step = np.arange(total)
    return following[np.searchsorted(following, step)] - step


def conditions(
    plan: Plan, track: str, family: str, own: Sequence[Note], context: Mapping[str, Sequence[Note]]
) -> np.ndarray:
    """f32 [total_steps, 196] of a whole piece.

    `own` holds the track's notes as decoded from its tokens (quantised lengths and velocities), because a generator knows
    its own past only in that form. `context` maps other tracks to their notes.
    """
    rows = plan_features(plan, family)
    add_context(
        rows, {name: track_context(name, note_array(notes), plan) for name, notes in context.items() if name != track}
    )
    add_lags(rows, onset_features(track, note_array(own), plan), plan)
    return rows
