"""Procedural composer: random but musical pieces in twelve styles, reproducible by seed."""

from resonant.composer.compose import compose_piece
from resonant.composer.humanise import humanise

__all__ = ["compose_piece", "humanise"]
