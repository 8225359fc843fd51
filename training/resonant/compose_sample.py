"""Sampling from exported composers in Python, for evaluation. The engine has a Rust twin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from resonant import conditions as cond
from resonant.compose_model import POSITIONS
from resonant.composer.figures import Figure
from resonant.conditions import Plan
from resonant.export_compose import Stepper
from resonant.piece import MODES, QUALITIES, Note
from resonant.tokens import BOS, DV0, PITCH0, PITCHES, STEP, Grammar, decode, vocabulary

SEGMENT_BARS = 8
# Limit of events per step, after which the open group is closed and STEP is forced. The same happens if the graph has
# just enough positions left for the segment's remaining STEPs (and one DV).
MOST_EVENTS = 12


@dataclass(frozen=True)
class Sampling:
    """Sampling settings."""

    temperature: float = 1.0
    top_p: float = 0.98
    guidance: float = 1.5  # classifier-free guidance; 1 is off
    theory: bool = True  # mask pitches by scale and chord


def theory_mask(track: str, plan: Plan, step: int) -> np.ndarray:
    """bool [vocabulary]: pitches that fit the scale and chord at a step; other tokens are always allowed.

    Harmony: tones of the chord and, within two steps before a change, of the next chord. Melody and bass: scale or
    chord tones; off the beat the bass may use any pitch (approach notes).
    """
    mask = np.ones(vocabulary(track), bool)
    if track == "drums" or (track == "bass" and step % 4 != 0):
        return mask
    half = step * 2 // plan.steps_per_bar
    chords = [plan.chords[half]]
    following = (half + 1) % len(plan.chords)
    if (half + 1) * plan.steps_per_bar // 2 - step <= 2:
        chords.append(plan.chords[following])
    classes = {(root - plan.tonic + interval) % 12 for root, quality in chords for interval in QUALITIES[quality]}
    if track != "harmony":
        classes |= set(MODES[plan.mode])
    relative = np.arange(PITCHES)
    mask[PITCH0:DV0] = np.isin(relative % 12, list(classes))
    return mask


def choose(logits: np.ndarray, allowed: np.ndarray, sampling: Sampling, rng: np.random.Generator) -> int:
    """Sample one of the allowed tokens with temperature and nucleus (top-p) sampling."""
    scaled = np.where(allowed, logits.astype(np.float64) / max(sampling.temperature, 1e-3), -np.inf)
    p = np.exp(scaled - scaled.max())
    p /= p.sum()
    order = np.argsort(-p)
    kept = order[: int(np.searchsorted(np.cumsum(p[order]), sampling.top_p)) + 1]
    return int(rng.choice(kept, p=p[kept] / p[kept].sum()))


def generate(
    stepper: Stepper,
    track: str,
    plan: Plan,
    family: str,
    context: Mapping[str, Sequence[Note]],
    sampling: Sampling,
    rng: np.random.Generator,
    unconditional: Stepper | None = None,
    figure: Figure | None = None,
) -> list[Note]:
    """A track's notes for a whole plan, in segments of eight bars; guidance other than 1 requires `unconditional`.

    `figure` is used by composers that are conditioned on figures.
    """
    rows = cond.plan_features(plan, family)
    cond.add_context(
        rows, {name: cond.track_context(name, cond.note_array(notes), plan) for name, notes in context.items()}
    )
    if stepper.condition.shape[2] > cond.CONDITION:
        rows = np.concatenate((rows, cond.figure_features(track, figure, plan)), axis=1)
    bar, total = plan.steps_per_bar, plan.total_steps
    own = np.zeros((total, cond.LAG_WIDTH), np.float32)
    notes: list[Note] = []
    for first in range(0, total, SEGMENT_BARS * bar):
        last = min(first + SEGMENT_BARS * bar, total)
        grammar, token, position, step = Grammar(track), BOS, 0, first
        step_tokens: list[int] = []
        while step < last:
            grammar.feed(token)
            for index, bars in enumerate(cond.LAG_BARS):
                if step >= bars * bar:
                    columns = slice(cond.LAG + index * cond.LAG_WIDTH, cond.LAG + (index + 1) * cond.LAG_WIDTH)
                    rows[step, columns] = own[step - bars * bar]
            logits = stepper.step(token, rows[step], position)
            if unconditional is not None and sampling.guidance != 1.0:
                blank = rows[step].copy()
                cond.drop_intent(blank)
                free = unconditional.step(token, blank, position)
                logits = free + sampling.guidance * (logits - free)
            position += 1
            allowed = grammar.allowed()
            if len(step_tokens) >= MOST_EVENTS or position + (last - step) + 1 >= POSITIONS:
                closing = slice(DV0, None) if grammar.open else slice(STEP, STEP + 1)
                closed = np.zeros_like(allowed)
                closed[closing] = allowed[closing]
                allowed = closed
            if sampling.theory:
                allowed &= theory_mask(track, plan, step)
            token = choose(logits, allowed, sampling, rng)
            if token == STEP:
                made = decode(track, [*step_tokens, STEP], plan.tonic, step)
                notes += made
                own[step] = cond.onset_features(track, cond.note_array(made), plan)[step]
                step_tokens = []
                step += 1
            else:
                step_tokens.append(token)
    return notes if track in ("drums", "harmony") else end_overlaps(notes, total)


def end_overlaps(notes: list[Note], total: int) -> list[Note]:
    """Monophonic notes in a loop of `total` steps, each ended where the next one starts, as in the engine."""
    ordered = sorted(notes, key=lambda note: (note.step, note.pitch))
    following = [*ordered[1:], *ordered[:1]]
    return [
        replace(note, length=min(note.length, float((after.step - note.step - 1) % total + 1)))
        for note, after in zip(ordered, following, strict=True)
    ]
