from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.shipping.helpers import CLASSES, Write, a_network, forge
from warmstart.data.schema import Sample
from warmstart.errors import BundleError, DataError, ImageError, RunError
from warmstart.shipping import golden, manifest
from warmstart.shipping.bundle import Bundle


def probabilities(bundle: Bundle, inputs: list[Path], batch_size: int = 32) -> np.ndarray:
    return np.array([list(row["probabilities"].values()) for row in bundle.predict(inputs, batch_size=batch_size)])


def test_a_bundle_is_json_text_png_and_safetensors_only(write: Write, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("{}")
    folder = write(results=tmp_path / "results.json")
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "bundle.json",
        "golden-2.png",
        "golden.json",
        "golden.png",
        "recipe.yaml",
        "results.json",
        "weights-0.safetensors",
    ]
    assert set(json.loads((folder / "bundle.json").read_text())["files"]) == {
        path.name for path in folder.iterdir() if path.name != "bundle.json"
    }


def test_names_weights_and_buffers_survive_the_round_trip(write: Write) -> None:
    network = a_network(3)
    bundle = Bundle.load(write(networks=network))
    assert bundle.classes == CLASSES
    assert bundle.preprocess == network.facts.preprocess
    state = bundle.networks[0].state_dict()
    assert set(state) == set(network.state_dict())
    assert all(torch.equal(state[name], tensor) for name, tensor in network.state_dict().items())
    assert bundle.networks[0].facts.card == network.facts.card
    assert not any(module.training for module in bundle.networks[0].modules())


def test_writing_changes_neither_the_network_nor_its_mode(write: Write) -> None:
    network = a_network().train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    write(networks=network)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert all(module.training for module in network.modules())


def test_every_kind_of_input_gives_the_same_answer(write: Write, digits: list[Path]) -> None:
    bundle = Bundle.load(write())
    image = Image.open(digits[0]).convert("RGB")
    inputs = [digits[0], str(digits[0]), digits[0].read_bytes(), image, np.asarray(image), Sample("mine", digits[0])]
    rows = bundle.predict(inputs)
    assert [row["input"] for row in rows] == [digits[0].as_posix()] * 2 + ["row-2", "row-3", "row-4", "mine"]
    assert all(row["probabilities"] == rows[0]["probabilities"] for row in rows)
    assert list(rows[0]["probabilities"]) == list(CLASSES)
    assert rows[0]["probability"] == max(rows[0]["probabilities"].values())
    assert sum(rows[0]["probabilities"].values()) == pytest.approx(1)


def test_the_batch_size_changes_no_answer(write: Write, digits: list[Path]) -> None:
    bundle = Bundle.load(write())
    one = probabilities(bundle, digits, batch_size=1)
    assert one.std(axis=0).max() > 1e-3  # the answers differ between inputs, so that order matters
    for batch_size in (2, 4, 32):
        np.testing.assert_allclose(probabilities(bundle, digits, batch_size=batch_size), one, atol=1e-5)


def test_an_ensemble_answers_with_the_mean_of_its_members(write: Write, digits: list[Path]) -> None:
    one, two = (Bundle.load(write(f"b{i}", a_network(i), temperature=1.0)) for i in (1, 2))
    both = Bundle.load(write("both", [a_network(1), a_network(2)], temperature=1.0))
    mean = (probabilities(one, digits) + probabilities(two, digits)) / 2
    np.testing.assert_allclose(probabilities(both, digits), mean, atol=1e-5)
    assert [member.weights for member in both.manifest.members] == ["weights-0.safetensors", "weights-1.safetensors"]


def test_a_temperature_cools_the_probabilities_and_keeps_the_label(write: Write, digits: list[Path]) -> None:
    hot, cold = (Bundle.load(write(f"t{t}", temperature=t)) for t in (1.0, 5.0))
    assert [r["label"] for r in hot.predict(digits)] == [r["label"] for r in cold.predict(digits)]
    assert (probabilities(hot, digits).max(1) > probabilities(cold, digits).max(1)).all()
    logits = hot.outputs(digits).outputs, cold.outputs(digits).outputs
    torch.testing.assert_close(logits[0] / 5, logits[1])


def test_an_unreadable_input_has_a_row_with_the_reason(write: Write, digits: list[Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(digits[0].read_bytes()[:-40])
    bundle = Bundle.load(write())
    done: list[int] = []
    rows = bundle.predict([broken, digits[0], tmp_path / "missing.png"], batch_size=1, progress=done.append)
    assert [row["error"] is None for row in rows] == [False, True, False]
    assert [row["label"] is None for row in rows] == [True, False, True]
    assert set(rows[0]) == set(rows[1])
    assert done == [1, 1, 1]
    assert [row["error"] is None for row in bundle.predict([broken])] == [False]
    assert bundle.predict([]) == []
    with pytest.raises(ImageError):
        bundle.predict([digits[0], broken], on_error="stop")


def test_rotation_in_exif_is_obeyed_as_in_training(write: Write, digits: list[Path]) -> None:
    bundle = Bundle.load(write())
    image = Image.open(digits[0]).convert("RGB")
    turned, exif = image.rotate(90, expand=True), Image.Exif()
    exif[0x0112] = 6  # shown rotated by 270 degrees
    buffer = io.BytesIO()
    turned.save(buffer, "PNG", exif=exif)
    assert bundle.predict([buffer.getvalue()])[0]["probabilities"] == bundle.predict([image])[0]["probabilities"]


def test_labels_are_mapped_by_name_whatever_their_order(write: Write) -> None:
    bundle = Bundle.load(write())
    samples = [Sample("", None, label) for label in ("10", None, "2", "Ä/b <i>")]
    assert bundle.targets(samples).tolist() == [1, -1, 0, 2]
    with pytest.raises(DataError, match="'11'") as caught:
        bundle.targets([*samples, Sample("", None, "11")])
    assert "'10'" in caught.value.expected


@pytest.mark.parametrize("name", ["weights-0.safetensors", "recipe.yaml", "README.md", "golden.png", "golden.json"])
def test_a_file_that_was_changed_is_named(write: Write, name: str) -> None:
    folder = write()
    content = bytearray((folder / name).read_bytes())
    content[-3] ^= 1
    (folder / name).write_bytes(content)
    for check in (True, False):
        with pytest.raises(BundleError, match=name):
            Bundle.load(folder, check=check)


def test_a_file_that_is_missing_is_named(write: Write, tmp_path: Path) -> None:
    folder = write()
    (folder / "recipe.yaml").unlink()
    with pytest.raises(BundleError, match=r"recipe\.yaml"):
        Bundle.load(folder)
    with pytest.raises(BundleError, match="is no bundle"):
        Bundle.load(tmp_path)


def test_a_bundle_moves_as_a_folder_and_needs_nothing_else(write: Write, tmp_path: Path, digits: list[Path]) -> None:
    folder = write()
    before = probabilities(Bundle.load(folder), digits)
    moved = tmp_path / "with space" / "Ä"
    shutil.copytree(folder, moved)
    shutil.rmtree(folder)
    np.testing.assert_array_equal(probabilities(Bundle.load(moved), digits), before)


def test_preprocessing_that_drifts_is_found_by_the_golden_sample(write: Write) -> None:
    folder = write()
    drifted = Bundle.load(folder).preprocess.to_dict() | {"mean": (0.9, 0.1, 0.5)}
    forge(folder, preprocess=drifted)
    with pytest.raises(BundleError, match=r"golden\.png"):
        Bundle.load(folder)
    assert Bundle.load(folder, check=False).preprocess.mean == (0.9, 0.1, 0.5)


def test_classes_that_are_exchanged_are_found_by_the_golden_sample(write: Write) -> None:
    folder = write()
    forge(folder, classes=tuple(reversed(CLASSES)))
    with pytest.raises(BundleError, match=r"golden\.png"):
        Bundle.load(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"classes": ("a", "b")},
        {"preprocess": {"size": 32, "surprise": 1}},
        {"members": (manifest.Member(weights="recipe.yaml", head={"kind": "linear"}, recipe="r"),)},
        {"members": (manifest.Member(weights="weights-0.safetensors", head={"kind": "evil"}, recipe="r"),)},
    ],
    ids=["too few classes", "unknown preprocessing", "weights that are none", "unknown head"],
)
def test_what_does_not_fit_the_architecture_is_a_bundle_error(write: Write, changes: dict[str, object]) -> None:
    folder = write()
    forge(folder, **changes)
    with pytest.raises(BundleError):
        Bundle.load(folder)


def test_an_existing_folder_is_never_overwritten(write: Write, tmp_path: Path) -> None:
    folder = write()
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(RunError, match="exists already"):
        write()
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_network_that_answers_nonsense_is_not_shipped(write: Write, tmp_path: Path) -> None:
    network = a_network()
    with torch.no_grad():
        network.get_parameter("head.linear.bias").fill_(torch.nan)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(BundleError, match="answers otherwise"):
        write(networks=network)
    assert sorted(tmp_path.iterdir()) == before


def test_the_golden_samples_are_those_with_the_least_certain_answers(write: Write, digits: list[Path]) -> None:
    bundle = Bundle.load(write(golden=digits))
    sure = sorted(row["probability"] for row in bundle.predict(digits))
    kept = [row["probability"] for row in bundle.predict([bundle.folder / name for name in golden.names("png")])]
    np.testing.assert_allclose(kept, sure[:2], atol=1e-6)


def test_a_large_golden_sample_is_stored_small(write: Write, photos: dict[str, Image.Image]) -> None:
    folder = write(golden=[photos["daisy"].resize((1500, 1000))])
    assert max(Image.open(folder / "golden.png").size) == golden.MAX_SIDE
    assert Bundle.load(folder).predict([folder / "golden.png"])[0]["label"] in CLASSES


@pytest.mark.parametrize("uri", ["lite0", "timm:resnet10t"])
def test_real_architectures_survive_the_round_trip_without_pretrained_weights(
    write: Write, digits: list[Path], uri: str
) -> None:
    network = a_network(1, uri)
    spec = network.facts.preprocess.with_size(64)
    bundle = Bundle.load(write(networks=network, preprocess=spec))
    assert bundle.manifest.backbone.name.startswith(uri)
    assert bundle.preprocess.size == 64
    assert np.isfinite(probabilities(bundle, digits[:2])).all()
