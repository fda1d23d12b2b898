from __future__ import annotations

import pytest
import torch
from torch import nn

from warmstart.engine.statistics import settle


@pytest.fixture
def norm() -> nn.BatchNorm1d:
    return nn.BatchNorm1d(3, momentum=0.01)


def batches() -> list[tuple[torch.Tensor]]:
    return [(batch,) for batch in torch.randn(4, 8, 3, generator=torch.Generator().manual_seed(0)) * 5 + 2]


def test_young_averages_become_the_statistics_of_the_data(norm: nn.BatchNorm1d) -> None:
    settle(nn.Sequential(norm), batches(), steps=30)
    every = torch.cat([batch for (batch,) in batches()])
    assert norm.running_mean is not None
    assert torch.allclose(norm.running_mean, every.mean(0), atol=1e-5)
    assert norm.momentum == 0.01


def test_averages_that_have_caught_up_are_left_alone(norm: nn.BatchNorm1d) -> None:
    before = {name: tensor.clone() for name, tensor in norm.state_dict().items()}
    settle(nn.Sequential(norm), batches(), steps=500)
    assert all(torch.equal(tensor, before[name]) for name, tensor in norm.state_dict().items())


def test_norms_in_eval_mode_are_left_alone_and_nothing_is_read(norm: nn.BatchNorm1d) -> None:
    before = {name: tensor.clone() for name, tensor in norm.state_dict().items()}
    unread = iter(batches())
    settle(nn.Sequential(norm.eval()), unread, steps=0)
    assert len(list(unread)) == 4
    assert all(torch.equal(tensor, before[name]) for name, tensor in norm.state_dict().items())
