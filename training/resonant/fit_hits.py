"""Fits the parameters of `resonant.hits` to recorded one-shots: drum hits, and struck or plucked notes.

    python -m resonant.fit_hits --samples DIR --out data/hits [--only NAME ...] [--hold-out]
    python -m resonant.fit_hits --samples DIR --out data/notes --notes
    python -m resonant.fit_hits --out data/hits --pack FILE

`DIR` contains `index.csv` with the columns path, role, instrument, voice, voice_group, velocity_layer, round_robin, gain_db.
Every (instrument, voice, layer) becomes one file in `--out`; existing files are kept, so that an interrupted run can be
resumed. `--hold-out` fits only the first round robin and leaves the others for `resonant.evaluate_hits`; otherwise the noise
is pooled over all round robins and the modes are jittered, so that no recording is reproduced.

`--notes` fits the instruments of `NOTES` instead, which also needs the columns midi_note and tune_cents. It makes one piece
for each note at least `NOTE_SPACING` semitones above the previous one, named `instrument.midi_note` and tuned to it, with at
most two layers. A note has more modes than a hit, and no spike.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import zlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from resonant import hit_measures, hits
from resonant.hits import RATE, Hit, Piece

COLUMNS = ("path", "role", "instrument", "voice", "voice_group", "velocity_layer", "round_robin", "gain_db")
MODE_COUNTS = {"closed_hat": 8, "open_hat": 8, "half_open_hat": 8, "pedal_hat": 8, "crash": 8, "china": 8, "splash": 8,
               "snare_brush": 8, "tambourine": 8, "clap": 0, "ride": 64, "ride_bell": 64, "cowbell": 32}  # fmt: skip
DEFAULT_MODES = 32
NOTE = "note"
NOTE_MODES = 96
NOTE_SPACING = 6
NOTE_SECONDS = 6.0  # maximum length, including modes that ring beyond the recording
# Struck or plucked instruments only: they decay as modes do, unlike blown, bowed or sung notes.
NOTES = (
    "bass6_flat_finger", "bass6_flat_pick", "bass6_pick_muted", "bass6_round_pick", "ebass_finger_flatwound",
    "ebass_finger_killer", "ebass_pick_jbass", "ebass_pick_jbass_muted", "upright_bass_pizz", "eguitar_emily_flatwound",
    "eguitar_gretsch_clean", "eguitar_gretsch_muted", "eguitar_hofner_archtop_clean", "eguitar_hofner_archtop_muted",
    "electric_grand_cp80", "folk_harp", "grand_piano_steinway", "grand_piano_yamaha_c3", "honkytonk_piano_old",
    "nylon_guitar", "pianet_t", "steel_guitar_martin_hd28", "strings_pizz_section", "upright_piano_kawai",
    "upright_piano_yamaha", "wurlitzer_ep200", "sitar", "xylophone",
)  # fmt: skip
SKINS = {"kick", "snare", "tom_low", "tom_mid", "tom_high", "rim", "rimshot", "cajon", "bobobo", "tabla"}
BANDS = [(low, low + 150) for low in range(0, 1200, 150)] + [(low, low + 300) for low in range(1200, 3000, 300)] \
    + [(low, low + 600) for low in range(3000, 6000, 600)] + [(low, low + 1200) for low in range(6000, 15_600, 1200)]  # fmt: skip
ORDER, PENCIL = 10, 96
START = 192  # modes are searched for from 4 ms after the onset
LEAST_DECAY, MOST_DECAY = 0.15, 400.0
TRIED_SEEDS, KEPT_SEEDS = 24, 6
GRID_FLOOR = -13.0
ATTACK_ROWS = np.maximum(hits.FAST.samples[:8], 24.0)


class SamplesError(Exception):
    """A folder of samples cannot be used; the message gives the reason in one line."""


@dataclass(frozen=True)
class Stroke:
    """The recordings of one piece and layer."""

    piece: str
    group: str
    layer: int
    paths: tuple[Path, ...]
    gains_db: tuple[float, ...]
    tunes_cents: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        """File name of the fit."""
        return f"{self.piece}.{self.layer}"


def read_index(folder: Path) -> list[Stroke]:
    """The drum strokes in a folder of samples. Raises SamplesError."""
    path = folder / "index.csv"
    try:
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
            if missing:
                raise SamplesError(f"{path} lacks the columns {', '.join(missing)}")
            rows = [row for row in reader if row["role"] == "drums"]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SamplesError(f"cannot read {path}: {error}") from error
    found: dict[tuple[str, str, int], list[tuple[int, Path, float]]] = defaultdict(list)
    for row in rows:
        try:
            key = (f"{row['instrument']}.{row['voice']}", row["voice_group"], int(row["velocity_layer"]))
            found[key].append((int(row["round_robin"]), folder / row["path"], float(row["gain_db"])))
        except (TypeError, ValueError) as error:
            raise SamplesError(f"{path}: the row of {row.get('path')} has no proper numbers: {error}") from error
    strokes = []
    for (piece, group, layer), files in found.items():
        files.sort()
        strokes.append(Stroke(piece, group, layer, tuple(path for _, path, _ in files), tuple(gain for _, _, gain in files)))
    return strokes


def read_notes(folder: Path) -> list[Stroke]:
    """The notes of `NOTES` in a folder of samples. Raises SamplesError."""
    path = folder / "index.csv"
    columns = ("path", "instrument", "midi_note", "velocity_layer", "round_robin", "gain_db", "tune_cents")
    found: dict[tuple[str, int], dict[int, list[tuple[int, Path, float, float]]]] = defaultdict(lambda: defaultdict(list))
    try:
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in columns if name not in (reader.fieldnames or [])]
            if missing:
                raise SamplesError(f"{path} lacks the columns {', '.join(missing)}")
            for row in reader:
                if row["instrument"] not in NOTES:
                    continue
                take = (int(row["round_robin"]), folder / row["path"], float(row["gain_db"]), float(row["tune_cents"]))
                found[row["instrument"], int(row["midi_note"])][int(row["velocity_layer"])].append(take)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SamplesError(f"cannot read {path}: {error}") from error
    except (TypeError, ValueError) as error:
        raise SamplesError(f"{path} has a row without proper numbers: {error}") from error
    strokes = []
    last: tuple[str, int] | None = None
    for instrument, note in sorted(found):
        if last and last[0] == instrument and note < last[1] + NOTE_SPACING:
            continue
        last = (instrument, note)
        layers = sorted(found[instrument, note])
        # With three or more layers, skip the softest, which is rarely played.
        kept = layers if len(layers) < 3 else [layers[1], layers[-1]]
        for layer in kept:
            takes = sorted(found[instrument, note][layer])
            names = (tuple(take[1] for take in takes), tuple(take[2] for take in takes), tuple(take[3] for take in takes))
            strokes.append(Stroke(f"{instrument}.{note:03d}", NOTE, layer, *names))
    return strokes


def read_sound(path: Path) -> np.ndarray:
    """A one-shot as float64 [samples], peak 1. Raises SamplesError."""
    try:
        sound, rate = soundfile.read(path, dtype="float64", always_2d=True)
    except (OSError, RuntimeError) as error:
        raise SamplesError(f"cannot read {path}: {error}") from error
    if rate != RATE:
        raise SamplesError(f"{path} has a sample rate of {rate} Hz; {RATE} Hz is required")
    sound = sound.mean(axis=1)
    if len(sound) < RATE // 100 or np.abs(sound).max() < 1e-4:
        raise SamplesError(f"{path} is silent or shorter than 10 ms")
    return sound / np.abs(sound).max()


def band_modes(spectrum: np.ndarray, size: int, low: float, high: float) -> np.ndarray:
    """Modes of one band, float64 [modes, 3]: frequency, decay, energy; `spectrum` is the FFT of the sound from `START`
    on, zero-padded to `size`. Uses ESPRIT (Roy and Kailath 1989) on the band's analytic signal.
    """
    width = high - low
    rate = 1.5 * width
    count = int(rate * size / RATE)
    first = int(round((low - 0.25 * width) * size / RATE))
    bins = first + np.arange(count)
    part = np.where(bins > 0, spectrum[np.clip(bins, 0, len(spectrum) - 1)], 0)
    edge = count // 6
    taper = np.ones(count)
    taper[:edge] = 0.5 - 0.5 * np.cos(np.pi * (np.arange(edge) + 0.5) / edge)
    taper[-edge:] = taper[:edge][::-1]
    signal = np.fft.ifft(part * taper) * (2 * count / size)
    signal = signal[1 : 1 + min(3 * PENCIL, count // 2 - 1)]
    n = len(signal)
    window = min(PENCIL, n // 2)
    if window < 12 or np.sum(np.abs(signal) ** 2) < 1e-9:
        return np.zeros((0, 3))
    hankel = np.lib.stride_tricks.sliding_window_view(signal, window).T
    _, vectors = np.linalg.eigh(hankel @ hankel.conj().T)
    basis = vectors[:, -min(ORDER, window - 2) :]
    roots = np.linalg.eigvals(np.linalg.lstsq(basis[:-1], basis[1:], rcond=None)[0])
    decay = -np.log(np.maximum(np.abs(roots), 1e-9)) * rate
    hz = first * RATE / size + (np.angle(roots) / (2 * np.pi) % 1) * rate
    fine = (decay > LEAST_DECAY) & (decay < MOST_DECAY) & (hz >= max(low, 25)) & (hz < high)
    if not fine.any():
        return np.zeros((0, 3))
    roots, decay, hz = roots[fine], decay[fine], hz[fine]
    powers = roots[None] ** np.arange(1, n + 1)[:, None]
    gram = powers.conj().T @ powers
    weights = np.linalg.solve(gram + 1e-6 * np.trace(gram).real * np.eye(len(roots)), powers.conj().T @ signal)
    energy = np.abs(weights) ** 2 / (2 * decay) * (1 - np.exp(-decay))
    return np.stack([hz, decay, energy], axis=1)


def find_modes(sound: np.ndarray, count: int, below: float = 16_000.0, samples: int = RATE * 3 // 4) -> np.ndarray:
    """The most important modes, float64 [modes, 2]: frequency, decay."""
    part = sound[START : START + samples]
    size = 1 << int(np.ceil(np.log2(max(2 * len(part), 4096))))
    spectrum = np.fft.fft(part, size)
    rows = np.concatenate([band_modes(spectrum, size, low, high) for low, high in BANDS if low < below])
    order = np.argsort(-np.sqrt(rows[:, 2]) * np.sqrt(1 + rows[:, 0] / 1000))
    return rows[order[:count], :2]


def unbend(sound: np.ndarray, ratio: float, tau: float) -> np.ndarray:
    """The sound resampled to its own clock: y(s(n)) = x(n)."""
    s = hits.clock(ratio, tau, len(sound))
    return np.interp(np.arange(0, s[-1]), s, sound)


def mode_waves(modes: np.ndarray, ratio: float, tau: float, samples: int) -> np.ndarray:
    """The modes with amplitude 1, starting at the onset, complex128 [modes, samples]."""
    time = np.arange(samples, dtype=np.float64)
    bent = hits.clock(ratio, tau, samples) if ratio != 1.0 else time
    s = np.where(modes[:, :1] < hits.CLOCK_BELOW_HZ, bent, time) / RATE
    return np.exp((-modes[:, 1:] + 2j * np.pi * modes[:, :1]) * s)


def solve(target: np.ndarray, waves: np.ndarray, ramp: int) -> tuple[np.ndarray, float]:
    """Complex amplitudes of `mode_waves` by ridge least squares, and the residual's share of the energy."""
    columns = np.concatenate([waves.real, -waves.imag]) * np.minimum(1, np.arange(waves.shape[1]) / ramp)
    gram = columns @ columns.T
    found = np.linalg.solve(gram + 1e-4 * np.trace(gram) / len(gram) * np.eye(len(gram)), columns @ target)
    rest = np.sum((target - found @ columns) ** 2) / np.sum(target**2)
    half = len(waves)
    return found[:half] + 1j * found[half:], float(rest)


def choose_clock(sound: np.ndarray) -> tuple[int, int]:
    """Stored ratio and time constant of the clock with the best modal fit at low frequencies (coarse, then fine search)."""
    count = min(len(sound), RATE // 4)
    low = np.fft.rfft(sound[:count], RATE // 2)
    low[650:] = 0  # 1.3 kHz
    part = np.fft.irfft(low)[:count]
    tried: dict[tuple[int, int], float] = {}

    def rest_of(place: tuple[int, int]) -> float:
        if place not in tried:
            ratio, tau = hits.RATIOS[place[0]], hits.TAUS_MS[place[1]] * 48.0
            modes = find_modes(unbend(part, ratio, tau), 10, below=1200.0, samples=count)
            waves = mode_waves(modes, ratio, tau, count)
            tried[place] = solve(part, waves, 24)[1] * (1.0 if place[0] else 0.9) if len(modes) else 1.0
        return tried[place]

    best = min([(0, 0), (2, 1), (4, 1), (6, 1), (2, 2), (4, 2), (6, 2)], key=rest_of)
    if best[0]:
        ratio, tau = best
        around = [(ratio - 1, tau), (ratio + 1, tau), (ratio, tau - 1), (ratio, tau + 1)]
        best = min([best] + [(r, t) for r, t in around if 0 < r < len(hits.RATIOS) and 0 <= t < len(hits.TAUS_MS)], key=rest_of)
    return best


def band_powers(sound: np.ndarray, noise: hits.Noise, hop: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean power per band and analysis frame, and the frames' centres in samples."""
    n_fft = noise.n_fft
    window = np.hanning(n_fft + 1)[:-1]
    padded = np.concatenate([np.zeros(n_fft), sound, np.zeros(n_fft)])
    views = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    power = np.abs(np.fft.rfft(views * window, axis=1)[:, 1:-1]) ** 2 / np.sum(window**2)
    weights = hits.bin_weights(n_fft, noise.bands)
    return power @ (weights / (weights.sum(axis=1, keepdims=True) + 1e-9)).T, np.arange(len(views)) * hop - n_fft / 2


def on_grid(sound: np.ndarray, noise: hits.Noise) -> np.ndarray:
    """ln power of a sound at the grid's times and bands, used to compare sounds when fitting the noise."""
    hop = 48 if noise is hits.FAST else 240
    sound = sound[: int(noise.samples[-1]) + 2 * noise.n_fft]
    power, centres = band_powers(sound, noise, hop)
    # Bands between two bins (the lowest of the slow grid) have no weight of their own: interpolate from their
    # neighbours.
    empty = hits.bin_weights(noise.n_fft, noise.bands).sum(axis=1) < 0.05
    if empty.any():
        places = np.arange(noise.bands)
        power = np.stack([np.interp(places, places[~empty], row[~empty]) for row in power])
    times = noise.samples
    rows = []
    for index, time in enumerate(times):
        before = time - times[index - 1] if index else times[1] - times[0]
        after = times[index + 1] - time if index + 1 < len(times) else before
        reach = np.where(centres < time, max(0.6 * before, hop), max(0.6 * after, hop))
        weights = np.maximum(0, 1 - np.abs(centres - time) / reach)
        rows.append(weights @ power / (weights.sum() + 1e-12))
    return np.log(np.array(rows) + 1e-12)


def spike_of(sound: np.ndarray) -> int:
    """Position of the attack's click: the largest sample of the 2 to 8 kHz band in the first 16 ms, in steps of 4 samples."""
    high = hit_measures.presence(sound[:768])
    return min(int(np.argmax(np.abs(high))) // 4, 255)


def attack_envelope(sound: np.ndarray) -> np.ndarray:
    """ln mean power around the grid's first times, in windows of 1.5 ms."""
    power = sound[:960] ** 2
    time = np.arange(len(power))
    rows = [np.maximum(0, 1 - np.abs(time - at) / 72) for at in ATTACK_ROWS]
    return np.log(np.array([weights @ power / weights.sum() for weights in rows]) + 1e-9)


def length_of(sound: np.ndarray) -> int:
    """Samples until the sound is 60 dB below its loudest 10 ms, or down to the level of its end; a multiple of 64."""
    power = np.convolve(sound**2, np.ones(480) / 480, "valid")
    top = power.max()
    floor = max(top * 1e-6, 1.5 * np.median(power[-max(len(power) // 20, 1) :]))
    above = np.nonzero(power > floor)[0]
    last = int(above[-1]) + 480 if len(above) else len(sound)
    last = min(int(last * 1.15), len(sound), int(2.4 * RATE))
    return max(last // 64, 40) * 64


def octave_levels(sound: np.ndarray) -> np.ndarray:
    """dB per octave over the first 150 ms, [10], with a floor 60 dB below the highest."""
    power = np.abs(np.fft.rfft(sound[: int(0.15 * RATE)], RATE)) ** 2
    edges = hits.CURVE_LOW_HZ * 2.0 ** (np.arange(hits.CURVE_POINTS + 1) - 0.5)
    sums = np.array([power[int(low) : int(high) + 1].sum() for low, high in zip(edges[:-1], edges[1:], strict=True)])
    level = 10 * np.log10(sums + 1e-12)
    return np.maximum(level, level.max() - 60)


def loudness_db(sound: np.ndarray) -> float:
    """Level of the loudest 50 ms in dB."""
    power = np.convolve(sound**2, np.ones(2400) / 2400)
    return float(10 * np.log10(power.max() + 1e-12))


def fit(sounds: list[np.ndarray], group: str, gain_db: float, seed: int, jitter: bool) -> Hit:
    """Fits one stroke: modes of the first sound, noise of all. With `jitter`, the modes are varied slightly using `seed`."""
    sound = sounds[0]
    rng = np.random.default_rng(seed)
    count = MODE_COUNTS.get(group, DEFAULT_MODES)
    ratio, tau = choose_clock(sound) if group in SKINS else (0, 0)
    clock = hits.RATIOS[ratio], hits.TAUS_MS[tau] * 48.0
    ramp, table = 0, np.zeros((0, 4), dtype=np.int64)
    if count:
        modes = find_modes(sound, count)
        if ratio:
            low = find_modes(unbend(sound, *clock), count, below=1200.0)
            high = modes[modes[:, 0] >= hits.CLOCK_BELOW_HZ]
            modes = np.concatenate([low[: max(count - len(high), count // 2)], high])[:count]
        if len(modes):
            part = sound[: RATE // 2]
            waves = mode_waves(modes, *clock, len(part))
            tries = [solve(part, waves, length) for length in hits.RAMPS]
            ramp = int(np.argmin([rest for _, rest in tries]))
            weights = tries[ramp][0]
            level, turns = np.abs(weights), np.angle(weights) / (2 * np.pi)
            if jitter:
                turns = turns + rng.uniform(-0.03, 0.03, len(turns))
                level = level * 10 ** (rng.uniform(-0.4, 0.4, len(level)) / 20)
            table = np.stack([
                np.rint(np.log(modes[:, 0] / 20) / np.log(1000) * 65535).clip(0, 65535),
                np.rint(np.log(modes[:, 1] / 0.15) / np.log(2700) * 255).clip(0, 255),
                np.rint(20 * np.log10(level + 1e-9) / 0.4 + 255).clip(0, 255),
                np.rint(turns * 256) % 256,
            ], axis=1).astype(np.int64)  # fmt: skip
            table = table[table[:, 2] > 0]
    length = int(np.median([length_of(each) for each in sounds])) // 64 * 64
    rows = max(2, int(np.searchsorted(hits.SLOW.samples, length)) + 1)
    rows = min(rows, len(hits.SLOW_MS))
    empty = (np.zeros((17, 32)), 0.0, np.zeros((rows, 96)), 0.0, np.zeros(hits.CURVE_POINTS))
    hit = Hit(10 ** (gain_db / 20), 0.0, length, ratio, tau, ramp, spike_of(sound), 0, table, *empty)
    fitted_modes = hits.render_modes(hit.mode_table(), *clock, hits.RAMPS[ramp], length)
    cut = [np.pad(each, (0, max(0, length - len(each))))[:length] for each in sounds]
    residual = cut[0] - fitted_modes
    flat = np.zeros(hits.CURVE_POINTS)
    grids, goals = [], []
    for noise in (hits.FAST, hits.SLOW):
        goals.append(np.mean([on_grid(each, noise) for each in cut], axis=0))
        grids.append(np.maximum(on_grid(residual, noise), goals[-1] - 12))
    attack_goal = np.mean([attack_envelope(each) for each in cut], axis=0)
    crest_goal = np.mean([hit_measures.crest(each) for each in cut])
    share = 0.0
    for step in (0.8, 0.8, 0.5, 0.5, 0.5, 0.5):
        crests = []
        found: tuple[list[np.ndarray], ...] = ([], [], [])
        for _ in range(3):
            noise_seed = int(rng.integers(1, 65535))
            trial = fitted_modes + hits.render_both(grids[0], grids[1], flat, noise_seed, length, (4 * hit.spike_at, share))
            for index, noise in enumerate((hits.FAST, hits.SLOW)):
                found[index].append(on_grid(trial, noise))
            found[2].append(attack_envelope(trial))
            crests.append(hit_measures.crest(trial))
        for index in (0, 1):
            error = goals[index] - np.log(np.mean(np.exp(found[index]), axis=0))
            grids[index] = np.clip(grids[index] + step * np.clip(error, -3, 3), goals[index].max() + GRID_FLOOR - 9, None)
        # Windows of 5 ms blur the attack: the energy of its first milliseconds is matched as well.
        error = attack_goal - np.log(np.mean(np.exp(found[2]), axis=0))
        grids[0][: len(ATTACK_ROWS)] += 0.5 * np.clip(error, -2, 2)[:, None]
        grids[0] = np.clip(grids[0], goals[0].max() + GRID_FLOOR - 9, None)
        share = round(float(np.clip(share + np.clip((crest_goal - np.mean(crests)) / 8, -0.25, 0.375), 0, 1)) * 8) / 8
    hit.spike = round(share * 8)
    hit.fast, hit.fast_top = hits.store_grid(grids[0])
    hit.slow, hit.slow_top = hits.store_grid(grids[1][:rows])
    hit.curve = np.rint(np.clip(2 * (octave_levels(cut[0]) - loudness_db(cut[0]) - 40), -127, 127))
    hit.loudness_db = loudness_db(cut[0]) + gain_db
    hit.seeds = good_seeds(hit, cut)
    return hit


def good_seeds(hit: Hit, sounds: list[np.ndarray]) -> tuple[int, ...]:
    """The seeds whose renderings are most like the recorded strokes; they become the round robins."""
    short = min(hit.length, RATE // 5)
    goals = [attack_figures(sound[:short]) for sound in sounds[:2]]
    scored = []
    for seed in range(1, TRIED_SEEDS + 1):
        found = attack_figures(hits.render(hit, seed, samples=short))
        scored.append((min(float(np.abs(found - goal).mean()) for goal in goals), seed))
    return tuple(seed for _, seed in sorted(scored)[:KEPT_SEEDS])


def without_modes(sound: np.ndarray, modes: np.ndarray, ramp: int) -> np.ndarray:
    """Residual of a note after solving for its modes again in overlapping blocks of a fifth of a second, so that a drifting
    mode does not count as noise. The first block begins at the onset; consecutive blocks are cross-faded.
    """
    block = RATE // 5
    hop = block // 2
    steady = mode_waves(np.stack([modes[:, 0], np.ones(len(modes))], axis=1), 1.0, 1.0, block)
    fade = np.sin(np.pi / 2 * (np.arange(hop) + 0.5) / hop) ** 2
    fitted = np.zeros(len(sound) + block)
    for first in range(0, max(len(sound) - hop, 1), hop):
        part = sound[first : first + block]
        edge = ramp if first == 0 else 1
        own = (solve(part, steady[:, : len(part)], edge)[0] @ steady[:, : len(part)]).real
        own *= np.minimum(1, np.arange(len(part)) / edge)
        if first:
            own[:hop] *= fade[: len(own[:hop])]
        if first + block < len(sound):
            own[hop:] *= fade[::-1][: len(own[hop:])]
        fitted[first : first + len(own)] += own
    return sound - fitted[: len(sound)]


def note_length(modes: np.ndarray, level: np.ndarray) -> int:
    """Samples until the modes are 60 dB below their sum at the onset; a multiple of 64."""
    times = np.arange(0.1, NOTE_SECONDS, 0.1)
    power = (level[:, None] ** 2 * np.exp(-2 * modes[:, 1:] * times)).sum(axis=0)
    above = np.nonzero(power > 1e-6 * (level**2).sum())[0]
    return int(times[above[-1]] * RATE if len(above) else RATE // 4) // 64 * 64


def fit_note(sounds: list[np.ndarray], gain_db: float, tune_cents: float, seed: int, jitter: bool) -> Hit:
    """Fits one note: modes of the first sound, corrected to pitch, and noise of all sounds."""
    rng = np.random.default_rng(seed)
    sound = sounds[0]
    modes = find_modes(sound, NOTE_MODES, samples=RATE)
    part = sound[: RATE * 3 // 5]
    waves = mode_waves(modes, 1.0, 1.0, len(part))
    tries = [solve(part, waves, length)[0] for length in hits.RAMPS]
    early = part[: RATE // 25]

    def missed(ramp: int) -> float:
        """Residual energy in the first 40 ms after subtracting the modes with a given ramp."""
        own = (tries[ramp] @ waves[:, : len(early)]).real * np.minimum(1, np.arange(len(early)) / hits.RAMPS[ramp])
        return float(np.sum((early - own) ** 2))

    ramp = min(range(len(hits.RAMPS)), key=missed)
    level, turns = np.abs(tries[ramp]), np.angle(tries[ramp]) / (2 * np.pi)
    length = max(note_length(modes, level), 9600)
    if jitter:
        turns = turns + rng.uniform(-0.03, 0.03, len(turns))
        level = level * 10 ** (rng.uniform(-0.4, 0.4, len(level)) / 20)
    # Stored amplitudes are limited to 1; the amplitudes of beating modes may exceed that.
    scale = min(1.0, 0.99 / level.max())
    table = np.stack([
        np.rint(np.log(modes[:, 0] * 2 ** (-tune_cents / 1200) / 20) / np.log(1000) * 65535).clip(0, 65535),
        np.rint(np.log(modes[:, 1] / 0.15) / np.log(2700) * 255).clip(0, 255),
        np.rint(20 * np.log10(level * scale + 1e-9) / 0.4 + 255).clip(0, 255),
        np.rint(turns * 256) % 256,
    ], axis=1).astype(np.int64)  # fmt: skip
    table = table[table[:, 2] > 0]
    rows = max(2, min(int(np.searchsorted(hits.SLOW.samples, min(length, len(sound)))) + 1, len(hits.SLOW_MS)))
    empty = (np.zeros((17, 32)), 0.0, np.zeros((rows, 96)), 0.0, np.zeros(hits.CURVE_POINTS))
    hit = Hit(10 ** (gain_db / 20), 0.0, length, 0, 0, ramp, 0, 0, table, *empty)
    residual = without_modes(sound, modes, hits.RAMPS[ramp]) * scale
    grids = []
    for noise in (hits.FAST, hits.SLOW):
        # At most the modes' residual, and never more than the sound itself.
        goal = np.minimum(on_grid(residual, noise), on_grid(sound * scale, noise))
        found = []
        for _ in range(2):
            trial = hits.render_noise(noise, goal, np.zeros(hits.CURVE_POINTS), int(rng.integers(1, 65535)), len(residual))
            found.append(on_grid(trial, noise))
        grid = goal + np.clip(goal - np.log(np.mean(np.exp(found), axis=0)), -3, 3)
        grids.append(np.clip(grid, goal.max() + GRID_FLOOR - 9, None))
    # The noise fades out at the end of the recording; only the modes ring on.
    grids[1][-1] -= 6.0
    hit.fast, hit.fast_top = hits.store_grid(grids[0])
    hit.slow, hit.slow_top = hits.store_grid(grids[1][:rows])
    hit.curve = np.rint(np.clip(2 * (octave_levels(sound) - loudness_db(sound) - 40), -127, 127))
    # Level of the layer as recorded; the level of the rendering itself is that of the scaled sound.
    hit.loudness_db = loudness_db(sound) + gain_db
    hit.level = 10 ** (gain_db / 20) / scale
    hit.seeds = (1, 2, 3, 4)
    return hit


def attack_figures(sound: np.ndarray) -> np.ndarray:
    """Features for choosing seeds, each scaled so that a just noticeable difference is about 1."""
    attack = hit_measures.log_mel_attack(sound)[::4].ravel() / 2.5
    scalars = [hit_measures.crest(sound) / 1.5, hit_measures.early_energy(sound) / 1.5, hit_measures.rise_octaves(sound) / 0.8]
    return np.concatenate([attack / len(attack) * 4, scalars])


def fit_all(strokes: list[Stroke], out: Path, hold_out: bool) -> int:
    """Fits the missing strokes; returns how many could not be fitted."""
    out.mkdir(parents=True, exist_ok=True)
    lost = 0
    for number, stroke in enumerate(strokes, 1):
        path = out / f"{stroke.name}.hit"
        if path.is_file():
            continue
        try:
            sounds = [read_sound(each) for each in stroke.paths[: 1 if hold_out else 3]]
        except SamplesError as error:
            print(f"left out {stroke.name}: {error}", file=sys.stderr)
            lost += 1
            continue
        seed = zlib.crc32(stroke.name.encode())
        if stroke.group == NOTE:
            hit = fit_note(sounds, stroke.gains_db[0], stroke.tunes_cents[0], seed, jitter=not hold_out)
        else:
            hit = fit(sounds, stroke.group, stroke.gains_db[0], seed, jitter=not hold_out)
        temporary = path.with_suffix(".part")
        temporary.write_bytes(hits.pack([Piece(stroke.piece, [hit])]))
        os.replace(temporary, path)
        print(f"{number}/{len(strokes)} {stroke.name}", flush=True)
    return lost


def pack_folder(folder: Path) -> bytes:
    """All fits of a folder as one file of hits: pieces sorted by name, layers from soft to loud."""
    pieces: dict[str, Piece] = {}
    for path in sorted(folder.glob("*.hit"), key=lambda each: (each.stem.rsplit(".", 1)[0], int(each.stem.rsplit(".", 1)[1]))):
        for piece in hits.unpack(path.read_bytes()):
            pieces.setdefault(piece.name, Piece(piece.name)).hits += piece.hits
    if not pieces:
        raise SamplesError(f"no fits in {folder}")
    return hits.pack(list(pieces.values()))


def main() -> None:
    """Command-line entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=Path, help="folder of recorded one-shots with index.csv")
    parser.add_argument("--out", type=Path, default=Path("data/hits"), help="output folder for the fits")
    parser.add_argument("--only", nargs="*", default=[], help="fit only pieces whose names start with one of these")
    parser.add_argument("--notes", action="store_true", help="fit the struck and plucked instruments instead of drums")
    parser.add_argument("--hold-out", action="store_true", help="fit only the first round robin")
    parser.add_argument("--pack", type=Path, help="write all fits to this file")
    arguments = parser.parse_args()
    try:
        if arguments.samples:
            strokes = read_notes(arguments.samples) if arguments.notes else read_index(arguments.samples)
            if arguments.only:
                strokes = [stroke for stroke in strokes if stroke.piece.startswith(tuple(arguments.only))]
            if not strokes:
                raise SamplesError(f"no pieces in {arguments.samples} match")
            lost = fit_all(strokes, arguments.out, arguments.hold_out)
            print(f"{len(strokes) - lost} strokes in {arguments.out}, {lost} left out")
        if arguments.pack:
            data = pack_folder(arguments.out)
            temporary = arguments.pack.with_suffix(".part")
            temporary.write_bytes(data)
            os.replace(temporary, arguments.pack)
            print(f"{arguments.pack}: {len(data)} bytes")
    except (SamplesError, OSError, ValueError) as error:
        sys.exit(f"fit_hits: {error}")


if __name__ == "__main__":
    main()
