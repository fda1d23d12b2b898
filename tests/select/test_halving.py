from __future__ import annotations

import dataclasses
import itertools
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pytest
from sklearn.datasets import load_digits
from torch import Tensor

from warmstart.cache.packing import Packed
from warmstart.cache.store import ActivationStore
from warmstart.data.pixels import PixelStore
from warmstart.data.schema import ClassTarget, Dataset, Sample, Split
from warmstart.engine.data import RunData
from warmstart.errors import WarmstartError
from warmstart.model.activation import ActivationDtype
from warmstart.model.catalog import load_backbone
from warmstart.select.halving import Halving, halve, round_sizes

BACKBONES = ("toy?pretrained=false", "lite0?pretrained=false", "lite0")


class CountingStore(ActivationStore):
    """Remembers what was computed: the keys that were put, by space."""

    def __init__(self) -> None:
        super().__init__(None)
        self.put_keys: dict[str, list[str]] = defaultdict(list)

    def put(self, space: str, keys: Sequence[str], rows: Tensor, dtype: ActivationDtype = "fp32") -> Packed:
        self.put_keys[space] += keys
        return super().put(space, keys, rows, dtype)

    @property
    def computed(self) -> list[int]:
        """Samples by backbone and size."""
        return sorted(len(keys) for keys in self.put_keys.values())


def digits_data(train: int, size: int = 96) -> RunData:
    """Real handwritten digits, the first to train on."""
    bunch = load_digits()
    names = tuple(str(i) for i in range(10))
    pictures = (255 - bunch.images * 15).astype(np.uint8)
    samples = [
        Sample(id=f"digit-{i}", source=np.repeat(pictures[i][..., None], 3, 2), label=names[bunch.target[i]])
        for i in range(train + 20)
    ]
    dataset = Dataset(tuple(samples), ClassTarget(names), name="digits")
    spec = dataclasses.replace(load_backbone("lite0").preprocess, size=size, resize="squash")
    split = Split(np.arange(train), np.arange(train, train + 20), np.arange(0), how="by hand")
    return RunData(dataset, split, PixelStore(dataset, spec), spec, CountingStore())


@pytest.fixture(scope="module")
def ranked() -> tuple[Halving, CountingStore]:
    data = digits_data(160)
    result = halve(BACKBONES, data, heads=("ridge", "class_means"))
    assert isinstance(data.cache, CountingStore)
    return result, data.cache


def test_a_pretrained_network_wins_over_random_weights(ranked: tuple[Halving, CountingStore]) -> None:
    result, _ = ranked
    assert result.ranking[0].backbone == "lite0"
    assert len(set(result.ranking)) == 6
    last = result.rounds[-1].scores
    assert [score.candidate for score in last] == list(result.ranking[: len(last)])
    assert last[0].accuracy > 0.8


def test_each_round_has_twice_the_samples_and_half_the_candidates(ranked: tuple[Halving, CountingStore]) -> None:
    rounds = ranked[0].rounds
    assert [r.samples for r in rounds] == [40, 80, 160]
    assert [len(r.scores) for r in rounds] == [6, 3, 2]
    for before, after in itertools.pairwise(rounds):
        kept = {score.candidate for score in before.scores[: before.kept]}
        assert kept == {score.candidate for score in after.scores}
        assert min(s.accuracy for s in before.scores[: before.kept]) >= max(
            s.accuracy for s in before.scores[before.kept :]
        )


def test_early_rounds_see_smaller_images_where_the_network_was_trained_on_such(
    ranked: tuple[Halving, CountingStore],
) -> None:
    *early, last = ranked[0].rounds
    seen = {(score.candidate.backbone, score.size) for r in early for score in r.scores}
    assert seen == {("toy?pretrained=false", 48), ("lite0?pretrained=false", 96), ("lite0", 96)}
    assert {score.size for score in last.scores} == {96}


def test_what_a_smaller_round_computed_is_reused_and_what_was_dropped_is_not_asked_again(
    ranked: tuple[Halving, CountingStore],
) -> None:
    result, store = ranked
    expected: list[int] = []
    for uri in BACKBONES:
        rounds = [r for r in result.rounds if any(s.candidate.backbone == uri for s in r.scores)]
        at_size = {s.size: r.samples for r in rounds for s in r.scores if s.candidate.backbone == uri}
        expected += at_size.values()
    assert store.computed == sorted(expected)
    assert all(len(keys) == len(set(keys)) for keys in store.put_keys.values())
    assert min(store.computed) < 160, "nothing was dropped early"


def test_again_nothing_is_computed_and_the_answer_is_the_same(ranked: tuple[Halving, CountingStore]) -> None:
    result, store = ranked
    before = store.computed
    data = dataclasses.replace(digits_data(160), cache=store)
    assert halve(BACKBONES, data, heads=("ridge", "class_means")).ranking == result.ranking
    assert store.computed == before


@pytest.mark.parametrize(
    ("backbones", "heads", "message"),
    [
        ((), ("ridge",), "at least one backbone"),
        (("toy", "toy"), ("ridge",), "none twice"),
        (("toy",), ("rigde",), "ridge"),
        (("toy", "toi"), ("ridge",), "toy"),
    ],
)
def test_what_cannot_be_ranked_is_said_before_anything_is_computed(
    backbones: tuple[str, ...], heads: tuple[str, ...], message: str
) -> None:
    data = digits_data(40)
    with pytest.raises(WarmstartError, match=message):
        halve(backbones, data, heads=heads)
    assert isinstance(data.cache, CountingStore)
    assert data.cache.computed == []


def test_too_few_samples_for_a_small_round_are_ranked_at_once() -> None:
    assert round_sizes(8, 60, 40) == [60]
    assert round_sizes(3, 80, 40) == [40, 80]
    assert round_sizes(1, 1000, 40) == [1000]
