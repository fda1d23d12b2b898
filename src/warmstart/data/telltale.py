"""Whether texts say their own label: a heading, a tag, a field that was joined to them. Then it can be read off."""

from __future__ import annotations

import re

from warmstart.data.schema import Dataset, Text

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


def _pattern(name: str) -> re.Pattern[str]:
    words = [re.escape(word) for word in re.split(r"[\s_-]+", name.casefold()) if word]
    return re.compile(r"(?<!\w)" + r"[\s_-]*".join(words) + r"(?!\w)")


def _is_number(name: str) -> bool:
    return not any(map(str.isalpha, name))
