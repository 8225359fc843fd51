"""Offline rendering of the MIT-licensed General MIDI soundfonts with FluidSynth (libfluidsynth through ctypes).

Output is mono at 48 kHz. Notes start on the nearest 64-sample block (at most 0.7 ms from the score). Reverb and chorus
are off.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from resonant.synth.tables import SAMPLE_RATE

BLOCK = 64
FONT_FILES = {
    "fluid": ("FluidR3_GM.sf2", "fluid-soundfont-gm"),
    "musescore": ("MuseScore_General_Full.sf3", "musescore-general-soundfont"),
}
_FONT_DIRECTORIES = (Path("/usr/share/sounds/sf2"), Path("/usr/share/sounds/sf3"), Path("/usr/share/soundfonts"))
# SoundFont 2.04 generator numbers; values are offsets from the preset's own values (timecents, cents, centibels).
FILTER_CUTOFF, FILTER_Q, ATTACK, DECAY, SUSTAIN, RELEASE, FINE_TUNE = 8, 9, 34, 36, 37, 38, 52
_GENERATORS = (FILTER_CUTOFF, FILTER_Q, ATTACK, DECAY, SUSTAIN, RELEASE, FINE_TUNE)
_MAX_TAIL_S = 4.0


class SoundfontError(RuntimeError):
    """The FluidSynth library or a soundfont is missing or unusable."""


@dataclass(frozen=True)
class Event:
    """One note in absolute seconds."""

    on_s: float
    off_s: float
    midi: int
    velocity: int


def _library() -> ctypes.CDLL:
    name = ctypes.util.find_library("fluidsynth") or "libfluidsynth.so.3"
    try:
        library = ctypes.CDLL(name)
    except OSError as error:
        raise SoundfontError(f"cannot load the FluidSynth library ({error}); install libfluidsynth3") from error
    library.new_fluid_settings.restype = ctypes.c_void_p
    library.new_fluid_synth.restype = ctypes.c_void_p
    library.new_fluid_synth.argtypes = [ctypes.c_void_p]
    library.fluid_settings_setnum.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_double]
    library.fluid_settings_setint.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
    library.fluid_synth_sfload.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
    library.fluid_synth_program_select.argtypes = [
        ctypes.c_void_p,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int,
    ]
    library.fluid_synth_noteon.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_int]
    library.fluid_synth_noteoff.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
    library.fluid_synth_set_gen.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_float]
    library.fluid_synth_all_sounds_off.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.fluid_synth_get_active_voice_count.argtypes = [ctypes.c_void_p]
    library.fluid_synth_write_float.argtypes = [ctypes.c_void_p, ctypes.c_int] + [
        ctypes.c_void_p,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_int,
        ctypes.c_int,
    ]
    library.fluid_set_log_function.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    return library


def font_path(font: str) -> Path:
    """Path of an installed soundfont. Raises SoundfontError naming the Debian package if it is missing."""
    file, package = FONT_FILES[font]
    for directory in _FONT_DIRECTORIES:
        if (directory / file).exists():
            return directory / file
    raise SoundfontError(f"soundfont {file} not found; install the Debian package {package}")


class FontPlayer:
    """One FluidSynth instance; fonts are loaded on first use. Use one per process."""

    def __init__(self) -> None:
        self._library = _library()
        for level in range(1, 5):
            self._library.fluid_set_log_function(level, None, None)
        settings = self._library.new_fluid_settings()
        for key, number in ((b"synth.sample-rate", float(SAMPLE_RATE)), (b"synth.gain", 0.6)):
            self._library.fluid_settings_setnum(settings, key, number)
        for key, integer in ((b"synth.reverb.active", 0), (b"synth.chorus.active", 0), (b"synth.polyphony", 256)):
            self._library.fluid_settings_setint(settings, key, integer)
        self._synth = self._library.new_fluid_synth(settings)
        if not self._synth:
            raise SoundfontError("FluidSynth could not be started")
        self._fonts: dict[str, int] = {}

    def _font(self, font: str) -> int:
        if font not in self._fonts:
            identifier = self._library.fluid_synth_sfload(self._synth, str(font_path(font)).encode(), 0)
            if identifier < 0:
                raise SoundfontError(f"FluidSynth could not read {font_path(font)}")
            self._fonts[font] = identifier
        return self._fonts[font]

    def _write(self, out: np.ndarray, start: int, count: int) -> None:
        # out: [2, n] float32, contiguous rows
        left, right = out[0].ctypes.data, out[1].ctypes.data
        self._library.fluid_synth_write_float(self._synth, count, left, start, 1, right, start, 1)

    def render(
        self,
        font: str,
        bank: int,
        program: int,
        events: list[Event],
        length_s: float,
        generators: tuple[tuple[int, float], ...] = (),
        side: str = "mid",
    ) -> np.ndarray:
        """Render events to float32 mono of at least `length_s`, plus any sounding tail. side: "mid", "left" or "right".
        """
        if self._library.fluid_synth_program_select(self._synth, 0, self._font(font), bank, program) != 0:
            raise SoundfontError(f"{font_path(font).name} has no preset {bank}:{program}")
        self._library.fluid_synth_all_sounds_off(self._synth, 0)
        offsets = dict(generators)
        for generator in _GENERATORS:
            self._library.fluid_synth_set_gen(self._synth, 0, generator, offsets.get(generator, 0.0))
        ordered = sorted(events, key=lambda e: (e.on_s, e.midi))
        next_on: dict[int, float] = {}
        actions: list[tuple[int, int, int, int]] = []  # block, 0 off / 1 on, midi, velocity
        for event in reversed(ordered):
            off_s = min(event.off_s, next_on.get(event.midi, math.inf))
            next_on[event.midi] = event.on_s
            on_block = round(event.on_s * SAMPLE_RATE / BLOCK)
            off_block = max(on_block + 1, round(off_s * SAMPLE_RATE / BLOCK))
            actions.append((on_block, 1, event.midi, event.velocity))
            actions.append((off_block, 0, event.midi, 0))
        actions.sort()
        end_block = math.ceil(length_s * SAMPLE_RATE / BLOCK)
        last = max([end_block] + [a[0] for a in actions])
        capacity = (last + int(_MAX_TAIL_S * SAMPLE_RATE / BLOCK) + 1) * BLOCK
        out = np.zeros((2, capacity), dtype=np.float32)
        # Flush notes left over from an earlier call (all_sounds_off takes effect on the next block).
        self._write(np.zeros((2, 4 * BLOCK), dtype=np.float32), 0, 4 * BLOCK)
        position = 0
        for block, on, midi, velocity in actions:
            if block > position:
                self._write(out, position * BLOCK, (block - position) * BLOCK)
                position = block
            if on:
                self._library.fluid_synth_noteon(self._synth, 0, midi, velocity)
            else:
                self._library.fluid_synth_noteoff(self._synth, 0, midi)
        if end_block > position:
            self._write(out, position * BLOCK, (end_block - position) * BLOCK)
            position = end_block
        step = 4_800 // BLOCK
        while (
            self._library.fluid_synth_get_active_voice_count(self._synth) > 0 and (position + step) * BLOCK <= capacity
        ):
            self._write(out, position * BLOCK, step * BLOCK)
            position += step
        out = out[:, : position * BLOCK]
        fade = min(out.shape[1], 960)
        out[:, -fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
        if side == "mid":
            return 0.5 * (out[0] + out[1])
        return np.ascontiguousarray(out[0] if side == "left" else out[1])


@functools.cache
def player() -> FontPlayer:
    """The FluidSynth instance of this process."""
    return FontPlayer()
