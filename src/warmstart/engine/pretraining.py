"""Further pretraining on texts: the network read token by token, what is hidden from it, and the loss of telling it."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from warmstart.data.batches import Batch
from warmstart.engine.pretext import PretextStepper
from warmstart.engine.seeds import derive
from warmstart.model.network import Network
from warmstart.model.text.encoder import TextEncoder
from warmstart.model.text.objective import Objective, vocabulary
from warmstart.model.text.segments import layered_chain
from warmstart.model.text.token_head import TokenHead
from warmstart.preprocess.kinds import of_texts
from warmstart.preprocess.masking import mask_token, special_tokens


class TokenNetwork(Network):
    """A network read token by token, with what turns features into tokens beside it.

    All else, the task's head included, is shared with the network that it was made of, and has the same names.
    """

    def __init__(self, network: Network, tokens: TokenHead) -> None:
        module = network.backbone
        assert isinstance(module, TextEncoder), "asked of models for texts alone"
        chain = layered_chain(TextEncoder(module.model, "none").train(module.training))
        super().__init__(dataclasses.replace(network.facts, chain=chain), network.head)
        self.tokens = tokens

    def forward(self, x: Tensor, targets: Tensor | None = None) -> Tensor:
        """Features of tokens (n, length, d)."""
        found: Tensor = self.backbone(x)
        return found

    def forward_from(self, cut: int, activation: Tensor, targets: Tensor | None = None) -> Tensor:
        """The same from the activation at `cut`."""
        return self.facts.chain.suffix(cut)(activation)

    def clone(self) -> TokenNetwork:
        """A copy with weights of its own; what is tied stays so."""
        return copy.deepcopy(self)


@dataclasses.dataclass(frozen=True)
class TokenLoss:
    """Cross entropy of the tokens that are to be told, in nats."""

    head: TokenHead

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean, for features (n, length, d) and tokens (n, length), -1 where none is to be told; 0 if there is none."""
        asked = targets >= 0
        if not bool(asked.any()):
            return outputs.sum() * 0.0
        return functional.cross_entropy(self.head(outputs[asked].float()), targets[asked])

    def weight(self, targets: Tensor) -> float:
        """How many are to be told."""
        return float(max(int((targets >= 0).sum()), 1))


@dataclasses.dataclass(frozen=True)
class Hiding:
    """What is asked of the tokens of a batch (n, length, 2)."""

    objective: Objective
    share: float = 0.15
    mask: int = 0  # the token that hides another
    special: Sequence[int] = ()  # those that are never hidden
    words: int = 1  # in the vocabulary

    @classmethod
    def of(cls, network: Network, objective: Objective, share: float) -> Hiding:
        """As the tokenizer of a network says."""
        spec = of_texts(network.facts.spec)
        mask = mask_token(spec) if objective == "masked" else None
        return cls(objective, share, mask or 0, special_tokens(spec), vocabulary(network.facts))

    def __call__(self, tokens: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """Tokens as the network is to see them, and those that it is to tell (n, length), -1 elsewhere.

        Masked: each token with the chance `share`, and at least one of every text (Devlin et al. 2019, section 3.1).
        Causal: each token from those before it; the last of a text has none behind it.
        """
        ids = tokens[..., 0]
        if self.objective == "causal":
            return tokens, functional.pad(ids[:, 1:], (0, 1), value=-1)
        generator = torch.Generator().manual_seed(seed)
        drawn, how = (torch.rand(ids.shape, generator=generator).to(ids.device) for _ in range(2))
        other = torch.randint(self.words, ids.shape, generator=generator).to(ids.device)
        free = (ids >= 0) & ~torch.isin(ids, torch.tensor(self.special, dtype=ids.dtype, device=ids.device))
        drawn = drawn.masked_fill(~free, 2.0)
        chosen = free & ((drawn < self.share) | (drawn == drawn.amin(1, keepdim=True)))
        seen = torch.where(chosen & (how < 0.8), self.mask, ids)
        seen = torch.where(chosen & (how >= 0.9), other, seen)
        return torch.stack([seen, tokens[..., 1]], dim=-1), ids.masked_fill(~chosen, -1)


@dataclasses.dataclass
class TokenStepper(PretextStepper):
    """Steps on batches of texts; their labels are not looked at."""

    hiding: Hiding

    def _prepared(self, batch: Batch, seed: int) -> tuple[Tensor, Tensor]:
        inputs, targets = self.hiding(batch.inputs, derive(seed, "hide"))
        return inputs.to(self.feed.device), targets.to(self.feed.device)
