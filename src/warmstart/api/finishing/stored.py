"""Features that a run has stored already, for what is told beside its result: nothing is computed for it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from warmstart.data.schema import IntArray
from warmstart.engine.allowance import holds_matrix
from warmstart.engine.ladder.context import LadderContext


def stored_features(context: LadderContext, indices: IntArray) -> npt.NDArray[np.float32] | None:
    """Features (n, d) of the pretrained backbone.

    `None` where some are not stored (no room, or another format), or a limit to memory leaves too little for them.
    """
    network, cut = context.network(), len(context.backbone.chain.cuts) - 1
    if not holds_matrix(len(indices), context.backbone.out_features):
        return None
    wanted = context.data.wanted(network.facts.chain)
    if context.data.cache.missing(wanted.space(cut), wanted.keys(indices)):
        return None
    found: npt.NDArray[np.float32] = context.activations(network, cut, indices).flatten(1).numpy()
    return found
