"""Chord voicings and minimal-motion voice leading."""

from __future__ import annotations

from functools import lru_cache

from resonant.piece import QUALITIES


def _members(quality: str, count: int, rootless: bool) -> tuple[int, ...]:
    """The `count` most characteristic intervals of a quality (if it has fewer, the root is doubled, then the fifth)."""
    intervals = QUALITIES[quality]
    third = next((i for i in intervals if i in (2, 3, 4, 5)), None)
    fifth = next((i for i in intervals if i in (6, 7, 8)), None)
    top = [i for i in intervals if i not in (0, third, fifth)]
    if not top:
        order = [third, 0, fifth]
    elif fifth != 7:  # an altered fifth is more characteristic than the root
        order = [third, top[0], fifth, 0, *top[1:]]
    elif rootless:
        order = [third, *top, 0, fifth] if len(intervals) > 4 else [third, *top, fifth, 0]
    else:
        order = [third, top[0], 0, *top[1:], fifth]
    kept = [i % 12 for i in order if i is not None][:count]
    doubles = [0, fifth if fifth is not None else 0]
    while len(kept) < count:
        kept.append(doubles[(len(kept) - len(intervals)) % 2] % 12)
    return tuple(sorted(kept))


@lru_cache(maxsize=8192)
def shapes(
    root: int, quality: str, count: int, spread: str, rootless: bool, low: int, high: int
) -> tuple[tuple[int, ...], ...]:
    """Playable voicings between `low` and `high`: ascending pitches without repeats."""
    members = _members(quality, count, rootless)
    found: set[tuple[int, ...]] = set()
    for rotation in range(len(members)):
        order = members[rotation:] + members[:rotation]
        for bottom in range(low, high + 1):
            if bottom % 12 != (root + order[0]) % 12:
                continue
            stack = [bottom]
            for interval in order[1:]:
                pitch = stack[-1] + 1
                pitch += (root + interval - pitch) % 12
                stack.append(pitch)
            variants = [stack]
            if spread != "close" and len(stack) >= 3:
                drop = sorted([*stack[:-2], stack[-2] - 12, stack[-1]])
                lift = sorted([stack[0], stack[1] + 12, *stack[2:]])
                variants = [drop, lift] if spread == "open" else [stack, drop, lift]
            for variant in variants:
                if variant[0] >= low and variant[-1] <= high and len(set(variant)) == len(variant):
                    found.add(tuple(variant))
    return tuple(sorted(found))


def _roughness(voicing: tuple[int, ...]) -> float:
    cost = 0.0
    for below, above in zip(voicing, voicing[1:], strict=False):
        gap = above - below
        if gap == 1:
            cost += 2.5 if above == voicing[-1] else 1.0
        if gap <= 4 and below < 52:
            cost += 2.5 if gap <= 2 else 0.8
        if gap > 12:
            cost += 3.0
    for index, below in enumerate(voicing):
        cost += sum(1.5 for above in voicing[index + 2 :] if above - below == 13)
    return cost


def motion(a: tuple[int, ...], b: tuple[int, ...]) -> float:
    """Sum of the voices' movements (voices are paired from both ends if the counts differ)."""
    if len(a) == len(b):
        return float(sum(abs(x - y) for x, y in zip(a, b, strict=True)))
    return sum(min(abs(x - y) for x in a) for y in b) + 2.0 * abs(len(a) - len(b))


def lead(
    chords: list[tuple[int, str]], count: int, spread: str, rootless: bool, low: int, high: int, centre: float
) -> list[tuple[int, ...]]:
    """One voicing per chord, with smooth voice leading from each to the next and from the last to the first."""
    options = []
    for root, quality in chords:
        size = min(count, 2) if quality == "5" and count < 3 else count
        wanted = shapes(root, quality, size, spread, rootless and quality != "5", low, high)
        wanted = (
            wanted
            or shapes(root, quality, size, "both", False, low - 2, high + 6)
            or shapes(root, quality, 3, "close", False, low - 6, high + 12)
        )
        static = [(v, _roughness(v) + 0.55 * abs(sum(v) / len(v) - centre)) for v in wanted]
        options.append(static)
    previous: tuple[int, ...] | None = None
    result: list[tuple[int, ...]] = []
    for _ in range(2):  # the second pass starts from the end of the loop
        result = []
        for static in options:
            if previous is None:
                best = min(static, key=lambda item: item[1])[0]
            else:
                last = previous
                best = min(
                    static, key=lambda item: item[1] + motion(last, item[0]) + 0.5 * abs(item[0][-1] - last[-1])
                )[0]
            result.append(best)
            previous = best
    return result
