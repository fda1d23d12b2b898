"""One contestant, trained on one fold and measured on what is held out. A finished trial is never run again."""

from __future__ import annotations

import dataclasses
import shutil
import time
from pathlib import Path
from typing import Any

from torch import Tensor

from warmstart.engine.checkpoint import Record, read, write
from warmstart.engine.ladder.contender import Contender
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.trials.contender import Contestant
from warmstart.engine.trials.folds import Fold
from warmstart.engine.trials.footprint import Footprint
from warmstart.engine.trials.forgetting import forgetting
from warmstart.errors import TrainingError
from warmstart.evaluation.outcome import CurveRow
from warmstart.evaluation.scoring import temperature_of

FILE = "trial.safetensors"


@dataclasses.dataclass(frozen=True)
class Trial:
    """What a trial leaves behind. `outputs` (m, classes) are logits of the held-out samples, in the fold's order.

    `val` is the primary metric on its own validation part, 0 where that cannot say it. `failed` says why there are no
    outputs.
    """

    outputs: Tensor
    val: float
    temperature: float
    seconds: float
    peak_memory: int
    trained_parameters: int
    drift: float | None
    moved: float | None
    curve: tuple[CurveRow, ...]
    stopped: str = ""
    failed: str = ""


def run_trial(contestant: Contestant, fold: Fold, context: LadderContext, metric: str) -> Trial:
    """Train and measure. `context.data` is of the contestant's backbone; its split gives way to the fold's.

    Work in progress is kept in `context.folder`, if there is one, so that an interrupted trial goes on.
    """
    data = dataclasses.replace(context.data, split=fold.split)
    inner = dataclasses.replace(context, data=data, seed=fold.seed)
    targets, began = data.targets(fold.split.val), time.monotonic()
    with Footprint() as footprint:
        try:
            done = contestant.rung.climb(inner, {})
        except TrainingError as error:
            return _failed(error.found, time.monotonic() - began)
        outputs = done.outputs(fold.split.test)
    seconds = max(time.monotonic() - began, done.seconds)
    drift, moved = _forgotten(done, fold, inner, contestant)
    return Trial(
        outputs=outputs,
        val=inner.task.metrics(done.val_outputs, targets).get(metric, 0.0) if len(targets) else 0.0,
        temperature=temperature_of(inner.task, done.val_outputs, targets),
        seconds=seconds,
        peak_memory=footprint.peak,
        trained_parameters=done.trained_parameters,
        drift=drift,
        moved=moved,
        curve=done.curve,
        stopped=done.stopped,
    )


def _forgotten(
    done: Contender, fold: Fold, context: LadderContext, contestant: Contestant
) -> tuple[float | None, float | None]:
    """Only what was tuned can forget."""
    if not done.members or contestant.role(context) != "tuned":
        return None, None
    return forgetting(context, done.members[0], fold.split.test)


def _failed(why: str, seconds: float) -> Trial:
    return Trial(Tensor(), 0.0, 1.0, seconds, 0, 0, None, None, (), failed=why)


def save(folder: Path, trial: Trial) -> None:
    """Write the trial into `folder` and drop what it needed only on its way."""
    facts = {f.name: getattr(trial, f.name) for f in dataclasses.fields(trial) if f.name != "outputs"}
    facts["curve"] = [dataclasses.asdict(row) for row in trial.curve]
    write(folder / FILE, Record({"outputs": trial.outputs}, facts))
    shutil.rmtree(folder / "work", ignore_errors=True)


def load(folder: Path) -> Trial | None:
    """The finished trial in `folder`; None if there is none, or it is damaged."""
    record = read(folder / FILE)
    if record is None:
        return None
    facts: dict[str, Any] = dict(record.state)
    facts["curve"] = tuple(CurveRow(**row) for row in facts["curve"])
    return Trial(outputs=record.tensors["outputs"], **facts)
