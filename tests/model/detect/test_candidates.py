"""What is exported of a detector holds all boxes that it tells, with their scores; the rest is thinning."""

from __future__ import annotations

import pytest
import torch

from tests.exporting.detectors import SMALL, thinned
from tests.model.detect.shapes import MAPS, SIZE, Small, scenes
from warmstart.errors import ExportError
from warmstart.model.detect.catalog import detector, detectors
from warmstart.model.maps import Maps

REFUSED = {"fasterrcnn", "maskrcnn"}


def maps_for(name: str) -> tuple[Maps, torch.Tensor]:
    """Packed maps of images, those that the detector reads."""
    images, _ = scenes(3)
    with torch.no_grad():
        rows = Small().eval()(images)
    strides = detectors[name].strides
    if strides == MAPS.strides:
        return MAPS, rows
    kept = [i for i, stride in enumerate(MAPS.strides) if stride in strides]
    names, channels, kept_strides, sides = (
        tuple(each[i] for i in kept) for each in (MAPS.names, MAPS.channels, MAPS.strides, MAPS.sides)
    )
    maps = Maps(names, channels, kept_strides, sides, SIZE)  # type: ignore[arg-type]
    return maps, maps.pack([MAPS.unpack(rows)[i] for i in kept])


def test_every_detector_is_tried() -> None:
    assert set(SMALL) | REFUSED == set(detectors)


@pytest.mark.parametrize("name", SMALL)
def test_thinned_candidates_are_what_the_detector_finds(name: str) -> None:
    maps, rows = maps_for(name)
    head = detector(SMALL[name], maps, 2, seed=1).eval()
    with torch.no_grad():
        for part, weight in head.named_parameters():  # scores that differ, some of them high
            weight.add_(0.02 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(0)))
            if part.endswith("bias") and any(each in part for each in ("cls_logits", "cls_preds", "obj_preds")):
                weight.add_(4.0)
        found, candidates = head(rows), head.as_graph()(rows)
    told = 0
    for mine, every in zip(found, candidates, strict=True):
        mine = mine[mine[:, 0] >= 0]
        want = thinned(every, head.thinning)
        assert len(mine) == len(want)
        torch.testing.assert_close(mine[:, 1].sort().values, want[:, 1].sort().values)
        torch.testing.assert_close(mine[:, 2:].sum(0), want[:, 2:].sum(0), rtol=1e-3, atol=1e-2)
        told += len(mine)
    assert told > 0


def test_a_detector_that_looks_twice_says_why_it_has_no_graph() -> None:
    maps = Maps(("z", *MAPS.names), (8, *MAPS.channels), (4, *MAPS.strides), (16, *MAPS.sides), SIZE)
    head = detector("fasterrcnn?channels=32", maps, 2)
    with pytest.raises(ExportError, match="fasterrcnn cannot be exported: which places it looks at a second time"):
        head.as_graph()
