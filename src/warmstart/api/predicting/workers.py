"""Answers by the workers of a ray cluster: the bundle and pieces of the inputs are sent, and rows come back in order.

Pieces are whole batches, beginning where those of one process would, so that each input has the same company there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from warmstart.api.predicting.engine import TORCH, quicker
from warmstart.data.scenes import BoxTarget, MaskTarget
from warmstart.data.schema import Sample
from warmstart.data.sources.given import Given
from warmstart.engine.allocator import keep_buffers
from warmstart.engine.events import Decided, Event, Listener
from warmstart.engine.extraction import Choice
from warmstart.engine.fanout.cluster import OnRay
from warmstart.engine.fanout.spread import GivenUp, spread
from warmstart.errors import WorkerError
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.files import sha256
from warmstart.shipping.manifest import NAME

if TYPE_CHECKING:
    from warmstart.api.predicting.loop import How, Inputs
    from warmstart.api.predicting.tables import Row

_BATCHES = 8
"""Batches in a piece: what a death costs, and what is held of each worker."""
_MARKED = 8
"""Images in a piece where boxes or masks are told: a mask is as large as its image."""


@dataclasses.dataclass(frozen=True)
class Sent:
    """What every worker is to have: the files of the bundle, and how it is asked."""

    files: dict[str, npt.NDArray[np.uint8]]
    folder: str
    """Where the bundle lies, for what is said of it."""
    sum: str
    how: How
    choice: Choice
    pixels: bool
    """Whether the masks themselves are wanted."""


@dataclasses.dataclass(frozen=True)
class Part:
    """Inputs that are answered together. `first` is the number of the first of them, from 1."""

    first: int
    samples: tuple[Sample, ...]
    sizes: tuple[int | None, ...]
    """Bytes of each file, as it is seen here; of what is no file `None`."""

    def __str__(self) -> str:
        last = f" to {self.first + len(self.samples) - 1} ({self.samples[0].id} to {self.samples[-1].id})"
        return f"input {self.first} ({self.samples[0].id})" if len(self.samples) == 1 else f"inputs {self.first}{last}"


def answered_by_workers(
    address: str,
    bundle: Bundle,
    choice: Choice,
    inputs: Inputs,
    how: How,
    listener: Listener,
    *,
    after: int = 0,
    pixels: bool = False,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[list[tuple[Given, Row]]]:
    """Inputs and their rows in order. Ends early once `stopped` says so.

    Args:
        address: of the cluster that this process has joined.
        bundle: what answers; it is sent.
        choice: what computes the features.
        inputs: those that are still to be answered.
        how: how.
        listener: hears of workers that died, and of those that compute the features otherwise.
        after: inputs that were answered before.
        pixels: whether rows are to have the masks themselves.
        stopped: whether to stop.

    Raises:
        WorkerError: each worker that took a piece died, or a worker does not see a file that is here.
    """
    paths = [one.sample.source for one in inputs.begin if isinstance(one.sample.source, Path)]
    relative = any(not path.is_absolute() for path in paths)
    waiting, told = deque[Given](), set[str]()
    with OnRay(work, _sent(bundle, how, choice, pixels), address, Path.cwd() if relative else None) as crew:
        parts = _parts(inputs.each, _size(bundle, how), after, waiting)
        for part, found in spread(crew, parts, name=str, listener=listener, stopped=stopped, ordered=True):
            if isinstance(found, GivenUp):
                raise found.error(
                    str(part), "give the workers more memory, or take these inputs out; what is answered before is kept"
                )
            rows, said = found
            for text in said:
                if text not in told:
                    told.add(text)
                    listener(Decided(text))
            yield [(waiting.popleft(), row) for row in rows]


def _size(bundle: Bundle, how: How) -> int:
    if isinstance(bundle.manifest.target, BoxTarget | MaskTarget):
        return _MARKED
    return how.batch_size * (1 if bundle.manifest.task == "generate" else _BATCHES)


def _parts(each: Iterable[Given], size: int, after: int, waiting: deque[Given]) -> Iterator[Part]:
    """The inputs in parts; those that were taken wait in `waiting` for their rows."""
    each, first = iter(each), after + 1
    while some := list(islice(each, size)):
        waiting += some
        yield Part(first, tuple(one.sample for one in some), tuple(_bytes(one.sample) for one in some))
        first += len(some)


def _bytes(sample: Sample) -> int | None:
    if isinstance(sample.source, Path):
        with contextlib.suppress(OSError, ValueError):
            return sample.source.stat().st_size
    return None


def _sent(bundle: Bundle, how: How, choice: Choice, pixels: bool) -> Sent:
    names = (NAME, *bundle.manifest.files)
    files = {name: np.frombuffer((bundle.folder / name).read_bytes(), np.uint8) for name in names}
    return Sent(files, str(bundle.folder), sha256(files[NAME].tobytes()), how, choice, pixels)


_ready: dict[str, tuple[Bundle, list[str]]] = {}


def work(sent: Sent, part: Part) -> tuple[list[Row], list[str]]:
    """The rows of a part, and what is to be said of this worker. The bundle is made at the first part, and kept."""
    key = f"{sent.sum} {sent.choice}"
    if key not in _ready:
        keep_buffers()
        _ready.clear()
        _ready[key] = _unpacked(sent)
    bundle, said = _ready[key]
    for sample, size in zip(part.samples, part.sizes, strict=True):
        if size is not None and (seen := _bytes(sample)) != size:
            raise WorkerError(
                f"{sample.source} is {'not there' if seen is None else f'another file, of {seen} bytes'}",
                expected=f"the file of {size} bytes that is where the command runs",
                do="have the files at the same path on each machine",
            )
    found: list[dict[str, Any]] = []
    for some in sent.how.stream(bundle, part.samples):
        found += [row if sent.pixels else _without_pixels(row) for _, row in some]
    return found, said


def _without_pixels(row: Row) -> Row:
    return {key: value for key, value in row.items() if key != "mask" or isinstance(value, str)}


def _unpacked(sent: Sent) -> tuple[Bundle, list[str]]:
    """The bundle from its files, which are checked as always; and what was decided otherwise than it was sent."""
    said = list[str]()

    def hear(event: Event) -> None:
        if isinstance(event, Decided) and event.text.startswith("torch answers"):
            said.append(f"a worker computes features otherwise: {event.text}")

    with tempfile.TemporaryDirectory(prefix="warmstart-") as folder:
        for name, content in sent.files.items():
            place = Path(folder, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.tobytes())
        bundle = Bundle.load(folder)
        if sent.choice.runtime != TORCH.runtime:
            bundle, _ = quicker(bundle, (), 0, hear, sent.choice)
    return dataclasses.replace(bundle, folder=Path(sent.folder)), said
