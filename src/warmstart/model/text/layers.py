"""A layer list of which a part is run: the model's own forward pass goes on around it.

The forward passes of transformers make masks, positions and rotary tables before they walk through their layers, each
family in its own way. To run the layers from i to j on an activation that is there already, the forward pass is run as
it is, on a list whose layers below i do nothing but give that activation, and that is left behind j.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn


class Reached(BaseException):
    """Carries the activation behind the last layer of a part."""

    def __init__(self, hidden: Tensor) -> None:
        super().__init__()
        self.hidden = hidden


@dataclasses.dataclass(frozen=True)
class _Part:
    """Layers `start` to `stop` of one list; `hidden` is what the first of them is to see in place of its input.

    With `whole` the forward pass goes on behind the last layer.
    """

    layers: LayerList
    start: int
    stop: int
    hidden: Tensor | None
    whole: bool


_PART: ContextVar[_Part | None] = ContextVar("part", default=None)


class LayerList(nn.ModuleList):
    """A list that a forward pass walks through. Made of one by `of`; it keeps the names and the layers."""

    form: str = "tensor"
    """How its layers answer: see `form_of`."""

    @classmethod
    def of(cls, layers: nn.ModuleList) -> LayerList:
        """The list itself, turned into one of this class."""
        layers.__class__ = cls
        assert isinstance(layers, cls)
        return layers

    def __iter__(self) -> Iterator[Any]:
        part, layers = _PART.get(), list(super().__iter__())
        return iter(layers if part is None or part.layers is not self else self._walk(layers, part))

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):  # `self.layers[: config.num_hidden_layers]`
            return list(self)[at]
        return super().__getitem__(at)

    def _walk(self, layers: list[Any], part: _Part) -> list[Any]:
        """What the forward pass meets: each at the place of its layer, for some look up what goes with a place."""
        if part.hidden is not None:
            given = _Given(part.hidden, self.form, layers[0])
            layers[: part.start] = [_StandIn(layer, given) for layer in layers[: part.start]]
            if not part.start:
                layers[0] = _StandIn(layers[0], _Entered(layers[0], part.hidden))
        if part.whole:
            return layers
        at = max(part.stop - 1, 0)
        end = _Behind(layers[at]) if part.stop else _front
        return [*layers[:at], _StandIn(layers[at], end)]

    @contextlib.contextmanager
    def part(self, start: int, stop: int, hidden: Tensor | None, *, whole: bool) -> Iterator[None]:
        """Inside, a forward pass runs the layers from `start` to `stop` alone, and `Reached` is raised behind them if
        it is not to go on to its end. Other threads and other lists are not concerned.
        """
        token = _PART.set(_Part(self, start, stop, hidden, whole))
        try:
            yield
        finally:
            _PART.reset(token)


class _StandIn:
    """In the place of a layer, whose attributes (the kind of its attention, say) a forward pass may ask for."""

    def __init__(self, layer: nn.Module, does: Callable[..., Any]) -> None:
        self._layer, self._does = layer, does

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self._does(*args, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._layer, name)


class _Given:
    """Gives an activation in the form in which the layers of this model answer.

    What else the first layer makes for the others (T5's position bias) is made by it, once.
    """

    def __init__(self, hidden: Tensor, form: str, first: nn.Module) -> None:
        self._hidden, self._form, self._first = hidden, form, first
        self._more: list[Any] | None = None

    def __call__(self, *args: Any, **options: Any) -> Any:
        if self._form == "tensor":
            return self._hidden
        if self._more is None:
            with torch.no_grad():  # what lies below an activation that is given does not learn
                makes = self._form == "more"
                self._more = list(self._first(*args, **options)[1:]) if makes else [None] * (int(self._form) - 1)
        return (self._hidden, *self._more)


class _Entered:
    """Runs a layer on an activation in the place of what it is called with."""

    def __init__(self, layer: nn.Module, hidden: Tensor) -> None:
        self._layer, self._hidden = layer, hidden

    def __call__(self, *args: Any, **options: Any) -> Any:
        options.pop("hidden_states", None)
        return self._layer(self._hidden, *args[1:], **options)


class _Behind:
    """Runs a layer, and leaves the forward pass with what it gives."""

    def __init__(self, layer: Callable[..., Any]) -> None:
        self._layer = layer

    def __call__(self, *args: Any, **options: Any) -> Any:
        answer = self._layer(*args, **options)
        raise Reached(answer if isinstance(answer, Tensor) else answer[0])


def _front(*args: Any, **options: Any) -> Any:
    """Leaves the forward pass with what the first layer would have been given."""
    raise Reached(args[0] if args else options["hidden_states"])


def form_of(answer: Any) -> str:
    """How a layer answers: with a tensor; with a tuple of that length, of which only the first item is a tensor; or
    with more of them.

    >>> import torch
    >>> form_of(torch.zeros(1)), form_of((torch.zeros(1), None)), form_of((torch.zeros(1), torch.zeros(1)))
    ('tensor', '2', 'more')
    """
    if isinstance(answer, Tensor):
        return "tensor"
    return "more" if any(isinstance(item, Tensor) for item in answer[1:]) else str(len(answer))
