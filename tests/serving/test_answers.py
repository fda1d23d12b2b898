"""The service answers as `Bundle.predict` does: the same reader, the same rows, whoever else asks at the time."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import io
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from starlette.types import ASGIApp

from tests.exporting.bundles import MAKERS, TEXTS, written
from tests.serving.clients import figure, get, png, post, refused, sent, talk
from tests.serving.conftest import Made, Serve
from tests.shipping.test_source import CLASSES, a_series, trained
from warmstart.data.futures import Window
from warmstart.data.schema import Sample, Series
from warmstart.data.targets import ClassTarget
from warmstart.model.catalog import load_backbone
from warmstart.preprocess.kinds import of_series
from warmstart.serving.answers import told
from warmstart.serving.app import create_app
from warmstart.serving.limits import Limits
from warmstart.serving.work import Predict, Work
from warmstart.shipping.write import Use

IMAGES = sorted(set(MAKERS) - {"tag", "generate", "forecast"})


def asked(app: ASGIApp, inputs: list[Any]) -> list[dict[str, Any]]:
    """The rows for inputs of any kind, as a client gets them."""
    first = inputs[0]
    if isinstance(first, np.ndarray):
        answer = sent(app, *((f"{i}.png", png(pixels)) for i, pixels in enumerate(inputs)))
    elif isinstance(first, str):
        answer = post(app, json={"texts": inputs})
    else:
        answer = post(app, json={"series": [one.values.tolist() for one in inputs]})
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["rows"]
    return rows


def alike(row: Any, other: Any) -> bool:
    """Whether two rows say the same, numbers to rounding."""
    if isinstance(row, dict):
        return set(row) == set(other) and all(alike(row[key], other[key]) for key in row)
    if isinstance(row, list):
        return len(row) == len(other) and all(map(alike, row, other))
    return bool(row == pytest.approx(other, rel=1e-4, abs=1e-5)) if isinstance(row, float) else bool(row == other)


@pytest.mark.parametrize("task", sorted(set(MAKERS) - {"forecast"}))
def test_rows_are_those_of_the_bundle(task: str, made: Made, serve: Serve) -> None:
    bundle, inputs = made(task)
    found, wanted = asked(serve(task), inputs), bundle.predict(inputs)
    assert len(found) == len(inputs)
    for row, want in zip(found, wanted, strict=True):
        assert alike(row | {"input": ""}, told(want) | {"input": ""})


def test_a_forecast_is_that_of_the_bundle(made: Made, serve: Serve) -> None:
    bundle, windows = made("forecast")
    assert isinstance(windows[0].source, Window)
    series = [Series(sample.source.values) for sample in windows]
    found = asked(serve("forecast"), series)
    wanted = bundle.predict([one.values[0] for one in series])
    assert [row["forecast"] for row in found] == [pytest.approx(row["forecast"], rel=1e-4) for row in wanted]


def test_what_others_ask_at_the_time_changes_no_answer(made: Made, serve: Serve) -> None:
    _, inputs = made("classify")
    app = serve(max_wait=0.2)

    async def together(client: httpx.AsyncClient) -> list[httpx.Response]:
        files = [[("files", (f"{i}.png", png(pixels)))] for i, pixels in enumerate(inputs)]
        return await asyncio.gather(*(client.post("/v1/predict", files=each) for each in files))

    found = [answer.json()["rows"][0] for answer in talk(app, together)]
    alone = [asked(app, [pixels])[0] for pixels in inputs]
    assert [row["input"] for row in found] == [f"{i}.png" for i in range(len(inputs))]
    assert all(alike(a | {"input": ""}, b | {"input": ""}) for a, b in zip(found, alone, strict=True))
    batches = figure(get(app, "/metrics").text, "warmstart_batch_inputs_count")
    assert batches < 2 * len(inputs)  # some went together


def test_a_photo_is_turned_as_in_training(made: Made, serve: Serve) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (32, 24, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn
    turned = np.rot90(pixels, k=1)  # what is stored, so that it comes out upright
    (upright,) = asked(serve(), [pixels])
    (row,) = sent(serve(), ("a.png", png(np.ascontiguousarray(turned), exif=exif.tobytes()))).json()["rows"]
    assert row["probabilities"] == pytest.approx(upright["probabilities"], rel=1e-4)


def test_an_input_that_cannot_be_read_has_a_row_beside_the_others(serve: Serve, picture: bytes) -> None:
    rows = sent(serve(), ("broken.png", picture[:80]), ("good.png", picture)).json()["rows"]
    assert [row["input"] for row in rows] == ["broken.png", "good.png"]
    assert rows[0]["label"] is None
    assert "cut off" in rows[0]["error"] or "truncated" in rows[0]["error"] or "read" in rows[0]["error"]
    assert rows[1]["error"] is None
    assert "a.png" in refused(sent(serve(), ("a.png", b"GIF89a")), 422)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd.png", "passwd.png"),
        ("C:\\Users\\me\\a.png", "a.png"),
        ("a\u202egnp.exe.png", "agnp.exe.png"),
        ("<script>alert(1)</script>.png", "script>.png"),
        ("a" * 500 + ".png", "a" * 196 + ".png"),
        ("/", "file 1"),
    ],
)
def test_of_a_name_the_last_part_is_shown_and_nothing_is_opened(
    name: str, shown: str, serve: Serve, picture: bytes
) -> None:
    (row,) = sent(serve(), (name, picture)).json()["rows"]
    assert row["input"] == shown


@pytest.mark.parametrize("task", sorted(MAKERS))
@pytest.mark.parametrize("path", ["/v1/predict", "/v1/explain"])
def test_where_nothing_can_be_read_that_is_told_of_every_task(task: str, path: str, made: Made, serve: Serve) -> None:
    kind = made(task)[0].spec.kind
    if kind == "image":
        found = sent(serve(task), ("a.png", b"no"), path=path)
    elif kind == "text":
        found = post(serve(task), path, json={"text": " "} if path == "/v1/explain" else {"texts": [" "]})
    else:
        found = sent(serve(task), ("a.npy", b"no"), path=path)
    if found.status_code != 501:  # an explanation that needs what is not installed
        assert refused(found, 422)


def test_a_mask_comes_as_a_picture_when_it_is_asked_for(made: Made, serve: Serve) -> None:
    bundle, (pixels, *_) = made("segment")
    app = serve("segment")
    assert "mask" not in sent(app, ("a.png", png(pixels))).json()["rows"][0]
    (row,) = sent(app, ("a.png", png(pixels)), masks="true").json()["rows"]
    kind, _, content = row["mask"].partition(",")
    assert kind == "data:image/png;base64"
    mask = np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))
    assert np.array_equal(mask, bundle.predict([pixels])[0]["mask"])


def test_texts_come_as_json_as_files_and_as_a_table(serve: Serve) -> None:
    app = serve("generate")
    wanted = [row["text"] for row in asked(app, list(TEXTS))]
    table = "id,text\n" + "".join(f'{i},"{text}"\n' for i, text in enumerate(TEXTS))
    of_table = sent(app, ("news.csv", table.encode())).json()["rows"]
    of_files = sent(app, *((f"{i}.txt", text.encode()) for i, text in enumerate(TEXTS))).json()["rows"]
    assert [row["text"] for row in of_table] == [row["text"] for row in of_files] == wanted
    assert [row["input"] for row in of_table] == [f"row-{i}" for i in range(1, 1 + len(TEXTS))]
    assert of_files[0]["input"] == "0.txt"


def test_a_table_without_texts_is_refused_in_words_that_name_it(serve: Serve) -> None:
    app = serve("generate")
    assert "news.csv" in refused(sent(app, ("news.csv", b"a,b\n1,2\n3,4\n"), text_column="words"), 422)
    assert "x.parquet" in refused(sent(app, ("x.parquet", b"PAR1")), 422)


def test_series_may_have_gaps_and_must_be_whole(serve: Serve) -> None:
    app = serve("forecast")
    (row,) = post(app, json={"series": [[1.0, None, *range(70)]]}).json()["rows"]
    assert len(row["forecast"]) == 4
    refused(post(app, json={"series": [[[1.0, 2.0], [1.0]]]}), 422)
    refused(post(app, json={"series": [[]]}), 422)
    refused(post(app, content='{"series": [[NaN, Infinity]]}', headers={"Content-Type": "application/json"}), 422)


def test_coverage_that_the_bundle_cannot_give_is_refused(serve: Serve, picture: bytes) -> None:
    assert "reference" in refused(sent(serve(), ("a.png", picture), coverage="0.9"), 422)
    assert "coverage" in refused(sent(serve(), ("a.png", picture), coverage="1.5"), 422)
    assert "covrage" in refused(sent(serve(), ("a.png", picture), covrage="0.9"), 422)


@pytest.mark.parametrize("task", ["classify", "segment", "forecast", "generate"])
def test_the_model_says_what_it_is_and_what_it_takes(task: str, made: Made, serve: Serve) -> None:
    bundle, _ = made(task)
    found = get(serve(task, max_inputs=7), "/v1/model").json()
    assert (found["task"], found["kind"]) == (task, bundle.spec.kind)
    assert found["classes"] == list(bundle.classes)
    assert found["backbone"] == bundle.manifest.backbone.name
    assert found["limits"]["max_inputs"] == 7
    assert found["explain"] is None or found["explain"]["methods"]


def test_all_who_ask_at_once_what_answers_are_told(serve: Serve, picture: bytes) -> None:
    """What is asked of no sample has one answer. Shared out by samples, of it each got none, and that was a fault."""

    async def together(client: httpx.AsyncClient) -> list[httpx.Response]:
        file = [("files", ("a.png", picture))]
        asked = [client.get("/v1/model") for _ in range(4)] + [client.post("/v1/explain", files=file) for _ in range(2)]
        return list(await asyncio.gather(*asked))

    found = talk(serve(max_wait=0.5), together)
    assert [answer.status_code for answer in found[:4]] == [200] * 4
    assert len({answer.text for answer in found[:4]}) == 1
    assert {answer.status_code for answer in found[4:]} <= {200, 501}


def test_why_is_told_of_one_input(serve: Serve, picture: bytes) -> None:
    app = serve()
    if get(app, "/v1/model").json()["explain"] is None:
        refused(sent(app, ("a.png", picture), path="/v1/explain"), 501)
        pytest.skip("captum is not installed")
    found = sent(app, ("a.png", picture), path="/v1/explain").json()
    (row,) = sent(app, ("a.png", picture)).json()["rows"]
    assert found["row"]["label"] == row["label"]
    assert found["explanation"]["method"]
    assert found["picture"].startswith("data:image/png;base64,")
    refused(sent(app, ("a.png", picture), path="/v1/explain", label="no such class"), 422)
    refused(sent(app, ("a.png", picture), path="/v1/explain", method="no such method"), 422)
    refused(sent(app, ("a.png", b"no"), path="/v1/explain"), 422)


def test_a_sample_that_is_read_already_is_not_read_again(made: Made) -> None:
    bundle, (pixels, *_) = made("classify")
    work = Work(bundle, Limits())
    ready = [work.read(Sample("a", pixels)), work.read(Sample("b", b"no image"))]
    good, bad = work(Predict(), ready)
    assert good["probabilities"] == pytest.approx(bundle.predict([pixels])[0]["probabilities"], rel=1e-5)
    assert bad["error"] == "the image is not an image of a known format"


def test_a_recording_that_should_be_cut_into_windows_is_not_squeezed_into_one(tmp_path: Path) -> None:
    backbone = load_backbone("toy_series")
    network = trained(dataclasses.replace(backbone, spec=of_series(backbone.spec).with_size(40)))
    bundle = written(tmp_path / "b", network, ClassTarget(CLASSES), [a_series()], use=Use(window=40))
    series = [[float(i % 7) for i in range(steps)] for steps in (40, 80)]
    short, long = post(create_app(bundle), json={"series": series}).json()["rows"]
    assert short["label"] in CLASSES
    assert "80 steps, and the model was trained on windows of 40" in long["error"]
