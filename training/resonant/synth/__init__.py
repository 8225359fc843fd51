"""Sound sources for the training data: our own synthesis and MIT-licensed soundfonts."""

from resonant.synth.model import Patch
from resonant.synth.patches import PATCHES, families_of, patch_by_id, patch_record, patch_records, pick_patch
from resonant.synth.render import loop_samples, timed_notes
from resonant.synth.stems import render_stem

__all__ = [
    "PATCHES",
    "Patch",
    "families_of",
    "loop_samples",
    "patch_by_id",
    "patch_record",
    "patch_records",
    "pick_patch",
    "render_stem",
    "timed_notes",
]
