"""What `fit` says of masks at the size of the images as they are stored, beside the size that the network sees."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from warmstart.data.schema import Sample
from warmstart.engine.events import Advanced, Decided, Finished, Started
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.rungs import evaluation_seconds
from warmstart.evaluation.compare import metric_intervals
from warmstart.evaluation.measures import metric_name
from warmstart.evaluation.outcome import Outcome
from warmstart.evaluation.units import units_of
from warmstart.evaluation.verdict import percent
from warmstart.shipping.scenes import Marker
from warmstart.shipping.stored_size import at_stored_size, whole_images

_WHAT = "masks at the size of the images"


def again_seconds(context: LadderContext) -> float:
    """What is kept back for `at_its_size`: tiles overlap there, and images are enlarged and counted."""
    split = context.data.split
    measured = len(split.test) or len(split.val)
    return 2 * evaluation_seconds(context, measured) if context.task.name == "segment" else 0.0


def at_its_size(found: Outcome, samples: Sequence[Sample], marker: Marker, context: LadderContext) -> Outcome:
    """The outcome with metrics of masks at the size of each image; of boxes, and without the time, as it is.

    `samples` are those that were measured on, or tiles of them.
    """
    if found.task != "segment" or not found.test:
        return found
    need, left = again_seconds(context), context.deadline.left()
    if need > left:
        why = f"about {need:.0f} s, and {max(left, 0):.0f} s of the budget are left; warmstart evaluate does it"
        context.listener(Decided(f"masks are not measured at the size of the images as they are stored: {why}"))
        return found
    images = whole_images(samples)
    context.listener(Started(_WHAT, len(images)))
    kept = at_stored_size(marker, images, progress=lambda count: context.listener(Advanced(_WHAT, count)))
    context.listener(Finished(_WHAT))
    if not len(kept.index):
        return found
    units = units_of([images[i] for i in kept.index])
    stored = metric_intervals(context.task, kept.outputs, kept.targets, seed=found.seed, units=units)
    reached = stored[found.metric]
    span = f"95 % interval {percent(reached.low)} to {percent(reached.high)}"
    size = f"at {context.data.spec.size} px, as the network sees {'tiles' if marker.tile else 'images'}"
    said = f"Figures are {size}; at the size of the images as they are stored {metric_name(found.metric)} is"
    verdict = f"{found.verdict} {said} {percent(reached.value)} ({span})."
    return dataclasses.replace(found, stored_size=stored, verdict=verdict)
