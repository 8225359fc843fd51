"""Kits of recorded drums: the pieces they combine, and their descriptions.

    python -m resonant.hit_kits BUNDLE --hits FILE [--version 1.0.0] [--licence SPDX]

adds the kits to BUNDLE/patches.json (replacing those of an earlier run) and writes the pieces that they use to
BUNDLE/hits_drums.bin. Soundfont kits that are superseded by a recorded kit keep their names and tags, so that old projects still
find them, but get a lower style weight. Pieces are named `instrument.voice`, as in the sample index.
"""

# Long lines are easier to read here than wrapped calls.
# ruff: noqa: E501

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from resonant import hits

CLASSES = ("kick", "snare", "clap", "rim", "closed_hat", "open_hat", "low_tom", "high_tom", "crash", "ride", "shaker", "perc")
PREFIX = "drums.recorded_"
HITS_FILE = "hits_drums.bin"
# Soundfont kits superseded by recorded ones, and their maximum style weight (`REST`).
SUPERSEDED = {
    "drums.standard_a", "drums.standard_b", "drums.standard_2", "drums.standard_4", "drums.standard_6", "drums.room_a",
    "drums.room_b", "drums.room_c", "drums.power_a", "drums.power_b", "drums.power_c", "drums.jazz_a", "drums.jazz_b",
    "drums.jazz_c", "drums.brush_a", "drums.brush_b", "drums.model_studio", "drums.model_tight", "drums.model_arena",
    "drums.pop_rock_tight", "drums.breaks_funk", "drums.lofi_acoustic", "drums.lofi_brush",
}  # fmt: skip
REST = 0.35
# Pieces are balanced by their loudest 50 ms. Tightly closed hats are shorter than that, so their peaks would stand out.
CLICKING_DB = -5.0
# Outside jazz the kick carries the low end of the mix.
KICK_DB = 2.0
# Cymbals ring over each other.
CYMBALS_DB = {"ride": -3.0, "crash": -2.0}

_MIC = {"close": "gogodze_close", "front": "gogodze_front", "retro": "gogodze_retro"}
_METAL = {"close": "muldjord_close", "room": "muldjord_room"}
FLAT = (0.0,) * 10


def _gretsch(mic: str, hat: str = "closed_hat_tight") -> dict[str, str]:
    """The Gogodze kit with one choice of microphones; it has no cymbals of its own."""
    own = _MIC[mic]
    return {
        "kick": f"{own}.kick", "snare": f"{own}.snare", "rim": f"{own}.rim", "closed_hat": f"{own}.{hat}",
        "open_hat": f"{own}.open_hat", "low_tom": f"{own}.tom_low", "high_tom": f"{own}.tom_high",
        "crash": "muldjord_close.crash", "ride": "muldjord_close.ride", "shaker": "frankensnare_tambourine.tambourine",
        "perc": "sonicpi_acoustic.cowbell", "clap": "frankensnare_claps.clap",
    }  # fmt: skip


def _muldjord(mic: str) -> dict[str, str]:
    own = _METAL[mic]
    return {
        "kick": f"{own}.kick", "snare": f"{own}.snare", "rim": "gogodze_close.rim", "closed_hat": f"{own}.closed_hat",
        "open_hat": f"{own}.open_hat", "low_tom": f"{own}.tom_floor", "high_tom": f"{own}.tom_high", "crash": f"{own}.crash",
        "ride": f"{own}.ride", "shaker": "frankensnare_tambourine.tambourine", "perc": "sonicpi_acoustic.cowbell",
        "clap": "frankensnare_claps.clap",
    }  # fmt: skip


def _pearl() -> dict[str, str]:
    own = "pearl_master_studio"
    return {
        **_gretsch("close"), "kick": f"{own}.kick", "snare": f"{own}.snare", "closed_hat": f"{own}.closed_hat",
        "open_hat": f"{own}.open_hat", "low_tom": f"{own}.tom_low", "high_tom": f"{own}.tom_high", "crash": f"{own}.crash",
        "ride": f"{own}.ride",
    }  # fmt: skip


def tone(low: float = 0.0, mid: float = 0.0, high: float = 0.0, top: float = 0.0) -> tuple[float, ...]:
    """Gains in dB for the octaves from 31 Hz: below 180 Hz, around 700 Hz, around 4 kHz, from 8 kHz."""
    return (low, low, low, 0.5 * (low + mid), mid, mid, 0.5 * (mid + high), high, 0.5 * (high + top), top)


@dataclass(frozen=True)
class RecordedKit:
    """A kit. `gains` (dB) and `tunes` (factors) by class; the defaults are 0 dB and 1."""

    id: str
    name: str
    tags: tuple[str, ...]
    styles: dict[str, float]
    brightness: float
    aggression: float
    pieces: dict[str, str]
    gains: dict[str, float] = field(default_factory=dict)
    tunes: dict[str, float] = field(default_factory=dict)
    room: float = 0.08
    room_s: float = 0.35
    drive_db: float = 0.0
    tone: tuple[float, ...] = FLAT

    def patch(self) -> dict[str, Any]:
        """The patch record for the bundle; the timbre vector is a placeholder, since these kits need no performer."""
        pieces = {
            name: {
                "piece": piece, "tune": self.tunes.get(name, 1.0),
                "gain_db": self.gains.get(name, 0.0) + (CLICKING_DB if piece.endswith("_tight") else 0.0)
                + (KICK_DB if name == "kick" and self.styles.get("jazz", 0.0) < 0.5 else CYMBALS_DB.get(name, 0.0)),
            }
            for name, piece in self.pieces.items()
        }  # fmt: skip
        excitation = {
            "pieces": pieces, "room": self.room, "room_s": self.room_s, "drive_db": self.drive_db, "tone": list(self.tone)
        }  # fmt: skip
        return {
            "id": PREFIX + self.id, "track": "drums", "name": self.name, "family": "kit_acoustic",
            "tags": list(self.tags), "styles": self.styles,
            "attributes": {"brightness": self.brightness, "aggression": self.aggression}, "gain_db": 0.0, "width": 0.5,
            "excitation": excitation, "timbre": [0.0] * 64,
        }  # fmt: skip


KITS = (
    RecordedKit("session", "Session Drums", ("acoustic", "studio", "session", "natural", "clean", "close", "all-round", "live", "drummer", "real"),
                {"pop": 1.0, "rock": 0.8, "funk": 0.8, "hiphop": 0.3, "jazz": 0.2}, 0.6, 0.4, _gretsch("close"), drive_db=3.0),
    RecordedKit("open_room", "Drums in a Room", ("acoustic", "room", "roomy", "live", "indie", "garage rock", "raw", "natural", "drummer"),
                {"rock": 1.0, "pop": 0.6, "funk": 0.3}, 0.5, 0.5, _gretsch("front", "closed_hat"), room=0.1, room_s=0.5, drive_db=3.0),
    RecordedKit("retro", "Vintage Drums", ("acoustic", "vintage", "retro", "warm", "sixties", "60s", "motown", "soul", "old"),
                {"funk": 1.0, "rock": 0.5, "pop": 0.5, "hiphop": 0.5, "jazz": 0.3}, 0.35, 0.3, _gretsch("retro"),
                drive_db=4.0, tone=tone(0, 1, 0, -5)),
    RecordedKit("dead", "Dead Seventies Drums", ("acoustic", "70s", "seventies", "dead", "dry", "disco", "tight", "muted", "tea towel"),
                {"funk": 1.0, "pop": 0.5, "house": 0.25, "hiphop": 0.5}, 0.4, 0.25,
                {**_gretsch("close"), "snare": "frankensnare_14p_muted.snare"}, room=0.02, tone=tone(1, 0, -1, -4), drive_db=3.0),
    RecordedKit("metal", "Metal Drums", ("acoustic", "metal", "heavy", "aggressive", "double kick", "hard rock", "power", "punchy", "thrash"),
                {"rock": 1.0, "cinematic": 0.2}, 0.7, 0.95, _muldjord("close"), {"kick": 1.0, "snare": 1.0}, drive_db=5.0,
                tone=tone(2, -2, 2, 1), room=0.06),
    RecordedKit("heavy_room", "Big Rock Drums", ("acoustic", "rock", "big", "big room", "arena", "stadium", "anthem", "powerful", "loud", "huge"),
                {"rock": 1.0, "pop": 0.4, "cinematic": 0.4}, 0.55, 0.75, _muldjord("room"), room=0.16, room_s=0.9, drive_db=3.0),
    RecordedKit("pop_rock", "Tight Pop Rock Drums", ("acoustic", "pop rock", "tight", "compressed", "radio", "punchy", "modern"),
                {"pop": 1.0, "rock": 0.8}, 0.65, 0.5, {**_muldjord("close"), "snare": "frankensnare_14d_basic.snare",
                "rim": "frankensnare_14d_basic.rim"}, drive_db=6.0, room=0.05, room_s=0.3, tone=tone(1, -1, 1, 1)),
    RecordedKit("jazz", "Jazz Club Drums", ("jazz", "acoustic", "swing", "ride", "light", "club", "bop", "open", "trio"),
                {"jazz": 1.0, "funk": 0.2, "hiphop": 0.2}, 0.5, 0.15, {**_gretsch("front", "closed_hat"),
                "snare": "frankensnare_14s_basic.snare", "ride": "muldjord_room.ride", "crash": "muldjord_room.crash2"},
                {"kick": -5.0, "ride": 5.0, "snare": -2.0}, {"kick": 1.25, "low_tom": 1.12, "high_tom": 1.12}, room=0.12, room_s=0.6, drive_db=2.0),
    RecordedKit("cool_jazz", "Smoky Jazz Drums", ("jazz", "cool", "dark", "mellow", "smoky", "intimate", "small"),
                {"jazz": 1.0, "hiphop": 0.3, "ambient": 0.1}, 0.3, 0.1, {**_gretsch("retro"), "snare": "frankensnare_symp_60s.snare",
                "ride": "muldjord_room.ride", "crash": "muldjord_room.crash2"},
                {"kick": -5.0, "ride": 5.0, "snare": -3.0}, {"kick": 1.2}, room=0.1, room_s=0.5, tone=tone(0, 0, -2, -6), drive_db=2.0),
    RecordedKit("brushes", "Jazz Brushes", ("jazz", "brush", "brushes", "soft", "ballad", "gentle", "acoustic", "quiet"),
                {"jazz": 1.0, "ambient": 0.3, "pop": 0.15, "cinematic": 0.1}, 0.35, 0.05,
                {**_gretsch("front", "closed_hat"), "snare": "frankensnare_14d_brush.snare_brush", "ride": "muldjord_room.ride",
                 "crash": "muldjord_room.crash2"}, {"kick": -6.0, "snare": -1.0, "ride": 3.0}, {"kick": 1.2}, room=0.12, room_s=0.6,
                tone=tone(0, 0, 0, -2), drive_db=2.0),
    RecordedKit("folk_brushes", "Folk Brushes on a Big Snare", ("brush", "brushes", "folk", "acoustic", "soft", "singer-songwriter", "country", "deep"),
                {"jazz": 0.6, "pop": 0.5, "ambient": 0.3, "cinematic": 0.2}, 0.4, 0.05,
                {**_gretsch("front", "closed_hat"), "snare": "frankensnare_20_brush.snare_brush"}, {"kick": -3.0}, room=0.12, room_s=0.5, drive_db=2.0),
    RecordedKit("funk", "Tight Funk Drums", ("acoustic", "funk", "funky drummer", "tight", "crisp", "snappy", "dry", "groovy", "pocket"),
                {"funk": 1.0, "pop": 0.4, "hiphop": 0.4, "dnb": 0.3}, 0.65, 0.45, {**_gretsch("close"),
                "snare": "frankensnare_13b_basic.snare", "rim": "frankensnare_13b_basic.rim"}, {"snare": 1.0}, {"kick": 1.1},
                room=0.03, room_s=0.25, drive_db=3.0),
    RecordedKit("break", "Breakbeat Drums", ("breakbeat", "break", "amen", "jungle", "gritty", "crunchy", "sampled", "acoustic"),
                {"hiphop": 0.8, "dnb": 0.9, "funk": 0.6}, 0.5, 0.65, {**_gretsch("retro"), "snare": "frankensnare_12_basic.snare",
                "ride": "muldjord_room.ride"}, {"snare": 1.0}, {"kick": 1.12, "snare": 1.06, "low_tom": 1.1, "high_tom": 1.1},
                drive_db=10.0, tone=tone(-1, 2, 1, -4), room=0.06),
    RecordedKit("lofi", "Dusty Lo-fi Drums", ("lofi", "lo-fi", "dusty", "vinyl", "chillhop", "boom bap", "acoustic", "warm", "jazzy", "old"),
                {"hiphop": 1.0, "jazz": 0.4, "ambient": 0.2}, 0.2, 0.15, {**_gretsch("retro"), "snare": "frankensnare_symp_60s.snare"},
                {"closed_hat": -2.0}, {"kick": 0.94, "snare": 0.94}, drive_db=7.0, tone=tone(2, 0, -5, -14), room=0.05),
    RecordedKit("lofi_brushes", "Dusty Brushes", ("lofi", "lo-fi", "brushes", "dusty", "jazz hop", "soft", "mellow"),
                {"hiphop": 0.8, "jazz": 0.6, "ambient": 0.3}, 0.15, 0.05, {**_gretsch("retro"),
                "snare": "frankensnare_22_brush.snare_brush"}, {"kick": -2.0, "closed_hat": -2.0}, drive_db=4.0, tone=tone(1, 0, -5, -13)),
    RecordedKit("boombap", "Boom Bap Drums", ("boom bap", "hip hop", "mpc", "punchy", "90s", "hard", "crunchy", "knock", "acoustic"),
                {"hiphop": 1.0, "funk": 0.3, "trap": 0.2}, 0.45, 0.55, {**_gretsch("close"), "snare": "frankensnare_10_basic.snare",
                "rim": "frankensnare_10_basic.rim"}, {"kick": 1.0, "snare": 1.0}, {"kick": 0.92, "snare": 0.92}, drive_db=9.0,
                tone=tone(2, 1, -1, -7), room=0.03),
    RecordedKit("deep", "Deep Snare Drums", ("acoustic", "deep", "fat", "big snare", "ballad", "slow", "low", "dark"),
                {"pop": 0.7, "rock": 0.7, "cinematic": 0.5}, 0.35, 0.4, {**_muldjord("room"), "snare": "frankensnare_16_basic.snare"},
                {}, {"snare": 0.88, "low_tom": 0.92, "high_tom": 0.92}, room=0.14, room_s=0.7, tone=tone(2, 0, -1, -3), drive_db=3.0),
    RecordedKit("master", "Studio Pop Drums", ("acoustic", "studio", "pop", "clean", "bright", "polished", "90s", "crisp"),
                {"pop": 1.0, "rock": 0.6, "funk": 0.5}, 0.7, 0.4, _pearl(), room=0.08, room_s=0.4, drive_db=3.0),
    RecordedKit("eighties", "Eighties Big Snare Drums", ("acoustic", "80s", "eighties", "big snare", "gated", "power ballad", "huge"),
                {"synthwave": 0.5, "rock": 0.7, "pop": 0.7}, 0.6, 0.6, {**_muldjord("close"), "snare": "frankensnare_symp_80s.snare"},
                {"snare": 1.5}, room=0.25, room_s=0.8, drive_db=4.0, tone=tone(1, 0, 1, 0)),
    RecordedKit("rimshot", "Cracking Rimshot Drums", ("acoustic", "rimshot", "crack", "reggae", "ska", "latin", "cutting", "bright"),
                {"funk": 0.6, "pop": 0.4, "rock": 0.4, "house": 0.1}, 0.7, 0.5, {**_gretsch("close"),
                "snare": "frankensnare_13b_rimshot.rimshot", "rim": "frankensnare_13b_basic.rim"}, room=0.08, drive_db=3.0),
)  # fmt: skip


def add(bundle: Path, data: bytes, version: str | None = None, licence: str | None = None) -> tuple[int, list[str]]:
    """Writes the kits and the file of hits into a bundle; returns the number of kits, and the kits with missing pieces."""
    pieces = hits.unpack(data)
    known = {piece.name for piece in pieces}
    patches = json.loads((bundle / "patches.json").read_text())
    patches = [patch for patch in patches if not patch["id"].startswith(PREFIX)]
    for patch in patches:
        if patch["id"] in SUPERSEDED:
            patch["styles"] = {style: min(weight, REST) for style, weight in patch["styles"].items()}
    lost, made = [], []
    for kit in KITS:
        missing = sorted(set(kit.pieces.values()) - known)
        if missing:
            lost.append(f"{kit.id} ({', '.join(missing)})")
        else:
            made.append(kit.patch())
    # Appended after the other kits, because random choices for a patch depend on its position.
    last = max(index for index, patch in enumerate(patches) if patch["track"] == "drums")
    patches[last + 1 : last + 1] = made
    used = {own["piece"] for patch in made for own in patch["excitation"]["pieces"].values()}
    data = hits.pack([piece for piece in pieces if piece.name in used])
    files = {HITS_FILE: data, "patches.json": json.dumps(patches, separators=(",", ":")).encode() + b"\n"}
    manifest_path = bundle / "manifest.json"
    if manifest_path.is_file():
        manifest = json.loads(manifest_path.read_text())
        tracks = manifest.pop("tracks")
        rows = {name: {"file": name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
                for name, content in files.items()}  # fmt: skip
        manifest |= {"patches": {**rows["patches.json"], "count": len(patches)}, "hits": rows[HITS_FILE], "tracks": tracks}
        manifest |= {name: value for name, value in (("version", version), ("licence", licence)) if value}
        files["manifest.json"] = (json.dumps(manifest, indent=1) + "\n").encode()
    for name, content in files.items():
        temporary = bundle / (name + ".part")
        temporary.write_bytes(content)
        os.replace(temporary, bundle / name)
    return len(made), lost


def main() -> None:
    """Command-line entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--hits", type=Path, required=True, help="file of `fit_hits --pack`")
    parser.add_argument("--version", help="version of the bundle; unchanged if omitted")
    parser.add_argument("--licence", help="SPDX expression that covers the recordings; unchanged if omitted")
    arguments = parser.parse_args()
    try:
        made, lost = add(arguments.bundle, arguments.hits.read_bytes(), arguments.version, arguments.licence)
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"hit_kits: {error}")
    for kit in lost:
        print(f"left out, pieces are missing: {kit}", file=sys.stderr)
    print(f"{made} kits in {arguments.bundle / 'patches.json'}")


if __name__ == "__main__":
    main()
