"""Assembles and checks a bundle: writes `manifest.json` and `MODEL_CARD.md` next to the ONNX files.

    python -m resonant.bundle FOLDER --id resonant-v1 --version 1.0.0 [--licence TEXT] [--evaluation FILE]
    python -m resonant.bundle FOLDER --check

The folder must hold, for every track of drums, bass, harmony, melody: compose_<track>.onnx,
perform_<track>.onnx, decode_<track>.onnx, encode_<track>.onnx; and patches.json, compose_record.json.

`manifest.json`, schema version 1 (readers must reject unknown schema versions):

    {
      "schema_version": 1,
      "id": "resonant-v1",              unique name of these weights
      "family": "resonant",
      "version": "1.0.0",
      "licence": "...",
      "sample_rate": 48000,             hertz
      "token_rate": 50,                 codec frames per second
      "feature_rate": 100,              score feature frames per second
      "opset": 18, "ort": "1.31",       highest ONNX opset used; ONNX Runtime version they were checked with
      "steps_per_quarter": 4,
      "segment_bars": 8,                bars composed per key/value cache
      "condition": 196,                 columns of the composers' condition vector
      "codebooks": {"drums": 4, ...},   K per track
      "patches": {"file", "sha256", "bytes", "count"},
      "hits": {"file", "sha256", "bytes"},   optional: drum hits (`resonant.hits`), if hits_drums.bin exists
      "notes": {"file", "sha256", "bytes"},  optional: notes (`resonant.hit_notes`), if hits_notes.bin exists
      "tracks": {
        "<track>": {
          "compose": {FILE, "layers", "kv_heads", "head_dim", "max_positions", "vocab", "independent_rows" (optional)},
          "perform": {FILE},
          "decode":  {FILE, "n_fft", "hop", "streams": ["odd", "even", "noise"]},
          "encode":  {FILE}
        }, ...
      }
    }

FILE stands for the members "file" (a name inside the folder, no separators), "sha256" (lower-case hex), "bytes", "inputs" and
"outputs": lists of {"name", "dtype": "float32" | "int64" | "int32", "shape": [size or symbol, ...]} with symbols T50, T100,
Tout (codec frames, feature frames, gain frames; T100 = 2 T50; Tout = T100 * 480 / hop), batch, tokens.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
from onnx import helper

from resonant.codec import TRACKS, transform_of
from resonant.conditions import CONDITION
from resonant.features import FEATURE_RATE, feature_rows
from resonant.mel import SAMPLE_RATE

SCHEMA_VERSION = 1
FAMILY = "resonant"
TOKEN_RATE = 50
HITS_FILES = {"hits": "hits_drums.bin", "notes": "hits_notes.bin"}
KINDS = ("compose", "perform", "decode", "encode")
LICENCE = "MIT OR Apache-2.0"
# Field names in compose_record.json -> field names in the manifest.
_COMPOSE_FIELDS = {"layers": "layers", "kv_heads": "heads", "head_dim": "head_width", "max_positions": "positions",
                   "vocab": "vocabulary"}  # fmt: skip


class BundleError(Exception):
    """A folder is not a valid bundle; the message gives the reason."""


def digest(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def describe(path: Path) -> tuple[dict[str, Any], int]:
    """The manifest's fields for an ONNX file, and its opset."""
    try:
        model = onnx.load(path)
    except Exception as error:  # onnx raises several types for unreadable files
        raise BundleError(f"{path.name}: {error}") from error
    opset = next(item.version for item in model.opset_import if item.domain in ("", "ai.onnx"))

    def signature(values) -> list[dict[str, Any]]:
        rows = []
        for value in values:
            tensor = value.type.tensor_type
            rows.append({
                "name": value.name,
                "dtype": helper.tensor_dtype_to_np_dtype(tensor.elem_type).name,
                "shape": [size.dim_param or size.dim_value for size in tensor.shape.dim],
            })  # fmt: skip
        return rows

    graph = model.graph
    return {
        "file": path.name, "sha256": digest(path), "bytes": path.stat().st_size,
        "inputs": signature(graph.input), "outputs": signature(graph.output),
    }, opset  # fmt: skip


def build_manifest(folder: Path, identity: str, version: str, licence: str) -> dict[str, Any]:
    """Manifest of the files in a folder. Raises BundleError if a file is missing or has the wrong inputs."""
    needed = [f"{kind}_{track}.onnx" for track in TRACKS for kind in KINDS] + ["patches.json", "compose_record.json"]
    missing = [name for name in needed if not (folder / name).is_file()]
    if missing:
        raise BundleError(f"missing files in {folder}: {', '.join(missing)}")
    patches = json.loads((folder / "patches.json").read_text())
    _check_patches(patches)
    records = json.loads((folder / "compose_record.json").read_text())
    opset = 0
    tracks: dict[str, Any] = {}
    codebooks: dict[str, int] = {}
    for track in TRACKS:
        rows: dict[str, Any] = {}
        for kind in KINDS:
            rows[kind], own = describe(folder / f"{kind}_{track}.onnx")
            opset = max(opset, own)
        transform = transform_of(track)
        rows["compose"] |= {ours: records[track][theirs] for ours, theirs in _COMPOSE_FIELDS.items()}
        rows["compose"]["independent_rows"] = records[track].get("independent_rows", False)
        streams = ["impulse", "body", "noise"] if track == "drums" else ["odd", "even", "noise"]
        rows["decode"] |= {"n_fft": transform.n_fft, "hop": transform.hop, "streams": streams}
        codebooks[track] = _input(rows["decode"], "codes")["shape"][1]
        for kind, name in (("perform", "features"), ("decode", "features")):
            if _input(rows[kind], name)["shape"][1] != feature_rows(track):
                raise BundleError(f"{kind}_{track}.onnx: input {name} must have {feature_rows(track)} rows")
        tracks[track] = rows
    patches_path = folder / "patches.json"
    rows = {
        kind: {"file": name, "sha256": digest(folder / name), "bytes": (folder / name).stat().st_size}
        for kind, name in HITS_FILES.items() if (folder / name).is_file()
    }  # fmt: skip
    return {
        "schema_version": SCHEMA_VERSION, "id": identity, "family": FAMILY, "version": version, "licence": licence,
        "sample_rate": SAMPLE_RATE, "token_rate": TOKEN_RATE, "feature_rate": FEATURE_RATE, "opset": opset,
        "ort": ".".join(onnxruntime.__version__.split(".")[:2]), "steps_per_quarter": 4, "segment_bars": 8,
        "condition": CONDITION, "codebooks": codebooks,
        "patches": {
            "file": patches_path.name, "sha256": digest(patches_path), "bytes": patches_path.stat().st_size,
            "count": len(patches),
        },
        **rows,
        "tracks": tracks,
    }  # fmt: skip


def _input(row: dict[str, Any], name: str) -> dict[str, Any]:
    for value in row["inputs"]:
        if value["name"] == name:
            return value
    raise BundleError(f"{row['file']}: no input {name}")


def _check_patches(patches: Any) -> None:
    if not isinstance(patches, list) or not patches:
        raise BundleError("patches.json: a list of patches is needed")
    seen: set[str] = set()
    for patch in patches:
        needed = {"id", "track", "name", "family", "tags", "styles", "attributes", "gain_db", "width", "excitation", "timbre"}
        if needed - set(patch):
            raise BundleError(f"patches.json: {patch.get('id', '?')} lacks {', '.join(sorted(needed - set(patch)))}")
        if patch["id"] in seen:
            raise BundleError(f"patches.json: id {patch['id']} occurs twice")
        seen.add(patch["id"])
        if len(patch["timbre"]) != 64:
            raise BundleError(f"patches.json: {patch['id']} must have 64 timbre values")
    without = [track for track in TRACKS if not any(patch["track"] == track for patch in patches)]
    if without:
        raise BundleError(f"patches.json: no patch for {', '.join(without)}")


def check(folder: Path) -> dict[str, Any]:
    """Verify a bundle's manifest against its files. Returns the manifest."""
    path = folder / "manifest.json"
    if not path.is_file():
        raise BundleError(f"no manifest.json in {folder}")
    manifest = json.loads(path.read_text())
    if manifest.get("schema_version") != SCHEMA_VERSION:
        raise BundleError(f"schema version {manifest.get('schema_version')} is not {SCHEMA_VERSION}")
    fresh = build_manifest(folder, manifest["id"], manifest["version"], manifest["licence"])
    for track in TRACKS:
        for kind in KINDS:
            if manifest["tracks"][track][kind] != fresh["tracks"][track][kind]:
                raise BundleError(f"{kind}_{track}.onnx differs from the manifest")
    for name, file in (("patches", "patches.json"), *HITS_FILES.items()):
        if manifest.get(name) != fresh.get(name):
            raise BundleError(f"{file} differs from the manifest")
    return manifest


def model_card(manifest: dict[str, Any], evaluation: dict[str, Any] | None) -> str:
    """Model card of a bundle in Markdown."""
    files = [row for track in manifest["tracks"].values() for row in track.values()]
    total = sum(row["bytes"] for row in files) / 1e6
    lines = [
        f"# {manifest['id']} {manifest['version']}", "",
        "Four track generators (drums, bass, harmony, melody): a composer writes a score, a performer turns score and",
        "timbre into codec tokens, and a score-excited decoder turns tokens and score into audio (48 kHz mono per stem;",
        "stereo width is added by the engine).", "",
        f"- Licence: {manifest['licence']}",
        f"- {total:.1f} MB in {len(files)} ONNX files (opset {manifest['opset']}, checked with ONNX Runtime {manifest['ort']}),"
        f" {manifest['patches']['count']} patches",
        "- Trained only on material generated by this repository's `training/` (procedural scores, its own synthesis and",
        "  permissively licensed soundfonts; see the data card). No recordings, no scraped music.", "",
        "| track | codebooks | compose | perform | decode | encode |", "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name, track in manifest["tracks"].items():
        sizes = " | ".join(f"{track[kind]['bytes'] / 1e6:.1f} MB" for kind in KINDS)
        lines.append(f"| {name} | {manifest['codebooks'][name]} x 1024 | {sizes} |")
    for title, table in (evaluation or {}).items():
        lines += ["", f"## {title}", ""]
        if isinstance(table, str):
            lines.append(table)
            continue
        columns = list(dict.fromkeys(key for row in table.values() for key in row))
        lines += ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
        for row_name, row in table.items():
            lines.append(f"| {row_name} | " + " | ".join(_cell(row.get(key)) for key in columns) + " |")
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def main() -> None:
    """Command-line entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--id", default="resonant-dev")
    parser.add_argument("--version", default="0.0.0")
    parser.add_argument("--licence", default=LICENCE)
    parser.add_argument("--evaluation", type=Path, help="JSON: {title: {row: {column: value}} or text} for the model card")
    parser.add_argument("--check", action="store_true", help="verify an existing manifest instead of writing one")
    arguments = parser.parse_args()
    try:
        if arguments.check:
            manifest = check(arguments.folder)
            print(f"{manifest['id']} {manifest['version']}: ok")
            return
        manifest = build_manifest(arguments.folder, arguments.id, arguments.version, arguments.licence)
        evaluation = json.loads(arguments.evaluation.read_text()) if arguments.evaluation else None
    except (BundleError, OSError, json.JSONDecodeError) as error:
        sys.exit(f"bundle: {error}")
    (arguments.folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    (arguments.folder / "MODEL_CARD.md").write_text(model_card(manifest, evaluation))
    print(f"{manifest['id']} {manifest['version']}: manifest and model card written")


if __name__ == "__main__":
    main()
