"""Text models of every family can be entered and left at every layer, and nothing else about them changes."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor

from tests.model.text.tiny import FAMILIES, module_of
from warmstart.errors import BackboneError
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.model.chain import Chain
from warmstart.model.head import LinearHead
from warmstart.model.low_rank import attach, merge
from warmstart.model.network import Network
from warmstart.model.runtimes.base import runtimes
from warmstart.model.text.encoder import TextEncoder
from warmstart.model.text.segments import layered_chain
from warmstart.model.uri import Pooling
from warmstart.preprocess.text import TextSpec


def encoder(family: str = "bert", pooling: Pooling = "mean") -> TextEncoder:
    model = module_of(family)
    return TextEncoder(model.get_encoder() if family == "bart" else model, pooling).eval()


def tokens(*lengths: int, width: int = 9, seed: int = 0) -> Tensor:
    found = torch.full((len(lengths), width, 2), -1)
    generator = torch.Generator().manual_seed(seed)
    for row, length in zip(found, lengths, strict=True):
        row[:length, 0] = torch.randint(5, 90, (length,), generator=generator)
        row[:length, 1] = 0
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_every_cut_gives_the_same_features_bit_for_bit(family: str) -> None:
    module, x = encoder(family), tokens(7, 5, 2)
    chain = layered_chain(module)
    with torch.inference_mode():
        whole = chain(x)
        for cut in range(len(chain.cuts)):
            assert torch.equal(chain.suffix(cut)(chain.prefix(cut)(x)), whole), chain.cuts[cut].name
        for start, stop in [(1, 3), (2, 2), (2, 4)]:
            between = chain.segment(start, stop)(chain.prefix(start)(x))
            assert torch.equal(chain.suffix(stop)(between), whole)


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "deberta-v2", "modernbert", "gpt2", "llama", "t5"])
def test_the_features_are_those_of_the_model_itself(family: str) -> None:
    model, x = module_of(family), tokens(7, 7)
    options = (
        {} if family in ("bert", "roberta", "distilbert", "deberta-v2", "modernbert", "t5") else {"use_cache": False}
    )
    with torch.inference_mode():
        expected = model(input_ids=x[:, :7, 0], attention_mask=torch.ones(2, 7, dtype=torch.long), **options)[0].mean(1)
        assert torch.equal(TextEncoder(module_of(family), "mean")(x), expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_padding_does_not_matter(family: str) -> None:
    chain = layered_chain(encoder(family))
    with torch.inference_mode():
        alone = torch.cat([chain(tokens(4, width=4)), chain(tokens(4, width=12))])
        assert torch.allclose(alone[0], alone[1], atol=1e-6)
        beside = chain(torch.cat([tokens(4), tokens(9, seed=1)]))
        assert torch.allclose(beside[0], alone[0], atol=1e-5)
        padded = torch.zeros(1, 20, chain.activation_shape(2, 9)[-1])
        padded[:, :4] = chain.prefix(2)(tokens(4, width=4))
        assert torch.allclose(chain.suffix(2)(padded)[0], alone[0], atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_parameter_is_in_one_block_and_used_below_the_last_cut(family: str) -> None:
    chain = layered_chain(encoder(family))
    names = [name for name, _ in chain.module.named_parameters()]
    assert sorted(name for block in chain.blocks for name in block.parameters) == sorted(names)
    assert chain.parameters_below(-1) == set(names)
    assert len(chain.blocks) == 4
    assert chain.cut_for(chain.blocks[-1].parameters) == 3


def test_pooling_is_of_the_text_alone() -> None:
    x = tokens(5, 3)
    hidden = encoder().run(x, 0, 4)[..., :-1]
    pooled = {name: encoder(pooling=name)(x) for name in ("mean", "cls", "last", "max")}
    torch.testing.assert_close(pooled["mean"][1], hidden[1, :3].mean(0))
    torch.testing.assert_close(pooled["cls"], hidden[:, 0])
    torch.testing.assert_close(pooled["last"][1], hidden[1, 2])
    torch.testing.assert_close(pooled["max"][1], hidden[1, :3].amax(0))


def test_openvino_reads_texts_of_any_length_as_torch_does() -> None:
    pytest.importorskip("openvino")
    chain = layered_chain(encoder())
    with torch.inference_mode():
        extract = runtimes["openvino"](chain, (2, 5), 16)
        for lengths in ((5, 3), (16,), (2, 9, 4)):
            x = tokens(*lengths, width=max(lengths))
            for found, cut in zip(extract(x), (2, 5), strict=True):
                assert torch.allclose(found, chain.prefix(cut)(x), atol=1e-5)


def test_gradients_reach_what_lies_above_a_cut_and_nothing_below() -> None:
    chain = layered_chain(encoder("t5"))
    below = chain.prefix(3)(tokens(6, 4)).detach()
    chain.suffix(3)(below).sum().backward()  # type: ignore[no-untyped-call]
    moved = {name for name, p in chain.module.named_parameters() if p.grad is not None and bool(p.grad.any())}
    assert moved
    assert moved.isdisjoint(chain.parameters_below(3))


def test_two_threads_run_two_parts_of_one_network() -> None:
    chain, x = layered_chain(encoder()), tokens(7, 5)
    with torch.inference_mode():
        expected = [chain.prefix(2)(x), chain(x)]
    failed: list[int] = []

    def run(which: int) -> None:
        with torch.inference_mode():
            for _ in range(20):
                found = chain(x) if which else chain.prefix(2)(x)
                if not torch.equal(found, expected[which]):
                    failed.append(which)

    threads = [threading.Thread(target=run, args=(i % 2,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def backbone(chain: Chain) -> Backbone:
    card = BackboneCard("hf:tiny", "bert", "", "", "", "", 0, min_size=8)
    return Backbone(chain, 32, TextSpec(size=16), card)


@pytest.mark.parametrize("family", ["bert", "gpt2", "t5", "llama"])
def test_low_rank_matrices_can_be_added_and_merged(family: str) -> None:
    network = Network(backbone(layered_chain(encoder(family))), LinearHead(32, 3)).eval()
    x, names = tokens(7, 5), set(network.state_dict())
    with torch.inference_mode():
        before = network(x)
    attach(network, rank=2, alpha=4.0, on=lambda _: True, seed=0)
    assert torch.allclose(network(x), before, atol=1e-6)
    for name, parameter in network.named_parameters():
        if name.endswith(".0.B"):
            torch.nn.init.normal_(parameter, std=0.1)
    learned = network(x)
    merge(network)
    assert torch.allclose(network(x), learned, atol=1e-6)
    assert not torch.allclose(learned, before, atol=1e-3)
    assert set(network.state_dict()) == names


def test_a_model_without_a_list_of_layers_is_refused() -> None:
    from transformers import AlbertConfig, AlbertModel

    small = AlbertConfig(
        hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=64, vocab_size=100
    )
    with pytest.raises(BackboneError, match="keeps its layers in no list"):
        TextEncoder(AlbertModel(small), "mean")
