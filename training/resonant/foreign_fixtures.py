"""Miniature bundles of the families `encodec` and `musicgen` with random weights, for the engine's tests.

    python -m resonant.foreign_fixtures ../tests/golden

Kernels, strides, paddings and norms match the real checkpoints; only the widths are smaller. Each bundle comes with
`io.json`, which holds an input and torch's outputs.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import (
    EncodecConfig,
    EncodecModel,
    MusicgenConfig,
    MusicgenDecoderConfig,
    MusicgenForConditionalGeneration,
    PreTrainedTokenizerFast,
    T5Config,
)

from resonant import export_encodec, export_musicgen
from resonant.export_codec import session

CONFIGS: dict[str, dict[str, Any]] = {
    "encodec_24khz": {
        "sampling_rate": 24_000,
        "target_bandwidths": [1.5, 3.0, 6.0, 12.0, 24.0],
        "codebook_size": 1024,
        "upsampling_ratios": [8, 5, 4, 2],
        "num_filters": 32,
    },
    "encodec_32khz": {
        "sampling_rate": 32_000,
        "target_bandwidths": [2.2],
        "codebook_size": 2048,
        "upsampling_ratios": [8, 5, 4, 4],
        "num_filters": 64,
        "use_causal_conv": False,
        "use_conv_shortcut": False,
    },
}
SMALL = {"num_filters": 2, "hidden_size": 8, "codebook_dim": 8, "codebook_size": 64}


def music(rate: int, seconds: float) -> np.ndarray:
    """A test signal that is neither noise nor silence: plucked chords over a kick, f32 [T] within +-1."""
    time = np.arange(round(rate * seconds)) / rate
    audio = np.zeros(len(time))
    for start, chord in ((0.0, (220.0, 261.6, 329.6)), (0.4, (174.6, 220.0, 261.6)), (0.8, (196.0, 246.9, 392.0))):
        since = np.maximum(time - start, 0.0)
        held = (time >= start) * np.exp(-since * 5.0)
        for pitch in chord:
            for harmonic in range(1, 8):
                audio += held * np.sin(2 * np.pi * pitch * harmonic * since) / harmonic**1.5
        kick = np.sin(2 * np.pi * 50.0 * since + 8 * np.exp(-since * 40.0))
        audio += 2.0 * (time >= start) * np.exp(-since * 18.0) * kick
    return (0.8 * audio / np.abs(audio).max()).astype(np.float32)


@torch.no_grad()
def random_codec(config: EncodecConfig, audio: np.ndarray, seed: int = 0) -> EncodecModel:
    """A random-weight codec whose latent represents the audio, with codebooks scaled to the latent.

    With newly initialised weights the latent is almost constant (biases plus a small signal), and rounding would decide
    the codebook search. Therefore the encoder's biases are set to 0, and its last layer is scaled so that the latent
    has mean 0 and standard deviation 1.
    """
    torch.manual_seed(seed)
    model = EncodecModel(config).eval()
    for name, parameter in model.encoder.named_parameters():
        if "bias" in name:
            parameter.zero_()
    hop = int(np.prod(config.upsampling_ratios))
    samples = torch.from_numpy(audio[: len(audio) // hop * hop])[None, None]
    latent = model.encoder(samples)
    mean = latent.mean((0, 2))
    scale = 1.0 / (latent - mean[:, None]).std()
    last = model.encoder.layers[-1].conv
    last.bias.copy_((last.bias - mean) * scale)
    last.parametrizations.weight.original0.mul_(scale)
    residual = (latent - mean[:, None])[0].T * scale
    for layer in model.quantizer.layers:
        table = layer.codebook.embed
        table.copy_(0.5 * torch.randn_like(table) * residual.std(0))
        residual = residual - layer.decode(layer.encode(residual.T[None]))[0].T
    # Scale the decoder's output to the level of the audio.
    out = model.decoder.layers[-1].conv
    rms = model.decoder(model.quantizer.decode(model.quantizer.encode(model.encoder(samples)))).std()
    out.bias.zero_()
    out.parametrizations.weight.original0.mul_(0.1 / rms)
    return model


@torch.no_grad()
def torch_codec(model: EncodecModel, audio: np.ndarray, kbps: float) -> tuple[np.ndarray, np.ndarray]:
    """Codes [K, F] and audio [T] computed by transformers, for audio of a whole number of codec frames."""
    codes = model.encode(torch.from_numpy(audio)[None, None], bandwidth=kbps).audio_codes
    decoded = model.decode(codes, [None]).audio_values
    return codes[0, 0].numpy(), decoded[0, 0].numpy()


def _rounded(values: np.ndarray) -> list[float]:
    return [float(f"{value:.7g}") for value in values.tolist()]


def write_encodec(name: str, out: Path) -> None:
    """One miniature codec with its golden input and outputs."""
    # 6 bits per code: 2, 4 and 8 codebooks. With many more, rounding would decide the last ones.
    bandwidths = [0.9, 1.8, 3.6] if name == "encodec_24khz" else [1.3]
    config = EncodecConfig(**(CONFIGS[name] | SMALL | {"target_bandwidths": bandwidths}))
    hop = int(np.prod(config.upsampling_ratios))
    # Rounded as in the file, so that both sides read the same numbers.
    audio = np.array(_rounded(music(config.sampling_rate, 14 * hop / config.sampling_rate)), np.float32)
    folder = out / f"{name}_fixture"
    for seed in range(100):
        model = random_codec(config, audio, seed)
        manifest = export_encodec.export(model, folder, f"{name}-fixture", "0.0.0", "MIT OR Apache-2.0")
        codes, decoded = torch_codec(model, audio, manifest["bandwidths"][-1]["kbps"])
        # Try another seed if two entries are so close that torch and the graph may choose differently.
        if np.array_equal(session(folder / "encode.onnx").run(None, {"audio": audio[None, None]})[0][0], codes):
            break
    golden = {"audio": _rounded(audio), "codes": codes.tolist(), "decoded": _rounded(decoded)}
    (folder / "io.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


WORDS = "dark techno with driving bass warm jazz piano slow sad 80s pop synth and drums guitar".split()


def tokenizer() -> PreTrainedTokenizerFast:
    """A small unigram tokenizer like T5's."""
    vocabulary: list[tuple[str, float]] = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -3.0)]
    vocabulary += [(f"\u2581{word}", -5.0 - 0.1 * k) for k, word in enumerate(WORDS)]
    vocabulary += [(letter, -7.0 - 0.05 * k) for k, letter in enumerate("abcdefghijklmnopqrstuvwxyz0123456789,.'-")]
    vocabulary += [("ing", -6.0), ("er", -6.1), ("\u2581s", -6.2)]
    fast = Tokenizer(models.Unigram(vocabulary, unk_id=2))
    fast.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(" {2,}", " ")])
    fast.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace("\u2581", "always")]
    )
    fast.decoder = decoders.Metaspace()
    fast.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=fast, pad_token="<pad>", eos_token="</s>", unk_token="<unk>",
        model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip


@torch.no_grad()
def random_musicgen(seed: int = 0, gated: bool = False) -> MusicgenForConditionalGeneration:
    """A miniature model with random weights: T5, decoder and the 32 kHz codec."""
    torch.manual_seed(seed)
    words = tokenizer()
    codec = CONFIGS["encodec_32khz"] | SMALL | {"target_bandwidths": [1.3]}  # 4 codebooks of 6 bits each
    text = T5Config(
        vocab_size=len(words), d_model=24, d_kv=8, d_ff=32, num_layers=2, num_heads=3,
        feed_forward_proj="gated-gelu" if gated else "relu",
    )  # fmt: skip
    decoder = MusicgenDecoderConfig(
        vocab_size=64, max_position_embeddings=128, num_hidden_layers=2, ffn_dim=64, num_attention_heads=4,
        hidden_size=32, num_codebooks=4, pad_token_id=64, bos_token_id=64,
    )  # fmt: skip
    config = MusicgenConfig(
        text_encoder=text.to_dict(), audio_encoder=EncodecConfig(**codec).to_dict(), decoder=decoder.to_dict()
    )
    model = MusicgenForConditionalGeneration(config).eval()
    # With newly initialised weights, all entries would be almost equally likely.
    for parameter in model.parameters():
        if parameter.dim() == 2:
            parameter.mul_(4.0)
    audio = music(32_000, 0.5)
    model.audio_encoder = random_codec(model.config.audio_encoder, audio, seed)
    generation = model.generation_config
    generation.decoder_start_token_id = generation.pad_token_id = generation.bos_token_id = 64
    generation.guidance_scale, generation.top_k = 3.0, 50
    return model


@torch.no_grad()
def torch_music(
    model: MusicgenForConditionalGeneration, prompt: str, frames: int
) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Token ids, codes [K, frames] and audio of greedy decoding by transformers, with guidance."""
    inputs = tokenizer()(prompt, return_tensors="pt")
    codebooks = model.decoder.config.num_codebooks
    kept = []
    decode = model.audio_encoder.decode

    def listen(codes: torch.Tensor, *rest: Any, **more: Any) -> Any:
        kept.append(codes)
        return decode(codes, *rest, **more)

    model.audio_encoder.decode = listen
    try:
        audio = model.generate(**inputs, do_sample=False, max_new_tokens=frames + codebooks - 1)
    finally:
        model.audio_encoder.decode = decode
    return inputs["input_ids"][0].tolist(), kept[0][0, 0].numpy(), audio[0, 0].numpy()


def write_musicgen(out: Path, frames: int = 20) -> None:
    """A miniature generator with torch's outputs for a prompt."""
    folder = out / "musicgen_fixture"
    model = random_musicgen()
    export_musicgen.export(model, tokenizer(), folder, "musicgen-fixture", "0.0.0", "CC-BY-NC-4.0")
    prompts = [
        "dark techno with driving bass",
        "  Warm   jazz, slow\tand sad  ",
        "80s synthpop",
        "caf\u00e9 \u6771\u4eac drums",
        "",
    ]
    ids = {prompt: tokenizer()(prompt)["input_ids"] for prompt in prompts}
    _, codes, audio = torch_music(model, prompts[0], frames)
    golden = {"ids": ids, "prompt": prompts[0], "codes": codes.tolist(), "audio": _rounded(audio)}
    (folder / "io.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


def main() -> None:
    """Command-line entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="tests/golden")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in CONFIGS:
        write_encodec(name, arguments.out)
    write_musicgen(arguments.out)


if __name__ == "__main__":
    main()
