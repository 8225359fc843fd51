"""Smoke runs of the codec and performer trainers on a tiny data folder, up to an exported graph."""

import json
from pathlib import Path

import numpy as np
import pytest

from resonant import export_codec, train_codec, train_perform
from resonant.data import render_piece
from resonant.piece import Note, Piece
from resonant.synth import patch_record
from resonant.synth.model import Subtractive, SynthKit
from resonant.synth.patches import PATCHES
from resonant.trainer import ConfigError, read_sections

CONFIGS = Path(__file__).parents[1] / "configs"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips of drums and bass from the project's own synthesis."""
    folder = tmp_path_factory.mktemp("data")
    shard = folder / "shard_0000"
    shard.mkdir()
    kit = next(p for p in PATCHES if isinstance(p.sound, SynthKit))
    bass = next(p for p in PATCHES if p.track == "bass" and isinstance(p.sound, Subtractive))
    for index in range(2):
        drums = [Note(step, 0.0, 0.5, 36 if step % 4 == 0 else 42, 100) for step in range(0, 16, 2)]
        line = [Note(step, 0.0, 1.5, 36 + index + step % 3, 90) for step in range(0, 16, 2)]
        piece = Piece(
            index, "house", 120.0, 0, "minor", (4, 4), 1, 1, 0.5, [(0, "min"), (0, "min")],
            {"drums": drums, "bass": line, "harmony": [], "melody": []}, {"drums": kit.id, "bass": bass.id},
            {"drums": kit.family, "bass": bass.family},
            {name: 0.5 for name in ("energy", "density", "brightness", "aggression", "complexity")},
        )  # fmt: skip
        stems = render_piece(piece, index)
        np.save(shard / f"clip_{index:04d}.npy", stems)
        info = {"samples": stems.shape[1], "piece": piece.to_dict(),
                "patches": {"drums": patch_record(kit), "bass": patch_record(bass)}}  # fmt: skip
        (shard / f"clip_{index:04d}.json").write_text(json.dumps(info))
    return folder


@pytest.mark.parametrize("track", ["bass", "drums"])
def test_train_resume_and_export(track: str, data: Path, tmp_path: Path) -> None:
    common = ["--track", track, "--data", str(data), "--checkpoints", str(tmp_path / "ck"), "--runs", str(tmp_path / "runs"), "--resume"]
    codec = ["--config", str(CONFIGS / "codec_smoke.toml")]
    train_codec.main([*common, *codec, "--minutes", "0.01"])
    train_codec.main([*common, *codec, "--minutes", "0.02"])
    perform = ["--config", str(CONFIGS / "perform_smoke.toml"), "--minutes", "0.01"]
    train_perform.main([*common, *perform])
    train_perform.main([*common, *perform, "--closed"])
    assert (tmp_path / "runs" / f"codec_{track}" / "loss.png").exists()
    decoder, performer, timbres = export_codec.load_models(tmp_path / "ck", track)
    assert timbres.shape == (len(train_perform.patch_ids(track)), 64)
    figures = export_codec.export_track(decoder, performer, tmp_path / "out", int8=True)
    assert figures["encode"]["fp32"] == 0.0
    assert figures["decode"]["fp32"] < 1e-3


def test_without_resume_an_existing_run_is_kept(data: Path, tmp_path: Path) -> None:
    arguments = ["--track", "bass", "--data", str(data), "--checkpoints", str(tmp_path), "--runs", str(tmp_path),
                 "--config", str(CONFIGS / "codec_smoke.toml"), "--minutes", "0.005"]  # fmt: skip
    train_codec.main(arguments)
    with pytest.raises(SystemExit, match="pass --resume"):
        train_codec.main(arguments)


def test_unknown_keys_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "typo.toml"
    path.write_text("[model]\nwitdh = 3\n")
    with pytest.raises(ConfigError, match="unknown key model.witdh"):
        read_sections(path, train_codec.SECTIONS)
