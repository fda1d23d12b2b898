"""Texts that a finished model writes for samples it has not learned from, and what they have in common with the true
ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from warmstart.data.schema import Sample, Text
from warmstart.errors import MissingExtraError
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.intervals import bootstrap
from warmstart.evaluation.outcome import Shown
from warmstart.evaluation.overlap import bleu, overlaps
from warmstart.evaluation.units import units_of
from warmstart.model.network import Network
from warmstart.model.text.writing import LONGEST, write
from warmstart.preprocess.text import TextSpec

MOST = 200
"""Texts that are written to be compared, at most; drawn at random."""
ROOM = 1.5
"""How much longer than the longest true text a written one may get."""


@dataclasses.dataclass(frozen=True)
class Written:
    """What was written of some samples, by their ids, and how it compares with what was wanted."""

    texts: dict[str, str]
    metrics: dict[str, Interval]


def written(
    network: Network, spec: TextSpec, samples: Sequence[Sample], also: Sequence[str] = (), *, seed: int = 0
) -> Written:
    """Write for at most 200 of `samples` whose text is known, and for those whose ids are in `also`.

    Without the packages that count what texts have in common there are no metrics.
    """
    known = [sample for sample in samples if isinstance(sample.source, Text) and isinstance(sample.label, str)]
    drawn = {known[i].id for i in np.random.default_rng(seed).permutation(len(known))[:MOST]}
    chosen = [sample for sample in known if sample.id in drawn or sample.id in set(also)]
    if not chosen:
        return Written({}, {})
    texts = write(network, spec, [sample.source.parts for sample in chosen], max_new_tokens=room(spec, chosen))
    compared = [(text, one) for text, one in zip(texts, chosen, strict=True) if one.id in drawn]
    measured = _measured([text for text, _ in compared], [one for _, one in compared], seed)
    return Written({sample.id: text for sample, text in zip(chosen, texts, strict=True)}, measured)


def room(spec: TextSpec, samples: Sequence[Sample]) -> int:
    """Tokens that texts like the true ones of `samples` take at most, with some to spare."""
    wanted = [str(sample.label) for sample in samples if isinstance(sample.label, str)]
    longest = max((len(one.ids) for one in spec.opened(spec.limit).encode_batch(wanted)), default=LONGEST)
    return max(1, min(int(ROOM * longest) + 2, spec.limit // 2))


def told(shown: Sequence[Shown], texts: dict[str, str]) -> tuple[Shown, ...]:
    """The samples with what was written of them in place of how probable the true text was."""
    return tuple(dataclasses.replace(one, said=texts.get(one.id, one.said)) for one in shown)


def _measured(texts: Sequence[str], samples: Sequence[Sample], seed: int) -> dict[str, Interval]:
    wanted, units = [str(sample.label) for sample in samples], units_of(samples)
    try:
        values = overlaps(texts, wanted)
    except MissingExtraError:
        return {}
    found = {name: bootstrap(each.numpy(), seed=seed, units=units) for name, each in values.items()}
    return found | {"bleu": bleu(texts, wanted, seed=seed, units=units)}
