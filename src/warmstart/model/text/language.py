"""Heads that write: what of a language model of transformers is left without the backbone.

Of a model that only decodes (GPT-2, Llama) the backbone is all layers, and the head what makes logits of their output.
Of a model with an encoder and a decoder (T5, BART) the backbone is the encoder, and the head the decoder with what is
behind it. The rest of the model's forward pass (biases, scales, caps of logits) goes on as its authors wrote it. A head
has tensors of its own: what a model ties to the embeddings of its input is a copy, so that every parameter is in one
part of a network. Both read features of every token, (n, length, d), zero behind the end of a text.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from warmstart.errors import BackboneError
from warmstart.model.adapters.base import seeded
from warmstart.model.adapters.configuration import kept
from warmstart.model.modes import evaluating

Form = Literal["causal", "seq2seq"]
_LOGITS = 2**28


class LanguageHead(nn.Module):
    """What both forms share. `build_head` makes one of its `config` with random weights.

    Args:
        model: the `config.json` of a language model.
        lm: the model with weights, which is taken apart; drawn at random if not given.

    Raises:
        BackboneError: a model that is put together in a way which cannot be taken apart.
    """

    form: Form
    forced = True
    """It is given the targets, token numbers with -1 behind the end: every token is predicted from the true ones before
    it (teacher forcing). Its outputs go as far as the longest of them."""

    def __init__(self, model: dict[str, Any], lm: Any = None) -> None:
        from transformers import GenerationConfig

        super().__init__()
        self.model_config = kept(model)
        self.lm: Any = language_model(self.model_config) if lm is None else lm
        self.lm.generation_config = GenerationConfig()  # type: ignore[no-untyped-call]  # how it is to write is said by who asks for it
        self.outside: str = self._strip()
        _untie(self.lm)
        self.requires_grad_(True)
        self._check()

    @property
    def config(self) -> dict[str, Any]:
        """What `build_head` needs."""
        return {"kind": self.form, "model": self.model_config}

    @property
    def vocabulary(self) -> int:
        """How many different tokens there are."""
        return int(self.lm.config.get_text_config(decoder=True).vocab_size)

    def at_once(self, targets: Tensor) -> int:
        """How many samples' logits, (n, T, vocabulary), take a quarter of a gigabyte; one at least."""
        return max(1, _LOGITS // (4 * _longest(targets) * self.vocabulary))

    def reset(self, seed: int) -> None:
        """Draw the weights anew, as the library does."""
        with seeded(seed):
            fresh = type(self)(self.model_config).state_dict()
        self.load_state_dict(fresh)

    def _strip(self) -> str:
        """Take the backbone's part away; returns where it was."""
        raise NotImplementedError

    def _check(self) -> None:
        config = self.lm.config.get_text_config()
        with evaluating(self), torch.no_grad():
            try:
                out = self(torch.ones(2, 3, config.hidden_size), torch.tensor([[1, 1], [1, -1]]))
            except Exception as error:  # whatever the forward pass of a model misses
                raise BackboneError(
                    f"{type(self.lm).__name__} cannot be taken apart into layers and a head: {error}",
                    expected="a model like GPT-2, Llama, T5 or BART",
                ) from error
        assert out.shape[:2] == (2, 2), "a row of logits for each token"


class CausalHead(LanguageHead):
    """Features of a text to logits of its last tokens, each from those before it.

    A text of L tokens whose last target has T: the backbone reads all but the very last of them, and the T tokens are
    predicted at its last T places.
    """

    form = "causal"

    def forward(self, x: Tensor, targets: Tensor | None = None) -> Tensor:
        """Logits (n, T, vocabulary) of the tokens in `targets`; without them of the next token, (n, 1, ...)."""
        length = mask_of(x).sum(1)
        count = torch.ones_like(length) if targets is None else (targets >= 0).sum(1)
        steps = torch.arange(1 if targets is None else _longest(targets), device=x.device)
        places = ((length - count).unsqueeze(1) + steps).clamp(0, x.shape[1] - 1)
        at = x.gather(1, places.unsqueeze(-1).expand(-1, -1, x.shape[2]))
        logits: Tensor = self.lm(inputs_embeds=at, use_cache=False).logits
        return logits

    def _strip(self) -> str:
        name = str(self.lm.base_model_prefix)
        setattr(self.lm, name, _Through())
        return name


class Seq2SeqHead(LanguageHead):
    """Features of a text to logits of another one, by a decoder that attends to them."""

    form = "seq2seq"

    def forward(self, x: Tensor, targets: Tensor | None = None) -> Tensor:
        """Logits (n, T, vocabulary) of the tokens in `targets`; without them of the first token, (n, 1, ...)."""
        from transformers.modeling_outputs import BaseModelOutput

        start = torch.full((len(x), 1), self.start, dtype=torch.long, device=x.device)
        known = start[:, :0] if targets is None else targets[:, : _longest(targets) - 1].clamp_min(0)
        logits: Tensor = self.lm(
            encoder_outputs=BaseModelOutput(last_hidden_state=x),
            attention_mask=mask_of(x).long(),
            decoder_input_ids=torch.cat([start, known], dim=1),
            use_cache=False,
        ).logits
        return logits

    @property
    def start(self) -> int:
        """The token that the decoder begins with."""
        config = self.lm.config
        found = [getattr(config, name, None) for name in ("decoder_start_token_id", "bos_token_id", "pad_token_id")]
        return next(int(one) for one in [*found, 0] if one is not None)

    def _strip(self) -> str:
        encoder, decoder, embeddings = self.lm.get_encoder(), self.lm.get_decoder(), self.lm.get_input_embeddings()
        name = _place(self.lm, encoder)
        _replace(self.lm, name, _Absent())
        left = [module for module in self.lm.modules() if module is embeddings]  # Marian's are the encoder's own
        if left and all(embeddings is not module for module in decoder.modules()):
            _replace(self.lm, _place(self.lm, embeddings), _Absent())
        return name


class _Absent(nn.Module):
    """In the place of what is not called."""

    main_input_name = "input_ids"


class _Through(nn.Module):
    """In the place of the layers of a model that only decodes: gives what they gave before."""

    @property
    def decoder(self) -> nn.Module:
        """What OPT calls in the place of the whole."""
        return self

    def forward(self, *_: Any, inputs_embeds: Tensor, **__: Any) -> Any:
        from transformers.modeling_outputs import BaseModelOutputWithPastAndCrossAttentions

        return BaseModelOutputWithPastAndCrossAttentions(last_hidden_state=inputs_embeds)


def form_of(config: dict[str, Any]) -> Form | None:
    """How a model with this `config.json` writes; `None` if it does not.

    >>> form_of({"model_type": "gpt2"}), form_of({"model_type": "t5"}), form_of({"model_type": "bert"})
    ('causal', 'seq2seq', None)
    """
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING,
        MODEL_FOR_MASKED_LM_MAPPING,
        MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING,
    )

    kind = CONFIG_MAPPING[config["model_type"]]
    if kind in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING and kind(**config).is_encoder_decoder:
        return "seq2seq"
    return "causal" if kind in MODEL_FOR_CAUSAL_LM_MAPPING and kind not in MODEL_FOR_MASKED_LM_MAPPING else None


def language_model(config: dict[str, Any]) -> Any:
    """A whole language model with random weights, in eval mode."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    kind: Any = AutoModelForSeq2SeqLM if form_of(config) == "seq2seq" else AutoModelForCausalLM
    return kind.from_config(AutoConfig.for_model(**config), trust_remote_code=False).float().eval()


def mask_of(x: Tensor) -> Tensor:
    """Which of the features (n, length, d) are of tokens, (n, length): those behind the end of a text are zero."""
    return x.ne(0).any(-1)


def _longest(targets: Tensor) -> int:
    return max(1, int((targets >= 0).sum(1).max())) if len(targets) else 1


def _place(model: nn.Module, part: nn.Module) -> str:
    return next(str(name) for name, module in model.named_modules() if module is part)


def _replace(model: nn.Module, name: str, part: nn.Module) -> None:
    owner, _, attribute = name.rpartition(".")
    setattr(model.get_submodule(owner), attribute, part)


def _untie(model: nn.Module) -> None:
    """Every parameter a tensor of its own."""
    seen = set[int]()
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if id(parameter) in seen:
                parameter = nn.Parameter(parameter.detach().clone())
                setattr(module, name, parameter)
            seen.add(id(parameter))
