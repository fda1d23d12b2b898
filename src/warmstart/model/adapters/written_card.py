"""`card.yaml`: what a person states about a weights file that says nothing about itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import nn

from warmstart.errors import BackboneError
from warmstart.preprocess.series import SeriesSpec
from warmstart.preprocess.spec import PreprocessSpec

NAME = "card.yaml"

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class WrittenCard(BaseModel):
    """Everything is optional but the architecture, which may stand in the URI instead. Words are `PreprocessSpec`'s."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: str | None = None  # a backbone's URI without weights: "timm:resnet50"
    weights: str | None = None  # name of the file beside the card; not needed where there is just one
    licence: str = "unknown"
    trained_on: str = "unknown"
    source: str = ""
    classes: tuple[str, ...] = ()  # of the classifier in the file, in its order
    size: Annotated[int, Field(ge=8)] | None = None
    resize: Literal["shortest", "squash", "pad"] | None = None
    crop_pct: Positive | None = None
    interpolation: Literal["bilinear", "bicubic", "nearest", "lanczos"] | None = None
    channels: Annotated[int, Field(ge=1)] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[Positive, ...] | None = None

    @property
    def preprocess(self) -> dict[str, Any]:
        """The fields of `PreprocessSpec` that are stated."""
        names = ("size", "resize", "crop_pct", "interpolation", "channels", "mean", "std")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


def read_card(folder: Path) -> WrittenCard:
    """The card in a folder; one that states nothing where there is none.

    Raises:
        BackboneError: it is not YAML, or says something that no card says.
    """
    path = folder / NAME
    if not path.is_file():
        return WrittenCard()
    try:
        return WrittenCard.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BackboneError(f"{path} is not YAML: {error}", expected="lines of `name: value`") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the card"
        raise BackboneError(
            f"{path}: {field}: {first['msg']}", expected=f"some of {', '.join(WrittenCard.model_fields)}"
        ) from error


def weights_and_card(place: Path, suffixes: Sequence[str]) -> tuple[Path, WrittenCard]:
    """The weights file at a place (a file or a folder), and the card beside it, if that is about it.

    Raises:
        BackboneError: a folder without a weights file, or with several and no word on which.
    """
    folder = place if place.is_dir() else place.parent
    card = read_card(folder)
    if place.is_dir():
        files = [folder / card.weights] if card.weights else sorted(p for p in folder.iterdir() if p.suffix in suffixes)
        if len(files) != 1:
            raise BackboneError(
                f"folder {place} holds {len(files)} weights files",
                expected=f"one ({', '.join(suffixes)}), or `weights: NAME` in its {NAME}",
                do="name the file in the card, or in the URI",
            )
        return files[0], card
    others = [path for path in folder.glob("*") if path.suffix in suffixes] if folder.is_dir() else []
    about_it = card.weights == place.name or (card.weights is None and others == [place])
    return place, card if about_it else WrittenCard()


def stated_spec(spec: PreprocessSpec, card: WrittenCard) -> PreprocessSpec:
    """A spec with what the card states in its place.

    Raises:
        BackboneError: means or standard deviations are not as many as channels.
    """
    stated = dataclasses.replace(spec, **card.preprocess)
    for field in ("mean", "std"):
        if len(getattr(stated, field)) != stated.channels:
            raise BackboneError(
                f"{NAME} states {len(getattr(stated, field))} values of {field} for {stated.channels} channels",
                expected="one for each channel",
            )
    return stated


def stated_series(spec: SeriesSpec, card: WrittenCard) -> SeriesSpec:
    """A spec of series with the number of steps that the card states.

    Raises:
        BackboneError: the card states what only an image has.
    """
    others = [name for name in card.preprocess if name != "size"]
    if others:
        raise BackboneError(
            f"{NAME} states {', '.join(others)} of a backbone that reads series",
            expected="size, in steps, alone of what is said of inputs",
            do="leave the rest out",
        )
    return spec if card.size is None else spec.with_size(card.size)


def classes_of(head: nn.Linear | None, card: WrittenCard) -> tuple[str, ...]:
    """The names that the card states for the outputs of a classifier; none where there is no classifier.

    Raises:
        BackboneError: they are not as many as its outputs.
    """
    if head is None or not card.classes:
        return ()
    if len(card.classes) != head.out_features:
        raise BackboneError(
            f"{NAME} states {len(card.classes)} classes for a classifier of {head.out_features} outputs",
            expected="one for each output, in their order",
        )
    return card.classes
