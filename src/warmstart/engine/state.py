"""What goes from step to step of a recipe, and the one place where a step's starting weights are chosen."""

from __future__ import annotations

import dataclasses
from typing import Literal

from torch import Tensor

from warmstart.evaluation.outcome import CurveRow
from warmstart.model.network import Network

Weights = dict[str, Tensor]


@dataclasses.dataclass(frozen=True)
class RunState:
    """`last` and `best` are the complete weights that the step before ended with, and its best by validation.

    A step that gives only one state sets both to it. `best` of the last step is what the recipe results in.
    """

    network: Network  # holds some weights or other: `begin` puts in those that are meant
    last: Weights
    best: Weights
    start: Weights  # the recipe's: pretrained, after the edits; what L2-SP pulls back to
    before: Weights | None = None  # those that the last phase started from, for `Average`
    curve: tuple[CurveRow, ...] = ()
    val_outputs: Tensor | None = None  # of `best`, where a step knows them
    stopped: str = ""  # "deadline" if time cut a step short
    beside: Weights = dataclasses.field(default_factory=dict)  # what the last step trained and the network has not
    left_out: Tensor | None = None  # outputs for training samples by fits without them, of the first closed form

    def begin(self, start: Literal["last", "best"]) -> None:
        """Put the weights that a step starts from into the network."""
        self.network.load_state_dict(self.last if start == "last" else self.best)

    def ended(self, weights: Weights, val_outputs: Tensor | None, *curve: CurveRow) -> RunState:
        """The state after a step that results in one set of weights."""
        return dataclasses.replace(self, last=weights, best=weights, val_outputs=val_outputs, curve=self.curve + curve)
