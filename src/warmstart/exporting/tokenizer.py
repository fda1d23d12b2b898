"""The tokenizer beside a graph: cuts texts off and fills them up by itself, as the graph wants them."""

from __future__ import annotations

from pathlib import Path

from warmstart.preprocess.kinds import Spec
from warmstart.preprocess.text import TextSpec

TOKENIZER = ".tokenizer.json"
"""Behind the name of the graph's file, so that several formats may lie beside each other."""


def beside(path: Path) -> Path:
    """Where the tokenizer of a graph lies.

    >>> beside(Path("run/model.onnx")).name
    'model.onnx.tokenizer.json'
    """
    return path.with_name(path.name + TOKENIZER)


def tokenizer_file(spec: Spec) -> str | None:
    """The content of the file, for the `tokenizers` of Hugging Face; `None` where no text is read."""
    if not isinstance(spec, TextSpec):
        return None
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(spec.tokenizer)
    tokenizer.enable_truncation(spec.size)
    tokenizer.enable_padding()  # which number it fills up with is of no account: the mask says where a text ends
    content: str = tokenizer.to_str()
    return content
