"""Tiny networks with the architectures of published ones, in folders as those are published, and what theirs give.

`GOLDEN` was made once by the authors' own code: mantis-tsfm 1.1.0, momentfm 0.1.4 and chronos-forecasting 2.3.2 (with
transformers 5.24 and torch 2.14), on the configurations, the weights and the series that are made here.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from warmstart.model.adapters import foundation

_T5 = {"d_model": 16, "d_kv": 4, "d_ff": 24, "num_layers": 2, "num_heads": 3, "model_type": "t5", "dropout_rate": 0.1}
_BINS = {
    "tokenizer_class": "MeanScaleUniformBins",
    "tokenizer_kwargs": {"low_limit": -15.0, "high_limit": 15.0},
    "context_length": 512,
    "n_tokens": 64,
    "n_special_tokens": 2,
    "pad_token_id": 0,
    "eos_token_id": 1,
    "use_eos_token": True,
    "model_type": "seq2seq",
}
_PATCHES = {"context_length": 2048, "input_patch_size": 16, "input_patch_stride": 16, "use_reg_token": True}
CONFIGS: dict[str, dict[str, Any]] = {
    "mantis": {
        "seq_len": 64,
        "hidden_dim": 16,
        "num_patches": 8,
        "scalar_scales": None,
        "hidden_dim_scalar_enc": 4,
        "epsilon_scalar_enc": 1.1,
        "transf_depth": 2,
        "transf_num_heads": 2,
        "transf_mlp_dim": 24,
        "transf_dim_head": 8,
        "transf_dropout": 0.1,
        "pre_training": False,
    },
    "moment": {
        "task_name": "reconstruction",
        "transformer_type": "encoder_only",
        "d_model": None,
        "seq_len": 64,
        "patch_len": 8,
        "patch_stride_len": 8,
        "t5_config": {**_T5, "feed_forward_proj": "gated-gelu"},
    },
    "chronos-t5": {**_T5, "feed_forward_proj": "relu", "chronos_config": _BINS},
    "chronos-bolt": {**_T5, "feed_forward_proj": "relu", "chronos_config": _PATCHES},
}
UNUSED = {
    "mantis": {"prj.0.weight": (16,), "prj.1.weight": (16, 16)},
    "moment": {
        "head.linear.weight": (8, 16),
        "encoder.embed_tokens.weight": (32, 16),
        "patch_embedding.mask_embedding": (16,),
        "patch_embedding.position_embedding.pe": (1, 5000, 16),
    },
    "chronos-t5": {"lm_head.weight": (64, 16), "decoder.final_layer_norm.weight": (16,)},
    "chronos-bolt": {"output_patch_embedding.hidden_layer.weight": (24, 16), "decoder.final_layer_norm.weight": (16,)},
}
"""What their files have more, some of it."""
GOLDEN = {
    "mantis": [[-2.96651, -1.624663, 0.593213, 3.529697], [-2.967866, -1.627356, 0.593361, 3.532579]],
    "moment": [[0.051921, 0.005372, 0.080307, 0.123623], [0.657745, 0.051589, 0.049254, 0.425262]],
    "chronos-t5": [[-0.097137, 0.275227, -0.081876, -0.057999], [-0.263061, -0.1933, 0.236663, -0.218664]],
    "chronos-bolt": [[0.865157, -1.038469, 0.737091, 0.714036], [0.613129, -0.299768, 0.136067, 0.060599]],
}
"""The first four features of each of the series."""


def uri(name: str) -> str:
    """What a folder of that name is asked for by, in the folder above it."""
    return f"{name.partition('-')[0]}:./{name}"


def series() -> Tensor:
    """Two series (2, 1, 64), unlike each other."""
    at = torch.arange(64, dtype=torch.float64)
    return torch.stack([(at / 5).sin() + at / 50, 3 * (at * at / 90).cos() - 1]).unsqueeze(1).float()


def filled(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Weights that depend on their names and shapes alone."""
    out = {}
    for name, shape in shapes.items():
        count, start = torch.Size(shape).numel(), zlib.crc32(name.encode()) % 1000
        waves = (torch.arange(count, dtype=torch.float64) * 0.7 + start).sin()
        around = 1.0 if "norm" in name and name.endswith("weight") else 0.0
        out[name] = (around + 0.4 * waves).float().reshape(shape)
    return out


def folder(parent: Path, name: str) -> Path:
    """A folder as the authors publish one."""
    made = parent / name
    made.mkdir()
    (made / "config.json").write_text(json.dumps(CONFIGS[name]))
    supplier: foundation.Foundation = getattr(foundation, name.partition("-")[0].upper())
    module = supplier.build(CONFIGS[name]).module
    shapes = {key: tuple(parameter.shape) for key, parameter in module.named_parameters()}
    save_file(module.state_dict() | filled(shapes) | filled(UNUSED[name]), made / "model.safetensors")
    return made
