"""Heads: what is new for the task. Each is rebuilt from its `config` (plain JSON) and a state dict alone."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from warmstart.errors import BundleError
from warmstart.registry import Registry


class LinearHead(nn.Module):
    """`linear(dropout((x - mean) / std))`: features (n, features) to outputs (n, outputs).

    `mean` and `std` are buffers, at first 0 and 1 (then the standardisation is exactly the identity); a closed-form
    head that was fitted on standardised features brings its own, so that it is in place exactly. Weights are drawn
    uniformly from +-1/sqrt(features), as in `nn.Linear`, with a generator of their own; the bias starts at zero.

    >>> head = LinearHead(4, 2)
    >>> head(torch.zeros(3, 4)).shape, head.config["kind"]
    (torch.Size([3, 2]), 'linear')
    """

    mean: Tensor
    std: Tensor

    def __init__(self, features: int, outputs: int, dropout: float = 0.0, seed: int = 0) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("std", torch.ones(features))
        self.dropout = nn.Dropout(dropout)
        with torch.random.fork_rng(devices=[]):  # nn.Linear draws weights of its own
            self.linear = nn.Linear(features, outputs)
        self.reset(seed)

    @torch.no_grad()
    def reset(self, seed: int) -> None:
        """Draw the weights anew; the bias is zero again."""
        bound = 1 / math.sqrt(self.linear.in_features)
        self.linear.weight.uniform_(-bound, bound, generator=torch.Generator().manual_seed(seed))
        self.linear.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (n, outputs)."""
        out: Tensor = self.linear(self.dropout((x - self.mean) / self.std))
        return out

    @torch.no_grad()
    def set_linear(self, weight: Tensor, bias: Tensor, mean: Tensor | None = None, std: Tensor | None = None) -> None:
        """Put a fitted map in place: weight (outputs, features), bias (outputs,), mean and std (features,).

        Raises:
            ValueError: a shape does not fit, or a standard deviation is not positive.
        """
        mean = torch.zeros_like(self.mean) if mean is None else mean
        std = torch.ones_like(self.std) if std is None else std
        if not bool((std > 0).all()):
            raise ValueError("every standard deviation has to be positive")
        places = (self.linear.weight, self.linear.bias, self.mean, self.std)
        for place, value in zip(places, (weight, bias, mean, std), strict=True):
            if place.shape != value.shape:
                raise ValueError(f"shape {tuple(value.shape)} does not fit {tuple(place.shape)}")
            place.copy_(value)

    @property
    def as_linear(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(weight, bias, mean, std), what `set_linear` takes."""
        return self.linear.weight.detach(), self.linear.bias.detach(), self.mean, self.std

    @property
    def config(self) -> dict[str, Any]:
        """What `build_head` needs."""
        return {
            "kind": "linear",
            "features": self.linear.in_features,
            "outputs": self.linear.out_features,
            "dropout": self.dropout.p,
        }


class KNNHead(nn.Module):
    """Weighted vote of the `k` nearest training samples by cosine similarity (Wu et al. 2018, eq. 9; used by DINO).

    A neighbour of similarity s votes for its class with exp(s / temperature); the outputs are the logarithms of the
    shares of the votes, so that their softmax is the vote itself.

    >>> head = KNNHead(2, 3, samples=4, k=1)
    >>> head.set_bank(torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]]), torch.tensor([0, 1, 2, 1]))
    >>> head(torch.tensor([[0.1, 2.0]])).argmax().item()
    1
    """

    bank: Tensor
    labels: Tensor

    def __init__(self, features: int, outputs: int, samples: int, k: int = 20, temperature: float = 0.07) -> None:
        super().__init__()
        self.outputs, self.k, self.temperature = outputs, min(k, samples), temperature
        self.register_buffer("bank", torch.zeros(samples, features))
        self.register_buffer("labels", torch.zeros(samples, dtype=torch.int64))

    @torch.no_grad()
    def set_bank(self, features: Tensor, labels: Tensor) -> None:
        """Keep training features (samples, features), normalised here, and their classes (samples,)."""
        if features.shape != self.bank.shape or labels.shape != self.labels.shape:
            raise ValueError(f"{tuple(features.shape)} features and {tuple(labels.shape)} labels do not fit the bank")
        self.bank.copy_(functional.normalize(features.to(self.bank), dim=1))
        self.labels.copy_(labels)

    def forward(self, x: Tensor) -> Tensor:
        """Logarithm of each class's share of the vote, (n, outputs)."""
        similarity, neighbours = (functional.normalize(x, dim=1) @ self.bank.T).topk(self.k, dim=1)
        # Only differences matter: the nearest neighbour weighs one, so that nothing overflows at low temperatures.
        weights = ((similarity - similarity[:, :1]) / self.temperature).exp()
        votes = weights.new_zeros(x.shape[0], self.outputs).scatter_add_(1, self.labels[neighbours], weights)
        shares = votes / votes.sum(dim=1, keepdim=True)
        return shares.clamp_min(torch.finfo(shares.dtype).eps).log()

    @property
    def config(self) -> dict[str, Any]:
        """What `build_head` needs."""
        samples, features = self.bank.shape
        sizes = {"features": features, "outputs": self.outputs, "samples": samples}
        return {"kind": "knn", **sizes, "k": self.k, "temperature": self.temperature}


heads: Registry[type[nn.Module]] = Registry("head", BundleError)
heads.add("linear", LinearHead)
heads.add("knn", KNNHead)
heads.add("neighbours", "warmstart.model.anomaly:NeighboursHead")
heads.add("mahalanobis", "warmstart.model.anomaly:MahalanobisHead")
heads.add("several", "warmstart.model.several:build")
heads.add("decoder", "warmstart.model.segment.decoder:DecoderHead")
heads.add("causal", "warmstart.model.text.language:CausalHead")
heads.add("seq2seq", "warmstart.model.text.language:Seq2SeqHead")
heads.add("detector", "warmstart.model.detect.catalog:build")


def build_head(config: dict[str, Any]) -> nn.Module:
    """The head that `config` describes, to be filled with `load_state_dict`; inverse of a head's `.config`.

    >>> build_head({"kind": "linear", "features": 4, "outputs": 2, "dropout": 0.1}).config["dropout"]
    0.1
    """
    options = {name: value for name, value in config.items() if name != "kind"}
    return heads[str(config.get("kind"))](**options)
