"""`warmstart backbones`: the pretrained networks there are."""

from __future__ import annotations

from warmstart.cli.options import AsJson, Debug
from warmstart.cli.session import session

COLUMNS = ("name", "architecture", "parameters", "trained_on", "licence")


def backbones(as_json: AsJson = False, debug: Debug = False) -> None:
    """List the backbones, with their licences."""
    with session(as_json=as_json, debug=debug) as now:
        from warmstart.api.backbones import backbones as listed

        cards = listed()
        now.table([c.replace("_", " ") for c in COLUMNS], [[card.get(c, "") for c in COLUMNS] for card in cards])
        now.result(cards)
