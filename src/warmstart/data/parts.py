"""What must hold between train, validation and test, whoever made them. Classes are compared by name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from warmstart.data.names import natural, some
from warmstart.data.schema import Dataset
from warmstart.errors import DataError


def check_parts(dataset: Dataset) -> None:
    """Raise `DataError` that names the classes which validation or test has and train lacks.

    Data without a training part passes: it can be evaluated on. So do labels of other kinds.
    """
    if dataset.target.kind not in ("classify", "detect"):
        return
    train = {name for s in dataset.samples if s.split in (None, "train") for name in s.names}
    if not train:
        return
    for part in ("val", "test"):
        first: dict[str, str] = {}
        for sample in dataset.samples:
            if sample.split == part:
                first |= {name: sample.id for name in sample.names if name not in first}
        if unseen := sorted(first.keys() - train, key=natural):
            named = [f"{name} (first: {first[name]})" for name in unseen]
            raise DataError(
                f"the {part} part has {len(unseen)} class(es) that train does not have: {some(named)}",
                expected=f"some of {some(sorted(train, key=natural), 10)}",
                do="rename them as in train, add training samples of them, or take them out",
            )


def groups_across(dataset: Dataset, part_of: Mapping[int, str]) -> tuple[str, ...]:
    """Names of the groups with samples in more than one part; `part_of` maps the index of a sample to its part."""
    seen: dict[str, set[str]] = defaultdict(set)
    for i, part in part_of.items():
        group = dataset.samples[i].group
        if group is not None:
            seen[group].add(part)
    return tuple(sorted((group for group, parts in seen.items() if len(parts) > 1), key=natural))
