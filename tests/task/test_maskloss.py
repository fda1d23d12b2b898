"""Losses of masks, against those of torch and segmentation-models-pytorch on one image, and direct definitions."""

from __future__ import annotations

import pytest
import segmentation_models_pytorch as smp
import torch
from segmentation_models_pytorch.losses._functional import softmax_focal_loss_with_logits
from torch import Tensor
from torch.nn import functional

from warmstart.errors import RecipeError
from warmstart.task.maskloss import LOSSES, of_images, terms

WEIGHTS = torch.tensor([0.5, 2.0, 1.0, 3.0])


def drawn(n: int = 1, classes: int = 4, size: int = 12, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits and classes, of which one row of pixels is ignored."""
    make = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, classes, size, size, generator=make) * 2
    targets = torch.randint(0, classes, (n, size, size), generator=make).to(torch.uint8)
    targets[:, 3] = 255
    return logits, targets


def found(name: str, logits: Tensor, targets: Tensor, **options: object) -> Tensor:
    return of_images(logits, targets, terms(name), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_that_of_torch(weights: Tensor | None, smoothing: float) -> None:
    logits, targets = drawn()
    own = functional.cross_entropy(logits, targets.long(), weights, ignore_index=255, label_smoothing=smoothing)
    torch.testing.assert_close(
        found("cross_entropy", logits, targets, smoothing=smoothing, weights=weights), own.reshape(1)
    )


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_dice_and_tversky_are_those_of_the_supplier(weights: Tensor | None) -> None:
    logits, targets = drawn()
    listed = None if weights is None else weights.tolist()
    own = smp.losses.DiceLoss("multiclass", ignore_index=255, class_weights=listed)(logits, targets.long())
    torch.testing.assert_close(found("dice", logits, targets, weights=weights), own.reshape(1))
    other = smp.losses.TverskyLoss("multiclass", ignore_index=255, alpha=0.3, beta=0.7, class_weights=listed)
    torch.testing.assert_close(
        found("tversky", logits, targets, weights=weights), other(logits, targets.long()).reshape(1)
    )


def test_of_classes_that_do_not_occur_the_supplier_takes_the_mean_too_and_we_do_not() -> None:
    logits, targets = drawn()
    targets[targets == 2] = 1  # three of four are left
    own = smp.losses.DiceLoss("multiclass", ignore_index=255)(logits, targets.long())
    torch.testing.assert_close(found("dice", logits, targets) * 3 / 4, own.reshape(1))


def test_focal_is_that_of_the_supplier() -> None:
    logits, targets = drawn()
    known = targets[0] != 255
    own = softmax_focal_loss_with_logits(logits[0][:, known].T, targets[0][known].long())
    torch.testing.assert_close(found("focal", logits, targets), own.reshape(1))


def jaccard_loss(wrong: Tensor, truth: Tensor) -> float:
    """1 - Jaccard index of a class if just these pixels are wrong."""
    said = truth ^ wrong
    return 1 - float((said & truth).sum()) / float((said | truth).sum())


def test_lovasz_is_the_extension_of_the_jaccard_loss() -> None:
    """Eq. 8 of the paper, directly: errors in falling order, times what each further wrong pixel adds."""
    logits, targets = drawn(classes=3, size=5)
    shares, truth = logits.softmax(1)[0], targets[0]
    known = truth != 255
    whole = []
    for c in range(3):
        true = (truth == c)[known]
        errors = torch.where(true, 1 - shares[c][known], shares[c][known])
        wrong, before, total = torch.zeros_like(true), 0.0, 0.0
        for i in errors.argsort(descending=True).tolist():
            wrong[i] = True
            now = jaccard_loss(wrong, true)
            total, before = total + float(errors[i]) * (now - before), now
        whole.append(total)
    assert float(found("lovasz", logits, targets)) == pytest.approx(sum(whole) / 3, rel=1e-5)


def test_lovasz_is_that_of_the_supplier() -> None:
    logits, targets = drawn(n=3)
    own = smp.losses.LovaszLoss("multiclass", per_image=True, ignore_index=255)(logits, targets.long())
    torch.testing.assert_close(found("lovasz", logits, targets).mean(), own)


@pytest.mark.parametrize("name", LOSSES)
def test_an_image_counts_for_itself_and_pixels_that_are_ignored_not_at_all(name: str) -> None:
    logits, targets = drawn(n=3)
    whole = found(name, logits, targets)
    one_by_one = [found(name, logits[i : i + 1], targets[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(whole, torch.cat(one_by_one))
    logits[:, :, 3] = 100.0
    torch.testing.assert_close(found(name, logits, targets), whole)


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_finite_of_one_class_alone_of_sure_answers_and_of_no_known_pixel(name: str) -> None:
    logits, targets = drawn(n=3)
    targets[0], targets[1] = 1, 255
    logits[2] *= 1e4
    logits.requires_grad_(True)
    torch.autograd.backward(found(name, logits, targets).sum())
    assert logits.grad is not None
    assert bool(logits.grad.isfinite().all())
    assert not logits.grad[1].any()
    assert logits.grad[0].any()


@pytest.mark.parametrize("name", LOSSES)
def test_a_right_and_sure_answer_costs_nothing_and_a_wrong_one_does(name: str) -> None:
    _, targets = drawn(classes=2)
    known = targets.clone()
    known[targets == 255] = 0
    right = functional.one_hot(known.long(), 2).movedim(-1, 1) * 60.0
    assert float(found(name, right, targets)) == pytest.approx(0.0, abs=1e-5)
    assert float(found(name, -right, targets)) > 0.9


def test_losses_are_added_up_with_their_weights() -> None:
    logits, targets = drawn()
    parts = {name: found(name, logits, targets) for name in ("focal", "dice")}
    torch.testing.assert_close(found("0.5*focal + dice", logits, targets), 0.5 * parts["focal"] + parts["dice"])


@pytest.mark.parametrize("text", ["", "dise", "dice+", "0*dice", "x*dice", "inf*dice", "*dice"])
def test_what_is_no_loss_is_refused_with_those_that_there_are(text: str) -> None:
    with pytest.raises(RecipeError, match=r"cross_entropy, dice, focal, lovasz, tversky|a positive number"):
        terms(text)
