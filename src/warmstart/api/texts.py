"""Texts as a run works on them: their tokens made once, as long as they need to be, and looked at."""

from __future__ import annotations

import dataclasses

from warmstart.data.audit import Look
from warmstart.data.schema import Dataset, Text
from warmstart.data.textscan import read_texts
from warmstart.data.tokens import TokenStore
from warmstart.engine.events import Advanced, Decided, Finished, Listener, Started
from warmstart.errors import RecipeError
from warmstart.model.backbone import Backbone
from warmstart.preprocess.kinds import of_texts
from warmstart.preprocess.text import TextSpec

STEP = 16
"""Tokens; as many as a run reads are a multiple of it, so that data with one longer text finds what was stored."""


def read_all_texts(
    dataset: Dataset, backbone: Backbone, size: int | None, listener: Listener
) -> tuple[TokenStore, list[Look]]:
    """Make the tokens of every text, no more than the longest has. What is no text has an error in its look."""
    own = of_texts(backbone.spec)
    wanted = _sized(own, size, backbone)
    listener(Started("decode", len(dataset)))
    looks = read_texts(dataset)
    readable = [
        sample if isinstance(sample.source, Text) else dataclasses.replace(sample, source=Text(("",)))
        for sample in dataset.samples
    ]
    store = TokenStore(dataclasses.replace(dataset, samples=tuple(readable)), wanted)
    store.preload(lambda n: listener(Advanced("decode", n)))
    listener(Finished("decode"))
    cut, longest = store.cut, int(store.lengths.max(initial=1))
    if cut:
        share = (
            f"{cut} of {len(dataset)} texts ({cut / len(dataset):.0%}) are longer than the {wanted.size} tokens read"
        )
        listener(Decided(f"{share}; the rest of them is left out"))
    needed = min(-(-longest // STEP) * STEP, wanted.size)
    if needed < wanted.size:
        store = store.shortened(wanted.with_size(needed))
        listener(Decided(f"texts are read up to {needed} tokens, which is all that the longest has"))
    return store, looks


def _sized(own: TextSpec, size: int | None, backbone: Backbone) -> TextSpec:
    if size is None:
        return own
    if not backbone.card.min_size <= size <= own.limit:
        raise RecipeError(
            f"size {size} for texts",
            expected=f"{backbone.card.min_size} to {own.limit} tokens, which {backbone.card.name} has positions for",
            do="leave it out: texts are read as far as the weights were trained to",
        )
    return own.with_size(size)
