"""A backbone as a task reads it, and the network of both: the one place that knows which task needs which features."""

from __future__ import annotations

from warmstart.data.targets import Target
from warmstart.model.adapters.texts import pooled
from warmstart.model.adapters.writing import language_head, writing
from warmstart.model.backbone import Backbone
from warmstart.model.network import Network
from warmstart.task.base import Task


def suited(backbone: Backbone, task: Task) -> Backbone:
    """The backbone with the features, and the spec, that the task asks for; itself where it has them.

    Raises:
        BackboneError: it cannot be had from this backbone.
    """
    if task.name == "generate":
        return writing(backbone)
    return pooled(backbone, "none") if task.name == "tag" else backbone


def network_for(task: Task, backbone: Backbone, target: Target, *, dropout: float = 0.0, seed: int = 0) -> Network:
    """Backbone and head for a task. A new head is drawn from `seed`; one that writes came with the backbone.

    Raises:
        BackboneError: as `suited`.

    >>> from warmstart.data.targets import ClassTarget
    >>> from warmstart.model.catalog import load_backbone
    >>> from warmstart.task.classify import CLASSIFY
    >>> network_for(CLASSIFY, load_backbone("toy"), ClassTarget(("ant", "bee"))).head.config["outputs"]
    2
    """
    backbone = suited(backbone, task)
    if task.name == "generate":
        return Network(backbone, language_head(backbone, seed=seed))
    return Network(backbone, task.head(backbone.out_features, target, dropout=dropout, seed=seed))
