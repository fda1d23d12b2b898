"""What one rung leaves behind: something that answers, and what its answers on validation are worth."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from torch import Tensor

from warmstart.data.schema import IntArray
from warmstart.engine.data import RunData
from warmstart.evaluation.outcome import CurveRow
from warmstart.model.network import Network
from warmstart.recipe.recipe import Recipe


@dataclasses.dataclass(frozen=True)
class Member:
    """One network of a contender. Everything below `cut` is as pretrained, so its activations are shared."""

    network: Network
    cut: int
    recipe: Recipe


@dataclasses.dataclass(frozen=True)
class Contender:
    """A finished rung.

    `outputs` gives logits (m, classes) for any samples; the test set goes through it once, at the very end. `members`
    is what would be shipped; empty for a baseline that is no network. `settings` holds what the rung chose (a share of
    weights), so that the same can be fitted again on more data; `made_of` names the rungs that it is a mixture of,
    `started_from` those whose network it was trained on from: they must be there first.
    `seconds` is what it took where it was made, also when it was loaded; `stopped` is "deadline" if time cut it short.
    `left_out` are outputs for the training samples by fits without them, of the head in closed form that it began with.
    `data` is the data as its networks read them, where that is not as the backbone of the run does.
    `parts` are the contenders of the tasks, where several were trained each by itself.
    `terms` are those that tell each class from the others, of a model of texts that counts terms.
    """

    name: str
    outputs: Callable[[IntArray], Tensor]
    val_outputs: Tensor
    members: tuple[Member, ...] = ()
    settings: dict[str, object] = dataclasses.field(default_factory=dict)
    curve: tuple[CurveRow, ...] = ()
    trained_parameters: int = 0
    note: str = ""
    plan: str = ""
    made_of: tuple[str, ...] = ()
    started_from: tuple[str, ...] = ()
    seconds: float = 0.0
    stopped: str = ""
    terms: tuple[tuple[str, ...], ...] = ()
    left_out: Tensor | None = None
    data: RunData | None = None
    parts: tuple[Contender, ...] = ()
