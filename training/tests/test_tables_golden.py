"""The tables duplicated in Rust."""

from pathlib import Path

from resonant import tables
from resonant.composer.progressions import POOLS, STYLE_POOLS

GOLDEN = Path(__file__).parents[2] / "tests" / "golden" / "tables" / "tables.json"


def test_the_golden_tables_are_those_of_the_training_code():
    assert GOLDEN.read_text() == tables.text(), "run `cargo xtask golden`, and change the Rust twins that then fail"


def test_every_style_has_progressions_in_the_file_that_both_read():
    assert sum(len(texts) for modes in POOLS.values() for texts in modes.values()) > 700
    assert {pool for pools in STYLE_POOLS.values() for pool in pools} == set(POOLS)
