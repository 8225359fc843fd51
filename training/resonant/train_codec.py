"""Train a track's codec: fit the quantiser, then train the score-excited decoder.

    python -m resonant.train_codec --track bass --data data/v1 --minutes 5 --resume

`--minutes` is the total training time to reach (CPU time per thread), not the time of this call: the same command
continues an interrupted run on the same learning-rate curve, and a larger value starts a new cosine from the last
weights. Under `torchrun` (WORLD_SIZE > 1) gradients are averaged over processes.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from resonant import checkpoint, codec_audio, mel
from resonant.clips import TrackClip, crop, crop_audio, load_clips, split
from resonant.codec import MEL_CLAMP, STACK, TRACKS, CodecConfig, Decoder, Quantiser, blur_matrix, fit_quantiser
from resonant.trainer import ConfigError, Run, Schedule, read_sections

CONFIGS = Path(__file__).parents[1] / "configs"


@dataclass(frozen=True)
class CodecTraining:
    """Settings for fitting a codec and training its decoder."""

    batch: int = 8
    crop_frames: int = 192  # crop length in feature frames (10 ms)
    fit_crops: int = 800
    whitening: float = 0.2
    kmeans_iterations: int = 12
    fine: float = 0.15  # weight of the per-bin loss
    fine_n_fft: int = 2048  # its window; long enough to resolve partials
    full_share: float = 0.5  # of clips decoded from all codebooks; the others use a random number
    smooth_share: float = 0.1  # of clips whose latents are blurred like a performer's output
    held_out_crops: int = 16


    @property
    def fine_loss(self) -> codec_audio.Fine:
        """The per-bin loss."""
        return codec_audio.Fine(self.fine, self.fine_n_fft)


SECTIONS = {"schedule": Schedule, "model": CodecConfig, "training": CodecTraining}


def latents_of(quantiser: Quantiser, audio: torch.Tensor) -> torch.Tensor:
    """Audio [B, samples] -> unquantised latents [B, T50, D]."""
    spectrum = codec_audio.spectra(audio, codec_audio.Transform(mel.MEL_N_FFT, mel.MEL_HOP))
    return quantiser.latent(codec_audio.log_mel(spectrum))


def fit(clips: Sequence[TrackClip], config: CodecConfig, training: CodecTraining, seed: int) -> Quantiser:
    """Fit the quantiser to random crops of the clips."""
    rng = np.random.default_rng(seed)
    blur = blur_matrix(config.blur_hz)
    rows = []
    for _ in range(training.fit_crops):
        clip = clips[rng.integers(len(clips))]
        audio = crop_audio(clip, int(rng.integers(clip.audio.shape[0])), 102 * mel.MEL_HOP)
        frames = np.exp(mel.log_mel(audio)[:, 1:-1].T) @ blur
        rows.append(np.log(frames + mel.MEL_FLOOR).reshape(-1, STACK * mel.MEL_BANDS))
    stacked = np.concatenate(rows)
    silent = stacked.max(1) < MEL_CLAMP + 0.5
    stacked = stacked[~silent | (rng.random(len(stacked)) < 0.03)]
    return fit_quantiser(stacked, config, seed, training.whitening, training.kmeans_iterations)


class Batches:
    """Random crops as tensors."""

    def __init__(self, clips: Sequence[TrackClip], training: CodecTraining, seed: int) -> None:
        self.clips, self.training = clips, training
        self.rng = np.random.default_rng(seed)

    def next(self, count: int) -> tuple[dict[str, torch.Tensor], list[TrackClip]]:
        """A batch of `count` crops, and their clips."""
        samples = self.training.crop_frames * mel.MEL_HOP
        chosen = [self.clips[self.rng.integers(len(self.clips))] for _ in range(count)]
        crops = [crop(clip, int(self.rng.integers(clip.audio.shape[0])), samples, self.rng) for clip in chosen]
        batch = {key: torch.from_numpy(np.stack([item[key] for item in crops])) for key in crops[0]}
        return batch, chosen


def analysed(decoder: Decoder, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Stream spectra [B, 3, Tout, bins] and levels [B, 2, 96, Tout] of a batch."""
    streams = codec_audio.spectra(batch["streams"], decoder.transform)
    return streams, codec_audio.log_mel(streams[:, :2])


def decoded(
    decoder: Decoder, latent: torch.Tensor, batch: dict[str, torch.Tensor], streams: torch.Tensor, levels: torch.Tensor
) -> torch.Tensor:
    """Latents -> audio [B, samples]."""
    gains = decoder(latent, batch["features"], levels).float()
    return codec_audio.synthesise(gains, streams, decoder.transform)


def mixed_latents(
    quantiser: Quantiser, latent: torch.Tensor, training: CodecTraining, rng: np.random.Generator
) -> torch.Tensor:
    """Quantised latents with a random number of codebooks per clip, some blurred in time and value."""
    codes = quantiser.encode(latent)
    count = codes.shape[1]
    rows = []
    for item in range(latent.shape[0]):
        k = count if rng.random() < training.full_share else int(rng.integers(1, count + 1))
        row = quantiser.decode(codes[item : item + 1, :k])
        if rng.random() < training.smooth_share:
            soft = latent[item : item + 1]
            padded = torch.cat([soft[:, :1], soft, soft[:, -1:]], 1)
            soft = 0.25 * padded[:, :-2] + 0.5 * soft + 0.25 * padded[:, 2:]
            row = soft + 0.15 * torch.randn_like(soft)
            row = quantiser.decode(quantiser.encode(row))
        rows.append(row)
    return torch.cat(rows)


def train(arguments: argparse.Namespace) -> None:
    """One training run."""
    sections = read_sections(arguments.config, SECTIONS)
    schedule, config, training = sections["schedule"], sections["model"], sections["training"]
    track = arguments.track
    torch.set_num_threads(schedule.threads)
    torch.manual_seed(schedule.seed)
    rank = int(os.environ.get("RANK", "0"))
    clips = load_clips(arguments.data, track, arguments.clips)
    training_clips, held_out_clips = split(clips)
    folder = arguments.checkpoints / "codec" / track
    decoder = Decoder(track, config)
    if checkpoint.load(folder / "last.pt") is None:
        decoder.quantiser.load_state_dict(fit(training_clips, config, training, schedule.seed).state_dict())
    run = Run(
        f"codec_{track}", nn.ModuleDict({"decoder": decoder}), schedule, folder, arguments.runs, arguments.resume,
        {"track": track, "model": asdict(config), "training": asdict(training)},
    )  # fmt: skip
    batches = Batches(training_clips, training, schedule.seed * 1000 + rank + run.progress.step)
    held_out, _ = Batches(held_out_clips, training, 1).next(training.held_out_crops)

    def step() -> tuple[torch.Tensor, dict[str, float], float]:
        batch, _ = batches.next(training.batch)
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            streams, levels = analysed(decoder, batch)
            latent = mixed_latents(
                decoder.quantiser, latents_of(decoder.quantiser, batch["audio"]), training, batches.rng
            )
        gains = decoder(latent, batch["features"], levels).float()
        with torch.autocast("cpu", enabled=False):
            audio = codec_audio.synthesise(gains, streams, decoder.transform)
            drawn = codec_audio.drawn_resolutions(batches.rng)
            loss, mel_db = codec_audio.audio_loss(audio, batch["audio"], training.fine_loss, drawn)
        return loss, {"loss": float(loss.detach()), "mel_db": mel_db}, batch["audio"].numel() / mel.SAMPLE_RATE

    def evaluate() -> dict[str, float]:
        streams, levels = analysed(decoder, held_out)
        codes = decoder.quantiser.encode(latents_of(decoder.quantiser, held_out["audio"]))
        figures = {}
        for k in sorted({1, config.codebooks}):
            audio = decoded(decoder, decoder.quantiser.decode(codes[:, :k]), held_out, streams, levels)
            figures[f"mel_db_{k}"] = codec_audio.audio_loss(audio, held_out["audio"], codec_audio.Fine())[1]
        return figures

    run.train(arguments.minutes, step, evaluate)


def common_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments shared by the codec and performer trainers."""
    parser.add_argument("--track", choices=TRACKS, required=True)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--minutes", type=float, required=True, help="total training time to reach")
    parser.add_argument("--resume", action="store_true", help="continue from the checkpoint if there is one")
    parser.add_argument("--data", type=Path, default=Path("data/v1"), help="folder of clips")
    parser.add_argument("--clips", type=int, default=0, help="use at most this many clips (0: all)")
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"))
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="loss logs and curves")


def main(argv: list[str] | None = None) -> None:
    """Command-line entry point."""
    parser = argparse.ArgumentParser(prog="train_codec", description=__doc__.splitlines()[0])
    common_arguments(parser)
    arguments = parser.parse_args(argv)
    if arguments.config is None:
        arguments.config = CONFIGS / f"codec_{arguments.track}.toml"
    try:
        train(arguments)
    except (ConfigError, checkpoint.CheckpointError, OSError, ValueError) as error:
        sys.exit(f"train_codec: {error}")


if __name__ == "__main__":
    main()
