"""The networks of a bundle as one module: what enters a graph to what a person reads, all that lies between inside.

The ensemble, the temperature and the unit of the answers are part of the graph, so that a file can be used without
knowing of them.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn

from warmstart.errors import ExportError
from warmstart.exporting.entrances import Entry
from warmstart.exporting.exits import Exit, exit_of
from warmstart.model.modes import evaluating
from warmstart.shipping.bundle import Bundle

_EXAMPLES = 2
"""Inputs that a graph is made of: one would be taken for the only number there may be."""
_LENGTH = 8
"""Tokens of them."""


class Whole(nn.Module):
    """Inputs of a graph to its output.

    Args:
        networks: the members, in eval mode.
        bundle: whose task and temperature they have.
        entry: how inputs come in.
        out: what comes out.
    """

    def __init__(self, networks: list[nn.Module], bundle: Bundle, entry: Entry, out: Exit) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self._combine, self._entry, self._exit = bundle.task.combine, entry, out
        self._temperature = bundle.manifest.temperature

    def forward(self, *given: Tensor) -> Tensor:
        """The output."""
        x = self._entry.entered(given)
        outputs = [network(x).float() for network in self.networks]
        found = outputs[0] if len(outputs) == 1 else self._combine(outputs).float()
        found = found if self._temperature == 1.0 else found / self._temperature
        return self._exit.finish(found).float()


@dataclasses.dataclass(frozen=True)
class Wrapped:
    """What is exported."""

    bundle: Bundle
    entry: Entry
    exit: Exit
    module: Whole
    example: tuple[Tensor, ...]

    @property
    def parameters(self) -> int:
        """Bytes of all weights and buffers."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self.module.state_dict().values())


def wrap(bundle: Bundle, *, preprocessing: bool = False) -> Wrapped:
    """A bundle as it is exported, with the preprocessing inside as far as a graph can hold it.

    Raises:
        ExportError: the task, or one of the networks, has no graph.
    """
    entry, out = Entry(bundle.spec, preprocessing), exit_of(bundle.task, bundle.manifest.target)
    if bundle.manifest.task == "detect" and len(bundle.networks) > 1:
        raise ExportError(
            f"{len(bundle.networks)} detectors whose boxes are fused cannot be exported: how many boxes there are "
            "depends on the image",
            do="export a bundle of one network",
        )
    networks: list[nn.Module] = [as_graph(network.clone()) for network in bundle.networks]
    first, spec = bundle.networks[0].facts, bundle.spec
    length = min(_LENGTH, spec.size) if spec.kind == "text" else spec.size
    inputs = first.chain.inputs.example(_EXAMPLES, length, first.module)
    return Wrapped(bundle, entry, out, Whole(networks, bundle, entry, out).eval(), entry.example(inputs))


def as_graph(network: nn.Module) -> nn.Module:
    """The network, each part that has another form for graphs (`as_graph`) in that form; it is changed in place.

    Raises:
        ExportError: a part has none, and says why.
    """
    for name, part in list(network.named_modules()):
        if name and callable(make := getattr(part, "as_graph", None)):
            network.set_submodule(name, make())
    return network.eval().requires_grad_(False)


def answer(module: nn.Module, given: tuple[Tensor, ...]) -> Tensor:
    """What torch itself gives for inputs of the graph."""
    with evaluating(module), torch.inference_mode():
        found: Tensor = module(*given)
    return found
