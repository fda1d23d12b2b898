"""FCN, ResNet and Inception for time series: as published, for any length and number of channels, from own weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from warmstart.errors import BackboneError
from warmstart.model.catalog import list_backbones, load_backbone, untrained_module
from warmstart.model.modes import evaluating
from warmstart.planning.profile import profile
from warmstart.preprocess.kinds import of_series

NAMES = ("fcn1d", "resnet1d", "inceptiontime")
LITE, ITS_SHARE = 9_814, 2.34
"""Parameters of LITE (Ismail-Fawaz et al. 2023), and how many per cent of one network of InceptionTime they state."""
UNITS = {
    "fcn1d": [(1, 128, 8), (128, 256, 5), (256, 128, 3)],
    "resnet1d": [
        *((1, 64, 8), (64, 64, 5), (64, 64, 3), (1, 64, 1)),
        *((64, 128, 8), (128, 128, 5), (128, 128, 3), (64, 128, 1)),
        *((128, 128, 8), (128, 128, 5), (128, 128, 3)),
    ],
    "inceptiontime": [
        *((1, 32, 40), (1, 32, 20), (1, 32, 10), (1, 32, 1), (1, 128, 1), (128, 128, 1)),
        *(5 * ((128, 32, 1), (32, 32, 40), (32, 32, 20), (32, 32, 10), (128, 32, 1))),
    ],
}
"""Convolutions (inputs, outputs, length) of each, as the papers and their code draw them."""


def test_inception_has_as_many_parameters_as_published() -> None:
    found = load_backbone("inceptiontime").card.parameters
    assert 420_000 < found < 490_000
    assert round(100 * LITE / found, 2) == ITS_SHARE


@pytest.mark.parametrize("name", NAMES)
def test_parameters_and_operations_are_those_of_the_layers_drawn_in_the_papers(name: str) -> None:
    backbone, steps = load_backbone(name), 100
    weights = sum(a * b * k for a, b, k in UNITS[name])
    convolutions = [m for m in backbone.module.modules() if isinstance(m, nn.Conv1d)]
    assert sum(m.weight.numel() for m in convolutions) == weights
    assert {m.bias is None for m in convolutions} == {name == "inceptiontime"}
    counted = profile(backbone, 0, len(backbone.chain.cuts) - 1, steps).flops
    assert counted == 2 * weights * steps


@pytest.mark.parametrize("name", NAMES)
def test_the_table_says_how_many_parameters(name: str) -> None:
    row = next(row for row in list_backbones() if row["name"] == name)
    assert (row["parameters"], row["modality"], row["here"]) == (load_backbone(name).card.parameters, "series", True)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("steps", [4, 7, 200])
def test_series_of_any_length(name: str, steps: int) -> None:
    backbone = load_backbone(name)
    x = torch.randn(3, 1, steps)
    with evaluating(backbone.module), torch.no_grad():
        found = backbone.chain(x)
        assert found.shape == (3, backbone.out_features) == (3, 128)
        for cut in range(1, len(backbone.chain.cuts)):
            torch.testing.assert_close(backbone.chain.suffix(cut)(backbone.chain.prefix(cut)(x)), found)


@pytest.mark.parametrize("name", NAMES)
def test_initial_weights_are_keras_s(name: str) -> None:
    """Glorot uniform: between ± sqrt(6 / (fan in + fan out)), and spread over all of that."""
    for module in load_backbone(name).module.modules():
        if isinstance(module, nn.Conv1d):
            kernel = module.kernel_size[0]
            bound = (6 / (kernel * (module.in_channels + module.out_channels))) ** 0.5
            assert module.weight.abs().max() <= bound
            assert module.weight.detach().std().item() == pytest.approx(bound / 3**0.5, rel=0.25)
            assert module.bias is None or not module.bias.any()
        if isinstance(module, nn.BatchNorm1d):
            assert module.momentum == pytest.approx(0.01)
            assert module.eps == pytest.approx(1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_random_and_the_card_says_so(name: str) -> None:
    card = load_backbone(name, seed=3).card
    assert (card.name, card.licence) == (f"{name}?pretrained=false", "none needed")
    assert (card.source, card.trained_on) == ("random initialisation, seed 3", "nothing (random weights)")
    assert load_backbone(name, seed=4).card.weights_sha256 != card.weights_sha256
    with pytest.raises(BackboneError, match=f"'{name}:large'"):
        load_backbone(f"{name}:large")


@pytest.mark.parametrize("name", NAMES)
def test_several_channels_are_read_together_by_weights_drawn_for_them(name: str) -> None:
    backbone = load_backbone(f"{name}?channels=3", seed=2)
    again = load_backbone(f"{name}?channels=3&pretrained=false", seed=2)
    assert backbone.card == again.card
    assert (of_series(backbone.spec).channels, backbone.out_features) == (3, 128)
    x = torch.randn(2, 3, 50)
    with evaluating(backbone.module), torch.no_grad():
        assert not torch.allclose(backbone.chain(x), backbone.chain(x[:, [1, 0, 2]]))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("channels", [1, 3])
def test_weights_of_ones_own_training_are_read_with_their_channels(name: str, channels: int, tmp_path: Path) -> None:
    trained = load_backbone(f"{name}?channels={channels}", seed=5)
    file = tmp_path / "mine.safetensors"
    head = {"head.weight": torch.ones(4, 128), "head.bias": torch.arange(4.0)}
    save_file({f"backbone.{key}": value for key, value in trained.module.state_dict().items()} | head, file)
    found = load_backbone(f"file:{name}@{file}")
    assert found.card.weights_sha256 == trained.card.weights_sha256
    assert found.card.name == f"file:{name}@mine.safetensors{'?channels=3' if channels == 3 else ''}"
    assert of_series(found.spec).channels == channels
    assert found.source_head is not None
    assert torch.equal(found.source_head.bias, torch.arange(4.0))
    assert untrained_module(found.card.name, seed=1).state_dict().keys() == found.module.state_dict().keys()


@pytest.mark.parametrize("name", ["fcn1d", "resnet1d"])
def test_weights_of_one_channel_are_spread_over_several(name: str, tmp_path: Path) -> None:
    trained = load_backbone(name, seed=5)
    save_file(trained.module.state_dict(), tmp_path / "mine.safetensors")
    found = load_backbone(f"file:{name}@{tmp_path / 'mine.safetensors'}?channels=4")
    assert "adapted from 1 channels" in found.card.source
    x = torch.randn(2, 1, 30)
    with evaluating(trained.module), evaluating(found.module), torch.no_grad():
        torch.testing.assert_close(found.chain(x.expand(-1, 4, -1)), trained.chain(x), rtol=1e-4, atol=1e-5)


def test_inception_has_another_first_module_for_several_channels(tmp_path: Path) -> None:
    save_file(load_backbone("inceptiontime").module.state_dict(), tmp_path / "mine.safetensors")
    with pytest.raises(BackboneError, match="other layers"):
        load_backbone(f"file:inceptiontime@{tmp_path / 'mine.safetensors'}?channels=3")


def test_a_card_beside_the_weights_states_steps_and_nothing_of_images(tmp_path: Path) -> None:
    save_file(load_backbone("fcn1d").module.state_dict(), tmp_path / "mine.safetensors")
    (tmp_path / "card.yaml").write_text("architecture: fcn1d\ntrained_on: GunPoint\nsize: 150\n")
    found = load_backbone(f"file:{tmp_path}")
    assert (found.spec.size, found.card.trained_on) == (150, "GunPoint")
    (tmp_path / "card.yaml").write_text("architecture: fcn1d\nmean: [0.5]\ncrop_pct: 0.9\n")
    with pytest.raises(BackboneError, match="states crop_pct, mean of a backbone that reads series"):
        load_backbone(f"file:{tmp_path}")
