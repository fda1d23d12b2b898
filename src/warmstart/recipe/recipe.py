"""A recipe: edits to the network, and then steps. Plain data; YAML in `warmstart.recipe.text`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from warmstart.display import piece
from warmstart.recipe.aligning import Align, Statistics, TargetStep
from warmstart.recipe.distilling import Distill
from warmstart.recipe.of_backbone import BackboneStep, Masked, Pretrain
from warmstart.recipe.phase import GradientStep, Phase, well_formed
from warmstart.recipe.step import Average, ClosedForm, Step


class Lora(BaseModel):
    """Trainable products of two thin matrices beside weights that stay as they are (LoRA, Hu et al. 2022)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    rank: Annotated[int, Field(ge=1)] = 8
    """Columns of the one matrix and rows of the other."""
    alpha: Annotated[float, Field(gt=0)] = 16.0
    """The product counts `alpha / rank` times."""
    on: str = "backbone"
    """Which weights, by a pattern of `warmstart.recipe.rates`; of those, matrices large enough for the rank."""

    @field_validator("on")
    @classmethod
    def _pattern(cls, on: str) -> str:
        return well_formed(on)


class Edits(BaseModel):
    """Changes made to the network before the first step."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    reset: bool | Literal["input"] = False
    """Draw all backbone weights anew (training from scratch), or those of its input layer alone."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Dropout before the head."""
    lora: Lora | None = None
    """In a table of rates, `lora` is the row of the matrices it adds."""


class Recipe(BaseModel):
    """A transfer method, as data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1)]
    """What reports and the log call it."""
    about: str = ""
    """One sentence, with the paper where there is one."""
    edits: Edits = Edits()
    """What is changed in the network before the first step."""
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    """In order; `kind` says which each is."""

    @property
    def reads(self) -> Literal["text", "series"] | None:
        """The one kind of data that it is for; `None` where any will do."""
        if any(isinstance(step, Masked) for step in self.steps):
            return "series"
        return "text" if any(isinstance(step, Pretrain) for step in self.steps) else None

    @property
    def needs(self) -> Literal["target", "teacher"] | None:
        """What it learns from beside labelled data: samples of a target, or answers of a teacher; `None` of neither."""
        if any(isinstance(step, TargetStep | Statistics) for step in self.steps):
            return "target"
        return "teacher" if any(isinstance(step, Distill) for step in self.steps) else None

    def _repr_html_(self) -> str:
        from warmstart.recipe.text import to_yaml

        return piece(self.name, lead=self.about, text=to_yaml(self))

    @model_validator(mode="after")
    def _averages_follow_a_phase(self) -> Recipe:
        for i, step in enumerate(self.steps):
            if not isinstance(step, Average):
                continue
            before = [other for other in self.steps[:i] if isinstance(other, GradientStep)]
            if not any(isinstance(other, Phase) for other in before):
                raise ValueError(f"steps[{i}] averages weights before and after a phase; expected a phase before it")
            if not isinstance(before[-1], Phase):
                raise ValueError(
                    f"steps[{i}] averages weights before and after the last phase, and since then {before[-1].name!r} "
                    "has changed what the head stands on; expected a phase between the two"
                )
        return self

    @model_validator(mode="after")
    def _a_head_follows(self) -> Recipe:
        for i, step in enumerate(self.steps):
            fits = any(isinstance(later, Phase | Align | ClosedForm) for later in self.steps[i + 1 :])
            if isinstance(step, BackboneStep) and not fits:
                raise ValueError(
                    f"steps[{i}] ({step.kind}) changes the backbone under a head that does not know of it; expected a "
                    "step behind it that fits the head (closed_form, or a phase)"
                )
        return self
