import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from warmstart.evaluation.metrics import confusion, correct, most_wrong, per_class
from warmstart.task.classify import CLASSIFY


@given(st.integers(2, 8), st.integers(1, 80), st.integers(0, 999))
def test_confusion_and_class_scores_are_those_of_scikit_learn(classes: int, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    outputs, labels = torch.from_numpy(rng.normal(size=(n, classes))), rng.integers(0, classes, n)
    counts = confusion(outputs, labels)
    predicted = outputs.argmax(1).numpy()
    everything = list(range(classes))
    assert counts.tolist() == confusion_matrix(labels, predicted, labels=everything).tolist()
    theirs = precision_recall_fscore_support(labels, predicted, labels=everything, zero_division=0)
    for i, row in enumerate(per_class(counts, [str(c) for c in everything])):
        assert row["precision"] is None or row["precision"] == pytest.approx(theirs[0][i])
        assert row["recall"] is None or row["recall"] == pytest.approx(theirs[1][i])
        assert row["f1"] is None or row["f1"] == pytest.approx(theirs[2][i])
        assert row["count"] == theirs[3][i]


def test_a_class_that_never_occurs_has_no_recall_rather_than_zero() -> None:
    rows = per_class(np.array([[2, 1, 0], [0, 0, 0], [1, 0, 0]]), ("a", "b", "c"))
    assert rows[1]["recall"] is None
    assert rows[1]["f1"] is None
    assert rows[2]["precision"] is None
    assert (rows[2]["recall"], rows[2]["f1"]) == (0.0, 0.0)


def test_unknown_labels_are_left_out() -> None:
    outputs, labels = torch.eye(3), np.array([0, -1, 1])
    assert correct(outputs, labels).tolist() == [True, False]
    assert confusion(outputs, labels).sum() == 2


def test_labels_of_another_length_are_an_error() -> None:
    with pytest.raises(ValueError, match="3 outputs for 2 labels"):
        correct(torch.eye(3), np.array([0, 1]))


def test_what_surprised_most_is_first_and_a_right_answer_however_unsure_is_none_of_it() -> None:
    shares = torch.tensor([[0.34, 0.33, 0.33], [0.50, 0.49, 0.01], [0.90, 0.08, 0.02], [0.97, 0.02, 0.01]])
    found = most_wrong(shares.log(), np.array([0, 2, 1, 0]), list("pqrs"), ("ant", "bee", "cat"))
    assert [(m.id, m.true, m.predicted) for m in found] == [("q", "cat", "ant"), ("r", "bee", "ant")]
    assert [m.probability for m in found] == pytest.approx([0.50, 0.90], abs=1e-6)
    assert [m.true_probability for m in found] == pytest.approx([0.01, 0.08], abs=1e-6)
    assert [m.loss for m in found] == pytest.approx([-np.log(0.01), -np.log(0.08)], abs=1e-5)


def test_the_surest_mistakes_come_first_and_right_answers_never() -> None:
    outputs = torch.tensor([[5.0, 0.0], [1.0, 0.0], [0.0, 3.0], [9.0, 0.0], [9.0, 0.0]])
    found = most_wrong(outputs, np.array([1, 1, 0, 0, -1]), list("pqrst"), ("no", "yes"), n=2)
    assert [(m.id, m.true, m.predicted) for m in found] == [("p", "yes", "no"), ("r", "no", "yes")]
    assert found[0].probability == pytest.approx(float(torch.tensor(5.0).sigmoid()))


def test_an_ensemble_averages_probabilities() -> None:
    a, b = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(CLASSIFY.combine([a, b]).softmax(1), (a.softmax(1) + b.softmax(1)) / 2)


def test_an_ensemble_of_one_is_that_one() -> None:
    a = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(CLASSIFY.combine([a]), a.log_softmax(1))
