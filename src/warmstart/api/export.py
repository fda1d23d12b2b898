"""`export`: a bundle as a file for other runtimes, which is kept only if it answers as the bundle does."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from warmstart.api.evaluate import labelled
from warmstart.data.schema import Sample
from warmstart.data.sources import load_inputs
from warmstart.display import Table, Told
from warmstart.engine.ambient import ambient
from warmstart.engine.events import Decided, Finished, Listener, Started
from warmstart.errors import DataError, ExportError
from warmstart.exporting import calibrating
from warmstart.exporting.base import Format, FormatName, Graph, formats, require
from warmstart.exporting.calibrating import Shares
from warmstart.exporting.exits import refuse
from warmstart.exporting.metadata import metadata
from warmstart.exporting.parity import compare, feeds, readable, refuse_other
from warmstart.exporting.program import program
from warmstart.exporting.speed import measure
from warmstart.exporting.tokenizer import beside, tokenizer_file
from warmstart.exporting.wrapped import Wrapped, wrap
from warmstart.files import sync, writing
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.files import refuse_existing
from warmstart.shipping.manifest import read_manifest

COMPARED = 32
"""Samples of the data, at most, that a file in float32 is compared on beside the golden ones."""


class Exported(Told):
    """What `export` wrote; see there."""

    def title(self) -> str:
        """The file."""
        return str(self["file"])

    def facts(self) -> Mapping[str, object]:
        """What the file is, and how near its answers are."""
        parity, about = self["parity"], self["int8"]
        accuracy = None if about is None else about["accuracy"]
        return {
            "task": self["task"],
            "classes": ", ".join(self["classes"]),
            "inputs": ", ".join(f"{one['name']} {one['holds']}" for one in self["inputs"]),
            "output": f"{self['output']['name']}: {self['output']['holds']}",
            "outside the graph": self["outside"],
            "size": f"{sum(self['files'].values()) / 1e6:.1f} MB in {len(self['files'])} file(s)",
            "compared on": f"{parity['samples']} samples",
            "largest difference": max(parity["errors"].values()),
            "answers that int8 changed": None if about is None else parity["changed"],
            "quality": accuracy and f"{about['metric']} {accuracy['before']:.3f} before, {accuracy['after']:.3f} after",
        }

    def tables(self) -> Sequence[Table]:
        """How fast it is."""
        rows = [(row["batch"], row["original_ms"], row["exported_ms"], row["times"]) for row in self["speed"]]
        return [Table(("inputs at once", "bundle, ms", "file, ms", "times as fast"), rows)]


def export(
    bundle: str | Path,
    *,
    format: FormatName = "onnx",
    out: str | Path | None = None,
    preprocessing: bool = False,
    int8: bool = False,
    data: Any = None,
    path_column: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    max_changed: float = 0.02,
    listener: Listener = ambient,
) -> Exported:
    """Write a bundle as one graph for another runtime: any number of inputs, answers as a person reads them.

    The file has its name only once it was opened again and has answered real samples as the bundle does, in batches of
    1 and of 3; else it is deleted. Class names, preprocessing and licence are in it as metadata; the tokenizer of texts
    is a file beside it.

    Args:
        bundle: folder that `fit` wrote.
        format: `onnx` (ONNX Runtime and others), `openvino`, `torch` (`torch.export`, a `.pt2`).
        out: the file, which must not exist; by default `model.onnx` (`.xml`, `.pt2`) beside the bundle.
        preprocessing: put into the graph what a graph can do exactly: normalising of images, which it then takes as
            uint8 (n, size, size, channels), the scale of series. Reading, resizing and tokenizers stay outside.
        int8: weights and activations in 8 bits, by calibration on `data`. Not for `torch`.
        data: real samples of any form that `fit` and `predict` take; labels are not needed. Beside the golden samples
            of the bundle the file is compared on some; int8 is calibrated on one part and judged by the other.
        path_column: column of a table that holds the paths.
        text_column: column of a table that holds the texts.
        label_column: column of a table that holds the labels.
        max_changed: share of the answers that int8 may change.
        listener: hears of progress and decisions.

    Returns:
        `file`, `files` (all, with their bytes), `format`, `task`, `classes`, `inputs`, `output`, `outside` (what of the
        preprocessing is left to whoever asks), `parity` (`samples`, `errors` by batch size, `changed`, `tolerance`),
        `speed` (rows of `batch`, `original_ms`, `exported_ms`, `times`), `int8` (`calibrated_on`, and `accuracy`
        `before` and `after` where there are labels; `None` without int8).

    Raises:
        ExportError: the task or the network has no graph, the format cannot hold it, or the file answers otherwise.
        RunError: a file of that name exists.
        MissingExtraError: what writes the format is not installed.
        BundleError, DataError: as `predict`.
    """
    kind = formats[format]
    _refuse_options(kind, format, int8, data, max_changed)
    facts = read_manifest(Path(bundle))
    refuse(facts.task)
    path = Path(out) if out is not None else _default(Path(bundle), kind, int8)
    if path.suffix != kind.suffix:
        fitting = [name for name in formats if formats[name].suffix == path.suffix]
        raise ExportError(
            f"{path} as the name of a file for the format {format}",
            expected=f"a name that ends in {kind.suffix}",
            do=f"say --format {fitting[0]}" if fitting else "end the name so",
        )
    places = [path, *(path.with_suffix(suffix) for suffix in kind.beside)]
    places += [beside(path)] if facts.preprocess.get("kind") == "text" else []
    for place in places:
        refuse_existing(place)
    require(format, int8=int8)
    loaded = Bundle.load(bundle)
    wrapped = wrap(loaded, preprocessing=preprocessing)
    listener(Decided(f"outside the graph: {wrapped.entry.outside}"))
    columns = {"path_column": path_column, "text_column": text_column, "label_column": label_column}
    samples = [] if data is None else readable(wrapped, _samples(loaded, data, columns))
    shares = Shares.of(samples) if int8 else None
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path), tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        temporary = Path(folder) / path.name
        _write(kind, wrapped, temporary, shares, listener)
        found = _checked(kind, wrapped, temporary, samples, shares, max_changed, listener)
        names = [place.name for place in places]
        sizes = {str(place): (Path(folder) / place.name).stat().st_size for place in places}
        _publish(Path(folder), path.parent, names)
    return Exported(
        file=str(path),
        files=sizes,
        format=format,
        task=facts.task,
        classes=list(facts.classes),
        inputs=[dataclasses.asdict(one) for one in wrapped.entry.entrances],
        output={"name": wrapped.exit.name, "holds": wrapped.exit.holds},
        outside=wrapped.entry.outside,
        **found,
    )


def _refuse_options(kind: Format, name: str, int8: bool, data: Any, max_changed: float) -> None:
    if not 0 <= max_changed <= 1:
        raise ExportError(f"max_changed={max_changed:g}", expected="a share, from 0 to 1")
    if int8 and not kind.holds_int8:
        raise ExportError(f"int8 as {name}", expected="format onnx or openvino", do="choose one of them")
    if int8 and data is None:
        raise ExportError(
            "int8 without data",
            expected="real samples, from which the scales of activations are taken",
            do="name them with data (--data); labels are not needed",
        )


def _default(bundle: Path, kind: Format, int8: bool) -> Path:
    return bundle.resolve().parent / f"model{'-int8' if int8 else ''}{kind.suffix}"


def _samples(bundle: Bundle, data: Any, columns: dict[str, Any]) -> Sequence[Sample]:
    """Samples with their labels where there are any that the bundle knows, else without."""
    try:
        samples = labelled(bundle, data, columns).samples
        bundle.refuse_unknown(samples)
    except DataError:
        samples = load_inputs(data, kind=bundle.spec.kind, text_column=columns["text_column"])
    return samples


def _write(kind: Format, wrapped: Wrapped, path: Path, shares: Shares | None, listener: Listener) -> None:
    start = time.perf_counter()
    listener(Started("export"))
    given = [] if shares is None else [feeds(wrapped, some) for some in calibrating.batches(shares.calibrate)]
    facts = metadata(wrapped, int8=shares is not None)
    kind.write(Graph(program(wrapped), wrapped.exit.name, facts, given), path)
    if (content := tokenizer_file(wrapped.bundle.spec)) is not None:
        beside(path).write_text(content, encoding="utf-8")
    listener(Finished("export", time.perf_counter() - start))


def _checked(
    kind: Format,
    wrapped: Wrapped,
    path: Path,
    samples: Sequence[Sample],
    shares: Shares | None,
    max_changed: float,
    listener: Listener,
) -> dict[str, Any]:
    """What is told of a file that answers as the bundle does. Raises `ExportError` for another."""
    start = time.perf_counter()
    listener(Started("parity"))
    run, golden = kind.open(path), wrapped.bundle.golden()
    judged = [*golden, *samples[:COMPARED]] if shares is None else shares.judge
    parity = compare(wrapped, run, judged)
    about = None
    if shares is None:
        refuse_other(parity, kind.tolerance, path.name)
    else:
        accuracy = calibrating.accuracy(wrapped, run, shares.judge)
        metric = wrapped.bundle.task.primary_metric
        said = f" ({metric} {accuracy['before']:.3f} before, {accuracy['after']:.3f} after)" if accuracy else ""
        calibrating.refuse_changed(parity, max_changed, said)
        about = {"calibrated_on": len(shares.calibrate), "metric": metric, "accuracy": accuracy}
    listener(Finished("parity", time.perf_counter() - start))
    speed = measure(wrapped, run, judged)
    return {
        "parity": {**dataclasses.asdict(parity), "tolerance": kind.tolerance if shares is None else None},
        "int8": about,
        "speed": [{**dataclasses.asdict(one), "times": one.times} for one in speed],
    }


def _publish(folder: Path, to: Path, names: Sequence[str]) -> None:
    """Give files their names, the one that is opened last, so that none is opened without the others."""
    for name in reversed(names):
        sync(folder / name)
        refuse_existing(to / name)
        (folder / name).replace(to / name)
    sync(to)
