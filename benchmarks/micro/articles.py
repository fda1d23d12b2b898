"""Articles of BBC News, and what is cut out of them, for the parts that read texts."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from benchmarks.sources import SOURCES

WINDOW, STEP = 12, 6
"""Words of a short text, about 16 tokens, and how far on in the article the next one begins."""


def articles(count: int) -> list[tuple[str, str]]:
    """So many texts with their topics, in a random order that is always the same."""
    source = SOURCES["bbc"]
    pool, _ = source.read()
    order = np.random.default_rng(0).permutation(len(pool.labels))[:count]
    return [(pool.inputs[i], source.classes[pool.labels[i]]) for i in order]


def paragraphs(count: int) -> list[str]:
    """So many paragraphs, of very different lengths."""
    found = [part.strip() for text, _ in articles(count) for part in text.split("\n") if part.strip()]
    return [found[i] for i in np.random.default_rng(0).permutation(len(found))[:count]]


def short_texts(count: int) -> list[tuple[str, str]]:
    """So many different runs of words with their topics; an article gives many, which share half of their words."""
    found: dict[str, str] = {}
    for text, topic in articles(1 << 20):
        words = text.split()
        for start in range(0, len(words) - WINDOW, STEP):
            found.setdefault(" ".join(words[start : start + WINDOW]), topic)
    texts = list(found.items())
    if len(texts) < count:
        raise SystemExit(f"BBC News has {len(texts)} runs of {WINDOW} words, {count} are wanted")
    return [texts[i] for i in np.random.default_rng(0).permutation(len(texts))[:count]]


def write(texts: list[tuple[str, str]], path: Path) -> Path:
    """As CSV with the columns text and label."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *texts])
    return path
