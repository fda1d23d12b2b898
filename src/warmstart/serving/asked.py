"""What a client may ask, as JSON; the same names as form fields beside files. Strict: a wrong name is told, not passed
over.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from warmstart.preprocess.kinds import Kind
from warmstart.serving.problems import Problem

M = TypeVar("M", bound=BaseModel)

Number = Annotated[float, Field(allow_inf_nan=False)]
OneSeries = (
    Annotated[list[Number | None], Field(min_length=1)]
    | Annotated[list[Annotated[list[Number | None], Field(min_length=1)]], Field(min_length=1)]
)
"""Steps, or channels of steps; null where a value is missing."""
OneText = str | Annotated[list[str], Field(min_length=2, max_length=2)]
"""A text, or the two of a pair."""


class Options(BaseModel):
    """How it is to be answered."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    coverage: Annotated[float | None, Field(gt=0, lt=1)] = None
    """Sets of classes that hold the true one in this share of cases, such as 0.9."""
    masks: bool = False
    """Whether masks come too, as PNG in a data URI: the index of a class for each pixel."""
    text_column: str | None = None
    """Column of a table that holds the texts, where its name does not tell."""


class Texts(Options):
    """Texts to be answered for."""

    texts: Annotated[list[OneText], Field(min_length=1)]


class SeriesList(Options):
    """Series to be answered for."""

    series: Annotated[list[OneSeries], Field(min_length=1)]


class Why(BaseModel):
    """How one answer is to be explained."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    label: str | None = None
    """The answer that is explained; by default the one that is given."""
    method: str | None = None
    """One of the methods that `/v1/model` names."""


class WhyText(Why):
    """A text whose answer is to be explained."""

    text: OneText


class WhySeries(Why):
    """A series whose answer is to be explained."""

    series: OneSeries


PREDICT: dict[Kind, type[Options]] = {"text": Texts, "series": SeriesList}
EXPLAIN: dict[Kind, type[Why]] = {"text": WhyText, "series": WhySeries}
"""What is taken as JSON, by the kind of input; images are files."""


def from_json(model: type[M], body: bytes) -> M:
    """The document that a client sent. Raises `Problem`: 400 where it is no JSON, 422 where it is another document."""
    try:
        return model.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise _told(error) from None


def from_fields(model: type[M], fields: dict[str, str]) -> M:
    """The same of the fields of a form, whose values are texts. Raises `Problem` (422)."""
    try:
        return model.model_validate({name: value for name, value in fields.items() if value != ""})
    except ValidationError as error:
        raise _told(error) from None


def _told(error: ValidationError) -> Problem:
    first: Any = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return Problem(400, f"the body is no JSON: {first['msg']}"[:300])
    field = ".".join(str(part) for part in first["loc"] if isinstance(part, int) or part.isidentifier())
    return Problem(422, f"{field[:100] or 'the document'}: {first['msg']}"[:300], do="see /openapi.json")
