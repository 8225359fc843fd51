"""The plan shared by all tracks: key, chords, form, families and attributes of one piece."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

from resonant.composer.progressions import candidates, parse
from resonant.composer.styles import AGGRESSIVE_FAMILIES, MODE_BRIGHTNESS, MOODS, STYLES, Style, choose
from resonant.piece import ATTRIBUTES, MODES, QUALITIES, chord_pcs


@dataclass(slots=True)
class Plan:
    """Everything decided before the first note."""

    seed: int
    style: str
    spec: Style
    bpm: float
    tonic: int
    mode: str
    meter: tuple[int, int]
    bars: int
    spb: int  # steps per bar
    swing: tuple[int, float]
    chords: list[tuple[int, str]]  # [2 * bars], absolute roots
    attributes: dict[str, float]
    moods: list[str]
    families: dict[str, str]
    period: int  # bars after which the progression repeats
    fills: dict[int, int] = field(default_factory=dict)  # bar -> steps of fill at its end
    melody_busy: float = 0.5  # space the melody takes, 0..1
    scale: tuple[int, ...] = ()  # absolute pitch classes

    @property
    def total(self) -> int:
        """Steps of the whole piece."""
        return self.bars * self.spb

    def chord(self, step: float) -> tuple[int, str]:
        """Chord at a step, wrapping."""
        return self.chords[int(step * 2 // self.spb) % len(self.chords)]

    def pcs(self, step: float) -> tuple[int, ...]:
        """Chord pitch classes at a step, root first."""
        root, quality = self.chord(step)
        return chord_pcs(root, quality)

    def stream(self, name: str) -> random.Random:
        """An independent random stream, so that the choices for one track do not affect another."""
        return random.Random(f"{self.seed}/{name}")

    def attribute(self, name: str) -> float:
        """An attribute's value, 0..1."""
        return self.attributes[name]

    def mix(self, **weights: float) -> float:
        """Weighted attribute blend clamped to 0..1; neutral attributes give .5."""
        total = 0.5 + sum(weight * (self.attributes[name] - 0.5) for name, weight in weights.items())
        return min(max(total, 0.0), 1.0)

    def velocity(self, plain: float, accent: float = 0.0) -> int:
        """Velocity of a note at level `plain` (88 = normal), adjusted for the piece's energy and accents."""
        energy, aggression = self.attributes["energy"], self.attributes["aggression"]
        value = plain + (self.spec.velocity - 88) + 30 * (energy - 0.5) + 10 * (aggression - 0.5)
        value += accent * (0.6 + 0.8 * aggression)
        return int(min(max(round(value), 12), 127))


def _attributes(rng: random.Random, moods: list[str], given: dict[str, float]) -> dict[str, float]:
    result = {}
    for index, name in enumerate(ATTRIBUTES):
        centre = 0.5 + sum(MOODS[mood][index] for mood in moods) / math.sqrt(max(len(moods), 1))
        value = rng.uniform(0.0, 1.0) if rng.random() < 0.2 else rng.gauss(centre, 0.17)
        result[name] = round(min(max(given.get(name, value), 0.0), 1.0), 3)
    return result


def _family(rng: random.Random, weights: dict[str, float], aggression: float) -> str:
    bent = {
        name: w * math.exp(2.2 * (aggression - 0.5) * AGGRESSIVE_FAMILIES.get(name, 0.0)) for name, w in weights.items()
    }
    return choose(rng, bent)


def _extend(rng: random.Random, root: int, quality: str, scale: set[int], spec: Style, complexity: float) -> str:
    """Extends a plain triad according to style and complexity, within the scale."""
    chance = spec.seventh * (0.35 + 1.3 * complexity) + 0.25 * max(complexity - 0.6, 0)
    if quality not in ("maj", "min") or rng.random() > chance:
        if complexity < 0.25 and rng.random() < 0.8 - spec.seventh:
            return {"maj9": "maj7", "min9": "min7", "9": "7", "add9": "maj", "minadd9": "min"}.get(quality, quality)
        return quality
    nine = (root + 2) % 12 in scale and rng.random() < complexity
    if quality == "min":
        if (root + 10) % 12 not in scale:
            return "min"
        if spec.seventh < 0.15 and rng.random() < 0.5:
            return "minadd9" if nine else "min"
        return "min9" if nine else "min7"
    if (root + 11) % 12 in scale:
        if rng.random() < 0.2:
            return "add9" if (root + 2) % 12 in scale else "maj"
        return "maj9" if nine else "maj7"
    if spec.seventh >= 0.5 and (root + 10) % 12 in scale:
        return "9" if nine else "7"
    return "add9" if (root + 2) % 12 in scale and rng.random() < 0.5 else "maj"


def _progression(
    rng: random.Random, spec: Style, style: str, mode: str, bars: int, halves_ok: bool, attributes: dict[str, float]
) -> tuple[list[tuple[int, str]], int]:
    """Half-bar chords relative to the tonic, and the period in bars."""
    fitting = []
    for text, weight in candidates(style, mode):
        length = len(parse(text)) // 2
        if bars % length:
            continue
        if "," in text:
            weight *= 0.0 if not halves_ok else 0.3 + 1.4 * attributes["complexity"]
        if text.count("-") >= 2:
            weight *= 1.6 - 1.2 * attributes["complexity"]
        fitting.append((text, weight))
    text = rng.choices([t for t, _ in fitting], [w for _, w in fitting])[0]
    base = list(parse(text))
    if bars >= len(base) and rng.random() < spec.stretch * (1.3 - 0.6 * attributes["energy"]):
        base = [chord for chord in base for _ in (0, 1)]
    colour = {
        chord: _extend(rng, *chord, set(MODES[mode]), spec, attributes["complexity"]) for chord in dict.fromkeys(base)
    }
    base = [(root, colour[root, quality]) for root, quality in base]
    period = len(base) // 2
    chords = base * (bars // period)
    if bars > period and rng.random() < 0.25 + 0.3 * attributes["complexity"]:
        _turnaround(rng, chords, mode, style, halves_ok, spec)
    return chords, period


def _turnaround(
    rng: random.Random, chords: list[tuple[int, str]], mode: str, style: str, halves_ok: bool, spec: Style
) -> None:
    """Makes the last bar lead back to the first chord."""
    if chords[-1][0] != chords[0][0] and rng.random() < 0.6:
        return
    target, minor = chords[0][0], QUALITIES[chords[0][1]][1] == 3
    if style == "jazz" and halves_ok:
        chords[-2] = ((target + 2) % 12, "m7b5" if minor else "min7")
        chords[-1] = ((target + 7) % 12, "7")
    elif mode in ("phrygian", "locrian"):
        chords[-1] = ((target + 1) % 12, "5" if chords[0][1] == "5" else "maj")
    elif mode in ("mixolydian", "dorian") or (mode == "minor" and rng.random() < 0.5):
        chords[-1] = ((target + 10) % 12, "5" if chords[0][1] == "5" else "maj")
    else:
        quality = "min" if mode == "minor" and spec.seventh > 0.3 else ("7" if spec.seventh > 0.3 else "maj")
        chords[-1] = ((target + 7) % 12, "5" if chords[0][1] == "5" else quality)
    if not halves_ok:
        chords[-2] = chords[-1]


def make_plan(
    seed: int,
    style: str | None = None,
    bars: int | None = None,
    *,
    attributes: dict[str, float] | None = None,
    meter: tuple[int, int] | None = None,
    mode: str | None = None,
    tonic: int | None = None,
    bpm: float | None = None,
    moods: list[str] | None = None,
) -> Plan:
    """Draws a plan; given values are kept. Raises ValueError for unknown names."""
    rng = random.Random(f"{seed}/plan")
    drawn_style = rng.choice(list(STYLES))
    style = style or drawn_style
    if style not in STYLES:
        raise ValueError(f"unknown style {style!r}; known: {', '.join(STYLES)}")
    if mode is not None and mode not in MODES:
        raise ValueError(f"unknown mode {mode!r}; known: {', '.join(MODES)}")
    if set(attributes or {}) - set(ATTRIBUTES):
        raise ValueError(f"unknown attribute in {sorted(attributes or {})}; known: {', '.join(ATTRIBUTES)}")
    if meter not in (None, (4, 4), (3, 4), (6, 8)):
        raise ValueError(f"unsupported meter {meter}; known: 4/4, 3/4, 6/8")
    if any(mood not in MOODS for mood in moods or []):
        raise ValueError(f"unknown mood in {moods}; known: {', '.join(MOODS)}")
    spec = STYLES[style]

    drawn_bars = rng.choices((4, 8, 16), (0.15, 0.7, 0.15))[0]
    bars = bars or drawn_bars
    if bars not in (4, 8, 16):
        raise ValueError(f"bars must be 4, 8 or 16, not {bars}")
    drawn_moods = rng.sample(spec.moods, rng.choices((0, 1, 2), (0.12, 0.5, 0.38))[0])
    if len(drawn_moods) == 2 and any(abs(a - b) > 0.36 for a, b in zip(*map(MOODS.get, drawn_moods), strict=True)):
        drawn_moods = drawn_moods[:1]  # they contradict each other
    moods = drawn_moods if moods is None else list(moods)
    values = _attributes(random.Random(f"{seed}/attributes"), moods, attributes or {})
    drawn_meter = rng.choices(list(spec.meters), list(spec.meters.values()))[0]
    meter = meter or drawn_meter
    drawn_tonic = rng.randrange(12)
    tonic = drawn_tonic if tonic is None else tonic % 12

    bent = {m: w * math.exp(2.4 * (values["brightness"] - 0.5) * MODE_BRIGHTNESS[m]) for m, w in spec.modes.items()}
    drawn_mode = choose(rng, bent)
    mode = mode or drawn_mode

    low, typical, high = spec.bpm
    drawn_bpm = rng.triangular(low, high, typical) + 0.22 * (high - low) * (values["energy"] - 0.5)
    drawn_bpm = float(round(min(max(drawn_bpm, low), high)))
    bpm = drawn_bpm if bpm is None else float(bpm)

    weight_unit_ratio = rng.choices(spec.swing, [option[0] for option in spec.swing])[0]
    ratio = round(rng.uniform(weight_unit_ratio[2], weight_unit_ratio[3]), 3)
    swing = (weight_unit_ratio[1], ratio)
    if meter == (6, 8) or ratio <= 0.501:
        swing = (1, 0.5)
    if style == "jazz" and meter != (6, 8):  # fast tempos swing less
        swing = (2, round(min(max(0.70 - 0.0007 * bpm + rng.uniform(-0.025, 0.025), 0.55), 0.69), 3))

    families_rng = random.Random(f"{seed}/families")
    families = {
        track: _family(families_rng, getattr(spec, track), values["aggression"])
        for track in ("drums", "bass", "harmony", "melody")
    }
    spb = meter[0] * 16 // meter[1]
    relative, period = _progression(random.Random(f"{seed}/chords"), spec, style, mode, bars, meter != (3, 4), values)
    plan = Plan(
        seed,
        style,
        spec,
        bpm,
        tonic,
        mode,
        meter,
        bars,
        spb,
        swing,
        [((root + tonic) % 12, quality) for root, quality in relative],
        values,
        moods,
        families,
        period,
        scale=tuple((tonic + degree) % 12 for degree in MODES[mode]),
    )
    _form(plan)
    return plan


_FILL_CHANCE = {"techno": 0.5, "house": 0.6, "ambient": 0.12, "cinematic": 0.55, "trap": 0.6, "jazz": 0.7}


def _form(plan: Plan) -> None:
    """Decides where the drums fill (and the melody rests)."""
    rng = plan.stream("form")
    chance = _FILL_CHANCE.get(plan.style, 0.8) * (0.6 + 0.8 * plan.attribute("energy"))
    beat = 6 if plan.meter == (6, 8) else 4
    for bar in range(3, plan.bars, 4):
        last = bar == plan.bars - 1
        if rng.random() < chance * (1.0 if last or bar % 8 == 7 else 0.35):
            sizes = (beat, 2 * beat if beat == 4 else beat, plan.spb)
            whole = 0.2 if plan.style in ("techno", "house") else 1.5
            weights = (3, 3, whole * plan.attribute("energy")) if last or bar % 8 == 7 else (5, 1, 0)
            plan.fills[bar] = rng.choices(sizes, weights)[0]
    plan.melody_busy = plan.mix(density=0.8, energy=0.25)
