"""Whether labels can be read off: texts that say their own, by a heading or a field that was joined to them; samples
whose classes were recorded one after the other.
"""

from __future__ import annotations

import re
from itertools import pairwise

from warmstart.data.schema import Dataset, Label, Text

_DISTINCT = 0.8
"""Share of the samples; fewer different times say nothing of their order."""
_LEAST = 3
"""Characters of a label that is looked for; shorter ones and numbers are words of any text."""


def labels_told(dataset: Dataset) -> tuple[int, int]:
    """Texts in which their own label stands word for word, and those in which the label of the next class does.

    Of several labels one is enough; tags, numbers and texts to be written are not looked for. The second is what to
    expect where the word has nothing to do with the label.

    >>> from warmstart.data.sources import load
    >>> labels_told(load((["sport: a goal", "art: a film", "a sport"], ["sport", "art", "art"])))
    (2, 1)
    """
    if dataset.target.kind not in ("classify", "multilabel"):
        return 0, 0
    classes = dataset.target.classes
    wanted = {name: _pattern(name) for name in classes if len(name) >= _LEAST and not _is_number(name)}
    after = dict(zip(classes, (*classes[1:], *classes[:1]), strict=True))
    own = other = 0
    for sample in dataset.samples:
        if not isinstance(sample.source, Text):
            continue
        text, names = str(sample.source).casefold(), sample.names
        strange = {after[name] for name in names} - {*names}
        own += any(name in wanted and wanted[name].search(text) is not None for name in names)
        other += any(name in wanted and wanted[name].search(text) is not None for name in strange)
    return own, other


def label_stretches(dataset: Dataset) -> tuple[int, int] | None:
    """(samples, stretches of one class) in order of time; `None` where times or classes are not known, or mostly equal.

    Where classes were recorded one after the other, a model may learn when a sample was taken: how the sensor sat, how
    warm it was. A group counts as one sample, at its first time.
    """
    if dataset.target.kind != "classify":
        return None
    firsts: dict[tuple[str, Label | None], tuple[float, Label | None]] = {}
    for sample in dataset.samples:
        at = sample.time if sample.time is not None else getattr(sample.source, "start", None)
        if at is None:
            return None
        key = (sample.id if sample.group is None else sample.group, sample.label if sample.group is not None else None)
        firsts[key] = min(firsts.get(key, (at, sample.label)), (at, sample.label), key=lambda pair: pair[0])
    moments = sorted(firsts.values(), key=lambda pair: pair[0])
    if len({at for at, _ in moments}) < _DISTINCT * len(moments):
        return None
    changes = sum(a[1] != b[1] for a, b in pairwise(moments))
    return len(moments), 1 + changes


def _pattern(name: str) -> re.Pattern[str]:
    words = [re.escape(word) for word in re.split(r"[\s_-]+", name.casefold()) if word]
    return re.compile(r"(?<!\w)" + r"[\s_-]*".join(words) + r"(?!\w)")


def _is_number(name: str) -> bool:
    return not any(map(str.isalpha, name))
