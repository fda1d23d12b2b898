"""`warmstart recommend`: which backbone, and which method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from warmstart.cli.options import (
    AcceptLicence,
    AsJson,
    Budget,
    Cache,
    CacheBudget,
    Context,
    DataArgument,
    Debug,
    Group,
    Horizon,
    LabelColumn,
    MaxMemory,
    MaxUnreadable,
    OnMissing,
    Out,
    PathColumn,
    Ray,
    Season,
    Seed,
    Size,
    Test,
    TextColumn,
    Time,
    Val,
    of_twin,
    reads_series,
)
from warmstart.cli.session import Session, session
from warmstart.cli.text import interval, plain

if TYPE_CHECKING:
    from warmstart.api.recommend import RecommendResult


@reads_series
def recommend(
    data: DataArgument,
    backbones: Annotated[
        str | None, typer.Option(help="Candidates, with commas between.", show_default="all that are on this machine")
    ] = None,
    licence: Annotated[str | None, typer.Option(help="Only weights under this licence: apache*, mit.")] = None,
    accept_licence: AcceptLicence = False,
    max_params: Annotated[str | None, typer.Option(help="Only networks of at most so many parameters: 30M.")] = None,
    budget: Budget = "5m",
    size: Size = None,
    seed: Seed = 0,
    val: Val = 0.2,
    test: Test = 0.2,
    group: Group = None,
    time: Time = None,
    horizon: Horizon = None,
    context: Context = None,
    season: Season = None,
    path_column: PathColumn = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    on_missing: OnMissing = "error",
    out: Out = None,
    ray: Ray = None,
    max_unreadable: MaxUnreadable = 0.05,
    cache: Cache = None,
    cache_budget: CacheBudget = "8GB",
    max_memory: MaxMemory = None,
    as_json: AsJson = False,
    debug: Debug = False,
    **series: Any,
) -> None:
    """Say which backbone and which method suit DATA, and why.

    Candidates are ranked by what is published of them (of those for texts nothing is), then by their frozen features;
    the best two are tuned.
    """
    given = of_twin(locals())
    with session(as_json=as_json, debug=debug) as now:
        now.say(f"Choosing a backbone for {data}: {backbones or 'all that are here'}; time budget {budget}")
        from warmstart.api.recommend import recommend as twin

        result = twin(**given, listener=now.listener)
        show(now, result)


def show(now: Session, result: RecommendResult) -> None:
    """The candidates, the methods on the best two, the recommendation, and how to go on."""
    found = result.recommendation
    from warmstart.preprocess.kinds import PLURAL, UNIT
    from warmstart.report.recommended import HEADS

    noun = "windows" if found.metric == "skill" else PLURAL[found.kind]
    unit = "px" if found.kind == "image" else UNIT[found.kind]
    heads = list(found.candidates[0].rounds[-1].accuracy)
    said = [f"{HEADS[head]} (95 %)" for head in heads]
    now.say("")
    now.table(
        ("backbone", "prior", noun, unit, *said, f"ms per {found.kind}", "licence"),
        [
            (
                one.backbone,
                f"{one.prior:.1f}" if one.prior else "-",
                one.rounds[-1].samples,
                one.rounds[-1].size,
                *(interval(plain(one.rounds[-1].accuracy[head])) for head in heads),
                f"{1000 * one.seconds_per_sample:.3g}",
                one.licence,
            )
            for one in found.candidates
        ],
    )
    for one in found.tuned:
        tried = ", ".join(f"{rung.name} {rung.val[found.metric]:.3f}" for rung in one.rungs if not rung.skipped)
        now.say(f"\n{one.backbone} on validation: {tried}; {one.method}: {interval(plain(one.value))}")
    for row in found.elsewhere:
        now.say(f"above by the prior ({row.prior:.1f}), not here: {row.backbone}, {row.licence}; {row.how}")
    now.say(f"\n{found.backbone} with {found.method}. {found.why}\n", "bold")
    now.say(f"report   {result.report}")
    now.say(f"go on    {found.next_command}")
    now.result({"folder": result.folder, "report": result.report, **found.to_dict()})
