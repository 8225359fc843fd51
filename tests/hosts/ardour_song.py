"""The VST3 in Ardour 7, headless, at 44.1 kHz: a whole song in song mode, rendered from a saved project, is what an export has.

Usage: ardour_song.py PLUGIN.vst3 FOLDER STATE REFERENCE.wav. STATE is a state of the plugin with a song, REFERENCE the sum of the
song's exported stems. Needs /usr/bin/ardour7-lua. Prints one line per check; any failure is an AssertionError.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import soundfile

import ardour

RATE_HZ = 44_100
# Where the song starts, Ardour fades in for so long.
BEGIN_SECONDS = 0.1
# How far the bounce may be off the export, as a share of its power: takes are resampled one by one there, and all at once here.
MOST_OFF_DB = -46.0


def with_component_state(preset: bytes, state: bytes) -> bytes:
    """A VST3 preset with another state of the component. A preset is a header with the offset of a list, chunks, and that list."""
    assert preset[:4] == b"VST3", preset[:4]
    at = int.from_bytes(preset[40:48], "little")
    assert preset[at : at + 4] == b"List", preset[at : at + 4]
    count = int.from_bytes(preset[at + 4 : at + 8], "little")
    body, entries = b"", b""
    for index in range(count):
        entry = preset[at + 8 + 20 * index :][:20]
        offset, size = (int.from_bytes(entry[from_:][:8], "little") for from_ in (4, 12))
        chunk = state if entry[:4] == b"Comp" else preset[offset : offset + size]
        entries += entry[:4] + (48 + len(body)).to_bytes(8, "little") + len(chunk).to_bytes(8, "little")
        body += chunk
    return preset[:40] + (48 + len(body)).to_bytes(8, "little") + body + b"List" + count.to_bytes(4, "little") + entries


def give_state(session: Path, state: bytes) -> None:
    """Puts a state of the plugin into a saved session."""
    text = session.read_text(encoding="utf-8")
    found = re.findall(r"<chunk>([^<]+)</chunk>", text)
    assert len(found) == 1, f"{len(found)} plugin states in the session"
    preset = with_component_state(base64.b64decode(found[0]), state)
    session.write_text(text.replace(found[0], base64.b64encode(preset).decode()), encoding="utf-8")


def main(plugin: Path, folder: Path, state: Path, reference: Path) -> None:
    expected = soundfile.read(reference, dtype="float32")[0]
    seconds = len(expected) / RATE_HZ
    os.environ |= {"RESONANTGEN_RATE": str(RATE_HZ), "RESONANTGEN_SECONDS": str(int(seconds))}
    home = folder / "home"
    installed = home / ".vst3" / plugin.name
    installed.parent.mkdir(parents=True)
    shutil.copytree(plugin, installed)
    for path in [installed, *installed.rglob("*")]:
        # A bundle that is not older than the cache counts as changed.
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 3_600))
    ardour.run([str(ardour.LIBRARIES / "ardour-vst3-scanner"), "-f", str(installed)], home, "Saved VST3 plugin cache")

    script = str(Path(__file__).with_name("ardour.lua"))
    session = folder / "session"
    ardour.run(["ardour7-lua", script, "song", str(session)], home, "made and saved")
    give_state(session / "resonantgen.ardour", state.read_bytes())

    presets = home / "config" / "ardour7" / "export"
    presets.mkdir(parents=True, exist_ok=True)
    (presets / "mix.preset").write_text(ardour.PRESET, encoding="utf-8")
    # As in ardour.py: one of ten exports without a screen ends with a crash of Ardour's own.
    render = ["ardour7-lua", script, "render", str(session), ardour.PRESET_ID, str(folder), "song"]
    made = folder / "song.wav"
    ardour.run(render, home, "rendered song", tries=5, makes=made)
    rendered, rate_hz = soundfile.read(made, dtype="float32")
    assert rate_hz == RATE_HZ, f"rendered at {rate_hz} Hz"
    begin, end = round(BEGIN_SECONDS * RATE_HZ), min(len(rendered), len(expected))
    assert end > (seconds - 1.5) * RATE_HZ, f"only {end / RATE_HZ} s were rendered"
    rendered, expected = rendered[begin:end], expected[begin:end]
    off_db = 10.0 * np.log10(np.sum((rendered - expected) ** 2.0) / np.sum(expected**2.0) + 1e-20)
    worst = int(np.abs(rendered - expected).max(axis=1).argmax()) + begin
    assert off_db <= MOST_OFF_DB, f"the bounce is {off_db:.1f} dB off the export, most at {worst / RATE_HZ:.3f} s"
    print(f"a song of {seconds:.0f} s, bounced at 44.1 kHz, is its export ({off_db:.1f} dB off)")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:5]))
