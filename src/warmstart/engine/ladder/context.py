"""What every rung is given, and the two things that all of them do: get outputs from shared activations, and time."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path

import torch
from torch import Tensor

from warmstart.cache.wanted import BATCH
from warmstart.data.schema import IntArray
from warmstart.engine.allowance import EVALUATED, at_a_time, batch_within
from warmstart.engine.data import RunData
from warmstart.engine.deadline import Deadline
from warmstart.engine.events import Listener, silent
from warmstart.engine.features import features, stored
from warmstart.engine.finished import FACTS, RecipeResult
from warmstart.engine.interrupt import Interrupt
from warmstart.engine.ladder.contender import Contender, Member
from warmstart.engine.run import run_recipe
from warmstart.errors import Interrupted
from warmstart.evaluation.predict import joined, outputs_from, predict_outputs
from warmstart.files import folder_name
from warmstart.model.activation import sample_bytes
from warmstart.model.backbone import Backbone
from warmstart.model.device import AT_ONCE, Device, chosen
from warmstart.model.inputs import weight_of
from warmstart.model.modes import evaluating
from warmstart.model.network import Network
from warmstart.model.shared_classes import adopt
from warmstart.planning.compile import compile_plan
from warmstart.planning.cost import SpeedFacts
from warmstart.planning.edited import outlined
from warmstart.planning.plan import Plan
from warmstart.planning.profile import profile
from warmstart.recipe.recipe import Recipe
from warmstart.task.base import Task
from warmstart.task.network import network_for

CHUNK = BATCH


@dataclasses.dataclass
class LadderContext:
    """The run as a rung sees it. `backbone` is never trained itself: a rung clones it. It is put on the device at hand,
    where all that is made of it stays.
    """

    backbone: Backbone
    data: RunData
    task: Task
    deadline: Deadline
    speed: SpeedFacts = dataclasses.field(default_factory=SpeedFacts)
    interrupt: Interrupt | None = None
    seed: int = 0
    listener: Listener = silent
    folder: Path | None = None

    def __post_init__(self) -> None:
        self.backbone.module.to(chosen())

    def within(self, data: RunData, folder: str) -> LadderContext:
        """The same run on another division of the data, with a folder of its own."""
        return dataclasses.replace(self, data=data, folder=None if self.folder is None else self.folder / folder)

    def seen_by(self, contender: Contender) -> LadderContext:
        """The run as a contender sees it, whose backbone may be another: this one, or one for what is finished."""
        if contender.data is None:
            return self
        data = dataclasses.replace(contender.data, split=self.data.split)
        return dataclasses.replace(self, backbone=contender.members[0].network.facts, data=data)

    def finished(self, rung: str) -> bool:
        """Whether an earlier process has done this rung already, so that running it means loading it."""
        return self.folder is not None and (self.folder / folder_name(rung) / FACTS).exists()

    def stop_if_asked(self, where: str) -> None:
        """Raise `Interrupted` if the user wants to stop; what was finished before is saved."""
        if self.interrupt is not None and self.interrupt.stopped:
            raise Interrupted(f"stopped before {where}")

    def network(self) -> Network:
        """A new network: pretrained backbone, fresh head, but for classes that the old classifier has by name."""
        target = self.data.dataset.target
        network = network_for(self.backbone.clone(), target, seed=self.seed)
        adopt(network.head, self.backbone, target.classes)
        return network

    def seconds(self, recipe: Recipe, network: Network | None = None) -> float:
        """What a recipe is expected to take; for `network`, or a new one."""
        return self.plan(recipe, network).seconds

    def plan(self, recipe: Recipe, network: Network | None = None) -> Plan:
        """The recipe compiled for `network`, or a new one."""
        data, limits = self.data.facts, self.data.limits
        subject = outlined(network or self.network(), recipe.edits)
        return compile_plan(recipe, subject, data, speed=self.speed, limits=limits)

    def run(self, recipe: Recipe, rung: str, network: Network | None = None) -> RecipeResult:
        """Run a recipe on a copy of `network`, or on a new one, in a folder named after the rung; one that is finished
        there is loaded.
        """
        return run_recipe(
            recipe,
            network or self.network(),
            self.data,
            task=self.task,
            seed=self.seed,
            rung=rung,
            listener=self.listener,
            folder=None if self.folder is None else self.folder / folder_name(rung),
            deadline=self.deadline,
            interrupt=self.interrupt,
            speed=self.speed,
        )

    def prefetch(self, cuts: Collection[int], indices: IntArray) -> None:
        """Store the activations at several cuts of the pretrained backbone in one pass, where all of them fit."""
        cuts = set(cuts) - {0}
        shapes = [self.backbone.chain.activation_shape(cut, self.data.spec.size) for cut in cuts]
        if len(shapes) > 1 and len(indices) * sum(map(sample_bytes, shapes)) <= self.data.limits.total:
            network, top = self.network(), max(cuts)
            stored(network, top, self.data, indices, also=cuts - {top}, listener=self.listener)

    def activations(self, network: Network, cut: int, indices: IntArray) -> Tensor:
        """Activations at `cut`, from the store where they are there; one pass over the images where they are not."""
        return features(network, cut, self.data, indices, listener=self.listener)

    def features(self, member: Member, indices: IntArray) -> Tensor:
        """Pooled features (n, d) of a member, from the activations at the cut below which it is as pretrained."""
        network = member.network
        if not member.cut:  # what others could share are the inputs alone, which are there
            at_once = batch_within(self.backbone, self.data.spec.size, EVALUATED)
            return predict_outputs(network.backbone, self.data.store, indices, batch_size=at_once)
        below = self.activations(network, member.cut, indices)
        suffix = network.facts.chain.suffix(member.cut)
        with evaluating(network), torch.inference_mode():
            device = Device.of(weight_of(network).device)
            size = AT_ONCE if device.behind else CHUNK
            parts = [suffix(_fast(part.to(device.at))).cpu() for part in torch.split(below, size)]
        return torch.cat(parts).clone()

    def operations(self, member: Member, indices: IntArray) -> float:
        """Operations of `features`: all below the cut for samples that are not stored, all above it for every one."""
        last, size = len(self.backbone.chain) - 1, self.data.spec.size
        wanted = self.data.wanted(member.network.facts.chain)
        missing = len(wanted.cache.missing(wanted.space(member.cut), wanted.keys(indices)))
        below = profile(self.backbone, 0, member.cut, size).flops
        return float(missing * below + len(indices) * profile(self.backbone, member.cut, last, size).flops)

    def outputs(self, member: Member, indices: IntArray) -> Tensor:
        """Outputs (n, ...) of a member, as far as the task keeps them."""
        if len(indices) == 0:
            return torch.empty(0, len(self.data.dataset.target.classes))
        if self.backbone.maps is not None:
            return self._outputs_of_maps(member, indices)
        step = at_a_time(member.network.facts.chain, member.cut, self.data.spec.size)
        return joined([self._outputs(member, indices[i : i + step]) for i in range(0, len(indices), step)])

    def _outputs(self, member: Member, indices: IntArray) -> Tensor:
        """Those of so many samples that their activations may be held."""
        features, targets, network = self.features(member, indices), self.data.targets(indices), member.network
        with evaluating(network), torch.inference_mode():
            device = weight_of(network).device
            pairs = zip(torch.split(features.to(device), CHUNK), torch.split(targets.to(device), CHUNK), strict=True)
            parts = [self.task.answered(network.answer(some, wanted).float(), wanted).cpu() for some, wanted in pairs]
        return joined(parts).clone()

    def _outputs_of_maps(self, member: Member, indices: IntArray) -> Tensor:
        """The same of a backbone that gives maps, which are too large to be held of all samples at once."""
        data, network = self.data, member.network
        rows = stored(network, member.cut, data, indices, listener=self.listener) if member.cut else None
        if rows is None:
            return predict_outputs(network, data.store, indices)
        targets = data.target_rows(indices, data.spec.size)
        return outputs_from(network, member.cut, rows, targets, self.task, batch_size=CHUNK)


def _fast(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x
