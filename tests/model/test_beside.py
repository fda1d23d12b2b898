"""Features with the input before them, of networks that are traced and of those that are not."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from warmstart.data.futures import ForecastTarget
from warmstart.model.backbone import Backbone
from warmstart.model.beside import CONTEXT, beside_input
from warmstart.model.catalog import load_backbone
from warmstart.model.chain import Chain
from warmstart.model.modes import evaluating
from warmstart.model.taps import tapped
from warmstart.task.base import suited


def untraced() -> Backbone:
    """A network of which nothing is known but what it answers."""
    backbone = load_backbone("toy_series")
    old = backbone.chain
    blocks = tuple(dataclasses.replace(block, cut=1) for block in old.blocks)
    chain = Chain(old.module, (old.cuts[0], dataclasses.replace(old.cuts[-1], index=1)), blocks, None, "", old.inputs)
    return dataclasses.replace(backbone, chain=chain)


@pytest.mark.parametrize("how", ["traced", "tapped", "untraced"])
def test_the_input_stands_before_the_features_and_the_names_of_the_weights_stay(how: str) -> None:
    backbone = untraced() if how == "untraced" else load_backbone("toy_series")
    backbone = tapped(backbone, 1) if how == "tapped" else backbone
    found = beside_input(backbone)
    x = torch.randn(3, 1, backbone.spec.size, generator=torch.Generator().manual_seed(0))
    with evaluating(found.module), evaluating(backbone.module), torch.no_grad():
        torch.testing.assert_close(found.chain(x), torch.cat([x.flatten(1), backbone.chain(x)], 1))
        copied = found.clone()
        torch.testing.assert_close(copied.chain(x), found.chain(x))
        last = len(found.chain) - 1
        torch.testing.assert_close(found.chain.prefix(last)(x), found.chain(x))
    assert dict(found.module.named_parameters()).keys() == dict(backbone.module.named_parameters()).keys()
    assert found.groups[0].name == CONTEXT
    assert found.groups[-1].stop == found.out_features
    assert beside_input(found) is found


def test_a_forecast_reads_as_far_back_as_it_was_asked_to() -> None:
    found = suited(load_backbone("toy_series"), ForecastTarget(4, 40))
    assert found.spec.size == 40
    assert found.chain(torch.zeros(2, 1, 40)).shape == (2, found.out_features)
