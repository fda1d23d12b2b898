"""What `/v1/model` tells of a bundle."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from warmstart import __version__
from warmstart.errors import WarmstartError
from warmstart.evaluation.measures import is_share, metric_name
from warmstart.serving.answers import as_json
from warmstart.serving.limits import Limits
from warmstart.shipping.bundle import Bundle


def about(bundle: Bundle, limits: Limits) -> dict[str, Any]:
    """Facts of the bundle and the limits of the service; `explain` is `None` where nothing can be explained."""
    facts = bundle.manifest
    found = {
        "name": facts.data,
        "task": facts.task,
        "kind": bundle.spec.kind,
        "classes": list(facts.classes),
        "backbone": facts.backbone.name,
        "licence": facts.backbone.licence,
        "created": facts.created,
        "metrics": facts.metrics,
        "measures": {name: {"called": metric_name(name), "share": is_share(name)} for name in facts.metrics},
        "verdict": _verdict(bundle),
        "coverage": bundle.reference is not None and bundle.reference.scores is not None and facts.task == "classify",
        "explain": _explain(bundle),
        "limits": dataclasses.asdict(limits),
        "version": __version__,
    }
    told: dict[str, Any] = as_json(found)
    return told


def _verdict(bundle: Bundle) -> Any:
    """What the run said of transfer, if it is in the bundle."""
    if "results.json" not in bundle.manifest.files:
        return None
    try:
        return json.loads((bundle.folder / "results.json").read_bytes()).get("verdict")
    except (OSError, ValueError, AttributeError):
        return None


def _explain(bundle: Bundle) -> dict[str, Any] | None:
    try:
        from warmstart.explaining.explain import methods_for

        methods = list(methods_for(bundle))
    except (ImportError, WarmstartError):
        return None
    return {"methods": methods} if methods else None
