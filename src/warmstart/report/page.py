"""What all pages of the project share: one file that loads nothing and runs no script, with every text escaped.

A page follows the reader's light or dark setting, fits a phone, and prints. Names come from data a stranger may have
chosen, so the templates escape everything; only `charts` makes markup, and escapes what it is given.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import jinja2

from warmstart.evaluation.measures import metric_name
from warmstart.report import numbers


def render(template: str, **context: Any) -> str:
    """The page that a template below `templates/` makes of a context; what the context lacks is an error."""
    return _environment().get_template(template).render(**context)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("warmstart.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": numbers.percent,
        "sure": numbers.sure,
        "chance": numbers.chance,
        "count": numbers.count,
        "duration": numbers.duration,
        "metric": metric_name,
        "value": numbers.value,
        "sentence": numbers.sentence,
    }
    return environment
