"""The head of an episode that is learned by gradient descent."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LENGTH = 10.0
"""Of a vector of features as the head sees it, on average. Steps of 0.05 are then about as long as descent on the
softmax allows (its curvature is at most a quarter of the squared length), whatever the scale of a backbone's features.
"""


class EpisodeHead(nn.Module):
    """Logits (n, ways) of features (n, d), which are standardised by constants first.

    What all features have in common is most of their length in many backbones, and steepest descent along it is no
    progress: with it, five steps that do not diverge learn next to nothing. The constants are those of the backbone as
    it was when training began; they are no statistics of an episode, so no query knows of another.
    """

    def __init__(self, features: int, ways: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.full((features,), LENGTH / features**0.5))
        self.linear = nn.Linear(features, ways)

    @torch.no_grad()
    def standardise(self, features: Tensor) -> None:
        """Take mean and standard deviation of each feature from these (n, d); one that is constant is left out.

        >>> head = EpisodeHead(2, 3)
        >>> head.standardise(torch.tensor([[1.0, 5.0], [3.0, 5.0]]))
        >>> head.mean.tolist(), [round(one, 2) for one in head.scale.tolist()]
        ([2.0, 5.0], [7.07, 0.0])
        """
        deviation = features.std(0, correction=0)
        varies = deviation > 1e-6 * features.abs().amax(0)
        scale = torch.where(varies, LENGTH / features.shape[1] ** 0.5 / deviation, 0.0)
        self.get_buffer("mean").copy_(features.mean(0))
        self.get_buffer("scale").copy_(scale)

    def forward(self, x: Tensor) -> Tensor:
        """The logits."""
        out: Tensor = self.linear((x - self.get_buffer("mean")) * self.get_buffer("scale"))
        return out
