"""What a backbone is pretrained on: generated series, or what the user names, with or without labels."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from warmstart.api.inputs.classes import load_classes
from warmstart.cache.key import sample_key
from warmstart.data.schema import Dataset, IntArray, Kind, Sample, Series, Split
from warmstart.data.seriesreading import UNSAID, Reading, reading_of
from warmstart.data.sources import OnMissing, load, load_inputs
from warmstart.data.synthetic import generate
from warmstart.data.targets import ClassTarget
from warmstart.engine.events import Finished, Listener, Started
from warmstart.errors import DataError
from warmstart.model.backbone import Backbone
from warmstart.preprocess.kinds import Spec

_SPLIT = 11
"""What the random numbers are for."""


@dataclasses.dataclass(frozen=True)
class Part:
    """One source of a corpus, for its card: what it is, how many inputs, and the hash of all their contents."""

    text: str
    inputs: int
    sha256: str

    @classmethod
    def of(cls, text: str, samples: Iterable[Sample]) -> Part:
        """The facts of these samples, in their order."""
        keys = [sample_key(sample) for sample in samples]
        return cls(text, len(keys), hashlib.sha256("\n".join(keys).encode()).hexdigest())


def corpus_for(
    sources: Sequence[Any],
    start: Backbone,
    options: Mapping[str, Any],
    listener: Listener,
    *,
    what: str,
    labelled: bool,
) -> tuple[Dataset, Spec, tuple[Part, ...]]:
    """The corpus of a run by its `options`, how the backbone that it starts from reads it, and its parts; `what`
    they are called while they are read.

    Raises `DataError` as `read_corpus` does.
    """
    spec = start.spec if options["size"] is None else start.spec.with_size(options["size"])
    listener(Started(what))
    dataset, parts = read_corpus(
        sources,
        spec.kind,
        generated=options.get("generate") or 0,
        steps=spec.size,
        seed=options["seed"],
        labelled=labelled,
        text_column=options["text_column"],
        path_column=options["path_column"],
        label_column=options["label_column"],
        on_missing=options["on_missing"],
        reading=reading_of(options),
    )
    listener(Finished(what))
    return dataset, spec, parts


def read_corpus(
    data: Sequence[Any],
    kind: Kind,
    *,
    generated: int,
    steps: int,
    seed: int,
    labelled: bool,
    text_column: str | None,
    path_column: str | None = None,
    label_column: str | None = None,
    on_missing: OnMissing = "error",
    reading: Reading = UNSAID,
) -> tuple[Dataset, tuple[Part, ...]]:
    """All of it as one data set, classes named `SET/CLASS`, and its parts.

    Samples that are of a test or validation part by the user's layout are left out, whether or not labels are learned
    from. A series of several channels is as many series of one.

    Args:
        data: folders, files or objects, each as `load` or, without labels, `load_inputs` takes them.
        kind: what they hold.
        generated: series that are generated, beside the data.
        steps: of those.
        seed: of those.
        labelled: whether labels are learned from.
        text_column: of tables, as the next two.
        path_column: of the paths.
        label_column: of the classes.
        on_missing: what becomes of rows without file or label; where labels are learned from.
        reading: how series are read.

    Raises:
        DataError: there is nothing, or labels are no classes.
    """
    sets: list[tuple[str, tuple[Sample, ...]]] = []
    if generated:
        made = generate(generated, steps=steps, seed=seed)
        sets.append((made.notes[0], made.samples))
    names: list[str] = []
    for number, one in enumerate(data):
        name = Path(one).stem if isinstance(one, str | Path) else f"data-{number}"
        name = f"{name}-{number}" if name in names else name
        names.append(name)
        how = {"kind": kind, "path_column": path_column, "text_column": text_column}
        if labelled:
            found = _labelled(one, name, {**how, "label_column": label_column, "on_missing": on_missing}, reading)
        else:
            found = _unlabelled(one, how, label_column, reading)
        sets.append((f"{len(found)} inputs of {name}", _channels(found) if kind == "series" else found))
    samples = tuple(dataclasses.replace(s, id=f"{k}: {s.id}") for k, (_, part) in enumerate(sets) for s in part)
    if len(samples) < 2:
        raise DataError(
            f"{len(samples)} inputs to pretrain on", expected="at least two", do="name data, or --generate series"
        )
    if not labelled:
        samples = tuple(dataclasses.replace(sample, label=None) for sample in samples)
    classes = tuple(dict.fromkeys(str(sample.label) for sample in samples if sample.label is not None))
    return Dataset(samples, ClassTarget(classes or ("all",)), name="corpus"), tuple(Part.of(*one) for one in sets)


def _labelled(one: Any, name: str, how: dict[str, Any], reading: Reading) -> tuple[Sample, ...]:
    found = load_classes(one, name, **how, **vars(reading))
    return tuple(
        dataclasses.replace(sample, label=f"{name}/{sample.label}")
        for sample in found.samples
        if sample.label is not None and sample.split in (None, "train")
    )


def _unlabelled(one: Any, how: dict[str, Any], label_column: str | None, reading: Reading) -> tuple[Sample, ...]:
    """Inputs whatever their labels. Where a folder or a file has parts, those for validation and test stay unseen."""
    if isinstance(one, str | Path):
        with contextlib.suppress(DataError):  # what has no labels has no parts either
            found = load(one, label_column=label_column, **how, **vars(reading)).samples
            return tuple(sample for sample in found if sample.split in (None, "train"))
    return load_inputs(one, **how, reading=reading)


def _channels(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    out: list[Sample] = []
    for sample in samples:
        source = sample.source
        if not isinstance(source, Series) or source.channels == 1:
            out.append(sample)
            continue
        for k in range(source.channels):
            one = dataclasses.replace(source, values=source.values[k : k + 1], names=source.names[k : k + 1])
            out.append(dataclasses.replace(sample, id=f"{sample.id}, channel {k}", source=one))
    return tuple(out)


def divided(dataset: Dataset, share: float, seed: int, *, by_class: bool) -> Split:
    """A `share` held out to tell which weights are kept: single samples, or, for a loss that compares those of a class,
    whole classes of it.
    """
    rng = np.random.default_rng([seed, _SPLIT])
    labels: IntArray = dataset.labels if by_class else np.arange(len(dataset), dtype=np.int64)
    names = rng.permutation(np.unique(labels))
    held = np.isin(labels, names[: int(share * len(names))])
    how = f"{'classes' if by_class else 'inputs'} at random, seed {seed}, {share:.0%} held out"
    return Split(np.flatnonzero(~held), np.flatnonzero(held), np.arange(0), how=how)
