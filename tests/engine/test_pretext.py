"""Pretraining on another task: what each asks, that its loss falls, and that the engine's promises hold for it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.engine.helpers import Told, changed, identical, make_data
from tests.engine.test_resume import after
from tests.engine.texts import text_data, text_network
from warmstart.cache.store import ActivationStore
from warmstart.data.schema import Split
from warmstart.data.signals import SeriesStore
from warmstart.data.synthetic import generate
from warmstart.data.targets import ClassTarget
from warmstart.engine.contrastive import SupCon
from warmstart.engine.data import RunData
from warmstart.engine.interrupt import Interrupt
from warmstart.engine.pretext import GroupedSoftmax, HiddenLoss, Restored, hidden, restoring, sets_of
from warmstart.engine.pretrained import Pretrained, pretrain_backbone
from warmstart.errors import Interrupted, RecipeError
from warmstart.model.catalog import load_backbone
from warmstart.model.network import Network
from warmstart.planning.compile import compile_plan
from warmstart.preprocess.series import SeriesSpec
from warmstart.recipe.of_backbone import BackboneStep, Contrastive, Masked, Supervised, Views
from warmstart.recipe.pretraining import Pretraining, pretraining

SPEC = SeriesSpec(size=64)
STEPS: dict[str, BackboneStep] = {
    "masked": Masked(epochs=3, batch_size=16),
    "views": Views(epochs=3, batch_size=16, augment="crop"),
    "classes": Contrastive(epochs=3, batch_size=16, augment="crop", projection=8),
    "supervised": Supervised(epochs=3, batch_size=16),
}


def series_data(n: int = 64, val: int = 16) -> RunData:
    made = generate(n, steps=64, seed=5)
    target = ClassTarget(tuple(f"{name[0]}/{name}" for name in made.target.classes))
    samples = tuple(dataclasses.replace(s, label=f"{str(s.label)[0]}/{s.label}") for s in made.samples)
    dataset = dataclasses.replace(made, samples=samples, target=target)
    split = Split(np.arange(val, n), np.arange(val), np.arange(0), how="by hand")
    return RunData(dataset, split, SeriesStore(dataset, SPEC), SPEC, ActivationStore(None, budget_bytes=0))


def run(step: BackboneStep, data: RunData | None = None, name: str = "toy_series", **options: object) -> Pretrained:
    backbone = load_backbone(name)
    recipe = Pretraining(name="test", steps=(step.model_copy(update={"rates": (("head", None), ("*", 3e-3))}),))  # type: ignore[arg-type]
    return pretrain_backbone(recipe, backbone, data or series_data(), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", STEPS)
def test_the_loss_falls_and_the_backbone_alone_has_changed(kind: str) -> None:
    before = load_backbone("toy_series")
    found = run(STEPS[kind].model_copy(update={"epochs": 6}))
    losses = [row.values["train_loss"] for row in found.curve]
    assert all(np.isfinite(row.values["val_loss"]) for row in found.curve)
    assert losses[-1] < losses[0]
    assert found.backbone.module.state_dict().keys() == before.module.state_dict().keys()
    assert changed(before.module.state_dict(), found.backbone.module.state_dict())
    assert found.backbone.card.weights_sha256 != before.card.weights_sha256


@pytest.mark.parametrize("kind", STEPS)
def test_a_run_goes_on_bit_exactly(kind: str, tmp_path: Path) -> None:
    whole, interrupt = run(STEPS[kind]), Interrupt()
    with pytest.raises(Interrupted):
        run(STEPS[kind], folder=tmp_path, listener=after(4, interrupt), interrupt=interrupt)
    resumed = run(STEPS[kind], folder=tmp_path)
    assert identical(whole.backbone.module.state_dict(), resumed.backbone.module.state_dict())


@pytest.mark.parametrize("kind", ["masked", "views"])
def test_a_batch_in_parts_gives_the_same_weights(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    step = STEPS[kind].model_copy(update={"optimizer": "sgd", "epochs": 1})
    whole = run(step)
    monkeypatch.setattr("warmstart.engine.assemble.estimate_micro", lambda *_: 6)
    parted = run(step)
    for name, tensor in whole.backbone.module.state_dict().items():
        torch.testing.assert_close(tensor, parted.backbone.module.state_dict()[name], rtol=0, atol=1e-4)


def test_views_of_images_are_made_by_their_augmentation() -> None:
    data = make_data()
    found = run(Views(epochs=2, batch_size=12), data, "toy")
    assert found.curve[-1].values["train_loss"] < found.curve[0].values["train_loss"]


def test_what_is_hidden_is_what_was_there_and_the_rest_is_as_it_was() -> None:
    values = torch.randn(6, 2, 100)
    seen, asked = hidden(values, 0.4, 10, seed=1)
    told = ~asked.isnan()
    assert torch.equal(asked[told], values[told])
    assert torch.equal(seen[~told], values[~told])
    assert not seen[told].any()
    assert torch.equal(told[:, 0], told[:, 1]), "of all channels at once"
    assert told.float().mean().item() == pytest.approx(0.4, abs=0.01)
    assert torch.equal(hidden(values, 0.4, 10, seed=1)[0], seen)
    assert not torch.equal(hidden(values, 0.4, 10, seed=2)[0], seen)


@pytest.mark.parametrize("share", [0.001, 0.999])
def test_something_is_hidden_and_something_is_left(share: float) -> None:
    told = ~hidden(torch.randn(3, 1, 40), share, 16, seed=0)[1].isnan()
    assert bool(told.any(2).all())
    assert not bool(told.all(2).any())


def test_the_loss_of_what_is_hidden_is_over_that_alone_and_parts_add_up() -> None:
    outputs, targets = torch.randn(4, 1, 8), torch.full((4, 1, 8), torch.nan)
    targets[0, 0, :3], targets[2, 0, 5] = 1.0, -1.0
    asked, loss = ~targets.isnan(), HiddenLoss()
    whole = loss.loss(outputs, targets)
    torch.testing.assert_close(whole, functional.mse_loss(outputs[asked], targets[asked]))
    parts = [slice(0, 2), slice(2, 4)]
    added = sum(loss.loss(outputs[p], targets[p]) * loss.weight(targets[p]) / loss.weight(targets) for p in parts)
    torch.testing.assert_close(added, whole)


def test_values_are_told_from_the_last_activation_along_time_whichever_way_it_lies() -> None:
    for name, along in (("toy_series", 1), ("series?pretrained=false", 0)):
        backbone = load_backbone(name)
        at, layer = restoring(Network(backbone, torch.nn.Linear(backbone.out_features, 1)), 100)
        assert layer.along == along
        with torch.no_grad():
            assert layer(backbone.chain.prefix(at)(torch.randn(3, 1, 100))).shape == (3, 1, 100)


def test_places_tell_their_own_steps() -> None:
    layer = Restored((3, 4), 0, channels=1, size=6)
    x = torch.zeros(1, 3, 4)
    x[0, 1] = 1.0
    with torch.no_grad():
        moved = (layer(x) - layer(torch.zeros_like(x)))[0, 0].abs() > 1e-9
    assert moved.tolist() == [False, False, True, True, False, False]


def test_two_views_are_the_classes_of_a_supervised_loss() -> None:
    """NT-Xent, as Chen et al. (2020), eq. 1, have it."""
    z = functional.normalize(torch.randn(8, 5, generator=torch.Generator().manual_seed(0)), dim=1)
    similarity = (z @ z.T / 0.2).fill_diagonal_(-torch.inf)
    expected = functional.cross_entropy(similarity, torch.arange(8).roll(4))
    torch.testing.assert_close(SupCon(0.2).loss(z, torch.arange(4).repeat(2)), expected)


def test_a_head_per_set_is_a_softmax_over_the_classes_of_the_set() -> None:
    sets, outputs, targets = sets_of(("a/x", "b/x", "a/y")), torch.randn(3, 3), torch.tensor([2, 1, -1])
    expected = functional.cross_entropy(outputs[:1, [0, 2]], torch.tensor([1])) / 2
    torch.testing.assert_close(GroupedSoftmax(sets).loss(outputs, targets), expected)


def test_a_network_without_an_activation_along_time_is_refused() -> None:
    backbone = load_backbone("toy")
    with pytest.raises(RecipeError, match="runs along time"):
        restoring(Network(backbone, torch.nn.Linear(20, 1)), 32)


def test_a_recipe_of_pretraining_trains_no_head_and_any_other_needs_one() -> None:
    made = pretraining("masked", "series", lr=1e-3, epochs=1, batch_size=8)
    assert [step.kind for step in made.steps] == ["masked"]
    with pytest.raises(ValueError, match="steps of the backbone alone"):
        Pretraining.model_validate({"name": "x", "steps": [{"kind": "closed_form"}]})


def test_data_of_another_kind_are_refused() -> None:
    with pytest.raises(RecipeError, match="hides stretches of series, and the data are images"):
        run(STEPS["masked"], make_data(), "toy")
    with pytest.raises(RecipeError, match="views of images or series, and the data are texts"):
        compile_plan(Pretraining(name="t", steps=(Views(),)), text_network(), text_data().facts)


def test_what_is_decided_is_told() -> None:
    told = Told()
    run(STEPS["masked"].model_copy(update={"epochs": 1}), listener=told)
    assert told.decided("told from the activations")
