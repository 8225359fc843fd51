"""The `resonant` codec: log-mel tokens and the score-excited decoder.

Tokens: two log-mel frames [192] -> PCA with partial whitening [64] -> residual vector quantiser [codebooks x 1024]. For
harmony and melody the log-mel is first averaged over frequency, because the score already determines the partials and the
tokens only need to carry the envelope. All of this is fitted, not trained (`fit_quantiser`), so the latent cannot
collapse.

Decoder: latents (50 Hz), score features (100 Hz) and the levels of the pitched excitation streams -> ConvNeXt trunk at
100 Hz (drums: plus a head at 200 Hz) -> log gains of three streams in 96 bands. The head's output is added to an initial
vocoder estimate: half the log-mel represented by the latents, minus the streams' level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from resonant import mel
from resonant.features import feature_rows

TRACKS = ("drums", "bass", "harmony", "melody")
STACK = 2  # log-mel frames per codec frame
STREAMS = 3
PITCHED = 2  # streams whose level is an input; the third stream is noise of constant level
LEVEL_FLOOR = -2.0  # ln power below which an excitation is not amplified further
MEL_CLAMP = -7.0  # ln power treated as silence by the tokens


@dataclass(frozen=True)
class Transform:
    """STFT parameters of a track's filter stage."""

    n_fft: int
    hop: int

    @property
    def per_feature(self) -> int:
        """Gain frames per feature frame."""
        return mel.MEL_HOP // self.hop


def transform_of(track: str) -> Transform:
    """The STFT parameters of a track's filter stage."""
    return Transform(1024, 240) if track == "drums" else Transform(2048, 480)


@dataclass(frozen=True)
class CodecConfig:
    """Sizes of a track's codec."""

    width: int = 256
    blocks: int = 6
    head_blocks: int = 0
    expansion: int = 3
    kernel: int = 7
    latent: int = 64
    codebooks: int = 4
    entries: int = 1024
    blur_hz: float = 0.0  # half-width of the log-mel averaging for the tokens: keeps the envelope, not single partials


class Block(nn.Module):
    """ConvNeXt block on [B, T, C]: depthwise convolution, norm, two pointwise layers as MatMul."""

    def __init__(self, width: int, expansion: int, kernel: int, modulation: int = 0) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width, elementwise_affine=True)
        self.up = nn.Linear(width, expansion * width)
        self.down = nn.Linear(expansion * width, width)
        nn.init.normal_(self.down.weight, std=0.02)
        nn.init.zeros_(self.down.bias)
        self.modulate = nn.Linear(modulation, 2 * width) if modulation else None
        if self.modulate is not None:
            nn.init.normal_(self.modulate.weight, std=0.05)
            nn.init.zeros_(self.modulate.bias)

    def forward(self, x: torch.Tensor, condition: torch.Tensor | None = None) -> torch.Tensor:
        """x [B, T, C], condition [B, M] -> [B, T, C]."""
        y = self.norm(self.depthwise(x.transpose(1, 2)).transpose(1, 2))
        if self.modulate is not None:
            scale, shift = self.modulate(condition)[:, None].chunk(2, dim=-1)
            y = y * (1.0 + scale) + shift
        return x + self.down(F.gelu(self.up(y)))


def blur_matrix(half_width_hz: float) -> np.ndarray:
    """Triangular averaging of band powers over frequency, float32 [96 in, 96 out]; 0 is the identity."""
    if half_width_hz <= 0.0:
        return np.eye(mel.MEL_BANDS, dtype=np.float32)
    edges = mel.mel_to_hz(mel.mel_edges())
    centres, spacing = edges[1:-1], (edges[2:] - edges[:-2]) / 2.0
    width = np.maximum(half_width_hz, 1.01 * spacing)[None]
    kernel = np.maximum(0.0, 1.0 - np.abs(centres[:, None] - centres[None]) / width)
    return (kernel / kernel.sum(0, keepdims=True)).astype(np.float32)


class Quantiser(nn.Module):
    """Fixed (fitted) mapping between log-mel, latent and codes."""

    blur: torch.Tensor
    mean: torch.Tensor
    project: torch.Tensor
    expand: torch.Tensor
    codebooks: torch.Tensor

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        stacked = STACK * mel.MEL_BANDS
        self.register_buffer("blur", torch.from_numpy(blur_matrix(config.blur_hz)))
        self.register_buffer("mean", torch.zeros(stacked))
        self.register_buffer("project", torch.zeros(stacked, config.latent))
        self.register_buffer("expand", torch.zeros(config.latent, stacked))
        self.register_buffer("codebooks", torch.zeros(config.codebooks, config.entries, config.latent))

    def latent(self, log_mel: torch.Tensor) -> torch.Tensor:
        """[B, 96, 2 T] -> unquantised latent [B, T, D]."""
        frames = self.smoothed(log_mel.transpose(1, 2)).clamp(min=MEL_CLAMP)
        stacked = frames.reshape(frames.shape[0], -1, STACK * mel.MEL_BANDS)
        return (stacked - self.mean) @ self.project

    def smoothed(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Log-mel [..., 96] -> log of its band powers averaged over frequency."""
        return (log_mel.exp() @ self.blur + mel.MEL_FLOOR).log()

    def mel_of(self, latent: torch.Tensor) -> torch.Tensor:
        """[B, T, D] -> the (smoothed) log-mel it represents, [B, 2 T, 96]."""
        stacked = latent @ self.expand + self.mean
        return stacked.reshape(stacked.shape[0], -1, mel.MEL_BANDS)

    def encode(self, latent: torch.Tensor) -> torch.Tensor:
        """[B, T, D] -> codes [B, K, T]: the nearest entry for each residual."""
        residual = latent
        codes = []
        for book in self.codebooks.unbind(0):
            score = residual @ book.T - 0.5 * (book * book).sum(1)
            index = score.argmax(-1)
            codes.append(index)
            residual = residual - F.embedding(index, book)
        return torch.stack(codes, 1)

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        """Codes [B, k, T] of the first k codebooks -> latent [B, T, D]."""
        total = F.embedding(codes[:, 0], self.codebooks[0])
        for k in range(1, codes.shape[1]):
            total = total + F.embedding(codes[:, k], self.codebooks[k])
        return total


class Decoder(nn.Module):
    """Latents, score features and stream levels -> log gains."""

    level_weight: nn.Parameter

    def __init__(self, track: str, config: CodecConfig) -> None:
        super().__init__()
        self.track = track
        self.config = config
        self.transform = transform_of(track)
        self.quantiser = Quantiser(config)
        width, ratio = config.width, self.transform.per_feature
        self.from_latent = nn.Linear(config.latent, STACK * width)
        self.from_features = nn.Linear(feature_rows(track), width)
        self.from_levels = nn.Linear(PITCHED * mel.MEL_BANDS * ratio, width)
        self.trunk = nn.ModuleList(Block(width, config.expansion, config.kernel) for _ in range(config.blocks))
        self.split = nn.Linear(width, ratio * width) if ratio > 1 else None
        self.head = nn.ModuleList(Block(width, config.expansion, config.kernel) for _ in range(config.head_blocks))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, STREAMS * mel.MEL_BANDS)
        nn.init.normal_(self.out.weight, std=0.01)
        with torch.no_grad():  # initial values of the constants between band power, spectrum and stream level
            self.out.bias.copy_(torch.tensor([-0.25, -0.25, -1.0]).repeat_interleave(mel.MEL_BANDS))
        self.guess_weight = nn.Parameter(torch.full((STREAMS, 1, mel.MEL_BANDS), 0.5))
        self.level_weight = nn.Parameter(torch.full((PITCHED, 1, mel.MEL_BANDS), 0.5))

    def forward(self, latent: torch.Tensor, features: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
        """latent [B, T, D], features [B, F, 2 T], levels [B, 2, 96, Tout] -> log gains [B, 3, 96, Tout]."""
        batch, width, ratio = latent.shape[0], self.config.width, self.transform.per_feature
        floor = torch.full((), LEVEL_FLOOR)
        levels = levels.transpose(2, 3)
        soft = torch.logaddexp(levels, floor)  # [B, 2, Tout, 96]
        by_frame = soft.transpose(1, 2).reshape(batch, -1, ratio * PITCHED * mel.MEL_BANDS)
        x = self.from_latent(latent).reshape(batch, -1, width)
        x = x + self.from_features(features.transpose(1, 2)) + self.from_levels(0.2 * by_frame)
        for block in self.trunk:
            x = block(x)
        guess = self.quantiser.mel_of(latent)  # [B, T100, 96]
        if self.split is not None:
            x = self.split(x).reshape(batch, -1, width)
            guess = guess[:, :, None].expand(-1, -1, ratio, -1).reshape(batch, -1, mel.MEL_BANDS)
        for block in self.head:
            x = block(x)
        y = self.out(self.norm(x)).reshape(batch, -1, STREAMS, mel.MEL_BANDS).transpose(1, 2)
        y = 2.0 * y + self.guess_weight * guess[:, None]
        own = torch.logaddexp(self.quantiser.smoothed(levels.float()), floor)
        pitched = y[:, :PITCHED] - self.level_weight * own
        gains = torch.cat([pitched, y[:, PITCHED:]], 1).transpose(2, 3)
        return gains.clamp(mel.GAIN_MIN, mel.GAIN_MAX)


def _kmeans(points: np.ndarray, entries: int, iterations: int, rng: np.random.Generator) -> np.ndarray:
    """Lloyd's algorithm with re-seeding of empty clusters; points [N, D] -> centres [entries, D]."""
    centres = points[rng.choice(len(points), entries, replace=len(points) < entries)].copy()
    for _ in range(iterations):
        assigned = _nearest(points, centres)
        counts = np.bincount(assigned, minlength=entries)
        order = np.argsort(assigned, kind="stable")
        sums = np.zeros_like(centres)
        filled = counts > 0
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        sums[filled] = np.add.reduceat(points[order], starts[filled], axis=0)
        centres[filled] = sums[filled] / counts[filled, None]
        empty = np.flatnonzero(~filled)
        centres[empty] = points[rng.choice(len(points), len(empty))]
    return centres


def _nearest(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    half = 0.5 * (centres**2).sum(1)
    parts = np.array_split(points, max(1, len(points) // 8192))
    return np.concatenate([(part @ centres.T - half).argmax(1) for part in parts])


def fit_quantiser(
    log_mels: np.ndarray, config: CodecConfig, seed: int, whitening: float = 0.2, iterations: int = 20
) -> Quantiser:
    """Fit PCA and codebooks to stacked, smoothed log-mels, float32 [N, 192].

    Component i is scaled by variance_i ** (-whitening / 2): 0 keeps the mel distance, 1 whitens fully.
    """
    rng = np.random.default_rng(seed)
    stacked = np.maximum(log_mels, MEL_CLAMP)
    mean = stacked.mean(0)
    centred = stacked - mean
    variance, vectors = np.linalg.eigh(centred.T.astype(np.float64) @ centred / len(centred))
    keep = np.argsort(variance)[::-1][: config.latent]
    variance, vectors = variance[keep], vectors[:, keep]
    scale = np.maximum(variance, 1e-6) ** (-0.5 * whitening)
    scale *= np.sqrt(config.latent / np.sum(variance * scale**2))  # unit variance on average
    quantiser = Quantiser(config)
    quantiser.mean.copy_(torch.from_numpy(mean))
    quantiser.project.copy_(torch.from_numpy(vectors * scale))
    quantiser.expand.copy_(torch.from_numpy((vectors / scale).T))
    residual = centred @ quantiser.project.numpy()
    for k in range(config.codebooks):
        centres = _kmeans(residual, config.entries, iterations, rng).astype(np.float32)
        quantiser.codebooks[k].copy_(torch.from_numpy(centres))
        residual = residual - centres[_nearest(residual, centres)]
    return quantiser
