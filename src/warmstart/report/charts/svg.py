"""SVG elements as escaped text, and axes with round ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable

from markupsafe import Markup, escape


def tag(name: str, *children: str, **attributes: str | float) -> Markup:
    """One element. Underscores in attribute names become dashes, a trailing one is dropped; all data is escaped.

    >>> tag("text", "a < b", x=1.50, class_="axis")
    Markup('<text x="1.5" class="axis">a &lt; b</text>')
    """
    parts = [
        Markup('{}="{}"').format(
            key.rstrip("_").replace("_", "-"), number(value) if isinstance(value, float) else value
        )
        for key, value in attributes.items()
    ]
    opening = Markup(" ").join([Markup(name), *parts])
    return Markup("<{}>{}</{}>").format(opening, Markup("").join(escape(c) for c in children), Markup(name))


def drawing(label: str, width: float | str, height: float | str, *children: str, **attributes: str | float) -> Markup:
    """An `<svg>` that says what it shows to those who cannot see it. Sizes in px, or "100%" of the page."""
    return tag("svg", *children, width=width, height=height, role="img", aria_label=label, **attributes)


def number(value: float) -> str:
    """A coordinate, short.

    >>> number(1.0), number(2.3456)
    ('1', '2.35')
    """
    return f"{value:.2f}".rstrip("0").rstrip(".")


def share(value: float) -> str:
    """A share of 1 as an SVG length relative to the width.

    >>> share(0.125)
    '12.5%'
    """
    return f"{number(100 * min(max(value, 0.0), 1.0))}%"


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """At most `most` round numbers (1, 2, 2.5 or 5 times a power of ten apart) that lie within [low, high].

    >>> ticks(0.0, 1.0)
    [0.0, 0.25, 0.5, 0.75, 1.0]
    >>> ticks(0.31, 0.93, 4)
    [0.4, 0.6, 0.8]
    """
    if not high > low:
        return [low]
    power = 10.0 ** math.floor(math.log10((high - low) / most) - 1)
    for step in (power * 10**k * m for k in range(4) for m in (1, 2, 2.5, 5)):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= most:
            return [round(i * step, 12) for i in range(first, last + 1)]
    return [low]


def whole_ticks(first: int, last: int, most: int = 6) -> list[int]:
    """At most `most` whole numbers within [first, last], evenly apart (1, 2, 5, 10, ...).

    >>> whole_ticks(1, 14)
    [5, 10]
    >>> whole_ticks(1, 5)
    [1, 2, 3, 4, 5]
    """
    steps = (base * 10**power for power in range(9) for base in (1, 2, 5))
    step = next(s for s in steps if last // s - -(-first // s) + 1 <= most)
    return list(range(-(-first // step) * step, last + 1, step))


def tick_labels(values: Iterable[float], *, percent: bool = False) -> list[str]:
    """Labels of one axis, all with as many decimals as the finest needs.

    >>> tick_labels([0.5, 0.75, 1.0])
    ['0.50', '0.75', '1.00']
    """
    scaled = [100 * v if percent else v for v in values]
    decimals = next((d for d in range(6) if all(abs(round(v, d) - v) < 1e-9 for v in scaled)), 6)
    return [f"{v:.{decimals}f}" + ("\u202f%" if percent else "") for v in scaled]
