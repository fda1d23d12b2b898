"""`serve`: a bundle that answers over HTTP."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

from warmstart.api.running.sizes import size_bytes
from warmstart.engine.allocator import keep_buffers
from warmstart.engine.events import Decided, Listener, silent
from warmstart.errors import DataError, MissingExtraError
from warmstart.shipping.bundle import Bundle

TOKEN = "WARMSTART_TOKEN"
"""Variable of the environment that holds the token, where no option says it."""
SHORTEST = 16
"""Characters of a token."""


def serve(
    bundle: str | Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    token_file: str | Path | None = None,
    no_token: bool = False,
    max_body: str = "32MB",
    max_inputs: int = 64,
    max_queue: int = 256,
    timeout: float = 30.0,
    engine: str = "torch",
    listener: Listener = silent,
) -> dict[str, Any]:
    """Answer over HTTP, and on the page at `/`, until SIGINT or SIGTERM; to this machine alone by default.

    Args:
        bundle: folder that `fit` wrote.
        host: address to listen on. One that other machines can reach needs a token.
        port: port to listen on; 0 takes any that is free.
        token: what clients must send as `Authorization: Bearer TOKEN`; without it the variable `WARMSTART_TOKEN`.
        token_file: file that holds it. Other users of the machine can see what is typed, and not what is in a file.
        no_token: ask for none, also where other machines can reach it.
        max_body: size of a request, such as 32MB.
        max_inputs: inputs of a request.
        max_queue: inputs that may wait at a time; more are told to come again.
        timeout: seconds until an answer.
        engine: what computes the features: `torch`, ready at once; `fastest`, that of the installed ones which answers
            as torch does and is measured to be, some seconds later; or `openvino` and the like by name.
        listener: hears where it listens.

    Returns: `url`, where it listened, once it has ended.

    Raises:
        BundleError: the bundle is damaged or answers otherwise than when it was written.
        DataError: it cannot listen there; a token is needed, or too short; there is no such engine.
        MissingExtraError: the extra `serve` is not installed.
    """
    keep_buffers(in_threads=True)
    if engine != "torch":
        from warmstart.api.predicting.engine import refuse_engine, standing  # with what trains: more to import

        refuse_engine(engine)
    try:
        from warmstart.serving.app import create_app
        from warmstart.serving.limits import Limits
        from warmstart.serving.server import LOOPBACK, is_loopback, listening, run
    except ImportError as error:
        raise MissingExtraError("serving", "serve") from error
    local = is_loopback(host)
    secret = None if no_token else _token(token, token_file)
    if secret is None and not (local or no_token):
        raise DataError(
            f"{host} can be reached by other machines, and no token is asked for",
            expected="a token, or an address of this machine alone, such as 127.0.0.1",
            do="say --token-file FILE, or --no-token if everybody may ask",
        )
    limits = Limits(
        max_body=size_bytes(max_body, "max_body"), max_inputs=max_inputs, max_queue=max_queue, timeout=timeout
    )
    bound = listening(host, port)
    try:
        loaded = Bundle.load(bundle)
        if engine != "torch":
            loaded = standing(loaded, engine, listener)
        app = create_app(loaded, limits=limits, token=secret, hosts=(*LOOPBACK, host) if local else ())
    except BaseException:
        bound.close()
        raise
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{bound.getsockname()[1]}"
    run(app, bound, limits, lambda: listener(Decided(f"ready at {url}", {"url": url, **dataclasses.asdict(limits)})))
    return {"url": url}


def _token(token: str | None, token_file: str | Path | None) -> str | None:
    """What clients must send. Raises `DataError` for one that can be guessed."""
    if token is not None and token_file is not None:
        raise DataError("a token and a file of one", expected="one of them")
    if token_file is not None:
        try:
            token = Path(token_file).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise DataError(f"the token cannot be read from {token_file}: {error}") from error
    found = os.environ.get(TOKEN) if token is None else token
    if found is not None and (len(found) < SHORTEST or not (found.isascii() and found.isprintable())):
        raise DataError(
            f"a token of {len(found)} characters",
            expected=f"at least {SHORTEST}, of letters, digits and signs",
            do='python -c "import secrets; print(secrets.token_urlsafe())" makes one',
        )
    return found
