"""Files of weights that torchvision publishes."""

from __future__ import annotations

from torch import Tensor

from warmstart.errors import BackboneError
from warmstart.model import hub
from warmstart.model.weights import read_weights


def fetched(name: str, url: str) -> dict[str, Tensor]:
    """The weights of a network, from torch's cache or downloaded to it.

    Raises:
        BackboneError: neither was possible.
    """
    try:
        path = hub.fetch_checkpoint(url)
    except OSError as error:
        place = hub.checkpoint(url)
        raise BackboneError(
            f"the weights of {name!r} are not on this machine and could not be fetched ({error})",
            expected=f"{url} in torch's cache, or a network to fetch it",
            do=f"on a machine with a network fetch that file and put it here, at {place}; or use 'lite0', which is "
            f"installed; or 'torchvision:{name}?pretrained=false' for random weights",
        ) from error
    return read_weights(path)
