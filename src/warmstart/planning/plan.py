"""What `compile_plan` returns: every decision that follows from recipe x network x data, before any tensor is touched.

The plan is a pure function of its inputs, so a resumed run compiles the same plan and cannot freeze anything else.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

from warmstart.display import piece
from warmstart.model.activation import ActivationDtype
from warmstart.preprocess.kinds import PLURAL, Kind
from warmstart.recipe.aligning import Statistics
from warmstart.recipe.phase import GradientStep
from warmstart.recipe.step import Average, ClosedForm

if TYPE_CHECKING:
    from warmstart.planning.storage import CutCost

GIB = 2**30


@dataclasses.dataclass(frozen=True)
class DataFacts:
    """What the plan needs to know of the data."""

    train: int
    val: int
    outputs: int  # number of classes, or of numbers that are answered
    size: int  # input side in pixels, or tokens, that the run uses unless a phase says otherwise
    name: str = "data"
    value_bytes: int = 1  # of a pixel in one channel, as decoded: more where bands are not of 8 bits
    banded: bool = False  # whether images are bands rather than pictures
    kind: Kind = "image"
    unlabelled: int = 0  # samples beside the parts that have no label
    task: str = "classify"

    def extent(self, size: int) -> str:
        """An input size in words.

        >>> DataFacts(train=9, val=3, outputs=2, size=256, kind="text").extent(128)
        'up to 128 tokens'
        """
        return {"image": f"{size} px", "text": f"up to {size} tokens", "series": f"{size} steps"}[self.kind]

    @property
    def noun(self) -> str:
        """What its samples are called."""
        return "windows" if self.task == "forecast" else PLURAL[self.kind]

    @property
    def answers(self) -> str:
        """How many there are, in words.

        >>> DataFacts(train=9, val=3, outputs=2, size=256, task="regress").answers
        '2 numbers'
        """
        return f"{self.outputs} {'numbers' if self.task in ('regress', 'forecast') else 'classes'}"


@dataclasses.dataclass(frozen=True)
class ParamGroup:
    """Parameters trained at one rate and weight decay. "auto" is found by a range test, then scaled by `scale`."""

    pattern: str  # the row of the table that matched
    block: str  # name of the block, or "head"
    rate: float | Literal["auto"]
    scale: float  # from layer decay; the rate used is `rate * scale`
    weight_decay: float
    parameters: tuple[str, ...]  # names in network.named_parameters()
    numel: int


@dataclasses.dataclass(frozen=True)
class BlockPlan:
    """One readable block (or the head, last) in one phase. Frozen and eval are two facts."""

    name: str
    trained: int  # number of parameters (elements) that move
    total: int
    frozen: bool  # nothing in it moves by gradient
    eval: bool  # its normalisation statistics do not move and its dropout is off


@dataclasses.dataclass(frozen=True)
class CacheLimits:
    """What may be stored, in bytes, and in which format activations are."""

    total: int = 8 * GIB  # activations in all; what is more than `memory` is read from files that are mapped
    memory: int = 2 * GIB  # what is held in RAM: activations, or decoded images
    dtype: ActivationDtype = "fp32"
    mapped: int = 2 * GIB  # of mapped files, what stays in RAM at most
    chunk: int = 64 * 2**20  # of activations, what is computed before it is stored
    most: int | None = None  # what the process is held to in all

    def within(self, most: int) -> CacheLimits:
        """What a process that may take `most` bytes in all holds of it. Depends on nothing else, so that a plan made
        again is the same plan.

        >>> CacheLimits().within(2 * GIB).memory // 2**20
        256
        """
        share = most // 8
        return dataclasses.replace(
            self,
            most=most,
            memory=min(self.memory, share),
            mapped=min(self.mapped, share // 2),
            chunk=min(self.chunk, max(share // 8, 2**20)),
        )


@dataclasses.dataclass(frozen=True)
class CachePlan:
    """What is stored instead of recomputed, and why or why not."""

    what: Literal["activations", "pixels", "nothing"]
    cut: int  # index of the cut whose activations are stored; 0 unless what == "activations"
    bytes: int
    why: str
    where: Literal["memory", "disk"] = "memory"
    dtype: ActivationDtype = "fp32"
    also: tuple[int, ...] = ()  # lower cuts, from which later steps train: stored by the same pass


@dataclasses.dataclass(frozen=True)
class PhasePlan:
    """A compiled `GradientStep`."""

    phase: GradientStep
    groups: tuple[ParamGroup, ...]
    frozen: tuple[str, ...]  # names of all parameters that do not move; groups and frozen partition the parameters
    blocks: tuple[BlockPlan, ...]
    cut: int  # everything below this cut is frozen and in eval mode; training runs from its activation
    eval_modules: tuple[str, ...]  # names of modules of the network to be in eval mode while training
    size: int
    batch_size: int
    steps_per_epoch: int
    cache: CachePlan
    seconds: float = 0.0  # expected, from `SpeedFacts`
    memory: int = 0  # expected peak bytes: weights, gradients, optimizer state, activations
    saved: float = 0.0  # seconds that storing activations saves, as expected
    cut_name: str = ""  # the module that ends there; "input" and "features" at the two ends

    @property
    def steps(self) -> int:
        """Optimizer steps in the whole phase."""
        return self.steps_per_epoch * self.phase.epochs


@dataclasses.dataclass(frozen=True)
class HeadPlan:
    """A compiled `ClosedForm`: features at the last cut, computed once."""

    step: ClosedForm
    size: int
    cache: CachePlan
    seconds: float = 0.0
    memory: int = 0


@dataclasses.dataclass(frozen=True)
class AveragePlan:
    """A compiled `Average`: one evaluation on validation per alpha."""

    step: Average
    size: int
    seconds: float = 0.0
    memory: int = 0


@dataclasses.dataclass(frozen=True)
class StatisticsPlan:
    """A compiled `Statistics`: one pass over the target."""

    step: Statistics
    size: int
    seconds: float = 0.0
    memory: int = 0


StepPlan = PhasePlan | HeadPlan | AveragePlan | StatisticsPlan


@dataclasses.dataclass(frozen=True)
class Plan:
    """A compiled recipe."""

    recipe: str
    backbone: str
    data: DataFacts
    steps: tuple[StepPlan, ...]
    storage: tuple[CutCost, ...] = ()  # what activations of all samples would take at each cut, where that was asked

    @property
    def seconds(self) -> float:
        """Expected time of all steps."""
        return sum(step.seconds for step in self.steps)

    def _repr_html_(self) -> str:
        from warmstart.planning.table import plan_text

        return piece(f"{self.recipe} on {self.backbone}", text=plan_text(self))
