"""What holds of every task and every format: the file answers as the bundle does, or is refused with the reason."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.exporting.bundles import TEXTS, detect, pictures, shaken, waves, written
from tests.exporting.conftest import Exported, Made
from tests.exporting.detectors import SMALL, thinned
from tests.shipping.helpers import CLASSES
from warmstart.api.export import export
from warmstart.data.schema import Sample, Text
from warmstart.data.targets import ClassTarget
from warmstart.errors import ExportError
from warmstart.exporting.base import formats
from warmstart.exporting.entrances import Entry
from warmstart.exporting.exits import refuse
from warmstart.model.catalog import load_backbone
from warmstart.model.detect.base import Detector
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.reading import as_samples
from warmstart.shipping.words import in_words
from warmstart.task.base import tasks
from warmstart.task.network import network_for

slow = pytest.mark.slow
REFUSED = {"generate", "several"}
QUICK = {("classify", "onnx"), ("tag", "onnx"), ("forecast", "torch"), ("anomaly", "torch")}
QUICK |= {("segment", "torch"), ("regress", "torch"), ("multilabel", "torch")}
CASES = [
    pytest.param(task, name, marks=() if (task, name) in QUICK else slow)
    for task in tasks
    for name in formats
    if task not in REFUSED
]


def facts(file: str, name: str) -> dict[str, Any]:
    """The metadata of a file, read without the help of what wrote it."""
    if name == "onnx":
        import onnx

        model = onnx.load(file)
        return {p.key: p.value for p in model.metadata_props}
    if name == "openvino":
        import openvino

        info = openvino.Core().read_model(file).get_rt_info()["warmstart"]
        return {key: info[key].value for key in ("task", "classes", "licence", "preprocess", "warmstart")}
    extra = {"warmstart.json": ""}
    torch.export.load(file, extra_files=extra)
    found: dict[str, Any] = json.loads(extra["warmstart.json"])
    return found


def answers(told: Mapping[str, Any], name: str, bundle: Bundle, inputs: Sequence[Any], batch: int) -> np.ndarray:
    run, entry = formats[name].open(Path(told["file"])), Entry(bundle.spec)
    samples: Sequence[Sample] = as_samples(list(inputs), bundle.spec)[:batch]
    samples = in_words(samples) if bundle.manifest.task == "tag" else samples
    return np.asarray(run(entry.feeds([entry.read(sample) for sample in samples])))


def check(bundle: Bundle, got: np.ndarray, inputs: Sequence[Any]) -> None:
    """What the graph gives is what a user of the bundle is told."""
    task, classes = bundle.manifest.task, bundle.classes
    if task == "forecast":
        want = bundle.task.checked(bundle.outputs(inputs).outputs).numpy()
        np.testing.assert_allclose(got.reshape(len(got), -1), want, atol=1e-4)
        return
    for answer, row in zip(got, bundle.predict(list(inputs)), strict=True):
        if task in ("classify", "multilabel"):
            np.testing.assert_allclose(answer, [row["probabilities"][name] for name in classes], atol=1e-4)
        elif task == "regress":
            np.testing.assert_allclose(answer, [row["values"][name] for name in classes], rtol=1e-4)
        elif task == "anomaly":
            assert answer[0] == pytest.approx(row["score"], abs=1e-4)
            assert answer[1] == pytest.approx(row["p_value"], abs=0.03)  # one of 40 samples
        elif task == "tag":
            assert set(row["tags"]) <= {classes[i] for i in answer.argmax(-1)}
        elif task == "segment":
            assert (answer.argmax(0) == row["mask"]).mean() > 0.999
        else:
            head = bundle.networks[0].head
            assert isinstance(head, Detector)
            boxes = thinned(torch.from_numpy(answer), head.thinning)
            told = [(one["label"], one["score"]) for one in row["boxes"]]
            found = [(classes[int(number)], score) for number, score in boxes[:, :2].tolist()]
            assert [name for name, _ in found] == [name for name, _ in told]
            np.testing.assert_allclose([s for _, s in found], [s for _, s in told], atol=1e-4)


@pytest.mark.parametrize(("task", "name"), CASES)
def test_a_file_answers_as_its_bundle_at_every_batch_size_and_says_what_it_is(
    task: str, name: str, made: Made, exported: Exported
) -> None:
    (bundle, inputs), told = made(task), exported(task, name)
    assert set(told["parity"]["errors"]) == {1, 3}
    assert max(told["parity"]["errors"].values()) <= told["parity"]["tolerance"]
    for batch in (1, 3, 8):
        some = (list(inputs) * 2)[:batch]
        check(bundle, answers(told, name, bundle, some, batch), some)
    said = facts(told["file"], name)
    assert said["task"] == task
    classes = said["classes"] if isinstance(said["classes"], list) else json.loads(said["classes"])
    assert tuple(classes) == bundle.classes
    assert said["licence"] == bundle.manifest.backbone.licence
    preprocess = said["preprocess"] if isinstance(said["preprocess"], dict) else json.loads(said["preprocess"])
    assert preprocess == bundle.manifest.preprocess
    assert [row["batch"] for row in told["speed"]] == [1, 8]
    assert all(row["times"] > 0 for row in told["speed"])


def test_every_task_is_exported_or_refused_with_a_reason() -> None:
    for task in set(tasks) - REFUSED:
        refuse(task)
    with pytest.raises(ExportError, match="written token by token"):
        refuse("generate")
    with pytest.raises(ExportError, match="a form of its own"):
        refuse("several")


@pytest.mark.slow
@pytest.mark.parametrize("head", [SMALL[name] for name in sorted(SMALL)])
def test_every_detector_with_candidates_is_exported(head: str, tmp_path: Path) -> None:
    bundle, inputs = detect(tmp_path / "bundle", head, 128)
    told = export(bundle.folder)
    assert json.loads(facts(told["file"], "onnx")["thinning"])["most"] == 100
    some = (inputs * 2)[:8]
    check(bundle, answers(told, "onnx", bundle, some, 8), some)


@pytest.mark.slow
@pytest.mark.parametrize(
    "uri", ["lite0?pretrained=false", "timm:resnet18", "timm:vit_tiny_patch16_224", "series", "minirocket", "minilm"]
)
def test_backbones_of_every_kind_are_exported(uri: str, tmp_path: Path) -> None:
    backbone, target = load_backbone(uri, pretrained=uri in ("series", "minilm")), ClassTarget(CLASSES)
    by_kind: dict[str, list[Any]] = {"image": pictures(side=224), "series": waves(), "text": list(TEXTS)}
    inputs = by_kind[backbone.spec.kind]
    golden = [Text((each,)) if isinstance(each, str) else each for each in inputs]
    bundle = written(tmp_path / "bundle", shaken(network_for(backbone, target)), target, golden)
    some, told = (inputs * 2)[:8], export(bundle.folder)
    assert told["parity"]["changed"] == 0
    check(bundle, answers(told, "onnx", bundle, some, 8), some)
