"""Weights that others publish, on this machine: caches of the Hugging Face hub and of torch; downloads if allowed."""

from __future__ import annotations

import os
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import huggingface_hub
from huggingface_hub import constants

_PROBE_SECONDS = 5.0


def offline() -> str:
    """Why the network may not be used; empty if it may."""
    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    return "WARMSTART_OFFLINE is set" if os.environ.get("WARMSTART_OFFLINE", "0") not in ("", "0") else ""


def cached(repo: str, files: Sequence[str], revision: str | None = None) -> Path | None:
    """The first of some files of a repository that lies in the hub's cache on this machine."""
    for file in files:
        found = huggingface_hub.try_to_load_from_cache(repo, file, revision=revision)
        if isinstance(found, str):
            return Path(found)
    return None


def fetch(repo: str, files: Sequence[str], revision: str | None = None) -> Path:
    """The first of some files that a repository has, from the cache or downloaded.

    Raises:
        OSError: neither was possible; `FileNotFoundError` where the repository has none of them.
    """
    found = cached(repo, files, revision)
    if found is not None:
        return found
    if why := offline():
        raise OSError(why)
    probe()
    for file in files:
        if huggingface_hub.file_exists(repo, file, revision=revision):
            return Path(huggingface_hub.hf_hub_download(repo, file, revision=revision))
    raise FileNotFoundError(f"{repo} has no {' or '.join(files)}")


def probe() -> None:
    """Ask the hub for anything once: its own client tries five times, for most of a minute, before it gives up.

    Raises:
        OSError: it does not answer.
    """
    try:
        huggingface_hub.get_session().head(constants.ENDPOINT, timeout=_PROBE_SECONDS)
    except Exception as error:  # which HTTP library it uses, and so which errors, depends on its version
        raise OSError(f"{constants.ENDPOINT} does not answer: {error}") from error


def checkpoint(url: str) -> Path:
    """Where torch keeps, or would keep, the weights that are published at `url`."""
    torch = sys.modules.get("torch")  # not imported for this alone, which takes seconds: without it nobody moved it
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", os.path.join(cache, "torch"))  # noqa: PTH118 - as torch does it
    hub = torch.hub.get_dir() if torch is not None else os.path.join(home, "hub")  # noqa: PTH118
    return Path(hub).expanduser() / "checkpoints" / url.rpartition("/")[2]


def fetch_checkpoint(url: str) -> Path:
    """The weights that are published at `url`, from torch's cache or downloaded to it and checked by their sum.

    Raises:
        OSError: neither was possible.
    """
    path = checkpoint(url)
    if path.is_file():
        return path
    if why := offline():
        raise OSError(why)
    with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=_PROBE_SECONDS):
        pass  # a dead network is found out here, and soon
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(url, str(path), path.stem.rpartition("-")[2], progress=False)
    except RuntimeError as error:  # the sum of what came is not the one in its name
        raise OSError(str(error)) from error
    return path
