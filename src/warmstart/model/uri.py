"""The name of a backbone: `scheme`, `scheme:name`, and behind a question mark how it is to be used."""

from __future__ import annotations

import dataclasses
import re
from typing import Literal, cast, get_args

from warmstart.errors import BackboneError

Inflate = Literal["repeat", "mean"]
Pooling = Literal["none", "mean", "cls", "last", "max"]

_OPTIONS = {
    "pretrained": re.compile("true|false"),
    "channels": re.compile(r"[1-9]\d{0,3}"),
    "bands": re.compile(r"\w+(,\w+)*"),
    "inflate": re.compile("repeat|mean"),
    "size": re.compile(r"[1-9]\d{0,3}"),
    "taps": re.compile(r"\d{1,3}"),
    "pooling": re.compile("|".join(get_args(Pooling))),
}
_EXPECTED = (
    "pretrained=false, channels=NUMBER or bands=NAME,NAME,..., inflate=repeat or mean, size=PIXELS, taps=NUMBER, "
    "pooling=none, mean, cls, last or max, with & between them"
)


@dataclasses.dataclass(frozen=True)
class Uri:
    """A parsed name; `str` is the inverse of `of`, with what is the default left out."""

    scheme: str  # the supplier
    name: str = ""  # what the supplier knows it by; empty for a supplier of one backbone
    pretrained: bool = True
    channels: int | None = None  # of the input; None are those of the weights
    bands: tuple[str, ...] = ()  # the input's channels by name, instead of by number
    inflate: Inflate = "repeat"  # what a channel that the weights do not know takes its weights from
    size: int | None = None  # input side, pixels; None is that of the weights
    taps: int | None = None  # lower blocks whose activations are part of the features; None is not said, and means none
    pooling: Pooling | None = None  # of a text model; None is that of the weights

    @classmethod
    def of(cls, text: str) -> Uri:
        """Parse a name.

        Raises:
            BackboneError: what stands behind the question mark is not known.

        >>> Uri.of("timm:resnet50?taps=2").taps
        2
        >>> str(Uri.of("timm:resnet50?size=160&bands=B02,B08"))
        'timm:resnet50?bands=B02,B08&size=160'
        """
        path, _, query = text.partition("?")
        scheme, _, name = path.partition(":")
        found: dict[str, str] = {}
        for option in query.split("&") if query else ():
            key, _, value = option.partition("=")
            if key not in _OPTIONS or key in found or not _OPTIONS[key].fullmatch(value):
                raise BackboneError(f"backbone {text!r} ends in ?{query}", expected=f"?{_EXPECTED}, or nothing")
            found[key] = value
        if "channels" in found and "bands" in found:
            raise BackboneError(
                f"backbone {text!r} gives channels twice", do="name the bands, or say how many: not both"
            )
        numbers = {key: int(found[key]) for key in ("channels", "size", "taps") if key in found}
        bands = tuple(found["bands"].split(",")) if "bands" in found else ()
        inflate = cast(Inflate, found.get("inflate", "repeat"))
        pooling = cast(Pooling | None, found.get("pooling"))
        pretrained = found.get("pretrained") != "false"
        return cls(scheme, name, pretrained, bands=bands, inflate=inflate, pooling=pooling, **numbers)

    def __str__(self) -> str:
        said = {
            "pretrained": None if self.pretrained else "false",
            "channels": self.channels,
            "bands": ",".join(self.bands) or None,
            "inflate": None if self.inflate == "repeat" else self.inflate,
            "size": self.size,
            "taps": self.taps,
            "pooling": self.pooling,
        }
        options = [f"{key}={value}" for key, value in said.items() if value is not None]
        return f"{self.path}{'?' if options else ''}{'&'.join(options)}"

    @property
    def path(self) -> str:
        """The name without what stands behind the question mark.

        >>> Uri("timm", "resnet50", pretrained=False).path
        'timm:resnet50'
        """
        return f"{self.scheme}:{self.name}" if self.name else self.scheme

    def without_weights(self) -> Uri:
        """The same architecture with random weights, used in the same way."""
        return dataclasses.replace(self, pretrained=False)
