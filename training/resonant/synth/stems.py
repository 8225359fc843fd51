"""Renders a track of a piece with a patch to a stem at the patch's calibrated level."""

from __future__ import annotations

import numpy as np

from resonant.piece import Piece
from resonant.synth.calibration import levels_of
from resonant.synth.model import Patch
from resonant.synth.render import loop_samples, render_notes, timed_notes
from resonant.synth.tables import SAMPLE_RATE


def render_stem(piece: Piece, track: str, patch: Patch, rng: np.random.Generator, tail_s: float = 0.0) -> np.ndarray:
    """Render a track of `piece` -> float32 mono at 48 kHz.

    With `tail_s` = 0 the stem is a seamless loop of exactly `loop_samples(piece)`: tails wrap to the start, and effects
    are warmed up with the loop's end. Otherwise nothing wraps, and `tail_s` seconds follow the loop. Onsets are
    sample-accurate (soundfont notes: to 0.7 ms). `patch.gain_db` is not applied. Raises SoundfontError if the patch
    needs a soundfont that is not installed.
    """
    notes = timed_notes(piece, track)
    samples = loop_samples(piece) + round(tail_s * SAMPLE_RATE)
    if not notes:
        return np.zeros(samples, dtype=np.float32)
    return render_notes(patch, notes, samples, tail_s == 0.0, rng, levels_of(patch))
