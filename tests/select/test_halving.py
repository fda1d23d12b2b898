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
from warmstart.engine.deadline import Deadline
from warmstart.engine.events import Decided, Event
from warmstart.errors import WarmstartError
from warmstart.model.activation import ActivationDtype
from warmstart.model.catalog import load_backbone
from warmstart.select.halving import Halving, halve, round_sizes
from warmstart.select.view import View

BACKBONES = ("toy?pretrained=false", "lite0?pretrained=false", "lite0")
HEADS = ("ridge", "class_means")


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


def views(data: RunData, backbones: Sequence[str] = BACKBONES) -> list[View]:
    return [View(uri, load_backbone(uri), data, data.spec.size) for uri in backbones]


@pytest.fixture(scope="module")
def ranked() -> tuple[Halving, CountingStore]:
    data = digits_data(160)
    result = halve(views(data), heads=HEADS)
    assert isinstance(data.cache, CountingStore)
    return result, data.cache


def test_a_pretrained_network_wins_over_random_weights(ranked: tuple[Halving, CountingStore]) -> None:
    result, _ = ranked
    assert result.ranking[0] == "lite0"
    assert set(result.ranking) == set(BACKBONES)
    last = result.rounds[-1].scores
    assert last[0].backbone == "lite0"
    assert last[0].accuracy.low > 0.7


def test_each_round_has_twice_the_samples_and_the_better_half_of_the_backbones(
    ranked: tuple[Halving, CountingStore],
) -> None:
    rounds = ranked[0].rounds
    assert [r.samples for r in rounds] == [80, 160]
    assert [len(r.scores) for r in rounds] == [6, 4]
    for before, after in itertools.pairwise(rounds):
        in_order = list(dict.fromkeys(score.backbone for score in before.scores))
        assert set(in_order[: before.kept]) == {score.backbone for score in after.scores}


def test_early_rounds_see_smaller_images_where_the_network_was_trained_on_such(
    ranked: tuple[Halving, CountingStore],
) -> None:
    *early, last = ranked[0].rounds
    seen = {(score.backbone, score.size) for r in early for score in r.scores}
    assert seen == {("toy?pretrained=false", 48), ("lite0?pretrained=false", 96), ("lite0", 96)}
    assert {score.size for score in last.scores} == {96}


def test_what_a_smaller_round_computed_is_reused_and_what_was_dropped_is_not_asked_again(
    ranked: tuple[Halving, CountingStore],
) -> None:
    result, store = ranked
    expected: list[int] = []
    for uri in BACKBONES:
        rounds = [r for r in result.rounds if any(s.backbone == uri for s in r.scores)]
        at_size = {s.size: r.samples for r in rounds for s in r.scores if s.backbone == uri}
        expected += at_size.values()
    assert store.computed == sorted(expected)
    assert all(len(keys) == len(set(keys)) for keys in store.put_keys.values())
    assert min(store.computed) < 160, "nothing was dropped early"


def test_again_nothing_is_computed_and_the_answer_is_the_same(ranked: tuple[Halving, CountingStore]) -> None:
    result, store = ranked
    before = store.computed
    data = dataclasses.replace(digits_data(160), cache=store)
    assert halve(views(data), heads=HEADS).ranking == result.ranking
    assert store.computed == before


@pytest.mark.parametrize(
    ("backbones", "heads", "message"),
    [
        ((), ("ridge",), "at least one backbone"),
        (("toy", "toy"), ("ridge",), "none twice"),
        (("toy",), ("rigde",), "ridge"),
    ],
)
def test_what_cannot_be_ranked_is_said_before_anything_is_computed(
    backbones: tuple[str, ...], heads: tuple[str, ...], message: str
) -> None:
    data = digits_data(40)
    with pytest.raises(WarmstartError, match=message):
        halve(views(data, backbones), heads=heads)
    assert isinstance(data.cache, CountingStore)
    assert data.cache.computed == []


def test_too_few_samples_for_a_small_round_are_ranked_at_once() -> None:
    assert round_sizes(8, 60, 40) == [60]
    assert round_sizes(3, 80, 40) == [40, 80]
    assert round_sizes(1, 1000, 40) == [1000]


def test_a_round_that_the_time_does_not_suffice_for_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    data, told = digits_data(160, size=32), list[Event]()
    names = ("toy", "toy?pretrained=false", "toy?taps=1")
    monkeypatch.setattr(View, "seconds", lambda self, *, full=True: 10.0 if full else 0.1)
    result = halve(views(data, names), heads=HEADS, deadline=Deadline(100.0), listener=told.append)
    assert [r.samples for r in result.rounds] == [80]
    assert set(result.ranking) == set(names)
    assert any("ends the halving before 160" in event.text for event in told if isinstance(event, Decided))


def test_backbones_that_there_is_no_time_for_are_named_and_the_first_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(View, "seconds", lambda self, *, full=True: 10.0)
    result = halve(views(digits_data(40, size=32), ("toy", "toy?taps=1")), deadline=Deadline(0.0))
    assert (result.ranking, result.unseen) == (("toy",), ("toy?taps=1",))
