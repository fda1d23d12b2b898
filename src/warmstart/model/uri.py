"""The name of a backbone: `scheme`, `scheme:name`, and behind a question mark how it is to be used."""

from __future__ import annotations

import dataclasses
import re

from warmstart.errors import BackboneError

_OPTIONS = {"pretrained": re.compile("true|false"), "taps": re.compile(r"\d{1,3}")}
_EXPECTED = "pretrained=false, taps=NUMBER, or both with & between them"


@dataclasses.dataclass(frozen=True)
class Uri:
    """A parsed name; `str` is the inverse of `of`, with what is the default left out."""

    scheme: str  # the supplier
    name: str = ""  # what the supplier knows it by; empty for a supplier of one backbone
    pretrained: bool = True
    taps: int | None = None  # lower blocks whose activations are part of the features; None is not said, and means none

    @classmethod
    def of(cls, text: str) -> Uri:
        """Parse a name.

        Raises:
            BackboneError: what stands behind the question mark is not known.

        >>> Uri.of("timm:resnet50?taps=2")
        Uri(scheme='timm', name='resnet50', pretrained=True, taps=2)
        """
        path, _, query = text.partition("?")
        scheme, _, name = path.partition(":")
        found: dict[str, str] = {}
        for option in query.split("&") if query else ():
            key, _, value = option.partition("=")
            if key not in _OPTIONS or key in found or not _OPTIONS[key].fullmatch(value):
                raise BackboneError(f"backbone {text!r} ends in ?{query}", expected=f"?{_EXPECTED}, or nothing")
            found[key] = value
        taps = int(found["taps"]) if "taps" in found else None
        return cls(scheme, name, found.get("pretrained") != "false", taps)

    def __str__(self) -> str:
        options = ["pretrained=false"] * (not self.pretrained) + [f"taps={self.taps}"] * (self.taps is not None)
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
