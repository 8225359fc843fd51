"""Perceptual measures of drum hits: audible differences between two recordings of the same stroke.

Each takes sounds as float64 [samples] at 48 kHz that begin with the attack, normalised in level where that matters.
`compare` returns all measures as differences between a sound and its original.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, sosfilt

from resonant.mel import hz_to_mel, mel_to_hz

RATE = 48_000
MEASURES = ("mel", "mel_50ms", "rise", "early", "crest", "flux", "modulation")


def _frames(sound: np.ndarray, n_fft: int, hop: int, first: int) -> np.ndarray:
    """Power spectra, float64 [frames, bins]; frame 0 starts at sample `first` (negative: zeros before the sound)."""
    padded = np.concatenate([np.zeros(-first), sound, np.zeros(n_fft)])
    window = np.hanning(n_fft + 1)[:-1]
    views = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    return np.abs(np.fft.rfft(views * window, axis=1)) ** 2


def _mel(power: np.ndarray, bands: int) -> np.ndarray:
    """Band powers [frames, bands] between 30 Hz and 20 kHz."""
    n_fft = 2 * (power.shape[1] - 1)
    edges = mel_to_hz(np.linspace(hz_to_mel(30.0), hz_to_mel(20_000.0), bands + 2))
    spacing = RATE / n_fft
    hz = np.arange(power.shape[1]) * spacing
    mid = edges[1:-1, None]
    low, high = np.minimum(edges[:-2, None], mid - spacing), np.maximum(edges[2:, None], mid + spacing)
    filters = np.maximum(0, np.minimum((hz - low) / (mid - low), (high - hz) / (high - mid)))
    return power @ filters.T


def _decibels(power: np.ndarray, below_top: float = 60.0) -> np.ndarray:
    return 10 * np.log10(np.maximum(power, power.max() * 10 ** (-below_top / 10) + 1e-20))


def normalised(sound: np.ndarray) -> np.ndarray:
    """The sound scaled to an energy of 1 in its first 200 ms."""
    return sound / np.sqrt(np.sum(sound[: RATE // 5] ** 2) + 1e-20)


def log_mel(sound: np.ndarray) -> np.ndarray:
    """Decibels [frames, 96], windows of 1024 samples every 240 samples."""
    return 10 * np.log10(_mel(_frames(normalised(sound), 1024, 240, -784), 96) + 1e-4)


def log_mel_attack(sound: np.ndarray) -> np.ndarray:
    """Decibels [frames, 40] of the first 50 ms, windows of 256 samples every 48 samples."""
    power = _frames(normalised(sound)[: RATE // 20 + 256], 256, 48, -208)[: RATE // 20 // 48 + 4]
    return 10 * np.log10(_mel(power, 40) + 1e-4)


def rise_octaves(sound: np.ndarray) -> float:
    """log2 of the 10 to 90 % rise time in milliseconds, relative to the envelope's peak (1 ms RMS)."""
    power = np.convolve(sound[: RATE // 10] ** 2, np.ones(48) / 48)
    envelope = np.sqrt(np.maximum(power, 0))
    top = envelope.max() + 1e-20
    high = int(np.argmax(envelope >= 0.9 * top))
    low = int(np.argmax(envelope >= 0.1 * top))
    return float(np.log2(max(high - low, 4) / 48))


def early_energy(sound: np.ndarray) -> float:
    """Level of the first 5 ms relative to the first 200 ms, in dB."""
    energy = sound**2
    return float(10 * np.log10((energy[:240].sum() + 1e-12) / (energy[:9600].sum() + 1e-12)))


def presence(sound: np.ndarray) -> np.ndarray:
    """The part between 2 and 8 kHz."""
    return sosfilt(butter(2, [2000, 8000], "band", fs=RATE, output="sos"), sound)


def crest(sound: np.ndarray) -> float:
    """Crest factor (peak over RMS) in dB of the 2 to 8 kHz band in the first 50 ms."""
    band = presence(sound[:2400])
    return float(20 * np.log10((np.abs(band).max() + 1e-12) / (np.sqrt(np.mean(band**2)) + 1e-12)))


def flux(sound: np.ndarray) -> float:
    """Spectral flux of the attack in dB: the largest mean rise of 40 bands within 2 ms, over the first 30 ms; levels are
    limited to 50 dB below the loudest band.
    """
    level = _decibels(_mel(_frames(sound[:4800], 256, 48, -304), 40)[:100], 50)[:36]
    return float(np.maximum(level[2:] - level[:-2], 0).mean(axis=1).max())


def modulation(sound: np.ndarray) -> float:
    """Level in dB of envelope fluctuations (5 to 200 Hz) relative to the envelope, 20 to 300 ms after the attack."""
    part = sound[960:14_400]
    if len(part) < 4800:
        return 0.0
    power = np.convolve(part**2, np.hanning(96), "valid")[::48] + 1e-12
    log = np.log(power)
    time = np.arange(len(log))
    rest = log - np.polyval(np.polyfit(time, log, 3), time)
    return float(20 * np.log10(rest.std() + 1e-3))


def compare(sound: np.ndarray, original: np.ndarray) -> dict[str, float]:
    """Signed differences between a sound and its original (mel measures: mean absolute difference)."""
    length = min(len(sound), len(original))
    a, b = sound[:length], original[:length]
    return {
        "mel": float(np.abs(log_mel(a) - log_mel(b)).mean()),
        "mel_50ms": float(np.abs(log_mel_attack(a) - log_mel_attack(b)).mean()),
        "rise": rise_octaves(a) - rise_octaves(b),
        "early": early_energy(a) - early_energy(b),
        "crest": crest(a) - crest(b),
        "flux": flux(a) - flux(b),
        "modulation": modulation(a) - modulation(b),
    }


def table(rows: list[dict[str, float]]) -> dict[str, float]:
    """Mean absolute differences over many sounds."""
    return {name: float(np.mean([abs(row[name]) for row in rows])) for name in MEASURES}


def separability(real: np.ndarray, model: np.ndarray, groups: np.ndarray, seed: int = 0) -> float:
    """AUC of a linear discriminator (ridge) on features [sounds, features]; training and test sets never share a group.

    An AUC of .5 means that model and real sounds cannot be distinguished."""
    labels = np.concatenate([np.ones(len(real)), -np.ones(len(model))])
    features = np.concatenate([real, model])
    owner = np.concatenate([groups, groups])
    rng = np.random.default_rng(seed)
    names = rng.permutation(np.unique(groups))
    scores = np.zeros(len(labels))
    for fold in range(5):
        test = np.isin(owner, names[fold::5])
        mean, spread = features[~test].mean(0), features[~test].std(0) + 1e-6
        x = (features[~test] - mean) / spread
        weights = x.T @ np.linalg.solve(x @ x.T + 0.1 * x.shape[1] * np.eye(len(x)), labels[~test])
        scores[test] = (features[test] - mean) / spread @ weights
    better = scores[labels > 0][:, None] - scores[labels < 0][None]
    return float((better > 0).mean() + 0.5 * (better == 0).mean())


def fingerprint(sound: np.ndarray) -> np.ndarray:
    """Features for `separability`: the attack's log-mel every 4 ms, and the scalar measures."""
    attack = log_mel_attack(np.pad(sound, (0, max(0, RATE // 10 - len(sound)))))
    scalars = [rise_octaves(sound), early_energy(sound), crest(sound), flux(sound), modulation(sound)]
    return np.concatenate([attack[3::4].ravel(), 10 * np.array(scalars)])
