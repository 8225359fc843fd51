"""Training data from your own stems.

    python -m resonant.own_stems SONGS --out data/own

`SONGS` holds one folder per song, with `song.toml` and one file per track: `drums.wav`, `bass.wav`, `harmony.wav`,
`melody.wav` (any sample rate, mono or stereo; tracks may be missing), preferably with the notes as played in
`drums.mid`, ... Without a MIDI file the notes are transcribed from the audio (`resonant.transcribe`). All files start
at the same bar line.

    bpm = 124.0             # constant
    key = "A minor"
    style = "techno"        # the closest of the twelve styles
    meter = [4, 4]          # optional, like everything below
    first_beat_s = 0.0      # start of the first bar
    attributes = { energy = 0.7, density = 0.5, brightness = 0.4, aggression = 0.6, complexity = 0.3 }
    [bass]                  # the instrument of a track; songs that name the same patch share its sound
    patch = "fretless"
    family = "bass_electric"
    tags = ["warm", "round"]

The result is a folder for the codec and performer trainers (shards as written by `resonant.data`, cut into pieces of
eight bars, and `patches.json`), with a subfolder `compose/` for the composer trainer (`--shards`). Chords are estimated
per half bar.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from scipy.signal import resample_poly

from resonant.compose_data import write_pieces
from resonant.data import DataError
from resonant.piece import ATTRIBUTES, FAMILIES, KEY_TO_CLASS, MODES, QUALITIES, STYLES, TRACKS, Note, Piece
from resonant.synth.bank import OWN
from resonant.transcribe import RATE, Heard, transcribe

PIECE_BARS = 8
SHORTEST_SECONDS = 4.0
DEFAULT_FAMILIES = {"drums": "kit_electronic", "bass": "bass_synth", "harmony": "pad", "melody": "lead"}
_ESTIMATED = ("maj", "min", "maj7", "min7", "7", "sus4", "dim")
_NAMES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_TONAL = {
    "voices": 1, "detune_cents": 0.0, "attack_s": 0.003, "decay_s": 0.0, "sustain": 1.0, "release_s": 0.08,
    "vibrato_hz": 0.0, "vibrato_cents": 0.0, "vibrato_delay_s": 0.0, "glide_s": 0.0,
}  # fmt: skip
_KIT = {
    "kick": {"hz": 50.0, "start_ratio": 3.0, "sweep_s": 0.02, "decay_s": 0.2},
    "snare": {"hz": 185.0, "start_ratio": 1.2, "sweep_s": 0.015, "decay_s": 0.07},
    "low_tom": {"hz": 90.0, "start_ratio": 1.5, "sweep_s": 0.03, "decay_s": 0.2},
    "high_tom": {"hz": 150.0, "start_ratio": 1.5, "sweep_s": 0.03, "decay_s": 0.15},
}
# General MIDI keys without their own class, mapped to the nearest class.
_NEAREST_KEYS = {35: 36, 40: 38, 41: 45, 43: 45, 47: 45, 48: 50, 44: 42, 52: 49, 55: 49, 57: 49, 53: 51, 59: 51, 54: 70,
                 69: 70, 82: 70}  # fmt: skip
_OTHER_DRUM = 56


@dataclass(frozen=True)
class Song:
    """A song's metadata, notes and audio."""

    name: str
    bpm: float
    tonic: int
    mode: str
    style: str
    meter: tuple[int, int]
    first_beat_s: float
    attributes: dict[str, float]
    patches: dict[str, dict[str, Any]]  # track -> patch record
    audio: dict[str, np.ndarray]  # track -> float32 [samples], mono, 48 kHz, starting at the first bar
    notes: dict[str, list[Heard]]  # in seconds from the first bar


def _key(text: str) -> tuple[int, str]:
    name, _, mode = text.strip().partition(" ")
    mode = mode.strip().lower() or "major"
    if not name or name[0].upper() not in _NAMES or mode not in MODES or any(mark not in "#b" for mark in name[1:]):
        raise DataError(f"'{text}' is not a key; write it like 'A minor', with one of {', '.join(MODES)}")
    return (_NAMES[name[0].upper()] + name.count("#") - name[1:].count("b")) % 12, mode


def _number(value: Any, what: str, low: float, high: float) -> float:
    if not isinstance(value, int | float) or not low <= value <= high:
        raise DataError(f"{what} is {value!r}; it must be a number from {low:g} to {high:g}")
    return float(value)


def _read_audio(path: Path, skip_s: float) -> np.ndarray:
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, RuntimeError) as error:
        raise DataError(f"{path}: {error}") from error
    mono = samples.mean(1)[round(skip_s * rate) :]
    if not np.isfinite(mono).all():
        raise DataError(f"{path} contains samples that are not finite numbers")
    if rate != RATE:
        divisor = np.gcd(rate, RATE)
        mono = resample_poly(mono, RATE // divisor, rate // divisor)
    return mono.astype(np.float32)


def _read_midi(path: Path, skip_s: float) -> list[Heard]:
    import mido

    try:
        file = mido.MidiFile(path)
    except (OSError, ValueError, EOFError, IndexError) as error:
        raise DataError(f"{path} is not a MIDI file ({error})") from error
    now, held, notes = 0.0, {}, []
    for message in file:
        now += message.time
        if message.type == "note_on" and message.velocity:
            held.setdefault(message.note, []).append((now, message.velocity))
        elif message.type in ("note_off", "note_on") and held.get(message.note):
            on, velocity = held[message.note].pop(0)
            notes.append((on - skip_s, max(now, on + 0.01) - skip_s, message.note, velocity))
    return sorted(note for note in notes if note[0] > -0.05)


def _patch(track: str, values: dict[str, Any], style: str, attributes: dict[str, float]) -> dict[str, Any]:
    unknown = set(values) - {"patch", "family", "tags", "excitation"}
    if unknown:
        raise DataError(f"unknown key {track}.{sorted(unknown)[0]} (known: patch, family, tags, excitation)")
    family = values.get("family", DEFAULT_FAMILIES[track])
    if family not in FAMILIES:
        raise DataError(f"{track}.family is {family!r}; known: {', '.join(FAMILIES)}")
    name = str(values.get("patch", "own"))
    return {
        "id": f"{track}.{name}", "track": track, "name": name.replace("_", " ").capitalize(), "family": family,
        "tags": [str(tag).lower() for tag in values.get("tags", [])] or [family.replace("_", " ")],
        "styles": {style: 1.0},
        "attributes": {"brightness": attributes["brightness"], "aggression": attributes["aggression"]},
        "gain_db": 0.0, "width": 0.0 if track == "bass" else 0.3,
        "excitation": _KIT if track == "drums" else _TONAL | values.get("excitation", {}),
    }  # fmt: skip


def read_song(folder: Path) -> Song:
    """Read a song's folder. Raises DataError with the reason if it cannot be used."""
    try:
        facts = tomllib.loads((folder / "song.toml").read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{folder / 'song.toml'}: {error}") from error
    known = {"bpm", "key", "style", "meter", "first_beat_s", "attributes", *TRACKS}
    if unknown := sorted(set(facts) - known):
        raise DataError(f"{folder.name}: unknown key {unknown[0]} (known: {', '.join(sorted(known))})")
    if facts.get("style") not in STYLES:
        raise DataError(f"{folder.name}: style is {facts.get('style')!r}; known: {', '.join(STYLES)}")
    meter = tuple(facts.get("meter", (4, 4)))
    if len(meter) != 2 or meter[1] not in (2, 4, 8, 16) or (meter[0] * 16 // meter[1]) % 2 or not 1 <= meter[0] <= 16:
        raise DataError(f"{folder.name}: meter {meter} is not supported")
    skip = _number(facts.get("first_beat_s", 0.0), "first_beat_s", 0.0, 600.0)
    given = facts.get("attributes", {})
    attributes = {name: _number(given.get(name, 0.5), name, 0.0, 1.0) for name in ATTRIBUTES}
    tonic, mode = _key(str(facts.get("key", "")))
    audio, notes, patches = {}, {}, {}
    for track in TRACKS:
        wav = folder / f"{track}.wav"
        if not wav.is_file():
            continue
        audio[track] = _read_audio(wav, skip)
        midi = wav.with_suffix(".mid")
        notes[track] = _read_midi(midi, skip) if midi.is_file() else transcribe(track, audio[track])
        patches[track] = _patch(track, facts.get(track, {}), facts["style"], attributes)
    if not audio:
        raise DataError(f"{folder} has none of {', '.join(f'{track}.wav' for track in TRACKS)}")
    bpm = _number(facts.get("bpm"), "bpm", 40.0, 240.0)
    return Song(folder.name, bpm, tonic, mode, facts["style"], meter, skip, attributes, patches, audio, notes)


def _chord(weights: np.ndarray, tonic: int, mode: str) -> tuple[int, str]:
    """The chord that covers most of the sounding pitch classes [12]; the tonic chord if nothing sounds."""
    third = 3 if 3 in MODES[mode] else 4
    if weights.sum() == 0.0:
        return tonic, "min" if third == 3 else "maj"
    scores = {}
    for root in range(12):
        for quality in _ESTIMATED:
            tones = [(root + interval) % 12 for interval in QUALITIES[quality]]
            inside = weights[tones].sum() + 0.5 * weights[root]
            scores[root, quality] = inside - 0.15 * len(tones) * weights.mean() * 12 / 3
    return max(scores, key=scores.get)


def _drum(pitch: int) -> int:
    return pitch if pitch in KEY_TO_CLASS else _NEAREST_KEYS.get(pitch, _OTHER_DRUM)


def pieces_of(song: Song) -> list[tuple[Piece, dict[str, np.ndarray]]]:
    """Pieces of eight bars (the last may be shorter) with each track's audio, of the same length as the piece."""
    step_s = 15.0 / song.bpm
    per_bar = song.meter[0] * 16 // song.meter[1]
    bar_s = per_bar * step_s
    # Recordings rarely end exactly on a bar line.
    bars = int(max(len(audio) for audio in song.audio.values()) / RATE / bar_s + 0.05)
    pieces = []
    for first in range(0, bars, PIECE_BARS):
        count = min(PIECE_BARS, bars - first)
        if count * bar_s < SHORTEST_SECONDS:
            break
        begin_s, steps = first * bar_s, count * per_bar
        tracks: dict[str, list[Note]] = {}
        heard = np.zeros((2 * count, 12))
        for track, notes in song.notes.items():
            for on, off, pitch, velocity in notes:
                at = (on - begin_s) / step_s
                step = round(at)
                if not 0 <= step < steps:
                    continue
                length = max(0.25, min((off - on) / step_s, steps - step))
                pitch = _drum(pitch) if track == "drums" else pitch
                tracks.setdefault(track, []).append(Note(step, at - step, length, pitch, velocity))
                if track != "drums":
                    half = per_bar // 2
                    for index in range(int(step // half), min(2 * count, int((step + length - 0.5) // half) + 1)):
                        heard[index, pitch % 12] += 1.0
        for notes in tracks.values():
            notes.sort(key=lambda note: (note.step, note.offset, note.pitch))
        if not tracks:
            continue
        piece = Piece(
            seed=0, style=song.style, bpm=song.bpm, tonic=song.tonic, mode=song.mode, meter=song.meter, bars=count,
            swing_unit=1, swing_ratio=0.5, chords=[_chord(row, song.tonic, song.mode) for row in heard],
            tracks=tracks, patches={track: song.patches[track]["id"] for track in tracks},
            families={track: song.patches[track]["family"] if track in tracks else DEFAULT_FAMILIES[track]
                      for track in TRACKS},
            attributes=song.attributes,
        )  # fmt: skip
        size = round(count * bar_s * RATE)
        start = round(begin_s * RATE)
        sound = {}
        for track in tracks:
            part = song.audio[track][start : start + size]
            sound[track] = np.pad(part, (0, size - len(part)))
        pieces.append((piece, sound))
    return pieces


def make(songs: Path, out: Path) -> tuple[int, float]:
    """Write the training data of all songs; returns the number of pieces and the seconds."""
    folders = sorted(path.parent for path in songs.glob("*/song.toml"))
    if not folders:
        raise DataError(f"no song.toml in the folders of {songs}")
    shard = out / "shard_0000"
    if shard.exists():
        raise DataError(f"{shard} exists; choose another folder, or remove it")
    bank: dict[str, dict[str, Any]] = {}
    numbered: list[tuple[int, Piece, dict]] = []
    temporary = out / "shard_0000.partial"
    temporary.mkdir(parents=True, exist_ok=True)
    seconds = 0.0
    for folder in folders:
        song = read_song(folder)
        for record in song.patches.values():
            known = bank.setdefault(record["id"], record)
            known["styles"] |= record["styles"]
        for piece, sound in pieces_of(song):
            stems = np.zeros((len(TRACKS), len(next(iter(sound.values())))), np.int16)
            for track, audio in sound.items():
                stems[TRACKS.index(track)] = np.round(np.clip(audio, -1.0, 32767 / 32768) * 32768.0)
            info = {
                "format": 1, "sample_rate": RATE, "samples": stems.shape[1], "piece": piece.to_dict(),
                "patches": {track: song.patches[track] for track in sound},
            }  # fmt: skip
            # Every twentieth piece is held out, including the first; the numbers follow `compose_data.is_held_out`.
            number = len(numbered)
            numbered.append((number * len(STYLES), piece, {}))
            np.save(temporary / f"clip_{number:04d}.npy", stems)
            (temporary / f"clip_{number:04d}.json").write_text(json.dumps(info, separators=(",", ":")))
            seconds += stems.shape[1] / RATE
    if len(numbered) < 2:
        raise DataError(f"at least two pieces of {SHORTEST_SECONDS:g} s or more are needed, found {len(numbered)}")
    if len(numbered) > 10_000:
        raise DataError("more than 10000 pieces: split the songs into several folders")
    (out / OWN).write_text(json.dumps(sorted(bank.values(), key=lambda record: record["id"]), indent=1) + "\n")
    write_pieces(out / "compose" / "shard_00000.npz", numbered)
    temporary.rename(shard)
    return len(numbered), seconds


def main(argv: list[str] | None = None) -> None:
    """Command-line entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("songs", type=Path, help="folder with one subfolder per song")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args(argv)
    try:
        count, seconds = make(arguments.songs, arguments.out)
    except (DataError, OSError) as error:
        sys.exit(f"own_stems: {error}")
    print(f"{count} pieces, {seconds / 60:.1f} minutes in {arguments.out}")


if __name__ == "__main__":
    main()
