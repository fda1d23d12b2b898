"""Small text models of every kind, with random weights, saved as transformers saves them; nothing is downloaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoConfig, AutoModel, AutoModelForTextEncoding
from transformers.models.auto.modeling_auto import MODEL_FOR_TEXT_ENCODING_MAPPING

WORDS = """
the a cat dog bird sits runs sings on in mat park tree rain sun is are wet dry red blue green good bad film play match
team goal bank money share price law vote party star song album chip phone net code one two three four five
""".split()  # noqa: SIM905 (read by people)
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]

SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "intermediate_size": 64,
    "vocab_size": 100,
    "bos_token_id": 2,
    "eos_token_id": 3,
    "cls_token_id": 2,
    "sep_token_id": 3,
    "pad_token_id": 0,
}
_T5 = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 3, "num_heads": 4, "vocab_size": 100}
_GPT2 = {"n_embd": 32, "n_layer": 3, "n_head": 4, "vocab_size": 100, "bos_token_id": 2, "eos_token_id": 3}
FAMILIES: dict[str, dict[str, Any]] = {
    "bert": SIZES,
    "roberta": SIZES,
    "distilbert": {"dim": 32, "n_layers": 3, "n_heads": 4, "hidden_dim": 64, "vocab_size": 100},
    "electra": {**SIZES, "embedding_size": 16},
    "mpnet": SIZES,
    "xlm-roberta": SIZES,
    "deberta-v2": {**SIZES, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
    "modernbert": SIZES,
    "gpt2": _GPT2,
    "gpt_neo": {
        **{"hidden_size": 32, "num_layers": 3, "num_heads": 4, "vocab_size": 100, "bos_token_id": 2, "eos_token_id": 3},
        "attention_types": [[["global", "local"], 1], [["global"], 1]],
    },
    "llama": SIZES,
    "qwen2": {**SIZES, "use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1},
    "gemma3_text": {**SIZES, "head_dim": 8, "sliding_window": 4},
    "bloom": {"hidden_size": 32, "n_layer": 3, "n_head": 4, "vocab_size": 100},
    "t5": _T5,
    "mt5": _T5,
    "bart": {
        **{"d_model": 32, "encoder_layers": 3, "decoder_layers": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64},
        **{"encoder_attention_heads": 4, "decoder_attention_heads": 4, "vocab_size": 100},
    },
}
"""By `model_type`."""


def tokenizer() -> Tokenizer:
    """Whole words, with [CLS] and [SEP] around a text and [SEP] between those of a pair."""
    vocabulary = {word: i for i, word in enumerate([*SPECIAL, *WORDS])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return made


def module_of(family: str, seed: int = 0) -> Any:
    """The model of transformers without a head."""
    torch.manual_seed(seed)
    config = AutoConfig.for_model(family, **FAMILIES[family])
    kind: Any = AutoModelForTextEncoding if type(config) in MODEL_FOR_TEXT_ENCODING_MAPPING else AutoModel
    return kind.from_config(config).eval()


def save(folder: Path, family: str = "bert", **files: Any) -> Path:
    """A model with its tokenizer in a folder, as `hf:./folder` reads it; `files` are further ones, as JSON."""
    module_of(family).save_pretrained(folder)
    tokenizer().save(str(folder / "tokenizer.json"))
    for name, content in files.items():
        path = folder / f"{name.replace('__', '/')}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    return folder
