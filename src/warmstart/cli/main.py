"""The command line: one command per file, each with a Python twin of the same name and words.

This module and those of the commands import neither torch nor numpy: `warmstart --help` is to answer at once. What a
command needs is imported when it runs.
"""

from __future__ import annotations

import gc
import io
import os
import sys

import typer

from warmstart.cli import (
    adapt,
    backbones,
    check,
    compare,
    config,
    demo,
    distill,
    evaluate,
    explain,
    export,
    fit,
    meta_train,
    plan,
    predict,
    pretrain,
    pull,
    push,
    recipes,
    recommend,
    serve,
    similarity,
    tune,
    update,
)
from warmstart.cli.session import Session
from warmstart.errors import WarmstartError

app = typer.Typer(
    name="warmstart",
    help="Transfer learning that tells the truth: adapt a pretrained network to a little labelled data.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for _command in (
    demo.demo,
    check.check,
    fit.fit,
    compare.compare,
    tune.tune,
    recommend.recommend,
    pretrain.pretrain,
    distill.distill,
    update.update,
    meta_train.meta_train,
    predict.predict,
    evaluate.evaluate,
    explain.explain,
    export.export,
    serve.serve,
    push.push,
    pull.pull,
    similarity.similarity,
    adapt.adapt,
    plan.plan,
    backbones.backbones,
):
    app.command()(config.configurable(_command))
app.command()(recipes.recipes)


def main() -> None:
    """Entry point of the `warmstart` script."""
    # OpenMP's threads wait for each other by spinning. Beside another busy process each then waits for one that is not
    # running: EfficientNet-Lite0's features came at 10 images/s instead of 44. Alone on the machine it costs nothing.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read once, when torch is imported
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # what it warns of is of no use to who only reads texts
    gc.set_threshold(200_000, 10, 10)  # while torch is imported, the default looks for garbage for half a second
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name the terminal cannot show is no reason to fail
    if "MASTER_ADDR" in os.environ or "WORLD_SIZE" in os.environ:  # as launchers set them
        _among_others()
    app()


def _among_others() -> None:
    """As one of the processes that a launcher has started: what can be shared of a command is."""
    from warmstart.engine.launching import in_processes

    try:
        in_processes(None, app)
    except WarmstartError as error:
        if os.environ.get("RANK", "0") != "0":  # process 0 says what was wrong
            sys.exit(1)
        sys.exit(Session(as_json="--json" in sys.argv, debug=False).fail(error).exit_code)
    sys.exit(0)


if __name__ == "__main__":
    main()
