"""The tokenizer beside a graph: cuts texts off and fills them up by itself, as the graph wants them."""

from __future__ import annotations

from warmstart.preprocess.kinds import Spec
from warmstart.preprocess.text import TextSpec

TOKENIZER = ".tokenizer.json"
"""In the place of the suffix of the graph's file."""


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
