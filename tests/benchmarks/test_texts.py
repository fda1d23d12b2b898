"""Contenders of texts and what is measured on texts, on a few real sentences."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks.contenders import CONTENDERS
from benchmarks.process import REPOSITORY
from benchmarks.sources import SOURCES, Pool, Source

from benchmarks import frozen_work
from warmstart.model.catalog import load_backbone
from warmstart.planning.profile import profile

SAID = {
    "hotel": ["The room was clean and quiet.", "Breakfast was a delight.", "The bed was hard.", "We slept well there."],
    "money": ["Shares fell again today.", "The bank raised its rates.", "Profits doubled.", "He sold all his stock."],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part in ("train", "test"):
        for label, texts in SAID.items():
            (tmp_path / part / label).mkdir(parents=True)
            for i, text in enumerate(texts):
                (tmp_path / part / label / f"{i}.txt").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", ["tfidf", pytest.param("sentence-logistic", marks=pytest.mark.slow)])
def test_a_contender_answers_for_every_test_text(name: str, folder: Path) -> None:
    contender = CONTENDERS[name]
    command = [sys.executable, "-m", f"benchmarks.contenders.{contender.module}", "--out", str(folder / "out.json")]
    command += ["--train", str(folder / "train"), "--test", str(folder / "test"), "--tokens", "16", *contender.args]
    subprocess.run(command, check=True, cwd=REPOSITORY, capture_output=True)
    answer = json.loads((folder / "out.json").read_text())
    truth = {f"{label}/{i}.txt": label for label, texts in SAID.items() for i in range(len(texts))}
    assert answer["predictions"].keys() == truth.keys()
    right = sum(answer["predictions"][file] == label for file, label in truth.items())
    assert right >= len(truth) - 1, "these are the texts that it learned from"
    assert answer["facts"]["C"] > 0


@pytest.fixture
def news(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """In the place of BBC News: nothing is fetched."""
    texts = [" ".join(f"{topic}{i} word{j}" for j in range(20)) + "\n\nThe end." for topic in "abc" for i in range(5)]
    pool = Pool(np.array(texts, dtype=object), np.repeat(np.arange(3), 5))
    monkeypatch.setitem(SOURCES, "bbc", Source("bbc", "", ("a", "b", "c"), False, lambda: (pool, None), "text"))
    return texts


def test_texts_are_cut_out_of_articles_each_once(news: list[str], tmp_path: Path) -> None:
    from benchmarks.micro import articles

    assert sorted(text for text, _ in articles.articles(100)) == sorted(news)
    short = articles.short_texts(50)
    assert len({text for text, _ in short}) == 50
    assert all(len(text.split()) == articles.WINDOW and text.split()[0][0] in topic + "w" for text, topic in short)
    assert articles.paragraphs(100).count("The end.") == len(articles.paragraphs(100)) // 2
    with pytest.raises(SystemExit, match="are wanted"):
        articles.short_texts(10_000)
    assert articles.write(short, tmp_path / "t.csv").read_text(encoding="utf-8").startswith("text,label\n")


def test_real_tokens_are_counted_and_padding_is_not() -> None:
    from benchmarks.micro.encoding import SIZE, cost

    work, tokens = cost(["one two three", "one"])
    assert tokens == 5 + 3
    long, most = cost(["one " * 1000])
    assert most == SIZE
    assert work / tokens < long / most, "attention grows with the length"
    backbone = load_backbone("minilm")
    counted = profile(backbone, 0, len(backbone.chain.cuts) - 1, 8).flops / 8  # by torch, so far without attention
    assert work / tokens == pytest.approx(counted, rel=0.01)


def test_quick_is_for_the_parts_that_know_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["frozen_work.py", "gradual", "--quick"])
    with pytest.raises(SystemExit):
        frozen_work.main()
