"""`warmstart demo`: the main job on real data that is installed with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from warmstart.cli.fit import show
from warmstart.cli.options import AsJson, Debug
from warmstart.cli.session import session


def demo(
    out: Annotated[
        Path | None, typer.Option(help="Run folder; must not exist.", show_default="chosen and printed")
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Do the main job on real data, in about a minute.

    Real handwritten digits, a few labels per class: from scratch against probe against tuned, ending in the report.
    """
    with session(as_json=as_json, debug=debug) as now:
        now.say("Demo: real handwritten digits, a few labels per class, with a backbone that has seen only photos")
        from warmstart.api.demo import demo as twin

        show(now, twin(out=out, listener=now.listener))
