"""What a search came to, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from warmstart.evaluation.comparison import Searched, by_validation
from warmstart.evaluation.measures import metric_name
from warmstart.evaluation.verdict import percent


def in_words(rows: Sequence[Searched], metric: str, samples: int) -> str:
    """How many recipes were tried, and what the best reached on validation beside the default, which is the first.

    >>> in_words([Searched("a", 0.8, 1.0), Searched("a?lr=1", 0.9, 1.0)], "accuracy", 40)
    '2 recipes were tried on 40 validation samples: a?lr=1 reached 90.0 % accuracy there, the default 80.0 %.'
    >>> in_words([Searched("a", 0.9, 1.0), Searched("a?lr=1", 0.8, 1.0)], "accuracy", 40)
    '2 recipes were tried on 40 validation samples: none reached more there than the default, 90.0 % accuracy.'
    """
    best, default = by_validation(rows)[0], rows[0].val
    if best.val is None:
        return f"{len(rows)} recipes were tried, and none could be measured."
    tried = f"{len(rows)} recipe{'s were' if len(rows) > 1 else ' was'} tried on {samples} validation samples"
    if default is not None and default >= best.val:
        return f"{tried}: none reached more there than the default, {percent(default)} {metric_name(metric)}."
    beside = "could not be measured" if default is None else percent(default)
    return f"{tried}: {best.name} reached {percent(best.val)} {metric_name(metric)} there, the default {beside}."
