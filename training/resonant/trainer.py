"""Shared code of the codec and performer trainers: configuration files, schedule, checkpoints, logs, curves."""

from __future__ import annotations

import csv
import math
import os
import time
import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from resonant import checkpoint

T = TypeVar("T")


class ConfigError(Exception):
    """A configuration or run cannot be used; the message gives the reason."""


@dataclass(frozen=True)
class Schedule:
    """Optimiser and timing of a run."""

    learning_rate: float = 1.5e-3
    restart_rate: float = 0.6  # peak of later cosines, relative to the first
    final_rate: float = 0.03  # final value of a cosine, relative to its peak
    warmup_steps: int = 50
    weight_decay: float = 0.01
    table_rate: float = 4.0  # learning rate of embedding tables relative to the rest (their rows occur rarely)
    clip: float = 1.0
    average_decay: float = 0.995
    bf16_linears: bool = False
    checkpoint_seconds: float = 120.0
    threads: int = 1
    seed: int = 0


def build(kind: type[T], values: dict[str, Any], where: str = "") -> T:
    """Build a dataclass from TOML data; unknown keys are errors."""
    known = {item.name for item in fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ConfigError(f"unknown key {where}{unknown[0]} (known: {', '.join(sorted(known))})")
    return kind(**values)


def read_sections(path: Path, kinds: dict[str, type]) -> dict[str, Any]:
    """Sections of a configuration file as dataclasses; missing sections take their defaults, unknown ones are errors."""
    try:
        data = tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from error
    unknown = sorted(set(data) - set(kinds))
    if unknown:
        raise ConfigError(f"unknown section {unknown[0]} (known: {', '.join(sorted(kinds))})")
    return {name: build(kind, data.get(name, {}), f"{name}.") for name, kind in kinds.items()}


def clock(threads: int) -> float:
    """Training time in seconds: CPU time per thread, so that a busy machine does not shorten a run."""
    return time.process_time() / threads


def agreed(*values: float) -> list[float]:
    """The first process's values, so that all processes take the same number of steps and reach the same milestones."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return list(values)
    shared = torch.tensor(values, dtype=torch.float64)
    torch.distributed.broadcast(shared, 0)
    return shared.tolist()


def scheduled_rate(schedule: Any, progress: Any) -> float:
    """Learning rate of the next step: warm-up, then a cosine over the requested time."""
    peak = schedule.learning_rate * (1.0 if progress.curve_start == 0.0 else schedule.restart_rate)
    done = (progress.seconds - progress.curve_start) / max(progress.curve_end - progress.curve_start, 1e-9)
    cosine = 0.5 + 0.5 * math.cos(math.pi * min(done, 1.0))
    warm = min(1.0, (progress.step - progress.optimiser_from + 1) / schedule.warmup_steps)
    return peak * warm * (schedule.final_rate + (1.0 - schedule.final_rate) * cosine)


@dataclass
class Progress:
    """Progress of a run; part of the checkpoint."""

    step: int = 0
    seconds: float = 0.0
    audio_seconds: float = 0.0
    curve_start: float = 0.0  # seconds at which the current cosine started
    curve_end: float = 0.0
    optimiser_from: int = 0  # step at which the optimiser was created


class Run:
    """Trains modules up to a total time; can be resumed with the same command.

    `modules` holds the trained modules by name; their average is exported.
    """

    def __init__(
        self,
        name: str,
        modules: nn.ModuleDict,
        schedule: Schedule,
        folder: Path,
        runs: Path,
        resume: bool,
        facts: dict[str, Any],
    ) -> None:
        self.name, self.modules, self.schedule, self.facts = name, modules, schedule, facts
        self.path = folder / "last.pt"
        self.log_path = runs / name / "loss.csv"
        self.world = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        torch.set_num_threads(schedule.threads)
        self.parameters = [p for p in modules.parameters() if p.requires_grad]
        tables = [p for module in modules.modules() if isinstance(module, nn.Embedding) for p in module.parameters()]
        known = {id(p) for p in tables}
        decayed = [p for p in self.parameters if p.dim() >= 2 and id(p) not in known]
        others = [p for p in self.parameters if p.dim() < 2]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": schedule.weight_decay},
                {"params": others, "weight_decay": 0.0},
                {"params": tables, "weight_decay": 0.0, "scale": schedule.table_rate},
            ],
            lr=schedule.learning_rate,
            betas=(0.9, 0.98),
            fused=True,
        )
        self.average = checkpoint.Average(modules, schedule.average_decay)
        self.progress = Progress()
        if resume:
            self._restore()
        elif self.path.exists():
            raise ConfigError(f"{self.path} exists; pass --resume to continue it or move it away")
        if self.world > 1 and not torch.distributed.is_initialized():
            torch.distributed.init_process_group("gloo")

    def _restore(self) -> None:
        state = checkpoint.load(self.path)
        if state is None:
            return
        if state["facts"]["model"] != self.facts["model"]:
            raise ConfigError(f"{self.path} has another model shape than the configuration")
        self.modules.load_state_dict(state["weights"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        checkpoint.set_rng_state(state["generators"])
        self.progress = Progress(**state["progress"])

    def save(self) -> None:
        """Write the checkpoint."""
        checkpoint.save(
            self.path,
            {
                "name": self.name,
                "facts": self.facts,
                "weights": self.modules.state_dict(),
                "average": self.average.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "generators": checkpoint.rng_state(),
                "progress": asdict(self.progress),
            },
        )

    def train(
        self,
        minutes: float,
        step: Callable[[], tuple[torch.Tensor, dict[str, float], float]],
        held_out: Callable[[], dict[str, float]],
    ) -> None:
        """Repeat `step`, which returns (loss, values to log, audio seconds), up to `minutes` in total.

        `held_out` is evaluated on the averaged weights.
        """
        progress = self.progress
        if minutes * 60.0 > progress.curve_end:
            progress.curve_start, progress.curve_end = progress.seconds, minutes * 60.0
        timer = checkpoint.Timer(self.schedule.checkpoint_seconds)
        recent: dict[str, list[float]] = {}
        while progress.seconds < minutes * 60.0:
            started = clock(self.schedule.threads)
            for group in self.optimiser.param_groups:
                group["lr"] = scheduled_rate(self.schedule, self.progress) * group.get("scale", 1.0)
            self.modules.train()
            with torch.autocast("cpu", torch.bfloat16, enabled=self.schedule.bf16_linears):
                loss, figures, audio_seconds = step()
            self.optimiser.zero_grad()
            loss.backward()
            self._share_gradients()
            norm = nn.utils.clip_grad_norm_(self.parameters, self.schedule.clip)
            if torch.isfinite(norm):
                self.optimiser.step()
                self.average.update(self.modules)
            for key, value in {**figures, "norm": float(norm)}.items():
                recent.setdefault(key, []).append(value)
            progress.step += 1
            progress.audio_seconds += audio_seconds * self.world
            progress.seconds += clock(self.schedule.threads) - started
            progress.seconds, due = agreed(progress.seconds, float(timer.due()))
            if due:
                self._milestone(recent, held_out)
                recent = {}
        if recent:
            self._milestone(recent, held_out)

    def _share_gradients(self) -> None:
        if self.world == 1:
            return
        for parameter in self.parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            torch.distributed.all_reduce(parameter.grad)
            parameter.grad /= self.world

    def _milestone(self, recent: dict[str, list[float]], held_out: Callable[[], dict[str, float]]) -> None:
        if self.rank == 0:
            current = {name: value.clone() for name, value in self.modules.state_dict().items()}
            self.modules.load_state_dict(self.average.values)
            self.modules.eval()
            with torch.no_grad():
                figures = {f"held_out_{key}": value for key, value in held_out().items()}
            self.modules.load_state_dict(current)
            self._log({key: sum(values) / len(values) for key, values in recent.items()} | figures)
            self.save()
        if self.world > 1:
            torch.distributed.barrier()

    def _log(self, figures: dict[str, float]) -> None:
        progress = self.progress
        row = {
            "step": str(progress.step),
            "minutes": f"{progress.seconds / 60:.2f}",
            "audio_seconds": f"{progress.audio_seconds:.0f}",
            "rate": f"{scheduled_rate(self.schedule, self.progress):.2e}",
        } | {key: f"{value:.4f}" for key, value in figures.items()}
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        fresh = not self.log_path.exists()
        with self.log_path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            if fresh:
                writer.writeheader()
            writer.writerow(row)
        speed = progress.audio_seconds / max(progress.seconds, 1e-9)
        shown = ", ".join(f"{key} {value}" for key, value in row.items() if key not in ("rate", "audio_seconds"))
        print(f"{self.name}: {shown} ({speed:.1f} audio s/s)", flush=True)
        plot_log(self.log_path)


def plot_log(log: Path) -> None:
    """Plot a loss log next to it as loss.png: held-out values solid, training values dashed."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with log.open() as file:
        rows = list(csv.DictReader(file))
    minutes = [float(row["minutes"]) for row in rows]
    figure, axes = pyplot.subplots(figsize=(6, 3.5), layout="constrained")
    for key in rows[0]:
        if key in ("step", "minutes", "audio_seconds", "tokens", "rate", "norm"):
            continue
        style = "-" if key.startswith("held_out") else "--"
        axes.plot(minutes, [float(row[key] or "nan") for row in rows], style, label=key)
    axes.set(xlabel="minutes", title=log.parent.name)
    axes.legend(fontsize=7)
    figure.savefig(log.with_suffix(".png"), dpi=80)
    pyplot.close(figure)
