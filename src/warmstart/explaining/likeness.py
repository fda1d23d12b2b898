"""Which samples the network sees much like an input: those of training that the bundle names, or of data at hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from warmstart.data.schema import Sample
from warmstart.errors import WarmstartError
from warmstart.explaining.explanation import Neighbour
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.inference import Readable
from warmstart.shipping.known import Known
from warmstart.shipping.reading import read

_AT_ONCE = 16


@dataclasses.dataclass(frozen=True)
class Pool:
    """Samples with their features: rows (m, d) of length one, and what each is called."""

    rows: Tensor
    known: tuple[Known, ...]

    @classmethod
    def of_bundle(cls, bundle: Bundle) -> Pool | None:
        """The training samples that a bundle remembers; `None` where it names none."""
        reference = bundle.reference
        if reference is None or reference.bank is None or not reference.known:
            return None
        return cls(reference.bank.rows.float(), reference.known)

    @classmethod
    def of_samples(cls, bundle: Bundle, samples: Sequence[Sample]) -> Pool | None:
        """Samples as the first network of a bundle sees them, without those that cannot be read; `None` if none can."""
        found = [sample for sample in samples if _readable(sample, bundle)]
        if not found or not bundle.networks[0].facts.pools:
            return None
        batches = Readable(found, bundle.spec, _AT_ONCE)
        with torch.inference_mode():
            rows = torch.cat([bundle.networks[0].backbone(batch).float() for batch in batches])
        return cls(functional.normalize(rows, dim=1), tuple(map(Known.of, found)))

    def nearest(self, features: Tensor, count: int) -> tuple[Neighbour, ...]:
        """The `count` samples whose features have the largest cosine with some (1, d), the most similar first.

        >>> pool = Pool(torch.eye(2), (Known("a.png", "ant"), Known("b.png", "bee")))
        >>> pool.nearest(torch.tensor([[0.0, 5.0]]), 1)
        (Neighbour(name='b.png', label='bee', similarity=1.0),)
        """
        similar = functional.normalize(features.float(), dim=1) @ self.rows.T
        found = similar[0].topk(min(count, len(self.rows)))
        pairs = zip(found.values.tolist(), found.indices.tolist(), strict=True)
        return tuple(Neighbour(self.known[i].name, self.known[i].label, min(value, 1.0)) for value, i in pairs)


def _readable(sample: Sample, bundle: Bundle) -> bool:
    try:
        read(sample, bundle.spec)
    except WarmstartError:
        return False
    return True
