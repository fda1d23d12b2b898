"""`warmstart plan`: what a recipe would do to a network on some data, before anything is done."""

from __future__ import annotations

from typing import Any

from warmstart.cli.options import (
    AcceptLicence,
    AsJson,
    Backbone,
    CacheBudget,
    CacheDtype,
    DataArgument,
    Debug,
    Group,
    Head,
    LabelColumn,
    Loss,
    Normal,
    PathColumn,
    RecipeName,
    Seed,
    Size,
    Task,
    Test,
    TextColumn,
    TileSide,
    Time,
    Val,
    reads_series,
)
from warmstart.cli.session import session
from warmstart.cli.text import of


@reads_series
def plan(
    data: DataArgument,
    recipe: RecipeName,
    backbone: Backbone = None,
    accept_licence: AcceptLicence = False,
    size: Size = None,
    seed: Seed = 0,
    val: Val = 0.2,
    test: Test = 0.2,
    group: Group = None,
    time: Time = None,
    task: Task = None,
    head: Head = None,
    loss: Loss = None,
    tile: TileSide = None,
    normal: Normal = None,
    path_column: PathColumn = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    cache_budget: CacheBudget = "8GB",
    cache_dtype: CacheDtype = "fp32",
    as_json: AsJson = False,
    debug: Debug = False,
    **series: Any,
) -> None:
    """Print what a recipe would do, before anything is done.

    Rates, what is frozen, the cut, the cache, the number of steps, and the time and memory expected.
    """
    with session(as_json=as_json, debug=debug) as now:
        now.say(f"Planning recipe {recipe} on {data}{of(backbone)}; nothing is trained")
        from warmstart.api.plan import plan as twin
        from warmstart.planning.table import plan_dict, plan_text

        compiled = twin(
            data,
            recipe=recipe,
            backbone=backbone,
            accept_licence=accept_licence,
            size=size,
            seed=seed,
            val=val,
            test=test,
            group=group,
            time=time,
            task=task,
            head=head,
            loss=loss,
            tile=tile,
            normal=normal,
            path_column=path_column,
            text_column=text_column,
            label_column=label_column,
            cache_budget=cache_budget,
            cache_dtype=cache_dtype,
            **series,
        )
        now.say(plan_text(compiled))
        now.result(plan_dict(compiled))
