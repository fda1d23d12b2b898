"""`bundle.json`: what is in a bundle, as frozen data. Everything read from it is checked before it is used.

The format number changes when an older reader would misunderstand the file. `files` holds the sha256 of every other
file, `digest` that of this document, so that damage and edits by hand are noticed. It is no signature: whoever can
rewrite the folder can rewrite the sums.
"""

from __future__ import annotations

import hashlib
import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from warmstart.data.futures import ForecastTarget
from warmstart.data.scenes import BoxTarget, MaskTarget
from warmstart.data.several import SeveralTarget
from warmstart.data.targets import OF_NAMES, NumberTarget, Target, TaskName
from warmstart.errors import BundleError
from warmstart.model.backbone import BackboneCard

FORMAT = 1
_UPGRADE = "pip install --upgrade warmstart, to the version that wrote it or a newer one"
NAME = "bundle.json"
STRUCTURE = "architecture.bin"
"""`Backbone.structure`, in bundles of the few backbones that have one."""

FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
"""A plain name: no folder, no `..`, nothing outside the bundle."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

DESCRIBED = ("hf:", "mantis:", "moment:", "chronos:")
"""Suppliers whose networks are built from a structure that the bundle holds."""
BACKBONE_URI = re.compile(r"(file:)?[a-z0-9_]+(:[A-Za-z0-9._-]+)?(@[A-Za-z0-9._-]+)?(\?[A-Za-z0-9=&,]+)?")
"""Names an architecture that an adapter knows, never a place (`timm:hf-hub:...`, a path) to fetch one from; the name of
a weights file behind an @ is there to be read by people."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Member(_Data):
    """One network of the ensemble (mostly there is just one)."""

    weights: FileName
    head: dict[str, Any]
    recipe: str


class Origin(_Data):
    """Another bundle that a bundle was made from."""

    role: Literal["teacher", "before"]
    """It said what a student learned from, or it was trained further."""
    data: str
    created: str
    digest: Sha256
    """Sum of its `bundle.json`, and with it of all that is in it."""


class Manifest(_Data):
    """The content of `bundle.json`."""

    format: Literal[1]
    created: str
    versions: dict[str, str]
    task: TaskName
    data: str
    backbone: BackboneCard
    """As it was when the network was trained; its sum is that of the pretrained weights."""
    preprocess: dict[str, Any]
    classes: tuple[str, ...]
    centre: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    forecast: dict[str, Any] | None = None
    """`ForecastTarget.to_dict`, of a bundle that forecasts."""
    scene: dict[str, str] | None = None
    """`to_dict` of a `BoxTarget` or a `MaskTarget`: what finds boxes or masks."""
    several: dict[str, Any] | None = None
    """`SeveralTarget.to_dict`, of a bundle that answers several tasks."""
    least_score: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Score below which a box is not told, where the user says nothing: the best F1 on validation is there."""
    tile: Annotated[int, Field(ge=1)] | None = None
    """Side in pixels of the tiles that images were cut into, of a bundle that was trained on such."""
    window: Annotated[int, Field(ge=1)] | None = None
    """Steps of the windows that recordings were cut into, of a bundle that was trained on such."""
    longest: Annotated[int, Field(ge=1)] = 64
    members: Annotated[tuple[Member, ...], Field(min_length=1)]
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    metrics: dict[str, Any]
    made_from: tuple[Origin, ...] = ()
    files: dict[FileName, Sha256]

    @property
    def target(self) -> Target:
        """What it answers."""
        if self.task == "regress":
            return NumberTarget(self.classes, self.centre, self.scale)
        if self.task == "forecast":
            return ForecastTarget.from_dict(self.forecast or {})
        if self.task == "several":
            return SeveralTarget.from_dict(self.several or {"parts": ()})
        if self.task == "detect":
            return BoxTarget(self.classes, (self.scene or {}).get("head", ""))
        if self.task == "segment":
            return MaskTarget(self.classes, (self.scene or {}).get("head", ""), (self.scene or {}).get("loss", ""))
        return OF_NAMES[self.task](self.classes)

    @model_validator(mode="after")
    def _makes_sense(self) -> Manifest:
        missing = {member.weights for member in self.members} - set(self.files)
        if missing:
            raise ValueError(f"weights without a sum: {', '.join(sorted(missing))}")
        if not self.classes and self.task != "generate":
            raise ValueError("there are no classes")
        if self.task == "regress" and not len(self.classes) == len(self.centre) == len(self.scale):
            raise ValueError("every number needs a centre and a scale")
        known = {"detect": {"head"}, "segment": {"head", "loss"}}.get(self.task, set())
        if set(self.scene or {}) - known:
            raise ValueError(f"a bundle of the task {self.task} has no {', '.join(set(self.scene or {}) - known)}")
        if self.task == "forecast" and self.target.classes != self.classes:
            raise ValueError("the outputs are not those of the horizon and the quantiles")
        if self.task == "several" and self.target.classes != self.classes:
            raise ValueError("the outputs are not those of the tasks")
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("two classes have the same name")
        described = self.backbone.name.startswith(DESCRIBED) and STRUCTURE in self.files  # the name is only shown
        if not described and not BACKBONE_URI.fullmatch(self.backbone.name):
            raise ValueError(f"backbone {self.backbone.name!r} is not the name of an architecture")
        return self


def _written_by(document: dict[str, Any]) -> str:
    versions = document.get("versions")
    return f"warmstart {versions.get('warmstart')}" if isinstance(versions, dict) else "an unknown version"


def _digest(document: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def to_json(manifest: Manifest) -> str:
    """The text of `bundle.json`, with its own digest."""
    document = manifest.model_dump(mode="json")
    return json.dumps({**document, "digest": _digest(document)}, indent=2) + "\n"


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a bundle. Raises `BundleError` where there is none, and as `from_json` does."""
    try:
        text = (folder / NAME).read_bytes()
    except OSError as error:
        raise BundleError(
            f"{folder} is no bundle: {error}", expected=f"a folder that holds {NAME}", do="name that folder"
        ) from error
    return from_json(text, str(folder))


def from_json(text: str | bytes, where: str) -> Manifest:
    """Inverse of `to_json`. Raises `BundleError` when the text is of another format, damaged or edited.

    >>> from_json('{"format": 99}', "my-bundle")
    Traceback (most recent call last):
    warmstart.errors.BundleError: my-bundle/bundle.json has format 99, which a newer version of warmstart writes
    Expected: format 1
    What to do: pip install --upgrade warmstart, to the version that wrote it or a newer one
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise BundleError(f"{where}/{NAME} is not JSON: {error}", do="copy the bundle again") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, dict) else None
        newer = isinstance(found, int) and found > FORMAT
        raise BundleError(
            f"{where}/{NAME} has format {found!r}" + (", which a newer version of warmstart writes" if newer else ""),
            expected=f"format {FORMAT}",
            do=_UPGRADE if newer else "read it with the version of warmstart that wrote it, or a newer one",
        )
    if document.pop("digest", None) != _digest(document):
        raise BundleError(
            f"{where}/{NAME} was changed after it was written",
            expected="the content whose sum it carries",
            do="copy the bundle again from where it was made",
        )
    try:
        return Manifest.model_validate(document)
    except ValidationError as error:
        unknown = [str(one["loc"][-1]) for one in error.errors() if one["type"] == "extra_forbidden"]
        if unknown:  # nobody changed it, for its digest is right
            raise BundleError(
                f"{where}/{NAME} has {', '.join(map(repr, unknown))}, which this version of warmstart does not know",
                expected=f"what warmstart {version('warmstart')} writes; it was written by {_written_by(document)}",
                do=_UPGRADE,
            ) from error
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the document"
        raise BundleError(f"{where}/{NAME}: {field}: {first['msg']}", do="copy the bundle again") from error
