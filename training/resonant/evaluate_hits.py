"""Measures how close fitted hits are to recordings, compared with another round robin, Opus and the codec's excitation.

    python -m resonant.evaluate_hits --samples DIR --fits data/held [--out FILE]
    python -m resonant.evaluate_hits --samples DIR --fits data/notes --notes

`--fits` names a folder written by `fit_hits --hold-out`: each fit used only the first round robin, and is rendered with a
seed that it did not choose, another one for each stroke (the noise of a common seed has the same dips everywhere, by which a
discriminator would know it). Everything is compared with that first round robin. Rows:

* another round robin: the same stroke recorded again; differences of this size are acceptable
* Opus 24 kbit/s: as encoded by libsndfile
* excitation of the codec, oracle gains: an impulse and noise, with each band and frame scaled to the original's power: the
  upper bound for the neural decoder (for notes: a saw at the note's pitch, and the window of the pitched decoders)
* modes and noise: the model of `resonant.hits`; "of another stroke" compares it with a round robin not used in the fit
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from pathlib import Path

import numpy as np
import soundfile

from resonant import fit_hits, hit_measures, hits, mel

UNSEEN_SEED = 1000
IMPULSE, NOISE_RMS = 4.0, 0.1


def opus(sound: np.ndarray) -> np.ndarray:
    """The sound after Opus at about 24 kbit/s (libsndfile maps 0..1 to 256..6 kbit/s)."""
    buffer = io.BytesIO()
    padded = np.concatenate([np.zeros(4800), sound, np.zeros(4800)])
    soundfile.write(buffer, padded * 0.9, hits.RATE, format="OGG", subtype="OPUS", compression_level=0.93)
    buffer.seek(0)
    decoded, _ = soundfile.read(buffer)
    lags = np.arange(-400, 401)
    part = decoded[4000:12_000]
    best = max(lags, key=lambda lag: float(np.dot(part, padded[4000 + lag : 12_000 + lag])))
    return decoded[4800 - best :][: len(sound)] / 0.9


def oracle(sound: np.ndarray, seed: int) -> np.ndarray:
    """The codec's excitation with optimal gains per band and frame."""
    rng = np.random.default_rng(seed)
    lead = 4800
    padded = np.concatenate([np.zeros(lead), sound, np.zeros(2400)])
    excitation = rng.uniform(-1, 1, len(padded)) * NOISE_RMS * np.sqrt(3)
    excitation[lead] += IMPULSE
    frames = len(padded) // 240
    wanted, given = mel.stft(padded, 1024, 240, frames), mel.stft(excitation, 1024, 240, frames)
    filters = mel.mel_filters(1024)

    def bands(spectrum: np.ndarray) -> np.ndarray:
        return (np.abs(spectrum) ** 2) @ filters.T + 1e-12

    gains = 0.5 * np.log(bands(wanted) / bands(given))
    return mel.istft(np.exp(gains @ mel.band_to_bin(1024)) * given, 1024, 240)[lead : lead + len(sound)].astype(np.float64)


def oracle_note(sound: np.ndarray, hz: float, seed: int) -> np.ndarray:
    """Like `oracle`, with a saw from the onset on and the frames of the pitched decoders."""
    rng = np.random.default_rng(seed)
    lead, n_fft, hop = 4800, 2048, 480
    padded = np.concatenate([np.zeros(lead), sound, np.zeros(4800)])
    excitation = rng.uniform(-1, 1, len(padded)) * 1e-3
    turns = 2 * np.pi * hz * np.arange(len(padded) - lead) / hits.RATE
    for partial in range(1, int(18_000 / hz) + 1):
        excitation[lead:] += np.sin(partial * turns) / partial
    frames = len(padded) // hop
    wanted, given = mel.stft(padded, n_fft, hop, frames), mel.stft(excitation, n_fft, hop, frames)
    filters = mel.mel_filters(n_fft)

    def bands(spectrum: np.ndarray) -> np.ndarray:
        return (np.abs(spectrum) ** 2) @ filters.T + 1e-12

    gains = 0.5 * np.log(bands(wanted) / bands(given))
    return mel.istft(np.exp(gains @ mel.band_to_bin(n_fft)) * given, n_fft, hop)[lead : lead + len(sound)].astype(np.float64)


def evaluate(strokes: list[fit_hits.Stroke], fits: Path) -> dict[str, dict[str, float]]:
    """Table: row -> measure -> mean absolute difference, plus the number of hits and the discriminator's AUC."""
    names = ("another round robin", "Opus 24 kbit/s", "excitation of the codec, oracle gains", "modes and noise",
             "modes and noise, of another stroke")  # fmt: skip
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    prints: dict[str, list[np.ndarray]] = {name: [] for name in ("original", *names[:-1])}
    groups = []
    for stroke in strokes:
        path = fits / f"{stroke.name}.hit"
        if len(stroke.paths) < 2 or not path.is_file():
            continue
        hit = hits.unpack(path.read_bytes())[0].hits[0]
        original, other = (fit_hits.read_sound(each)[: hit.length] for each in stroke.paths[:2])
        tune, seed = 1.0, UNSEEN_SEED + len(groups)
        if stroke.group == fit_hits.NOTE:
            tune = 2 ** (stroke.tunes_cents[0] / 1200)
            hz = 440 * 2 ** ((int(stroke.piece.rsplit(".", 1)[1]) - 69) / 12) * tune
            excited = oracle_note(original, hz, seed)
        else:
            excited = oracle(original, seed)
        made = hits.render(hit, seed, tune=tune)[: len(original)]
        sounds = {names[0]: other, names[1]: opus(original), names[2]: excited, names[3]: made}
        for name, sound in sounds.items():
            rows[name].append(hit_measures.compare(sound, original))
            prints[name].append(hit_measures.fingerprint(sound))
        rows[names[4]].append(hit_measures.compare(sounds[names[3]], other))
        prints["original"].append(hit_measures.fingerprint(original))
        groups.append(stroke.piece)
    if not groups:
        raise fit_hits.SamplesError(f"no fits in {fits} with a second round robin")
    out = {}
    for name, found in rows.items():
        out[name] = hit_measures.table(found)
        if name in prints:
            out[name]["AUC"] = hit_measures.separability(
                np.array(prints["original"]), np.array(prints[name]), np.array(groups)
            )  # fmt: skip
        out[name]["hits"] = len(found)
    return out


def main() -> None:
    """Command-line entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--fits", type=Path, required=True)
    parser.add_argument("--notes", action="store_true", help="struck and plucked notes instead of drums")
    parser.add_argument("--out", type=Path, help="write the table as JSON")
    arguments = parser.parse_args()
    try:
        table = evaluate((fit_hits.read_notes if arguments.notes else fit_hits.read_index)(arguments.samples), arguments.fits)
        if arguments.out:
            arguments.out.write_text(json.dumps(table, indent=1) + "\n")
    except (fit_hits.SamplesError, OSError, ValueError) as error:
        sys.exit(f"evaluate_hits: {error}")
    columns = [*hit_measures.MEASURES, "AUC", "hits"]
    print("| | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for name, row in table.items():
        print(
            f"| {name} | "
            + " | ".join("-" if key not in row else f"{row[key]:.2f}".removesuffix(".00") for key in columns)
            + " |"
        )


if __name__ == "__main__":
    main()
