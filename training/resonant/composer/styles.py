"""Style definitions: tempo, swing, meters, modes, instrument families, moods and base levels."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

Weights = Mapping[str, float]


@dataclass(frozen=True)
class Style:
    """Settings of a style; weights need not sum to one."""

    bpm: tuple[float, float, float]  # low, typical, high
    modes: Weights
    moods: tuple[str, ...]
    drums: Weights
    bass: Weights
    harmony: Weights
    melody: Weights
    meters: Mapping[tuple[int, int], float]
    swing: tuple[tuple[float, int, float, float], ...]  # (weight, unit, ratio low, ratio high)
    velocity: float = 88.0  # of a plain note at neutral energy
    stretch: float = 0.0  # probability that every chord lasts twice as long
    seventh: float = 0.0  # tendency of triads to become sevenths and ninths


FOUR = {(4, 4): 1.0}
STRAIGHT = ((1.0, 1, 0.5, 0.5),)

STYLES: dict[str, Style] = {
    "techno": Style(
        (120, 131, 146), {"minor": 5, "phrygian": 3, "dorian": 2, "locrian": 0.4},
        ("dark", "hypnotic", "driving", "industrial", "tense", "mysterious", "gritty", "euphoric"),
        {"kit_electronic": 7, "kit_808": 1}, {"bass_synth": 6, "bass_sub": 3},
        {"stab": 5, "pad": 4, "pluck": 2, "keys": 0.5}, {"lead": 4, "pluck": 4, "stab": 1, "vox": 0.5},
        FOUR, ((5, 1, 0.5, 0.5), (3, 1, 0.51, 0.56)), 90, 0.45, 0.1),
    "house": Style(
        (116, 124, 130), {"minor": 4, "dorian": 3, "major": 3, "mixolydian": 0.8},
        ("uplifting", "groovy", "warm", "soulful", "euphoric", "chill", "dark", "sensual", "playful"),
        {"kit_electronic": 7, "kit_808": 1}, {"bass_synth": 5, "bass_sub": 1.5, "bass_electric": 1.5},
        {"keys": 4, "stab": 4, "pad": 2, "strings": 0.6, "guitar": 0.4},
        {"pluck": 3, "lead": 2, "keys": 2, "vox": 1, "brass_wind": 0.6},
        FOUR, ((2, 1, 0.5, 0.5), (5, 1, 0.52, 0.6)), 88, 0.12, 0.55),
    "hiphop": Style(
        (72, 89, 104), {"minor": 4, "dorian": 3, "major": 2, "phrygian": 0.6},
        ("chill", "nostalgic", "smooth", "gritty", "melancholic", "dreamy", "warm", "dark", "soulful"),
        {"kit_acoustic": 3, "kit_electronic": 3, "kit_808": 1.5}, {"bass_electric": 3, "bass_sub": 3, "bass_acoustic": 1.5, "bass_synth": 1},
        {"keys": 6, "guitar": 1.5, "strings": 1, "pad": 1, "pluck": 0.6},
        {"keys": 2.5, "pluck": 2, "brass_wind": 1.5, "guitar": 1, "vox": 1, "lead": 0.8},
        FOUR, ((1, 1, 0.5, 0.51), (6, 1, 0.53, 0.64)), 84, 0.1, 0.6),
    "trap": Style(
        (120, 142, 164), {"minor": 6, "phrygian": 2, "locrian": 0.4, "dorian": 0.7, "major": 0.7},
        ("dark", "menacing", "melancholic", "tense", "gritty", "dreamy", "triumphant", "mysterious"),
        {"kit_808": 7, "kit_electronic": 1}, {"bass_sub": 8, "bass_synth": 1},
        {"pad": 2.5, "keys": 2.5, "pluck": 2.5, "strings": 1.5, "guitar": 1, "vox": 0.5},
        {"pluck": 4, "lead": 2, "keys": 1.5, "brass_wind": 1, "vox": 1, "guitar": 0.7},
        FOUR, ((8, 1, 0.5, 0.5), (1, 1, 0.51, 0.54)), 90, 0.1, 0.1),
    "dnb": Style(
        (166, 173, 180), {"minor": 6, "dorian": 2, "phrygian": 1, "major": 1},
        ("dark", "driving", "euphoric", "dreamy", "aggressive", "melancholic", "uplifting", "tense"),
        {"kit_electronic": 5, "kit_acoustic": 3}, {"bass_synth": 6, "bass_sub": 4},
        {"pad": 5, "keys": 2, "stab": 2, "strings": 1.2}, {"lead": 3, "pluck": 3, "keys": 1, "vox": 1.2},
        FOUR, ((5, 1, 0.5, 0.5), (2, 1, 0.51, 0.55)), 92, 0.35, 0.25),
    "rock": Style(
        (84, 122, 168), {"major": 3, "mixolydian": 2.5, "minor": 3, "dorian": 1.5, "phrygian": 0.4},
        ("aggressive", "anthemic", "gritty", "uplifting", "melancholic", "driving", "nostalgic", "triumphant"),
        {"kit_acoustic": 1}, {"bass_electric": 1}, {"guitar": 7, "keys": 1.5, "pad": 0.4},
        {"guitar": 6, "keys": 0.8, "lead": 1.2, "vox": 0.6},
        {(4, 4): 0.86, (3, 4): 0.04, (6, 8): 0.1}, ((9, 1, 0.5, 0.5), (1, 2, 0.6, 0.667)), 92, 0.05, 0.05),
    "pop": Style(
        (84, 110, 130), {"major": 5, "minor": 3, "mixolydian": 0.8, "dorian": 0.6, "lydian": 0.4},
        ("uplifting", "romantic", "playful", "melancholic", "hopeful", "warm", "nostalgic", "dreamy", "euphoric"),
        {"kit_acoustic": 3, "kit_electronic": 4, "kit_808": 1}, {"bass_electric": 4, "bass_synth": 4, "bass_sub": 1},
        {"keys": 4, "guitar": 2.5, "pad": 2, "pluck": 1.5, "strings": 1, "stab": 0.8},
        {"lead": 2.5, "pluck": 2, "keys": 2, "vox": 2, "guitar": 1, "strings": 0.5},
        {(4, 4): 0.88, (3, 4): 0.04, (6, 8): 0.08}, ((8, 1, 0.5, 0.5), (1, 2, 0.58, 0.66), (1, 1, 0.52, 0.58)), 86, 0.05, 0.2),
    "ambient": Style(
        (60, 78, 104), {"major": 3, "lydian": 3, "minor": 2.5, "dorian": 1.5, "mixolydian": 0.7},
        ("dreamy", "peaceful", "mysterious", "melancholic", "ethereal", "warm", "hypnotic", "hopeful", "dark"),
        {"kit_electronic": 3, "kit_808": 1.5, "kit_acoustic": 1.5}, {"bass_sub": 5, "bass_synth": 3},
        {"pad": 7, "strings": 2, "keys": 1.5, "vox": 0.8, "guitar": 0.4}, {"pluck": 4, "keys": 2.5, "vox": 1.2, "lead": 1, "strings": 0.8},
        {(4, 4): 0.8, (3, 4): 0.1, (6, 8): 0.1}, STRAIGHT, 70, 0.5, 0.4),
    "jazz": Style(
        (88, 132, 180), {"major": 5, "minor": 3, "dorian": 2, "mixolydian": 1.4, "lydian": 0.5},
        ("smooth", "playful", "warm", "romantic", "melancholic", "nostalgic", "groovy", "mysterious"),
        {"kit_acoustic": 1}, {"bass_acoustic": 8, "bass_electric": 1}, {"keys": 7, "guitar": 2, "brass_wind": 0.4},
        {"brass_wind": 6, "keys": 2.5, "guitar": 1.5, "pluck": 0.6},
        {(4, 4): 0.85, (3, 4): 0.15}, ((1, 2, 0.58, 0.68),), 82, 0.0, 0.9),
    "funk": Style(
        (92, 106, 124), {"dorian": 4, "mixolydian": 4, "minor": 2, "major": 0.8},
        ("groovy", "playful", "gritty", "uplifting", "sensual", "driving", "smooth"),
        {"kit_acoustic": 8, "kit_electronic": 1}, {"bass_electric": 7, "bass_synth": 2},
        {"guitar": 5, "keys": 4, "stab": 0.7, "brass_wind": 1}, {"brass_wind": 4, "keys": 1.5, "guitar": 1.5, "lead": 2},
        FOUR, ((6, 1, 0.5, 0.53), (3, 1, 0.53, 0.58), (1, 2, 0.6, 0.667)), 90, 0.15, 0.8),
    "synthwave": Style(
        (80, 102, 122), {"minor": 5, "major": 2, "dorian": 1.5, "mixolydian": 0.6},
        ("nostalgic", "dreamy", "driving", "dark", "euphoric", "melancholic", "triumphant", "romantic"),
        {"kit_electronic": 8, "kit_808": 1}, {"bass_synth": 9, "bass_sub": 0.6},
        {"pad": 5, "stab": 2.5, "pluck": 2.5, "keys": 0.7}, {"lead": 6, "pluck": 2.5, "brass_wind": 0.6, "guitar": 0.5},
        FOUR, STRAIGHT, 88, 0.15, 0.1),
    "cinematic": Style(
        (60, 94, 140), {"minor": 5, "major": 2.2, "lydian": 1.5, "phrygian": 1.5, "dorian": 1, "locrian": 0.4},
        ("epic", "tense", "triumphant", "melancholic", "mysterious", "hopeful", "dark", "romantic", "peaceful"),
        {"kit_acoustic": 5, "kit_electronic": 2, "kit_808": 0.7}, {"bass_acoustic": 4, "bass_sub": 3, "bass_synth": 2},
        {"strings": 7, "pad": 2, "keys": 1.5, "brass_wind": 1.5, "vox": 0.8}, {"strings": 3.5, "brass_wind": 3, "keys": 2, "vox": 1, "pluck": 1, "lead": 0.4},
        {(4, 4): 0.72, (3, 4): 0.14, (6, 8): 0.14}, STRAIGHT, 82, 0.3, 0.15),
}

# mood -> shifts of (energy, density, brightness, aggression, complexity)
MOODS: dict[str, tuple[float, float, float, float, float]] = {
    "dark": (0.0, 0.0, -0.28, 0.1, 0.0), "hypnotic": (0.0, 0.0, -0.05, -0.03, -0.18), "driving": (0.25, 0.12, 0.0, 0.12, 0.0),
    "industrial": (0.2, 0.05, -0.15, 0.35, 0.0), "tense": (0.1, 0.0, -0.15, 0.15, 0.12), "mysterious": (-0.12, -0.1, -0.15, -0.05, 0.08),
    "gritty": (0.08, 0.0, -0.1, 0.28, 0.0), "euphoric": (0.25, 0.12, 0.25, 0.0, 0.0), "uplifting": (0.18, 0.08, 0.28, -0.05, 0.0),
    "groovy": (0.08, 0.12, 0.05, 0.0, 0.1), "warm": (-0.1, -0.03, -0.05, -0.22, 0.0), "soulful": (0.0, 0.05, 0.05, -0.1, 0.15),
    "chill": (-0.25, -0.15, 0.0, -0.22, 0.0), "sensual": (-0.1, -0.05, -0.05, -0.12, 0.05), "playful": (0.12, 0.1, 0.25, -0.1, 0.12),
    "nostalgic": (-0.1, -0.03, 0.0, -0.12, 0.0), "smooth": (-0.12, -0.05, 0.05, -0.25, 0.08), "melancholic": (-0.18, -0.1, -0.22, -0.12, 0.0),
    "dreamy": (-0.18, -0.05, 0.1, -0.22, 0.05), "menacing": (0.15, 0.0, -0.3, 0.32, 0.0), "triumphant": (0.28, 0.12, 0.2, 0.12, 0.0),
    "aggressive": (0.28, 0.15, -0.05, 0.38, 0.0), "anthemic": (0.28, 0.08, 0.2, 0.12, -0.1), "romantic": (-0.18, -0.05, 0.08, -0.22, 0.08),
    "hopeful": (0.0, 0.0, 0.25, -0.18, 0.0), "peaceful": (-0.3, -0.22, 0.1, -0.28, -0.1), "ethereal": (-0.22, -0.12, 0.22, -0.25, 0.05),
    "epic": (0.3, 0.15, -0.03, 0.18, 0.05),
}
MODE_BRIGHTNESS = {"locrian": -1.0, "phrygian": -0.8, "minor": -0.35, "dorian": -0.05, "mixolydian": 0.35, "major": 0.55, "lydian": 0.8}
AGGRESSIVE_FAMILIES = {"guitar": 0.6, "lead": 0.7, "stab": 0.7, "bass_synth": 0.6, "brass_wind": 0.3, "kit_electronic": 0.2,
                       "keys": -0.5, "pad": -0.4, "pluck": -0.5, "strings": -0.2, "bass_acoustic": -0.5, "vox": -0.5}


def choose(rng: random.Random, weights: Mapping) -> object:
    """A key of `weights`, drawn by weight."""
    return rng.choices(list(weights), list(weights.values()))[0]


def graded(rng: random.Random, options: list, amount: float, jitter: float = 0.18) -> object:
    """An option near `amount` (0..1) from a list ordered from sparse to dense."""
    position = min(max(amount + rng.gauss(0.0, jitter), 0.0), 0.999)
    return options[int(position * len(options))]
