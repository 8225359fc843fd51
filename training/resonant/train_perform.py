"""Train a track's performer and the patch timbres.

    python -m resonant.train_perform --track bass --data data/v1 --minutes 4 --resume
    python -m resonant.train_perform --track bass --data data/v1 --minutes 4 --resume --closed

The first stage regresses the codec's latents from the score. The second (`--closed`) continues from it and trains
performer, timbres *and* decoder on the audio of the closed loop score -> performer -> codes -> decoder, with a
straight-through gradient at the quantiser. A share of each batch is decoded from true codes, so that the codec's round
trip does not degrade. Checkpoints: `perform/<track>` and `closed/<track>`; the export prefers the latter. `--minutes` is
the total per stage (see `train_codec`).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from resonant import checkpoint, codec_audio, mel
from resonant.clips import TrackClip, crop_audio, crop_notes, load_clips, split
from resonant.codec import STACK, CodecConfig, Decoder, Quantiser
from resonant.features import score_features
from resonant.perform_model import TIMBRE, PerformConfig, Performer
from resonant.synth.bank import records
from resonant.train_codec import (
    CONFIGS, Batches, analysed, common_arguments, decoded, latents_of, mixed_latents,
)  # fmt: skip
from resonant.train_codec import SECTIONS as CODEC_SECTIONS
from resonant.trainer import ConfigError, Run, Schedule, read_sections

HOP = STACK * mel.MEL_HOP  # samples per codec frame


@dataclass(frozen=True)
class PerformTraining:
    """Settings for training a performer."""

    batch: int = 12
    crop_tokens: int = 160  # crop length in codec frames (20 ms)
    edge_tokens: int = 4  # at each end, without loss
    attribute_drop: float = 0.2  # share of clips with neutral attributes
    timbre_noise: float = 0.05
    held_out_crops: int = 32
    closed_batch: int = 8
    closed_frames: int = 240  # closed-loop crop length in feature frames
    closed_codec: int = 3  # clips per batch decoded from true codes
    closed_latent: float = 0.3  # weight of the latent regression in the closed loop


SECTIONS = {"schedule": Schedule, "model": PerformConfig, "training": PerformTraining, "closed": Schedule}


def patch_ids(track: str, data: Path | None = None) -> list[str]:
    """Row names of a track's timbre table: the patches of the clip folder if it has its own, else the synthesiser's."""
    return sorted(record["id"] for record in records(data) if record["track"] == track)


def load_decoder(checkpoints: Path, track: str, closed: bool = False) -> Decoder:
    """Averaged decoder from the codec checkpoint, or from the closed-loop checkpoint."""
    path = checkpoints / ("closed" if closed else "codec") / track / "last.pt"
    state = checkpoint.load(path)
    if state is None:
        raise checkpoint.CheckpointError(f"no checkpoint at {path}; train the codec first")
    config = state["facts"]["codec"] if closed else state["facts"]["model"]
    decoder = Decoder(track, CodecConfig(**config))
    decoder.load_state_dict(part(state["average"]["values"], "decoder"))
    return decoder


def part(values: dict[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    """State of one member of a ModuleDict."""
    return {key.removeprefix(f"{name}."): value for key, value in values.items() if key.startswith(f"{name}.")}


class LatentClips:
    """Latents of whole clips, computed once; draws crops of them with score features."""

    def __init__(self, clips: Sequence[TrackClip], quantiser: Quantiser, training: PerformTraining, seed: int) -> None:
        self.clips, self.training = clips, training
        self.rng = np.random.default_rng(seed)
        self.latents = [self._latent(clip, quantiser) for clip in clips]

    @staticmethod
    def _latent(clip: TrackClip, quantiser: Quantiser) -> np.ndarray:
        """float16 [T50, D] of one pass of the loop; the encoder sees the loop's audio beyond both ends."""
        tokens = clip.audio.shape[0] // HOP
        margin = 2
        audio = crop_audio(clip, -margin * HOP, (tokens + 2 * margin) * HOP)
        with torch.no_grad():
            latent = latents_of(quantiser, torch.from_numpy(audio)[None])[0]
        return latent[margin:-margin].numpy().astype(np.float16)

    def next(self, count: int) -> tuple[dict[str, torch.Tensor], list[TrackClip]]:
        """features [B, F, 2 T], latent [B, T, D] of random crops, and their clips."""
        tokens = self.training.crop_tokens
        chosen, rows, latents = [], [], []
        while len(chosen) < count:
            index = int(self.rng.integers(len(self.clips)))
            clip, latent = self.clips[index], self.latents[index]
            if latent.shape[0] < tokens:
                raise ConfigError(f"clip {clip.name} is shorter than crop_tokens")
            begin = int(self.rng.integers(latent.shape[0] - tokens + 1))
            notes = crop_notes(clip, begin * HOP, tokens * HOP)
            chosen.append(clip)
            rows.append(score_features(clip.track, notes, STACK * tokens))
            latents.append(latent[begin : begin + tokens].astype(np.float32))
        batch = {"features": torch.from_numpy(np.stack(rows)), "latent": torch.from_numpy(np.stack(latents))}
        return batch, chosen


class Conditions:
    """Timbre and attributes of clips, with training augmentation."""

    def __init__(self, ids: Sequence[str], training: PerformTraining, seed: int) -> None:
        self.rows = {name: row for row, name in enumerate(ids)}
        self.training = training
        self.rng = np.random.default_rng(seed)

    def of(self, timbres: nn.Embedding, clips: Sequence[TrackClip], augment: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """timbre [B, 64], attributes [B, 5]."""
        timbre = timbres(torch.tensor([self.rows[clip.patch] for clip in clips]))
        attributes = np.stack([clip.attributes for clip in clips])
        if augment:
            timbre = timbre + self.training.timbre_noise * torch.randn_like(timbre)
            attributes[self.rng.random(len(clips)) < self.training.attribute_drop] = 0.5
        return timbre, torch.from_numpy(attributes)


def mel_distance(quantiser: Quantiser, latent: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean L1 between the log-mels (ln power) represented by two latents."""
    return ((latent - target) @ quantiser.expand).abs().mean()


def straight_through(quantiser: Quantiser, latent: torch.Tensor) -> torch.Tensor:
    """Quantised latent with the gradient of the unquantised one."""
    with torch.no_grad():
        nearest = quantiser.decode(quantiser.encode(latent))
    return latent + (nearest - latent).detach()


_DRUM_GROUPS = ((36,), (38,), (39, 37), (42,), (46,), (45, 50), (49, 51), (70, 56))
_ONSET_FRAMES = 3  # codec frames


def _group_masks(clip: TrackClip, tokens: int) -> list[np.ndarray]:
    """Groups of codec frames: for drums, the hits of each class group; otherwise attack, held and released frames."""
    time = (np.arange(tokens) + 0.5) / 50.0
    notes = crop_notes(clip, 0, tokens * HOP)

    def after(on: np.ndarray) -> np.ndarray:
        mask = np.zeros(tokens, dtype=bool)
        first = np.floor(on * 50.0).astype(int)
        for frame in range(_ONSET_FRAMES):
            at = first + frame
            mask[at[(at >= 0) & (at < tokens)]] = True
        return mask

    if clip.track == "drums":
        return [after(notes.on[np.isin(notes.pitch, keys)]) for keys in _DRUM_GROUPS]
    attack = after(notes.on)
    held = ((time[None] >= notes.on[:, None]) & (time[None] < notes.off[:, None])).any(0) & ~attack
    return [attack, held, ~attack & ~held]


def measured_timbres(
    track: str, clips: Sequence[TrackClip], latents: Sequence[np.ndarray], ids: Sequence[str]
) -> np.ndarray:
    """Initial timbres, float32 [patches, 64]: principal components of each patch's mean latents per frame group."""
    rows = {name: row for row, name in enumerate(ids)}
    groups = len(_DRUM_GROUPS) if track == "drums" else 3
    width = latents[0].shape[1]
    total = np.zeros((len(rows), groups, width))
    count = np.zeros((len(rows), groups, 1))
    for clip, latent in zip(clips, latents, strict=True):
        for group, mask in enumerate(_group_masks(clip, latent.shape[0])):
            total[rows[clip.patch], group] += latent[mask].astype(np.float64).sum(0)
            count[rows[clip.patch], group] += mask.sum()
    overall = total.sum(0) / np.maximum(count.sum(0), 1.0)
    mean = (total + 5.0 * overall) / (count + 5.0)  # rare patches are pulled towards the average
    table = (mean - mean.mean(0)).reshape(len(rows), -1)
    left, scale, _ = np.linalg.svd(table, full_matrices=False)
    kept = left[:, :TIMBRE] * np.sqrt(scale[:TIMBRE])
    result = np.zeros((len(rows), TIMBRE), dtype=np.float32)
    result[:, : kept.shape[1]] = kept * (0.5 / max(float(np.sqrt(np.mean(kept**2))), 1e-6))
    return result


def new_timbres(patches: int) -> nn.Embedding:
    """An untrained timbre table."""
    timbres = nn.Embedding(patches, TIMBRE)
    nn.init.normal_(timbres.weight, std=0.5)
    return timbres


def train_open(arguments: argparse.Namespace) -> None:
    """First stage: regress the latents."""
    sections = read_sections(arguments.config, SECTIONS)
    schedule, training, track = sections["schedule"], sections["training"], arguments.track
    torch.set_num_threads(schedule.threads)
    torch.manual_seed(schedule.seed)
    quantiser = load_decoder(arguments.checkpoints, track).quantiser
    config = PerformConfig(**{**asdict(sections["model"]), "latent": quantiser.project.shape[1]})
    clips = [clip for clip in load_clips(arguments.data, track, arguments.clips)
             if clip.audio.shape[0] >= training.crop_tokens * HOP]  # fmt: skip
    if not clips:
        raise ConfigError("no clip is as long as crop_tokens")
    train_clips, held_out_clips = split(clips)
    ids = patch_ids(track, arguments.data)
    performer, timbres = Performer(track, config), new_timbres(len(ids))
    run = Run(
        f"perform_{track}", nn.ModuleDict({"performer": performer, "timbres": timbres}), schedule,
        arguments.checkpoints / "perform" / track, arguments.runs, arguments.resume,
        {"track": track, "model": asdict(config), "patches": ids, "training": asdict(training)},
    )  # fmt: skip
    rank = int(os.environ.get("RANK", "0"))
    seed = schedule.seed * 1000 + rank + run.progress.step
    source = LatentClips(train_clips, quantiser, training, seed)
    conditions = Conditions(ids, training, seed)
    if run.progress.step == 0:
        with torch.no_grad():
            timbres.weight.copy_(torch.from_numpy(measured_timbres(track, train_clips, source.latents, ids)))
        run.average = checkpoint.Average(run.modules, schedule.average_decay)
    held_out, held_out_chosen = LatentClips(held_out_clips, quantiser, training, 1).next(training.held_out_crops)
    edge = training.edge_tokens

    def step() -> tuple[torch.Tensor, dict[str, float], float]:
        batch, chosen = source.next(training.batch)
        timbre, attributes = conditions.of(timbres, chosen, augment=True)
        latent = performer(batch["features"], timbre, attributes).float()
        with torch.autocast("cpu", enabled=False):
            loss = mel_distance(quantiser, latent[:, edge:-edge], batch["latent"][:, edge:-edge])
        seconds = batch["latent"].shape[0] * batch["latent"].shape[1] / 50
        return loss, {"mel_db": float(loss.detach()) * 10.0 / np.log(10.0)}, seconds

    def evaluate() -> dict[str, float]:
        timbre, attributes = conditions.of(timbres, held_out_chosen, augment=False)
        latent = performer(held_out["features"], timbre, attributes)
        distance = mel_distance(quantiser, latent[:, edge:-edge], held_out["latent"][:, edge:-edge])
        return {"mel_db": float(distance) * 10.0 / np.log(10.0)}

    run.train(arguments.minutes, step, evaluate)


def load_performer(
    checkpoints: Path, track: str, closed: bool = False, data: Path | None = None
) -> tuple[Performer, nn.Embedding]:
    """Averaged performer and timbre table of a stage's checkpoint."""
    path = checkpoints / ("closed" if closed else "perform") / track / "last.pt"
    state = checkpoint.load(path)
    if state is None:
        raise checkpoint.CheckpointError(f"no checkpoint at {path}; train the performer first")
    ids = patch_ids(track, data)
    if state["facts"]["patches"] != ids:
        raise checkpoint.CheckpointError(f"{path} was trained with another patch bank")
    performer = Performer(track, PerformConfig(**state["facts"]["model"]))
    performer.load_state_dict(part(state["average"]["values"], "performer"))
    timbres = new_timbres(len(ids))
    timbres.load_state_dict(part(state["average"]["values"], "timbres"))
    return performer, timbres


def train_closed(arguments: argparse.Namespace) -> None:
    """Second stage: audio loss through performer, quantiser and decoder."""
    sections = read_sections(arguments.config, SECTIONS)
    schedule, training, track = sections["closed"], sections["training"], arguments.track
    torch.set_num_threads(schedule.threads)
    torch.manual_seed(schedule.seed)
    clips, held_out_clips = split(load_clips(arguments.data, track, arguments.clips))
    begun = (arguments.checkpoints / "closed" / track / "last.pt").exists()  # if so, earlier stages are not needed
    decoder = load_decoder(arguments.checkpoints, track, begun)
    performer, timbres = load_performer(arguments.checkpoints, track, begun, arguments.data)
    ids = patch_ids(track, arguments.data)
    run = Run(
        f"closed_{track}", nn.ModuleDict({"performer": performer, "timbres": timbres, "decoder": decoder}), schedule,
        arguments.checkpoints / "closed" / track, arguments.runs, arguments.resume,
        {"track": track, "model": asdict(performer.config), "codec": asdict(decoder.config), "patches": ids,
         "training": asdict(training)},
    )  # fmt: skip
    rank = int(os.environ.get("RANK", "0"))
    seed = schedule.seed * 1000 + rank + run.progress.step
    codec_training = read_sections(CONFIGS / f"codec_{track}.toml", CODEC_SECTIONS)["training"]
    crops = replace(codec_training, crop_frames=training.closed_frames)
    batches = Batches(clips, crops, seed)
    conditions = Conditions(ids, training, seed)
    held_out, held_out_chosen = Batches(held_out_clips, crops, 1).next(crops.held_out_crops)
    quantiser, true = decoder.quantiser, training.closed_codec

    def step() -> tuple[torch.Tensor, dict[str, float], float]:
        batch, chosen = batches.next(training.closed_batch)
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            streams, levels = analysed(decoder, batch)
            target = latents_of(quantiser, batch["audio"])
            given = mixed_latents(quantiser, target[:true], crops, batches.rng) if true else target[:0]
        timbre, attributes = conditions.of(timbres, chosen[true:], augment=True)
        latent = performer(batch["features"][true:], timbre, attributes).float()
        with torch.autocast("cpu", enabled=False):
            played = straight_through(quantiser, latent)
            regression = mel_distance(quantiser, latent[:, 2:-2], target[true:, 2:-2])
        gains = decoder(torch.cat([given, played]), batch["features"], levels).float()
        with torch.autocast("cpu", enabled=False):
            audio = codec_audio.synthesise(gains, streams, decoder.transform)
            drawn = codec_audio.drawn_resolutions(batches.rng)
            loss, mel_db = codec_audio.audio_loss(audio, batch["audio"], crops.fine_loss, drawn)
        figures = {"mel_db": mel_db, "latent_db": float(regression.detach()) * 10.0 / np.log(10.0)}
        return loss + training.closed_latent * regression, figures, batch["audio"].numel() / mel.SAMPLE_RATE

    def evaluate() -> dict[str, float]:
        streams, levels = analysed(decoder, held_out)
        timbre, attributes = conditions.of(timbres, held_out_chosen, augment=False)
        latent = performer(held_out["features"], timbre, attributes)
        results = {}
        for name, codes in (
            ("codec_db", quantiser.encode(latents_of(quantiser, held_out["audio"]))),
            ("closed_db", quantiser.encode(latent)),
        ):
            audio = decoded(decoder, quantiser.decode(codes), held_out, streams, levels)
            results[name] = codec_audio.audio_loss(audio, held_out["audio"], codec_audio.Fine())[1]
        return results

    run.train(arguments.minutes, step, evaluate)


def main(argv: list[str] | None = None) -> None:
    """Command-line entry point."""
    parser = argparse.ArgumentParser(prog="train_perform", description=__doc__.splitlines()[0])
    common_arguments(parser)
    parser.add_argument("--closed", action="store_true", help="second stage: train through the decoder")
    arguments = parser.parse_args(argv)
    arguments.config = arguments.config or CONFIGS / "perform.toml"
    try:
        (train_closed if arguments.closed else train_open)(arguments)
    except (ConfigError, checkpoint.CheckpointError, OSError, ValueError) as error:
        sys.exit(f"train_perform: {error}")


if __name__ == "__main__":
    main()
