"""ONNX export of the codec and the performers, with a parity check between torch and ONNX Runtime.

Per track (opset 18, dynamic T; T100 = 2 T50, Tout = T100, drums 2 T100; batch 1):

* `encode_<track>`: logmel f32 [1, 96, T100] -> codes int64 [1, K, T50]
* `perform_<track>`: features f32 [1, F, T100], timbre f32 [1, 64], attributes f32 [1, 5] -> codes
* `decode_<track>`: codes, features, levels f32 [1, 2, 96, Tout] -> log_gains f32 [1, 3, 96, Tout]

Unless `--fp32` is given, the MatMuls of decoders and performers use dynamic int8 quantisation. The first and last
layers, around the latent, stay in fp32, and so do the encoders as a whole.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import nn

from resonant import checkpoint, mel
from resonant.codec import STREAMS, TRACKS, CodecConfig, Decoder, Quantiser, transform_of
from resonant.features import feature_rows
from resonant.perform_model import ATTRIBUTES, TIMBRE, PerformConfig, Performer

OPSET = 18


class _Encode(nn.Module):
    def __init__(self, quantiser: Quantiser) -> None:
        super().__init__()
        self.quantiser = quantiser

    def forward(self, logmel: torch.Tensor) -> torch.Tensor:
        return self.quantiser.encode(self.quantiser.latent(logmel))


class _Perform(nn.Module):
    def __init__(self, performer: Performer, quantiser: Quantiser) -> None:
        super().__init__()
        self.performer = performer
        self.quantiser = quantiser

    def forward(self, features: torch.Tensor, timbre: torch.Tensor, attributes: torch.Tensor) -> torch.Tensor:
        return self.quantiser.encode(self.performer(features, timbre, attributes))


class _Decode(nn.Module):
    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, codes: torch.Tensor, features: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.decoder.quantiser.decode(codes), features, levels)


def example_inputs(track: str, config: CodecConfig, frames50: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Inputs of all three graphs of a track, for a length in codec frames."""
    rng = np.random.default_rng(seed)
    rows, ratio = feature_rows(track), transform_of(track).per_feature
    shape = (1, rows, 2 * frames50)
    features = rng.random(shape, dtype=np.float32) * (rng.random(shape) < 0.03)
    return {
        "logmel": rng.normal(0.0, 3.0, (1, mel.MEL_BANDS, 2 * frames50)).astype(np.float32),
        "codes": rng.integers(0, config.entries, (1, config.codebooks, frames50)),
        "features": features.astype(np.float32),
        "levels": rng.normal(2.0, 3.0, (1, 2, mel.MEL_BANDS, 2 * frames50 * ratio)).astype(np.float32),
        "timbre": rng.normal(0.0, 0.5, (1, TIMBRE)).astype(np.float32),
        "attributes": rng.random((1, ATTRIBUTES), dtype=np.float32),
    }


def session(path: Path) -> onnxruntime.InferenceSession:
    """Single-threaded CPU session."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _write(module: nn.Module, inputs: dict[str, np.ndarray], output: str, path: Path) -> None:
    module.eval()
    frames = torch.export.Dim("T50", min=1, max=1_000_000)
    ratio = inputs["levels"].shape[3] // inputs["codes"].shape[2] if "levels" in inputs else 1
    dynamic = {
        "logmel": {2: 2 * frames}, "codes": {2: frames}, "features": {2: 2 * frames},
        "levels": {3: ratio * frames}, "timbre": None, "attributes": None,
    }  # fmt: skip
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module,
            tuple(torch.from_numpy(value) for value in inputs.values()),
            input_names=list(inputs),
            output_names=[output],
            dynamic_shapes=tuple(dynamic[name] for name in inputs),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    program.save(str(path), external_data=False)
    proto = onnx.load(path)
    del proto.metadata_props[:]
    for node in proto.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in [*proto.graph.value_info, *proto.graph.input, *proto.graph.output, *proto.graph.initializer]:
        del value.metadata_props[:]
    _name_dimensions(proto)
    onnx.save(proto, path)


_DIMENSIONS = {"logmel": {2: "T100"}, "codes": {2: "T50"}, "features": {2: "T100"}, "levels": {3: "Tout"},
               "log_gains": {3: "Tout"}}  # fmt: skip


def _name_dimensions(proto: onnx.ModelProto) -> None:
    """Name the free dimensions T50, T100 and Tout; remove inferred shapes that carry the exporter's names."""
    del proto.graph.value_info[:]
    for value in [*proto.graph.input, *proto.graph.output]:
        for axis, name in _DIMENSIONS.get(value.name, {}).items():
            value.type.tensor_type.shape.dim[axis].dim_param = name


def _quantise(path: Path, weights_kept: set[tuple[int, ...]]) -> None:
    """Replace a graph with its dynamic int8 version, except for MatMuls whose weight has one of the given shapes."""
    proto = onnx.load(path)
    shapes = {item.name: tuple(item.dims) for item in proto.graph.initializer}
    kept = [
        node.name for node in proto.graph.node
        if node.op_type in ("MatMul", "Gemm") and any(shapes.get(name) in weights_kept for name in node.input)
    ]  # fmt: skip
    temporary = path.with_suffix(".int8")
    quantize_dynamic(
        path, temporary, op_types_to_quantize=["MatMul"], per_channel=True, reduce_range=True,
        weight_type=QuantType.QInt8, nodes_to_exclude=kept,
        extra_options={"MatMulConstBOnly": True, "DefaultTensorType": TensorProto.FLOAT},
    )  # fmt: skip
    temporary.replace(path)


def export_track(
    decoder: Decoder, performer: Performer, out: Path, int8: bool, frames50: int = 40
) -> dict[str, Any]:
    """Write the three graphs of a track; returns the parity results."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    out.mkdir(parents=True, exist_ok=True)
    track, config = decoder.track, decoder.config
    values = example_inputs(track, config, frames50)
    jobs = {
        "encode": (_Encode(decoder.quantiser), ("logmel",), "codes"),
        "perform": (_Perform(performer, decoder.quantiser), ("features", "timbre", "attributes"), "codes"),
        "decode": (_Decode(decoder), ("codes", "features", "levels"), "log_gains"),
    }
    stacked = 2 * feature_rows(track)
    latent = config.latent
    width, own = performer.config.width, config.width
    bands = mel.MEL_BANDS
    # Eight bits are not enough around the latent, the levels and the gains; these layers are small.
    kept = {(width, latent), (stacked, width), (feature_rows(track), own), (latent, 2 * own), (own, STREAMS * bands),
            (latent, config.entries), (latent, 2 * bands), (2 * bands, latent), (bands, bands),
            (2 * bands * transform_of(track).per_feature, own)}  # fmt: skip
    figures: dict[str, Any] = {}
    for kind, (module, names, output) in jobs.items():
        inputs = {name: values[name] for name in names}
        path = out / f"{kind}_{track}.onnx"
        _write(module, inputs, output, path)
        figures[kind] = {"fp32": _parity(module, path, track, config, names)}
        if int8 and kind != "encode":
            _quantise(path, kept)
            figures[kind]["int8"] = _parity(module, path, track, config, names)
    return figures


def _parity(module: nn.Module, path: Path, track: str, config: CodecConfig, names: tuple[str, ...]) -> float:
    """Worst result over two lengths: share of differing codes, or largest gain difference."""
    worst = 0.0
    running = session(path)
    for frames50 in (17, 100):
        values = example_inputs(track, config, frames50, seed=frames50)
        inputs = {name: values[name] for name in names}
        with torch.no_grad():
            expected = module(*(torch.from_numpy(value) for value in inputs.values())).numpy()
        got = running.run(None, inputs)[0]
        if expected.dtype == np.int64:
            worst = max(worst, float((expected != got).mean()))
        else:
            worst = max(worst, float(np.abs(expected - got).max()))
    return worst


def write_io_golden(out: Path, tracks: tuple[str, ...], config: CodecConfig, frames50: int = 4) -> None:
    """Write `codec_io.json`: inputs and outputs of all graphs of a small bundle, flattened row-major."""
    golden: dict[str, Any] = {}
    for track in tracks:
        values = example_inputs(track, config, frames50, seed=7)
        values["features"] = values["features"].round(3)
        rows: dict[str, Any] = {}
        for kind in ("encode", "perform", "decode"):
            running = session(out / f"{kind}_{track}.onnx")
            names = [value.name for value in running.get_inputs()]
            result = running.run(None, {name: values[name] for name in names})[0]
            rows[kind] = {
                "inputs": {name: _packed(values[name]) for name in names},
                "output": {running.get_outputs()[0].name: _packed(result)},
            }
        golden[track] = rows
    (out / "codec_io.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


def _packed(value: np.ndarray) -> dict[str, Any]:
    flat = value.reshape(-1).tolist()
    data = flat if value.dtype == np.int64 else [float(f"{x:.7g}") for x in flat]
    return {"shape": list(value.shape), "data": data}


def write_fixture(out: Path) -> None:
    """A bundle of tiny random-weight models with the real names and shapes, for engine tests only."""
    codec_config = CodecConfig(width=16, blocks=1, expansion=2, latent=32, entries=16)
    perform_config = PerformConfig(width=16, blocks=1, expansion=2, latent=32)
    for index, track in enumerate(TRACKS):
        torch.manual_seed(index)
        rng = np.random.default_rng(index)
        decoder = Decoder(track, codec_config).eval()
        performer = Performer(track, perform_config).eval()
        basis = np.linalg.qr(rng.normal(size=(2 * mel.MEL_BANDS, codec_config.latent)))[0]
        decoder.quantiser.mean.fill_(-1.0)
        decoder.quantiser.project.copy_(torch.from_numpy(basis * 0.1))
        decoder.quantiser.expand.copy_(torch.from_numpy(basis.T * 10.0))
        for k in range(codec_config.codebooks):
            decoder.quantiser.codebooks[k].normal_(0.0, 1.0 / (k + 1))
        export_track(decoder, performer, out, int8=False)
    write_io_golden(out, TRACKS, codec_config)
    (out / "patches.json").write_text(json.dumps(fixture_patches(), indent=1) + "\n")


def fixture_patches() -> list[dict[str, Any]]:
    """Two patches per track."""
    families = {"drums": ("kit_acoustic", "kit_808"), "bass": ("bass_synth", "bass_electric"),
                "harmony": ("pad", "keys"), "melody": ("lead", "pluck")}  # fmt: skip
    tonal = (
        {"voices": 3, "detune_cents": 9.0, "attack_s": 0.02, "decay_s": 0.4, "sustain": 0.7, "release_s": 0.15,
         "vibrato_hz": 5.0, "vibrato_cents": 8.0, "vibrato_delay_s": 0.2, "glide_s": 0.0},
        {"voices": 1, "detune_cents": 0.0, "attack_s": 0.003, "decay_s": 0.6, "sustain": 0.0, "release_s": 0.08,
         "vibrato_hz": 0.0, "vibrato_cents": 0.0, "vibrato_delay_s": 0.0, "glide_s": 0.0},
    )  # fmt: skip
    kits = (
        {"kick": {"hz": 52.0, "start_ratio": 3.5, "sweep_s": 0.02, "decay_s": 0.1},
         "snare": {"hz": 190.0, "start_ratio": 1.2, "sweep_s": 0.02, "decay_s": 0.06}},
        {"kick": {"hz": 44.0, "start_ratio": 4.0, "sweep_s": 0.04, "decay_s": 0.45}},
    )  # fmt: skip
    patches = []
    for index, (track, names) in enumerate(families.items()):
        for which, family in enumerate(names):
            rng = np.random.default_rng(10 * index + which)
            patches.append({
                "id": f"{track}_{family}", "track": track, "name": f"Fixture {family}", "family": family,
                "tags": [family.replace("_", " "), ("soft", "dark", "warm") [which], "test"],
                "styles": {"techno": 1.0, "house": 0.5} if which == 0 else {"jazz": 1.0, "hiphop": 0.5},
                "attributes": {"brightness": 0.3 + 0.4 * which, "aggression": 0.6 - 0.4 * which},
                "gain_db": 0.0, "width": 0.2 + 0.3 * which,
                "excitation": kits[which] if track == "drums" else tonal[which],
                "timbre": [round(float(x), 4) for x in rng.normal(0.0, 0.5, TIMBRE)],
            })  # fmt: skip
    return patches


def load_models(checkpoints: Path, track: str, data: Path | None = None) -> tuple[Decoder, Performer, np.ndarray]:
    """Averaged decoder, performer and timbre table [patches, 64] of a track; from the closed loop if it exists."""
    from resonant.train_perform import load_decoder, load_performer

    closed = (checkpoints / "closed" / track / "last.pt").exists()
    decoder = load_decoder(checkpoints, track, closed)
    performer, timbres = load_performer(checkpoints, track, closed, data)
    return decoder.eval(), performer.eval(), timbres.weight.detach().numpy()


def shipped_patches(checkpoints: Path, data: Path | None = None) -> list[dict[str, Any]]:
    """The patch bank's records with their learned timbres, for patches.json; from `data` if it has its own bank."""
    from resonant.synth.bank import records
    from resonant.train_perform import patch_ids

    timbre = {}
    for track in TRACKS:
        timbre |= dict(zip(patch_ids(track, data), load_models(checkpoints, track, data)[2], strict=True))
    return [record | {"timbre": [round(float(x), 5) for x in timbre[record["id"]]]} for record in records(data)]


def main() -> None:
    """Command-line entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    fixture = commands.add_parser("fixture", help="random-weight graphs for engine tests")
    fixture.add_argument("--out", type=Path, required=True)
    bundle = commands.add_parser("bundle", help="export trained codecs and performers")
    bundle.add_argument("--checkpoints", type=Path, default=Path("checkpoints"))
    bundle.add_argument("--out", type=Path, required=True)
    bundle.add_argument("--tracks", nargs="+", choices=TRACKS, default=list(TRACKS))
    bundle.add_argument("--data", type=Path, help="folder of clips with patches of its own (resonant.own_stems)")
    bundle.add_argument("--fp32", action="store_true", help="do not quantise")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.command == "fixture":
        write_fixture(arguments.out)
        return
    parity = {}
    try:
        for track in arguments.tracks:
            decoder, performer, _ = load_models(arguments.checkpoints, track, arguments.data)
            parity[track] = export_track(decoder, performer, arguments.out, int8=not arguments.fp32)
            print(track, parity[track], flush=True)
        patches = shipped_patches(arguments.checkpoints, arguments.data)
    except checkpoint.CheckpointError as error:
        sys.exit(f"export_codec: {error}")
    (arguments.out / "patches.json").write_text(json.dumps(patches, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
