"""Renders timed notes with a patch to audio, before and after the patch's effects."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numba import njit

from resonant.piece import DRUM_CLASSES, DRUM_KEYS, KEY_TO_CLASS, Note, Piece
from resonant.synth.drums import render_hit, shape
from resonant.synth.effects import Effects, process, process_loop, soft_limit
from resonant.synth.fluid import Event, player
from resonant.synth.model import Font, FontKit, Patch, SynthKit
from resonant.synth.tables import SAMPLE_RATE
from resonant.synth.voice import NoteRenderer

_VELOCITY_LAYERS = (16, 32, 48, 64, 80, 96, 112, 127)
_ROUND_ROBIN = 2
# Hand percussion in General MIDI kits is as loud as the snare; their hats are too quiet for a dry mix.
_FONT_KIT_LEVELS = {"shaker": 0.35, "perc": 0.5, "rim": 0.8, "closed_hat": 1.3, "open_hat": 1.2}
_CACHE_SIZE = 700
_RUMBLE = Effects(high_pass_hz=15.0)  # removes the DC offset of some soundfont samples


@dataclass(frozen=True)
class Timed:
    """A note in seconds (swing and offset applied)."""

    on_s: float
    off_s: float
    pitch: int
    velocity: int


def timed_notes(piece: Piece, track: str) -> list[Timed]:
    """Notes of a track in absolute seconds, in score order."""
    result = []
    for note in piece.tracks.get(track, []):
        result.append(_timed(piece, note))
    return result


def _timed(piece: Piece, note: Note) -> Timed:
    on = piece.seconds_at(note.start)
    return Timed(on, max(on + 0.01, piece.seconds_at(note.end)), note.pitch, note.velocity)


class _HitCache:
    """Least-recently-used cache of one-shots; kits are cheap to render again."""

    def __init__(self) -> None:
        self._items: OrderedDict[tuple[str, int, int, int], np.ndarray] = OrderedDict()

    def get(self, patch: Patch, drum: int, layer: int, robin: int) -> np.ndarray:
        key = (patch.id, drum, layer, robin)
        if key in self._items:
            self._items.move_to_end(key)
            return self._items[key]
        hit = one_shot(patch, drum, _VELOCITY_LAYERS[layer], robin)
        self._items[key] = hit
        if len(self._items) > _CACHE_SIZE:
            self._items.popitem(last=False)
        return hit


_hits = _HitCache()


def one_shot(patch: Patch, drum: int, velocity: int, robin: int = 0) -> np.ndarray:
    """A drum class of a kit at a velocity, before the kit's effects and level -> float32 samples."""
    sound = patch.sound
    name = DRUM_CLASSES[drum]
    if isinstance(sound, SynthKit):
        return render_hit(sound.hits[name], velocity / 127, 7919 * drum + 31 * robin + 1)
    if not isinstance(sound, FontKit):
        raise TypeError(f"{patch.id} is not a drum kit")
    if name in sound.layers:
        return render_hit(sound.layers[name], velocity / 127, 7919 * drum + 31 * robin + 1)
    key = sound.keys.get(name, DRUM_KEYS[drum])
    raw = player().render(sound.font, 128, sound.program, [Event(0.0, 0.6, key, velocity)], 0.6, side=sound.side)
    semitones = sound.tune.get(name, sound.tune.get("", 0.0))
    if semitones:
        ratio = 2.0 ** (semitones / 12.0)
        raw = np.interp(np.arange(0, len(raw) - 1, ratio), np.arange(len(raw)), raw).astype(np.float32)
    loud = np.flatnonzero(np.abs(raw) > 1e-4 * max(1e-6, float(np.max(np.abs(raw)))))
    raw = raw[: loud[-1] + 1] if len(loud) else raw[:480]
    # Remove the lead-in of the sample (up to a few milliseconds before the transient), so that the onset is at the
    # score's time.
    begin = np.flatnonzero(np.abs(raw) > 0.03 * max(1e-9, float(np.max(np.abs(raw)))))
    if len(begin):
        raw = raw[max(0, begin[0] - 24) :]
    decay = sound.decay_s.get(name, sound.decay_s.get("", 0.0))
    raw = np.ascontiguousarray(raw[: 3 * SAMPLE_RATE], dtype=np.float32)
    if decay:
        raw *= np.exp(-np.arange(len(raw)) / (decay * SAMPLE_RATE)).astype(np.float32)
    return shape(raw, sound.crush, sound.low_pass_hz) * np.float32(
        4.0 * sound.level.get(name, _FONT_KIT_LEVELS.get(name, 1.0))
    )


@njit(cache=True, fastmath=True, nogil=True)
def _mix(out, hit, start, gain, count, wrap):
    size = out.shape[0]
    fade = 288
    position = start
    total = min(count, hit.shape[0])
    cut = total < hit.shape[0]
    for n in range(total):
        if position >= size:
            if not wrap:
                break
            position -= size
        value = hit[n] * gain
        if cut and total - n < fade:
            value *= (total - n) / fade
        out[position] += value
        position += 1


def _render_kit(patch: Patch, notes: list[Timed], out: np.ndarray, wrap: bool) -> None:
    closed, opened = DRUM_CLASSES.index("closed_hat"), DRUM_CLASSES.index("open_hat")
    size = len(out)
    hits = []
    for note in notes:
        drum = KEY_TO_CLASS.get(note.pitch)
        if drum is not None:
            hits.append((int(round(note.on_s * SAMPLE_RATE)), drum, note.velocity))
    hits.sort()
    chokes = np.array([start for start, drum, _ in hits if drum in (closed, opened)], dtype=np.int64)
    counts = [0] * len(DRUM_CLASSES)
    for start, drum, velocity in hits:
        layer = min(range(len(_VELOCITY_LAYERS)), key=lambda i: abs(_VELOCITY_LAYERS[i] - velocity))
        hit = _hits.get(patch, drum, layer, counts[drum] % _ROUND_ROBIN if isinstance(patch.sound, SynthKit) else 0)
        counts[drum] += 1
        length = len(hit)
        if drum == opened:
            later = chokes[chokes > start]
            if len(later):
                length = min(length, int(later[0] - start) + 288)
            elif wrap and len(chokes):
                length = min(length, int(chokes[0] + size - start) + 288)
        _mix(out, hit, start % size if wrap else start, velocity / _VELOCITY_LAYERS[layer], length, wrap)


def _render_voices(patch: Patch, notes: list[Timed], out: np.ndarray, wrap: bool, rng: np.random.Generator) -> None:
    renderer = NoteRenderer(patch.sound, patch.envelope)  # type: ignore[arg-type]
    lfo_phase = float(rng.random())
    previous = float(notes[-1].pitch) if wrap and notes else 0.0
    for note in notes:
        renderer.add(
            out, note.on_s, note.off_s - note.on_s, float(note.pitch), previous, note.velocity / 127, wrap,
            int(rng.integers(1 << 30)), lfo_phase,
        )  # fmt: skip
        previous = float(note.pitch)


def _render_font(patch: Patch, notes: list[Timed], out: np.ndarray, wrap: bool) -> None:
    sound = patch.sound
    if not isinstance(sound, Font):
        raise TypeError(f"{patch.id} is not a soundfont patch")
    events = [Event(n.on_s, n.off_s, min(127, max(0, n.pitch + sound.transpose)), n.velocity) for n in notes]
    size = len(out)
    rendered = player().render(
        sound.font, sound.bank, sound.program, events, size / SAMPLE_RATE, sound.generators, sound.side
    )
    if not wrap:
        count = min(size, len(rendered))
        out[:count] += rendered[:count]
        return
    for begin in range(0, len(rendered), size):
        part = rendered[begin : begin + size]
        out[: len(part)] += part


def render_raw(patch: Patch, notes: list[Timed], samples: int, wrap: bool, rng: np.random.Generator) -> np.ndarray:
    """Notes -> float32 [samples] before effects and level. `wrap`: sound past the end continues at the start."""
    out = np.zeros(samples, dtype=np.float32)
    if patch.is_kit:
        _render_kit(patch, notes, out, wrap)
    elif isinstance(patch.sound, Font):
        _render_font(patch, notes, out, wrap)
    else:
        _render_voices(patch, notes, out, wrap, rng)
    return out


def render_notes(
    patch: Patch, notes: list[Timed], samples: int, wrap: bool, rng: np.random.Generator, levels: tuple[float, float]
) -> np.ndarray:
    """Notes -> float32 [samples]. `levels` are the gains before and after the effects (linear, from the calibration).
    """
    raw = render_raw(patch, notes, samples, wrap, rng) * np.float32(levels[0])
    phase = float(rng.random() * 2 * np.pi)
    if patch.effects != Effects():
        raw = process_loop(raw, patch.effects, phase) if wrap else process(raw, patch.effects, phase)
    raw = process_loop(raw, _RUMBLE, 0.0) if wrap else process(raw, _RUMBLE, 0.0)
    raw = np.ascontiguousarray(raw * np.float32(levels[1]), dtype=np.float32)
    soft_limit(raw)
    return raw


def loop_samples(piece: Piece) -> int:
    """Exact loop length at 48 kHz."""
    return round(piece.total_steps / 4 * 60 / piece.bpm * SAMPLE_RATE)
