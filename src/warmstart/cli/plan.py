"""`warmstart plan`: what a recipe would do to a network on some data, before anything is done."""

from __future__ import annotations

from typing import Any

from warmstart.cli.options import (
    AcceptLicence,
    AsJson,
    Backbone,
    CacheBudget,
    CacheDtype,
    Context,
    DataArgument,
    Debug,
    Group,
    Head,
    Horizon,
    LabelColumn,
    Loss,
    MaxMemory,
    Normal,
    OnMissing,
    PathColumn,
    RecipeName,
    Season,
    Seed,
    Size,
    Task,
    Test,
    TextColumn,
    TileSide,
    Time,
    Val,
    of_twin,
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
    horizon: Horizon = None,
    context: Context = None,
    season: Season = None,
    head: Head = None,
    loss: Loss = None,
    tile: TileSide = None,
    normal: Normal = None,
    path_column: PathColumn = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    on_missing: OnMissing = "error",
    cache_budget: CacheBudget = "8GB",
    cache_dtype: CacheDtype = "fp32",
    max_memory: MaxMemory = None,
    as_json: AsJson = False,
    debug: Debug = False,
    **series: Any,
) -> None:
    """Print what a recipe would do, before anything is done.

    Rates, what is frozen, the cut, the cache, the number of steps, and the time and memory expected.
    """
    given = of_twin(locals())
    with session(as_json=as_json, debug=debug) as now:
        now.say(f"Planning recipe {recipe} on {data}{of(backbone)}; nothing is trained")
        from warmstart.api.plan import plan as twin
        from warmstart.planning.table import plan_dict, plan_text

        compiled = twin(**given)
        now.say(plan_text(compiled))
        now.result(plan_dict(compiled))
