"""Texts that a network writes, token by token, by the `generate` of transformers with its cache of keys and values.

What is written with are the very modules of the network: a model that only decodes gets its layers back for the time
being, in a copy of the shell that holds no tensor; a decoder is given the encoder's features.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from warmstart.errors import BackboneError
from warmstart.model.modes import evaluating
from warmstart.model.network import Network
from warmstart.model.text.encoder import TextEncoder
from warmstart.model.text.language import LanguageHead, Seq2SeqHead, mask_of
from warmstart.preprocess.text import Encoded, TextSpec
from warmstart.preprocess.writing import decoded, encode_written

LONGEST = 64
"""Tokens that are written at most where nothing says how many."""


def write(
    network: Network,
    spec: TextSpec,
    texts: Sequence[tuple[str, ...]],
    *,
    max_new_tokens: int = LONGEST,
    beams: int = 1,
    temperature: float = 0.0,
    top_p: float = 1.0,
    seed: int = 0,
    batch_size: int = 32,
    progress: Callable[[int], None] | None = None,
) -> list[str]:
    """What the network writes for each text or pair, in order; the same for the same seed.

    Args:
        network: with a head that writes; its flags and weights stay as they are.
        spec: how it reads, from `warmstart.model.adapters.writing.writing`.
        texts: as `TextSpec.encode` has them.
        max_new_tokens: after so many a text ends in any case.
        beams: with more than one the most probable text of a beam search, else the most probable token in each place.
        temperature: above 0, tokens are drawn from their probabilities at this temperature instead.
        top_p: of the most probable tokens that together have this probability (Holtzman et al. 2020).
        seed: of what is drawn.
        batch_size: texts at a time.
        progress: called after each batch with the number of texts in it.

    Raises:
        BackboneError: the network does not write, or has no positions left to write to.
    """
    head, encoder = network.head, network.backbone
    if not isinstance(head, LanguageHead) or not isinstance(encoder, TextEncoder) or spec.writes != head.form:
        raise BackboneError(
            f"{network.facts.card.name} with a {type(head).__name__} does not write texts that are read so",
            expected="a network and its spec from warmstart.task.network.network_for",
        )
    encoded = encode_written(_leaving(spec, max_new_tokens), texts, [None] * len(texts))
    generate = _beside(encoder, head) if isinstance(head, Seq2SeqHead) else _behind(encoder, head)
    options: dict[str, Any] = {"max_new_tokens": max_new_tokens, "num_beams": beams, "do_sample": temperature > 0}
    if temperature > 0:
        options |= {"temperature": temperature, "top_p": top_p, "top_k": 0}
    config = _generation(head, spec, options)
    rows: dict[int, list[int]] = {}
    device = next(network.parameters()).device
    with evaluating(network), torch.inference_mode(), _seeded(seed, device):
        for part in _batches(encoded, batch_size):
            given = [torch.from_numpy(encoded[i].tokens[:, 0].astype(np.int64)) for i in part]
            types = [torch.from_numpy(encoded[i].tokens[:, 1].astype(np.int64)) for i in part]
            found = generate(given, types, device, config)
            rows |= dict(zip(part, found.tolist(), strict=True))
            if progress is not None:
                progress(len(part))
    return decoded(spec, [rows[i] for i in range(len(texts))])


@contextlib.contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """The generators that a device draws from seeded with `seed` in a `with` block, and as before after it."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.default_generator.manual_seed(seed)
        if devices:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


def _batches(encoded: Sequence[Encoded], size: int) -> Iterator[list[int]]:
    """Positions, those of texts of much the same length together."""
    order = sorted(range(len(encoded)), key=lambda i: -len(encoded[i].tokens))
    yield from (order[i : i + size] for i in range(0, len(order), size))


def _leaving(spec: TextSpec, room: int) -> TextSpec:
    """The spec with positions left for what is written behind the input."""
    if spec.writes != "causal":
        return spec
    size = min(spec.size, spec.limit - room)
    if size < 2:
        raise BackboneError(
            f"{room} tokens are to be written by a network that has positions for {spec.limit}",
            expected=f"at most {spec.limit - 2}",
            do="ask for fewer new tokens",
        )
    return spec.with_size(size)


def _generation(head: LanguageHead, spec: TextSpec, options: dict[str, Any]) -> Any:
    """What the library is told; nothing of what was published beside the weights, so that the same is done always."""
    from transformers import GenerationConfig

    start = head.start if isinstance(head, Seq2SeqHead) else None
    return GenerationConfig(  # type: ignore[no-untyped-call]
        eos_token_id=spec.end, pad_token_id=spec.end, decoder_start_token_id=start, use_cache=True, **options
    )


Generator = Callable[[list[Tensor], list[Tensor], torch.device, Any], Tensor]
"""Tokens of some texts, and which of a pair they are of, to the tokens that are written (n, most)."""


def _behind(encoder: TextEncoder, head: LanguageHead) -> Generator:
    lm = copy.copy(head.lm)
    lm.__dict__["_modules"] = {**head.lm._modules, head.outside: encoder.model}

    def generate(given: list[Tensor], _: list[Tensor], device: torch.device, config: Any) -> Tensor:
        longest = max(map(len, given))
        ids = torch.full((len(given), longest), config.pad_token_id, dtype=torch.long, device=device)
        mask = torch.zeros_like(ids)
        for row, (into, kept) in zip(given, zip(ids, mask, strict=True), strict=True):
            into[longest - len(row) :], kept[longest - len(row) :] = row, 1
        found: Tensor = lm.generate(input_ids=ids, attention_mask=mask, generation_config=config)
        return found[:, longest:]

    return generate


def _beside(encoder: TextEncoder, head: LanguageHead) -> Generator:
    from transformers.modeling_outputs import BaseModelOutput

    def generate(given: list[Tensor], types: list[Tensor], device: torch.device, config: Any) -> Tensor:
        both = [torch.stack(pair, 1) for pair in zip(given, types, strict=True)]
        tokens = nn.utils.rnn.pad_sequence(both, batch_first=True, padding_value=-1)
        features = encoder(tokens.to(device))
        output = BaseModelOutput(last_hidden_state=features)
        found: Tensor = head.lm.generate(
            encoder_outputs=output, attention_mask=mask_of(features).long(), generation_config=config
        )
        return found[:, 1:]

    return generate
