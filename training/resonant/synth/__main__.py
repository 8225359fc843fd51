"""`python -m resonant.synth [prefix ...]`: measure patches and store their calibration."""

from __future__ import annotations

import argparse
import sys

from resonant.synth import calibration
from resonant.synth.fluid import SoundfontError
from resonant.synth.patches import PATCHES


def main() -> int:
    """Command-line entry point; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m resonant.synth", description=__doc__)
    parser.add_argument("patches", nargs="*", help="patch id prefixes; default all")
    prefixes = tuple(parser.parse_args().patches) or ("",)
    chosen = [patch for patch in PATCHES if patch.id.startswith(prefixes)]
    if not chosen:
        print(f"error: no patch begins with {' or '.join(prefixes)}", file=sys.stderr)
        return 1
    try:
        count = calibration.write(chosen, PATCHES)
    except (SoundfontError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"calibrated {count} patches")
    return 0


if __name__ == "__main__":
    sys.exit(main())
