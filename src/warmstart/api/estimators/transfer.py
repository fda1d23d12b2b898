"""A pretrained backbone with a head as classifier and regressor of scikit-learn."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from warmstart.api.estimators.inputs import Given, ReadsAnything, backbone_for, checked
from warmstart.api.inputs.prepare import activation_store, divide, read_whole
from warmstart.api.running.budget import seconds
from warmstart.data.schema import Split
from warmstart.data.targets import TaskName
from warmstart.engine.data import RunData
from warmstart.engine.deadline import Deadline
from warmstart.engine.events import silent
from warmstart.engine.run import refuse_training, run_recipe
from warmstart.errors import DataError, RunError
from warmstart.model.backbone import Backbone
from warmstart.planning.compile import DEFAULT
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.text import to_yaml
from warmstart.report.card import escape, licence_section, use
from warmstart.report.frontmatter import front_matter
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.files import new_folder
from warmstart.shipping.write import write_bundle
from warmstart.task.base import task_of
from warmstart.task.network import network_for

_GOLDEN = 8
"""Inputs of which the bundle takes those that it checks itself by."""
_AT_ONCE = 32


class _Transfer(ReadsAnything):
    """What classifier and regressor have in common: data in, a bundle in memory out.

    The bundle is kept as the content of its files, which hold nothing that executes, so that it can be pickled.
    """

    _task: ClassVar[TaskName]

    def __init__(
        self,
        backbone: str | None = None,
        recipe: str = "probe",
        *,
        budget: str | float | None = None,
        size: int | None = None,
        val: float = 0.0,
        seed: int = 0,
        accept_licence: bool = False,
        cache: str | None = None,
    ) -> None:
        self.backbone = backbone
        self.recipe = recipe
        self.budget = budget
        self.size = size
        self.val = val
        self.seed = seed
        self.accept_licence = accept_licence
        self.cache = cache

    @property
    def bundle_(self) -> Bundle:
        """What was fitted, as `warmstart.Bundle.load` gives it."""
        check_is_fitted(self, "files_")
        return self._bundle

    def save(self, folder: str | Path) -> Path:
        """Write the bundle, for `warmstart predict` and all else that takes one. Raises `RunError` if it exists."""
        check_is_fitted(self, "files_")
        return self._written(Path(folder))

    def _written(self, folder: Path) -> Path:
        with new_folder(folder) as temporary:
            for name, content in self.files_.items():
                (temporary / name).write_bytes(content)
        return folder

    def _learn(self, x: Given, labels: Sequence[Any], groups: Sequence[Any] | None) -> None:
        """Fit the recipe, and keep what it leaves."""
        backbone = backbone_for(x, self.backbone, self.size, self.seed, accept_licence=self.accept_licence)
        read = read_whole(
            (x, labels),
            backbone,
            size=self.size,
            group=groups,  # type: ignore[arg-type]  # of data in memory a sequence
            time=None,
            path_column=None,
            label_column=None,
            max_unreadable=0.0,
            listener=silent,
            task=self._task,
            cache=self.cache,
        )
        every = np.arange(len(read.dataset))
        split = Split(every, every[:0], every[:0], "all are learned from")
        if self.val:
            split = divide(read.dataset, val=self.val, test=0.0, seed=self.seed, alike=read.alike)
        data = RunData(read.dataset, split, read.store, read.store.spec, activation_store(self.cache, DEFAULT))
        target, recipe = read.dataset.target, load_recipe(self.recipe)
        refuse_training(recipe, task_of(target))
        limit = Deadline(None if self.budget is None else seconds(self.budget))
        network = network_for(read.backbone, target, seed=self.seed)
        found = run_recipe(recipe, network, data, task=task_of(target), seed=self.seed, deadline=limit)
        with tempfile.TemporaryDirectory() as folder:
            made = write_bundle(
                Path(folder) / "bundle",
                found.network,
                target=target,
                preprocess=data.spec,
                golden=[sample.source for sample in data.dataset.samples[:_GOLDEN]],
                recipes=[recipe.name],
                recipe=to_yaml(recipe),
                card=_card(self, recipe.name, len(split.train), read.backbone),
            )
            self.files_ = {path.name: path.read_bytes() for path in sorted(made.iterdir())}
            self._bundle = Bundle.load(made)

    def _outputs(self, x: Given) -> npt.NDArray[np.float64]:
        """Outputs (n, ...), in the order of the inputs. Raises the error of the first that cannot be read."""
        check_is_fitted(self, "files_")
        given = checked(self, x, reset=False)
        found = self.bundle_.outputs(list(given), batch_size=_AT_ONCE)
        if found.errors:
            raise found.errors[min(found.errors)]
        if len(found.outputs) != len(given):
            raise DataError(f"{len(given)} inputs hold {len(found.outputs)} samples", "one sample for each input")
        return found.outputs.double().numpy()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "_bundle"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if hasattr(self, "files_"):
            with tempfile.TemporaryDirectory() as folder:
                self._bundle = Bundle.load(self._written(Path(folder) / "bundle"))


class TransferClassifier(ClassifierMixin, _Transfer):  # type: ignore[misc]
    """A classifier of images, texts or series from a pretrained backbone.

    Args:
        backbone: URI; by default `lite0` for images, `minilm` for texts and `series` for series.
        recipe: a name with options (`"finetune?epochs=3"`) or a YAML file; see `warmstart recipes`. Its numbers can be
            searched: `GridSearchCV(model, {"recipe": ["probe", "lp_ft?epochs=5"]})`.
        budget: time that training may take, such as `"2m"`; none is set by default.
        size: input side in pixels, tokens or steps; by default the backbone's own.
        val: share of the samples by which the best epoch is kept; by default the last one is, and all are learned from.
        seed: of everything random.
        accept_licence: as for `warmstart.fit`.
        cache: folder for activations; what is frozen is computed once, whatever folds and grids ask for it.

    >>> from sklearn.datasets import load_digits
    >>> digits = load_digits(n_class=2)
    >>> images = (digits.images * 15.9).astype(np.uint8)
    >>> model = TransferClassifier("toy").fit(images[:80], digits.target[:80])
    >>> model.predict_proba(images[80:83]).shape, bool(model.score(images[80:120], digits.target[80:120]) > 0.9)
    ((3, 2), True)
    """

    _task = "classify"

    def fit(self, X: Given, y: Any, groups: Sequence[Any] | None = None) -> Self:  # noqa: N803
        """Learn from samples and one class for each.

        Args:
            X: see `warmstart.api.estimators.inputs`.
            y: classes (n,), of any type.
            groups: what must not be divided by `val`, for each sample.

        Raises:
            ValueError: `y` holds no classes, or not one for each sample.
            DataError, BackboneError, RecipeError: what was found, what was expected, what to do.
        """
        x = checked(self, X, reset=True)
        if y is None:
            raise ValueError("TransferClassifier requires y to be passed, but the target y is None")
        labels = column_or_1d(y, warn=True)
        check_classification_targets(labels)
        check_consistent_length(x, labels)
        self.classes_, which = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y has one class, {self.classes_[0]!r}; at least two are needed to tell them apart")
        names = [str(name) for name in self.classes_]
        if len(set(names)) < len(names):
            raise RunError("two classes in y have one name", expected="classes that differ as texts")
        self._names = names
        self._learn(x, [names[i] for i in which], groups)
        return self

    def predict_proba(self, X: Given) -> npt.NDArray[np.float64]:  # noqa: N803
        """Probabilities (n, classes), in the order of `classes_`."""
        logits = self._outputs(X)
        odds = np.exp(logits - logits.max(1, keepdims=True))
        order = [self.bundle_.classes.index(name) for name in self._names]
        share: npt.NDArray[np.float64] = (odds / odds.sum(1, keepdims=True))[:, order]
        return share

    def predict(self, X: Given) -> npt.NDArray[Any]:  # noqa: N803
        """The most probable class of each sample (n,)."""
        share = self.predict_proba(X)
        found: npt.NDArray[Any] = self.classes_[share.argmax(1)]
        return found


class TransferRegressor(RegressorMixin, _Transfer):  # type: ignore[misc]
    """A regressor of images, texts or series from a pretrained backbone; arguments as for `TransferClassifier`.

    >>> from sklearn.datasets import load_digits
    >>> digits = load_digits()
    >>> images, ink = (digits.images[:120] * 15.9).astype(np.uint8), digits.images[:120].mean((1, 2))
    >>> model = TransferRegressor("toy").fit(images[:80], ink[:80])
    >>> model.predict(images[80:]).shape, bool(model.score(images[80:], ink[80:]) > 0.5)
    ((40,), True)
    """

    _task = "regress"

    def fit(self, X: Given, y: Any, groups: Sequence[Any] | None = None) -> Self:  # noqa: N803
        """Learn from samples and numbers (n,) or (n, k) for each; errors as for `TransferClassifier.fit`."""
        x = checked(self, X, reset=True)
        if y is None:
            raise ValueError("TransferRegressor requires y to be passed, but the target y is None")
        if len(x) < 2:
            raise ValueError(f"{len(x)} sample; at least two are needed to learn from")
        numbers = np.asarray(y, dtype=np.float64)
        if not np.isfinite(numbers).all():
            raise ValueError("Input y contains NaN or infinity")
        check_consistent_length(x, numbers)
        self._flat = numbers.ndim == 1
        self._learn(x, numbers, groups)  # type: ignore[arg-type]
        return self

    def predict(self, X: Given) -> npt.NDArray[np.float64]:  # noqa: N803
        """Numbers (n,), or (n, k) where there were several."""
        outputs = torch.from_numpy(self._outputs(X))
        rows = self.bundle_.task.decode(outputs, self.bundle_.manifest.target)
        found = np.array([list(row["values"].values()) for row in rows], dtype=np.float64)
        return found[:, 0] if self._flat else found

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _card(estimator: _Transfer, recipe: str, samples: int, backbone: Backbone) -> str:
    """What the bundle says of itself: how good it is was not measured here."""
    card, spec = backbone.card.to_dict(), backbone.spec.to_dict()
    sections = (
        front_matter("data", card, spec, task=estimator._task, measured={}, split=""),
        f"# {type(estimator).__name__}",
        f"Fitted through scikit-learn's interface: the recipe {escape(recipe)} on {samples} samples.",
        use(estimator._task, spec),
        "## How good it is",
        "Not measured on samples kept apart; `warmstart evaluate` does that.",
        licence_section(card),
    )
    return "\n\n".join(sections) + "\n"
