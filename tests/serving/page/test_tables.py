"""What the page reads and writes itself, against Python's reader and writer of CSV."""

from __future__ import annotations

import csv
import io
import random
from typing import Any

from tests.serving.page.conftest import Open

ALPHABET = ["a", "\u00e4", "\U0001f600", ",", ";", '"', '""', "\n", "\r\n", " ", "=", "-", "+1", "@", "\t", "'", "0"]


def words(rng: random.Random, most: int) -> str:
    return "".join(rng.choices(ALPHABET, k=rng.randint(0, most)))


def asked(page: Any, module: str, call: str, given: Any) -> Any:
    """What a call of something of a module `m` of the page makes of each `g` of `given`."""
    imported = f"const m = await import('./static/{module}.js')"
    return page.locator("body").evaluate(
        f"async (_, given) => {{ {imported}; return given.map((g) => {call}); }}", given
    )


def test_tables_are_read_as_they_were_written(open_page: Open, digits_url: str) -> None:
    rng = random.Random(0)
    tables = [[["id", "t"], *([f"r{i}", words(rng, 6)] for i in range(rng.randint(1, 5)))] for _ in range(200)]
    written = []
    for rows in tables:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator=rng.choice(["\n", "\r\n"])).writerows(rows)
        written.append(text.getvalue())
    assert asked(open_page(digits_url), "reading", "m.cellsOf(g, ',')", written) == tables


def test_no_cell_that_is_written_is_a_formula(open_page: Open, digits_url: str) -> None:
    rng = random.Random(1)
    texts = [words(rng, 5) for _ in range(300)] + ["=1+1", "-5", "+4.5e3", "@x", "-x", "\uff1d1"]
    cells = asked(open_page(digits_url), "download", "m.cell(g)", texts)
    for text, cell in zip(texts, cells, strict=True):
        ((read,),) = csv.reader(io.StringIO(f"{cell}\r\n", newline="")) if cell else [("",)]
        assert read.removeprefix("'") == text.removeprefix("'")
        assert read[:1] not in {"=", "@", "\t", "\r", "\n", "\uff1d"}
        assert read[:1] not in {"+", "-"} or float(read) == float(text)


def test_columns_and_layouts_are_guessed(open_page: Open, digits_url: str) -> None:
    page = open_page(digits_url)
    wide = "id,x_0,x_1,y_0,y_1\na,1,2,3,4\nb,5,?,7,8\n"
    bare = "\n".join(",".join(str(i * j + 0.5) for j in range(1, 20)) for i in range(1, 4))
    read = "(() => { const t = m.tableOf(g); const c = m.valueColumns(t); return m.seriesOf(t, c, 'rows', 'f'); })()"
    found = asked(page, "reading", read, [wide, bare])
    assert [one["series"] for one in found[0]] == [[[1, 2], [3, 4]], [[5, None], [7, 8]]]
    assert [len(one["series"][0]) for one in found[1]] == [19, 19, 19]
    assert asked(page, "reading", "m.tableOf(g).ragged", ["a,b\n1,2\n3\n4,5,6\n"]) == [[3, 4]]
