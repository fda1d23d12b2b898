"""A folder with one folder per class, with or without train/val/test folders above them.

A class is every file of the kind that is looked for (images, texts) below its folder, however deep. Hidden files, and
files that are of another kind by their name, are passed over; the latter are counted in a note.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from warmstart.data.anomalies import NORMAL
from warmstart.data.names import IMAGES, PARTS, TEXTS, FileKind, clean, natural, some, unique
from warmstart.data.parts import check_parts
from warmstart.data.schema import ClassTarget, Dataset, Sample, SplitName, Target
from warmstart.data.sources.answers import read_answers, target_of
from warmstart.data.sources.labels import LabelCells
from warmstart.data.sources.reading import PARQUET
from warmstart.data.sources.times import EXIF, photo_times
from warmstart.data.sources.walk import beside, entries, is_folder, walk
from warmstart.data.targets import AnomalyTarget, TaskName
from warmstart.errors import DataError

Layout = dict[Path, SplitName]


def load_folder(
    root: Path,
    *,
    group: str | None = None,
    time: str | None = None,
    kind: FileKind = IMAGES,
    task: TaskName | None = None,
) -> Dataset:
    """Read the layout of a folder; no file is opened but a photo for its time.

    Args:
        root: the folder. The ids of the samples are paths relative to it.
        group: "folder" takes the folder below the class that a file lies in for its group (a patient, a site).
        time: "exif" takes the time at which each photo says that it was taken.
        kind: of the files that are samples.
        task: "classify", as without it, "regress" where the names of the folders are numbers, or "anomaly", for which
            one class may be all there is, and a folder without class folders is all normal.

    Raises:
        DataError: no layout that is understood, an empty class, a single class, or a class that train lacks; shows the
            tree that was found beside the tree that was expected.
    """
    if group not in (None, "folder"):
        raise DataError(
            f"group {group!r} for a folder of {kind.noun}s",
            expected="'folder': the folder below its class in which a file lies",
            do="for groups of another kind give a table with a column for them",
        )
    if time not in (None, EXIF) or (time and kind is not IMAGES):
        raise DataError(
            f"time {time!r} for a folder of {kind.noun}s",
            expected=f"{EXIF!r}: when a photo was taken, by what it says itself" if kind is IMAGES else "no time",
            do="for times of another kind give a table with a column for them",
        )
    if task not in (None, "classify", "regress", "anomaly"):
        raise DataError(
            f"the task {task!r} for a folder of {kind.noun}s",
            expected="a folder per class: one label for each file, 'classify', or a number, 'regress'",
            do="give a table with a column for the labels",
        )
    notes: list[str] = []
    layout = _parts(root, kind, notes)
    samples: list[Sample] = []
    empty: list[str] = []
    for place, part in layout.items() or [(root, None)]:
        found, without = _classes(root, place, part, group is not None, kind, notes)
        samples += found
        empty += without if part in (None, "train") else []
    classes = tuple(sorted({str(s.label) for s in samples}, key=natural))
    if task == "anomaly" and not classes:
        samples = _unlabelled(root, kind)
        classes = (NORMAL,) if samples else ()
    if task != "anomaly" or not classes or empty:
        _check(root, classes, empty, kind)
    ids = unique([s.id for s in samples])
    times = [None] * len(ids) if time is None else photo_times(samples)
    samples = [dataclasses.replace(s, id=i, time=at) for i, s, at in zip(ids, samples, times, strict=True)]
    target: Target = AnomalyTarget(classes) if task == "anomaly" else ClassTarget(classes)
    if task == "regress":
        answers = read_answers(LabelCells([[s.label for s in samples]], ("number",), ids), task, notes)
        samples = [dataclasses.replace(s, label=number) for s, number in zip(samples, answers.labels, strict=True)]
        target = target_of(answers, answers.labels, notes)
    dataset = Dataset(tuple(samples), target, clean(root.resolve().name), root, tuple(notes))
    check_parts(dataset)
    return dataset


def _parts(root: Path, kind: FileKind, notes: list[str]) -> Layout:
    """The folders of parts and which part each is; empty if the folders of `root` are classes.

    "train" may be a class among others (cars, ships, trains): folders are parts if there are two of them, or nothing
    but them, and classes lie in them.
    """
    folders, _ = entries(root)
    named = {folder: PARTS[folder.name.lower()] for folder in folders if folder.name.lower() in PARTS}
    layout = {folder: part for folder, part in named.items() if entries(folder)[0]}
    if not layout:
        return {}
    others = [clean(folder.name) for folder in folders if folder not in named and walk(folder, kind).files]
    if others and len(set(layout.values())) < 2:
        alone = ", ".join(f"{folder.name}/" for folder in layout)
        notes.append(f"{alone} is taken for a class, since folders with {kind.noun}s lie beside it: {some(others)}")
        return {}
    for folder in named.keys() - layout.keys():
        if held := len(walk(folder, kind).files):
            notes.append(f"{folder.name}/ has {held} {kind.noun}s in no class folder; without labels they are left out")
    if others:
        raise DataError(
            f"beside {', '.join(f'{f.name}/' for f in layout)} there are other folders with {kind.noun}s: "
            f"{some(others)}\n{beside(root, kind)}",
            expected="either parts (train, val, test) or classes, not both",
            do="move them into a part, or out of the folder",
        )
    return layout


def _classes(
    root: Path, place: Path, part: SplitName | None, grouped: bool, kind: FileKind, notes: list[str]
) -> tuple[list[Sample], list[str]]:
    """Samples of the class folders in `place`, and the class folders without any."""
    folders, files = entries(place)
    samples: list[Sample] = []
    empty: list[str] = []
    passed_over = list(files) if folders else []
    for folder in folders:
        found = walk(folder, kind)
        passed_over += found.others
        if not found.files:
            empty.append(clean(folder.relative_to(root).as_posix()))
        name = clean(folder.name)  # one object, however many samples have it
        for path in found.files:
            inner = path.relative_to(folder).parts
            of = clean(inner[0]) if grouped and len(inner) > 1 else None
            samples.append(Sample(clean(path.relative_to(root).as_posix()), path, name, of, part))
    if passed_over:
        names = some([clean(path.relative_to(root).as_posix()) for path in passed_over], 3)
        notes.append(
            f"{len(passed_over)} file(s) are passed over, being no {kind.noun}s or in no class folder: {names}"
        )
    return samples, empty


def _unlabelled(root: Path, kind: FileKind) -> list[Sample]:
    """All files below a folder, as normal samples."""
    return [Sample(clean(path.relative_to(root).as_posix()), path, NORMAL) for path in walk(root, kind).files]


def _check(root: Path, classes: tuple[str, ...], empty: list[str], kind: FileKind) -> None:
    """Raise `DataError` with both trees unless there are two classes or more and none is empty."""
    folders, files = entries(root)
    inside = f"give the folder {clean(str(folders[0]))}" if len(folders) == 1 and entries(folders[0])[0] else ""
    if not classes and (tables := [file for file in files if file.suffix.lower() in (".csv", ".tsv", *PARQUET)]):
        inside = f"for the table that lies there, of samples or of boxes, name it: {clean(str(tables[0]))}"
    if not classes and not folders:
        what = f"{len(files)} files lie" if files else "nothing lies"
        problem = f"{what} in {clean(str(root))}, and no class folder"
    elif not classes:
        problem = f"no folder in {clean(str(root))} holds any {kind.noun}"
    elif empty:
        other = TEXTS if kind is IMAGES else IMAGES
        mixed = [name for name in empty if is_folder(root / name) and walk(root / name, other).files]
        problem = f"{len(empty)} class folder(s) hold no {kind.noun}: {some(empty)}"
        problem += f"; there are {other.noun}s in {some(mixed)}" if mixed else ""
        inside = f"fill or remove them; {kind.noun}s of other formats must be converted"
        inside = f"images and texts are not classified together: {inside}" if mixed else inside
    elif len(classes) < 2:
        problem = f"there is only one class: {classes[0]}"
    else:
        return
    expected = f"two or more class folders, each with {kind.noun}s"
    raise DataError(f"{problem}\n{beside(root, kind)}", expected=expected, do=inside)
