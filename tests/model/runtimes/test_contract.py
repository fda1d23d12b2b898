"""Every runtime that is installed gives what torch gives, at every cut it is asked for."""

from __future__ import annotations

import pytest
import torch

from warmstart.model.backbone import Backbone
from warmstart.model.catalog import load_backbone
from warmstart.model.modes import evaluating
from warmstart.model.pyramid import pyramid
from warmstart.model.runtimes.base import TOLERANCE, UnavailableError, runtimes, version

INSTALLED = [name for name in runtimes if version(name)]
SLOW = {"compiled"}  # takes a minute
PARAMETERS = [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in INSTALLED]


@pytest.fixture(scope="module", params=["toy", "lite0", "maps"])
def backbone(request: pytest.FixtureRequest) -> Backbone:
    return pyramid(load_backbone("toy"), (1, 2, 4)) if request.param == "maps" else load_backbone(request.param)


@pytest.mark.parametrize("name", PARAMETERS)
def test_activations_are_those_of_torch(backbone: Backbone, name: str) -> None:
    chain, size = backbone.chain, 64
    cuts = (chain.blocks[0].cut, chain.blocks[-2].cut, len(chain.cuts) - 1)
    before = {key: value.clone() for key, value in chain.module.state_dict().items()}
    with evaluating(chain.module), torch.inference_mode():
        extract = runtimes[name](chain, cuts, size)
        for count in (3, 1):
            x = torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(count))
            for cut, found in zip(cuts, extract(x), strict=True):
                expected = chain.prefix(cut)(x)
                assert found.shape == expected.shape
                assert float((found - expected).abs().max()) <= TOLERANCE * float(expected.abs().max())
    assert all(torch.equal(value, before[key]) for key, value in chain.module.state_dict().items())


def test_torch_is_there_and_a_package_that_is_not_has_no_version() -> None:
    assert "torch" in INSTALLED
    assert version("no-such-runtime") == ""


def test_what_is_not_installed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openvino", None)
    chain = load_backbone("toy").chain
    with pytest.raises(UnavailableError, match="not installed"):
        runtimes["openvino"](chain, (len(chain.cuts) - 1,), 32)


@pytest.mark.parametrize("name", ["folded", "openvino"])
def test_tokens_that_are_resized_to_maps_are_those_of_torch_or_the_runtime_says_no(name: str) -> None:
    chain = pyramid(load_backbone("timm:vit_tiny_patch16_224?pretrained=false&size=64")).chain
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    cuts = (len(chain.cuts) // 2, len(chain.cuts) - 1)
    with evaluating(chain.module), torch.inference_mode():
        try:
            found = runtimes[name](chain, cuts, 64)(x)
        except UnavailableError as error:
            assert str(error)  # noqa: PT017 (either will do)
            return
        for cut, each in zip(cuts, found, strict=True):
            expected = chain.prefix(cut)(x)
            assert float((each - expected).abs().max()) <= TOLERANCE * float(expected.abs().max())


def test_an_activation_that_a_later_layer_writes_to_is_kept() -> None:
    chain = load_backbone("torchvision:resnet18?pretrained=false").chain
    norm, relu = (next(cut.index for cut in chain.cuts if cut.name == name) for name in ("bn1", "relu"))
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with evaluating(chain.module), torch.inference_mode():
        found = chain.prefixes((norm, relu))(x)
        assert all(torch.equal(each, chain.prefix(cut)(x)) for each, cut in zip(found, (norm, relu), strict=True))
