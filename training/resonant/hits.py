"""Recorded drum hits as parameters: the model, its file, and the renderer (normative; the engine has a Rust twin).

A hit is a sum of decaying modes and shaped noise, zero before its onset; only parameters of a recording are kept.
All times below are in samples at 48 kHz; n = 0 is the onset. `u` stands for an integer as stored.

* clock: s(n) = n + (r - 1) tau (1 - exp(-n / tau)) at n = 0, 64, 128, ..., linear in between; r and tau are `RATIOS[u]`,
  `TAUS_MS[u]`. Modes below 1.2 kHz run on s, the others on n. This models the pitch bend of a drumhead struck hard.
* modes: min(1, n / ramp) sum_i a_i exp(-d_i s / 48000) cos(2 pi (f_i s / 48000 + p_i)); f = 20 * 1000^(u / 65535) Hz,
  d = .15 * 2700^(u / 255) per second, a = 10^((u - 255) * .4 / 20), p = u / 256 turns; ramp = `RAMPS[u]`.
* noise: two grids of ln power over time and band, fast (17 x 32, frames of 256 every 64) and slow (14 x 96, frames of
  1024 every 512). Frame m starts at sample 64 (m - 3), or 512 m; its bin k in 1..N/2-1 is sqrt(P) (x + i y), P the grid at
  the frame's centre and the bin's frequency (linear in ln P over time and over band position, constant outside). The
  inverse transforms, times sqrt(N) and the window (Hann / sqrt(1.5), or the sine window), are overlap-added. Fast and slow
  noise have the weights sqrt(1 - q) and sqrt(q), q = clip((n - 1440) / 960, 0, 1).
  Band b of B lies at frequency (h = ln(1 + f / 700)) h = (b + .5) / B * ln(1 + 20000 / 700). A stored 0 means silence.
* spike: in the four fast frames that contain sample t = 4 u, a share c = u / 8 of the power has the phases of an impulse at t:
  X = sqrt(P) (sqrt(1 - c) (x + i y) + sqrt(c / 4) exp(-2 pi i k (t - start) / N)). This models the click of a stick.
* random numbers: x and y are sums of two 16-bit parts of mix(seed + (c + 1) G) with c = m N / 2 + k, minus 65535, times
  `DRAW_SCALE`; mix is the finaliser of SplitMix64 (Steele, Lea, Flood 2014) and G its constant.
* end: the hit is `length` samples long and fades linearly over its last eighth.
* timbre: a curve of gains in dB at 31.25 * 2^k Hz, k = 0..9, linear over octaves, constant outside, is added to modes and
  noise; it is used to interpolate between velocity layers and to change the tone.
* variant: variant v of a hit has the noise seed `seeds[v]`; each mode's phase moves by up to .02 turns and its level by up
  to .4 dB (`variation`).

Modes: Laroche 1993, "The use of the matrix pencil method for the spectrum analysis of musical signals"; modes and noise as
in Serra and Smith 1990, "Spectral modeling synthesis".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

RATE = 48_000
MAGIC = b"RGHITS\x00\x01"
RATIOS = (1.0, 1.04, 1.1, 1.2, 1.4, 1.8, 2.6)
TAUS_MS = (12, 30, 80, 200)
RAMPS = (24, 96, 288, 864)
CLOCK_STEP = 64
CLOCK_BELOW_HZ = 1200.0
FAST_MS = (-1.0, 0.0, 1.0, 2.0, 3.0, 4.5, 6.0, 8.0, 11.0, 15.0, 20.0, 27.0, 36.0, 48.0, 62.0, 80.0, 100.0)
SLOW_MS = (15.0, 22.0, 32.0, 46.0, 66.0, 95.0, 137.0, 200.0, 290.0, 420.0, 610.0, 900.0, 1300.0, 2000.0)
BLEND_FIRST, BLEND_LENGTH = 1440, 960
CURVE_POINTS = 10
CURVE_LOW_HZ = 31.25
GRID_STEP = 0.1
DRAW_SCALE = 2.6427e-05  # 1 / (65536 / sqrt(6) * sqrt(2)): x^2 + y^2 has mean 1
VARIANT_TURNS = 0.02
VARIANT_DB = 0.4
SILENT = -60.0  # ln power that a stored 0 stands for
_GOLDEN = 0x9E3779B97F4A7C15


@dataclass(frozen=True)
class Noise:
    """One of the two noise parts: sizes of its frames and grid."""

    n_fft: int
    hop: int
    first: int  # start of frame 0
    bands: int
    times: tuple[float, ...]  # milliseconds

    @property
    def samples(self) -> np.ndarray:
        """Times of the grid in samples."""
        return np.array(self.times) * (RATE / 1000)


FAST = Noise(256, 64, -192, 32, FAST_MS)
SLOW = Noise(1024, 512, 0, 96, SLOW_MS)


def band_position(hz: np.ndarray, bands: int) -> np.ndarray:
    """Position of frequencies on the band axis; 0 is the middle of the first band."""
    return np.log1p(np.asarray(hz) / 700.0) / np.log1p(20_000.0 / 700.0) * bands - 0.5


@lru_cache(maxsize=4)
def bin_weights(n_fft: int, bands: int) -> np.ndarray:
    """Interpolation weights from bands to bins 1..n_fft/2-1, float64 [bands, bins]."""
    place = np.clip(band_position(np.arange(1, n_fft // 2) * (RATE / n_fft), bands), 0, bands - 1)
    left = np.minimum(place.astype(int), bands - 2)
    out = np.zeros((bands, len(place)))
    out[left, np.arange(len(place))] = 1 - (place - left)
    out[left + 1, np.arange(len(place))] += place - left
    return out


@dataclass
class Hit:
    """Parameters of one stroke: one velocity layer of a piece."""

    level: float  # linear gain that gives the loudness relative to the piece's other layers
    loudness_db: float  # of the loudest 50 ms, including `level`, in dB relative to full-scale power
    length: int  # samples, a multiple of 64
    ratio: int
    tau: int
    ramp: int
    spike_at: int
    spike: int
    modes: np.ndarray  # uint16/uint8 as stored, int64 [modes, 4]: frequency, decay, amplitude, phase
    fast: np.ndarray  # uint8 [17, 32]
    fast_top: float  # ln power that a stored 255 stands for
    slow: np.ndarray  # uint8 [rows <= 14, 96]
    slow_top: float
    curve: np.ndarray  # int8 [10], half decibels: energy per octave, for comparing layers
    seeds: tuple[int, ...] = (1,)

    def mode_table(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Frequencies in hertz, decays per second, amplitudes, phases in turns."""
        f, d, a, p = self.modes.T if len(self.modes) else np.zeros((4, 0))
        return 20.0 * 1000.0 ** (f / 65535), 0.15 * 2700.0 ** (d / 255), 10 ** ((a - 255) * 0.02), p / 256


@dataclass
class Piece:
    """One instrument of a kit, with the softest layer first."""

    name: str
    hits: list[Hit] = field(default_factory=list)


def grid_values(stored: np.ndarray, top: float) -> np.ndarray:
    """ln power of a stored grid."""
    return np.where(stored == 0, SILENT, top + GRID_STEP * (stored.astype(np.float64) - 255))


def store_grid(values: np.ndarray) -> tuple[np.ndarray, float]:
    """A grid of ln power as bytes, and the value that 255 stands for."""
    top = float(np.float32(values.max()))
    steps = np.rint((values - top) / GRID_STEP + 255)
    return np.clip(steps, 0, 255).astype(np.uint8), top


def mix(value: np.ndarray) -> np.ndarray:
    """SplitMix64's finaliser, uint64."""
    with np.errstate(over="ignore"):
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return value ^ (value >> np.uint64(31))


def draws(seed: int, counters: np.ndarray) -> np.ndarray:
    """64 random bits for each counter, uint64."""
    with np.errstate(over="ignore"):
        return mix(np.uint64(seed) + (counters.astype(np.uint64) + np.uint64(1)) * np.uint64(_GOLDEN))


def clock(hit_ratio: float, tau: float, samples: int) -> np.ndarray:
    """s(n) for n = 0..samples-1, float64."""
    knots = np.arange(0, samples + CLOCK_STEP, CLOCK_STEP, dtype=np.float64)
    bent = knots + (hit_ratio - 1) * tau * (1 - np.exp(-knots / tau))
    return np.interp(np.arange(samples), knots, bent)


def curve_at(curve_db: np.ndarray, hz: np.ndarray) -> np.ndarray:
    """The timbre curve at frequencies, in natural log of amplitude."""
    place = np.log2(np.maximum(hz, 1.0) / CURVE_LOW_HZ)
    return np.interp(place, np.arange(CURVE_POINTS), curve_db) * (np.log(10) / 20)


def variation(seed: int, modes: int) -> tuple[np.ndarray, np.ndarray]:
    """A variant's phase offsets (turns) and amplitude factors for the modes."""
    bits = draws(seed, np.arange(modes, dtype=np.uint64) + np.uint64(1 << 40))
    first = (bits & np.uint64(0xFFFF)).astype(np.float64) / 32767.5 - 1
    second = ((bits >> np.uint64(16)) & np.uint64(0xFFFF)).astype(np.float64) / 32767.5 - 1
    return VARIANT_TURNS * first, 10 ** (VARIANT_DB / 20 * second)


def render_modes(table, ratio: float, tau: float, ramp: int, samples: int) -> np.ndarray:
    """Modes (frequency, decay, amplitude, phase) starting at the onset, float64 [samples]."""
    n = np.arange(samples, dtype=np.float64)
    bent = clock(ratio, tau, samples) if ratio != 1.0 else n
    out = np.zeros(samples)
    for f, d, a, p in zip(*table, strict=True):
        s = bent if f < CLOCK_BELOW_HZ else n
        out += a * np.exp(-d / RATE * s) * np.cos(2 * np.pi * (f / RATE * s + p))
    return out * np.minimum(1.0, n / ramp)


def render_noise(
    noise: Noise, grid: np.ndarray, curve_db: np.ndarray, seed: int, last: int, spike: tuple[int, float] = (0, 0.0)
) -> np.ndarray:
    """One noise part over samples 0..last-1; `grid` is ln power [times, bands], `spike` is its sample and share."""
    n_fft, hop = noise.n_fft, noise.hop
    frames = max(0, -(-(last - noise.first) // hop))
    if frames == 0:
        return np.zeros(last)
    bins = np.arange(1, n_fft // 2)
    centres = noise.first + hop * np.arange(frames) + n_fft / 2
    times = noise.samples[: grid.shape[0]]
    at = np.clip(np.interp(centres, times, np.arange(len(times))), 0, len(times) - 1)
    left = np.minimum(at.astype(int), max(len(times) - 2, 0))
    share = (at - left)[:, None]
    rows = grid[left] * (1 - share) + grid[np.minimum(left + 1, len(times) - 1)] * share
    power = rows @ bin_weights(n_fft, noise.bands) + 2 * curve_at(curve_db, bins * (RATE / n_fft))
    bits = draws(seed ^ n_fft, np.arange(frames)[:, None] * (n_fft // 2) + bins)
    parts = [((bits >> np.uint64(16 * i)) & np.uint64(0xFFFF)).astype(np.float64) for i in range(4)]
    spectrum = np.zeros((frames, n_fft // 2 + 1), dtype=np.complex128)
    amplitude = np.exp(0.5 * power) * DRAW_SCALE
    spectrum[:, 1:-1] = amplitude * ((parts[0] + parts[1] - 65535) + 1j * (parts[2] + parts[3] - 65535))
    at, share = spike
    if share > 0:
        first = at // hop  # the frame that starts at 64 (first - 3)
        for frame in range(first, min(first + 4, frames)):
            phase = np.exp(-2j * np.pi * bins * (at - noise.first - hop * frame) / n_fft)
            spectrum[frame, 1:-1] *= np.sqrt(1 - share)
            spectrum[frame, 1:-1] += amplitude[frame] / DRAW_SCALE * np.sqrt(share / 4) * phase
    n = np.arange(n_fft)
    if noise is FAST:
        window = (0.5 - 0.5 * np.cos(2 * np.pi * n / n_fft)) / np.sqrt(1.5)
    else:
        window = np.sin(np.pi * (n + 0.5) / n_fft)
    pieces = np.fft.irfft(spectrum, n_fft, axis=1) * (np.sqrt(n_fft) * window)
    out = np.zeros((frames - 1) * hop + n_fft)
    for j in range(frames):
        out[j * hop : j * hop + n_fft] += pieces[j]
    return out[-noise.first :][:last] if noise.first < 0 else out[:last]


def render_both(
    fast: np.ndarray, slow: np.ndarray, curve_db: np.ndarray, seed: int, samples: int, spike: tuple[int, float] = (0, 0.0)
) -> np.ndarray:
    """Both noise parts blended at constant power, float64 [samples]; grids are in ln power."""
    angle = np.clip((np.arange(samples) - BLEND_FIRST) / BLEND_LENGTH, 0, 1) * (np.pi / 2)
    out = np.zeros(samples)
    near = min(samples, BLEND_FIRST + BLEND_LENGTH)
    out[:near] += render_noise(FAST, fast, curve_db, seed, near, spike) * np.cos(angle[:near])
    if samples > BLEND_FIRST:
        out += render_noise(SLOW, slow, curve_db, seed, samples) * np.sin(angle)
    return out


def render(hit: Hit, seed: int, curve_db: np.ndarray | None = None, tune: float = 1.0, samples: int | None = None) -> np.ndarray:
    """One stroke without its level, float64 [length], or its first `samples`. `tune` scales the modes' frequencies."""
    curve = np.zeros(CURVE_POINTS) if curve_db is None else np.asarray(curve_db, dtype=np.float64)
    count = hit.length if samples is None else min(samples, hit.length)
    f, d, a, p = hit.mode_table()
    turns, factors = variation(seed, len(f))
    f = f * tune
    factors = factors * (f <= 0.45 * RATE)
    table = (f, d, a * factors * np.exp(curve_at(curve, f)), p + turns)
    out = render_modes(table, RATIOS[hit.ratio], TAUS_MS[hit.tau] * (RATE / 1000), RAMPS[hit.ramp], count)
    fast, slow = grid_values(hit.fast, hit.fast_top), grid_values(hit.slow, hit.slow_top)
    out += render_both(fast, slow, curve, seed, count, (4 * hit.spike_at, hit.spike / 8))
    return out * np.minimum(1.0, (hit.length - np.arange(count)) / (hit.length // 8))


def pack(pieces: list[Piece]) -> bytes:
    """The file: magic, number of pieces, then each piece's name and hits; little-endian."""
    out = [MAGIC, struct.pack("<I", len(pieces))]
    for piece in pieces:
        name = piece.name.encode()
        out.append(struct.pack("<BB", len(name), len(piece.hits)) + name)
        for hit in piece.hits:
            floats = (hit.level, hit.loudness_db, hit.fast_top, hit.slow_top)
            places = (hit.ratio, hit.tau, hit.ramp, hit.spike_at, hit.spike)
            counts = (len(hit.modes), hit.slow.shape[0], len(hit.seeds))
            out.append(struct.pack("<ffffHBBBBBBBB", *floats, hit.length // 64, *places, *counts))
            out.append(hit.curve.astype(np.int8).tobytes())
            out.append(np.array(hit.seeds, dtype="<u2").tobytes())
            columns = hit.modes.reshape(-1, 4)
            out.append(columns[:, 0].astype("<u2").tobytes())
            out += [columns[:, i].astype(np.uint8).tobytes() for i in (1, 2, 3)]
            out += [hit.fast.astype(np.uint8).tobytes(), hit.slow.astype(np.uint8).tobytes()]
    return b"".join(out)


def unpack(data: bytes) -> list[Piece]:
    """Reads the output of `pack`. Raises ValueError if it is truncated or of another version."""
    if data[:8] != MAGIC:
        raise ValueError("no file of hits, or one of another version")
    at = 12
    pieces = []

    def take(count: int) -> bytes:
        nonlocal at
        if at + count > len(data):
            raise ValueError("the file of hits is cut off")
        at += count
        return data[at - count : at]

    for _ in range(struct.unpack("<I", data[8:12])[0]):
        length, count = struct.unpack("<BB", take(2))
        piece = Piece(take(length).decode())
        for _ in range(count):
            row = struct.unpack("<ffffHBBBBBBBB", take(26))
            curve = np.frombuffer(take(CURVE_POINTS), np.int8)
            seeds = tuple(int(seed) for seed in np.frombuffer(take(2 * row[12]), "<u2"))
            modes = np.stack([np.frombuffer(take(2 * row[10]), "<u2").astype(np.int64)]
                             + [np.frombuffer(take(row[10]), np.uint8).astype(np.int64) for _ in range(3)], axis=1)  # fmt: skip
            fast = np.frombuffer(take(len(FAST_MS) * FAST.bands), np.uint8).reshape(-1, FAST.bands)
            slow = np.frombuffer(take(row[11] * SLOW.bands), np.uint8).reshape(-1, SLOW.bands)
            piece.hits.append(Hit(row[0], row[1], row[4] * 64, *row[5:10], modes, fast, row[2], slow, row[3], curve, seeds))
        pieces.append(piece)
    if at != len(data):
        raise ValueError("the file of hits is longer than it says")
    return pieces


def load(path: Path) -> dict[str, Piece]:
    """The pieces of a file by name."""
    return {piece.name: piece for piece in unpack(path.read_bytes())}
