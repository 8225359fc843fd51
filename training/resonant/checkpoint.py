"""Atomic checkpoints and weight averaging, shared by the trainers."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn


class CheckpointError(Exception):
    """A checkpoint cannot be used; the message gives the reason."""


def save(path: Path, state: dict[str, Any]) -> None:
    """Write `state` atomically: `path` always holds either the old or the new file. Keeps the old one as `.previous`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(path.suffix + ".new")
    with fresh.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        os.replace(path, previous_of(path))
    os.replace(fresh, path)


def previous_of(path: Path) -> Path:
    """Path where `save` keeps the previous checkpoint."""
    return path.with_suffix(path.suffix + ".previous")


def load(path: Path) -> dict[str, Any] | None:
    """The checkpoint at `path`; the previous one if it is unreadable; None if there is none."""
    problems = []
    for candidate in (path, previous_of(path)):
        if not candidate.exists():
            continue
        try:
            return torch.load(candidate, map_location="cpu", weights_only=False)
        except Exception as error:  # torch raises many types for damaged files
            problems.append(f"{candidate.name}: {error}")
    if problems:
        raise CheckpointError(f"no readable checkpoint in {path.parent} ({'; '.join(problems)})")
    return None


def rng_state() -> dict[str, Any]:
    """State of the Python, numpy and torch generators."""
    return {"python": random.getstate(), "numpy": np.random.get_state(), "torch": torch.get_rng_state()}


def set_rng_state(state: dict[str, Any]) -> None:
    """Inverse of `rng_state`."""
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    torch.set_rng_state(state["torch"])


class Average:
    """Exponential moving average of a module's floating-point tensors, with a warm-up of its time constant."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.values = {name: value.detach().clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move towards the module's current weights."""
        self.updates += 1
        decay = min(self.decay, self.updates / (self.updates + 10.0))
        for name, value in module.state_dict().items():
            if value.dtype.is_floating_point:
                self.values[name].lerp_(value.detach(), 1.0 - decay)
            else:
                self.values[name].copy_(value)

    def state_dict(self) -> dict[str, Any]:
        """State to store in a checkpoint."""
        return {"decay": self.decay, "updates": self.updates, "values": self.values}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state from a checkpoint."""
        self.decay, self.updates, self.values = state["decay"], state["updates"], state["values"]


class Timer:
    """Fires every `seconds`, for the first time after `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.last = time.monotonic()

    def due(self) -> bool:
        """Whether `seconds` have passed since this last returned True."""
        now = time.monotonic()
        if now - self.last < self.seconds:
            return False
        self.last = now
        return True
