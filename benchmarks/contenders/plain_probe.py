"""A linear probe as PyTorch's transfer learning tutorial writes it: frozen backbone, the head trained by epochs.

Better than the tutorial in three ways: the backbone stays in eval mode, Adam takes the place of SGD at 1e-3, which
would not be done after ten epochs, and activations are channels last, which is faster on a CPU.
"""

from __future__ import annotations

import torch
from torch import nn

from benchmarks.contenders import job as jobs
from benchmarks.contenders.lite0 import FEATURES, backbone, images, moved, predict, snapshot


class ChannelsLast(nn.Module):
    """Images in the memory format that the convolutions behind it are fastest in."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The same values."""
        return x.contiguous(memory_format=torch.channels_last)


def main() -> None:
    job = jobs.job_of(jobs.parser(__doc__).parse_args())
    torch.manual_seed(job.seed)
    frozen = backbone().requires_grad_(False)
    before = snapshot(frozen)
    body = nn.Sequential(ChannelsLast(), frozen.to(memory_format=torch.channels_last)).eval()
    head = nn.Linear(FEATURES, len(job.classes()))
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-3)
    loader = images(job.train, 32, shuffle=True)
    for _ in range(job.epochs):
        for x, y in loader:
            with torch.no_grad():
                features = body(x)
            loss = nn.functional.cross_entropy(head(features), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    predictions = predict(nn.Sequential(body, head), job)
    job.answer(predictions, packages=["torch", "timm"], frozen=moved(before, frozen), epochs=job.epochs)


if __name__ == "__main__":
    main()
