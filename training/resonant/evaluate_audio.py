"""Metrics of an exported bundle's codec and performers on held-out clips.

    python -m resonant.evaluate_audio --bundle DIR --data data/v2 --clips 24 --out DIR [--checkpoints DIR] [--anchors]

Per track, for the original, the codec's round trip and the closed loop (true score -> performer -> codes -> decoder):

* `mel_db`: L1 of log-mel power in dB; everything below -84 dBFS is treated as silence (`MEL_CLAMP`). With `--checkpoints`
  also for 1, 2 and 3 codebooks; with `--anchors` also for Opus at 12 and 24 kbit/s,
* `notes`: share of notes of at least 80 ms that a pitch tracker finds at the score's pitch (bass and melody: YIN, ignoring
  octave errors; harmony: partial salience against the neighbouring semitones),
* `hits`, `extra`: for drums, the share of score hits with a detected onset within 20 ms, and the share of detected onsets
  without a score hit,
* `gaps`: level between the partials relative to the original, in dB (`between_partials`),
* `silence_dbfs`: 99th percentile of the level of the 20 ms blocks in which the original and both neighbours are below
  -80 dBFS; the loudest value over the clips.

Writes `audio.json`, `audio_table.json` (for the model card) and side-by-side spectrograms as PNG.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import ndimage

from resonant import checkpoint, excitation, features, mel
from resonant.clips import TrackClip, crop_audio, crop_notes, load_clips, split
from resonant.codec import MEL_CLAMP, TRACKS, transform_of
from resonant.excitation import TimedNotes
from resonant.export_codec import session

RATE = mel.SAMPLE_RATE
VERSIONS = ("original", "codec", "closed")


class Bundle:
    """The ONNX graphs of one track, and the patches."""

    def __init__(self, folder: Path, track: str) -> None:
        self.track = track
        self.transform = transform_of(track)
        self.encode = session(folder / f"encode_{track}.onnx")
        self.perform = session(folder / f"perform_{track}.onnx")
        self.decode = session(folder / f"decode_{track}.onnx")
        self.patches = {patch["id"]: patch for patch in json.loads((folder / "patches.json").read_text())}

    def tokens_of(self, audio: np.ndarray) -> np.ndarray:
        """Codes [1, K, T50] of audio [n]; n must be a multiple of 960."""
        return self.encode.run(None, {"logmel": mel.log_mel(audio)[None]})[0]

    def performed(self, rows: np.ndarray, patch: str, attributes: np.ndarray) -> np.ndarray:
        """Codes [1, K, T50] from features [F, T100]."""
        timbre = np.array(self.patches[patch]["timbre"], np.float32)[None]
        return self.perform.run(None, {"features": rows[None], "timbre": timbre, "attributes": attributes[None]})[0]

    def decoded(self, codes: np.ndarray, rows: np.ndarray, streams: np.ndarray) -> np.ndarray:
        """Audio [n] from codes, features [F, T100] and streams [3, n]."""
        frames = streams.shape[1] // self.transform.hop
        levels = mel.stream_levels(streams, self.transform.n_fft, self.transform.hop, frames)
        gains = self.decode.run(None, {"codes": codes, "features": rows[None], "levels": levels[None]})[0][0]
        return mel.apply_gains(gains, streams, self.transform.n_fft, self.transform.hop)


def mel_db(a: np.ndarray, b: np.ndarray) -> float:
    """L1 distance between two signals' log-mels in dB."""
    count = min(len(a), len(b))
    left = np.maximum(mel.log_mel(a[:count]), MEL_CLAMP)
    right = np.maximum(mel.log_mel(b[:count]), MEL_CLAMP)
    return float(np.abs(left - right)[:, 2:-2].mean() * 10.0 / np.log(10.0))


def yin_pitch(segment: np.ndarray, low_midi: float, high_midi: float) -> float | None:
    """Fundamental as a MIDI number (cumulative mean normalised difference); None if the segment is not periodic."""
    longest = int(np.ceil(RATE / (440.0 * 2 ** ((low_midi - 69) / 12))))
    shortest = max(2, int(RATE / (440.0 * 2 ** ((high_midi - 69) / 12))))
    window = len(segment) - longest
    if window < longest // 2 or np.sqrt(np.mean(segment**2)) < 1e-4:
        return None
    size = 1 << int(np.ceil(np.log2(len(segment) + window)))
    correlation = np.fft.irfft(np.fft.rfft(segment, size) * np.conj(np.fft.rfft(segment[:window], size)), size)[: longest + 1]
    square = np.concatenate([[0.0], np.cumsum(segment.astype(np.float64) ** 2)])
    lags = np.arange(longest + 1)
    difference = square[window] + square[lags + window] - square[lags] - 2.0 * correlation
    normalised = difference[1:] * lags[1:] / np.maximum(np.cumsum(difference[1:]), 1e-12)
    inside = normalised[shortest - 1 :]
    below = np.flatnonzero(inside < 0.12)
    if len(below):
        at = below[0]
        while at + 1 < len(inside) and inside[at + 1] < inside[at]:
            at += 1
    else:
        at = int(np.argmin(inside))
        if inside[at] > 0.5:
            return None
    lag = float(at + shortest)
    k = at + shortest - 1
    if 0 < k < len(normalised) - 1:
        a, b, c = normalised[k - 1], normalised[k], normalised[k + 1]
        if a + c - 2 * b > 0:
            lag += 0.5 * (a - c) / (a + c - 2 * b)
    return 69.0 + 12.0 * np.log2(RATE / lag / 440.0)


def mono_notes_found(audio: np.ndarray, notes: TimedNotes, glide_s: float = 0.0) -> list[bool]:
    """For each long note that sounds alone: whether its pitch class is detected after any glide has ended."""
    settle = max(0.04, 3.5 * glide_s)  # exp(-3.5) of an octave is .36 semitones
    found = []
    for i in range(len(notes.on)):
        following = notes.on[i + 1] if i + 1 < len(notes.on) else np.inf
        if i and notes.on[i] - notes.on[i - 1] < 0.03:
            continue
        begin = notes.on[i] + settle
        end = min(notes.off[i], following, begin + 0.31)
        if end - begin < 0.08 or begin < 0 or end * RATE > len(audio):
            continue
        pitch = float(notes.pitch[i])
        segment = audio[int(begin * RATE) : int(end * RATE)].astype(np.float64)
        heard = yin_pitch(segment, max(22.0, pitch - 13), pitch + 13)
        off = None if heard is None else abs((heard - pitch + 6.0) % 12.0 - 6.0)
        # If an earlier note is still ringing, or a voice has strong formants, the period may not be this note's: check its
        # partials.
        found.append((off is not None and off < 0.5) or _stands_out(segment, pitch, (pitch - 1, pitch + 1, pitch - 2, pitch + 2)))
    return found


def _stands_out(segment: np.ndarray, pitch: float, rivals: Iterable[float]) -> bool:
    """Whether the first three partials of a pitch are stronger than those of each rival."""
    size = 1 << 16
    spectrum = np.abs(np.fft.rfft(segment * np.hanning(len(segment)), size))

    def salience(midi: float) -> float:
        total = 0.0
        for k, weight in ((1, 1.0), (2, 0.7), (3, 0.4)):
            centre = 440.0 * 2 ** ((midi - 69) / 12) * k * size / RATE
            low, high = int(centre * 2 ** (-0.35 / 12)), int(centre * 2 ** (0.35 / 12)) + 1
            if high < len(spectrum):
                total += weight * float(spectrum[low:high].max())
        return total

    own = salience(pitch)
    return own > 1e-3 and all(own > salience(rival) for rival in rivals)


def chord_notes_found(audio: np.ndarray, notes: TimedNotes) -> list[bool]:
    """For each long note: whether its partials are stronger than those of the neighbouring semitones not in the score."""
    found = []
    for i in range(len(notes.on)):
        begin, end = notes.on[i] + 0.02, min(notes.off[i], notes.on[i] + 0.35)
        if end - begin < 0.15 or begin < 0 or end * RATE > len(audio):
            continue
        sounding = notes.pitch[(notes.on < end) & (notes.off > begin)]
        pitch = int(notes.pitch[i])
        rivals = [pitch + d for d in (-1, 1) if not np.any((sounding - pitch - d) % 12 == 0)]
        found.append(_stands_out(audio[int(begin * RATE) : int(end * RATE)], pitch, rivals))
    return found


def onsets(audio: np.ndarray) -> np.ndarray:
    """Onset times in seconds by spectral flux of log bands (5 ms hop)."""
    n_fft, hop = 512, 240
    frames = len(audio) // hop
    power = np.abs(mel.stft(audio, n_fft, hop, frames)) ** 2
    edges = np.unique(np.geomspace(1, n_fft // 2, 25).astype(int))
    bands = np.log(np.add.reduceat(power[:, : n_fft // 2 + 1], edges[:-1], axis=1) + 1e-2)
    flux = np.maximum(0.0, bands[2:] - bands[:-2]).mean(1)
    flux = np.concatenate([[0.0, 0.0], flux])
    peaks = []
    for j in range(6, len(flux) - 6):
        around = flux[max(0, j - 20) : j + 20]
        if flux[j] == flux[j - 6 : j + 7].max() and flux[j] > np.median(around) + 0.4:
            peaks.append((j - 0.5) * hop / RATE)
    return np.array(peaks)


def hits_found(audio: np.ndarray, notes: TimedNotes) -> tuple[list[bool], list[bool]]:
    """(score hits with an onset within 20 ms, onsets with a score hit within 20 ms)."""
    times = onsets(audio)
    inside = (notes.on > 0.03) & (notes.on < len(audio) / RATE - 0.03) & (notes.velocity >= 40)
    every = notes.on
    recall = [bool(len(times)) and float(np.abs(times - t).min()) <= 0.02 for t in np.unique(notes.on[inside])]
    precision = [bool(len(every)) and float(np.abs(every - t).min()) <= 0.02 for t in times]
    return recall, precision


def silent_level(audio: np.ndarray, original: np.ndarray) -> float | None:
    """99th percentile in dBFS of the 20 ms blocks well inside the original's silences; None if there are too few."""
    block = RATE // 50
    count = min(len(audio), len(original)) // block
    mine = np.sqrt((audio[: count * block].reshape(count, block).astype(np.float64) ** 2).mean(1))
    true = np.sqrt((original[: count * block].reshape(count, block).astype(np.float64) ** 2).mean(1))
    quiet = np.concatenate([[True], true < 1e-4, [True]])
    silent = quiet[:-2] & quiet[1:-1] & quiet[2:]  # excludes blocks where a sound begins or ends
    if silent.sum() < 10:
        return None
    return float(20.0 * np.log10(np.percentile(mine[silent], 99) + 1e-9))


def between_partials(audio: np.ndarray, original: np.ndarray) -> float | None:
    """Mean level, relative to the original in dB, of the bins between the original's partials; None if there are too few.

    Uses 100 Hz to 8 kHz at n_fft 8192. A bin counts if it is 25 dB below the strongest bin within 90 Hz of it, and that bin is
    within 45 dB of the frame's peak. Noise that fills the gaps, which band powers do not show, raises the result.
    """
    n_fft, hop, reach = 8192, 2048, 15
    frames = len(original) // hop

    def level(sound: np.ndarray) -> np.ndarray:
        power = np.abs(mel.stft(sound, n_fft, hop, frames)) ** 2
        return 10.0 * np.log10(power[:, 100 * n_fft // RATE : 8000 * n_fft // RATE] + 1e-5)

    true, mine = level(original), level(audio)
    top = ndimage.maximum_filter1d(true, 2 * reach + 1, axis=1)
    gaps = (true < top - 25.0) & (top > true.max(1, keepdims=True) - 45.0) & (top > 0.0)
    return float((mine - true)[gaps].mean()) if gaps.sum() >= 200 else None


def opus(audio: np.ndarray, kbps: int) -> np.ndarray:
    """Audio after Opus at a given bit rate (libsndfile)."""
    import io

    import soundfile

    # libsndfile maps its compression level 0..1 to 256..6 kbit/s per channel.
    level = 1.0 - (kbps - 6) / 250.0
    buffer = io.BytesIO()
    soundfile.write(buffer, audio, RATE, format="OGG", subtype="OPUS", compression_level=level)
    buffer.seek(0)
    return soundfile.read(buffer, dtype="float32")[0]


def versions_of(bundle: Bundle, clip: TrackClip, seed: int) -> tuple[dict[str, np.ndarray], TimedNotes, dict[str, np.ndarray]]:
    """Every version of one loop pass of a clip, its notes, and the inputs that produced the versions."""
    samples = clip.audio.shape[0] // 960 * 960
    notes = crop_notes(clip, 0, samples)
    rng = np.random.default_rng(seed)
    streams = excitation.streams_for(clip.track, notes, clip.excitation, samples, rng)
    rows = features.score_features(clip.track, notes, samples // 480)
    original = crop_audio(clip, 0, samples)
    codes = bundle.tokens_of(original)
    played = bundle.performed(rows, clip.patch, clip.attributes)
    audio = {
        "original": original,
        "codec": bundle.decoded(codes, rows, streams),
        "closed": bundle.decoded(played, rows, streams),
    }
    return audio, notes, {"streams": streams, "features": rows, "codes": codes}


def _fewer_codebooks(checkpoints: Path, clip: TrackClip, used: dict[str, np.ndarray], original: np.ndarray) -> dict[str, float]:
    from resonant.export_codec import load_models

    decoder = load_models(checkpoints, clip.track)[0]
    transform = decoder.transform
    frames = used["streams"].shape[1] // transform.hop
    levels = torch.from_numpy(mel.stream_levels(used["streams"], transform.n_fft, transform.hop, frames))[None]
    result = {}
    with torch.no_grad():
        codes = torch.from_numpy(used["codes"])
        for k in range(1, codes.shape[1]):
            gains = decoder(decoder.quantiser.decode(codes[:, :k]), torch.from_numpy(used["features"])[None], levels)
            audio = mel.apply_gains(gains[0].numpy(), used["streams"], transform.n_fft, transform.hop)
            result[f"codec_{k}"] = mel_db(audio, original)
    return result


def evaluate_track(arguments: argparse.Namespace, track: str) -> dict[str, Any]:
    """All metrics of a track; writes its spectrograms."""
    bundle = Bundle(arguments.bundle, track)
    held_out = split(load_clips(arguments.data, track))[1]
    step = max(1, len(held_out) // arguments.clips)
    chosen = held_out[::step][: arguments.clips]
    distance: dict[str, list[float]] = defaultdict(list)
    notes_found: dict[str, list[bool]] = defaultdict(list)
    recall: dict[str, list[bool]] = defaultdict(list)
    precision: dict[str, list[bool]] = defaultdict(list)
    silence: dict[str, list[float]] = defaultdict(list)
    gaps: dict[str, list[float]] = defaultdict(list)
    by_patch: list[dict[str, Any]] = []
    for index, clip in enumerate(chosen):
        audio, notes, used = versions_of(bundle, clip, index)
        original = audio["original"]
        if arguments.anchors:
            for kbps in (12, 24):
                distance[f"opus_{kbps}"].append(mel_db(opus(original, kbps), original))
        if arguments.checkpoints:
            for key, value in _fewer_codebooks(arguments.checkpoints, clip, used, original).items():
                distance[key].append(value)
        row: dict[str, Any] = {"clip": clip.name, "patch": clip.patch, "style": clip.style}
        audible: list[bool] = []
        for version in VERSIONS:
            sound = audio[version]
            if version != "original":
                distance[version].append(mel_db(sound, original))
                row[version] = round(distance[version][-1], 2)
                level = silent_level(sound, original)
                if level is not None:
                    silence[version].append(level)
                    row[f"silence_{version}"] = round(level, 1)
                gap = None if track == "drums" else between_partials(sound, original)
                if gap is not None:
                    gaps[version].append(gap)
                    row[f"gaps_{version}"] = round(gap, 1)
            if track == "drums":
                found, right = hits_found(sound, notes)
                recall[version] += found
                precision[version] += right
                if version == "original":
                    audible = found
                else:  # notes that cannot be detected in the original are not expected in the other versions
                    recall[f"{version}, of those in the original"] += [hit for hit, known in zip(found, audible, strict=True) if known]
            else:
                if track == "harmony":
                    found = chord_notes_found(sound, notes)
                else:
                    found = mono_notes_found(sound, notes, clip.excitation["glide_s"])
                notes_found[version] += found
                row[f"notes_{version}"] = round(float(np.mean(found)), 3) if found else None
        by_patch.append(row)
        if index < arguments.pictures:
            picture(arguments.out / f"{track}_{index:02d}.png", audio, f"{track} {clip.patch} ({clip.style})")
            if arguments.wav:
                _write_wav(arguments.out / f"{track}_{index:02d}.wav", audio)
    mean = {key: float(np.mean(values)) for key, values in distance.items()}
    result: dict[str, Any] = {"clips": len(chosen), "mel_db": mean, "by_clip": sorted(by_patch, key=lambda row: -row["closed"])}
    if track == "drums":
        result["hits"] = {key: float(np.mean(values)) for key, values in recall.items()}
        result["extra"] = {key: 1.0 - float(np.mean(values)) for key, values in precision.items()}
    else:
        result["notes"] = {key: float(np.mean(values)) for key, values in notes_found.items()}
        result["gaps"] = {key: float(np.mean(values)) for key, values in gaps.items()}
    result["silence_dbfs"] = {key: max(values) for key, values in silence.items()}
    return result


def _write_wav(path: Path, audio: dict[str, np.ndarray]) -> None:
    import soundfile

    gap = np.zeros(RATE // 2, np.float32)
    soundfile.write(path, np.concatenate([part for sound in audio.values() for part in (sound, gap)]), RATE)


def picture(path: Path, audio: dict[str, np.ndarray], title: str, seconds: float = 5.0) -> None:
    """Stacked spectrograms of every version: log-mel, and a high-resolution linear one up to 4 kHz."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(len(audio), 2, figsize=(15, 3.0 * len(audio)), layout="constrained", squeeze=False)
    figure.suptitle(title)
    for row, (name, sound) in zip(axes, audio.items(), strict=True):
        part = sound[: int(seconds * RATE)]
        levels = mel.log_mel(part) * 10.0 / np.log(10.0)
        row[0].imshow(levels, origin="lower", aspect="auto", vmin=-40, vmax=45, extent=(0, len(part) / RATE, 0, 96))
        row[0].set_ylabel(f"{name}\nmel band")
        n_fft, hop = 4096, 480
        power = np.abs(mel.stft(part, n_fft, hop, len(part) // hop)[:, : n_fft * 4000 // RATE]) ** 2
        row[1].imshow(10 * np.log10(power.T + 1e-6), origin="lower", aspect="auto", vmin=-35, vmax=50,
                      extent=(0, len(part) / RATE, 0, 4.0))  # fmt: skip
        row[1].set_ylabel("kHz")
    figure.savefig(path, dpi=65)
    pyplot.close(figure)


def table_of(results: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Rows for the model card."""
    rows: dict[str, dict[str, Any]] = {}
    for track, result in results.items():
        row: dict[str, Any] = {f"mel dB {key}": value for key, value in sorted(result["mel_db"].items())}
        for name in ("notes", "hits", "extra"):
            row |= {f"{name} {key}": value for key, value in result.get(name, {}).items()}
        row |= {f"between partials dB {key}": value for key, value in result.get("gaps", {}).items()}
        row |= {f"silence dBFS {key}": value for key, value in result["silence_dbfs"].items()}
        rows[track] = row
    columns = list(dict.fromkeys(key for row in rows.values() for key in row))
    turned = {column: {track: rows[track].get(column) for track in rows} for column in columns}
    return {"Audio, held-out clips": turned}


def main() -> None:
    """Command-line entry point."""
    parser = argparse.ArgumentParser(prog="evaluate_audio", description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path("data/v1"))
    parser.add_argument("--tracks", nargs="+", choices=TRACKS, default=list(TRACKS))
    parser.add_argument("--clips", type=int, default=24, help="held-out clips per track")
    parser.add_argument("--pictures", type=int, default=3, help="clips per track to plot")
    parser.add_argument("--wav", action="store_true", help="also write the plotted clips as audio")
    parser.add_argument("--checkpoints", type=Path, help="also measure fewer codebooks with these weights")
    parser.add_argument("--anchors", action="store_true", help="also measure Opus")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    try:
        results = {track: evaluate_track(arguments, track) for track in arguments.tracks}
    except (OSError, ValueError, checkpoint.CheckpointError) as error:
        sys.exit(f"evaluate_audio: {error}")
    (arguments.out / "audio.json").write_text(json.dumps(results, indent=1) + "\n")
    (arguments.out / "audio_table.json").write_text(json.dumps(table_of(results), indent=1) + "\n")
    for track, result in results.items():
        print(track, json.dumps({key: value for key, value in result.items() if key != "by_clip"}))
        for row in result["by_clip"][:4]:
            print("  worst:", row)


if __name__ == "__main__":
    main()
