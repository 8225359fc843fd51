"""Differentiable version of the filter stage (`mel.apply_gains`), and the codec's audio loss."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch.nn import functional as F

from resonant import mel
from resonant.codec import Transform

RESOLUTIONS = ((256, 24), (512, 40), (1024, 64), (2048, 96))  # n_fft, bands
LOG_FLOOR = 1e-3  # power at n_fft 2048 treated as silence, about -84 dBFS for a sine
EDGE = 1024  # samples at each end of a crop that the loss ignores


@lru_cache(maxsize=16)
def _window(n_fft: int) -> torch.Tensor:
    return torch.from_numpy(mel.hann(n_fft))


@lru_cache(maxsize=4)
def _interpolation(n_fft: int) -> torch.Tensor:
    return torch.from_numpy(mel.band_to_bin(n_fft))


@lru_cache(maxsize=8)
def _mel_matrix(n_fft: int) -> torch.Tensor:
    return torch.from_numpy(mel.mel_filters(n_fft).T.copy())


@lru_cache(maxsize=8)
def _loss_bands(n_fft: int, bands: int) -> torch.Tensor:
    """Triangular bands for the loss, [n_fft / 2 + 1, bands]; neither slope is narrower than one bin."""
    edges = mel.mel_to_hz(np.linspace(mel.hz_to_mel(30.0), mel.hz_to_mel(20_000.0), bands + 2))
    spacing = mel.SAMPLE_RATE / n_fft
    hz = np.arange(n_fft // 2 + 1)[:, None] * spacing
    mid = edges[1:-1]
    low, high = np.minimum(edges[:-2], mid - spacing), np.maximum(edges[2:], mid + spacing)
    filters = np.maximum(0.0, np.minimum((hz - low) / (mid - low), (high - hz) / (high - mid)))
    return torch.from_numpy(filters.astype(np.float32))


def spectra(audio: torch.Tensor, transform: Transform) -> torch.Tensor:
    """[..., samples] -> complex [..., frames, bins] with frames = samples / hop."""
    flat = audio.reshape(-1, audio.shape[-1])
    n_fft, hop = transform.n_fft, transform.hop
    result = torch.stft(flat, n_fft, hop, window=_window(n_fft), center=True, pad_mode="constant", return_complex=True)
    frames = audio.shape[-1] // hop
    return result[..., :frames].transpose(1, 2).reshape(*audio.shape[:-1], frames, -1)


def log_mel(spectrum: torch.Tensor) -> torch.Tensor:
    """Complex [..., frames, bins] -> log-mel [..., 96, frames]."""
    power = spectrum.real.square() + spectrum.imag.square()
    matrix = _mel_matrix(2 * (spectrum.shape[-1] - 1))
    return (power @ matrix).clamp(min=mel.MEL_FLOOR).log().transpose(-1, -2)


def synthesise(log_gains: torch.Tensor, streams: torch.Tensor, transform: Transform) -> torch.Tensor:
    """log gains [B, S, 96, T], stream spectra [B, S, T, bins] -> audio [B, T * hop]."""
    n_fft, hop = transform.n_fft, transform.hop
    gains = (log_gains.transpose(2, 3) @ _interpolation(n_fft)).exp()
    spectrum = torch.complex((gains * streams.real).sum(1), (gains * streams.imag).sum(1))
    frames = spectrum.shape[1]
    window = _window(n_fft)
    pieces = torch.fft.irfft(spectrum, n=n_fft, dim=-1) * window  # [B, T, n_fft]
    length = (frames - 1) * hop + n_fft
    out = F.fold(pieces.transpose(1, 2), (1, length), (1, n_fft), stride=(1, hop))[:, 0, 0]
    square = (window * window)[None, :, None].expand(1, n_fft, frames)
    norm = F.fold(square, (1, length), (1, n_fft), stride=(1, hop))[:, 0, 0]
    audio = out / norm.clamp(min=1e-8)
    return audio[:, n_fft // 2 : n_fft // 2 + frames * hop]


def _power(audio: torch.Tensor, n_fft: int) -> torch.Tensor:
    """[B, samples] -> power [B, frames, n_fft / 2 + 1], hop n_fft / 4."""
    spectrum = torch.stft(audio, n_fft, n_fft // 4, window=_window(n_fft), center=False, return_complex=True)
    return (spectrum.real.square() + spectrum.imag.square()).transpose(1, 2)


@lru_cache(maxsize=4)
def _mel_density(n_fft: int) -> torch.Tensor:
    """Mels per bin, normalised to mean 1, [n_fft / 2 + 1], so that content above 10 kHz does not dominate."""
    density = 1.0 / (700.0 + np.arange(n_fft // 2 + 1) * (mel.SAMPLE_RATE / n_fft))
    return torch.from_numpy((density / density.mean()).astype(np.float32))


@dataclass(frozen=True)
class Fine:
    """Per-bin loss: bins narrower than the partial spacing can distinguish a partial from noise; wider bands cannot."""

    weight: float = 0.0
    n_fft: int = 2048


def fine_loss(predicted: torch.Tensor, target: torch.Tensor, n_fft: int) -> torch.Tensor:
    """L1 of log power per bin of [B, samples], each bin weighted by its width in mels."""
    floor = LOG_FLOOR * n_fft / 2048
    with torch.no_grad():
        true = (_power(target, n_fft) + floor).log()
    return (((_power(predicted, n_fft) + floor).log() - true).abs() * _mel_density(n_fft)).mean()


def audio_loss(
    predicted: torch.Tensor,
    target: torch.Tensor,
    fine: Fine,
    resolutions: tuple[tuple[int, int], ...] = RESOLUTIONS,
) -> tuple[torch.Tensor, float]:
    """Multi-resolution spectral distance of [B, samples], and the log-mel L1 in dB at the last resolution.

    The loss is the L1 of log band power plus half the relative L1 of magnitudes, averaged over the resolutions, plus
    the weighted `fine_loss`.
    """
    predicted, target = predicted[:, EDGE:-EDGE], target[:, EDGE:-EDGE]
    total = predicted.new_zeros(())
    mel_db = 0.0
    for n_fft, bands in resolutions:
        floor = LOG_FLOOR * n_fft / 2048
        with torch.no_grad():
            true_power = _power(target, n_fft)
            true_bands = (true_power @ _loss_bands(n_fft, bands) + floor).log()
            true_magnitude = (true_power + 1e-8).sqrt()
        power = _power(predicted, n_fft)
        band_loss = ((power @ _loss_bands(n_fft, bands) + floor).log() - true_bands).abs().mean()
        relative = ((power + 1e-8).sqrt() - true_magnitude).abs().sum() / (true_magnitude.sum() + 1.0)
        total = total + band_loss + 0.5 * relative
        mel_db = float(band_loss.detach()) * 10.0 / np.log(10.0)
    total = total / len(resolutions)
    if fine.weight > 0.0:
        total = total + fine.weight * fine_loss(predicted, target, fine.n_fft)
    return total, mel_db


def drawn_resolutions(rng: np.random.Generator) -> tuple[tuple[int, int], ...]:
    """One short and one long window, drawn at random for a training step."""
    return RESOLUTIONS[int(rng.integers(2))], RESOLUTIONS[2 + int(rng.integers(2))]
