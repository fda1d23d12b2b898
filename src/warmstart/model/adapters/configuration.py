"""What may be kept of a `config.json` that anybody may have written."""

from __future__ import annotations

from typing import Any

_LEFT_OUT = {"auto_map", "attn_implementation", "quantization_config", "id2label", "label2id"}
"""What could name code to fetch, and the names of classes. So could what begins with "_"."""


def kept(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration without what could name code.

    >>> kept({"model_type": "bert", "auto_map": {"AutoModel": "theirs.py"}})
    {'model_type': 'bert'}
    """
    return {key: value for key, value in config.items() if key not in _LEFT_OUT and not key.startswith("_")}
