"""Reads an exported Live Set with the packages `pyableton` and `buildable`, and the files that it names.

The second argument is JSON: each track's notes in the MIDI file, as start, end, pitch and velocity, at 960 ticks a quarter note.
"""

import json
import sys
import types
from pathlib import Path

# Used by pyableton for conversions only.
sys.modules["muspy"] = types.ModuleType("muspy")

import soundfile
from buildable import LiveSet
from pyableton import Ableton
from pyableton.AbletonComponent import AbletonComponent
from pyableton.constants import TIME_SIGNATURE_IDS

# pyableton reads annotations from objects; since Python 3.14 only classes have them.
AbletonComponent.__getattr__ = lambda self, name: getattr(type(self), name)

path = Path(sys.argv[1])
expected = {name: [tuple(note) for note in notes] for name, notes in json.loads(sys.argv[2]).items()}
titles = ["Drums", "Bass", "Harmony", "Melody"]

# pyableton reads every element of a set of Live 11 into a typed object, and fails if one is missing.
live = Ableton(str(path)).live_set
mixer = live.master_track.device_chain.mixer
assert mixer.tempo.manual == 92, mixer.tempo.manual
meter, tempo = (envelope.automation.events[0].value for envelope in live.master_track.automation_envelopes.envelopes)
assert TIME_SIGNATURE_IDS[meter] == {"numerator": 4, "denominator": 4}, meter
assert tempo == 92, tempo
assert (live.transport.loop_on, live.transport.loop_start, live.transport.loop_length) == (True, 0, 8)
assert "is theirs" in live.annotation, live.annotation
kinds = [type(track).__name__ for track in live.tracks]
assert kinds == ["AudioTrack", "MidiTrack"] * 4, kinds
for title, track in zip(titles, live.tracks[1::2], strict=True):
    assert track.name.user_name == f"{title} notes", track.name.user_name
    [clip] = track.device_chain.main_sequencer.clip_timeable.arranger_automation.events
    assert (clip.name, clip.current_start, clip.current_end) == (title, 0, 8.0), (clip.name, clip.current_end)
    found = sorted(
        (round(note.time * 960), round((note.time + note.duration) * 960), key.midi_key, round(note.velocity))
        for key in clip.notes.key_tracks
        for note in key.notes
    )
    assert found == sorted(expected[title]), (title, found, expected[title])

# buildable knows the mixers. It gives the tracks new ids when it copies them, and refuses ids that two objects share.
names = [name for title in titles for name in (title, f"{title} notes")]
copies, original = LiveSet.from_file(path), LiveSet.from_file(path)
copies.insert_tracks(primary_tracks=original.primary_tracks, primary_tracks_index=len(names))
assert [track.effective_name for track in copies.primary_tracks] == names * 2
assert len({track.id for track in copies.primary_tracks}) == 16
for track in original.primary_tracks:
    chain = track.device_chain
    assert chain.audio_output_routing.target == "AudioOut/Master"
    assert (chain.mixer.volume.manual, chain.mixer.pan.manual) == (1, 0)

stems = {}
for track in original.primary_tracks[::2]:
    [clip] = track.element.iter("AudioClip")
    file = clip.find("SampleRef/FileRef/RelativePath").get("Value")
    stems[file] = soundfile.info(path.parent / file)
    last = clip.findall("WarpMarkers/WarpMarker")[1]
    assert float(last.get("BeatTime")) == 8, last.attrib
    assert stems[file].frames == round(float(last.get("SecTime")) * stems[file].samplerate), file
assert len(stems) == 4, stems
