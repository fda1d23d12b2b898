"""What answers are judged by once the model serves, from samples of the run, and how that does on the test set."""

from __future__ import annotations

import dataclasses

import numpy as np

from warmstart.api.finishing.finish import FINAL, Measured
from warmstart.data.schema import IntArray
from warmstart.engine.events import Decided
from warmstart.engine.ladder.contender import Contender, Member
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.rungs import evaluation_seconds
from warmstart.engine.seeds import some_of
from warmstart.evaluation.conformal import COVERAGES, Scores, measured_coverage, nonconformity, rank
from warmstart.evaluation.intervals import bootstrap
from warmstart.evaluation.outcome import Coverage, Unknowns
from warmstart.evaluation.selective import Sureness
from warmstart.evaluation.unknowns import Bank
from warmstart.shipping.known import Known
from warmstart.shipping.reference import Reference

SAMPLES = 500
"""Of each part, at most: they take 2 bytes per feature in the bundle, and seconds where the network was tuned. Twice as
many gained a point of area under the ROC curve at most (see `warmstart.evaluation.unknowns`)."""
SHARE = 0.05
"""Of the budget, that features of a network that was tuned may take in any case."""


@dataclasses.dataclass(frozen=True)
class Judged:
    """What is shipped, and what is told of it."""

    reference: Reference
    coverages: tuple[Coverage, ...]
    unknowns: Unknowns | None


def expected_seconds(context: LadderContext, budget: float) -> float:
    """What is kept back for `judge`, which looks at pooled features."""
    if not context.backbone.pools:
        return 0.0
    split = context.data.split
    train, val, test = (min(SAMPLES, len(part)) for part in (split.train, split.val, split.test))
    return min(SHARE * budget, evaluation_seconds(context, 2 * train + val + test))


def judge(chosen: Contender, final: Member, measured: Measured, context: LadderContext, spare: float) -> Judged:
    """Calibrate sets of classes and the threshold of unknowns on validation, and measure both on the test set.

    As with the temperature, validation is seen by the chosen rung before it was fitted again: `final` has learned from
    it. `final` is the first network that is shipped, whose features the bank is made of. `spare` seconds may be spent
    on features that are not stored.
    """
    if context.task.name == "anomaly":  # whose answer is how far a sample lies from all that was learned from
        return Judged(Reference(None), (), None)
    scores, coverages = _sets(chosen, measured, context) if context.task.name == "classify" else (None, ())
    bank, unknowns = _unknowns(chosen.members[0], final, measured, context, spare)
    samples = context.data.dataset.samples
    known = () if bank is None else tuple(Known.of(samples[int(i)]) for i in _trained(context))
    sureness = _sureness(chosen, measured, context)
    return Judged(Reference(scores, bank, known, sureness), coverages, unknowns)


def _trained(context: LadderContext) -> IntArray:
    """The training samples that the bank is made of."""
    return some_of(np.random.default_rng(context.seed), context.data.split.train, SAMPLES)


def _sureness(chosen: Contender, measured: Measured, context: LadderContext) -> Sureness | None:
    """Of validation, as the sets of classes are calibrated on it."""
    if context.task.name != "classify":
        return None
    return Sureness.of(chosen.val_outputs / measured.temperature, context.data.targets(context.data.split.val))


def _sets(chosen: Contender, measured: Measured, context: LadderContext) -> tuple[Scores, tuple[Coverage, ...]]:
    truth, seed = context.data.targets(context.data.split.val), context.seed
    scores = nonconformity(chosen.val_outputs / measured.temperature, truth)
    if measured.on == "val":
        return scores, ()
    logits = measured.outputs[FINAL] / measured.temperature
    units = context.data.units(measured.indices)
    can = [coverage for coverage in COVERAGES if rank(len(scores), coverage) <= len(scores)]
    return scores, tuple(measured_coverage(logits, measured.truth, scores, c, seed=seed, units=units) for c in can)


def _unknowns(
    first: Member, final: Member, measured: Measured, context: LadderContext, spare: float
) -> tuple[Bank | None, Unknowns | None]:
    if not context.backbone.pools or context.task.name == "forecast":  # series move on: what is new is not unknown
        return None, None
    rng, split = np.random.default_rng(context.seed), context.data.split
    train, val = some_of(rng, split.train, SAMPLES), some_of(rng, split.val, SAMPLES)  # train: as in `_trained`
    test = some_of(rng, measured.indices, SAMPLES) if measured.on == "test" else measured.indices[:0]
    again = final.network is not first.network
    operations = context.operations(first, np.concatenate([train, val]))
    operations += context.operations(final, np.concatenate([train, test]) if again else test)
    seconds = operations / (context.speed.flops * context.speed.extraction)
    if seconds > spare:
        need = f"about {seconds:.0f} s, and {spare:.0f} s of the budget are left for them"
        context.listener(Decided(f"the bundle will not tell what is unknown to it: the features take {need}"))
        return None, None
    bank = Bank.of(context.features(first, train))
    bank = bank.limited(bank.distances(context.features(first, val)))
    if again:
        bank = dataclasses.replace(bank, rows=Bank.of(context.features(final, train)).rows)
    far = bank.distances(context.features(final, test)) > bank.threshold if len(test) else ()
    flagged = bootstrap(far, seed=context.seed, units=context.data.units(test)) if len(test) else None
    return bank, Unknowns(bank.threshold, len(bank.rows), len(test), flagged)
