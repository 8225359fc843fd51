"""The codec goldens in tests/golden/codec agree with the normative Python."""

from pathlib import Path

import json
import numpy as np
import pytest

from resonant import codec_goldens

GOLDEN = Path(__file__).parents[2] / "tests" / "golden" / "codec"


@pytest.mark.parametrize("name", sorted(codec_goldens.CASES))
def test_golden_is_current(name: str) -> None:
    description, arrays = codec_goldens.make_case(name)
    assert json.loads((GOLDEN / f"{name}.json").read_text()) == json.loads(json.dumps(description))
    for key, value in arrays.items():
        stored = np.fromfile(GOLDEN / description["files"][key]["file"], dtype="<f4").reshape(value.shape)
        np.testing.assert_allclose(value, stored, atol=1e-5)
