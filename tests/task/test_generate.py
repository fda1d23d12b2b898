"""What is measured of texts to be written, from logits and from what is kept of them alike."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from warmstart.data.targets import TextTarget
from warmstart.errors import BackboneError, DataError
from warmstart.task.base import tasks
from warmstart.task.generate import GENERATE

VOCABULARY = 11


def drawn(n: int = 9, longest: int = 6, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits (n, T, V), and targets (n, T) of different lengths, the last of which is not known."""
    rng = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, longest, VOCABULARY, generator=rng)
    targets = torch.randint(VOCABULARY, (n, longest), generator=rng)
    lengths = torch.randint(1, longest + 1, (n, 1), generator=rng)
    lengths[0], lengths[-1] = longest, 0
    targets = torch.where(torch.arange(longest) < lengths, targets, -1)
    right = torch.rand(n, generator=rng) < 0.5
    logits[right] += 20 * functional.one_hot(targets[right].clamp_min(0), VOCABULARY)
    return logits, targets


def test_the_registry_finds_the_task_by_name() -> None:
    assert tasks["generate"] is GENERATE


def test_metrics_are_those_counted_by_hand() -> None:
    logits, targets = drawn()
    logs, said = logits.double().log_softmax(2), logits.argmax(2)
    exact, right, loss = [], [], []
    for row in range(len(targets) - 1):
        length = int((targets[row] >= 0).sum())
        hits = [bool(said[row, t] == targets[row, t]) for t in range(length)]
        exact.append(all(hits))
        right += hits
        loss += [-float(logs[row, t, targets[row, t]]) for t in range(length)]
    found = GENERATE.metrics(logits, targets)
    mean = sum(loss) / len(loss)
    assert 0 < sum(exact) < len(exact)
    assert found["exact_match"] == pytest.approx(sum(exact) / len(exact))
    assert found["token_accuracy"] == pytest.approx(sum(right) / len(right))
    assert found["log_loss"] == pytest.approx(mean, abs=1e-6)
    assert found["perplexity"] == pytest.approx(torch.tensor(mean).exp().item(), rel=1e-5)
    assert float(GENERATE.loss(logits, targets)) == pytest.approx(mean, abs=1e-6)


def test_what_is_kept_says_the_same_as_the_logits() -> None:
    logits, targets = drawn()
    kept = GENERATE.answered(logits, targets)
    assert kept.shape == (*targets.shape, 2)
    assert not kept[targets < 0].any()
    assert torch.equal(GENERATE.answered(kept, targets), kept)
    assert GENERATE.metrics(kept, targets) == pytest.approx(GENERATE.metrics(logits, targets), rel=1e-5)
    torch.testing.assert_close(GENERATE.loss(kept, targets), GENERATE.loss(logits, targets))


def test_outputs_may_end_where_the_longest_target_does() -> None:
    logits, targets = drawn()
    padded = functional.pad(targets, (0, 3), value=-1)
    assert GENERATE.metrics(logits, padded) == GENERATE.metrics(logits, targets)
    torch.testing.assert_close(GENERATE.loss(logits, padded), GENERATE.loss(logits, targets))


def test_values_by_sample_make_up_the_metrics_of_any_resampling() -> None:
    logits, targets = drawn(40)
    values, chosen = GENERATE.values(logits, targets), torch.arange(39)
    for name, value in GENERATE.metrics(logits[chosen], targets[chosen]).items():
        assert float(values[name][chosen].mean()) == pytest.approx(value, rel=1e-9)


def test_parts_of_a_batch_add_up_to_its_loss() -> None:
    logits, targets = drawn()
    for smoothing in (0.0, 0.1):
        whole = GENERATE.loss(logits, targets, label_smoothing=smoothing)
        parts = [(logits[:4], targets[:4]), (logits[4:], targets[4:])]
        shares = [GENERATE.weight(t) / GENERATE.weight(targets) for _, t in parts]
        losses = [GENERATE.loss(*part, label_smoothing=smoothing) for part in parts]
        total = sum(share * float(loss) for share, loss in zip(shares, losses, strict=True))
        assert total == pytest.approx(float(whole), rel=1e-6)


def test_smoothing_is_that_of_torch_over_the_tokens_that_count() -> None:
    logits, targets = drawn()
    counted = targets >= 0
    expected = functional.cross_entropy(logits[counted], targets[counted], label_smoothing=0.2)
    torch.testing.assert_close(GENERATE.loss(logits, targets, label_smoothing=0.2), expected)


def test_without_any_target_there_is_no_loss_and_nothing_to_measure() -> None:
    logits, targets = drawn()
    nothing = torch.full_like(targets, -1)
    assert GENERATE.loss(logits.requires_grad_(), nothing).item() == 0
    with pytest.raises(DataError):
        GENERATE.values(logits, nothing)


def test_networks_together_say_the_mean_of_their_probabilities() -> None:
    first, targets = drawn(seed=1)
    second, _ = drawn(seed=2)
    both = GENERATE.combine([first, second])
    torch.testing.assert_close(both.exp(), (first.softmax(2) + second.softmax(2)) / 2)
    kept = GENERATE.combine([GENERATE.answered(logits, targets) for logits in (first, second)])
    expected = GENERATE.answered(both, targets)
    torch.testing.assert_close(kept[..., 0][targets >= 0], expected[..., 0][targets >= 0])
    assert GENERATE.combine([first]).argmax(2).equal(first.argmax(2))


def test_answers_tell_how_probable_the_true_text_was() -> None:
    logits, targets = drawn()
    kept = GENERATE.answered(logits, targets)
    answers = GENERATE.decode(kept, TextTarget())
    exact = GENERATE.values(kept, targets)["exact_match"]
    assert [answer["exact"] for answer in answers[:-1]] == [bool(one) for one in exact]
    assert answers[0]["probability"] == pytest.approx(float(kept[0, :, 0].sum().exp()), rel=1e-5)


def test_a_head_is_not_made_of_nothing() -> None:
    with pytest.raises(BackboneError, match="network_for"):
        GENERATE.head(8, TextTarget())
