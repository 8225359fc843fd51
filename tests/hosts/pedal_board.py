"""The VST3 in pedalboard, which supplies the main bus only and has no transport: the mix must be heard.

Usage: pedal_board.py PLUGIN.vst3. Prints one line per check; any failure is an AssertionError.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pedalboard

RATE_HZ = 48_000
OTHER_RATES_HZ = (44_100, 96_000)
PATIENCE_SECONDS = 240.0


def main(path: str) -> None:
    plugin = pedalboard.load_plugin(path, initialization_timeout=0.1)
    assert plugin.is_instrument
    presets = sorted((Path(path).parent / "vst3-presets").glob("*.vstpreset"))
    assert len(presets) >= 24, f"{len(presets)} presets"
    plugin.load_preset(str(next(preset for preset in presets if preset.stem == "Open Road")))
    assert (plugin.bars, round(plugin.variation)) == ("8 bars", 50), (plugin.bars, plugin.variation)
    assert b"energetic rock with electric guitar" in plugin.preset_data
    print("a preset of the factory is loaded")
    plugin.bars = "2 bars"
    plugin.swap_at = "Now"
    plugin.process([], 0.1, RATE_HZ, reset=False)
    plugin.generate = True
    began = time.monotonic()
    audio = np.zeros((2, 1), np.float32)
    while np.abs(audio).max() < 1e-3:
        assert time.monotonic() - began < PATIENCE_SECONDS, f"silence for {PATIENCE_SECONDS} s"
        audio = plugin.process([], 0.5, RATE_HZ, reset=False)
    assert audio.shape[0] == 2 and np.isfinite(audio).all()
    print("the mix is heard on the main bus")

    # Without the bass the mix is another one: it is really the mix.
    plugin.process([], 1.0, RATE_HZ, reset=False)
    levels = []
    for muted in (False, True):
        for name in ("drums_mute", "bass_mute", "harmony_mute", "melody_mute"):
            setattr(plugin, name, muted)
        levels.append(float(np.abs(plugin.process([], 4.0, RATE_HZ, reset=False)[:, RATE_HZ:]).max()))
    assert levels[0] > 1e-3 and levels[1] == 0.0, levels
    print("muting all tracks silences it")
    for name in ("drums_mute", "bass_mute", "harmony_mute", "melody_mute"):
        setattr(plugin, name, False)

    # pedalboard keeps the rate that it has begun with, so each rate has an instance of its own.
    plugin.generate = False
    plugin.process([], 0.1, RATE_HZ, reset=False)
    for rate_hz in (*OTHER_RATES_HZ, RATE_HZ):
        passes = []
        for _ in range(2):
            other = pedalboard.load_plugin(path, initialization_timeout=0.1)
            other.raw_state = plugin.raw_state
            passes.append(other.process([], 3.0, rate_hz, reset=False))
        first, second = passes
        assert np.abs(first).max() > 1e-3, f"silence at {rate_hz} Hz"
        differs = np.flatnonzero((first != second).any(axis=0))
        assert not len(differs), f"another instance plays other samples at {rate_hz} Hz, from {differs[0]} on"
    print("at each rate every instance plays the same samples")


if __name__ == "__main__":
    main(sys.argv[1])
