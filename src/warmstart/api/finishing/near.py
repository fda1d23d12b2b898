"""What was measured on and looks very much like what was learned from, and how good the score is without it."""

from __future__ import annotations

import dataclasses

import numpy as np

from warmstart.api.finishing.finish import FINAL, Measured
from warmstart.api.finishing.stored import stored_features
from warmstart.data.findings import Audit
from warmstart.engine.events import Decided
from warmstart.engine.ladder.context import LadderContext
from warmstart.evaluation.near_copies import near_copies
from warmstart.evaluation.scoring import scores

SHOWN = 50


def with_near_copies(audit: Audit, measured: Measured, context: LadderContext) -> Audit:
    """The audit with what the features of the backbone say; it is told where there is anything to tell.

    The features were computed for the probe; where they were not stored (no room, or another format) or a limit
    to memory leaves too little for them, nothing is computed for this.
    """
    data = context.data
    if not context.backbone.pools or context.task.name == "forecast":  # windows of one series are alike
        return audit
    learned = data.split.train if measured.on == "val" else np.concatenate([data.split.train, data.split.val])
    found = stored_features(context, np.concatenate([learned, measured.indices]))
    if found is None:
        context.listener(Decided("near copies are not looked for by features, which are not stored or do not fit"))
        return audit
    pairs = near_copies(found[: len(learned)], found[len(learned) :])
    if not pairs:
        return audit
    others = np.setdiff1d(np.arange(len(measured.indices)), [held for _, held in pairs])
    right = scores(context.task, measured.outputs[FINAL], measured.truth)[others]
    samples = data.dataset.samples
    audit = dataclasses.replace(
        audit,
        feature_leaks=tuple(
            (samples[learned[known]].id, samples[measured.indices[held]].id) for known, held in pairs[:SHOWN]
        ),
        feature_leak_count=len(pairs),
        accuracy_without=float(right.mean()) if len(right) else None,
    )
    context.listener(Decided(audit.alike_by_features))
    return audit
