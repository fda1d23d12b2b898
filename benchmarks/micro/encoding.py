"""Frozen encoding of texts with minilm, from strings to features, counted in real tokens: what is padded is no work.

Each measurement is a process of its own: sentence-transformers' `encode`, with the allocator's defaults and with freed
buffers kept; transformers with every text padded to as many tokens as are read at most; warmstart in torch, and in the
runtime and batch size that it chooses by itself. The others are shown at the best of two batch sizes. Articles are
almost all as long as is read, paragraphs are of very different lengths.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from benchmarks.contenders import minilm
from benchmarks.micro.articles import articles, paragraphs
from benchmarks.micro.extraction import peak
from benchmarks.micro.measure import Figures, Run, Table, interleaved, machine, median, own_process
from benchmarks.packages import UnavailableError
from warmstart.cache.features import activations
from warmstart.cache.store import ActivationStore
from warmstart.cache.wanted import BATCH
from warmstart.data.schema import ClassTarget, Dataset, Sample, Split, Text
from warmstart.data.tokens import TokenStore
from warmstart.engine.allocator import keep_buffers
from warmstart.engine.data import RunData
from warmstart.engine.extraction import choose, difference
from warmstart.model.backbone import Backbone
from warmstart.model.catalog import load_backbone
from warmstart.preprocess.kinds import of_texts

MODULE = "benchmarks.micro.encoding"
SIZE, BATCHES, PLANNED = 256, (8, 32), 2000
SETS: dict[str, tuple[int, int]] = {"articles": (96, 12), "paragraphs": (800, 64)}
"""How many texts, and how many when all that is asked is whether it runs."""
SENTENCES, KEPT, PADDED = (
    "sentence-transformers",
    "sentence-transformers, buffers kept",
    "transformers, padded to the most",
)
OURS, IN_TORCH = "warmstart", "warmstart, torch"
WAYS = (SENTENCES, KEPT, PADDED, IN_TORCH, OURS)
Encode = Callable[[list[str], int], Tensor]
"""Texts and a batch size to features."""


def run(repeats: int, *, quick: bool = False) -> Table:
    """Both sets, each in its own turns."""
    rows, figures, notes = [], Figures(), [f"{machine()}; minilm, {SIZE} tokens at most, float32; medians of {repeats}"]
    for name, (count, few) in list(SETS.items())[quick:]:
        count = few if quick else count
        work, tokens = cost(texts_of(name, count))
        before = peak()
        runs: dict[str, Run] = {
            way: functools.partial(own_process, "-m", MODULE, name, str(count), way) for way in WAYS
        }
        found = interleaved(runs, repeats, uncounted=0)
        most = max(before, peak(), key=lambda measured: measured.flops)
        seconds = {way: min(median(found, way, key) for key in found[way] if key.isdigit()) for way in WAYS}
        for way in WAYS:
            batch = min((key for key in found[way] if key.isdigit()), key=lambda key: median(found, way, key))
            rows.append(
                (
                    name,
                    way,
                    batch,
                    f"{tokens / seconds[way]:.0f}",
                    f"{seconds[SENTENCES] / seconds[way]:.2f}",
                    f"{most.share(work / seconds[way]):.0%}",
                    f"{median(found, way, 'difference'):.0e}",
                )
            )
        figures |= {f"{name} {way}": value for way, value in found.items()}
        notes.append(
            f"{count} {name}: {tokens} tokens, {work / 1e9:.0f} GFLOP; the peak is a float32 matrix product's by "
            f"{most.library}, {most.flops / 1e9:.0f} GFLOP/s on {most.threads} threads"
        )
    header = ("texts", "way", "batch", "tokens/s", f"x {SENTENCES}", "of the peak", "difference")
    return Table("Frozen encoding of texts", header, tuple(rows), tuple(notes), figures)


def texts_of(name: str, count: int) -> list[str]:
    """The texts of a set."""
    return [text for text, _ in articles(count)] if name == "articles" else paragraphs(count)


def data_of(texts: list[str], backbone: Backbone) -> RunData:
    """As a run has them that has stored nothing."""
    spec = of_texts(backbone.spec).with_size(SIZE)
    samples = tuple(Sample(f"row-{i}", Text((text,)), "a") for i, text in enumerate(texts))
    dataset = Dataset(samples, ClassTarget(("a", "b")), name="texts")
    split = Split(np.arange(len(texts)), np.arange(0), np.arange(0), how="all")
    return RunData(dataset, split, TokenStore(dataset, spec), spec, ActivationStore(None))


def cost(texts: list[str]) -> tuple[float, int]:
    """Operations that the real tokens take, two per multiply-add, and how many tokens they are.

    In every layer each token meets four matrices of attention and two of the feed-forward part, and in attention each
    other token of its own text twice. (torch's counter knows no attention on a CPU.)
    """
    facts = json.loads((minilm.folder() / "config.json").read_text(encoding="utf-8"))
    width, layers = facts["hidden_size"], facts["num_hidden_layers"]
    matrices = 4 * width**2 + 2 * width * facts["intermediate_size"]
    lengths = data_of(texts, load_backbone("minilm")).store.lengths.astype(float)  # type: ignore[union-attr]
    return float(2 * layers * (matrices * lengths + 2 * width * lengths**2).sum()), int(lengths.sum())


def main() -> None:
    """What such a process does: seconds for all texts, by batch size, and the difference from sentence-transformers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("set")
    parser.add_argument("count", type=int)
    parser.add_argument("way", choices=WAYS)
    args = parser.parse_args()
    if args.way not in (SENTENCES, PADDED):
        keep_buffers()
    texts = texts_of(args.set, args.count)
    encode, batches = prepare(args.way, texts)
    found: dict[str, float] = {}
    features = torch.empty(0)
    encode(texts[: 2 * BATCH], batches[0])  # does not count
    for batch in batches:
        began = time.perf_counter()
        features = encode(texts, batch)
        found[str(batch)] = time.perf_counter() - began
    expected = features if args.way in (SENTENCES, KEPT) else by_sentences()(texts, BATCHES[-1])
    print(json.dumps({**found, "difference": difference(features, expected)}))


def prepare(way: str, texts: list[str]) -> tuple[Encode, tuple[int, ...]]:
    """The function, and the batch sizes that it is tried at."""
    if way == PADDED:
        return by_padding(), BATCHES
    if way in (SENTENCES, KEPT):
        return by_sentences(), BATCHES
    backbone, runtime, batch = load_backbone("minilm"), "torch", BATCH
    if way == OURS:
        data = data_of(texts[: 4 * BATCH], backbone)
        began = time.perf_counter()
        activations(data.wanted(backbone.chain), -1, np.arange(len(data.dataset)))
        choice = choose(backbone, data, PLANNED, len(data.dataset) / (time.perf_counter() - began))
        runtime, batch = choice.runtime, choice.batch
    return functools.partial(by_warmstart, backbone, runtime), (batch,)


def by_sentences() -> Encode:
    """As its users do it."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(minilm.folder()), device="cpu")
    model.max_seq_length = SIZE
    return lambda texts, batch: model.encode(texts, batch_size=batch, convert_to_tensor=True, show_progress_bar=False)


def by_padding() -> Encode:
    """Transformers in the order of the texts, each padded to `SIZE` tokens."""
    from transformers import AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(minilm.folder()), minilm.backbone()

    def encode(texts: list[str], batch: int) -> Tensor:
        parts = []
        for start in range(0, len(texts), batch):
            read = tokenizer(
                texts[start : start + batch],
                padding="max_length",
                truncation=True,
                max_length=SIZE,
                return_tensors="pt",
            )
            with torch.inference_mode():
                hidden, mask = model(**read).last_hidden_state, read["attention_mask"].unsqueeze(-1)
            parts.append(torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1))
        return torch.cat(parts)

    return encode


def by_warmstart(backbone: Backbone, runtime: str, texts: list[str], batch: int) -> Tensor:
    """As a run does it, nothing stored before."""
    data = dataclasses.replace(data_of(texts, backbone), runtime=runtime, batch=batch)
    return activations(data.wanted(backbone.chain), -1, np.arange(len(texts)))


if __name__ == "__main__":
    try:
        main()
    except UnavailableError as reason:
        raise SystemExit(str(reason)) from None
