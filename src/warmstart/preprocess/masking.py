"""What a tokenizer says of its special tokens, for those who hide some of the others."""

from __future__ import annotations

import functools
import json
import re
from typing import Any

from warmstart.preprocess.text import TextSpec


def mask_token(spec: TextSpec) -> int | None:
    """The number of the token that stands for one that is hidden; `None` if the tokenizer has none.

    >>> from warmstart.model.catalog import load_backbone
    >>> mask_token(load_backbone("minilm").spec)
    103
    """
    found = [
        token["id"] for token in _added(spec.tokenizer) if re.sub("[^a-z]", "", token["content"].lower()) == "mask"
    ]
    return int(found[0]) if found else None


def special_tokens(spec: TextSpec) -> tuple[int, ...]:
    """The numbers of those that are no part of any text, in order."""
    (empty,) = spec.encode([("",)])
    added = {int(token["id"]) for token in _added(spec.tokenizer) if token.get("special")}
    return tuple(sorted(added | set(empty.tokens[:, 0].tolist())))


@functools.lru_cache(maxsize=4)
def _added(tokenizer: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(tokenizer or "{}").get("added_tokens") or []
    return found
