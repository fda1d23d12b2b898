"""Explanations of one part of an answer: a box, the tag of a word, a step that is forecast, a text that is written."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from tests.explaining.parts import CELL, of_boxes, of_future, of_tags, scene
from tests.exporting import bundles
from warmstart.data.schema import Series, Text
from warmstart.errors import DataError
from warmstart.explaining import checked, pace
from warmstart.explaining.explain import explain_samples, methods_for
from warmstart.explaining.integrated import INTEGRATED, Integrated
from warmstart.explaining.occlusion import FEW, MOST
from warmstart.explaining.pictures import plotted
from warmstart.explaining.places import speaking
from warmstart.preprocess.writing import encode_written
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.reading import as_samples
from warmstart.task.generate import GENERATE


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return of_boxes(tmp_path_factory.mktemp("boxes") / "bundle")


@pytest.fixture(scope="module")
def tags(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return of_tags(tmp_path_factory.mktemp("tags") / "bundle")


@pytest.fixture(scope="module")
def future(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return of_future(tmp_path_factory.mktemp("future") / "bundle")


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundles.generate(tmp_path_factory.mktemp("writer") / "bundle")[0]


def share(map_: np.ndarray, cell: tuple[int, int]) -> float:
    """Of a map, in a cell and half a cell around it."""
    top, left = (max(0, round(place * CELL - CELL / 2)) for place in cell)
    return float(speaking(map_)[top : top + 2 * CELL, left : left + 2 * CELL].sum())


@pytest.mark.parametrize("method", ["gradcam", "occlusion"])
def test_each_box_rests_on_its_own_patch(boxes: Bundle, method: str) -> None:
    cells = ((0, 0), (3, 2))
    sample = as_samples([scene(*cells, seed=90)])
    rows = boxes.predict(list(sample))[0]["boxes"]
    assert {tuple(round(edge) for edge in row["box"][:2]) for row in rows[:2]} == {(0, 0), (32, 48)}
    for number, row in enumerate(rows[:2], start=1):
        own = (round(row["box"][1]) // CELL, round(row["box"][0]) // CELL)
        (other,) = {*cells} - {own}
        (one,) = explain_samples(boxes, sample, method=method, label=str(number), check=False)
        assert one.label == row["label"]
        assert one.probability == pytest.approx(row["score"], abs=1e-4)
        assert one.box == pytest.approx(tuple(row["box"]), abs=1e-3)
        assert one.size == (64, 64)
        assert one.map is not None
        assert share(one.map, own) > 2 * share(one.map, other)
        assert one.drop is not None
        assert one.drop.important > one.drop.elsewhere
        picture = one.picture()
        assert picture is not None
        with Image.open(io.BytesIO(picture)) as image:
            assert image.width > 2 * image.height


def test_boxes_are_checked_with_shuffled_weights_and_where_there_is_none_it_is_said(boxes: Bundle) -> None:
    assert methods_for(boxes) == ["gradcam", "occlusion"]
    found, none, other = (
        explain_samples(boxes, as_samples([scene(*cells, seed=91)]), label=label)[0]
        for cells, label in (([(1, 1)], "cat"), ([], None), ([(1, 1)], "dog"))
    )
    assert found.label == "cat"
    assert found.faithful is not None
    assert none.error == "no box was found, and there is nothing to explain"
    assert none.faithful is None
    assert other.error == "no box of 'dog' was found, and there is nothing to explain"
    (wrong,) = explain_samples(boxes, as_samples([scene((1, 1))]), label="cow", check=False)
    assert "'cow'" in wrong.error


@pytest.mark.parametrize("method", ["integrated_gradients", "occlusion"])
def test_the_tag_of_a_word_rests_on_it(tags: Bundle, method: str) -> None:
    sample = as_samples(["The soup in the old theatre was superb tonight."], tags.spec)
    one, other = (
        explain_samples(tags, sample, method=method, label=label, check=label is None)[0] for label in (None, "soup: O")
    )
    row = tags.predict(list(sample))[0]
    assert one.label == "superb: PRAISE"
    assert one.probability == pytest.approx(row["probabilities"][row["words"].index("superb")], abs=1e-4)
    assert one.rests_on.startswith("superb")
    assert [word for word, _ in one.words] == row["words"]
    assert one.faithful is True
    assert other.label == "soup: O"
    (unknown,) = explain_samples(tags, sample, label="bread", check=False)
    assert "no word 'bread'" in unknown.error


def test_a_forecast_that_is_the_last_season_again_rests_on_it_and_not_on_the_network(future: Bundle) -> None:
    values = 10 + np.tile([0.0, 2.0, 1.0, 3.0], 20) + np.random.default_rng(0).normal(0, 0.1, 80)
    sample = as_samples([values], future.spec)
    one, step = (explain_samples(future, sample, label=label)[0] for label in (None, "+2 q0.9"))
    row = future.predict([values])[0]
    assert one.label == "the mean of the next 4 steps"
    assert one.value == pytest.approx(float(np.mean(row["forecast"])))
    assert step.value == pytest.approx(row["quantiles"]["0.9"][1])
    assert one.map is not None
    assert one.map.shape == (1, 64)
    assert float(speaking(one.map)[0, 56:].sum()) > 0.99
    assert one.faithful is False
    assert "shuffled" in one.doubt
    (wrong,) = explain_samples(future, sample, label="+9", check=False)
    assert "'+9'" in wrong.error
    (gaps,) = explain_samples(future, as_samples([Series(np.full((1, 80), np.nan))], future.spec), check=False)
    assert "no known value" in gaps.error


def test_what_words_add_to_a_text_is_the_fall_of_its_log_probability_without_them(writer: Bundle) -> None:
    given, answer = "one two three", "good match"
    sample = as_samples([given], writer.spec)
    (one,) = explain_samples(writer, sample, label=answer)
    network, spec = writer.networks[0], writer.spec

    def mean_log(text: str) -> float:
        (found,) = encode_written(spec, [(text,)], [answer])  # type: ignore[arg-type]
        targets = torch.tensor([found.written])
        with torch.no_grad():
            logs = GENERATE.answered(network(torch.from_numpy(found.tokens)[None], targets), targets)
        return float(logs[..., 0].double().mean())

    assert one.label == answer
    assert one.probability == pytest.approx(np.exp(mean_log(given)), rel=1e-4)
    words = dict(one.words)
    assert list(words) == ["one", "two", "three"]
    assert sum(words.values()) == pytest.approx(
        sum(mean_log(given) - mean_log(t) for t in without(given, spec)), abs=1e-4
    )
    assert methods_for(writer) == ["occlusion"]
    (empty,) = explain_samples(writer, as_samples([Text(("",))], writer.spec), check=False)
    assert "is empty" in empty.error


def without(text: str, spec: object) -> list[str]:
    """The text without each of its tokens."""
    (read,) = [spec.opened(64).encode(text)]  # type: ignore[attr-defined]
    return [text[:start] + text[stop:] for start, stop in read.offsets if stop > start]


def test_a_map_that_would_take_too_long_is_coarser_or_refused_with_the_time(
    writer: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = as_samples(["one two three " * 20], writer.spec)
    (fine,) = explain_samples(writer, sample, check=False, seconds=600.0, label="money")
    assert "coarser" not in fine.doubt
    for module in (pace, checked):
        monkeypatch.setattr(module, "seconds_of", lambda method, asked, x: float(method.passes(asked, x)))
    checked.forget()
    (coarse,) = explain_samples(writer, sample, seconds=20.0, label="money")
    assert "coarser" in coarse.doubt
    assert coarse.faithful is None
    assert len({weight for _, weight in coarse.words}) <= FEW < len({weight for _, weight in fine.words}) <= MOST
    with pytest.raises(DataError, match="takes about 16 s") as raised:
        explain_samples(writer, sample, check=False, seconds=10.0, label="money")
    assert "--timeout" in raised.value.do


def test_integrated_gradients_take_fewer_points_step_by_step() -> None:
    steps = [INTEGRATED.points]
    method = INTEGRATED.coarser
    while method is not None:
        assert isinstance(method, Integrated)
        steps.append(method.points)
        method = method.coarser
    assert steps == [(32, 96), (32,), (8,)]


def test_a_method_that_is_not_for_the_answers_of_a_task_is_refused_with_the_reason(
    boxes: Bundle, future: Bundle, writer: Bundle
) -> None:
    for made, why in ((boxes, "boxes come and go"), (future, "the past itself"), (writer, "stands for none")):
        assert "integrated_gradients" not in methods_for(made)
        with pytest.raises(DataError, match=why) as raised:
            explain_samples(made, as_samples([scene((0, 0))]), method="integrated_gradients")
        assert "occlusion" in raised.value.expected


@pytest.mark.parametrize("values", [np.full(64, 1e308), np.tile([-1e308, 1e308], 32), np.full(64, np.nan)])
def test_the_largest_numbers_there_are_can_be_drawn(values: np.ndarray) -> None:
    """An axis holds no such range, which was a fault of the service: they are drawn in a unit of their own."""
    png = plotted(values[None], np.zeros((1, 64), np.float32))
    assert Image.open(io.BytesIO(png)).size == (800, 210)
