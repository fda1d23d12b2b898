from __future__ import annotations

import io

from rich.console import Console

from warmstart.cli.progress import ProgressListener
from warmstart.engine.events import Advanced, Decided, Finished, Measured, Started

EVENTS = (
    Decided("size 32"),
    Started("run runs/x-001"),
    Started("rung lp_ft", 2),
    Started("phase tune", 10),
    Advanced("phase tune", 4),
    Measured("lp_ft", "tune", 1, 10, {"train_loss": 0.3, "val_accuracy": 0.91}),
    Finished("phase tune", 3.0),
    Advanced("rung lp_ft"),
    Measured("lp_ft", "tune", 2, 20, {"train_loss": 0.2, "val_accuracy": 0.85}),  # not the epoch that is kept
    Finished("rung lp_ft", 75.0, {"val_accuracy": 0.91}),
)


def drawn(*, terminal: bool, events: tuple[object, ...] = EVENTS) -> tuple[str, ProgressListener]:
    screen = io.StringIO()
    with ProgressListener(Console(file=screen, force_terminal=terminal, width=100, color_system=None)) as listener:
        for event in events:
            listener(event)  # type: ignore[arg-type]
    return screen.getvalue(), listener


def test_a_log_gets_one_line_per_decision_and_per_rung() -> None:
    text, _ = drawn(terminal=False)
    assert text.splitlines() == ["size 32", "lp_ft  val_accuracy 0.910  1 min 15 s"]


def test_a_terminal_sees_nested_bars_with_time_left() -> None:
    text, _ = drawn(terminal=True, events=EVENTS[:5])
    assert "rung lp_ft" in text
    assert "  phase tune" in text
    assert "4/10" in text
    assert "left" in text


def test_the_run_folder_is_remembered_for_the_command_to_go_on() -> None:
    assert drawn(terminal=False)[1].folder == "runs/x-001"


def test_names_from_data_reach_the_terminal_escaped_and_without_markup() -> None:
    text, _ = drawn(terminal=False, events=(Decided("class '\x1b[2Jcat' [bold]left out[/bold]"),))
    assert text == "class '\\x1b[2Jcat' [bold]left out[/bold]\n"
    text, _ = drawn(terminal=True, events=(Started("rung \x1b]0;x\x07[/]", 1),))
    assert "\x1b]0;" not in text
    assert "\\x1b]0;x\\x07[/]" in text


def test_events_out_of_order_break_nothing() -> None:
    text, _ = drawn(terminal=True, events=(Advanced("never started"), Finished("never started"), Started("x", 0)))
    assert "x" in text
