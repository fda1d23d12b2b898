"""The end of an `adapt`: the choice is made without labels of the target, and only then are they looked at."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch

from warmstart.api.adaptation.adapting import Done
from warmstart.api.adaptation.domains import Domains
from warmstart.api.running.command import command
from warmstart.api.running.environment import environment
from warmstart.data.schema import IntArray
from warmstart.engine.ladder.context import LadderContext
from warmstart.evaluation.adaptation import REFERENCE, Adaptation, Choice, Tried, verdict_of_adaptation
from warmstart.evaluation.compare import difference
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.outcome import Difference
from warmstart.evaluation.scoring import Array, interval_of, of_known, scores, temperature_of
from warmstart.evaluation.similarity import Similarity
from warmstart.recipe.text import to_yaml
from warmstart.report.adapted import write_adaptation
from warmstart.report.adapted_card import adaptation_card
from warmstart.report.results import jsonable
from warmstart.select.adaptation.registry import criteria
from warmstart.shipping.write import write_bundle

GOLDEN = 32
"""Samples of the target among which the bundle's golden ones are looked for."""


@dataclasses.dataclass(frozen=True)
class Adapted:
    """What an `adapt` has run; `done` are the methods that were finished, by name."""

    context: LadderContext
    domains: Domains
    shift: Similarity | None
    shift_words: str
    tried: list[Tried]
    done: dict[str, Done]
    criterion: str

    def picked(self, criterion: str) -> str:
        """The method that a criterion picks."""
        return criteria[criterion].best({row.name: row.criteria[criterion] for row in self.tried if row.criteria})

    @property
    def chosen(self) -> str:
        """The method that is shipped."""
        return self.picked(self.criterion)


def outcome(made: Adapted, options: dict[str, Any], decisions: list[str], budget: float, seconds: float) -> Adaptation:
    """All that is known, the labels of the target included; what is chosen was chosen before."""
    context, domains = made.context, made.domains
    dataset, split = context.data.dataset, context.data.split
    tried, right = _measured(made)
    by_name = {row.name: row for row in tried}
    oracle, gap = _oracle(made, by_name, right)
    chosen = made.done[made.chosen].contender
    others = {key: value for key, value in options.items() if key not in ("source", "target")}
    asked = {"source": options["source"], "target": options["target"], **others}
    return Adaptation(
        source=dataset.name,
        target=domains.facts,
        classes=dataset.target.classes,
        split={"train": len(split.train), "val": len(split.val), "how": split.how},
        audit=jsonable(domains.loaded.audit.to_dict()),
        backbone=context.backbone.card.to_dict(),
        preprocess=jsonable(context.data.spec.to_dict()),
        metric=context.task.primary_metric,
        shift=made.shift,
        shift_words=made.shift_words,
        tried=tried,
        criterion=made.criterion,
        choices=tuple(_choice(name, made, by_name) for name in criteria),
        chosen=made.chosen,
        oracle=oracle.name if oracle else None,
        oracle_gap=gap,
        verdict=verdict_of_adaptation(by_name[made.chosen], criteria[made.criterion].title, oracle, gap),
        temperature=temperature_of(context.task, chosen.val_outputs, context.data.targets(split.val)),
        decisions=tuple(decisions),
        plan=chosen.plan,
        seconds=seconds,
        budget=budget,
        seed=context.seed,
        environment=environment(),
        command=command("adapt", [], asked),
    )


def _measured(made: Adapted) -> tuple[tuple[Tried, ...], dict[str, Array]]:
    """The methods with what labels of the target say of them, and which answers were right; as they are without."""
    truth, task, seed = torch.from_numpy(made.domains.truth), made.context.task, made.context.seed
    if not made.domains.facts.labelled:
        return tuple(made.tried), {}
    right = {name: scores(task, one.outputs, truth) for name, one in made.done.items()}
    units = _units(made)
    whole = of_known(task, truth, units)
    reference = next(iter(made.done))  # `source_only`, with options or without, is always the first

    def row(one: Tried) -> Tried:
        if one.name not in made.done:
            return one
        gain = None
        if one.name != reference:
            gain = difference(one.name, right[one.name], REFERENCE, right[reference], seed, whole)
        reached = interval_of(task, made.done[one.name].outputs, truth, seed, units)
        return dataclasses.replace(one, target=reached, gain=gain)

    return tuple(row(one) for one in made.tried), right


def _units(made: Adapted) -> IntArray | None:
    """The independent unit of each sample of the target."""
    data = made.context.data
    return data.units(np.asarray(data.split.unlabelled, dtype=np.int64))


def _oracle(
    made: Adapted, by_name: dict[str, Tried], right: dict[str, Array]
) -> tuple[Tried | None, Difference | None]:
    """The method that is best on the target, and what was chosen against it; nothing without labels there."""
    chosen, seed = made.chosen, made.context.seed
    known = {name: row.target for name, row in by_name.items() if row.target is not None}
    if not known:
        return None, None

    def value(name: str) -> tuple[float, bool]:
        found: Interval | None = known[name]
        return (found.value if found else 0.0, name == chosen)

    best = max(known, key=value)
    if best == chosen:
        return by_name[best], None
    whole = of_known(made.context.task, torch.from_numpy(made.domains.truth), _units(made))
    return by_name[best], difference(chosen, right[chosen], best, right[best], seed, whole)


def _choice(name: str, made: Adapted, by_name: dict[str, Tried]) -> Choice:
    criterion, picks = criteria[name], made.picked(name)
    reached = by_name[picks].target
    value = None if reached is None else reached.value
    return Choice(name, criterion.title, criterion.paper, criterion.higher_is_better, picks, value)


def write(found: Adaptation, made: Adapted, folder: Path) -> None:
    """Bundle, results and page. `results.json` comes last: it says that the run is finished."""
    shutil.rmtree(folder / "bundle", ignore_errors=True)  # left by a run that was killed before results.json was there
    loaded = made.domains.loaded
    (member,) = made.done[made.chosen].contender.members
    measured = found.of(made.chosen).target
    write_bundle(
        folder / "bundle",
        member.network,
        target=loaded.dataset.target,
        preprocess=made.context.data.spec,
        golden=[loaded.dataset.samples[int(i)].source for i in made.domains.target[:GOLDEN]],
        recipes=[member.recipe.name],
        recipe=to_yaml(member.recipe),
        temperature=found.temperature,
        metrics={} if measured is None else {found.metric: dataclasses.asdict(measured)},
        card=adaptation_card(found),
        data=f"{found.source} to {found.target.name}",
    )
    write_adaptation(found, folder)
