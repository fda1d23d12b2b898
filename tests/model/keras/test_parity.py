"""Against Keras itself, on torch, with random weights that matter and on real photos."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

if importlib.util.find_spec("keras") is None:  # importing it would let it choose a backend
    pytest.skip("Keras is the oracle of these tests, and not installed", allow_module_level=True)
h5py: Any = pytest.importorskip("h5py", reason="Keras' files are HDF5")

from benchmarks.keras_oracle import NETWORKS, build, features, keras, our_features, photos, prepared, save  # noqa: E402

from warmstart.model.catalog import load_backbone  # noqa: E402
from warmstart.model.keras.architectures import ARCHITECTURES  # noqa: E402

QUICK = {"mobilenet_v2": 65, "resnet50": 64, "efficientnet_b0": 65, "densenet121": 64}
"""With odd sides where padding depends on it."""


@functools.cache
def model(name: str, size: int) -> Any:
    return build(name, size)


def assert_agrees(found: Tensor, expected: Tensor) -> None:
    largest = float(expected.abs().max())
    assert largest > 0.1
    assert float((expected[0] - expected[1]).abs().max()) > 0.01 * largest, "the images matter"
    assert float((found - expected).abs().max()) < 1e-4 * largest


@pytest.mark.parametrize(
    ("name", "size"),
    [
        *QUICK.items(),
        *(pytest.param(name, ARCHITECTURES[name].size, marks=pytest.mark.slow) for name in NETWORKS),
    ],
)
def test_features_agree_with_keras(name: str, size: int, tmp_path: Path) -> None:
    images = photos(size)
    file = save(model(name, size), tmp_path / "a.weights.h5")
    backbone = load_backbone(f"keras:{name}@{file}")
    assert_agrees(our_features(backbone, images), features(model(name, size), prepared(name, images)))


@pytest.mark.parametrize("name", ["a.h5", "a.whole.h5"])
def test_all_layouts_of_files_give_the_same_weights(name: str, tmp_path: Path) -> None:
    keras_model = model("efficientnet_b0", 65)
    files = [save(keras_model, tmp_path / file) for file in ("a.weights.h5", name)]
    cards = [load_backbone(f"keras:efficientnet_b0@{file}").card for file in files]
    assert cards[0].weights_sha256 == cards[1].weights_sha256
    assert cards[0].source != cards[1].source


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("resnet50", 64),
        pytest.param("inception_v3", 75, marks=pytest.mark.slow),
        pytest.param("inception_resnet_v2", 75, marks=pytest.mark.slow),
    ],
)
def test_layers_without_names_are_told_by_their_order(name: str, size: int, tmp_path: Path) -> None:
    file = save(model(name, size), tmp_path / "a.weights.h5")
    expected = load_backbone(f"keras:{name}@{file}").card.weights_sha256
    with h5py.File(file, "r+") as opened:
        opened.visititems(lambda path, part: part.attrs.pop("name", None) and None)
        assert "name" not in opened["layers/conv2d/vars"].attrs
    assert load_backbone(f"keras:{name}@{file}").card.weights_sha256 == expected


@pytest.mark.parametrize("ending", ["a.weights.h5", "a.h5"])
def test_a_network_inside_another_model_is_found(ending: str, tmp_path: Path) -> None:
    inner = build("mobilenet_v2_035", 64)
    outer = keras().Sequential([keras().Input((64, 64, 3)), inner, keras().layers.Dense(5)])
    backbone = load_backbone(f"keras:mobilenet_v2_035@{save(outer, tmp_path / ending)}")
    images = photos(64)
    assert_agrees(our_features(backbone, images), features(inner, prepared("mobilenet_v2", images)))
    assert backbone.source_head is not None


@pytest.mark.parametrize("ending", ["a.weights.h5", "a.h5"])
def test_the_classifier_on_the_features_is_the_source_head(ending: str, tmp_path: Path) -> None:
    top = build("mobilenet_v2_035", 64, include_top=True, classes=7, classifier_activation=None)
    backbone = load_backbone(f"keras:mobilenet_v2_035@{save(top, tmp_path / ending)}")
    images = photos(64)
    assert isinstance(backbone.source_head, nn.Linear)
    with torch.no_grad():
        found = backbone.source_head(our_features(backbone, images))
    assert_agrees(found, features(top, prepared("mobilenet_v2", images)))


@pytest.mark.slow
def test_dense_layers_between_features_and_classes_are_left_out(tmp_path: Path) -> None:
    top = build("vgg16", 32, include_top=True, classes=7)
    backbone = load_backbone(f"keras:vgg16@{save(top, tmp_path / 'a.h5')}")
    assert backbone.source_head is None
    features_of = keras().Model(top.input, keras().ops.mean(top.get_layer("block5_pool").output, (1, 2)))
    images = photos(32)
    assert_agrees(our_features(backbone, images), features(features_of, prepared("vgg16", images)))


def test_imagenet_weights_of_efficientnet_are_rescaled_as_keras_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = model("efficientnet_b0", 65)
    normalization = next(layer for layer in published.layers if isinstance(layer, keras().layers.Normalization))
    before = normalization.get_weights()
    normalization.set_weights([np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225]), np.array(1)])
    file = save(published, tmp_path / "efficientnetb0_notop.h5")
    normalization.set_weights(before)
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", lambda *args, **kwargs: str(file))
    rescaled = keras().applications.EfficientNetB0(include_top=False, pooling="avg", input_shape=(65, 65, 3))
    images = photos(65)
    for ending in ("b.weights.h5", "b.h5", None):
        weights = file if ending is None else save(rescaled, tmp_path / ending)
        backbone = load_backbone(f"keras:efficientnet_b0@{weights}")
        assert_agrees(our_features(backbone, images), features(rescaled, images))


def test_radimagenet_reads_pixels_as_its_training_did(tmp_path: Path) -> None:
    keras_model, images = model("resnet50", 64), photos(64)
    file = save(keras_model, tmp_path / "RadImageNet-ResNet50_notop.h5")
    backbone = load_backbone(f"radimagenet:resnet50@{file}", accept_licence=True)
    assert (backbone.card.trained_on, "non-commercial" in backbone.card.licence) == ("RadImageNet", True)
    caffe = keras().applications.imagenet_utils.preprocess_input(images.copy(), mode="caffe")
    assert_agrees(our_features(backbone, images), features(keras_model, caffe / 255))
