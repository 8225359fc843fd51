"""The genre table as read by the training code."""

import pytest

from resonant import genres
from resonant.composer.styles import STYLES

STEPS = {"4/4": 16, "3/4": 12, "6/8": 12, "12/8": 24, "7/8": 14, "5/4": 20}
NO_PATTERNS = {"family", "about", "meter", "only", "length", "voices"}


def test_every_genre_ends_at_styles_and_names_patterns_that_exist():
    table = genres.load()
    assert len(table.genres) >= 100
    for genre in table.genres.values():
        assert sum(genre.styles.values()) == pytest.approx(1.0)
        for kind, names in genre.roles.items():
            assert set(names) <= set(table.patterns[kind]), (genre.name, kind)
    for style in STYLES:
        assert table.genres[style].styles[style] == 1.0


def test_every_pattern_fills_its_meter():
    for kind, patterns in genres.load().patterns.items():
        for name, fields in patterns.items():
            steps = STEPS[fields.get("meter", "4/4")]
            for voice in set(fields) - NO_PATTERNS:
                assert all(len(bar) == steps for bar in genres.bars(fields[voice])), (kind, name, voice)


def test_a_loop_of_parents_is_told(tmp_path):
    (tmp_path / "genres.toml").write_text("[genre.a]\nparents = { b = 1 }\n[genre.b]\nparents = { a = 1 }\n")
    with pytest.raises(ValueError, match="leads back"):
        genres.load(tmp_path)
