"""The style classifiers of the prompt evaluation, on music with a known answer."""

import numpy as np
import pytest

from resonant import evaluate_prompts
from resonant.evaluate_prompts import Music, PromptsError
from resonant.piece import STYLES

SESSION = {
    "plan": {"meter": "6/8", "bpm": 120.0, "bars": 2, "swing": {"unit_steps": 1, "ratio": 0.6}},
    "tracks": [
        {"track": "drums", "current": 1, "takes": [
            {"score": {"notes": []}},
            {"score": {"notes": [{"step": 0, "length": 1.0, "pitch": 36, "velocity": 127},
                                 {"step": 12, "offset": 0.1, "length": 1.0, "pitch": 36, "velocity": 127}]}}]},
        {"track": "bass", "current": None, "takes": []},
    ],
}  # fmt: skip


def test_sessions_are_read_as_they_play() -> None:
    music = evaluate_prompts.music_of_session(SESSION)
    assert [note.step for note in music.notes["drums"]] == [0, 12]
    assert "bass" not in music.notes
    seen = evaluate_prompts.everything_seen(music)
    assert seen[0] == 1.0  # a kick on every downbeat
    assert seen.shape == (12 * 16 + 12 + 3 * 18 + 2,)


def test_onsets_count_once_per_step() -> None:
    music = evaluate_prompts.music_of_session(SESSION)
    notes = list(music.notes["drums"]) * 2
    np.testing.assert_allclose(evaluate_prompts.onset_histogram(notes, music.plan)[:1], [1.0])


def test_shares_are_by_style() -> None:
    rows = [
        {"style": "jazz", "understood": "jazz", "heard": {"drums": "funk"}},
        {"style": "rock", "understood": "pop", "heard": {"drums": "rock"}},
    ]
    result = evaluate_prompts.shares(rows, ["drums"])
    assert result["all"] == {"understood": 0.5, "drums": 0.5}
    assert result["jazz"] == {"understood": 1.0, "drums": 0.0}


def test_the_prompts_cover_every_style(tmp_path) -> None:
    styles = {STYLES[style] for style, _ in evaluate_prompts.read_prompts(evaluate_prompts.PROMPTS)}
    assert styles == set(STYLES)
    wrong = tmp_path / "prompts.csv"
    wrong.write_text("style,prompt\npolka,oompah\n")
    with pytest.raises(PromptsError, match="polka"):
        evaluate_prompts.read_prompts(wrong)
    assert isinstance(evaluate_prompts.music_of_session(SESSION), Music)
