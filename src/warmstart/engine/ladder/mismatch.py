"""Whether labels have anything to do with the inputs, as far as the first head can tell.

Rows in another order than the files, a column that was shuffled, a join by the wrong key: everything runs, and nothing
is learned. What is judged are answers of fits without the sample (and those on validation): they agree with the labels
more often than answers and labels would that know nothing of each other, or they do not (Cohen's kappa; its variance
where there is no agreement beyond chance by Fleiss, Cohen and Everitt 1969). Unequal classes are no reason for doubt.
"""

from __future__ import annotations

import numpy as np
import torch

from warmstart.data.schema import IntArray
from warmstart.engine.events import Decided
from warmstart.engine.ladder.contender import Contender
from warmstart.engine.ladder.context import LadderContext

LEAST = 30
"""Answers below which chance explains anything."""
SURE = 1.645
"""Standard deviations: what labels without meaning reach once in twenty times."""


def beyond_chance(answers: IntArray, labels: IntArray, classes: int) -> float:
    """Standard deviations by which answers (n,) and labels (n,) agree more often than by chance.

    >>> labels = np.arange(60) % 2
    >>> beyond_chance(labels, labels, 2) > 7 > 0.1 > beyond_chance(np.zeros(60, int), labels, 2)
    True
    """
    n = len(labels)
    answered, given = (np.bincount(each, minlength=classes) / n for each in (answers, labels))
    seen, expected = float((answers == labels).mean()), float(answered @ given)
    spread = expected + expected**2 - float((answered * given * (answered + given)).sum())
    return 0.0 if spread <= 1e-12 else (seen - expected) / (spread / n) ** 0.5


def told_of_labels(contender: Contender, context: LadderContext) -> None:
    """Say so where the answers of this rung tell nothing of the labels."""
    if context.task.name != "classify":
        return
    split, outputs, where = context.data.split, [contender.val_outputs], [context.data.split.val]
    if contender.left_out is not None:
        outputs, where = [contender.left_out, *outputs], [split.train, *where]
    answers = torch.cat([each.float() for each in outputs]).argmax(1).numpy()
    labels = torch.cat([context.data.targets(some) for some in where]).numpy()
    classes = len(context.data.dataset.target.classes)
    if len(labels) < LEAST or beyond_chance(answers, labels, classes) > SURE:
        return
    right, most = float((answers == labels).mean()), float(np.bincount(labels).max()) / len(labels)
    text = (
        f"{contender.name}: of {len(labels)} samples that it was not fitted on, {100 * right:.0f} % are right, which "
        f"chance explains ({100 * most:.0f} % are of the largest class): the labels may belong to other inputs ("
        "another order of rows, a wrong join), or this backbone sees nothing of what they are about; look at "
        "some with their labels (`warmstart check` shows them), or try another backbone"
    )
    context.listener(Decided(text, {"concern": "label mismatch"}))
