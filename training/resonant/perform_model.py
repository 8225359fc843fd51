"""The performer: score features, timbre and attributes -> the codec's latent -> codes.

It regresses the latent, because classification over 1024 entries would jitter between neighbours. The residual codebook
search with the decoder's codebooks follows in the same graph.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from resonant.codec import STACK, Block
from resonant.features import feature_rows

TIMBRE = 64
ATTRIBUTES = 5


@dataclass(frozen=True)
class PerformConfig:
    """Sizes of a performer."""

    width: int = 256
    blocks: int = 8
    expansion: int = 3
    kernel: int = 7
    latent: int = 64


class Performer(nn.Module):
    """Non-causal ConvNeXt at 50 Hz, modulated per block by timbre and attributes."""

    def __init__(self, track: str, config: PerformConfig) -> None:
        super().__init__()
        self.track = track
        self.config = config
        condition = TIMBRE + ATTRIBUTES
        self.from_features = nn.Linear(STACK * feature_rows(track), config.width)
        self.from_condition = nn.Linear(condition, config.width)
        self.blocks = nn.ModuleList(
            Block(config.width, config.expansion, config.kernel, condition) for _ in range(config.blocks)
        )
        self.norm = nn.LayerNorm(config.width)
        self.out = nn.Linear(config.width, config.latent)
        self.direct = nn.Linear(condition, config.latent)

    def forward(self, features: torch.Tensor, timbre: torch.Tensor, attributes: torch.Tensor) -> torch.Tensor:
        """features [B, F, 2 T], timbre [B, 64], attributes [B, 5] -> latent [B, T, D]."""
        batch, rows = features.shape[0], features.shape[1]
        condition = torch.cat([timbre, attributes - 0.5], 1)
        stacked = features.transpose(1, 2).reshape(batch, -1, STACK * rows)
        x = self.from_features(stacked) + self.from_condition(condition)[:, None]
        for block in self.blocks:
            x = block(x, condition)
        return self.out(self.norm(x)) + self.direct(condition)[:, None]
