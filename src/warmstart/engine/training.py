"""The state of a phase under way. The same record goes to memory (to roll back) and to disk (to resume).

Nothing about freezing, schedules or random numbers is in it: those are derived from the plan, the step and the seed.
"""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

import torch
from torch import Tensor

from warmstart.engine.checkpoint import Record, under
from warmstart.engine.ema import Average, moving_tensors
from warmstart.engine.memory import STATES
from warmstart.engine.optim import build_optimizer
from warmstart.evaluation.outcome import CurveRow
from warmstart.model.network import Network
from warmstart.planning.plan import PhasePlan
from warmstart.recipe.schedule import Plateau, factor


@dataclasses.dataclass
class Progress:
    """Where a phase stands, as plain JSON-able numbers."""

    epoch: int = 0  # epochs completed
    batch: int = 0  # batches of the epoch under way that are done
    loss: float = 0.0  # sum over the samples of the epoch under way
    samples: int = 0  # of the epoch under way
    seconds: float = 0.0  # spent training in the epoch under way
    halvings: int = 0  # of the rate, after non-finite values
    micro: int = 0  # samples that go through the network at once; 0 is not yet chosen
    auto: float | None = None  # the rate that the range test found
    best: tuple[float, float] | None = None  # best score so far, for early stopping
    waited: int = 0  # epochs since then
    finished: str = ""  # why the phase is over: "all epochs", "early stopping", "loss low enough"
    rows: list[CurveRow] = dataclasses.field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; `from_dict` is its inverse. Rows are finished, so they are shared: a copy of each, every epoch,
        would take longer than the epochs of a small network.
        """
        return {**vars(self), "rows": [vars(row) for row in self.rows]}

    def end_epoch(self) -> None:
        """Count the epoch as completed and begin the next one with empty sums."""
        self.epoch, self.batch, self.loss, self.samples, self.seconds = self.epoch + 1, 0, 0.0, 0, 0.0

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Progress:
        """Inverse of `to_dict`."""
        best = None if data["best"] is None else (float(data["best"][0]), float(data["best"][1]))
        return cls(**{**data, "best": best, "rows": [CurveRow(**row) for row in data["rows"]]})


class Training:
    """Network, optimizer, average and counters of one phase.

    Args:
        network: already frozen as `plan` says, on its device.
        plan: of the phase.
        rates: the full rate of each group.
        total: optimizer steps in the phase.
        progress: where it stands.
    """

    def __init__(self, network: Network, plan: PhasePlan, rates: list[float], total: int, progress: Progress) -> None:
        self.network, self.plan, self.rates, self.total, self.progress = network, plan, rates, total, progress
        self.optimizer = build_optimizer(network, plan, rates)
        self.average = Average(network, plan.phase.ema) if plan.phase.ema > 0 else None
        self.plateau = Plateau.of(plan.phase.plateau)
        self.beside: dict[str, Tensor] = {}
        """What a stepper learns beside the network, changed in place: it is kept and restored with the rest."""

    @property
    def parameters(self) -> list[torch.nn.Parameter]:
        """All trained parameters, in the order of the plan."""
        return [parameter for group in self.optimizer.param_groups for parameter in group["params"]]

    @property
    def record_bytes(self) -> int:
        """Bytes of a full record once the optimizer has its state."""
        weights = sum(tensor.numel() * tensor.element_size() for tensor in self.network.state_dict().values())
        trained = sum(parameter.numel() * parameter.element_size() for parameter in self.parameters)
        copies = STATES[self.plan.phase.optimizer] + (self.average is not None)
        return int(weights + trained * copies)

    def set_rates(self, step: int) -> float:
        """Set the rates of all groups for optimizer step `step` (from 0); returns the highest."""
        phase = self.plan.phase
        share = factor(phase.schedule, step, self.total, phase.warmup)
        share *= self.plateau.factor * 0.5**self.progress.halvings
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * share
        return max(rate * share for rate in self.rates)

    def finite(self) -> bool:
        """Whether every tensor that training moves is finite."""
        floats = [t for t in moving_tensors(self.network).values() if t.is_floating_point()]
        return not floats or bool(torch.stack([torch.isfinite(tensor).all() for tensor in floats]).all())

    def result(self) -> dict[str, Tensor]:
        """A copy of the full state_dict as it would be shipped, with the average if there is one."""
        with self.evaluated():
            return copied(self.network)

    def evaluated(self) -> contextlib.AbstractContextManager[None]:
        """For the length of a `with`: the weights that are evaluated and shipped (the average, if any)."""
        return contextlib.nullcontext() if self.average is None else self.average.in_place_of(self.network)

    def capture(self, *, full: bool) -> Record:
        """Everything that training moves (and, if `full`, the frozen weights as well), copied."""
        weights = self.network.state_dict() if full else moving_tensors(self.network)
        tensors = under("model", weights) | under("optimizer", _optimizer_tensors(self.optimizer))
        if self.average is not None:
            tensors |= under("average", self.average.shadow)
        tensors |= under("beside", self.beside)
        state = {
            "progress": self.progress.to_dict(),
            "plateau": self.plateau.state_dict(),
            "updates": self.average.updates if self.average is not None else 0,
        }
        return Record({name: tensor.detach().clone() for name, tensor in tensors.items()}, state)

    @torch.no_grad()
    def restore(self, record: Record) -> None:
        """Inverse of `capture`. Values are copied into the tensors at hand, so that their memory layout stays."""
        own = self.network.state_dict(keep_vars=True)
        for name, tensor in record.part("model").items():
            own[name].copy_(tensor)
        _restore_optimizer(self.optimizer, record.part("optimizer"))
        if self.average is not None:
            self.average.updates = int(record.state["updates"])
            for name, tensor in record.part("average").items():
                self.average.shadow[name].copy_(tensor)
        for name, tensor in record.part("beside").items():
            self.beside.setdefault(name, torch.empty_like(tensor)).copy_(tensor)
        self.plateau.load_state_dict(record.state["plateau"])
        self.progress = Progress.from_dict(record.state["progress"])


def copied(network: torch.nn.Module) -> dict[str, Tensor]:
    """A copy of a network's state_dict on the CPU."""
    return {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Optimizer state by position of the parameter and name; a parameter not yet stepped has none."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    return {
        f"{index}/{key}": value
        for index, parameter in enumerate(parameters)
        for key, value in optimizer.state.get(parameter, {}).items()
        if isinstance(value, Tensor)
    }


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Inverse of `_optimizer_tensors`; moments get the memory layout of their parameter, as the optimizer made them."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    optimizer.state.clear()
    for name, value in tensors.items():
        index, _, key = name.partition("/")
        parameter = parameters[int(index)]
        device = parameter.device if optimizer.defaults.get("fused") else value.device  # where it counts its steps
        moment = value.shape == parameter.shape and key != "step"
        like = torch.empty_like(parameter) if moment else torch.empty_like(value, device=device)
        optimizer.state[parameter][key] = like.copy_(value)
