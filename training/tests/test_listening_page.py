"""Tests of the listening page: spectrograms match the sound, and the page lists every prompt."""

import numpy as np
import pytest

pytest.importorskip("soundfile")

from resonant import listening_page


def test_a_tone_is_bright_at_its_height_and_dark_elsewhere(tmp_path):
    time = np.arange(96_000) / listening_page.RATE
    picture = listening_page.spectrogram(0.5 * np.sin(2 * np.pi * 1000 * time) * (time < 1))
    assert picture.shape == (listening_page.BANDS, listening_page.COLUMNS, 3)
    brightness = picture.sum(axis=2).astype(float)
    row = int(brightness[:, 100:300].mean(axis=1).argmax())
    wanted = listening_page.BANDS * (1 - np.log(1000 / 40) / np.log(400))
    assert abs(row - wanted) < 3
    assert brightness[row, 500:].mean() < 0.3 * brightness[row, 100:300].mean()
    listening_page.write_png(tmp_path / "a.png", picture)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_has_a_player_for_every_file_that_is_there(tmp_path):
    folder = tmp_path / "now" / listening_page.slug("jazz <trio>")
    folder.mkdir(parents=True)
    for stem in ("mix", "bass"):
        (folder / f"{stem}.wav").write_bytes(b"")
    text = listening_page.page(tmp_path, [("these models", tmp_path / "now")], ["jazz <trio>"])
    assert text.count("<audio") == 2 and "jazz &lt;trio&gt;" in text and 'src="now/jazz-trio/mix.wav"' in text


def test_there_are_two_prompts_of_each_style_and_four_examples():
    assert len(set(map(listening_page.slug, listening_page.PROMPTS))) == 24
    assert len(listening_page.EXAMPLES) == 4
