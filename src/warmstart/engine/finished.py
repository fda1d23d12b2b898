"""A finished run on disk: it is loaded instead of being run again."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from torch import Tensor

from warmstart.engine.checkpoint import Record, read, under, write
from warmstart.evaluation.outcome import CurveRow
from warmstart.files import read_json, write_json
from warmstart.model.head import build_head
from warmstart.model.low_rank import merge
from warmstart.model.network import Network
from warmstart.planning.plan import PhasePlan, Plan

WEIGHTS, FACTS = "final.safetensors", "done.json"


@dataclasses.dataclass(frozen=True)
class RecipeResult:
    """What a recipe results in: the best weights of its last step by validation (its last weights without validation).

    With a moving average of the weights (`Phase.ema`) it is the average that was evaluated and is in `network`.
    """

    network: Network
    plan: Plan
    curve: tuple[CurveRow, ...]
    val_outputs: Tensor  # (n, classes) of `network` on validation, in the split's order; (0, classes) without one
    val_metrics: dict[str, float]  # empty without validation
    seconds: float  # in this process, or as recorded when the finished run was loaded
    trained: int  # parameters that some phase trained, head included
    stopped: str = ""  # "deadline" if time cut it short
    left_out: Tensor | None = None  # as `RunState` has it


def save(folder: Path, run: RecipeResult) -> None:
    """Write the weights, then the facts: a run counts as finished once the second file is there."""
    tensors = under("model", run.network.state_dict()) | {"val/outputs": run.val_outputs}
    tensors |= {} if run.left_out is None else {"train/outputs": run.left_out}
    facts = {
        "head": run.network.head.config,
        "val_metrics": run.val_metrics,
        "seconds": run.seconds,
        "stopped": run.stopped,
        "curve": [dataclasses.asdict(row) for row in run.curve],
    }
    write(folder / WEIGHTS, Record(tensors, {"head": facts["head"]}))
    write_json(folder / FACTS, facts)


def load(folder: Path, network: Network, plan: Plan) -> RecipeResult | None:
    """The finished run in `folder`, its weights put into `network`; None if there is none, or it is damaged.

    `network` is as it was when the run began.
    """
    facts: dict[str, Any] | None = read_json(folder / FACTS)
    record = read(folder / WEIGHTS) if facts is not None else None
    if facts is None or record is None:
        return None
    if facts["head"] != json.loads(json.dumps(network.head.config)):  # as it was written: lists for tuples
        network.head = build_head(facts["head"])
    trained = trained_parameters(network, plan)
    merge(network)
    network.load_state_dict(record.part("model"))
    return RecipeResult(
        network=network,
        plan=plan,
        curve=tuple(CurveRow(**row) for row in facts["curve"]),
        val_outputs=record.part("val")["outputs"],
        val_metrics=facts["val_metrics"],
        seconds=facts["seconds"],
        trained=trained,
        stopped=facts["stopped"],
        left_out=record.part("train").get("outputs"),
    )


def trained_parameters(network: Network, plan: Plan) -> int:
    """How many some phase of `plan` trains, head included; `network` is the one that the plan is for."""
    phases = [step for step in plan.steps if isinstance(step, PhasePlan)]
    names = {name for phase in phases for group in phase.groups for name in group.parameters}
    names |= {f"head.{name}" for name, _ in network.head.named_parameters()}
    sizes = {name: p.numel() for name, p in network.named_parameters()}
    return sum(sizes[name] for name in names)
