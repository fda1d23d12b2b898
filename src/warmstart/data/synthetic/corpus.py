"""A corpus of made series: a stream that depends on the seed alone, and a data set of its beginning."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from warmstart.data.schema import Dataset, Sample, Series
from warmstart.data.synthetic.processes import PARAMETERS, PROCESSES
from warmstart.data.targets import ClassTarget
from warmstart.errors import DataError
from warmstart.preprocess.series import FloatArray

EACH = 4
"""Series of one process with one set of parameters."""
SHORTEST = 16
_STREAM = 7
"""What the generator is for: as in `warmstart.data.batches`, streams of random numbers are told apart by a number."""


def stream(seed: int, steps: int = 512, each: int = EACH) -> Iterator[tuple[str, FloatArray]]:
    """Without end: the name of a process, and `each` series (each, steps) that it made with parameters of its own.

    The k-th item is a function of (seed, k, steps, each): whoever takes more sees the same beginning.

    >>> (one, values), (two, _) = itertools.islice(stream(0, steps=32, each=3), 2)
    >>> one, two, values.shape
    ('template', 'kernel', (3, 32))
    """
    names = list(PROCESSES)
    for k in itertools.count():
        rng = np.random.default_rng([seed, k, _STREAM])
        name = names[k % len(names)]
        values = PROCESSES[name](rng.uniform(0, 1, PARAMETERS), rng, each, steps)
        yield name, values.astype(np.float32)


def generate(n: int, *, steps: int = 512, seed: int = 0, each: int = EACH) -> Dataset:
    """The first `n` series of `stream`, one class for each process and its parameters.

    Args:
        n: how many.
        steps: of each, at least 16.
        seed: another one gives another corpus.
        each: how many of one class follow one another.

    Raises:
        DataError: there would be no series, or they are too short to show anything.
    """
    if n < 1 or each < 1 or steps < SHORTEST:
        raise DataError(
            f"{n} series of {steps} steps, {each} of each process, are to be generated",
            expected=f"at least one series, of at least {SHORTEST} steps",
        )
    samples: list[Sample] = []
    for k, (name, values) in enumerate(stream(seed, steps, each)):
        label = f"{name}-{k}"
        samples += [Sample(f"{label}/{i}", Series(row[None]), label) for i, row in enumerate(values)]
        if len(samples) >= n:
            break
    samples = samples[:n]
    classes = tuple(dict.fromkeys(str(sample.label) for sample in samples))
    note = f"{n} series of {steps} steps generated with seed {seed}, {each} of each of {len(classes)} processes"
    return Dataset(tuple(samples), ClassTarget(classes), name="generated", notes=(note,))
