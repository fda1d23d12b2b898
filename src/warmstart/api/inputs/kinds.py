"""What is taken where nothing was said, by the kind of the data."""

from __future__ import annotations

from warmstart.api.inputs.scenes import SIZES
from warmstart.data.schema import Kind
from warmstart.data.targets import TaskName
from warmstart.engine.heads.anomaly import DEFAULT, distances
from warmstart.engine.ladder.simple import simple_rung, simple_rungs
from warmstart.task.base import tasks

BACKBONES: dict[Kind, str] = {"image": "lite0", "text": "minilm", "series": "series"}


def default_methods(kind: Kind, task: TaskName) -> list[str]:
    """What `compare` tries: one method without transfer, the frozen probe where there is one, and three tunes.

    >>> default_methods("text", "tag")
    ['words', 'probe', 'finetune', 'gradual', 'lp_ft']
    """
    if task == "anomaly":
        others = (f"probe?heads={name}" for name in distances if name != DEFAULT)
        return [simple_rung(kind, task).name, "probe", *others]
    if task == "forecast":
        simple = [rung.name for rung in simple_rungs(kind, task)]
    else:
        simple = ["scratch"] if kind == "image" else [simple_rung(kind, task).name]
    frozen = ["probe", "finetune", "gradual", "lp_ft"] if tasks[task].closed_form else ["finetune", "gradual"]
    if task in SIZES:
        frozen = ["head_only", *frozen]
    return [*simple, *frozen, *(["single:lp_ft"] if task == "several" else [])]
