from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from aeon.datasets import load_classification
from aeon.transformations.collection.convolution_based import MiniRocket as Theirs

from warmstart.errors import BackboneError
from warmstart.model.catalog import load_backbone
from warmstart.model.from_data import from_data
from warmstart.model.inputs import weight_of
from warmstart.model.series.minirocket import FEATURES, MiniRocket


def learned(series: np.ndarray, features: int = FEATURES, seed: int = 0) -> MiniRocket:
    network = MiniRocket(series.shape[1], features).eval()
    network.convolutions.learn(len(series), lambda at: torch.from_numpy(series[at]), seed)
    return network


def aeons(train: np.ndarray, other: np.ndarray, features: int = FEATURES, seed: int = 0) -> tuple[Theirs, np.ndarray]:
    """aeon's, on series on the same scale: that of the training series, channel by channel."""
    mean, std = train.mean((0, 2), np.float64)[:, None], train.std((0, 2), np.float64)[:, None]
    scaled = [((rows - mean) / std).astype(np.float32) for rows in (train, other)]
    theirs = Theirs(n_kernels=features, random_state=seed).fit(scaled[0])
    return theirs, theirs.transform(scaled[1])


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("ItalyPowerDemand", marks=pytest.mark.slow),
        "GunPoint",
        pytest.param("BasicMotions", marks=pytest.mark.slow),
    ],
)
def test_features_are_those_of_aeon_on_real_sets(name: str) -> None:
    train, other = (load_classification(name, split=split)[0].astype(np.float32) for split in ("train", "test"))
    other, features = other[:40], 2_016 if name == "BasicMotions" else FEATURES
    theirs, wanted = aeons(train, other, features)
    network = learned(train, features)
    np.testing.assert_array_equal(network.convolutions.biases.numpy(), theirs.parameters[4])
    with torch.inference_mode():
        found = network(torch.from_numpy(other)).numpy()
    assert found.shape == (40, features)
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_flat_stretches_on_which_a_convolution_equals_its_bias_are_counted_alike() -> None:
    rng = np.random.default_rng(0)
    rows = np.round(rng.normal(size=(20, 2, 100)).cumsum(2) * 2).repeat(3, 2).astype(np.float32) * np.float32(0.37)
    _, wanted = aeons(rows, rows, 1_008)
    with torch.inference_mode():
        found = learned(rows, 1_008)(torch.from_numpy(rows)).numpy()
    assert (np.abs(found - wanted) > 1e-6).mean() < 1e-3  # aeon's compiled loops may round otherwise elsewhere


def test_another_seed_takes_other_series() -> None:
    rows = np.random.default_rng(0).normal(size=(12, 3, 40)).astype(np.float32)
    one, same, other = (learned(rows, 168, seed).convolutions for seed in (0, 0, 1))
    assert torch.equal(one.biases, same.biases)
    assert not torch.equal(one.biases, other.biases)
    assert not torch.equal(one.reads, other.reads)
    assert torch.equal(one.dilations, other.dilations)


def test_each_series_has_its_features_whatever_the_others_are(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(0).normal(size=(9, 2, 50)).astype(np.float32)
    network, x = learned(rows, 336), torch.from_numpy(rows)
    with torch.inference_mode():
        together = network(x)
        assert torch.equal(torch.cat([network(one[None]) for one in x]), together)
        monkeypatch.setattr("warmstart.model.series.minirocket._AT_ONCE", 3 * 84 * 50)
        assert torch.equal(network(x), together)
        monkeypatch.setattr("warmstart.model.series.minirocket._LEARNED_AT_ONCE", 1)
        assert torch.equal(learned(rows, 336).convolutions.biases, network.convolutions.biases)


def test_units_do_not_matter() -> None:
    rows = np.random.default_rng(0).normal(size=(9, 2, 50))
    other = rows * np.array([[3.0], [1e-3]]) + np.array([[5.0], [-2.0]])
    with torch.inference_mode():
        one, two = (learned(x.astype(np.float32), 168)(torch.from_numpy(x).float()) for x in (rows, other))
    assert float((one - two).abs().mean()) < 1e-3


def test_a_channel_that_never_changes_is_no_harm() -> None:
    rows = np.random.default_rng(0).normal(size=(9, 2, 50)).astype(np.float32)
    rows[:, 1] = 4
    with torch.inference_mode():
        assert torch.isfinite(learned(rows, 168)(torch.from_numpy(rows))).all()


def test_its_state_is_its_buffers() -> None:
    rows = np.random.default_rng(0).normal(size=(9, 2, 50)).astype(np.float32)
    network, again = learned(rows, 168), MiniRocket(2, 168)
    assert network.convolutions.learned
    assert from_data(again) is again.convolutions
    assert not again.convolutions.ready
    again.load_state_dict(network.state_dict())
    assert again.convolutions.learned
    with torch.inference_mode():
        assert torch.equal(again(torch.from_numpy(rows)), network(torch.from_numpy(rows)))
    assert not list(network.parameters())
    assert weight_of(network).dtype == torch.float32


def test_series_that_are_too_short_say_so() -> None:
    with pytest.raises(ValueError, match="8 steps"):
        MiniRocket(1, 168)(torch.zeros(1, 1, 8))


def test_names_give_channels_and_features() -> None:
    backbone = load_backbone("minirocket:1000?channels=3")
    assert (backbone.out_features, backbone.spec.to_dict()["channels"]) == (924, 3)
    assert (backbone.card.name, backbone.card.random) == ("minirocket:1000?channels=3", True)
    assert "biases are quantiles of your training part" in backbone.card.trained_on
    for name in ("minirocket:12", "minirocket:many", "minirocket:20000"):
        with pytest.raises(BackboneError, match="84 to 9996"):
            load_backbone(name)


def test_what_has_learned_is_not_spread_over_other_channels() -> None:
    from warmstart.model.series.inflation import rechannelled

    backbone = load_backbone("minirocket:168?channels=2")
    assert rechannelled(backbone, 3, None).out_features == 168
    rows = np.random.default_rng(0).normal(size=(9, 2, 50)).astype(np.float32)
    backbone.module.load_state_dict(learned(rows, 168).state_dict())
    with pytest.raises(BackboneError, match="3 channels"):
        rechannelled(backbone, 3, None)


def test_a_copy_learns_for_itself() -> None:
    backbone = load_backbone("minirocket:168")
    copied = backbone.clone()
    before = copy.deepcopy(backbone.module.state_dict())
    part = from_data(copied.module)
    assert part is not None
    part.learn(2, lambda at: torch.sin(torch.arange(30.0))[None].expand(len(at), 1, 30), 0)
    assert all(torch.equal(value, before[name]) for name, value in backbone.module.state_dict().items())
    assert part.learned
