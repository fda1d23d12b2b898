"""What the worker's thread does: ask the bundle, which reads and prepares inputs as it does everywhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from warmstart.data.scenes import BoxTarget, MaskTarget
from warmstart.data.schema import Sample
from warmstart.errors import WarmstartError
from warmstart.serving.about import about
from warmstart.serving.answers import as_json, data_uri
from warmstart.serving.limits import Limits
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.reading import Ready, read


@dataclasses.dataclass(frozen=True)
class Predict:
    """Rows are asked for."""

    coverage: float | None = None


@dataclasses.dataclass(frozen=True)
class Explain:
    """It is asked why."""

    label: str | None = None
    method: str | None = None


@dataclasses.dataclass(frozen=True)
class About:
    """It is asked what answers; here, since it asks the network which explanations it has."""


Asked = Predict | Explain | About


class Work:
    """Answers of a bundle, called in one thread."""

    def __init__(self, bundle: Bundle, limits: Limits) -> None:
        self._bundle, self._limits = bundle, limits
        scene = isinstance(bundle.manifest.target, BoxTarget | MaskTarget)
        self.reads_ahead = bundle.spec.kind == "image" and not scene
        """Whether inputs are decoded before they come here; of scenes the image itself is needed, to place answers."""

    def read(self, sample: Sample) -> Sample:
        """A sample that is decoded already. Called in the readers' threads."""
        try:
            return Sample(sample.id, Ready(read(sample, self._bundle.spec)))
        except WarmstartError as error:
            return Sample(sample.id, Ready(error))

    def __call__(self, asked: Asked, samples: Sequence[Sample]) -> list[dict[str, Any]]:
        """An answer for each sample; of `About` one."""
        if isinstance(asked, About):
            return [about(self._bundle, self._limits)]
        if isinstance(asked, Predict):
            return self._bundle.predict(list(samples), coverage=asked.coverage, batch_size=self._limits.max_batch)
        return [self._explained(asked, sample) for sample in samples]

    def _explained(self, asked: Explain, sample: Sample) -> dict[str, Any]:
        from warmstart.explaining.explain import explain_samples

        (row,) = self._bundle.predict([sample])
        if row["error"] is not None:
            return {"row": row, "explanation": None, "picture": None}
        # A third for the map and one for the check, so that there is an answer in time, and a shorter one if need be.
        seconds = self._limits.timeout / 3
        (found,) = explain_samples(self._bundle, [sample], method=asked.method, label=asked.label, seconds=seconds)
        picture = found.picture()
        return {
            "row": row,
            "explanation": as_json(found.to_dict()),
            "picture": None if picture is None else data_uri(picture),
        }
