import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score, log_loss, top_k_accuracy_score
from torch import Tensor
from torch.nn import functional

from warmstart.data.schema import ClassTarget
from warmstart.errors import DataError
from warmstart.registry import Registry
from warmstart.task.base import Task, tasks
from warmstart.task.classify import CLASSIFY


def logits(n: int, classes: int, seed: int = 0) -> Tensor:
    return torch.randn(n, classes, generator=torch.Generator().manual_seed(seed))


def indices(n: int, classes: int, seed: int = 1) -> Tensor:
    return torch.randint(classes, (n,), generator=torch.Generator().manual_seed(seed))


def test_the_registry_finds_the_task_by_name() -> None:
    assert isinstance(tasks, Registry)
    task: Task = CLASSIFY
    assert tasks["classify"] is task


@given(st.integers(2, 9), st.integers(1, 30), st.integers(0, 999), st.floats(0, 0.5), st.booleans())
def test_one_hot_targets_give_the_loss_of_their_indices(
    classes: int, n: int, seed: int, smoothing: float, weighted: bool
) -> None:
    outputs, targets = logits(n, classes, seed), indices(n, classes, seed)
    weights = torch.rand(classes, generator=torch.Generator().manual_seed(seed)) + 0.1 if weighted else None
    hard = CLASSIFY.loss(outputs, targets, label_smoothing=smoothing, class_weights=weights)
    one_hot = functional.one_hot(targets, classes).float()
    soft = CLASSIFY.loss(outputs, one_hot, label_smoothing=smoothing, class_weights=weights)
    torch.testing.assert_close(hard, soft)


def test_mixed_targets_are_linear_in_their_parts() -> None:
    outputs, a, b = logits(6, 4), indices(6, 4, 2), indices(6, 4, 3)
    one, two = (functional.one_hot(t, 4).float() for t in (a, b))
    mixed = CLASSIFY.loss(outputs, 0.3 * one + 0.7 * two)
    torch.testing.assert_close(mixed, 0.3 * CLASSIFY.loss(outputs, a) + 0.7 * CLASSIFY.loss(outputs, b))


def test_unknown_labels_add_nothing_to_loss_or_metrics() -> None:
    outputs, targets = logits(10, 3), indices(10, 3)
    hidden = targets.clone()
    hidden[4:] = -1
    torch.testing.assert_close(CLASSIFY.loss(outputs, hidden), CLASSIFY.loss(outputs[:4], targets[:4]))
    assert CLASSIFY.metrics(outputs, hidden) == CLASSIFY.metrics(outputs[:4], targets[:4])


def test_a_batch_without_known_labels_has_loss_zero_and_gradient_zero() -> None:
    outputs = logits(4, 3).requires_grad_()
    loss = CLASSIFY.loss(outputs, torch.full((4,), -1))
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0.0
    assert outputs.grad is not None
    assert not bool(outputs.grad.any())


def test_metrics_of_nothing_are_an_error() -> None:
    with pytest.raises(DataError, match="known label"):
        CLASSIFY.metrics(logits(3, 2), torch.full((3,), -1))


@pytest.mark.filterwarnings("ignore:y_pred contains", "ignore:A single label")
@given(st.integers(2, 9), st.integers(2, 60), st.integers(0, 999))
def test_metrics_are_those_of_scikit_learn(classes: int, n: int, seed: int) -> None:
    outputs, targets = logits(n, classes, seed), indices(n, classes, seed + 1)
    got = CLASSIFY.metrics(outputs, targets)
    predicted, labels = outputs.argmax(1).numpy(), list(range(classes))
    assert got["accuracy"] == pytest.approx(np.mean(predicted == targets.numpy()))
    assert got["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(targets, predicted))
    assert got["macro_f1"] == pytest.approx(f1_score(targets, predicted, average="macro"))
    probabilities = outputs.double().softmax(1).numpy()
    assert got["log_loss"] == pytest.approx(log_loss(targets, probabilities, labels=labels))
    if classes > 5:
        assert got["top5_accuracy"] == pytest.approx(top_k_accuracy_score(targets, outputs, k=5, labels=labels))
    else:
        assert "top5_accuracy" not in got


def test_decode_names_the_five_most_probable_classes_in_order() -> None:
    target = ClassTarget(tuple("abcdefgh"))
    (answer,) = CLASSIFY.decode(torch.tensor([[0.0, 3.0, 1.0, 2.0, -1.0, -2.0, 5.0, -3.0]]), target)
    assert answer["label"] == "g"
    assert list(answer["probabilities"]) == ["g", "b", "d", "c", "a"]
    assert answer["probability"] == max(answer["probabilities"].values()) == answer["probabilities"]["g"]


def test_decode_of_all_classes_sums_to_one() -> None:
    (answer,) = CLASSIFY.decode(torch.tensor([[0.2, -0.4]]), ClassTarget(("no", "yes")))
    assert sum(answer["probabilities"].values()) == pytest.approx(1.0)


def test_the_head_follows_its_seed_alone() -> None:
    target = ClassTarget(("a", "b", "c"))
    first, again, other = (CLASSIFY.head(7, target, seed=s) for s in (1, 1, 2))
    x = logits(5, 7)
    assert first(x).shape == (5, 3)
    assert torch.equal(first(x), again(x))
    assert not torch.equal(first(x), other(x))
