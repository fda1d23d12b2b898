"""A phase is opened in the other processes of a run, so that they can take part in it."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Iterator

from warmstart.cache.store import ActivationStore
from warmstart.data.batches import Rows
from warmstart.data.schema import Split
from warmstart.data.stores import InputStore
from warmstart.engine import freeze
from warmstart.engine.assemble import make_stepper
from warmstart.engine.context import Context
from warmstart.engine.data import Known, RunData, Taught
from warmstart.engine.deadline import Deadline
from warmstart.engine.device import make_accelerator
from warmstart.engine.dividing import Division, Part, take_part
from warmstart.engine.events import Decided, silent
from warmstart.engine.feed import Feed
from warmstart.engine.interrupt import Interrupt
from warmstart.engine.layout import training_layout
from warmstart.engine.processes import Group, Sent, UnsendableError, current, leading
from warmstart.engine.seeds import derive
from warmstart.engine.stepper import Stepper
from warmstart.engine.training import Progress, Training
from warmstart.model.low_rank import Apart
from warmstart.planning.plan import CacheLimits, PhasePlan
from warmstart.planning.profile import profile
from warmstart.task.base import Task

WORTH = {"cpu": 2e8, "cuda": 2e11}
"""Floating-point operations of a forward pass of a batch through what trains, below which it takes longer to divide it
than it saves: to exchange words and weights takes some milliseconds."""
_NUMBERS = itertools.count()


@dataclasses.dataclass(frozen=True)
class Work:
    """A phase, as it is sent. `fed` is what it is fed from where the others cannot read it from the store."""

    network: Apart
    plan: PhasePlan
    split: Split
    inputs: Sent[InputStore]
    cache: Sent[ActivationStore]
    limits: CacheLimits
    runtime: str
    batch: int
    taught: Taught | None
    known: Known | None
    fed: tuple[list[Rows] | None, Rows | None] | None
    task: Task
    seed: int


@contextlib.contextmanager
def divided(stepper: Stepper, data: RunData, context: Context) -> Iterator[None]:
    """For the length of a `with`: batches of this phase are divided over the processes of the run, if there are several
    and it is of use; what was decided is told.
    """
    group, name = leading(), stepper.training.plan.phase.name
    if group is None:
        yield
        return
    why_not, number = _why_not(stepper), next(_NUMBERS)
    if not why_not:
        try:
            _open(group, number, stepper, data, context)
        except UnsendableError as error:
            why_not = f"it cannot be sent to another ({error})"
    if why_not:
        context.listener(Decided(f"{name}: trained by one process, since {why_not}", {"processes": 1}))
        yield
        return
    context.listener(Decided(f"{name}: each batch is divided over {group.size} processes", {"processes": group.size}))
    stepper.division = division = Division(Part(stepper, group), number)
    try:
        yield
    finally:
        stepper.division = None
        division.close()


def _why_not(stepper: Stepper) -> str:
    """Why it is not of use; empty where it is."""
    if not stepper.divides:
        return "the loss of a batch is one of all its samples together"
    plan, backbone = stepper.training.plan, stepper.training.network.facts
    last = len(backbone.chain.cuts) - 1
    operations = plan.batch_size * profile(backbone, plan.cut, last, plan.size).flops
    worth = WORTH.get(stepper.feed.device.type, WORTH["cuda"])
    return "a batch takes less time than to divide it" if operations < worth else ""


def _open(group: Group, number: int, stepper: Stepper, data: RunData, context: Context) -> None:
    plan, network = stepper.training.plan, stepper.training.network
    fed = stepper.feed.stored()  # computed before the others ask for it
    seen = group.together and data.cache.folder is not None
    work = Work(
        Apart.of(network),
        plan,
        data.split,
        group.sent(data.inputs(plan.size)),
        group.sent(data.cache),
        data.limits,
        data.runtime,
        data.batch,
        data.taught,
        data.known,
        None if seen else fed,
        context.task,
        context.seed,
    )
    group.shared(_take, number, work, here=_nothing)


def _take(number: int, work: Work) -> None:
    """In another process: be ready for a share of each batch."""
    group, accelerator = current(), make_accelerator()
    assert group is not None
    store, network, plan = work.inputs.there, work.network.joined(), work.plan
    data = RunData(
        store.dataset,
        work.split,
        store,
        store.spec,
        work.cache.there,
        work.limits,
        work.runtime,
        work.batch,
        work.taught,
        work.known,
    )
    context = Context(work.task, work.seed, "", silent, None, Deadline(None), Interrupt())
    network.to(accelerator.device)
    network.to(memory_format=training_layout(network, accelerator.device))
    freeze.apply(network, plan)
    feed = Feed(network, plan, data, accelerator, derive(work.seed, "batches"), silent)
    if work.fed is not None:
        feed.take(work.fed)
    training = Training(network, plan, [0.0] * len(plan.groups), plan.steps, Progress())
    take_part(number, Part(make_stepper(accelerator, training, feed, data, context, None), group))


def _nothing() -> None:
    return None
