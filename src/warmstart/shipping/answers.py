"""The rows of a bundle for samples that come one after the other, batch by batch, whatever is asked of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Literal

from warmstart.data.scenes import BoxTarget, MaskTarget
from warmstart.data.schema import Sample
from warmstart.errors import DataError
from warmstart.model.text.writing import write
from warmstart.preprocess.kinds import of_texts
from warmstart.shipping.inference import stream
from warmstart.shipping.reading import unreadable
from warmstart.shipping.rows import Row, rows, withheld

if TYPE_CHECKING:
    from warmstart.shipping.bundle import Bundle

_IMAGES = 8
"""In which something is marked, that are looked at together."""
Answered = list[tuple[Sample, Row]]


@dataclasses.dataclass(frozen=True)
class Asked:
    """How; see `Bundle.predict` and `Bundle.marked`."""

    batch_size: int = 32
    on_error: Literal["row", "stop"] = "row"
    coverage: float | None = None
    abstain_below: float | None = None
    least_score: float | None = None
    tile: int | None = None


def answers(bundle: Bundle, samples: Iterable[Sample], asked: Asked) -> Iterator[Answered]:
    """Batches of rows, each beside its sample, in order. What cannot be asked is refused at once.

    Raises `DataError` for it, and later, with `on_error="stop"`, for what cannot be read.
    """
    if asked.coverage is not None:
        bundle.scores(asked.coverage)
    if asked.abstain_below is not None:
        refuse_to_abstain(bundle, asked.abstain_below)
    if bundle.manifest.task == "generate":
        return _written(bundle, samples, asked)
    if isinstance(bundle.manifest.target, BoxTarget | MaskTarget):
        return _seen(bundle, samples, asked)
    return _answered(bundle, samples, asked)


def refuse_to_abstain(bundle: Bundle, below: float) -> None:
    """Raise `DataError` where no probability of a class is told, or `below` is none."""
    if bundle.manifest.task != "classify":
        raise DataError(
            f"answers that are not sure are to be left out, and {bundle.folder} answers with no classes",
            expected="a bundle that tells one class of each input, with its probability",
            do="leave abstain_below out",
        )
    if not 0 < below <= 1:
        raise DataError(
            f"abstain_below is {below:g}", expected="a probability above 0, at most 1", do="ask for such as 0.8"
        )


def _answered(bundle: Bundle, samples: Iterable[Sample], asked: Asked) -> Iterator[Answered]:
    found = stream(
        bundle.networks,
        samples,
        bundle.spec,
        task=bundle.task,
        temperature=bundle.manifest.temperature,
        batch_size=asked.batch_size,
        bank=None if bundle.reference is None else bundle.reference.bank,
        backbones=bundle.backbones,
    )
    for some, outputs in found:
        if outputs.errors and asked.on_error == "stop":
            raise outputs.errors[min(outputs.errors)]
        told = rows(some, outputs, bundle.task, bundle.manifest.target, bundle.reference, asked.coverage)
        if asked.abstain_below is not None:
            told = [withheld(row, asked.abstain_below) for row in told]
        yield list(zip(some, told, strict=True))


def _seen(bundle: Bundle, samples: Iterable[Sample], asked: Asked) -> Iterator[Answered]:
    for some in _some(samples, _IMAGES):
        found = bundle.marked(some, on_error=asked.on_error, least_score=asked.least_score, tile=asked.tile)
        for sample, row in zip(some, found, strict=True):
            yield [(sample, row)]  # one by one: a mask is as large as its image


def _written(bundle: Bundle, samples: Iterable[Sample], asked: Asked) -> Iterator[Answered]:
    spec, most = of_texts(bundle.spec), bundle.manifest.longest
    for some in _some(samples, asked.batch_size):
        errors = {i: error for i, sample in enumerate(some) if (error := unreadable(sample)) is not None}
        if errors and asked.on_error == "stop":
            raise errors[min(errors)]
        texts = [sample.source.parts for i, sample in enumerate(some) if i not in errors]
        found = iter(write(bundle.networks[0], spec, texts, max_new_tokens=most, batch_size=asked.batch_size))
        told: list[Row] = [
            {
                "input": sample.id,
                "text": None if i in errors else next(found),
                "error": errors[i].found if i in errors else None,
            }
            for i, sample in enumerate(some)
        ]
        yield list(zip(some, told, strict=True))


def _some(samples: Iterable[Sample], n: int) -> Iterator[list[Sample]]:
    samples = iter(samples)
    while some := list(islice(samples, n)):
        yield some
