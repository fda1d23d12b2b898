"""What may be used of the memory, divided: each that holds much asks here for its share.

What is divided is what is left when it is asked for (`warmstart.engine.machine.memory_available`): of the machine, of
the container, or of the limit that a user has set, whichever is least. Resident are libraries, weights, and pages of
mapped files too, so that what is left is never more than `ps` and a container would say.

Shares change where data lie and how much is done at a time, and so the time that it takes; they change no result by
more than rounding.
"""

from __future__ import annotations

from warmstart.engine.machine import memory_available, memory_limit, resident
from warmstart.errors import RunError, TrainingError
from warmstart.model.activation import sample_bytes
from warmstart.model.backbone import Backbone
from warmstart.model.chain import Chain
from warmstart.planning.cost import COPIES, MATRICES, OUTPUTS
from warmstart.planning.profile import profile

PIXELS = 4
"""Decoded images are held in a fourth of what is left when they are read."""
HEADS = 2
"""Features, and all that is made of them at once, may take a half of what is left when a head is fitted."""
ACTIVATIONS = 8
"""Activations that are read to be passed on through the network, an eighth at a time."""
LATER = 320 * 2**20
"""Bytes that a run takes beyond what is loaded when it begins, whatever the data: libraries that are imported later,
threads, one chunk of activations, the report. What two runs of `fit` with lite0 took."""
EVALUATED = 64
"""Inputs that pass at a time through a network that shares nothing with what is stored."""
_FEWEST = 64
_WEIGHTS = 6
"""Sets of weights: as pretrained, as trained, the best, gradients and an optimizer's two."""


def for_pixels() -> int:
    """Bytes of decoded images that may be held."""
    return memory_available() // PIXELS


def at_a_time(chain: Chain, cut: int, size: int) -> int:
    """Samples of which the activations at a cut may be held at a time, for inputs of `size`; 64 at least."""
    return max(_FEWEST, memory_available() // ACTIVATIONS // sample_bytes(chain.activation_shape(cut, size)))


def batch_within(backbone: Backbone, size: int, most: int) -> int:
    """Inputs of `size` that pass through the whole network at once, without gradients: `most`, or under a limit as many
    as take an eighth of what it leaves.
    """
    if memory_limit() is None:
        return most
    each = 2 * profile(backbone, 0, len(backbone.chain) - 1, size).peak
    return max(1, min(most, memory_available() // ACTIVATIONS // max(1, each)))


def holds_features(samples: int, width: int, outputs: int) -> bool:
    """Whether heads may be fitted on the whole matrix of features rather than in blocks."""
    return samples * (4 * COPIES * width + OUTPUTS * outputs) <= memory_available() // HEADS


def holds_matrix(samples: int, width: int) -> bool:
    """Whether features may be read all at once for what works on a part of them at a time; always without a limit."""
    return memory_limit() is None or 4 * samples * width <= memory_available() // HEADS


def refuse_held(what: str, samples: int, width: int, copies: int = COPIES) -> None:
    """Raise `TrainingError` where a limit leaves too little for features that can only be fitted on as a whole."""
    need, left = 4 * copies * samples * width, memory_available()
    if memory_limit() is not None and need > left:
        raise TrainingError(
            f"{what} of {samples} samples takes about {need / 1e9:.1f} GB at once, and {left / 1e9:.1f} GB are left",
            "a head that can be fitted in blocks: blend, lda, logistic, ridge, class_means or knn of classes, ridge of "
            "numbers and labels",
            "name one of those (--recipe probe?heads=blend), or give more with --max-memory",
        )


def refuse_too_little(backbone: Backbone) -> None:
    """Raise `RunError` where the process is held to less than it takes at rest, with one sample on its way."""
    limit = memory_limit()
    if limit is None:
        return
    parameters = backbone.module.parameters()
    weights = sum(parameter.numel() * parameter.element_size() for parameter in parameters)
    sample = 2 * profile(backbone, 0, len(backbone.chain) - 1, backbone.spec.size).peak
    heads = MATRICES * 8 * backbone.out_features**2 if weights else 0  # of what has no weights features are many
    rest, run = resident(), LATER + _WEIGHTS * weights + sample + heads
    if rest + run > limit:
        least = -(-(rest + run) // 10**8) / 10
        raise RunError(
            f"max memory of {limit / 1e9:.1f} GB is too little",
            f"at least {least:.1f} GB: Python, its libraries and the network take {rest / 1e9:.2f} GB before anything "
            f"is read, a run beyond that {run / 1e9:.2f} GB",
            f"give --max-memory {least:.1f}GB or more, or take a smaller backbone",
        )
