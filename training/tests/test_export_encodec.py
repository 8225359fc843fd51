"""The `encodec` export compared with transformers, on audio, with the paddings and strides of the real checkpoints."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from transformers import EncodecConfig  # noqa: E402

from resonant import export_encodec, foreign_fixtures  # noqa: E402
from resonant.export_codec import session  # noqa: E402

WIDTHS = {"num_filters": 8, "hidden_size": 32, "codebook_dim": 32}


def small(name: str) -> EncodecConfig:
    return EncodecConfig(**(foreign_fixtures.CONFIGS[name] | WIDTHS))


def assert_same_codes(model, audio: np.ndarray, found: np.ndarray, expected: np.ndarray) -> None:
    """All codes [K, F] are equal, except in frames where two entries are equally close within f32 precision."""
    frames = np.flatnonzero((found != expected).any(0))
    assert len(frames) <= 0.05 * found.shape[1]
    with torch.no_grad():
        double = copy.deepcopy(model).double()
        latent = double.encoder(torch.from_numpy(audio).double()[None, None])[0].T
        for frame in frames:
            first = int(np.argmax(found[:, frame] != expected[:, frame]))
            tables = [layer.codebook.embed for layer in double.quantizer.layers]
            residual = latent[frame] - sum(tables[k][expected[k, frame]] for k in range(first))
            pair = [int(found[first, frame]), int(expected[first, frame])]
            near = (tables[first][pair] - residual).pow(2).sum(1)
            assert abs(near[0] - near[1]) < 1e-6 * latent[frame].pow(2).sum()


@pytest.mark.parametrize("name", foreign_fixtures.CONFIGS)
def test_codes_are_equal_and_audio_too_at_every_bandwidth(name: str, tmp_path: Path) -> None:
    config = small(name)
    hop = int(np.prod(config.upsampling_ratios))
    audio = foreign_fixtures.music(config.sampling_rate, 60 * hop / config.sampling_rate)
    model = foreign_fixtures.random_codec(config, audio)
    manifest = export_encodec.export(model, tmp_path, name, "1.0.0", "MIT")
    assert json.loads((tmp_path / "manifest.json").read_text()) == manifest
    encode, decode = session(tmp_path / "encode.onnx"), session(tmp_path / "decode.onnx")
    for length in (60 * hop, 17 * hop):
        codes = encode.run(None, {"audio": audio[None, None, :length]})[0]
        assert codes.shape == (1, manifest["codebooks"], length // hop)
        assert len(np.unique(codes)) > 20
        for bandwidth in manifest["bandwidths"]:
            expected, sound = foreign_fixtures.torch_codec(model, audio[:length], bandwidth["kbps"])
            assert expected.shape[0] == bandwidth["codebooks"]
            assert_same_codes(model, audio[:length], codes[0, : len(expected)], expected)
            got = decode.run(None, {"codes": expected[None]})[0][0, 0]
            assert np.abs(sound).max() > 0.1
            # Summed in a different order, in each of a dozen layers.
            assert np.abs(got - sound).max() <= 100.0 * np.finfo(np.float32).eps * np.abs(sound).max()


def test_what_needs_several_passes_is_refused(tmp_path: Path) -> None:
    values = foreign_fixtures.CONFIGS["encodec_24khz"] | WIDTHS | {"normalize": True}
    model = foreign_fixtures.EncodecModel(EncodecConfig(**values))
    with pytest.raises(export_encodec.ExportError, match="normalize"):
        export_encodec.export(model, tmp_path, "x", "1", "MIT")


def test_the_command_line_reads_a_checkpoint_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = small("encodec_24khz")
    foreign_fixtures.EncodecModel(config).save_pretrained(tmp_path / "checkpoint")
    words = [str(tmp_path / "checkpoint"), "--out", str(tmp_path / "bundle"), "--id", "mine", "--licence", "MIT"]
    export_encodec.main(words)
    assert "24000 Hz, 32 codebooks, 1.5, 3, 6, 12, 24 kbit/s" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="config.json"):
        export_encodec.main([str(tmp_path / "nothing"), *words[1:]])
