"""From a bundle and inputs to explanations of its answers."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
from collections.abc import Callable, Iterator, Sequence

import torch

from warmstart.data.schema import Sample
from warmstart.errors import BackboneError, DataError, WarmstartError
from warmstart.explaining.asked import Asked, Pick
from warmstart.explaining.checked import checked
from warmstart.explaining.deletion import drop
from warmstart.explaining.explanation import Explanation
from warmstart.explaining.gradcam import places_of
from warmstart.explaining.likeness import Pool
from warmstart.explaining.methods import Attributed, Method, methods
from warmstart.explaining.pace import within
from warmstart.explaining.question import OF_INPUT, Question, opened, posed
from warmstart.explaining.sanity import Sanity
from warmstart.explaining.shown import shown_box, shown_image, shown_series
from warmstart.explaining.texts import words_with
from warmstart.model.modes import evaluating
from warmstart.preprocess.kinds import PLURAL
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.preprocess.text import TextSpec
from warmstart.shipping.bundle import Bundle

ORDER = ("gradcam", "integrated_gradients", "occlusion")
"""Of methods, the one that is taken where nothing is said first."""
REFUSED = {
    "detect": {"integrated_gradients": "boxes come and go along the way from an empty image, so no gradient adds up"},
    "forecast": {
        "integrated_gradients": "a forecast departs from the past itself, beside what the network reads of it"
    },
    "generate": {"integrated_gradients": "a network that writes has no token that stands for none to start from"},
}
"""Methods that are not for the answers of a task, and why."""
GAP = 0.2
"""Share of the score that a map may miss without a word."""
UNMOVED = 0.01
"""A probability that falls by less stays as it was."""


def methods_for(bundle: Bundle) -> list[str]:
    """Names of the methods that can explain the answers of a bundle, the default first."""
    asked, kind, refused = Asked.of(bundle), bundle.spec.kind, REFUSED.get(bundle.task.name, {})
    found = [name for name in ORDER if kind in methods[name].kinds and name not in refused]
    if found == ["occlusion"] or bundle.task.name == "detect":  # detectors differ in nothing but where boxes lie
        return found
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
    seconds: float | None = None,
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
        seconds: what the map of an input, and the check, may take each. Maps are made coarser for it, and say so; the
            check is left out where it takes longer.
        progress: called with the number of inputs done.

    Raises:
        DataError: no such label, a method that is not for such answers, or a map would take longer than `seconds`.
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
        judged = checked(bundle, asked, name, way, samples, label, seconds) if check and samples else None
        for sample in samples:
            one = _explained(bundle, asked, way, sample, label, pool if nearest else None, nearest, seconds)
            one = dataclasses.replace(one, method=name)
            found.append(one if judged is None or one.error else _judged(one, judged))
            if progress is not None:
                progress(1)
    return found


def _method(bundle: Bundle, method: str | None) -> tuple[str, Method]:
    possible = methods_for(bundle)
    name = possible[0] if method is None else method
    way = methods[name]
    if (why := REFUSED.get(bundle.task.name, {}).get(name)) is not None:
        raise DataError(
            f"the method {name} does not explain answers of the task {bundle.task.name!r}: {why}",
            expected=f"one of {', '.join(possible)}",
        )
    if name in ORDER and name not in possible and bundle.spec.kind not in way.kinds:
        raise DataError(
            f"the method {name} is for {' and '.join(PLURAL[kind] for kind in way.kinds)}, and this bundle reads "
            f"{PLURAL[bundle.spec.kind]}",
            expected=f"one of {', '.join(possible)}",
        )
    return name, way


def _explained(
    bundle: Bundle,
    asked: Asked,
    way: Method,
    sample: Sample,
    label: str | None,
    pool: Pool | None,
    nearest: int,
    seconds: float | None,
) -> Explanation:
    """Without the sanity check and the name of the method."""
    kind = bundle.spec.kind
    try:
        sample, x = opened(bundle, sample)
    except WarmstartError as error:
        return Explanation(sample.id, "", None, "", kind, error=error.found)
    try:
        question = posed(bundle, asked, sample, x, label)
    except DataError as error:
        if bundle.task.name not in OF_INPUT:
            raise
        return Explanation(sample.id, "", None, "", kind, error=error.found)
    bank = None if bundle.reference is None else bundle.reference.bank
    features = torch.empty(1, 0)
    if bank is not None or pool is not None:
        with torch.inference_mode():
            features = bundle.networks[0].backbone(x)
    asked, chosen, x = question.asked, question.chosen, question.x
    used = way if seconds is None else within(way, asked, x, seconds)
    found = used.attribute(asked, chosen, x)
    told = float(chosen.told(question.outputs)[0])
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
    one = _shown(one, question, found, bundle)
    doubts = list(_doubts(one, chosen))
    if used is not way:
        doubts.append("the map is coarser than it could be, so as not to take longer than it may")
    if bank is not None and (far := float(bank.distances(features)[0])) > bank.threshold:
        doubts.insert(
            0, f"the input looks like nothing that was trained on (distance {far:.2f}, over {bank.threshold:.2f})"
        )
    return dataclasses.replace(one, doubt="; ".join(doubts))


def _shown(one: Explanation, question: Question, found: Attributed, bundle: Bundle) -> Explanation:
    """With the map or the words as they lie in what was given."""
    spec, sample = bundle.spec, question.sample
    if isinstance(spec, TextSpec):
        words = words_with(sample.source.parts, found.values.tolist(), spec)
        return dataclasses.replace(one, words=words)
    if isinstance(spec, PreprocessSpec):
        image, values = shown_image(sample, found.values, spec)
        box, size = (None, None) if question.edges is None else shown_box(sample, question.edges, spec)
        return dataclasses.replace(one, shown=image, map=values, box=box, size=size)
    if bundle.task.name == "forecast":
        return dataclasses.replace(one, shown=question.x[0].numpy(), map=found.values)
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


def _judged(one: Explanation, judged: Sanity) -> Explanation:
    doubts = [doubt for doubt in (judged.doubt, one.doubt) if doubt]
    return dataclasses.replace(one, faithful=judged.faithful, doubt="; ".join(doubts))


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
