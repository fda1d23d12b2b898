"""Detectors of torchvision here give what torchvision's own models do with the same weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.model.detect import supplied
from tests.model.detect.supplied import CLASSES, Supplied
from warmstart.model.detect.catalog import detector
from warmstart.preprocess.runs import covered, runs
from warmstart.task.mask_matching import pasted

ALL = (supplied.fcos, supplied.retinanet, supplied.fasterrcnn, supplied.maskrcnn, supplied.ssd300, supplied.ssdlite320)
TARGETS = torch.tensor([[[0.0, 8, 10, 60, 70, 1.0], [2, 30, 20, 100, 90, 1]], [[1, 5, 50, 90, 120, 1], [-1.0] * 6]])


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
    many = 1 if given.size == 300 else 2  # convolutions of the largest take seconds
    return given, torch.randn(many, 3, given.size, given.size).double()


def with_runs(targets: Tensor, size: int) -> Tensor:
    """Targets with the runs of the left half of each box behind."""
    found = torch.zeros(*targets.shape[:2], 6 + 2 * size)
    found[..., :6] = targets
    for row in found.flatten(0, 1):
        left, upper, right, lower = row[1:5].int().tolist()
        mask = np.zeros((size, size), np.uint8)
        mask[upper:lower, left : (left + right) // 2] = 1
        lengths = torch.from_numpy(runs(mask))
        row[6 : 6 + len(lengths)] = lengths
    return found


@pytest.mark.parametrize("maker", ALL)
def test_detections_and_losses_are_those_of_the_supplier(maker: Callable[[], Supplied]) -> None:
    given, images = made(maker)
    facts = given.facts()
    ours = detector(given.head, facts, CLASSES).double()
    ours.adopt(given.model.state_dict(), {number: number + given.first for number in range(CLASSES)})
    given.model.eval()
    ours.eval()
    with torch.no_grad():
        rows = facts.pack(given.maps(images))
        expected, found = given.model(list(images)), ours(rows)
    for theirs, mine in zip(expected, found, strict=True):
        assert len(theirs["boxes"]) > 5
        mine = mine[mine[:, 0] >= 0]
        torch.testing.assert_close(mine[:, 1], theirs["scores"].float(), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(mine[:, 2:6], theirs["boxes"].float(), atol=1e-4, rtol=1e-4)
        assert (mine[:, 0] == theirs["labels"] - given.first).all()
        if ours.outlined:
            image = (given.size, given.size)
            for row, mask in zip(mine, theirs["masks"][:, 0], strict=True):
                drawn = pasted(row[6:].view(28, 28), row[2:6], image)
                sure = (mask - 0.5).abs() > 1e-4
                assert torch.equal(torch.from_numpy(drawn)[sure].bool(), (mask > 0.5)[sure])
    ours.train()
    given.model.train()
    given.model.transform.eval()  # it would draw a size
    for module in [ours, given.model]:
        for part in module.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.eval()
    targets = with_runs(TARGETS[: len(images)], given.size)
    told = [
        {"boxes": there[:, 1:5].double(), "labels": there[:, 0].long() + given.first}
        | {"masks": covered(there[:, 6:], given.size)}
        for there in (each[each[:, 0] >= 0] for each in targets)
    ]
    torch.manual_seed(1)
    losses = given.model(list(images), told)
    torch.manual_seed(1)
    terms = ours(rows, targets.double())
    assert terms.shape == (len(images), len(losses))
    torch.testing.assert_close(terms[0].sort().values, torch.stack(list(losses.values())).float().sort().values)
