"""Which of a network's input channels each wanted channel takes its weights from: by name, or by number.

With C channels in the weights `w` and N wanted, the new channel j has the weights `C / N * w[:, o(j)]`, or `C / N`
times the mean over the C channels where it has no origin o(j). The factor keeps the scale of activations, as channels
of photos and of satellite images vary together. By number, o(j) = j mod C, and one grey channel takes the sum: this is
`adapt_input_conv` of timm (Wightman). The mean is what I3D inflates by (Carreira and Zisserman 2017), and the sum over
all C channels, divided by N, is the same.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from warmstart.errors import BackboneError
from warmstart.model.sentinel2 import RGB
from warmstart.model.uri import Uri
from warmstart.preprocess.choosing import canonical
from warmstart.preprocess.spec import PreprocessSpec

Origins = tuple[int | None, ...]


def origins(spec: PreprocessSpec, wanted: Uri) -> Origins | None:
    """For each wanted channel, the channel of the weights it comes from, or `None` for the mean of all of them.

    `None` if the channels of the weights are wanted as they are.

    Raises:
        BackboneError: bands are named twice, or by name although the weights do not say what their channels are.

    >>> origins(PreprocessSpec(), Uri("toy", channels=4)), origins(PreprocessSpec(), Uri("toy", channels=1))
    ((0, 1, 2, 0), (None,))
    >>> origins(PreprocessSpec(), Uri("toy", bands=("B02", "B03", "B04", "B08")))
    (2, 1, 0, None)
    """
    if not wanted.bands:
        if wanted.channels is None or wanted.channels == spec.channels:
            return None
        mean = wanted.channels == 1 or wanted.inflate == "mean"
        return tuple(None if mean else j % spec.channels for j in range(wanted.channels))
    have = spec.bands or (RGB if spec.channels == len(RGB) else ())
    names = [canonical(name) for name in wanted.bands]
    if len(set(names)) < len(names):
        raise BackboneError(f"bands {', '.join(wanted.bands)}", expected="every band once")
    if not have:
        raise BackboneError(
            f"bands by name, of weights ({wanted.path!r}) that have no names for their {spec.channels} channels",
            do=f"say how many there are: ?channels={len(names)}",
        )
    at = {canonical(name): i for i, name in enumerate(have)}
    return tuple(at.get(name) for name in names)


def spread(weight: Tensor, chosen: Origins) -> Tensor:
    """Weights (out, N, ...) for the chosen channels from `weight` (out, C, ...); see the module docstring.

    >>> spread(torch.tensor([[[1.0], [2.0], [3.0]]]), (2, None)).flatten()
    tensor([4.5000, 3.0000])
    """
    mean = weight.mean(dim=1)
    columns = [mean if i is None else weight[:, i] for i in chosen]
    return torch.stack(columns, dim=1) * (weight.shape[1] / len(chosen))


def respecified(spec: PreprocessSpec, wanted: Uri, chosen: Origins) -> PreprocessSpec:
    """The preprocessing of the chosen channels: mean and deviation by name where known, else the mean over all of them.

    Weights for pictures know the values of pictures alone, grey or RGB. What they are to be given besides is unknown to
    them (`scale` is `None`).
    """
    picture = not wanted.bands and len(chosen) in (1, 3)
    if not spec.bands and not picture:
        zeros, ones = (0.0,) * len(chosen), (1.0,) * len(chosen)
        return dataclasses.replace(spec, channels=len(chosen), mean=zeros, std=ones, bands=wanted.bands, scale=None)
    known = chosen if wanted.bands else (None,) * len(chosen)
    mean, std = (_picked(values, known) for values in (spec.mean, spec.std))
    return dataclasses.replace(spec, channels=len(chosen), mean=mean, std=std, bands=wanted.bands)


def _picked(values: tuple[float, ...], known: Origins) -> tuple[float, ...]:
    return tuple(sum(values) / len(values) if i is None else values[i] for i in known)
