"""Single values as a person reads them. The thin space U+202F stands between number and unit."""

from __future__ import annotations

import math

from warmstart.evaluation.interval import Interval
from warmstart.evaluation.measures import is_share

THIN = "\u202f"
MINUS = "\u2212"


def percent(share: float | None, digits: int = 1) -> str:
    """A share of 1 in percent; a dash where there is none.

    >>> percent(0.8734).replace(THIN, " ")
    '87.3 %'
    """
    return "–" if share is None or not math.isfinite(share) else f"{100 * share:.{digits}f}{THIN}%"


def sure(probability: float) -> str:
    """The probability of an answer, in whole percent; never rounded up to certainty.

    >>> sure(0.9987).replace(THIN, " "), sure(0.731).replace(THIN, " ")
    ('> 99 %', '73 %')
    """
    return f">{THIN}99{THIN}%" if probability >= 0.995 else percent(probability, 0)


def chance(probability: float) -> str:
    """The probability of what was not answered, in whole percent; never rounded down to impossible.

    >>> chance(0.0013).replace(THIN, " "), chance(0.27).replace(THIN, " ")
    ('< 1 %', '27 %')
    """
    return f"<{THIN}1{THIN}%" if probability < 0.01 else percent(probability, 0)


def value(metric: str, number: float | None) -> str:
    """A metric's value: percent for shares, three decimals otherwise."""
    if is_share(metric) or number is None or not math.isfinite(number):
        return percent(number)
    return f"{number:.3f}"


def span(metric: str, interval: Interval) -> str:
    """The two ends of an interval, in the metric's unit but without it.

    >>> span("accuracy", Interval(0.5, 0.25, 0.75))
    '25.0–75.0'
    """
    if is_share(metric) and interval.low < 0:
        return " to ".join(f"{100 * end:.1f}".replace("-", MINUS) for end in (interval.low, interval.high))
    if is_share(metric):
        return f"{100 * interval.low:.1f}–{100 * interval.high:.1f}"
    return f"{interval.low:.3f}–{interval.high:.3f}"


def signed(points: float) -> str:
    """Percentage points with their sign.

    >>> signed(0.021), signed(-0.004)
    ('+2.1', '−0.4')
    """
    text = f"{abs(100 * points):.1f}"
    return text if text == "0.0" else ("+" if points > 0 else MINUS) + text


def count(number: float) -> str:
    """A whole number with thin spaces between thousands.

    >>> count(1234567).replace(THIN, " ")
    '1 234 567'
    """
    return f"{int(number):,}".replace(",", THIN)


def about(number: float) -> str:
    """A rough number, rounded to two significant digits."""
    digits = max(0, len(str(int(number))) - 2)
    return count(round(number / 10**digits) * 10**digits)


def memory(size: float) -> str:
    """Bytes as a person says them.

    >>> [memory(n).replace(THIN, " ") for n in (310_000_000, 7_340_032_000)]
    ['296 MiB', '6.8 GiB']
    """
    return f"{size / 2**30:.1f}{THIN}GiB" if size >= 2**30 else f"{size / 2**20:.0f}{THIN}MiB"


def probable(share: float) -> str:
    """A probability in whole percent, never rounded to certainty.

    >>> [probable(p).replace(THIN, " ") for p in (0.0002, 0.42, 0.9987)]
    ['< 1 %', '42 %', '> 99 %']
    """
    return f"<{THIN}1{THIN}%" if share < 0.005 else sure(share)


def p_value(p: float) -> str:
    """A p-value, with no more digits than it deserves.

    >>> [p_value(p) for p in (0.00004, 0.0312, 0.4)]
    ['< 0.001', '0.031', '0.40']
    """
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def duration(seconds: float) -> str:
    """Seconds as a person says them.

    >>> [duration(s).replace(THIN, " ") for s in (0.04, 7.26, 75, 3725)]
    ['0.0 s', '7.3 s', '1 min 15 s', '1 h 2 min']
    """
    if seconds < 10:
        return f"{seconds:.1f}{THIN}s"
    if seconds < 60:
        return f"{seconds:.0f}{THIN}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}{THIN}min {rest}{THIN}s" if rest else f"{minutes}{THIN}min"
    return f"{minutes // 60}{THIN}h {minutes % 60}{THIN}min"


def moment(date: str) -> str:
    """A date as in ISO 8601, for reading.

    >>> moment("2025-11-24T10:12:31+00:00")
    '2025-11-24 10:12 UTC'
    """
    zone = " UTC" if date.endswith(("+00:00", "Z")) else ""
    return date[:16].replace("T", " ") + zone if "T" in date else date


def sentence(text: str) -> str:
    """The text with a capital at its start and a stop at its end.

    >>> sentence("stratified, seed 0")
    'Stratified, seed 0.'
    """
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if not text or text.endswith((".", "!", "?")) else ".")
