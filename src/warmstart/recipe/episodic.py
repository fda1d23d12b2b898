"""The step that trains a backbone on episodes of few-shot learning."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from warmstart.recipe.of_backbone import BackboneStep
from warmstart.recipe.phase import OptimizerName, ScheduleName

MetaMethod = Literal["protonet", "anil", "maml", "fomaml", "reptile"]
ON_FEATURES: tuple[MetaMethod, ...] = ("protonet", "anil")
"""Of which an episode changes nothing below the features: these are computed once, for all episodes together."""


class Meta(BackboneStep):
    """Train the backbone on episodes: a few samples of some classes are given, and others of the same are asked.

    `protonet`: the nearest mean of features is the answer (Snell et al. 2017, eq. 2). The others learn an episode by
    `inner_steps` steps of gradient descent: of a linear head alone (`anil`, Raghu et al. 2020), or of all weights that
    `rates` trains (`maml`, Finn et al. 2017; `fomaml`, its first-order form; `reptile`, Nichol et al. 2018, which sees
    queries and shots alike and needs the least memory). Where these begin is what is trained. The head is dropped when
    the step is done.
    """

    kind: Literal["meta"] = "meta"
    name: str = "meta"
    method: MetaMethod = "protonet"
    """What learns an episode, see above."""
    ways: Annotated[int, Field(ge=2)] = 5
    """Classes of an episode."""
    shots: Annotated[int, Field(ge=1)] = 5
    """Samples of each class that are given."""
    queries: Annotated[int, Field(ge=1)] = 15
    """Samples of each class that are asked."""
    tasks: Annotated[int, Field(ge=1)] = 4
    """Episodes of one step of the optimizer."""
    episodes: Annotated[int, Field(ge=1)] = 100
    """Of an epoch, after which the classes held out are asked."""
    validated: Annotated[int, Field(ge=1)] = 60
    """Episodes of those: the same every time."""
    inner_lr: Annotated[float, Field(gt=0)] = 0.05
    """Rate of the steps in an episode."""
    inner_steps: Annotated[int, Field(ge=1)] = 5
    """Steps of gradient descent in an episode; `protonet` takes none."""
    head_lr: Annotated[float, Field(gt=0)] = 1e-3
    """Rate of the weights that the head of an episode begins with."""
    batch_size: Annotated[int, Field(ge=0)] = 0
    """Follows from the episodes."""
    optimizer: OptimizerName = "adam"
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    schedule: ScheduleName = "constant"

    @property
    def samples(self) -> int:
        """Samples in a batch."""
        return self.tasks * self.ways * (self.shots + self.queries)

    @property
    def batches(self) -> int:
        """Steps of the optimizer in an epoch."""
        return -(-self.episodes // self.tasks)

    @model_validator(mode="after")
    def _follows(self) -> Meta:
        if self.batch_size not in (0, self.samples):
            raise ValueError(
                f"batch_size is {self.batch_size}, and a batch is {self.tasks} episodes, {self.samples} samples; "
                "expected tasks, ways, shots and queries alone"
            )
        if self.norm != "eval" and self.method != "protonet":
            raise ValueError(
                f"norm is {self.norm!r}, and statistics cannot move under {self.method}: its head stands on features "
                "of a fixed scale, or each episode is adapted by itself; expected eval, which keeps the backbone's"
            )
        return self
