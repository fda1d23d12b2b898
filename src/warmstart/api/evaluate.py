"""`evaluate`: how good a bundle is on labelled data it has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import torch

from warmstart.api.evaluate_scenes import of_scenes
from warmstart.api.finishing.written import written
from warmstart.api.running.held import within_memory
from warmstart.data.futures import ForecastTarget
from warmstart.data.scenes import BoxTarget, MaskTarget
from warmstart.data.schema import Dataset, Sample
from warmstart.data.seriesreading import SeriesOptions, columns_of
from warmstart.data.sources import OnMissing, load
from warmstart.data.sources.ahead import measured_windows
from warmstart.data.targets import AnomalyTarget
from warmstart.data.tokens import TokenStore
from warmstart.display import Table, Told
from warmstart.engine.allocator import keep_buffers
from warmstart.engine.ambient import ambient
from warmstart.engine.events import Advanced, Finished, Listener, Started
from warmstart.errors import DataError
from warmstart.evaluation.calibration import reliability
from warmstart.evaluation.compare import metric_intervals
from warmstart.evaluation.conformal import measured_coverage
from warmstart.evaluation.measures import is_share, metric_name
from warmstart.evaluation.metrics import confusion
from warmstart.evaluation.predict import predict_outputs
from warmstart.evaluation.units import independent, units_of
from warmstart.evaluation.verdict import percent
from warmstart.preprocess.kinds import PLURAL, of_texts
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.reading import unreadable


class Evaluation(Told):
    """What `evaluate` found; see there."""

    def title(self) -> str:
        """How many samples it rests on, and of which part."""
        part = "the test part" if self["part"] == "test" else "all of the data"
        return f"Measured on {self['n']} samples, {part}"

    def facts(self) -> Mapping[str, object]:
        """What is not in the tables."""
        unreadable, independent, unknown = self["unreadable"], self["independent"], self["unknown"]
        return {
            "intervals rest on": independent and independent.words,
            "calibration error (ECE)": self["ece"],
            "like nothing that was trained on": None if unknown is None else percent(unknown),
            "coverage of the sets": self["coverage"] and str(self["coverage"]),
            "measured at the size": self.get("at_size"),
            "unreadable": f"{len(unreadable)}: {', '.join(unreadable[:5])}" if unreadable else None,
        }

    def tables(self) -> Sequence[Table]:
        """The metrics with their intervals, and how classes were confused."""
        metrics = [
            (metric_name(name), *(percent(part) if is_share(name) else part for part in (one.value, one.low, one.high)))
            for name, one in self["metrics"].items()
        ]
        found = [Table(("measured", "value", "95 % from", "to"), metrics)]
        if self["confusion"] is not None:
            rows = [(name, *row) for name, row in zip(self["classes"], self["confusion"], strict=True)]
            found.append(Table(("true, by row", *self["classes"]), rows))
        return found


@within_memory
def evaluate(
    bundle: str | Path,
    data: Any,
    *,
    group: str | None = None,
    path_column: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    on_missing: OnMissing = "error",
    coverage: float | None = None,
    batch_size: int = 32,
    max_memory: str | int | None = None,  # noqa: ARG001 (of `within_memory`)
    seed: int = 0,
    listener: Listener = ambient,
    **series: Unpack[SeriesOptions],
) -> Evaluation:
    """Metrics with 95 % intervals of a bundle on labelled data; classes are mapped by name.

    Where the data has train/val/test parts and a test part, only that is used.

    `on_missing="skip"` leaves out rows whose file or label is missing, and boxes and masks that cannot be used.
    `group` names what belongs together, as for `fit`: intervals then rest on groups. `max_memory` is as for `fit` too.

    With a `coverage`, such as 0.9, the sets of labels that `predict` would give at it are measured too.

    Returns:
        `n`, `unreadable` (ids), `metrics` {name: Interval}, `ece`, `confusion` (rows: true), `classes`, `part`,
        `unknown` (share that looks like nothing that was trained on; `None` where the bundle cannot tell), `coverage`
        (a `Coverage`, or `None`), `independent` (the units that intervals rest on, an `Independent`; `None` where each
        sample is one). Of boxes and masks `by_class` too, and `at_size`: in words, the size that figures are of. Masks
        are measured at the size of each image as it is stored, as `predict` gives them, and boxes where the network
        sees them.

    Raises:
        DataError: the data has classes the bundle does not know, nothing in it can be read, or the coverage is more
            than the validation samples could support.
    """
    keep_buffers()
    loaded = Bundle.load(bundle)
    columns = {"path_column": path_column, "text_column": text_column, "label_column": label_column}
    dataset = labelled(loaded, data, {**columns, "group": group, "on_missing": on_missing}, **series)
    test = [s for s in dataset.samples if s.split == "test"]
    samples = test or list(dataset.samples)
    if loaded.manifest.task == "generate":
        return Evaluation(_of_writing(loaded, samples, part="test" if test else "all", seed=seed, listener=listener))
    if isinstance(loaded.manifest.target, BoxTarget | MaskTarget):
        return Evaluation(of_scenes(loaded, samples, part="test" if test else "all", seed=seed, listener=listener))
    targets = loaded.targets(samples)
    scores = None if coverage is None else loaded.scores(coverage)
    listener(Started("evaluate", len(samples)))
    outputs = loaded.outputs(samples, batch_size=batch_size, progress=lambda n: listener(Advanced("evaluate", n)))
    listener(Finished("evaluate"))
    if len(outputs.index) == 0:
        first = outputs.errors[0]
        raise DataError(
            f"none of the {len(samples)} samples can be read; the first: {first.found}",
            expected=first.expected,
            do="look at them with: warmstart check DATA",
        )
    truth, classes = targets[torch.from_numpy(outputs.index)], loaded.task.calibrates
    bank, far = loaded.reference.bank if loaded.reference else None, outputs.distances
    seen, sets = [samples[i] for i in outputs.index.tolist()], None
    units = units_of(seen)
    if coverage is not None and scores is not None:
        sets = measured_coverage(outputs.outputs, truth, scores, coverage, seed=seed, units=units)
    return Evaluation(
        n=sum(samples[i].label is not None for i in outputs.index.tolist()),
        part="test" if test else "all",
        unreadable=[samples[i].id for i in sorted(outputs.errors)],
        classes=list(loaded.classes),
        metrics=metric_intervals(loaded.task, outputs.outputs, truth, seed=seed, units=units),
        independent=independent([one for one in seen if one.label is not None], PLURAL[loaded.spec.kind]),
        ece=reliability(outputs.outputs, truth).ece if classes else None,
        confusion=confusion(outputs.outputs, truth).tolist() if classes else None,
        unknown=None if bank is None or far is None else float((far > bank.threshold).mean()),
        coverage=sets,
    )


def labelled(bundle: Bundle, data: Any, how: dict[str, Any], **series: Unpack[SeriesOptions]) -> Dataset:
    """Labelled data, read as the data were that the bundle was trained on; `how` are further options of `load`."""
    target = bundle.manifest.target
    if isinstance(target, ForecastTarget):
        return Dataset(measured_windows(target, data, **columns_of(series)), target)
    normal = target if isinstance(target, AnomalyTarget) else None
    kind, task = bundle.spec.kind, bundle.manifest.task
    return load(data, kind=kind, task=task, normal=normal, **how, **series)


def _of_writing(
    bundle: Bundle, samples: Sequence[Sample], *, part: str, seed: int, listener: Listener
) -> dict[str, Any]:
    """The same facts, as far as there are any of texts that are written."""
    spec = of_texts(bundle.spec)
    readable = [sample for sample in samples if unreadable(sample) is None]
    if not any(sample.label is not None for sample in readable):
        raise DataError(f"none of the {len(samples)} samples can be read and has a text that is to be written")
    store = TokenStore(Dataset(tuple(readable), bundle.manifest.target), spec)
    every = np.arange(len(readable))
    listener(Started("evaluate", len(readable)))
    outputs = predict_outputs(bundle.networks[0], store, every, progress=lambda n: listener(Advanced("evaluate", n)))
    texts = written(bundle.networks[0], spec, readable, seed=seed)
    found = metric_intervals(bundle.task, outputs, store.targets(every), seed=seed, units=units_of(readable))
    listener(Finished("evaluate"))
    return {
        "n": sum(sample.label is not None for sample in readable),
        "part": part,
        "unreadable": [sample.id for sample in samples if unreadable(sample) is not None],
        "classes": [],
        "metrics": found | texts.metrics,
        "independent": independent([one for one in readable if one.label is not None], "texts"),
        "ece": None,
        "confusion": None,
        "unknown": None,
        "coverage": None,
    }
