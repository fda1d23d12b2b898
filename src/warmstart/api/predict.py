"""`predict`: answers of a bundle for files."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack

from warmstart.api.adaptation.attuned import AdaptName, attuned
from warmstart.api.predicting.loop import How, Inputs, OnError, found, in_file, rows_of
from warmstart.api.predicting.tables import is_table_name, refuse_other_endings
from warmstart.api.running.held import within_memory
from warmstart.data.scenes import BoxTarget, MaskTarget
from warmstart.data.seriesreading import SeriesOptions
from warmstart.data.sources.given import Wanted
from warmstart.data.tiling import check_side
from warmstart.display import Rows
from warmstart.engine.allocator import keep_buffers
from warmstart.engine.allowance import refuse_too_little
from warmstart.engine.ambient import ambient
from warmstart.engine.events import Decided, Listener
from warmstart.engine.fanout.cluster import joined
from warmstart.errors import DataError
from warmstart.evaluation.verdict import percent
from warmstart.shipping.answers import refuse_to_abstain
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.files import new_folder, refuse_existing


@within_memory
def predict(
    bundle: str | Path,
    inputs: Any,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    on_error: OnError = "row",
    coverage: float | None = None,
    abstain_below: float | None = None,
    batch_size: int = 32,
    text_column: str | None = None,
    path_column: str | None = None,
    keep: str | None = None,
    least_score: float | None = None,
    tile: int | None = None,
    adapt: AdaptName | None = None,
    ray: str | None = None,
    max_memory: str | int | None = None,  # noqa: ARG001 (of `within_memory`)
    listener: Listener = ambient,
    **series: Unpack[SeriesOptions],
) -> Sequence[dict[str, Any]]:
    """One row per input: `input`, `label`, `probability`, `probabilities` by class, and `error` where it is unreadable.

    Further `unknown`: whether it looks like nothing that was trained on, by its `distance` to that.

    Args:
        bundle: folder that `fit` wrote.
        inputs: image files, a folder of them, a pattern such as `scans/**/*.png`, a table with a column of paths, or
            in-memory images; for a bundle of texts the texts themselves, text files, a folder of them, or a table with
            a column of texts; for one of series whatever `warmstart.load` reads. Or an open file with a line for each:
            paths, texts, JSON lists of numbers, or JSON objects. A folder, a table and an open file are read as far as
            they are answered.
        out: file to write the rows to, batch by batch: CSV, JSON lines or Parquet, as its name ends. What is returned
            then reads them from it. It must not exist, and is there when all inputs are answered. For a bundle of boxes
            or masks also a folder, for what was found as files: COCO's JSON, PNG masks, GeoJSON of images that say
            where they lie, and pictures to look at. Rows then name the file of a mask instead of holding it.
        resume: go on where an interrupted call with the same `out` stopped; without one, begin.
        on_error: `row` gives an unreadable or missing input a row with `error`; `skip` leaves it out; `stop` raises.
        coverage: such as 0.9: each row has a `set` of labels too, the most probable first, that holds the true one in
            at least this share of cases, for samples like those of the training.
        abstain_below: such as 0.8: where the probability of the label is lower, there is none, and `abstained` is true.
        batch_size: samples at a time; changes no answer by more than rounding.
        text_column: column of a table that holds the texts, where its name does not tell.
        path_column: column of a table that holds the paths of images, likewise.
        keep: columns of a table that rows have in `kept`, with commas between them: `id,site`.
        least_score: of boxes that are told; by default the one at which F1 was best on validation.
        tile: side of overlapping tiles that images are cut into before they are marked, in pixels: of images that are
            larger than memory, or whose objects would be too small in the whole. By default as in training.
        adapt: `tent` makes the networks surer of these inputs first, without a label and in memory alone (Wang et al.
            2021): for inputs that look otherwise than those of the training. What is said of one depends on the others
            then; rows say so in `adapted`, and tell no `unknown`.
        ray: address of a ray cluster whose workers answer: "auto", host:port, ray://host:port, or "local" for one on
            this machine that is there for this call. The bundle is sent; files lie at the same path on its machines.
        max_memory: as for `fit`.
        listener: hears of progress, and of what is to be expected of answers that are not abstained from.
        series: how series are read: `id_column`, `time_column`, `value_columns`, `rate`, `window`, `stride`, as
            `warmstart.load` has them.

    Raises:
        BundleError: the bundle is damaged or answers otherwise than when it was written.
        DataError: there is nothing to predict, a column that is needed or kept is not there, the coverage is more than
            the validation samples could support, or there is nothing that `adapt` could do.
        RunError: `out` exists; or what an interrupted call left is not to be gone on with, or of other inputs.
        WorkerError: each worker that took some of the inputs died, three times, or one does not see a file that is
            here; what is answered before is kept for `resume`. Or there is no cluster.
        Interrupted: by Ctrl-C or SIGTERM, while a file is written; what is answered is kept for `resume`.
    """
    if ray is not None and adapt is not None:
        raise DataError(
            f"adapt={adapt!r} on a ray cluster", expected="one of the two", do="leave out --ray, or --adapt"
        )
    keep_buffers()
    with joined(ray):
        loaded = Bundle.load(bundle)
        refuse_too_little(loaded.networks[0].facts)
        how = How(on_error, coverage, abstain_below, batch_size, least_score, tile)
        folder = _check(loaded, how, None if out is None else Path(out), resume=resume)
        wanted = Wanted(loaded.spec.kind, text_column=text_column, path_column=path_column, keep=keep)
        given = found(loaded, inputs, wanted, **series)
        if adapt is not None:
            loaded, given = _adapted(loaded, given, adapt, coverage, listener)
        if abstain_below is not None:
            _say_what_to_expect(loaded, abstain_below, listener)
        if folder is not None:
            return _in_folder(loaded, given, how, folder, listener, ray)
        if out is None:
            return Rows([row for _, row in rows_of(loaded, given, how, listener, ray)])
        asked = {**vars(how), "text_column": text_column, "path_column": path_column, "keep": keep, "adapt": adapt}
        return in_file(loaded, given, how, Path(out), {**asked, **series}, listener, resume=resume, ray=ray)


def _check(bundle: Bundle, how: How, out: Path | None, *, resume: bool) -> Path | None:
    """Refuse what cannot be done; the folder that is to be written, if it is one."""
    marks = isinstance(bundle.manifest.target, BoxTarget | MaskTarget)
    if not marks and (how.least_score, how.tile) != (None, None):
        raise DataError(
            f"least_score or tile for a bundle of the task {bundle.manifest.task!r}",
            expected="a bundle that marks boxes or masks",
            do="leave them out",
        )
    if how.tile is not None:
        check_side(how.tile)
    if how.abstain_below is not None:
        refuse_to_abstain(bundle, how.abstain_below)
    if resume and (out is None or not is_table_name(out)):
        raise DataError(
            "resume, and no table is written",
            expected="out: the table that an interrupted call was to write",
            do="name it",
        )
    if out is None or is_table_name(out):
        return None
    if not marks:
        refuse_other_endings(out)
    refuse_existing(out)
    return out


def _adapted(
    bundle: Bundle, given: Inputs, adapt: AdaptName, coverage: float | None, listener: Listener
) -> tuple[Bundle, Inputs]:
    """The bundle adapted to the inputs, which are all held; rows say so."""
    every = list(given.each)
    bundle = attuned(bundle, [one.sample for one in every], coverage, listener)
    return bundle, Inputs(iter(every), len(every), every, {"adapted": f"{adapt}, to {len(every)} inputs together"})


def _say_what_to_expect(bundle: Bundle, below: float, listener: Listener) -> None:
    sureness = None if bundle.reference is None else bundle.reference.sureness
    if sureness is None or not len(sureness.right):
        listener(Decided("what is to be expected of the answers is not known: the bundle has no record of validation"))
        return
    expected = sureness.at(below)
    reached = "none of them"
    if (accuracy := expected.accuracy) is not None:
        span = f"95 % interval {percent(accuracy.low)} to {percent(accuracy.high)}"
        reached = f"{percent(accuracy.value)} of these rightly ({span})"
    text = (
        f"of {expected.samples} validation samples {percent(expected.coverage)} reached a probability of {below:g}, "
        f"{reached}; without a threshold {percent(float(sureness.right.mean()))} were right"
    )
    listener(Decided(text, dataclasses.asdict(expected)))


def _in_folder(
    bundle: Bundle, given: Inputs, how: How, out: Path, listener: Listener, ray: str | None
) -> list[dict[str, Any]]:
    """Rows of images that are marked, and the files of them."""
    from warmstart.shipping.scenefiles import written  # with torchvision, which takes a second

    with new_folder(out) as folder:
        return written(
            folder, bundle.classes, ((one.sample, row) for one, row in rows_of(bundle, given, how, listener, ray))
        )
