"""Measures whether generated music has its prompt's style, using the released program and classifiers trained on the data.

`python -m resonant.evaluate_prompts --program ../target/release/resonantgen --shards CACHE --out prompts.json` generates a
session for each line of `configs/style_prompts.csv` and classifies the style of its scores, once from the drums alone and
once from the rhythms of all tracks, tempo and swing. Neither classifier has access to the prompt. The result includes
their accuracy on held-out data.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from resonant.compose_data import CachedPiece, PieceCache
from resonant.compose_metrics import drum_histogram, notes_of
from resonant.conditions import Plan
from resonant.piece import STYLES, TRACKS, Note

USAGE = 2  # the program's exit code for an invalid request
PROMPTS = Path(__file__).parent.parent / "configs" / "style_prompts.csv"


class PromptsError(Exception):
    """The evaluation cannot be run; the message gives the reason."""


@dataclass(frozen=True)
class Music:
    """A piece's scores and the parts of its plan available to the classifiers."""

    notes: Mapping[str, Sequence[Note]]
    plan: Plan


def onset_histogram(notes: Sequence[Note], plan: Plan) -> np.ndarray:
    """f32 [18]: onsets per bar by sixteenth of the bar, their total (log), mean length in beats (log)."""
    grid = np.zeros(16, np.float32)
    for step in {note.step for note in notes}:
        grid[step % plan.steps_per_bar * 16 // plan.steps_per_bar] += 1.0
    grid /= plan.bars
    length = float(np.mean([note.length for note in notes])) / 4.0 if notes else 0.0
    return np.concatenate([grid, [np.log1p(grid.sum()), np.log1p(length)]]).astype(np.float32)


def drums_seen(music: Music) -> np.ndarray:
    """Features of the drums only."""
    return drum_histogram(music.notes.get("drums", []), music.plan)


def everything_seen(music: Music) -> np.ndarray:
    """Features of all rhythms, tempo and swing."""
    others = [onset_histogram(music.notes.get(track, []), music.plan) for track in TRACKS[1:]]
    pace = [(music.plan.bpm - 60.0) / 120.0, 4.0 * (music.plan.swing_ratio - 0.5)]
    return np.concatenate([drums_seen(music), *others, np.array(pace, np.float32)])


class Classifier:
    """A small network that predicts the style from features."""

    def __init__(self, seen: Callable[[Music], np.ndarray], pieces: Sequence[CachedPiece]) -> None:
        self.seen = seen
        x = np.stack([seen(music_of(piece)) for piece in pieces])
        y = torch.tensor([style_of(piece) for piece in pieces])
        self.mean, self.deviation = x.mean(axis=0), x.std(axis=0) + 0.05
        inputs = torch.from_numpy((x - self.mean) / self.deviation).float()
        torch.manual_seed(0)
        self.network = torch.nn.Sequential(
            torch.nn.Linear(inputs.shape[1], 64), torch.nn.ReLU(), torch.nn.Dropout(0.3), torch.nn.Linear(64, len(STYLES))
        )
        optimiser = torch.optim.AdamW(self.network.parameters(), lr=3e-3, weight_decay=0.05)
        for _ in range(300):
            loss = torch.nn.functional.cross_entropy(self.network(inputs), y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        self.network.eval()

    def style(self, music: Music) -> int:
        """Index of the most likely style."""
        x = torch.from_numpy((self.seen(music) - self.mean) / self.deviation).float()
        with torch.no_grad():
            return int(self.network(x).argmax())


def music_of(piece: CachedPiece) -> Music:
    """A cached piece's scores."""
    return Music({track: notes_of(piece.notes[track]) for track in TRACKS}, piece.plan)


def style_of(piece: CachedPiece) -> int:
    """Index of a cached piece's style."""
    return int(piece.plan.style.argmax())


def read_prompts(path: Path) -> list[tuple[int, str]]:
    """(style index, prompt) rows."""
    with path.open(newline="") as file:
        rows = [(row["style"], row["prompt"]) for row in csv.DictReader(file)]
    unknown = sorted({style for style, _ in rows} - set(STYLES))
    if unknown:
        raise PromptsError(f"{path}: {unknown[0]} is not a style (known: {', '.join(STYLES)})")
    return [(STYLES.index(style), prompt) for style, prompt in rows]


def music_of_session(session: Mapping[str, Any]) -> Music:
    """Scores and plan of a `session.json`."""
    plan = session["plan"]
    beats, unit = (int(part) for part in plan["meter"].split("/"))
    notes: dict[str, list[Note]] = {}
    for track in session["tracks"]:
        if track["current"] is None:
            continue
        score = track["takes"][track["current"]]["score"]["notes"]
        notes[track["track"]] = [
            Note(int(n["step"]), float(n.get("offset", 0.0)), float(n["length"]), int(n["pitch"]), int(n["velocity"])) for n in score
        ]
    blank = np.zeros(12, np.float32), np.zeros(5, np.float32)
    return Music(
        notes,
        Plan(*blank, float(plan["bpm"]), float(plan["swing"]["ratio"]), 0, "major", (beats, unit), int(plan["bars"]), ()),
    )


def generated(program: Path, prompt: str, seed: int, bars: int) -> dict[str, Any] | None:
    """The session that the program makes from a prompt; None if it understands none of the words."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "session"
        command = [str(program), "generate", prompt, "--bars", str(bars), "--seed", str(seed), "--out", str(out)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == USAGE:
            return None
        if done.returncode != 0:
            raise PromptsError(f"{prompt!r}: {done.stderr.strip().splitlines()[-1]}")
        return json.loads((out / "session.json").read_text())


def evaluate(program: Path, cache: PieceCache, prompts: Path, seeds: int, bars: int) -> dict[str, Any]:
    """The table of results."""
    rng = random.Random(5)
    training, held_out = cache.split("drums", held_out=False), cache.split("drums", held_out=True)
    training = rng.sample(training, min(4000, len(training)))
    judges = {"drums alone": Classifier(drums_seen, training), "all tracks": Classifier(everything_seen, training)}
    own = {
        name: float(np.mean([judge.style(music_of(piece)) == style_of(piece) for piece in held_out]))
        for name, judge in judges.items()
    }
    rows = []
    for number, (style, prompt) in enumerate(read_prompts(prompts)):
        for seed in range(1, seeds + 1):
            session = generated(program, prompt, seed, bars)
            understood, heard = "", dict.fromkeys(judges, "")
            if session is not None:
                music = music_of_session(session)
                understood = STYLES[int(np.argmax(session["intent"]["styles"]))]
                heard = {name: STYLES[judge.style(music)] for name, judge in judges.items()}
            rows.append({"prompt": prompt, "seed": seed, "style": STYLES[style], "understood": understood, "heard": heard})
        print(f"{number + 1}: {rows[-1]}", file=sys.stderr, flush=True)
    return {"sessions": len(rows), "classifier_accuracy": own, "shares": shares(rows, list(judges)), "rows": rows}


def shares(rows: Sequence[Mapping[str, Any]], judges: Sequence[str]) -> dict[str, dict[str, float]]:
    """Share of sessions whose style was found in the prompt, and recognised by each classifier, overall and by style."""
    result = {}
    for style in ("all", *STYLES):
        chosen = [row for row in rows if style in ("all", row["style"])]
        if not chosen:
            continue
        result[style] = {"understood": float(np.mean([row["understood"] == row["style"] for row in chosen]))}
        for name in judges:
            result[style][name] = float(np.mean([row["heard"][name] == row["style"] for row in chosen]))
    return result


def main() -> None:
    """Command-line entry point."""
    parser = argparse.ArgumentParser(prog="evaluate_prompts", description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=Path, required=True, help="the resonantgen program")
    parser.add_argument("--shards", type=Path, required=True, help="score cache used to train the composers")
    parser.add_argument("--prompts", type=Path, default=PROMPTS)
    parser.add_argument("--seeds", type=int, default=1, help="sessions per prompt")
    parser.add_argument("--bars", type=int, default=8)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    try:
        result = evaluate(
            arguments.program, PieceCache(arguments.shards), arguments.prompts, arguments.seeds, arguments.bars
        )
    except (PromptsError, OSError) as error:
        sys.exit(f"evaluate_prompts: {error}")
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({key: value for key, value in result.items() if key != "rows"}, indent=1))


if __name__ == "__main__":
    main()
