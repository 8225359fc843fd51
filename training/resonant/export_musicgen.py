"""Exports a Hugging Face `MusicgenForConditionalGeneration` checkpoint folder as a bundle of family `musicgen`.

    python -m resonant.export_musicgen CHECKPOINT --out BUNDLE --id musicgen-small --licence CC-BY-NC-4.0 [--int8]

Supports mono checkpoints only. The weights keep their own licence, which the engine shows and requires the user to accept.

* `text`: tokens int64 [1, L] -> cross_key_<layer> f32 [1, H, W, L] (transposed), cross_value_<layer> f32 [1, H, L, W]: the T5
  encoder, the projection into the decoder, and the decoder's cross-attention keys and values, which are constant for the whole
  piece
* `step`: codes int64 [B, K], position int32 [B], past_key_<layer> and past_value_<layer> f32 [B, H, P, W], cross_key_<layer>
  f32 [B, H, W, L], cross_value_<layer> f32 [B, H, L, W] -> logits f32 [B, K, V] and present_key_<layer>, present_value_<layer>,
  to be bound to the same memory as the past values (com.microsoft.GroupQueryAttention)
* `encode`, `decode`: the codec, as in `export_encodec`
* `pieces.json`: the prompt's vocabulary, [[piece, log probability], ...] of a unigram model

A lane without a prompt (for guidance) has cross keys and values of 0. Codebook k is delayed by k positions.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import AutoTokenizer, MusicgenForConditionalGeneration

from resonant.export_encodec import SCHEMA_VERSION, ExportError, _array, file_record, write_codec
from resonant.onnx_graph import FLOAT, INT32, INT64, OPSET, Graph

LONGEST_PROMPT = 128  # tokens
ACTIVATIONS = ("gelu", "relu")


def _weights(module: torch.nn.Module) -> np.ndarray:
    return _array(module.weight)


def _activation(graph: Graph, name: str, value: str) -> str:
    if name == "relu":
        return graph.add("Relu", value)
    if name == "gelu":
        return graph.add("Gelu", value, domain="com.microsoft")
    if name == "gelu_new":
        return graph.add("FastGelu", value, domain="com.microsoft")
    raise ExportError(f"activation {name} is not supported")


def _rms_norm(graph: Graph, norm: torch.nn.Module, value: str) -> str:
    mean = graph.add("ReduceMean", graph.add("Mul", value, value), graph.integers(-1), keepdims=1)
    root = graph.add("Sqrt", graph.add("Add", mean, graph.number(norm.variance_epsilon)))
    return graph.add("Mul", graph.add("Div", value, root), graph.constant(_weights(norm)))


def _layer_norm(graph: Graph, norm: torch.nn.LayerNorm, value: str) -> str:
    scale, bias = graph.constant(_weights(norm)), graph.constant(_array(norm.bias))
    return graph.add("LayerNormalization", value, scale, bias, axis=-1, epsilon=norm.eps)


def _split_heads(graph: Graph, value: str, heads: int, width: int, order: tuple[int, ...]) -> str:
    """[B, L, heads * width] -> [B, L, heads, width], transposed."""
    shaped = graph.add("Reshape", value, graph.integers(0, 0, heads, width))
    return graph.add("Transpose", shaped, perm=list(order))


def _text_encoder(graph: Graph, encoder: torch.nn.Module, tokens: str) -> str:
    config = encoder.config
    heads, width = config.num_heads, config.d_kv
    value = graph.add("Gather", graph.constant(_weights(encoder.embed_tokens)), tokens, axis=0)
    length = graph.add("Slice", graph.add("Shape", tokens), graph.integers(1), graph.integers(2))
    first = encoder.block[0].layer[0].SelfAttention
    bias = graph.constant(_array(first.compute_bias(LONGEST_PROMPT, LONGEST_PROMPT)))
    ends = graph.add("Concat", length, length, axis=0)
    bias = graph.add("Slice", bias, graph.integers(0, 0), ends, graph.integers(2, 3))
    for block in encoder.block:
        attention, feed = block.layer
        inner, dense = attention.SelfAttention, feed.DenseReluDense
        normed = _rms_norm(graph, attention.layer_norm, value)
        query = _split_heads(graph, graph.linear(normed, _weights(inner.q)), heads, width, (0, 2, 1, 3))
        key = _split_heads(graph, graph.linear(normed, _weights(inner.k)), heads, width, (0, 2, 3, 1))
        own = _split_heads(graph, graph.linear(normed, _weights(inner.v)), heads, width, (0, 2, 1, 3))
        scores = graph.add("Softmax", graph.add("Add", graph.add("MatMul", query, key), bias), axis=-1)
        mixed = graph.add("Transpose", graph.add("MatMul", scores, own), perm=[0, 2, 1, 3])
        mixed = graph.add("Reshape", mixed, graph.integers(0, 0, heads * width))
        value = graph.add("Add", value, graph.linear(mixed, _weights(inner.o)))
        normed = _rms_norm(graph, feed.layer_norm, value)
        if config.is_gated_act:
            gate = _activation(graph, config.dense_act_fn, graph.linear(normed, _weights(dense.wi_0)))
            fed = graph.add("Mul", gate, graph.linear(normed, _weights(dense.wi_1)))
        else:
            fed = _activation(graph, config.dense_act_fn, graph.linear(normed, _weights(dense.wi)))
        value = graph.add("Add", value, graph.linear(fed, _weights(dense.wo)))
    return _rms_norm(graph, encoder.final_layer_norm, value)


def text_graph(model: MusicgenForConditionalGeneration) -> Graph:
    """Graph from the prompt's tokens to the decoder's cross-attention keys and values."""
    graph, decoder = Graph(), model.decoder
    heads = decoder.config.num_attention_heads
    width = decoder.config.hidden_size // heads
    states = _text_encoder(graph, model.text_encoder.encoder, graph.input("tokens", INT64, [1, "L"]))
    if hasattr(model, "enc_to_dec_proj"):
        states = graph.linear(states, _weights(model.enc_to_dec_proj), _array(model.enc_to_dec_proj.bias))
    for index, layer in enumerate(decoder.model.decoder.layers):
        cross = layer.encoder_attn
        key = _split_heads(graph, graph.linear(states, _weights(cross.k_proj)), heads, width, (0, 2, 3, 1))
        value = _split_heads(graph, graph.linear(states, _weights(cross.v_proj)), heads, width, (0, 2, 1, 3))
        graph.output(key, f"cross_key_{index}", FLOAT, [1, heads, width, "L"])
        graph.output(value, f"cross_value_{index}", FLOAT, [1, heads, "L", width])
    return graph


def step_graph(model: MusicgenForConditionalGeneration, positions: int) -> Graph:
    """Graph of one position of the decoder."""
    graph, lm = Graph(), model.decoder
    decoder, config = lm.model.decoder, lm.config
    heads, size = config.num_attention_heads, config.hidden_size
    width = size // heads
    codes = graph.input("codes", INT64, ["B", config.num_codebooks])
    position = graph.input("position", INT32, ["B"])
    tables = np.concatenate([_weights(table) for table in decoder.embed_tokens])
    offsets = graph.constant(np.arange(config.num_codebooks, dtype=np.int64) * (config.vocab_size + 1))
    rows = graph.add("Gather", graph.constant(tables), graph.add("Add", codes, offsets), axis=0)
    value = graph.add("ReduceSum", rows, graph.integers(1), keepdims=1)  # [B, 1, D]
    places = decoder.embed_positions.get_embedding(positions, size)
    place = graph.add("Gather", graph.constant(_array(places)), position, axis=0)
    value = graph.add("Add", value, graph.add("Unsqueeze", place, graph.integers(1)))
    last = graph.add("ReduceMax", position, keepdims=0)
    total = graph.add("Add", last, graph.constant(np.array(1, np.int32)))
    presents = []
    for index, layer in enumerate(decoder.layers):
        own, cross = layer.self_attn, layer.encoder_attn
        normed = _layer_norm(graph, layer.self_attn_layer_norm, value)
        packed = np.concatenate([_weights(own.q_proj), _weights(own.k_proj), _weights(own.v_proj)])
        past = [graph.input(f"past_{kind}_{index}", FLOAT, ["B", heads, positions, width]) for kind in ("key", "value")]
        names = (f"present_key_{index}", f"present_value_{index}")
        mixed = graph.add(
            "GroupQueryAttention", graph.linear(normed, packed), "", "", *past, position, total, more=names,
            domain="com.microsoft", num_heads=heads, kv_num_heads=heads,
        )  # fmt: skip
        presents += names
        value = graph.add("Add", value, graph.linear(mixed, _weights(own.out_proj)))
        normed = _layer_norm(graph, layer.encoder_attn_layer_norm, value)
        # The attention scale is folded into the query weights.
        query = graph.linear(normed, _weights(cross.q_proj) / math.sqrt(width))
        query = _split_heads(graph, query, heads, width, (0, 2, 1, 3))  # [B, H, 1, W]
        cross_key = graph.input(f"cross_key_{index}", FLOAT, ["B", heads, width, "L"])
        cross_value = graph.input(f"cross_value_{index}", FLOAT, ["B", heads, "L", width])
        scores = graph.add("Softmax", graph.add("MatMul", query, cross_key), axis=-1)
        mixed = graph.add("Transpose", graph.add("MatMul", scores, cross_value), perm=[0, 2, 1, 3])
        mixed = graph.add("Reshape", mixed, graph.integers(0, 0, size))
        value = graph.add("Add", value, graph.linear(mixed, _weights(cross.out_proj)))
        normed = _layer_norm(graph, layer.final_layer_norm, value)
        fed = _activation(graph, config.activation_function, graph.linear(normed, _weights(layer.fc1)))
        value = graph.add("Add", value, graph.linear(fed, _weights(layer.fc2)))
    value = _layer_norm(graph, decoder.layer_norm, value)
    heads_weight = np.concatenate([_weights(head) for head in lm.lm_heads])
    logits = graph.linear(value, heads_weight)
    logits = graph.add("Reshape", logits, graph.integers(0, config.num_codebooks, config.vocab_size))
    graph.output(logits, "logits", FLOAT, ["B", config.num_codebooks, config.vocab_size])
    for name in presents:
        graph.output(name, name, FLOAT, ["B", heads, positions, width])
    return graph


def check(model: MusicgenForConditionalGeneration) -> None:
    """Reject configurations that the engine does not support."""
    config = model.decoder.config
    if config.audio_channels != 1:
        raise ExportError("only mono checkpoints can be exported, this one is stereo")
    if config.scale_embedding:
        raise ExportError("scaled embeddings are not supported")
    if config.num_codebooks != model.audio_encoder.quantizer.num_quantizers:
        raise ExportError("the decoder and its codec have different numbers of codebooks")


def pieces(tokenizer: Any) -> list[list[Any]]:
    """The vocabulary of a unigram tokenizer, with log probabilities."""
    description = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    if description.get("type") != "Unigram":
        raise ExportError("the tokenizer is not a unigram model")
    if tokenizer.eos_token_id is None:
        raise ExportError("the tokenizer has no end token")
    return description["vocab"]


def export(
    model: MusicgenForConditionalGeneration,
    tokenizer: Any,
    out: Path,
    bundle_id: str,
    version: str,
    licence: str,
    int8: bool = False,
) -> dict[str, Any]:
    """Write a bundle into `out`; returns its manifest."""
    model = model.eval()
    check(model)
    out.mkdir(parents=True, exist_ok=True)
    config = model.decoder.config
    positions = config.max_position_embeddings
    records = {}
    for name, graph in (("text", text_graph(model)), ("step", step_graph(model, positions))):
        path = out / f"{name}.onnx"
        graph.save(path)
        if int8:
            quantize_dynamic(
                path, path, op_types_to_quantize=["MatMul"], per_channel=True, reduce_range=True,
                weight_type=QuantType.QInt8,
                extra_options={"MatMulConstBOnly": True, "DefaultTensorType": FLOAT},
            )  # fmt: skip
        records[name] = file_record(path) | graph.record()
    vocabulary = pieces(tokenizer)
    path = out / "pieces.json"
    path.write_text(json.dumps(vocabulary, ensure_ascii=False, separators=(",", ":")) + "\n")
    generation = model.generation_config
    heads = config.num_attention_heads
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "family": "musicgen",
        "id": bundle_id,
        "version": version,
        "licence": licence,
        "opset": OPSET,
        **records,
        "layers": config.num_hidden_layers,
        "heads": heads,
        "head_width": config.hidden_size // heads,
        "positions": positions,
        "vocabulary": config.vocab_size,
        "pad": model.generation_config.pad_token_id or config.pad_token_id,
        "guidance": float(generation.guidance_scale or 1.0),
        "top_k": int(generation.top_k or 250),
        "pieces": file_record(path) | {
            "count": len(vocabulary), "unknown": tokenizer.unk_token_id, "end": tokenizer.eos_token_id,
        },
        "codec": write_codec(model.audio_encoder, out),
    }  # fmt: skip
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    return manifest


def main(argv: list[str] | None = None) -> None:
    """Command-line entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path, help="folder with config.json, the weights and the tokenizer")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--id", required=True, help="name of the bundle")
    parser.add_argument("--version", default="1.0.0")
    parser.add_argument("--licence", required=True, help="licence of the weights, an SPDX expression")
    parser.add_argument("--int8", action="store_true", help="quantise the decoder and the text encoder")
    arguments = parser.parse_args(argv)
    try:
        if not (arguments.checkpoint / "config.json").is_file():
            raise ExportError(f"{arguments.checkpoint} has no config.json")
        model = MusicgenForConditionalGeneration.from_pretrained(arguments.checkpoint, local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(arguments.checkpoint, local_files_only=True)
        manifest = export(
            model, tokenizer, arguments.out, arguments.id, arguments.version, arguments.licence, arguments.int8
        )
    except (ExportError, OSError, ValueError) as error:
        sys.exit(f"export_musicgen: {error}")
    print(f"{manifest['id']}: {manifest['layers']} layers, codec of {manifest['codec']['sample_rate']} Hz")


if __name__ == "__main__":
    main()
