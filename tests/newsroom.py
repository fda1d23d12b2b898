"""Made texts that a newcomer might bring: short news of three kinds, in the forms that people have them in."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

TOPICS = {
    "sport": ("The team", "Their captain", "The young striker", "The coach"),
    "money": ("The bank", "Its largest shareholder", "The central bank", "The company"),
    "music": ("The band", "Their singer", "The young pianist", "The orchestra"),
}
DID = {
    "sport": ("won the final after extra time", "lost the match by two goals", "was injured in the second half"),
    "money": ("raised interest rates again", "reported a loss for the quarter", "sold its shares on the exchange"),
    "music": ("released a new album", "played the concert without a break", "recorded the song in one night"),
}
WHEN = ("on Sunday", "in Leeds", "last week", "to the surprise of all", "as many had hoped")


def news(per_class: int = 20, seed: int = 0) -> list[tuple[str, str]]:
    """(text, topic), all texts different, the topics in turn."""
    rng = np.random.default_rng(seed)
    found: list[tuple[str, str]] = []
    for topic, who in TOPICS.items():
        every = [f"{a} {b} {c}." for a in who for b in DID[topic] for c in WHEN]
        found += [(every[i], topic) for i in rng.permutation(len(every))[:per_class]]
    return [found[i * per_class + j] for j in range(per_class) for i in range(len(TOPICS))]


def as_csv(path: Path, rows: list[tuple[str, str]], header: tuple[str, str] = ("text", "label")) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def as_folder(root: Path, rows: list[tuple[str, str]]) -> Path:
    """A folder of text files for each topic."""
    for i, (text, topic) in enumerate(rows):
        (root / topic).mkdir(parents=True, exist_ok=True)
        (root / topic / f"{i}.txt").write_text(text, encoding="utf-8")
    return root
