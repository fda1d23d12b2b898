"""The detection task beyond what holds of every task."""

from __future__ import annotations

import pytest
import torch

from tests.task.drawn_boxes import scene
from warmstart.data.scenes import BoxTarget
from warmstart.errors import BackboneError, DataError, RecipeError
from warmstart.model.catalog import load_backbone
from warmstart.model.edits import apply_edits
from warmstart.task.base import task_of
from warmstart.task.detect import DETECT
from warmstart.task.network import network_for

TARGET = BoxTarget(("ant", "bee", "cat"))


def test_metrics_are_called_by_the_names_of_classes() -> None:
    said, told = scene(0, images=20)
    metrics = task_of(TARGET).metrics(said, told)
    assert {"ap_ant", "ap_bee", "ap_cat", "map", "map_50", "map_75", "map_small", "map_medium"} <= metrics.keys()
    assert metrics["map"] == pytest.approx(sum(metrics[f"ap_{name}"] for name in TARGET.classes) / 3)


def test_the_terms_of_a_loss_are_added_and_parts_of_a_batch_count_by_their_images() -> None:
    terms = torch.tensor([[0.25, 0.5]]).expand(3, 2)
    assert float(DETECT.loss(terms, torch.zeros(3, 1, 6))) == pytest.approx(0.75)
    targets = torch.zeros(3, 2, 6)
    targets[1] = float("nan")
    assert DETECT.weight(targets) == 2.0


def test_images_without_any_object_cannot_be_measured_by_precision_but_have_a_loss() -> None:
    said, told = scene(1, images=4)
    told[..., 0] = -1
    with pytest.raises(DataError, match="no image here has an object"):
        DETECT.metrics(said, told)
    assert 0 <= float(DETECT.loss(said, told)) <= 1


def test_the_error_of_an_image_lies_between_none_and_all_wrong() -> None:
    object_ = [0.0, 10.0, 10.0, 30.0, 30.0, 400.0]
    told = torch.tensor([object_, [-1.0, 0, 0, 0, 0, 0]]).expand(5, 2, 6).clone()
    told[4, 0, 0] = -1
    right, wrong = [0.0, 1.0, 10.0, 10.0, 30.0, 30.0], [0.0, 1.0, 60.0, 60.0, 90.0, 90.0]
    none = [-1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    said = torch.tensor([[right, none], [wrong, none], [none, none], [right, wrong], [none, none]])
    assert DETECT.values(said, told)["lrp_error"].tolist() == pytest.approx([0.0, 1.0, 1.0, 0.5, 0.0])
    half = torch.tensor([[[0.0, 0.5, 10.0, 10.0, 30.0, 30.0]]])
    assert DETECT.values(half, told[:1])["lrp_error"].tolist() == pytest.approx([0.5])


def test_a_box_that_two_networks_see_lies_between_theirs_and_one_that_one_sees_counts_half() -> None:
    none = [-1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    first = torch.tensor([[[0.0, 0.9, 10.0, 10.0, 30.0, 30.0], none]])
    second = torch.tensor([[[0.0, 0.3, 14.0, 10.0, 34.0, 30.0], [1.0, 0.8, 10.0, 10.0, 30.0, 30.0]]])
    fused = DETECT.combine([first, second])
    torch.testing.assert_close(fused[0, 0], torch.tensor([0.0, 0.6, 11.0, 10.0, 31.0, 30.0]))
    torch.testing.assert_close(fused[0, 1], torch.tensor([1.0, 0.4, 10.0, 10.0, 30.0, 30.0]))


@pytest.mark.parametrize("seed", range(3))
def test_networks_that_say_the_same_say_it_together(seed: int) -> None:
    said, _ = scene(seed)
    there = said[..., 0] >= 0
    fused = DETECT.combine([said, said, said])
    torch.testing.assert_close(fused[there], said[there])
    assert (fused[~there][:, 0] == -1).all()


def test_what_a_bundle_is_checked_by_is_the_highest_score_of_each_class() -> None:
    said = torch.tensor([[[2.0, 0.75, 0, 0, 1, 1], [0.0, 0.5, 0, 0, 1, 1], [2.0, 0.25, 0, 0, 1, 1]]])
    assert task_of(TARGET).checked(said).tolist() == [[0.5, 0.0, 0.75]]


def test_a_head_is_made_for_maps_and_not_for_features() -> None:
    with pytest.raises(BackboneError, match="not made for a number of features"):
        DETECT.head(4, TARGET)


def test_a_network_reads_maps_of_images_that_keep_their_aspect_and_learns_down_to_its_first_layer() -> None:
    target = BoxTarget(("ant", "bee"), "fcos?channels=32&convs=1")
    network = network_for(load_backbone("lite0?size=64"), target, seed=3)
    assert network.facts.preprocess.resize == "pad"
    assert {name.split(".")[1] for name, _ in network.named_parameters() if name.startswith("head.")} == {
        "fpn",
        "classification_head",
        "regression_head",
    }
    told = torch.tensor([[[1.0, 8, 8, 40, 40, 1024]], [[-1.0, 0, 0, 0, 0, 4]]])
    images = torch.randn(2, 3, 64, 64)
    loss = DETECT.loss(network.train()(images, told), told)
    torch.autograd.backward(loss)
    assert all(parameter.grad is not None for parameter in network.backbone.parameters())
    with torch.no_grad():
        found = network.eval()(images, told)
    metrics = task_of(target).metrics(found, told)
    assert 0 <= metrics["map"] <= 1


def test_random_weights_for_all_are_random_for_the_detector_too() -> None:
    network = network_for(load_backbone("lite0?size=64"), BoxTarget(("ant", "bee"), "ssdlite"), seed=3)
    before = {name: value.clone() for name, value in network.head.state_dict().items()}
    apply_edits(network, reset=True, seed=4)
    after = network.head.state_dict()
    assert before.keys() == after.keys()
    assert not torch.equal(before["extra.0.0.0.weight"], after["extra.0.0.0.weight"])


def test_a_detector_or_option_that_does_not_exist_is_named() -> None:
    with pytest.raises(RecipeError, match="no detector is called 'focs'"):
        network_for(load_backbone("toy"), BoxTarget(("ant",), "focs"))
    with pytest.raises(RecipeError, match="no option 'chanels'"):
        network_for(load_backbone("toy"), BoxTarget(("ant",), "fcos?chanels=3"))
