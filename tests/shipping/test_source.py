"""What a bundle has trained is a backbone to transfer from, for every kind of input, and is shipped again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.engine.texts import text_data
from tests.model.text.tiny import save
from tests.shipping.helpers import Write, a_network
from warmstart.data.schema import ClassTarget, Sample, Series, Text
from warmstart.errors import BackboneError, BundleError
from warmstart.model.backbone import Backbone
from warmstart.model.catalog import load_backbone
from warmstart.model.head import LinearHead
from warmstart.model.network import Network
from warmstart.model.weights import state_sha256
from warmstart.preprocess.kinds import of_series
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.write import write_bundle
from warmstart.task.classify import CLASSIFY

CLASSES = ("up", "down", "flat")


def trained(backbone: Backbone) -> Network:
    """A network that some training has moved."""
    network = Network(backbone.clone(), CLASSIFY.head(backbone.out_features, ClassTarget(CLASSES)))
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.mul_(1.01)
    return network.eval()


def shipped(network: Network, golden: object, folder: Path, data: str = "waves") -> Path:
    return write_bundle(
        folder,
        network,
        target=ClassTarget(CLASSES),
        preprocess=network.facts.spec,
        golden=[golden],
        recipes=["finetune"],
        recipe="name: finetune\n",
        data=data,
    )


def a_series(channels: int = 1) -> Sample:
    return Sample("a", Series(np.cumsum(np.random.default_rng(0).normal(size=(channels, 40)), axis=1)))


@pytest.fixture
def series_bundle(tmp_path: Path) -> Callable[..., Path]:
    def make(uri: str = "toy_series", channels: int = 1, name: str = "bundle") -> Path:
        backbone = load_backbone(uri)
        sized = dataclasses.replace(backbone, spec=of_series(backbone.spec).with_size(40))
        return shipped(trained(sized), a_series(channels), tmp_path / name)

    return make


def test_the_features_of_a_source_are_those_of_the_network_that_was_shipped(series_bundle: Callable[..., Path]) -> None:
    folder = series_bundle()
    source, network = load_backbone(f"bundle:{folder}"), Bundle.load(folder).networks[0]
    x = torch.randn(3, 1, 40, generator=torch.Generator().manual_seed(0))
    assert torch.equal(source.chain(x), network.backbone(x))
    assert source.spec == Bundle.load(folder).spec
    assert not source.module.training


def test_its_card_says_what_it_was_trained_on_and_from_what(series_bundle: Callable[..., Path]) -> None:
    card = load_backbone(f"bundle:{series_bundle('toy_series')}").card
    assert card.trained_on == "waves"  # before that it was trained on nothing
    assert card.source.startswith("bundle of waves (finetune, 20")
    assert card.source.endswith("random initialisation, seed 0")
    assert card.name == "file:toy_series@waves.bundle"
    assert card.weights_sha256 == state_sha256(load_backbone(f"bundle:{series_bundle(name='b')}").module.state_dict())


def test_a_head_of_frozen_features_leaves_a_backbone_as_it_was_pretrained(write: Write) -> None:
    backbone = load_backbone("toy")
    network = Network(backbone, LinearHead(backbone.out_features, 3))
    found = load_backbone(f"bundle:{write(networks=network.eval())}")
    assert found.card == backbone.card


def test_its_classifier_comes_along_as_one_layer_on_the_features(write: Write) -> None:
    network = a_network()
    folder = write(networks=network)
    source = load_backbone(f"bundle:{folder}")
    x = torch.randn(5, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert source.source_head is not None
    assert source.source_classes == Bundle.load(folder).classes
    torch.testing.assert_close(source.source_head(source.chain(x)), network(x))


@pytest.mark.parametrize(("uri", "channels"), [("toy_series", 1), ("toy_series?channels=3", 3)])
def test_what_is_trained_from_a_source_is_shipped_and_is_a_source_again(
    uri: str, channels: int, series_bundle: Callable[..., Path], tmp_path: Path
) -> None:
    first = load_backbone(f"bundle:{series_bundle(uri, channels)}")
    folder = shipped(trained(first), a_series(channels), tmp_path / "second", data="tides/2020")
    again = load_backbone(f"bundle:{folder}")
    assert again.card.trained_on == "waves, then tides/2020"
    assert Bundle.load(folder).manifest.backbone.name == first.card.name
    assert again.card.name.startswith("file:toy_series@tides_2020.bundle")
    x = torch.randn(2, channels, 40, generator=torch.Generator().manual_seed(0))
    assert torch.equal(again.chain(x), Bundle.load(folder).networks[0].backbone(x))


def test_it_is_used_as_any_other_backbone_is(write: Write) -> None:
    plain = load_backbone(f"bundle:{write()}")
    assert load_backbone(f"bundle:{write('b')}?taps=1").out_features > plain.out_features
    assert load_backbone(f"bundle:{write('c')}?channels=5").preprocess.channels == 5
    anew = load_backbone(f"bundle:{write('d')}?pretrained=false", seed=3)
    assert anew.card.trained_on == "nothing (random weights)"
    assert anew.card.weights_sha256 == load_backbone("toy", pretrained=False, seed=3).card.weights_sha256


def test_taps_of_the_run_are_not_part_of_the_source(write: Write) -> None:
    network = a_network(uri="toy?taps=2")
    source = load_backbone(f"bundle:{write(networks=network)}")
    assert source.out_features == load_backbone("toy").out_features
    assert source.source_head is None  # it stood on other features
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(source.chain(x), network.backbone(x)[:, -source.out_features :])


def test_a_text_model_comes_with_its_tokenizer_and_without_a_head_that_writes(tmp_path: Path) -> None:
    backbone = load_backbone(f"hf:{save(tmp_path / 'model', 'gpt2')}")
    backbone = dataclasses.replace(backbone, spec=text_data().spec)
    network = trained(backbone)
    source = load_backbone(f"bundle:{shipped(network, Text(('the cat sings',)), tmp_path / 'bundle', 'news')}")
    tokens = backbone.chain.inputs.example(2, 8, backbone.module)
    torch.testing.assert_close(source.chain(tokens), network.backbone(tokens))
    assert source.spec == backbone.spec
    assert source.card.trained_on.endswith("news")
    assert source.language_head is not None
    with pytest.raises(BackboneError, match="the head that writes is not in it"):
        source.language_head()


def test_a_folder_that_is_no_bundle_is_refused_and_a_bundle_named_as_a_file_is_put_right(
    tmp_path: Path, series_bundle: Callable[..., Path]
) -> None:
    with pytest.raises(BundleError, match="is no bundle"):
        load_backbone(f"bundle:{tmp_path}")
    folder = series_bundle()
    with pytest.raises(BackboneError, match=f"bundle:{folder}"):
        load_backbone(f"file:{folder}")


def test_damaged_weights_are_never_a_source(series_bundle: Callable[..., Path]) -> None:
    folder = series_bundle()
    weights = folder / "weights-0.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    with pytest.raises(BundleError, match="was changed or damaged"):
        load_backbone(f"bundle:{folder}")
