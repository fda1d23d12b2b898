"""What is explained: one number of the answer, as a function of the input that can be differentiated.

Of a class it is its log-odds, `log p - log(1 - p)`. A logit alone would not do: to add any function of the input to all
logits changes no answer, and would change its explanation. The log-odds of an ensemble are those of its mean
probability, so its members weigh as they do in the answer. A vote of the k nearest training samples changes in steps,
if at all; in its place stands the vote of all of them, weighed in the same way, which has a slope everywhere.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from warmstart.data.scenes import MaskTarget
from warmstart.data.several import SeveralTarget
from warmstart.data.targets import NumberTarget, Target
from warmstart.errors import DataError, nearest
from warmstart.explaining.blank import covered, readable
from warmstart.model.head import KNNHead
from warmstart.model.network import Network
from warmstart.preprocess.kinds import Spec
from warmstart.shipping.bundle import Bundle
from warmstart.task.base import Task
from warmstart.task.several import Several

Numbers = Callable[[Tensor], Tensor]
"""Outputs (n, ...) to one number for each row, (n,)."""
_FAR = 1e3
"""What a class without a training sample is short of, in the logarithm of its vote."""
BACKGROUND = "background"
TIE = 0.1
"""Distance of the two largest probabilities below which an answer is said to be near a tie."""


@dataclasses.dataclass(frozen=True)
class Pick:
    """One number of an answer.

    Args:
        label: its name.
        score: what is differentiated.
        told: what a person reads: a probability or a value.
        probable: whether that is a probability.
        rival: the class that is nearly as probable, if one is.
    """

    label: str
    score: Numbers
    told: Numbers
    probable: bool
    rival: str = ""


@dataclasses.dataclass(frozen=True)
class Asked:
    """The networks whose answer is explained, and how their outputs become one."""

    networks: tuple[Network, ...]
    spec: Spec
    task: Task
    temperature: float

    @classmethod
    def of(cls, bundle: Bundle) -> Asked:
        """Those of a bundle."""
        return cls(bundle.networks, bundle.spec, bundle.task, bundle.manifest.temperature)

    @property
    def local(self) -> bool:
        """Whether what is explained lies at one place, so that Grad-CAM weighs each place by its own slope."""
        return False

    def readable(self, x: Tensor) -> Tensor:
        """Which places of one input (1, ...) hold something of it; see `warmstart.explaining.blank`."""
        return readable(x, self.spec)

    def covered(self, x: Tensor, where: Tensor) -> Tensor:
        """Inputs (n, ...) with nothing at some places; see `warmstart.explaining.blank`."""
        return covered(x, where, self.spec)

    def at(self, cut: int, x: Tensor) -> tuple[Tensor, ...]:
        """The activations of inputs (n, ...) at a cut, one for each network."""
        return tuple(network.facts.chain.prefix(cut)(x) for network in self.networks)

    def outputs(self, x: Tensor) -> Tensor:
        """Outputs (n, ...) for inputs as the networks take them."""
        return self.combined([network(x) for network in self.networks])

    def outputs_from(self, cut: int, activations: Sequence[Tensor]) -> Tensor:
        """Outputs, as a smooth function of what `at` gave."""
        pairs = zip(self.networks, activations, strict=True)
        features = [(network, network.facts.chain.suffix(cut)(activation)) for network, activation in pairs]
        return self.combined([_smooth(network, row) for network, row in features])

    def combined(self, outputs: Sequence[Tensor]) -> Tensor:
        """Outputs of the networks as one."""
        return self.task.combine([each.float() for each in outputs]) / self.temperature


def _smooth(network: Network, features: Tensor) -> Tensor:
    """Outputs from features, with a slope; see the module docstring."""
    head = network.head
    if not isinstance(head, KNNHead):
        return network.answer(features)
    likeness = functional.normalize(features, dim=1) @ head.bank.T / head.temperature
    absent = torch.full((len(features), 1), -_FAR)
    classes = [head.labels == k for k in range(head.outputs)]
    return torch.stack([torch.cat([likeness[:, of_it], absent], 1).logsumexp(1) for of_it in classes], 1)


def pick(task: Task, target: Target, outputs: Tensor, label: str | None) -> Pick:
    """What is explained of the outputs (1, ...) for one input: what belongs to `label`, or the answer itself.

    Raises:
        DataError: there is no such label, or the answers of such a task cannot be explained.
    """
    if isinstance(target, SeveralTarget):
        return _of_part(task, target, outputs, label)
    makers = {"classify": _class, "multilabel": _label, "regress": _number, "anomaly": _distance, "segment": _mask}
    if target.kind not in makers:
        raise DataError(
            f"answers of the task {target.kind!r} are not explained so",
            expected=f"one of the tasks {', '.join(makers)}",
        )
    return makers[target.kind](target, outputs, label)


def _index(target: Target, label: str) -> int:
    if label not in target.classes:
        raise DataError(
            f"there is no label {label!r}",
            expected=f"one of {len(target.classes)}: {', '.join(target.classes[:8])}",
            do=f"the nearest: {nearest(label, target.classes)}",
        )
    return target.classes.index(label)


def _class(target: Target, outputs: Tensor, label: str | None) -> Pick:
    shares = outputs[0].double().softmax(-1)
    i = int(shares.argmax()) if label is None else _index(target, label)
    two = shares.topk(min(2, len(shares)))
    near = label is None and len(shares) > 1 and float(two.values[0] - two.values[1]) < TIE
    rival = target.classes[int(two.indices[1])] if near else ""
    others = [k for k in range(len(target.classes)) if k != i]

    def score(found: Tensor) -> Tensor:
        return found[:, i] - found[:, others].logsumexp(1) if others else found[:, i]

    return Pick(target.classes[i], score, lambda found: found.double().softmax(1)[:, i], True, rival)


def _label(target: Target, outputs: Tensor, label: str | None) -> Pick:
    i = int(outputs[0].argmax()) if label is None else _index(target, label)
    return Pick(target.classes[i], lambda found: found[:, i], lambda found: found[:, i].double().sigmoid(), True)


def _number(target: Target, _: Tensor, label: str | None) -> Pick:
    assert isinstance(target, NumberTarget), "of numbers"
    i = 0 if label is None else _index(target, label)
    centre, scale = target.centre[i], target.scale[i]

    def value(found: Tensor) -> Tensor:
        return found[:, i] * scale + centre

    return Pick(target.classes[i], value, lambda found: value(found.double()), False)


def _distance(target: Target, _: Tensor, label: str | None) -> Pick:
    if label is not None and label != target.classes[-1]:
        raise DataError(
            f"there is no label {label!r} to explain: what is explained is how far an input is from normal ones",
            expected=repr(target.classes[-1]),
            do="leave the label out",
        )
    return Pick(target.classes[-1], lambda found: found[:, 0], lambda found: found[:, 0].double(), False)


def _mask(target: Target, outputs: Tensor, label: str | None) -> Pick:
    """The mean log-odds of a class where it is the answer, or everywhere if it is so nowhere (Vinogradova et al. 2020,
    "Towards interpretable semantic segmentation via gradient-weighted class activation mapping").
    """
    assert isinstance(target, MaskTarget), "of masks"
    answers = outputs[0].argmax(0)
    counts = torch.bincount(answers.flatten(), minlength=len(target.classes))
    if label is None:
        marked = [0 if name == BACKGROUND else int(n) for name, n in zip(target.classes, counts, strict=True)]
        i = max(range(len(marked)), key=marked.__getitem__)
    else:
        i = _index(target, label)
    where = (answers == i).to(outputs) if bool(counts[i]) else torch.ones_like(answers).to(outputs)
    others = [k for k in range(len(target.classes)) if k != i]

    def mean(found: Tensor) -> Tensor:
        return (found * where).sum((1, 2)) / where.sum()

    def score(found: Tensor) -> Tensor:
        return mean(found[:, i] - found[:, others].logsumexp(1))

    return Pick(target.classes[i], score, lambda found: mean(found.softmax(1)[:, i]).double(), True)


def _of_part(task: Task, target: SeveralTarget, outputs: Tensor, label: str | None) -> Pick:
    """What is explained of one of several tasks: `species`, or `species: cat`; the first where nothing is said."""
    assert isinstance(task, Several), "of several tasks"
    name, _, inner = (label or target.names[0]).partition(": ")
    part = next((part for part in task.parts if part.name == name), None)
    if part is None:
        raise DataError(
            f"there is no task {name!r}",
            expected=f"one of {', '.join(target.names)}, with a label of it behind a colon where it is of classes",
            do=f"the nearest: {nearest(name, target.names)}",
        )
    own, at = pick(part.task, part.target, outputs[:, part.outputs], inner or None), part.outputs
    shown = name if own.label == name else f"{name}: {own.label}"
    rival = own.rival and f"{name}: {own.rival}"
    return Pick(shown, lambda found: own.score(found[:, at]), lambda found: own.told(found[:, at]), own.probable, rival)
