"""How far a student's outputs are from its teacher's, by the kind of answer."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

from warmstart.data.targets import TaskName
from warmstart.errors import RecipeError
from warmstart.registry import Registry

SoftLoss = Callable[[Tensor, Tensor, float], Tensor]
"""Outputs of the student and of the teacher (n, k), and a temperature, to the loss of each sample (n,)."""

soft_losses: Registry[SoftLoss] = Registry("task that is distilled", RecipeError)


def of_classes(outputs: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """`T^2 KL(p || q)` of the tempered probabilities, in nats, (n,): Hinton et al. 2015, section 2.

    The gradients of the tempered term shrink by `T^2`, by which it is multiplied: the share of the teacher in the loss
    then means the same at any temperature.

    >>> import torch
    >>> of_classes(torch.tensor([[0.0, 0.0]]), torch.tensor([[2.0, 2.0]]), 4.0).abs().item() < 1e-6
    True
    """
    p, q = (teacher / temperature).log_softmax(1), (outputs / temperature).log_softmax(1)
    return temperature**2 * functional.kl_div(q, p, reduction="none", log_target=True).sum(1)


def of_labels(outputs: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """The same for the yes or no of each label, mean over them, (n,).

    >>> import torch
    >>> of_labels(torch.tensor([[1.0]]), torch.tensor([[1.0]]), 2.0).abs().item() < 1e-6
    True
    """
    p = (teacher / temperature).sigmoid()
    cross = functional.binary_cross_entropy_with_logits(outputs / temperature, p, reduction="none")
    own = functional.binary_cross_entropy_with_logits(teacher / temperature, p, reduction="none")
    return temperature**2 * (cross - own).mean(1)


def of_numbers(outputs: Tensor, teacher: Tensor, temperature: float) -> Tensor:  # noqa: ARG001 (as the others)
    """Squared distance in units of the network, mean over the numbers, (n,); the temperature has no use."""
    return (outputs - teacher).square().mean(1)


soft_losses.add("classify", of_classes)
soft_losses.add("multilabel", of_labels)
soft_losses.add("regress", of_numbers)


def soft_loss(task: TaskName) -> SoftLoss:
    """That of a task.

    Raises:
        RecipeError: there is none.
    """
    if task not in soft_losses:
        raise RecipeError(
            f"distillation of the task {task!r}",
            expected=f"a teacher that answers with classes, labels or numbers ({', '.join(soft_losses)})",
            do="start from the teacher's weights instead: warmstart fit DATA --backbone bundle:FOLDER",
        )
    return soft_losses[task]


def agreement(task: TaskName, outputs: Tensor, teacher: Tensor) -> Tensor:
    """How far each answer is that of the teacher (n,), in 0..1: whether it is the same class; the share of labels that
    are; of numbers 1 less the squared distance over the variance of the teacher's answers, whose mean is R2.

    >>> import torch
    >>> agreement("classify", torch.tensor([[0.0, 1.0], [0.0, 1.0]]), torch.tensor([[0.0, 2.0], [2.0, 0.0]])).tolist()
    [1.0, 0.0]
    """
    one, other = outputs.double(), teacher.double()
    if task == "classify":
        return (one.argmax(1) == other.argmax(1)).double()
    if task == "multilabel":
        return ((one > 0) == (other > 0)).double().mean(1)
    spread = (other - other.mean(0)).square().mean(0).clamp_min(1e-12)
    return 1 - ((one - other).square() / spread).mean(1)
