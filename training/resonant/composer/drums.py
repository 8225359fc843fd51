"""Drum tracks: grooves per style with sparse to dense layers, variations, ghost notes, fills, rolls and crashes."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from resonant.composer.groove_data import FILLS, GROOVES, Groove
from resonant.composer.plan import Plan
from resonant.composer.styles import graded
from resonant.piece import DRUM_CLASSES, DRUM_KEYS, Note

_LEVEL = {"g": 36.0, "o": 64.0, "x": 90.0, "X": 114.0, "2": 78.0, "3": 72.0}
_ROLL = {"2": 2, "3": 3}
_GHOSTS = {"funk": 0.9, "hiphop": 0.45, "dnb": 0.75, "jazz": 0.6, "rock": 0.3, "pop": 0.15, "trap": 0.0}

Hit = tuple[int, float, int]  # step in bar, level, repeats (1, 2 or 3)
Bar = dict[str, list[Hit]]


@dataclass
class DrumTrack:
    """Notes, and the kick steps of each bar as played (used by the bass)."""

    notes: list[Note]
    kicks: list[list[int]] = field(default_factory=list)


def _hits(line: str, bar: int, spb: int) -> list[Hit]:
    start = (bar * spb) % len(line) if len(line) > spb else 0
    return [(i, _LEVEL[c], _ROLL.get(c, 1)) for i, c in enumerate(line[start : start + spb]) if c != "."]


class _Drummer:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.rng = plan.stream("drums")
        self.busy = plan.mix(density=0.6, energy=0.6)
        meter = {(4, 4): "4", (3, 4): "3", (6, 8): "6"}[plan.meter]
        grooves = GROOVES[plan.style].get(meter) or GROOVES["pop"][meter]
        weights = [
            g.weight * (1.0 if g.energy is None else max(0.05, 1 - 1.8 * abs(g.energy - plan.attribute("energy"))))
            for g in grooves
        ]
        self.groove: Groove = self.rng.choices(grooves, weights)[0]
        self.lines = self._choose_lines()

    def _choose_lines(self) -> dict[str, str]:
        lines = {}
        for name, options in self.groove.core.items():
            amount = self.plan.mix(energy=0.5, density=0.4, complexity=0.4) if name in ("kick", "snare") else self.busy
            line = graded(self.rng, options, amount, 0.2)
            if len(line) > self.plan.spb and self.rng.random() < 0.4:  # the first bar only
                line = line[: self.plan.spb]
            lines[name] = line
        for name, (threshold, options) in self.groove.extra.items():
            draw = self.rng.gauss(0.0, 0.22)
            line = graded(self.rng, options, self.busy)
            if self.busy + draw > threshold:
                lines[name] = line
        return self._thinned(lines)

    def _thinned(self, lines: dict[str, str]) -> dict[str, str]:
        """Removes layers if several would fill every step, or if too many play at once."""
        tops = [
            n for n in ("shaker", "ride", "closed_hat") if n in lines and lines[n].count(".") < 0.55 * len(lines[n])
        ]
        keep = self.rng.choice(tops) if tops else ""
        for name in tops:
            if name != keep and name in self.groove.extra and self.rng.random() < 0.8:
                del lines[name]
        extras = [n for n in lines if n in self.groove.extra]
        most = 2 + round(2.4 * self.plan.attribute("density"))
        for name in self.rng.sample(extras, max(0, len(extras) - most)):
            del lines[name]
        return lines

    def base(self, lines: dict[str, str]) -> list[Bar]:
        """The two bars of a pattern."""
        return [{name: _hits(line, bar, self.plan.spb) for name, line in lines.items()} for bar in (0, 1)]

    def ghosts(self, bar: Bar) -> None:
        """Quiet snare notes between the backbeats."""
        chance = _GHOSTS.get(self.plan.style, 0.0) * self.plan.mix(complexity=1.2, density=0.4)
        taken = {step for name in ("snare", "clap") for step, _, _ in bar.get(name, [])}
        if not taken or self.rng.random() > chance + 0.1:
            return
        fine = self.plan.swing[0] == 1
        spots = [s for s in range(1, self.plan.spb) if s not in taken and (s % 2 == 1 if fine else s % 4 == 2)]
        weights = [
            3.0 if (s + 1) % self.plan.spb in taken or s - 1 in taken else 1.5 if s % 4 == 3 else 1.0 for s in spots
        ]
        for _ in range(1 + int(self.rng.random() * 3.2 * chance) if spots else 0):
            step = self.rng.choices(spots, weights)[0]
            if step not in taken:
                taken.add(step)
                bar.setdefault("snare", []).append((step, _LEVEL["g"], 1))

    def vary(self, bar: Bar) -> Bar:
        """A slight variation: one or two small changes."""
        result = {name: list(hits) for name, hits in bar.items()}
        moves = ["kick", "hat", "ghost", "open", "drop", "perc"]
        if self.groove.four:
            moves = ["hat", "open", "perc", "kick_end", "drop"]
        for move in self.rng.sample(moves, 1 + (self.rng.random() < self.plan.attribute("complexity"))):
            self._move(result, move)
        return result

    def _move(self, bar: Bar, move: str) -> None:
        rng, spb = self.rng, self.plan.spb
        fine = 1 if self.plan.swing[0] == 1 else 2
        if move == "kick" and bar.get("kick"):
            taken = {s for s, _, _ in bar["kick"]}
            backbeat = {s for n in ("snare", "clap") for s, level, _ in bar.get(n, []) if level > 60}
            spots = [s for s in range(spb // 2 - 2, spb, fine) if s not in taken and s not in backbeat]
            if spots:
                bar["kick"].append((rng.choice(spots), 84.0, 1))
        elif move == "kick_end" and bar.get("kick"):
            bar["kick"].append((spb - rng.choice((1, 2)) * fine, 84.0, 1))
        elif move == "hat" and bar.get("closed_hat"):
            step = rng.randrange(fine, spb, fine)
            if all(s != step for s, _, _ in bar["closed_hat"]):
                bar["closed_hat"].append((step, 70.0, 1))
            else:
                bar["closed_hat"] = [h for h in bar["closed_hat"] if h[0] != step]
        elif move == "open" and bar.get("closed_hat") and self.plan.style != "jazz":
            step = rng.choice([s for s in range(2, spb, 2)])
            bar["closed_hat"] = [h for h in bar["closed_hat"] if h[0] != step]
            if all(s != step for s, _, _ in bar.get("open_hat", [])):
                bar.setdefault("open_hat", []).append((step, 84.0, 1))
        elif move == "ghost":
            self.ghosts(bar)
        elif move == "drop":
            name = rng.choice([n for n in bar if n not in ("kick", "snare", "clap")] or list(bar))
            bar[name] = [h for h in bar[name] if h[0] < spb - 4]
        elif move == "perc":
            name = rng.choice(("perc", "rim", "shaker"))
            if name in bar:
                step = rng.randrange(fine, spb, fine)
                if all(s != step for s, _, _ in bar[name]):
                    bar[name].append((step, 66.0, 1))

    def rolls(self, bar: Bar) -> None:
        """Trap hats: turns a few hits into rolls and adds some rolls between them."""
        hats = bar.get("closed_hat")
        if not hats:
            return
        rng, spb = self.rng, self.plan.spb
        amount = self.plan.mix(density=0.7, complexity=0.6, energy=0.3)
        taken = {s: i for i, (s, _, _) in enumerate(hats)}
        for _ in range(int(0.5 + amount * 3.4 + rng.random())):
            start = rng.choice((2, 4, 6, 7, 10, 11, 12, 13, 14)) % spb
            repeats = rng.choices((2, 3), (3, 2))[0]
            for step in range(start, min(start + rng.choice((1, 1, 2, 2, 3)), spb)):
                hit = (step, 74.0, repeats)
                if step in taken:
                    hats[taken[step]] = hit
                else:
                    taken[step] = len(hats)
                    hats.append(hit)

    def fill(self, bar: Bar, size: int) -> Bar:
        """Replaces the end of a bar with a fill."""
        spb, rng = self.plan.spb, self.rng
        start = spb - size
        kinds = FILLS[self.plan.style]
        kind = rng.choice(kinds)
        keep = (
            ("kick", "closed_hat", "ride", "shaker", "open_hat")
            if kind in ("ghosted", "clap", "kick")
            else ("kick",)
            if kind != "break"
            else ()
        )
        result = {
            name: [h for h in hits if h[0] < start or (name in keep and not (name == "kick" and kind == "toms"))]
            for name, hits in bar.items()
        }

        def add(name: str, step: int, level: float, repeats: int = 1) -> None:
            if 0 <= step < spb and all(h[0] != step for h in result.get(name, [])):
                result.setdefault(name, []).append((step, level, repeats))

        dense = self.plan.mix(density=0.6, energy=0.5)
        fine = 2 if self.plan.swing[0] == 2 else 1
        if kind == "snare":
            for step in range(start, spb, fine if dense > 0.4 or size <= 4 else 2):
                if rng.random() < 0.55 + 0.45 * dense or step % 4 == 0:
                    add("snare", step, 62 + 52 * (step - start + 1) / size)
        elif kind == "toms":
            for step in range(start, spb, fine):
                place = (step - start) / size
                if rng.random() < 0.5 + 0.45 * dense or step % 4 == 0:
                    add(
                        "snare" if place < 0.3 else "high_tom" if place < 0.65 else "low_tom",
                        step,
                        92 + 18 * (step % 4 == 0),
                    )
        elif kind == "low_toms":
            for step in range(start, spb, 2 if dense < 0.6 else 1):
                if rng.random() < 0.75 or step % 4 == 0:
                    add(rng.choice(("low_tom", "low_tom", "high_tom")), step, 70 + 44 * (step - start) / size)
        elif kind == "clap":
            for step in rng.choice(((2, 3), (1, 3), (0, 2, 3), (2,), (0, 1, 2, 3))):
                add("clap", spb - 4 + step, 84 + 8 * step)
        elif kind == "kick":
            for step in rng.choice(((2, 3), (1, 3), (2,), (0, 2, 3))):
                add("kick", spb - 4 + step, 92)
            add("open_hat", spb - 2, 90)
        elif kind == "ghosted":
            for step in range(start, spb):
                if rng.random() < 0.3 + 0.4 * dense and step % fine == 0:
                    add("snare", step, rng.choice((36.0, 36.0, 64.0, 100.0)))
        elif kind == "roll":
            for step in range(start, spb):
                add("closed_hat", step, 78, rng.choice((2, 3)) if step >= spb - 4 or rng.random() < 0.3 else 1)
            if rng.random() < 0.6:
                for step in range(spb - 4, spb):
                    add("snare", step, 70 + 10 * (step - spb + 4), 2 if step >= spb - 2 and dense > 0.5 else 1)
        elif kind == "amen":
            for step, name in ((0, "snare"), (2, "kick"), (3, "snare"), (5, "snare"), (6, "kick"), (7, "snare")):
                add(name, spb - 8 + step if size >= 8 else spb - 4 + step // 2, 100 if step in (0, 6) else 70)
        elif kind == "break":
            for step in rng.choice(((), (2,), (2, 3), (3,))):
                add("snare", spb - 4 + step, 96)
        return result


def compose_drums(plan: Plan) -> DrumTrack:
    """Writes the drum track of a plan."""
    drummer = _Drummer(plan)
    rng = drummer.rng
    pattern = drummer.base(drummer.lines)
    two_bars = pattern[0] != pattern[1]
    if not two_bars or rng.random() < 0.5:
        drummer.ghosts(pattern[0])
    if two_bars:
        drummer.ghosts(pattern[1])
    if plan.style == "trap":
        drummer.rolls(pattern[0])
        if two_bars and rng.random() < 0.5:
            drummer.rolls(pattern[1])
    if not two_bars:
        pattern[1] = pattern[0]
        if rng.random() < 0.05 + 0.2 * plan.attribute("complexity"):
            pattern[1] = drummer.vary(pattern[0])
    sections = [pattern] * (plan.bars // 4)
    if plan.bars > 4 and rng.random() < 0.35:
        other = _second_section(drummer, pattern)
        for index in range(len(sections) // 2, len(sections)):
            sections[index] = other
    bars: list[Bar] = []
    vary_last = rng.random() < 0.08 + 0.3 * plan.attribute("complexity")
    variation = [drummer.vary(section[1]) for section in (sections[0], sections[-1])]
    for index in range(plan.bars):
        section = sections[index // 4]
        bar = section[index % 2]
        if index % 4 == 3 and vary_last:
            bar = variation[section is sections[-1]]
        bars.append(bar)
    for index, size in plan.fills.items():
        bars[index] = drummer.fill(bars[index], size)
    _crashes(plan, rng, bars)
    kicks = [sorted(step for step, _, _ in bar.get("kick", [])) for bar in bars]
    return DrumTrack(_notes(plan, bars), kicks)


def _second_section(drummer: _Drummer, pattern: list[Bar]) -> list[Bar]:
    """The groove with one layer added, removed or swapped."""
    rng, extra = drummer.rng, drummer.groove.extra
    missing = [name for name in extra if name not in drummer.lines]
    present = [name for name in extra if name in drummer.lines]
    result = [dict(bar) for bar in pattern]
    if "ride" in missing and "closed_hat" in result[0] and rng.random() < 0.4:
        for index, bar in enumerate(result):
            bar.pop("closed_hat", None)
            bar["ride"] = _hits(extra["ride"][1][0], index, drummer.plan.spb)
    elif missing and rng.random() < 0.3 + 0.5 * drummer.busy:
        name = rng.choice(missing)
        line = graded(rng, extra[name][1], drummer.busy)
        for index, bar in enumerate(result):
            bar[name] = _hits(line, index, drummer.plan.spb)
    elif present:
        name = rng.choice(present)
        for bar in result:
            bar.pop(name, None)
    if result[0] == result[1]:
        result[1] = result[0]
    return result


_CRASH = {
    "rock": 0.75,
    "pop": 0.5,
    "synthwave": 0.5,
    "dnb": 0.5,
    "techno": 0.3,
    "house": 0.35,
    "funk": 0.4,
    "cinematic": 0.5,
    "trap": 0.3,
    "hiphop": 0.15,
    "jazz": 0.15,
    "ambient": 0.04,
}


def _crashes(plan: Plan, rng: random.Random, bars: list[Bar]) -> None:
    chance = _CRASH[plan.style] * (0.4 + 1.2 * plan.attribute("energy"))
    for index in range(0, plan.bars, 8 if rng.random() < 0.7 else 4):
        if rng.random() < chance:
            bars[index] = {**bars[index], "crash": [(0, 104.0, 1)]}


def _notes(plan: Plan, bars: list[Bar]) -> list[Note]:
    notes = []
    for index, bar in enumerate(bars):
        opened = {h[0] for h in bar.get("open_hat", [])}
        for name, hits in bar.items():
            key = DRUM_KEYS[DRUM_CLASSES.index(name)]
            for step, level, repeats in hits:
                if name == "closed_hat" and step in opened:
                    continue
                velocity = plan.velocity(88 + (level - 88) * (0.85 + 0.3 * plan.attribute("aggression")))
                for part in range(repeats):
                    notes.append(Note(index * plan.spb + step, part / repeats, 1.0 / repeats, key, velocity))
    return notes
