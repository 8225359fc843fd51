"""Which patches a folder of clips was played with: its own `patches.json`, or the synthesiser's bank."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

OWN = "patches.json"


def records(data: Path | None) -> list[dict[str, Any]]:
    """Patch records (without timbres) of a folder of clips; those of the synthesiser where it has no own."""
    if data is not None and (data / OWN).is_file():
        return json.loads((data / OWN).read_text())
    from resonant.synth.patches import patch_records

    return patch_records()
