"""Integrated gradients (Sundararajan et al. 2017, "Axiomatic attribution for deep networks"), by captum.

The gradient of the score is integrated along the straight line from an input that says nothing to the input (eq. 1), at
the points of Gauss-Legendre. What all places add is then the difference of both scores (completeness); the share that
is missing is told. Of images and series the line is that of the inputs; of texts it is that of the embeddings, of which
one for each token is read, and channels of one place are added up.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from warmstart.errors import DataError, MissingExtraError
from warmstart.explaining.asked import Asked, Pick
from warmstart.explaining.blank import blank
from warmstart.explaining.methods import Attributed, Method
from warmstart.preprocess.kinds import Kind
from warmstart.preprocess.text import TextSpec

POINTS, ROUGH = (32, 96), (8,)
"""Of the line, for an explanation and for a comparison."""
GAP = 0.1
"""Share of the difference of both scores that may be missing."""
_AT_ONCE = 16


class Integrated:
    """See the module docstring.

    Args:
        points: of the line; the second number where the first leaves a gap.
    """

    kinds: tuple[Kind, ...] = ("image", "text", "series")
    gradients = True

    def __init__(self, points: tuple[int, ...] = POINTS) -> None:
        self.points = points

    @property
    def coarser(self) -> Method | None:
        """With fewer points: without a second try where there is a gap, and then with few."""
        if len(self.points) > 1:
            return Integrated(self.points[:1])
        return Integrated(ROUGH) if self.points > ROUGH else None

    def passes(self, asked: Asked, x: Tensor) -> int:
        """One with its gradient for each point."""
        return 3 * sum(self.points)

    def attribute(self, asked: Asked, chosen: Pick, x: Tensor) -> Attributed:
        """What the places of one input (1, ...) add.

        Raises `MissingExtraError` without captum, `DataError` where the network has no gradient.
        """
        try:
            from captum.attr import IntegratedGradients
        except ImportError as error:
            raise MissingExtraError("the method integrated_gradients", "explain") from error
        cut = 1 if isinstance(asked.spec, TextSpec) else 0
        with torch.no_grad():
            ends = asked.at(cut, x), asked.at(cut, blank(x, asked.spec))
            scores = [chosen.score(asked.outputs_from(cut, end)) for end in ends]

        def score(*activations: Tensor) -> Tensor:
            return chosen.score(asked.outputs_from(cut, activations))

        difference = float((scores[0] - scores[1]).double())
        integrated, found, gap = IntegratedGradients(score), tuple[Tensor, ...](), 0.0
        for points in self.points:
            found = self._along(integrated, *ends, points)
            total = sum(float(each.double().sum()) for each in found)
            gap = abs(total - difference) / max(abs(difference), 1e-6)
            if gap <= GAP:
                break
        axis = 2 if cut else 1
        places = sum(each.sum(axis) if x.ndim != 3 or cut else each for each in found)
        assert isinstance(places, Tensor), "there is a network"
        return Attributed(places[0].float().numpy(), gap)

    @staticmethod
    def _along(integrated: Any, x: tuple[Tensor, ...], base: tuple[Tensor, ...], points: int) -> tuple[Tensor, ...]:
        options = {"n_steps": points, "method": "gausslegendre", "internal_batch_size": _AT_ONCE}
        try:
            found = integrated.attribute(x, baselines=base, **options)
        except RuntimeError as error:  # torch's word for a score that depends on nothing it can differentiate
            if "does not require grad" not in str(error) and "not have been used" not in str(error):
                raise
            raise DataError(
                "the network computes its answer without anything that could be differentiated",
                do="take the method occlusion",
            ) from error
        return tuple(each.detach().nan_to_num() for each in found)


INTEGRATED = Integrated()
"""The one instance; it holds no state."""
