"""Exports a Hugging Face `EncodecModel` checkpoint folder as a bundle of family `encodec`.

    python -m resonant.export_encodec CHECKPOINT --out BUNDLE --id encodec-32khz --licence CC-BY-NC-4.0

Supports checkpoints without normalisation and chunking, such as the 24 kHz (causal) and 32 kHz ones, at every
bandwidth: a lower bandwidth uses a prefix of the codebooks. The weights keep their own licence, which the manifest
states and the engine shows.

Graphs (opset 18, batch 1, T = hop * F):

* `encode`: audio f32 [1, 1, T] -> codes int64 [1, K, F], all K codebooks
* `decode`: codes int64 [1, Kused, F] -> audio f32 [1, 1, T], any number of codebooks, starting with the first

Weight norm is folded into the weights, paddings are constants (T is a multiple of the hop, so no stage needs more), the
codebook search is an argmax of 2 x.e - |e|^2, and both directions stay in fp32. F is at least `min_frames`, since
reflected padding needs samples to reflect; pad shorter audio with silence.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import EncodecModel
from transformers.models.encodec import modeling_encodec as parts

from resonant.onnx_graph import FLOAT, INT64, OPSET, Graph

SCHEMA_VERSION = 1


class ExportError(Exception):
    """A checkpoint cannot be exported; the message gives the reason."""


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().to(torch.float32).numpy()


def _padded(graph: Graph, value: str, left: int, right: int, mode: str) -> str:
    if left == right == 0:
        return value
    return graph.add("Pad", value, graph.integers(0, 0, left, 0, 0, right), mode=mode)


def _conv(graph: Graph, layer: parts.EncodecConv1d, value: str) -> str:
    conv = layer.conv
    kernel, stride, dilation = conv.kernel_size[0], conv.stride[0], conv.dilation[0]
    total = (kernel - 1) * dilation + 1 - stride
    right = 0 if layer.causal else total // 2
    value = _padded(graph, value, total - right, right, layer.pad_mode)
    # Reading `weight` applies the weight norm.
    return graph.add(
        "Conv", value, graph.constant(_array(conv.weight)), graph.constant(_array(conv.bias)),
        strides=[stride], dilations=[dilation], kernel_shape=[kernel],
    )  # fmt: skip


def _conv_transpose(graph: Graph, layer: parts.EncodecConvTranspose1d, value: str) -> str:
    conv = layer.conv
    kernel, stride = conv.kernel_size[0], conv.stride[0]
    total = kernel - stride
    right = math.ceil(total * layer.trim_right_ratio) if layer.causal else total // 2
    value = graph.add(
        "ConvTranspose", value, graph.constant(_array(conv.weight)), graph.constant(_array(conv.bias)),
        strides=[stride], kernel_shape=[kernel],
    )  # fmt: skip
    if total == 0:
        return value
    end = -right if right else np.iinfo(np.int64).max
    return graph.add("Slice", value, graph.integers(total - right), graph.integers(int(end)), graph.integers(2))


_GATES = (0, 3, 1, 2)  # gate order: torch input, forget, cell, output; ONNX input, output, forget, cell


def _lstm(graph: Graph, layer: parts.EncodecLSTM, value: str) -> str:
    lstm = layer.lstm
    first = sequence = graph.add("Transpose", value, perm=[2, 0, 1])

    def gates(name: str, index: int) -> np.ndarray:
        array = _array(getattr(lstm, f"{name}_l{index}"))
        return np.concatenate([np.split(array, 4)[k] for k in _GATES])

    for index in range(lstm.num_layers):
        bias = np.concatenate([gates("bias_ih", index), gates("bias_hh", index)])
        sequence = graph.add(
            "LSTM", sequence, graph.constant(gates("weight_ih", index)[None]),
            graph.constant(gates("weight_hh", index)[None]), graph.constant(bias[None]),
            hidden_size=lstm.hidden_size,
        )  # fmt: skip
        sequence = graph.add("Squeeze", sequence, graph.integers(1))
    return graph.add("Transpose", graph.add("Add", sequence, first), perm=[1, 2, 0])


def _layer(graph: Graph, layer: nn.Module, value: str) -> str:
    match layer:
        case parts.EncodecConv1d():
            return _conv(graph, layer, value)
        case parts.EncodecConvTranspose1d():
            return _conv_transpose(graph, layer, value)
        case parts.EncodecLSTM():
            return _lstm(graph, layer, value)
        case parts.EncodecResnetBlock():
            inner = value
            for one in layer.block:
                inner = _layer(graph, one, inner)
            return graph.add("Add", _layer(graph, layer.shortcut, value), inner)
        case nn.ELU():
            return graph.add("Elu", value, alpha=layer.alpha)
        case nn.Identity():
            return value
    raise ExportError(f"layers of type {type(layer).__name__} are not supported")


def _codebooks(model: EncodecModel) -> np.ndarray:
    """All codebooks, f32 [K, entries, dimensions]."""
    return np.stack([_array(layer.codebook.embed) for layer in model.quantizer.layers])


def encoder_graph(model: EncodecModel) -> Graph:
    """Graph of the encoder with the codebook search."""
    graph = Graph()
    value = graph.input("audio", FLOAT, [1, 1, "T"])
    for layer in model.encoder.layers:
        value = _layer(graph, layer, value)
    residual = graph.add("Transpose", value, perm=[0, 2, 1])  # [1, F, D]
    found = []
    for table in _codebooks(model):
        scores = graph.add("MatMul", residual, graph.constant(2.0 * table.T))
        scores = graph.add("Sub", scores, graph.constant((table.astype(np.float64) ** 2).sum(1)))
        codes = graph.add("ArgMax", scores, axis=2, keepdims=0)  # [1, F]
        residual = graph.add("Sub", residual, graph.add("Gather", graph.constant(table), codes, axis=0))
        found.append(graph.add("Unsqueeze", codes, graph.integers(1)))
    codes = found[0] if len(found) == 1 else graph.add("Concat", *found, axis=1)
    graph.output(codes, "codes", INT64, [1, len(found), "F"])
    return graph


def decoder_graph(model: EncodecModel) -> Graph:
    """Graph of the decoder, for any number of codebooks."""
    graph = Graph()
    tables = _codebooks(model)
    count, entries, width = tables.shape
    codes = graph.input("codes", INT64, [1, "K", "F"])
    used = graph.add("Slice", graph.add("Shape", codes), graph.integers(1), graph.integers(2))
    offsets = graph.constant(np.arange(count, dtype=np.int64)[:, None] * entries)
    offsets = graph.add("Slice", offsets, graph.integers(0), used, graph.integers(0))
    rows = graph.add("Gather", graph.constant(tables.reshape(-1, width)), graph.add("Add", codes, offsets), axis=0)
    value = graph.add("ReduceSum", rows, graph.integers(1), keepdims=0)  # [1, F, D]
    value = graph.add("Transpose", value, perm=[0, 2, 1])
    for layer in model.decoder.layers:
        value = _layer(graph, layer, value)
    graph.output(value, "audio", FLOAT, [1, 1, "T"])
    return graph


def _largest_padding(model: EncodecModel) -> int:
    """Number of codec frames that the deepest reflected padding needs."""
    config, frames = model.config, 2
    if config.pad_mode != "reflect":
        return frames
    for side in (model.encoder, model.decoder):
        for module in side.modules():
            if isinstance(module, parts.EncodecConv1d):
                conv = module.conv
                frames = max(frames, (conv.kernel_size[0] - 1) * conv.dilation[0] + 2 - conv.stride[0])
    return frames


def check(model: EncodecModel) -> None:
    """Reject configurations that need more than one pass over the audio."""
    config = model.config
    for name, value, wanted in [
        ("audio_channels", config.audio_channels, 1),
        ("normalize", config.normalize, False),
        ("chunk_length_s", config.chunk_length_s, None),
        ("norm_type", config.norm_type, "weight_norm"),
    ]:
        if value != wanted:
            raise ExportError(f"{name} is {value!r}, only {wanted!r} can be exported (the 48 kHz checkpoint cannot)")


def file_record(path: Path) -> dict[str, Any]:
    """Name, hash and size of a file, in the format of the manifest."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"file": path.name, "sha256": digest, "bytes": path.stat().st_size}


def write_codec(model: EncodecModel, out: Path) -> dict[str, Any]:
    """Write both graphs; returns the manifest's record of the codec."""
    check(model)
    config, graphs = model.config, {}
    for name, graph in (("encode", encoder_graph(model)), ("decode", decoder_graph(model))):
        path = out / f"{name}.onnx"
        graph.save(path)
        graphs[name] = file_record(path) | graph.record()
    quantiser = model.quantizer
    return {
        "sample_rate": config.sampling_rate,
        "hop": int(np.prod(config.upsampling_ratios)),
        "codebooks": len(quantiser.layers),
        "entries": config.codebook_size,
        "min_frames": _largest_padding(model),
        "bandwidths": [
            {"kbps": kbps, "codebooks": quantiser.get_num_quantizers_for_bandwidth(kbps)}
            for kbps in sorted(config.target_bandwidths)
        ],
        **graphs,
    }


def export(model: EncodecModel, out: Path, bundle_id: str, version: str, licence: str) -> dict[str, Any]:
    """Write a bundle into `out`; returns its manifest."""
    out.mkdir(parents=True, exist_ok=True)
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "family": "encodec",
        "id": bundle_id,
        "version": version,
        "licence": licence,
        "opset": OPSET,
        **write_codec(model.eval(), out),
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    return manifest


def main(argv: list[str] | None = None) -> None:
    """Command-line entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path, help="folder with config.json and the weights")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--id", required=True, help="name of the bundle")
    parser.add_argument("--version", default="1.0.0")
    parser.add_argument("--licence", required=True, help="licence of the weights, an SPDX expression")
    arguments = parser.parse_args(argv)
    try:
        if not (arguments.checkpoint / "config.json").is_file():
            raise ExportError(f"{arguments.checkpoint} has no config.json")
        model = EncodecModel.from_pretrained(arguments.checkpoint, local_files_only=True)
        manifest = export(model, arguments.out, arguments.id, arguments.version, arguments.licence)
    except (ExportError, OSError, ValueError) as error:
        sys.exit(f"export_encodec: {error}")
    kbps = ", ".join(f"{one['kbps']:g}" for one in manifest["bandwidths"])
    print(f"{manifest['id']}: {manifest['sample_rate']} Hz, {manifest['codebooks']} codebooks, {kbps} kbit/s")


if __name__ == "__main__":
    main()
