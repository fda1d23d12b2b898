"""What measures mean, in words a person can act on."""

from __future__ import annotations

from collections.abc import Sequence

from warmstart.evaluation.similarity import BlockRow, Measurement, Strength
from warmstart.select.similarity.proxy_a import right_share

LIMITS: tuple[tuple[float, Strength], ...] = ((0.6, "slight"), (0.75, "moderate"))
"""Shares of samples that a classifier is right about, below which a shift is called so."""
SIGNIFICANT = 0.05
CLEARLY = 2.0
"""Times the shift of late blocks, above which that of early ones is called larger. For digits and digits inverted it is
four times as large; for MNIST and Fashion-MNIST, whose late features have next to nothing in common, 1.7 times.
"""
WARNING = (
    "A distance of two data sets says little about how well a network carries over from one to the other: to choose, "
    "fit a probe on labels (`warmstart fit`)."
)


def strength(proxy_a: Measurement, mmd: Measurement) -> Strength:
    """How strong a shift is, by the classifier; none where neither the classifier nor the test shows one."""
    seen = mmd.p is not None and mmd.p <= SIGNIFICANT
    if proxy_a.interval is None:
        return "slight" if seen else "none shown"
    if proxy_a.interval.low <= 0 and not seen:
        return "none shown"
    return _strength(right_share(proxy_a.interval.value))


def _strength(share: float) -> Strength:
    return next((name for limit, name in LIMITS if share < limit), "strong")


def reading(m: Measurement) -> str:
    """One measure in words."""
    if m.interval is None or m.baseline is None or m.halves is None:
        return ""
    if m.name == "proxy_a":
        share = right_share(m.interval.value)
        how = "no more than chance" if m.interval.low <= 0 else f"a {_strength(share)} shift"
        return f"a linear classifier tells the two apart in {round(100 * share)} of 100 cases: {how}"
    if m.name == "auc":
        share = round(100 * m.interval.value)
        return f"of a sample of A and one of B, the classifier says in {share} of 100 cases which is B's"
    if m.name == "mmd" and m.p is not None:
        return f"p = {m.p:.3f}: " + (
            "chance alone would not give such a difference"
            if m.p <= SIGNIFICANT
            else "chance alone could give such a difference"
        )
    return _against_halves(m.halves, m.baseline.value, m.baseline.low, m.baseline.high, similar=m.name == "cosine")


def _against_halves(halves: float, usual: float, low: float, high: float, *, similar: bool) -> str:
    beyond = halves < low if similar else halves > high
    if not beyond:
        return "no more than two halves of A differ"
    if similar:
        return "less alike than two halves of A"
    if low <= 0:  # unbiased measures are about 0 there: no number is so many times it
        return "more than two halves of A differ"
    times = halves / usual
    return f"{times:.2g} times what two halves of A differ by" if times < 100 else "far beyond two halves of A"


def where(blocks: Sequence[BlockRow]) -> str:
    """In which blocks the shift is, and what that speaks for; empty where there are too few blocks to say."""
    if len(blocks) < 4:
        return ""
    beyond = [max(row.mmd.value - row.baseline.high, 0.0) for row in blocks]
    half = len(beyond) // 2
    early, late = sum(beyond[:half]) / half, sum(beyond[-half:]) / half
    if early == late == 0:
        return "No block shows one."
    if early > CLEARLY * late:
        return (
            "The shift is larger in the early blocks, as with another camera, noise or colours: where a network is "
            "adapted, tuning early blocks may do."
        )
    if late > CLEARLY * early:
        return "The shift is larger in the late blocks: what is shown differs more than how it looks."
    return "The shift is in early and in late blocks alike."


def verdict(samples: tuple[int, int], found: dict[str, Measurement], blocks: Sequence[BlockRow]) -> str:
    """Two to four sentences."""
    proxy_a, mmd = found["proxy_a"], found["mmd"]
    how = strength(proxy_a, mmd)
    p = "" if mmd.p is None else f" (MMD: p = {mmd.p:.3f})"
    if proxy_a.interval is None and mmd.interval is None:
        first = f"{samples[0]} and {samples[1]} samples are too few to say whether A and B differ."
    elif how == "none shown":
        first = f"{samples[0]} samples of A and {samples[1]} of B show no shift{p}."
    elif proxy_a.interval is None:
        first = f"A and B differ{p}; how much, so few samples do not say."
    else:
        share = round(100 * right_share(proxy_a.interval.value))
        usual = round(100 * right_share(proxy_a.baseline.value)) if proxy_a.baseline else 50
        first = (
            f"A linear classifier tells A and B apart in {share} of 100 cases{p}: a {how} shift. "
            f"Two halves of A it tells apart in {usual}."
        )
    place = where(blocks) if how != "none shown" else ""
    return " ".join(part for part in (first, place, WARNING) if part)
