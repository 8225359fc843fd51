"""Melodies: motifs with rhythm and contour, repeated, varied and answered in four-bar phrases separated by rests."""

from __future__ import annotations

from dataclasses import dataclass, replace

from resonant.composer.plan import Plan
from resonant.composer.styles import choose, graded
from resonant.piece import Note

# One bar: x onset, - hold, . rest. Options run from sparse to dense.
# fmt: off
LINES: dict[str, list[str]] = {
    "riff": ["x-......x-......", "x--...x-........", "x-....x-..x-....", "x..x..x.........", "..x-..x-..x-....", "x-.x-.x-....x-..", "x..x..x...x.....", "x-x---x---x-....",
             "x..x..x..x..x-..", "x.x.x-..x.x.x-..", "x-xx..x-x-.xx-..", "x.xx.x.xx.x.x...", "xxx.xx.xx.xxx.x."],
    "urban": ["x-----......x-..", "x---x-----......", "....x-x---......", "x-..x-..x---....", "x-x-x---....x-..", "..x-x-x-x---....", "x-xx--x-..x---..", "x..x..x-x-......",
              "x-x-x-x-x---....", "..xxx-x-..xxx-..", "x-xxx-x-x-xxx-..", "x-x-xxx-x-x-xx.."],
    "band": ["x-------x---....", "x---x-----......", "x---x---x-----..", "x-----x-x---....", "..x-x-x-x-----..", "x-x-x---x-x-----", "x---x-x-x-x---..", "x-x-x-x-x---....",
             "x--x--x-x-x---..", "..x-x-x-x-x-x---", "x-x-x-x-x-x-x-x-", "x-xxx-x-x-x-x-..", "xxx-x-x-xxx-x-.."],
    "jazz": ["x---......x-x---", "..x-x-x---......", "x-....x-x---....", "x---x-x-x-----..", "..x-x-x-x-x-....", "x-x-x---..x-x---", "x-x-x-x-x-..x-..", "..x-x-x-x-x-x-x-", "x-x-x-x-x-x-x-x-", "x-x-x-x-x-x-x-x-"],
    "funk": ["x...........x-x-", "x-..x-..........", "..x.x-....x-....", "x..x..x.........", "x-xx..x-........", "..x.xx..x-..x-..", "x..x..xx..x.x...", "x-x.xx.x..x.x-..", "xx.xx.x-xx.xx.x-"],
    "slow": ["x---------------", "x-------........", "....x-----------", "x-------x-------", "x-----------x---", "x---x-------....", "x-----x-x-------", "x---x---x-------", "x-----x-x-----x-", "x---x-x-x---x---", "x-x-x---x-x-x---"],
}
# fmt: on
# fmt: off
METER_LINES: dict[tuple[int, int], list[str]] = {
    (3, 4): ["x-----------", "x-------x---", "x-------....", "x---x---x---", "x-----x-x---", "....x---x---", "x---x-x-x---", "x-x-x---x---", "x-x-x-x-x---", "x-x-x-x-x-x-"],
    (6, 8): ["x-----------", "x---------x-", "x-----x-----", "x---x-x-----", "x---x-x---x-", "x-----x-x-x-", "x-x-x-x-----", "x-x-x-x---x-", "x-x-x-x-x-x-"],
    (5, 4): ["x-------------------", "x-----------x-------", "x-----------........", "x-------x---x-------", "x-----x-----x---....", "x---x---x---x-------", "....x---x---x---x---",
             "x-----x-----x---x---", "x-x-x---x---x-------", "x---x-x-x---x---x---", "x-x-x---x-x-x---....", "x-x-x---x-x-x---x---", "x-x-x-x-x---x-x-x---", "x-x-x-x-x-x-x-x-x-x-"],
    (7, 8): ["x-------------", "x-------x-----", "x-------......", "x-----x-------", "x---x---x-----", "....x---x-----", "x-----x---x---", "x---x---x---x-", "x-x-x---x-----",
             "x---x---x-x-x-", "x-----x-x-x---", "x-x-x-x-x---x-", "x-x-x-x-x-x-x-"],
    (12, 8): ["x-----------------------", "x-----------x-----------", "x-----------............", "x---------x-x-----------", "x-----x-----x-----------", "x-----x---x-x-----......",
              "......x---x-x---x-x-----", "x---x-x-----x---x-x-----", "x---x-x---x-x-----......", "x-x-x-x-----x---x-------", "x---x-x---x-x---x-x-----", "x-x-x-x-----x-x-x-x-----",
              "x---x-x---x-x---x-x---x-", "x-x-x-x-x-x-x-x-x-x-x-x-"],
}
# fmt: on
# fmt: off
STYLE_LINES = {"techno": "riff", "house": "riff", "dnb": "riff", "synthwave": "band", "hiphop": "urban", "trap": "urban", "rock": "band", "pop": "band",
               "jazz": "jazz", "funk": "funk", "ambient": "slow", "cinematic": "slow"}
# fmt: on
# Steps between the strongest beats.
ACCENTS: dict[tuple[int, int], int] = {(4, 4): 8, (3, 4): 12, (6, 8): 6, (5, 4): 12, (7, 8): 8, (12, 8): 12}
FORMS = [
    "a...",
    "a.b.",
    "a.a'.",
    ".a.b",
    "ab..",
    "a.a'b",
    "aa'b.",
    "aba'.",
    "a.bc",
    "aaab",
    "aa'ab",
    "abac",
    "aba'b'",
    "aabb'",
    "abcb'",
    "aba'c",
    "abcd",
]
CENTRES = {"brass_wind": 69, "guitar": 69, "strings": 72, "pluck": 75, "lead": 72, "keys": 72, "vox": 70, "stab": 69}
# Probability that a melody lies a fifth to an octave lower, below middle C: low guitars and brass, cellos, dark leads.
LOW_CHANCE = {"guitar": 0.2, "brass_wind": 0.18, "strings": 0.2, "lead": 0.14, "vox": 0.1, "keys": 0.1, "pluck": 0.08}
LOWEST = 50
PENTATONIC = {
    "major": (0, 2, 4, 7, 9),
    "lydian": (0, 2, 4, 7, 9),
    "mixolydian": (0, 2, 4, 7, 9),
    "minor": (0, 3, 5, 7, 10),
    "dorian": (0, 3, 5, 7, 10),
    "phrygian": (0, 3, 5, 7, 10),
}
PENTATONIC_CHANCE = {
    "rock": 0.6,
    "hiphop": 0.55,
    "trap": 0.4,
    "pop": 0.4,
    "funk": 0.55,
    "house": 0.35,
    "techno": 0.3,
    "ambient": 0.5,
    "dnb": 0.35,
    "synthwave": 0.2,
}


@dataclass(frozen=True, slots=True)
class Motif:
    """One bar: onsets, lengths and a contour in scale steps around an anchor."""

    onsets: tuple[int, ...]
    lengths: tuple[float, ...]
    contour: tuple[int, ...]
    anchor: int  # in scale steps from the melody's home pitch


class _Singer:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.rng = plan.stream("melody")
        self.busy = min(max(plan.melody_busy + self.rng.gauss(0, 0.06), 0.0), 1.0)
        self.home = CENTRES[plan.families["melody"]] + round(10 * (plan.attribute("brightness") - 0.5))
        is_low = self.rng.random() < LOW_CHANCE.get(plan.families["melody"], 0.0) * (1.6 - 1.2 * plan.attribute("brightness"))
        if is_low:
            self.home -= self.rng.randint(7, 12)
        pentatonic = self.rng.random() < PENTATONIC_CHANCE.get(plan.style, 0.1) * (
            1.3 - 0.6 * plan.attribute("complexity")
        )
        degrees = PENTATONIC.get(plan.mode) if pentatonic else None
        pcs = {(plan.tonic + d) % 12 for d in degrees} if degrees else set(plan.scale)
        self.ladder = [p for p in range(LOWEST if is_low else 55, 94) if p % 12 in pcs]
        self.home_index = min(range(len(self.ladder)), key=lambda i: abs(self.ladder[i] - self.home))
        self.notes: list[Note] = []
        self.previous = self.home
        self.sung: dict[tuple, list[tuple[int, float]]] = {}
        self.beat = 6 if plan.meter in ((6, 8), (12, 8)) else 4
        self.accent = ACCENTS[plan.meter]
        self.low, self.high = max(LOWEST if is_low else 60, self.home - 10), min(88, self.home + 12)

    def line(self) -> str:
        """A one-bar rhythm."""
        plan = self.plan
        if plan.meter in METER_LINES:
            return graded(self.rng, METER_LINES[plan.meter], self.busy, 0.14)
        group = STYLE_LINES[plan.style]
        if group == "slow" and plan.style == "cinematic" and plan.attribute("energy") > 0.6 and self.rng.random() < 0.4:
            group = "band"
        if group != "jazz" and plan.swing[0] == 2:
            group = "jazz"
        line = graded(self.rng, LINES[group], self.busy, 0.14)
        if self.rng.random() < 0.5 and group not in ("slow", "jazz"):
            line = self.mutate(line)
        return line

    def mutate(self, line: str) -> str:
        """A small rhythmic change: an onset moved, a hold split, or a late start."""
        rng, marks = self.rng, list(line)
        onsets = [i for i, c in enumerate(marks) if c == "x"]
        move = rng.choice(("anticipate", "split", "late"))
        if move == "anticipate":
            spots = [i for i in onsets if i % 4 == 0 and i > 0 and marks[i - 1] != "x"]
            if spots:
                spot = rng.choice(spots)
                marks[spot - 1], marks[spot] = "x", "-"
        elif move == "split":
            spots = [i for i in range(2, len(marks)) if marks[i] == "-" and marks[i - 1] == "-" and i % 2 == 0]
            if spots and self.busy > 0.3:
                marks[rng.choice(spots)] = "x"
        elif len(onsets) > 2 and onsets[0] == 0:
            marks[0] = "."
            if marks[1] == "-":
                marks[1] = "x" if rng.random() < 0.2 else "."
            for i in range(1, len(marks)):
                if marks[i] != "-":
                    break
                marks[i] = "."
        return "".join(marks)

    def contour(self, count: int) -> list[int]:
        """Scale steps of `count` notes."""
        rng = self.rng
        shape = choose(rng, {"arch": 3, "valley": 1.5, "up": 1.5, "down": 2.5, "wave": 2.5, "repeat": 1.5, "leap": 1.5})
        value, values = 0, [0]
        for index in range(1, count):
            place = index / max(count - 1, 1)
            lean = {"arch": 1 if place < 0.55 else -1, "valley": -1 if place < 0.5 else 1, "up": 1, "down": -1}.get(
                shape, 0
            )
            if shape == "repeat":
                step = 0 if rng.random() < 0.6 else rng.choice((-1, 1, 2, -2))
            elif shape == "wave":
                step = (1 if (index // 2) % 2 == 0 else -1) * rng.choice((1, 1, 1, 2))
            elif shape == "leap":
                step = rng.choice((3, 4, 5)) if index == 1 else rng.choice((-1, -1, -2, 0, 1))
            else:
                step = lean * rng.choice((1, 1, 1, 1, 2, 0))
                if rng.random() < 0.15:
                    step = -step
            value = min(max(value + step, -6), 6)
            values.append(value)
        return values

    def motif(self, anchor: int) -> Motif:
        """A new motif."""
        line = self.line()
        onsets = [i for i, c in enumerate(line) if c == "x"] or [0]
        lengths = []
        for onset in onsets:
            end = onset + 1
            while end < len(line) and line[end] == "-":
                end += 1
            lengths.append(float(end - onset))
        return Motif(tuple(onsets), tuple(lengths), tuple(self.contour(len(onsets))), anchor)

    def varied(self, motif: Motif) -> Motif:
        """The motif with a different ending, a shifted level, or one note more or less."""
        rng = self.rng
        contour = list(motif.contour)
        move = rng.choice(("ending", "ending", "level", "drop", "invert_end"))
        if move == "ending" or len(contour) < 3:
            contour[-1] += rng.choice((-2, -1, 1, 2))
        elif move == "level":
            return replace(motif, anchor=motif.anchor + rng.choice((-2, -1, 1, 2)))
        elif move == "invert_end":
            middle = contour[len(contour) // 2]
            contour = contour[: len(contour) // 2] + [2 * middle - v for v in contour[len(contour) // 2 :]]
        elif len(contour) > 3:
            spot = rng.randrange(1, len(contour) - 1)
            lengths = list(motif.lengths)
            if motif.onsets[spot - 1] + lengths[spot - 1] == motif.onsets[spot]:
                lengths[spot - 1] += lengths[spot]
            keep = [i for i in range(len(contour)) if i != spot]
            return Motif(
                tuple(motif.onsets[i] for i in keep),
                tuple(lengths[i] for i in keep),
                tuple(contour[i] for i in keep),
                motif.anchor,
            )
        return replace(motif, contour=tuple(contour))

    def phrases(self) -> list[Motif | None]:
        """A motif (or rest) per bar."""
        rng = self.rng
        motifs: dict[str, Motif] = {}

        def bar(symbol: str) -> Motif | None:
            letter = symbol[0]
            if letter == ".":
                return None
            if letter not in motifs:
                anchors = {"a": (0, 0, 1), "b": (2, -2, 3, 1), "c": (-2, 2, 4), "d": (0, -3)}[letter]
                motifs[letter] = self.motif(rng.choice(anchors))
                if letter == "b" and rng.random() < 0.5:  # an answer with the question's rhythm
                    first = motifs["a"]
                    motifs["b"] = replace(first, contour=tuple(-v for v in first.contour), anchor=motifs["b"].anchor)
            if symbol not in motifs:
                motifs[symbol] = self.varied(motifs[letter])
            return motifs[symbol]

        def unit(form: str) -> list[Motif | None]:
            symbols: list[str] = []
            for mark in form:
                if mark == "'":
                    symbols[-1] += mark
                else:
                    symbols.append(mark)
            return [bar(symbol) for symbol in symbols]

        forms = FORMS if self.plan.style != "jazz" else FORMS[3:]
        first = unit(graded(rng, forms, self.busy, 0.16))
        units = [first]
        while len(units) < self.plan.bars // 4:
            draw = rng.random()
            if len(units) == 3 or draw < 0.3:
                following = list(units[0])
            elif draw < 0.75:
                following = list(units[0])
                last = max(i for i, motif in enumerate(following) if motif is not None)
                following[last] = self.varied(following[last])
            elif draw < 0.88:
                shift = rng.choice((2, -2, 3))
                following = [
                    None if motif is None else replace(motif, anchor=motif.anchor + shift) for motif in units[0]
                ]
            else:
                for letter in [key for key in motifs if key[0] in "bcd"]:
                    del motifs[letter]
                following = unit(graded(rng, forms, self.busy, 0.2))
            units.append(following)
        return [motif for u in units for motif in u]

    def allowed(self, step: int) -> tuple[set[int], set[int]]:
        """Pitch classes that suit sustained notes, and those that clash with the chord."""
        plan = self.plan
        chord, scale = set(plan.pcs(step)), set(plan.scale)
        root, quality = plan.chord(step)
        if quality == "5":
            chord |= {(root + third) % 12 for third in (3, 4)} & scale
        rest = chord & scale or chord
        if quality in ("maj7", "maj9", "mMaj7") and len(rest) > 2:
            rest = rest - {root}
        foreign = chord - scale
        clash = {(pc + 1) % 12 for pc in chord} - chord
        clash |= {(pc + d) % 12 for pc in foreign for d in (-1, 1)} - chord
        if foreign and (
            plan.style in ("cinematic", "hiphop", "pop") or (plan.style == "jazz" and self.rng.random() < 0.55)
        ):
            rest = chord
        return rest, clash

    def nearest(self, target: int, pcs: set[int], move: int = 0) -> int:
        """The pitch nearest to the target with a pitch class in `pcs`, within the register, preferring small intervals.

        `move` is the direction of the contour; if it is not 0, repeating the previous pitch costs more.
        """
        last = self.previous
        options = [p for p in range(self.low, self.high + 1) if p % 12 in pcs]
        return min(
            options,
            key=lambda p: (
                abs(p - target)
                + 0.45 * abs(p - last)
                + (1.6 if move and p == last else 0.0)
                + (0.7 if move and (p - last) * move < 0 else 0.0)
                + (0.6 if abs(p - last) > 9 else 0.0)
            ),
        )

    def sing(self, bars: list[Motif | None]) -> None:
        """Turns motifs into notes; a motif repeated over the same chords is repeated note for note."""
        plan = self.plan
        for index, motif in enumerate(bars):
            if motif is None:
                continue
            closing = index % 4 == 3 or index == len(bars) - 1 or bars[index + 1] is None
            final = closing and index == len(bars) - 1
            start = index * plan.spb
            key = (motif, plan.chord(start), plan.chord(start + plan.spb // 2), closing, final)
            if key not in self.sung:
                self.sung[key] = self.pitches(motif, start, closing, final)
            for onset, length, (pitch, level) in zip(motif.onsets, motif.lengths, self.sung[key], strict=True):
                length = self.trimmed(start + onset, length, pitch)
                self.notes.append(
                    Note(start + onset, 0.0, length * (1.0 if length >= 3 else 0.92), pitch, plan.velocity(level))
                )
                self.previous = pitch

    def trimmed(self, step: int, length: float, pitch: int) -> float:
        """Shortens a note to the chord change that it would clash with."""
        half = self.plan.spb // 2
        change = (step // half + 1) * half
        while change < step + length:
            if pitch % 12 in self.allowed(change)[1]:
                return float(change - step)
            change += half
        return length

    def pitches(self, motif: Motif, start: int, closing: bool, final: bool) -> list[tuple[int, float]]:
        """Pitch and level of each note of a motif in the bar that begins at `start`."""
        plan, rng = self.plan, self.rng
        peak = max(motif.contour)
        result = []
        for place, (onset, length, offset) in enumerate(zip(motif.onsets, motif.lengths, motif.contour, strict=True)):
            spot = min(max(self.home_index + motif.anchor + offset, 0), len(self.ladder) - 1)
            target = self.ladder[spot]
            rest, clash = self.allowed(start + onset)
            last = place == len(motif.onsets) - 1
            move = 0 if place == 0 else offset - motif.contour[place - 1]
            strong = onset % self.accent == 0 or length >= 5 or (last and closing) or (place == 0 and onset < 2)
            if not strong and (onset % self.beat == 0 or length >= 3):
                strong = rng.random() < (0.5 if abs(move) <= 1 else 0.8)
            if strong:
                home = last and final and plan.tonic in rest and rng.random() < 0.6
                pitch = self.nearest(target, {plan.tonic} if home else rest, move)
            else:
                scale = set(plan.scale)
                passing = length < 2 and rng.random() < 0.2
                pitch = self.nearest(target, scale if passing else (scale | rest) - clash, move)
                if (
                    plan.style == "jazz"
                    and length <= 2
                    and not last
                    and rng.random() < 0.08 * plan.attribute("complexity")
                ):
                    pitch = min(max(self.previous + (1 if target > self.previous else -1), self.low), self.high)
            level = 84 + (10 if onset % self.accent == 0 else 0) + (6 if offset == peak else 0) - (0 if strong else 8)
            result.append((pitch, float(level)))
            self.previous = pitch
        return result

    def breathe(self) -> None:
        """Usually rests during drum fills: removes notes there and shortens notes that ring into them."""
        plan = self.plan
        for bar, size in plan.fills.items():
            if self.rng.random() < 0.25:
                continue
            start = (bar + 1) * plan.spb - size
            kept = [n for n in self.notes if not start < n.step < start + size]
            if len(kept) < 2:
                continue
            self.notes = kept
            for note in self.notes:
                if note.step <= start < note.step + note.length:
                    note.length = max(float(start - note.step), 1.0)

    def lead_back(self) -> None:
        """Sometimes adds a pickup of scale steps at the end that leads to the loop's first note."""
        plan, rng = self.plan, self.rng
        first, last = self.notes[0], max(self.notes, key=lambda n: n.step)
        unit = 2 if plan.swing[0] == 2 or plan.bpm > 125 or rng.random() < 0.5 else 1
        count = rng.choice((1, 2, 2, 3))
        start = plan.total - unit * count
        if (
            plan.bars - 1 in plan.fills
            or first.step > 2
            or last.step + 2 > start
            or rng.random() > 0.1 + 0.5 * self.busy
        ):
            return
        spot = min(range(len(self.ladder)), key=lambda i: abs(self.ladder[i] - first.pitch))
        side = rng.choice((-1, -1, 1))
        clash = self.allowed(start)[1]
        picked = [self.ladder[min(max(spot + side * (count - i), 0), len(self.ladder) - 1)] for i in range(count)]
        if any(p % 12 in clash or not self.low <= p <= self.high for p in picked):
            return
        last.length = min(last.length, float(start - last.step))
        for i, pitch in enumerate(picked):
            self.notes.append(Note(start + i * unit, 0.0, unit * 0.92, pitch, plan.velocity(78)))


def compose_melody(plan: Plan) -> list[Note]:
    """Writes the melody track."""
    singer = _Singer(plan)
    singer.sing(singer.phrases())
    singer.breathe()
    singer.lead_back()
    return singer.notes
