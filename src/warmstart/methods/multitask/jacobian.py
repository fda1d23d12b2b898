"""Gradients of several tasks made one by their directions, with TorchJD: the trunk goes forward once per batch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from scipy.optimize import nnls
from torch import Tensor

from warmstart.errors import MissingExtraError, RecipeError
from warmstart.methods.multitask.balance import Beside

RADIUS = 0.4
"""CAGrad's c, in which its paper found 0.2 to 0.6 about as good."""
Heads = Sequence[Sequence[torch.nn.Parameter]]


class Jacobian:
    """The trunk's gradient is what an aggregator of TorchJD makes of those of the tasks; a head's is that of its task.

    A task without a label in a batch has no row in it.
    """

    def __init__(self, rule: str, shared: Sequence[torch.nn.Parameter], heads: Heads, beside: Beside) -> None:
        self._shared, self._heads = list(shared), heads
        self._aggregate = _aggregators(rule, len(heads))
        self._bargained = beside.setdefault("nashmtl", torch.ones(len(heads))) if rule == "nashmtl" else None
        self._present = torch.ones(len(heads), dtype=torch.bool)

    def begin(self, present: Tensor) -> None:
        """Forget what was left of a batch that did not come to its end."""
        self._present = present.cpu()
        for parameter in self._shared:
            if hasattr(parameter, "jac"):
                del parameter.jac

    def backward(self, losses: Tensor, features: Tensor) -> None:
        """Add a part's gradients: by the heads to their own, by the trunk to a row for each task."""
        from torchjd.autojac import mtl_backward

        here = [i for i, there in enumerate(self._present.tolist()) if there]
        mtl_backward(
            [losses[i] for i in here],
            features=features,
            tasks_params=[self._heads[i] for i in here],
            shared_params=self._shared,
            retain_graph=True,  # the outputs of all heads lie in one tensor, through which each task goes back
            parallel_chunk_size=1,  # no vmap, which in-place layers do not bear
        )

    def finish(self, losses: Tensor) -> None:
        """Make one gradient of the rows."""
        from torchjd.autojac import jac_to_grad

        aggregator, scale = self._aggregate(int(self._present.sum()))
        kept = self._bargained if bool(self._present.all()) else None
        if kept is not None:  # the solver begins with the weights of the step before
            aggregator.weighting.prvs_alpha = kept.numpy().copy()
        with warnings.catch_warnings():  # of the solver, which tells how it was asked rather than what went wrong
            warnings.filterwarnings("ignore", category=UserWarning, module=r"torchjd|cvxpy")
            jac_to_grad(self._shared, aggregator)
        if kept is not None:
            kept.copy_(torch.from_numpy(np.asarray(aggregator.weighting.prvs_alpha, dtype=np.float32)))
        for parameter in self._shared:
            if scale != 1 and parameter.grad is not None:
                parameter.grad.mul_(scale)


def _aggregators(rule: str, tasks: int) -> Callable[[int], tuple[Any, float]]:
    """A function that gives, for so many rows, an aggregator, and what brings its result to the scale of a sum.

    Raises `MissingExtraError` or `RecipeError` where a package is missing.
    """
    try:
        from torchjd.aggregation import CAGrad, PCGrad, Sum, UPGrad
    except ImportError as error:
        raise MissingExtraError(f"balance={rule}", "multitask") from error
    if rule == "pcgrad":
        return lambda _: (PCGrad(), 1.0)
    if rule == "upgrad":
        return lambda n: (UPGrad(torch.ones(n), projector=_projector()), 1.0)
    if rule == "cagrad":
        try:
            CAGrad(c=RADIUS)
        except ImportError as error:
            raise MissingExtraError("balance=cagrad", "multitask") from error
        return lambda n: (CAGrad(c=RADIUS), float(n))
    nash = _nash(tasks)
    return lambda n: (nash, 1.0) if n == tasks else (Sum(), 1.0)  # a bargain is between all tasks


def _nash(tasks: int) -> Any:
    """Nash-MTL. Raises `RecipeError` that names what it is solved by, and under which licence that is."""
    from torchjd.aggregation import NashMTL

    try:
        return NashMTL(tasks)
    except ImportError as error:
        raise RecipeError(
            "balance=nashmtl is solved by ecos, which is not installed",
            expected="the packages ecos (GPL-3.0-or-later) and cvxpy, which warmstart does not bring along",
            do="pip install ecos cvxpy, if that licence suits you; or take balance=upgrad, which needs neither",
        ) from error


def _projector() -> Any:
    """UPGrad's projection by non-negative least squares.

    With G = L L^T the weights min w^T G w, w >= u, are `u + z` of min |L^T (u + z)|, z >= 0 (Lawson & Hanson 1974): the
    same as by quadprog, TorchJD's own choice, which is under the GPL.
    """
    from torchjd.linalg import DualConeProjector

    class Projector(DualConeProjector):  # type: ignore[misc, unused-ignore]
        def __call__(self, U: Tensor, G: Tensor) -> Tensor:  # noqa: N803 (TorchJD's names)
            scale = G.diagonal().sum().clamp_min(1e-12)
            gram = (G / scale).double().cpu().numpy() + 1e-4 * np.eye(len(G))
            root = np.linalg.cholesky(gram).T
            rows = [u + nnls(root, -root @ u)[0] for u in U.double().cpu().numpy()]
            return torch.from_numpy(np.stack(rows)).to(U)

    return Projector()
