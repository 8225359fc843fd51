"""Compares our progressions and melodies with those of people.

    python -m resonant.corpora chords BILLBOARD
    python -m resonant.corpora melodies LIEDER OURS

`chords` compares the idioms that pop, rock, soul and country use (`crates/words/src/progressions.txt`) with popular songs in major
and minor: how often each degree sounds, which root follows which, and how long a chord lasts. BILLBOARD is the folder of the McGill
Billboard annotations (`salami_chords.txt`): Burgoyne, Wild, Fujinaga 2011, "An expert ground-truth set for audio chord recognition and
music analysis".

`melodies` (which needs mido) compares intervals, range and rhythms. LIEDER has MusicXML files (`.mxl`), of which the first part with
words is read (Gotham, Jonas 2021, "The OpenScore Lieder Corpus"), and OURS has files called `melody.mid`.
"""

from __future__ import annotations

import argparse
import re
import sys
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np


PROGRESSIONS = Path(__file__).parents[2] / "crates" / "words" / "src" / "progressions.txt"
IDIOMS = ("pop", "rock", "soul")
DEGREES = ("I", "bII", "II", "bIII", "III", "IV", "bV", "V", "bVI", "VI", "bVII", "VII")
_PITCHES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_NUMERALS = {"I": 0, "II": 2, "III": 4, "IV": 5, "V": 7, "VI": 9, "VII": 11}
_SILENT = ("N", "X", "&pause", "*")


@dataclass(frozen=True)
class Progression:
    """Root of each half bar, in semitones above the tonic."""

    roots: tuple[int, ...]
    is_minor: bool


def pitch_class(name: str) -> int:
    """Pitch class of a note name ("C", "Bb", "F#")."""
    return (_PITCHES[name[0]] + name.count("#") - name.count("b")) % 12


def read_song(text: str) -> list[Progression]:
    """The lines of a song that have four bars or more of one or two chords; a song is minor if its tonic chord mostly is."""
    tonic, lines = 0, []
    for line in text.splitlines():
        if line.startswith("# tonic:"):
            tonic = pitch_class(line.split(":")[1].strip())
        bars = [bar.split() for bar in line.split("|")[1:-1]]
        halves: list[tuple[int, bool]] = []
        for bar in bars:
            chords = [chord for chord in bar if chord != "."]
            if len(bar) not in (1, 2, 4) or any(chord in _SILENT for chord in chords) or not chords:
                halves = []
                break
            spread = [bar[0], bar[len(bar) // 2] if len(bar) > 1 else bar[0]]
            spread[1] = spread[0] if spread[1] == "." else spread[1]
            if any(":" not in chord for chord in spread):
                halves = []
                break
            halves += [
                ((pitch_class(chord.split(":")[0]) - tonic) % 12, chord.split(":")[1].startswith("min")) for chord in spread
            ]
        if len(bars) >= 4 and halves:
            lines.append(halves)
    at_home = [minor for line in lines for root, minor in line if root == 0]
    is_minor = bool(at_home) and np.mean(at_home) > 0.5
    return [Progression(tuple(root for root, _ in line), is_minor) for line in lines]


def read_ours(text: str, idioms: Sequence[str] = IDIOMS) -> list[Progression]:
    """The progressions of our idioms, each repeated to four bars or more.

    Mixolydian and lydian count as major, all other modes but major as minor.
    """
    found, section = [], ("", "")
    for line in text.splitlines():
        if match := re.fullmatch(r"\[(\w+) (\w+)\]", line):
            section = match.groups()
        elif section[0] in idioms and line and not line.startswith("#"):
            roots: list[int] = []
            for bar in line.split():
                if bar == "-":
                    roots += roots[-2:]
                    continue
                numbers = []
                for part in bar.split(","):
                    flats, numeral = re.match(r"([b#]*)([IViv]+)", part).groups()
                    numbers.append((_NUMERALS[numeral.upper()] + flats.count("#") - flats.count("b")) % 12)
                roots += numbers * 2 if len(numbers) == 1 else numbers[:2]
            roots *= max(1, 8 // len(roots))
            found.append(Progression(tuple(roots), section[1] not in ("major", "mixolydian", "lydian")))
    return found


def shares(progressions: Iterable[Progression]) -> dict[str, np.ndarray]:
    """Shares of degrees that sound, of intervals between successive roots, and of chords of half a bar, one, two and more bars."""
    degrees, moves, lengths = np.zeros(12), np.zeros(12), np.zeros(4)
    for progression in progressions:
        run = 1
        for index, root in enumerate(progression.roots):
            degrees[root] += 1
            following = progression.roots[index + 1] if index + 1 < len(progression.roots) else None
            if following == root:
                run += 1
                continue
            if following is not None:
                moves[(following - root) % 12] += 1
            lengths[min(int(np.ceil(np.log2(run))), 3)] += 1
            run = 1
    return {
        name: values / max(values.sum(), 1) for name, values in (("degrees", degrees), ("moves", moves), ("lengths", lengths))
    }


def distance(first: np.ndarray, second: np.ndarray) -> float:
    """Total variation distance of two distributions: 0 if they are equal, 1 if they have nothing in common."""
    return float(0.5 * np.abs(first - second).sum())


def loops(progressions: Iterable[Progression]) -> Counter[tuple[int, ...]]:
    """How many progressions begin with four bars of one chord each, by their roots."""
    found: Counter[tuple[int, ...]] = Counter()
    for progression in progressions:
        bars = progression.roots[:8]
        if len(bars) == 8 and bars[::2] == bars[1::2] and len(set(bars)) > 1:
            found[bars[::2]] += 1
    return found


@dataclass(frozen=True)
class Melody:
    """One voice: onset and length in quarters, MIDI pitch; and the bar's length in quarters."""

    notes: np.ndarray  # [N, 3]
    bar: float


def read_lied(path: Path) -> Melody | None:
    """The voice of a song; None if it has no words or changes its meter."""
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.endswith("xml") and not name.startswith("META"))
        root = ElementTree.fromstring(archive.read(name))
    part = next((part for part in root.iter("part") if part.find(".//lyric") is not None), None)
    meters = {(time.findtext("beats"), time.findtext("beat-type")) for time in root.iter("time")}
    meter = meters.pop() if len(meters) == 1 else ("", "")
    if part is None or not all(text and text.isdigit() for text in meter):
        return None
    notes, at, divisions = [], 0.0, 1.0
    for measure in part.iter("measure"):
        for item in measure:
            divisions = float(item.findtext("divisions") or divisions) if item.tag == "attributes" else divisions
            length = float(item.findtext("duration") or 0) / divisions
            if item.tag == "backup":
                at -= length
            elif item.tag == "forward":
                at += length
            elif item.tag == "note" and item.find("chord") is None and item.find("grace") is None:
                if (pitch := item.find("pitch")) is not None and item.findtext("voice", "1") == "1":
                    key = (
                        12 * (int(pitch.findtext("octave")) + 1)
                        + _PITCHES[pitch.findtext("step")]
                        + int(float(pitch.findtext("alter") or 0))
                    )
                    is_tied = any(tie.get("type") == "stop" for tie in item.findall("tie"))
                    if is_tied and notes:
                        notes[-1][1] += length
                    else:
                        notes.append([at, length, key])
                at += length
    return Melody(np.array(notes), float(meter[0]) * 4 / float(meter[1])) if len(notes) > 8 else None


def read_melody(path: Path) -> Melody | None:
    """A melody in 4/4 from a MIDI file; None if it has few notes."""
    import mido

    file, notes, sounding, at = mido.MidiFile(path), [], {}, 0
    for message in mido.merge_tracks(file.tracks):
        at += message.time
        if message.type == "note_on" and message.velocity:
            sounding[message.note] = at
        elif message.type in ("note_on", "note_off") and message.note in sounding:
            start = sounding.pop(message.note)
            notes.append((start / file.ticks_per_beat, (at - start) / file.ticks_per_beat, message.note))
    notes.sort()
    return Melody(np.array(notes), 4.0) if len(notes) > 8 else None


def figures(melodies: Iterable[Melody]) -> dict[str, float]:
    """What melodies are like: shares of the intervals within phrases, range, rate, length of phrases and repeated rhythms."""
    moves, ranges, rates, again, phrases = [], [], [], [], []
    for melody in melodies:
        start, length, pitch = melody.notes.T
        rest = start[1:] - (start + length)[:-1]
        is_phrase = rest >= 1.0
        moves += list(np.abs(np.diff(pitch))[~is_phrase])
        ends = np.flatnonzero(np.append(is_phrase, True))
        firsts = np.append(0, ends[:-1] + 1)
        phrases += [(start[end] + length[end] - start[first]) / melody.bar for first, end in zip(firsts, ends, strict=True)]
        bar = (start // melody.bar).astype(int)
        for window in np.unique(bar // 8):
            own = pitch[bar // 8 == window]
            if len(own) >= 4:
                ranges.append(own.max() - own.min())
                rates.append(len(own) / min(8, bar.max() + 1))
        rhythm = {index: tuple(np.round((start[bar == index] % melody.bar) * 4).astype(int)) for index in np.unique(bar)}
        again += [
            rhythm[index] in (rhythm.get(index - 1), rhythm.get(index - 2), rhythm.get(index - 4))
            for index in rhythm
            if index >= 4
        ]
    moves = np.array(moves)
    return {
        "repeated notes": float((moves == 0).mean()),
        "steps (1, 2 semitones)": float(((moves >= 1) & (moves <= 2)).mean()),
        "thirds (3, 4)": float(((moves == 3) | (moves == 4)).mean()),
        "leaps (5 and more)": float((moves >= 5).mean()),
        "range in 8 bars, semitones": float(np.mean(ranges)),
        "notes a bar": float(np.mean(rates)),
        "bars between rests of a beat": float(np.mean(phrases)),
        "bars with the rhythm of one of the bars 1, 2 or 4 before": float(np.mean(again)),
    }


def main(argv: list[str] | None = None) -> None:
    """Command line entry."""
    parser = argparse.ArgumentParser(prog="corpora", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("chords").add_argument("billboard", type=Path)
    melodies = commands.add_parser("melodies")
    melodies.add_argument("lieder", type=Path)
    melodies.add_argument("ours", type=Path)
    arguments = parser.parse_args(argv)
    if arguments.command == "chords":
        songs = [line for path in sorted(arguments.billboard.rglob("salami_chords.txt")) for line in read_song(path.read_text())]
        if not songs:
            sys.exit(f"corpora: no salami_chords.txt in {arguments.billboard}")
        ours = read_ours(PROGRESSIONS.read_text())
        for is_minor in (False, True):
            sides = [[line for line in side if line.is_minor == is_minor] for side in (songs, ours)]
            people, own = (shares(side) for side in sides)
            print(f"\n{'minor' if is_minor else 'major'}: {len(sides[0])} lines of songs, {len(sides[1])} progressions")
            for name in people:
                print(f"  {name}: distance {distance(people[name], own[name]):.2f}")
            for degree, share, mine in zip(DEGREES, people["degrees"], own["degrees"], strict=True):
                print(f"    {degree:4} {share:.3f} {mine:.3f}")
            print("    chords of half a bar, one, two, more bars:", people["lengths"].round(2), own["lengths"].round(2))
            known = set(loops(sides[1]))
            frequent = loops(sides[0]).most_common(24)
            print(
                "    frequent loops, ours marked:",
                ", ".join(
                    f"{' '.join(DEGREES[root] for root in loop)} {count}{'*' if loop in known else ''}"
                    for loop, count in frequent
                ),
            )
        return
    people = [melody for path in sorted(arguments.lieder.rglob("*.mxl")) if (melody := read_lied(path)) is not None]
    found = [melody for path in sorted(arguments.ours.rglob("melody.mid")) if (melody := read_melody(path)) is not None]
    if not people or not found:
        sys.exit("corpora: no melodies in one of the folders")
    print(f"| | songs ({len(people)}) | ours ({len(found)}) |\n|---|---|---|")
    for (name, value), mine in zip(figures(people).items(), figures(found).values(), strict=True):
        print(f"| {name} | {value:.2f} | {mine:.2f} |")


if __name__ == "__main__":
    main()
