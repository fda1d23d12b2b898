"""Rows 32 to 35 and 37 to 41: what goes wrong between training and the place where a model answers."""

from __future__ import annotations

import json
import socket
import zipfile
from pathlib import Path

import pytest
import torch
from PIL import Image

import warmstart
from tests.exporting.test_export import spoilt
from tests.faults.conftest import QUICK
from tests.faults.ways import Way
from tests.shipping.helpers import forge


def test_32_preprocessing_that_drifts_is_found_when_the_bundle_is_loaded(
    way: Way, bundle: Path, digits_folder: Path
) -> None:
    spec = json.loads((bundle / "bundle.json").read_text())["preprocess"]
    forge(bundle, preprocess={**spec, "mean": [value + 0.3 for value in spec["mean"]]})
    said = way("predict", bundle, [digits_folder])
    assert said.code == 2
    assert said.told("golden")


def test_33_names_survive_an_adapter(way: Way, digits_folder: Path, tmp_path: Path) -> None:
    (digits_folder / "1").rename(digits_folder / "one")
    said = way("fit", digits_folder, backbone="toy", recipe="lora?epochs=1", baseline="none")
    assert said.code == 0, said.words
    (row,) = way(
        "predict", Path(said.result["folder"]) / "bundle", [sorted((digits_folder / "one").iterdir())[0]]
    ).result
    assert list(row["probabilities"]) == ["0", "2", "one"]


def test_34_an_exported_model_that_answers_otherwise_is_deleted(
    way: Way, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt("weights", monkeypatch)
    said = way("export", bundle, out=str(tmp_path / "model.onnx"))
    assert said.code == 2
    assert said.told("the file was deleted")
    assert not list(tmp_path.glob("*model.onnx*"))


def test_35_the_batch_size_changes_no_answer(way: Way, bundle: Path, digits_folder: Path) -> None:
    one, many = (way("predict", bundle, [digits_folder], batch_size=size).result for size in (1, 7))
    assert [row["label"] for row in one] == [row["label"] for row in many]
    for a, b in zip(one, many, strict=True):
        assert a["probabilities"] == pytest.approx(b["probabilities"], abs=1e-5)


def test_37_without_a_network_a_hub_s_name_is_an_error_that_says_so(way: Way, digits_folder: Path) -> None:
    with pytest.raises(Exception, match="socket"):  # the tests run as on a machine without a network
        socket.create_connection(("example.org", 80))
    said = way("plan", digits_folder, recipe="probe", backbone="timm:resnet18.a1_in1k")
    assert said.code == 2
    assert said.told("resnet18")


class Payload:
    """What a pickle would run."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("import pathlib; pathlib.Path('owned').write_text('x')",))


def test_38_a_pickle_is_never_run(way: Way, digits_folder: Path, tmp_path: Path) -> None:
    torch.save({"weight": Payload()}, tmp_path / "evil.pt")
    said = way("plan", digits_folder, recipe="probe", backbone=f"file:resnet18@{tmp_path / 'evil.pt'}")
    assert said.code == 2
    assert said.told("evil.pt")
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("name", ["bundle.json", "weights-0.safetensors", "golden.png"])
def test_38_a_bundle_that_was_tampered_with_is_refused(name: str, way: Way, bundle: Path, digits_folder: Path) -> None:
    path = bundle / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    said = way("predict", bundle, [digits_folder])
    assert said.code == 2
    assert said.told(name)


def test_38_a_name_in_a_bundle_that_leads_out_of_it_is_refused(way: Way, bundle: Path, digits_folder: Path) -> None:
    files = json.loads((bundle / "bundle.json").read_text())["files"]
    forge(bundle, files={**files, "../secret": "0" * 64})
    assert way("predict", bundle, [digits_folder]).code == 2


def test_39_an_archive_is_not_unpacked(way: Way, digits_folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("../outside.png", sorted((digits_folder / "0").iterdir())[0].read_bytes())
    said = way("check", tmp_path / "photos.zip")
    assert said.code == 2
    assert said.told("unpack")
    assert not (tmp_path.parent / "outside.png").exists()


def test_41_names_that_are_html_or_terminal_codes_are_escaped_everywhere(
    way: Way, digits_folder: Path, tmp_path: Path
) -> None:
    evil = "<script>alert(1)<∕script>\x1b[31mred"
    (digits_folder / "0").rename(digits_folder / evil)
    said = way("fit", digits_folder, out=str(tmp_path / "run"), **QUICK)
    assert said.code == 0
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    card = (tmp_path / "run" / "bundle" / "README.md").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "<script>alert" not in card
    assert "\x1b" not in page + card
    if way.__name__ == "by_cli":
        assert "\x1b[31m" not in said.words


def test_41_a_picture_s_own_name_is_escaped_at_the_console(way: Way, bundle: Path, digits_folder: Path) -> None:
    path = digits_folder / "0" / "\x1b]0;owned\x07.png"
    Image.new("RGB", (8, 8)).save(path)
    (row,) = way("predict", bundle, [path]).result
    assert row["error"] is None
    assert warmstart.Bundle.load(bundle).predict([path])[0]["label"] == row["label"]
