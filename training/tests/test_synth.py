"""Patch bank and rendering: metadata, timing, pitch, level, loops and shards."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from resonant import data
from resonant.piece import DRUM_CLASSES, FAMILIES, STYLES, TRACKS, Note, Piece
from resonant.synth import PATCHES, patch_by_id, Patch, loop_samples, patch_by_id, patch_record, pick_patch, render_stem
from resonant.synth.calibration import _records, levels_of, measure_body
from resonant.synth.drums import Hit, render_hit
from resonant.synth.fluid import SoundfontError, font_path
from resonant.synth.model import Font, FontKit
from resonant.synth.render import Timed, one_shot, render_notes

RATE = 48_000
TONAL_KEYS = {
    "voices", "detune_cents", "attack_s", "decay_s", "sustain", "release_s", "vibrato_hz", "vibrato_cents",
    "vibrato_delay_s", "glide_s", "partials", "transpose",
}  # fmt: skip


def fonts_installed() -> bool:
    try:
        return font_path("fluid").exists() and font_path("musescore").exists()
    except SoundfontError:
        return False


needs_fonts = pytest.mark.skipif(not fonts_installed(), reason="the soundfonts are not installed")


def piece_of(track: str, notes: list[Note], bpm: float = 120.0, bars: int = 1, swing: float = 0.5) -> Piece:
    return Piece(
        seed=1, style="house", bpm=bpm, tonic=0, mode="minor", meter=(4, 4), bars=bars, swing_unit=1, swing_ratio=swing,
        chords=[(0, "min")] * (2 * bars), tracks={track: notes}, patches={}, families={}, attributes={},
    )  # fmt: skip


def own(track: str) -> list[Patch]:
    return [p for p in PATCHES if p.track == track and not isinstance(p.sound, Font | FontKit)]


def test_bank_is_complete_and_calibrated() -> None:
    assert len({p.id for p in PATCHES}) == len(PATCHES) >= 280
    assert {p.family for p in PATCHES} == set(FAMILIES)
    stored = _records()
    for patch in PATCHES:
        assert patch.track in TRACKS and patch.name and patch.tags and patch.styles
        assert patch.id in stored, f"{patch.id}: run python -m resonant.synth {patch.id}"
        assert set(patch.attributes) == {"brightness", "aggression"}
        assert all(0 <= v <= 1 for v in (*patch.styles.values(), *patch.attributes.values(), patch.width))
    for track in TRACKS:
        for style in STYLES:
            strong = [p for p in PATCHES if p.track == track and p.styles.get(style, 0) >= 0.5]
            assert len(strong) >= 3, (track, style)


def test_records_have_the_excitation_of_their_track() -> None:
    for patch in PATCHES:
        record = json.loads(json.dumps(patch_record(patch)))
        if patch.is_kit:
            assert set(record["excitation"]) <= set(DRUM_CLASSES)
            for body in record["excitation"].values():
                assert set(body) == {"hz", "start_ratio", "sweep_s", "decay_s"}
                assert 20 < body["hz"] < 4_000 and body["decay_s"] > 0
        else:
            assert set(record["excitation"]) - {"inharmonicity"} == TONAL_KEYS
            assert 1 <= record["excitation"]["voices"] <= 7
            assert all(0.0 < weight < 10.0 for weight in record["excitation"]["partials"])


def test_partials_are_those_of_the_sound() -> None:
    square = patch_record(patch_by_id("bass.acid_square"))["excitation"]["partials"]
    assert max(square[1:12:2]) < 0.1 < min(square[:8:2])
    saw = patch_record(patch_by_id("bass.acid_saw"))["excitation"]["partials"]
    assert all(0.7 < weight < 1.4 for weight in saw[:4])


def test_choice_prefers_the_style_but_reaches_everything() -> None:
    rng = np.random.default_rng(3)
    chosen = [pick_patch("drums", "kit_electronic", "techno", rng).id for _ in range(20_000)]
    assert chosen.count("drums.909_classic") > 5 * chosen.count("drums.chip")
    assert set(chosen) == {p.id for p in PATCHES if p.family == "kit_electronic"}
    assert pick_patch("bass", "guitar", "rock", rng).track == "bass"
    with pytest.raises(KeyError, match="nope"):
        patch_by_id("nope")


@pytest.mark.parametrize("kit", ["drums.808_classic", "drums.909_classic", "drums.model_studio"])
def test_drum_onsets_follow_the_swung_score(kit: str) -> None:
    notes = [Note(0, 0.0, 1.0, 36, 110), Note(5, 0.1, 1.0, 38, 100), Note(11, -0.2, 1.0, 36, 90)]
    piece = piece_of("drums", notes, bpm=97.0, swing=0.62)
    stem = render_stem(piece, "drums", patch_by_id(kit), np.random.default_rng(0))
    assert stem.shape == (loop_samples(piece),) == (round(4 * 60 / 97 * RATE),)
    for note in notes[1:]:
        at = round(piece.seconds_at(note.start) * RATE)
        before, after = stem[at - 480 : at - 2], stem[at : at + 144]
        assert np.max(np.abs(after)) > 4 * np.max(np.abs(before)) + 1e-3


@needs_fonts
def test_every_kit_sounds_within_three_milliseconds() -> None:
    for patch in (p for p in PATCHES if p.is_kit):
        for drum in (0, 1, 4):
            hit = np.abs(one_shot(patch, drum, 100))
            onset = int(np.argmax(hit > 0.15 * hit.max()))
            assert hit.max() > 1e-3 and onset <= 0.0035 * RATE, (patch.id, DRUM_CLASSES[drum], onset)


def fundamental(signal: np.ndarray, expected: float) -> float:
    """Autocorrelation peak within slightly more than an octave of the expected frequency."""
    spectrum = np.abs(np.fft.rfft(signal, 2 * len(signal))) ** 2
    correlation = np.fft.irfft(spectrum)[: len(signal)]
    low, high = int(RATE / (expected * 2.6)), int(RATE * 2.6 / expected)
    part = correlation[low:high]
    peaks = np.flatnonzero((part[1:-1] > part[:-2]) & (part[1:-1] >= part[2:])) + 1
    first = peaks[part[peaks] > 0.88 * part[peaks].max()][0]
    return RATE / (low + first)


@pytest.mark.parametrize("track,midi", [("bass", 40), ("harmony", 57), ("melody", 64)])
def test_own_patches_play_the_written_pitch(track: str, midi: int) -> None:
    hz = 440.0 * 2 ** ((midi - 69) / 12)
    for patch in own(track)[::4]:
        rng = np.random.default_rng(1)
        audio = render_notes(patch, [Timed(0.0, 1.0, midi, 100)], 2 * RATE, False, rng, levels_of(patch))
        found = fundamental(audio[9_600:28_800].astype(np.float64), hz)
        assert abs(1200 * np.log2(found / hz)) < 30, patch.id


def test_loops_are_seamless_and_levels_bounded() -> None:
    notes = [Note(s, 0.0, 3.0, p, 100) for s in (0, 4, 8, 14) for p in (57, 60, 64)]
    for patch in own("harmony")[::6]:
        piece = piece_of("harmony", notes)
        stem = render_stem(piece, "harmony", patch, np.random.default_rng(2))
        steps = np.abs(np.diff(np.concatenate([stem[-2_000:], stem[:1]])))
        assert np.abs(stem[0] - stem[-1]) <= 1.5 * steps[:-1].max() + 1e-4, patch.id
        assert np.max(np.abs(stem)) <= 0.7072
        assert abs(float(np.mean(stem))) < 2e-3


def test_tail_option_keeps_the_loop_linear() -> None:
    piece = piece_of("melody", [Note(15, 0.0, 1.0, 69, 100)])
    patch = patch_by_id("melody.bell_fm")
    wrapped = render_stem(piece, "melody", patch, np.random.default_rng(1))
    linear = render_stem(piece, "melody", patch, np.random.default_rng(1), tail_s=2.0)
    assert len(linear) == len(wrapped) + 2 * RATE
    assert np.max(np.abs(linear[:1_000])) < 1e-4 < np.max(np.abs(wrapped[:1_000]))


def test_velocity_changes_level_and_brightness() -> None:
    patch = patch_by_id("bass.moog_round")
    levels = levels_of(patch)
    soft, loud = (
        render_notes(patch, [Timed(0.0, 0.4, 40, v)], RATE, False, np.random.default_rng(1), levels) for v in (40, 120)
    )
    assert np.std(loud) > 2 * np.std(soft)

    def centroid(x: np.ndarray) -> float:
        power = np.abs(np.fft.rfft(x)) ** 2
        return float(np.sum(power * np.arange(len(power))) / np.sum(power))

    assert centroid(loud) > 1.1 * centroid(soft)


def test_measured_body_of_a_known_kick() -> None:
    hit = Hit(body=1.0, hz=55.0, start_ratio=1.0, decay_s=0.25)
    body = measure_body(render_hit(hit, 1.0, 1), 30, 160)
    assert body is not None
    assert body["hz"] == pytest.approx(55.0, abs=2.0)
    assert body["decay_s"] == pytest.approx(0.25, rel=0.25)


@needs_fonts
def test_make_writes_resumes_and_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "SHARD_SECONDS", 10.0)
    (tmp_path / "shard_0003.partial-99999999").mkdir()
    arguments = ["make", "--hours", "0.001", "--seed", "9", "--out", str(tmp_path), "--shard-start", "3"]
    assert data.main(arguments) == 0
    assert [p.name for p in tmp_path.iterdir()] == ["shard_0003"]
    paths = data.clip_paths(tmp_path)
    clip = data.load_clip(paths[0])
    assert clip.stems.dtype == np.int16 and clip.stems.shape == (4, loop_samples(clip.piece))
    for row, track in enumerate(TRACKS):
        assert bool(clip.piece.tracks.get(track)) == bool(np.any(clip.stems[row]))
        if clip.piece.tracks.get(track):
            assert clip.patches[track]["id"] == clip.piece.patches[track]
    stamp = paths[0].with_suffix(".npy").stat().st_mtime_ns
    assert data.main(arguments) == 0
    assert paths[0].with_suffix(".npy").stat().st_mtime_ns == stamp
    paths[0].with_suffix(".json").write_text("{")
    with pytest.raises(data.DataError, match="damaged clip"):
        data.load_clip(paths[0])


def test_make_reports_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit):
        data.main(["make", "--hours", "1", "--seed", "1", "--out", str(tmp_path), "--styles", "polka"])
    assert "polka" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert data.main(["make", "--hours", "1", "--seed", "1", "--out", str(tmp_path / "file")]) == 1
    assert "error: cannot write" in capsys.readouterr().err
    monkeypatch.setattr(data, "_RESERVE_BYTES", 1 << 60)
    assert data.main(["make", "--hours", "1", "--seed", "1", "--out", str(tmp_path)]) == 1
    assert "not enough disk space" in capsys.readouterr().err
