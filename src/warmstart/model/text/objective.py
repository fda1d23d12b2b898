"""What text models are pretrained on: to tell tokens that are hidden, or the next one; which, by architecture."""

from __future__ import annotations

from typing import Any, Literal

from warmstart.errors import RecipeError
from warmstart.model.backbone import Backbone
from warmstart.model.text.encoder import TextEncoder
from warmstart.preprocess.kinds import of_texts
from warmstart.preprocess.masking import mask_token

Objective = Literal["masked", "causal"]


def chosen_objective(asked: Literal["auto", "masked", "causal"], backbone: Backbone) -> Objective:
    """The objective for a backbone: the one that is asked for, or, by "auto", the one that it is made for.

    Raises:
        RecipeError: it is not made for it, or its tokenizer has no token that hides another.

    >>> from warmstart.model.catalog import load_backbone
    >>> chosen_objective("auto", load_backbone("minilm"))
    'masked'
    """
    made = _made_for(backbone)
    name, found = backbone.card.name, made[0] if asked == "auto" and made else asked
    if found == "auto" or found not in made:
        raise RecipeError(
            f"{name} ({backbone.card.architecture}) cannot be pretrained further, objective {asked}",
            expected="an encoder (masked) or a decoder (causal) of transformers for texts, which one with both is not"
            if not made
            else f"objective {' or '.join(made)}, or auto",
            do="leave the step `pretrain` out, or name another backbone",
        )
    if found == "masked" and mask_token(of_texts(backbone.spec)) is None:
        raise RecipeError(
            f"the tokenizer of {name} has no token that hides another",
            expected="a special token such as [MASK] or <mask>",
            do="name the backbone that has the tokenizer it was pretrained with, or objective: causal for a decoder",
        )
    return found


def vocabulary(backbone: Backbone) -> int:
    """How many different tokens it knows."""
    return int(_model(backbone).config.get_text_config().vocab_size)


def _model(backbone: Backbone) -> Any:
    module = backbone.module
    assert isinstance(module, TextEncoder), "asked of models for texts alone"
    return module.model


def _made_for(backbone: Backbone) -> tuple[Objective, ...]:
    """The objectives that transformers has a head for, the first the one that the architecture is known for."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_MASKED_LM_MAPPING

    config = _model(backbone).config
    if config.is_encoder_decoder or getattr(config, "is_decoder", False):
        return ()
    if type(config) in MODEL_FOR_MASKED_LM_MAPPING:
        return ("masked",)  # attention goes both ways: the next token would be seen
    return ("causal",) if type(config) in MODEL_FOR_CAUSAL_LM_MAPPING else ()
