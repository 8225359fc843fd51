"""Training of a composer: cache, smoke run, resumption, configuration errors, sampling and metrics."""

import csv
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from resonant import checkpoint, compose_data, train_compose
from resonant.compose_data import Augment, PieceCache, example
from resonant.compose_goldens import FAMILY, PIECES, make_piece
from resonant.compose_losses import FEWEST_BARS, kind_of, losses
from resonant.compose_metrics import evaluate, piano_roll
from resonant.compose_model import ComposeModelConfig, Composer
from resonant.compose_sample import Sampling, end_overlaps, generate
from resonant.export_compose import Stepper, export, load_composer
from resonant.piece import TRACKS, Note, Piece
from resonant.tokens import STEP

CONFIG = Path(__file__).parents[1] / "configs" / "compose_smoke.toml"


def _piece(index: int) -> tuple[Piece, dict]:
    data = make_piece(index, PIECES[index % len(PIECES)])
    data["tracks"] = {track: [Note(**note) for note in notes] for track, notes in data["tracks"].items()}
    data["meter"] = tuple(data["meter"])
    data["chords"] = [tuple(chord) for chord in data["chords"]]
    return Piece(**data, patches=dict.fromkeys(TRACKS, "")), {}


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    original = compose_data.piece_of
    compose_data.piece_of = _piece
    try:
        compose_data.write_shard(folder / "shard_00000.npz", 0, 24)
    finally:
        compose_data.piece_of = original
    return folder


def _train(shards: Path, where: Path, minutes: float, *more: str, track: str = "bass") -> None:
    train_compose.main(
        ["train", "--track", track, "--config", str(CONFIG), "--minutes", str(minutes), "--shards", str(shards),
         "--checkpoints", str(where / "checkpoints"), "--runs", str(where / "runs"), *more]
    )  # fmt: skip


def test_examples_match_their_tokens(shards: Path) -> None:
    rng = compose_data.random.Random(0)
    for piece in PieceCache(shards).pieces[:5]:
        for track in TRACKS:
            item = example(piece, track, Augment(short=0.0), rng)
            assert len(item.condition) == len(item.tokens) - 1
            steps = (item.tokens == STEP).sum()
            assert steps in (piece.plan.total_steps, 8 * piece.plan.steps_per_bar, piece.plan.total_steps % 128)


def test_the_coded_length_of_a_bass_does_not_tell_its_next_onset() -> None:
    def note(step: int, length: float) -> Note:
        return Note(step, 0.0, length, 40, 90)

    # Held until the next onset (6, 10 and 12 steps away), detached, close together, and across the loop point.
    notes = [note(0, 6.0), note(6, 10.0), note(16, 11.0), note(28, 1.0), note(34, 3.0), note(37, 11.0)]
    coded = compose_data.held(notes, 48)
    assert [n.length for n in coded] == [11.0, 11.0, 11.0, 1.0, 3.0, 11.0]
    assert [n.length for n in end_overlaps(coded, 48)] == [6.0, 10.0, 11.0, 1.0, 3.0, 11.0]
    assert compose_data.held([], 48) == [] and end_overlaps([note(3, 99.0)], 48)[0].length == 48.0


def test_a_run_learns_logs_and_continues(shards: Path, tmp_path: Path) -> None:
    _train(shards, tmp_path, 0.05)
    path = tmp_path / "checkpoints" / "bass" / "last.pt"
    first = checkpoint.load(path)
    _train(shards, tmp_path, 0.08, "--resume")
    second = checkpoint.load(path)
    assert second["step"] > first["step"]
    with (tmp_path / "runs" / "compose_bass" / "loss.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert float(rows[-1]["held_out_loss"]) < 4.5  # ln(168) is 5.1
    assert (tmp_path / "runs" / "compose_bass" / "loss.png").stat().st_size > 1000
    with pytest.raises(SystemExit, match="--resume"):
        _train(shards, tmp_path, 0.1)


def test_a_damaged_checkpoint_falls_back_to_the_previous(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    checkpoint.save(path, {"step": 1})
    checkpoint.save(path, {"step": 2})
    path.write_bytes(b"torn")
    assert checkpoint.load(path) == {"step": 1}
    checkpoint.previous_of(path).unlink()
    with pytest.raises(checkpoint.CheckpointError, match="no readable checkpoint"):
        checkpoint.load(path)


def test_unknown_configuration_keys_are_errors(tmp_path: Path, shards: Path) -> None:
    with pytest.raises(train_compose.ConfigError, match="model.widht"):
        train_compose.parse_config({"model": {"widht": 3}})
    with pytest.raises(train_compose.ConfigError, match="learning_rat"):
        train_compose.parse_config({"learning_rat": 3})


def test_an_empty_cache_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no pieces in"):
        _train(tmp_path, tmp_path, 0.01)


def test_trained_composers_export_generate_and_evaluate(
    shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for track in TRACKS:
        init = ["--init", str(tmp_path / "checkpoints" / "bass" / "last.pt")] if track == "melody" else []
        _train(shards, tmp_path, 0.01, *init, track=track)
        model, _ = load_composer(tmp_path / "checkpoints" / track / "last.pt")
        export(model, tmp_path / "bundle", int8=True)
    cache = PieceCache(shards)
    stepper = Stepper(tmp_path / "bundle" / "compose_melody.onnx")
    plan = cache.pieces[1].plan
    made = [
        generate(stepper, "melody", plan, FAMILY["melody"], {}, Sampling(), np.random.default_rng(3)) for _ in range(2)
    ]
    assert made[0] == made[1]
    assert all(0 <= note.step < plan.total_steps for note in made[0])
    assert len(piano_roll("melody", [Note(0, 0.0, 2.0, 60, 90)], plan).splitlines()) == 1
    evaluate(tmp_path / "bundle", cache, 2, 1, tmp_path / "figures.json", Sampling())
    assert "style_recognised" in capsys.readouterr().out
    assert torch.get_num_threads() == 1


def test_composers_learn_figures(tmp_path: Path) -> None:
    """With figures in its condition, a composer predicts the notes better than without."""
    compose_data.write_shard(tmp_path / "shard_00000.npz", 440, 60)  # 480 to 491 are held out
    config = tmp_path / "figures.toml"
    config.write_text(CONFIG.read_text() + "condition = 248\n")
    losses = {}
    for name, path in (("plain", CONFIG), ("told", config)):
        where = tmp_path / name
        _train(tmp_path, where, 0.15, "--config", str(path))
        with (where / "runs" / "compose_bass" / "loss.csv").open() as file:
            losses[name] = float(list(csv.DictReader(file))[-1]["held_out_loss"])
        model, _ = load_composer(where / "checkpoints" / "bass" / "last.pt")
        record = export(model, where / "bundle", int8=True)
        assert record["condition"] == {"plain": 196, "told": 248}[name]
    assert losses["told"] < 0.95 * losses["plain"], losses


def test_a_warm_started_composer_first_learns_only_what_figures_are(tmp_path: Path) -> None:
    compose_data.write_shard(tmp_path / "shard_00000.npz", 440, 60)
    config = tmp_path / "figures.toml"
    config.write_text("figure_steps = 1000\n" + CONFIG.read_text() + "condition = 248\n")
    trainer = train_compose.Trainer(
        "bass", train_compose.read_config(config), PieceCache(tmp_path), tmp_path / "checkpoints", tmp_path / "runs", False
    )
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    trainer.run(0.02)
    for name, value in trainer.model.state_dict().items():
        if name == "condition_in.weight":
            assert torch.allclose(value[:, :196], before[name][:, :196], rtol=0.05)  # weight decay
            assert float((value[:, 196:] - before[name][:, 196:]).abs().max()) > 0.01
        else:
            assert torch.equal(value, before[name]), name


def test_what_a_composer_says_without_a_figure_stays_when_only_figures_are_learnt(tmp_path: Path) -> None:
    compose_data.write_shard(tmp_path / "shard_00000.npz", 440, 60)
    config = tmp_path / "figures.toml"
    config.write_text("figures_only = true\n" + CONFIG.read_text() + "condition = 299\nfigure_units = 24\n")
    cache = PieceCache(tmp_path)
    trainer = train_compose.Trainer(
        "bass", train_compose.read_config(config), cache, tmp_path / "checkpoints", tmp_path / "runs", False
    )
    piece = next(piece for piece in cache.split("bass", held_out=True) if "bass" in piece.figures)
    told = compose_data.example(piece, "bass", None, random.Random(1), 299)
    untold = told.condition.copy()
    untold[:, 196:] = 0.0

    def said(condition: np.ndarray) -> torch.Tensor:
        with torch.no_grad():
            return trainer.model(torch.from_numpy(told.tokens[None, :-1]), torch.from_numpy(condition[None]))

    before, before_told = said(untold), said(told.condition)
    trainer.run(0.05)
    assert float((said(untold) - before).abs().max()) < 1e-4
    assert float((said(told.condition) - before_told).abs().max()) > 0.1


def test_losses_are_compared_piece_by_piece(tmp_path: Path) -> None:
    compose_data.write_shard(tmp_path / "shard_00000.npz", 440, 60)
    cache = PieceCache(tmp_path)
    torch.manual_seed(0)
    model = Composer("bass", ComposeModelConfig(width=32, layers=1, heads=2, feed_forward=48, condition_width=32, condition=299))
    pieces = cache.split("bass", held_out=True)
    found = losses(model.eval(), pieces, told=True)
    assert found.shape == (len(pieces), 2) and (found[:, 0] > 0.0).all()
    single = next(index for index, piece in enumerate(pieces) if piece.plan.bars <= 8)
    assert found[single, 1] == len(example(pieces[single], "bass", None, compose_data.random.Random(0), 299).condition)
    assert (losses(model, pieces, told=False)[:, 0] != found[:, 0]).all()
    assert {kind_of(piece, "bass") for piece in cache.pieces} == {"of a role, 4/4", "of a role, other meters"}
    assert kind_of(replace(pieces[0], figures={}), "bass") == "without a role"
    # Only the gap's tokens count, and a composer hears what follows it.
    longer = [index for index, piece in enumerate(pieces) if piece.plan.bars >= FEWEST_BARS]
    unfigured = [replace(pieces[index], figures={}) for index in longer]
    told, blind = (losses(model, unfigured, told=told, in_gaps=True) for told in (True, False))
    whole = losses(model, unfigured, told=False)
    assert (blind[:, 1] > 0).all() and (blind < whole).all(), "a part of the same loss"
    assert (told[:, 0] != blind[:, 0]).all()
