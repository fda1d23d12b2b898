"""Generation: a text is written for every text. The head is the language model's own; see `warmstart.model.text`.

Targets are token numbers (n, T), -1 behind the end of each, -1 throughout where a text is not known. Outputs are logits
(n, T, vocabulary) under teacher forcing: each token is predicted from the true ones before it. If the most probable
token is the true one at every place, then greedy decoding, which goes on from its own tokens, has taken just these, and
has ended where the target ends; and if it is not, greedy decoding leaves the target at the first such place. So whether
a text is written exactly is known from one pass, without decoding.

What is kept of outputs is (n, T, 2): the logarithm of the true token's probability, in nats, and whether it was the
most probable. Whatever takes outputs here takes either; no vocabulary is of two tokens.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from warmstart.data.targets import Target, TaskName
from warmstart.errors import BackboneError
from warmstart.model.adapters.writing import language_head, writing
from warmstart.model.backbone import Backbone
from warmstart.task.base import Values, known_rows, linearised


class Generate:
    """The generation task; see `warmstart.task.base.Task` for the contract."""

    name: TaskName = "generate"
    primary_metric = "exact_match"
    closed_form = calibrates = False
    surprise = "log_loss"
    fields: tuple[str, ...] = ("text",)

    def suited(self, backbone: Backbone) -> Backbone:
        """With features of every token, and texts read as they are continued. Raises `BackboneError` where the model
        writes none.
        """
        return writing(backbone)

    def head(self, features: int, target: Target, *, dropout: float = 0.0, seed: int = 0) -> nn.Module:
        """There is no new one: what a language model writes with comes with its weights."""
        raise BackboneError(
            "a head that writes is no new one",
            expected="the one that came with the backbone",
            do="make the network with warmstart.task.network.network_for",
        )

    def head_on(self, backbone: Backbone, target: Target, *, dropout: float = 0.0, seed: int = 0) -> nn.Module:
        """What the language model writes with; drawn from `seed` only where it has random weights."""
        return language_head(backbone, seed=seed)

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        *,
        label_smoothing: float = 0.0,
        class_weights: Tensor | None = None,
    ) -> Tensor:
        """Cross entropy in nats, mean over the tokens that are to be written, the end of each text among them.

        Of outputs of which only the true token's probability was kept there is no smoothing left to do.
        """
        targets = targets[:, : outputs.shape[1]]
        if not bool((targets >= 0).any()):
            return outputs.sum() * 0.0
        if outputs.shape[2] == 2:
            return -outputs[..., 0][targets >= 0].mean()
        return functional.cross_entropy(
            outputs.flatten(0, 1), targets.flatten(), ignore_index=-1, label_smoothing=label_smoothing
        )

    def weight(self, targets: Tensor, class_weights: Tensor | None = None) -> float:
        """The number of tokens."""
        return float((targets >= 0).sum())

    def balanced(self, targets: Tensor, classes: int) -> Tensor:
        """There are no classes to balance."""
        return torch.ones(classes)

    def answered(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The logarithm of the true token's probability, and whether it is the most probable, (n, T, 2).

        >>> logits = torch.tensor([[[0.0, 0.0, 9.0], [0.0, 0.0, 0.0]]])
        >>> GENERATE.answered(logits, torch.tensor([[2, -1]])).round(decimals=4).abs().tolist()
        [[[0.00019999999494757503, 1.0], [0.0, 0.0]]]
        """
        if outputs.shape[2] == 2:
            return outputs
        targets = targets[:, : outputs.shape[1]].to(outputs.device)
        true = targets.clamp_min(0).unsqueeze(-1)
        logs = outputs.gather(2, true).squeeze(-1) - outputs.logsumexp(2)
        found = torch.stack([logs, (outputs.argmax(2) == targets).to(logs.dtype)], dim=2)
        return found * (targets >= 0).unsqueeze(-1)

    def known(self, targets: Tensor) -> Tensor:
        """Of which samples the text is known (n,)."""
        return (targets >= 0).any(1)

    def values(self, outputs: Tensor, targets: Tensor) -> Values:
        """Whether a text is written exactly, the share of right tokens, the log loss (nats per token) and its exp.

        >>> logits = torch.tensor([[[0.0, 9.0, 0.0], [0.0, 0.0, 9.0]], [[9.0, 0.0, 0.0], [9.0, 0.0, 0.0]]])
        >>> found = GENERATE.values(logits, torch.tensor([[1, 2], [1, 0]]))
        >>> found["exact_match"].tolist(), found["token_accuracy"].mean().item()
        ([1.0, 0.0], 0.75)
        """
        rows, targets = known_rows(self.answered(outputs, targets), targets, self.known(targets))
        counted = (targets[:, : rows.shape[1]] >= 0).double()
        count = counted.sum(1)
        loss, right = -(rows[..., 0] * counted).sum(1), (rows[..., 1] * counted).sum(1)
        return {
            "exact_match": (right == count).double(),
            "token_accuracy": linearised(torch.stack([right, count], 1), _ratio),
            "log_loss": linearised(torch.stack([loss, count], 1), _ratio),
            "perplexity": linearised(torch.stack([loss, count], 1), lambda m: _ratio(m).exp()),
        }

    def metrics(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """The means of `values`."""
        return {name: float(value.mean()) for name, value in self.values(outputs, targets).items()}

    def combine(self, outputs: Sequence[Tensor]) -> Tensor:
        """Logits of the mean probability; of what is kept, its logarithm, and what more than half of them say.

        >>> kept = [torch.tensor([[[0.0, 1.0]]]), torch.tensor([[[-9.0, 0.0]]])]
        >>> GENERATE.combine(kept)[0, 0, 1].item()
        0.0
        """
        every = torch.stack(list(outputs)).double()
        if every.shape[-1] == 2:
            logs = every[..., 0].logsumexp(0) - math.log(len(every))
            return torch.stack([logs, (every[..., 1].mean(0) > 0.5).double()], dim=2).to(outputs[0].dtype)
        return (every.log_softmax(-1).logsumexp(0) - math.log(len(every))).to(outputs[0].dtype)

    def checked(self, outputs: Tensor) -> Tensor:
        """The probability of the most probable first token, (n, 1), of logits."""
        return outputs[:, :1].double().log_softmax(2).amax(2).exp()

    def decode(self, outputs: Tensor, target: Target) -> Sequence[dict[str, Any]]:
        """Of what is kept: the probability of each true text, and whether it is written exactly.

        Texts themselves are written by `warmstart.model.text.writing`.
        """
        counted = outputs[..., 0] < 0
        exact = ((outputs[..., 1] > 0.5) | ~counted).all(1)
        probability = outputs[..., 0].double().sum(1).exp()
        return [
            {"probability": p, "exact": bool(right)}
            for p, right in zip(probability.tolist(), exact.tolist(), strict=True)
        ]


def _ratio(mean: Tensor) -> Tensor:
    return mean[0] / mean[1]


GENERATE = Generate()
"""The one instance; it holds no state."""
