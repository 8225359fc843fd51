"""Detectors of the evaluation, on signals with known answers."""

import numpy as np

from resonant import evaluate_audio, mel
from resonant.clips import unrolled
from resonant.excitation import TimedNotes, TonalParams, tonal_streams

RATE = 48_000


def test_yin_finds_low_and_high_pitches() -> None:
    for midi in (28, 45, 60, 81):
        notes = TimedNotes.from_rows([(0.0, 0.4, midi, 100)])
        audio = tonal_streams(notes, TonalParams(), RATE // 2).sum(0)
        heard = evaluate_audio.yin_pitch(audio[2400:16_800].astype(np.float64), midi - 13, midi + 13)
        assert heard is not None and abs((heard - midi + 6) % 12 - 6) < 0.1


def test_note_trackers_tell_right_from_wrong() -> None:
    score = TimedNotes.from_rows([(0.1, 0.5, 50, 100), (0.6, 1.0, 57, 100)])
    other = TimedNotes.from_rows([(0.1, 0.5, 51, 100), (0.6, 1.0, 56, 100)])
    audio = tonal_streams(score, TonalParams(), RATE).sum(0)
    for tracker in (evaluate_audio.mono_notes_found, evaluate_audio.chord_notes_found):
        assert all(tracker(audio, score))
        assert not any(tracker(audio, other))


def test_noise_between_partials_is_measured() -> None:
    notes = TimedNotes.from_rows([(0.0, 1.9, 45, 100), (0.0, 1.9, 52, 100)])
    tone = tonal_streams(notes, TonalParams(), 2 * RATE).sum(0)
    noise = np.random.default_rng(0).normal(0.0, 1.0, tone.shape).astype(np.float32)
    assert evaluate_audio.between_partials(tone, tone) == 0.0
    louder = [evaluate_audio.between_partials(tone + level * noise, tone) for level in (1e-4, 1e-3, 1e-2)]
    assert all(value is not None for value in louder)
    assert 0.0 < louder[0] < louder[1] - 1.0 < louder[2] - 6.0
    assert abs(evaluate_audio.between_partials(0.5 * tone, tone) + 6.02) < 0.25


def test_onsets_of_bursts() -> None:
    rng = np.random.default_rng(0)
    audio = np.zeros(2 * RATE, np.float32)
    times = [0.2, 0.5, 0.8, 1.1, 1.4]
    for t in times:
        audio[int(t * RATE) : int(t * RATE) + 4800] += rng.normal(0, 0.3, 4800) * np.exp(-np.arange(4800) / 1200)
    found = evaluate_audio.onsets(audio)
    assert all(np.abs(found - t).min() < 0.01 for t in times)
    assert len(found) == len(times)


def test_silence_is_measured_where_the_original_is_silent() -> None:
    original = np.zeros(RATE, np.float32)
    original[: RATE // 2] = 0.1
    assert abs(evaluate_audio.silent_level(original + 1e-3, original) + 60.0) < 0.1
    assert evaluate_audio.mel_db(original, original) == 0.0


def test_loops_unroll_backwards_and_forwards() -> None:
    notes = TimedNotes.from_rows([(0.0, 0.5, 60, 100), (1.0, 2.2, 62, 90)])
    seen = unrolled(notes, 2.0, 1.5, 3.0)
    np.testing.assert_allclose(seen.on[seen.on > -1.0], [-0.5, 0.5, 1.5, 2.5])
    assert mel.log_mel(np.zeros(4800, np.float32)).shape == (96, 10)
