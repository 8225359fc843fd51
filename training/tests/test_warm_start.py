"""Checkpoints made from exports hold the exported weights."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from resonant import export_codec, export_compose, mel
from resonant.codec import CodecConfig, Decoder
from resonant.compose_model import ComposeModelConfig, Composer
from resonant.conditions import CONDITION, FIGURE_WIDTH
from resonant.perform_model import PerformConfig, Performer
from resonant.trainer import ConfigError
from resonant.warm_start import ExportedGraph, composer_from, restore

CODEC = CodecConfig(width=16, blocks=1, expansion=2, head_blocks=1)
PERFORM = PerformConfig(width=16, blocks=1, expansion=2)
COMPOSE = ComposeModelConfig(width=32, layers=2, heads=2, feed_forward=48, condition_width=32)


def _models() -> tuple[Decoder, Performer]:
    torch.manual_seed(3)
    decoder, performer = Decoder("drums", CODEC), Performer("drums", PERFORM)
    with torch.no_grad():
        for parameter in (*decoder.parameters(), *performer.parameters()):  # the exporter would store equal constants only once
            parameter.add_(torch.randn_like(parameter), alpha=0.05)
    basis = np.linalg.qr(np.random.default_rng(3).normal(size=(2 * mel.MEL_BANDS, CODEC.latent)))[0]
    decoder.quantiser.project.copy_(torch.from_numpy(basis * 0.1))
    decoder.quantiser.expand.copy_(torch.from_numpy(basis.T * 10.0))
    decoder.quantiser.codebooks.normal_()
    return decoder, performer


@pytest.mark.parametrize("int8", [False, True])
def test_decoder_and_performer_come_back(tmp_path: Path, int8: bool) -> None:
    decoder, performer = _models()
    export_codec.export_track(decoder.eval(), performer.eval(), tmp_path, int8)
    graphs = {kind: ExportedGraph(tmp_path / f"{kind}_drums.onnx") for kind in ("encode", "perform", "decode")}
    fresh_decoder, fresh_performer = Decoder("drums", CODEC), Performer("drums", PERFORM)
    restore(fresh_decoder, graphs["decode"], "decoder.", graphs["encode"].quantiser())
    restore(fresh_performer, graphs["perform"], "performer.", {})
    for true, found in ((decoder, fresh_decoder), (performer, fresh_performer)):
        for (name, value), back in zip(true.state_dict().items(), found.state_dict().values(), strict=True):
            # Quantised weights have 7 bits per channel; all others are unchanged.
            allowed = float(value.abs().max()) / 64.0 if int8 and value.dim() == 2 else 0.0
            assert float((value - back).abs().max()) <= allowed, name


@pytest.mark.parametrize("int8", [False, True])
def test_composer_comes_back(tmp_path: Path, int8: bool) -> None:
    torch.manual_seed(4)
    model = Composer("bass", COMPOSE).eval()
    path, plain = tmp_path / "compose_bass.onnx", tmp_path / "plain.onnx"
    export_compose.onnx.save(export_compose.build(model), plain)
    if int8:
        export_compose.quantise(plain, path)
    else:
        plain.rename(path)
    back = composer_from(tmp_path, "bass", COMPOSE).state_dict()
    for name, value in model.state_dict().items():
        allowed = float(value.abs().max()) / 64.0 if int8 and value.dim() == 2 else 0.0
        assert float((value - back[name]).abs().max()) <= allowed, name


def test_an_export_of_another_shape_is_an_error(tmp_path: Path) -> None:
    export_compose.onnx.save(export_compose.build(Composer("bass", COMPOSE)), tmp_path / "compose_bass.onnx")
    with pytest.raises(ConfigError, match="is .* the configuration has"):
        composer_from(tmp_path, "bass", ComposeModelConfig(width=64, layers=2, heads=2, feed_forward=48))
    with pytest.raises(ConfigError, match="cannot read"):
        composer_from(tmp_path / "nothing", "bass", COMPOSE)


@pytest.mark.parametrize("units", [0, 12])
def test_figures_start_without_effect(tmp_path: Path, units: int) -> None:
    torch.manual_seed(5)
    model = Composer("bass", COMPOSE).eval()
    export_compose.onnx.save(export_compose.build(model), tmp_path / "compose_bass.onnx")
    told = composer_from(tmp_path, "bass", replace(COMPOSE, condition=CONDITION + FIGURE_WIDTH, figure_units=units)).eval()
    tokens = torch.randint(4, 100, (1, 20))
    condition = torch.rand(1, 20, CONDITION + FIGURE_WIDTH)
    with torch.no_grad():
        expected, found = model(tokens, condition[..., :CONDITION]), told(tokens, condition)
    assert float((expected - found).abs().max()) < 1e-5
