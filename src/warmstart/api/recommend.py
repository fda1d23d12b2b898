"""`recommend`: which backbone for these data, and which method; from a table first, and then from measurements."""

from __future__ import annotations

import dataclasses
import time as clock
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack

from warmstart.api.inputs.options import how_read, kept, kind_in
from warmstart.api.inputs.prepare import run_data
from warmstart.api.inputs.scenes import SIZES, of_scenes
from warmstart.api.recommending.candidates import Field, Wanted, in_words, named, on_this_machine
from warmstart.api.recommending.choosing import Choosing, Decision
from warmstart.api.recommending.hands import hands
from warmstart.api.recommending.looking import Asked, Looking
from warmstart.api.running.budget import cache_limits, seconds
from warmstart.api.running.command import called
from warmstart.api.running.held import within_memory
from warmstart.api.running.runfolder import check_folder, free_folder
from warmstart.data.seriesreading import SeriesOptions
from warmstart.data.sources import OnMissing
from warmstart.data.targets import TaskName
from warmstart.engine.allocator import keep_buffers
from warmstart.engine.allowance import refuse_too_little
from warmstart.engine.ambient import ambient
from warmstart.engine.deadline import Deadline
from warmstart.engine.events import Decided, Finished, Listener, Started, broadcast, remembering
from warmstart.engine.fanout.cluster import joined
from warmstart.errors import DataError
from warmstart.evaluation.recommendation import Recommendation
from warmstart.report.notebook import of_recommendation
from warmstart.report.recommended import write_recommendation

RECIPE = "recipe.yaml"


@dataclasses.dataclass(frozen=True)
class RecommendResult:
    """Where everything lies, and the facts."""

    recommendation: Recommendation
    folder: Path
    report: Path

    def _repr_html_(self) -> str:
        return of_recommendation(self.recommendation, report=self.report)


@within_memory
def recommend(
    data: Any,
    *,
    backbones: str | Sequence[str] | None = None,
    licence: str | None = None,
    accept_licence: bool = False,
    max_params: str | int | None = None,
    budget: str | float = "5m",
    size: int | None = None,
    seed: int = 0,
    val: float = 0.2,
    test: float = 0.2,
    group: str | None = None,
    time: str | None = None,
    horizon: int | None = None,
    context: int | None = None,
    season: int | None = None,
    path_column: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    on_missing: OnMissing = "error",
    out: str | Path | None = None,
    ray: str | None = None,
    max_unreadable: float = 0.05,
    cache: str | Path | None = None,
    cache_budget: str | int = "8GB",
    max_memory: str | int | None = None,
    listener: Listener = ambient,
    **series: Unpack[SeriesOptions],
) -> RecommendResult:
    """Choose a backbone and a method for labelled images, texts or series, or for forecasts, within a budget of time.

    Published accuracy ranks the candidates for images first. Nearest neighbours and ridge regression, each sample left
    out once, on the frozen features of at most 2000 training samples then halve them in rounds. On the best two the
    methods of `fit` are tried and measured on validation. Of forecasts it is ridge regression alone, on later stretches
    of the training part, each answered from what lies before it. The test part is never opened. Nothing is downloaded
    that was not named.

    Args:
        data: as for `fit`.
        backbones: URIs, in a sequence or with commas between; by default all pretrained backbones that read what the
            data are and whose weights are on this machine.
        licence: only those under this licence; a pattern such as `"apache*"`, in any case.
        accept_licence: your use keeps to the licence of the weights, also where that restricts it.
        max_params: only those with at most so many parameters: `"30M"`.
        budget: time for everything, such as `"5m"`. What it does not suffice for is left out, and named.
        size: input side in pixels, or tokens at most; by default each backbone's own.
        seed: of the division into parts, of the order of samples, and of everything random.
        val: share for validation, as for `fit`.
        test: share that stays closed, as for `fit`: the same samples, for the same seed.
        group: column (or folder level) of what must not be divided.
        time: as for `fit`: the latest samples are the test, those before them the validation part.
        horizon: steps to be forecast, as for `fit`.
        context: steps that a forecast sees, as for `fit`.
        season: steps after which a pattern repeats, as for `fit`.
        path_column: column of a table that holds the path.
        text_column: column of a table that holds the texts, for pairs two with a comma between them.
        label_column: column of a table that holds the label; several (of 0 and 1, or numbers) with commas between them.
        on_missing: "skip" leaves out rows whose file or label is missing, and boxes and masks that cannot be used; else
            they are an error.
        out: run folder; must not exist. Default: the next free `runs/NAME-recommend-NNN`.
        ray: address of a ray cluster whose workers look at candidates, one for each at a time: "auto", host:port,
            ray://host:port, or "local" for one on this machine that is there for this call. Data lie at the same path
            on its machines.
        max_unreadable: stop if more than this share of the samples cannot be read.
        cache: folder for activations and resized pixels or tokens, which `fit` finds there again.
        cache_budget: what stored activations may take.
        max_memory: as for `fit`.
        listener: hears of progress and decisions.
        series: how series are read: `id_column`, `time_column`, `value_columns`, `rate`, `window`, `stride`, as
            `warmstart.load` has them.

    Raises:
        DataError, BackboneError: what was found, what was expected, what to do.
        LicenceError: one that was named has a licence that restricts its use and was not accepted.
        RunError: `out` exists.
        WorkerError: there is no cluster; or each worker died, three times, of every candidate. One alone is left out.
    """
    given = kept(locals())
    started, limit = clock.monotonic(), seconds(budget)
    options: dict[str, Any] = {
        "data": called(data),
        "backbones": backbones if backbones is None or isinstance(backbones, str) else ",".join(backbones),
        "licence": licence,
        **{"accept_licence": accept_licence or None, "max_params": max_params, "budget": str(budget)},
        **given,
        "ray": ray,
    }
    check_folder({}, out=out, resume=None)
    if of_scenes(data, None):
        _refuse_other_tasks("detect")
    decisions: list[str] = []
    tell, wanted = broadcast(listener, remembering(decisions)), Wanted(size, seed, licence, accept_licence, max_params)
    reading = how_read(given) | {"seed": seed, "val": val, "test": test, "max_unreadable": max_unreadable}
    with joined(ray):
        field = on_this_machine(wanted, kind_in(data, given)) if backbones is None else named(backbones, wanted)
        tell(Decided(in_words(field)))
        theirs = dataclasses.replace(wanted, heads={})  # they fill as they load
        first, limits = field.candidates[0].uri, cache_limits(cache_budget, "fp32")
        asked = Asked(data, reading, first, theirs, cache, limits, limit)
        choosing, facts = _decided(field, wanted, asked, tell, started, ray)
    folder = free_folder(Path("runs") / f"{choosing.data.dataset.name}-recommend", out)
    listener(Started(f"run {folder}"))
    found = choosing.told(facts, options, folder / RECIPE, decisions, clock.monotonic() - started)
    write_recommendation(found, folder, RECIPE)
    listener(Finished(f"run {folder}"))
    return RecommendResult(found, folder, folder / "report.html")


def _decided(
    field: Field, wanted: Wanted, asked: Asked, tell: Listener, started: float, ray: str | None
) -> tuple[Choosing, Decision]:
    """Read the data and decide; `ray` is the address of the cluster that this process has joined."""
    keep_buffers()
    there = {one.uri: one.backbone for one in field.candidates if one.backbone is not None}
    reference = there[asked.reference] = there.get(asked.reference) or wanted.load(asked.reference)
    refuse_too_little(reference)
    loaded = asked.read(reference, tell)
    _refuse_other_tasks(loaded.dataset.target.kind)
    deadline = Deadline(asked.budget - (clock.monotonic() - started))
    looking = Looking(wanted, run_data(loaded, asked.cache, asked.limits), asked.budget, tell, there)
    with hands(ray, looking, asked) as some:
        choosing = Choosing(field, wanted, loaded, looking.data, deadline, tell, asked.budget, some)
        return choosing, choosing.decide()


def _refuse_other_tasks(asks: TaskName) -> None:
    if asks not in ("classify", "forecast"):
        raise DataError(
            "images with boxes or masks" if asks in SIZES else f"data that pose the task {asks!r}",
            expected="classes, or with --horizon series to be forecast",
            do="compare backbones with: warmstart compare DATA --backbones A,B",
        )
