"""The patches a folder of clips was rendered with: its own `patches.json`, or the synthesiser's bank."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

OWN = "patches.json"


def records(data: Path | None) -> list[dict[str, Any]]:
    """Patch records (without timbres) for a folder of clips; the synthesiser's bank if the folder has none."""
    if data is not None and (data / OWN).is_file():
        return json.loads((data / OWN).read_text())
    from resonant.synth.patches import patch_records

    return patch_records()
