"""Transcribes a stem that has no MIDI file: a rough result, but the trainers need onsets and pitches.

Onsets are peaks of the spectral flux (Bello et al. 2005, "A Tutorial on Onset Detection in Music Signals", section
III); pitches are peaks of a harmonic sum (Klapuri 2006, "Multiple Fundamental Frequency Estimation by Summing Harmonic
Amplitudes"), more than one for tracks that play chords. A MIDI file is always preferable.
"""

from __future__ import annotations

import numpy as np

RATE = 48_000
HOP = 480
N_FFT = 4096
_CHORD_NOTES = {"bass": 1, "melody": 1, "harmony": 4}
_RANGES = {"bass": (28, 60), "harmony": (40, 84), "melody": (48, 96)}  # MIDI

# On and off in seconds, MIDI pitch, velocity.
Heard = tuple[float, float, int, int]


def _magnitudes(audio: np.ndarray) -> np.ndarray:
    """[frames, bins] at 100 centred frames per second."""
    window = np.hanning(N_FFT)
    padded = np.pad(audio, (N_FFT // 2, N_FFT))
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[: len(audio) : HOP]
    return np.abs(np.fft.rfft(frames * window, axis=1)) / window.sum()


def onsets(magnitudes: np.ndarray) -> np.ndarray:
    """Frames with an onset."""
    level = np.log1p(1000.0 * magnitudes)
    flux = np.maximum(level[2:] - level[:-2], 0.0).sum(1)
    flux = np.pad(flux, (1, 1))
    around = np.lib.stride_tricks.sliding_window_view(np.pad(flux, 10, mode="edge"), 21)
    peak = (flux == around[:, 6:15].max(1)) & (flux > 1.5 * around.mean(1) + 0.02 * flux.max()) & (flux > 1e-3)
    # The end of a note also produces spectral splatter, but no increase in level.
    power = np.pad((magnitudes**2).sum(1), 8, mode="edge")
    before = np.lib.stride_tricks.sliding_window_view(power, 4)
    frames = np.flatnonzero(peak)
    return frames[before[frames + 11].mean(1) > 1.2 * before[frames + 2].mean(1)]


def _drum_key(spectrum: np.ndarray) -> int:
    """General MIDI key chosen by the band with the most energy: kick, snare or hi-hat."""
    hz = np.arange(len(spectrum)) * RATE / N_FFT
    power = spectrum**2
    total = power.sum() + 1e-12
    if power[hz < 130.0].sum() / total > 0.5:
        return 36
    return 42 if power[hz > 5000.0].sum() / total > 0.6 else 38


def _pitches(spectrum: np.ndarray, low: int, high: int, count: int) -> list[int]:
    """The strongest pitches of a spectrum, up to `count`."""
    left = spectrum.copy()
    found: list[int] = []
    strongest = 0.0
    for _ in range(count):
        best, salience = 0, 0.0
        for pitch in range(low, high + 1):
            hz = 440.0 * 2.0 ** ((pitch - 69) / 12.0) * np.arange(1, 9)
            bins = np.rint(hz[hz < RATE / 2 - 50.0] * N_FFT / RATE).astype(int)
            near = np.maximum(left[bins], np.maximum(left[bins - 1], left[np.minimum(bins + 1, len(left) - 1)]))
            value = float((near / (1.0 + np.arange(len(bins)))).sum())
            if value > salience:
                best, salience = pitch, value
        if salience <= max(1e-6, 0.4 * strongest):
            break
        strongest = max(strongest, salience)
        found.append(best)
        for harmonic in range(1, 9):
            at = round(440.0 * 2.0 ** ((best - 69) / 12.0) * harmonic * N_FFT / RATE)
            left[max(0, at - 3) : at + 4] *= 0.2
    return sorted(set(found))


def transcribe(track: str, audio: np.ndarray) -> list[Heard]:
    """Notes of a mono stem (float, 48 kHz), sorted by onset."""
    magnitudes = _magnitudes(audio)
    begins = onsets(magnitudes)
    loudness = magnitudes.sum(1)
    top = float(loudness.max()) or 1.0
    notes: list[Heard] = []
    for index, frame in enumerate(begins):
        following = begins[index + 1] if index + 1 < len(begins) else len(magnitudes)
        spectrum = magnitudes[frame + 2 : max(frame + 3, min(frame + 10, following))].mean(0)
        velocity = int(np.clip(30 + 90 * np.sqrt(loudness[frame : frame + 6].max() / top), 1, 127))
        if track == "drums":
            notes.append((frame / 100, frame / 100 + 0.1, _drum_key(spectrum), velocity))
            continue
        quiet = np.flatnonzero(loudness[frame:following] < 0.1 * loudness[frame : frame + 10].max())
        quiet = quiet[quiet > 3]
        end = frame + int(quiet[0]) if len(quiet) else following
        for pitch in _pitches(spectrum, *_RANGES[track], _CHORD_NOTES[track]):
            notes.append((frame / 100, max(end, frame + 5) / 100, pitch, velocity))
    return notes
