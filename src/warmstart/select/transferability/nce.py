"""NCE: what the source head's answers leave unknown of the target labels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from warmstart.data.schema import IntArray
from warmstart.select.transferability.inputs import Floats, checked_source


def nce(source: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Negative conditional entropy -H(Y | Z) in nats, at most 0; higher is better.

    Z is the source class of highest probability: NCE = sum over y, z of P(y, z) log P(y | z), with P from counts.
    Tran, Nguyen & Hassner, ICCV 2019, "Transferability and Hardness of Supervised Classification Tasks", for two
    sets of labels of the same samples; those of the source head are used for it by Nguyen et al. 2020.

    Args:
        source: (n, S), probabilities of the source classes.
        labels: (n,), whole numbers.

    Raises:
        DataError: see `checked_source`.

    >>> nce([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.2, 0.8]], [0, 0, 1, 1])
    0.0
    """
    return conditional_entropy(*checked_source(source, labels))


def conditional_entropy(source: Floats, labels: IntArray) -> float:
    """NCE of what `checked_source` gives."""
    counts = np.zeros((int(labels.max()) + 1, source.shape[1]))
    np.add.at(counts, (labels, source.argmax(1)), 1)
    conditional = np.divide(counts, counts.sum(0), out=np.ones_like(counts), where=counts > 0)
    return float((counts * np.log(conditional)).sum() / len(labels))
