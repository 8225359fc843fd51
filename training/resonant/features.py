"""Score features at 100 Hz (normative; the engine has a Rust twin).

Feature frame j is at t = j * 10 ms. A row's value is the maximum over its notes.

Tonal, float32 [336, T]: four groups A, B, C, D of 84 rows for MIDI 24..107 (others are moved by octaves):
A vel * (overlap of [t - 5 ms, t + 5 ms] with [on, off)) / 10 ms; B vel exp(-max(0, t - on) / .06) for
on - 5 ms <= t < on + 1 s; C vel exp(-(t - off) / .15) for off <= t < off + 1.5 s;
D vel exp(-(t - on) / .8) for on <= t < off.

Drums, float32 [60, T]: rows 0..11 vel at the frame floor(100 on + .5) of the hit; rows
12 + 12 i + class: vel exp(-max(0, t - on) / tau_i) for on - 5 ms <= t < on + 5 tau_i, tau .015, .06,
.25, 1.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from resonant.excitation import TimedNotes, drum_class

FEATURE_RATE = 100
LOW_PITCH = 24
HIGH_PITCH = 107
PITCH_ROWS = HIGH_PITCH - LOW_PITCH + 1
TONAL_ROWS = 4 * PITCH_ROWS
DRUM_ROWS = 60
_TAUS = np.array([0.015, 0.06, 0.25, 1.0])


def feature_rows(track: str) -> int:
    """Number of feature rows of a track."""
    return DRUM_ROWS if track == "drums" else TONAL_ROWS


@nb.njit(cache=True)
def _frame_at_or_after(t):
    return max(0, int(np.ceil(t * 100.0 - 1e-9)))


@nb.njit(cache=True)
def _tonal(on, off, pitch, velocity, out):
    frames = out.shape[1]
    for i in range(on.shape[0]):
        row = pitch[i]
        while row < 24:
            row += 12
        while row > 107:
            row -= 12
        row -= 24
        vel = velocity[i] / 127.0
        for j in range(_frame_at_or_after(on[i] - 0.005), frames):
            t = j / 100.0
            if t - 0.005 >= off[i]:
                break
            overlap = min(t + 0.005, off[i]) - max(t - 0.005, on[i])
            if overlap > 0.0:
                out[row, j] = max(out[row, j], vel * min(1.0, overlap / 0.01))
        for j in range(_frame_at_or_after(on[i] - 0.005), frames):
            dt = max(0.0, j / 100.0 - on[i])
            if dt >= 1.0:
                break
            out[84 + row, j] = max(out[84 + row, j], vel * np.exp(-dt / 0.06))
        for j in range(_frame_at_or_after(off[i]), frames):
            dt = max(0.0, j / 100.0 - off[i])
            if dt >= 1.5:
                break
            out[168 + row, j] = max(out[168 + row, j], vel * np.exp(-dt / 0.15))
        for j in range(_frame_at_or_after(on[i]), frames):
            t = j / 100.0
            if t >= off[i]:
                break
            out[252 + row, j] = max(out[252 + row, j], vel * np.exp(-max(0.0, t - on[i]) / 0.8))


@nb.njit(cache=True)
def _drums(on, index, velocity, taus, out):
    frames = out.shape[1]
    for i in range(on.shape[0]):
        c = index[i]
        vel = velocity[i] / 127.0
        nearest = int(np.floor(on[i] * 100.0 + 0.5))
        if 0 <= nearest < frames:
            out[c, nearest] = max(out[c, nearest], vel)
        for trace in range(4):
            row = 12 + 12 * trace + c
            tau = taus[trace]
            for j in range(_frame_at_or_after(on[i] - 0.005), frames):
                dt = max(0.0, j / 100.0 - on[i])
                if dt >= 5.0 * tau:
                    break
                out[row, j] = max(out[row, j], vel * np.exp(-dt / tau))


def score_features(track: str, notes: TimedNotes, frames: int) -> np.ndarray:
    """Score features of a track, float32 [rows, frames]."""
    out = np.zeros((feature_rows(track), frames), dtype=np.float32)
    if track == "drums":
        index = np.array([drum_class(key) for key in notes.pitch], dtype=np.int64)
        _drums(notes.on, index, notes.velocity, _TAUS, out)
    else:
        _tonal(notes.on, notes.off, notes.pitch, notes.velocity, out)
    return out
