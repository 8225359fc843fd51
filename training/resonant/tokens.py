"""Score tokens: the notes of one track as a sequence of small integers.

Common tokens: PAD, BOS, EOS (unused in generation), STEP. A sequence is BOS and then, for each step of the
segment, the step's events followed by STEP.

Drums (vocabulary 54): one HIT = 4 + class * 4 + level per sounding class, ascending; ROLL2 or ROLL3 directly after a
hit plays it 2 or 3 times, evenly spaced within its step.

Tonal tracks (vocabulary 168): groups of ascending PITCH tokens closed by one DV token (duration class and velocity
level of the whole group). Notes of one step with equal DV share a group; groups are ordered by their lowest pitch.

The Rust twin is tested against goldens written from this module (`tests/golden/compose`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from resonant.piece import DRUM_KEYS, KEY_TO_CLASS, Note

PAD, BOS, EOS, STEP = 0, 1, 2, 3

# Drums -------------------------------------------------------------------------------------------------------------
HIT0 = 4
LEVELS = 4
ROLL2, ROLL3 = 52, 53
DRUM_VOCAB = 54

# Tonal -------------------------------------------------------------------------------------------------------------
PITCH0 = 4
PITCHES = 100
DV0 = 104
DURATIONS: tuple[float, ...] = (0.5, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 24, 32, 64)
TONAL_VOCAB = 168

LEVEL_VELOCITY: tuple[int, ...] = (40, 70, 95, 118)
LEVEL_THRESHOLDS: tuple[int, ...] = (55, 83, 107)


def vocabulary(track: str) -> int:
    """Number of token ids of a track."""
    return DRUM_VOCAB if track == "drums" else TONAL_VOCAB


def level_of(velocity: int) -> int:
    """Velocity 1..127 to level 0..3."""
    return sum(velocity >= threshold for threshold in LEVEL_THRESHOLDS)


def duration_class_of(length: float) -> int:
    """Length in steps to the index of the nearest duration class; below .75 it is .5, ties go to the shorter class."""
    if length < 0.75:
        return 0
    return min(range(1, len(DURATIONS)), key=lambda index: (abs(DURATIONS[index] - length), index))


def tonic_offset(tonic: int) -> int:
    """Tonic as a signed offset -6..5 from C, so that transposition moves a part by at most a tritone."""
    return tonic if tonic <= 5 else tonic - 12


def relative_pitch(midi: int, tonic: int) -> int:
    """MIDI pitch relative to the tonic near MIDI 12, clamped to 0..99."""
    return min(max(midi - 12 - tonic_offset(tonic), 0), PITCHES - 1)


def midi_pitch(relative: int, tonic: int) -> int:
    """Inverse of `relative_pitch` for unclamped pitches."""
    return relative + 12 + tonic_offset(tonic)


def _drum_events(notes: Sequence[Note]) -> list[int]:
    """Tokens of the hits of one step; several hits of one class in a step become a roll at the loudest hit's level."""
    by_class: dict[int, list[Note]] = {}
    for note in notes:
        drum = KEY_TO_CLASS.get(note.pitch)
        if drum is not None:
            by_class.setdefault(drum, []).append(note)
    events: list[int] = []
    for drum in sorted(by_class):
        hits = by_class[drum]
        events.append(HIT0 + drum * LEVELS + max(level_of(hit.velocity) for hit in hits))
        if len(hits) == 2:
            events.append(ROLL2)
        elif len(hits) > 2:
            events.append(ROLL3)
    return events


def _tonal_events(notes: Sequence[Note], tonic: int) -> list[int]:
    """Tokens of the notes of one step; of notes with equal pitch, the longest (then the loudest) is used."""
    best: dict[int, tuple[int, int]] = {}
    for note in notes:
        relative = relative_pitch(note.pitch, tonic)
        value = (duration_class_of(note.length), level_of(note.velocity))
        best[relative] = max(best.get(relative, value), value)
    groups: dict[int, list[int]] = {}
    for relative in sorted(best):
        duration, level = best[relative]
        groups.setdefault(DV0 + duration * LEVELS + level, []).append(relative)
    events: list[int] = []
    for value, relatives in sorted(groups.items(), key=lambda item: item[1][0]):
        events += [PITCH0 + relative for relative in relatives]
        events.append(value)
    return events


def encode(track: str, notes: Iterable[Note], tonic: int, first_step: int, steps: int) -> list[int]:
    """Tokens of the notes that start in steps first_step .. first_step + steps, BOS first.

    Drum keys outside the twelve classes are skipped; microtiming is not encoded.
    """
    by_step: list[list[Note]] = [[] for _ in range(steps)]
    for note in notes:
        if 0 <= note.step - first_step < steps:
            by_step[note.step - first_step].append(note)
    tokens = [BOS]
    for step_notes in by_step:
        tokens += _drum_events(step_notes) if track == "drums" else _tonal_events(step_notes, tonic)
        tokens.append(STEP)
    return tokens


def decode(track: str, tokens: Iterable[int], tonic: int, first_step: int = 0) -> list[Note]:
    """Notes of a token sequence; its first step becomes `first_step`.

    Drum hits last one step, hits of a roll 1/2 or 1/3 of a step. Tokens outside the grammar (a roll without a hit, a
    pitch without a DV) are ignored, as is anything after EOS.
    """
    notes: list[Note] = []
    step = first_step
    pitches: list[int] = []
    hit: tuple[int, int] | None = None
    for token in tokens:
        if token == EOS:
            break
        if token == STEP:
            step += 1
            pitches, hit = [], None
        elif token < HIT0:
            continue
        elif track == "drums":
            if token >= ROLL2:
                if hit is not None:
                    count = token - ROLL2 + 2
                    notes.pop()
                    notes += [Note(step, part / count, 1.0 / count, hit[0], hit[1]) for part in range(count)]
                hit = None
            else:
                drum, level = divmod(token - HIT0, LEVELS)
                hit = (DRUM_KEYS[drum], LEVEL_VELOCITY[level])
                notes.append(Note(step, 0.0, 1.0, *hit))
        elif token < DV0:
            pitches.append(midi_pitch(token - PITCH0, tonic))
        else:
            duration, level = divmod(token - DV0, LEVELS)
            notes += [Note(step, 0.0, float(DURATIONS[duration]), p, LEVEL_VELOCITY[level]) for p in pitches]
            pitches = []
    return sorted(notes, key=lambda note: (note.step, note.offset, note.pitch))


def target_steps(tokens: Sequence[int] | np.ndarray) -> np.ndarray:
    """For each input position (all tokens but the last), the step of the segment to which the next token belongs."""
    inputs = np.asarray(tokens)[:-1]
    return np.cumsum(inputs == STEP)


@dataclass
class Grammar:
    """Tracks the legal next tokens. Feed it every token of a sequence, including BOS; call `allowed` before each choice."""

    track: str
    last: int = BOS
    lowest: int = -1  # tonal: lowest pitch token of the open group; drums: last hit of this step
    floor: int = -1  # tonal: lowest pitch token of the step's previous group
    open: bool = False  # tonal: a group is open and needs a DV
    used: frozenset[int] = frozenset()  # tonal: pitch tokens of this step

    def feed(self, token: int) -> None:
        """Advance by one token."""
        self.last = token
        if token in (STEP, BOS):
            self.lowest, self.floor, self.open, self.used = -1, -1, False, frozenset()
        elif self.track == "drums":
            if token < ROLL2:
                self.lowest = token
        elif token < DV0:
            if not self.open:
                self.lowest = token
            self.open = True
            self.used |= {token}
        else:
            self.floor, self.open = self.lowest, False

    def allowed(self) -> np.ndarray:
        """bool [vocabulary]: the legal next tokens."""
        mask = np.zeros(vocabulary(self.track), dtype=bool)
        if self.track == "drums":
            mask[STEP] = True
            next_class = 0 if self.lowest < 0 else (self.lowest - HIT0) // LEVELS + 1
            mask[HIT0 + next_class * LEVELS : ROLL2] = True
            mask[ROLL2 : ROLL3 + 1] = HIT0 <= self.last < ROLL2
            return mask
        if self.open:
            mask[self.last + 1 : DV0] = True
            mask[DV0:] = True
        else:
            mask[STEP] = True
            mask[max(self.floor + 1, PITCH0) : DV0] = True
        for token in self.used:
            mask[token] = False
        return mask
