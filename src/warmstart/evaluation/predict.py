"""Outputs of a network for samples of a data set, and nothing left changed behind.

Images are decoded in threads while the network computes. Every module gets its own train/eval flag back,
also when something raises.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from warmstart.data.batches import ActivationBatches, Rows
from warmstart.data.schema import IntArray
from warmstart.data.shares import of_rank
from warmstart.data.stores import InputStore, batches_on, computing_order
from warmstart.data.transfer import Landing, Onto
from warmstart.engine.processes import Sent, UnsendableError, current, leading
from warmstart.model.device import Device
from warmstart.model.modes import evaluating
from warmstart.model.network import Network
from warmstart.task.base import Task, task_of

WORTH_SHARING = 256
"""Samples below which other processes are not asked: to send them the network takes as long."""


def predict_outputs(
    network: nn.Module,
    store: InputStore,
    indices: Sequence[int] | IntArray,
    *,
    batch_size: int = 64,
    workers: int = 2,
    progress: Callable[[int], None] | None = None,
) -> Tensor:
    """Outputs (n, ...), float32 on the CPU, in the order of `indices`; no gradient, no augmentation.

    Those of a `Network` are what the task keeps of them (`Task.answered`), batch by batch. Where outputs are longer for
    longer texts, what is behind is zero.

    `progress` is called with the number of samples done after each batch. No indices give a tensor of shape (0, 0).
    Where a run has several processes, each computes a share of many.
    """
    group, chosen = leading(), np.asarray(indices, dtype=np.int64)
    if group is not None and len(chosen) >= WORTH_SHARING:
        how = {"batch_size": batch_size, "workers": workers}
        with contextlib.suppress(UnsendableError):
            places = [of_rank(len(chosen), batch_size, rank, group.size) for rank in range(group.size)]
            shares = [chosen[some] for some in places]
            given = (network, group.sent(store), shares, how)
            found = group.shared(_of_helper, *given, here=lambda: _outputs(network, store, shares[0], progress, **how))
            if progress is not None:
                progress(len(chosen) - len(shares[0]))
            return joined([part for part in found if len(part)])[torch.from_numpy(np.argsort(np.concatenate(places)))]
    return _outputs(network, store, chosen, progress, batch_size=batch_size, workers=workers)


def _of_helper(network: nn.Module, store: Sent[InputStore], shares: Sequence[IntArray], how: dict[str, int]) -> Tensor:
    """The outputs of this process's share."""
    group = current()
    assert group is not None
    network.to(next((p.device.type for p in network.parameters()), "cpu"))  # of this process's own GPU
    return _outputs(network, store.there, shares[group.rank], None, **how)


def _outputs(
    network: nn.Module,
    store: InputStore,
    chosen: IntArray,
    progress: Callable[[int], None] | None,
    *,
    batch_size: int,
    workers: int,
) -> Tensor:
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    parts: list[Tensor] = []
    order, task = computing_order(store, chosen), task_of(store.dataset.target)
    landing = Landing(device)
    with evaluating(network), torch.inference_mode(), Device.of(device).fast():
        for batch in batches_on(device, store, chosen[order], batch_size=batch_size, workers=workers):
            inputs = batch.inputs
            if inputs.ndim == 4:  # about twice as fast for convolutions on a CPU
                inputs = inputs.contiguous(memory_format=torch.channels_last)
            if isinstance(network, Network):
                answered(network, network, inputs, batch.targets, task, landing, parts.append)
            else:
                landing.take(network(inputs).float(), parts.append)
            if progress is not None:
                progress(len(inputs))
        landing.settle()
    # indexed outside inference mode, so that callers may use the result in training (a loss on cached logits)
    return joined(parts)[torch.from_numpy(np.argsort(order))] if parts else torch.empty(0, 0)


def outputs_from(
    network: Network,
    cut: int,
    activations: Rows,
    targets: Rows,
    task: Task,
    *,
    batch_size: int = 64,
    layout: torch.memory_format = torch.channels_last,
) -> Tensor:
    """What `predict_outputs` gives of samples whose activations (n, ...) at `cut` are known, with their targets."""
    weight = next(network.parameters(), torch.empty(0))
    run, parts = functools.partial(network.forward_from, cut), list[Tensor]()
    rows, landing = np.arange(len(activations)), Landing(weight.device)
    order = [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
    stored = ActivationBatches(activations, targets, rows, batch_size=batch_size, order=order)
    with evaluating(network), torch.no_grad(), Device.of(weight.device).fast():
        for batch in Onto(stored, weight.device):
            inputs = batch.inputs.contiguous(memory_format=layout) if batch.inputs.ndim == 4 else batch.inputs
            answered(network, run, inputs, batch.targets, task, landing, parts.append)
        landing.settle()
    return joined(parts)


def answered(
    network: Network,
    run: Callable[[Tensor, Tensor], Tensor],
    inputs: Tensor,
    targets: Tensor,
    task: Task,
    landing: Landing,
    then: Callable[[Tensor], None],
) -> None:
    """Hand what the task keeps of the outputs (n, ...) of one batch to `then`, on the CPU, by way of `landing`. `run`
    takes inputs, or activations, and targets through the network.
    """
    most = network.at_once(targets)
    for start in range(0, len(inputs), most):
        rows = slice(start, start + most)
        landing.take(task.answered(run(inputs[rows], targets[rows]).float(), targets[rows]), then)


def joined(parts: Sequence[Tensor], fill: float = 0.0) -> Tensor:
    """Outputs of several batches as those of one; of tokens (n, length, k), as long as the longest, `fill` behind.

    >>> joined([torch.ones(1, 2, 1), torch.ones(1, 1, 1)]).flatten(1).tolist()
    [[1.0, 1.0], [1.0, 0.0]]
    """
    if parts[0].ndim != 3:
        return torch.cat(list(parts))
    longest = max(part.shape[1] for part in parts)
    return torch.cat([functional.pad(part, (0, 0, 0, longest - part.shape[1]), value=fill) for part in parts])
