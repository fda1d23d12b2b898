"""Where a graph needs another form of the same computation, both give the same."""

from __future__ import annotations

import pytest
import torch

from warmstart.model import anomaly
from warmstart.model.anomaly import MahalanobisHead, NeighboursHead


@pytest.mark.parametrize("kind", ["neighbours", "mahalanobis"])
def test_an_anomaly_head_judges_the_same_in_a_graph(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make = torch.Generator().manual_seed(0)
    rows = torch.randn(30, 4, generator=make)
    head: anomaly.AnomalyHead
    if kind == "neighbours":
        head = NeighboursHead(4, 30)
        head.set_bank(rows)
    else:
        head = MahalanobisHead(4, 30, rank=2)
        head.set_precision(torch.eye(4)[:2], torch.tensor([-0.5, 2.0]), 1.0)
    head.calibrate(head.distance(rows + 0.1))
    x = torch.cat([torch.randn(600, 4, generator=make), rows + 0.1])  # some are as far as those that were left out
    as_ever = head(x)
    monkeypatch.setattr(anomaly, "traced", lambda: True)
    torch.testing.assert_close(head(x)[:, 0], as_ever[:, 0])
    assert torch.equal(head.judged(as_ever[:, 0])[:, 1:], as_ever[:, 1:])
