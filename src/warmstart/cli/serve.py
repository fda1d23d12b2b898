"""`warmstart serve`: a bundle that answers over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from warmstart.cli.options import AsJson, BundleArgument, Debug
from warmstart.cli.session import session


def serve(
    bundle: BundleArgument,
    host: Annotated[
        str, typer.Option(help="Address to listen on; one that other machines can reach needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes any that is free.")] = 8000,
    token: Annotated[
        str | None,
        typer.Option(help="What clients must send as a bearer token.", show_default="the variable WARMSTART_TOKEN"),
    ] = None,
    token_file: Annotated[Path | None, typer.Option(help="File that holds the token.")] = None,
    no_token: Annotated[bool, typer.Option("--no-token", help="Ask for no token, whoever can reach it.")] = False,
    max_body: Annotated[str, typer.Option(help="Size of a request.")] = "32MB",
    max_inputs: Annotated[int, typer.Option(help="Inputs of a request.")] = 64,
    max_queue: Annotated[int, typer.Option(help="Inputs that may wait at a time; more are told to come again.")] = 256,
    timeout: Annotated[float, typer.Option(help="Seconds until an answer.")] = 30.0,
    engine: Annotated[
        str,
        typer.Option(help="What computes: torch, ready at once; fastest, measured at the start; or openvino, by name."),
    ] = "torch",
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Answer over HTTP, and on a web page, until Ctrl-C."""
    with session(as_json=as_json, debug=debug) as now:
        now.say(f"Serving {bundle}")
        from warmstart.api.serve import serve as twin

        result = twin(
            bundle,
            host=host,
            port=port,
            token=token,
            token_file=token_file,
            no_token=no_token,
            max_body=max_body,
            max_inputs=max_inputs,
            max_queue=max_queue,
            timeout=timeout,
            engine=engine,
            listener=now.listener,
        )
        now.say("stopped")
        now.result(result)
