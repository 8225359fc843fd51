"""Statistics of progressions and melodies, on small inputs whose figures are known."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from resonant.corpora import PROGRESSIONS, Melody, distance, figures, loops, read_lied, read_ours, read_song, shares

SONG = """# title: A song
# tonic: D

0.0	silence
1.0	A, verse, | D:maj | G:maj A:7 | D:maj . | B:min | (voice
8.0	| N | G:maj | D:maj | D:maj |
9.0	| D:maj | D:maj |
"""


def test_songs_are_read_relative_to_their_tonic() -> None:
    (line,) = read_song(SONG)  # a bar of silence, and a line of two bars, are left out
    assert line.roots == (0, 0, 5, 7, 0, 0, 9, 9) and not line.is_minor
    found = shares([line])
    assert found["degrees"][0] == pytest.approx(0.5) and found["degrees"][9] == pytest.approx(0.25)
    assert found["moves"][5] == pytest.approx(0.5)  # I to IV and V to I, of four moves
    assert found["lengths"] == pytest.approx([0.4, 0.6, 0.0, 0.0])
    assert distance(found["lengths"], found["lengths"]) == 0.0


def test_our_progressions_are_read() -> None:
    found = read_ours("[pop major]\nI V,IV vi -\n\n[club minor]\ni - - -\n")
    assert [line.roots for line in found] == [(0, 0, 7, 5, 9, 9, 9, 9)]
    assert loops(read_ours("[rock minor]\ni bVII bVI V\n")) == {(0, 10, 8, 7): 1}
    everything = read_ours(PROGRESSIONS.read_text())
    assert len(everything) > 100 and all(len(line.roots) >= 8 for line in everything)


def test_melodies_are_described() -> None:
    bar = [(0.0, 1.0, 60), (1.0, 1.0, 60), (2.0, 1.0, 62), (3.0, 1.0, 67)]
    notes = [(4.0 * index + start, length, pitch) for index in range(8) for start, length, pitch in bar]
    found = figures([Melody(np.array(notes), 4.0)])
    assert found["repeated notes"] == pytest.approx(8 / 31) and found["leaps (5 and more)"] == pytest.approx(15 / 31)
    assert found["range in 8 bars, semitones"] == 7.0 and found["notes a bar"] == 4.0
    assert found["bars between rests of a beat"] == 8.0
    assert found["bars with the rhythm of one of the bars 1, 2 or 4 before"] == 1.0


def test_voices_are_read_from_music_xml(tmp_path: Path) -> None:
    note = "<note><pitch><step>{}</step><octave>4</octave></pitch><duration>2</duration><voice>1</voice>{}<lyric/></note>"
    tied = note.format("C", '<tie type="start"/>'), note.format("C", '<tie type="stop"/>')
    head = "<attributes><divisions>2</divisions><time><beats>3</beats><beat-type>4</beat-type></time></attributes>"
    measure = "".join(note.format(step, "") for step in "CDE")
    body = f"<measure>{head}{tied[0]}{tied[1]}{note.format('G', '')}</measure>" + f"<measure>{measure}</measure>" * 4
    path = tmp_path / "song.mxl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("score.xml", f"<score-partwise><part>{body}</part></score-partwise>")
    melody = read_lied(path)
    assert melody is not None and melody.bar == 3.0 and len(melody.notes) == 14
    assert melody.notes[:2].tolist() == [[0.0, 2.0, 60.0], [2.0, 1.0, 67.0]]
