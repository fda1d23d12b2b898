"""`warmstart push`: a bundle to a model hub."""

from __future__ import annotations

from typing import Annotated

import typer

from warmstart.cli.options import AcceptLicence, AsJson, BundleArgument, Debug
from warmstart.cli.session import session

Repo = Annotated[str, typer.Argument(metavar="ORG/NAME", help="The repository on the hub.")]


def push(
    bundle: BundleArgument,
    repo: Repo,
    public: Annotated[bool, typer.Option("--public", help="Everybody may see it; else it is private.")] = False,
    without_samples: Annotated[
        bool,
        typer.Option("--without-samples", help="Send generated inputs for the golden samples, and no stored features."),
    ] = False,
    accept_licence: AcceptLicence = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Send nothing; list what would be sent.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Put a bundle on the Hugging Face hub, private unless you say --public."""
    with session(as_json=as_json, debug=debug) as now:
        now.say(f"{'Would push' if dry_run else 'Pushing'} {bundle} to {repo}, {'public' if public else 'private'}")
        from warmstart.api.push import push as twin

        result = twin(
            bundle,
            repo,
            public=public,
            without_samples=without_samples,
            accept_licence=accept_licence,
            dry_run=dry_run,
            listener=now.listener,
        )
        now.say("")
        now.table(("file", "bytes"), [(name, f"{size:,}") for name, size in result.files.items()])
        total = f"\n{len(result.files)} files, {sum(result.files.values()) / 1e6:.1f} MB"
        if dry_run:
            now.say(f"{total}; nothing was sent")
        else:
            now.say(f"{total}, {'private' if result.private else 'public'}")
            now.say(f"commit  {result.commit}")
            now.say(f"see     {result.url}")
            now.say(f"fetch   warmstart pull {repo} --revision {result.commit}")
        now.result(result)
