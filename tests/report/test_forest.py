import re

from warmstart.evaluation.interval import Interval
from warmstart.report.charts.forest import ForestRow, forest

ROWS = (
    ForestRow("final against scratch", Interval(0.12, 0.09, 0.15), "better"),
    ForestRow("final against probe", Interval(-0.03, -0.05, -0.012), "worse"),
)


def places(drawn: str, pattern: str) -> list[float]:
    return [float(found) for found in re.findall(pattern, drawn)]


def test_every_interval_lies_where_its_numbers_say() -> None:
    drawn = forest(ROWS, rope=0.01)
    values, (zero,) = places(drawn, r'<circle cx="([\d.]+)%'), places(drawn, r'<line x1="([\d.]+)%"[^>]*class="zero"')
    assert values[1] < zero < values[0]
    assert (values[0] - zero) / (zero - values[1]) > 3.9
    assert drawn.count('class="span better"') == drawn.count('class="span worse"') == 3
    assert "+12.0 (+9.0 to +15.0)" in drawn
    assert "−3.0 (−5.0 to −1.2)" in drawn


def test_what_counts_as_equal_is_shaded_about_zero_also_where_all_intervals_are_narrow() -> None:
    drawn = forest([ForestRow("a", Interval(0.0, -0.001, 0.001), "equal")], rope=0.01)
    ((left, width),) = re.findall(r'<rect x="([\d.]+)%" y="4" width="([\d.]+)%"', drawn)
    (zero,) = places(drawn, r'<line x1="([\d.]+)%"[^>]*class="zero"')
    assert abs(float(left) + float(width) / 2 - zero) < 0.1
    assert float(width) > 50


def test_labels_are_text_and_a_long_one_is_whole_in_its_title() -> None:
    name = "<script>alert(1)</script> on a backbone with a long name"
    drawn = forest([ForestRow(name, Interval(0.1, 0.0, 0.2), "open")], rope=0.01)
    assert "<script" not in drawn
    assert "long name: +10.0 (0.0 to +20.0)</title>" in drawn
