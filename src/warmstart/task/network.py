"""The network that answers what a target asks: a backbone as the task reads it, and the task's head."""

from __future__ import annotations

from warmstart.data.targets import Target
from warmstart.model.backbone import Backbone
from warmstart.model.inputs import weight_of
from warmstart.model.network import Network
from warmstart.task.base import OnBackbone, suited, task_of


def network_for(backbone: Backbone, target: Target, *, dropout: float = 0.0, seed: int = 0) -> Network:
    """Backbone, over the same weights, and head. A new head is drawn from `seed`; one that writes came with the
    backbone, and is drawn only where that has random weights.

    Raises:
        BackboneError: the backbone cannot answer such a target.

    >>> from warmstart.data.targets import ClassTarget
    >>> from warmstart.model.catalog import load_backbone
    >>> network_for(load_backbone("toy"), ClassTarget(("ant", "bee"))).head.config["outputs"]
    2
    """
    backbone, task = suited(backbone, target), task_of(target)
    if isinstance(task, OnBackbone):
        head = task.head_on(backbone, target, dropout=dropout, seed=seed)
    else:
        head = task.head(backbone.out_features, target, dropout=dropout, seed=seed)
    return Network(backbone, head.to(weight_of(backbone.module).device))
