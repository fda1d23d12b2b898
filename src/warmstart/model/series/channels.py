"""A network that was trained on one channel, for series of several: each channel runs through the same weights.

An activation has a dimension for the channels behind that of the samples, at every cut: what is stored is stored per
sample. The features of a series are those of its channels, one after another; from more than `MOST` channels on, their
mean, which keeps a head on them small. This is what Mantis (Feofanov et al. 2025, section 3) and MOMENT (Goswami et al.
2024, section 3.3) do with several channels.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, fx, nn

from warmstart.errors import BackboneError
from warmstart.model.backbone import Backbone
from warmstart.model.chain import Chain
from warmstart.model.inputs import Steps
from warmstart.model.segments import Segment, Segmented
from warmstart.model.weights import state_sha256
from warmstart.preprocess.kinds import of_series

MOST = 16
"""Channels whose features are kept apart, at most."""
_INSIDE = "network."


class PerChannel(nn.Module):
    """Series (n, channels, size) to features (n, channels * d), or (n, d) of more than `MOST` channels.

    Args:
        network: series (n, 1, size) to features (n, d).
        channels: of the series.

    >>> one = nn.Sequential(nn.Flatten(), nn.Linear(8, 5))
    >>> PerChannel(one, 3)(torch.zeros(2, 3, 8)).shape, PerChannel(one, 20)(torch.zeros(2, 20, 8)).shape
    (torch.Size([2, 15]), torch.Size([2, 5]))
    """

    def __init__(self, network: nn.Module, channels: int) -> None:
        super().__init__()
        self.network = network
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        """Features."""
        return self.joined(self.network(x.flatten(0, 1).unsqueeze(1)))

    def joined(self, rows: Tensor) -> Tensor:
        """The features of series, of those of their channels (n * channels, d)."""
        apart = torch.unflatten(rows, 0, (-1, self.channels))
        return apart.flatten(1) if self.channels <= MOST else apart.mean(1)


@dataclasses.dataclass(frozen=True)
class ChannelSegments:
    """The parts of a `PerChannel` network, of those of the network inside it; see `Segmented`."""

    inside: Segmented
    last: int  # the last cut, the features

    def __deepcopy__(self, memo: object) -> ChannelSegments:
        return self

    @property
    def opened(self) -> Mapping[str, type[nn.Module]]:
        """As inside; the network itself is looked into as well."""
        return {_INSIDE + name: kind for name, kind in self.inside.opened.items()}

    def compiled(self, module: nn.Module, start: int, stop: int) -> Segment:
        """The function from cut `start` to cut `stop`."""
        segment = self.inside.compiled(_wrapper(module).network, start, stop)
        return functools.partial(_run, segment=segment, start=start, stop=stop, last=self.last)

    def prefixes(self, module: nn.Module, stops: Sequence[int]) -> nn.Module:
        """A module from series to the activations at `stops`, as a tuple."""
        inside = self.inside.prefixes(_wrapper(module).network, stops)
        return _Several(_wrapper(module), inside, tuple(stops), self.last)

    def tapped(self, module: nn.Module, positions: Mapping[int, tuple[int, ...]]) -> fx.GraphModule:
        """Not here: the features of lower layers are not read beside the last."""
        raise BackboneError(
            "lower layers of a network that reads channel by channel are not tapped", do="leave ?taps out"
        )

    def used(self, start: int, stop: int) -> tuple[frozenset[str], frozenset[str]]:
        """Names of (modules called, attributes read) between two cuts."""
        modules, attributes = self.inside.used(start, stop)
        return frozenset(_INSIDE + name for name in modules), frozenset(_INSIDE + name for name in attributes)

    def shapes(self, module: nn.Module, x: Tensor) -> tuple[tuple[int, ...], ...]:
        """Shape of the activation at every cut."""
        wrapper, n = _wrapper(module), len(x)
        found = self.inside.shapes(wrapper.network, _inward(x, 0))
        between = ((n, wrapper.channels, *shape[1:]) for shape in found[1:-1])
        width = found[-1][-1] * (wrapper.channels if wrapper.channels <= MOST else 1)
        return (tuple(x.shape), *between, (n, width))

    def check(self, module: nn.Module) -> None:
        """As inside."""
        self.inside.check(_wrapper(module).network)


def per_channel(backbone: Backbone, channels: int) -> Backbone:
    """The backbone, which reads one channel, for series of `channels`; it shares the modules of `backbone`.

    Cuts and blocks are the same, the names of parameters have `network.` before them.

    Raises:
        BackboneError: it reads several channels already, or no series.
    """
    spec, old = of_series(backbone.spec), backbone.chain
    if spec.channels != 1:
        raise BackboneError(
            f"{channels} channels for {backbone.card.name!r}, which reads {spec.channels} together",
            expected=f"series of {spec.channels} channels",
            do="choose as many, or a backbone that reads one: `warmstart backbones` lists them",
        )
    module = PerChannel(old.module, channels).train(old.module.training)
    inside = old.segments
    segments = None if inside is None else ChannelSegments(inside, len(old.cuts) - 1)
    blocks = tuple(
        dataclasses.replace(
            block,
            parameters=tuple(_INSIDE + name for name in block.parameters),
            buffers=tuple(_INSIDE + name for name in block.buffers),
        )
        for block in old.blocks
    )
    return dataclasses.replace(
        backbone,
        chain=Chain(module, old.cuts, blocks, segments, old.why_uncut, Steps(channels)),
        out_features=backbone.out_features * (channels if channels <= MOST else 1),
        spec=spec.with_channels(channels),
        card=dataclasses.replace(backbone.card, weights_sha256=state_sha256(module.state_dict())),
        source_head=None,
    )


def _wrapper(module: nn.Module) -> PerChannel:
    assert isinstance(module, PerChannel), "the chain of a network for one channel is over that network"
    return module


def _inward(x: Tensor, cut: int) -> Tensor:
    """An activation (n, channels, ...) as the network has it, (n * channels, ...)."""
    return x.flatten(0, 1) if cut else x.flatten(0, 1).unsqueeze(1)


def _outward(wrapper: PerChannel, rows: Tensor, cut: int, last: int) -> Tensor:
    """The inverse of `_inward`; at the last cut, features."""
    if cut == last:
        return wrapper.joined(rows)
    return torch.unflatten(rows if cut else rows.squeeze(1), 0, (-1, wrapper.channels))


def _run(module: nn.Module, x: Tensor, *, segment: Segment, start: int, stop: int, last: int) -> Tensor:
    if start == stop:
        return x.clone()
    wrapper = _wrapper(module)
    return _outward(wrapper, segment(wrapper.network, _inward(x, start)), stop, last)


class _Several(nn.Module):
    def __init__(self, wrapper: PerChannel, inside: nn.Module, stops: tuple[int, ...], last: int) -> None:
        super().__init__()
        self.wrapper, self.inside = wrapper, inside
        self._stops, self._last = stops, last

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        rows = self.inside(_inward(x, 0))
        return tuple(
            _outward(self.wrapper, found, stop, self._last) for found, stop in zip(rows, self._stops, strict=True)
        )
