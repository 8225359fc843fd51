"""Instruments made of recorded notes, struck or plucked, and their descriptions.

    python -m resonant.hit_notes BUNDLE --notes FILE [--id NAME] [--version 1.0.0] [--licence SPDX]

adds them to BUNDLE/patches.json (replacing those of an earlier run) and writes the notes that they use to
BUNDLE/hits_notes.bin. Soundfont patches that are superseded by a recorded instrument keep their names and tags, so that old
projects still find them, but get a lower style weight.
"""

# Long lines are easier to read here than wrapped calls.
# ruff: noqa: E501

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resonant import hits
from resonant.hit_kits import FLAT, tone

NOTES_FILE = "hits_notes.bin"
SIGN = ".recorded_"
# Maximum style weight of soundfont patches superseded by a recorded instrument that is present.
REST = 0.3
SUPERSEDED = {
    "finger": ("bass.finger_a", "bass.finger_b"), "motown": ("bass.finger_dark", "bass.lofi_electric"),
    "pick": ("bass.pick_a", "bass.pick_b"), "upright": ("bass.upright_a", "bass.upright_b"), "upright_dusty": ("bass.upright_dark",),
    "grand": ("harmony.piano_a", "melody.piano"), "grand_soft": ("harmony.piano_mellow", "harmony.piano_felt", "melody.piano_soft"),
    "grand_bright": ("harmony.piano_b",), "grand_yamaha": ("harmony.piano_yamaha",),
    "piano_lofi": ("harmony.piano_lofi", "melody.piano_lofi"), "honkytonk": ("harmony.piano_honky",), "wurlitzer": ("harmony.wurli_fm",),
    "nylon": ("harmony.guitar_nylon", "melody.guitar_nylon"), "steel": ("harmony.guitar_steel", "melody.guitar_steel"),
    "jazz_guitar": ("harmony.guitar_jazz", "melody.guitar_jazz"), "clean_guitar": ("harmony.guitar_clean", "melody.guitar_clean"),
    "muted_guitar": ("harmony.guitar_muted", "melody.guitar_muted"), "guitar_lofi": ("harmony.guitar_lofi",),
    "pizzicato": ("bass.pizz_low", "harmony.strings_pizz", "melody.strings_pizz"), "harp": ("harmony.harp", "melody.harp"),
    "xylophone": ("melody.xylophone",), "sitar": ("melody.sitar",),
}  # fmt: skip
# Instruments with fewer notes than this are left out.
LEAST_NOTES = 4


@dataclass(frozen=True)
class Recorded:
    """An instrument. `tone`: dB per octave as in `hit_kits.tone`; `release`: seconds to -60 dB after the end of a note."""

    tracks: tuple[str, ...]
    id: str
    name: str
    source: str
    family: str
    tags: tuple[str, ...]
    styles: dict[str, float]
    brightness: float
    aggression: float
    release: float = 0.25
    tone: tuple[float, ...] = FLAT
    width: float = 0.4

    def patch(self, track: str, zones: list[tuple[int, str]]) -> dict[str, Any]:
        """The patch record for the bundle; the timbre vector is a placeholder, since no performer is needed."""
        excitation = {
            "zones": [list(zone) for zone in zones], "release_s": self.release, "is_monophonic": track == "bass",
            "tone": list(self.tone),
        }  # fmt: skip
        return {
            "id": f"{track}{SIGN}{self.id}", "track": track, "name": self.name, "family": self.family, "tags": list(self.tags),
            "styles": self.styles, "attributes": {"brightness": self.brightness, "aggression": self.aggression}, "gain_db": 0.0,
            "width": 0.0 if track == "bass" else self.width, "excitation": excitation, "timbre": [0.0] * 64,
        }  # fmt: skip


BASS, CHORD, LEAD, BOTH = ("bass",), ("harmony",), ("melody",), ("harmony", "melody")

INSTRUMENTS = (
    Recorded(BASS, "finger", "Finger Bass, Flatwound", "ebass_finger_flatwound", "bass_electric", ("bass", "finger", "fingered", "electric", "flatwound", "warm", "round", "p-bass", "real"),
             {"pop": 1.0, "funk": 0.9, "rock": 0.7, "hiphop": 0.6, "jazz": 0.2}, 0.35, 0.25, 0.09),
    Recorded(BASS, "motown", "Motown Bass", "ebass_finger_flatwound", "bass_electric", ("bass", "motown", "soul", "flatwound", "dark", "vintage", "muted", "electric", "60s"),
             {"funk": 1.0, "hiphop": 0.7, "pop": 0.6, "jazz": 0.3}, 0.2, 0.15, 0.07, tone(2, 0, -6, -12)),
    Recorded(BASS, "finger_bright", "Bright Finger Bass", "ebass_finger_killer", "bass_electric", ("bass", "finger", "fingered", "electric", "bright", "growl", "studio", "modern", "punchy"),
             {"funk": 1.0, "pop": 0.8, "rock": 0.8, "house": 0.2}, 0.6, 0.4, 0.09),
    Recorded(BASS, "pick", "Picked Bass", "ebass_pick_jbass", "bass_electric", ("bass", "pick", "picked", "rock", "punk", "bright", "attack", "electric", "j-bass"),
             {"rock": 1.0, "pop": 0.7, "synthwave": 0.2}, 0.6, 0.5, 0.09),
    Recorded(BASS, "muted", "Palm-Muted Bass", "ebass_pick_jbass_muted", "bass_electric", ("bass", "muted", "palm mute", "tight", "short", "pick", "electric"),
             {"funk": 0.7, "pop": 0.6, "rock": 0.5, "hiphop": 0.4, "house": 0.3}, 0.35, 0.25, 0.06),
    Recorded(BASS, "six_finger", "Baritone Bass, Fingered", "bass6_flat_finger", "bass_electric", ("bass", "finger", "six string", "baritone", "electric", "mellow", "indie", "soft"),
             {"pop": 0.8, "rock": 0.6, "jazz": 0.3, "ambient": 0.3, "hiphop": 0.4}, 0.35, 0.15, 0.1),
    Recorded(BASS, "six_pick", "Baritone Bass, Picked", "bass6_flat_pick", "bass_electric", ("bass", "pick", "picked", "six string", "baritone", "electric", "twang", "spaghetti western"),
             {"rock": 0.8, "pop": 0.6, "cinematic": 0.3}, 0.5, 0.35, 0.1),
    Recorded(BASS, "six_round", "Roundwound Bass, Picked", "bass6_round_pick", "bass_electric", ("bass", "pick", "picked", "roundwound", "indie", "alternative", "electric", "clank"),
             {"rock": 1.0, "pop": 0.6}, 0.65, 0.5, 0.1),
    Recorded(BASS, "six_muted", "Tic-Tac Bass", "bass6_pick_muted", "bass_electric", ("bass", "tic tac", "muted", "country", "surf", "short", "electric"),
             {"rock": 0.5, "pop": 0.5, "funk": 0.4}, 0.45, 0.25, 0.06),
    Recorded(BASS, "dub", "Deep Dub Bass", "ebass_finger_flatwound", "bass_electric", ("bass", "dub", "reggae", "deep", "heavy", "round", "flatwound", "electric", "finger"),
             {"funk": 0.6, "hiphop": 0.5, "ambient": 0.2}, 0.1, 0.2, 0.12, tone(5, -2, -14, -20)),
    Recorded(BASS, "upright", "Upright Bass, Pizzicato", "upright_bass_pizz", "bass_acoustic", ("bass", "upright", "double bass", "acoustic", "jazz", "woody", "walking", "pizzicato", "plucked", "real"),
             {"jazz": 1.0, "hiphop": 0.6, "funk": 0.2, "pop": 0.2, "cinematic": 0.2}, 0.35, 0.1, 0.12),
    Recorded(BASS, "upright_dusty", "Dusty Upright Bass", "upright_bass_pizz", "bass_acoustic", ("bass", "upright", "double bass", "dusty", "smoky", "dark", "trip hop", "sampled", "lofi", "lo-fi"),
             {"hiphop": 1.0, "jazz": 0.7, "ambient": 0.3}, 0.15, 0.1, 0.1, tone(2, 0, -8, -18)),
    Recorded(BOTH, "grand", "Grand Piano", "grand_piano_steinway", "keys", ("piano", "grand", "grand piano", "acoustic", "classical", "clean", "real", "concert"),
             {"pop": 1.0, "jazz": 1.0, "cinematic": 0.9, "ambient": 0.5, "rock": 0.5, "house": 0.5}, 0.5, 0.15, 0.3),
    Recorded(BOTH, "grand_soft", "Soft Grand Piano", "grand_piano_steinway", "keys", ("piano", "soft", "felt", "mellow", "intimate", "warm", "gentle", "neoclassical", "ballad", "nils frahm"),
             {"ambient": 1.0, "cinematic": 0.9, "pop": 0.5, "hiphop": 0.4, "jazz": 0.4}, 0.15, 0.0, 0.45, tone(1, 0, -7, -14)),
    Recorded(BOTH, "grand_bright", "Bright Grand Piano", "grand_piano_yamaha_c3", "keys", ("piano", "bright", "grand", "pop", "rock", "cutting", "studio", "yamaha", "house"),
             {"pop": 1.0, "rock": 0.8, "house": 0.8, "jazz": 0.4, "dnb": 0.3}, 0.7, 0.3, 0.25, tone(-1, 0, 2, 2)),
    Recorded(CHORD, "grand_yamaha", "Studio Grand Piano", "grand_piano_yamaha_c3", "keys", ("piano", "studio", "yamaha", "grand", "clean", "pop"),
             {"pop": 0.9, "jazz": 0.8, "rock": 0.5, "house": 0.5}, 0.55, 0.2, 0.3),
    Recorded(CHORD, "upright", "Upright Piano", "upright_piano_kawai", "keys", ("piano", "upright piano", "acoustic", "home", "folk", "singer-songwriter", "honest"),
             {"pop": 0.8, "rock": 0.5, "jazz": 0.5, "ambient": 0.4, "hiphop": 0.5}, 0.4, 0.1, 0.3),
    Recorded(CHORD, "upright_bright", "Small Upright Piano", "upright_piano_yamaha", "keys", ("piano", "upright piano", "small", "bright", "pub", "latin", "montuno"),
             {"pop": 0.7, "funk": 0.4, "jazz": 0.4, "house": 0.4}, 0.6, 0.2, 0.25),
    Recorded(BOTH, "piano_lofi", "Lo-fi Upright Piano", "upright_piano_kawai", "keys", ("piano", "lofi", "lo-fi", "dusty", "chillhop", "tape", "warm", "old"),
             {"hiphop": 1.0, "ambient": 0.5, "trap": 0.3, "jazz": 0.2}, 0.15, 0.03, 0.3, tone(2, 0, -9, -20)),
    Recorded(CHORD, "honkytonk", "Honky-Tonk Piano", "honkytonk_piano_old", "keys", ("piano", "honky tonk", "saloon", "detuned", "ragtime", "old"),
             {"jazz": 0.4, "rock": 0.3, "pop": 0.2, "cinematic": 0.1}, 0.5, 0.2, 0.3),
    Recorded(BOTH, "cp80", "Electric Grand Piano", "electric_grand_cp80", "keys", ("electric grand", "cp80", "piano", "electric piano", "80s", "bright", "power ballad"),
             {"pop": 0.8, "synthwave": 0.8, "rock": 0.6, "house": 0.4}, 0.6, 0.25, 0.25),
    Recorded(CHORD, "cp80_soft", "Mellow Electric Grand", "electric_grand_cp80", "keys", ("electric grand", "cp80", "electric piano", "mellow", "80s", "ballad", "soft"),
             {"pop": 0.6, "synthwave": 0.6, "ambient": 0.5, "cinematic": 0.3}, 0.3, 0.08, 0.4, tone(1, 0, -5, -10)),
    Recorded(BOTH, "wurlitzer", "Wurlitzer Electric Piano", "wurlitzer_ep200", "keys", ("wurlitzer", "wurli", "electric piano", "reedy", "vintage", "indie", "soul", "70s"),
             {"funk": 1.0, "pop": 0.7, "hiphop": 0.8, "rock": 0.5, "jazz": 0.5}, 0.45, 0.2, 0.15),
    Recorded(CHORD, "wurlitzer_dusty", "Dusty Wurlitzer", "wurlitzer_ep200", "keys", ("wurlitzer", "wurli", "electric piano", "dusty", "lofi", "lo-fi", "mellow", "neo soul", "keys"),
             {"hiphop": 1.0, "jazz": 0.4, "ambient": 0.4}, 0.2, 0.1, 0.18, tone(1, 1, -7, -16)),
    Recorded(BOTH, "pianet", "Pianet Electric Piano", "pianet_t", "keys", ("pianet", "electric piano", "vintage", "plucky", "60s", "psychedelic", "warm"),
             {"funk": 0.7, "rock": 0.6, "pop": 0.6, "hiphop": 0.7, "house": 0.3}, 0.4, 0.15, 0.15),
    Recorded(CHORD, "pianet_soft", "Soft Pianet", "pianet_t", "keys", ("pianet", "electric piano", "soft", "mellow", "dreamy", "calm"),
             {"ambient": 0.8, "hiphop": 0.6, "jazz": 0.4, "pop": 0.4}, 0.2, 0.03, 0.3, tone(1, 0, -6, -12)),
    Recorded(BOTH, "harp", "Folk Harp", "folk_harp", "pluck", ("harp", "plucked", "angelic", "arpeggio", "orchestral", "celtic", "folk"),
             {"cinematic": 0.9, "ambient": 0.9, "hiphop": 0.3, "trap": 0.3}, 0.5, 0.02, 1.6),
    Recorded(BOTH, "nylon", "Nylon Guitar", "nylon_guitar", "guitar", ("guitar", "nylon", "classical", "acoustic", "spanish", "bossa", "fingerstyle", "latin"),
             {"jazz": 0.8, "ambient": 0.6, "pop": 0.7, "hiphop": 0.6, "trap": 0.6}, 0.4, 0.05, 0.2),
    Recorded(BOTH, "steel", "Steel-String Guitar", "steel_guitar_martin_hd28", "guitar", ("guitar", "steel", "acoustic", "strummed", "folk", "fingerpicked", "singer-songwriter", "country"),
             {"pop": 1.0, "rock": 0.8, "ambient": 0.4, "hiphop": 0.3, "cinematic": 0.2}, 0.6, 0.15, 0.25),
    Recorded(BOTH, "clean_guitar", "Clean Electric Guitar", "eguitar_gretsch_clean", "guitar", ("guitar", "clean", "electric", "indie", "twang", "bright", "jangle"),
             {"rock": 0.9, "pop": 0.9, "funk": 0.7, "hiphop": 0.4}, 0.55, 0.15, 0.15),
    Recorded(BOTH, "muted_guitar", "Muted Electric Guitar", "eguitar_gretsch_muted", "guitar", ("guitar", "muted", "palm mute", "tight", "rhythmic", "electric", "short", "chug"),
             {"funk": 0.8, "rock": 0.7, "pop": 0.6, "house": 0.3, "synthwave": 0.3}, 0.4, 0.3, 0.08),
    Recorded(BOTH, "jazz_guitar", "Archtop Jazz Guitar", "eguitar_hofner_archtop_clean", "guitar", ("guitar", "jazz", "hollow body", "archtop", "warm", "mellow", "comping", "octave"),
             {"jazz": 1.0, "hiphop": 0.7, "funk": 0.4, "pop": 0.2}, 0.3, 0.05, 0.15, tone(0, 0, -2, -4)),
    Recorded(CHORD, "archtop_muted", "Muted Archtop Guitar", "eguitar_hofner_archtop_muted", "guitar", ("guitar", "muted", "archtop", "gypsy jazz", "skank", "percussive", "reggae", "short"),
             {"jazz": 0.4, "funk": 0.7, "pop": 0.3, "hiphop": 0.3}, 0.4, 0.2, 0.07),
    Recorded(BOTH, "flatwound_guitar", "Flatwound Electric Guitar", "eguitar_emily_flatwound", "guitar", ("guitar", "electric", "flatwound", "soul", "soft", "round", "bedroom", "neo soul"),
             {"hiphop": 0.9, "funk": 0.6, "pop": 0.5, "jazz": 0.5, "ambient": 0.3}, 0.35, 0.08, 0.15),
    Recorded(CHORD, "guitar_lofi", "Lo-fi Electric Guitar", "eguitar_emily_flatwound", "guitar", ("guitar", "lofi", "lo-fi", "dusty", "bedroom", "chill", "tape"),
             {"hiphop": 1.0, "pop": 0.3, "ambient": 0.4}, 0.15, 0.05, 0.2, tone(0, 1, -8, -18)),
    Recorded(CHORD, "surf_guitar", "Surf Guitar", "eguitar_gretsch_clean", "guitar", ("guitar", "surf", "twang", "bright", "spring", "60s", "western", "electric"),
             {"rock": 0.8, "pop": 0.4, "cinematic": 0.2}, 0.75, 0.3, 0.2, tone(-3, 0, 4, 3)),
    Recorded(BOTH, "pizzicato", "String Section, Pizzicato", "strings_pizz_section", "strings", ("strings", "pizzicato", "plucked", "playful", "short", "orchestral", "sneaky"),
             {"cinematic": 0.9, "trap": 0.4, "pop": 0.3, "hiphop": 0.3}, 0.5, 0.1, 0.2),
    Recorded(LEAD, "sitar", "Sitar", "sitar", "guitar", ("sitar", "indian", "drone", "world", "psychedelic"),
             {"hiphop": 0.5, "ambient": 0.5, "trap": 0.3, "rock": 0.3}, 0.6, 0.2, 0.6),
    Recorded(LEAD, "xylophone", "Xylophone", "xylophone", "pluck", ("xylophone", "mallets", "bright", "playful", "wooden"),
             {"cinematic": 0.6, "pop": 0.3, "ambient": 0.2}, 0.75, 0.15, 0.4),
)  # fmt: skip


def add(
    bundle: Path, data: bytes, identity: str | None = None, version: str | None = None, licence: str | None = None
) -> tuple[int, list[str]]:
    """Writes the instruments and their notes into a bundle; returns the number of patches, and instruments without notes."""
    pieces = hits.unpack(data)
    zones: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for piece in pieces:
        source, _, note = piece.name.rpartition(".")
        zones[source].append((int(note), piece.name))
    zones = defaultdict(list, {source: found for source, found in zones.items() if len(found) >= LEAST_NOTES})
    patches = [patch for patch in json.loads((bundle / "patches.json").read_text()) if SIGN not in patch["id"] or patch["track"] == "drums"]
    there = {own.id for own in INSTRUMENTS if own.source in zones}
    superseded = {old for own, patches in SUPERSEDED.items() if own in there for old in patches}
    for patch in patches:
        if patch["id"] in superseded:
            patch["styles"] = {style: min(weight, REST) for style, weight in patch["styles"].items()}
    lost = [own.id for own in INSTRUMENTS if own.source not in zones]
    made = 0
    for track in ("bass", "harmony", "melody"):
        # Appended after the other patches, because random choices for a patch depend on its position.
        last = max(index for index, patch in enumerate(patches) if patch["track"] == track)
        own = [one.patch(track, sorted(zones[one.source])) for one in INSTRUMENTS if track in one.tracks and one.source in zones]
        patches[last + 1 : last + 1] = own
        made += len(own)
    used = {name for patch in patches for _, name in patch["excitation"].get("zones", [])}
    content = {
        NOTES_FILE: hits.pack([piece for piece in pieces if piece.name in used]),
        "patches.json": json.dumps(patches, separators=(",", ":")).encode() + b"\n",
    }
    manifest_path = bundle / "manifest.json"
    if manifest_path.is_file():
        manifest = json.loads(manifest_path.read_text())
        tracks = manifest.pop("tracks")
        rows = {name: {"file": name, "sha256": hashlib.sha256(part).hexdigest(), "bytes": len(part)} for name, part in content.items()}
        manifest |= {"patches": {**rows["patches.json"], "count": len(patches)}, "notes": rows[NOTES_FILE], "tracks": tracks}
        changes = (("id", identity), ("version", version), ("licence", licence))
        manifest |= {name: value for name, value in changes if value}
        content["manifest.json"] = (json.dumps(manifest, indent=1) + "\n").encode()
    for name, part in content.items():
        temporary = bundle / (name + ".part")
        temporary.write_bytes(part)
        os.replace(temporary, bundle / name)
    return made, lost


def main() -> None:
    """Command-line entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--notes", type=Path, required=True, help="file of `fit_hits --notes --pack`")
    parser.add_argument("--id", help="name of the bundle; unchanged if omitted")
    parser.add_argument("--version", help="version of the bundle; unchanged if omitted")
    parser.add_argument("--licence", help="SPDX expression that covers the recordings; unchanged if omitted")
    arguments = parser.parse_args()
    try:
        made, lost = add(arguments.bundle, arguments.notes.read_bytes(), arguments.id, arguments.version, arguments.licence)
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"hit_notes: {error}")
    for own in lost:
        print(f"left out, notes are missing: {own}", file=sys.stderr)
    print(f"{made} patches in {arguments.bundle / 'patches.json'}")


if __name__ == "__main__":
    main()
