"""What teaches a student: one bundle or several, whose answers are computed once for each sample and kept."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from warmstart.cache.key import sample_key
from warmstart.cache.store import ActivationStore
from warmstart.data.schema import PLURAL, Kind, Sample
from warmstart.data.targets import Label, NumberTarget, Target
from warmstart.engine.events import Advanced, Finished, Listener, Started
from warmstart.errors import BundleError, WarmstartError
from warmstart.methods.distillation.loss import soft_loss
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.manifest import NAME, Origin
from warmstart.task.base import Task, task_of

_AT_ONCE = 256
"""Samples whose answers are kept as soon as they are there."""


@dataclasses.dataclass(frozen=True)
class Teacher:
    """Bundles that answer one question, in the order of the first one's classes."""

    bundles: tuple[Bundle, ...]

    @classmethod
    def load(cls, teacher: str | Path | Sequence[str | Path]) -> Teacher:
        """Read the bundles; a string may name several, with commas between them.

        Raises:
            BundleError: one is damaged, or they do not answer the same question.
            RecipeError: their answers are of a kind that is not distilled.
        """
        bundles = tuple(Bundle.load(folder) for folder in folders_of(teacher))
        if not bundles:
            raise BundleError("no teacher is named", expected="the folder of a bundle, or several")
        soft_loss(bundles[0].manifest.task)
        for other in bundles[1:]:
            _require_same_question(bundles[0], other)
        return cls(bundles)

    @property
    def target(self) -> Target:
        """What is answered."""
        return self.bundles[0].manifest.target

    @property
    def task(self) -> Task:
        """The question."""
        return task_of(self.target)

    @property
    def kind(self) -> Kind:
        """What is read."""
        return self.bundles[0].spec.kind

    @property
    def members(self) -> int:
        """Networks in all."""
        return sum(len(bundle.networks) for bundle in self.bundles)

    @property
    def origins(self) -> tuple[Origin, ...]:
        """The bundles, for the manifest of what is made from them."""
        return tuple(origin(bundle, "teacher") for bundle in self.bundles)

    def outputs(
        self, samples: Sequence[Sample], store: ActivationStore, listener: Listener
    ) -> tuple[Tensor, list[str]]:
        """Calibrated outputs (n, outputs), and for each sample why there are none, empty where there are.

        What is in `store` is not computed again, whatever student it was computed for. Each bundle reads the samples
        with its own preprocessing.
        """
        space, what = self._space(), "answers of the teacher"
        found, why = torch.full((len(samples), len(self.target.classes)), torch.nan), [""] * len(samples)
        keys = [_key(sample) for sample in samples]
        listener(Started(what, len(samples)))
        left = set(store.fetch(space, keys, found))
        listener(Advanced(what, len(samples) - len(left)))
        first = {keys[i]: i for i in sorted(left, reverse=True)}
        wanted = sorted(first.values())
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            rows, errors = self._answers([samples[i] for i in some])
            fine = [k for k in range(len(some)) if not errors[k]]
            store.put(space, [keys[some[k]] for k in fine], rows[fine])
            for k, i in enumerate(some):
                found[i], why[i] = rows[k], errors[k]
            listener(Advanced(what, len(some)))
        listener(Advanced(what, len(left) - len(wanted)))
        for i in left:
            found[i], why[i] = found[first[keys[i]]], why[first[keys[i]]]
        listener(Finished(what))
        return found, why

    def label(self, outputs: Tensor) -> Label:
        """The answer that one row of outputs (k,) comes to, as a person would have written it."""
        if isinstance(self.target, NumberTarget):
            centre, scale = torch.tensor(self.target.centre), torch.tensor(self.target.scale)
            return tuple((outputs.double() * scale + centre).tolist())
        if self.target.kind == "multilabel":
            return tuple(name for name, x in zip(self.target.classes, outputs.tolist(), strict=True) if x > 0)
        return self.target.classes[int(outputs.argmax())]

    def _answers(self, samples: Sequence[Sample]) -> tuple[Tensor, list[str]]:
        """Of all bundles together, with NaN and a reason where one of them cannot read a sample."""
        errors, parts = [""] * len(samples), list[Tensor]()
        for bundle in self.bundles:
            answered = bundle.outputs(samples)
            rows = torch.full((len(samples), len(self.target.classes)), torch.nan)
            if len(answered.index):
                rows[torch.from_numpy(answered.index)] = _in_order(answered.outputs, bundle, self.bundles[0])
            parts.append(rows)
            for i, error in answered.errors.items():
                errors[i] = error.found
        rows = parts[0] if len(parts) == 1 else self.task.combine(parts)
        return rows.float(), errors

    def _space(self) -> str:
        """Address of the answers: the bundles, and what computes with them."""
        facts = {"teacher": [digest(bundle) for bundle in self.bundles], "torch": torch.__version__}
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def folders_of(teacher: str | Path | Sequence[str | Path]) -> list[Path]:
    """The folders that are named; commas divide them where the whole is no folder.

    >>> [str(folder) for folder in folders_of("a/bundle, b/bundle")]
    ['a/bundle', 'b/bundle']
    """
    if isinstance(teacher, str | Path):
        whole = Path(teacher)
        parts = [whole] if whole.exists() or isinstance(teacher, Path) else teacher.split(",")
        return [Path(str(part).strip()) for part in parts if str(part).strip()]
    return [Path(folder) for folder in teacher]


def digest(bundle: Bundle) -> str:
    """Sum of what a bundle says of itself and, by the sums in that, of all its files."""
    return hashlib.sha256((bundle.folder / NAME).read_bytes()).hexdigest()


def origin(bundle: Bundle, role: Any) -> Origin:
    """A bundle as another one's manifest names it."""
    facts = bundle.manifest
    return Origin(role=role, data=facts.data, created=facts.created, digest=digest(bundle))


def _key(sample: Sample) -> str:
    """Address of a sample; of one that cannot be read its place, under which nothing is kept."""
    try:
        return sample_key(sample)
    except (OSError, WarmstartError):
        return hashlib.sha256(f"unreadable {sample.id}".encode()).hexdigest()


def _in_order(outputs: Tensor, bundle: Bundle, first: Bundle) -> Tensor:
    """Outputs of a bundle in the classes and the unit of another."""
    target, own = bundle.manifest.target, first.manifest.target
    columns = torch.tensor([bundle.classes.index(name) for name in first.classes])
    if isinstance(target, NumberTarget) and isinstance(own, NumberTarget):
        outputs = outputs.double() * torch.tensor(target.scale) + torch.tensor(target.centre)
        return ((outputs[:, columns] - torch.tensor(own.centre)) / torch.tensor(own.scale)).float()
    return outputs[:, columns].float()


def _require_same_question(first: Bundle, other: Bundle) -> None:
    asked, there = (f"{b.manifest.task} of {PLURAL[b.spec.kind]}" for b in (first, other))
    if asked != there:
        raise BundleError(
            f"{other.folder} answers another question than {first.folder}: {there}, and {asked}",
            expected="teachers of one task and one kind of input",
            do="leave one of them out",
        )
    if odd := sorted(set(first.classes) ^ set(other.classes)):
        raise BundleError(
            f"{other.folder} and {first.folder} do not know the same classes; one alone has: "
            f"{', '.join(map(repr, odd[:5]))}",
            expected="teachers of the same classes, in any order",
            do="leave one of them out",
        )
