"""Reads an exported REAPER project with the parser of the package `rpp`, and the files that it names."""

import sys
from pathlib import Path

import rpp
import soundfile


def values(element, name):
    return [child[1:] for child in element if isinstance(child, list) and child[0] == name]


path = Path(sys.argv[1])
project = rpp.loads(path.read_text(encoding="utf-8"))
assert project.tag == "REAPER_PROJECT", project.tag
bpm, numerator, denominator = (float(value) for value in values(project, "TEMPO")[0])
beats = 2 * numerator * 4 / denominator
assert values(project, "MARKER"), "the chords are markers"
tracks = project.findall(".//TRACK")
names = [values(track, "NAME")[0][0] for track in tracks]
assert names == [
    "Drums", "Drums notes", "Bass", "Bass notes", "Harmony", "Harmony notes", "Melody", "Melody notes",
], names
for track, name in zip(tracks, names):
    item = track.find("./ITEM")
    length = float(values(item, "LENGTH")[0][0])
    assert abs(length - beats * 60 / bpm) < 1e-9, (name, length)
    source = item.find("./SOURCE")
    muted = values(track, "MUTESOLO")[0][0]
    if name.endswith("notes"):
        ticks = sum(int(event[0]) for event in values(source, "E"))
        assert ticks == round(beats * 960), (name, ticks)
        assert muted == "1"
    else:
        stem = soundfile.info(path.parent / values(source, "FILE")[0][0])
        assert stem.frames == round(length * stem.samplerate), name
        assert muted == "0"
