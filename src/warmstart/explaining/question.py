"""From a bundle and a sample to what is asked of its networks, and which number of their answer is explained."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from warmstart.data.futures import ForecastTarget
from warmstart.data.scenes import BoxTarget
from warmstart.data.schema import Sample
from warmstart.explaining.asked import Asked, Pick, pick
from warmstart.preprocess.kinds import of_texts
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.reading import read, stacked
from warmstart.shipping.rows import window_of
from warmstart.shipping.words import in_words

OF_INPUT = ("detect", "tag", "forecast", "generate")
"""Tasks whose labels name a part of one answer, which another input may not have."""


@dataclasses.dataclass(frozen=True)
class Question:
    """One input, and what is explained of the answer for it.

    `outputs` (1, ...) are those of `asked` for `x` (1, ...); `sample` is as it was read; `edges` of the box that is
    explained, in pixels of `x`.
    """

    asked: Asked
    chosen: Pick
    x: Tensor
    outputs: Tensor
    sample: Sample
    edges: tuple[float, ...] | None = None


def opened(bundle: Bundle, sample: Sample) -> tuple[Sample, Tensor]:
    """A sample as it is answered for, and what the networks see of it (1, ...). Raises `WarmstartError` where it cannot
    be read.
    """
    sample = in_words([sample])[0] if bundle.task.name == "tag" else sample
    return sample, stacked([read(sample, bundle.spec)], bundle.spec)


def posed(bundle: Bundle, asked: Asked, sample: Sample, x: Tensor, label: str | None) -> Question:
    """What is asked about a sample that was `opened`.

    Raises:
        DataError: there is no such label, or nothing in the answer that could be explained.
    """
    target, edges = bundle.manifest.target, None
    with torch.inference_mode():
        if target.kind == "generate":
            from warmstart.explaining.written import text_asked

            asked, chosen, x = text_asked(asked, sample.source.parts, bundle.manifest.longest, label)
        elif isinstance(target, ForecastTarget):
            from warmstart.explaining.foretold import future_asked

            asked, chosen, x = future_asked(asked, target, window_of(sample.source), label)
        elif isinstance(target, BoxTarget):
            from warmstart.explaining.boxes import box_asked  # with torchvision, which takes a second

            asked, chosen, edges = box_asked(asked, target, x, bundle.manifest.least_score, label)
        outputs = asked.outputs(x)
    x, outputs = x.clone(), outputs.clone()  # out of inference mode, so that gradients may be asked for
    if target.kind == "tag":
        from warmstart.explaining.tagged import tag_pick

        chosen = tag_pick(target, sample.source, of_texts(bundle.spec), outputs, label)
    elif target.kind not in OF_INPUT:
        chosen = pick(asked.task, target, outputs, label)
    return Question(asked, chosen, x, outputs, sample, edges)
