"""Every error a user can meet, in one tree.

Each one says what was found, what was expected and what to do; the command line prints exactly that and exits with
`exit_code`. Nothing in this module imports anything heavy, so that any room can raise.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class WarmstartError(Exception):
    """Base of all errors that a user can meet.

    Args:
        found: what was found ("class folder 'cat' holds no image").
        expected: what was expected instead; may be empty.
        do: what the user can do about it; may be empty.
    """

    exit_code = 2

    def __init__(self, found: str, expected: str = "", do: str = "") -> None:
        self.found, self.expected, self.do = found, expected, do
        parts = [found, f"Expected: {expected}" if expected else "", f"What to do: {do}" if do else ""]
        super().__init__("\n".join(part for part in parts if part))

    def __reduce__(self) -> tuple[Any, ...]:
        """As it is, also where its class is made from other words: errors come back from other processes."""
        return _made_again, (type(self), self.args, self.__dict__)


def _made_again(kind: type[WarmstartError], args: tuple[Any, ...], facts: dict[str, Any]) -> WarmstartError:
    """An error that was sent to this process."""
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(facts)
    return error


class DataError(WarmstartError):
    """The user's data cannot be used as it is."""


class ImageError(DataError):
    """One image cannot be read (truncated, a foreign format, too large to decode safely)."""


class BandsError(ImageError):
    """The bands of an image are not those that the backbone takes."""


class BackboneError(WarmstartError):
    """A backbone is unknown, or its weights are missing or not what they should be."""


class LicenceError(BackboneError):
    """The licence of the weights restricts their use, and nobody said that it is accepted."""


class RecipeError(WarmstartError):
    """A recipe is not valid, or does not fit the network it is asked to train."""


class DiskError(WarmstartError, OSError):
    """A file or folder cannot be written: no space, no permission, a disk that is for reading alone.

    It is an `OSError` as well, for whoever can do without the file and catches that.
    """

    @classmethod
    def of(cls, error: OSError, where: object = None) -> DiskError:
        """What the system said, about the file that it names or `where`, in words.

        >>> print(DiskError.of(OSError(28, "No space left on device"), "run/log.jsonl").found)
        run/log.jsonl cannot be written: No space left on device
        """
        if isinstance(error, cls):
            return error
        place = where if where is not None else error.filename or "a file"
        return cls(
            f"{place} cannot be written: {error.strerror or error}",
            expected="room on the disk, in a folder that you may write to",
            do="make room, or name a folder on another disk; what was saved before is whole, and can be gone on with",
        )


class RunError(WarmstartError):
    """A run folder exists already, cannot be resumed, or belongs to another configuration."""


class TrainingError(WarmstartError):
    """Training cannot go on (the loss stays non-finite, memory does not suffice for one sample)."""

    exit_code = 3


class WorkerError(WarmstartError):
    """A worker cannot do its part: each one that took a piece of work died, or it is not as this machine is."""

    exit_code = 3


class BundleError(WarmstartError):
    """A bundle is damaged, was tampered with, or answers otherwise than when it was written."""


class HubError(WarmstartError):
    """A hub cannot be asked, refuses what is asked of it, or holds something else than a bundle."""


class ExportError(WarmstartError):
    """A bundle cannot be exported, or what was exported answers otherwise than the bundle."""


class MissingExtraError(WarmstartError):
    """An optional dependency is needed; names the extra that installs it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs packages that are not installed",
            do=f"pip install 'warmstart[{extra}]'",
        )


class Interrupted(WarmstartError):  # noqa: N818 - an event the user asked for, not a fault
    """The user stopped the run (Ctrl-C or SIGTERM); everything finished is saved."""

    exit_code = 130


_LIKE = 0.5
"""Of letters in common from which on a name may be meant: `nonsense` has .4 in common with `fasterrcnn`."""


def nearest(name: str, choices: Iterable[str], n: int = 3) -> str:
    """The names closest to `name`, quoted and joined, for use in an error.

    >>> nearest("probee", ["probe", "gradual"])
    "'probe'"
    """
    pool = list(choices)
    return alike(name, pool, n) or ", ".join(map(repr, pool[:n]))


def alike(name: str, choices: Iterable[str], n: int = 3) -> str:
    """The names that are like `name`, as `nearest` has them; empty where none is.

    >>> alike("probee", ["probe", "gradual"]), alike("nonsense", ["fcos", "ssd"])
    ("'probe'", '')
    """
    return ", ".join(map(repr, difflib.get_close_matches(name, list(choices), n=n, cutoff=_LIKE)))
