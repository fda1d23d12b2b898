"""`warmstart export`: a bundle as a file for other runtimes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from warmstart.cli.options import AsJson, BundleArgument, Debug, LabelColumn, PathColumn, TextColumn
from warmstart.cli.session import session


def export(
    bundle: BundleArgument,
    format: Annotated[
        Literal["onnx", "openvino", "torch"], typer.Option(help="ONNX, OpenVINO's own form, or torch.export's .pt2.")
    ] = "onnx",
    out: Annotated[
        Path | None,
        typer.Option(help="The file; must not exist.", show_default="model.onnx (.xml, .pt2) beside the bundle"),
    ] = None,
    preprocessing: Annotated[
        bool, typer.Option("--preprocessing", help="Put normalising into the graph, or the scale of series.")
    ] = False,
    int8: Annotated[
        bool, typer.Option("--int8", help="Weights and activations in 8 bits, calibrated on --data.")
    ] = False,
    data: Annotated[
        str | None,
        typer.Option(metavar="DATA", help="Real samples to compare on, and to calibrate int8; labels are not needed."),
    ] = None,
    path_column: PathColumn = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    max_changed: Annotated[float, typer.Option(help="Share of the answers that int8 may change.")] = 0.02,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Write a bundle as ONNX, for OpenVINO or as torch.export; kept only if it answers as the bundle does."""
    with session(as_json=as_json, debug=debug) as now:
        now.say(f"Exporting {bundle} as {format}{' in int8' if int8 else ''}")
        from warmstart.api.export import export as twin

        result = twin(
            bundle,
            format=format,
            out=out,
            preprocessing=preprocessing,
            int8=int8,
            data=data,
            path_column=path_column,
            text_column=text_column,
            label_column=label_column,
            max_changed=max_changed,
            listener=now.listener,
        )
        now.table(("file", "size"), [(name, f"{size / 2**20:.2f} MB") for name, size in result["files"].items()])
        now.say(f"\ntakes    {'; '.join(map(_side, result['inputs']))}")
        now.say(f"gives    {result['output']['name']}: {result['output']['holds']}")
        now.say(f"outside  {result['outside']}\n")
        for line in _agreement(result):
            now.say(line)
        now.say("")
        now.table(
            ("batch", "bundle", format, "times as fast"),
            [
                (row["batch"], *(f"{row[key]:.2f} ms" for key in ("original_ms", "exported_ms")), f"{row['times']:.2f}")
                for row in result["speed"]
            ],
        )
        now.result(result)


def _side(entrance: dict[str, Any]) -> str:
    shape = ", ".join(map(str, entrance["shape"]))
    return f"{entrance['name']}: {entrance['dtype']} ({shape}), {entrance['holds']}"


def _agreement(result: dict[str, Any]) -> list[str]:
    parity, int8 = result["parity"], result["int8"]
    errors = " and ".join(f"{error:.1e} in batches of {batch}" for batch, error in parity["errors"].items())
    if int8 is None:
        return [f"answers {parity['samples']} real samples as the bundle does: to within {errors}"]
    changed = (
        f"changes {100 * parity['changed']:.1f} % of the answers on {parity['samples']} samples, by up to {errors}"
    )
    lines = [changed, f"scales are from {int8['calibrated_on']} other samples"]
    if accuracy := int8["accuracy"]:
        lines.append(f"{int8['metric']} {accuracy['before']:.3f} before, {accuracy['after']:.3f} after")
    return lines
