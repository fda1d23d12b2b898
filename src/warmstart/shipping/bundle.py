"""The folder a user ships: weights, preprocessing, class names, recipe, metrics, model card, golden sample.

JSON, YAML, Markdown, PNG, plain arrays and safetensors only: nothing in a bundle can execute, and loading one reads
nothing outside it but the code of the architecture that it names.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from torch import Tensor

from warmstart.data.futures import ForecastTarget
from warmstart.data.scenes import BoxTarget, MaskTarget
from warmstart.data.schema import Sample
from warmstart.data.sources.ahead import forecast_inputs
from warmstart.display import Table, piece
from warmstart.errors import BundleError, DataError, MissingExtraError, nearest
from warmstart.evaluation.conformal import Scores, quantile
from warmstart.model.network import Network
from warmstart.preprocess.kinds import Spec, of_images
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.registry import no_collection
from warmstart.shipping import golden as golden_files
from warmstart.shipping import manifest as layout
from warmstart.shipping import rebuild
from warmstart.shipping import reference as reference_file
from warmstart.shipping.answers import Asked, answers
from warmstart.shipping.files import verified
from warmstart.shipping.inference import Features, Outputs, run
from warmstart.shipping.manifest import Manifest
from warmstart.shipping.reading import as_samples, spec_of
from warmstart.shipping.reference import Reference
from warmstart.shipping.rows import Row
from warmstart.task.base import Task, task_of

_EXTRAS = {
    "transformers": "text",
    "tokenizers": "text",
    "onnx": "export",
    "onnxruntime": "export",
    "segmentation_models_pytorch": "segment",
    "libreyolo": "yolo",
    "torchgeo": "geo",
}
"""What brings the packages that a network may be made of."""


@dataclasses.dataclass(frozen=True)
class Bundle:
    """A trained network with everything needed to use it. Made by `Bundle.load`; written by `write_bundle`."""

    folder: Path
    manifest: Manifest
    networks: tuple[Network, ...]
    spec: Spec
    reference: Reference | None = None
    """`None` in bundles that were written without it."""
    backbones: tuple[Features, ...] = ()
    """What computes the features of each network, where it is not torch (`warmstart.api.predicting.engine`)."""

    def _repr_html_(self) -> str:
        facts = self.manifest
        known = {name: one["value"] for name, one in facts.metrics.items() if isinstance(one, dict) and "value" in one}
        return piece(
            f"{facts.data}: {facts.task}",
            facts={
                "backbone": facts.backbone.architecture,
                "recipe": ", ".join(member.recipe for member in facts.members),
                "licence of the weights": facts.backbone.licence,
                "made": facts.created,
                "folder": self.folder,
                "classes": ", ".join(facts.classes),
            },
            tables=[Table(("measured", "value"), list(known.items()))] if known else (),
        )

    @property
    def preprocess(self) -> PreprocessSpec:
        """What it expects of an image. Raises `BackboneError` if it reads texts."""
        return of_images(self.spec)

    @property
    def task(self) -> Task:
        """The question it answers."""
        return task_of(self.manifest.target)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the network's outputs."""
        return self.manifest.classes

    @classmethod
    @no_collection()
    def load(cls, folder: str | Path, *, check: bool = True) -> Bundle:
        """Read a bundle, after the sum of every file has been compared.

        `check=False` leaves out the golden sample, for the day when a new version of a dependency answers otherwise and
        the bundle is to be evaluated anew; sums are compared all the same.

        Raises:
            BundleError: no bundle, another format, a file damaged or changed (named), or the golden sample is answered
                otherwise than when the bundle was made.
            MissingExtraError: it is made of a package that is not installed.
        """
        folder = Path(folder)
        facts = layout.read_manifest(folder)
        files = {name: verified(folder, name, expected) for name, expected in facts.files.items()}
        try:
            spec = spec_of(facts.preprocess, files)
            networks = rebuild.networks(facts, files)
            reference = rebuild.reference(files, networks[0])
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if package not in _EXTRAS:
                raise
            raise MissingExtraError(f"the bundle {folder}", _EXTRAS[package]) from error
        except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise BundleError(
                f"{folder} does not fit its architecture {facts.backbone.name}: {error}",
                do=f"install the versions it was made with: {facts.versions}",
            ) from error
        bundle = cls(folder, facts, networks, spec, reference)
        if check:
            golden_files.check(files, golden_files.checked_names(facts.target), bundle.checked, str(folder))
        return bundle

    def outputs(self, inputs: Any, *, batch_size: int = 32, progress: Callable[[int], None] | None = None) -> Outputs:
        """Calibrated logits of `inputs` (paths, bytes, PIL images, arrays; texts; `Sample`s), and which are unreadable.

        Uses the reader and the preprocessing of training. The batch size changes no answer by more than rounding.
        `progress` is called after each batch with the number of inputs in it.
        """
        return run(
            self.networks,
            as_samples(inputs, self.spec),
            self.spec,
            task=self.task,
            temperature=self.manifest.temperature,
            batch_size=batch_size,
            bank=None if self.reference is None else self.reference.bank,
            backbones=self.backbones,
            progress=progress,
        )

    def scores(self, coverage: float) -> Scores:
        """What sets of classes are made from. Raises `BundleError` if it is not there, `DataError` for a coverage that
        it cannot support.
        """
        if self.manifest.task != "classify":
            raise DataError(
                f"sets of classes were asked for, and {self.folder} answers with no classes",
                do="leave the coverage out",
            )
        if self.reference is None or self.reference.scores is None:
            raise BundleError(
                f"{self.folder} has no {reference_file.NAME}, which sets of classes are made from",
                do="leave the coverage out, or fit again with this version",
            )
        quantile(self.reference.scores, coverage)
        return self.reference.scores

    def predict(
        self,
        inputs: Any,
        *,
        batch_size: int = 32,
        on_error: Literal["row", "stop"] = "row",
        coverage: float | None = None,
        abstain_below: float | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> list[dict[str, Any]]:
        """One row per input, in order: `input`, `label`, `probability`, `probabilities` by class name, and `error`.

        Of other tasks, what `decode` of the task gives: `labels` and `probabilities`; `value` and `values`; `forecast`,
        `times` and `quantiles` of the end of each series, which may be a table or whatever else `fit` takes; `boxes` or
        `mask` and `shares` of an image, as `warmstart.shipping.scenes` has them.

        `unknown` says whether the input looks like nothing that was trained on, by its `distance` to that; both are
        `None` where the bundle cannot tell. With a `coverage` (such as 0.9) there is a `set` of labels, the most
        probable first, that holds the true one in at least that share of cases, for inputs like those of the training.

        Where the probability of a class is `abstain_below` a share, there is no `label`, and `abstained` is true.

        An input that cannot be read has a row with `error` and nulls, so rows always match inputs; with
        `on_error="stop"` the first such error is raised instead.
        """
        if isinstance(target := self.manifest.target, ForecastTarget):
            inputs = forecast_inputs(target, inputs)
        found: list[Row] = []
        samples = as_samples(inputs, self.spec)
        how: dict[str, Any] = {"batch_size": batch_size, "on_error": on_error, "coverage": coverage}
        for some in self.stream(samples, abstain_below=abstain_below, **how):
            found += [row for _, row in some]
            if progress is not None:
                progress(len(some))
        return found

    def stream(
        self,
        samples: Iterable[Sample],
        *,
        batch_size: int = 32,
        on_error: Literal["row", "stop"] = "row",
        coverage: float | None = None,
        abstain_below: float | None = None,
        least_score: float | None = None,
        tile: int | None = None,
    ) -> Iterator[list[tuple[Sample, Row]]]:
        """Batches of the rows of `predict`, each beside its sample, in order, however many samples come.

        They are taken a few batches before they are answered. `least_score` and `tile` are those of `marked`.
        """
        asked = Asked(batch_size, on_error, coverage, abstain_below, least_score, tile)
        return answers(self, samples, asked)

    def marked(
        self,
        samples: Sequence[Sample],
        *,
        on_error: Literal["row", "stop"] = "row",
        least_score: float | None = None,
        tile: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """The rows of `predict` for images in which something is marked, one after the other.

        `least_score` is that of boxes that are told, by default the one of the bundle; `tile` cuts images into tiles of
        so many pixels, which overlap, as it is done by default where the bundle was trained on tiles.
        """
        target = self.manifest.target
        assert isinstance(target, BoxTarget | MaskTarget), "asked of boxes and masks alone"
        from warmstart.shipping.scenes import Marker  # with torchvision, which takes a second

        least = self.manifest.least_score if least_score is None else least_score
        marker = Marker(self.networks, self.preprocess, self.task, target, least, tile or self.manifest.tile)
        for row, error in marker.rows(samples, progress=progress):
            if error is not None and on_error == "stop":
                raise error
            yield row

    def targets(self, samples: Sequence[Sample]) -> Tensor:
        """What a loss takes, mapped by name whatever order or subset of classes the data has; of no label -1 or NaN.

        Raises `DataError` for a label that the network was not trained on.
        """
        self.refuse_unknown(samples)
        return torch.from_numpy(self.manifest.target.encode([sample.label for sample in samples]))

    def refuse_unknown(self, samples: Sequence[Sample]) -> None:
        """Raise `DataError` for a label that the network was not trained on."""
        unknown = sorted({name for sample in samples for name in sample.names} - set(self.classes))
        if unknown:
            raise DataError(
                f"the data has {len(unknown)} label(s) the bundle does not know: {', '.join(map(repr, unknown[:5]))}",
                expected=f"some of its {len(self.classes)} classes; nearest: {nearest(unknown[0], self.classes)}",
                do="rename the label, leave these samples out, or train on data that has them",
            )

    def golden(self) -> list[Sample]:
        """The real inputs that are in it. Raises `BundleError` where one was changed since."""
        sums = self.manifest.files
        names = [name for name in sums if name.startswith("golden")]
        return golden_files.stored({name: verified(self.folder, name, sums[name]) for name in names})

    def checked(self, samples: Sequence[Sample]) -> Tensor:
        """The numbers of each sample that the golden file has. Raises where one cannot be read."""
        outputs = self.outputs(samples)
        for error in outputs.errors.values():
            raise error
        return self.task.checked(outputs.outputs)
