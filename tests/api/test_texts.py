"""Texts as a newcomer tries them, from files on disk to answers; and images in their place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.model.text.tiny import save
from tests.newsroom import TOPICS, as_csv, as_folder, news
from warmstart.api.compare import compare
from warmstart.api.evaluate import evaluate
from warmstart.api.fit import FitResult, fit
from warmstart.api.plan import plan
from warmstart.api.predict import predict
from warmstart.api.recommend import RecommendResult, recommend
from warmstart.errors import BackboneError, DataError
from warmstart.shipping.bundle import Bundle

OF_IMAGES = re.compile(r"\b(?:images?|photos?|pictures?|pixels?|px)\b", re.IGNORECASE)
NEW = ["The goalkeeper won them the cup final.", "Shares of the bank fell.", "The pianist played an old song."]
TOLD = ["sport", "money", "music"]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return as_csv(tmp_path_factory.mktemp("news") / "news.csv", news())


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"hf:{save(tmp_path_factory.mktemp('tiny'))}"


@pytest.fixture(scope="module")
def fitted(table: Path, tmp_path_factory: pytest.TempPathFactory) -> FitResult:
    place = tmp_path_factory.mktemp("fitted")
    return fit(table, recipe="probe", baseline="simple", out=place / "run", cache=place / "cache")


@pytest.fixture(scope="module")
def recommended(tiny: str, tmp_path_factory: pytest.TempPathFactory) -> RecommendResult:
    place = tmp_path_factory.mktemp("recommended")
    data = as_csv(place / "news.csv", news(12), ("body", "desk"))
    options: dict[str, Any] = {"text_column": "body", "label_column": "desk", "cache": place / "cache"}
    return recommend(data, backbones=[tiny, "minilm"], budget="20s", out=place / "run", **options)


def labels(rows: Sequence[dict[str, Any]]) -> list[Any]:
    return [row["label"] for row in rows]


def test_a_table_of_texts_becomes_a_model_that_knows_new_ones(fitted: FitResult) -> None:
    assert fitted.outcome.backbone["name"] == "minilm"
    assert [rung.name for rung in fitted.outcome.rungs] == ["tfidf", "probe", "final"]
    assert fitted.outcome.test["accuracy"].value > 0.9
    assert labels(fitted.predict(NEW)) == TOLD


def test_every_form_of_new_texts_is_answered_in_its_order(fitted: FitResult, tmp_path: Path) -> None:
    turned = NEW[::-1]
    frame = pd.DataFrame({"review": turned, "id": [7, 8, 9]})
    frame.to_csv(tmp_path / "new.csv", index=False)
    (tmp_path / "files").mkdir()
    for i, text in enumerate(turned):
        (tmp_path / "files" / f"{i + 9}.txt").write_text(text)  # 9, 10, 11
    forms = [turned, tuple(turned), np.array(turned), frame, tmp_path / "new.csv", str(tmp_path / "files")]
    bundle = Bundle.load(fitted.bundle)
    for form in forms:
        assert labels(bundle.predict(form)) == TOLD[::-1], form
    assert labels(bundle.predict(NEW[0])) == ["sport"]
    assert labels(fitted.predict(frame.rename(columns={"review": "b"}), text_column="b")) == TOLD[::-1]
    files = predict(fitted.bundle, tmp_path / "files")
    predict(fitted.bundle, tmp_path / "files", out=tmp_path / "answers.csv")
    assert [Path(row["input"]).name for row in files] == ["9.txt", "10.txt", "11.txt"]
    assert pd.read_csv(tmp_path / "answers.csv")["label"].tolist() == TOLD[::-1]


def test_what_holds_no_text_has_a_row_that_says_so(fitted: FitResult, tmp_path: Path) -> None:
    rows = fitted.predict([NEW[0], None, float("nan"), pd.NA, "", "  \n", NEW[1]])
    assert labels(rows) == ["sport", None, None, None, None, None, "money"]
    assert [row["error"] for row in rows[1:6]] == [f"row-{i} is empty" for i in range(1, 6)]
    gaps = pd.DataFrame({"text": [NEW[0], None, NEW[2]]})
    gaps.to_csv(tmp_path / "gaps.csv", index=False)
    bundle = Bundle.load(fitted.bundle)
    for form in (gaps, tmp_path / "gaps.csv"):
        assert labels(bundle.predict(form)) == ["sport", None, "music"]
    (tmp_path / "a.txt").write_bytes(bytes(range(256)) * 9)
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99))
    rows = predict(fitted.bundle, [str(tmp_path / "a.txt"), NEW[0], str(tmp_path / "a.png"), "gone.txt"])
    assert labels(rows) == [None, "sport", None, None]
    assert all("is no text" in rows[i]["error"] for i in (0, 2, 3))


def test_labelled_texts_in_files_measure_a_bundle(fitted: FitResult, tmp_path: Path) -> None:
    found = evaluate(fitted.bundle, as_folder(tmp_path / "held", news(6, seed=5)))
    assert found["n"] == 18
    assert found["metrics"]["accuracy"].value > 0.9
    with pytest.raises(DataError, match="images are found, and texts are to be read"):
        evaluate(fitted.bundle, (np.zeros((4, 8, 8), np.uint8), ["sport", "money"] * 2))


def test_the_bundle_s_card_speaks_of_texts_and_how_they_are_read(fitted: FitResult) -> None:
    card = (fitted.bundle / "README.md").read_text(encoding="utf-8")
    assert "of a longer one the first 32 are read. Its features are the mean of all tokens, at length one." in card
    assert "base_model: sentence-transformers/all-MiniLM-L6-v2" in card
    assert not OF_IMAGES.findall(card)


def test_plan_divides_as_fit_does_with_copies_in_one_part(tiny: str, tmp_path: Path) -> None:
    rows = news(14)
    data = as_csv(tmp_path / "news.csv", rows + [(text.upper(), topic) for text, topic in rows[:9]])
    found = plan(data, recipe="probe", backbone=tiny)
    run = fit(data, recipe="probe", backbone=tiny, baseline="none", out=tmp_path / "run").outcome
    assert (found.data.train, found.data.val) == (run.split["train"], run.split["val"])
    assert found.data.size == run.preprocess["size"]
    assert len(run.audit["duplicates"]) == 9
    assert not run.audit["leaks"]


def test_a_tune_of_texts_is_not_smoothed(tiny: str, table: Path) -> None:
    phase = plan(table, recipe="lp_ft", backbone=tiny).steps[1]
    assert phase.phase.label_smoothing == 0.0  # type: ignore[union-attr]  # the second step is the tune


@pytest.mark.parametrize(
    ("backbone", "data", "says"),
    [
        ("minilm", "digits", "digits: images are found, and texts are to be read"),
        ("toy", "news.csv", "news.csv: texts are found, and images are to be read"),
        ("toy", "news", "news: texts are found, and images are to be read"),
    ],
)
@pytest.mark.parametrize("command", [fit, compare, plan, recommend])
def test_data_of_the_other_kind_are_refused_before_anything_is_done(
    command: Any, backbone: str, data: str, says: str, digits_folder: Path, tmp_path: Path
) -> None:
    as_csv(tmp_path / "news.csv", news(4))
    as_folder(tmp_path / "news", news(4))
    named = {"backbones" if command in (compare, recommend) else "backbone": backbone}
    named |= {"recipe": "probe"} if command is plan else {"out": str(tmp_path / "run")}
    with pytest.raises(DataError, match=says) as error:
        command(tmp_path / data, **named)
    assert "leave --backbone out" in error.value.do
    assert not list((tmp_path / "run").glob("*.html"))


def test_files_that_are_no_texts_are_called_texts_that_cannot_be_read(tiny: str, tmp_path: Path) -> None:
    root = as_folder(tmp_path / "news", news(8))
    for i in range(3):
        (root / "sport" / f"bad{i}.txt").write_bytes(bytes(range(256)) * 9)
    with pytest.raises(DataError, match=r"3 of 27 texts cannot be read; the first: sport/bad0\.txt"):
        fit(root, backbone=tiny, recipe="probe", out=tmp_path / "run")
    run = fit(
        root, backbone=tiny, recipe="probe", baseline="none", out=tmp_path / "run", max_unreadable=0.2
    )  # as many as may be
    assert "3 of 27 texts cannot be read and are left out" in run.outcome.decisions


def test_recommend_ranks_backbones_for_texts_by_what_their_features_are_worth(recommended: RecommendResult) -> None:
    found = recommended.recommendation
    assert (found.kind, found.backbone) == ("text", "minilm")
    first, second = found.candidates
    assert first.rounds[-1].best.value > 0.9 > second.rounds[-1].best.value
    assert {one.prior_basis for one in found.candidates} == {"unrated"}
    assert (first.size, second.size) == (32, 32)  # as the longest text has, by the tokens of each
    assert set(first.rounds[-1].accuracy) == {"knn", "ridge"}
    assert first.transferability
    assert found.tuned[0].backbone == "minilm"
    assert {rung.name for rung in found.tuned[0].rungs} >= {"probe", "lp_ft"}


def test_what_recommend_says_is_of_texts_and_can_be_gone_on_with(recommended: RecommendResult) -> None:
    found = recommended.recommendation
    assert "--backbone minilm" in found.next_command
    assert "--text-column body --label-column desk" in found.next_command
    page = re.sub(r"<(style|script).*?</\1>|data:[^\"']*", "", recommended.report.read_text(), flags=re.DOTALL)
    assert not OF_IMAGES.findall(re.sub(r"<[^>]*>", " ", page))
    assert "texts at up to 32 tokens" in page
    assert found.decisions[0].startswith("candidates, which nothing published ranks: hf:")


def test_by_default_recommend_looks_at_what_reads_texts(table: Path, tmp_path: Path) -> None:
    rows = pd.read_csv(table).groupby("label").head(8)
    found = recommend(rows, budget="8s", out=tmp_path / "run").recommendation
    assert [one.backbone for one in found.candidates] == ["minilm"]
    assert found.why.startswith("minilm is the only backbone that was looked at")
    assert not found.elsewhere


def test_backbones_of_two_kinds_are_not_compared_on_one_data_set(tiny: str, table: Path) -> None:
    with pytest.raises(BackboneError, match=f"toy reads images, {tiny} reads texts"):
        recommend(table, backbones=["toy", tiny])


def test_topics_are_as_many_as_are_made() -> None:
    rows = news()
    assert len(set(rows)) == 60
    assert {topic for _, topic in rows} == set(TOPICS)


@pytest.mark.slow
def test_a_recipe_goes_on_pretraining_on_texts_without_labels(table: Path, tmp_path: Path) -> None:
    more = tmp_path / "more.csv"
    pd.DataFrame({"text": [text for text, _ in news(20, seed=9)[:12]] + [""]}).to_csv(more, index=False)
    recipe = "further_pretrain?pretrain_epochs=1&epochs=1"
    done = fit(table, recipe=recipe, unlabelled=more, size=16, baseline="none", out=tmp_path / "run")
    said = " ".join(done.outcome.decisions)
    assert "12 unlabelled texts" in said
    assert "1 without a text are left out" in said
    assert sum(int(done.outcome.split[part]) for part in ("train", "val", "test")) == 60
    assert labels(done.predict(NEW[:1]))[0] in TOPICS


def test_images_have_no_use_for_texts_without_labels(digits_folder: Path) -> None:
    with pytest.raises(DataError, match="the data are images"):
        fit(digits_folder, unlabelled=["A text."], backbone="toy")


@pytest.mark.slow
def test_few_texts_are_contrasted_too(tmp_path: Path) -> None:
    table = as_csv(tmp_path / "few.csv", news(8))
    done = fit(table, size=16, budget="3m", out=tmp_path / "run")
    assert "contrastive" in [rung.name for rung in done.outcome.rungs]
