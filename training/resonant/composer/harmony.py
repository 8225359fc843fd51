"""Harmony tracks: voice-led chords in textures that suit the style and the instrument family."""

from __future__ import annotations

from dataclasses import dataclass

from resonant.composer.plan import Plan
from resonant.composer.styles import choose, graded
from resonant.composer.voicing import lead
from resonant.piece import Note

# Rhythm lines: x plain, X accent and g ghost onsets, - hold, . rest. Options run from sparse to dense.
# fmt: off
RHYTHMS: dict[str, list[str]] = {
    "techno": ["x...............", "...x............", "x.....x.........", "...x......x.....", "..x.....x.......", "x..x..x.........", "x.....x...x.....", "..x..x....x..x..", "x..x..x..x..x...", "..x...x...x...x."],
    "house": ["x-----..........", "x--...x--.......", "..x-......x-....", "x-.x-.....x-....", "..x...x...x...x.", "x-.x-.x-..x-....", "x..x..x...x.x...", "x..x..x...x..x..", "..xx..x...xx..x.", "x.xx..x.x.xx..x."],
    "hiphop": ["x---------------", "x-------x-------", "x-----..x-----..", "x-----x---......", "x---..x-..x-----", "x-----.x--x-----", "x-..x-..x-..x-..", "x--x--..x--x--..", "x-.x-.x-x-.x-.x-"],
    "trap": ["x---------------", "x---------x-----", "x-------x-------", "x-----x---x-----", "x---x---x---x---", "x--x--x-x--x--x-"],
    "dnb": ["x---------------", "x---------x-----", "x-----x---------", "x..x............", "..x.......x.....", "x..x..x.........", "x-.x-.x-..x-....", "..x..x....x..x.."],
    "rock": ["X---------------", "X-------X-------", "X---x---X---x---", "X-----x-X-----x-", "X---x-x-..x-x-x-", "X-x-x-x-X-x-x-x-", "X-x-xxx-X-x-xxx-"],
    "power": ["X---------------", "X-------X-----x-", "X--x--x-X--x--x-", "X-..x-x-X-..x-x-", "X-x-x-x-X-x-x-x-", "X-xxX-xxX-xxX-xx", "XxxxXxxxXxxxXxxx"],
    "pop": ["x---------------", "x-------x-------", "x-----x-----x---", "x---x---x---x---", "x--x--x-x--x--x-", "x-----x-x-x-----", "x--x--x---x-x---", "x-x-x-x-x-x-x-x-"],
    "ambient": ["x---------------", "x---------------", "x-------x-------", "x-----------x---"],
    "jazz": ["x-..............", "......x-........", "x-....x-........", "......x-......x-", "..x-......x-....", "x-....x-....x-..", "....x-......x-..", "x-....x-......x-", "..x-..x-....x-..", "x-....x-..x-..x-"],
    "funk": ["x...............", "..x.......x.....", "....x.......x...", "x..x............", "..x..x....x..x..", "x..x..x...x..x..", "..xx..x...xx..x.", "x.gxg.x.x.gxg.x.", "xgxxg.xgxgxxg.xg"],
    "synthwave": ["x---------------", "x-------x-------", "x-----x-----x---", "x--x--x-----....", "x..x..x..x..x.x.", "..x-..x-..x-..x-", "x--x--x-x--x--x-", "x-x-x-x-x-x-x-x-"],
    "cinematic": ["x---------------", "x-------x-------", "x-----x-x-------", "x---x---x---x---", "X-x-x-x-X-x-x-x-", "X..x..x.X..x..x."],
}
# fmt: on
# fmt: off
RHYTHMS_12: dict[tuple[int, int], list[str]] = {
    (3, 4): ["x-----------", "x-------x---", "x---....x---", "....x---x---", "x---x---x---", "x---x-x-x---", "x-x-x-x-x-x-"],
    (6, 8): ["x-----------", "x-----x-----", "x---x-x-----", "x---x-x---x-", "x-....x-..x-", "X-x-x-X-x-x-"],
}
# fmt: on
JAZZ_12 = ["x-..........", "x-....x-....", "......x-....", "....x---x-..", "x-....x-..x-", "..x-..x-..x-"]

# fmt: off
TEXTURES: dict[str, dict[str, float]] = {
    "pad": {"sustain": 5, "tied": 3, "rhythm": 0.6}, "strings": {"tied": 4, "sustain": 2, "ostinato": 1}, "keys": {"rhythm": 5, "sustain": 1.5, "broken": 1.5},
    "guitar": {"rhythm": 4, "arp": 2, "sustain": 0.5}, "pluck": {"arp": 6, "rhythm": 1.2}, "stab": {"rhythm": 6, "sustain": 0.5},
    "brass_wind": {"sustain": 2, "rhythm": 3}, "vox": {"sustain": 3, "tied": 2}, "lead": {"arp": 1},
}
# fmt: on
# fmt: off
STYLE_TEXTURES: dict[tuple[str, str], dict[str, float]] = {
    ("rock", "guitar"): {"power": 5, "rhythm": 2.5, "arp": 1.2}, ("cinematic", "strings"): {"tied": 3, "sustain": 2, "ostinato": 3.5},
    ("ambient", "keys"): {"sustain": 4, "broken": 2, "arp": 1}, ("jazz", "keys"): {"rhythm": 1}, ("jazz", "guitar"): {"rhythm": 1},
    ("funk", "guitar"): {"rhythm": 1}, ("funk", "keys"): {"rhythm": 1}, ("house", "keys"): {"rhythm": 6, "sustain": 1},
    ("techno", "pad"): {"sustain": 4, "tied": 2, "rhythm": 2}, ("synthwave", "pad"): {"sustain": 4, "tied": 2, "rhythm": 1},
    ("trap", "keys"): {"sustain": 3, "rhythm": 2, "broken": 2, "arp": 2}, ("trap", "guitar"): {"arp": 4, "rhythm": 1},
    ("cinematic", "keys"): {"broken": 4, "sustain": 2, "arp": 1}, ("pop", "guitar"): {"rhythm": 3, "arp": 3},
    ("ambient", "guitar"): {"arp": 3, "sustain": 2}, ("hiphop", "guitar"): {"rhythm": 2, "arp": 2}, ("hiphop", "strings"): {"sustain": 2, "rhythm": 2, "tied": 1},
}
# fmt: on


@dataclass(slots=True)
class _Segment:
    start: int
    end: int
    voicing: tuple[int, ...]


class _Player:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.rng = plan.stream("harmony")
        self.family = plan.families["harmony"]
        self.busy = plan.mix(density=0.65, energy=0.35)
        if plan.melody_busy > 0.7:
            self.busy *= 0.85
        weights = dict(STYLE_TEXTURES.get((plan.style, self.family)) or TEXTURES[self.family])
        for name, lean in (
            ("arp", 1.2),
            ("ostinato", 1.8),
            ("power", 1.0),
            ("rhythm", 0.8),
            ("sustain", -1.2),
            ("tied", -1.2),
        ):
            if name in weights:
                weights[name] *= max(0.1, 1 + lean * (self.busy - 0.5) * 2)
        self.texture = choose(self.rng, weights)
        self.notes: list[Note] = []
        self.segments = self._segments()

    def _voices(self) -> tuple[int, str, bool]:
        plan = self.plan
        rich = plan.mix(complexity=0.7, density=0.5)
        if self.texture == "power":
            return 3, "close", False
        if plan.style == "jazz" or (plan.style in ("hiphop", "house", "funk") and self.rng.random() < 0.4):
            count = 3 if rich < 0.35 else 4
            return (
                count,
                "both" if self.family == "guitar" else "close" if rich < 0.5 else "both",
                self.rng.random() < 0.6,
            )
        count = 3 if rich < 0.45 + self.rng.gauss(0, 0.1) else 4
        if self.family in ("pad", "strings", "vox") and rich > 0.8:
            count = 5
        if self.family == "stab":
            count = 3 if rich < 0.6 else 4
        return count, "both" if self.family in ("pad", "strings", "guitar", "vox") else "close", False

    def _segments(self) -> list[_Segment]:
        """The chords' spans with their voicings."""
        plan, half = self.plan, self.plan.spb // 2
        spans: list[tuple[int, int, tuple[int, str]]] = []
        for index, chord in enumerate(plan.chords):
            if spans and spans[-1][2] == chord and (index * half) % (plan.spb * plan.period) != 0:
                spans[-1] = (spans[-1][0], spans[-1][1] + half, chord)
            else:
                spans.append((index * half, (index + 1) * half, chord))
        count, spread, rootless = self._voices()
        shift = 7 * (plan.attribute("brightness") - 0.5)
        low, high, centre = 48, 76, 60.5 + shift
        if self.texture == "power":
            low, high, centre = 43, 66, 51 + 0.4 * shift
        if self.family == "pluck":
            centre += 3
        chords = [chord for _, _, chord in spans]
        voicings = lead(chords, count, spread, rootless, low, high, centre)
        if self.texture == "power":
            voicings = [self._power(chord, low) for chord in chords]
        return [_Segment(start, end, voicing) for (start, end, _), voicing in zip(spans, voicings, strict=True)]

    def _power(self, chord: tuple[int, str], low: int) -> tuple[int, ...]:
        root, quality = chord
        bottom = low - 3 + (root - (low - 3)) % 12
        fifth = 6 if quality in ("dim", "m7b5", "dim7") else 8 if quality == "aug" else 7
        return (bottom, bottom + fifth, bottom + 12) if self.busy > 0.3 else (bottom, bottom + fifth)

    def at(self, step: int) -> _Segment:
        """The chord span that contains a step."""
        return next(s for s in self.segments if s.start <= step < s.end)

    def add(self, step: int, length: float, pitch: int, level: float) -> None:
        """Appends a note."""
        self.notes.append(Note(step, 0.0, max(length, 0.25), pitch, self.plan.velocity(level)))

    def chord(self, step: int, length: float, voicing: tuple[int, ...], level: float) -> None:
        """Appends a block chord."""
        for pitch in voicing:
            self.add(step, length, pitch, level)

    def sustain(self) -> None:
        """Held chords, restruck at least every few bars."""
        plan = self.plan
        limit = plan.spb * (1 if self.busy > 0.65 else 2 if plan.style != "ambient" or self.busy > 0.35 else 4)
        for segment in self.segments:
            step = segment.start
            while step < segment.end:
                length = min(limit - (step % limit), segment.end - step)
                self.chord(step, float(length), segment.voicing, 80)
                step += length

    def tied(self) -> None:
        """Held chords whose common tones are not restruck."""
        held: dict[int, Note] = {}
        limit = 2 * self.plan.spb if self.plan.style != "ambient" else 4 * self.plan.spb
        for segment in self.segments:
            step = segment.start
            length = segment.end - step
            for pitch in list(held):
                if pitch not in segment.voicing:
                    del held[pitch]
            for pitch in segment.voicing:
                note = held.get(pitch)
                if note is not None and note.length + length <= limit:
                    note.length += length
                else:
                    self.add(step, float(length), pitch, 80)
                    held[pitch] = self.notes[-1]

    def _lines(self) -> list[str]:
        """A rhythm line per bar."""
        plan, rng = self.plan, self.rng
        if plan.meter == (4, 4):
            options = RHYTHMS["power" if self.texture == "power" else plan.style]
        else:
            options = JAZZ_12 if plan.style == "jazz" else RHYTHMS_12[plan.meter]
        first = graded(rng, options, self.busy, 0.15)
        second = (
            graded(rng, options, self.busy, 0.15)
            if rng.random() < (0.75 if plan.style == "jazz" else 0.25 + 0.3 * plan.attribute("complexity"))
            else first
        )
        last = graded(rng, options, self.busy, 0.2) if rng.random() < 0.4 else second
        lines = []
        later = graded(rng, options, self.busy, 0.2) if plan.bars > 4 and rng.random() < 0.25 else ""
        for bar in range(plan.bars):
            line = second if bar % 2 else first
            if later and bar >= plan.bars // 2:
                line = later
            if plan.style == "jazz" and rng.random() < 0.3 + 0.3 * plan.attribute("complexity"):
                line = graded(rng, options, self.busy, 0.2)
            lines.append(last if bar % 4 == 3 else line)
        return lines

    def rhythm(self) -> None:
        """Chords on a rhythm line; a chord change is restruck if the line would hold across it."""
        plan = self.plan
        short = self.family in ("stab", "guitar", "pluck") or plan.style in ("techno", "house", "funk", "jazz")
        soft_offbeats = self.texture == "power"
        for bar, line in enumerate(self._lines()):
            start = bar * plan.spb
            index = 0
            while index < len(line):
                mark = line[index]
                if mark not in "xXg":
                    index += 1
                    continue
                end = index + 1
                while end < len(line) and line[end] == "-":
                    end += 1
                level = {"x": 84.0, "X": 100.0, "g": 48.0}[mark] - (8 if soft_offbeats and mark == "x" else 0)
                self._strike(start + index, start + end, level, short)
                index = end

    def _strike(self, step: int, end: int, level: float, short: bool) -> None:
        while step < end:
            segment = self.at(step)
            stop = min(end, segment.end)
            length = stop - step
            gate = 0.55 if short and length == 1 else 0.85 if length <= 3 else 0.95 if length <= 6 else 1.0
            voicing = segment.voicing
            if self.texture == "power" and level < 90 and self.busy > 0.45:
                gate, voicing = 0.6, voicing[:2]
            if level < 50:
                gate, voicing = 0.4, voicing[:3]
            self.chord(step, length * gate, voicing, level)
            step = stop

    def arp(self) -> None:
        """Broken chords in a steady pattern."""
        plan, rng = self.plan, self.rng
        rate = (
            1
            if self.busy + rng.gauss(0, 0.12) > 0.55
            and plan.swing[0] == 1
            and plan.style not in ("ambient", "cinematic", "jazz")
            else 2
        )
        if self.busy < 0.22:
            rate = 4 if plan.spb == 16 else 2
        figure = choose(rng, {"up": 3, "down": 1.2, "updown": 3, "leap": 2, "free": 3})
        octaves = rng.random() < 0.3 + 0.4 * plan.attribute("brightness")
        free = [rng.randrange(8) for _ in range(plan.spb // rate)]
        rests = {i for i in range(1, plan.spb // rate) if rng.random() < 0.32 * (1 - self.busy) + 0.04}
        ring = self.family in ("guitar", "keys", "pluck") and rng.random() < 0.6
        for segment in self.segments:
            pool = list(segment.voicing)
            if octaves and pool[0] + 12 <= 79:
                pool.append(pool[0] + 12) if pool[0] + 12 > pool[-1] else None
            size = len(pool)
            cycle = {
                "up": list(range(size)),
                "down": list(range(size))[::-1],
                "updown": list(range(size)) + list(range(size - 2, 0, -1)),
                "leap": [0, size - 1, size // 2, size - 1],
                "free": [i % size for i in free],
            }[figure]
            for step in range(segment.start, segment.end, rate):
                place = (step % plan.spb) // rate
                if place in rests:
                    continue
                origin = (step - segment.start) // rate if figure != "free" else place
                pitch = pool[cycle[origin % len(cycle)]]
                length = min(rate * (2.5 if ring else 0.9), segment.end - step)
                self.add(step, length, pitch, 90 if step % (plan.spb // 2) == 0 else 80 if step % 4 == 0 else 72)

    def broken(self) -> None:
        """Piano pattern: low notes held, upper notes in eighths."""
        plan, rng = self.plan, self.rng
        rate = 2 if self.busy > 0.3 else 4
        if plan.spb == 12 and plan.meter == (6, 8):
            rate = 2
        figure = rng.choice(([0, 2, 1, 2], [0, 1, 2, 1], [0, 2, 1, 3], [0, 1, 2, 3]))
        for segment in self.segments:
            low, *upper = segment.voicing
            for step in range(segment.start, segment.end, rate):
                place = figure[((step - segment.start) // rate) % len(figure)]
                if place == 0:
                    self.add(step, float(min(rate * len(figure), segment.end - step)), low, 86)
                else:
                    self.add(step, float(min(rate * 1.5, segment.end - step)), upper[(place - 1) % len(upper)], 74)

    def ostinato(self) -> None:
        """Short repeated string notes: chord tones in eighths or sixteenths over held lower voices."""
        plan, rng = self.plan, self.rng
        rate = 1 if self.busy > 0.75 and plan.bpm < 115 else 2
        size = 8 if plan.spb == 16 else 6
        cell = rng.choice(
            ([0, 0, 1, 0, 2, 0, 1, 0], [0, 1, 2, 1, 0, 1, 2, 1], [0, 0, 0, 1, 0, 0, 2, 1], [2, 1, 0, 1, 2, 1, 0, 1])
        )[:size]
        for segment in self.segments:
            held = segment.voicing[:1] if len(segment.voicing) > 3 else ()
            pool = segment.voicing[len(held) :]
            self.chord(segment.start, float(min(segment.end - segment.start, 2 * plan.spb)), held, 76)
            for step in range(segment.start, segment.end, rate):
                index = ((step % plan.spb) // rate) % len(cell)
                self.add(step, rate * 0.7, pool[cell[index] % len(pool)], 94 if index == 0 else 78)


def compose_harmony(plan: Plan) -> list[Note]:
    """Writes the harmony track."""
    player = _Player(plan)
    textures = {
        "sustain": player.sustain,
        "tied": player.tied,
        "rhythm": player.rhythm,
        "power": player.rhythm,
        "arp": player.arp,
        "broken": player.broken,
        "ostinato": player.ostinato,
    }
    textures[player.texture]()
    return player.notes
