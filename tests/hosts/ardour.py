"""The VST3 in Ardour 7, headless: four stems on four mixer channels, automated, saved, reopened, rendered, the same to the bit.

Usage: ardour.py PLUGIN.vst3 FOLDER. Needs /usr/bin/ardour7-lua. Prints one line per check; any failure is an AssertionError.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE_HZ = 48_000
# The first pass may have to make takes; the last two find them made.
PASSES = 3
# Until the first bar line, what sounded when the song was last stopped is heard; then come 10 ms of crossfade.
BEGIN_SECONDS = 2.02
PATIENCE_SECONDS = 240.0
LIBRARIES = Path("/usr/lib/ardour7")

# Ardour adds channels up in any order; each of them is the same to the bit.
ROUNDING = 2.0**-22
# 32-bit float at the session's rate: a format that Ardour brings along.
PRESET_ID = "6f1b5f0e-0a4c-4c83-9d3e-5a2f6f0c7d11"
PRESET = f"""<?xml version="1.0" encoding="UTF-8"?>
<ExportPreset id="{PRESET_ID}" name="Mix">
  <ExportFormat id="20b4ab09-6452-4cb3-bd66-b921cdbd2942"/>
  <ExportFilename>
    <Folder relative="true" path="/export"/>
    <Field name="label" enabled="false"/>
    <Field name="session" enabled="false"/>
    <Field name="revision" enabled="false"/>
    <Field name="time" enabled="false" value="T_None"/>
    <Field name="date" enabled="false" value="D_None"/>
  </ExportFilename>
</ExportPreset>
"""

Stems = NDArray[np.float32]  # [stem, audio_frames, channel]


def environment(home: Path) -> dict[str, str]:
    """Ardour's own, with settings and caches in `home`, and no screen."""
    variables = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    variables |= {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "LD_LIBRARY_PATH": str(LIBRARIES),
        "ARDOUR_DATA_PATH": "/usr/share/ardour7",
        "ARDOUR_CONFIG_PATH": "/etc/ardour7",
        "ARDOUR_DLL_PATH": str(LIBRARIES),
    }
    return variables


def run(command: list[str], home: Path, done: str, tries: int = 1, makes: Path | None = None) -> None:
    """Runs a program of Ardour's until it says `done`. Where it aborts it is started anew up to `tries` times, without the file that it
    `makes`: what it leaves behind then is no more reliable than what it says."""
    if makes is not None:
        makes.unlink(missing_ok=True)
    result = subprocess.run(
        command, env=environment(home), capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    if result.returncode < 0 and tries > 1:
        print(f"Ardour has aborted ({result.returncode}); once more")
        run(command, home, done, tries - 1, makes)
        return
    assert done in result.stdout, f"{command[0]} failed ({result.returncode}):\n{result.stdout}{result.stderr}"


def recorded(session: Path) -> list[Stems]:
    """What each pass has recorded, in their order."""
    folder = next((session / "interchange").iterdir()) / "audiofiles"
    passes = []
    for number in range(1, 1 + len(list(folder.glob("Take*_Stem 1-*%L.wav")))):
        stems = []
        for stem in range(1, 5):
            sides = [
                soundfile.read(next(folder.glob(f"Take{number}_Stem {stem}-*%{side}.wav")), dtype="float32")[0]
                for side in "LR"
            ]
            stems.append(np.stack(sides, axis=-1))
        passes.append(np.stack(stems))
    return passes


def notes(session: Path, take: int) -> list[tuple[float, int, int, bool]]:
    """What a pass has recorded of the plugin's note output: (quarter note, channel, key, starts), in order."""
    folder = next((session / "interchange").iterdir()) / "midifiles"
    data = next(folder.glob(f"Take{take}_Notes-*.mid")).read_bytes()
    division = int.from_bytes(data[12:14], "big")
    events = []
    at = 8 + int.from_bytes(data[4:8], "big")
    while at < len(data):
        begin, length = at + 8, int.from_bytes(data[at + 4 : at + 8], "big")
        chunk, at = data[begin : begin + length], begin + length
        now = place = status = 0

        def number() -> int:
            nonlocal place
            value = 0
            while True:
                byte = chunk[place]
                place += 1
                value = value << 7 | byte & 0x7F
                if byte < 0x80:
                    return value

        while place < len(chunk):
            now += number()
            if chunk[place] >= 0x80:
                status = chunk[place]
                place += 1
            if status == 0xFF:
                place += 1
                size = number()
                place += size
            elif status >= 0xF0:
                size = number()
                place += size
            else:
                kind, channel = status >> 4, status & 0xF
                if kind in (8, 9):
                    key, velocity = chunk[place], chunk[place + 1]
                    events.append((now / division, channel, key, kind == 9 and velocity > 0))
                place += 1 if kind in (0xC, 0xD) else 2
    return events


def difference(one: Stems, other: Stems) -> str:
    """Where two recordings differ; empty when they do not."""
    begin, end = round(BEGIN_SECONDS * RATE_HZ), min(one.shape[1], other.shape[1])
    differs = (one[:, begin:end] != other[:, begin:end]).any(axis=2)
    return ", ".join(
        f"stem {index + 1} from {BEGIN_SECONDS + int(row.argmax()) / RATE_HZ:.3f} s"
        for index, row in enumerate(differs)
        if row.any()
    )


def main(plugin: Path, folder: Path) -> None:
    home = folder / "home"
    installed = home / ".vst3" / plugin.name
    installed.parent.mkdir(parents=True)
    shutil.copytree(plugin, installed)
    for path in [installed, *installed.rglob("*")]:
        # A bundle that is not older than the cache counts as changed.
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 3_600))
    run([str(LIBRARIES / "ardour-vst3-scanner"), "-f", str(installed)], home, "Saved VST3 plugin cache")

    script = str(Path(__file__).with_name("ardour.lua"))
    session = folder / "session"
    run(["ardour7-lua", script, "make", str(session), str(PASSES)], home, "recorded and saved")
    passes = recorded(session)
    assert len(passes) >= 2, f"{len(passes)} of {PASSES} passes were recorded"
    last = passes[-1]
    seconds = min(stems.shape[1] for stems in passes) / RATE_HZ
    assert seconds > 9.5, f"only {seconds} s were recorded"
    for index, stem in enumerate(last):
        assert np.abs(stem).max() > 1e-3, f"stem {index + 1} is silent"
        for other in last[:index]:
            assert not np.array_equal(stem, other), f"stem {index + 1} equals another"
    print("four different stems on four channels")

    assert not difference(passes[-2], last), difference(passes[-2], last)
    print("a second pass plays the same")

    # Until a bar line makes it so, the first pass may play something else.
    starts = [event for event in notes(session, len(passes)) if event[3]]
    ends = [event for event in notes(session, len(passes)) if not event[3]]
    assert {channel for _, channel, _, _ in starts} == {0, 1, 2, 3}, "each track has a channel of its own"
    assert len(starts) == len(ends), f"{len(starts)} notes start, {len(ends)} end"
    drums = np.abs(last[0]).max(axis=1)
    hits = [round(beat * 0.5 * RATE_HZ) for beat, channel, _, _ in starts if channel == 0]
    hits = [hit for hit in hits if hit > BEGIN_SECONDS * RATE_HZ and hit + 960 < len(drums)]
    met = sum(bool(drums[hit : hit + 960].max() > 1e-3) for hit in hits)
    assert len(hits) >= 8 and met >= 0.95 * len(hits), f"{met} of {len(hits)} drum notes are heard where they were recorded"
    again = [event for event in notes(session, len(passes) - 1) if event[3] and event[0] > BEGIN_SECONDS * 2]
    assert again == [event for event in starts if event[0] > BEGIN_SECONDS * 2], "a second pass sends the same notes"
    print(f"{len(starts)} notes on four channels, in time with the stems")

    presets = home / "config" / "ardour7" / "export"
    presets.mkdir(parents=True, exist_ok=True)
    (presets / "mix.preset").write_text(PRESET, encoding="utf-8")
    mixes = []
    for name in ("once", "twice"):
        # Ardour 7.3 without a screen damages its own memory in one of ten exports, with and without a plugin, and aborts
        # while it exports or right after.
        render = ["ardour7-lua", script, "render", str(session), PRESET_ID, str(folder), name]
        made = folder / f"{name}.wav"
        run(render, home, f"rendered {name}", tries=5, makes=made)
        mixes.append(soundfile.read(made, dtype="float32")[0])
    played = last.sum(axis=0)[: len(mixes[0])]
    begin, end = round(BEGIN_SECONDS * RATE_HZ), len(played)
    for mix in mixes:
        assert np.abs(mix - mixes[0]).max() <= ROUNDING, "the opened session renders something else each time"
        off = np.abs(mix[begin:end] - played[begin:]).max(axis=1)
        assert off.max() <= ROUNDING, f"what is rendered is {off.max()} off what was played, at sample {off.argmax() + begin}"
    print("saved, opened again, rendered twice: as it was played")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
