"""From inputs, one after the other, to rows in memory or in a file."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal, Unpack

from warmstart.api.predicting.engine import quicker
from warmstart.api.predicting.journal import Journal
from warmstart.api.predicting.tables import Row, WrittenRows
from warmstart.api.predicting.workers import answered_by_workers
from warmstart.data.futures import ForecastTarget
from warmstart.data.schema import Sample
from warmstart.data.seriesreading import SeriesOptions, columns_of, reading_of
from warmstart.data.sources.ahead import forecast_inputs
from warmstart.data.sources.given import Given, Wanted
from warmstart.data.sources.inputs import each_input
from warmstart.engine.events import Advanced, Decided, Finished, Listener, Started
from warmstart.engine.extraction import MEASURED
from warmstart.engine.interrupt import Interrupt
from warmstart.errors import DataError, Interrupted, WarmstartError
from warmstart.preprocess.series import SeriesSpec
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.files import sha256
from warmstart.shipping.manifest import NAME
from warmstart.shipping.reading import uncut

OnError = Literal["row", "skip", "stop"]
LOOKED_AHEAD = 4096
"""Inputs that are found before the first is answered, at most: few are counted so, for the bar and the engine."""


@dataclasses.dataclass(frozen=True)
class How:
    """How inputs are answered; see `warmstart.api.predict.predict`."""

    on_error: OnError = "row"
    coverage: float | None = None
    abstain_below: float | None = None
    batch_size: int = 32
    least_score: float | None = None
    tile: int | None = None

    def stream(self, bundle: Bundle, samples: Iterable[Sample]) -> Iterator[list[tuple[Sample, Row]]]:
        """`Bundle.stream` asked so."""
        options = {key: value for key, value in vars(self).items() if key != "on_error"}
        return bundle.stream(samples, on_error="stop" if self.on_error == "stop" else "row", **options)


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What is to be answered for."""

    each: Iterator[Given]
    total: int
    """How many there are; 0 where that is not known."""
    begin: Sequence[Given]
    """The first of them."""
    said: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """What each row says beside its answer."""

    @property
    def samples(self) -> list[Sample]:
        """Some of the first, to measure with."""
        return [one.sample for one in self.begin[:MEASURED]]


def found(bundle: Bundle, inputs: Any, wanted: Wanted, **series: Unpack[SeriesOptions]) -> Inputs:
    """The inputs of a bundle. Raises `DataError` where there is none, or the first of them cannot be used."""
    target = bundle.manifest.target
    if isinstance(target, ForecastTarget):
        if wanted.keep is not None:
            raise DataError(
                "columns are to be kept beside forecasts, which have a line for each step", do="leave keep out"
            )
        each = iter([Given(sample) for sample in forecast_inputs(target, inputs, **columns_of(series))])
    else:
        channels = bundle.spec.channels if isinstance(bundle.spec, SeriesSpec) else None
        wanted = dataclasses.replace(wanted, kind=bundle.spec.kind, reading=reading_of(series), channels=channels)
        each = _uncut_refused(each_input(inputs, wanted), bundle.manifest.window)
    begin = list(islice(each, LOOKED_AHEAD))
    if wanted.keep is not None and not any(one.kept for one in begin):
        raise DataError(
            f"columns are to be kept ({wanted.keep}), and the inputs are no table",
            expected="a table with a row for each input",
            do="leave keep out",
        )
    return Inputs(chain(begin, each), len(begin) if len(begin) < LOOKED_AHEAD else 0, begin)


def _uncut_refused(each: Iterator[Given], window: int | None) -> Iterator[Given]:
    """The same; `DataError` for recordings that should be cut."""
    for given in each:
        if (why := uncut(given.sample, window)) is not None:
            raise why
        yield given


def answered(bundle: Bundle, inputs: Inputs, how: How) -> Iterator[list[tuple[Given, Row]]]:
    """Batches of inputs and their rows."""
    waiting: deque[Given] = deque()

    def samples() -> Iterator[Sample]:
        for given in inputs.each:
            waiting.append(given)
            yield given.sample

    for some in how.stream(bundle, samples()):
        yield [(waiting.popleft(), row) for _, row in some]


def _with_kept(some: list[tuple[Given, Row]], inputs: Inputs) -> list[tuple[Given, Row]]:
    """The same, with what is kept beside each, and what all say."""
    kept = [{"input": row["input"], "kept": dict(g.kept), **row} if g.kept else row for g, row in some]
    return [(given, {**row, **inputs.said}) for (given, _), row in zip(some, kept, strict=True)]


def rows_of(
    bundle: Bundle, inputs: Inputs, how: How, listener: Listener, ray: str | None
) -> Iterator[tuple[Given, Row]]:
    """Each row beside its input, as it comes; `ray` is the address of the cluster that this process has joined."""
    bundle, choice = quicker(bundle, inputs.samples, len(inputs.begin), listener)
    listener(Started("predict", inputs.total))
    if ray is None:
        every = answered(bundle, inputs, how)
    else:
        every = answered_by_workers(ray, bundle, choice, inputs, how, listener, pixels=True)
    for some in every:
        told = _with_kept(some, inputs)
        yield from (pair for pair in told if how.on_error != "skip" or pair[1]["error"] is None)
        listener(Advanced("predict", len(some)))
    listener(Finished("predict"))


def in_file(
    bundle: Bundle,
    inputs: Inputs,
    how: How,
    out: Path,
    asked: dict[str, Any],
    listener: Listener,
    *,
    resume: bool,
    ray: str | None,
) -> WrittenRows:
    """The rows in a table, of which a batch at a time is held; of `ray`, the address of a cluster, some pieces.

    Raises:
        RunError: see `Journal`; or the inputs that are answered already are others now.
        Interrupted: by Ctrl-C or SIGTERM; what is answered is kept.
    """
    asked = {"bundle": sha256((bundle.folder / NAME).read_bytes())[:16], **asked}
    several = bundle.manifest.task == "several"  # its tasks have columns of their own, beside their answers
    journal = Journal(out, asked, () if several else bundle.classes, resume=resume)
    if journal.done:
        return journal.end()
    if resume and journal.inputs:
        listener(Decided(f"going on after {journal.inputs} inputs that are answered", {"inputs": journal.inputs}))
    journal.skip(inputs.each)
    bundle, journal.choice = quicker(bundle, inputs.samples, len(inputs.begin), listener, journal.choice)
    listener(Started("predict", inputs.total))
    listener(Advanced("predict", journal.inputs))

    def every(interrupt: Interrupt) -> Generator[list[tuple[Given, Row]]]:
        if ray is None:
            yield from answered(bundle, inputs, how)
        else:
            before, stopped = journal.inputs, lambda: interrupt.stopped
            assert journal.choice is not None
            choice = journal.choice
            yield from answered_by_workers(ray, bundle, choice, inputs, how, listener, after=before, stopped=stopped)

    try:
        with Interrupt() as interrupt, contextlib.closing(every(interrupt)) as batches:
            for some in batches:
                journal.add(_with_kept(some, inputs), rows=how.on_error != "skip")
                listener(Advanced("predict", len(some)))
                if interrupt.stopped:
                    break
        if interrupt.stopped:
            raise Interrupted(
                f"stopped; {journal.inputs} inputs are answered, and kept in {journal.part}",
                do="to go on: the same command with --resume",
            )
    except WarmstartError:  # such as a row that cannot be read: once it is mended, the call can go on
        if journal.inputs:
            journal.keep()
        raise
    listener(Finished("predict"))
    return journal.end()
