"""Networks of torchvision: features, head and preprocessing are those of torchvision itself."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from huggingface_hub import constants
from PIL import Image

from warmstart.errors import BackboneError
from warmstart.model.adapters.torchvision import entry_of, names
from warmstart.model.catalog import load_backbone
from warmstart.preprocess.image import normalise, read_pixels

SMALL = ("resnet18", "mobilenet_v3_small", "shufflenet_v2_x0_5", "regnet_y_400mf", "densenet121", "efficientnet_b0")
LARGE = ("vgg11", "inception_v3", "convnext_tiny", "vit_b_32", "swin_t", "mobilenet_v2", "resnext50_32x4d")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("WARMSTART_OFFLINE", "1")
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


@pytest.mark.parametrize("name", [*SMALL[:3], *(pytest.param(n, marks=pytest.mark.slow) for n in (*SMALL[3:], *LARGE))])
def test_features_and_head_are_the_network(name: str, cache: Path) -> None:
    torch.manual_seed(1)
    entry = entry_of(name)
    options = {"init_weights": False} if name == "inception_v3" else {}
    network = torchvision.models.get_model(name, weights=None, **options).eval()
    if name == "inception_v3":
        network.transform_input = True  # as with its weights
    torch.save(network.state_dict(), cache / Path(entry.url).name)
    backbone = load_backbone(f"torchvision:{name}")
    size = backbone.preprocess.size if backbone.card.fixed_size or name == "inception_v3" else 64
    x = torch.rand(2, 3, size, size)
    with torch.no_grad():
        expected = network(x)
        assert backbone.source_head is not None
        features = backbone.chain(x)
        torch.testing.assert_close(backbone.source_head(features), expected, rtol=1e-5, atol=1e-5)
        half = len(backbone.chain) // 2
        again = backbone.chain.suffix(half)(backbone.chain.prefix(half)(x))
        torch.testing.assert_close(again, features, rtol=1e-5, atol=1e-5)
    assert backbone.chain.why_uncut == ""
    assert backbone.card.licence == "unknown"
    assert entry.url in backbone.card.source


@pytest.mark.slow
def test_images_are_prepared_as_by_torchvision_itself() -> None:
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (311, 403, 3), np.uint8))
    for uri in ("resnet18.IMAGENET1K_V1", "shufflenet_v2_x1_5", "mobilenet_v2.IMAGENET1K_V2"):
        spec = load_backbone(f"torchvision:{uri}?pretrained=false").preprocess
        found = normalise([read_pixels(image, spec)], spec)[0]
        torch.testing.assert_close(found, entry_of(uri).transforms()(image), rtol=0, atol=1e-5)


def test_the_resized_side_of_every_entry_is_kept() -> None:
    from warmstart.model.adapters.torchvision import _spec

    for name in names():
        for entry in torchvision.models.get_model_weights(name):
            spec, transforms = _spec(entry), entry.transforms()
            assert math.floor(spec.size / spec.crop_pct) == transforms.resize_size[0], entry


def test_weights_that_are_not_here_are_an_error_that_says_where_to_put_them(cache: Path) -> None:
    with pytest.raises(BackboneError) as error:
        load_backbone("torchvision:resnet18")
    for words in ("WARMSTART_OFFLINE is set", str(cache / "resnet18-f37072fd.pth"), "?pretrained=false"):
        assert words in str(error.value)


@pytest.mark.parametrize(
    ("uri", "hint"),
    [
        ("torchvision:resnet17", "'resnet18'"),
        ("torchvision:alexnet", "the nearest"),
        ("torchvision:resnet50.V9", "IMAGENET1K_V2"),
        ("torchvision:", "the nearest"),
    ],
)
def test_an_unknown_network_is_an_error_that_helps(uri: str, hint: str) -> None:
    with pytest.raises(BackboneError) as error:
        load_backbone(uri)
    assert hint in str(error.value)
