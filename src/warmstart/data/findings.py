"""The findings of an audit, and what they mean in words."""

from __future__ import annotations

import dataclasses
from typing import Any

from warmstart.data.labelfacts import label_problems
from warmstart.data.names import some
from warmstart.data.schema import PLURAL, Kind
from warmstart.data.targets import TaskName
from warmstart.display import Table, piece

FEW = 5
"""Samples; a class with fewer is named."""
APIECE = 5
"""Samples; classes that follow each other in time in stretches of so many or more are named."""
IMBALANCE = 10
"""Times; a largest class so many times the smallest is named."""
TOLD = 0.5
"""Share of the texts, beyond what other labels have; that many that say their own label are named."""

Ids = tuple[str, ...]
_LIKE: dict[Kind, str] = {
    "image": "look like",
    "text": "are nearly the same as",
    "series": "overlap, or differ in offset and scale alone from,",
}
_COUNTED: dict[TaskName, str] = {"classify": "class", "multilabel": "label", "detect": "class", "segment": "class"}
"""Targets of which each name needs its samples, and what it is called."""


@dataclasses.dataclass(frozen=True)
class Audit:
    """What is in a data set. Lists are cut to 50 entries, but for `corrupt`; the counts beside them are complete."""

    name: str
    samples: int
    counts: dict[str, int]
    """Samples per class; samples that have a label, a tag, or an object or pixels of a class; empty of numbers and of
    texts to be written."""
    parts: dict[str, int]
    """Samples in train, val and test; empty if the data is not divided."""
    sizes: dict[str, list[int]]
    """[width, height] of the `smallest`, `median` and `largest` image by area; of texts [characters, words], of series
    [steps, channels]."""
    unusual: dict[str, int]
    """What had to be converted, or is odd, and in how many samples."""
    corrupt: tuple[tuple[str, str], ...]
    """(id, reason) of every sample that cannot be read."""
    duplicates: tuple[Ids, ...]
    """Images with the same pixels, texts with the same words, series with the same values, wherever they are."""
    conflicting: tuple[Ids, ...]
    """Those of them that have labels which cannot all be right."""
    leaks: tuple[tuple[str, str], ...]
    """(id in another part, id in validation or test) of samples that are the same."""
    near_leaks: tuple[tuple[str, str], ...]
    """The same for look-alikes: nearly the same picture or text."""
    groups_across: Ids
    """Groups with samples in more than one part."""
    leak_count: int = 0
    """Samples of validation and test that are also in a part before theirs."""
    near_leak_count: int = 0
    duplicate_count: int = 0
    """Samples that are copies of another one, wherever they are."""
    modes: dict[str, int] = dataclasses.field(default_factory=dict)
    """How the pixels are stored (Pillow's mode or an array's dtype), and in how many images."""
    bands: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    """For each class whose images are read as bands: how they are `stored` and in how many images, the `names` of the
    bands, and the share of values that are `missing`."""
    feature_leaks: tuple[tuple[str, str], ...] = ()
    """(id that was learned from, id that was measured on) of images that a network sees as nearly the same: copies,
    also cropped, mirrored or photographed again."""
    feature_leak_count: int = 0
    accuracy_without: float | None = None
    """Accuracy on what was measured on, without those of `feature_leaks`; `None` if there are none, or no others."""
    noun: Kind = "image"
    """What the samples are."""
    scripts: dict[str, int] = dataclasses.field(default_factory=dict)
    """In which script texts are written, and how many of them."""
    labels_told: int = 0
    """Texts in which their own label stands, word for word."""
    other_labels_told: int = 0
    """Texts in which the label of another class does: what to expect if labels had nothing to do with that."""
    series: dict[str, Any] = dataclasses.field(default_factory=dict)
    """What is known of series together: `warmstart.data.seriesscan.series_facts`."""
    stretches: tuple[int, int] | None = None
    """(samples, stretches of one class) in order of time, where times are known."""
    examples: dict[str, Ids] = dataclasses.field(default_factory=dict)
    """The beginnings of some texts of each class."""
    task: TaskName = "classify"
    """That the labels pose."""
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    """What else is known of labels other than classes (`warmstart.data.labelfacts`)."""
    unseen: int = 0
    """Images that were not looked at, because the data set is very large."""
    notes: Ids = ()
    """Decisions taken while the data was read and divided."""

    @property
    def several(self) -> str:
        """What one or several samples are called."""
        return "series" if self.noun == "series" else f"{self.noun}(s)"

    @property
    def few(self) -> dict[str, int]:
        """Classes or labels with fewer than 5 samples, and how many they have."""
        return {name: n for name, n in self.counts.items() if n < FEW} if self.task in _COUNTED else {}

    @property
    def imbalance(self) -> float:
        """Samples of the largest class or label over those of the smallest; 1 of targets without."""
        return (
            1.0
            if self.task not in _COUNTED
            else max(self.counts.values(), default=0) / max(1, min(self.counts.values(), default=0))
        )

    def _repr_html_(self) -> str:
        tables = [
            Table(("part", "samples"), [*self.parts.items()]),
            Table(("class", "samples"), [*self.counts.items()]),
        ]
        tables.append(Table(("found",), [(problem,) for problem in self.problems]))
        shown = [table for table in tables if table.rows]
        lead = "" if self.problems else "Nothing wrong was found."
        return piece(f"{self.name}: {self.samples} samples", lead=lead, tables=shown)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able form, with `few`, `imbalance` and `problems`."""
        derived = {"few": self.few, "imbalance": self.imbalance, "problems": list(self.problems)}
        return {**dataclasses.asdict(self), **derived}

    @property
    def problems(self) -> Ids:
        """What a person should know before training, in words, the worst first."""
        return (*self._wrong(), *self._odd(), *self.notes)

    @property
    def alike_by_features(self) -> str:
        """What `feature_leaks` come to, in words; empty if there are none."""
        if not self.feature_leaks:
            return ""
        pairs = some([f"{b} ~ {a}" for a, b in self.feature_leaks], 3)
        alike = f"{self.feature_leak_count} {self.several} measured on look very much like one learned from: {pairs}"
        without = self.accuracy_without
        return alike if without is None else f"{alike}; the score without them is {100 * without:.1f} %"

    def _wrong(self) -> list[str]:
        """What makes scores untrue."""
        flatter = "scores on them will flatter"
        held, found = f"{self.several} of validation or test", []
        if self.samples - 1 == self.duplicate_count > 0:
            found.append(f"all {self.samples} {PLURAL[self.noun]} are the same: there is nothing to learn")
        if self.corrupt:
            some_of = some([f"{name} ({why})" for name, why in self.corrupt], 3)
            found.append(f"{len(self.corrupt)} {self.several} cannot be read: {some_of}")
        if self.leaks:
            pairs = some([f"{b} = {a}" for a, b in self.leaks], 3)
            found.append(f"{self.leak_count} {held} are also in another part: {pairs}; {flatter}")
        if self.groups_across:
            groups = some(self.groups_across, 3)
            found.append(f"{len(self.groups_across)} group(s) lie in more than one part: {groups}; {flatter}")
        if self.conflicting:
            sets = some([" = ".join(ids[:3]) for ids in self.conflicting], 3)
            labels = "texts to be written, of which a model gives one" if self.task == "generate" else "labels"
            found.append(f"the same {self.noun} has different {labels}: {sets}")
        if self.near_leaks:
            pairs = some([f"{b} ~ {a}" for a, b in self.near_leaks], 3)
            look = _LIKE[self.noun]
            found.append(f"{self.near_leak_count} {held} {look} one in another part: {pairs}")
        found += [*self._of_labels(), *self._of_order()]
        return [*found, self.alike_by_features] if self.feature_leaks else found

    def _of_labels(self) -> list[str]:
        if self.labels_told - self.other_labels_told < TOLD * self.samples:
            return []
        return [
            f"{self.labels_told} of {self.samples} texts say their own label word for word ({self.other_labels_told} "
            "say another): it may only be read off"
        ]

    def _of_series(self) -> list[str]:
        found = []
        if len(rates := self.series.get("rates", {})) > 1:
            shown = some([f"{rate} ({n})" for rate, n in rates.items()])
            found.append(f"series have different numbers of steps per second: {shown}")
        if missing := self.series.get("missing", 0.0):
            found.append(f"{missing:.2%} of all values are missing")
        return found

    def _of_order(self) -> list[str]:
        """Whether the classes were recorded one after the other."""
        samples, stretches = self.stretches or (0, 0)
        if not samples or len(self.counts) < 2 or stretches > 2 * len(self.counts) or samples < APIECE * stretches:
            return []
        return [
            f"the time tells the class: in its order {samples} samples make {stretches} stretches of one class each; "
            "what changed with time may be learned in place of what differs between classes"
        ]

    def _of_bands(self) -> list[str]:
        stored = {name: ", ".join(facts["stored"]) for name, facts in self.bands.items()}
        missing = [f"{name} {facts['missing']:.1%}" for name, facts in self.bands.items() if facts["missing"]]
        found = []
        if len(set(stored.values())) > 1:
            ways = some([f"{name} as {how}" for name, how in stored.items()])
            found.append(f"classes are stored in different ways, by which they could be told apart: {ways}")
        if missing:
            found.append(f"values without data, filled with the mean of their band: {some(missing)} of the values")
        return found

    def _odd(self) -> list[str]:
        """What makes training harder."""
        found = []
        if self.duplicate_count:
            sets = some([" = ".join(ids[:3]) for ids in self.duplicates], 3)
            found.append(f"{self.duplicate_count} {self.several} are copies of another: {sets}")
        found += self._of_bands()
        if self.noun != "image":
            found += [f"{n} {self.several} {what}" for what, n in self.unusual.items()]
        found += self._of_series()
        found += label_problems(self.task, self.facts, self.samples)
        if self.few:
            found.append(f"fewer than {FEW} samples: {some([f'{name} ({n})' for name, n in self.few.items()])}")
        if self.imbalance >= IMBALANCE:
            found.append(
                f"the largest {_COUNTED[self.task]} has {self.imbalance:.0f} times the samples of the smallest"
            )
        if self.unseen:
            found.append(
                f"{self.unseen} of {self.samples} {PLURAL[self.noun]} were not looked at: "
                "the others are a random choice"
            )
        return found
