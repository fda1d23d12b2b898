"""`warmstart explain`: what the answers of a bundle rest on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from warmstart.cli.options import AsJson, BundleArgument, Debug, LabelColumn, TextColumn, of_twin, reads_series
from warmstart.cli.session import session

if TYPE_CHECKING:
    from warmstart.explaining.explanation import Explanation


@reads_series
def explain(
    bundle: BundleArgument,
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="FILES", help="Images, text files, tables of texts or series, folders, or texts."),
    ],
    method: Annotated[
        str | None,
        typer.Option(
            help="gradcam (images), integrated_gradients, occlusion.", show_default="the first that the network allows"
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            help="What is explained: a class, a label, a number; a box (2), a word (Ada), a step (+3), a text.",
            show_default="the answer",
        ),
    ] = None,
    nearest: Annotated[int, typer.Option(help="Similar training samples that are named.")] = 5,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Compare with the same network with shuffled weights.")
    ] = True,
    data: Annotated[
        str | None, typer.Option(help="The training data, to show similar samples in the page.", metavar="DATA")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="A new folder for pictures, explanations.json and explanations.html.")
    ] = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    as_json: AsJson = False,
    debug: Debug = False,
    **series: Any,
) -> None:
    """Say what the answer for each input rests on, which training samples it is like, and whether to believe it."""
    given = of_twin(locals())
    with session(as_json=as_json, debug=debug) as now:
        now.say(f"Explaining the answers of {bundle}")
        from warmstart.api.explain import explain as twin

        found = twin(**given, listener=now.listener)
        for one in found:
            now.say("")
            for line in _lines(one):
                now.say(line)
            if one.doubt:
                now.say(f"  doubt: {one.doubt}", "yellow")
        if out is not None:
            now.say(f"\npage and pictures in {out / 'explanations.html'}")
        now.result([one.to_dict() for one in found])


def _lines(one: Explanation) -> list[str]:
    """What is said of one input."""
    if one.error:
        return [one.input, f"  {one.error}"]
    sure = f"{100 * one.probability:.1f} %" if one.probability is not None else f"{one.value:.4g}"
    lines = [f"{one.input}: {one.label} ({sure})", f"  rests on {one.rests_on}"]
    if one.drop is not None:
        unit = "the probability" if one.probability is not None else "the value"
        lines.append(
            f"  covering the fifth that matters most takes {one.drop.important:.3g} off {unit}, as much elsewhere "
            f"{one.drop.elsewhere:.3g}"
        )
    if one.nearest:
        alike = ", ".join(f"{near.name} ({near.label}, {near.similarity:.2f})" for near in one.nearest)
        lines.append(f"  looks like {alike}")
    return lines
