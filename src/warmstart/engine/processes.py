"""Several processes at one run: process 0 does it, and the others wait for their share of what takes long.

There is one flow of control. Whatever is decided (by time, by validation, by the user), written or said is process 0's;
nothing of a run is kept in the others but copies of what they were sent, so none of it can drift apart, and a run goes
on with any number of processes. A piece of shared work is a function of a module: process 0 names it to the others, all
of them run it, and what it gives comes back. In it they exchange tensors: by nccl between GPUs, by gloo on CPUs.

This module imports nothing of the house but errors, so that any room may share its work.
"""

from __future__ import annotations

import contextlib
import functools
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from warmstart.errors import RunError, WarmstartError

T = TypeVar("T")
LOST = "what is saved is whole: go on with the run by --resume"


class LostError(RunError):
    """Another process of the run is gone."""


class UnsendableError(Exception):
    """What work is to be done with cannot be sent to another process; it is then done by one."""


class Group:
    """The processes of a run.

    Args:
        rank: of this process; 0 leads.
        size: how many there are.
        join: waits for all of them, and gives the group by which words and results go (gloo). Called at the first work.
        together: whether all are on this machine.
        why: says what became of the others, once one is gone.
        threads: of this process in shared work, where it has more otherwise.
    """

    def __init__(
        self,
        rank: int,
        size: int,
        join: Callable[[], Any],
        *,
        together: bool = True,
        why: Callable[[], str] = str,
        threads: int | None = None,
    ) -> None:
        self.rank, self.size, self.together, self.threads = rank, size, together, threads
        self._join, self._why = join, why
        self.joined = self.busy = self.lost = False
        self._words: Any = None
        self._sent: dict[int, tuple[int, Any]] = {}

    @property
    def words(self) -> Any:
        """The group by which words go; waits for the others the first time."""
        if not self.joined:
            self._words, self.joined = self._join(), True
        return self._words

    # What process 0 calls.

    def shared(self, work: Callable[..., T], *given: Any, here: Callable[[], T] | None = None) -> list[T]:
        """`work(*given)` in all processes, what came of it by rank; in this one `here()`, if that is given.

        Raises:
            UnsendableError: it cannot be sent; nothing was done.
            LostError: another process is gone.
            WarmstartError: what one of them raised, an error of this process first.
        """
        assert self.rank == 0, "process 0 leads"
        assert not self.busy, "shared work shares none"
        self.busy = True
        try:
            self._tell((work, given))
            with _threads(self.threads):
                mine = _attempted(here or functools.partial(work, *given))
            if isinstance(mine[1], LostError):
                raise mine[1]
            return self._results(mine)
        except (KeyboardInterrupt, SystemExit):  # the others wait for what will not come
            self.lost = True
            raise
        finally:
            self.busy = False

    def sent(self, thing: T) -> Sent[T]:
        """What stands for `thing` in work that is given it: it goes to the others once, and stays with them."""
        known = self._sent.get(id(thing))
        if known is None:
            number = len(self._sent)
            self.shared(_keep, number, thing, here=_nothing)
            known = self._sent[id(thing)] = (number, thing)  # held, so that the address stays its own
        return Sent(known[0])

    def end(self, last: Any = None) -> None:
        """Let the others go; `last` is what `serve` gives there, if it can be sent."""
        if self.lost:
            return
        self._sent.clear()
        try:
            self._tell((None, last))
        except UnsendableError:
            self._tell((None, None))

    # What the others call.

    def serve(self) -> Any:
        """Work until process 0 ends; what it gave at last. Raises `LostError` if it is gone without a word."""
        while True:
            try:
                work, given = self._told()
            except LostError:
                raise
            except Exception as error:  # what was sent cannot be read here: a module that is missing, say
                self._results((False, error))
                continue
            if work is None:
                _KEPT.clear()
                return given
            self.busy = True
            self._results(_attempted(functools.partial(work, *given)))
            self.busy = False

    # What all call within shared work.

    def broadcast(self, tensors: Sequence[Tensor]) -> None:
        """Process 0's values into the tensors of all."""
        self._exchanged(tensors, lambda flat: dist.broadcast(flat, 0), changed=self.rank > 0)

    def summed(self, tensors: Sequence[Tensor]) -> None:
        """The sum over all processes into the tensors of process 0; those of the others are undefined afterwards."""
        self._exchanged(tensors, lambda flat: dist.reduce(flat, 0), changed=self.rank == 0)

    def _exchanged(self, tensors: Sequence[Tensor], call: Callable[[Tensor], Any], *, changed: bool) -> None:
        """Have `call` exchange them, those of one type as one; `changed`: what it gives is put into them."""
        kinds: dict[torch.dtype, list[Tensor]] = {}
        for tensor in tensors:
            kinds.setdefault(tensor.dtype, []).append(tensor)
        with self._watched(), torch.no_grad():
            for some in kinds.values():
                flat = torch.cat([tensor.detach().reshape(-1) for tensor in some])
                call(flat)
                parts = torch.split(flat, [tensor.numel() for tensor in some]) if changed else ()
                for tensor, values in zip(some, parts, strict=False):
                    tensor.copy_(values.view(tensor.shape))

    def everyones(self, numbers: Sequence[float]) -> Tensor:
        """The numbers of each process (size, n), float64, in all of them."""
        mine = torch.tensor(numbers, dtype=torch.float64)
        every = [torch.empty_like(mine) for _ in range(self.size)]
        with self._watched():
            dist.all_gather(every, mine, group=self.words)
        return torch.stack(every)

    def _tell(self, what: Any) -> None:
        words = self.words
        with self._watched(sending=True):
            dist.broadcast_object_list([what], 0, group=words, device=torch.device("cpu"))

    def _told(self) -> Any:
        box = [None]
        with self._watched():
            dist.broadcast_object_list(box, 0, group=self.words, device=torch.device("cpu"))
        return box[0]

    def _results(self, mine: tuple[bool, Any]) -> list[Any]:
        """Of all processes; empty but on process 0."""
        told = mine[1] if mine[0] else Failed.of(mine[1])
        every: list[Any] = [None] * self.size
        with self._watched():
            dist.gather_object(told, every if self.rank == 0 else None, 0, group=self.words)
        if self.rank:
            return []
        if not mine[0]:
            raise mine[1]
        for rank, found in enumerate(every):
            if isinstance(found, Failed):
                raise found.error(rank)
        return every

    @contextlib.contextmanager
    def _watched(self, *, sending: bool = False) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:  # of torch.distributed: a connection is closed
            if sending and _while_packing(error):
                raise UnsendableError(str(error)) from error
            self.lost = True
            why = self._why() or f"a process of this run is gone ({str(error).splitlines()[0]})"
            raise LostError(why, expected=f"{self.size} processes until the end", do=LOST) from error
        except Exception as error:
            if sending:
                raise UnsendableError(f"{type(error).__name__}: {error}") from error
            raise


class Failed:
    """An error of another process, as it is sent."""

    def __init__(self, kind: type[WarmstartError], found: str, expected: str, do: str) -> None:
        self.kind, self.found, self.expected, self.do = kind, found, expected, do

    @classmethod
    def of(cls, error: BaseException) -> Failed:
        """As much of an error as can be sent: one that a user can meet as it is, of others what they say."""
        if isinstance(error, WarmstartError):
            return cls(type(error), error.found, error.expected, error.do)
        return cls(RunError, f"{type(error).__name__}: {error}", "", "")

    def error(self, rank: int) -> WarmstartError:
        """To be raised here, of process `rank`."""
        error = self.kind.__new__(self.kind)
        WarmstartError.__init__(error, f"process {rank}: {self.found}", self.expected, self.do)
        return error


class Sent(Generic[T]):
    """Stands for what `Group.sent` sent."""

    def __init__(self, number: int) -> None:
        self.number = number

    @property
    def there(self) -> T:
        """The thing itself, in a process that it was sent to."""
        found: T = _KEPT[self.number]
        return found


_KEPT: dict[int, Any] = {}
_GROUP: list[Group] = []


def current() -> Group | None:
    """The processes of this run; `None` where it has one."""
    return _GROUP[-1] if _GROUP else None


def leading() -> Group | None:
    """The same where this process may share work: it is process 0, and not within shared work already."""
    group = current()
    return group if group is not None and group.rank == 0 and not group.busy else None


@contextlib.contextmanager
def within(group: Group) -> Iterator[Group]:
    """Make it the processes of this run."""
    _GROUP.append(group)
    try:
        yield group
    finally:
        _GROUP.remove(group)


@contextlib.contextmanager
def _threads(number: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    if number is not None:
        torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _keep(number: int, thing: Any) -> None:
    _KEPT[number] = thing


def _nothing() -> None:
    return None


def _attempted(work: Callable[[], Any]) -> tuple[bool, Any]:
    """Whether it went well, and what it gave or raised."""
    try:
        return True, work()
    except Exception as error:
        return False, error


def _while_packing(error: BaseException) -> bool:
    """Whether it came from making bytes of what is to be sent, which is done before any of it goes."""
    return any(frame.name == "_object_to_tensor" for frame in traceback.extract_tb(error.__traceback__))
