"""Calibration: fixed level per patch, measured excitation of soundfont patches, partials of all tonal patches.

`python -m resonant.synth` renders a test phrase and single notes of every patch and writes `calibration.json` next
to this file. Levels: -20 dBFS RMS over the active parts, peaks of the phrase at most -3 dBFS.

Partials: gains per band cannot give partials in the same band different levels (an organ's drawbars, a square's missing
even partials, a bell). Partials are therefore measured relative to the same notes of the plain excitation, so that
detuning, envelopes and windows cancel out.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from resonant.excitation import TimedNotes, TonalParams, tonal_streams
from resonant.piece import DRUM_CLASSES
from resonant.synth.effects import Effects, process
from resonant.synth.model import Font, FontKit, Patch, body_of
from resonant.synth.render import Timed, one_shot, render_raw
from resonant.synth.tables import SAMPLE_RATE

_PATH = Path(__file__).with_name("calibration.json")
_TARGET_RMS = 0.1
_TARGET_PEAK = 0.66
_PHRASE_S = 4.0


def _phrase(track: str) -> list[Timed]:
    """A loud but typical phrase of four seconds at 120 bpm."""
    notes: list[Timed] = []
    if track == "drums":
        for beat in range(8):
            t = beat * 0.5
            notes.append(Timed(t, t + 0.1, 36, 112))
            if beat % 2:
                notes.append(Timed(t, t + 0.1, 38, 108))
            for half in (0.0, 0.25):
                notes.append(Timed(t + half, t + half + 0.1, 42, 80 if half == 0 else 64))
        notes += [
            Timed(1.75, 1.85, 46, 90),
            Timed(3.25, 3.4, 45, 100),
            Timed(3.5, 3.6, 50, 100),
            Timed(0.0, 0.1, 49, 95),
        ]
        return notes
    if track == "harmony":
        for bar, chord in enumerate(((57, 60, 64, 67), (53, 57, 60, 64))):
            for pitch in chord:
                for start, length in ((0.0, 0.7), (0.75, 0.2), (1.0, 0.9)):
                    notes.append(Timed(2 * bar + start, 2 * bar + start + length, pitch, 92))
        return notes
    base = 36 if track == "bass" else 69
    for i, interval in enumerate((0, 0, 7, 12, 3, 0, 5, 7, 0, 12, 10, 7, 5, 3, 0, -2)):
        t = i * 0.25
        notes.append(Timed(t, t + (0.24 if i % 4 else 0.21), base + interval, 104 if i % 4 == 0 else 88))
    return notes


def _active_rms(x: np.ndarray) -> float:
    """RMS over the 20 ms blocks within 30 dB of the loudest one."""
    size = SAMPLE_RATE // 50
    blocks = x[: len(x) // size * size].reshape(-1, size).astype(np.float64)
    power = np.mean(blocks**2, axis=1)
    return float(np.sqrt(np.mean(power[power > power.max() * 1e-3])))


def measure_levels(patch: Patch) -> tuple[float, float]:
    """Gains before and after the effects (linear)."""
    samples = int(_PHRASE_S * SAMPLE_RATE)
    raw = render_raw(patch, _phrase(patch.track), samples, True, np.random.default_rng(1))
    rms = _active_rms(raw)
    if not np.isfinite(rms) or rms <= 1e-9:
        raise ValueError(f"{patch.id}: renders silence")
    before = _TARGET_RMS / rms
    wet = raw * np.float32(before)
    if patch.effects != Effects():
        wet = process(wet, patch.effects, 0.0)
    peak = float(np.max(np.abs(wet)))
    after = min(_TARGET_RMS / _active_rms(wet), _TARGET_PEAK / peak)
    return before, after


def _envelope(x: np.ndarray, hop: int = 240) -> np.ndarray:
    """Smoothed RMS envelope, one value per 5 ms."""
    blocks = x[: len(x) // hop * hop].reshape(-1, hop).astype(np.float64)
    power = np.mean(blocks**2, axis=1)
    return np.sqrt(np.convolve(power, np.ones(4) / 4, mode="same")) + 1e-9


def _exponential_fit(envelope: np.ndarray, hop_s: float) -> float:
    """Time constant of a decaying envelope by least squares on its logarithm, down to -40 dB."""
    floor = envelope[0] * 0.01
    end = int(np.argmax(envelope < floor)) if np.any(envelope < floor) else len(envelope)
    end = max(end, 4)
    y = np.log(envelope[:end])
    t = np.arange(len(y)) * hop_s
    slope = float(np.polyfit(t, y, 1)[0]) if len(y) > 1 else -100.0
    return float(np.clip(-1.0 / slope if slope < -1e-3 else 100.0, 0.004, 100.0))


def _vibrato(x: np.ndarray, midi: int) -> tuple[float, float]:
    """Rate (Hz) and depth (cents) of a held note's vibrato, from the phase of its fundamental; zeros if there is none."""
    f0 = 440.0 * 2 ** ((midi - 69) / 12)
    t = np.arange(len(x)) / SAMPLE_RATE
    base = x * np.exp(-2j * np.pi * f0 * t)
    window = np.hanning(int(SAMPLE_RATE / 25))
    slow = np.convolve(base, window / window.sum(), mode="same")[::480]
    frequency = np.diff(np.unwrap(np.angle(slow))) * 100 / (2 * np.pi)
    cents = 1200 * np.log2(np.maximum(0.5, 1 + frequency / f0))
    cents = cents[20:-20]
    cents = cents - np.median(cents)
    if len(cents) < 80 or np.max(np.abs(cents)) > 120:
        return 0.0, 0.0
    spectrum = np.abs(np.fft.rfft(cents * np.hanning(len(cents)))) / (len(cents) / 4)
    rates = np.fft.rfftfreq(len(cents), 0.01)
    inside = (rates >= 4.3) & (rates <= 7.5)
    best = int(np.argmax(np.where(inside, spectrum, 0)))
    if spectrum[best] < 9.0 or spectrum[best] < 0.5 * spectrum[rates > 1.0].max():
        return 0.0, 0.0
    return round(float(rates[best]), 2), round(float(min(60.0, spectrum[best])), 1)


_SUSTAINED = frozenset(("pad", "strings", "brass_wind", "vox", "lead"))


def _measure_font(patch: Patch) -> dict[str, float]:
    midi = {"bass": 40, "harmony": 60, "melody": 69}[patch.track]
    hold = 2.5
    x = render_raw(patch, [Timed(0.0, hold, midi, 96)], int(6.0 * SAMPLE_RATE), False, np.random.default_rng(1))
    hop_s = 0.005
    envelope = _envelope(x)
    held = envelope[: int(hold / hop_s)]
    peak = float(held.max())
    # Linear attack, from the time at which 60 % of the early peak is reached; the smoothing adds about 10 ms.
    early = float(held[: int(0.4 / hop_s)].max())
    attack = float(np.clip(float(np.argmax(held > 0.6 * early)) * hop_s / 0.6 - 0.01, 0.002, 0.15))
    top = int(np.argmax(held > 0.85 * peak))
    body = held[top:]
    decay, sustain = 0.0, 1.0
    final = float(np.mean(body[-40:])) / peak
    struck = patch.family not in _SUSTAINED or final < 0.1
    if struck:
        attack = min(attack, 0.01)
    if struck and final < 0.6:
        # Use `sustain` only if the last second is nearly flat; otherwise a plain exponential decay.
        flat = float(np.mean(body[-40:]) / np.mean(body[-200:-160]))
        if flat > 0.8:
            sustain = final
            decay = _exponential_fit(np.maximum(body - 0.97 * final * peak, 1e-4 * peak), hop_s)
        else:
            sustain = 0.0
            decay = _exponential_fit(body, hop_s)
        decay = min(decay, 8.0)
    after = envelope[int(hold / hop_s) + 1 :]
    if struck:  # it may have decayed by then: measure a short note
        short = render_raw(patch, [Timed(0.0, 0.2, midi, 96)], int(3.0 * SAMPLE_RATE), False, np.random.default_rng(1))
        after = _envelope(short)[int(0.2 / hop_s) + 1 :]
    release = min(1.5, _exponential_fit(np.maximum(after, 1e-9), hop_s)) if after[0] > 0.003 * peak else 0.08
    hz, cents = _vibrato(x[: int(hold * SAMPLE_RATE)], midi)
    return {
        "voices": 1,
        "detune_cents": 0.0,
        "attack_s": round(attack, 4),
        "decay_s": round(decay, 4),
        "sustain": round(sustain, 4),
        "release_s": round(max(0.005, release), 4),
        "vibrato_hz": hz,
        "vibrato_cents": cents,
        "vibrato_delay_s": 0.3 if cents else 0.0,
        "glide_s": 0.0,
    }


_STIFF_FAMILIES = frozenset(("keys", "guitar", "bass_electric", "pluck"))
_STIFF_NOTES = {"bass": (28, 33, 38, 43, 48), "harmony": (45, 52, 59, 66, 73), "melody": (60, 66, 72, 78, 84)}
_STIFF_LEAST = 2e-5  # below this, 20 partials are less than 7 cents off
_STIFF_LOOK = 40  # number of partials searched for


def _peak(power: np.ndarray, low: float, high: float) -> tuple[float, float] | None:
    """Position (in bins) and power of the highest peak between two bins; None if it is at either end."""
    begin, end = max(int(low), 1), min(int(high), len(power) - 1)
    if end <= begin + 2:
        return None
    best = begin + int(np.argmax(power[begin:end]))
    if best in (begin, end - 1):
        return None
    left, mid, right = np.log(power[best - 1 : best + 2] + 1e-20)
    return best + 0.5 * (left - right) / (left - 2.0 * mid + right), float(power[best])


def _stiffness(x: np.ndarray, midi: int) -> float | None:
    """B of a note with partials at k f sqrt(1 + B k^2), by least squares; None if the partials do not follow this law."""
    size = 1 << 18
    power = np.abs(np.fft.rfft(x * np.blackman(len(x)), size)) ** 2
    unit = size / SAMPLE_RATE
    f0 = 440.0 * 2.0 ** ((midi - 69) / 12.0)
    base, b = f0, 0.0
    places: list[tuple[float, float]] = []
    for k in range(1, _STIFF_LOOK + 1):
        expected = k * base * np.sqrt(1.0 + b * k * k)
        if expected > 14_000.0:
            break
        reach = min(0.25 * f0, expected * (0.02 if k < 4 else 0.012))
        found = _peak(power, (expected - reach) * unit, (expected + reach) * unit)
        around = power[int((expected - 0.5 * f0) * unit) : int((expected + 0.5 * f0) * unit)]
        if found is None or found[1] < max(power.max() * 1e-7, 50.0 * float(np.median(around))):
            continue
        places.append((float(k), found[0] / unit))
        if len(places) >= 4:
            order, hz = np.array(places).T
            weight = order**-0.5
            table = np.stack([np.ones_like(order), order**2], 1)
            solved = np.linalg.lstsq(table * weight[:, None], (hz / order) ** 2 * weight, rcond=None)[0]
            if solved[0] <= 0.0:
                return None
            base, b = float(np.sqrt(solved[0])), float(np.clip(solved[1] / solved[0], 0.0, 5e-3))
    if len(places) < 5:
        return None
    order, hz = np.array(places).T
    off = 1200.0 * np.log2(hz / (order * base * np.sqrt(1.0 + b * order**2)))
    return b if np.abs(off).mean() < 3.5 else None


def measure_inharmonicity(patch: Patch) -> list[list[float]]:
    """Pairs (MIDI pitch, B) of a soundfont patch with stiff strings; empty if its partials are harmonic."""
    pairs = []
    samples = int(1.6 * SAMPLE_RATE)
    for midi in _STIFF_NOTES[patch.track]:
        x = render_raw(patch, [Timed(0.0, 1.6, midi, 100)], samples, False, np.random.default_rng(1))
        b = _stiffness(x[SAMPLE_RATE // 20 :].astype(np.float64), midi)
        if b is not None:
            pairs.append([midi, float(f"{max(b, 1e-7):.3g}")])
    typical = float(np.median([b for _, b in pairs])) if len(pairs) >= 3 else 0.0
    return [pair for pair in pairs if pair[1] > 0.1 * typical] if typical > _STIFF_LEAST else []


PARTIALS = 32
_PARTIAL_NOTES = {"bass": (31, 38, 45), "harmony": (52, 60, 67), "melody": (62, 69, 76)}
_PARTIAL_RANGE_DB = (-36.0, 18.0)
_SUB_SHARE = 0.02


def _partial_energy(x: np.ndarray, f0: float, b: float = 0.0) -> np.ndarray:
    """Energy of each partial around its frequency, above the noise floor between partials; zero beyond the spectrum."""
    size = 1 << 17
    power = np.abs(np.fft.rfft(x * np.blackman(len(x)), size)) ** 2
    width = f0 * size / SAMPLE_RATE
    energy = np.zeros(PARTIALS)
    for k in range(1, PARTIALS + 1):
        place = k * np.sqrt((1.0 + b * k * k) / (1.0 + b))
        edges = [int((place + shift) * width) for shift in (-0.5, -0.3, 0.3, 0.5)]
        if edges[3] >= len(power):
            break
        floor = 0.5 * (power[edges[0] : edges[1]].mean() + power[edges[2] : edges[3]].mean())
        energy[k - 1] = max(0.0, power[edges[1] : edges[2]].sum() - floor * (edges[2] - edges[1]))
    return energy


def measure_partials(patch: Patch, excitation: dict[str, Any]) -> dict[str, Any]:
    """`partials`: the amplitude of each partial relative to the plain excitation at equal total energy; and `transpose`.

    Sounds that include the octave below the played pitch (sub-oscillators, an organ's 16 foot stop) are transposed by -12.
    """
    plain = TonalParams.from_patch({key: value for key, value in excitation.items() if key != "partials"})
    samples = SAMPLE_RATE
    notes = [Timed(0.0, 0.9, midi, 96) for midi in _PARTIAL_NOTES[patch.track]]
    played = [render_raw(patch, [note], samples, False, np.random.default_rng(1)).astype(np.float64) for note in notes]
    below = []
    for note, sound in zip(notes, played, strict=True):
        half = _partial_energy(sound, 440.0 * 2.0 ** ((note.pitch - 81.0) / 12.0))
        below.append(half[::2].sum() / max(half.sum(), 1e-20))
    transpose = -12.0 if np.median(below) > _SUB_SHARE else 0.0
    steady = replace(plain, vibrato_cents=0.0, glide_s=0.0, transpose=transpose)
    levels = []
    for note, sound in zip(notes, played, strict=True):
        timed = TimedNotes.from_rows([(note.on_s, note.off_s, note.pitch, note.velocity)])
        f0 = 440.0 * 2.0 ** ((note.pitch + transpose - 69.0) / 12.0)
        b = float(steady.stiffness(timed.pitch)[0])
        reference = _partial_energy(tonal_streams(timed, steady, samples).sum(0).astype(np.float64), f0, b)
        mine = _partial_energy(sound, f0, b)
        known = (reference > 0) & (f0 * np.arange(1, PARTIALS + 1) < 16_000.0)
        share = mine / max(mine.sum(), 1e-20)
        ratio = np.full(PARTIALS, np.nan)
        ratio[known] = np.maximum(share[known], 1e-7) / (reference[known] / reference.sum())
        levels.append(10.0 * np.log10(ratio))
    level = np.array(levels)
    known_once = np.isfinite(level).any(axis=0)
    level = np.array([np.nanmean(column) if known else np.nan for column, known in zip(level.T, known_once, strict=True)])
    last = int(np.flatnonzero(known_once)[-1])
    level = np.clip(np.where(known_once, level, level[last]), *_PARTIAL_RANGE_DB)
    return {"partials": [round(float(value), 4) for value in 10.0 ** (level / 20.0)], "transpose": transpose}


_BODY_RANGE = {
    "kick": (30, 160),
    "snare": (110, 400),
    "low_tom": (50, 260),
    "high_tom": (70, 400),
    "perc": (150, 1500),
    "rim": (200, 2500),
}


def measure_body(x: np.ndarray, low: float, high: float) -> dict[str, float] | None:
    """Tonal body of a one-shot from short-time spectra: frequency, downward sweep, decay; None if it is mostly noise."""
    window = 2048
    if len(x) < window:
        x = np.concatenate([x, np.zeros(window - len(x), dtype=x.dtype)])
    padded = 1 << 15
    tracks, levels, times = [], [], []
    for start in range(0, min(len(x) - window, int(0.4 * SAMPLE_RATE)) + 1, 256):
        frame = x[start : start + window] * np.hanning(window)
        spectrum = np.abs(np.fft.rfft(frame, padded))
        frequency = np.fft.rfftfreq(padded, 1 / SAMPLE_RATE)
        inside = (frequency >= low) & (frequency <= high)
        best = int(np.argmax(np.where(inside, spectrum, 0)))
        share = np.sum(spectrum[max(0, best - 40) : best + 41] ** 2) / max(1e-12, np.sum(spectrum**2))
        tracks.append((frequency[best], share))
        levels.append(spectrum[best])
        times.append(start / SAMPLE_RATE)
    level = np.array(levels)
    top = int(np.argmax(level))
    if tracks[top][1] < 0.08:
        return None
    usable = [i for i in range(top, len(level)) if level[i] > 0.05 * level[top]]
    final = float(np.median([tracks[i][0] for i in usable[len(usable) // 2 :]]))
    first = float(tracks[0][0])
    ratio = float(np.clip(first / final, 1.0, 3.0))
    slope = np.polyfit(np.array(times)[usable], np.log(level[usable]), 1)[0] if len(usable) > 3 else -25.0
    decay = float(np.clip(-1 / slope if slope < -0.5 else 1.0, 0.02, 1.2))
    return {"hz": round(final, 2), "start_ratio": round(ratio, 3), "sweep_s": 0.02, "decay_s": round(decay, 4)}


def _measure_font_kit(patch: Patch) -> dict[str, Any]:
    result: dict[str, Any] = {}
    sound = patch.sound
    for drum, name in enumerate(DRUM_CLASSES):
        if isinstance(sound, FontKit) and name in sound.layers:
            if sound.layers[name].body > 0:
                result[name] = body_of(sound.layers[name])
        elif name in _BODY_RANGE:
            body = measure_body(one_shot(patch, drum, 112), *_BODY_RANGE[name])
            if body is not None:
                result[name] = body
    return result


def measure(patch: Patch) -> dict[str, Any]:
    """Calibration record of one patch."""
    before, after = measure_levels(patch)
    record: dict[str, Any] = {"levels": [round(before, 6), round(after, 6)]}
    if isinstance(patch.sound, Font):
        record["excitation"] = _measure_font(patch)
    elif isinstance(patch.sound, FontKit):
        record["excitation"] = _measure_font_kit(patch)
    if isinstance(patch.sound, Font) and patch.family in _STIFF_FAMILIES and not record["excitation"]["vibrato_cents"]:
        stiff = measure_inharmonicity(patch)
        if stiff:
            record["excitation"]["inharmonicity"] = stiff
    if not patch.is_kit:
        known = patch.known_excitation()
        record["spectrum"] = measure_partials(patch, record["excitation"] if known is None else known)
    return record


@functools.cache
def _records() -> dict[str, Any]:
    return json.loads(_PATH.read_text()) if _PATH.exists() else {}


def record_of(patch: Patch) -> dict[str, Any]:
    """Stored calibration; for a patch without one, a new one that is kept only in this process."""
    records = _records()
    if patch.id not in records:
        records[patch.id] = measure(patch)
    return records[patch.id]


def levels_of(patch: Patch) -> tuple[float, float]:
    """Gains before and after the effects (linear)."""
    before, after = record_of(patch)["levels"]
    return before, after


def excitation_of(patch: Patch) -> dict[str, Any]:
    """Excitation parameters in the form used by the codec."""
    known = patch.known_excitation()
    excitation = known if known is not None else record_of(patch)["excitation"]
    if patch.is_kit:
        return excitation
    return excitation | record_of(patch)["spectrum"]


def write(patches: Iterable[Patch], keep: Iterable[Patch]) -> int:
    """Measure `patches`, keep the stored records of `keep`, and write the file; returns the number measured."""
    records = {patch.id: _records()[patch.id] for patch in keep if patch.id in _records()}
    measured = {patch.id: measure(patch) for patch in patches}
    records.update(measured)
    partial = _PATH.with_suffix(".partial")
    partial.write_text(
        "{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(records.items())) + "\n}\n"
    )
    partial.replace(_PATH)
    return len(measured)
