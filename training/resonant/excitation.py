"""Excitation streams of the score-excited codec (normative; the engine has a Rust twin).

Tonal tracks have the streams odd, even, noise; drums have impulse, body, noise. All run at 48 kHz.
Times are float64 seconds on a linear time axis: the caller unrolls a looping piece (copies of its
notes shifted by whole loops). Negative onsets are allowed; only samples 0..n-1 are written.

Tonal note (on, off, midi, vel = velocity / 127), V voices, first sample n0 = ceil(on * 48000),
t = n / 48000 - on:

* envelope = min(1, t / a) * h(min(t, off - on)) * r(t) * min(1, (end - t) / 5 ms), where
  a = max(attack_s, 2 ms); h(t) = sustain + (1 - sustain) exp(-max(0, t - a) / decay_s), or 1 if
  decay_s = 0; r(t) = exp(-(t - (off - on)) / rel) after off, else 1; rel = max(release_s, 5 ms);
  end = off - on + min(8 rel, 4 s). A note shorter than its attack keeps rising while it releases.
* pitch, evaluated at sample n0 + 16 i and held for 16 samples: midi + transpose + (previous - midi)
  exp(-t / glide_s) (glide_s > 0 and there is an earlier note in the list), in hertz
  440 * 2^((pitch - 69) / 12), times 2^(cents / 1200 sin(2 pi hz (t - delay))) when t > delay, times
  the voice's detune 2^(detune_cents (2 v / (V - 1) - 1) / 1200).
* phase of voice v at n0: frac((v + .37 midi) * .6180339889); it advances by f / 48000 per sample.
* tables: octave o = clamp(floor(log2(f / 20)), 0, 9), harmonics k <= floor(24000 / (20 * 2^(o+1))),
  odd = sum over odd k of w_k sin(2 pi k phi) / k, even likewise; 2048 points, linear interpolation.
  Nothing is written while f >= 20480 Hz. w_k is the patch's `partials`; beyond the end of the list the last weight
  applies, and without a list all are 1 (half-saws).
* amplitude vel / sqrt(V).

Stiff strings: if a patch has `inharmonicity`, a list of pairs (MIDI pitch, B), a note's B is found by interpolating ln B
over pitch (constant outside). Its partials are then at f_k = k f sqrt((1 + B k^2) / (1 + B)) (Fletcher, Blackham and
Stratton, "Quality of Piano Tones", J. Acoust. Soc. Am. 34, 1962), k <= 128 and f_k < 20 kHz, each a sine
w_k sin(2 pi phi_k) / k whose phase starts at frac(k phi_0), phi_0 the voice's phase at n0. Such a patch can have neither
vibrato nor glide.

`transpose` (semitones, default 0) is for sounds with partials below the played pitch, such as a sub-oscillator: -12 makes
the even stream the played pitch's full series and the odd stream the sub-octave's odd partials.
"Previous" is the preceding note in the list sorted by (on, midi).

Drum hit: impulse 4 vel split linearly over the two samples around on * 48000. Body (classes with
parameters): t as above from ceil(on * 48000), vel sin(2 pi phase) exp(-t / decay_s) min(1, t / 1 ms)
with phase = hz (t + (start_ratio - 1) sweep_s (1 - exp(-t / sweep_s))), cut at 7 decay_s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numba as nb
import numpy as np

from resonant.piece import DRUM_CLASSES, KEY_TO_CLASS

SAMPLE_RATE = 48_000
TABLE_SIZE = 2048
TABLE_OCTAVES = 10
TABLE_LOW_HZ = 20.0
CONTROL = 16
NOISE_RMS = 0.1
STIFF_PARTIALS = 128
STIFF_HIGH_HZ = 20_000.0


@dataclass(frozen=True)
class TimedNotes:
    """Notes in seconds, sorted by (on, pitch): four arrays of one length."""

    on: np.ndarray  # float64 [N], seconds
    off: np.ndarray  # float64 [N], seconds
    pitch: np.ndarray  # int64 [N], MIDI (drums: GM keys)
    velocity: np.ndarray  # int64 [N], 1..127

    @staticmethod
    def from_rows(rows: list[tuple[float, float, int, int]]) -> TimedNotes:
        """Build from (on_s, off_s, pitch, velocity) rows in any order."""
        ordered = sorted(rows, key=lambda row: (row[0], row[2]))
        table = np.array(ordered, dtype=np.float64).reshape(-1, 4)
        return TimedNotes(
            table[:, 0].copy(), table[:, 1].copy(), table[:, 2].astype(np.int64), table[:, 3].astype(np.int64)
        )

    def shifted(self, seconds: float) -> TimedNotes:
        """The notes, delayed by `seconds`."""
        return TimedNotes(self.on + seconds, self.off + seconds, self.pitch, self.velocity)


@dataclass(frozen=True)
class TonalParams:
    """Excitation parameters of a tonal patch (times in seconds, vibrato rate in hertz)."""

    voices: int = 1
    detune_cents: float = 0.0
    attack_s: float = 0.002
    decay_s: float = 0.0
    sustain: float = 1.0
    release_s: float = 0.1
    vibrato_hz: float = 0.0
    vibrato_cents: float = 0.0
    vibrato_delay_s: float = 0.0
    glide_s: float = 0.0
    transpose: float = 0.0
    partials: tuple[float, ...] = ()
    inharmonicity: tuple[tuple[float, float], ...] = ()

    @staticmethod
    def from_patch(values: Mapping[str, Any]) -> TonalParams:
        """Read a patch's `excitation` object; unknown keys are errors."""
        unknown = set(values) - set(TonalParams.__dataclass_fields__)
        if unknown:
            raise ValueError(f"unknown excitation parameters: {', '.join(sorted(unknown))}")
        partials = tuple(float(weight) for weight in values.get("partials", ()))
        stiff = tuple((float(pitch), float(b)) for pitch, b in values.get("inharmonicity", ()))
        if stiff and (values.get("vibrato_cents") or values.get("glide_s")):
            raise ValueError("a patch with inharmonicity can have neither vibrato nor glide")
        return TonalParams(**{**values, "partials": partials, "inharmonicity": stiff})

    def as_array(self) -> np.ndarray:
        """float64 [11] in field order, without the partials and the inharmonicity."""
        lists = ("partials", "inharmonicity")
        return np.array([float(getattr(self, name)) for name in self.__dataclass_fields__ if name not in lists])

    def stiffness(self, pitch: np.ndarray) -> np.ndarray:
        """B of each note by its pitch, float64 [N]; zeros without inharmonicity."""
        if not self.inharmonicity:
            return np.zeros(pitch.shape[0])
        places, values = np.array(self.inharmonicity).T
        return np.exp(np.interp(pitch.astype(np.float64), places, np.log(values)))

    def weights(self) -> np.ndarray:
        """Amplitudes w_k / k of the partials 1 to 128, float64 [128]."""
        weights = np.ones(STIFF_PARTIALS)
        if self.partials:
            listed = min(len(self.partials), STIFF_PARTIALS)
            weights[:listed] = self.partials[:listed]
            weights[listed:] = self.partials[-1]
        return weights / np.arange(1, STIFF_PARTIALS + 1)


@lru_cache(maxsize=1024)
def wavetables(partials: tuple[float, ...] = ()) -> np.ndarray:
    """float32 [2, octaves, 2049]: weighted odd and even half-saws, with a guard point."""
    highest = int(24_000.0 // (TABLE_LOW_HZ * 2.0))
    weights = np.ones(highest + 1)
    if partials:
        weights[1 : len(partials) + 1] = partials
        weights[len(partials) + 1 :] = partials[-1]
    tables = np.zeros((2, TABLE_OCTAVES, TABLE_SIZE + 1))
    for octave in range(TABLE_OCTAVES):
        k = np.arange(1, int(24_000.0 // (TABLE_LOW_HZ * 2.0 ** (octave + 1))) + 1)
        for parity in (0, 1):
            spectrum = np.zeros(TABLE_SIZE // 2 + 1, dtype=np.complex128)
            chosen = k[(k + 1) % 2 == parity]
            spectrum[chosen] = -0.5j * TABLE_SIZE * weights[chosen] / chosen
            tables[parity, octave, :-1] = np.fft.irfft(spectrum, TABLE_SIZE)
    tables[:, :, -1] = tables[:, :, 0]
    return tables.astype(np.float32)


@nb.njit(cache=True)
def _envelope(t, held, end, attack, decay, sustain, release):
    value = min(1.0, t / attack)
    if decay > 0.0:
        value *= sustain + (1.0 - sustain) * np.exp(-max(0.0, min(t, held) - attack) / decay)
    if t > held:
        value *= np.exp(-(t - held) / release)
    return value * max(0.0, min(1.0, (end - t) / 0.005))


@nb.njit(cache=True)
def _stiff_voice(phase, f, b, weights, first, begin, last, env, out):
    """Add the stretched partials of one voice over the samples begin..last; `phase` is its phase at sample `first`."""
    for k in range(1, STIFF_PARTIALS + 1):
        hz = k * f * np.sqrt((1.0 + b * k * k) / (1.0 + b))
        if hz >= STIFF_HIGH_HZ:
            break
        turn = 2.0 * np.pi * hz / 48000.0
        start = k * phase
        angle = 2.0 * np.pi * (start - np.floor(start)) + turn * (begin - first)
        stream = (k + 1) % 2
        cosine, sine = np.cos(turn), np.sin(turn)
        re, im = np.cos(angle) * weights[k - 1], np.sin(angle) * weights[k - 1]
        for n in range(begin, last):
            out[stream, n] += env[n - begin] * im
            re, im = re * cosine - im * sine, re * sine + im * cosine


@nb.njit(cache=True)
def _tonal(on, off, pitch, velocity, params, tables, stiffness, weights, out):
    n_samples = out.shape[1]
    voices = int(params[0])
    detune, decay, sustain = params[1], params[3], params[4]
    attack = max(params[2], 0.002)
    release = max(params[5], 0.005)
    vib_hz, vib_cents, vib_delay, glide, transpose = params[6], params[7], params[8], params[9], params[10]
    rate = 48000.0
    tail = min(8.0 * release, 4.0)
    env = np.empty(1, dtype=np.float32)
    for i in range(on.shape[0]):
        held = off[i] - on[i]
        end = held + tail
        first = int(np.ceil(on[i] * rate))
        last = min(n_samples, int(np.floor((on[i] + end) * rate)) + 1)
        if last <= 0 or first >= n_samples:
            continue
        amplitude = velocity[i] / 127.0 / np.sqrt(voices)
        begin = max(0, first)  # first sample to write
        if env.shape[0] < last - begin:
            env = np.empty(last - begin, dtype=np.float32)
        for n in range(begin, last):
            env[n - begin] = amplitude * _envelope(n / rate - on[i], held, end, attack, decay, sustain, release)
        for v in range(voices):
            x = (v + 0.37 * pitch[i]) * 0.6180339889
            phase = x - np.floor(x)
            cents = 0.0
            if voices > 1:
                cents = detune * (2.0 * v / (voices - 1) - 1.0)
            if stiffness[i] > 0.0:
                hz = 440.0 * 2.0 ** ((pitch[i] + transpose - 69.0) / 12.0 + cents / 1200.0)
                _stiff_voice(phase, hz, stiffness[i], weights, first, begin, last, env, out)
                continue
            begin_block = first
            if first < 0 and vib_cents <= 0.0 and glide <= 0.0:  # constant pitch: skip to the first audible block
                blocks = -first // CONTROL
                jump = blocks * CONTROL * (440.0 * 2.0 ** ((pitch[i] + transpose - 69.0) / 12.0 + cents / 1200.0) / rate)
                phase = phase + jump - np.floor(phase + jump)
                begin_block = first + blocks * CONTROL
            for start in range(begin_block, last, CONTROL):
                t = start / rate - on[i]
                p = pitch[i] + transpose
                if glide > 0.0 and i > 0:
                    p += (pitch[i - 1] - pitch[i]) * np.exp(-t / glide)
                log_f = (p - 69.0) / 12.0 + cents / 1200.0
                if vib_cents > 0.0 and t > vib_delay:
                    log_f += vib_cents / 1200.0 * np.sin(2.0 * np.pi * vib_hz * (t - vib_delay))
                f = 440.0 * 2.0**log_f
                inc = f / rate
                octave = max(0, int(np.floor(np.log2(f / 20.0))))
                low = max(start, begin)
                high = min(start + CONTROL, last)
                if octave < TABLE_OCTAVES:
                    odd = tables[0, octave]
                    even = tables[1, octave]
                    for n in range(low, high):
                        y = phase + (n - start) * inc
                        y = (y - np.floor(y)) * TABLE_SIZE
                        k = min(int(y), TABLE_SIZE - 1)
                        fraction = np.float32(y - k)
                        e = env[n - begin]
                        out[0, n] += e * (odd[k] + fraction * (odd[k + 1] - odd[k]))
                        out[1, n] += e * (even[k] + fraction * (even[k + 1] - even[k]))
                phase += CONTROL * inc
                phase -= np.floor(phase)


@nb.njit(cache=True)
def _drums(on, index, velocity, bodies, out):
    n_samples = out.shape[1]
    rate = 48000.0
    for i in range(on.shape[0]):
        vel = velocity[i] / 127.0
        position = on[i] * rate
        base = int(np.floor(position))
        fraction = position - base
        if 0 <= base < n_samples:
            out[0, base] += 4.0 * vel * (1.0 - fraction)
        if 0 <= base + 1 < n_samples:
            out[0, base + 1] += 4.0 * vel * fraction
        c = index[i]
        hz = bodies[c, 0]
        if hz <= 0.0:
            continue
        ratio, sweep, decay = bodies[c, 1], bodies[c, 2], bodies[c, 3]
        first = int(np.ceil(position))
        last = min(n_samples, int(np.floor((on[i] + 7.0 * decay) * rate)) + 1)
        for n in range(max(0, first), last):
            t = n / rate - on[i]
            phase = hz * t
            if sweep > 0.0:
                phase += hz * (ratio - 1.0) * sweep * (1.0 - np.exp(-t / sweep))
            phase -= np.floor(phase)
            out[1, n] += vel * np.sin(2.0 * np.pi * phase) * np.exp(-t / decay) * min(1.0, t / 0.001)


def tonal_streams(notes: TimedNotes, params: TonalParams, n_samples: int) -> np.ndarray:
    """Odd and even streams, float32 [2, n_samples]."""
    out = np.zeros((2, n_samples), dtype=np.float64)
    _tonal(
        notes.on, notes.off, notes.pitch, notes.velocity, params.as_array(), wavetables(params.partials),
        params.stiffness(notes.pitch), params.weights(), out,
    )  # fmt: skip
    return out.astype(np.float32)


def drum_class(key: int) -> int:
    """Index 0..11 of a GM key among the drum classes."""
    try:
        return KEY_TO_CLASS[int(key)]
    except KeyError:
        raise ValueError(f"key {key} is not one of the drum classes") from None


def drum_bodies(excitation: Mapping[str, Mapping[str, float]]) -> np.ndarray:
    """float64 [12, 4] (hz, start_ratio, sweep_s, decay_s) from a kit's `excitation` object.

    Keys are class names or class indices as text; missing classes get hz 0 (no body).
    """
    bodies = np.zeros((12, 4))
    for name, values in excitation.items():
        index = DRUM_CLASSES.index(name) if name in DRUM_CLASSES else int(name)
        unknown = set(values) - {"hz", "start_ratio", "sweep_s", "decay_s"}
        if unknown:
            raise ValueError(f"unknown excitation parameters: {', '.join(sorted(unknown))}")
        bodies[index] = (values["hz"], values["start_ratio"], values["sweep_s"], values["decay_s"])
    return bodies


def drum_streams(notes: TimedNotes, bodies: np.ndarray, n_samples: int) -> np.ndarray:
    """Impulse and body streams, float32 [2, n_samples]."""
    out = np.zeros((2, n_samples), dtype=np.float64)
    index = np.array([drum_class(key) for key in notes.pitch], dtype=np.int64)
    _drums(notes.on, index, notes.velocity, bodies, out)
    return out.astype(np.float32)


def noise_stream(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """White uniform noise of rms 0.1, float32 [n_samples]."""
    bound = np.float32(np.sqrt(3.0) * NOISE_RMS)
    return rng.random(n_samples, dtype=np.float32) * (2.0 * bound) - bound


def streams_for(
    track: str, notes: TimedNotes, excitation: Mapping[str, Any], n_samples: int, rng: np.random.Generator
) -> np.ndarray:
    """All three streams of a track, float32 [3, n_samples]."""
    if track == "drums":
        pitched = drum_streams(notes, drum_bodies(excitation), n_samples)
    else:
        pitched = tonal_streams(notes, TonalParams.from_patch(excitation), n_samples)
    return np.concatenate([pitched, noise_stream(n_samples, rng)[None]])
