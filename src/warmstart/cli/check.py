"""`warmstart check`: what is in the data and what is wrong with it. Changes nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from warmstart.cli.options import (
    AsJson,
    Context,
    DataArgument,
    Debug,
    Group,
    Horizon,
    LabelColumn,
    Normal,
    OnMissing,
    PathColumn,
    Season,
    Seed,
    Task,
    Test,
    TextColumn,
    Time,
    Val,
    reads_series,
)
from warmstart.cli.session import Session, session
from warmstart.errors import DataError


@reads_series
def check(
    data: DataArgument,
    picture: Annotated[
        Path | None,
        typer.Option(help="Where to draw samples.", show_default="./warmstart-check-NAME.png"),
    ] = None,
    seed: Seed = 0,
    val: Val = 0.2,
    test: Test = 0.2,
    group: Group = None,
    time: Time = None,
    task: Task = None,
    horizon: Horizon = None,
    context: Context = None,
    season: Season = None,
    normal: Normal = None,
    path_column: PathColumn = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    on_missing: OnMissing = "error",
    as_json: AsJson = False,
    debug: Debug = False,
    **series: Any,
) -> None:
    """Look for what is wrong with DATA, and change nothing.

    Counts, sizes, corrupt files, duplicates across splits, and one picture with samples of each class; of texts, the
    beginnings of some.
    """
    with session(as_json=as_json, debug=debug) as now:
        picture = picture_place(data, picture)
        now.say(f"Checking {data}: every sample is read, nothing is changed")
        from warmstart.api.check import check as twin

        found = twin(
            data,
            picture=picture,
            seed=seed,
            val=val,
            test=test,
            group=group,
            time=time,
            task=task,
            horizon=horizon,
            context=context,
            season=season,
            normal=normal,
            path_column=path_column,
            text_column=text_column,
            label_column=label_column,
            on_missing=on_missing,
            listener=now.listener,
            **series,
        )
        audit = found.to_dict()
        show(now, audit, found.problems)
        drawn = picture if audit["noun"] == "image" else None
        if drawn is not None:
            now.say(f"picture  {drawn}")
        now.result({**audit, "problems": found.problems, "picture": drawn})


def picture_place(data: str, picture: Path | None) -> Path:
    """Where the picture goes: as asked, else in the current folder. Raises `DataError` if that is in the data folder.

    >>> picture_place("my photos/", None).as_posix()
    'warmstart-check-my_photos.png'
    """
    if picture is None:
        picture = Path(f"warmstart-check-{re.sub(r'[^A-Za-z0-9._-]', '_', Path(data).resolve().stem)}.png")
    root = Path(data).resolve()
    if root.is_dir() and root in picture.resolve().parents:
        raise DataError(
            f"the picture {picture} would lie in the data folder",
            expected="a place outside it: data is never changed",
            do="name one with --picture, or run the command elsewhere",
        )
    return picture


def show(now: Session, audit: dict[str, Any], problems: Sequence[str]) -> None:
    """Counts, sizes, what is unusual, and the problems in words."""
    noun = audit["noun"]
    show_labels(now, audit)
    now.say("")
    for name, lines in audit["examples"].items():
        now.say(f"{name}:", "bold")
        for line in lines:
            now.say(f"  {line}")
    now.say(_plural(noun).ljust(9) + f"{audit['samples']}: " + ", ".join(f"{p} {n}" for p, n in audit["parts"].items()))
    size = {"image": "{} x {}", "text": "{} characters, {} word(s)"}.get(noun, "{} steps, {} channel(s)")
    sizes = {which: size.format(*found) for which, found in audit["sizes"].items()}
    alike = len(set(sizes.values())) == 1
    now.say("sizes    " + (f"all {sizes['median']}" if alike else ", ".join(f"{k} {v}" for k, v in sizes.items())))
    show_series(now, audit["series"])
    if audit["scripts"]:
        now.say("scripts  " + ", ".join(f"{name} {n}" for name, n in audit["scripts"].items()))
    for what, n in audit["unusual"].items() if noun == "image" else ():  # of texts it is among the problems
        now.say(f"unusual  {n} image(s): {what}")
    for name, facts in audit["bands"].items():
        ways = ", ".join(f"{how} ({n})" for how, n in facts["stored"].items())
        names = ": " + " ".join(facts["names"]) if any(facts["names"]) else ""
        now.say(f"bands    {name}: {ways}{names}")
    now.say("")
    for problem in problems:
        now.say(f"! {problem}", "yellow")
    if not problems:
        now.say("no problems found", "green")


def show_series(now: Session, facts: dict[str, Any]) -> None:
    """What is known of series together."""
    if not facts:
        return
    short, middle, long = facts["steps"]
    if short < long:
        now.say(f"lengths  {short} to {long} steps, typically {middle}; each is brought to what a backbone reads")
    if any(facts["names"]):
        now.say(f"channels {', '.join(facts['names'])}")
    rates = [
        f"unknown ({n})" if rate == "unknown" else f"{rate} steps per second ({n})"
        for rate, n in facts["rates"].items()
    ]
    now.say("rate     " + ", ".join(rates))


def show_labels(now: Session, audit: dict[str, Any]) -> None:
    """What there is to count of the labels, by the task that they pose."""
    task, noun, facts = audit["task"], audit["noun"], audit["facts"]
    if task == "generate":
        for what in ("inputs", "targets"):
            short, middle, long = facts[what]["words"]
            now.say(f"{what:<9}{short} to {long} words, typically {middle}")
        now.say(f"         {facts['different']} different texts to be written")
        return
    if task == "regress":
        now.table(("number", *map(_words, _NUMBERS)), [(name, *_numbers(of)) for name, of in facts.items()])
        return
    if task in ("detect", "segment"):
        show_scenes(now, task, facts)
        return
    if task == "several":
        now.table(("task", "what", "labelled", "labels"), [(name, *_of_task(of)) for name, of in facts.items()])
        return
    kind, counts = {"multilabel": "label", "tag": "entity"}.get(task, "class"), audit["counts"]
    if task == "tag" and not facts["entities"]:
        kind, counts = "tag", facts["tags"]
    elif task == "tag":
        counts = facts["entities"]
    now.table((kind, {"tag": "words", "entity": "found"}.get(kind, _plural(noun))), counts.items())
    if task == "tag":
        without = f", {facts['without']} without an entity" if facts["entities"] else ""
        now.say(f"\nwords    {facts['words']} in {facts['sentences']} texts{without}")
    if task == "multilabel":
        each = f"{facts['per_sample']:.2g} per {noun} on average, {facts['most']} at most"
        now.say(f"\nlabels   {each}; {facts['none']} {noun}(s) have none; {facts['different']} different sets")


def show_scenes(now: Session, task: str, facts: dict[str, Any]) -> None:
    """What there is to count of boxes and masks."""
    if task == "segment":
        rows = [(name, f"{share:.2%}", facts["images"][name]) for name, share in facts["pixels"].items()]
        now.table(("class", "pixels", "images"), rows)
        if facts["ignored"]:
            now.say(f"\nignored  {facts['ignored']:.2%} of the pixels")
        return
    now.table(("class", "objects"), facts["objects"].items())
    least, middle, most = facts["per_image"]
    empty = f"; {facts['empty']} image(s) have none" if facts["empty"] else ""
    each = f"{most} in each image" if least == most else f"{least} to {most} in an image, typically {middle}{empty}"
    now.say(f"\nobjects  {each}")
    small, medium, large = facts["sizes"].values()
    now.say(f"boxes    {small} small (below 32 x 32 pixels), {medium} medium (below 96 x 96), {large} large")


_NUMBERS = ("min", "lower_quartile", "median", "upper_quartile", "max", "different")


def _of_task(facts: dict[str, Any]) -> tuple[str, int, str]:
    """Of one of several tasks: what it is, how many have a label, and what labels there are."""
    from warmstart.data.names import some

    own = facts["facts"]
    counted = [f"{name} {n}" for name, n in facts["counts"].items()]
    if facts["task"] == "regress":
        counted = [f"{of['min']:g} to {of['max']:g}, median {of['median']:g}" for of in own.values()]
    return facts["task"], facts["known"], some(counted, 12)


def _plural(noun: str) -> str:
    return noun if noun == "series" else f"{noun}s"


def _words(key: str) -> str:
    return key.replace("_", " ")


def _numbers(facts: dict[str, Any]) -> list[str]:
    return [f"{facts[key]:g}" for key in _NUMBERS]
