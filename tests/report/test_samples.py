import dataclasses
import re

from warmstart.evaluation.outcome import Outcome
from warmstart.report.charts.scatter import Dot, scatter
from warmstart.report.embedding import embedding
from warmstart.report.html import report_html


def anchors(html: str) -> list[str]:
    return re.findall(r'href="#(cell-[^"]*)"', html)


def ids(html: str) -> list[str]:
    return re.findall(r'id="(cell-[^"]*)"', html)


def test_every_cell_that_is_not_empty_leads_to_its_samples(outcome: Outcome) -> None:
    html = report_html(outcome)
    filled = {f"cell-{i}-{j}" for i, row in enumerate(outcome.confusion) for j, n in enumerate(row) if n}
    assert set(anchors(html)) == set(ids(html)) == filled
    assert len(ids(html)) == len(filled)


def test_a_block_says_how_many_of_its_samples_it_shows_and_names_them(outcome: Outcome) -> None:
    cell = outcome.cells[0]
    block = report_html(outcome).split(f'id="cell-{cell.row}-{cell.column}"')[1].split("</section>")[0]
    assert f"8 of {cell.count} shown" in block
    assert block.count("<img") == 4
    assert all(one.id in block for one in cell.samples)


def test_where_the_table_is_left_out_the_list_leads_to_the_samples(outcome: Outcome) -> None:
    n = 101
    counts = tuple(tuple(50 if i == j else 3 if j == i + 1 else 0 for j in range(n)) for i in range(n))
    many = dataclasses.replace(outcome, classes=tuple(f"species {i}" for i in range(n)), confusion=counts)
    cell = dataclasses.replace(outcome.cells[0], row=4, column=5)
    html = report_html(dataclasses.replace(many, cells=(cell, dataclasses.replace(cell, row=99, column=7))))
    assert anchors(html) == ids(html) == ["cell-4-5"]
    assert 'href="#confusions"' in html


def test_a_picture_that_is_not_inside_the_page_is_left_out_of_a_cell(outcome: Outcome) -> None:
    cell = outcome.cells[0]
    spies = tuple(dataclasses.replace(one, thumbnail="https://example.org/track.png") for one in cell.samples)
    html = report_html(dataclasses.replace(outcome, cells=(dataclasses.replace(cell, samples=spies),)))
    assert "example.org" not in html
    assert spies[0].id in html


def test_mistakes_are_shown_with_their_loss_and_what_the_true_class_was_given(outcome: Outcome) -> None:
    html = report_html(dataclasses.replace(outcome, cells=()))
    for mistake in outcome.mistakes:
        assert f"loss {mistake.loss:.2f}" in html


def test_the_plane_shows_every_sample_with_the_mistakes_ringed_and_named(outcome: Outcome) -> None:
    shown = embedding(outcome)
    assert shown is not None
    points = outcome.projection.points if outcome.projection else ()
    wrong = [point for point in points if point.predicted not in (None, point.true)]
    assert wrong
    assert shown["drawing"].count("<circle") == 120
    assert shown["drawing"].count('class="error ') == len(wrong)
    assert all(f"<title>{point.id}: " in shown["drawing"] for point in wrong)
    assert (shown["train"], shown["new"], shown["wrong"]) == ("60", "60", str(len(wrong)))
    assert [name for _, name in shown["legend"]] == list(outcome.classes)


def test_of_many_classes_those_that_are_confused_have_a_colour(outcome: Outcome) -> None:
    assert outcome.projection is not None
    n, found = 30, outcome.projection
    points = tuple(dataclasses.replace(point, true=i % n, predicted=None) for i, point in enumerate(found.points))
    counts = tuple(tuple(9 if i == j else 5 if i >= 20 and j == 49 - i else 0 for j in range(n)) for i in range(n))
    shown = embedding(
        dataclasses.replace(
            outcome,
            classes=tuple(f"c{i}" for i in range(n)),
            confusion=counts,
            projection=dataclasses.replace(found, points=points),
        )
    )
    assert shown is not None
    assert [name for _, name in shown["legend"]] == [f"c{i}" for i in range(20, 30)]
    assert shown["others"] == 20


def test_what_is_drawn_is_cut_to_what_there_is_and_mistakes_lie_on_top() -> None:
    dots = [Dot(-1, 0, "tone-0", True, "a <b>"), Dot(1, 0.5, "tone-1", False), Dot(0, 0.25, "tone-1", True)]
    drawn = scatter("three", dots)
    assert re.findall(r'class="(seen|new|error) ', drawn) == ["seen", "new", "error"]
    assert 'viewBox="0 0 560 158"' in drawn
    assert "a &lt;b&gt;" in drawn
