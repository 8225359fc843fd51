"""The ground truth for training: a Piece is a plan (key, chords, meter, tempo) and the notes of its four tracks.

Time is counted in steps; a step is a sixteenth of a whole note. There is one chord per half bar.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

TRACKS: tuple[str, ...] = ("drums", "bass", "harmony", "melody")
STYLES: tuple[str, ...] = (
    "techno",
    "house",
    "hiphop",
    "trap",
    "dnb",
    "rock",
    "pop",
    "ambient",
    "jazz",
    "funk",
    "synthwave",
    "cinematic",
)
ATTRIBUTES: tuple[str, ...] = ("energy", "density", "brightness", "aggression", "complexity")
FAMILIES: tuple[str, ...] = (
    "kit_acoustic",
    "kit_electronic",
    "kit_808",
    "bass_electric",
    "bass_acoustic",
    "bass_synth",
    "bass_sub",
    "keys",
    "guitar",
    "pad",
    "strings",
    "brass_wind",
    "pluck",
    "lead",
    "stab",
    "vox",
)
DRUM_CLASSES: tuple[str, ...] = (
    "kick",
    "snare",
    "clap",
    "rim",
    "closed_hat",
    "open_hat",
    "low_tom",
    "high_tom",
    "crash",
    "ride",
    "shaker",
    "perc",
)
DRUM_KEYS: tuple[int, ...] = (36, 38, 39, 37, 42, 46, 45, 50, 49, 51, 70, 56)  # General MIDI keys, by class
KEY_TO_CLASS: dict[int, int] = {key: index for index, key in enumerate(DRUM_KEYS)}

MODES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
}
QUALITIES: dict[str, tuple[int, ...]] = {
    "maj": (0, 4, 7),
    "min": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "maj7": (0, 4, 7, 11),
    "min7": (0, 3, 7, 10),
    "7": (0, 4, 7, 10),
    "m7b5": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
    "min9": (0, 3, 7, 10, 14),
    "maj9": (0, 4, 7, 11, 14),
    "9": (0, 4, 7, 10, 14),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "5": (0, 7),
    "add9": (0, 4, 7, 14),
    "minadd9": (0, 3, 7, 14),
    "mMaj7": (0, 3, 7, 11),
}
QUALITY_SUFFIX: dict[str, str] = {
    "maj": "",
    "min": "m",
    "dim": "dim",
    "aug": "aug",
    "sus2": "sus2",
    "sus4": "sus4",
    "maj7": "maj7",
    "min7": "m7",
    "7": "7",
    "m7b5": "m7b5",
    "dim7": "dim7",
    "min9": "m9",
    "maj9": "maj9",
    "9": "9",
    "6": "6",
    "m6": "m6",
    "5": "5",
    "add9": "add9",
    "minadd9": "madd9",
    "mMaj7": "mMaj7",
}
_SHARP = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_FLAT = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
# Semitones from the tonic up to the tonic of the relative major, which determines whether the key uses flats or sharps.
_TO_MAJOR = {"major": 0, "minor": 3, "dorian": 10, "phrygian": 8, "lydian": 7, "mixolydian": 5, "locrian": 1}
_FLAT_MAJORS = frozenset((5, 10, 3, 8, 1))


@dataclass(slots=True)
class Note:
    """A note or a drum hit (for hits, `pitch` is the General MIDI key and `length` is nominal)."""

    step: int  # >= 0
    offset: float  # steps; microtiming in [-.5, .5], or the position of a roll's repeat in [0, 1)
    length: float  # steps, > 0; notes past the end of the piece wrap around
    pitch: int  # MIDI
    velocity: int  # 1..127

    @property
    def start(self) -> float:
        """Onset in steps, before swing."""
        return self.step + self.offset

    @property
    def end(self) -> float:
        """Release in steps, before swing."""
        return self.step + self.offset + self.length


def uses_flats(tonic: int, mode: str) -> bool:
    """Whether the key is written with flats."""
    return (tonic + _TO_MAJOR[mode]) % 12 in _FLAT_MAJORS


def pitch_class_name(pc: int, flats: bool) -> str:
    """Name of a pitch class, such as "F#" or "Eb"."""
    return (_FLAT if flats else _SHARP)[pc % 12]


def key_text(tonic: int, mode: str) -> str:
    """Key as text, such as "A minor" or "F# dorian"."""
    return f"{pitch_class_name(tonic, uses_flats(tonic, mode))} {mode}"


def chord_symbol(root: int, quality: str, flats: bool = False) -> str:
    """Chord symbol, such as "Am7" or "Ebmaj9"."""
    return pitch_class_name(root, flats) + QUALITY_SUFFIX[quality]


def chord_pcs(root: int, quality: str) -> tuple[int, ...]:
    """Pitch classes of a chord, root first."""
    return tuple((root + interval) % 12 for interval in QUALITIES[quality])


def warp(x: float, unit: int, ratio: float) -> float:
    """Swing: maps a position in steps to where it is played (in steps)."""
    pair = 2 * unit
    q = x // pair
    y = x - pair * q
    bent = 2 * ratio * y if y < unit else 2 * unit * ratio + (y - unit) * 2 * (1 - ratio)
    return pair * q + bent


@dataclass(slots=True)
class Piece:
    """A composed loop of four tracks, with all its ground truth."""

    seed: int
    style: str
    bpm: float  # quarters per minute
    tonic: int  # pitch class
    mode: str
    meter: tuple[int, int]
    bars: int
    swing_unit: int  # 1 or 2 steps
    swing_ratio: float  # .5 (straight) .. .75
    chords: list[tuple[int, str]]  # [2 * bars] (root pitch class, quality)
    tracks: dict[str, list[Note]]
    patches: dict[str, str]
    families: dict[str, str]
    attributes: dict[str, float]
    moods: list[str] = field(default_factory=list)
    captions: list[str] = field(default_factory=list)

    @property
    def steps_per_bar(self) -> int:
        """16 in 4/4, 12 in 3/4 and 6/8."""
        return self.meter[0] * 16 // self.meter[1]

    @property
    def total_steps(self) -> int:
        """Length of the loop in steps."""
        return self.bars * self.steps_per_bar

    @property
    def step_seconds(self) -> float:
        """Duration of an unswung step in seconds."""
        return 15.0 / self.bpm

    @property
    def seconds(self) -> float:
        """Duration of the loop."""
        return self.total_steps * self.step_seconds

    @property
    def key(self) -> str:
        """Key as text."""
        return key_text(self.tonic, self.mode)

    def chord_index(self, step: float) -> int:
        """Index into `chords` of the half bar that contains `step` (wrapping)."""
        return int(step * 2 // self.steps_per_bar) % len(self.chords)

    def chord_at(self, step: float) -> tuple[int, str]:
        """The chord sounding at a step (wrapping)."""
        return self.chords[self.chord_index(step)]

    def chord_names(self) -> list[str]:
        """Chord symbols per half bar."""
        flats = uses_flats(self.tonic, self.mode)
        return [chord_symbol(root, quality, flats) for root, quality in self.chords]

    def seconds_at(self, position: float) -> float:
        """Time in seconds of a position in steps, with swing."""
        return warp(position, self.swing_unit, self.swing_ratio) * self.step_seconds

    def to_dict(self) -> dict[str, Any]:
        """Plain data; notes become [step, offset, length, pitch, velocity]."""
        data = {name: getattr(self, name) for name in self.__slots__ if name != "tracks"}
        data["meter"] = list(self.meter)
        data["chords"] = [list(chord) for chord in self.chords]
        data["tracks"] = {
            track: [[n.step, n.offset, n.length, n.pitch, n.velocity] for n in notes]
            for track, notes in self.tracks.items()
        }
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Piece:
        """Inverse of `to_dict`. Raises KeyError or TypeError on missing or unknown fields."""
        fields = dict(data)
        fields["meter"] = (int(data["meter"][0]), int(data["meter"][1]))
        fields["chords"] = [(int(root), str(quality)) for root, quality in data["chords"]]
        fields["tracks"] = {track: [Note(*values) for values in notes] for track, notes in data["tracks"].items()}
        return cls(**fields)

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(self.to_dict(), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Piece:
        """Inverse of `to_json`."""
        return cls.from_dict(json.loads(text))
