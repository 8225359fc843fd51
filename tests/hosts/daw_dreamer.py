"""The VST3 in DawDreamer: four stems by a parameter, on nine buses, in time, saved and restored.

Usage: daw_dreamer.py PLUGIN.vst3 FOLDER. Prints one line per check; any failure is an AssertionError.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import dawdreamer
import numpy as np
from numpy.typing import NDArray

RATE_HZ = 48_000
# Rates that the saved session is opened at as well.
OTHER_RATES_HZ = (44_100, 96_000)
BLOCK = 128
BPM = 120.0
BARS = 2
LOOP_SECONDS = BARS * 4 * 60.0 / BPM
PATIENCE_SECONDS = 240.0
# Main and the stems; kick, snare, hats and percussion follow.
STEM_BUSES = 5
# The host's name for each value between 0 and 1: bars go from 0 to 32, seeds from 0 to 9999.
SETTINGS = {"Bars": BARS / 32, "Swap At": 0.0, "Seed Mode": 0.5, "Seed": 7 / 9999}

Audio = NDArray[np.float32]  # [channels, audio_frames]


class Host:
    """One engine with one plugin."""

    def __init__(self, plugin: str, rate_hz: int = RATE_HZ, block: int = BLOCK) -> None:
        self.engine = dawdreamer.RenderEngine(rate_hz, block)
        self.engine.set_bpm(BPM)
        self.plugin = self.engine.make_plugin_processor("resonantgen", plugin)
        self.indices = {entry["name"]: entry["index"] for entry in self.plugin.get_parameters_description()}
        assert self.plugin.get_num_output_channels() == 18, self.plugin.get_num_output_channels()
        self.activate()

    def activate(self) -> None:
        """Activates the plugin, anew if it was active."""
        self.engine.load_graph([(self.plugin, [])])

    def set(self, name: str, value: float) -> None:
        self.plugin.set_parameter(self.indices[name], value)

    def render(self, seconds: float = LOOP_SECONDS) -> Audio:
        """Renders Main and the stems from the start of the timeline."""
        return self.render_all(seconds)[: 2 * STEM_BUSES]

    def render_all(self, seconds: float = LOOP_SECONDS) -> Audio:
        """The same, with the parts of the drums."""
        self.engine.render(seconds)
        return np.asarray(self.engine.get_audio())

    def trigger(self, name: str, before: Audio | None) -> Audio:
        """Raises a trigger and renders until something else is heard than before, twice the same."""
        self.set(name, 0.0)
        self.render(0.1)
        self.set(name, 1.0)
        began = time.monotonic()
        last = self.render()
        while time.monotonic() - began < PATIENCE_SECONDS:
            audio = self.render()
            changed = before is None or not np.array_equal(audio, before)
            if changed and np.abs(audio).max() > 1e-4 and np.array_equal(audio, last):
                self.set(name, 0.0)
                return audio
            last = audio
        raise AssertionError(f"no take within {PATIENCE_SECONDS} s")


def stems(audio: Audio) -> list[Audio]:
    """Main and the four stems, [2, audio_frames] each."""
    return [audio[2 * bus : 2 * bus + 2] for bus in range(STEM_BUSES)]


def rms(audio: Audio) -> float:
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))


def check_rate(plugin: str, state: Path, rate_hz: int, reference: Audio) -> None:
    """The saved session at another rate: each pass, block size and instance the same, and the same music."""
    host = Host(plugin, rate_hz)
    host.plugin.load_state(str(state))
    host.render()
    length = round(LOOP_SECONDS * rate_hz)
    twice = host.render(2 * LOOP_SECONDS)
    assert np.array_equal(twice[:, :length], twice[:, length : 2 * length]), f"the loop repeats at {rate_hz} Hz"
    host.activate()
    again = host.render()
    assert np.array_equal(again[:, :length], twice[:, :length]), f"activated anew it plays the same at {rate_hz} Hz"
    other = Host(plugin, rate_hz, block=441)
    other.plugin.load_state(str(state))
    other.render()
    audio = other.render()
    assert np.array_equal(audio[:, :length], twice[:, :length]), f"another instance plays the same at {rate_hz} Hz"
    # The same music: below both rates' edges the spectra of a loop are the same, bin by bin.
    bins = round(15_000 * LOOP_SECONDS)
    for bus, (one, two) in enumerate(zip(stems(twice[:, :length]), stems(reference), strict=True)):
        spectra = [np.fft.rfft(audio.astype(np.float64), axis=1)[:, :bins] / audio.shape[1] for audio in (one, two)]
        error = np.abs(spectra[0] - spectra[1]).max() / np.abs(spectra[1]).max()
        assert error < 1e-3, f"bus {bus} at {rate_hz} Hz is {error:.1e} off the session at {RATE_HZ} Hz"


def main(plugin: str, folder: Path) -> None:
    host = Host(plugin)
    for name, value in SETTINGS.items():
        host.set(name, value)
    first = host.trigger("Generate", None)
    mix, *tracks = stems(first)
    for index, track in enumerate(tracks):
        assert rms(track) > 1e-4, f"stem {index} is silent"
        for other in tracks[:index]:
            assert not np.array_equal(track, other), f"stem {index} equals another"
    assert np.abs(mix - sum(tracks)).max() < 1e-5, "Main is the sum of the stems"
    print("four different stems, and Main is their sum")

    # Two loops: the second is the first, to the sample, so what is heard follows the host's beats.
    twice = host.render(2 * LOOP_SECONDS)
    length = round(LOOP_SECONDS * RATE_HZ)
    assert np.array_equal(twice[:, :length], twice[:, length : 2 * length]), "the loop repeats on the bar"
    print("locked to the host's beats")

    host.set("Bass Lock", 1.0)
    host.set("Seed", 23 / 9999)
    second = host.trigger("Generate", first)
    assert np.array_equal(stems(first)[2], stems(second)[2]), "the locked bass keeps its bits"
    assert not np.array_equal(stems(first)[1], stems(second)[1]), "the drums have changed"
    print("a locked track keeps its bits")

    # The drums are taken apart in the background.
    began = time.monotonic()
    while True:
        audio = host.render_all()
        parts = [audio[2 * bus : 2 * bus + 2] for bus in range(STEM_BUSES, 9)]
        assert np.abs(sum(parts) - stems(audio)[1]).max() < 3e-5, "the parts sum to the drums"
        if sum(rms(part) > 1e-4 for part in parts) >= 2:
            break
        assert time.monotonic() - began < PATIENCE_SECONDS, "the drums are not taken apart"
    print("kick, snare, hats and percussion sum to the drums")

    state = folder / "state.bin"
    host.plugin.save_state(str(state))
    restored = Host(plugin)
    restored.plugin.load_state(str(state))
    again = restored.render()
    assert np.array_equal(again, second), "a restored session plays again to the bit"
    restored.activate()
    assert np.array_equal(restored.render(), second), "activated anew it plays the same"
    print("a saved session plays again to the bit, activated anew as well")

    for rate_hz in OTHER_RATES_HZ:
        check_rate(plugin, state, rate_hz, second)
        print(f"at {rate_hz} Hz every pass and every instance plays the same samples")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
