"""Texts without a label, beside those of a run: further pretraining learns from them, and nothing else does."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from warmstart.api.inputs.prepare import Loaded
from warmstart.data.schema import PLURAL, Sample, Text
from warmstart.data.sources import load_inputs
from warmstart.data.tokens import TokenStore
from warmstart.engine.events import Decided, Listener
from warmstart.errors import DataError


def with_unlabelled(loaded: Loaded, data: Any, *, text_column: str | None, listener: Listener) -> Loaded:
    """The data of a run with more texts, which are of no part; `data` as `predict` takes them.

    They are read as far as those with a label are. What is empty, or no text, is left out and counted.

    Raises:
        DataError: the run is of other inputs, or there is no text.
    """
    if not isinstance(loaded.store, TokenStore):
        raise DataError(
            f"unlabelled inputs are given, and the data are {PLURAL[loaded.dataset.kind]}",
            expected="texts, which a step can go on pretraining on",
            do="leave --unlabelled out; a backbone is pretrained on others with: warmstart pretrain DATA",
        )
    found = load_inputs(data, kind="text", text_column=text_column)
    read = [one for one in found if isinstance(one.source, Text) and not one.source.empty]
    if not read:
        raise DataError(f"none of {len(found)} unlabelled inputs holds a text", expected="at least one")
    more = tuple(Sample(f"unlabelled: {one.id}", one.source) for one in read)
    samples = loaded.dataset.samples
    dataset = dataclasses.replace(loaded.dataset, samples=(*samples, *more))
    split = dataclasses.replace(loaded.split, unlabelled=np.arange(len(samples), len(samples) + len(more)))
    left = f"; {len(found) - len(read)} without a text are left out" if len(read) < len(found) else ""
    listener(Decided(f"{len(more)} unlabelled texts, which only a step that goes on pretraining learns from{left}"))
    return dataclasses.replace(loaded, dataset=dataset, split=split, store=loaded.store.with_more(dataset))
