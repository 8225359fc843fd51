"""The condition vector."""

from types import SimpleNamespace

import numpy as np

from resonant.compose_goldens import PIECES, make_piece, notes_of
from resonant.conditions import (
    CONDITION, CONTEXT_ONSETS, LAG, LAG_WIDTH, conditions, gap_features, note_array, onset_features, plan_of,
)  # fmt: skip
from resonant.piece import Note


def _plan(index: int):
    return plan_of(SimpleNamespace(**make_piece(index, PIECES[index])))


def test_shape_and_ranges() -> None:
    for index in range(len(PIECES)):
        piece = make_piece(index, PIECES[index])
        plan = _plan(index)
        rows = conditions(plan, "melody", "lead", notes_of(piece, "melody"), {"bass": notes_of(piece, "bass")})
        assert rows.shape == (plan.total_steps, CONDITION)
        assert np.isfinite(rows).all() and rows.min() >= 0.0 and rows.max() <= 4.0
        assert (rows[:, 81:93].sum(axis=1) == 1.0).all()


def test_the_own_track_is_never_in_its_context() -> None:
    piece = make_piece(0, PIECES[0])
    notes = notes_of(piece, "bass")
    rows = conditions(_plan(0), "bass", "bass_sub", [], {"bass": notes})
    assert not rows[:, CONTEXT_ONSETS:LAG].any()


def test_a_note_past_the_end_sounds_at_the_start() -> None:
    plan = _plan(0)
    last = plan.total_steps - 1
    rows = conditions(plan, "drums", "kit_808", [], {"bass": [Note(last, 0.0, 3.0, 45, 127)]})
    assert rows[0, 141] == np.float32(45 / 128) and rows[1, 142] == np.float32(45 / 128) and rows[2, 141] == 0.0
    assert rows[0, 129 + 0] == 1.0  # A over tonic A


def test_context_onsets_look_four_steps_ahead_and_wrap() -> None:
    plan = _plan(0)
    rows = conditions(plan, "bass", "bass_sub", [], {"drums": [Note(0, 0.0, 1.0, 36, 127)]})
    ahead = rows[:, CONTEXT_ONSETS : CONTEXT_ONSETS + 12].reshape(-1, 4, 3)
    assert [ahead[-k % plan.total_steps, k, 0] for k in range(4)] == [1.0] * 4
    assert ahead.sum() == 4.0


def test_lags_reach_back_one_two_and_four_bars() -> None:
    plan = _plan(0)
    own = [Note(3, 0.0, 2.0, 45, 95), Note(3, 0.0, 2.0, 52, 95)]
    rows = conditions(plan, "bass", "bass_sub", own, {})
    lags = rows[:, LAG:].reshape(-1, 3, LAG_WIDTH)
    expected = onset_features("bass", note_array(own), plan)[3]
    for index, bars in enumerate((1, 2, 4)):
        assert (lags[3 + 16 * bars, index] == expected).all()
    assert np.count_nonzero(lags.any(axis=2)) == 3
    assert expected[[0, 7]].tolist() == [1.0, 1.0]


def test_gaps_are_told_what_follows() -> None:
    plan = _plan(2)
    bar, total = plan.steps_per_bar, plan.total_steps
    onsets = np.arange(1, total + 1, dtype=np.float32)[:, None] * np.ones((1, LAG_WIDTH), np.float32)
    onsets[2 * bar : 2 * bar + 3] = 0.0  # the first onset after the gap comes three steps late
    gap = np.arange(total) // bar == 1
    rows = gap_features(onsets, gap, plan)
    assert not rows[~gap].any()
    inside = np.flatnonzero(gap)
    np.testing.assert_array_equal(rows[inside, 0], onsets[inside + bar, 0])
    np.testing.assert_array_equal(rows[inside, LAG_WIDTH], onsets[inside + 2 * bar, 0])
    np.testing.assert_array_equal(rows[inside, 2 * LAG_WIDTH], onsets[2 * bar + 3, 0])
    np.testing.assert_allclose(rows[inside, 48], np.minimum((2 * bar + 3 - inside) / 32.0, 1.0))
    np.testing.assert_allclose(rows[inside, 49], (2 * bar - inside) / (4.0 * bar))
    assert rows[inside, 50].all()
    # What is in the gap is not known, and a gap at the end of a loop lands at its beginning.
    changed = onsets.copy()
    changed[inside] = -1.0
    np.testing.assert_array_equal(gap_features(changed, gap, plan), rows)
    last = gap_features(onsets, np.arange(total) // bar == 3, plan)
    np.testing.assert_array_equal(last[3 * bar :, 2 * LAG_WIDTH], onsets[0, 0])
    for nothing in (np.zeros(total, bool), np.ones(total, bool)):
        assert not gap_features(onsets, nothing, plan).any()
