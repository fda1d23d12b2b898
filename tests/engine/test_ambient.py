"""Progress in notebooks: IPython's own shell says what would be shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from warmstart.engine.ambient import Drawn, ambient
from warmstart.engine.events import Advanced, Decided, Event, Finished, Started


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    InteractiveShell.clear_instance()
    found: Any = InteractiveShell.instance()
    yield found
    found.history_manager.end_session()
    InteractiveShell.clear_instance()


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def drawn(events: list[Event], *, every: float = 1.0) -> list[str]:
    """All pictures, with `every` seconds between two events."""
    pictures, clock = list[str](), Clock()

    def show(text: str) -> Any:
        pictures.append(text)
        return pictures.append

    listener = Drawn(show, clock)
    for event in events:
        listener(event)
        clock.now += every
    return pictures


def test_bars_show_what_is_done_and_the_time_left_and_lines_what_came_of_it() -> None:
    events: list[Event] = [
        Started("rung probe"),
        Started("features", 10),
        *[Advanced("features")] * 4,
        Decided("size 96"),
    ]
    last = drawn(events)[-1]
    assert 'value="4" max="10"' in last
    assert "features 4/10, 8 s left" in last  # 4 of 10 in 5 s
    assert "1 decision<" in last
    done = drawn([*events, Finished("features"), Finished("rung probe", 2.0, {"accuracy": 0.912})])[-1]
    assert "<progress" not in done
    assert "probe" in done
    assert "accuracy 0.912" in done


def test_pictures_are_few_and_the_last_is_whole() -> None:
    steps: list[Event] = [Advanced("x")] * 1000
    pictures = drawn([Started("x", 1000), *steps, Finished("x")], every=0.001)
    assert len(pictures) <= 8
    assert "<progress" not in pictures[-1]


def test_names_from_data_are_no_markup() -> None:
    name = "<img src=x onerror=alert(1)>"
    for picture in drawn([Started(name, 3), Decided(name), Finished(f"rung {name}", 1.0, {name: 1.0})]):
        assert "<img" not in picture


def test_in_a_notebook_progress_is_shown_and_replaced_in_place(shell: Any) -> None:
    shell.kernel = object()  # as IPython's kernel sets it
    with capture_output() as seen:
        for event in (Started("rung probe"), Finished("rung probe", 1.0, {"accuracy": 0.5})):
            ambient(event)
    first, *others = seen.outputs
    assert "<progress" in first.data["text/html"]
    assert others[-1].update
    assert "accuracy 0.500" in others[-1].data["text/html"]
    assert seen.stdout == ""
    shell.execution_count += 1
    with capture_output() as again:
        ambient(Started("rung probe"))
    assert not again.outputs[0].update  # another cell has a picture of its own


def test_a_cell_that_failed_leaves_no_bar_in_the_next(shell: Any) -> None:
    shell.kernel = object()
    with capture_output():
        ambient(Started("run that failed", 3))
    shell.execution_count += 1
    with capture_output() as seen:
        ambient(Started("run y"))
    assert "run that failed" not in seen.outputs[0].data["text/html"]


@pytest.mark.parametrize("kernel", [False, None])
def test_elsewhere_nothing_is_shown(shell: Any, kernel: object) -> None:
    if kernel is None:
        InteractiveShell.clear_instance()
    with capture_output() as seen:
        ambient(Started("rung probe"))
    assert (seen.stdout, seen.stderr, seen.outputs) == ("", "", [])


def test_a_fit_in_a_notebook_draws_itself(shell: Any, digits_folder: Path, tmp_path: Path) -> None:
    shell.kernel = object()
    code = (
        "import warmstart\n"
        f"result = warmstart.fit({str(digits_folder)!r}, backbone='toy', size=32, recipe='probe', budget='30s',\n"
        f"                       track='none', out={str(tmp_path / 'run')!r})\n"
        "result"
    )
    with capture_output() as seen:
        ran = shell.run_cell(code)
    assert ran.success
    shown = [output.data.get("text/html", "") for output in seen.outputs]
    assert any("<progress" in text for text in shown)
    assert "probe" in shown[-1]
    assert ran.result._repr_html_().startswith("<div")
    assert seen.stderr == ""
