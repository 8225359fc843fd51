"""Pieces that follow figures, and the figure columns of the composers' condition."""

import random
from pathlib import Path

import numpy as np
import pytest

from resonant import compose_data, genres, people
from resonant.compose_data import Augment, PieceCache, batches, example
from resonant.composer.figures import PLAYED, SILENT, Figure, compose_figures
from resonant.conditions import CONDITION, FIGURE_FAMILIES, FIGURE_WIDTH, figure_features, plan_of
from resonant.groove_templates import Performance
from resonant.piece import DRUM_CLASSES, DRUM_KEYS, QUALITIES

SEEDS = range(60)
KIND = {"drums": "groove", "bass": "bass", "harmony": "comping"}
ASKED = {"1": (0,), "8": (0,), "3": (3, 4, 2, 5, 0), "5": (6, 7, 8)}  # semitones above the root


@pytest.mark.parametrize("track", KIND)
def test_every_pattern_has_a_known_family(track: str) -> None:
    patterns = genres.load().patterns[KIND[track]]
    families = {name: pattern.get("family") for name, pattern in patterns.items() if name != "free"}
    assert set(families.values()) == set(FIGURE_FAMILIES[track]), "a family without a pattern, or an unknown family"


def test_parts_are_played_where_their_figure_says() -> None:
    meters = set()
    for seed in SEEDS:
        piece, figures = compose_figures(seed, 8)
        meters.add(piece.meter)
        for track in ("bass", "harmony"):
            signs = figures[track].marks[""]
            onsets = {note.step for note in piece.tracks[track]}
            assert len(signs) == piece.total_steps
            assert {step for step, sign in enumerate(signs) if sign in PLAYED} <= onsets, f"{track} of {seed}"
            assert not {step for step, sign in enumerate(signs) if sign in SILENT} & onsets, f"{track} of {seed}"
    assert {(5, 4), (7, 8), (12, 8)} <= meters


def test_melodies_fill_the_bars_of_odd_meters() -> None:
    found = set()
    for seed in SEEDS:
        piece, _ = compose_figures(seed, 8)
        notes = piece.tracks["melody"]
        assert notes and all(note.step + note.length <= piece.total_steps + 1 for note in notes), f"seed {seed}"
        if piece.meter not in ((4, 4), (3, 4), (6, 8)):
            found |= {(piece.meter, note.step % piece.steps_per_bar) for note in notes}
    for meter in ((5, 4), (7, 8), (12, 8)):
        steps = {step for of, step in found if of == meter}
        assert 0 in steps and max(steps) >= 0.75 * meter[0] * 16 / meter[1], meter


def test_basses_play_the_tones_that_are_asked_for() -> None:
    for seed in SEEDS:
        piece, figures = compose_figures(seed, 4)
        signs = figures["bass"].marks[""]
        for note in piece.tracks["bass"]:
            if signs[note.step] not in ASKED:
                continue
            root, quality = piece.chords[note.step * 2 // piece.steps_per_bar]
            if signs[note.step] == "5" and not set(ASKED["5"]) & set(QUALITIES[quality]):
                continue
            assert (note.pitch - root) % 12 in ASKED[signs[note.step]], f"seed {seed}, step {note.step}"


def test_second_halves_are_seldom_copies() -> None:
    copies = 0
    for seed in SEEDS:
        piece, _ = compose_figures(seed, 8)
        half = piece.total_steps // 2
        bass = {(note.step, note.pitch) for note in piece.tracks["bass"]}
        copies += {(step, pitch) for step, pitch in bass if step < half} == {(s - half, p) for s, p in bass if s >= half}
    assert copies <= 0.25 * len(SEEDS)


def test_a_seed_gives_one_piece() -> None:
    first, again = compose_figures(11, 8), compose_figures(11, 8)
    assert first[1] == again[1] and first[0].tracks == again[0].tracks


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> PieceCache:
    folder = tmp_path_factory.mktemp("figures")
    compose_data.write_shard(folder / "shard_00000.npz", compose_data.SHARD_PIECES, 24)
    return PieceCache(folder)


def test_figures_come_back_from_the_cache(cache: PieceCache) -> None:
    for piece in cache.pieces[:6]:
        composed, figures = compose_data.piece_of(piece.index)
        assert piece.figures == figures
        assert all(len(signs) == composed.total_steps for figure in figures.values() for signs in figure.marks.values())


def test_examples_tell_the_figure_of_their_steps(cache: PieceCache) -> None:
    piece = next(p for p in cache.pieces if p.plan.bars == 8)
    for track in KIND:
        item = example(piece, track, None, random.Random(0), CONDITION + FIGURE_WIDTH)
        plain = example(piece, track, None, random.Random(0))
        assert np.array_equal(item.condition[:, :CONDITION], plain.condition) and np.array_equal(item.tokens, plain.tokens)
        told = item.condition[:, CONDITION:]
        assert (told[:, 51] == 1.0).all()
        assert np.array_equal(told[0], figure_features(track, piece.figures[track], piece.plan)[0])


def test_figures_are_withheld_now_and_then(cache: PieceCache) -> None:
    rng = random.Random(1)
    examples = [example(cache.pieces[i % 24], "bass", Augment(), rng, CONDITION + FIGURE_WIDTH) for i in range(200)]
    told = [item.condition[0, CONDITION + 51] for item in examples if len(item.condition)]
    named = [item.condition[0, CONDITION : CONDITION + 32].any() for item in examples if item.condition[0, CONDITION + 51]]
    assert 0.8 < np.mean(told) < 0.97
    assert 0.6 < np.mean(named) < 0.9


def test_a_share_of_the_examples_follows_figures(tmp_path: Path) -> None:
    for index, first in enumerate((0, compose_data.SHARD_PIECES)):
        compose_data.write_shard(tmp_path / f"shard_{index:05d}.npz", first, 12)
    pieces = PieceCache(tmp_path).pieces
    for share in (0.2, 0.8):
        stream = batches(pieces, "bass", Augment(drop_figure=0.0), random.Random(2), 2000, 1023, CONDITION + FIGURE_WIDTH, share)
        told = [condition[:, 0, CONDITION + 51] for _, condition, _ in (next(stream) for _ in range(40))]
        assert abs(np.concatenate(told).mean() - share) < 0.08


def test_no_figure_tells_nothing() -> None:
    piece, _ = compose_figures(0, 4)
    assert not figure_features("bass", None, plan_of(piece)).any()
    unknown = Figure(None, {"": "." * piece.total_steps}, differs=(False,) * 4)
    rows = figure_features("bass", unknown, plan_of(piece))
    assert not rows[:, :32].any() and (rows[:, 51] == 1.0).all() and not rows[:, 47].any()


def test_what_drummers_play_agrees_with_its_figure() -> None:
    rng = np.random.default_rng(0)
    steps, classes, velocities = [], [], []
    for bar in range(17):
        for step, drum, rate, force in [(0, 0, 1.0, 100), (4, 1, 1.0, 110), (8, 0, 1.0, 90), (12, 1, 1.0, 110), (7, 1, 0.5, 30)]:
            if rng.random() < rate:
                steps.append(16 * bar + step + rng.normal(0, 0.1))
                classes.append(drum)
                velocities.append(force)
    order = np.argsort(steps)
    arrays = (np.array(values)[order] for values in (steps, classes, velocities))
    found = list(people.windows(Performance("funk", 100.0, *arrays)))
    assert len(found) == 2
    for piece, figure in found:
        assert figure.family == "funk" and piece.style == "funk"
        played = {(note.step, note.pitch) for note in piece.tracks["drums"]}
        for voice, key in zip(DRUM_CLASSES, DRUM_KEYS, strict=True):
            for step, sign in enumerate(figure.marks[voice]):
                assert (step, key) in played if sign in "Xxg" else sign == "?" or (step, key) not in played
        assert figure.marks["snare"][7] == "?" and figure.marks["snare"][4] in "Xx" and figure.marks["kick"][1] == "."
