import dataclasses
import itertools
import json
from pathlib import Path

import pytest
from benchmarks.contenders import CONTENDERS
from benchmarks.micro.measure import Table
from benchmarks.trials import Trial
from matplotlib.text import Annotation, Text

from benchmarks import figures, plot, protocol, table

CROWDED = protocol.PROBE.contenders


def facts() -> dict[str, object]:
    """What `run.py` writes, for contenders that all are about equally good."""
    trials = [
        Trial("fashion", name, 0, 4, 4, 0.5 + i / 100, 100.0 + i, 1.0, 1, 0.0, "", {}, {}, "", "1100")
        for i, name in enumerate(CROWDED)
    ]
    kept = [dataclasses.asdict(trial) for trial in trials]
    chosen = dataclasses.asdict(protocol.PROBE)
    return {
        "protocol": json.loads(json.dumps(chosen)),
        "machine": {"machine": "2 cores"},
        "skipped": {"autogluon": "not installed"},
        "summary": table.summary(trials, CROWDED[0]),
        "trials": kept,
    }


def test_every_mark_has_its_name_and_no_name_lies_on_another() -> None:
    figure = figures.draw(facts())
    names = [text for text in figure.axes[0].texts if isinstance(text, Annotation)]
    assert sorted(text.get_text() for text in names) == sorted(CROWDED)
    boxes = [Text.get_window_extent(text) for text in names]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_the_page_is_made_of_the_results_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results, docs = tmp_path / "results", tmp_path / "docs"
    results.mkdir()
    docs.mkdir()
    part = Table("Memory", ("", "images/s"), (("kept", "10"),), ("2 cores",), {"kept": {"images": [10.0]}})
    (results / "linear-probe.json").write_text(json.dumps(facts()))
    (results / "allocator.json").write_text(json.dumps(dataclasses.asdict(part)))
    (results / "quick.json").write_text(json.dumps(facts()))  # its numbers mean nothing
    monkeypatch.setattr(plot, "RESULTS", results)
    monkeypatch.setattr(plot, "DOCS", docs)
    plot.main()
    page = (docs / "benchmarks.md").read_text()
    assert [line for line in page.splitlines() if line.startswith("## ")] == ["## A linear probe", "## Memory"]
    assert "| kept | 10 |" in page
    assert "skipped autogluon: not installed" in page
    assert [path.name for path in (docs / "benchmarks").iterdir()] == ["linear-probe.png"]


def test_every_preset_runs_contenders_that_exist_its_reference_first() -> None:
    for preset in (protocol.PROBE, protocol.FIT, protocol.FEW_LABELS, protocol.IMAGES, protocol.TEXTS):
        assert all(preset.kind in CONTENDERS[name].reads for name in preset.contenders)
        assert preset.contenders[0].startswith("warmstart")
