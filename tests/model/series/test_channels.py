"""A network for one channel, for several."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from warmstart.errors import BackboneError
from warmstart.model.backbone import Backbone
from warmstart.model.beside import beside_input
from warmstart.model.catalog import load_backbone
from warmstart.model.modes import evaluating
from warmstart.model.series.channels import MOST, per_channel
from warmstart.model.taps import default_taps, most_taps


@pytest.fixture
def one() -> Backbone:
    return load_backbone("toy_series")


def series(channels: int) -> Tensor:
    return torch.randn(4, channels, 40, generator=torch.Generator().manual_seed(0))


def test_features_are_those_of_the_channels_one_after_another(one: Backbone) -> None:
    several = load_backbone("toy_series?channels=3")
    assert (several.out_features, several.card.name) == (60, "toy_series?channels=3")
    with evaluating(one.module), evaluating(several.module), torch.no_grad():
        apart = torch.cat([one.chain(series(3)[:, [c]]) for c in range(3)], 1)
        torch.testing.assert_close(several.chain(series(3)), apart)


def test_of_many_channels_they_are_averaged(one: Backbone) -> None:
    kept, many = per_channel(one, MOST), per_channel(one, MOST + 1)
    assert (kept.out_features, many.out_features) == (MOST * 20, 20)
    x = series(MOST + 1)
    with evaluating(one.module), torch.no_grad():
        apart = torch.stack([one.chain(x[:, [c]]) for c in range(MOST + 1)])
        torch.testing.assert_close(many.chain(x), apart.mean(0))
        assert many.chain.activation_shape(-1, 40) == (20,)


def test_activations_have_a_row_for_each_sample(one: Backbone) -> None:
    several = per_channel(one, 3)
    for cut in range(1, len(several.chain.cuts) - 1):
        inside = one.chain.activation_shape(cut, 40)
        assert several.chain.activation_shape(cut, 40) == (3, *inside)
    with evaluating(several.module), torch.no_grad():
        x, cut = series(3), several.chain.blocks[1].cut
        stored = several.chain.prefix(cut)(x)
        torch.testing.assert_close(several.chain.suffix(cut)(stored[[2, 0]]), several.chain(x)[[2, 0]])
        found = several.chain.prefixes([0, cut, len(several.chain.cuts) - 1])(x)
        torch.testing.assert_close(found, (x, stored, several.chain(x)))


def test_weights_are_shared_with_the_network_for_one_channel(one: Backbone) -> None:
    several = per_channel(one, 3)
    assert [name for name, _ in several.module.named_parameters()] == [
        f"network.{name}" for name, _ in one.module.named_parameters()
    ]
    assert [block.name for block in several.chain.blocks] == [block.name for block in one.chain.blocks]
    with torch.no_grad():
        next(several.module.parameters()).zero_()
    assert not next(one.module.parameters()).any()


def test_a_network_that_cannot_be_cut_is_wrapped_as_well(one: Backbone) -> None:
    from warmstart.model.chain import Chain, Cut
    from warmstart.model.inputs import Steps

    whole = Chain(one.module, (Cut(0, "input"), Cut(1, "features")), one.chain.blocks[:1], None, "why", Steps(1))
    one.chain = whole
    several = per_channel(one, 2)
    assert several.chain.why_uncut == "why"
    with evaluating(several.module), torch.no_grad():
        assert torch.equal(several.chain.suffix(0)(series(2)), several.chain(series(2)))


def test_it_has_nothing_to_tap(one: Backbone) -> None:
    several = per_channel(one, 3)
    assert default_taps(several) == most_taps(several) == 0
    with pytest.raises(BackboneError, match="leave"):
        load_backbone("toy_series?channels=3&taps=1")


@pytest.mark.parametrize("channels", [3, 20])
def test_the_input_may_stand_before_the_features(one: Backbone, channels: int) -> None:
    several, x = per_channel(one, channels), series(channels)
    beside = beside_input(several)
    names = [name for name, _ in several.module.named_parameters()]
    assert [name for name, _ in beside.module.named_parameters()] == names
    with evaluating(several.module), evaluating(beside.module), torch.no_grad():
        torch.testing.assert_close(beside.chain(x), torch.cat([x.flatten(1), several.chain(x)], 1))


def test_several_channels_of_several_are_refused(one: Backbone) -> None:
    with pytest.raises(BackboneError, match="5 channels for 'toy_series'"):
        per_channel(per_channel(one, 3), 5)
    with pytest.raises(BackboneError, match="bands for"):
        load_backbone("toy_series?bands=a,b")


def test_sizes_are_those_that_the_network_takes() -> None:
    assert load_backbone("toy_series?size=50").spec.size == 50
    with pytest.raises(BackboneError, match="size 7"):
        load_backbone("toy_series?size=7")
