"""Spectral front end of the codec: log-mel analysis, band interpolation and the gain filter.

Everything here is normative: the engine's Rust twin is tested against goldens written by this module.

* mel scale: HTK, ``mel(f) = 2595 log10(1 + f / 700)``
* 96 triangular bands, peak 1, with 98 edges equally spaced in mel between 30 Hz and 20 kHz; band b is centred at edge
  b + 1. Triangles are linear in Hz.
* log-mel: periodic Hann 2048, hop 480, frame j centred at sample 480 j, zeros outside the clip,
  power spectrum, ``ln(max(x, 1e-7))``.
* filter: ``audio = iSTFT(sum_s exp(g_s) STFT(stream_s))`` with periodic Hann analysis and synthesis
  windows, frame j centred at sample hop * j, overlap-add divided by the sum of squared windows.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import fft as sfft

SAMPLE_RATE = 48_000
MEL_BANDS = 96
MEL_LOW_HZ = 30.0
MEL_HIGH_HZ = 20_000.0
MEL_N_FFT = 2048
MEL_HOP = 480
MEL_FLOOR = 1e-7
GAIN_MIN = -14.0
GAIN_MAX = 6.0
_NORM_FLOOR = 1e-8


def hz_to_mel(hz: np.ndarray | float) -> np.ndarray:
    """HTK mel of a frequency in hertz."""
    return 2595.0 * np.log10(1.0 + np.asarray(hz, dtype=np.float64) / 700.0)


def mel_to_hz(mel: np.ndarray | float) -> np.ndarray:
    """Frequency in hertz of an HTK mel value."""
    return 700.0 * (10.0 ** (np.asarray(mel, dtype=np.float64) / 2595.0) - 1.0)


@lru_cache(maxsize=8)
def mel_edges() -> np.ndarray:
    """The 98 band edges in mel."""
    return np.linspace(hz_to_mel(MEL_LOW_HZ), hz_to_mel(MEL_HIGH_HZ), MEL_BANDS + 2)


@lru_cache(maxsize=8)
def mel_filters(n_fft: int = MEL_N_FFT) -> np.ndarray:
    """Triangular mel filters, float32 [96, n_fft / 2 + 1], peak 1.

    Neither slope of a triangle is narrower than one bin (this only matters below n_fft 2048).
    """
    edges = mel_to_hz(mel_edges())
    spacing = SAMPLE_RATE / n_fft
    hz = np.arange(n_fft // 2 + 1) * spacing
    mid = edges[1:-1, None]
    low = np.minimum(edges[:-2, None], mid - spacing)
    high = np.maximum(edges[2:, None], mid + spacing)
    up = (hz[None] - low) / (mid - low)
    down = (high - hz[None]) / (high - mid)
    return np.maximum(0.0, np.minimum(up, down)).astype(np.float32)


@lru_cache(maxsize=8)
def band_to_bin(n_fft: int) -> np.ndarray:
    """Interpolation matrix from 96 band gains to bins, float32 [96, n_fft / 2 + 1].

    Linear in mel between the band centres, constant outside.
    """
    centres = mel_edges()[1:-1]
    mel = hz_to_mel(np.arange(n_fft // 2 + 1) * (SAMPLE_RATE / n_fft))
    position = np.clip((mel - centres[0]) / (centres[1] - centres[0]), 0.0, MEL_BANDS - 1.0)
    left = np.minimum(position.astype(np.int64), MEL_BANDS - 2)
    fraction = position - left
    matrix = np.zeros((MEL_BANDS, n_fft // 2 + 1))
    bins = np.arange(n_fft // 2 + 1)
    matrix[left, bins] = 1.0 - fraction
    matrix[left + 1, bins] += fraction
    return matrix.astype(np.float32)


@lru_cache(maxsize=8)
def hann(n_fft: int) -> np.ndarray:
    """Periodic Hann window, float32 [n_fft]."""
    return (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)


def stft(audio: np.ndarray, n_fft: int, hop: int, frames: int) -> np.ndarray:
    """Centred STFT, complex64 [frames, n_fft / 2 + 1]; zeros outside the audio [samples]."""
    half = n_fft // 2
    needed = (frames - 1) * hop + n_fft
    padded = np.zeros(needed, dtype=np.float32)
    length = min(audio.shape[0], needed - half)
    padded[half : half + length] = audio[:length]
    windows = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop][:frames]
    return sfft.rfft(windows * hann(n_fft), axis=1).astype(np.complex64)


def istft(spectrum: np.ndarray, n_fft: int, hop: int) -> np.ndarray:
    """Inverse of `stft`: complex [frames, bins] to float32 [frames * hop]."""
    frames = spectrum.shape[0]
    half = n_fft // 2
    window = hann(n_fft)
    pieces = sfft.irfft(spectrum, n=n_fft, axis=1).astype(np.float32) * window
    out = np.zeros((frames - 1) * hop + n_fft, dtype=np.float64)
    norm = np.zeros_like(out)
    for j in range(frames):
        out[j * hop : j * hop + n_fft] += pieces[j]
        norm[j * hop : j * hop + n_fft] += window.astype(np.float64) ** 2
    out /= np.maximum(norm, _NORM_FLOOR)
    return out[half : half + frames * hop].astype(np.float32)


def log_mel_of_spectrum(spectrum: np.ndarray) -> np.ndarray:
    """Log-mel of an STFT, complex [frames, n_fft / 2 + 1] to float32 [96, frames]."""
    power = spectrum.real**2 + spectrum.imag**2
    filters = mel_filters(2 * (spectrum.shape[1] - 1))
    return np.log(np.maximum(filters @ power.T, MEL_FLOOR)).astype(np.float32)


def log_mel(audio: np.ndarray, frames: int | None = None) -> np.ndarray:
    """Normative log-mel, float32 [96, frames]; `frames` defaults to ceil(samples / 480)."""
    if frames is None:
        frames = -(-audio.shape[0] // MEL_HOP)
    return log_mel_of_spectrum(stft(audio, MEL_N_FFT, MEL_HOP, frames))


def stream_levels(streams: np.ndarray, n_fft: int, hop: int, frames: int) -> np.ndarray:
    """Decoder input `levels`: log-mel of the two pitched streams, float32 [2, 96, frames]."""
    return np.stack([log_mel_of_spectrum(stft(stream, n_fft, hop, frames)) for stream in streams[:2]])


def apply_gains(log_gains: np.ndarray, streams: np.ndarray, n_fft: int, hop: int) -> np.ndarray:
    """Filter streams [S, samples] by log gains [S, 96, frames]; float32 [frames * hop]."""
    frames = log_gains.shape[2]
    matrix = band_to_bin(n_fft)
    clipped = np.clip(log_gains, GAIN_MIN, GAIN_MAX)
    total = np.zeros((frames, n_fft // 2 + 1), dtype=np.complex64)
    for gains, stream in zip(clipped, streams, strict=True):
        total += np.exp(gains.T @ matrix) * stft(stream, n_fft, hop, frames)
    return istft(total, n_fft, hop)
