"""Checks that the reference code reproduces the goldens in tests/golden/compose.

They must be byte-identical on every machine: tokens are integers, and conditions use only additions, multiplications and
divisions, which IEEE 754 rounds identically everywhere.
"""

from pathlib import Path

from resonant import compose_goldens

GOLDEN = Path(__file__).parents[2] / "tests" / "golden" / "compose"


def test_goldens_are_current(tmp_path: Path) -> None:
    compose_goldens.write(tmp_path)
    stored = {path.name: path.read_bytes() for path in GOLDEN.glob("*.json")}
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert stored.keys() == written.keys()
    for name, text in written.items():
        assert text == stored[name], f"{name} differs: see `cargo xtask golden`"
