"""What a notebook shows of a thing: a small piece of HTML that stands alone, in the colours that the notebook has.

Everything that is given is text and is escaped: names from data are never markup. Nothing has a colour of its own but
by being lighter, so it reads on white and on black.
"""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

_ROWS = 20
_LONGEST = 400
"""Letters of one cell."""
_LINE = "1px solid rgba(128,128,128,.4)"
_WHOLE = "font:13px/1.5 system-ui,sans-serif;max-width:64em;padding:.5em .8em;border-radius:6px;border:" + _LINE
_CELL = "text-align:left;vertical-align:top;padding:.15em .9em .15em 0;border:0;white-space:normal"
_HEAD = f"{_CELL};opacity:.7;font-weight:600;border-bottom:{_LINE}"


@dataclasses.dataclass(frozen=True)
class Table:
    """A table: `rows` hold as many cells as there are `heads`. Rows at the indices in `strong` are set in bold."""

    heads: Sequence[str]
    rows: Sequence[Sequence[object]]
    strong: frozenset[int] = frozenset()


def piece(
    title: str,
    *,
    lead: str = "",
    facts: Mapping[str, object] | None = None,
    tables: Iterable[Table] = (),
    text: str = "",
) -> str:
    """A thing as HTML.

    Args:
        title: what it is.
        lead: what there is to know of it, in a sentence or two.
        facts: names and values, a line each; those that are empty are left out.
        tables: beyond 20 rows the number of the others is told.
        text: set as it is, in letters of one width.

    >>> "<b>" in piece("<b>"), "&lt;b&gt;" in piece("<b>")
    (False, True)
    """
    parts = [f'<div style="font-weight:600">{_safe(title)}</div>']
    if lead:
        parts.append(f'<div style="margin:.3em 0">{_safe(lead, None)}</div>')
    told = {name: value for name, value in (facts or {}).items() if value not in (None, "", ())}
    if told:
        parts.append(_table(Table((), list(told.items()))))
    parts += [_table(table) for table in tables]
    if text:
        parts.append(f'<pre style="overflow-x:auto;margin:.4em 0;background:none">{_safe(text, None)}</pre>')
    return f'<div style="{_WHOLE}">{"".join(parts)}</div>'


def _table(table: Table) -> str:
    heads = "".join(f'<th style="{_HEAD}">{_safe(head)}</th>' for head in table.heads)
    rows = [_row(row, i in table.strong, named=not heads) for i, row in enumerate(table.rows[:_ROWS])]
    left = len(table.rows) - _ROWS
    more = f'<div style="opacity:.7">and {left} more</div>' if left > 0 else ""
    head = f"<thead><tr>{heads}</tr></thead>" if heads else ""
    return (
        '<div style="overflow-x:auto"><table style="border-collapse:collapse;margin:.4em 0">'
        f"{head}<tbody>{''.join(rows)}</tbody></table></div>{more}"
    )


def _row(row: Sequence[object], strong: bool, *, named: bool) -> str:
    style = f"{_CELL};font-weight:600" if strong else _CELL
    first = f"{_CELL};opacity:.7" if named else style
    cells = [f'<td style="{style if i else first}">{_safe(cell)}</td>' for i, cell in enumerate(row)]
    return f"<tr>{''.join(cells)}</tr>"


def _safe(text: object, longest: int | None = _LONGEST) -> str:
    said = "" if text is None else f"{text:.4g}" if isinstance(text, float) else str(text)
    if longest is not None and len(said) > longest:
        said = f"{said[:longest]} …"
    return html.escape(said)


class Told(dict[str, Any]):
    """What a function tells, which a notebook shows; in everything else it is the dict that it is.

    >>> Told(n=3) == {"n": 3}, "<td" in Told(n=3)._repr_html_()
    (True, True)
    """

    def facts(self) -> Mapping[str, object]:
        """What is shown as names and values: what is a single value, and lists of names."""
        lists = {name: ", ".join(map(str, value)) for name, value in self.items() if isinstance(value, list | tuple)}
        single = {name: value for name, value in self.items() if isinstance(value, str | int | float)}
        return {name: (single | lists)[name] for name in self if name in single or name in lists}

    def title(self) -> str:
        """What it is."""
        return "Result"

    def tables(self) -> Sequence[Table]:
        """What is shown as tables."""
        return ()

    def _repr_html_(self) -> str:
        return piece(self.title(), facts=self.facts(), tables=self.tables())


class Rows(list[T]):
    """A list that a notebook shows as a table; in everything else it is the list that it is.

    Of mappings, their keys are the columns; of other things, what `cells` gives of each.

    >>> Rows([{"name": "lite0"}]) == [{"name": "lite0"}], "lite0" in Rows([{"name": "lite0"}])._repr_html_()
    (True, True)
    """

    title = ""

    def cells(self, one: T) -> Mapping[str, Any]:
        """What a row shows, by column: of a mapping what is a single value."""
        if not isinstance(one, Mapping):
            return {"": one}
        return {str(name): value for name, value in one.items() if not isinstance(value, Mapping)}

    def _repr_html_(self) -> str:
        rows = [self.cells(one) for one in self]
        heads = list(dict.fromkeys(name for row in rows for name in row))
        table = Table(heads, [[row.get(head) for head in heads] for row in rows])
        return piece(self.title or f"{len(self)} rows", tables=[table] if rows else ())
