"""Weights of a repository, and models of transformers that are filled with them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from torch import Tensor

from warmstart.errors import BackboneError
from warmstart.model.adapters.encoders import FORMS
from warmstart.model.adapters.repository import Repository
from warmstart.model.table import HUB_FILES
from warmstart.model.weights import read_weights

_INDEX = "model.safetensors.index.json"


def read_state(there: Repository) -> dict[str, Tensor]:
    """All tensors by name, from one file or from the parts that an index names."""
    path = there.file(HUB_FILES[0], _INDEX, HUB_FILES[1])
    if path.name != _INDEX:
        return read_weights(path)
    parts = sorted(set(there.json(_INDEX).get("weight_map", {}).values()))
    return {name: tensor for part in parts for name, tensor in read_weights(there.file(part)).items()}


def fill(inner: Any, state: dict[str, Tensor], name: str) -> None:
    """Load weights of transformers, under whichever head they were saved, into a model of it.

    Raises:
        BackboneError: a parameter has no weight, or one of another shape.
    """
    made = {name for name, parameter in inner.named_parameters() if not parameter.requires_grad}  # tables of positions
    form = FORMS.get(inner.config.model_type)
    options = {} if form is None else form.options
    with quiet():
        loaded, info = type(inner).from_pretrained(
            None, config=inner.config, state_dict=state, output_loading_info=True, **options
        )
    wanting = {*info["missing_keys"], *(str(found[0]) for found in info["mismatched_keys"])} - made
    here = {name for name in inner.state_dict() if not name.endswith("num_batches_tracked")}  # frozen ones count none
    missing = sorted(wanting & here)  # it may have been saved without parts that are not used
    if missing:
        raise BackboneError(
            f"the weights of 'hf:{name}' do not fit: {len(missing)} parameters have none, the first {missing[0]!r}",
            expected=f"those of a {inner.config.model_type}, as its config.json says",
            do="fetch or save the model again",
        )
    inner.load_state_dict(loaded.float().state_dict())


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No bar and no report of weights that are left out: the head's are meant to be."""
    from transformers.utils import logging

    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
