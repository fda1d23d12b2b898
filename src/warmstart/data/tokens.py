"""Texts as tokens: made once, kept in memory (two bytes each, or four of a large vocabulary), and put into batches of
much the same length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from warmstart.data.batches import Batch, batch_order
from warmstart.data.schema import Dataset, IntArray, Sample, Text
from warmstart.data.targets import TagTarget, parts_of
from warmstart.data.words import at_tokens
from warmstart.errors import DataError
from warmstart.preprocess.encoded import EncodedTexts
from warmstart.preprocess.text import Encoded, TextSpec, Tokens
from warmstart.preprocess.writing import encode_written

_AT_ONCE = 1024
"""Texts that the tokenizer is given at a time; it uses all cores."""


class Shelf(Protocol):
    """Where tokens of whole data sets outlast a run (`warmstart.cache.tokens`)."""

    def pays(self, texts: Sequence[Sequence[str]]) -> bool:
        """Whether these are worth keeping."""
        ...

    def get(self, spec: TextSpec, texts: Sequence[Sequence[str]], targets: Sequence[str | None]) -> EncodedTexts | None:
        """What was kept of them; `None` if nothing was."""
        ...

    def put(
        self,
        spec: TextSpec,
        texts: Sequence[Sequence[str]],
        targets: Sequence[str | None],
        encoded: EncodedTexts,
    ) -> bool:
        """Keep them; whether that could be done."""
        ...


class TokenStore:
    """The tokens of a data set's texts, as a spec says: what `PixelStore` is for images.

    Args:
        dataset: the samples; the source of each is a `Text`.
        spec: how they are read.
        shelf: tokens that are there are not made; what is made is put there, where that is worth it.

    Raises:
        DataError: the source of a sample is something else, or has not a word for each tag.
    """

    def __init__(self, dataset: Dataset, spec: TextSpec, *, shelf: Shelf | None = None) -> None:
        self.dataset, self.spec, self._shelf = dataset, spec, shelf
        self.found = False
        """Whether the tokens were on the shelf."""
        self._targets: Tensor | None = None
        self._encoded: EncodedTexts | None = None
        self._of_words = isinstance(dataset.target, TagTarget)

    def targets(self, indices: IntArray) -> Tensor:
        """What a loss takes of the samples at `indices`, (n, ...).

        Of tags (n, tokens of the longest of them), -1 where no word begins; of a spec that writes, the tokens that are
        to be written (n, most of these samples), -1 behind the end of each.
        """
        if self.spec.writes:
            written = self.encoded.written
            return _filled([written[int(i)] for i in indices])
        if self._targets is None:
            self._targets = torch.from_numpy(self.dataset.targets)
        found = self._targets[torch.from_numpy(indices)]
        if not self._of_words:
            return found
        longest = int(self.lengths[indices].max(initial=0))
        return at_tokens(found, self.starts(indices), longest)

    def preload(self, progress: Callable[[int], None] | None = None) -> None:
        """Make the tokens of all texts; `progress` is called with how many more are done."""
        if self._encoded is not None:
            return
        read = [_text(sample, self._of_words) for sample in self.dataset.samples]
        texts = [text.words if self._of_words else text.parts for text in read]
        labels = [sample.label for sample in self.dataset.samples]
        targets = [None if label is None or not self.spec.writes else str(label) for label in labels]
        shelf = self._shelf if self._shelf is not None and self._shelf.pays(texts) else None
        kept = None if shelf is None else shelf.get(self.spec, texts, targets)
        if kept is not None:
            self._encoded, self.found = kept, True
            if progress is not None:
                progress(len(kept))
            return
        parts: list[EncodedTexts] = []
        for start in range(0, len(texts), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            parts.append(EncodedTexts.of(self._made(texts[part], targets[part])))
            if progress is not None:
                progress(len(parts[-1]))
        self._encoded = EncodedTexts.joined(parts)
        if shelf is not None:
            shelf.put(self.spec, texts, targets, self._encoded)

    def _made(self, texts: Sequence[tuple[str, ...]], targets: Sequence[str | None]) -> list[Encoded]:
        if self._of_words:
            return self.spec.encode_words(texts)
        return encode_written(self.spec, texts, targets) if self.spec.writes else self.spec.encode(texts)

    @property
    def encoded(self) -> EncodedTexts:
        """The tokens of all texts."""
        self.preload()
        assert self._encoded is not None
        return self._encoded

    @property
    def tokens(self) -> list[Tokens]:
        """Of every text, (length, 2); made anew each time."""
        return [self.encoded.tokens(i) for i in range(len(self.dataset))]

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of every text (n,)."""
        return self.encoded.ids.lengths

    def starts(self, indices: Sequence[int] | IntArray) -> list[Tokens]:
        """The first token of each word of the texts at `indices`, (words,) each; -1 of a word that is not read."""
        starts = self.encoded.starts
        return [starts[int(i)].astype(np.int32) for i in indices]

    @property
    def cut(self) -> int:
        """How many texts are longer than what is read or written of them."""
        return int(self.encoded.cut.sum())

    def holds(self, i: int) -> bool:
        """Whether sample `i` is there without reading anything."""
        return self._encoded is not None and i < len(self._encoded)

    def shortened(self, spec: TextSpec) -> TokenStore:
        """The same tokens under a spec that reads as many as the longest text has, or more."""
        other = TokenStore(self.dataset, spec)
        other._encoded = self.encoded
        return other

    def with_more(self, dataset: Dataset) -> TokenStore:
        """The store of a data set whose first samples are those of this one; the tokens of the others are made."""
        other = TokenStore(dataset, self.spec)
        rest = TokenStore(dataset.subset(range(len(self.dataset), len(dataset))), self.spec)
        other._encoded = EncodedTexts.joined([self.encoded, rest.encoded])
        return other

    def batches(
        self,
        indices: Sequence[int] | IntArray,
        *,
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
        epoch: int = 0,
        skip: int = 0,
        order: Sequence[IntArray] | None = None,
    ) -> TokenBatches:
        """Batches of tokens; the arguments are those of `ImageBatches`."""
        chosen = np.asarray(indices, dtype=np.int64)
        if order is None:
            lengths = self.lengths[chosen] if shuffle else None
            order = batch_order(len(chosen), batch_size, shuffle, seed, epoch, lengths)
        return TokenBatches(self, [chosen[positions] for positions in order][skip:])

    def subset(self, indices: Sequence[int] | IntArray) -> TokenStore:
        """The store of `dataset.subset(indices)`, with the tokens that are there already."""
        other = TokenStore(self.dataset.subset(indices), self.spec)
        if self._encoded is not None:
            other._encoded = self._encoded.at(np.asarray(indices, dtype=np.int64))
        return other


class TokenBatches:
    """Tokens (n, longest of the batch, 2), int64; -1 behind the end of a text."""

    def __init__(self, store: TokenStore, batches: Sequence[IntArray]) -> None:
        self._store, self._batches = store, batches

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        for index in self._batches:
            inputs = torch.from_numpy(self._store.encoded.padded(index))
            yield Batch(inputs, self._store.targets(index), torch.from_numpy(index))


def padded(texts: Sequence[Tokens]) -> torch.Tensor:
    """Tokens (n, longest, 2) of several texts.

    >>> padded([np.array([[5, 0], [6, 0]], np.int32), np.array([[7, 0]], np.int32)])[..., 0].tolist()
    [[5, 6], [7, -1]]
    """
    found = torch.full((len(texts), max(len(text) for text in texts), 2), -1, dtype=torch.int64)
    for row, text in zip(found, texts, strict=True):
        row[: len(text)] = torch.from_numpy(text)
    return found


def _filled(rows: Sequence[npt.NDArray[np.integer]]) -> Tensor:
    """Numbers (n, longest), with -1 behind each row; one column at least."""
    found = torch.full((len(rows), max([1, *map(len, rows)])), -1, dtype=torch.int64)
    for row, numbers in zip(found, rows, strict=True):
        row[: len(numbers)] = torch.from_numpy(numbers.astype(np.int64))
    return found


def _text(sample: Sample, of_words: bool) -> Text:
    source, label = sample.source, sample.label
    if not isinstance(source, Text):
        raise DataError(
            f"sample {sample.id!r} is no text but a {type(source).__name__}",
            expected="texts, for a backbone that reads texts",
            do="name a backbone for images with --backbone",
        )
    if of_words and (not source.words or len(parts_of(label or source.words)) != len(source.words)):
        raise DataError(
            f"sample {sample.id!r} has {len(source.words)} word(s) and {len(parts_of(label or ()))} tag(s)",
            expected="words, and a tag for each",
        )
    return source
