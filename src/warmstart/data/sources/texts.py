"""Texts with their labels, from tables, folders and memory. They are read here, and once.

A text that is empty, or of a pair one that is, is left out and counted. A file that is no text stays in, as the path
that it is: a look at it says why (`warmstart.data.textscan`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from warmstart.data.names import TEXTS, natural, some
from warmstart.data.parts import check_parts
from warmstart.data.schema import Dataset, Sample, Text
from warmstart.data.sources.answers import Answers, read_answers, target_of
from warmstart.data.sources.arrays import in_memory
from warmstart.data.sources.columns import find_columns
from warmstart.data.sources.folder import load_folder
from warmstart.data.sources.labelled import find_labelled
from warmstart.data.sources.labels import as_cell, is_nested
from warmstart.data.sources.reading import is_table, read_table
from warmstart.data.sources.rows import OnMissing, to_texts
from warmstart.data.sources.tags import are_tagged, words_in, words_of
from warmstart.data.sources.tasks import NONE, Kinds
from warmstart.data.sources.textcolumns import texts_in, well_formed
from warmstart.data.sources.textfile import ENCODINGS, read_text
from warmstart.data.targets import TaskName
from warmstart.errors import DataError


def load_texts(
    data: Any,
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    group: Any = None,
    time: Any = None,
    on_missing: OnMissing = "error",
    task: TaskName | None = None,
    kinds: Kinds = NONE,
) -> Dataset:
    """Labelled texts in any form, as samples whose source is a `Text`.

    Args:
        data: a folder with a folder of .txt or .md files per class; a table (`warmstart.data.sources.reading`);
            `(texts, labels)`, where a pair of texts is a tuple of two. Where words are labelled, a text is a list of
            them, or is divided at white space.
        text_column: column of a table that holds the texts, or two with a comma between them for pairs; found by name,
            or by what it holds, if not given.
        label_column: column of a table that holds the labels, found by name if not given; several, with commas between
            them, where each holds 0 and 1, or numbers.
        group: as `warmstart.data.sources.load` has it.
        time: likewise.
        on_missing: "skip" leaves out rows of a table whose label is empty.
        task: that the labels pose; found by what they are (`warmstart.data.sources.answers`) if not given, but for
            texts to be written.
        kinds: of several tasks, what each column poses.

    Raises:
        DataError: what was found, what was expected, what to do.

    >>> load_texts((["It rains.", "", "It is dry.", "Sun!"], ["wet", "wet", "dry", "dry"])).counts
    {'dry': 2, 'wet': 1}
    """
    notes: list[str] = []
    if is_table(data) or (isinstance(data, Path) and not data.is_dir()):
        header, table = read_table(data, notes, tagged=task == "tag" and text_column is None)
        found = find_labelled(header, table, task, text_column, label_column, (group, time))
        notes += [found.guessed] if found.guessed else []
        of = {"label": found.label, "group": group, "time": time}
        columns = find_columns(header, table, found.texts, known=found.known, needed=task != "anomaly", **of)
        words = words_in(header, table, found.texts[0], notes) if found.task == "tag" else None
        texts = texts_in(header, table, found.texts) if words is None else list(map(Text.of_words, words))
        answers = read_answers(columns.label_cells(header, table, words), found.task, notes, kinds)
        samples = to_texts(columns.cells(header, table), answers, texts, on_missing, notes)
        name, root = (data.stem, data.parent) if isinstance(data, Path) else ("table", None)
        return _dataset(samples, answers, name, root, notes)
    if isinstance(data, Path):
        folder = load_folder(data, group=group, time=time, kind=TEXTS, task=task)
        notes += folder.notes
        names = folder.target.classes if folder.target.kind == "regress" else ()
        answers = Answers(folder.target.kind, [], names)
        return _dataset(_read_files(folder.samples, notes), answers, folder.name, data, notes)
    inputs, labels = list(data[0]), data[1]
    if task is None and are_tagged(inputs, labels):
        task = "tag"
    words = words_of(inputs, notes) if task == "tag" else None
    sources = list(map(as_text_source, inputs)) if words is None else list(map(Text.of_words, words))
    placed, answers = in_memory(sources, labels, group, time, notes, noun="text", task=task, words=words, kinds=kinds)
    return _dataset(placed, answers, "texts", None, notes)


def as_text_source(item: Any) -> Text:
    """A text, a pair of them, or nothing (`None`, NaN: an empty text), as a sample holds it. Raises `DataError`.

    >>> as_text_source(("Is it wet?", "It is."))
    Text(parts=('Is it wet?', 'It is.'))
    """
    if isinstance(item, Text):
        return item
    if isinstance(item, (tuple, list)) and len(item) == 2 and not any(map(is_nested, item)):
        return Text(tuple(str(as_text_source(part)) for part in item))
    if isinstance(item, str):
        return Text((well_formed(item),))
    if not is_nested(item) and not isinstance(item, bytes) and not as_cell(item):
        return Text(("",))
    raise DataError(f"a text of type {type(item).__name__}", expected="a string, or a tuple of two for a pair")


def read_source(path: Path, strange: list[tuple[str, str]]) -> Text | Path:
    """The text of a file, or the path itself where it cannot be read; `strange` gets (encoding, path) if not UTF-8."""
    try:
        text, encoding = read_text(path)
    except DataError:
        return path
    if encoding != ENCODINGS[0]:
        strange.append((encoding, path.as_posix()))
    return Text((text.strip(),))


def encodings_told(strange: Sequence[tuple[str, str]]) -> list[str]:
    """A note for each encoding other than UTF-8, of the files that were read by it."""
    by_encoding: dict[str, list[str]] = {}
    for encoding, path in strange:
        by_encoding.setdefault(encoding, []).append(path)
    return [f"{len(p)} file(s) are not UTF-8; they were read as {e}: {some(p, 3)}" for e, p in by_encoding.items()]


def _read_files(samples: Sequence[Sample], notes: list[str]) -> list[Sample]:
    strange: list[tuple[str, str]] = []
    read = [dataclasses.replace(sample, source=read_source(sample.source, strange)) for sample in samples]
    ids = {sample.source.as_posix(): sample.id for sample in samples}
    notes += encodings_told([(encoding, ids[path]) for encoding, path in strange])
    return read


def _dataset(samples: Sequence[Sample], answers: Answers, name: str, root: Path | None, notes: list[str]) -> Dataset:
    """The data set of the samples that have a text; a note counts those that have none."""
    kept = [s for s in samples if not (isinstance(s.source, Text) and s.source.empty)]
    if len(kept) < len(samples):
        without = [s.id for s in samples if isinstance(s.source, Text) and s.source.empty]
        notes.append(f"{len(without)} sample(s) have no text and are left out: {some(without)}")
    pairs = {len(s.source.parts) for s in kept if isinstance(s.source, Text)}
    if len(pairs) > 1:
        raise DataError("some samples are one text and some are pairs", expected="either for all of them")
    target = target_of(answers, [s.label for s in kept], notes)
    names = {name for s in samples for name in s.names} if target.classes else set()
    if emptied := sorted(names - set(target.classes), key=natural):
        notes.append(f"no text is left of the class(es) {some(emptied)}")
    dataset = Dataset(tuple(kept), target, name, root, tuple(notes))
    check_parts(dataset)
    return dataset
