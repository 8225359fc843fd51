"""Note voices at 48 kHz, wavetable subtractive and FM: each note is rendered on its own into a circular or linear buffer.

Amplitude envelope, vibrato and glide follow the definitions of the codec's excitation exactly: linear attack, then
`sustain + (1 - sustain) exp(-t / decay)` while held, times `exp(-t / release)` after the end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from resonant.synth.tables import LOWEST_HZ, OCTAVES, SAMPLE_RATE, SIZE, build

_BLOCK = 32
_MAX_VOICES = 9
_FS = float(SAMPLE_RATE)


@dataclass(frozen=True)
class Envelope:
    """Amplitude and pitch behaviour shared with the excitation (units: seconds, cents, hertz)."""

    attack_s: float = 0.003
    decay_s: float = 0.0
    sustain: float = 1.0
    release_s: float = 0.05
    vibrato_hz: float = 0.0
    vibrato_cents: float = 0.0
    vibrato_delay_s: float = 0.0
    glide_s: float = 0.0


@dataclass(frozen=True)
class Subtractive:
    """Wavetable oscillators -> state-variable low-pass."""

    wave: str = "saw"
    position: float = 0.0  # 0..1 through the bank's frames
    position_env: float = 0.0  # added at the onset, decays with filter_decay_s
    position_lfo: float = 0.0
    voices: int = 1
    detune_cents: float = 0.0
    wave2: str = "sine"
    level2: float = 0.0
    ratio2: float = 1.0  # relative to the note; below 1 it would lower the perceived pitch
    noise: float = 0.0
    noise_decay_s: float = 0.0  # 0: follows the amplitude
    cutoff_hz: float = 18_000.0  # at MIDI 60
    keytrack: float = 0.5
    resonance: float = 0.1  # 0..1
    poles: int = 2  # 2 or 4
    env_octaves: float = 0.0
    filter_attack_s: float = 0.001
    filter_decay_s: float = 0.2
    filter_sustain: float = 0.0
    velocity_octaves: float = 1.0  # cutoff change from velocity 1 to 127
    lfo_hz: float = 0.0
    lfo_octaves: float = 0.0
    drive: float = 0.0
    pitch_env_semitones: float = 0.0
    pitch_env_s: float = 0.03


@dataclass(frozen=True)
class Stack:
    """One FM carrier with its modulator. Ratios are relative to the note's frequency."""

    carrier: float = 1.0
    modulator: float = 1.0
    index: float = 1.0
    index_decay_s: float = 0.4
    index_sustain: float = 0.2
    level: float = 1.0
    level_decay_s: float = 0.0
    feedback: float = 0.0


@dataclass(frozen=True)
class Fm:
    """Up to three stacks in parallel, summed."""

    stacks: tuple[Stack, ...]
    velocity_index: float = 0.6  # how strongly the index depends on velocity
    keytrack: float = -0.5  # index change in octaves per octave of pitch
    noise: float = 0.0
    noise_decay_s: float = 0.02
    voices: int = 1
    detune_cents: float = 0.0
    cutoff_hz: float = 16_000.0


@njit(cache=True, fastmath=True, nogil=True)
def _amplitude(attack, decay, sustain, release, length, total, out):
    rate = 1.0 / _FS
    decay_step = math.exp(-rate / decay) if decay > 0 else 1.0
    release_step = math.exp(-rate / release)
    level = 1.0
    fall = 1.0
    off = 1.0
    edge = int(0.005 * _FS)
    for n in range(total):
        t = n * rate
        if t < attack:
            level = t / attack
        elif decay > 0:
            level = sustain + (1.0 - sustain) * fall
            if t < length:
                fall *= decay_step
        else:
            level = 1.0
        if t >= length:
            off *= release_step
        value = level * off
        if n > total - edge:
            value *= (total - n) / edge
        out[n] = value


@njit(cache=True, fastmath=True, nogil=True)
def _add(out, start, wrap, signal, total):
    size = out.shape[0]
    position = start
    for n in range(total):
        if position >= size:
            if not wrap:
                break
            position -= size
        out[position] += signal[n]
        position += 1


@njit(cache=True, fastmath=True, nogil=True)
def _subtractive(signal, total, amp, tables, first, frames, first2, p, midi, previous, velocity, when, seed):
    # p: see _pack_subtractive
    position0, position_env, position_lfo = p[0], p[1], p[2]
    voices, detune = int(p[3]), p[4]
    level2, ratio2, noise, noise_decay = p[5], p[6], p[7], p[8]
    cutoff, keytrack, resonance, poles = p[9], p[10], p[11], int(p[12])
    env_octaves, filter_attack, filter_decay, filter_sustain = p[13], p[14], p[15], p[16]
    velocity_octaves, lfo_hz, lfo_octaves, drive = p[17], p[18], p[19], p[20]
    pitch_env, pitch_env_s = p[21], p[22]
    vibrato_hz, vibrato_cents, vibrato_delay, glide = p[23], p[24], p[25], p[26]
    lfo_phase = p[27]

    np.random.seed(seed)
    base = 440.0 * 2.0 ** ((midi - 69.0) / 12.0)
    phase = np.empty(_MAX_VOICES)
    ratio = np.empty(_MAX_VOICES)
    for v in range(voices):
        phase[v] = np.random.random() if voices > 1 else 0.0
        spread = detune * (2.0 * v / (voices - 1) - 1.0) if voices > 1 else 0.0
        ratio[v] = 2.0 ** (spread / 1200.0)
    phase2 = 0.0
    gain = 1.0 / math.sqrt(voices)
    cutoff_note = cutoff * 2.0 ** (keytrack * (midi - 60.0) / 12.0 + velocity_octaves * (velocity - 0.75))
    s1 = 0.0
    s2 = 0.0
    s3 = 0.0
    s4 = 0.0
    r = max(0.02, 1.0 - resonance)
    drive_in = 1.0 + 4.0 * drive
    drive_out = 1.0 / (1.0 + 2.2 * drive)
    for start in range(0, total, _BLOCK):
        end = min(total, start + _BLOCK)
        t = start / _FS
        semis = 0.0
        if glide > 0.0 and previous > 0.0:
            semis += (previous - midi) * math.exp(-t / glide)
        if vibrato_cents > 0.0 and t > vibrato_delay:
            semis += vibrato_cents / 100.0 * math.sin(2 * math.pi * vibrato_hz * (t - vibrato_delay))
        if pitch_env != 0.0:
            semis += pitch_env * math.exp(-t / pitch_env_s)
        f = base * 2.0 ** (semis / 12.0)
        lfo = math.sin(2 * math.pi * (lfo_hz * (t + when) + lfo_phase))
        if t < filter_attack:
            fenv = t / filter_attack
        else:
            fenv = filter_sustain + (1.0 - filter_sustain) * math.exp(-(t - filter_attack) / filter_decay)
        octave = int(math.floor(math.log2(max(f, LOWEST_HZ) / LOWEST_HZ) + 1e-9))
        octave = min(max(octave, 0), OCTAVES - 1)
        place = min(max(position0 + position_env * fenv + position_lfo * lfo, 0.0), 1.0) * (frames - 1)
        low = min(int(place), max(0, frames - 2))
        mix = place - low
        table_a = tables[first + low, octave]
        table_b = tables[first + min(low + 1, frames - 1), octave]
        octave2 = int(math.floor(math.log2(max(f * ratio2, LOWEST_HZ) / LOWEST_HZ) + 1e-9))
        table_2 = tables[first2, min(max(octave2, 0), OCTAVES - 1)]
        fc = cutoff_note * 2.0 ** (env_octaves * fenv + lfo_octaves * lfo)
        fc = min(max(fc, 25.0), 21_000.0)
        g = math.tan(math.pi * fc / _FS)
        k = 2.0 * r
        a1 = 1.0 / (1.0 + g * (g + k))
        a2 = g * a1
        k_second = 1.6 if poles == 4 else 0.0
        b1 = 1.0 / (1.0 + g * (g + k_second))
        b2 = g * b1
        step = f / _FS
        noise_level = noise
        if noise_decay > 0.0:
            noise_level = noise * math.exp(-t / noise_decay)
        for n in range(start, end):
            x = 0.0
            for v in range(voices):
                ph = phase[v]
                place_f = ph * SIZE
                i = int(place_f)
                fraction = place_f - i
                value = table_a[i] + fraction * (table_a[i + 1] - table_a[i])
                if mix > 0.0:
                    value_b = table_b[i] + fraction * (table_b[i + 1] - table_b[i])
                    value += mix * (value_b - value)
                x += value
                ph += step * ratio[v]
                if ph >= 1.0:
                    ph -= 1.0
                phase[v] = ph
            x *= gain
            if level2 > 0.0:
                place_f = phase2 * SIZE
                i = int(place_f)
                fraction = place_f - i
                x += level2 * (table_2[i] + fraction * (table_2[i + 1] - table_2[i]))
                phase2 += step * ratio2
                while phase2 >= 1.0:
                    phase2 -= 1.0
            if noise_level > 1e-5:
                x += noise_level * (np.random.random() * 2.0 - 1.0)
            if drive > 0.0:
                x = math.tanh(x * drive_in) * drive_out * 1.6
            v3 = x - s2
            v1 = a1 * s1 + a2 * v3
            v2 = s2 + a2 * s1 + g * a2 * v3
            s1 = 2.0 * v1 - s1
            s2 = 2.0 * v2 - s2
            y = v2
            if poles == 4:
                v3 = y - s4
                v1 = b1 * s3 + b2 * v3
                v2 = s4 + b2 * s3 + g * b2 * v3
                s3 = 2.0 * v1 - s3
                s4 = 2.0 * v2 - s4
                y = v2
            signal[n] = y * amp[n] * velocity


@njit(cache=True, fastmath=True, nogil=True)
def _fm(signal, total, amp, stacks, p, midi, previous, velocity, seed):
    velocity_index, keytrack, noise, noise_decay = p[0], p[1], p[2], p[3]
    voices, detune, cutoff = int(p[4]), p[5], p[6]
    vibrato_hz, vibrato_cents, vibrato_delay, glide = p[7], p[8], p[9], p[10]
    np.random.seed(seed)
    base = 440.0 * 2.0 ** ((midi - 69.0) / 12.0)
    count = stacks.shape[0]
    sensitivity = (1.0 - velocity_index) + velocity_index * velocity * 1.35
    key_scale = 2.0 ** (keytrack * (midi - 60.0) / 12.0)
    for n in range(total):
        signal[n] = 0.0
    for v in range(voices):
        spread = detune * (2.0 * v / (voices - 1) - 1.0) if voices > 1 else 0.0
        ratio = 2.0 ** (spread / 1200.0)
        for s in range(count):
            carrier, modulator, index0, index_decay = stacks[s, 0], stacks[s, 1], stacks[s, 2], stacks[s, 3]
            index_sustain, level, level_decay, feedback = stacks[s, 4], stacks[s, 5], stacks[s, 6], stacks[s, 7]
            if base * carrier > 18_000.0:
                continue
            # Carson's rule: keep carrier + (index + 2) * modulator below the Nyquist frequency.
            limit = max(0.0, (22_000.0 / base - carrier) / modulator - 2.0)
            pc = np.random.random() if voices > 1 else 0.0
            pm = 0.0
            last = 0.0
            for start in range(0, total, _BLOCK):
                end = min(total, start + _BLOCK)
                t = start / _FS
                semis = 0.0
                if glide > 0.0 and previous > 0.0:
                    semis += (previous - midi) * math.exp(-t / glide)
                if vibrato_cents > 0.0 and t > vibrato_delay:
                    semis += vibrato_cents / 100.0 * math.sin(2 * math.pi * vibrato_hz * (t - vibrato_delay))
                step = base * ratio * 2.0 ** (semis / 12.0) / _FS
                index = (
                    index0
                    * (index_sustain + (1 - index_sustain) * math.exp(-t / index_decay))
                    * sensitivity
                    * key_scale
                )
                index = min(index, limit)
                gain = level / math.sqrt(voices)
                gain_step = 1.0
                if level_decay > 0.0:
                    gain *= math.exp(-t / level_decay)
                    gain_step = math.exp(-1.0 / (_FS * level_decay))
                for n in range(start, end):
                    m = math.sin(2 * math.pi * pm + feedback * last)
                    last = m
                    signal[n] += gain * math.sin(2 * math.pi * pc + index * m)
                    gain *= gain_step
                    pc += step * carrier
                    if pc >= 1.0:
                        pc -= math.floor(pc)
                    pm += step * modulator
                    if pm >= 1.0:
                        pm -= math.floor(pm)
    coefficient = 1.0 - math.exp(-2 * math.pi * cutoff / _FS)
    state = 0.0
    noise_level = noise
    noise_step = math.exp(-1.0 / (_FS * max(noise_decay, 1e-4)))
    for n in range(total):
        x = signal[n]
        if noise_level > 1e-5:
            x += noise_level * (np.random.random() * 2.0 - 1.0)
            noise_level *= noise_step
        state += coefficient * (x - state)
        signal[n] = state * amp[n] * velocity


class NoteRenderer:
    """Renders single notes of one patch. Not thread-safe (owns a scratch buffer)."""

    def __init__(self, source: Subtractive | Fm, envelope: Envelope) -> None:
        self._tables, index = build()
        self._envelope = envelope
        self._source = source
        e = envelope
        if isinstance(source, Subtractive):
            s = source
            self._bank, self._bank2 = index[s.wave], index[s.wave2]
            self._parameters = np.array(
                [
                    s.position,
                    s.position_env,
                    s.position_lfo,
                    s.voices,
                    s.detune_cents,
                    s.level2,
                    s.ratio2,
                    s.noise,
                    s.noise_decay_s,
                    s.cutoff_hz,
                    s.keytrack,
                    s.resonance,
                    s.poles,
                    s.env_octaves,
                    s.filter_attack_s,
                    s.filter_decay_s,
                    s.filter_sustain,
                    s.velocity_octaves,
                    s.lfo_hz,
                    s.lfo_octaves,
                    s.drive,
                    s.pitch_env_semitones,
                    s.pitch_env_s,
                    e.vibrato_hz,
                    e.vibrato_cents,
                    e.vibrato_delay_s,
                    e.glide_s,
                    0.0,
                ]
            )
        else:
            f = source
            self._stacks = np.array(
                [
                    [
                        s.carrier,
                        s.modulator,
                        s.index,
                        s.index_decay_s,
                        s.index_sustain,
                        s.level,
                        s.level_decay_s,
                        s.feedback,
                    ]
                    for s in f.stacks
                ]
            )
            self._parameters = np.array(
                [
                    f.velocity_index,
                    f.keytrack,
                    f.noise,
                    f.noise_decay_s,
                    f.voices,
                    f.detune_cents,
                    f.cutoff_hz,
                    e.vibrato_hz,
                    e.vibrato_cents,
                    e.vibrato_delay_s,
                    e.glide_s,
                ]
            )

    def tail_s(self) -> float:
        """Longest possible sound after the end of a note, in seconds."""
        return min(4.0, 8.0 * self._envelope.release_s) + 0.01

    def add(
        self,
        out: np.ndarray,
        start_s: float,
        length_s: float,
        midi: float,
        previous: float,
        velocity: float,
        wrap: bool,
        seed: int,
        lfo_phase: float,
    ) -> None:
        """Add one note to `out` (float32 samples). `previous`: start pitch of the glide, 0 for none; velocity: 0..1."""
        e = self._envelope
        total = int((length_s + self.tail_s()) * SAMPLE_RATE)
        if e.decay_s > 0 and e.sustain < 1e-3:
            total = min(total, int((e.attack_s + 9.0 * e.decay_s) * SAMPLE_RATE))
        total = max(total, 512)
        amp = np.empty(total)
        signal = np.empty(total, dtype=np.float32)
        _amplitude(max(0.002, e.attack_s), e.decay_s, e.sustain, max(0.005, e.release_s), length_s, total, amp)
        if isinstance(self._source, Subtractive):
            self._parameters[27] = lfo_phase
            _subtractive(
                signal,
                total,
                amp,
                self._tables,
                self._bank[0],
                self._bank[1],
                self._bank2[0],
                self._parameters,
                midi,
                previous,
                velocity,
                start_s,
                seed,
            )
        else:
            _fm(signal, total, amp, self._stacks, self._parameters, midi, previous, velocity, seed)
        start = int(round(start_s * SAMPLE_RATE))
        if wrap:
            start %= len(out)
        _add(out, start, wrap, signal, total)
