"""`warmstart pull`: a bundle from a model hub."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from warmstart.cli.options import AsJson, Debug
from warmstart.cli.push import Repo
from warmstart.cli.session import session


def pull(
    repo: Repo,
    revision: Annotated[
        str | None, typer.Option(help="A branch, a tag or a commit.", show_default="the newest of main")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder; must not exist.", show_default="NAME, here")] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Fetch a bundle from the Hugging Face hub; every file is checked, and nothing else is taken."""
    with session(as_json=as_json, debug=debug) as now:
        now.say(f"Pulling {repo}{f' at {revision}' if revision else ''}")
        from warmstart.api.pull import pull as twin

        result = twin(repo, revision=revision, out=out, listener=now.listener)
        now.say("")
        now.say(f"bundle   {result.folder}: {len(result.files)} files, {sum(result.files.values()) / 1e6:.1f} MB")
        now.say(f"commit   {result.commit}")
        now.say(f"licence  {result.licence}, of the weights that it was made from")
        again = shlex.join(["warmstart", "predict", str(result.folder)])
        now.say(f"needs    {result.needs}" if result.needs else f"predict  {again} INPUTS --out answers.csv")
        now.result(result)
