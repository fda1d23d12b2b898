"""Kernel inception distance: MMD with a cubic kernel, unbiased, so it does not grow as samples get fewer."""

from __future__ import annotations

from warmstart.data.schema import IntArray
from warmstart.select.similarity.kernel import mmd2_of_rows
from warmstart.select.similarity.measure import Measure, at_least
from warmstart.select.similarity.pair import Pair


def _between(pair: Pair, first: IntArray, second: IntArray) -> float:
    return mmd2_of_rows(pair.polynomial, first, second)


KID = Measure(
    name="kid",
    title="KID",
    how="unbiased squared MMD with the kernel (x'y / d + 1)³ (Bińkowski et al. 2018), of all features as they are; may "
    "fall below 0; not comparable with KIDs on Inception's features",
    between=_between,
    needs=at_least(20, "a kernel distance of fewer is mostly chance"),
    in_components=False,
)
