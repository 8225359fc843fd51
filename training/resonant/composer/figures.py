"""Pieces that follow figures: a groove, a bass role and a comping role from the genre table, in any of their meters.

A figure is a pattern that the engine biases a composition towards (`crates/models/src/generator/figure.rs`): one sign per step, a
note length, and the number of simultaneous notes. Here the figure determines the notes, and this package's rules decide the rest,
so that a composer conditioned on figures learns how they are usually played: which tones, how long, how loud, and with which
notes in between. About a third of the figures are slightly altered at random, so that the composer learns the signs rather than
the names.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from resonant import genres
from resonant.composer.bass import _LONGEST, _Bassist
from resonant.composer.compose import _clean
from resonant.composer.drums import compose_drums
from resonant.composer.harmony import _Player
from resonant.composer.melody import compose_melody
from resonant.composer.plan import Plan, make_plan
from resonant.piece import DRUM_CLASSES, DRUM_KEYS, STYLES, TRACKS, Note, Piece

PLAYED = "Xx13578"
SILENT = ".-"
PHRASE = 4
PERIOD = 8
MOST_TIMES = 0.75
SPARSE, BUSY = 0.34, 0.68
MOVED = 0.35  # share of the figures that are slightly altered
RECUT = 0.1  # share of the 4/4 pieces whose figures are cut to an odd meter
ODD_METERS = ((5, 4), (7, 8))
# Meters supported by the other parts of this package.
COMPOSED_METERS = ((4, 4), (3, 4), (6, 8))
WITH_KICK, BESIDE_KICK = 4.0, 0.3  # how much more and less likely the bass's free steps are with and without a kick
_LEVEL = {"X": 114.0, "x": 90.0, "g": 42.0}
_VOICE = {name: {"perc": "percussion"}.get(name, name) for name in DRUM_CLASSES}
_KIND = {"bass": "bass", "harmony": "comping"}
# Probability that a free step is played: on a beat, on an even step between beats, and on other steps.
_FREE = {"bass": (0.3, 0.22, 0.06), "harmony": (0.2, 0.14, 0.03)}
_DEGREE = {"1": "R", "8": "O", "5": "F", "3": "T", "7": "S"}
# Bass tones by family, used where the figure leaves the tone open.
_TONES = {
    "funk": "RRROOFSA", "soul": "RRFTSAA", "octaves": "ROOR", "trap": "RRRRO", "sub": "RRRFA", "riff": "RRRTFS",
    "shuffle": "FSOT", "syncopated": "RRROFS", "dnb": "RRROFS", "sixteenths": "RRRRO", "eighths": "RRRFA",
    "root_fifth": "RF", "tumbao": "FFO", "afro": "RROFTA", "compound": "RFTA",
}  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """The figure of one track: signs as in `docs/genres.md`, one per step of the piece (drums: and per voice)."""

    family: str | None
    marks: dict[str, str]  # voice -> signs; bass and harmony have one voice, called ""
    length: str = ""  # "", "short" or "long"
    voices: tuple[int, int] | None = None
    differs: tuple[bool, ...] = ()  # for each bar, whether it differs from the bar four bars earlier

    def head(self) -> dict:
        """As plain data for JSON."""
        voices = list(self.voices) if self.voices else None
        return {"family": self.family, "marks": self.marks, "length": self.length, "voices": voices, "differs": list(self.differs)}

    def beginning(self, steps: int, bars: int) -> Figure:
        """The figure of the piece's first bars."""
        return replace(self, marks={voice: signs[:steps] for voice, signs in self.marks.items()}, differs=self.differs[:bars])

    @staticmethod
    def of(head: dict) -> Figure:
        """Inverse of `head`."""
        voices = tuple(head["voices"]) if head["voices"] else None
        return Figure(head["family"], head["marks"], head["length"], voices, tuple(head["differs"]))


@lru_cache(maxsize=1)
def _table() -> genres.Table:
    return genres.load()


def _meter(pattern: dict) -> tuple[int, int]:
    top, bottom = pattern.get("meter", "4/4").split("/")
    return int(top), int(bottom)


@lru_cache(maxsize=1)
def _combinations() -> tuple[tuple[str, str, tuple[int, int]], ...]:
    """Kind, name and meter of every bass and comping role; roles in meters other than 4/4 are repeated."""
    table = _table()
    found = []
    for kind in _KIND.values():
        for name, pattern in table.patterns[kind].items():
            if name != "free":
                meter = _meter(pattern)
                found += [(kind, name, meter)] * (1 if meter == (4, 4) else 2 if meter in COMPOSED_METERS else 4)
    return tuple(found)


def _chosen(rng: random.Random) -> tuple[genres.Genre, tuple[int, int], dict[str, str]]:
    """A genre, a meter and a pattern name per kind: a random role, a genre with it, and usually that genre's patterns."""
    table = _table()
    kind, name, meter = rng.choice(_combinations())
    fitting = [genre for genre in table.genres.values() if name in genre.roles[kind]]
    genre = rng.choice(fitting or list(table.genres.values()))
    names = {kind: name}
    for other in ("groove", "bass", "comping"):
        if other == kind:
            continue
        known = table.patterns[other]
        own = [n for n in genre.roles[other] if n in known and n != "free" and _meter(known[n]) == meter]
        any_genre = [n for n, pattern in known.items() if n != "free" and _meter(pattern) == meter]
        if own or any_genre:
            names[other] = rng.choice(own if own and rng.random() < 0.8 else any_genre)
    return genre, meter, names


def _recut(pattern: dict, meter: tuple[int, int]) -> dict:
    """A 4/4 pattern in a longer or shorter bar: repeated from its beginning, or cut off at the end."""
    steps = meter[0] * 16 // meter[1]

    def cut(signs: str) -> str:
        return "|".join((bar + bar)[:steps] for bar in genres.bars(signs))

    voices = {"pattern", *_VOICE.values()}
    return {key: cut(value) if key in voices else value for key, value in pattern.items()}


def _moved(rng: random.Random, signs: str) -> str:
    """A bar's signs with up to three of them moved, added or removed."""
    marks = list(signs)
    for _ in range(rng.choice((1, 1, 2, 3))):
        played = [i for i, sign in enumerate(marks) if sign in PLAYED]
        rests = [i for i, sign in enumerate(marks) if sign in SILENT]
        move = rng.random()
        if move < 0.6 and played and rests:
            here, there = rng.choice(played), rng.choice(rests)
            marks[here], marks[there] = marks[there], marks[here]
        elif move < 0.8 and rests:
            marks[rng.choice(rests)] = rng.choice("xx15?")
        elif len(played) > 1:
            marks[rng.choice(played)] = "."
    return "".join(marks)


def _bars(rng: random.Random, pattern: str, is_moved: bool) -> list[str]:
    bars = genres.bars(pattern)
    return [_moved(rng, bar) for bar in bars] if is_moved else bars


def choose_bars(rng: random.Random, bars: int, copies: float) -> tuple[bool, ...]:
    """Bars that should differ from the bar four bars earlier: the last of each period, and one more in its second half."""
    differs = [False] * bars
    for period in range(0, bars, PERIOD):
        is_copy = rng.random() < copies
        for bar in (period + PERIOD - 1, period + PHRASE + rng.randrange(3)):
            if bar < bars:
                differs[bar] = not is_copy
    return tuple(differs)


def settle(rng: random.Random, signs: list[str], bar: int, density: float) -> list[str]:
    """Decides which optional signs are played, the same way in all bars, and thins the part."""
    chance = MOST_TIMES + min(max(density - 0.5, -0.4), 0.25)
    luck = [rng.random() for _ in range(2 * bar)]
    result = []
    for step, sign in enumerate(signs):
        if sign in "og":
            sign = "x" if luck[step % (2 * bar)] < chance else "?"
        if density < SPARSE and step % 2 == 1 and sign == "x":
            sign = "?"
        result.append(sign)
    return result


def vary(rng: random.Random, signs: list[str], bar: int, beat: int, differs: Sequence[bool]) -> None:
    """Changes something in the bars marked in `differs`."""
    for first in (index * bar for index, differ in enumerate(differs) if differ):
        steps = range(first, first + bar)
        played = [s for s in steps if signs[s] in PLAYED and s != first]
        free = [
            s for s in steps
            if signs[s] in ".?" and s > first + beat and (len(played) > bar // 3 or (s - first) % 2 == 0)
        ]  # fmt: skip
        late = [s for s in played if s - first >= bar // 2]
        if len(played) >= 2:
            signs[rng.choice(late or played)] = "."
        if free:
            signs[rng.choice(free)] = "x"


def part_figure(rng: random.Random, plan: Plan, pattern: dict, copies: float) -> Figure:
    """The figure of a bass or comping role."""
    bars = _bars(rng, pattern["pattern"], rng.random() < MOVED)
    signs = settle(rng, [sign for bar in range(plan.bars) for sign in bars[bar % len(bars)]], plan.spb, plan.attribute("density"))
    differs = choose_bars(rng, plan.bars, copies)
    vary(rng, signs, plan.spb, _beat(plan), differs)
    voices = tuple(pattern["voices"]) if "voices" in pattern else None
    return Figure(pattern.get("family"), {"": "".join(signs)}, pattern.get("length", ""), voices, differs)


def groove_figure(rng: random.Random, plan: Plan, pattern: dict) -> Figure:
    """The figure of a groove; voices that it does not name are free, or silent if it is exclusive ("only")."""
    density = plan.attribute("density")
    is_moved = rng.random() < MOVED
    marks = {}
    for voice in DRUM_CLASSES:
        lines = pattern.get(_VOICE[voice])
        if lines is None:
            marks[voice] = ("." if pattern.get("only") else "?") * plan.total
            continue
        is_frame = voice in ("kick", "snare", "clap")
        bars = _bars(rng, lines, is_moved and not is_frame)
        luck = [rng.random() for _ in range(2 * plan.spb)]
        chance = MOST_TIMES + min(max(density - 0.5, -0.4), 0.25)
        signs = []
        for step in range(plan.total):
            sign = bars[step // plan.spb % len(bars)][step % plan.spb]
            if sign in "og":
                played = luck[step % (2 * plan.spb)] < chance
                sign = ("x" if sign == "o" else "g") if played else "." if density < SPARSE else "?"
            if density < SPARSE and not is_frame and step % 2 == 1 and sign in PLAYED:
                sign = "."
            if density > BUSY and not is_frame and sign == "." and not pattern.get("only"):
                sign = "?"
            signs.append(sign)
        marks[voice] = "".join(signs)
    return Figure(pattern.get("family"), marks)


def _beat(plan: Plan) -> int:
    return 6 if plan.meter in ((6, 8), (12, 8)) else 4 if plan.meter[1] == 4 else 2


def write_drums(rng: random.Random, plan: Plan, figure: Figure) -> list[Note]:
    """The groove of the figure; free steps and fills come from the style's own drum part."""
    own: dict[tuple[int, str], Note] = {}
    if plan.meter in COMPOSED_METERS:
        for note in compose_drums(plan).notes:
            own[note.step, DRUM_CLASSES[DRUM_KEYS.index(note.pitch)]] = note
    busy = plan.mix(density=0.6, energy=0.6)
    notes = []
    for step in range(plan.total):
        size = plan.fills.get(step // plan.spb, 0)
        fills = plan.meter in COMPOSED_METERS and step % plan.spb >= plan.spb - size
        for voice in DRUM_CLASSES:
            sign = figure.marks[voice][step]
            composed = own.get((step, voice))
            if fills and sign != "-":
                played = composed is not None
            else:
                played = sign in PLAYED or sign == "g" or (sign == "?" and composed is not None and rng.random() < 0.4 + 0.5 * busy)
            if not played:
                continue
            level = _LEVEL.get(sign, 84.0)
            velocity = composed.velocity if sign == "?" and composed else plan.velocity(level + 8.0 * (step % _beat(plan) == 0))
            notes.append(Note(step, 0.0, 1.0, DRUM_KEYS[DRUM_CLASSES.index(voice)], velocity))
    return notes


def _onsets(rng: random.Random, plan: Plan, figure: Figure, track: str, kicks: frozenset[int]) -> list[int]:
    """Steps that are played: those of the figure, and some of the free ones, repeated in bars that do not differ."""
    signs = figure.marks[""]
    busy = 0.4 + plan.mix(density=0.65, energy=0.35)
    luck = [rng.random() for _ in range(2 * plan.spb)]
    found = []
    for step, sign in enumerate(signs):
        if sign == "?":
            beat = _beat(plan)
            weight = _FREE[track][0 if step % beat == 0 else 1 if step % 2 == 0 else 2] * busy
            if track == "bass" and kicks:
                weight = min(WITH_KICK * weight, 0.95) if step in kicks else BESIDE_KICK * weight
            differs = figure.differs[step // plan.spb]
            if (rng.random() if differs else luck[step % (2 * plan.spb)]) < weight:
                found.append(step)
        elif sign in PLAYED:
            found.append(step)
    return found


def _lengths(rng: random.Random, plan: Plan, figure: Figure, onsets: Sequence[int], longest: float) -> list[float]:
    """Length of each onset's note in steps."""
    gate = rng.uniform(0.6, 0.95)
    short = rng.choice((0.5, 1.0, 1.0, 1.5))
    free = rng.choice((0.45, 0.7, 0.9, 1.0))
    lengths = []
    for step, following in zip(onsets, [*onsets[1:], onsets[0] + plan.total] if onsets else [], strict=True):
        gap = float(following - step)
        if figure.length == "short":
            lengths.append(min(gap, short) * gate)
        elif figure.length == "long":
            lengths.append(gap)
        else:
            lengths.append(max(min(gap * free, longest), min(gap, 1.0)) * (gate if gap > 1 else 1.0))
    return lengths


def write_bass(rng: random.Random, plan: Plan, figure: Figure, kicks: list[list[int]]) -> list[Note]:
    """A bass that follows its figure: the figure's tones where it names them, otherwise those of the role's family."""
    bassist = _Bassist(plan, kicks)
    heard = frozenset(bar * plan.spb + step for bar, steps in enumerate(kicks) for step in steps)
    onsets = _onsets(rng, plan, figure, "bass", heard)
    lengths = _lengths(rng, plan, figure, onsets, float(_LONGEST.get(plan.style, plan.spb)))
    tones = _TONES.get(figure.family or "", "RRRFOA")
    chosen: dict[int, str] = {}
    walks = figure.family in ("walking", "shuffle") and "x" in figure.marks[""]
    current = bassist.root(0)
    previous_chord: tuple[int, str] | None = None
    for index, (step, length) in enumerate(zip(onsets, lengths, strict=True)):
        chord = plan.chord(step)
        root = bassist.root(step)
        bassist.previous = root
        sign = figure.marks[""][step]
        place = step % (2 * plan.spb)
        following = onsets[index + 1] if index + 1 < len(onsets) else plan.total
        leads = plan.chord(following)[0] != chord[0]
        if sign in _DEGREE:
            pitch = bassist.pitch(step, _DEGREE[sign], root)
        elif chord != previous_chord and (not walks or rng.random() < 0.8):
            pitch = root
        elif walks:
            pitch = bassist.approach(step, current) if leads else _stepwise(rng, bassist, step, current)
        elif leads and rng.random() < 0.4:
            pitch = bassist.approach(step, root)
        else:
            if place not in chosen or figure.differs[step // plan.spb]:
                chosen[place] = rng.choice(tones)
            pitch = bassist.pitch(step, chosen[place], root)
        level = 104.0 if sign == "X" or step % plan.spb == 0 else 94.0 if step % _beat(plan) == 0 else 80.0 if step % 2 else 88.0
        bassist.add(step, length, pitch, level - 14.0 * (sign == "?"))
        current, previous_chord = bassist.notes[-1].pitch, chord
    return bassist.notes


def _stepwise(rng: random.Random, bassist: _Bassist, step: int, current: int) -> int:
    """A chord or scale tone near the previous one."""
    plan, pcs = bassist.plan, bassist.plan.pcs(step)
    near = [p for p in range(max(bassist.low, current - 5), min(bassist.high, current + 5) + 1) if p != current]
    options = [p for p in near if p % 12 in pcs or (p % 12 in plan.scale and abs(p - current) <= 2)]
    if not options:
        return bassist.root(step)
    return rng.choices(options, [(2.0 if p % 12 in pcs else 1.0) / (1 + 0.4 * abs(p - current)) for p in options])[0]


def write_harmony(rng: random.Random, plan: Plan, figure: Figure) -> list[Note]:
    """Voice-led chords that follow their figure, with as many notes as it asks for; with one note at a time, an arpeggio."""
    player = _Player(plan)
    onsets = _onsets(rng, plan, figure, "harmony", frozenset())
    lengths = _lengths(rng, plan, figure, onsets, float(plan.spb))
    fewest, most = figure.voices or (3, 5)
    count = rng.randint(fewest, most)
    order = rng.choice(("up", "down", "swing", "thirds"))
    for index, (step, length) in enumerate(zip(onsets, lengths, strict=True)):
        voicing = player.at(step).voicing
        sign = figure.marks[""][step]
        level = 100.0 if sign == "X" else 92.0 if step % _beat(plan) == 0 else 82.0
        if most == 1:
            pitches: Sequence[int] = (_arpeggio(voicing, index, order),)
        elif figure.family == "montuno":
            upper = voicing[(index * 2 + 1) % len(voicing)]
            pitches = (upper, upper + 12) if index % 2 else (voicing[index % len(voicing)], upper)
        else:
            size = count if step % plan.spb == 0 else rng.randint(fewest, count)
            pitches = voicing[-size:] if size <= len(voicing) else voicing
        player.chord(step, length, tuple(dict.fromkeys(pitches)), level - 10.0 * (sign == "?"))
    return player.notes


def _arpeggio(voicing: tuple[int, ...], index: int, order: str) -> int:
    count = len(voicing)
    if order == "up":
        return voicing[index % count]
    if order == "down":
        return voicing[count - 1 - index % count]
    if order == "thirds":
        return voicing[(index * 2) % count] + 12 * (index % (2 * count) >= count)
    around = [*range(count), *range(count - 2, 0, -1)]
    return voicing[around[index % len(around)]]


def _plan(seed: int, rng: random.Random, genre: genres.Genre, meter: tuple[int, int], bars: int) -> Plan:
    """A plan of one of the genre's styles, with its tempo, swing and meter."""
    style = rng.choices(STYLES, [genre.styles[name] for name in STYLES])[0]
    plan = make_plan(seed, style, bars, meter=meter if meter in COMPOSED_METERS else (4, 4))
    tempo = genre.fields.get("tempo")
    if tempo:
        plan = replace(plan, bpm=float(round(rng.triangular(tempo[0], tempo[2], tempo[1]))))
    swing = str(genre.fields.get("swing", ""))
    if swing == "straight" or meter[1] == 8:
        plan = replace(plan, swing=(1, 0.5))
    elif ":" in swing:
        unit, ratios = swing.split(":")
        low, high = (float(value) for value in ratios.split("-"))
        plan = replace(plan, swing=(2 if unit.strip() == "8" else 1, round(rng.uniform(low, high), 3)))
    return replace(plan, meter=meter, spb=meter[0] * 16 // meter[1])


def compose_figures(seed: int, bars: int) -> tuple[Piece, dict[str, Figure]]:
    """A piece of 4, 8 or 16 bars, and the figures that its drums, bass and harmony follow."""
    rng = random.Random(f"{seed}/figures")
    genre, meter, names = _chosen(rng)
    patterns = {kind: _table().patterns[kind][name] for kind, name in names.items()}
    if meter == (4, 4) and rng.random() < RECUT:
        meter = rng.choice(ODD_METERS)
        patterns = {kind: _recut(pattern, meter) for kind, pattern in patterns.items()}
    plan = _plan(seed, rng, genre, meter, bars)
    copies = float(genre.fields.get("copies", 0.1))
    figures: dict[str, Figure] = {}
    notes: dict[str, list[Note]] = {track: [] for track in TRACKS}
    if "groove" in patterns:
        figures["drums"] = groove_figure(rng, plan, patterns["groove"])
        notes["drums"] = _clean(write_drums(rng, plan, figures["drums"]), plan.total, False)
    kicks: list[list[int]] = [[] for _ in range(plan.bars)]
    for note in notes["drums"]:
        if note.pitch == DRUM_KEYS[0]:
            kicks[note.step // plan.spb].append(note.step % plan.spb)
    for track, kind in _KIND.items():
        if kind not in patterns:
            continue
        figures[track] = part_figure(rng, plan, patterns[kind], copies)
        if track == "bass":
            notes[track] = _clean(write_bass(rng, plan, figures[track], kicks), plan.total, True)
        else:
            notes[track] = _clean(write_harmony(rng, plan, figures[track]), plan.total, False)
    notes["melody"] = _clean(compose_melody(plan), plan.total, True)
    piece = Piece(
        seed=seed, style=plan.style, bpm=plan.bpm, tonic=plan.tonic, mode=plan.mode, meter=plan.meter, bars=plan.bars,
        swing_unit=plan.swing[0], swing_ratio=plan.swing[1], chords=plan.chords,
        tracks=notes, patches={track: "" for track in TRACKS}, families=plan.families,
        attributes=plan.attributes, moods=plan.moods, captions=[],
    )  # fmt: skip
    return piece, figures
