"""The patch transformer: any number of steps, cuts at every layer, and what it does not depend on."""

from __future__ import annotations

import pytest
import torch

from warmstart.model.catalog import load_backbone
from warmstart.model.series.patches import STRIDE, Patches, PatchNet, PatchSize, Signals
from warmstart.model.trace import build_chain

SMALL = PatchSize(width=12, depth=2, heads=3, stem=6, widening=2)


def network() -> PatchNet:
    torch.manual_seed(0)
    return PatchNet(SMALL).eval()


@pytest.mark.parametrize("steps", [1, 2, 15, 16, 17, 100])
def test_series_have_any_number_of_steps(steps: int) -> None:
    with torch.no_grad():
        assert network()(torch.randn(3, 1, steps)).shape == (3, 2 * SMALL.width)


@pytest.mark.parametrize("steps", [20, 64, 100])
def test_every_cut_is_exact_at_other_lengths_than_the_traced_one(steps: int) -> None:
    module = network()
    chain = build_chain(module, torch.randn(2, 1, 48))
    assert chain.why_uncut == ""
    x = torch.randn(2, 1, steps)
    with torch.no_grad():
        for cut in range(len(chain.cuts)):
            assert torch.equal(chain.suffix(cut)(chain.prefix(cut)(x)), module(x))


def test_there_is_a_cut_behind_each_layer_and_a_block_for_it() -> None:
    chain = build_chain(network(), torch.randn(2, 1, 48))
    names = [cut.name for cut in chain.cuts]
    assert [name for name in names if name.startswith("layers.") and name.count(".") == 1] == ["layers.0", "layers.1"]
    assert [block.name for block in chain.blocks] == ["stem", "patches", "layers.0", "layers.1"]


def test_a_series_is_continued_with_its_last_value_to_a_whole_number_of_strides() -> None:
    x = torch.randn(2, 1, 2 * STRIDE - 5)
    longer = torch.cat([x, x[..., -1:].expand(-1, -1, 5)], dim=-1)
    with torch.no_grad():
        torch.testing.assert_close(network()(x), network()(longer))
        assert Signals()(x).shape == (2, 2, 2 * STRIDE)


def test_a_constant_series_has_no_differences_and_finite_features() -> None:
    x = torch.zeros(1, 1, 40)
    assert not Signals()(x).any()
    assert network()(x).isfinite().all()


def test_features_of_a_series_do_not_depend_on_its_batch() -> None:
    x = torch.randn(4, 1, 50)
    with torch.no_grad():
        torch.testing.assert_close(network()(x)[1:2], network()(x[1:2]))


def test_patches_know_where_they_are() -> None:
    same = torch.ones(1, 8, 5)
    tokens = Patches(8)(same)[0]
    assert len({tuple(row.tolist()) for row in tokens}) == 5


def test_the_embedded_architecture_is_small_and_reads_one_channel() -> None:
    backbone = load_backbone("series?pretrained=false")
    assert backbone.card.parameters < 2_000_000
    assert backbone.out_features == 320
    assert (backbone.spec.kind, backbone.spec.channels, backbone.spec.size) == ("series", 1, 512)  # type: ignore[union-attr]
    assert backbone.card.fixed_size, "series of every length are brought to that of training"
    three = load_backbone("series?pretrained=false&channels=3")
    assert three.out_features == 3 * 320
