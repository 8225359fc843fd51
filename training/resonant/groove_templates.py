"""Groove templates: drummers' microtiming and accents, independent of the notes they play.

    python -m resonant.groove_templates fit GROOVE_MIDI > ../crates/words/src/genre/templates.toml
    python -m resonant.groove_templates compare GROOVE_MIDI OURS

`fit` describes each family of styles of the train split of the Groove MIDI Dataset (Gillick et al., "Learning to Groove with
Inverse Sequence Transformations", ICML 2019) by a few numbers, which the engine reads. `compare` trains a classifier to
distinguish the test split from a folder of our own drums (MIDI files whose names start with the style and '_'), and compares
the spread of velocities. The engine applies a template in `crates/models/src/generator/groove.rs`.
"""

from __future__ import annotations

import argparse
import csv
import struct
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CLASSES = ("kick", "snare", "clap", "rim", "closed_hat", "open_hat", "low_tom", "high_tom", "crash", "ride")
_KEYS = {
    **dict.fromkeys((35, 36), 0),
    **dict.fromkeys((38, 40), 1),
    39: 2,
    37: 3,
    **dict.fromkeys((42, 22, 44), 4),
    **dict.fromkeys((46, 26), 5),
    **dict.fromkeys((41, 43, 45, 47, 58), 6),
    **dict.fromkeys((48, 50), 7),
    **dict.fromkeys((49, 52, 55, 57), 8),
    **dict.fromkeys((51, 53, 59), 9),
}
FAMILIES = {
    "rock": ("rock", "pop", "punk", "country", "blues"),
    "funk": ("funk",),
    "soul": ("soul", "gospel"),
    "hip_hop": ("hiphop",),
    "jazz": ("jazz",),
    "latin": ("latin", "afrocuban"),
    "afrobeat": ("afrobeat", "highlife"),
    "reggae": ("reggae",),
    "second_line": ("neworleans",),
    "dance": ("dance",),
}
# Figure family of these grooves in the composers' condition (`FIGURE_FAMILIES` in `conditions.py`).
FIGURE_FAMILY = {
    **{name: name for name in ("rock", "funk", "soul", "hip_hop", "reggae", "second_line")},
    "jazz": "swing",
    "latin": "clave",
    "afrobeat": "afro",
    "dance": "house",
}
_ABOUT = {
    "rock": "rock, pop, country and blues drummers",
    "funk": "funk drummers",
    "soul": "soul and gospel drummers",
    "hip_hop": "drummers who play hip hop",
    "jazz": "jazz drummers",
    "latin": "Latin and Afro-Cuban drummers",
    "afrobeat": "Afrobeat and highlife drummers",
    "reggae": "reggae drummers",
    "second_line": "New Orleans drummers",
    "dance": "drummers who play dance music",
}
# Families whose swing comes from the plan: no extra delay of their sixteenths here.
_SWUNG = ("jazz",)
# Hits farther than this from their sixteenth, in steps, belong to a roll or flam.
_FARTHEST = 0.33
# Largest delay of an off-beat sixteenth, in steps, that does not count as swing.
_MOST_PUSH = 0.12
# Minimum number of hits for measuring a voice of a performance.
_ENOUGH = 16


@dataclass(frozen=True)
class Performance:
    """Drum hits in parallel arrays: `steps` are sixteenths, their fractions are microtiming."""

    style: str
    bpm: float
    steps: np.ndarray
    classes: np.ndarray
    velocities: np.ndarray

    @property
    def grid(self) -> np.ndarray:
        return np.round(self.steps).astype(int)

    @property
    def offsets_ms(self) -> np.ndarray:
        return (self.steps - self.grid) * 15_000.0 / self.bpm


def read_midi(path: Path, style: str) -> Performance | None:
    """The drums of a MIDI file (channel 10); None if it has no hits. Raises OSError or struct.error for other files."""
    data = path.read_bytes()
    tracks, division = struct.unpack(">HH", data[10:14])
    at, bpm, hits = 14, 120.0, []

    def number(at: int) -> tuple[int, int]:
        value = 0
        while True:
            value = value << 7 | data[at] & 127
            at += 1
            if data[at - 1] < 128:
                return value, at

    for _ in range(tracks):
        end = at + 8 + struct.unpack(">I", data[at + 4 : at + 8])[0]
        at, time, status = at + 8, 0, 0
        while at < end:
            wait, at = number(at)
            time += wait
            if data[at] & 128:
                status = data[at]
                at += 1
            if status == 255:
                kind = data[at]
                size, at = number(at + 1)
                if kind == 0x51:
                    bpm = 60e6 / int.from_bytes(data[at : at + 3], "big")
                at += size
            elif status in (240, 247):
                size, at = number(at)
                at += size
            elif status >> 4 in (12, 13):
                at += 1
            else:
                key, velocity = data[at], data[at + 1]
                at += 2
                if status == 0x99 and velocity and key in _KEYS:
                    hits.append((4.0 * time / division, _KEYS[key], velocity))
        at = end
    if not hits:
        return None
    table = np.array(sorted(hits))
    return Performance(style, bpm, table[:, 0], table[:, 1].astype(int), table[:, 2])


def read_groove_midi(folder: Path, split: str) -> list[Performance]:
    """Beats in 4/4 from one split (without the short fills)."""
    found = []
    with (folder / "info.csv").open() as file:
        for row in csv.DictReader(file):
            if (row["split"], row["beat_type"], row["time_signature"]) == (split, "beat", "4-4"):
                performance = read_midi(folder / row["midi_filename"], row["style"].split("/")[0])
                if performance is not None and len(performance.steps) >= 2 * _ENOUGH:
                    found.append(performance)
    return found


def _near(p: Performance) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Grid steps, offsets from their median in ms, classes and velocities of the hits close to the grid."""
    near = np.abs(p.steps - p.grid - np.median(p.steps - p.grid)) < _FARTHEST
    offsets = p.offsets_ms[near]
    return p.grid[near], offsets - np.median(offsets), p.classes[near], p.velocities[near]


def _by(keys: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean of the values for each key, their number, and the index of each value's key."""
    _, place = np.unique(keys, return_inverse=True)
    count = np.bincount(place)
    return np.bincount(place, values) / count, count, place


def _robust(values: np.ndarray) -> float:
    """Standard deviation from the median absolute deviation, robust against rolls and flams off the grid."""
    return float(1.4826 * np.median(np.abs(values - np.median(values))))


def fit(performances: list[Performance], is_swung: bool) -> dict[str, object]:
    """The template of one family."""
    push = [[] for _ in range(4)]
    late = [[] for _ in CLASSES]
    own_times = [[] for _ in CLASSES]
    spreads = defaultdict(list)
    velocity = [defaultdict(list) for _ in CLASSES]
    pooled = [[] for _ in CLASSES]
    accents = [[[] for _ in range(16)] for _ in CLASSES]
    for p in performances:
        grid, offsets, classes, velocities = _near(p)
        place = grid % 4
        medians = [np.median(offsets[place == k]) if (place == k).sum() >= _ENOUGH else np.nan for k in range(4)]
        for k, median in enumerate(medians):
            # Larger delays are swing, which the plan determines.
            if abs(median - medians[0]) < _MOST_PUSH * 15_000.0 / p.bpm:
                push[k].append(median - medians[0])
            if not np.isnan(median):
                offsets = np.where(place == k, offsets - median, offsets)
        onset, count, at = _by(grid, offsets)
        several = count[at] > 1
        spot, spot_count, spot_at = _by(classes * 16 + grid % 16, offsets)
        left = offsets - spot[spot_at]
        beats, _, _ = _by(grid // 4, left)
        if len(beats) > 16:
            centred = beats - beats.mean()
            memory = (centred[1:] * centred[:-1]).mean() / max(centred.var(), 1e-9)
            spreads["memory"].append(memory)
            # Variation shared by neighbouring beats is drift; the rest belongs to the single onset.
            drift = max(memory, 0.0) * centred.var()
            spreads["drift"].append(drift)
            spreads["all"].append(_robust(left) ** 2)
        if several.sum() > _ENOUGH:
            own = (offsets - onset[at])[several]
            # Correct for the mean of n simultaneous hits, which they are themselves part of: sqrt(n / (n - 1)).
            spreads["hit"].append(_robust(own * np.sqrt(count[at][several] / (count[at][several] - 1))) ** 2)
        often = spot_count >= 8
        if often.sum() > 4:
            noise = left.var() / spot_count[often].mean()
            spreads["spot"].append(max(spot[often].var() - noise, 0.0))
        for k in range(len(CLASSES)):
            own = velocities[classes == k]
            if len(own) < _ENOUGH:
                continue
            late[k].append(np.median(offsets[classes == k]))
            own_times[k].append(_robust(left[classes == k]) ** 2)
            pooled[k].append(own)
            means, counts, where = _by(grid[classes == k] % 16, own)
            velocity[k]["mean"].append(own.mean())
            velocity[k]["spread"].append(own.std())
            velocity[k]["touch"].append((own - means[where]).std())
            for step in range(16):
                at_step = own[grid[classes == k] % 16 == step]
                if len(at_step) >= 4:
                    accents[k][step].append(at_step.mean() - own.mean())

    def root(name: str) -> float:
        return float(np.sqrt(np.mean(spreads[name]))) if spreads[name] else 0.0

    hit, drift = root("hit"), root("drift")
    onset = float(np.sqrt(max(np.mean(spreads["all"]) - hit**2 - drift**2, 0.0)))
    template: dict[str, object] = {
        "push": [0.0] * 4 if is_swung else [float(np.median(values)) if values else 0.0 for values in push],
        "late": {CLASSES[k]: float(np.mean(late[k])) for k in range(len(CLASSES)) if len(late[k]) >= 2},
        "drift": drift,
        "memory": float(np.clip(np.mean(spreads["memory"]), 0.0, 0.95)),
        "onset": onset,
        "hit": hit,
        "hits": {
            CLASSES[k]: float(np.sqrt(max(np.mean(own_times[k]) - drift**2 - onset**2, 9.0)))
            for k in range(len(CLASSES))
            if len(own_times[k]) >= 3
        },
        "spot": root("spot"),
        "velocity": {},
        "accents": {},
    }
    for k, name in enumerate(CLASSES):
        if not pooled[k]:
            continue
        # Every performance has the same weight.
        mean = float(np.mean(velocity[k]["mean"]))
        within = float(np.sqrt(np.mean(np.square(velocity[k]["spread"]))))
        between = float(np.std(velocity[k]["mean"])) if len(pooled[k]) >= 4 else 16.0
        touch = float(np.sqrt(np.mean(np.square(velocity[k]["touch"]))))
        template["velocity"][name] = [mean, within, between, touch]
        profile = [float(np.mean(values)) if len(values) >= 2 else 0.0 for values in accents[k]]
        if sum(len(values) >= 2 for values in accents[k]) >= 8:
            template["accents"][name] = profile
    return template


def to_toml(name: str, template: dict[str, object], count: int) -> str:
    def row(values: list[float]) -> str:
        return "[" + ", ".join(f"{round(value):d}" for value in values) + "]"

    lines = [f"[template.{name}]", f'about = "{_ABOUT[name]} ({count} performances)"']
    lines.append(f"push = {row(template['push'])}")
    lines.append("hits = { " + ", ".join(f"{key} = {value:.1f}" for key, value in template["hits"].items()) + " }")
    lines.append("late = { " + ", ".join(f"{key} = {value:.1f}" for key, value in template["late"].items()) + " }")
    for key in ("drift", "memory", "onset", "hit", "spot"):
        lines.append(f"{key} = {template[key]:.2f}")
    velocity = ", ".join(f"{key} = {row(value)}" for key, value in template["velocity"].items())
    lines.append("velocity = { " + velocity + " }")
    accents = ", ".join(f"{key} = {row(value)}" for key, value in template["accents"].items())
    lines.append("accents = { " + accents + " }")
    return "\n".join(lines) + "\n"


# --- patterns -----------------------------------------------------------------------------------------------------------
# Families whose drummers' usual bars are written as grooves, with the required snare steps and the minimum number of hi-hat hits.
PATTERNS = {"rock": ((4, 12), 0), "soul": ((4, 12), 0), "funk": ((4, 12), 9), "hip_hop": ((4, 12), 0)}
_MOST_PATTERNS = 10
_WRITTEN = ("kick", "snare", "rim", "closed_hat", "open_hat", "low_tom", "high_tom", "ride")


def pattern(p: Performance, backbeat: tuple[int, ...], hats: int) -> dict[str, str] | None:
    """The two bars that a performance repeats most, in the signs of `grooves.toml`; None if there are no such bars."""
    grid, offsets, classes, velocities = _near(p)
    windows = grid.max() // 32
    if windows < 3:
        return None
    rates = np.zeros((len(CLASSES), 32))
    forces = np.zeros((len(CLASSES), 32))
    for k in range(len(CLASSES)):
        for step in range(32):
            own = (classes == k) & (grid % 32 == step)
            rates[k, step] = min(len(np.unique(grid[own])) / windows, 1.0)
            forces[k, step] = np.median(velocities[own]) if own.any() else 0.0
    snare, kick = CLASSES.index("snare"), CLASSES.index("kick")
    if any(rates[snare, bar + step] < 0.7 for bar in (0, 16) for step in backbeat) or min(rates[kick, [0, 16]]) < 0.6:
        return None
    # A drummer who rarely repeats a bar has no pattern.
    if np.where(rates > 0.15, np.minimum(rates, 1 - rates), 0).sum() > 0.55 * rates.sum():
        return None
    found = {}
    for name in _WRITTEN:
        k = CLASSES.index(name)
        usual = np.median(velocities[classes == k]) if (classes == k).any() else 0.0
        signs = ""
        for step in range(32):
            rate, force = rates[k, step], forces[k, step]
            is_soft = force < 48 and name in ("snare", "rim")
            if rate >= 0.7:
                signs += "g" if is_soft else "X" if force > usual + 12 or (name == "snare" and step % 16 in backbeat) else "x"
            elif rate >= 0.35:
                signs += "g" if is_soft else "o"
            else:
                signs += "?" if rate >= 0.15 else "."
        if hats and name == "closed_hat":
            signs = signs.replace("o", "x")
        if "x" in signs.lower() or "o" in signs or "g" in signs:
            found[name] = f"{signs[:16]}|{signs[16:]}" if signs[:16] != signs[16:] else signs[:16]
    return found if _is_usual(found, hats) else None


def _is_usual(pattern: dict[str, str], hats: int) -> bool:
    """Whether, in both bars, cymbals play at least eighths, hats play often enough, and the kick plays off the beat too."""
    for bar in (0, -1):
        bars = {name: signs.split("|")[bar] for name, signs in pattern.items()}
        played = {name: {step for step, sign in enumerate(signs) if sign in "Xxog"} for name, signs in bars.items()}
        cymbals = set().union(*(played.get(name, set()) for name in ("closed_hat", "open_hat", "ride")))
        running = bars.get("closed_hat", "") + bars.get("open_hat", "")
        if sum(sign in "Xxo" for sign in running) < hats:
            return False
        if sum(step % 2 == 0 for step in cymbals) < 7 or all(step % 4 == 0 for step in played.get("kick", set())):
            return False
    return True


def distinct(patterns: list[dict[str, str]], most: int) -> list[dict[str, str]]:
    """The patterns that differ most from one another, starting with the first."""

    def cells(pattern: dict[str, str]) -> set[tuple[str, int]]:
        found = set()
        for name, signs in pattern.items():
            bars = signs.split("|")
            for index, sign in enumerate(bars[0] + bars[-1]):
                if sign in "Xxog":
                    found.add((name, index))
        return found

    chosen = patterns[:1]
    while len(chosen) < min(most, len(patterns)):
        def far(candidate: dict[str, str]) -> float:
            own = cells(candidate)
            return min(len(own ^ cells(other)) / len(own | cells(other)) for other in chosen)

        best = max(patterns, key=far)
        if far(best) < 0.2:
            break
        chosen.append(best)
    return chosen


def patterns_toml(family: str, performances: list[Performance]) -> str:
    """Grooves of the family's drummers, named `people_FAMILY_1` and so on."""
    backbeat, hats = PATTERNS[family]
    found = [bars for p in performances if (bars := pattern(p, backbeat, hats)) is not None]
    lines = []
    for index, bars in enumerate(distinct(found, _MOST_PATTERNS), start=1):
        lines += [f"[groove.people_{family}_{index}]", 'about = "as a drummer played it"', f'family = "{FIGURE_FAMILY[family]}"']
        lines += [f'{name} = "{signs}"' for name, signs in bars.items()]
        lines.append("")
    return "\n".join(lines)


# --- comparing ----------------------------------------------------------------------------------------------------------
_GROUPS = {"kick": (0,), "snare": (1, 2, 3), "hats": (4, 5), "ride": (8, 9), "toms": (6, 7)}
_WINDOW_BARS = 2
_MOST_WINDOWS = 12


def features(p: Performance) -> tuple[list[str], np.ndarray]:
    """Names and values of the features, one row per window of two bars; nan for voices that do not play."""
    names, rows = [], []
    window = p.grid // (16 * _WINDOW_BARS)
    offsets = p.offsets_ms
    for index in np.unique(window):
        inside = window == index
        if inside.sum() < 12:
            continue
        row = {}
        grid, off, vel, cls = p.grid[inside], offsets[inside], p.velocities[inside], p.classes[inside]
        row["timing: spread"] = off.std()
        row["timing: mean distance"] = np.abs(off - np.median(off)).mean()
        onset, count, at = _by(grid, off)
        row["timing: between simultaneous hits"] = (off - onset[at])[count[at] > 1].std() if (count > 1).any() else np.nan
        row["timing: neighbours"] = np.diff(onset).std() if len(onset) > 2 else np.nan
        row["velocity: spread"] = vel.std()
        row["velocity: mean"] = vel.mean()
        for name, members in _GROUPS.items():
            own = np.isin(cls, members)
            row[f"pattern: {name} a bar"] = own.sum() / _WINDOW_BARS
            if own.sum() < 3:
                for what in ("timing: {} late", "timing: {} spread", "velocity: {} mean", "velocity: {} spread"):
                    row[what.format(name)] = np.nan
                continue
            row[f"timing: {name} late"] = off[own].mean() - off.mean()
            row[f"timing: {name} spread"] = off[own].std()
            row[f"velocity: {name} mean"] = vel[own].mean()
            row[f"velocity: {name} spread"] = vel[own].std()
        row["pattern: off the beat"] = (grid % 4 != 0).mean()
        row["pattern: odd sixteenths"] = (grid % 2 != 0).mean()
        row["pattern: hits at once"] = count.mean()
        bars = [frozenset(zip(grid[grid // 16 == bar] % 16, cls[grid // 16 == bar], strict=True)) for bar in np.unique(grid // 16)]
        row["pattern: bars alike"] = (
            len(bars[0] & bars[1]) / max(len(bars[0] | bars[1]), 1) if len(bars) == 2 else np.nan
        )
        names = list(row)
        rows.append(list(row.values()))
    keep = np.linspace(0, len(rows) - 1, min(len(rows), _MOST_WINDOWS)).astype(int) if rows else []
    return names, np.array([rows[i] for i in keep])


def auc(scores: np.ndarray, labels: np.ndarray) -> float:
    """Area under the ROC curve; ties count half."""
    order = np.argsort(scores)
    ranks = np.empty(len(scores))
    ranks[order] = np.arange(1, len(scores) + 1)
    for value in np.unique(scores):
        ranks[scores == value] = ranks[scores == value].mean()
    ones = labels == 1
    return float((ranks[ones].sum() - ones.sum() * (ones.sum() + 1) / 2) / (ones.sum() * (~ones).sum()))


def classify(table: np.ndarray, labels: np.ndarray, groups: np.ndarray, folds: int = 5, seed: int = 0) -> float:
    """AUC of a logistic regression on the features and their squares, cross-validated over whole performances."""
    table = table[:, ~np.isnan(table).all(axis=0)]
    filled = np.where(np.isnan(table), np.nanmedian(table, axis=0), table)
    scaled = (filled - filled.mean(0)) / (filled.std(0) + 1e-9)
    scaled = np.clip(scaled, -4, 4)
    inputs = np.hstack([scaled, scaled**2, np.ones((len(scaled), 1))])
    fold_of = np.random.default_rng(seed).permutation(groups.max() + 1) % folds
    scores = np.zeros(len(labels))
    for fold in range(folds):
        test = fold_of[groups] == fold
        x, y = inputs[~test], labels[~test].astype(float)
        weight = np.where(y == 1, 0.5 / max(y.mean(), 1e-9), 0.5 / max(1 - y.mean(), 1e-9))
        beta = np.zeros(x.shape[1])
        for _ in range(30):  # Newton's method with a ridge
            chance = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
            gradient = x.T @ (weight * (chance - y)) + 3.0 * beta
            hessian = (x * (weight * chance * (1 - chance))[:, None]).T @ x + 3.0 * np.eye(x.shape[1])
            beta -= np.linalg.solve(hessian, gradient)
        scores[test] = inputs[test] @ beta
    return auc(scores, labels)


def compare(people: list[Performance], ours: list[Performance]) -> None:
    """Prints how well a classifier separates the two, and the spread of velocities."""
    styles = {p.style for p in ours}
    people = [p for p in people if p.style in styles]
    print(f"{len(people)} performances of people, {len(ours)} of ours; styles: {', '.join(sorted(styles))}")
    tables, labels, groups, names = [], [], [], []
    for group, p in enumerate([*people, *ours]):
        found, rows = features(p)
        if len(rows):
            names = found
            tables.append(rows)
            labels += [int(group < len(people))] * len(rows)
            groups += [group] * len(rows)
    table, labels, groups = np.vstack(tables), np.array(labels), np.array(groups)
    for what in ("", "timing", "velocity", "pattern"):
        columns = [i for i, name in enumerate(names) if name.startswith(what)]
        print(f"AUC, {what or 'all features'}: {classify(table[:, columns], labels, groups):.3f}")
    apart = []
    for i, name in enumerate(names):
        known = ~np.isnan(table[:, i])
        if len(np.unique(labels[known])) < 2:
            continue
        value = auc(table[known, i], labels[known])
        apart.append((abs(value - 0.5), f"  {name}: {value:.2f}, people {np.median(table[known & (labels == 1), i]):.2f}, "
                      f"ours {np.median(table[known & (labels == 0), i]):.2f}"))
    print("\n".join(text for _, text in sorted(apart, reverse=True)[:12]))
    for k, name in enumerate(CLASSES):
        both = [np.concatenate([p.velocities[p.classes == k] for p in side] or [np.zeros(0)]) for side in (people, ours)]
        if min(map(len, both)) >= 50:
            print(f"velocity of {name}: people {both[0].mean():.0f} spread {both[0].std():.1f}, "
                  f"ours {both[1].mean():.0f} spread {both[1].std():.1f} ({both[1].std() / both[0].std() - 1:+.0%})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["fit", "compare"])
    parser.add_argument("groove_midi", type=Path)
    parser.add_argument("ours", type=Path, nargs="?")
    arguments = parser.parse_args()
    if arguments.what == "fit":
        everything = read_groove_midi(arguments.groove_midi, "train")
        print("# Groove templates, written by `python -m resonant.groove_templates fit` from the train split of the Groove MIDI Dataset")
        print("# (CC-BY 4.0, Gillick et al. 2019); docs/genres.md explains the fields.\n")
        for name, styles in FAMILIES.items():
            chosen = [p for p in everything if p.style in styles]
            print(to_toml(name, fit(chosen, name in _SWUNG), len(chosen)))
        for name in PATTERNS:
            print(patterns_toml(name, [p for p in everything if p.style in FAMILIES[name]]))
        return
    if arguments.ours is None:
        parser.error("compare needs a folder of our own drums")
    paths = sorted(arguments.ours.glob("*.mid"))
    ours = [read_midi(path, path.name.split("_")[0]) for path in paths]
    compare(read_groove_midi(arguments.groove_midi, "test"), [p for p in ours if p is not None])


if __name__ == "__main__":
    main()
