"""ONNX step graph of a composer, built by hand: each session run extends the key/value buffers by one position.

Inputs (B = batch, T = tokens of this run: 1 for a step, more for a prefill from position 0):

    token        int64 [B, T]
    condition    f32   [B, T, 196], or 248 with figures, or 299 with gaps too
    position     int32 [B]        zero-based position of the run's last token (step i: i)
    past_key_L, past_value_L      f32 [B, heads, 1024, head width], L = 0 .. layers - 1

Outputs: `logits` f32 [B, T, vocabulary] and `present_key_L`, `present_value_L`. Bind each present to the same memory as
its past (ONNX Runtime's shared buffer), so that the kernel writes one row instead of copying. A new buffer may hold any
finite values. Attention is com.microsoft.GroupQueryAttention with packed QKV and built-in rotary positions.

`python -m resonant.export_compose fixture --out DIR` writes random-weight graphs of the same layout for engine tests.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from resonant import checkpoint
from resonant.compose_data import Example, PieceCache, example
from resonant.compose_model import NORM_EPSILON, PITCH_COLUMNS, PITCH_ROWS, POSITIONS, ComposeModelConfig, Composer
from resonant.conditions import CONDITION, FIGURE_WIDTH, drop_intent
from resonant.piece import TRACKS
from resonant.tokens import vocabulary

OPSET = 17
IR_VERSION = 8
# Held-out pieces that activations are measured on.
MEASURED_PIECES = 60
# The first condition layer and the head stay in fp32: eight bits are too coarse for pitches / 100, and both layers are
# small.
KEPT_IN_FP32 = ("condition_in", "head")


class _Graph:
    """Collects nodes and initialisers."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def constant(self, name: str, value: np.ndarray) -> str:
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def op(self, kind: str, inputs: list[str], name: str, outputs: list[str] | None = None, **attributes) -> str:
        outputs = outputs or [f"{name}_y"]
        self.nodes.append(helper.make_node(kind, inputs, outputs, name=name, **attributes))
        return outputs[0]

    def linear(self, x: str, layer: torch.nn.Linear, name: str) -> str:
        weight = self.constant(f"{name}_weight", layer.weight.detach().numpy().T)
        y = self.op("MatMul", [x, weight], name)
        if layer.bias is None:
            return y
        return self.op("Add", [y, self.constant(f"{name}_bias", layer.bias.detach().numpy())], f"{name}_add")


def build(model: Composer) -> onnx.ModelProto:
    """The fp32 step graph of a composer."""
    config, graph = model.config, _Graph()
    detached = {name: value.detach().numpy() for name, value in model.state_dict().items()}

    token_table = graph.constant("token_table", detached["token.weight"])
    x = graph.op("Gather", [token_table, "token"], "token_embedding", axis=0)
    hidden = graph.linear("condition", model.condition_in, "condition_in")
    hidden = graph.op("Gelu", [hidden], "condition_gelu", domain="com.microsoft")
    hidden = graph.linear(hidden, model.condition_out, "condition_out")
    x = graph.op("Add", [x, hidden], "embedded")
    if model.pitch is not None:
        columns = graph.constant("pitch_columns", np.array(PITCH_COLUMNS, np.int64))
        picked = graph.op("Gather", ["condition", columns], "pitch_picked", axis=2)
        scaled = graph.op("Mul", [picked, graph.constant("hundred", np.array(100.0, np.float32))], "pitch_scaled")
        rounded = graph.op("Round", [scaled], "pitch_rounded")
        rows = graph.op("Cast", [rounded], "pitch_rows", to=TensorProto.INT64)
        offsets = graph.constant("pitch_offsets", np.arange(len(PITCH_COLUMNS), dtype=np.int64) * PITCH_ROWS)
        rows = graph.op("Add", [rows, offsets], "pitch_indices")
        table = graph.constant("pitch_table", detached["pitch.weight"])
        looked_up = graph.op("Gather", [table, rows], "pitch_embedding", axis=0)  # [B, T, columns, width]
        axes = graph.constant("pitch_axes", np.array([2], np.int64))
        x = graph.op("Add", [x, graph.op("ReduceSum", [looked_up, axes], "pitch_sum", keepdims=0)], "embedded_pitch")

    last = graph.op("ReduceMax", ["position"], "position_max", keepdims=0)
    total = graph.op("Add", [last, graph.constant("one", np.array(1, np.int32))], "total_length")
    cos = graph.constant("rotary_cos", model.cos.numpy())
    sin = graph.constant("rotary_sin", model.sin.numpy())
    feed_split = graph.constant("feed_split", np.array([config.feed_forward, config.feed_forward], np.int64))

    first_scale = graph.constant("norm_attention_0_scale", detached["blocks.0.norm_attention.weight"])
    normed = graph.op(
        "SimplifiedLayerNormalization", [x, first_scale], "norm_attention_0", axis=-1, epsilon=NORM_EPSILON
    )
    for layer, block in enumerate(model.blocks):
        qkv = graph.linear(normed, block.qkv, f"qkv_{layer}")
        mixed = graph.op(
            "GroupQueryAttention",
            [qkv, "", "", f"past_key_{layer}", f"past_value_{layer}", "position", total, cos, sin],
            f"attention_{layer}",
            [f"attention_{layer}_y", f"present_key_{layer}", f"present_value_{layer}"],
            domain="com.microsoft",
            num_heads=config.heads,
            kv_num_heads=config.heads,
            do_rotary=1,
            rotary_interleaved=0,
        )
        mixed = graph.linear(mixed, block.out, f"out_{layer}")
        normed, x = _skip_norm(graph, x, mixed, detached[f"blocks.{layer}.norm_feed.weight"], f"norm_feed_{layer}")
        both = graph.linear(normed, block.gate_up, f"gate_up_{layer}")
        graph.op("Split", [both, feed_split], f"feed_{layer}", [f"gate_{layer}", f"up_{layer}"], axis=-1)
        sigmoid = graph.op("Sigmoid", [f"gate_{layer}"], f"sigmoid_{layer}")
        gate = graph.op("Mul", [f"gate_{layer}", sigmoid], f"silu_{layer}")
        fed = graph.linear(graph.op("Mul", [gate, f"up_{layer}"], f"gated_{layer}"), block.down, f"down_{layer}")
        following = f"blocks.{layer + 1}.norm_attention.weight" if layer + 1 < config.layers else "norm.weight"
        name = f"norm_attention_{layer + 1}" if layer + 1 < config.layers else "norm_final"
        normed, x = _skip_norm(graph, x, fed, detached[following], name)
    logits = graph.linear(normed, model.head, "head")
    graph.op("Identity", [logits], "logits_out", ["logits"])

    inputs, outputs = _signature(model)
    proto = helper.make_model(
        helper.make_graph(graph.nodes, f"compose_{model.track}", inputs, outputs, graph.initializers),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)],
        producer_name="resonant",
    )
    proto.ir_version = IR_VERSION
    return proto


def _skip_norm(graph: _Graph, x: str, branch: str, scale: np.ndarray, name: str) -> tuple[str, str]:
    """(norm(x + branch), x + branch)."""
    graph.op(
        "SkipSimplifiedLayerNormalization",
        [x, branch, graph.constant(f"{name}_scale", scale)],
        name,
        [f"{name}_y", "", "", f"{name}_sum"],
        domain="com.microsoft",
        epsilon=NORM_EPSILON,
    )
    return f"{name}_y", f"{name}_sum"


def _signature(model: Composer) -> tuple[list[onnx.ValueInfoProto], list[onnx.ValueInfoProto]]:
    config = model.config
    cache = ["batch", config.heads, POSITIONS, config.head_width]
    inputs = [
        helper.make_tensor_value_info("token", TensorProto.INT64, ["batch", "tokens"]),
        helper.make_tensor_value_info("condition", TensorProto.FLOAT, ["batch", "tokens", config.condition]),
        helper.make_tensor_value_info("position", TensorProto.INT32, ["batch"]),
    ]
    outputs = [
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "tokens", vocabulary(model.track)]),
    ]
    for layer in range(config.layers):
        for kind in ("key", "value"):
            inputs.append(helper.make_tensor_value_info(f"past_{kind}_{layer}", TensorProto.FLOAT, cache))
            outputs.append(helper.make_tensor_value_info(f"present_{kind}_{layer}", TensorProto.FLOAT, cache))
    return inputs, outputs


def quantise(source: Path, target: Path) -> None:
    """int8 weights (per channel, 7 bits for processors without VNNI) and dynamically quantised activations."""
    nodes = [node.name for node in onnx.load(source).graph.node if node.name in KEPT_IN_FP32]
    quantize_dynamic(
        source,
        target,
        op_types_to_quantize=["MatMul"],
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=nodes,
        extra_options={"MatMulConstBOnly": True, "DefaultTensorType": TensorProto.FLOAT},
    )


def fix_scales(path: Path, examples: Iterable[Example]) -> None:
    """Give the activations of a quantised graph fixed scales, each for the range measured on `examples`.

    `quantize_dynamic` scales the activations of all sequences of a run together, so that what the network says of a sequence depends
    on the others. With fixed scales it does not, and a graph can run several scores at once.
    """
    proto = onnx.load(path)
    nodes = list(proto.graph.node)
    maker = {name: node for node in nodes for name in node.output}
    quantisers = {node.output[0]: node for node in nodes if node.op_type == "DynamicQuantizeLinear"}
    if not quantisers:
        return
    ranges = _ranges(proto, [node.input[0] for node in quantisers.values()], examples)
    following: dict[str, onnx.NodeProto] = {name: node for node in nodes for name in node.input}
    replaced: dict[str, list[onnx.NodeProto]] = {}
    dropped = {node.name for node in quantisers.values()}
    for node in nodes:
        if node.op_type != "MatMulInteger":
            continue
        # DynamicQuantizeLinear -> MatMulInteger -> Cast -> Mul by the product of the scales
        value, weight, _, weight_zero = quantisers[node.input[0]].input[0], *node.input[1:]
        cast = following[node.output[0]]
        product = following[cast.output[0]]
        scales = maker[next(name for name in product.input if name != cast.output[0])]
        weight_scale = next(name for name in scales.input if name != quantisers[node.input[0]].output[1])
        low, high = ranges[value]
        scale = np.float32((high - low) / 255.0)
        name = weight.removesuffix("_weight_quantized")
        fixed = [f"{name}_input_scale", f"{name}_input_zero_point"]
        zero = np.array(np.clip(np.round(-low / scale), 0, 255), np.uint8)
        for constant, of in zip((np.array(scale), zero), fixed, strict=True):
            proto.graph.initializer.append(numpy_helper.from_array(constant, of))
        replaced[product.name] = [
            helper.make_node("QuantizeLinear", [value, *fixed], [f"{name}_input"], name=f"{name}_input"),
            helper.make_node(
                "MatMulIntegerToFloat",
                [f"{name}_input", weight, fixed[0], weight_scale, fixed[1], weight_zero],
                list(product.output),
                name=node.name,
                domain="com.microsoft",
            ),
        ]
        dropped |= {node.name, cast.name, scales.name}
    del proto.graph.node[:]
    for node in nodes:
        if node.name not in dropped:
            proto.graph.node.extend(replaced.get(node.name, [node]))
    onnx.save(proto, path)


def empty_caches(session: onnxruntime.InferenceSession, sequences: int) -> dict[str, np.ndarray]:
    """Past keys and values, all zero, by input name."""
    return {
        value.name: np.zeros((sequences, *value.shape[1:]), np.float32)
        for value in session.get_inputs()
        if value.name.startswith("past_")
    }


def _ranges(proto: onnx.ModelProto, names: list[str], examples: Iterable[Example]) -> dict[str, tuple[float, float]]:
    """Lowest and highest value of tensors of a graph on examples; 0 lies within."""
    watched = onnx.ModelProto()
    watched.CopyFrom(proto)
    watched.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(watched.SerializeToString(), options, providers=["CPUExecutionProvider"])
    caches = empty_caches(session, 1)
    ranges = dict.fromkeys(names, (0.0, 0.0))
    for item in examples:
        length = min(len(item.condition), POSITIONS)
        told = item.condition[:length]
        untold = told.copy()
        drop_intent(untold)
        for condition in (told, untold):
            fed = {"token": item.tokens[None, :length], "condition": condition[None].astype(np.float32)}
            values = session.run(names, fed | caches | {"position": np.array([length - 1], np.int32)})
            for name, value in zip(names, values, strict=True):
                low, high = ranges[name]
                ranges[name] = (min(low, float(value.min())), max(high, float(value.max())))
    return ranges


def measured_examples(cache: PieceCache, track: str, condition: int) -> Iterator[Example]:
    """Held-out segments that cover what a composer meets: with gaps and without."""
    rng = random.Random(5)
    held_out = cache.split(track, held_out=True)
    for number, piece in enumerate(rng.sample(held_out, min(MEASURED_PIECES, len(held_out)))):
        gap = range(number % piece.plan.bars, number % piece.plan.bars + 1) if number % 2 else None
        yield example(piece, track, None, rng, condition, gap)


def record(path: Path, track: str) -> dict:
    """Names, types, shapes, hash and counts of an exported graph, in the format of the bundle's manifest."""
    graph = onnx.load(path).graph

    def describe(values: list[onnx.ValueInfoProto]) -> list[dict]:
        return [
            {
                "name": value.name,
                "dtype": helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).name,
                "shape": [size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim],
            }
            for value in values
        ]

    cache = next(value for value in describe(graph.input) if value["name"] == "past_key_0")
    condition = next(value for value in describe(graph.input) if value["name"] == "condition")
    return {
        "track": track,
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "bytes": path.stat().st_size,
        "opset": OPSET,
        "domains": {"com.microsoft": 1},
        "vocabulary": vocabulary(track),
        "condition": condition["shape"][2],
        "layers": sum(value.name.startswith("past_key_") for value in graph.input),
        "heads": cache["shape"][1],
        "head_width": cache["shape"][3],
        "positions": POSITIONS,
        "independent_rows": {node.op_type for node in graph.node} & {"MatMulIntegerToFloat", "DynamicQuantizeLinear"}
        == {"MatMulIntegerToFloat"},
        "inputs": describe(graph.input),
        "outputs": describe(graph.output),
    }


class Stepper:
    """Runs a step graph with the same buffers bound as past and present keys and values (batch 1)."""

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        names = [value.name for value in self.session.get_inputs()]
        self.token = np.zeros((1, 1), np.int64)
        self.condition = np.zeros((1, 1, self.session.get_inputs()[names.index("condition")].shape[2]), np.float32)
        self.position = np.zeros(1, np.int32)
        self.logits = np.zeros((1, 1, self.session.get_outputs()[0].shape[2]), np.float32)
        self.caches = empty_caches(self.session, 1)
        self.binding = self.session.io_binding()
        bound = {"token": self.token, "condition": self.condition, "position": self.position, **self.caches}
        self._values = {name: onnxruntime.OrtValue.ortvalue_from_numpy(value) for name, value in bound.items()}
        self._logits = onnxruntime.OrtValue.ortvalue_from_numpy(self.logits)
        for name, value in self._values.items():
            self.binding.bind_ortvalue_input(name, value)
            if name in self.caches:
                self.binding.bind_ortvalue_output(name.replace("past_", "present_"), value)
        self.binding.bind_ortvalue_output("logits", self._logits)

    def step(self, token: int, condition: np.ndarray, position: int) -> np.ndarray:
        """Logits f32 [vocabulary] after `token` at `position`, with the condition row f32 [196, 248 or 299]."""
        self._values["token"].update_inplace(np.array([[token]], np.int64))
        self._values["condition"].update_inplace(condition.reshape(1, 1, -1).astype(np.float32))
        self._values["position"].update_inplace(np.array([position], np.int32))
        self.session.run_with_iobinding(self.binding)
        return self._logits.numpy()[0, 0].copy()


def compare(model: Composer, path: Path, tokens: np.ndarray, condition: np.ndarray) -> dict[str, float]:
    """Step-by-step deviation of an exported graph from torch on one sequence (int [T], f32 [T, condition])."""
    model.eval()
    with torch.no_grad():
        expected = model(torch.from_numpy(tokens)[None].long(), torch.from_numpy(condition)[None])[0].numpy()
    stepper = Stepper(path)
    got = np.stack([stepper.step(int(token), condition[i], i) for i, token in enumerate(tokens)])
    p, q = _log_softmax(expected), _log_softmax(got)
    return {
        "max_logit_difference": float(np.abs(expected - got).max()),
        "top1_agreement": float((expected.argmax(1) == got.argmax(1)).mean()),
        "kl_nats": float((np.exp(p) * (p - q)).sum(1).mean()),
    }


def deviation(model: Composer, path: Path, cache: PieceCache, segments: int = 6) -> dict[str, float]:
    """`compare` averaged over held-out segments (maximum for the largest logit difference)."""
    rng = random.Random(3)
    pieces = rng.sample(cache.split(model.track, held_out=True), segments)
    results = []
    for piece in pieces:
        item = example(piece, model.track, None, rng, model.config.condition)
        length = min(len(item.condition), POSITIONS)
        results.append(compare(model, path, item.tokens[:-1][:length], item.condition[:length]))
    mean = {name: float(np.mean([result[name] for result in results])) for name in results[0]}
    return mean | {"max_logit_difference": max(result["max_logit_difference"] for result in results)}


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def export(model: Composer, out: Path, int8: bool, cache: PieceCache | None = None) -> dict:
    """Write compose_<track>.onnx into `out`; returns its record. With pieces, activations are quantised with fixed scales."""
    out.mkdir(parents=True, exist_ok=True)
    model.eval()
    target = out / f"compose_{model.track}.onnx"
    proto = build(model)
    if int8:
        full = out / f"compose_{model.track}.fp32.onnx"
        onnx.save(proto, full)
        quantise(full, target)
        full.unlink()
        if cache is not None:
            fix_scales(target, measured_examples(cache, model.track, model.config.condition))
    else:
        onnx.save(proto, target)
    return record(target, model.track)


def fix_scales_of(folder: Path, cache: PieceCache) -> None:
    """`fix_scales` for all composers of an exported folder, whose record follows; the manifest has to be written anew."""
    path = folder / "compose_record.json"
    records = json.loads(path.read_text())
    for track, known in records.items():
        graph = folder / known["file"]
        fix_scales(graph, measured_examples(cache, track, known["condition"]))
        known.pop("deviation", None)  # of the graph before
        records[track] = known | record(graph, track)
    path.write_text(json.dumps(records, indent=1) + "\n")


def write_fixture(out: Path) -> None:
    """Random-weight graphs of all tracks (fp32, one layer of width 32), with a record and golden logits for each."""
    records = {}
    for index, track in enumerate(TRACKS):
        torch.manual_seed(index)
        model = Composer(track, ComposeModelConfig(width=32, layers=1, heads=2, feed_forward=48, condition_width=32))
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        records[track] = export(model, out, int8=False)
        rng = np.random.default_rng(index)
        tokens = rng.integers(1, vocabulary(track), 12)
        condition = (rng.random((12, CONDITION)) * (rng.random((12, CONDITION)) < 0.2)).astype(np.float32).round(3)
        for column in PITCH_COLUMNS:
            condition[:, column] = condition[:, column].round(2)
        stepper = Stepper(out / f"compose_{track}.onnx")
        logits = [stepper.step(int(token), condition[i], i) for i, token in enumerate(tokens)]
        golden = {
            "track": track,
            "tokens": tokens.tolist(),
            "condition": [[float(f"{value:.4g}") for value in row] for row in condition.tolist()],
            "logits": [[float(f"{value:.7g}") for value in row.tolist()] for row in logits],
        }
        (out / f"compose_{track}.golden.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    (out / "compose_record.json").write_text(json.dumps(records, indent=1) + "\n")
    write_figures_fixture(out)


def write_figures_fixture(folder: Path) -> None:
    """The fixture's bass composer with figure conditions: the same network with 52 additional random columns."""
    graph = onnx.load(folder / "compose_bass.onnx")
    weight = next(item for item in graph.graph.initializer if item.name == "condition_in_weight")
    known = numpy_helper.to_array(weight)
    more = np.random.default_rng(9).normal(0.0, 0.5, (FIGURE_WIDTH, known.shape[1])).astype(np.float32)
    weight.CopyFrom(numpy_helper.from_array(np.concatenate((known, more)), weight.name))
    condition = next(item for item in graph.graph.input if item.name == "condition")
    condition.type.tensor_type.shape.dim[2].dim_value = CONDITION + FIGURE_WIDTH
    onnx.save(graph, folder / "compose_bass_figures.onnx")


def load_composer(path: Path) -> tuple[Composer, dict]:
    """The averaged weights in a training checkpoint, and the checkpoint."""
    state = checkpoint.load(path)
    if state is None:
        raise checkpoint.CheckpointError(f"no checkpoint at {path}")
    model = Composer(state["track"], ComposeModelConfig(**state["model"]))
    model.load_state_dict(state["average"]["values"])
    return model.eval(), state


def main() -> None:
    """Command-line entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    fixture = commands.add_parser("fixture", help="random-weight graphs for engine tests")
    fixture.add_argument("--out", type=Path, required=True)
    bundle = commands.add_parser("bundle", help="export trained composers as int8")
    bundle.add_argument("--checkpoints", type=Path, default=Path("checkpoints/compose"))
    bundle.add_argument("--out", type=Path, required=True)
    bundle.add_argument("--tracks", nargs="+", choices=TRACKS, default=list(TRACKS))
    bundle.add_argument("--fp32", action="store_true", help="do not quantise")
    bundle.add_argument(
        "--shards", type=Path, help="pieces for fixed scales, and for measuring how far the export deviates from torch"
    )
    fix = commands.add_parser("fix-scales", help="give exported composers fixed scales")
    fix.add_argument("folder", type=Path, help="a bundle; changed in place")
    fix.add_argument("--shards", type=Path, required=True, help="pieces that activations are measured on")
    arguments = parser.parse_args()
    if arguments.command == "fixture":
        write_fixture(arguments.out)
        return
    if arguments.command == "fix-scales":
        fix_scales_of(arguments.folder, PieceCache(arguments.shards))
        return
    cache = None if arguments.shards is None else PieceCache(arguments.shards)
    records = {}
    for track in arguments.tracks:
        try:
            model, state = load_composer(arguments.checkpoints / track / "last.pt")
        except checkpoint.CheckpointError as error:
            sys.exit(f"export_compose: {error}")
        exported = export(model, arguments.out, int8=not arguments.fp32, cache=cache)
        if cache is not None:
            exported["deviation"] = deviation(model, arguments.out / exported["file"], cache)
        records[track] = exported | {
            "model": asdict(model.config),
            "training": {"steps": state["step"], "minutes": round(state["seconds"] / 60, 1), "tokens": state["tokens"]},
        }
    path = arguments.out / "compose_record.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(known | records, indent=1) + "\n")


if __name__ == "__main__":
    main()
