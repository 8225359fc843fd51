"""Train a track's composer.

    python -m resonant.train_compose cache --pieces 20000            compose the training pieces (resumable)
    python -m resonant.train_compose train --track drums --minutes 6 --resume
    python -m resonant.train_compose evaluate --bundle DIR           metrics of exported composers

`--minutes` is the total training time to reach (CPU time per thread), not the time of this call: the same command
continues an interrupted run on the same learning-rate curve, and a larger value starts a new cosine from the last
weights. Under `torchrun` (WORLD_SIZE > 1) gradients are averaged over processes. Checkpoints hold the weights, their
average, the optimiser, random states and step count, and are written atomically every two minutes.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from resonant import checkpoint, compose_metrics
from resonant.compose_data import Augment, PieceCache, batches, collate, composer_fingerprint, example, extend_cache
from resonant.compose_model import POSITIONS, ComposeModelConfig, Composer
from resonant.compose_sample import Sampling
from resonant.conditions import FIGURE
from resonant.piece import TRACKS
from resonant.tokens import PAD
from resonant.trainer import ConfigError, agreed, clock, plot_log, scheduled_rate

DEFAULT_CONFIG = Path(__file__).parents[1] / "configs" / "compose.toml"
LOG_COLUMNS = ("step", "minutes", "tokens", "rate", "loss", "held_out_loss")


@dataclass(frozen=True)
class TrainConfig:
    """Settings for training a composer; see `configs/compose.toml` for the file format."""

    batch_tokens: int = 3000
    learning_rate: float = 2e-3
    restart_rate: float = 0.6  # peak of later cosines, relative to the first
    final_rate: float = 0.03  # final value of a cosine, relative to its peak
    warmup_steps: int = 60
    weight_decay: float = 0.05
    betas: tuple[float, float] = (0.9, 0.97)
    clip: float = 1.0
    average_decay: float = 0.99
    bf16_linears: bool = False
    held_out_segments: int = 48
    figure_steps: int = 0  # first steps with a new optimiser, in which a warm-started composer learns only what figures and gaps are
    figures_only: bool = False  # learn only what figures and gaps are, to the end: without them, nothing changes
    figure_share: float | None = None  # share of examples from pieces that follow figures; not set: all pieces alike
    checkpoint_seconds: float = 120.0
    threads: int = 1
    seed: int = 0
    model: ComposeModelConfig = field(default_factory=ComposeModelConfig)
    augment: Augment = field(default_factory=Augment)


def parse_config(data: dict[str, Any]) -> TrainConfig:
    """A configuration from TOML data; unknown keys are errors."""

    def build(kind: type, values: dict[str, Any], where: str) -> Any:
        known = {item.name for item in fields(kind)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ConfigError(f"unknown key {where}{unknown[0]} (known: {', '.join(sorted(known))})")
        return kind(**values)

    values = dict(data)
    for name, kind in (("model", ComposeModelConfig), ("augment", Augment)):
        if name in values:
            values[name] = build(kind, values[name], f"{name}.")
    if "betas" in values:
        values["betas"] = tuple(values["betas"])
    return build(TrainConfig, values, "")


def read_config(path: Path) -> TrainConfig:
    """A configuration file."""
    try:
        return parse_config(tomllib.loads(path.read_text()))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from error


@dataclass
class Progress:
    """Progress of a training run; part of the checkpoint."""

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0
    curve_start: float = 0.0  # seconds at which the current cosine started
    curve_end: float = 0.0
    optimiser_from: int = 0  # step at which the optimiser was created


class Trainer:
    """One track's training run in its folder (`last.pt`)."""

    def __init__(
        self, track: str, config: TrainConfig, cache: PieceCache, folder: Path, runs: Path, resume: bool
    ) -> None:
        self.track, self.config, self.folder = track, config, folder
        self.path = folder / "last.pt"
        self.log_path = runs / f"compose_{track}" / "loss.csv"
        self.world = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        self.rng = random.Random(config.seed * 1000 + self.rank)
        self.model = Composer(track, config.model)
        if config.figures_only:
            self._freeze_all_but_figures()
        learned = [p for p in self.model.parameters() if p.requires_grad]
        decayed = [p for p in learned if p.dim() >= 2 and not config.figures_only]
        others = [p for p in learned if p.dim() < 2 or config.figures_only]
        self.optimiser = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}],
            lr=config.learning_rate,
            betas=config.betas,
            fused=True,
        )
        self.average = checkpoint.Average(self.model, config.average_decay)
        self.progress = Progress()
        if resume:
            self._restore()
        elif self.path.exists():
            raise ConfigError(f"{self.path} exists; pass --resume to continue it or move it away")
        self.parallel: nn.Module = self.model
        if self.world > 1:
            torch.distributed.init_process_group("gloo")
            self.parallel = nn.parallel.DistributedDataParallel(self.model)
        self.training = cache.split(track, held_out=False)
        self.held_out = self._held_out_batches(cache)

    def _held_out_batches(self, cache: PieceCache) -> list[tuple[Tensor, Tensor, Tensor]]:
        rng = random.Random(1)
        pieces = cache.split(self.track, held_out=True)
        if not pieces:
            raise ConfigError("the cache holds no held-out pieces; make more")
        chosen = rng.sample(pieces, min(self.config.held_out_segments, len(pieces)))
        told = (example(p, self.track, None, rng, self.config.model.condition) for p in chosen)
        examples = sorted(told, key=lambda item: len(item.condition))
        groups = [collate(examples[at : at + 12]) for at in range(0, len(examples), 12)]
        return [tuple(torch.from_numpy(part[:, :POSITIONS]) for part in group) for group in groups]

    def _restore(self) -> None:
        state = checkpoint.load(self.path)
        if state is None:
            return
        if state["model"] != asdict(self.config.model):
            raise ConfigError(f"{self.path} has another model shape than the configuration")
        self.model.load_state_dict(state["weights"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.rank == 0:
            self.rng.setstate(state["random"][0])
        else:  # only the first process saves its random state; the others start new generators
            self.rng.seed(f"{self.config.seed} {self.rank} {state['step']}")
        checkpoint.set_rng_state(state["generators"])
        self.progress = Progress(**state["progress"])

    def start_from(self, path: Path) -> None:
        """Copy another composer's averaged weights, unless this run has already started."""
        if self.progress.step:
            return
        state = checkpoint.load(path)
        if state is None or state["model"] != asdict(self.config.model):
            raise ConfigError(f"{path} is not a checkpoint with the same model shape")
        self.model.load_state_dict(state["average"]["values"])
        self.average = checkpoint.Average(self.model, self.config.average_decay)

    def save(self) -> None:
        """Write the checkpoint."""
        progress = self.progress
        checkpoint.save(
            self.path,
            {
                "track": self.track,
                "model": asdict(self.config.model),
                "config": asdict(self.config),
                "weights": self.model.state_dict(),
                "average": self.average.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "random": [self.rng.getstate()],
                "generators": checkpoint.rng_state(),
                "progress": asdict(progress),
                "step": progress.step,
                "seconds": progress.seconds,
                "tokens": progress.tokens,
                "data": composer_fingerprint(),
            },
        )

    def _loss(self, model: nn.Module, tokens: Tensor, condition: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats per token."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.config.bf16_linears):
            logits = model(tokens, condition)
        return functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), ignore_index=PAD)

    @torch.no_grad()
    def held_out_loss(self) -> float:
        """Loss of the averaged weights on the held-out segments, with full context."""
        current = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.model.load_state_dict(self.average.values)
        self.model.eval()
        total = count = 0.0
        for tokens, condition, targets in self.held_out:
            weight = float((targets != PAD).sum())
            total += float(self._loss(self.model, tokens, condition, targets)) * weight
            count += weight
        self.model.train()
        self.model.load_state_dict(current)
        return total / count

    def run(self, minutes: float) -> None:
        """Train up to `minutes` in total."""
        config, progress = self.config, self.progress
        if minutes * 60.0 > progress.curve_end:
            progress.curve_start, progress.curve_end = progress.seconds, minutes * 60.0
        stream: Iterator = batches(
            self.training,
            self.track,
            config.augment,
            self.rng,
            config.batch_tokens,
            POSITIONS - 1,
            config.model.condition,
            config.figure_share,
        )
        save_timer = checkpoint.Timer(config.checkpoint_seconds)
        recent: list[float] = []
        self.model.train()
        while progress.seconds < minutes * 60.0:
            started = clock(config.threads)
            rate = scheduled_rate(self.config, self.progress)
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            tokens, condition, targets = (torch.from_numpy(part) for part in next(stream))
            loss = self._loss(self.parallel, tokens, condition, targets)
            self.optimiser.zero_grad()
            loss.backward()
            if progress.step - progress.optimiser_from < config.figure_steps:
                self._keep_all_but_figures()
            nn.utils.clip_grad_norm_(self.model.parameters(), config.clip)
            self.optimiser.step()
            self.average.update(self.model)
            recent.append(float(loss.detach()))
            progress.step += 1
            progress.tokens += int((targets != PAD).sum()) * self.world
            progress.seconds += clock(config.threads) - started
            progress.seconds, due = agreed(progress.seconds, float(save_timer.due()))
            if due:
                self._milestone(rate, recent)
                recent = []
        if recent:
            self._milestone(scheduled_rate(self.config, self.progress), recent)

    def _keep_all_but_figures(self) -> None:
        """Drop the gradients of everything but the weights of the condition's figure and gaps."""
        for parameter in self.model.parameters():
            if parameter is self.model.condition_in.weight:
                parameter.grad[:, : FIGURE.start] = 0.0
            else:
                parameter.grad = None

    def _freeze_all_but_figures(self) -> None:
        """Only the weights that are multiplied by 0 without a figure or a gap get gradients."""
        width = self.config.model.condition_width
        into, out = self.model.condition_in.weight, self.model.condition_out.weight
        for parameter in self.model.parameters():
            parameter.requires_grad_(parameter is into or parameter is out)
        for parameter, frozen in ((into, (slice(width), slice(FIGURE.start))), (out, (slice(None), slice(width)))):
            learns = torch.ones_like(parameter)
            learns[frozen] = 0.0
            parameter.register_hook(learns.mul)

    def _milestone(self, rate: float, recent: list[float]) -> None:
        if self.rank == 0:
            held_out = self.held_out_loss()
            self._log(rate, sum(recent) / len(recent), held_out)
            self.save()
        if self.world > 1:
            torch.distributed.barrier()

    def _log(self, rate: float, loss: float, held_out: float) -> None:
        progress = self.progress
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        fresh = not self.log_path.exists()
        with self.log_path.open("a", newline="") as file:
            writer = csv.writer(file)
            if fresh:
                writer.writerow(LOG_COLUMNS)
            row = (progress.step, f"{progress.seconds / 60:.2f}", progress.tokens, f"{rate:.2e}")
            writer.writerow((*row, f"{loss:.4f}", f"{held_out:.4f}"))
        print(
            f"{self.track}: step {progress.step}, {progress.seconds / 60:.1f} min, "
            f"{progress.tokens / 1e6:.2f} M tokens, loss {loss:.4f}, held out {held_out:.4f}",
            flush=True,
        )
        plot_log(self.log_path)


def arguments_of(argv: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="train_compose", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    cache = commands.add_parser("cache", help="compose the training pieces")
    cache.add_argument("--pieces", type=int, default=20000)
    cache.add_argument("--groove-midi", type=Path, help="folder of the Groove MIDI Dataset; its train split is added for drums")
    train = commands.add_parser("train", help="train one track's composer")
    train.add_argument("--track", choices=TRACKS, required=True)
    train.add_argument("--config", type=Path, default=DEFAULT_CONFIG)
    train.add_argument("--minutes", type=float, required=True, help="total training time to reach")
    train.add_argument("--resume", action="store_true", help="continue from the checkpoint if there is one")
    train.add_argument("--init", type=Path, help="start from another tonal track's checkpoint")
    train.add_argument("--checkpoints", type=Path, default=Path("checkpoints/compose"))
    train.add_argument("--runs", type=Path, default=Path("runs"), help="loss logs and curves")
    evaluate = commands.add_parser("evaluate", help="compare exported composers with held-out data")
    evaluate.add_argument("--bundle", type=Path, required=True)
    evaluate.add_argument("--pieces", type=int, default=48, help="pieces to generate per track")
    evaluate.add_argument("--out", type=Path, help="write the metrics as JSON")
    evaluate.add_argument("--show", type=int, default=0, help="print this many pieces as piano rolls")
    evaluate.add_argument("--temperature", type=float, default=Sampling.temperature)
    evaluate.add_argument("--top-p", type=float, default=Sampling.top_p)
    evaluate.add_argument("--guidance", type=float, default=Sampling.guidance)
    for command in (cache, train, evaluate):
        command.add_argument("--data", type=Path, default=Path("data/compose"), help="folder of the cache")
        command.add_argument("--shards", type=Path, help="use this folder of shards unchanged")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    """Command-line entry point."""
    arguments = arguments_of(argv)
    try:
        if arguments.command == "cache":
            print(extend_cache(arguments.data, arguments.pieces, arguments.groove_midi))
            return
        cache = PieceCache(arguments.shards or arguments.data / composer_fingerprint())
        if arguments.command == "evaluate":
            sampling = Sampling(arguments.temperature, arguments.top_p, arguments.guidance)
            compose_metrics.evaluate(
                arguments.bundle, cache, arguments.pieces, arguments.show, arguments.out, sampling
            )
            return
        config = read_config(arguments.config)
        np.random.seed(config.seed)
        folder = arguments.checkpoints / arguments.track
        trainer = Trainer(arguments.track, config, cache, folder, arguments.runs, arguments.resume)
        if arguments.init is not None:
            trainer.start_from(arguments.init)
        trainer.run(arguments.minutes)
    except (ConfigError, checkpoint.CheckpointError, FileNotFoundError) as error:
        sys.exit(f"train_compose: {error}")


if __name__ == "__main__":
    main()
