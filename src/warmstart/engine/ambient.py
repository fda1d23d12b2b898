"""The listener of whoever names none: it draws progress where a notebook's kernel runs, and does nothing elsewhere.

Plain HTML that is replaced in place, so that no widgets are needed: bars with the time left, a line for each rung that
is finished, and the decisions folded away below.
"""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Callable
from typing import Any

from warmstart.engine.events import Advanced, Decided, Event, Finished, Started

_SECONDS = 0.2
"""Between two pictures: more of them are not seen, and a remote kernel would be slowed by them."""
_RUNG = "rung "
_WHOLE = "font:13px/1.5 system-ui,sans-serif;padding:.2em 0"


def ambient(event: Event) -> None:
    """Draw an event below the cell that is running, if there is one."""
    shell = _shell()
    if shell is None:
        return
    cell = getattr(shell, "execution_count", None)
    if _now.get("cell") != (id(shell), cell):
        _now.clear()
        _now["cell"] = (id(shell), cell)
        _now["drawn"] = Drawn(_display)
    _now["drawn"](event)


_now: dict[str, Any] = {}
"""The picture of the cell that is running, and which cell that is."""


def _shell() -> Any:
    """IPython's shell where it has a kernel, which shows HTML; `None` in a terminal and where there is no IPython."""
    if "IPython" not in sys.modules:
        return None
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    return shell if getattr(shell, "kernel", None) is not None else None


def _display(text: str) -> Callable[[str], None]:
    """Show HTML; what is returned replaces it."""
    import IPython.display

    shown: Any = IPython.display  # its functions have no types
    handle = shown.display(shown.HTML(text), display_id=True)
    return lambda changed: handle.update(shown.HTML(changed))


class Drawn:
    """The picture of one cell's progress. `show` is given HTML once, and returns what replaces it."""

    def __init__(
        self, show: Callable[[str], Callable[[str], None]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._show, self._clock = show, clock
        self._open: dict[str, list[float]] = {}
        self._lines: list[tuple[str, str, float]] = []
        self._decided: list[str] = []
        self._replace: Callable[[str], None] | None = None
        self._at = -_SECONDS

    def __call__(self, event: Event) -> None:
        """Take an event in, and draw if it is time."""
        match event:
            case Started(what, total):
                self._open[what] = [0.0, float(total), self._clock()]
            case Advanced(what, n):
                if what in self._open:
                    self._open[what][0] += n
            case Finished(what, seconds, values):
                self._open.pop(what, None)
                if what.startswith(_RUNG):
                    said = "  ".join(f"{name} {value:.3f}" for name, value in values.items())
                    self._lines.append((what.removeprefix(_RUNG), said, seconds))
            case Decided(text):
                self._decided.append(text)
        if not self._open or self._clock() - self._at >= _SECONDS:
            self._at = self._clock()
            self._draw(self._html())

    def _draw(self, text: str) -> None:
        if self._replace is None:
            self._replace = self._show(text)
        else:
            self._replace(text)

    def _html(self) -> str:
        lines = [
            f'<div style="font-weight:600">{_safe(name)} <span style="font-weight:400">{_safe(said)} &nbsp; '
            f'<span style="opacity:.7">{seconds:.1f} s</span></span></div>'
            for name, said, seconds in self._lines
        ]
        bars = [self._bar(what, *facts) for what, facts in self._open.items()]
        decided = "".join(f"<div>{_safe(text)}</div>" for text in self._decided)
        count = f"{len(self._decided)} decision{'s' * (len(self._decided) != 1)}"
        folded = f'<details style="opacity:.8"><summary>{count}</summary>{decided}</details>' if decided else ""
        return f'<div style="{_WHOLE}">{"".join((*lines, *bars, folded))}</div>'

    def _bar(self, what: str, done: float, total: float, began: float) -> str:
        if not total:
            return f'<div><progress style="width:12em"></progress> {_safe(what)}</div>'
        spent = self._clock() - began
        left = f", {spent * (total - done) / done:.0f} s left" if 0 < done < total and spent > 1 else ""
        bar = f'<progress style="width:12em" value="{done:g}" max="{total:g}"></progress>'
        return f"<div>{bar} {_safe(what)} {done:g}/{total:g}{left}</div>"


def _safe(text: str) -> str:
    return html.escape(text)
