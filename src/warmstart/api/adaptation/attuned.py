"""A bundle adapted, for one call, to the inputs that it is asked about; what lies on the disk stays as it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np

from warmstart.api.running.bundled import recipes_of
from warmstart.data.schema import Sample
from warmstart.engine.events import Decided, Listener
from warmstart.errors import DataError
from warmstart.methods.adaptation.tent import tent
from warmstart.recipe.aligning import Statistics
from warmstart.recipe.phase import GradientStep
from warmstart.recipe.recipe import Recipe
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.inference import Readable

AdaptName = Literal["tent"]
AT_ONCE = 64
"""Inputs in a step: what a user chooses for speed must change no answer."""


def attuned(bundle: Bundle, samples: Sequence[Sample], coverage: float | None, listener: Listener) -> Bundle:
    """The bundle with networks that are surer of `samples` (`warmstart.methods.adaptation.tent`).

    The samples pass in an order drawn at random, the same every time, so that a step does not see one class alone.
    What was measured of the network as it was trained, to say what is unknown to it, says nothing of it any more.

    Raises:
        DataError: the bundle does not tell classes, or sets of them are asked for, which hold for inputs like those of
            the training alone.
        BackboneError: a network has nothing to adapt.
    """
    if bundle.manifest.task != "classify":
        raise DataError(
            f"adapt 'tent' makes a network surer of its classes, and the task of {bundle.folder} is "
            f"{bundle.manifest.task}",
            expected="a bundle that tells one class of each input",
            do="leave adapt out",
        )
    if coverage is not None:
        raise DataError(
            "sets of classes were asked for, of a network that is adapted to the inputs",
            expected="one of both: how often a set holds the true class was measured without adapting",
            do="leave coverage out, or adapt",
        )
    drawn = np.random.default_rng(0).permutation(len(samples))
    batches = Readable([samples[int(i)] for i in drawn], bundle.spec, AT_ONCE)
    own = own_statistics(bundle)
    networks = tuple(tent(network, batches, statistics=own) for network in bundle.networks)
    what = "scales, shifts and statistics" if own else "scales and shifts"
    text = (
        f"tent: {what} of normalisation are adapted to all inputs together, so what is said of each "
        "depends on the others; the bundle stays as it is"
    )
    listener(Decided(text, {"inputs": len(samples), "statistics": own}))
    return dataclasses.replace(bundle, networks=networks, reference=None)


def own_statistics(bundle: Bundle) -> bool:
    """Whether the weights were trained under statistics of batch normalisation of their own training data, for which
    those of the inputs can stand in; under others, those of the pretraining, it would do harm.
    """
    recipes = recipes_of(bundle)
    return bool(recipes) and all(map(_moves_statistics, recipes))


def _moves_statistics(recipe: Recipe) -> bool:
    phases = [step for step in recipe.steps if isinstance(step, GradientStep)]
    whole = recipe.edits.reset is True and bool(phases) and phases[-1].norm != "eval"
    return whole or any(isinstance(step, Statistics) for step in recipe.steps)
