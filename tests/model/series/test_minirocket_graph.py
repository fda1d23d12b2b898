"""What a graph holds of MiniRocket gives its features to the last digit."""

from __future__ import annotations

import pytest
import torch

from warmstart.model.series.minirocket import MiniRocket


@pytest.mark.parametrize(("channels", "steps", "features"), [(1, 40, 500), (3, 65, 900), (12, 150, 2000)])
def test_the_form_for_graphs_gives_the_same_features(channels: int, steps: int, features: int) -> None:
    make = torch.Generator().manual_seed(0)
    series = torch.randn(20, channels, steps, generator=make).cumsum(-1)
    network = MiniRocket(channels, features)
    network.convolutions.learn(len(series), lambda at: series[torch.as_tensor(at)], seed=0)
    new = torch.randn(5, channels, steps, generator=make).cumsum(-1)
    for x in (series, new):  # biases are values of the training series, so that ties occur there
        assert torch.equal(network.convolutions.as_graph()(x), network(x))
