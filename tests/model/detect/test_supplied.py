"""Detectors of torchvision here give what torchvision's own models do with the same weights."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.model.detect import supplied
from tests.model.detect.supplied import CLASSES, Supplied
from warmstart.model.detect.catalog import detector
from warmstart.model.detect.published import adopt

ALL = (supplied.fcos, supplied.retinanet, supplied.fasterrcnn, supplied.ssd300, supplied.ssdlite320)
TARGETS = torch.tensor([[[0.0, 8, 10, 60, 70, 1.0], [2, 30, 20, 100, 90, 1]], [[1, 5, 50, 90, 120, 1], [-1.0] * 6]])
NAMES = ("ant", "bee", "cat")


def made(maker: Callable[[], Supplied]) -> tuple[Supplied, Tensor]:
    """A model in double precision, where no places tie, with weights that tell them apart; and two images."""
    torch.manual_seed(0)
    given = maker()
    given.model.double()
    for name, weight in given.model.named_parameters():
        if "cls" in name or "classification_head" in name or "bbox" in name:
            weight.data += torch.randn_like(weight) * 0.02
        if name.endswith("cls_logits.bias"):
            weight.data += 2
    return given, torch.randn(2, 3, given.size, given.size).double()


@pytest.mark.parametrize("maker", ALL)
def test_detections_and_losses_are_those_of_the_supplier(maker: Callable[[], Supplied]) -> None:
    given, images = made(maker)
    facts = given.facts()
    ours = detector(given.head, facts, CLASSES).double()
    names = NAMES if not given.first else ("__background__", *NAMES)
    assert adopt(ours, given.model.state_dict(), names, NAMES) == NAMES
    given.model.eval(), ours.eval()
    with torch.no_grad():
        rows = facts.pack(given.maps(images))
        expected, found = given.model(list(images)), ours(rows)
    for theirs, mine in zip(expected, found, strict=True):
        assert len(theirs["boxes"]) > 5
        mine = mine[mine[:, 0] >= 0]
        torch.testing.assert_close(mine[:, 1], theirs["scores"].float(), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(mine[:, 2:], theirs["boxes"].float(), atol=1e-4, rtol=1e-4)
        assert (mine[:, 0] == theirs["labels"] - given.first).all()
    ours.train()
    given.model.train()
    given.model.transform.eval()  # it would draw a size
    for module in [ours, given.model]:
        for part in module.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.eval()
    told = [
        {"boxes": each[each[:, 0] >= 0, 1:5].double(), "labels": each[each[:, 0] >= 0, 0].long() + given.first}
        for each in TARGETS
    ]
    torch.manual_seed(1)
    losses = given.model(list(images), told)
    torch.manual_seed(1)
    terms = ours(rows, TARGETS.double())
    assert terms.shape == (2, len(losses))
    torch.testing.assert_close(terms[0].sort().values, torch.stack(list(losses.values())).float().sort().values)
