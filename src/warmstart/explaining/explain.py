"""From a bundle and inputs to explanations of its answers."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from warmstart.data.schema import Sample
from warmstart.errors import BackboneError, DataError, WarmstartError
from warmstart.explaining.asked import TASKS, Asked, Pick, pick
from warmstart.explaining.deletion import drop
from warmstart.explaining.explanation import Explanation
from warmstart.explaining.gradcam import places_of
from warmstart.explaining.likeness import Pool
from warmstart.explaining.methods import Attributed, Method, methods
from warmstart.explaining.sanity import Sanity, sanity
from warmstart.explaining.shown import shown_image, shown_series
from warmstart.explaining.texts import words_with
from warmstart.model.modes import evaluating
from warmstart.preprocess.kinds import PLURAL
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.preprocess.text import TextSpec
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.reading import read, stacked

ORDER = ("gradcam", "integrated_gradients", "occlusion")
"""Of methods, the one that is taken where nothing is said first."""
CHECKED = 4
"""Inputs that the sanity check is made with, at most: the golden samples of the bundle first, then those that are asked
about."""
GAP = 0.2
"""Share of the score that a map may miss without a word."""
UNMOVED = 0.01
"""A probability that falls by less stays as it was."""
_KEPT = 32
_sanities: dict[tuple[str, ...], Sanity | None] = {}


def methods_for(bundle: Bundle) -> list[str]:
    """Names of the methods that can explain the answers of a bundle, the default first; empty if none can."""
    if bundle.task.name not in TASKS:
        return []
    asked, kind = Asked.of(bundle), bundle.spec.kind
    found = [name for name in ORDER if kind in methods[name].kinds]
    if not _differentiable(asked):
        found = [name for name in found if not methods[name].gradients]
    elif kind == "image" and not places_of(bundle.networks[0].facts, bundle.spec.size):
        found = [name for name in found if name != "gradcam"]
    return [name for name in found if name != "integrated_gradients" or importlib.util.find_spec("captum")]


def explain_samples(
    bundle: Bundle,
    samples: Sequence[Sample],
    *,
    method: str | None = None,
    label: str | None = None,
    nearest: int = 5,
    check: bool = True,
    pool: Pool | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[Explanation]:
    """One explanation for each sample, in order; of a sample that cannot be read it says why.

    Args:
        bundle: what answered. Its networks are as they were afterwards.
        samples: the inputs.
        method: one of `methods_for(bundle)`; by default the first.
        label: what is explained; by default the answer itself.
        nearest: how many training samples are named that the network sees as the most similar; 0 for none. Bundles that
            do not hold their names name none.
        pool: other samples to name the most similar of.
        check: whether to compare with networks whose weights are shuffled. It is done once for a bundle, a method and a
            label in a process, with 4 inputs at most, those of the first call; it takes 16 maps.
        progress: called with the number of inputs done.

    Raises:
        DataError: the answers of the bundle cannot be explained, or not so, or there is no such label.
        MissingExtraError: the method needs a package that is not installed.
    """
    if nearest < 0:
        raise DataError(f"nearest is {nearest}", "0 or more")
    name, way = _method(bundle, method)
    asked, found = Asked.of(bundle), list[Explanation]()
    pool = Pool.of_bundle(bundle) if pool is None else pool
    with contextlib.ExitStack() as stack:
        for network in bundle.networks:
            stack.enter_context(evaluating(network))
        checked = _checked(bundle, asked, name, way, samples, label) if check and samples else None
        for sample in samples:
            one = _explained(bundle, asked, way, sample, label, pool if nearest else None, nearest)
            one = dataclasses.replace(one, method=name)
            found.append(one if checked is None or one.error else _judged(one, checked))
            if progress is not None:
                progress(1)
    return found


def _method(bundle: Bundle, method: str | None) -> tuple[str, Method]:
    possible = methods_for(bundle)
    if not possible:
        raise DataError(
            f"answers of the task {bundle.task.name!r} cannot be explained",
            expected=f"a bundle of one of the tasks {', '.join(TASKS)}",
            do="look at its report instead: it shows what was found beside what was to be found",
        )
    name = possible[0] if method is None else method
    way = methods[name]
    if name in ORDER and name not in possible and bundle.spec.kind not in way.kinds:
        raise DataError(
            f"the method {name} is for {' and '.join(PLURAL[kind] for kind in way.kinds)}, and this bundle reads "
            f"{PLURAL[bundle.spec.kind]}",
            expected=f"one of {', '.join(possible)}",
        )
    return name, way


def _explained(
    bundle: Bundle, asked: Asked, way: Method, sample: Sample, label: str | None, pool: Pool | None, nearest: int
) -> Explanation:
    """Without the sanity check and the name of the method."""
    kind = bundle.spec.kind
    try:
        x = stacked([read(sample, bundle.spec)], bundle.spec)
    except WarmstartError as error:
        return Explanation(sample.id, "", None, "", kind, error=error.found)
    with torch.inference_mode():
        features = bundle.networks[0].backbone(x)
        outputs = asked.outputs(x)
    chosen = pick(asked.task, bundle.manifest.target, outputs, label)
    found = way.attribute(asked, chosen, x)
    told = float(chosen.told(outputs)[0])
    bank = None if bundle.reference is None else bundle.reference.bank
    one = Explanation(
        sample.id,
        chosen.label,
        told if chosen.probable else None,
        "",
        kind,
        value=None if chosen.probable else told,
        gap=found.gap,
        drop=drop(asked, chosen, x, found.values),
        nearest=() if pool is None else pool.nearest(features, nearest),
    )
    one = _shown(one, sample, found, bundle)
    doubts = list(_doubts(one, chosen))
    if bank is not None and (far := float(bank.distances(features)[0])) > bank.threshold:
        doubts.insert(
            0, f"the input looks like nothing that was trained on (distance {far:.2f}, over {bank.threshold:.2f})"
        )
    return dataclasses.replace(one, doubt="; ".join(doubts))


def _shown(one: Explanation, sample: Sample, found: Attributed, bundle: Bundle) -> Explanation:
    """With the map or the words as they lie in what was given."""
    spec = bundle.spec
    if isinstance(spec, TextSpec):
        words = words_with(sample.source.parts, found.values.tolist(), spec)
        return dataclasses.replace(one, words=words)
    if isinstance(spec, PreprocessSpec):
        image, values = shown_image(sample, found.values, spec)
        return dataclasses.replace(one, shown=image, map=values)
    series, values = shown_series(sample, found.values, spec)
    return dataclasses.replace(one, shown=series, map=values)


def _doubts(one: Explanation, chosen: Pick) -> Iterator[str]:
    if chosen.rival:
        yield f"the answer is near a tie with {chosen.rival!r}"
    if one.drop is None:
        yield f"no part of the input speaks for {one.label!r}"
    elif one.drop.important <= one.drop.elsewhere:
        yield (
            "to cover the fifth of the input that the map calls most important changes the answer no more than to "
            f"cover as much elsewhere ({one.drop.important:.2g} against {one.drop.elsewhere:.2g})"
        )
    elif one.probability is not None and one.probability > 0.5 and one.drop.important < UNMOVED:
        yield "the answer stands when the fifth that the map calls most important is covered: it rests on more"
    if one.gap is not None and one.gap > GAP:
        yield f"the map does not add up to the score: it is off by {one.gap:.0%} of it".replace("%", " %")


def _judged(one: Explanation, checked: Sanity) -> Explanation:
    doubts = [doubt for doubt in (checked.doubt, one.doubt) if doubt]
    return dataclasses.replace(one, faithful=checked.faithful, doubt="; ".join(doubts))


def _checked(
    bundle: Bundle, asked: Asked, name: str, way: Method, samples: Sequence[Sample], label: str | None
) -> Sanity | None:
    """The sanity check, made once for a bundle in a process."""
    weights = [bundle.manifest.files[member.weights] for member in bundle.manifest.members]
    key = (*weights, name, label or "")
    if key not in _sanities:
        while len(_sanities) >= _KEPT:
            del _sanities[next(iter(_sanities))]
        _sanities[key] = sanity(way, asked, list(_inputs(bundle, asked, samples, label)))
    return _sanities[key]


def _inputs(
    bundle: Bundle, asked: Asked, samples: Sequence[Sample], label: str | None
) -> Iterator[tuple[Pick, Tensor]]:
    left = CHECKED
    for sample in [*bundle.golden(), *samples]:
        try:
            x = stacked([read(sample, bundle.spec)], bundle.spec)
        except WarmstartError:
            continue
        with torch.inference_mode():
            outputs = asked.outputs(x)
        yield pick(asked.task, bundle.manifest.target, outputs, label), x
        left -= 1
        if not left:
            return


def _differentiable(asked: Asked) -> bool:
    """Whether the answer has a gradient: convolutions that count, as those of MiniRocket, have none."""
    facts = asked.networks[0].facts
    cut = 1 if isinstance(asked.spec, TextSpec) else 0
    x = facts.chain.inputs.example(1, asked.spec.size, facts.module)
    with torch.no_grad():
        activations = [each.detach() for each in asked.at(cut, x)]
    try:
        with torch.enable_grad():
            return asked.outputs_from(cut, [each.requires_grad_(True) for each in activations]).requires_grad
    except BackboneError:
        return False
