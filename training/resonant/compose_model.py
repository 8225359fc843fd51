"""The composer: a decoder-only transformer over score tokens, with a condition vector at each position.

RoFormer rotary positions (arXiv 2104.09864), RMSNorm (1910.07467), SwiGLU (2002.05202), pre-normalised blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from resonant.conditions import CONDITION, FIGURE, GAP, LAG, LAG_BARS, LAG_WIDTH
from resonant.tokens import PAD, vocabulary

POSITIONS = 1024
ROTARY_BASE = 10000.0
NORM_EPSILON = 1e-5
# Columns of the lag features that hold a relative pitch / 100; tonal models embed them as pitches 0..100.
PITCH_COLUMNS: tuple[int, ...] = tuple(
    LAG + index * LAG_WIDTH + column for index in range(len(LAG_BARS)) for column in (12, 13)
)
PITCH_ROWS = 101
GATE = 8.0  # the activation of -GATE, give or take what other conditions add, is 0


@dataclass(frozen=True)
class ComposeModelConfig:
    """Sizes of a composer."""

    width: int = 192
    layers: int = 5
    heads: int = 6
    feed_forward: int = 544
    condition_width: int = 256
    dropout: float = 0.0
    condition: int = CONDITION  # 248 with figures, 299 with gaps too (see `resonant.conditions`)
    figure_units: int = 0  # hidden units of the condition, beside condition_width, that stay 0 without a figure or a gap

    @property
    def head_width(self) -> int:
        """Channels per attention head; a multiple of 16 (ONNX Runtime's rotary kernel)."""
        return self.width // self.heads


class RMSNorm(nn.Module):
    """x / rms(x) * weight over the last dimension."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:  # [..., width] -> the same
        return functional.rms_norm(x, (x.shape[-1],), self.weight, NORM_EPSILON)


def rotary_tables(head_width: int, positions: int = POSITIONS) -> tuple[Tensor, Tensor]:
    """cos and sin, f32 [positions, head_width / 2]."""
    frequency = ROTARY_BASE ** (-torch.arange(0, head_width, 2, dtype=torch.float64) / head_width)
    angle = torch.arange(positions, dtype=torch.float64)[:, None] * frequency
    return angle.cos().float(), angle.sin().float()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions in the half-split layout: x [B, H, T, D], cos and sin [T, D / 2]."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


class Block(nn.Module):
    """Attention and SwiGLU, each pre-normalised with a residual path."""

    def __init__(self, config: ComposeModelConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.norm_attention = RMSNorm(config.width)
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.out = nn.Linear(config.width, config.width, bias=False)
        self.norm_feed = RMSNorm(config.width)
        self.gate_up = nn.Linear(config.width, 2 * config.feed_forward, bias=False)
        self.down = nn.Linear(config.feed_forward, config.width, bias=False)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:  # [B, T, width] -> the same
        batch, length, width = x.shape
        qkv = self.qkv(self.norm_attention(x)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        with torch.autocast(x.device.type, enabled=False):  # on a CPU, attention in f32 is both faster and more accurate
            query, key, value = qkv.float().unbind(0)
            query, key = rotate(query, cos, sin), rotate(key, cos, sin)
            mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.dropout(self.out(mixed.transpose(1, 2).reshape(batch, length, width)))
        gate, up = self.gate_up(self.norm_feed(x)).chunk(2, dim=-1)
        return x + self.dropout(self.down(functional.silu(gate) * up))


@torch.no_grad()
def close_gates(model: Composer) -> None:
    """Initialise the figure units: 0 until the composer is told a figure (or, for a third of them, that the step is in a gap)."""
    config = model.config
    units = range(config.condition_width, config.condition_width + config.figure_units)
    for number, unit in enumerate(units):
        is_for_gaps = config.condition >= GAP.stop and number % 3 == 2
        model.condition_in.weight[unit, (GAP if is_for_gaps else FIGURE).stop - 1] = GATE
        model.condition_in.bias[unit] = -GATE
        model.condition_out.weight[:, unit] = 0.0


class Composer(nn.Module):
    """Logits of the next token, from the tokens so far and the condition of the step to which the next token belongs."""

    def __init__(self, track: str, config: ComposeModelConfig) -> None:
        super().__init__()
        if config.width % config.heads or config.head_width % 16:
            raise ValueError(f"width {config.width} over {config.heads} heads must give a multiple of 16")
        self.track = track
        self.config = config
        self.token = nn.Embedding(vocabulary(track), config.width, padding_idx=PAD)
        hidden = config.condition_width + config.figure_units
        self.condition_in = nn.Linear(config.condition, hidden)
        self.condition_out = nn.Linear(hidden, config.width)
        self.pitch = None if track == "drums" else nn.Embedding(len(PITCH_COLUMNS) * PITCH_ROWS, config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = RMSNorm(config.width)
        self.head = nn.Linear(config.width, vocabulary(track))
        cos, sin = rotary_tables(config.head_width)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.apply(self._initialise)
        close_gates(self)
        for block in self.blocks:
            for layer in (block.out, block.down):
                nn.init.normal_(layer.weight, std=0.04 / (2 * config.layers) ** 0.5)

    @staticmethod
    def _initialise(module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.04)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.04)

    def forward(self, tokens: Tensor, condition: Tensor) -> Tensor:
        """tokens int64 [B, T], condition f32 [B, T, condition] -> logits f32 [B, T, vocabulary]; T <= 1024."""
        length = tokens.shape[1]
        x = self.token(tokens) + self.condition_out(functional.gelu(self.condition_in(condition)))
        if self.pitch is not None:
            rows = (condition[..., PITCH_COLUMNS] * 100.0).round().long()
            rows = rows + torch.arange(len(PITCH_COLUMNS), device=rows.device) * PITCH_ROWS
            x = x + self.pitch(rows).sum(dim=-2)
        for block in self.blocks:
            x = block(x, self.cos[:length], self.sin[:length])
        return self.head(self.norm(x))
