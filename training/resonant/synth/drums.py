"""Drum one-shots at 48 kHz: swept sine bodies, shaped noise, metallic square oscillators, clap bursts."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from resonant.synth.tables import SAMPLE_RATE

_FS = float(SAMPLE_RATE)


@dataclass(frozen=True)
class Hit:
    """One drum voice. Levels are linear, times in seconds, frequencies in hertz; a level of 0 disables a part."""

    body: float = 0.0
    hz: float = 50.0
    start_ratio: float = 1.0
    sweep_s: float = 0.03
    decay_s: float = 0.3
    triangle: float = 0.0  # 0 sine to 1 triangle
    body2: float = 0.0  # second mode (snares, cowbells, agogos)
    hz2: float = 330.0
    decay2_s: float = 0.1
    square: float = 0.0  # 1: the bodies are square waves (cowbell, chip)
    noise: float = 0.0
    noise_attack_s: float = 0.0005
    noise_decay_s: float = 0.1
    noise_low_hz: float = 200.0  # high-pass corner
    noise_high_hz: float = 16_000.0  # low-pass corner
    noise_q: float = 0.7
    bursts: int = 1
    burst_gap_s: float = 0.011
    metal: float = 0.0
    metal_hz: float = 400.0
    metal_decay_s: float = 0.1
    metal_high_pass_hz: float = 7_000.0
    click: float = 0.0
    click_hz: float = 4_000.0
    click_decay_s: float = 0.002
    drive: float = 0.0
    low_pass_hz: float = 20_000.0
    crush: float = 1.0  # sample-and-hold factor (lo-fi)
    level: float = 1.0

    def length_s(self) -> float:
        """Seconds until every part has decayed by 60 dB."""
        longest = 0.03
        if self.body > 0:
            longest = max(longest, 7.0 * self.decay_s)
        if self.body2 > 0:
            longest = max(longest, 7.0 * self.decay2_s)
        if self.noise > 0:
            longest = max(longest, self.bursts * self.burst_gap_s + 7.0 * self.noise_decay_s)
        if self.metal > 0:
            longest = max(longest, 7.0 * self.metal_decay_s)
        return min(longest, 3.0)


_METAL_RATIOS = np.array([1.0, 1.342, 1.2312, 1.6532, 1.9523, 2.1523])


@njit(cache=True, fastmath=True, nogil=True)
def _render(out, p, ratios, velocity, seed):
    body, hz, start_ratio, sweep, decay, triangle = p[0], p[1], p[2], p[3], p[4], p[5]
    body2, hz2, decay2, square = p[6], p[7], p[8], p[9]
    noise, noise_attack, noise_decay, noise_low, noise_high, noise_q = p[10], p[11], p[12], p[13], p[14], p[15]
    bursts, gap = int(p[16]), p[17]
    metal, metal_hz, metal_decay, metal_hp = p[18], p[19], p[20], p[21]
    click, click_hz, click_decay, drive = p[22], p[23], p[24], p[25]
    np.random.seed(seed)
    total = out.shape[0]
    phase = 0.0
    phase2 = 0.0
    metal_phase = np.empty(6)
    for i in range(6):
        metal_phase[i] = np.random.random()
    l1 = 0.0
    l2 = 0.0
    h1 = 0.0
    h2 = 0.0
    m1 = 0.0
    m2 = 0.0
    m3 = 0.0
    c1 = 0.0
    bright = 2.0 ** (1.2 * (velocity - 0.8))
    gl = math.tan(math.pi * min(noise_high * bright, 21_000.0) / _FS)
    gh = math.tan(math.pi * min(noise_low, 20_000.0) / _FS)
    k = 1.0 / noise_q
    al1 = 1.0 / (1.0 + gl * (gl + k))
    ah1 = 1.0 / (1.0 + gh * (gh + k))
    gm = 1.0 - math.exp(-2 * math.pi * metal_hp / _FS)
    gc = 1.0 - math.exp(-2 * math.pi * min(click_hz * bright, 20_000.0) / _FS)
    decay_step = math.exp(-1.0 / (_FS * decay))
    decay2_step = math.exp(-1.0 / (_FS * decay2))
    noise_step = math.exp(-1.0 / (_FS * noise_decay))
    metal_step = math.exp(-1.0 / (_FS * metal_decay))
    sweep_step = math.exp(-1.0 / (_FS * sweep))
    click_step = math.exp(-1.0 / (_FS * click_decay))
    env = 1.0
    env2 = 1.0
    envn = 0.0
    envm = 1.0
    envs = 1.0
    envc = 1.0
    burst = 0
    next_burst = 0
    gap_samples = int(gap * _FS)
    for n in range(total):
        t = n / _FS
        x = 0.0
        ramp = min(1.0, t / 0.001)
        if body > 0.0 and env > 1e-5:
            value = math.sin(2 * math.pi * phase)
            if triangle > 0.0:
                value += triangle * (2.0 / math.pi * math.asin(value) - value)
            if square > 0.0:
                value = math.tanh(8.0 * value)
            x += body * env * ramp * value
            phase += hz * (1.0 + (start_ratio - 1.0) * envs) / _FS
            phase -= math.floor(phase)
            env *= decay_step
            envs *= sweep_step
        if body2 > 0.0 and env2 > 1e-5:
            value = math.sin(2 * math.pi * phase2)
            if square > 0.0:
                value = math.tanh(8.0 * value)
            x += body2 * env2 * ramp * value
            phase2 += hz2 / _FS
            phase2 -= math.floor(phase2)
            env2 *= decay2_step
        if noise > 0.0:
            if burst < bursts and n == next_burst:
                envn = 1.0
                burst += 1
                next_burst += gap_samples
            w = noise * envn * (np.random.random() * 2.0 - 1.0)
            w *= min(1.0, t / noise_attack)
            if burst < bursts:
                envn *= math.exp(-1.0 / (_FS * 0.005))
            else:
                envn *= noise_step
            v3 = w - l2
            v1 = al1 * (l1 + gl * v3)
            v2 = l2 + gl * v1
            l1 = 2.0 * v1 - l1
            l2 = 2.0 * v2 - l2
            w = v2
            v3 = w - h2
            v1 = ah1 * (h1 + gh * v3)
            v2 = h2 + gh * v1
            h1 = 2.0 * v1 - h1
            h2 = 2.0 * v2 - h2
            x += w - k * v1 - v2
        if metal > 0.0 and envm > 1e-5:
            w = 0.0
            for i in range(6):
                ph = metal_phase[i]
                dt = metal_hz * ratios[i] / _FS
                value = 1.0 if ph < 0.5 else -1.0
                # polynomial band-limited step at both edges
                if ph < dt:
                    u = ph / dt
                    value += u + u - u * u - 1.0
                elif ph > 1.0 - dt:
                    u = (ph - 1.0) / dt
                    value += u * u + u + u + 1.0
                half = ph + 0.5 if ph < 0.5 else ph - 0.5
                if half < dt:
                    u = half / dt
                    value -= u + u - u * u - 1.0
                elif half > 1.0 - dt:
                    u = (half - 1.0) / dt
                    value -= u * u + u + u + 1.0
                w += value
                ph += dt
                if ph >= 1.0:
                    ph -= 1.0
                metal_phase[i] = ph
            w *= metal * envm / 3.0
            envm *= metal_step
            m1 += gm * (w - m1)
            w -= m1
            m2 += gm * (w - m2)
            w -= m2
            m3 += gm * (w - m3)
            x += w - m3
        if click > 0.0 and envc > 1e-5:
            w = click * envc * (np.random.random() * 2.0 - 1.0)
            c1 += gc * (w - c1)
            x += c1 * 2.0
            envc *= click_step
        if drive > 0.0:
            x = math.tanh(x * (1.0 + 5.0 * drive)) / math.tanh(1.0 + 5.0 * drive)
        out[n] = x


@functools.cache
def _metal_gain(hz: float, high_pass_hz: float) -> float:
    """Gain that scales the filtered square cluster to an RMS of 1/3 for any pitch and corner (three one-pole high-passes)."""
    power = 0.0
    keep = math.exp(-2 * math.pi * high_pass_hz / _FS)
    for ratio in _METAL_RATIOS:
        frequencies = np.arange(1, 60, 2) * hz * ratio
        amplitudes = 4 / np.pi / np.arange(1, 60, 2)
        delay = np.exp(-2j * np.pi * frequencies / _FS)
        passed = np.abs(keep * (1 - delay) / (1 - keep * delay)) ** 6
        power += float(np.sum((amplitudes**2 / 2 * passed)[frequencies < 22_000]))
    return 1.0 / math.sqrt(max(power, 1e-9))


def render_hit(hit: Hit, velocity: float, seed: int) -> np.ndarray:
    """One-shot of `hit` at velocity 0..1 (which scales its level linearly) -> float32 samples."""
    h = hit
    out = np.zeros(int(h.length_s() * SAMPLE_RATE), dtype=np.float32)
    parameters = np.array(
        [
            h.body,
            h.hz,
            h.start_ratio,
            h.sweep_s,
            h.decay_s,
            h.triangle,
            h.body2,
            h.hz2,
            h.decay2_s,
            h.square,
            h.noise,
            h.noise_attack_s,
            h.noise_decay_s,
            h.noise_low_hz,
            h.noise_high_hz,
            h.noise_q,
            h.bursts,
            h.burst_gap_s,
            h.metal * _metal_gain(h.metal_hz, h.metal_high_pass_hz),
            h.metal_hz,
            h.metal_decay_s,
            h.metal_high_pass_hz,
            h.click,
            h.click_hz,
            h.click_decay_s,
            h.drive,
        ]
    )
    _render(out, parameters, _METAL_RATIOS, velocity, seed)
    return shape(out, h.crush, h.low_pass_hz) * np.float32(h.level * velocity)


@njit(cache=True, fastmath=True, nogil=True)
def _shape(x, hold, coefficient):
    total = x.shape[0]
    state = 0.0
    state2 = 0.0
    held = 0.0
    phase = 1.0
    fade = min(total, 480)
    for n in range(total):
        if hold > 1.0:
            phase += 1.0 / hold
            if phase >= 1.0:
                phase -= 1.0
                held = x[n]
            value = held
        else:
            value = x[n]
        if coefficient < 1.0:
            state += coefficient * (value - state)
            state2 += coefficient * (state - state2)
            value = state2
        if n >= total - fade:
            value *= (total - n) / fade
        x[n] = value


def shape(x: np.ndarray, crush: float, low_pass_hz: float) -> np.ndarray:
    """Sample-and-hold by `crush` (1: off), two-pole low-pass (20 kHz and up: off) and a 10 ms fade-out, in place."""
    coefficient = 1.0 if low_pass_hz >= 20_000 else 1.0 - math.exp(-2 * math.pi * low_pass_hz / _FS)
    _shape(x, float(crush), coefficient)
    return x
