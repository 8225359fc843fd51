"""Makes bundles with MusicGen-small's architecture and random weights, to compare its cost with that of our own models.

    python -m resonant.peer FOLDER

Writes FOLDER/fp32 and FOLDER/int8. The cost of a network does not depend on the values of its weights, so the real ones are not
needed. The sizes are those of the paper's model with 300 million parameters (Copet et al. 2023, "Simple and Controllable Music
Generation", section 3: 24 layers, 16 heads, width 1024; T5-base for the prompt; EnCodec at 32 kHz with 4 codebooks of 2048
entries, section 3.1). The key and value buffers hold 512 positions, enough for 10 s, instead of the 1500 needed for the longest
piece.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from transformers import (
    EncodecConfig,
    MusicgenConfig,
    MusicgenDecoderConfig,
    MusicgenForConditionalGeneration,
    T5Config,
)

from resonant.export_musicgen import export
from resonant.foreign_fixtures import CONFIGS, tokenizer

POSITIONS = 512
ENTRIES = 2048
CODEC = CONFIGS["encodec_32khz"] | {"codebook_size": ENTRIES, "hidden_size": 128, "codebook_dim": 128}
DECODER = {"num_hidden_layers": 24, "num_attention_heads": 16, "hidden_size": 1024, "ffn_dim": 4096}
TEXT = {"num_layers": 12, "num_heads": 12, "d_model": 768, "d_kv": 64, "d_ff": 3072, "vocab_size": 32_128}


@torch.no_grad()
def random_model(decoder: dict[str, int], text: dict[str, int], codec: dict, seed: int = 0) -> MusicgenForConditionalGeneration:
    """A generator of the given sizes with random weights."""
    torch.manual_seed(seed)
    sizes = MusicgenDecoderConfig(
        **decoder, vocab_size=codec["codebook_size"], num_codebooks=4, max_position_embeddings=POSITIONS,
        pad_token_id=codec["codebook_size"], bos_token_id=codec["codebook_size"],
    )  # fmt: skip
    config = MusicgenConfig(
        text_encoder=T5Config(**text).to_dict(), audio_encoder=EncodecConfig(**codec).to_dict(), decoder=sizes.to_dict()
    )
    model = MusicgenForConditionalGeneration(config).eval()
    # Codebooks are initialised to zero.
    for layer in model.audio_encoder.quantizer.layers:
        layer.codebook.embed.copy_(torch.randn_like(layer.codebook.embed))
    generation = model.generation_config
    generation.pad_token_id = generation.bos_token_id = codec["codebook_size"]
    generation.guidance_scale, generation.top_k = 3.0, 250
    return model


def write(out: Path, model: MusicgenForConditionalGeneration) -> None:
    """Writes both bundles."""
    for precision in ("fp32", "int8"):
        export(model, tokenizer(), out / precision, f"peer-{precision}", "0.0.0", "MIT OR Apache-2.0", precision == "int8")


def main(argv: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args(argv)
    model = random_model(DECODER, TEXT, CODEC)
    count = sum(parameter.numel() for parameter in model.decoder.parameters())
    print(f"{count / 1e6:.0f} million parameters in the decoder")
    write(arguments.out, model)


if __name__ == "__main__":
    main()
