"""Mono effects with deliberately short tails: drive, tilt equaliser, chorus, tremolo, formants and a small room.

All are causal and start from silence; `process_loop` runs the end of the loop through them first, so that the loop is
seamless.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from resonant.synth.tables import SAMPLE_RATE

_FS = float(SAMPLE_RATE)
_WARM_UP_S = 1.0


@dataclass(frozen=True)
class Effects:
    """Settings of the chain; zero disables a stage. Frequencies and rates in hertz, gains in decibels."""

    drive: float = 0.0  # 0..1, tanh; input is expected around -20 dBFS RMS
    high_pass_hz: float = 0.0
    low_pass_hz: float = 0.0
    tilt_db: float = 0.0  # positive is brighter: high shelf at 2.5 kHz
    body_db: float = 0.0  # low shelf at 200 Hz
    chorus: float = 0.0  # wet level 0..1
    chorus_hz: float = 0.6
    chorus_ms: float = 2.5
    tremolo: float = 0.0
    tremolo_hz: float = 5.0
    formant: str = ""  # "", "ah", "oh", "ee", "oo": parallel band-passes
    formant_mix: float = 0.0
    room: float = 0.0  # wet level 0..1
    room_s: float = 0.25  # reverberation time
    wow_cents: float = 0.0  # slow pitch variation as on tape
    crush: float = 1.0


FORMANTS = {
    "ah": ((750.0, 1.0), (1150.0, 0.6), (2700.0, 0.25), (3500.0, 0.12)),
    "oh": ((450.0, 1.0), (800.0, 0.5), (2600.0, 0.12), (3300.0, 0.06)),
    "ee": ((300.0, 1.0), (2200.0, 0.45), (2900.0, 0.3), (3700.0, 0.15)),
    "oo": ((320.0, 1.0), (800.0, 0.25), (2400.0, 0.05), (3200.0, 0.03)),
}


@njit(cache=True, fastmath=True, nogil=True)
def _one_pole(x, hz, high):
    c = 1.0 - math.exp(-2 * math.pi * hz / _FS)
    s = 0.0
    for n in range(x.shape[0]):
        s += c * (x[n] - s)
        x[n] = x[n] - s if high else s


@njit(cache=True, fastmath=True, nogil=True)
def _shelf(x, hz, gain, high):
    c = 1.0 - math.exp(-2 * math.pi * hz / _FS)
    s = 0.0
    for n in range(x.shape[0]):
        s += c * (x[n] - s)
        if high:
            x[n] = s + gain * (x[n] - s)
        else:
            x[n] = x[n] + (gain - 1.0) * s


@njit(cache=True, fastmath=True, nogil=True)
def _drive(x, amount):
    pre = 1.0 + 12.0 * amount
    post = 1.0 / (1.0 + 6.0 * amount)
    for n in range(x.shape[0]):
        x[n] = math.tanh(x[n] * pre) * post


@njit(cache=True, fastmath=True, nogil=True)
def _modulated_delay(x, wet, dry, hz, depth_ms, base_ms, phase):
    size = 4096
    line = np.zeros(size)
    position = 0
    base = base_ms * _FS / 1000.0
    depth = depth_ms * _FS / 1000.0
    step = 2 * math.pi * hz / _FS
    for n in range(x.shape[0]):
        line[position] = x[n]
        delay = base + depth * (1.0 + math.sin(phase + n * step))
        place = position - delay
        if place < 0:
            place += size
        i = int(place)
        f = place - i
        value = line[i] + f * (line[(i + 1) % size] - line[i])
        x[n] = dry * x[n] + wet * value
        position = (position + 1) % size


@njit(cache=True, fastmath=True, nogil=True)
def _tremolo(x, depth, hz, phase):
    for n in range(x.shape[0]):
        x[n] *= 1.0 - depth * (0.5 + 0.5 * math.sin(phase + 2 * math.pi * hz * n / _FS))


@njit(cache=True, fastmath=True, nogil=True)
def _formants(x, centres, gains, mix):
    dry = x.copy()
    for n in range(x.shape[0]):
        x[n] = (1.0 - mix) * dry[n]
    for b in range(centres.shape[0]):
        g = math.tan(math.pi * centres[b] / _FS)
        k = 0.14
        a1 = 1.0 / (1.0 + g * (g + k))
        s1 = 0.0
        s2 = 0.0
        for n in range(x.shape[0]):
            v3 = dry[n] - s2
            v1 = a1 * (s1 + g * v3)
            v2 = s2 + g * v1
            s1 = 2.0 * v1 - s1
            s2 = 2.0 * v2 - s2
            x[n] += mix * gains[b] * k * v1 * 4.0


@njit(cache=True, fastmath=True, nogil=True)
def _room(x, wet, time_s, damp):
    # Four parallel damped combs and two all-passes (Schroeder 1962) with mutually prime lengths.
    lengths = np.array([1117, 1277, 1439, 1571])
    lines = np.zeros((4, 1571))
    state = np.zeros(4)
    feedback = np.empty(4)
    position = np.zeros(4, dtype=np.int64)
    for i in range(4):
        feedback[i] = 10.0 ** (-3.0 * lengths[i] / (_FS * time_s))
    a_lengths = np.array([241, 89])
    a_lines = np.zeros((2, 241))
    a_position = np.zeros(2, dtype=np.int64)
    for n in range(x.shape[0]):
        y = 0.0
        for i in range(4):
            p = position[i]
            value = lines[i, p]
            state[i] += damp * (value - state[i])
            lines[i, p] = x[n] + feedback[i] * state[i]
            position[i] = p + 1 if p + 1 < lengths[i] else 0
            y += value
        y *= 0.35
        for i in range(2):
            p = a_position[i]
            value = a_lines[i, p]
            w = y + 0.6 * value
            a_lines[i, p] = w
            y = value - 0.6 * w
            a_position[i] = p + 1 if p + 1 < a_lengths[i] else 0
        x[n] += wet * y


@njit(cache=True, fastmath=True, nogil=True)
def _crush(x, hold):
    phase = 1.0
    held = 0.0
    for n in range(x.shape[0]):
        phase += 1.0 / hold
        if phase >= 1.0:
            phase -= 1.0
            held = x[n]
        x[n] = held


@njit(cache=True, fastmath=True, nogil=True)
def soft_limit(x):
    """Memoryless limiter in place: linear below 0.45, bounded by 0.7 (-3.1 dBFS)."""
    for n in range(x.shape[0]):
        v = x[n]
        a = abs(v)
        if a > 0.45:
            y = 0.45 + 0.25 * math.tanh((a - 0.45) / 0.25)
            x[n] = y if v > 0 else -y


def _rate(hz: float, period_s: float) -> float:
    """The nearest rate with a whole number of cycles per period (unchanged if the period is 0)."""
    return max(1, round(hz * period_s)) / period_s if period_s > 0 else hz


def process(x: np.ndarray, effects: Effects, phase: float, period_s: float = 0.0) -> np.ndarray:
    """Run the chain over float32 `x` in place.

    `phase` (radians) is the initial phase of the modulators; if `period_s` is not 0, they repeat after that many
    seconds.
    """
    e = effects
    if e.wow_cents > 0:
        hz = _rate(0.7, period_s)
        depth_ms = 1000.0 * (2 ** (e.wow_cents / 1200) - 1) / (2 * math.pi * hz)
        _modulated_delay(x, 1.0, 0.0, hz, depth_ms, 0.05, phase)
    if e.drive > 0:
        _drive(x, e.drive)
    if e.crush > 1.0:
        _crush(x, e.crush)
    if e.high_pass_hz > 0:
        _one_pole(x, e.high_pass_hz, True)
    if e.low_pass_hz > 0:
        _one_pole(x, e.low_pass_hz, False)
        _one_pole(x, e.low_pass_hz, False)
    if e.tilt_db != 0:
        _shelf(x, 2500.0, 10 ** (e.tilt_db / 20), True)
    if e.body_db != 0:
        _shelf(x, 200.0, 10 ** (e.body_db / 20), False)
    if e.formant_mix > 0:
        bands = np.array(FORMANTS[e.formant])
        _formants(x, bands[:, 0].copy(), bands[:, 1].copy(), e.formant_mix)
    if e.chorus > 0:
        _modulated_delay(x, e.chorus * 0.7, 1.0 - 0.4 * e.chorus, _rate(e.chorus_hz, period_s), e.chorus_ms, 4.0, phase)
    if e.tremolo > 0:
        _tremolo(x, e.tremolo, _rate(e.tremolo_hz, period_s), phase)
    if e.room > 0:
        _room(x, e.room, e.room_s, 0.5)
    return x


def process_loop(x: np.ndarray, effects: Effects, phase: float) -> np.ndarray:
    """Effects on a seamless loop, warmed up with the end of the loop; the length stays the same."""
    if effects == Effects():
        return x
    warm = min(len(x), int(_WARM_UP_S * SAMPLE_RATE))
    return process(np.concatenate([x[-warm:], x]), effects, phase, len(x) / SAMPLE_RATE)[warm:]
