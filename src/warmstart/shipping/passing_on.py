"""What is to be thought of before a bundle is given to others: licences, and what is left of samples in it."""

from __future__ import annotations

import dataclasses
import re

from warmstart.errors import LicenceError
from warmstart.model.licence import restricted
from warmstart.shipping import golden as golden_files
from warmstart.shipping import reference as reference_file
from warmstart.shipping.bundle import Bundle

_FORBIDDING = re.compile(
    r"\bnd\b|noderiv|no.deriv|proprietary|confidential|all rights reserved|no.redistribution", re.I
)
"""Of licences that let nobody pass on what was made from the weights: NoDerivatives of Creative Commons, and plain no.
"""
_OF_SAMPLES = {"knn", "neighbours"}
"""Kinds of heads that hold features of training samples."""


def check_passing_on(licence: str, *, public: bool, accepted: bool) -> str:
    """What is to be said of passing on weights made from ones of a licence; empty where nothing is.

    Raises:
        LicenceError: it forbids that, or restricts it and nobody said that it is kept to; or it is unknown and the
            weights were to be public.

    >>> check_passing_on("Apache-2.0", public=True, accepted=False)
    ''
    """
    name = licence or "unknown"
    if _FORBIDDING.search(re.sub("[-_]", " ", name)):
        raise LicenceError(
            f"the weights that it was made from are under {name}, which forbids to pass on what is made of them",
            expected="weights whose licence allows it",
            do="train from other weights; `warmstart backbones --licence apache-2.0` lists some",
        )
    if restricted(name):
        if not accepted:
            raise LicenceError(
                f"the weights that it was made from are under {name}, which restricts what they may be used for",
                expected="that you have read what it says of passing them on, and keep to it",
                do="say so with --accept-licence (accept_licence=True in Python)",
            )
        return f"the licence {name} of the weights restricts the use; the card says so"
    if name == "unknown":
        if public and not accepted:
            raise LicenceError(
                "the licence of the weights that it was made from is unknown",
                expected="that you have found out that they may be published",
                do="say so with --accept-licence (accept_licence=True in Python), or push without --public",
            )
        return "the licence of the weights that it was made from is unknown"
    return ""


@dataclasses.dataclass(frozen=True)
class Traces:
    """What of the samples that it was made from is left in a bundle."""

    inputs: tuple[str, ...]
    """Files that are inputs as they were."""
    features: tuple[str, ...]
    """Files with features of training samples."""
    heads: tuple[str, ...]
    """Files of weights whose head holds features of training samples."""


def traces(bundle: Bundle) -> Traces:
    """What of the samples is left in it."""
    files = bundle.manifest.files
    return Traces(
        tuple(name for name in files if name.startswith("golden") and name != golden_files.NAME),
        (reference_file.NAME,) if bundle.reference is not None and bundle.reference.bank is not None else (),
        tuple(one.weights for one in bundle.manifest.members if one.head.get("kind") in _OF_SAMPLES),
    )
