"""Outputs of a network for samples of a data set, and nothing left changed behind.

Decoding runs in `ImageBatches`' threads while the network computes. Every module gets its own train/eval flag back,
also when something raises.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from warmstart.data.batches import ImageBatches, PixelStore
from warmstart.data.schema import IntArray
from warmstart.model.modes import evaluating


def predict_outputs(
    network: nn.Module,
    store: PixelStore,
    indices: Sequence[int] | IntArray,
    *,
    batch_size: int = 64,
    workers: int = 2,
    progress: Callable[[int], None] | None = None,
) -> Tensor:
    """Outputs (n, classes), float32 on the CPU, in the order of `indices`; no gradient, no augmentation.

    `progress` is called with the number of samples done after each batch. No indices give a tensor of shape (0, 0).
    """
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    parts: list[Tensor] = []
    with evaluating(network), torch.inference_mode():
        for batch in ImageBatches(store, indices, batch_size=batch_size, workers=workers):
            inputs = batch.inputs.to(device)
            if inputs.ndim == 4:  # about twice as fast for convolutions on a CPU
                inputs = inputs.contiguous(memory_format=torch.channels_last)
            parts.append(network(inputs).float().cpu())
            if progress is not None:
                progress(len(inputs))
    # cloned outside inference mode, so that callers may use the result in training (a loss on cached logits)
    return torch.cat(parts).clone() if parts else torch.empty(0, 0)
