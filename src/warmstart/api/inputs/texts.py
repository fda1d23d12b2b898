"""Texts as a run works on them: their tokens made once, as long as they need to be, and looked at."""

from __future__ import annotations

import dataclasses
import math

from warmstart.cache.tokens import TokenShelf
from warmstart.data.audit import Look
from warmstart.data.schema import Dataset, Text
from warmstart.data.textscan import read_texts
from warmstart.data.tokens import TokenStore
from warmstart.engine.events import Advanced, Decided, Finished, Listener, Started
from warmstart.engine.machine import cores
from warmstart.errors import RecipeError
from warmstart.model.backbone import Backbone
from warmstart.planning.profile import profile
from warmstart.preprocess.kinds import of_texts
from warmstart.preprocess.text import TextSpec

STEP = 16
"""Tokens; as many as a run reads are a multiple of it, so that data with one longer text finds what was stored."""


SHARE = 0.3
"""Of the time there is, that reading all texts once may take, by `NOMINAL`; else less is read of each."""
LEAST = 64
"""Tokens that are read in any case."""
NOMINAL = 4e10
"""Operations per second of a core, about. Not measured: a run that is resumed has to read as much as it did."""


def read_all_texts(
    dataset: Dataset,
    backbone: Backbone,
    size: int | None,
    listener: Listener,
    seconds: float = math.inf,
    shelf: TokenShelf | None = None,
) -> tuple[TokenStore, list[Look]]:
    """Make the tokens of every text, no more than the longest has. What is no text has an error in its look.

    Without a `size`, long texts are read half as far, and again, where the network would take too much of `seconds`.
    """
    listener(Started("read", len(dataset)))
    looks = read_texts(dataset)
    readable = [
        sample if isinstance(sample.source, Text) else dataclasses.replace(sample, source=Text(("",)))
        for sample in dataset.samples
    ]
    store = TokenStore(dataclasses.replace(dataset, samples=tuple(readable)), _sized(backbone, size), shelf=shelf)
    store.preload(lambda n: listener(Advanced("read", n)))
    own = store.spec.size
    while size is None and store.spec.size >= 2 * LEAST and _seconds(store, backbone) > SHARE * seconds:
        store = TokenStore(store.dataset, store.spec.with_size(store.spec.size // 2), shelf=shelf)
    listener(Finished("read"))
    if store.found:
        listener(Decided(f"the tokens of all {len(dataset)} texts are in the cache"))
    if store.spec.size < own:
        why = f"all {own} that the weights were trained on would take more than {SHARE:.0%} of the time"
        listener(Decided(f"{store.spec.size} tokens of a text are read: {why} (--size {own} reads them)"))
    if cut := store.cut:
        of = f"{cut} of {len(dataset)} texts ({cut / len(dataset):.0%})"
        listener(Decided(f"{of} are longer than the {store.spec.size} tokens that are read; their rest is left out"))
    needed = min(-(-int(store.lengths.max(initial=1)) // STEP) * STEP, store.spec.size)
    if needed < store.spec.size:
        store = store.shortened(store.spec.with_size(needed))
        listener(Decided(f"texts are read up to {needed} tokens, which is all that the longest has"))
    return store, looks


def _seconds(store: TokenStore, backbone: Backbone) -> float:
    """How long the network takes to read all texts once, about."""
    last = len(backbone.chain.cuts) - 1
    each = profile(backbone, 0, last, LEAST).flops / LEAST
    return float(store.lengths.sum()) * each / (NOMINAL * cores())


def _sized(backbone: Backbone, size: int | None) -> TextSpec:
    own = of_texts(backbone.spec)
    if size is None:
        return own
    if not backbone.card.min_size <= size <= own.limit:
        raise RecipeError(
            f"size {size} for texts",
            expected=f"{backbone.card.min_size} to {own.limit} tokens, which {backbone.card.name} has positions for",
            do="leave it out: texts are read as far as the weights were trained to",
        )
    return own.with_size(size)
