"""One picture per style for the model card: original, decoded, performed and generated stems side by side.

`python -m resonant.style_pictures --bundle BUNDLE --data DATA --program ../target/release/resonantgen --out FOLDER` uses
one held-out clip per style and track, and one session per style that the program generates from the style's name. Each cell
is a log-mel spectrogram of five seconds.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from resonant import mel
from resonant.clips import TrackClip, load_clips, split
from resonant.codec import TRACKS
from resonant.evaluate_audio import RATE, Bundle, versions_of
from resonant.piece import STYLES

SECONDS = 5.0
COLUMNS = ("original", "codec", "closed", "generated")
TITLES = {
    "original": "original (held out)",
    "codec": "its tokens decoded",
    "closed": "its score performed",
    "generated": "generated from the style's name",
}
PROMPT_NAMES = {"hiphop": "hip hop", "dnb": "drum and bass"}


def generated_stems(program: Path, bundle: Path, style: str) -> dict[str, np.ndarray]:
    """Mono stems of a session whose prompt is the style's name."""
    import soundfile

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "session"
        words = [PROMPT_NAMES.get(style, style), "--bars", "4", "--seed", "1", "--bundle", str(bundle), "--out", str(out)]
        done = subprocess.run([str(program), "generate", *words], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ValueError(f"{style}: {done.stderr.strip().splitlines()[-1]}")
        return {track: soundfile.read(out / f"{track}.wav", dtype="float32")[0].mean(1) for track in TRACKS}


def clip_of(clips: list[TrackClip], style: str) -> TrackClip | None:
    """The style's held-out clip with the most notes in its first seconds."""
    chosen = [clip for clip in clips if clip.style == style and clip.seconds >= SECONDS]
    return max(chosen, key=lambda clip: int((clip.notes.on < SECONDS).sum()), default=None)


def draw(path: Path, style: str, sounds: dict[str, dict[str, np.ndarray]]) -> None:
    """Write the grid: one row per track, one column per version."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(len(TRACKS), len(COLUMNS), figsize=(14, 8), layout="constrained", sharey=True)
    figure.suptitle(style)
    for row, track in zip(axes, TRACKS, strict=True):
        row[0].set_ylabel(f"{track}\nmel band")
        for cell, version in zip(row, COLUMNS, strict=True):
            cell.set_title(TITLES[version], fontsize=9)
            sound = sounds[track].get(version)
            if sound is None:
                cell.set_axis_off()
                continue
            levels = mel.log_mel(sound[: int(SECONDS * RATE)]) * 10.0 / np.log(10.0)
            cell.imshow(
                levels, origin="lower", aspect="auto", vmin=-40, vmax=45, extent=(0, levels.shape[1] / 100, 0, 96)
            )
    figure.savefig(path, dpi=60)
    pyplot.close(figure)


def main() -> None:
    """Command-line entry point."""
    parser = argparse.ArgumentParser(prog="style_pictures", description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--program", type=Path, required=True, help="the resonantgen program")
    parser.add_argument("--styles", nargs="+", choices=STYLES, default=list(STYLES))
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    try:
        held_out = {track: split(load_clips(arguments.data, track))[1] for track in TRACKS}
        players = {track: Bundle(arguments.bundle, track) for track in TRACKS}
        for style in arguments.styles:
            made = generated_stems(arguments.program, arguments.bundle, style)
            sounds: dict[str, dict[str, np.ndarray]] = {}
            for track in TRACKS:
                clip = clip_of(held_out[track], style)
                known = versions_of(players[track], clip, 0)[0] if clip is not None else {}
                sounds[track] = {**known, "generated": made[track]}
            draw(arguments.out / f"{style}.jpg", style, sounds)
            print(style, flush=True)
    except (OSError, ValueError) as error:
        sys.exit(f"style_pictures: {error}")


if __name__ == "__main__":
    main()
