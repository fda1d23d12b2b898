"""Features of every token: the network is the same, and only what is made of its last layer is another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.model.text.test_encoder import encoder, tokens
from tests.model.text.tiny import FAMILIES, save
from warmstart.cache.features import activations
from warmstart.cache.key import prefix_sha256
from warmstart.cache.store import ActivationStore
from warmstart.cache.wanted import Wanted
from warmstart.data.schema import ClassTarget, Dataset, Sample, Text
from warmstart.data.tokens import TokenStore
from warmstart.errors import BackboneError
from warmstart.model.adapters.texts import pooled
from warmstart.model.backbone import Backbone
from warmstart.model.catalog import load_backbone, untrained_module
from warmstart.model.runtimes.base import runtimes
from warmstart.model.text.segments import layered_chain
from warmstart.planning.profile import profile
from warmstart.preprocess.kinds import of_texts

TEXTS = ("The cat sits on the mat.", "A dog runs in the park and the rain", "Rain")


def minilm(pooling: str) -> Backbone:
    return load_backbone(f"minilm?pooling={pooling}")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_cut_gives_the_same_features_bit_for_bit(family: str) -> None:
    chain, x = layered_chain(encoder(family, "none")), tokens(7, 5, 2)
    with torch.inference_mode():
        whole = chain(x)
        assert whole.shape == (3, 9, 32)
        for cut in range(len(chain.cuts)):
            assert torch.equal(chain.suffix(cut)(chain.prefix(cut)(x)), whole), chain.cuts[cut].name


@pytest.mark.parametrize("family", FAMILIES)
def test_padding_does_not_matter_and_gives_zeros(family: str) -> None:
    chain = layered_chain(encoder(family, "none"))
    with torch.inference_mode():
        alone, beside = chain(tokens(4, width=4)), chain(torch.cat([tokens(4), tokens(9, seed=1)]))
    assert torch.allclose(beside[0, :4], alone[0], atol=1e-5)
    assert not bool(beside[0, 4:].any())


def test_their_mean_is_what_the_mean_pools() -> None:
    x = tokens(5, 3)
    found = encoder(pooling="none")(x)
    torch.testing.assert_close(encoder()(x)[1], found[1, :3].mean(0))


@pytest.mark.parametrize("family", ["bert", "gpt2", "t5"])
def test_a_saved_model_gives_features_of_every_token_and_is_rebuilt_so(family: str, tmp_path: Path) -> None:
    uri = f"hf:{save(tmp_path, family)}"
    backbone, x = load_backbone(f"{uri}?pooling=none"), tokens(6, 3)
    assert backbone.out_features == 32
    assert backbone.chain.activation_shape(-1, 9) == (9, 32)
    assert backbone.card.name.endswith("?pooling=none")
    assert backbone.card.pooling == "each with features of its own"
    again = load_backbone(backbone.card.name, structure=backbone.structure)
    again.module.load_state_dict(backbone.module.state_dict())
    assert torch.equal(again.module(x), backbone.module(x))
    assert untrained_module(f"{uri}?pooling=none", seed=0)(x).shape == (2, 9, 32)


def test_a_backbone_is_unpooled_and_pooled_again_over_the_same_weights() -> None:
    backbone, x = load_backbone("minilm"), tokens(6, 3)
    every = pooled(backbone, "none")
    assert every.module.state_dict().keys() == backbone.module.state_dict().keys()
    assert next(every.module.parameters()) is next(backbone.module.parameters())
    assert not every.module.training
    assert torch.equal(pooled(every, "mean").module(x), backbone.module(x))
    assert pooled(backbone, "mean") is backbone


def test_a_network_for_images_is_refused() -> None:
    with pytest.raises(BackboneError, match="toy with the pooling 'none'"):
        load_backbone("toy?pooling=none")


def test_what_is_stored_below_the_pooling_is_shared_and_what_is_above_is_not() -> None:
    found = [minilm(pooling).chain for pooling in ("none", "mean", "cls")]
    for cut in range(len(found[0].cuts)):
        addresses = {prefix_sha256(chain, cut) for chain in found}
        assert len(addresses) == (3 if cut == len(found[0].cuts) - 1 else 1), cut


def test_stored_features_are_those_of_the_network_with_zeros_behind() -> None:
    backbone = minilm("none")
    spec = of_texts(backbone.spec).with_size(16)
    dataset = Dataset(tuple(Sample(text, Text((text,)), "a") for text in TEXTS), ClassTarget(("a", "b")))
    store, cache = TokenStore(dataset, spec), ActivationStore(None)
    found = activations(Wanted(backbone.chain, store, cache, spec), -1, np.arange(3))
    again = activations(Wanted(backbone.chain, store, cache, spec), -1, np.arange(3))
    assert found.shape == (3, 16, 384)
    assert torch.equal(found, again)
    for row, length, batch in zip(found, store.lengths, store.batches([0, 1, 2], batch_size=1), strict=True):
        with torch.inference_mode():
            torch.testing.assert_close(row[:length], backbone.module(batch.inputs)[0], atol=1e-5, rtol=1e-4)
        assert not bool(row[length:].any())


def test_openvino_gives_features_of_every_token() -> None:
    pytest.importorskip("openvino")
    chain = layered_chain(encoder(pooling="none"))
    with torch.inference_mode():
        extract = runtimes["openvino"](chain, (2, 5), 16)
        for lengths in ((5, 3), (16,)):
            x = tokens(*lengths, width=max(9, *lengths))
            lower, last = extract(x)
            assert torch.allclose(last, chain(x), atol=1e-5)
            assert lower.shape == chain.prefix(2)(x).shape


def test_the_cost_of_every_token_is_counted() -> None:
    backbone = minilm("none")
    assert profile(backbone, 0, len(backbone.chain.cuts) - 1, 16).flops > 0
