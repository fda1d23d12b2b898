"""What all detectors have in common: they learn, find, and are built again."""

from __future__ import annotations

import json

import pytest
import torch
from torch import Tensor

from tests.model.detect.shapes import MAPS, Small, caught, scenes, trained
from warmstart.data.scenes import OUTLINED
from warmstart.errors import RecipeError
from warmstart.model.detect.base import Truth, truth
from warmstart.model.detect.catalog import detector, detectors
from warmstart.model.detect.rtdetr import RTDetr
from warmstart.model.head import build_head
from warmstart.task.detect import Detect

HEADS = {
    "fcos?channels=32&convs=1": ("classification", "bbox_regression", "bbox_ctrness"),
    "retinanet?channels=32&anchor=16": ("classification", "bbox_regression"),
    "fasterrcnn?channels=16&width=32&proposals=20&anchor=16": ("classifier", "box_reg", "objectness", "rpn_box_reg"),
    "maskrcnn?channels=16&width=32&proposals=20&anchor=16&convs=1": (
        *("classifier", "box_reg", "mask", "objectness", "rpn_box_reg"),
    ),
    "ssd?nms=0.45": ("bbox_regression", "classification"),
    "ssdlite?nms=0.55": ("bbox_regression", "classification"),
    "yolox?width=0.125": ("iou", "obj", "cls"),
    "yolo9?size=t": ("box", "dfl", "cls"),
    "rtdetr?queries=10&layers=1&width=32&denoising=20": ("vfl", "bbox", "giou"),
    "dfine?queries=10&layers=2&width=32&denoising=20": ("vfl", "bbox", "giou", "fgl", "ddf"),
    "rfdetr?queries=10&layers=1&width=32&groups=2": ("ce", "bbox", "giou"),
}
"""And the terms of their losses."""
STEPS = {
    "fcos": (60, 5e-3),
    "retinanet": (120, 5e-3),
    "fasterrcnn": (50, 5e-3),
    "maskrcnn": (90, 5e-3),
    "ssd": (60, 2e-3),
    "ssdlite": (60, 5e-3),
    "yolox": (110, 5e-3),
    "yolo9": (60, 1e-2),
    "rtdetr": (40, 5e-3),
    "dfine": (80, 5e-3),
    "rfdetr": (160, 5e-3),
}
heads = pytest.mark.parametrize("head", HEADS)


@heads
def test_it_learns_eight_images_by_heart(head: str) -> None:
    losses, found = trained(detector(head, MAPS, 2), *STEPS[head.partition("?")[0]])
    assert losses[-1] < losses[0] / 2
    hits = caught(found, scenes()[1])
    slow = head.startswith("retinanet")  # it has no norms
    assert sum(hits) >= (0.5 if slow else 0.75) * len(hits)


@pytest.mark.slow
def test_outlines_are_learned_with_the_boxes() -> None:
    _, found = trained(detector(next(name for name in HEADS if name.startswith("mask")), MAPS, 2), 80, 5e-3)
    metrics = Detect(("red", "blue")).metrics(found, scenes()[1])
    assert metrics["mask_map_50"] > 0.7


def test_the_data_know_which_detectors_ask_for_outlines() -> None:
    assert {name for name in detectors if detectors[name].outlined} == set(OUTLINED)


@heads
def test_terms_are_finite_without_objects(head: str) -> None:
    images, targets = scenes(4)
    made, rows = detector(head, MAPS, 2).train(), Small()(images)
    targets[0] = -1
    some = made(rows, targets)
    none = made(rows, torch.full((4, 0, 6), -1.0))
    crowds = made(rows, torch.where(targets[..., :1] < 0, targets, -3 - targets))
    for terms in (some, none, crowds):
        assert terms.shape == (4, len(HEADS[head]))
        assert terms.isfinite().all()
        assert torch.equal(terms, terms[:1].expand_as(terms))
    assert torch.autograd.grad(none.sum(), rows, retain_graph=True)[0].isfinite().all()


@heads
def test_an_image_whose_objects_are_not_known_teaches_nothing(head: str) -> None:
    images, targets = scenes(3)
    made = detector(head, MAPS, 2).train()
    for part in made.modules():  # statistics of a batch would depend on it
        if isinstance(part, torch.nn.BatchNorm2d):
            part.eval()
    rows = Small().eval()(images)
    unknown = targets.clone()
    unknown[1] = torch.nan
    torch.manual_seed(0)
    with_it = made(rows, unknown)
    torch.manual_seed(0)
    without = made(rows[[0, 2]], targets[[0, 2]])
    torch.testing.assert_close(with_it[0], without[0])
    assert made(rows, torch.full_like(targets, torch.nan)).sum() == 0


@heads
def test_a_step_can_be_tried_without_data(head: str) -> None:
    made = detector(head, MAPS, 2).train()
    targets = made.example(2, MAPS.size)
    assert made(torch.zeros(2, MAPS.width), targets).isfinite().all()
    known = truth(targets[0], MAPS.size * made.outlined)
    assert len(known.boxes) == 3
    if known.masks is not None:
        assert (known.masks.sum((1, 2)) > 0).all()


@heads
def test_detections_have_one_form(head: str) -> None:
    images, targets = scenes(2)
    made = detector(head + "&most=7", MAPS, 2)
    with torch.no_grad():
        training = made.train()(Small()(images), targets)
        found = made.eval()(Small()(images))
    assert training.shape == found.shape == (2, 7, 6 + 28 * 28 * made.outlined)
    assert (found[:, :-1, 1] >= found[:, 1:, 1]).all()
    nothing = found[..., 0] < 0
    assert (found[nothing][:, :6] == torch.tensor([-1.0, 0, 0, 0, 0, 0])).all()
    assert ((found[..., 2:] >= 0) & (found[..., 2:6] <= 64).all()).all()
    assert ((found[..., 6:] >= 0) & (found[..., 6:] <= 1)).all()
    assert set(found[..., 0].unique().tolist()) <= {-1.0, 0.0, 1.0}


@heads
def test_the_seed_alone_draws_it_and_its_config_builds_it_again(head: str) -> None:
    before = torch.get_rng_state()
    first, same, other = (detector(head, MAPS, 2, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    states = [each.state_dict() for each in (first, same, other)]
    assert all(torch.equal(a, b) for a, b in zip(states[0].values(), states[1].values(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(states[0].values(), states[2].values(), strict=True))
    again = build_head(json.loads(json.dumps(first.config)))
    again.load_state_dict(states[0])
    rows = Small()(scenes(2)[0])
    with torch.no_grad():
        assert torch.equal(first.eval()(rows), again.eval()(rows))


@heads
@pytest.mark.parametrize(("sides", "size"), [((12, 6, 3), 96), ((13, 7, 4), 100), ((15, 7, 3), 125)])
def test_other_sizes_than_it_was_made_for_do(head: str, sides: tuple[int, ...], size: int) -> None:
    made = detector(head, MAPS, 2)
    maps = [torch.randn(2, have, side, side) for have, side in zip(MAPS.channels, sides, strict=True)]
    rows = MAPS.pack(maps)
    if sides[0] * 8 != size:
        made.maps = type(MAPS)(MAPS.names, MAPS.channels, MAPS.strides, sides, size)
    targets = torch.tensor([[[1.0, size - 30, size - 20, size, size, 600]]]).expand(2, 1, 6)
    assert made.train()(rows, targets).isfinite().all()
    with torch.no_grad():
        assert made.eval()(rows).shape == (2, 100, 6 + 28 * 28 * made.outlined)


def test_boxes_reach_over_all_that_maps_do() -> None:
    """An unpadded network gives 35, 17 and 8 places of 299 pixels; those of the neck are 36, 18 and 9."""
    made = detector("rtdetr?queries=10&layers=1&width=32", MAPS, 2)
    assert isinstance(made, RTDetr)
    maps = [torch.randn(1, have, side, side) for have, side in zip(MAPS.channels, (35, 17, 8), strict=True)]
    truth = Truth(torch.tensor([[0.0, 0.0, 144.0, 288.0]]), torch.tensor([1]))
    given: list[dict[str, Tensor]] = []
    handle = made.detr.register_forward_pre_hook(
        lambda _, args, options: given.extend(options["labels"]), with_kwargs=True
    )
    made.train().learn(maps, 299, [truth])
    handle.remove()
    assert given[0]["boxes"].tolist() == [[0.25, 0.5, 0.5, 1.0]]


@heads
def test_every_parameter_is_a_tensor_of_its_own_and_learns(head: str) -> None:
    images, targets = scenes(4)
    made = detector(head, MAPS, 2).train()
    assert len(dict(made.named_parameters(remove_duplicate=False))) == len(list(made.parameters()))
    made(Small()(images), targets).sum(1).mean().backward()
    idle = [name for name, parameter in made.named_parameters() if parameter.grad is None]
    assert idle == []


@pytest.mark.parametrize("kind", ["rtdetr", "dfine"])
def test_a_small_image_has_fewer_queries(kind: str) -> None:
    made, (images, targets) = detector(f"{kind}?layers=2&width=32", MAPS, 2), scenes(2)
    rows = Small()(images)
    assert made.train()(rows, targets).isfinite().all()
    with torch.no_grad():
        assert (made.eval()(rows)[..., 0] >= 0).all()  # 84 places, and two classes at each


def test_an_option_that_is_not_known_is_named() -> None:
    with pytest.raises(RecipeError, match="no option 'query'"):
        detector("rtdetr?query=3", MAPS, 2)
    with pytest.raises(RecipeError, match="size 'q'"):
        detector("yolox?size=q", MAPS, 2)
