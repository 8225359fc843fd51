"""The composer respects the note grammar, music theory and style for every style, meter and attribute setting."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from resonant.composer import compose_piece, humanise
from resonant.composer import statistics as st
from resonant.composer.captions import FAMILY_WORDS
from resonant.composer.progressions import POOLS, STYLE_POOLS, candidates, parse
from resonant.composer.styles import STYLES as STYLE_DATA
from resonant.piece import (
    ATTRIBUTES,
    DRUM_KEYS,
    FAMILIES,
    MODES,
    QUALITIES,
    STYLES,
    TRACKS,
    Piece,
    chord_symbol,
    key_text,
    warp,
)

PER_STYLE = 60
LOOSE_DRUMS = {"ambient"}  # allowed to leave bars empty


@pytest.fixture(scope="module")
def pieces() -> dict[str, list[Piece]]:
    return {style: [compose_piece(seed, style) for seed in range(PER_STYLE)] for style in STYLES}


def rate(rows: list[tuple]) -> float:
    return sum(row[0] for row in rows) / sum(row[-1] for row in rows)


@pytest.mark.parametrize("style", STYLES)
def test_grammar(pieces: dict[str, list[Piece]], style: str) -> None:
    low, _, high = STYLE_DATA[style].bpm
    for piece in pieces[style]:
        assert piece.bars in (4, 8, 16) and piece.meter in ((4, 4), (3, 4), (6, 8))
        assert low <= piece.bpm <= high and 60 <= piece.bpm <= 180
        assert piece.swing_unit in (1, 2) and 0.5 <= piece.swing_ratio <= 0.75
        assert len(piece.chords) == 2 * piece.bars
        assert all(0 <= root < 12 and quality in QUALITIES for root, quality in piece.chords)
        assert piece.mode in MODES and 0 <= piece.tonic < 12
        assert set(piece.tracks) == set(piece.families) == set(piece.patches) == set(TRACKS)
        assert all(family in FAMILIES for family in piece.families.values())
        assert tuple(piece.attributes) == ATTRIBUTES and all(0 <= v <= 1 for v in piece.attributes.values())
        for track, notes in piece.tracks.items():
            assert notes, (piece.seed, track)
            assert notes == sorted(notes, key=lambda n: (n.step, n.offset, n.pitch))
            for n in notes:
                assert isinstance(n.step, int) and 0 <= n.step < piece.total_steps
                assert 1 <= n.velocity <= 127 and isinstance(n.velocity, int) and n.length > 0
                assert track == "drums" or (n.offset == 0 and n.length <= 64)
            assert st.overlaps(notes, piece.total_steps, track in ("bass", "melody")) == 0, (piece.seed, track)
            assert st.token_load(piece, track) < 1024, (piece.seed, track)
        assert all(n.pitch in DRUM_KEYS for n in piece.tracks["drums"])
        assert all(20 <= n.pitch <= 60 for n in piece.tracks["bass"])
        assert all(38 <= n.pitch <= 82 for n in piece.tracks["harmony"])
        assert all(50 <= n.pitch <= 88 for n in piece.tracks["melody"])


def test_rolls_are_even(pieces: dict[str, list[Piece]]) -> None:
    rolls = 0
    for piece in pieces["trap"]:
        hits: dict[tuple[int, int], list] = {}
        for n in piece.tracks["drums"]:
            hits.setdefault((n.step, n.pitch), []).append(n)
        for group in hits.values():
            assert [n.offset for n in group] == [i / len(group) for i in range(len(group))] and len(group) <= 3
            assert len({n.velocity for n in group}) == 1
            rolls += len(group) > 1
    assert rolls > PER_STYLE


@pytest.mark.parametrize("style", STYLES)
def test_theory(pieces: dict[str, list[Piece]], style: str) -> None:
    group = pieces[style]
    downbeats = [st.bass_downbeats(p) for p in group]
    assert rate([(good, heard) for good, heard, _ in downbeats]) >= 0.97
    assert rate([(heard, bars) for _, heard, bars in downbeats]) >= (0.5 if style == "ambient" else 0.75)
    assert rate([st.chord_tones(p) for p in group]) >= 0.97
    scale = [st.in_scale(p) for p in group]
    assert rate([(loose, every) for _, loose, every in scale]) >= 0.97
    assert rate([(strict, every) for strict, _, every in scale]) >= (0.9 if style == "jazz" else 0.93)
    assert rate([st.strong_consonance(p) for p in group]) >= 0.9
    assert rate([st.clashes(p) for p in group]) <= 0.08


def test_theory_over_all(pieces: dict[str, list[Piece]]) -> None:
    scale = [st.in_scale(p) for group in pieces.values() for p in group]
    assert rate([(strict, every) for strict, _, every in scale]) >= 0.95


@pytest.mark.parametrize("style", STYLES)
def test_structure(pieces: dict[str, list[Piece]], style: str) -> None:
    group = pieces[style]
    assert 0.35 <= rate([st.equal_bars(p) for p in group]) <= 0.9
    assert sum(st.bar_similarity(p) for p in group) / len(group) >= 0.7
    returning = 0
    for p in group:
        bars = [frozenset((s, pitch) for s, _, pitch, _ in bar) for bar in st.bar_contents(p, "melody") if bar]
        returning += len(set(bars)) < len(bars)
    assert returning / len(group) >= (0.35 if style == "jazz" else 0.5)
    if style != "rock":  # power chords move in parallel
        assert rate([st.voice_motion(p) for p in group]) <= 2.6
    if style == "trap":
        assert rate([st.kick_lock(p) for p in group]) >= 0.85
    if style not in ("jazz", "ambient"):  # walking basses and drones are independent of the kick
        four = style in ("techno", "house", "synthwave")  # most kicks are alike; only fills and pauses differ
        assert st.kick_preference(group) >= (0.65 if four else 0.85)


def test_kick_preference_tells_followers_from_others(pieces: dict[str, list[Piece]]) -> None:
    group = [p for p in pieces["rock"] if p.meter == (4, 4)][:12]
    bass = [
        replace(p, tracks={**p.tracks, "bass": [n for n in q.tracks["bass"] if n.step < p.total_steps]})
        for p, q in zip(group, group[1:] + group[:1], strict=True)
    ]
    assert st.kick_preference(group) > 0.8 > 0.7 > st.kick_preference(bass)


def test_coverage(pieces: dict[str, list[Piece]]) -> None:
    everything = [p for group in pieces.values() for p in group]
    assert {p.meter for p in everything} == {(4, 4), (3, 4), (6, 8)}
    assert {p.mode for p in everything} == set(MODES)
    assert {p.tonic for p in everything} == set(range(12))
    assert {f for p in everything for f in p.families.values()} == set(FAMILIES)
    assert {p.bars for p in everything} == {4, 8, 16}
    assert {compose_piece(seed).style for seed in range(150)} == set(STYLES)
    assert min(p.bpm for p in everything) < 70 and max(p.bpm for p in everything) > 170
    for style, data in STYLE_DATA.items():
        for meter in data.meters:
            assert compose_piece(1, style, meter=meter).meter == meter


def test_progressions() -> None:
    for pool in POOLS.values():
        for mode, texts in pool.items():
            assert mode in MODES and len(set(texts)) == len(texts) >= 12
            assert all(len(parse(text)) in (8, 16) for text in texts)
    for style in STYLES:
        assert style in STYLE_POOLS
        for mode in STYLE_DATA[style].modes:
            assert len(candidates(style, mode)) >= 12


def test_deterministic() -> None:
    for style in STYLES:
        assert compose_piece(77, style) == compose_piece(77, style)
    assert compose_piece(1, "house") != compose_piece(2, "house")


def test_json_round_trip(pieces: dict[str, list[Piece]]) -> None:
    for group in pieces.values():
        assert Piece.from_json(group[0].to_json()) == group[0]


def measure(style: str, name: str, value: float, seeds: range) -> dict[str, float]:
    group = [
        compose_piece(seed, style, 8, attributes={**dict.fromkeys(ATTRIBUTES, 0.5), name: value}) for seed in seeds
    ]
    count = len(group)
    notes = {track: [n for p in group for n in p.tracks[track]] for track in TRACKS}
    return {
        "hits": len(notes["drums"]) / count,
        "tonal": sum(len(notes[t]) for t in TRACKS if t != "drums") / count,
        "velocity": sum(n.velocity for ns in notes.values() for n in ns) / sum(map(len, notes.values())),
        "register": sum(n.pitch for n in notes["melody"]) / len(notes["melody"]),
        "chord_size": sum(len(QUALITIES[q]) for p in group for _, q in p.chords) / sum(len(p.chords) for p in group),
        "bpm": sum(p.bpm for p in group) / count,
    }


def test_attributes_shape_the_piece() -> None:
    seeds = range(24)
    for style in STYLES:
        for name, figures in (
            ("energy", ("hits", "velocity", "bpm")),
            ("density", ("hits", "tonal")),
            ("brightness", ("register",)),
            ("aggression", ("velocity",)),
        ):
            low, high = (measure(style, name, value, seeds) for value in (0.05, 0.95))
            for figure in figures:
                assert high[figure] > low[figure], (style, name, figure)
    totals = [
        sum(measure(style, "complexity", value, seeds)["chord_size"] for style in STYLES) for value in (0.05, 0.5, 0.95)
    ]
    assert totals[0] < totals[1] < totals[2]
    dense = [
        sum(measure(style, "density", value, seeds)["tonal"] for style in STYLES) for value in (0.05, 0.35, 0.65, 0.95)
    ]
    assert dense == sorted(dense) and dense[-1] > 1.8 * dense[0]


def test_captions(pieces: dict[str, list[Piece]]) -> None:
    for group in pieces.values():
        for piece in group:
            assert 4 <= len(piece.captions) <= 8 and len(set(piece.captions)) == len(piece.captions)
            for text in piece.captions:
                assert text == text.strip() and 3 <= len(text) <= 220 and "  " not in text and ", ," not in text
        texts = [text for piece in group for text in piece.captions]
        assert len(set(texts)) > 0.8 * len(texts)
    assert set(FAMILY_WORDS) == set(FAMILIES)


def test_bad_names_are_refused() -> None:
    for arguments in (
        {"style": "polka"},
        {"mode": "hungarian"},
        {"meter": (7, 8)},
        {"bars": 5},
        {"attributes": {"loudness": 1.0}},
        {"moods": ["bored"]},
    ):
        with pytest.raises(ValueError):
            compose_piece(1, **arguments)


def test_humanise(pieces: dict[str, list[Piece]]) -> None:
    for style, group in pieces.items():
        played = humanise(group[0], 3)
        assert played == humanise(group[0], 3)
        for track, notes in group[0].tracks.items():
            assert len(played.tracks[track]) == len(notes)
            for n in played.tracks[track]:
                assert -0.5 <= n.offset < 1 and n.start >= 0 and 1 <= n.velocity <= 127, style


def test_names_and_swing() -> None:
    assert (
        key_text(9, "minor") == "A minor"
        and key_text(3, "major") == "Eb major"
        and key_text(6, "dorian") == "F# dorian"
    )
    assert chord_symbol(11, "m7b5") == "Bm7b5" and chord_symbol(9, "minadd9") == "Amadd9"
    assert warp(1.0, 1, 0.66) == pytest.approx(1.32) and warp(3.0, 2, 0.5) == pytest.approx(3.0)
    assert warp(8.0, 2, 0.66) == pytest.approx(8.0)


def test_speed() -> None:
    start = time.process_time()
    for seed in range(50):
        compose_piece(seed)
    assert time.process_time() - start < 1.0
