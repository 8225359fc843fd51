"""Data model of patches: metadata for matching, plus one of five sound sources."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from resonant.synth.drums import Hit
from resonant.synth.effects import Effects
from resonant.synth.voice import Envelope, Fm, Subtractive


@dataclass(frozen=True)
class Font:
    """A tonal soundfont preset."""

    font: str  # "fluid" | "musescore"
    program: int
    bank: int = 0
    generators: tuple[tuple[int, float], ...] = ()
    side: str = "mid"
    transpose: int = 0


@dataclass(frozen=True)
class SynthKit:
    """A drum kit from our own synthesis: class name -> hit."""

    hits: dict[str, Hit]


@dataclass(frozen=True)
class FontKit:
    """A soundfont drum preset with processing per hit."""

    font: str
    program: int
    keys: dict[str, int] = field(default_factory=dict)  # overrides the General MIDI key of a class
    tune: dict[str, float] = field(default_factory=dict)  # semitones; "" is the default for all classes
    decay_s: dict[str, float] = field(default_factory=dict)  # additional exponential decay; "" is the default
    level: dict[str, float] = field(default_factory=dict)
    low_pass_hz: float = 20_000.0
    crush: float = 1.0
    side: str = "mid"
    layers: dict[str, Hit] = field(default_factory=dict)  # our own synthesis instead of the font's sample


Sound = Subtractive | Fm | Font | SynthKit | FontKit


@dataclass(frozen=True)
class Patch:
    """A playable sound.

    `gain_db` is the mixing trim for a balanced loop; it is not included in the level calibration of rendered stems.
    """

    id: str
    track: str
    name: str
    family: str
    tags: tuple[str, ...]
    styles: dict[str, float]
    attributes: dict[str, float]  # brightness, aggression 0..1
    sound: Sound
    envelope: Envelope = Envelope()
    effects: Effects = Effects()
    gain_db: float = 0.0
    width: float = 0.0
    mono: bool = False

    @property
    def is_kit(self) -> bool:
        """Whether this is a drum kit."""
        return self.track == "drums"

    def known_excitation(self) -> dict[str, Any] | None:
        """Excitation parameters that follow exactly from the sound source; None for soundfonts, which are measured."""
        sound = self.sound
        if isinstance(sound, SynthKit):
            return {name: body_of(hit) for name, hit in sound.hits.items() if hit.body > 0}
        if isinstance(sound, Subtractive | Fm):
            e = self.envelope
            return {
                "voices": sound.voices,
                "detune_cents": sound.detune_cents,
                "attack_s": max(0.002, e.attack_s),
                "decay_s": e.decay_s,
                "sustain": e.sustain,
                "release_s": max(0.005, e.release_s),
                "vibrato_hz": e.vibrato_hz,
                "vibrato_cents": e.vibrato_cents,
                "vibrato_delay_s": e.vibrato_delay_s,
                "glide_s": e.glide_s,
            }
        return None


def body_of(hit: Hit) -> dict[str, float]:
    """A hit's tonal body as excitation parameters."""
    return {"hz": hit.hz, "start_ratio": hit.start_ratio, "sweep_s": hit.sweep_s, "decay_s": hit.decay_s}
