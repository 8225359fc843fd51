"""Metrics of composed scores, and text piano rolls."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from resonant.compose_data import CachedPiece, PieceCache
from resonant.compose_sample import Sampling, generate
from resonant.conditions import DRUM_CLASS_OF_KEY, Plan
from resonant.export_compose import Stepper
from resonant.piece import DRUM_CLASSES, MODES, QUALITIES, STYLES, TRACKS, Note, pitch_class_name, uses_flats

ROLL_MARKS = ".:oO"


def notes_of(rows: np.ndarray) -> list[Note]:
    """Notes of cached rows [N, 4] (step, length, pitch, velocity)."""
    return [Note(int(s), 0.0, float(length), int(p), int(v)) for s, length, p, v in rows]


def chord_classes(plan: Plan, step: int) -> set[int]:
    """Pitch classes of the chord at a step."""
    root, quality = plan.chords[step * 2 // plan.steps_per_bar]
    return {(root + interval) % 12 for interval in QUALITIES[quality]}


def bar_vectors(track: str, notes: Sequence[Note], plan: Plan) -> np.ndarray:
    """f32 [bars, rows * steps]: velocities by drum class, or onsets by pitch, and step in bar."""
    bar = plan.steps_per_bar
    height = len(DRUM_CLASSES) if track == "drums" else 128
    grid = np.zeros((plan.bars, height, bar), np.float32)
    for note in notes:
        row = DRUM_CLASS_OF_KEY[note.pitch] if track == "drums" else note.pitch
        grid[note.step // bar, row, note.step % bar] = note.velocity / 127.0 if track == "drums" else 1.0
    return grid.reshape(plan.bars, -1)


def bar_similarity(track: str, notes: Sequence[Note], plan: Plan) -> float:
    """Mean, over the bars from the second on, of the best cosine similarity to one of the four bars before."""
    vectors = bar_vectors(track, notes, plan)
    norms = np.linalg.norm(vectors, axis=1)
    values = []
    for index in range(1, plan.bars):
        before = range(max(0, index - 4), index)
        if norms[index] == 0.0:
            values.append(float(any(norms[other] == 0.0 for other in before)))
            continue
        dots = [float(vectors[index] @ vectors[other] / max(norms[other], 1e-9)) for other in before]
        values.append(max(dots) / float(norms[index]))
    return float(np.mean(values)) if values else 1.0


def root_or_fifth(notes: Sequence[Note], plan: Plan) -> tuple[int, int]:
    """(hits, cases): bass notes on bar downbeats that are the root or fifth of the chord."""
    cases = [note for note in notes if note.step % plan.steps_per_bar == 0]
    hits = 0
    for note in cases:
        root, quality = plan.chords[note.step * 2 // plan.steps_per_bar]
        fifth = next((interval for interval in QUALITIES[quality] if interval in (6, 7, 8)), 7)
        hits += (note.pitch - root) % 12 in (0, fifth)
    return hits, len(cases)


def chord_tones(notes: Sequence[Note], plan: Plan) -> tuple[int, int]:
    """(hits, cases): notes that belong to the chord at their onset, or to the next chord if it starts within two steps."""
    hits = 0
    for note in notes:
        ahead = (note.step + 2) % plan.total_steps
        hits += note.pitch % 12 in chord_classes(plan, note.step) | chord_classes(plan, ahead)
    return hits, len(notes)


def in_scale(notes: Sequence[Note], plan: Plan) -> tuple[int, int]:
    """(hits, cases): notes that belong to the key's scale or to the chord at their onset."""
    scale = {(plan.tonic + degree) % 12 for degree in MODES[plan.mode]}
    return sum(note.pitch % 12 in scale | chord_classes(plan, note.step) for note in notes), len(notes)


def motif_return(notes: Sequence[Note], plan: Plan) -> float | None:
    """Share of bars with two or more onsets whose rhythm occurs in another bar too; None with fewer than two such bars."""
    bar = plan.steps_per_bar
    rhythms: list[tuple[int, ...]] = []
    for index in range(plan.bars):
        rhythm = tuple(sorted({note.step % bar for note in notes if note.step // bar == index}))
        if len(rhythm) >= 2:
            rhythms.append(rhythm)
    if len(rhythms) < 2:
        return None
    return sum(rhythms.count(rhythm) > 1 for rhythm in rhythms) / len(rhythms)


def drum_histogram(notes: Sequence[Note], plan: Plan) -> np.ndarray:
    """f32 [12 * 16 + 12]: mean velocity per class and sixteenth of the bar (other bar lengths stretched), and rates."""
    grid = np.zeros((len(DRUM_CLASSES), 16), np.float32)
    for note in notes:
        position = note.step % plan.steps_per_bar * 16 // plan.steps_per_bar
        grid[DRUM_CLASS_OF_KEY[note.pitch], position] += note.velocity / 127.0
    grid /= plan.bars
    return np.concatenate([grid.ravel(), np.log1p(grid.sum(axis=1))])


class StyleClassifier:
    """Multinomial logistic regression from drum histograms to style; tempo and swing are not inputs."""

    def __init__(self, pieces: Sequence[CachedPiece]) -> None:
        import torch

        x = np.stack([drum_histogram(notes_of(piece.notes["drums"]), piece.plan) for piece in pieces])
        y = torch.tensor([int(piece.plan.style.argmax()) for piece in pieces])
        self.mean, self.deviation = x.mean(axis=0), x.std(axis=0) + 0.05
        inputs = torch.from_numpy((x - self.mean) / self.deviation)
        layer = torch.nn.Linear(inputs.shape[1], len(STYLES))
        optimiser = torch.optim.AdamW(layer.parameters(), lr=0.02, weight_decay=0.05)
        for _ in range(300):
            loss = torch.nn.functional.cross_entropy(layer(inputs), y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        self.weight, self.bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()

    def style(self, notes: Sequence[Note], plan: Plan) -> int:
        """Index of the most likely style."""
        x = (drum_histogram(notes, plan) - self.mean) / self.deviation
        return int((self.weight @ x + self.bias).argmax())


def piano_roll(track: str, notes: Sequence[Note], plan: Plan, bars: int = 4) -> str:
    """Text picture of the first bars: onsets by velocity (`.:oO`), held notes as dashes, bar lines as `|`."""
    bar, steps = plan.steps_per_bar, min(bars, plan.bars) * plan.steps_per_bar
    flats = uses_flats(plan.tonic, plan.mode)
    lines: dict[int, list[str]] = {}
    for note in notes:
        if note.step >= steps:
            continue
        line = lines.setdefault(note.pitch, [" "] * steps)
        for step in range(note.step + 1, min(note.step + round(note.length), steps) if track != "drums" else 0):
            if line[step] == " ":
                line[step] = "-"
        line[note.step] = ROLL_MARKS[min(note.velocity // 32, 3)]
    text = []
    for pitch in sorted(lines, reverse=True):
        if track == "drums":
            name = DRUM_CLASSES[DRUM_CLASS_OF_KEY[pitch]]
        else:
            name = f"{pitch_class_name(pitch % 12, flats)}{pitch // 12 - 1}"
        joined = "|".join("".join(lines[pitch][at : at + bar]) for at in range(0, steps, bar))
        text.append(f"{name:>10} |{joined}|")
    return "\n".join(text)


def describe(plan: Plan) -> str:
    """A one-line description of a plan."""
    flats = uses_flats(plan.tonic, plan.mode)
    chords = " ".join(f"{pitch_class_name(root, flats)}:{quality}" for root, quality in plan.chords)
    style = STYLES[int(plan.style.argmax())]
    key = f"{pitch_class_name(plan.tonic, flats)} {plan.mode}"
    return f"{style}, {plan.bpm:g} bpm, {key}, {plan.meter[0]}/{plan.meter[1]}, {plan.bars} bars: {chords}"


def figures(
    track: str, made: Sequence[tuple[Plan, Sequence[Note]]], styles: StyleClassifier | None
) -> dict[str, float]:
    """Metrics of a set of scores of one track."""
    bars = sum(plan.bars for plan, _ in made)
    result: dict[str, float] = {
        "onsets_per_bar": sum(len(notes) for _, notes in made) / bars,
        "bar_similarity": float(np.median([bar_similarity(track, notes, plan) for plan, notes in made])),
    }

    def rate(pairs: list[tuple[int, int]]) -> float:
        return sum(hits for hits, _ in pairs) / max(sum(cases for _, cases in pairs), 1)

    if track == "drums" and styles is not None:
        right = [styles.style(notes, plan) == int(plan.style.argmax()) for plan, notes in made]
        result["style_recognised"] = float(np.mean(right))
    if track != "drums":
        notes = [note for _, part in made for note in part]
        result["mean_pitch"] = float(np.mean([note.pitch for note in notes])) if notes else 0.0
        result["mean_length"] = float(np.mean([note.length for note in notes])) if notes else 0.0
        result["in_scale"] = rate([in_scale(part, plan) for plan, part in made])
        result["chord_tones"] = rate([chord_tones(part, plan) for plan, part in made])
    if track == "bass":
        result["downbeat_root_or_fifth"] = rate([root_or_fifth(part, plan) for plan, part in made])
    returns = [value for plan, part in made if (value := motif_return(part, plan)) is not None]
    result["rhythm_returns"] = float(np.mean(returns)) if returns else 0.0
    return result


def evaluate(
    bundle: Path, cache: PieceCache, pieces: int, show: int, out: Path | None, sampling: Sampling
) -> None:
    """Generate every track for held-out plans, in the order drums, bass, harmony, melody, and compare with the data."""
    rng = random.Random(5)
    held_out = [piece for piece in cache.split("drums", held_out=True) if piece.plan.bars >= 4]
    chosen = sorted(rng.sample(held_out, min(pieces, len(held_out))), key=lambda piece: piece.index % len(STYLES))
    training = cache.split("drums", held_out=False)
    styles = StyleClassifier(rng.sample(training, min(3000, len(training))))
    steppers = {
        track: Stepper(bundle / f"compose_{track}.onnx")
        for track in TRACKS
        if (bundle / f"compose_{track}.onnx").exists()
    }
    guides = {
        track: Stepper(bundle / f"compose_{track}.onnx") if sampling.guidance != 1.0 else None for track in steppers
    }
    made: dict[str, list[tuple[Plan, list[Note]]]] = {track: [] for track in steppers}
    truth: dict[str, list[tuple[Plan, list[Note]]]] = {track: [] for track in steppers}
    for number, piece in enumerate(chosen):
        context: dict[str, list[Note]] = {}
        for track, stepper in steppers.items():
            draw = np.random.default_rng([number, TRACKS.index(track)])
            original = notes_of(piece.notes[track])
            if not original:
                continue
            context[track] = generate(
                stepper, track, piece.plan, piece.families[track], context, sampling, draw, guides[track],
                piece.figures.get(track),
            )  # fmt: skip
            made[track].append((piece.plan, context[track]))
            truth[track].append((piece.plan, original))
        if number < show:
            print(f"\n{describe(piece.plan)}")
            for track, notes in context.items():
                print(piano_roll(track, notes, piece.plan))
    result = {}
    for track in steppers:
        spread = [bar_similarity(track, notes, plan) for plan, notes in truth[track]]
        result[track] = {
            "generated": figures(track, made[track], styles),
            "data": figures(track, truth[track], styles),
            "data_bar_similarity_p10_p90": [float(np.percentile(spread, q)) for q in (10, 90)],
        }
        print(f"\n{track}")
        for name, value in result[track]["generated"].items():
            print(f"  {name:24} {value:8.3f}   data {result[track]['data'][name]:8.3f}")
        low, high = result[track]["data_bar_similarity_p10_p90"]
        print(f"  {'data similarity p10..p90':24} {low:.3f} .. {high:.3f}")
    if out is not None:
        out.write_text(json.dumps(result, indent=1) + "\n")
