"""Training clips of one track: seamless loops with timed notes and a patch, which can be cropped at any position."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from resonant import excitation, features
from resonant.data import clip_paths, load_clip
from resonant.excitation import TimedNotes
from resonant.piece import ATTRIBUTES, TRACKS
from resonant.synth.bank import records
from resonant.synth.render import timed_notes

LOOK_BACK_S = 12.0  # notes that started earlier are ignored
LOOK_AHEAD_S = 0.1


@dataclass(frozen=True)
class TrackClip:
    """One stem: a loop of `audio.shape[0]` samples; its notes repeat with it."""

    name: str
    track: str
    audio: np.ndarray  # int16 [samples], full scale 32768
    notes: TimedNotes  # of one loop pass, in seconds
    patch: str
    excitation: dict[str, Any]
    attributes: np.ndarray  # float32 [5]
    style: str

    @property
    def seconds(self) -> float:
        """Length of the loop."""
        return self.audio.shape[0] / excitation.SAMPLE_RATE


def unrolled(notes: TimedNotes, loop_s: float, begin_s: float, length_s: float) -> TimedNotes:
    """Notes of an endless loop that are audible in [begin, begin + length), with times relative to `begin`."""
    first = int(np.floor((begin_s - LOOK_BACK_S) / loop_s))
    last = int(np.floor((begin_s + length_s) / loop_s))
    shifts = np.arange(first, last + 1) * loop_s - begin_s
    on = (notes.on[None] + shifts[:, None]).reshape(-1)
    off = (notes.off[None] + shifts[:, None]).reshape(-1)
    pitch, velocity = np.tile(notes.pitch, len(shifts)), np.tile(notes.velocity, len(shifts))
    keep = (on < length_s + LOOK_AHEAD_S) & (off > -LOOK_BACK_S)
    order = np.lexsort((pitch[keep], on[keep]))
    return TimedNotes(on[keep][order], off[keep][order], pitch[keep][order], velocity[keep][order])


def crop_audio(clip: TrackClip, start: int, samples: int) -> np.ndarray:
    """float32 [samples] of the endless loop."""
    size = clip.audio.shape[0]
    begin = start % size
    parts, left = [], samples
    while left > 0:
        part = clip.audio[begin : begin + left]
        parts.append(part)
        left -= part.shape[0]
        begin = 0
    return np.concatenate(parts).astype(np.float32) / 32768.0


def crop_notes(clip: TrackClip, start: int, samples: int) -> TimedNotes:
    """Notes around a crop, in seconds from its start."""
    rate = excitation.SAMPLE_RATE
    return unrolled(clip.notes, clip.seconds, start / rate, samples / rate)


def crop(clip: TrackClip, start: int, samples: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Audio [n], streams [3, n] and features [F, n / 480] of a crop of the endless loop."""
    notes = crop_notes(clip, start, samples)
    return {
        "audio": crop_audio(clip, start, samples),
        "streams": excitation.streams_for(clip.track, notes, clip.excitation, samples, rng),
        "features": features.score_features(clip.track, notes, samples // 480),
    }


def load_clips(folder: Path, track: str, limit: int = 0) -> list[TrackClip]:
    """A track's clips in a data folder, in order; at most `limit` unless it is 0. Audio stays on disk.

    Excitation parameters come from the folder's patch bank, so that training uses the values that ship. Raises ValueError
    if there are no clips, and DataError if one is damaged.
    """
    row = TRACKS.index(track)
    bank = {record["id"]: record["excitation"] for record in records(folder)}
    clips = []
    for path in clip_paths(folder):
        info = load_clip(path, mmap=True)
        if track not in info.patches:
            continue
        patch = info.patches[track]["id"]
        notes = [(note.on_s, note.off_s, note.pitch, note.velocity) for note in timed_notes(info.piece, track)]
        attributes = np.array([info.piece.attributes[name] for name in ATTRIBUTES], dtype=np.float32)
        clips.append(
            TrackClip(
                f"{path.parent.name}/{path.name}", track, info.stems[row], TimedNotes.from_rows(notes), patch,
                bank[patch], attributes, info.piece.style,
            )
        )  # fmt: skip
        if limit and len(clips) >= limit:
            break
    if not clips:
        raise ValueError(f"no {track} clips in {folder}; make some with resonant.data or resonant.own_stems")
    return clips


def split(clips: list[TrackClip]) -> tuple[list[TrackClip], list[TrackClip]]:
    """(training, held out): every twentieth clip is held out; with fewer clips, the last one."""
    held_out = clips[19::20] or clips[-1:]
    names = {clip.name for clip in held_out}
    return [clip for clip in clips if clip.name not in names] or clips, held_out
