"""The patch bank: lookup, weighted choice and the records that ship in the bundle."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from resonant.piece import FAMILIES
from resonant.synth.bank_bass import BASSES
from resonant.synth.bank_harmony import HARMONIES
from resonant.synth.bank_kits import KITS
from resonant.synth.bank_melody import MELODIES
from resonant.synth.calibration import excitation_of
from resonant.synth.model import Patch

PATCHES: tuple[Patch, ...] = (*KITS, *BASSES, *HARMONIES, *MELODIES)
_BASE_WEIGHT = 0.02  # gives every patch a small chance in every style


@functools.cache
def _by_id() -> dict[str, Patch]:
    index: dict[str, Patch] = {}
    for patch in PATCHES:
        if patch.id in index:
            raise ValueError(f"duplicate patch id {patch.id}")
        if patch.family not in FAMILIES:
            raise ValueError(f"{patch.id}: unknown family {patch.family}")
        index[patch.id] = patch
    return index


def patch_by_id(patch_id: str) -> Patch:
    """Raises KeyError naming the unknown patch."""
    try:
        return _by_id()[patch_id]
    except KeyError:
        raise KeyError(f"unknown patch {patch_id!r}") from None


def families_of(track: str) -> tuple[str, ...]:
    """Families for which a track has patches, in the order of `FAMILIES`."""
    used = {patch.family for patch in PATCHES if patch.track == track}
    return tuple(family for family in FAMILIES if family in used)


def pick_patch(track: str, family: str | None, style: str, rng: np.random.Generator) -> Patch:
    """Choose among a track's patches of a family by style weight (no patch has zero weight).

    If the family is None, or has no patches for this track, all families are used.
    """
    pool = [patch for patch in PATCHES if patch.track == track and patch.family == family]
    if not pool:
        pool = [patch for patch in PATCHES if patch.track == track]
    if not pool:
        raise ValueError(f"no patches for track {track!r}")
    weights = np.array([patch.styles.get(style, 0.0) + _BASE_WEIGHT for patch in pool])
    return pool[int(rng.choice(len(pool), p=weights / weights.sum()))]


def patch_record(patch: Patch) -> dict[str, Any]:
    """JSON-ready description without the timbre vector (added by the codec)."""
    return {
        "id": patch.id,
        "track": patch.track,
        "name": patch.name,
        "family": patch.family,
        "tags": list(patch.tags),
        "styles": dict(patch.styles),
        "attributes": dict(patch.attributes),
        "gain_db": patch.gain_db,
        "width": patch.width,
        "excitation": excitation_of(patch),
    }


def patch_records() -> list[dict[str, Any]]:
    """Records of all patches, for the bundle's patches.json."""
    return [patch_record(patch) for patch in PATCHES]
