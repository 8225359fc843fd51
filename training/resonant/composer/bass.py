"""Bass lines: style patterns over the chords, kick locking, walking basses, drones, approach notes into the next chord."""

from __future__ import annotations

import re
from functools import lru_cache

from resonant.composer.plan import Plan
from resonant.composer.styles import choose, graded
from resonant.piece import QUALITIES, Note

# "step:length degree [!accent | ~ghost]"; degrees: R root, O octave, F fifth, L fifth below, T third, S seventh,
# A approach to the next root. Options run from sparse to dense.
_EVENT = re.compile(r"(\d+):([\d.]+)([ROFLTSA])([!~]?)")
# fmt: off
PATTERNS: dict[str, list[list[str]]] = {
    "techno": [
        ["0:2R! 8:2R", "0:1R! 3:1R 6:1R 11:1R", "2:1R 6:1R 10:1R 14:1R", "2:1R 3:1R~ 6:1R 7:1R~ 10:1R 11:1R~ 14:1R 15:1R~",
         "1:1R~ 2:1R 3:1R 5:1R~ 6:1R 7:1R 9:1R~ 10:1R 11:1R 13:1R~ 14:1R 15:1R"],
        ["0:1R! 6:1R 12:1R", "0:1R! 3:1R 6:1R 8:1R! 11:1R 14:1R", "0:1R! 2:1R 3:1R 6:1R 8:1R! 10:1R 11:1R 14:1O",
         "0:1R! 1:1R~ 2:1R 3:1O 4:1R! 5:1R~ 6:1R 7:1R 8:1R! 9:1R~ 10:1O 11:1R 12:1R! 13:1R~ 14:1R 15:1O"],
        ["0:3R! 10:2R", "0:2R! 3:1R 7:1O 10:1R", "0:1R! 3:1R 5:1O 8:1R! 11:1R 13:1O", "0:1R! 2:1O 3:1R 5:1R 6:1O 8:1R! 10:1O 11:1R 13:1S 14:1R"],
        ["0:6R! 8:6R", "0:1R! 2:1R 4:1R! 6:1R 8:1R! 10:1R 12:1R! 14:1R", "0:1R! 1:1R 2:1R 4:1R! 5:1R 6:1R 8:1R! 9:1R 10:1R 12:1R! 13:1R 14:1O"],
    ],
    "house": [
        ["0:3R! 8:3R", "0:2R! 6:2O 8:2R 14:2O", "2:2R 6:2R 10:2R 14:2R", "0:1R! 2:1O 4:1R 6:1O 8:1R! 10:1O 12:1R 14:1O",
         "0:1R! 2:1O 3:1R~ 4:1R 6:1O 8:1R! 10:1O 11:1R~ 12:1R 14:1O 15:1F"],
        ["0:4R! 10:3R", "0:3R! 6:2R 10:2F", "0:2R! 3:2R 6:2R 10:2F 13:2A", "0:1R! 3:1R 6:1O 7:1R 10:1F 11:1S 14:1O", "0:1R! 2:1R~ 3:1O 6:1R 7:1O~ 8:1R! 10:1F 11:1S 13:1O 14:1A"],
        ["0:2R! 7:2R 10:3R", "0:2R! 3:1O 7:2R 10:2F 14:1S", "0:1R! 3:1R 4:1O~ 7:1R 8:1R! 10:1S 11:1O 14:1F", "0:1R! 2:1O 3:1R 5:1O 7:1S 8:1R! 10:1O 11:1R 13:1F 14:1S 15:1O~"],
    ],
    "hiphop": [
        ["0:8R!", "0:6R! 10:4R", "0:3R! 7:2R 10:4F", "0:3R! 3:2R~ 7:1S 8:3R 11:2F 14:2A", "0:2R! 3:1R~ 6:1O 7:1S 8:2R 10:1F 11:2R 14:1A 15:1A"],
        ["0:10R!", "0:4R! 6:3R 10:4R", "0:3R! 3:2O 6:2S 10:4F", "0:2R! 3:1O 5:1R~ 7:1R 10:3F 13:1S 14:2A"],
        ["0:6R! 12:4R", "0:4R! 6:2S 12:3F", "0:3R! 5:1O 8:3R 14:2A", "0:2R! 4:2S 6:1R 9:2R 12:2F 15:1A", "0:2R! 4:1O 5:1S 6:2R 9:1R 11:2F 13:1S 15:1A"],
        ["0:5R! 5:3R", "0:3R! 8:2R 11:4R", "0:2R! 2:1S 5:2R 8:3R 13:2F", "0:2R! 2:1S~ 5:1R 6:2F 8:2R 12:1S 13:1O 14:2R"],
    ],
    "rock": [
        ["0:16R!", "0:4R! 4:4R 8:4R! 12:4R", "0:2R! 2:2R 4:2R 6:2R 8:2R! 10:2R 12:2R 14:2R", "0:2R! 2:2R 4:2R 6:2R 8:2R! 10:2R 12:2F 14:2A", "0:1R! 1:1R 2:2R 4:1R! 5:1R 6:2R 8:1R! 9:1R 10:2R 12:1R! 13:1R 14:2A"],
        ["0:8R! 8:8R", "0:6R! 6:2R 8:6R! 14:2F", "0:3R! 3:3R 6:2R 8:3R! 11:3R 14:2O", "0:2R! 2:2R 4:2O 6:2R 8:2R! 10:2R 12:2F 14:2A"],
    ],
    "pop": [
        ["0:14R!", "0:6R! 8:6R", "0:6R! 6:2R 8:6R! 14:2F", "0:3R! 3:3R 6:2R 8:3R! 11:3R 14:2R", "0:2R! 2:2R 4:2R 6:2R 8:2R! 10:2R 12:2R 14:2A"],
        ["0:10R!", "0:6R! 10:4R", "0:4R! 6:2R 8:3R 11:2F 14:2A", "0:2R! 2:1O 4:2R 6:1O 8:2R! 10:1O 12:2R 14:1O", "0:2R! 3:1R 6:1O 7:1R 8:2R! 11:1R 12:1F 14:2A"],
    ],
    "funk": [
        ["0:2R! 10:2R", "0:2R! 3:1R 6:1O 10:1R", "0:1R! 3:1R~ 4:1O 7:1R~ 8:1R! 10:1F 11:1S 14:1O", "0:1R! 2:1R~ 3:1O 6:1R 7:1S 8:1R! 10:1R~ 11:1O 13:1S 14:1F 15:1A",
         "0:1R! 1:1R~ 3:1O! 4:1R~ 6:1S 7:1R 8:1R! 9:1O~ 10:1S 11:1R 13:1F 14:1S 15:1O!"],
        ["0:3R! 7:1R 8:2R", "0:2R! 6:1S 7:1O 10:1R 14:1A", "0:1R! 3:1S 4:1O! 7:1R 10:1F 12:1S 13:1O 14:1A", "0:1R! 2:1O! 3:1R~ 5:1R~ 6:1O! 8:1R! 10:1S 11:1O! 12:1R~ 14:1F 15:1A"],
    ],
    "synthwave": [
        ["0:4R! 8:4R", "0:2R! 2:2R 4:2R 6:2R 8:2R! 10:2R 12:2R 14:2R", "0:2R! 2:2O 4:2R 6:2O 8:2R! 10:2O 12:2R 14:2O",
         "0:1R! 1:1R 2:1R 3:1R 4:1R! 5:1R 6:1R 7:1R 8:1R! 9:1R 10:1R 11:1R 12:1R! 13:1R 14:1R 15:1R",
         "0:1R! 1:1R 2:1O 3:1R 4:1R! 5:1R 6:1O 7:1R 8:1R! 9:1R 10:1O 11:1R 12:1R! 13:1R 14:1O 15:1F"],
        ["0:6R! 8:6R", "0:3R! 3:3R 6:2R 8:3R! 11:3R 14:2O", "0:2R! 2:1R 3:1O 4:2R 6:1R 7:1O 8:2R! 10:1R 11:1O 12:2R 14:1F 15:1O", "0:1R! 2:1R 3:1R 4:1R! 6:1R 7:1R 8:1R! 10:1R 11:1R 12:1R! 14:1R 15:1O"],
    ],
    "dnb": [
        ["0:16R!", "0:8R! 10:6R", "0:6R! 6:4R 10:6R", "0:3R! 3:3O 6:4R 10:2R 13:3S", "0:2R! 2:1R 3:2O 6:2R 8:1S 10:2R! 12:1O 13:1R 14:2F"],
        ["0:10R! 10:6R", "0:6R! 10:4R 14:2S", "0:4R! 6:2R 7:1O 10:4R 14:2O", "0:2R! 3:2R 6:2S 8:2R 10:2R! 13:1O 14:2S"],
    ],
    "cinematic": [
        ["0:16R!", "0:8R! 8:8R", "0:4R! 4:4R 8:4R! 12:4R", "0:2R! 2:2R 4:2R 6:2R 8:2R! 10:2R 12:2R 14:2R", "0:3R! 3:3R 6:2R 8:3R! 11:3R 14:2F"],
        ["0:14R!", "0:12R! 12:4F", "0:6R! 6:2R 8:8R", "0:1R! 2:1R 3:1R 4:1O 6:1R 7:1R 8:1R! 10:1R 11:1R 12:1O 14:1R 15:1R"],
    ],
    "jazz": [["0:6R! 8:4F", "0:8R! 8:8F", "0:6R! 6:2F 8:6F! 14:2A"]],  # two-feel; walking bass is handled separately
    "trap": [["0:12R!", "0:8R! 10:6R", "0:6R! 7:3R 10:6R"]],
    "ambient": [["0:16R!"], ["0:12R!"], ["0:8R! 8:8F"]],
}
# fmt: on
# fmt: off
COMPOUND: dict[tuple[int, int], list[str]] = {
    (3, 4): ["0:12R!", "0:8R! 8:4F", "0:4R! 4:4F 8:4F", "0:4R! 6:2R 8:4F", "0:2R! 2:2R 4:2R 6:2R 8:2F 10:2A"],
    (6, 8): ["0:12R!", "0:6R! 6:6R", "0:4R! 4:2R 6:4R! 10:2F", "0:4R! 4:2O 6:4R 10:2A", "0:2R! 2:2R 4:2R 6:2R! 8:2R 10:2A"],
}
# fmt: on
_RANGE = {"bass_sub": (25, 42), "bass_synth": (28, 46), "bass_electric": (28, 48), "bass_acoustic": (28, 50)}
_GATE = {"techno": 0.8, "house": 0.8, "funk": 0.75, "synthwave": 0.85}
# How a style's bass relates to the kick: on its hits ("on"), on and between them ("bent": a pattern adapted to the
# kick), around them, or independent of it.
# fmt: off
BOND: dict[str, dict[str, float]] = {
    "techno": {"on": 2, "bent": 5, "around": 1.5, "free": 0.6}, "house": {"on": 2, "bent": 5, "around": 1.5, "free": 0.6},
    "hiphop": {"on": 2, "bent": 5, "free": 1.2}, "rock": {"on": 3, "bent": 5, "free": 1.2}, "pop": {"on": 3, "bent": 5, "free": 1},
    "funk": {"on": 2.5, "bent": 6, "free": 0.5}, "synthwave": {"on": 2, "bent": 5, "around": 1, "free": 1.8},
    "dnb": {"on": 3, "bent": 5, "free": 1.2}, "cinematic": {"on": 4, "bent": 4, "free": 1.5}, "ambient": {"on": 5, "free": 4},
}
# fmt: on
# Share of the kicks after the first that a bent pattern does not play.
_LEFT_OUT = {"hiphop": 0.25, "pop": 0.15, "rock": 0.12, "dnb": 0.15, "funk": 0.12, "synthwave": 0.12, "house": 0.1, "techno": 0.1}
# Share of a pattern's notes between the kicks that is kept when it is bent to them, before scaling by density.
_BETWEEN = {"techno": 0.65, "house": 0.6, "funk": 0.55, "hiphop": 0.8, "rock": 0.55, "pop": 0.45, "synthwave": 0.7, "cinematic": 0.4}
_LONGEST = {"techno": 2, "house": 2, "funk": 2, "synthwave": 3, "rock": 6, "pop": 6, "dnb": 8, "hiphop": 6}

Event = tuple[int, float, str, float]  # step in bar, length, degree, level


@lru_cache(maxsize=1024)
def _parse(pattern: str) -> tuple[Event, ...]:
    level = {"!": 100.0, "~": 58.0, "": 88.0}
    return tuple((int(s), float(n), degree, level[mark]) for s, n, degree, mark in _EVENT.findall(pattern))


class _Bassist:
    def __init__(self, plan: Plan, kicks: list[list[int]]) -> None:
        self.plan = plan
        self.kicks = kicks
        self.rng = plan.stream("bass")
        self.busy = plan.mix(density=0.65, energy=0.5)
        self.low, self.high = _RANGE[plan.families["bass"]]
        lift = round(4 * (plan.attribute("brightness") - 0.5))
        self.low, self.high = self.low + max(lift, -1), self.high + lift
        self.notes: list[Note] = []
        self.chances: dict[int, float] = {}
        self.degrees: dict[int, tuple[str, float]] = {}
        self.previous = (self.low + self.high) // 2 - 2

    def root(self, step: float) -> int:
        """The chord's root near the middle of the lower octave of the range."""
        pc = self.plan.chord(step)[0]
        options = [p for p in range(self.low, self.low + 13) if p % 12 == pc]
        return min(options, key=lambda p: abs(p - self.previous) + 0.3 * abs(p - self.low - 5))

    def pitch(self, step: int, degree: str, root: int) -> int:
        """MIDI pitch of a pattern degree over the chord at `step`."""
        intervals = QUALITIES[self.plan.chord(step)[1]]
        fifth = next((i for i in intervals if i in (6, 7, 8)), 7)
        if degree == "O":
            return root + 12
        if degree == "F":
            return root + fifth if root + fifth <= self.high else root + fifth - 12
        if degree == "L":
            return root + fifth - 12 if root + fifth - 12 >= self.low else root + fifth
        if degree == "T":
            return root + next((i for i in intervals if i in (3, 4, 2, 5)), 12)
        if degree == "S":
            seventh = next((i for i in intervals if i in (9, 10, 11) and len(intervals) > 3), None)
            if seventh is None:
                seventh = 10 if (root + 10) % 12 in self.plan.scale else fifth
            return root + seventh if root + seventh <= self.high + 4 else root + seventh - 12
        if degree == "A":
            return self.approach(step, root)
        return root

    def approach(self, step: int, root: int) -> int:
        """A note leading to the root of the next chord change (or bar)."""
        half = self.plan.spb // 2
        target_step = (step // half + 1) * half
        pc = self.plan.chord(target_step)[0]
        target = min((p for p in range(self.low - 2, self.high + 3) if p % 12 == pc), key=lambda p: abs(p - root))
        if target % 12 == root % 12:
            fifth = self.pitch(step, "F", root)
            return fifth if self.rng.random() < 0.6 else self.pitch(step, "S", root)
        scale = self.plan.scale
        below, above = target - 1, target + 1
        steps = [p for p in (target - 2, target - 1, target + 1, target + 2) if p % 12 in scale]
        chromatic = self.plan.style in (
            "jazz",
            "funk",
            "hiphop",
            "rock",
            "pop",
        ) and self.rng.random() < 0.15 + 0.5 * self.plan.attribute("complexity") * (self.plan.style == "jazz")
        if chromatic or not steps:
            return below if self.rng.random() < 0.6 else above
        return min(steps, key=lambda p: abs(p - root) + self.rng.random())

    def add(self, step: int, length: float, pitch: int, level: float) -> None:
        """Appends a note, moved by octaves into the range."""
        while pitch > self.high + 8:
            pitch -= 12
        while pitch < self.low - 4:
            pitch += 12
        self.notes.append(Note(step, 0.0, max(length, 0.25), pitch, self.plan.velocity(level)))

    def pattern_bars(self, patterns: list[tuple[Event, ...]], gate: float) -> None:
        """Plays one pattern per bar and moves to the new root at each chord change."""
        plan, half = self.plan, self.plan.spb // 2
        root = self.root(0)
        for bar, events in enumerate(patterns):
            start = bar * plan.spb
            onsets = [event[0] for event in events]
            for index, (offset, length, degree, level) in enumerate(events):
                step = start + offset
                changed = offset in (0, half) and plan.chord(step) != plan.chord(step - 1)
                if degree != "A" and (changed or index == 0 or plan.chord(step)[0] != root % 12):
                    root = self.root(step)
                    self.previous = root
                if (
                    index == 0
                    or changed
                    or (offset >= half and onsets[index - 1] < half and plan.chord(step) != plan.chord(start))
                ):
                    degree = "R" if degree in "FLTSA" else degree
                if (
                    degree == "A"
                    and index + 1 < len(events)
                    and plan.chord(start + onsets[index + 1]) == plan.chord(step)
                    and onsets[index + 1] - offset > 2
                ):
                    degree = "F"
                self.add(step, length * gate if length <= 4 else length, self.pitch(step, degree, root), level)
                change = start + half
                if offset < half < offset + length and plan.chord(change) != plan.chord(step) and half not in onsets:
                    self.notes[-1].length = float(half - offset)
                    following = next((o for o in onsets if o > half), plan.spb)
                    root = self.root(change)
                    self.previous = root
                    self.add(change, min(offset + length, following) - half, root, level)

    def choose_pattern(self, options: list[str]) -> tuple[Event, ...]:
        """A pattern chosen by how busy the piece is."""
        return _parse(graded(self.rng, options, self.busy, 0.15))

    def kick_pattern(self, kick: list[int], long: bool) -> tuple[Event, ...]:
        """Bass notes on the kicks, plus passing notes depending on density."""
        plan, rng = self.plan, self.rng
        onsets = sorted({0, *kick}) if kick else [0]
        if len(onsets) > 2 and self.busy < 0.35:
            onsets = [s for s in onsets if s == 0 or rng.random() < 0.55]
        events: list[Event] = []
        for index, step in enumerate(onsets):
            gap = (onsets[index + 1] if index + 1 < len(onsets) else plan.spb) - step
            degree = (
                "R"
                if index == 0 or rng.random() < 0.6
                else rng.choice("ROFS" if plan.style == "funk" else "RRFO" if plan.style != "trap" else "RRRO")
            )
            events.append(
                (
                    step,
                    float(gap if long else min(gap, rng.choice((1, 2, 2, 3)))),
                    degree,
                    100.0 if index == 0 else 88.0,
                )
            )
            if not long and gap >= 3 and rng.random() < 0.75 * self.busy * (plan.style != "trap"):
                place = step + gap - rng.choice((1, 2))
                if place > step:
                    events[-1] = (step, float(min(events[-1][1], place - step)), degree, events[-1][3])
                    events.append((place, 1.0, rng.choice("OSFA") if place > plan.spb - 4 else rng.choice("OSF"), 70.0))
        return tuple(events)

    def bent(self, pattern: tuple[Event, ...], kick: tuple[int, ...], keep: float) -> tuple[Event, ...]:
        """The pattern with a note on every kick: notes next to a kick move onto it, and a share `keep` of the others is
        kept.

        For each step, the choice of keeping or adding a note is drawn once per piece, so that bars with similar kicks
        sound alike.
        """
        plan = self.plan
        longest = _LONGEST.get(plan.style, plan.spb)
        free = {event[0]: event for event in pattern}
        events: dict[int, Event] = {}
        left_out = _LEFT_OUT.get(plan.style, 0.0)
        for step in kick:
            if left_out and step != kick[0] and self.stays(plan.spb + step) < left_out:
                continue
            source = free.pop(step, None)
            for near in (step - 1, step + 1):
                if source is None and near in free and near not in kick:
                    source = free.pop(near)
            length, degree, mark = source[1:] if source else (float(longest), *self.added(step))
            events[step] = (step, length, degree, max(mark, 100.0 if step % 8 == 0 else 92.0))
        last = max(kick, default=plan.spb)
        for step, event in free.items():
            rests = bool(kick) and step > last and plan.spb - last > 6  # a long rest of the kick at the end of the bar
            if self.stays(step) < keep * (0.35 if rests else 1.0) or (step == 0 and self.stays(0) < 0.6):
                events[step] = (step, event[1], event[2], event[3] if step == 0 else min(event[3], 78.0))
        if not events:
            return (free.get(0, (0, float(plan.spb), "R", 92.0)),)
        ordered = sorted(events.values())
        ends = [event[0] for event in ordered[1:]] + [plan.spb]
        return tuple(
            (step, float(min(length, end - step)), degree, level)
            for (step, length, degree, level), end in zip(ordered, ends, strict=True)
        )

    def stays(self, step: int) -> float:
        """A random number from 0 to 1 for a step of the bar, drawn once per piece."""
        if step not in self.chances:
            self.chances[step] = self.rng.random()
        return self.chances[step]

    def added(self, step: int) -> tuple[str, float]:
        """Degree and level of a note added for a kick where the pattern has none, drawn once per piece."""
        if step not in self.degrees:
            colour = "RROFS" if self.plan.style in ("funk", "house") else "RRRO" if self.plan.style == "techno" else "RRRFO"
            plain = step == 0 or self.rng.random() > 0.25 + 0.4 * self.busy
            self.degrees[step] = ("R" if plain else self.rng.choice(colour), 94.0)
        return self.degrees[step]

    def around(self, kick: tuple[int, ...], shape: tuple[int, ...]) -> tuple[Event, ...]:
        """Notes between the kicks, at the offsets `shape` after each kick if there is room; rests where the kick rests."""
        events: list[Event] = []
        for index, step in enumerate(kick):
            gap = (kick[index + 1] if index + 1 < len(kick) else self.plan.spb) - step
            for place in shape:
                if place < min(gap, 4):
                    degree = self.added(step + place)[0] if place == shape[-1] else "R"
                    events.append((step + place, 1.0, degree, 92.0 if place == 2 else 78.0))
        return tuple(events) or ((0, float(self.plan.spb), "R", 90.0),)

    def play_bond(self, bond: str, options: list[str], gate: float) -> None:
        """Follows the kick from bar to bar, including fills and pauses."""
        rng, style = self.rng, self.plan.style
        pattern = self.choose_pattern(options)
        keep = _BETWEEN.get(style, 0.35) * (0.5 + self.busy)
        if bond == "on":
            keep *= 0.6 if len(self.kicks[0]) == 4 and not any(step % 4 for step in self.kicks[0]) else 0.25
            if self.busy < 0.7:  # one long note per kick
                pattern = tuple((s, max(n, float(_LONGEST.get(style, self.plan.spb))), d, v) for s, n, d, v in pattern)
        shape = rng.choice(((2,), (2,), (2, 3), (2, 3), (1, 2, 3)) if self.busy > 0.4 else ((2,), (2,), (2, 3)))
        bars = []
        for bar, steps in enumerate(self.kicks):
            kick = tuple(steps)
            events = self.around(kick, shape) if bond == "around" else self.bent(pattern, kick, keep)
            leads = bar % 4 == 3 and rng.random() < 0.15 + 0.35 * self.plan.attribute("complexity")
            place = self.plan.spb - 2
            if leads and len(events) > 2 and events[-1][0] < place and not any(step > place - 2 for step in kick):
                *others, (step, length, degree, level) = events
                events = (*others, (step, min(length, float(place - step)), degree, level), (place, 2.0, "A", 84.0))
            bars.append(events)
        self.pattern_bars(bars, gate)

    def play_form(self, base: tuple[Event, ...], gate: float, answer: tuple[Event, ...] | None = None) -> None:
        """Repeats a pattern, varying the answer bars."""
        bars = []
        for bar in range(self.plan.bars):
            events = answer if answer is not None and bar % 2 == 1 else base
            if bar % 4 == 3 and len(events) > 2 and self.rng.random() < 0.35 + 0.5 * self.plan.attribute("complexity"):
                tail = self.plan.spb - 2
                events = tuple(e for e in events if e[0] < tail)
                last = events[-1]
                events = (
                    *events[:-1],
                    (last[0], min(last[1], float(tail - last[0])), last[2], last[3]),
                    (tail, 2.0, "A", 84.0),
                )
            bars.append(events)
        self.pattern_bars(bars, gate)

    def walk(self) -> None:
        """Walking quarter notes: root, chord tones and scale steps, with an approach note into the next chord."""
        plan, rng, half = self.plan, self.rng, self.plan.spb // 2
        beats = plan.spb // 4
        current = self.root(0)
        for bar in range(plan.bars):
            for beat in range(beats):
                step = bar * plan.spb + beat * 4
                root_pc, _ = plan.chord(step)
                pcs = plan.pcs(step)
                begins = beat == 0 or (step % half == 0 and plan.chord(step) != plan.chord(step - 1))
                ends = (beat == beats - 1) or plan.chord(step + 4) != plan.chord(step)
                if begins:
                    goal = (
                        root_pc if plan.chord(step) != plan.chord(step - 1) or rng.random() < 0.7 else pcs[2 % len(pcs)]
                    )
                    options = [p for p in range(self.low, self.high) if p % 12 == goal]
                    current = min(options, key=lambda p: abs(p - current) + 0.25 * abs(p - (self.low + self.high) / 2))
                elif ends:
                    current = self._lead(step, current)
                else:
                    options = [
                        p
                        for p in range(max(self.low, current - 5), min(self.high, current + 5) + 1)
                        if p != current and (p % 12 in pcs or (p % 12 in plan.scale and abs(p - current) <= 2))
                    ]
                    centre = (self.low + self.high) / 2
                    weights = [
                        (2.0 if p % 12 in pcs else 1.2)
                        / (1 + 0.4 * abs(p - current))
                        * (1.6 if (p > current) == (current < centre) else 1.0)
                        for p in options
                    ]
                    if options:
                        current = rng.choices(options, weights)[0]
                self.add(step, 3.6, current, 92 if beat % 2 == 0 else 88)
                if rng.random() < 0.16 * self.busy + 0.1 * plan.attribute("complexity") and not begins:
                    self.notes[-1].length = 1.8
                    self.add(step + 2, 1.6, current if rng.random() < 0.6 else self._lead(step, current), 66)
            self.previous = current

    def _lead(self, step: int, current: int) -> int:
        pc = self.plan.chord(step + 4)[0]
        target = min((p for p in range(self.low, self.high + 1) if p % 12 == pc), key=lambda p: abs(p - current))
        options = [target - 1, target + 1, target - 2, target + 2, target + 7, target - 5]
        weights = [
            3.0,
            2.2,
            1.0 if (target - 2) % 12 in self.plan.scale else 0.1,
            1.0 if (target + 2) % 12 in self.plan.scale else 0.1,
            0.8,
            0.8,
        ]
        weights = [w * (0.1 if o == current else 1.0) for w, o in zip(weights, options, strict=True)]
        return self.rng.choices(options, weights)[0]

    def drone(self) -> None:
        """Long roots, one per chord, held for up to two bars."""
        plan, half = self.plan, self.plan.spb // 2
        step = 0
        limit = plan.spb * (2 if self.busy < 0.6 else 1)
        while step < plan.total:
            end = step + half
            while end < plan.total and end - step < limit and plan.chord(end)[0] == plan.chord(step)[0]:
                end += half
            self.previous = self.root(step)
            self.add(step, float(end - step), self.previous, 90)
            if self.busy > 0.62 and end - step >= plan.spb and self.rng.random() < 0.5:
                split = half if self.rng.random() < 0.5 else plan.spb - 4
                self.notes[-1].length = float(split)
                degree = self.rng.choice("FOF")
                self.add(step + split, float(end - step - split), self.pitch(step, degree, self.previous), 76)
            step = end

    def eight_oh_eight(self) -> None:
        """Long 808 notes tied to the kick, with occasional slides up an octave."""
        plan, rng = self.plan, self.rng
        cells: dict[tuple, tuple[Event, ...]] = {}
        bars = []
        for bar in range(plan.bars):
            key = tuple(self.kicks[bar])
            if key not in cells:
                cells[key] = self.kick_pattern(list(key), long=True)
            events = list(cells[key])
            if bar % 4 == 3 and rng.random() < 0.35 + 0.4 * plan.attribute("complexity") and events[-1][1] >= 4:
                step, length, degree, level = events[-1]
                events[-1] = (step, length - 2, degree, level)
                events.append((int(step + length - 2), 2.0, rng.choice("OFA"), 90.0))
            bars.append(tuple(events))
        self.pattern_bars(bars, 1.0)


def compose_bass(plan: Plan, kicks: list[list[int]]) -> list[Note]:
    """Writes the bass track; `kicks` holds each bar's kick steps as played."""
    bassist = _Bassist(plan, kicks)
    rng, style, family = bassist.rng, plan.style, plan.families["bass"]
    gate = _GATE.get(style, 0.92)
    if style == "jazz":
        _jazz(bassist, gate)
        return bassist.notes
    if style == "trap" or (style == "hiphop" and family == "bass_sub" and rng.random() < 0.7):
        bassist.eight_oh_eight()
        return bassist.notes
    bond = choose(rng, BOND[style])
    still = style == "ambient" or (style in ("cinematic", "dnb") and bassist.busy < 0.45 and rng.random() < 0.6)
    if not any(kicks) or bond == "free":
        if still:
            bassist.drone()
        else:
            options = COMPOUND.get(plan.meter) or rng.choice(PATTERNS[style])
            base = bassist.choose_pattern(options)
            varied = rng.random() < 0.12 + 0.35 * plan.attribute("complexity")
            bassist.play_form(base, gate, bassist.choose_pattern(options) if varied else None)
    else:
        bassist.play_bond(bond, COMPOUND.get(plan.meter) or rng.choice(PATTERNS[style]), gate)
    return bassist.notes


def _jazz(bassist: _Bassist, gate: float) -> None:
    """Walks, or plays a two-feel if the piece is calm."""
    plan, rng = bassist.plan, bassist.rng
    if plan.meter == (3, 4) and bassist.busy < 0.5 and rng.random() < 0.7:
        bassist.play_form(_parse("0:8R! 8:4F" if rng.random() < 0.5 else "0:4R! 4:4F 8:4F"), gate)
    elif plan.meter == (4, 4) and bassist.busy + rng.gauss(0, 0.1) < 0.25:
        bassist.play_form(_parse(rng.choice(PATTERNS["jazz"][0])), gate)
    else:
        bassist.walk()
