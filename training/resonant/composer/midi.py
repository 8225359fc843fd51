"""Writes pieces as standard MIDI files (needs the `mido` package)."""

from __future__ import annotations

from pathlib import Path

from resonant.piece import Piece

_PROGRAMS = {
    "bass_electric": 33,
    "bass_acoustic": 32,
    "bass_synth": 38,
    "bass_sub": 39,
    "keys": 4,
    "guitar": 27,
    "pad": 89,
    "strings": 48,
    "brass_wind": 66,
    "pluck": 11,
    "lead": 81,
    "stab": 62,
    "vox": 52,
}
_TICKS = 480  # per quarter


def write_midi(piece: Piece, path: Path) -> None:
    """Writes a type 1 file with one track per stem and swing applied.

    Raises ImportError if mido is missing, OSError if the file cannot be written.
    """
    import mido

    file = mido.MidiFile(ticks_per_beat=_TICKS)
    head = mido.MidiTrack()
    head.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(piece.bpm)))
    head.append(mido.MetaMessage("time_signature", numerator=piece.meter[0], denominator=piece.meter[1]))
    file.tracks.append(head)
    for channel, (name, notes) in enumerate(piece.tracks.items()):
        track = mido.MidiTrack()
        track.append(mido.MetaMessage("track_name", name=name))
        channel = 9 if name == "drums" else channel
        if name != "drums":
            track.append(
                mido.Message("program_change", program=_PROGRAMS.get(piece.families[name], 0), channel=channel)
            )
        events = []
        for n in notes:
            on = round(piece.seconds_at(n.start) / piece.step_seconds * _TICKS / 4)
            off = max(round(piece.seconds_at(n.end) / piece.step_seconds * _TICKS / 4), on + 1)
            events += [(max(on, 0), 1, n.pitch, n.velocity), (off, 0, n.pitch, 0)]
        now = 0
        for time, kind, pitch, velocity in sorted(events):
            message = "note_on" if kind else "note_off"
            track.append(mido.Message(message, note=pitch, velocity=velocity, channel=channel, time=time - now))
            now = time
        file.tracks.append(track)
    file.save(str(path))
