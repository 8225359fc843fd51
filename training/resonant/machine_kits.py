"""Drum machines without a neural network: our own synthesis (`resonant.synth.drums`) as modes and noise of `resonant.hits`.

    python -m resonant.machine_kits fit --out data/machines
    python -m resonant.machine_kits add BUNDLE --hits FILE

`fit` synthesises every drum of the kits in `MACHINES` and fits it like a recording in `fit_hits`. Drums shared by several kits
are fitted once, and existing fits are kept; `fit_hits --out data/machines --pack FILE` packs them into one file. `add` writes
the kits to BUNDLE/patches.json (replacing those of an earlier run) and their hits to BUNDLE/hits_drums.bin, alongside those of
the recorded kits. The corresponding kits rendered by the network keep their names and tags, so that old projects still find
them, but get a lower style weight.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import zlib
from pathlib import Path
from typing import Any

from resonant import fit_hits, hits
from resonant.hit_kits import CLASSES, HITS_FILE, tone
from resonant.hits import Piece

MACHINES = (
    "808_classic", "808_deep", "808_hard", "808_tight", "808_trap_knock", "808_lofi", "909_classic", "909_warm", "909_driven",
    "techno_hard", "house_deep", "house_tech", "606_box", "linn_classic", "synthwave_power", "pop_modern",
)  # fmt: skip
PREFIX = "drums.machine_"
REST = 0.35
# Fitting group of each class, and velocities to fit; other velocities differ only in level and brightness.
GROUPS = {
    "kick": "kick", "snare": "snare", "clap": "clap", "rim": "rim", "closed_hat": "closed_hat", "open_hat": "open_hat",
    "low_tom": "tom_low", "high_tom": "tom_high", "crash": "crash", "ride": "ride", "shaker": "tambourine", "perc": "cowbell",
}  # fmt: skip
VELOCITIES = {"snare": (60, 120), "closed_hat": (60, 120)}
LOUD = (120,)
# The engine's balance of the classes (crates/sound/src/codec/kit.rs), in dB; machines have their own balance.
BALANCE_DB = dict(zip(CLASSES, (0.0, -1.0, -4.0, -7.0, -14.0, -12.0, -3.0, -4.0, -8.0, -14.0, -17.0, -11.0), strict=True))
MOST_DB = 6.0


def machines() -> list[Any]:
    """The synthesised kits."""
    from resonant.synth.bank_kits import KITS  # requires the packages for synthesis

    by_id = {kit.id: kit for kit in KITS}
    return [by_id[f"drums.{name}"] for name in MACHINES]


def piece_name(kit: Any, drum: str) -> str:
    """Name of a drum's piece; kits with equal parameters share it."""
    return f"machine.{drum}.{zlib.crc32(repr(kit.sound.hits[drum]).encode()):08x}"


def fit_all(out: Path) -> int:
    """Fits the missing pieces; returns the total number of pieces."""
    from resonant.synth.render import one_shot

    out.mkdir(parents=True, exist_ok=True)
    names = set()
    for kit in machines():
        for drum in kit.sound.hits:
            name = piece_name(kit, drum)
            names.add(name)
            for layer, velocity in enumerate(VELOCITIES.get(drum, LOUD)):
                path = out / f"{name}.{layer}.hit"
                if path.is_file():
                    continue
                sounds = [one_shot(kit, CLASSES.index(drum), velocity, robin).astype(float) for robin in range(3)]
                peak = max(abs(sounds[0]).max(), 1e-9)
                gain_db = 20 * float(fit_hits.np.log10(peak))
                seed = zlib.crc32(path.name.encode())
                hit = fit_hits.fit([sound / peak for sound in sounds], GROUPS[drum], gain_db, seed, jitter=False)
                temporary = path.with_suffix(".part")
                temporary.write_bytes(hits.pack([Piece(name, [hit])]))
                os.replace(temporary, path)
                print(path.stem, flush=True)
    return len(names)


def patch_of(kit: Any, pieces: dict[str, Piece]) -> dict[str, Any]:
    """The patch record for the bundle."""
    loudest = {drum: pieces[piece_name(kit, drum)].hits[-1].loudness_db for drum in kit.sound.hits}
    own = {}
    for drum in kit.sound.hits:
        wanted = loudest[drum] - loudest["kick"] - BALANCE_DB[drum]
        own[drum] = {"piece": piece_name(kit, drum), "gain_db": round(max(-MOST_DB, min(MOST_DB, wanted)), 1), "tune": 1.0}
    effects = kit.effects
    dull = 0.0 if not effects.low_pass_hz else max(-24.0, -12.0 * (16_000 / effects.low_pass_hz - 1))
    excitation = {
        "pieces": own, "room": round(0.5 * effects.room, 3), "room_s": max(effects.room_s, 0.2),
        "drive_db": round(14.0 * effects.drive, 1), "tone": list(tone(0.0, 0.0, 0.4 * dull, dull)),
    }  # fmt: skip
    return {
        "id": PREFIX + kit.id.removeprefix("drums."), "track": "drums", "name": kit.name, "family": kit.family,
        "tags": list(kit.tags), "styles": kit.styles, "attributes": kit.attributes, "gain_db": 0.0, "width": kit.width, "excitation": excitation,
        "timbre": [0.0] * 64,
    }  # fmt: skip


def add(bundle: Path, data: bytes) -> tuple[int, list[str]]:
    """Writes the kits and their hits into a bundle; returns the number of kits, and the kits with missing drums."""
    pieces = {piece.name: piece for piece in hits.unpack(data)}
    kept = [piece for piece in hits.unpack((bundle / HITS_FILE).read_bytes()) if not piece.name.startswith("machine.")]
    patches = [patch for patch in json.loads((bundle / "patches.json").read_text()) if not patch["id"].startswith(PREFIX)]
    whole = [kit for kit in machines() if all(piece_name(kit, drum) in pieces for drum in kit.sound.hits)]
    lost = [kit.id for kit in machines() if kit not in whole]
    old = {kit.id for kit in whole}
    used = {piece_name(kit, drum) for kit in whole for drum in kit.sound.hits}
    for patch in patches:
        if patch["id"] in old:
            patch["styles"] = {style: min(weight, REST) for style, weight in patch["styles"].items()}
    made = [patch_of(kit, pieces) for kit in whole]
    last = max(index for index, patch in enumerate(patches) if patch["track"] == "drums")
    patches[last + 1 : last + 1] = made
    content = {
        HITS_FILE: hits.pack([*kept, *(pieces[name] for name in sorted(used))]),
        "patches.json": json.dumps(patches, separators=(",", ":")).encode() + b"\n",
    }
    manifest_path = bundle / "manifest.json"
    if manifest_path.is_file():
        manifest = json.loads(manifest_path.read_text())
        rows = {
            name: {"file": name, "sha256": hashlib.sha256(part).hexdigest(), "bytes": len(part)} for name, part in content.items()
        }
        manifest |= {"patches": {**rows["patches.json"], "count": len(patches)}, "hits": rows[HITS_FILE]}
        content["manifest.json"] = (json.dumps(manifest, indent=1) + "\n").encode()
    for name, part in content.items():
        temporary = bundle / (name + ".part")
        temporary.write_bytes(part)
        os.replace(temporary, bundle / name)
    return len(made), lost


def main() -> None:
    """Command-line entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    chores = parser.add_subparsers(dest="chore", required=True)
    fitting = chores.add_parser("fit", help="synthesise and fit")
    fitting.add_argument("--out", type=Path, default=Path("data/machines"))
    adding = chores.add_parser("add", help="write kits and hits into a bundle")
    adding.add_argument("bundle", type=Path)
    adding.add_argument("--hits", type=Path, required=True, help="file of `fit_hits --pack`")
    arguments = parser.parse_args()
    try:
        if arguments.chore == "fit":
            print(f"{fit_all(arguments.out)} drums in {arguments.out}")
        else:
            made, lost = add(arguments.bundle, arguments.hits.read_bytes())
            for kit in lost:
                print(f"left out, drums are missing: {kit}", file=sys.stderr)
            print(f"{made} kits in {arguments.bundle / 'patches.json'}")
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"machine_kits: {error}")


if __name__ == "__main__":
    main()
