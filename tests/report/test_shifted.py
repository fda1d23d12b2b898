"""The section on whether what was measured on is like what was learned from."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from warmstart.evaluation.outcome import Outcome
from warmstart.evaluation.similarity import Similarity
from warmstart.report.html import report_html
from warmstart.report.shifted import shifted
from warmstart.select.similarity import compare_features


def compared(by: float, samples: int = 60) -> Similarity:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2, samples, 8))
    return compare_features(features[0], features[1] + by, only=("proxy_a", "mmd", "cosine"))


@pytest.mark.parametrize(("by", "words"), [(0.0, "Nothing shows that"), (2.0, "a strong shift")])
def test_it_says_whether_there_is_a_shift(outcome: Outcome, by: float, words: str) -> None:
    html = report_html(dataclasses.replace(outcome, shift=compared(by)))
    section = html[html.index('<section id="shift">') :].split("</section>")[0]
    assert words in section
    assert section.count("<svg") == 2 * 3
    assert "60 of the training" in section


def test_what_was_not_measured_or_cannot_be_has_no_section(outcome: Outcome) -> None:
    assert shifted(dataclasses.replace(outcome, shift=None)) is None
    assert shifted(dataclasses.replace(outcome, shift=compared(0.0, samples=3))) is None
