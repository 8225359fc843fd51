"""Rebuilds checkpoints from an exported bundle, so that training can continue when only the export is left.

    python -m resonant.warm_start ../models/resonant --checkpoints checkpoints

Writes `closed/<track>/last.pt` and `compose/<track>/last.pt` for the tracks of the bundle. Quantised weights keep their
8-bit error; the optimiser is reset and warms up again. A model's training time is read from its loss log, so that the
trainers' `--minutes` counts on from there. Existing checkpoints are never replaced.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from resonant import checkpoint
from resonant.codec import TRACKS, CodecConfig, Decoder
from resonant.compose_data import PieceCache
from resonant.compose_model import ComposeModelConfig, Composer
from resonant.perform_model import TIMBRE, PerformConfig, Performer
from resonant.train_codec import SECTIONS as CODEC_SECTIONS
from resonant.train_compose import Trainer, read_config
from resonant.train_perform import CONFIGS, SECTIONS, new_timbres
from resonant.trainer import ConfigError, Run, read_sections


class ExportedGraph:
    """Constants of an exported network, by the original PyTorch parameter names."""

    def __init__(self, path: Path) -> None:
        try:
            graph = onnx.load(path).graph
        except OSError as error:
            raise ConfigError(f"cannot read {path}: {error.strerror}") from error
        self.path = path
        self.constants = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
        self._nodes = graph.node
        self._consumers: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            for name in node.input:
                self._consumers.setdefault(name, []).append(node)

    def weight(self, name: str) -> np.ndarray:
        """The matrix called `name`, [in, out], dequantised if it is 8-bit."""
        quantised = self.constants.get(f"{name}_quantized")
        if quantised is None:
            return self.constants[name].astype(np.float32)
        zero = self.constants[f"{name}_zero_point"].astype(np.float32)
        return (quantised.astype(np.float32) - zero) * self.constants[f"{name}_scale"]

    def quantiser(self) -> dict[str, np.ndarray]:
        """The quantiser's parameters in an encoder, by name."""
        return {name: value for name, value in self.constants.items() if name.startswith("quantiser.")}

    def linear_weights(self) -> dict[str, np.ndarray]:
        """Weight [out, in] of each layer with a bias, by bias name without `.bias`; the exporter only renames weights."""
        found = {}
        for node in self._nodes:
            if node.op_type not in ("MatMul", "MatMulInteger", "Gemm"):
                continue
            name = node.input[1].removesuffix("_quantized")
            if node.input[1] not in self.constants:
                continue
            bias = node.input[2] if node.op_type == "Gemm" else self._added_bias(node)
            if bias is None:
                continue
            value = self.weight(name)
            transposed = any(item.name == "transB" and item.i for item in node.attribute)
            found[bias.removesuffix(".bias")] = value if transposed else value.T
        return found

    def _added_bias(self, node: onnx.NodeProto) -> str | None:
        """The bias added to a product, found through the dequantisation nodes."""
        for _ in range(4):
            following = self._consumers.get(node.output[0], [])
            if len(following) != 1:
                return None
            node = following[0]
            if node.op_type == "Add":
                return next((name for name in node.input if name.endswith(".bias") and name in self.constants), None)
            if node.op_type not in ("Cast", "Mul"):
                return None
        return None


def load(module: nn.Module, path: Path, value_of: Callable[[str], np.ndarray]) -> None:
    """Set `module`'s parameters to the values that `value_of` returns for their names in the export at `path`."""
    state = {}
    for name, parameter in module.state_dict().items():
        try:
            value = value_of(name)
        except KeyError as error:
            raise ConfigError(f"{path} does not hold {error}; was it exported by another version?") from error
        if tuple(value.shape) != tuple(parameter.shape):
            raise ConfigError(f"{path}: {name} is {value.shape}, the configuration has {tuple(parameter.shape)}")
        state[name] = torch.from_numpy(np.array(value, dtype=np.float32))
    module.load_state_dict(state)


def restore(module: nn.Module, graph: ExportedGraph, prefix: str, others: dict[str, np.ndarray]) -> None:
    """Set `module`'s parameters from its traced export; `others` holds the parameters missing from the graph."""
    linear = {f"{name}.weight": value for name, value in graph.linear_weights().items()}

    def value(name: str) -> np.ndarray:
        exported = f"{prefix}{name}"
        if name in others:
            return others[name]
        return graph.constants[exported] if exported in graph.constants else linear[exported]

    load(module, graph.path, value)


def last_row(log: Path) -> dict[str, str]:
    """The last line of a loss log; empty if there is none."""
    if not log.is_file():
        return {}
    with log.open() as file:
        rows = list(csv.DictReader(file))
    return rows[-1] if rows else {}


def _resumed(progress: Any, row: dict[str, str], counter: str) -> Any:
    """Progress as of the end of the log, with a new optimiser."""
    if not row:
        return progress
    step, seconds = int(row["step"]), 60.0 * float(row["minutes"])
    counted = {counter: int(float(row[counter]))}
    return replace(progress, step=step, seconds=seconds, curve_end=seconds, optimiser_from=step, **counted)


def audio_checkpoint(bundle: Path, track: str, checkpoints: Path, runs: Path) -> Path:
    """Decoder, performer and timbres of a track as a closed-loop checkpoint."""
    codec: CodecConfig = read_sections(CONFIGS / f"codec_{track}.toml", CODEC_SECTIONS)["model"]
    sections = read_sections(CONFIGS / "perform.toml", SECTIONS)
    encoder, decoder_graph = (ExportedGraph(bundle / f"{kind}_{track}.onnx") for kind in ("encode", "decode"))
    decoder = Decoder(track, codec)
    restore(decoder, decoder_graph, "decoder.", encoder.quantiser())
    performer = Performer(track, PerformConfig(**{**asdict(sections["model"]), "latent": codec.latent}))
    restore(performer, ExportedGraph(bundle / f"perform_{track}.onnx"), "performer.", {})
    patches = [patch for patch in json.loads((bundle / "patches.json").read_text()) if patch["track"] == track]
    patches.sort(key=lambda patch: patch["id"])
    timbres = new_timbres(len(patches))
    table = np.array([patch["timbre"] for patch in patches], dtype=np.float32).reshape(len(patches), TIMBRE)
    timbres.weight.data.copy_(torch.from_numpy(table))
    run = Run(
        f"closed_{track}", nn.ModuleDict({"performer": performer, "timbres": timbres, "decoder": decoder}),
        sections["closed"], checkpoints / "closed" / track, runs, False,
        {"track": track, "model": asdict(performer.config), "codec": asdict(codec),
         "patches": [patch["id"] for patch in patches], "training": asdict(sections["training"])},
    )  # fmt: skip
    run.progress = _resumed(run.progress, last_row(run.log_path), "audio_seconds")
    run.save()
    return run.path


_COMPOSE_TABLES = {"token.weight": "token_table", "pitch.weight": "pitch_table", "norm.weight": "norm_final_scale"}


def composer_from(bundle: Path, track: str, config: ComposeModelConfig) -> Composer:
    """A composer with the weights of its export; its step graph is built by hand and uses its own names."""
    graph = ExportedGraph(bundle / f"compose_{track}.onnx")

    model = Composer(track, config)
    initial = {name: value.numpy().copy() for name, value in model.state_dict().items()}

    def value(name: str) -> np.ndarray:
        parts = name.split(".")
        if name in _COMPOSE_TABLES:
            return graph.constants[_COMPOSE_TABLES[name]]
        if parts[0] == "blocks":
            index, layer = parts[1:3]
            if layer.startswith("norm"):
                return graph.constants[f"{layer}_{index}_scale"]
            return graph.weight(f"{layer}_{index}_weight").T
        exported = graph.constants[f"{parts[0]}_bias"] if parts[1] == "bias" else graph.weight(f"{parts[0]}_weight").T
        widened = initial[name]
        fits = all(size <= room for size, room in zip(exported.shape, widened.shape, strict=True))
        if not parts[0].startswith("condition") or not fits:
            return exported
        if parts[0] == "condition_in" and parts[1] == "weight":  # conditions missing from the export start with zero weight
            widened[: len(exported), exported.shape[1] :] = 0.0
        widened[tuple(slice(size) for size in exported.shape)] = exported
        return widened

    load(model, graph.path, value)
    return model


def compose_checkpoint(
    bundle: Path, track: str, checkpoints: Path, runs: Path, cache: PieceCache, config_path: Path = CONFIGS / "compose.toml"
) -> Path:
    """A composer's checkpoint; conditions that only the configuration has start with zero weight."""
    config = read_config(config_path)
    trainer = Trainer(track, config, cache, checkpoints / "compose" / track, runs, False)
    trainer.model.load_state_dict(composer_from(bundle, track, config.model).state_dict())
    trainer.average = checkpoint.Average(trainer.model, config.average_decay)
    trainer.progress = _resumed(trainer.progress, last_row(trainer.log_path), "tokens")
    trainer.save()
    return trainer.path


def main(argv: list[str] | None = None) -> None:
    """Command-line entry point."""
    parser = argparse.ArgumentParser(prog="warm_start", description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"))
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="loss logs")
    parser.add_argument("--tracks", nargs="+", choices=TRACKS, default=list(TRACKS))
    parser.add_argument("--compose-data", type=Path, help="folder of shards (train_compose cache), to restore the composers too")
    parser.add_argument("--compose-config", type=Path, default=CONFIGS / "compose.toml", help="the composers' configuration")
    arguments = parser.parse_args(argv)
    try:
        for track in arguments.tracks:
            print(audio_checkpoint(arguments.bundle, track, arguments.checkpoints, arguments.runs))
            if arguments.compose_data is not None:
                cache = PieceCache(arguments.compose_data)
                folders = (arguments.checkpoints, arguments.runs)
                print(compose_checkpoint(arguments.bundle, track, *folders, cache, arguments.compose_config))
    except (ConfigError, checkpoint.CheckpointError, OSError) as error:
        sys.exit(f"warm_start: {error}")


if __name__ == "__main__":
    main()
