"""`check`: what is in the data and what is wrong with it. Changes nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Unpack

from warmstart.api.inputs.forecasts import asked_of
from warmstart.data.audit import Audit, audit_of, look_at
from warmstart.data.contact import contact_sheet
from warmstart.data.seriesreading import SeriesOptions
from warmstart.data.sources import OnMissing, load
from warmstart.data.sources.scenes import LEFT_OUT, layout_of
from warmstart.data.split import split
from warmstart.data.together import copies
from warmstart.engine.ambient import ambient
from warmstart.engine.events import Advanced, Finished, Listener, Started

STOPS = "fit stops at what cannot be used: mend it, or give fit --on-missing skip, which leaves it out"


def check(
    data: Any,
    *,
    picture: str | Path | None = None,
    seed: int = 0,
    val: float = 0.2,
    test: float = 0.2,
    group: str | None = None,
    time: str | None = None,
    task: str | None = None,
    horizon: int | None = None,
    context: int | None = None,
    season: int | None = None,
    normal: str | None = None,
    path_column: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    on_missing: OnMissing = "error",
    listener: Listener = ambient,
    **series: Unpack[SeriesOptions],
) -> Audit:
    """Read every sample and report counts, sizes, corrupt files, and duplicates across the parts `fit` would make.

    Args:
        data: as for `fit`.
        picture: also draw samples of each class to this PNG; of texts there is none, but `Audit.examples`.
        seed: of the division into parts, as for `fit`.
        val: share for validation, as for `fit`.
        test: share for the test, as for `fit`.
        group: column (or "folder") of what must not be divided.
        time: column (or "exif") of when each was taken, as for `fit`.
        task: that the labels pose, as for `fit`; found by what they are if not given.
        horizon: steps to be forecast, as for `fit`.
        context: steps that a forecast sees, as for `fit`.
        season: steps after which a pattern repeats, as for `fit`.
        normal: as for `fit`: the label of normal samples.
        path_column: column of a table that holds the path.
        text_column: column of a table that holds the texts, for pairs two with a comma between them.
        label_column: column of a table that holds the label; several (of 0 and 1, or numbers) with commas between them.
        on_missing: "skip" leaves out rows whose file or label is missing, and boxes and masks that cannot be used; else
            they are an error, those of boxes and masks a finding.
        listener: hears of progress.
        series: how series are read: `id_column`, `time_column`, `value_columns`, `rate`, `window`, `stride`, as
            `warmstart.load` has them.

    Raises:
        DataError: the data is not of a form that can be read. What is wrong with boxes and masks is a finding.
    """
    scenes = layout_of(data, task) is not None
    dataset = load(
        data,
        task=task,
        normal=normal,
        path_column=path_column,
        text_column=text_column,
        label_column=label_column,
        group=group,
        time=time,
        on_missing="skip" if scenes else on_missing,
        forecast=asked_of(task, horizon=horizon, context=context, season=season, val=val, test=test),
        **series,
    )
    if on_missing == "error" and any(note.startswith(LEFT_OUT) for note in dataset.notes):
        dataset = dataclasses.replace(dataset, notes=(*dataset.notes, STOPS))
    what = "decode" if dataset.kind == "image" else "read"
    listener(Started(what, len(dataset)))
    looks = look_at(dataset, progress=lambda n: listener(Advanced(what, n)))
    listener(Finished(what))
    parts = split(dataset, val=val, test=test, seed=seed, copies=copies(dataset, looks))
    found = audit_of(dataset, parts, looks)
    if picture is not None and dataset.kind == "image":
        Path(picture).parent.mkdir(parents=True, exist_ok=True)
        contact_sheet(dataset).save(picture)
    return found
