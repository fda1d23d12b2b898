"""Boxes and masks in the engine: targets are always those of what the network sees."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.engine.helpers import Told, compiled, identical, state_of
from tests.engine.scenes import SIZE, TinyDetector, make_marker, make_scenes, task_for
from warmstart.data.scenestore import SceneStore, TargetRows
from warmstart.data.views import View
from warmstart.engine import freeze
from warmstart.engine.assemble import make_stepper
from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.deadline import Deadline
from warmstart.engine.device import make_accelerator
from warmstart.engine.events import silent
from warmstart.engine.feed import Feed
from warmstart.engine.finished import RecipeResult
from warmstart.engine.interrupt import Interrupt
from warmstart.engine.run import refuse_training, run_recipe
from warmstart.engine.training import Progress, Training
from warmstart.errors import Interrupted, RecipeError
from warmstart.evaluation.predict import predict_outputs
from warmstart.planning.plan import CacheLimits, PhasePlan
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.of_backbone import Contrastive
from warmstart.recipe.phase import Phase
from warmstart.recipe.recipe import Recipe

HEAD = (("head", 1e-2), ("*", None))
TASKS: tuple[Literal["detect", "segment"], ...] = ("detect", "segment")
NOWHERE = CacheLimits(total=0, memory=1 << 28)


def ran(data: RunData, *phases: Phase, **how: Any) -> RecipeResult:
    recipe = Recipe(name="test", steps=phases)
    return run_recipe(recipe, make_marker(data), data, task=task_for(data), **how)


def cached(result: RecipeResult) -> list[str]:
    return [step.cache.what for step in result.plan.steps if isinstance(step, PhasePlan)]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("views", [1, 2, 3])
def test_views_that_are_stored_come_with_the_targets_of_the_same_views(task: Any, views: int) -> None:
    """With as many views as epochs the two are the same (`Phase.views`), to what a float rounds."""
    phase = Phase(rates=HEAD, epochs=views, batch_size=5, augment="standard", views=views, optimizer="sgd")
    stored, direct = ran(make_scenes(task), phase), ran(make_scenes(task, limits=NOWHERE), phase)
    assert (cached(stored), cached(direct)) == (["activations"], ["pixels"])
    for a, b in zip(stored.curve, direct.curve, strict=True):
        assert a.values["train_loss"] == pytest.approx(b.values["train_loss"], abs=1e-4)
    other = direct.network.state_dict()
    for name, tensor in stored.network.state_dict().items():
        torch.testing.assert_close(tensor, other[name], rtol=0, atol=1e-4)


@pytest.mark.parametrize("task", TASKS)
def test_fewer_views_than_epochs_are_seen_in_turn_with_their_targets(task: Any) -> None:
    phase = Phase(rates=HEAD, epochs=4, batch_size=5, augment="light", views=2)
    result = ran(make_scenes(task), phase)
    assert cached(result) == ["activations"]
    assert result.curve[-1].values["train_loss"] < result.curve[0].values["train_loss"]


def test_targets_by_position_are_those_of_the_view_whose_turn_it_is() -> None:
    for task in TASKS:
        data = make_scenes(task)
        views, indices = [View("standard", 7, n) for n in range(2)], np.array([4, 2, 9, 0])
        rows = data.target_rows(indices, SIZE, views, torch.tensor([1, 0, 0, 1]))
        assert isinstance(rows, TargetRows)
        assert len(rows) == 4
        store = data.store
        assert isinstance(store, SceneStore)
        for position, turn in enumerate([1, 0, 0, 1]):
            own = store.targets(indices[position : position + 1], views[turn])
            assert torch.equal(rows[torch.tensor([position])], own)


@pytest.mark.parametrize("task", TASKS)
def test_outputs_kept_are_small_and_those_of_the_network_that_results(task: Any) -> None:
    data = make_scenes(task)
    result = ran(data, Phase(rates=HEAD, epochs=1, batch_size=5))
    again = predict_outputs(result.network, data.store, data.split.val)
    torch.testing.assert_close(result.val_outputs, again, rtol=0, atol=1e-4)
    assert result.val_outputs.numel() < 60 * len(data.split.val)  # no logits of 32 x 32 pixels
    assert set(result.val_metrics) == set(task_for(data).metrics(again, data.targets(data.split.val)))


@pytest.mark.parametrize("task", TASKS)
def test_growing_images_come_with_targets_of_their_size(task: Any) -> None:
    data = make_scenes(task, size=64)
    steps = tuple(
        Phase(name=f"size {size}", rates=(("*", 1e-3),), epochs=1, batch_size=5, size=size) for size in (32, 64, 32)
    )
    result = run_recipe(Recipe(name="grow", steps=steps), make_marker(data, 64), data, task=task_for(data))
    assert [step.size for step in result.plan.steps] == [32, 64, 32]
    measured = task_for(data).metrics(result.val_outputs, data.targets(data.split.val, 32))
    assert result.val_metrics == pytest.approx(measured)


@pytest.mark.parametrize("task", TASKS)
def test_gradients_of_parts_add_up_to_those_of_the_batch(task: Any) -> None:
    """One image is not known, one has nothing in it, and parts are of unlike size. Batch statistics are left out."""

    data = make_scenes(task)
    samples = list(data.dataset.samples)
    samples[3] = dataclasses.replace(samples[3], label=None)
    dataset = dataclasses.replace(data.dataset, samples=tuple(samples))
    data = dataclasses.replace(data, dataset=dataset, store=SceneStore(dataset, data.store.spec))  # type: ignore[arg-type]
    found = []
    for micro in (7, 3, 2):
        network = make_marker(data)
        network.head.norm = torch.nn.Identity()
        plan = compiled(Recipe(name="a", steps=(Phase(rates=HEAD, batch_size=7, epochs=1),)), network, data).steps[0]
        assert isinstance(plan, PhasePlan)
        freeze.apply(network, plan)
        accelerator = make_accelerator()
        feed = Feed(network, plan, data, accelerator, 0, silent)
        training = Training(network, plan, [1e-2] * len(plan.groups), 10, Progress(micro=micro))
        context = Context(task_for(data), 0, "test", silent, None, Deadline(None), Interrupt())
        stepper = make_stepper(accelerator, training, feed, data, context, {})
        loss = stepper.gradients(next(iter(feed.train(0))), 0)
        found.append((float(loss), [p.grad.clone() for p in network.head.parameters() if p.grad is not None]))
    assert len(found[0][1]) >= 2
    for loss, gradients in found[1:]:
        assert loss == pytest.approx(found[0][0], rel=1e-5)
        for a, b in zip(gradients, found[0][1], strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_a_batch_that_does_not_fit_is_cut_and_the_detector_is_given_its_part_of_the_targets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original, told = TinyDetector.forward, Told()

    def small(self: TinyDetector, rows: Tensor, targets: Tensor | None = None) -> Tensor:
        if self.training and len(rows) > 3:
            raise MemoryError("out of memory")
        assert targets is None or len(targets) == len(rows)
        return original(self, rows, targets)

    monkeypatch.setattr(TinyDetector, "forward", small)
    data = make_scenes("detect")
    phase = Phase(rates=HEAD, epochs=1, batch_size=6)
    result = ran(data, phase.model_copy(update={"norm": "eval"}), listener=told)
    assert told.decided("micro-batch halved to 3")
    assert np.isfinite(result.curve[-1].values["train_loss"])


@pytest.mark.parametrize("task", TASKS)
def test_norms_of_a_head_that_trains_find_their_own_statistics_and_frozen_ones_stay(task: Any) -> None:
    data = make_scenes(task)
    network = make_marker(data)
    before = state_of(network)
    result = run_recipe(
        Recipe(name="a", steps=(Phase(rates=HEAD, epochs=2, batch_size=6),)), network, data, task=task_for(data)
    )
    after = result.network.state_dict()
    assert not torch.equal(after["head.norm.running_mean"], before["head.norm.running_mean"])
    assert all(torch.equal(after[name], before[name]) for name in before if name.startswith("backbone."))


@pytest.mark.parametrize("task", TASKS)
def test_a_run_that_was_interrupted_ends_in_the_same_bits(task: Any, tmp_path: Path) -> None:
    recipe = Recipe(
        name="both",
        steps=(
            Phase(name="head", rates=HEAD, epochs=2, batch_size=5, augment="light", views=2),
            Phase(name="tune", rates=(("*", 1e-3),), epochs=2, batch_size=5, augment="standard"),
        ),
    )

    def run(folder: Path, **how: Any) -> RecipeResult:
        data = make_scenes(task)
        return run_recipe(recipe, make_marker(data), data, task=task_for(data), folder=folder, **how)

    whole = run(tmp_path / "whole")
    for phase in ("head", "tune"):
        interrupt = Interrupt()

        def listen(event: object, phase: str = phase, interrupt: Interrupt = interrupt) -> None:
            if getattr(event, "phase", "") == phase:  # the first epoch is measured
                interrupt.stopped = True

        with pytest.raises(Interrupted):
            run(tmp_path / "cut", listener=listen, interrupt=interrupt)
    again = run(tmp_path / "cut")
    assert identical(whole.network.state_dict(), again.network.state_dict())
    assert torch.equal(whole.val_outputs, again.val_outputs)
    assert torch.equal(run(tmp_path / "cut").val_outputs, again.val_outputs)  # loaded


@pytest.mark.parametrize("task", TASKS)
def test_low_rank_updates_and_gradual_unfreezing_run_on_maps(task: Any) -> None:
    data = make_scenes(task)
    for name in (
        "lora?epochs=1",
        "gradual?epochs=1&stage_epochs=1",
        "progressive_resize?epochs=1",
        "two_phase?epochs=1&head_epochs=1",
    ):
        result = run_recipe(load_recipe(name), make_marker(data), data, task=task_for(data))
        assert np.isfinite(result.curve[-1].values["val_loss"]), name


def test_what_makes_no_sense_of_boxes_and_masks_is_refused() -> None:
    boxes, masks = task_for(make_scenes("detect")), task_for(make_scenes("segment"))
    mixed = Recipe(name="a", steps=(Phase(mixup=0.2, cutmix=0.1),))
    for task, what in ((boxes, "boxes"), (masks, "masks")):
        with pytest.raises(RecipeError, match=f"mixup and cutmix, and what is learned are {what}"):
            refuse_training(mixed, task)
        with pytest.raises(RecipeError, match="features of whole images"):
            refuse_training(Recipe(name="a", steps=(Contrastive(), Phase())), task)
    weighted = Recipe(name="a", steps=(Phase(class_weights="balanced", label_smoothing=0.1),))
    refuse_training(weighted, masks)
    with pytest.raises(RecipeError, match="label_smoothing and class_weights"):
        refuse_training(weighted, boxes)


def test_a_head_on_maps_is_not_fitted_in_closed_form_and_a_detector_is_not_frozen() -> None:
    data = make_scenes("segment")
    with pytest.raises(RecipeError, match="one on feature maps is trained by gradients"):
        run_recipe(load_recipe("probe"), make_marker(data), data, task=task_for(data))
    plan = compiled(load_recipe("lp_ft"), make_marker(data), data)
    assert [type(step) for step in plan.steps] == [PhasePlan]
    boxes = make_scenes("detect")
    frozen = Recipe(name="a", steps=(Phase(rates=(("head", None), ("*", 1e-3))),))
    with pytest.raises(RecipeError, match="detector frozen"):
        run_recipe(frozen, make_marker(boxes), boxes, task=task_for(boxes))
