"""The one gate for weights whose licence restricts what they may be used for."""

from __future__ import annotations

import re

from warmstart.errors import LicenceError

_RESTRICTING = {
    "nc",  # Creative Commons NonCommercial
    "noncommercial",
    "research",  # research only
    "academic",
    "dinov3",  # Meta's own terms, to be agreed to
    "amlr",  # Apple's model licence for research
    "seer",
    "sapiens",
    "sapiens2",
    "radimagenet",
}
RADIMAGENET = "non-commercial research use (terms of the RadImageNet data; none are stated for the weights)"


def restricted(licence: str) -> bool:
    """Whether a licence of weights forbids commercial use, or sets terms of its own that have to be agreed to.

    >>> restricted("CC BY-NC 4.0"), restricted("dinov3-license"), restricted("apache-2.0"), restricted("unknown")
    (True, True, False, False)
    """
    words = re.split("[^a-z0-9]+", licence.lower().replace("non-commercial", "noncommercial"))
    return not _RESTRICTING.isdisjoint(words)


def check_licence(licence: str, name: str, *, accepted: bool) -> bool:
    """Whether the licence of the weights of `name` had to be accepted, and was.

    Raises:
        LicenceError: it had to be and was not.
    """
    if restricted(licence) and not accepted:
        raise LicenceError(
            f"the weights of {name!r} are under {licence}, which restricts what they may be used for",
            expected="that you have read the licence, and that your use keeps to it",
            do="say so with --accept-licence (accept_licence=True in Python); or choose other weights, or random ones: "
            f"'{name}?pretrained=false'",
        )
    return restricted(licence)
