"""A text model of transformers as a network from tokens to features, which can be entered at every layer.

Tokens are int64 (n, length, 2): their numbers, -1 where a text has ended, and which text of a pair they are of. An
activation is float32 (n, length, d + 1): the mask rides along as the last column. Whatever is padded on the right
beyond the longest text is cut off before anything is computed, and put back behind it as zeros.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from warmstart.errors import BackboneError
from warmstart.model.inputs import Tokens
from warmstart.model.modes import evaluating, traced
from warmstart.model.text.bert import Bert
from warmstart.model.text.layers import LayerList, Reached, form_of
from warmstart.model.text.pool import Pool
from warmstart.model.uri import Pooling


class TextEncoder(nn.Module):
    """Tokens (n, length, 2) to the features of texts (n, d), or, with the pooling "none", of tokens (n, length, d).

    Args:
        model: of transformers, without a head; parameters keep its names, below `model`.
        pooling: how the features of a text are made of those of its tokens, as the weights were trained.
        normalise: whether they are then scaled to length one.

    Raises:
        BackboneError: the model has no list of layers that can be told.
    """

    def __init__(self, model: Any, pooling: Pooling, normalise: bool = False) -> None:
        super().__init__()
        self.model = model
        self.pool = Pool(pooling, normalise)
        self.path = _layer_list(model)
        accepted, config = inspect.signature(model.forward).parameters, facts_of(model)
        self._types = "token_type_ids" in accepted and getattr(config, "type_vocab_size", 0) > 1
        self._options = {"use_cache": False} if "use_cache" in accepted else {}
        self._pad = int(getattr(config, "pad_token_id", None) or 0)
        LayerList.of(model.get_submodule(self.path))
        self.before, self.behind = frozenset[str](), frozenset[str]()
        self.before, self.behind = self._look()

    @property
    def layers(self) -> LayerList:
        """The layers, in order."""
        found = self.model.get_submodule(self.path)
        assert isinstance(found, LayerList)
        return found

    @property
    def last(self) -> int:
        """The last cut, the features. 0 is the tokens, 1 the embeddings, `k + 1` what layer k gives, counted from 1."""
        return len(self.layers) + 2

    def forward(self, tokens: Tensor) -> Tensor:
        """Features."""
        return self.run(tokens, 0, self.last)

    def run(self, x: Tensor, start: int, stop: int) -> Tensor:
        """From the activation at cut `start` to that at cut `stop`, which never share storage."""
        if start == stop:
            return x.clone()
        length = x.shape[1]
        x, mask = _cut_off(x, x[..., -1] > 0.5 if start else x[..., 0] >= 0)
        begin, end = max(start - 1, 0), min(stop - 1, len(self.layers))
        hidden = x[..., :-1] if start else None
        tokens = x if start == 0 else torch.zeros(*x.shape[:2], 2, dtype=torch.long, device=x.device)
        try:
            with self._holding(start), self.layers.part(begin, end, hidden, whole=stop == self.last):
                out = self._through(tokens, mask)
        except Reached as reached:
            out = reached.hidden
        if stop == self.last:
            found: Tensor = self.pool(out, mask)
            return found if found.ndim == 2 else _put_back(found, length)
        return _put_back(torch.cat([out, mask.unsqueeze(-1).to(out.dtype)], dim=-1), length)

    def _through(self, tokens: Tensor, mask: Tensor) -> Tensor:
        options: dict[str, Any] = dict(self._options)
        if self._types:
            options["token_type_ids"] = tokens[..., 1].clamp_min(0)
        ids = tokens[..., 0].masked_fill(~mask, self._pad)
        found: Tensor = self.model(input_ids=ids, attention_mask=mask.long(), return_dict=True, **options)[0]
        return found

    @contextlib.contextmanager
    def _holding(self, start: int) -> Iterator[None]:
        """What holds the layers is in training mode with what is before them: BART drops embeddings by its own flag."""
        parts = self.path.split(".")[:-1]
        holders = [self.model.get_submodule(".".join(parts[:i])) for i in range(len(parts) + 1)]
        flags = [holder.training for holder in holders]
        trains = start == 0 and any(self.get_submodule(name).training for name in self.before)
        try:
            for holder, flag in zip(holders, flags, strict=True):
                holder.training = trains and flag
            yield
        finally:
            for holder, flag in zip(holders, flags, strict=True):
                holder.training = flag

    def _look(self) -> tuple[frozenset[str], frozenset[str]]:
        """Run once. Names of what is called before the layers, and behind them; and how layers answer is noted."""
        called: list[str] = []
        inside, layers = f"model.{self.path}.", self.layers

        def note(name: str) -> Any:
            return lambda *_: called.append(name)

        def answered(*found: Any) -> None:
            layers.form = form_of(found[-1])

        named = [(name, module) for name, module in self.named_modules() if name]
        hooks = [module.register_forward_pre_hook(note(name)) for name, module in named]
        hooks += [layers[0].register_forward_hook(answered)]
        try:
            with evaluating(self), torch.no_grad():
                self(Tokens().example(2, 4, self))
        finally:
            for hook in hooks:
                hook.remove()
        entered = [i for i, name in enumerate(called) if name.startswith(inside)]
        if not entered:
            raise BackboneError(f"the layers of {type(self.model).__name__} are not called one by one")
        around = {name for name, _ in named if not inside.startswith(f"{name}.") and not name.startswith(inside)}
        before, behind = around & {*called[: entered[0]]}, around & {*called[entered[-1] :]}
        return frozenset(around - behind | before), frozenset(behind)  # T5 calls one dropout in both places


def facts_of(model: Any) -> Any:
    """What a model is built by: its configuration, of `warmstart.model.text.bert` without a library to fill it in."""
    return model.plain if isinstance(model, Bert) else model.config


def _layer_list(model: Any) -> str:
    """The name of the list that holds all layers."""
    config = facts_of(model)
    wanted = {getattr(config, name, None) for name in ("num_hidden_layers", "n_layer", "num_layers", "n_layers")}
    lists = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) in wanted and len({type(m) for m in module}) == 1
    ]
    if not lists:
        raise BackboneError(
            f"{type(model).__name__} keeps its layers in no list that can be told",
            expected="a list with as many layers of one kind as its configuration says",
        )
    return str(min(lists, key=lambda name: name.count(".")))


def _cut_off(x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Tokens or an activation, and the mask (n, length), without the padding that all share.

    A trace is for texts of any length, so nothing is cut off in it: batches that go through one have none to spare.
    """
    if traced():
        return x, mask
    length = max(int(mask.sum(1).max()), 1)
    return x[:, :length], mask[:, :length]


def _put_back(x: Tensor, length: int) -> Tensor:
    """The inverse of `_cut_off` for what was computed: zeros behind, up to `length`."""
    if traced():
        return x
    return functional.pad(x, (0, 0, 0, length - x.shape[1]))
