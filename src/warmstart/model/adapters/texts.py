"""Text models in the form of the Hugging Face hub: what says how they are built, read and pooled.

A repository made by sentence-transformers says how it was trained to make one row of features of a text, and how many
tokens it was trained on. Of others the tokens are averaged, and of a decoder, which sees what is before alone, the last
one is taken.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from torch import Tensor

from warmstart.errors import BackboneError
from warmstart.model.adapters.base import drawn, seeded
from warmstart.model.adapters.repository import Repository
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.model.text.bert import Bert, is_plain
from warmstart.model.text.encoder import TextEncoder
from warmstart.model.text.segments import layered_chain
from warmstart.model.uri import Pooling, Uri
from warmstart.model.weights import state_sha256
from warmstart.preprocess.kinds import of_texts
from warmstart.preprocess.text import TOKENIZER, TextSpec

LONGEST = 512
"""Tokens that are read at most where nothing says how many the weights were trained on."""
SHORTEST = 8
_POOLINGS: dict[str, Pooling] = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_lasttoken": "last",
    "pooling_mode_max_tokens": "max",
}
_WORDS: dict[Pooling, str] = {
    "none": "each with features of its own",
    "mean": "the mean of all tokens",
    "cls": "the first token",
    "last": "the last token",
    "max": "the maximum over all tokens",
}
_SLOW = "tokenizer_config.json"
_COUNT_FROM_PADDING = ("roberta", "camembert", "mpnet", "longformer")
"""Families whose positions begin behind the number of the padding token."""


@dataclasses.dataclass(frozen=True)
class Build:
    """What it takes to build the network again, but for its weights: the `structure` of the backbone."""

    config: dict[str, Any]  # `config.json`
    pooling: Pooling
    normalise: bool
    size: int  # tokens that were read of a text when it was trained
    limit: int  # tokens that it has positions for

    @classmethod
    def of(cls, there: Repository, config: dict[str, Any]) -> Build:
        """As the files of a repository say."""
        parts = [str(part.get("type", "")).rpartition(".")[2] for part in _list(there, "modules.json")]
        pooling = there.json("1_Pooling/config.json")
        said = [name for key, name in _POOLINGS.items() if pooling.get(key)]
        limit = _positions(config)
        trained = there.json("sentence_bert_config.json").get("max_seq_length") or min(limit, LONGEST)
        default: Pooling = "last" if _decodes(config) else "mean"
        return cls(config, said[0] if said else default, "Normalize" in parts, min(int(trained), limit), limit)

    @property
    def words(self) -> str:
        """How features are pooled, for the card."""
        scaled = self.normalise and self.pooling != "none"
        return _WORDS[self.pooling] + (", at length one" if scaled else "")

    def to_bytes(self) -> bytes:
        """As JSON."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True).encode()

    def light(self) -> TextEncoder:
        """The network with any weights, for others to be read into it; without transformers where that can be."""
        if not is_plain(self.config):
            return self.module()
        return TextEncoder(Bert(self.config).eval(), self.pooling, self.normalise)

    def module(self) -> TextEncoder:
        """The network with random weights."""
        from transformers import AutoConfig, AutoModel, AutoModelForTextEncoding
        from transformers.models.auto.modeling_auto import MODEL_FOR_TEXT_ENCODING_MAPPING

        filled = AutoConfig.for_model(**self.config)
        encodes = type(filled) in MODEL_FOR_TEXT_ENCODING_MAPPING
        kind: Any = AutoModelForTextEncoding if encodes else AutoModel
        model = kind.from_config(filled).float()
        if not encodes and filled.is_encoder_decoder:
            model = model.get_encoder()
        if getattr(model, "pooler", None) is not None:
            model.pooler = None  # it is no part of the features
        return TextEncoder(model.eval(), self.pooling, self.normalise)


def finished(module: TextEncoder, build: Build, tokenizer: str, card: BackboneCard) -> Backbone:
    """The backbone, its card completed."""
    module.eval().requires_grad_(True)
    chain = layered_chain(module)
    card = dataclasses.replace(
        card,
        weights_sha256=state_sha256(module.state_dict()),
        parameters=sum(parameter.numel() for parameter in module.parameters()),
        min_size=SHORTEST,
        pooling=build.words,
    )
    spec = TextSpec(build.size, tokenizer, build.limit)
    width = chain.activation_shape(-1, SHORTEST)[-1]
    return Backbone(chain, width, spec, card, structure=build.to_bytes())


def rebuilt(name: str, build: Build, *, seed: int, light: bool = False) -> Backbone:
    """The network with random weights and without a tokenizer, which comes beside it; `light` as `Build.light`."""
    with seeded(seed):
        module = build.light() if light else build.module()
    card = BackboneCard(name, str(build.config.get("model_type", "unknown")), "", "", "", "", 0)
    return finished(module, build, "", drawn(card, seed))


def pooled(backbone: Backbone, pooling: Pooling) -> Backbone:
    """The backbone with another pooling; with "none" it gives features of every token, (n, length, out_features).

    It shares the modules, and with them the weights, of `backbone`; its cuts are the same, and so are the activations
    at all but the last, wherever they are stored. `backbone` itself comes back where it pools like this already.

    Raises:
        BackboneError: it does not read texts.

    >>> from warmstart.model.catalog import load_backbone
    >>> minilm = load_backbone("minilm")
    >>> tokens = minilm.chain.inputs.example(2, 8, minilm.module)
    >>> pooled(minilm, "none").module(tokens).shape
    torch.Size([2, 8, 384])
    """
    module = backbone.module
    if not isinstance(module, TextEncoder):
        raise BackboneError(
            f"{backbone.card.name} with the pooling {pooling!r}", "a model for texts", "leave ?pooling out"
        )
    if module.pool.pooling == pooling:
        return backbone
    build = dataclasses.replace(Build(**json.loads(backbone.structure)), pooling=pooling)
    chain = layered_chain(TextEncoder(module.model, pooling, build.normalise).train(module.training))
    name = str(dataclasses.replace(Uri.of(backbone.card.name), pooling=pooling))
    card = dataclasses.replace(backbone.card, name=name, pooling=build.words)
    return dataclasses.replace(backbone, chain=chain, card=card, structure=build.to_bytes())


def read_by(backbone: Backbone, tokenizer: str) -> Backbone:
    """The backbone with a tokenizer."""
    return dataclasses.replace(backbone, spec=dataclasses.replace(of_texts(backbone.spec), tokenizer=tokenizer))


def tokenizer_of(there: Repository) -> str:
    """The content of `tokenizer.json`; made of the files of a slower tokenizer where there is none."""
    try:
        path = there.file(TOKENIZER, _SLOW)
        if path.name == TOKENIZER:
            return path.read_text(encoding="utf-8")
        return _converted(path.parent)
    except BackboneError as error:
        raise BackboneError(
            f"'hf:{there.repo}' has no tokenizer", expected=TOKENIZER, do="save the tokenizer beside the model"
        ) from error


def _converted(folder: Path) -> str:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        text: str = tokenizer.backend_tokenizer.to_str()
    except Exception as error:  # whatever its files lack
        raise BackboneError(f"the tokenizer in {folder.name} cannot be converted: {error}") from error
    return text


def of_encoder(state: dict[str, Tensor], model: Any) -> dict[str, Tensor]:
    """The weights of `model`, where it is the encoder of a model with a decoder whose weights these are."""
    if not model.config.is_encoder_decoder or hasattr(model, "encoder"):
        return state
    found = {name.rpartition("encoder.")[2]: t for name, t in state.items() if "encoder." in name}
    shared = [t for name, t in state.items() if name.endswith("shared.weight")]
    return {"embed_tokens.weight": shared[0], **found} if shared else found


def is_text(config: dict[str, Any]) -> bool:
    """Whether a configuration of transformers is of a model for texts."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING,
        MODEL_FOR_MASKED_LM_MAPPING,
        MODEL_FOR_TEXT_ENCODING_MAPPING,
    )

    kind = config.get("model_type", "")
    if kind not in CONFIG_MAPPING:
        return False
    mappings = (MODEL_FOR_TEXT_ENCODING_MAPPING, MODEL_FOR_MASKED_LM_MAPPING, MODEL_FOR_CAUSAL_LM_MAPPING)
    return any(CONFIG_MAPPING[kind] in mapping for mapping in mappings)


def _decodes(config: dict[str, Any]) -> bool:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_MASKED_LM_MAPPING

    kind = CONFIG_MAPPING[config["model_type"]]
    return kind in MODEL_FOR_CAUSAL_LM_MAPPING and kind not in MODEL_FOR_MASKED_LM_MAPPING


def _positions(config: dict[str, Any]) -> int:
    """Tokens that there are positions for; of relative positions any number, of which `LONGEST` are taken."""
    from transformers import AutoConfig

    filled = AutoConfig.for_model(**config)
    found = next((n for key in ("max_position_embeddings", "n_positions") if (n := getattr(filled, key, None))), None)
    if found is None or found <= 0:
        return LONGEST
    shifted = any(family in filled.model_type for family in _COUNT_FROM_PADDING)
    offset = int(filled.pad_token_id or 0) + 1 if shifted else 0
    return max(int(found) - offset, SHORTEST)


def _list(there: Repository, name: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(there.file(name).read_text(encoding="utf-8"))
    except (BackboneError, ValueError):
        return []
    return found if isinstance(found, list) else []
