"""Band-limited wavetables, one mip level per octave.

Every tone of our own synthesis is a sum of harmonics of the note's fundamental, so that the codec's score-driven
excitation can describe it. Tables are `[frames, octaves, size + 1]` (the last point repeats the first for
interpolation).
"""

from __future__ import annotations

import functools

import numpy as np

SAMPLE_RATE = 48_000
SIZE = 2048
OCTAVES = 11
LOWEST_HZ = 20.0
_NYQUIST = SAMPLE_RATE / 2


def _mip(sine: np.ndarray, cosine: np.ndarray) -> np.ndarray:
    """Harmonic amplitudes (index 0 is the fundamental) -> [OCTAVES, SIZE + 1], peak of the full-band table is 1."""
    out = np.zeros((OCTAVES, SIZE + 1))
    for octave in range(OCTAVES):
        top = LOWEST_HZ * 2.0 ** (octave + 1)
        count = int(min(len(sine), SIZE // 2 - 1, max(1, _NYQUIST // top)))
        spectrum = np.zeros(SIZE // 2 + 1, dtype=np.complex128)
        spectrum[1 : count + 1] = (cosine[:count] - 1j * sine[:count]) * (SIZE / 2)
        table = np.fft.irfft(spectrum, SIZE)
        out[octave, :SIZE] = table
        out[octave, SIZE] = table[0]
    return out / max(1e-9, np.sqrt(np.mean(out[0] ** 2)) * 1.7320508)


def _from_wave(wave: np.ndarray) -> np.ndarray:
    spectrum = np.fft.rfft(wave) / (len(wave) / 2)
    return _mip(-spectrum.imag[1 : SIZE // 2], spectrum.real[1 : SIZE // 2])


def _harmonics(amplitudes: dict[int, float]) -> np.ndarray:
    sine = np.zeros(max(amplitudes))
    for number, amplitude in amplitudes.items():
        sine[number - 1] = amplitude
    return _mip(sine, np.zeros_like(sine))


_DRAWBAR_HARMONICS = (1, 3, 2, 4, 6, 8, 10, 12, 16)  # relative to the 16' bar, an octave below the note


def _drawbars(setting: str) -> np.ndarray:
    """Nine drawbar digits -> table whose fundamental is the 8' pitch (the 16' bar is folded into it)."""
    amplitudes: dict[int, float] = {}
    for digit, number in zip(setting, _DRAWBAR_HARMONICS, strict=True):
        harmonic = {1: 1, 3: 3, 2: 1, 4: 2, 6: 3, 8: 4, 10: 5, 12: 6, 16: 8}[number]
        level = 0.0 if digit == "0" else 10 ** (-3.0 * (8 - int(digit)) / 20)
        amplitudes[harmonic] = amplitudes.get(harmonic, 0.0) + level
    return _harmonics(amplitudes)


def _sync(ratio: float) -> np.ndarray:
    x = np.arange(SIZE) / SIZE
    return _from_wave(1.0 - 2.0 * ((x * ratio) % 1.0))


def _pulse(width: float) -> np.ndarray:
    k = np.arange(1, SIZE // 2)
    return _mip(np.sin(2 * np.pi * k * width) / k, (1 - np.cos(2 * np.pi * k * width)) / k)


def _formant(centre: float, width: float, tilt: float) -> np.ndarray:
    k = np.arange(1, 200)
    amplitude = k**-tilt * (0.15 + np.exp(-(((k - centre) / width) ** 2)))
    return _mip(amplitude, np.zeros_like(amplitude))


@functools.cache
def build() -> tuple[np.ndarray, dict[str, tuple[int, int]]]:
    """All tables `[frames, OCTAVES, SIZE + 1]` float32 and, per bank, (first frame, number of frames)."""
    k = np.arange(1, SIZE // 2)
    zero = np.zeros(len(k))
    odd = (k % 2 == 1).astype(float)
    banks: dict[str, list[np.ndarray]] = {
        "sine": [_harmonics({1: 1.0})],
        "saw": [_mip(1.0 / k, zero)],
        "square": [_mip(odd / k, zero)],
        "triangle": [_mip(odd / k**2 * np.where(k % 4 == 1, 1.0, -1.0), zero)],
        "pulse": [_pulse(w) for w in np.linspace(0.5, 0.06, 12)],
        "sync": [_sync(r) for r in np.linspace(1.0, 6.0, 24)],
        "soft": [_mip(1.0 / k**1.5, zero)],
        "hollow": [_mip(odd / k**1.4, zero)],
        "octave_saw": [_mip(1.0 / k + np.where(k % 2 == 0, 1.2 / k, 0.0), zero)],
        "reed": [_mip(np.exp(-(((k - 5.0) / 6.0) ** 2)) + 0.4 / k, zero)],
        "vox": [_formant(c, 2.2, 0.8) for c in (1.5, 2.5, 3.5, 5.0, 7.0, 9.0)],
        "glass": [_harmonics({1: 1.0, 3: 0.25, 4: 0.4, 7: 0.12, 9: 0.1, 12: 0.06})],
        "wire": [_mip(np.abs(np.sin(np.pi * k * 0.13)) / k, zero)],
        "organ_jazz": [_drawbars("888000000")],
        "organ_full": [_drawbars("888888888")],
        "organ_gospel": [_drawbars("888000008")],
        "organ_soft": [_drawbars("808400000")],
        "organ_perc": [_drawbars("008800000")],
        "organ_house": [_harmonics({1: 1.0, 2: 0.7, 3: 0.55, 4: 0.15, 6: 0.25, 8: 0.12})],
        "chip": [_pulse(0.25)],
        "digital": [
            _from_wave(np.sign(np.sin(2 * np.pi * np.arange(SIZE) / SIZE)) * ((np.arange(SIZE) * 5 / SIZE) % 1.0))
        ],
    }
    frames: list[np.ndarray] = []
    index: dict[str, tuple[int, int]] = {}
    for name, tables in banks.items():
        index[name] = (len(frames), len(tables))
        frames.extend(tables)
    return np.ascontiguousarray(np.stack(frames), dtype=np.float32), index
