"""Statistics of batch normalisation from other samples, and adaptation at test time."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.engine.helpers import changed, identical, make_network, state_of
from tests.engine.texts import text_network
from tests.methods.adaptation.helpers import accuracy, adapt, images
from warmstart.errors import BackboneError
from warmstart.methods.adaptation.losses import entropy
from warmstart.methods.adaptation.statistics import batch_norms, take_statistics
from warmstart.methods.adaptation.tent import tent
from warmstart.model.catalog import load_backbone
from warmstart.model.network import Network
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.recipe import Recipe


def inputs(n: int, seed: int = 0) -> Tensor:
    return 0.5 * torch.randn(n, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) + 0.3


def test_statistics_are_means_and_variances_of_the_inputs_whatever_the_batches() -> None:
    network, seen = nn.Sequential(nn.BatchNorm2d(3)), inputs(10)
    assert take_statistics(network, [seen[:7], seen[7:]]) == 10
    norm = batch_norms(network)[0]
    assert norm.running_mean is not None
    assert norm.running_var is not None
    torch.testing.assert_close(norm.running_mean, seen.mean((0, 2, 3)))
    torch.testing.assert_close(norm.running_var, seen.var((0, 2, 3)), rtol=1e-2, atol=0)
    assert (norm.momentum, norm.training) == (0.1, True)


def test_few_inputs_move_statistics_a_little_and_a_share_of_none_not_at_all() -> None:
    start, seen = nn.BatchNorm2d(3), inputs(4)
    for prior, share, expected in ((0.0, 1.0, 1.0), (12.0, 1.0, 0.25), (0.0, 0.5, 0.5), (0.0, 0.0, 0.0)):
        network = nn.Sequential(nn.BatchNorm2d(3))
        take_statistics(network, [seen], prior=prior, share=share)
        (norm,) = batch_norms(network)
        assert start.running_mean is not None
        assert norm.running_mean is not None
        torch.testing.assert_close(norm.running_mean, expected * seen.mean((0, 2, 3)))
    toy = make_network()
    before = state_of(toy)
    take_statistics(toy, [])
    assert identical(before, toy.state_dict())


def test_tent_trains_scales_and_shifts_alone_on_a_copy() -> None:
    network = make_network()
    before, seen = state_of(network), [inputs(16), inputs(8, seed=1)]
    found = tent(network, seen, lr=1e-2)
    assert identical(before, network.state_dict())
    moved = changed(before, found.state_dict())
    assert moved
    assert all(".bn" in name or "stem.1" in name for name in moved), moved
    fixed = changed(before, tent(network, seen, lr=1e-2, statistics=False).state_dict())
    assert {name.rpartition(".")[2] for name in fixed} == {"weight", "bias"}
    with torch.no_grad():
        assert entropy(found(seen[0])).mean() < entropy(network.eval()(seen[0])).mean()


def test_tent_is_for_layer_norm_too_and_refuses_what_has_no_norm() -> None:
    network = text_network()
    tokens = torch.stack(
        [torch.randint(5, 20, (6, 8), generator=torch.Generator().manual_seed(0)), torch.zeros(6, 8)], 2
    )
    moved = changed(state_of(network), tent(network, [tokens.long()], lr=1e-2).state_dict())
    assert moved
    assert all("norm" in name.lower() for name in moved)
    backbone = load_backbone("toy")
    bare = Network(backbone, nn.Linear(backbone.out_features, 2))
    for module in batch_norms(bare):
        module.weight = module.bias = None  # type: ignore[assignment]
    with pytest.raises(BackboneError, match="no normalisation layer"):
        tent(bare, [inputs(4)])


def test_tent_is_better_on_inputs_that_look_otherwise_than_the_training_did() -> None:
    """Of a network that was tuned under its own statistics, as the steps of `adabn` before the last do."""
    data = images()
    recipe = load_recipe("adabn", lr=1e-3, from_block=1, batch_size=16, epochs=15)
    network = adapt(Recipe(name="own", steps=recipe.steps[:-1]), data).network
    seen = torch.cat([data.store.get(int(i))[None] for i in data.split.unlabelled]).float() / 127.5 - 1  # type: ignore[union-attr]
    surer = tent(network, [seen[:20], seen[20:40], seen[40:]], epochs=5, prior=0.0)
    assert accuracy(surer, data) >= accuracy(network, data) + 0.2
