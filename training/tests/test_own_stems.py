"""Conversion of a folder of songs to training data: metadata, MIDI, transcribed notes, error messages."""

import json
from pathlib import Path

import numpy as np
import pytest

soundfile = pytest.importorskip("soundfile")
pytest.importorskip("scipy")
pytest.importorskip("mido")

from resonant import compose_data, own_stems, transcribe  # noqa: E402
from resonant.clips import load_clips  # noqa: E402
from resonant.composer.midi import write_midi  # noqa: E402
from resonant.data import DataError  # noqa: E402
from resonant.piece import Note, Piece  # noqa: E402

BPM = 120.0
PITCHES = (45, 48, 52, 43)


def tune(bars: int) -> list[Note]:
    """A bass note on every quarter."""
    return [Note(4 * k, 0.0, 3.0, PITCHES[k % 4], 100) for k in range(4 * bars)]


def played(notes: list[Note], bars: int, rate: int) -> np.ndarray:
    time = np.arange(round(bars * 2.0 * rate)) / rate
    audio = np.zeros(len(time))
    for note in notes:
        since = time - note.start * 15.0 / BPM
        on = (since >= 0) & (since < note.length * 15.0 / BPM)
        hz = 440.0 * 2.0 ** ((note.pitch - 69) / 12.0)
        for harmonic in range(1, 6):
            audio += on * np.exp(-3.0 * np.maximum(since, 0)) * np.sin(2 * np.pi * hz * harmonic * since) / harmonic
    return 0.3 * audio


def song(folder: Path, bars: int, midi: bool, facts: str = "") -> None:
    folder.mkdir(parents=True)
    notes = tune(bars)
    audio = played(notes, bars, 44_100)
    soundfile.write(folder / "bass.wav", np.stack([audio, audio], 1), 44_100, "PCM_24")
    if midi:
        piece = Piece(
            seed=0, style="techno", bpm=BPM, tonic=9, mode="minor", meter=(4, 4), bars=bars, swing_unit=1,
            swing_ratio=0.5, chords=[(9, "min")] * (2 * bars), tracks={"bass": notes}, patches={},
            families={"bass": "bass_synth"}, attributes={},
        )  # fmt: skip
        write_midi(piece, folder / "bass.mid")
    (folder / "song.toml").write_text(f'bpm = {BPM}\nkey = "A minor"\nstyle = "techno"\n{facts}')


def test_songs_become_clips_and_pieces(tmp_path: Path) -> None:
    song(tmp_path / "songs" / "one", 12, midi=True)
    song(tmp_path / "songs" / "two", 4, midi=True, facts='[bass]\npatch = "fretless"\nfamily = "bass_electric"\n')
    count, seconds = own_stems.make(tmp_path / "songs", tmp_path / "own")
    assert count == 3 and abs(seconds - 32.0) < 0.1
    clips = load_clips(tmp_path / "own", "bass")
    assert [clip.patch for clip in clips] == ["bass.own", "bass.own", "bass.fretless"]
    assert clips[0].excitation["voices"] == 1 and abs(clips[0].seconds - 16.0) < 1e-3
    assert np.allclose(clips[0].notes.on[:3], [0.0, 0.5, 1.0], atol=2e-3)
    assert tuple(clips[0].notes.pitch[:4]) == PITCHES
    records = json.loads((tmp_path / "own" / "patches.json").read_text())
    assert {record["id"] for record in records} == {"bass.own", "bass.fretless"}
    cache = compose_data.PieceCache(tmp_path / "own" / "compose")
    assert len(cache.split("bass", held_out=False)) == 2 and len(cache.split("bass", held_out=True)) == 1
    with pytest.raises(DataError, match="exists"):
        own_stems.make(tmp_path / "songs", tmp_path / "own")


def test_notes_are_guessed_without_midi() -> None:
    heard = transcribe.transcribe("bass", played(tune(2), 2, 48_000))
    assert [note[2] for note in heard] == list(PITCHES) * 2
    assert np.allclose([note[0] for note in heard], np.arange(8) * 0.5, atol=0.03)
    time = np.arange(48_000) / 48_000
    kick = np.exp(-20 * (time % 0.5)) * np.sin(2 * np.pi * 55 * (time % 0.5))
    assert {note[2] for note in transcribe.transcribe("drums", kick)} == {36}
    assert transcribe.transcribe("melody", np.zeros(48_000)) == []


@pytest.mark.parametrize(
    ("facts", "word"),
    [("colour = 1\n", "colour"), ("first_beat_s = -1\n", "first_beat_s"), ('[bass]\nfamily = "zither"\n', "zither")],
)
def test_what_makes_no_sense_is_named(facts: str, word: str, tmp_path: Path) -> None:
    song(tmp_path / "songs" / "one", 4, midi=False, facts=facts)
    with pytest.raises(DataError, match=word):
        own_stems.make(tmp_path / "songs", tmp_path / "own")


def test_folders_without_songs_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="song.toml"):
        own_stems.make(tmp_path, tmp_path / "own")
