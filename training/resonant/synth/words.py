"""Compact notation for patch metadata."""

from __future__ import annotations

from resonant.piece import STYLES


def styles(text: str) -> dict[str, float]:
    """'house:1 techno:.5' -> weights; unknown style names raise ValueError."""
    weights: dict[str, float] = {}
    for item in text.split():
        name, _, value = item.partition(":")
        if name not in STYLES:
            raise ValueError(f"unknown style {name!r}")
        weights[name] = float(value)
    return weights


def attributes(brightness: float, aggression: float) -> dict[str, float]:
    """Attribute targets of a patch, 0..1."""
    return {"brightness": brightness, "aggression": aggression}
