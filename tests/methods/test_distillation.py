"""Learning from a teacher's answers: the loss, and the step in a run in miniature."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from tests.engine.helpers import identical, make_data, make_network, state_of
from warmstart.data.scenes import MaskTarget
from warmstart.data.targets import TaskName
from warmstart.engine.data import RunData, Taught
from warmstart.engine.run import run_recipe
from warmstart.errors import RecipeError
from warmstart.methods.distillation.loss import agreement, soft_loss, soft_losses
from warmstart.methods.distillation.step import TaughtLoss
from warmstart.recipe.distillation import distill, without_teacher
from warmstart.recipe.distilling import Distill
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.recipe import Recipe
from warmstart.task.base import task_of, tasks
from warmstart.task.classify import CLASSIFY


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return 3 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def packed(teacher: Tensor, labelled: Tensor, hard: Tensor) -> Tensor:
    return torch.cat([teacher, labelled[:, None].float(), hard.float().reshape(len(hard), -1)], 1)


def of(task: TaskName, share: float = 0.7, temperature: float = 2.0, outputs: int = 3) -> TaughtLoss:
    return TaughtLoss(tasks[task], soft_loss(task), temperature, share, outputs, indices=task == "classify")


@pytest.mark.parametrize("name", list(soft_losses))
def test_a_student_that_answers_as_its_teacher_has_no_loss_and_wholly_agrees(name: TaskName) -> None:
    teacher = drawn(6, 3)
    assert soft_loss(name)(teacher, teacher, 3.0).abs().max() < 1e-5
    assert bool((soft_loss(name)(drawn(6, 3, seed=1), teacher, 3.0) > 0).all())
    assert agreement(name, teacher, teacher).mean() == 1.0


def test_at_temperature_one_it_is_the_cross_entropy_with_the_teachers_probabilities() -> None:
    student, teacher = drawn(5, 3), drawn(5, 3, seed=1)
    p = teacher.softmax(1)
    entropy = -(p * p.log()).sum(1)
    wanted = functional.cross_entropy(student, p, reduction="none") - entropy
    torch.testing.assert_close(soft_loss("classify")(student, teacher, 1.0), wanted)


def test_the_size_of_the_gradient_does_not_hang_on_the_temperature_once_it_is_high() -> None:
    """Hinton et al. 2015, section 2.1: at high temperatures it is (z - v) / N for centred logits."""
    teacher = drawn(4, 3, seed=1).double()
    norms: list[Tensor] = []
    for temperature in (200.0, 2000.0):
        student = drawn(4, 3).double().requires_grad_(True)
        total = soft_loss("classify")(student, teacher, temperature).sum()
        norms += torch.autograd.grad(total, student)
    centred = [logits - logits.mean(1, keepdim=True) for logits in (drawn(4, 3).double(), teacher)]
    torch.testing.assert_close(norms[1], (centred[0] - centred[1]) / 3, rtol=0.02, atol=0.01)
    torch.testing.assert_close(norms[0], norms[1], rtol=0.1, atol=0.05)


@given(
    name=st.sampled_from(["classify", "multilabel", "regress"]),
    share=st.floats(0, 1),
    cut=st.integers(1, 7),
    seed=st.integers(0, 99),
)
def test_parts_of_a_batch_add_up_to_the_whole(name: TaskName, share: float, cut: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    labelled = torch.rand(8, generator=generator) < 0.6
    hard = torch.randint(3, (8,), generator=generator)
    if name != "classify":
        hard = functional.one_hot(hard, 3)
    outputs, targets = drawn(8, 3, seed=seed), packed(drawn(8, 3, seed=seed + 1), labelled, hard)
    loss = of(name, share)
    parts = [loss.loss(outputs[s], targets[s]) * loss.weight(targets[s]) for s in (slice(cut), slice(cut, 8))]
    torch.testing.assert_close(sum(parts) / loss.weight(targets), loss.loss(outputs, targets))


def test_a_sample_without_a_label_learns_from_the_teacher_alone() -> None:
    outputs, teacher, loss = drawn(4, 3), drawn(4, 3, seed=1), of("classify", share=0.2)
    none = torch.zeros(4, dtype=torch.bool)
    one, other = (loss.loss(outputs, packed(teacher, none, torch.full((4,), k))) for k in (0, 2))
    assert one == other
    torch.testing.assert_close(one, soft_loss("classify")(outputs, teacher, 2.0).mean())
    known = loss.loss(outputs, packed(teacher, ~none, torch.zeros(4)))
    wanted = 0.2 * one + 0.8 * functional.cross_entropy(outputs, torch.zeros(4, dtype=torch.int64))
    torch.testing.assert_close(known, wanted)


def test_agreement_of_numbers_is_how_much_of_the_teachers_variance_is_explained() -> None:
    teacher = drawn(50, 1)
    assert agreement("regress", torch.full((50, 1), teacher.mean().item()), teacher).mean().item() == pytest.approx(0)


def taught_data(labelled: bool = True) -> RunData:
    """Coloured noise, and a teacher that is sure of the truth."""
    data = make_data(30, 9)
    truth = torch.from_numpy(data.dataset.labels)
    outputs = 4.0 * functional.one_hot(truth, 3)
    return dataclasses.replace(data, taught=Taught(outputs, torch.full((len(truth),), labelled)))


def recipe(**changes: object) -> Recipe:
    step = Distill.model_validate({"rates": (("*", 3e-3),), "epochs": 4, "batch_size": 8, **changes})
    return Recipe(name="mine", steps=(step,))


def test_without_the_teachers_share_it_is_a_phase() -> None:
    data, network = taught_data(), make_network()
    own = run_recipe(recipe(share=0.0), network, data, task=CLASSIFY).network
    plain = run_recipe(without_teacher(recipe(share=0.0)), network, data, task=CLASSIFY).network
    for one, other in zip(own.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_a_student_learns_what_only_the_teacher_knows_whatever_the_labels_say() -> None:
    data, network = taught_data(labelled=False), make_network()
    assert data.taught is not None
    turned = Taught(data.taught.outputs.roll(1, 1), data.taught.labelled)
    data = dataclasses.replace(data, taught=turned)
    student = run_recipe(recipe(share=1.0, epochs=30), network, data, task=CLASSIFY)
    losses = [row.values["train_loss"] for row in student.curve]
    assert losses[-1] < 0.8 * losses[0]
    labels = [row.values["val_loss"] for row in student.curve]
    assert labels[-1] > labels[0], "the labels say something else"


def test_distilling_twice_gives_the_same_bits() -> None:
    data, network = taught_data(), make_network()
    one, other = (run_recipe(recipe(epochs=2), network, data, task=CLASSIFY).network for _ in range(2))
    assert identical(state_of(one), state_of(other))


def test_without_a_teacher_it_is_refused_and_says_where_one_is_given() -> None:
    with pytest.raises(RecipeError, match="learns from a teacher, and there is none") as caught:
        run_recipe(recipe(), make_network(), make_data(), task=CLASSIFY)
    assert "warmstart distill BUNDLE" in caught.value.do


def test_answers_of_other_kinds_are_not_distilled() -> None:
    with pytest.raises(RecipeError, match="distillation of the task 'segment'") as caught:
        soft_loss(task_of(MaskTarget(("a", "b"))).name)
    assert "classes, labels or numbers (classify, multilabel, regress)" in caught.value.expected
    with pytest.raises(RecipeError, match="distillation of the task 'several'"):
        soft_loss("several")


def test_the_recipe_fits_a_head_first_unless_it_is_told_not_to() -> None:
    assert [step.kind for step in distill().steps] == ["closed_form", "distill"]
    assert [step.kind for step in load_recipe("distill?probe=false&share=1").steps] == ["distill"]
