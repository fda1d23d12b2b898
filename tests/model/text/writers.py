"""Small language models of every kind, with random weights, saved as transformers saves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, processors
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

from tests.model.text.tiny import FAMILIES, SIZES, SPECIAL, tokenizer
from warmstart.data.targets import TextTarget
from warmstart.model.catalog import load_backbone
from warmstart.model.network import Network
from warmstart.task.network import network_for

END = 3
"""The token [SEP]."""
WRITERS: dict[str, dict[str, Any]] = {
    **{name: FAMILIES[name] for name in ("gpt2", "llama", "gemma3_text", "bloom")},
    "opt": {**SIZES, "ffn_dim": 64, "word_embed_proj_dim": 32},
    "t5": {**FAMILIES["t5"], "decoder_start_token_id": 0},
    "bart": {**FAMILIES["bart"], "decoder_start_token_id": END, "scale_embedding": True},
    "marian": {**FAMILIES["bart"], "decoder_start_token_id": 0, "pad_token_id": 0, "decoder_vocab_size": 100},
}
CAUSAL = ("gpt2", "llama", "gemma3_text", "bloom", "opt")


def model_of(family: str, *, sure: bool = True, **options: Any) -> Any:
    """The whole language model; `sure` of what it writes, by larger weights than training begins with."""
    torch.manual_seed(0)
    config = AutoConfig.for_model(family, **{**WRITERS[family], "bos_token_id": 2, "eos_token_id": END, **options})
    kind: Any = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    model = kind.from_config(config).eval()
    for parameter in model.parameters() if sure else ():
        parameter.data.normal_(0, 0.2)
    return model


def save_writer(folder: Path, family: str, **options: Any) -> Path:
    """A language model with its tokenizer in a folder."""
    model_of(family, **options).save_pretrained(folder)
    made = tokenizer()
    if family == "t5":  # as T5's own
        made.post_processor = processors.TemplateProcessing(
            single="$A [SEP]", pair="$A [SEP] $B:1 [SEP]:1", special_tokens=[("[SEP]", END)]
        )
    made.add_special_tokens([AddedToken(name, special=True) for name in SPECIAL])
    made.save(str(folder / "tokenizer.json"))
    return folder


def load_writer(folder: Path, family: str, **options: Any) -> Network:
    """Its network, read from a folder that it is saved in."""
    return network_for(load_backbone(f"hf:{save_writer(folder, family, **options)}"), TextTarget()).eval()
