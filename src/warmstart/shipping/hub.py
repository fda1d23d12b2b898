"""A bundle on a hub: its folder is the repository, file by file. All that is said over the network is said here.

Which hub, and as whom, is for huggingface-hub's own settings to say (`HF_ENDPOINT`, `HF_TOKEN`, `hf auth login`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import huggingface_hub
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

from warmstart.errors import BundleError, HubError, WarmstartError
from warmstart.model.hub import offline, probe
from warmstart.shipping import manifest as layout
from warmstart.shipping.files import verified
from warmstart.shipping.manifest import Manifest

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,95}/[A-Za-z0-9_][A-Za-z0-9._-]{0,95}")
_OF_THE_HUB = ".gitattributes"
"""What a hub puts into each repository by itself. It is neither sent nor fetched."""


@dataclasses.dataclass(frozen=True)
class Sent:
    """Where what was sent lies."""

    commit: str
    private: bool
    url: str


@dataclasses.dataclass(frozen=True)
class Offered:
    """A bundle as a hub has it at one commit: what it says of itself, and the bytes of each of its files."""

    repo: str
    commit: str
    facts: Manifest
    sizes: dict[str, int]


def check_name(repo: str) -> None:
    """Raise `HubError` for what is no name of a repository."""
    if not _NAME.fullmatch(repo) or ".." in repo or "--" in repo or repo.endswith((".git", ".", "-")):
        raise HubError(f"{repo!r} is no name of a repository", expected="ORG/NAME: letters, digits, '-', '_' and '.'")


def _check_online(what: str) -> None:
    """Raise `HubError` where the user's settings forbid the network, or the hub does not answer."""
    if why := offline():
        raise HubError(f"{what} needs the network, and {why}", do="unset it for this command")
    try:
        probe()
    except OSError as error:
        raise HubError(
            f"{what} needs the network: {error}", do="look at the connection; HF_ENDPOINT names a hub"
        ) from error


def send(repo: str, files: Mapping[str, bytes], *, public: bool, message: str) -> Sent:
    """Make the repository where it is not there, and put the files into it in one commit.

    Of a bundle that lies there, files which the new one has not are removed.

    Raises:
        HubError: the hub cannot be reached or refuses; the repository is public and that was not asked for, or it holds
            other files than a bundle's.
    """
    check_name(repo)
    _check_online("push")
    if huggingface_hub.get_token() is None:
        raise HubError(
            f"nobody is logged in to {constants.ENDPOINT}",
            expected="a token that may write",
            do="log in with `hf auth login`, or set HF_TOKEN",
        )
    hub = _hub()
    with _asking(f"push to {repo}"):
        hub.create_repo(repo, private=not public, exist_ok=True)
        there = hub.model_info(repo)
        head, private = str(there.sha), bool(there.private)
        if not private and not public:
            raise HubError(f"{repo} is public", expected="a private repository", do="say that it is meant: --public")
        stale = _stale(hub, repo, head, files)
        adds = [CommitOperationAdd(name, content) for name, content in files.items()]
        done = hub.create_commit(
            repo,
            [*adds, *(CommitOperationDelete(name) for name in stale)],
            commit_message=message,
            parent_commit=head,
        )
        commit = str(done.oid)
        missing = {name: len(content) for name, content in files.items()}.items() - _sizes(hub, repo, commit).items()
    if missing:
        names = ", ".join(sorted(name for name, _ in missing))
        raise HubError(f"{repo} lacks after the commit {commit}: {names}", do="see whether its .gitignore names them")
    return Sent(commit, private, f"{constants.ENDPOINT}/{repo}/tree/{commit}")


def _stale(hub: huggingface_hub.HfApi, repo: str, head: str, files: Mapping[str, bytes]) -> list[str]:
    """Files of the bundle that lies there which the new one has not. Raises `HubError` for files of anything else."""
    left = sorted(_sizes(hub, repo, head).keys() - files.keys() - {_OF_THE_HUB})
    if not left:
        return []
    before = set[str]()
    with contextlib.suppress(HfHubHTTPError, OSError, BundleError):
        text = Path(hub.hf_hub_download(repo, layout.NAME, revision=head)).read_bytes()
        before = set(layout.from_json(text, repo).files)
    if others := [name for name in left if name not in before]:
        raise HubError(
            f"{repo} holds files that are of no bundle: {', '.join(others[:5])}{', ...' * (len(others) > 5)}",
            expected="a new repository, or one that holds a bundle and nothing else",
            do="push to another name",
        )
    return left


def offered(repo: str, revision: str | None) -> Offered:
    """What a repository has to offer, from its list of files and its `bundle.json` alone.

    Raises:
        HubError: it cannot be reached, is not there, or holds no bundle.
        BundleError: its files are not those that `bundle.json` names.
    """
    check_name(repo)
    _check_online("pull")
    hub = _hub()
    with _asking(f"pull from {repo}"):
        commit = str(hub.model_info(repo, revision=revision).sha)
        sizes = _sizes(hub, repo, commit)
        if layout.NAME not in sizes:
            raise HubError(
                f"{repo} holds no bundle: there is no {layout.NAME}",
                expected="a repository that `warmstart push` made",
                do=f"as a backbone it may do: --backbone hf:{repo}",
            )
        text = Path(hub.hf_hub_download(repo, layout.NAME, revision=commit)).read_bytes()
    facts = layout.from_json(text, repo)
    sizes = {name: size for name, size in sizes.items() if name != _OF_THE_HUB}
    known = {layout.NAME, *facts.files}
    for what, names in (("has files that no bundle names", sizes.keys() - known), ("lacks", known - sizes.keys())):
        if names:
            raise BundleError(
                f"{repo} at {commit[:12]} {what}: {', '.join(sorted(names)[:5])}",
                expected=f"the files of {layout.NAME} and no other",
                do="nothing was fetched; ask whoever keeps the repository",
            )
    return Offered(repo, commit, facts, sizes)


def fetch(one: Offered, folder: Path, progress: Callable[[], None]) -> None:
    """Put all files into `folder`, each compared with its sum; `progress` is called after
    each.

    Raises:
        HubError: a file cannot be fetched.
        BundleError: a file is not what `bundle.json` says.
    """
    hub, parts = _hub(), folder / ".parts"
    for name in one.sizes:
        with _asking(f"pull from {one.repo}"):
            found = Path(hub.hf_hub_download(one.repo, name, revision=one.commit, local_dir=parts))
        shutil.move(found, folder / name)
        if name != layout.NAME:
            verified(folder, name, one.facts.files[name])
        progress()
    shutil.rmtree(parts, ignore_errors=True)


def _hub() -> huggingface_hub.HfApi:
    return huggingface_hub.HfApi(endpoint=constants.ENDPOINT, library_name="warmstart")


def _sizes(hub: huggingface_hub.HfApi, repo: str, commit: str) -> dict[str, int]:
    """Bytes of each file of a repository."""
    tree = hub.list_repo_tree(repo, recursive=True, revision=commit)
    return {one.path: one.size for one in tree if isinstance(one, RepoFile)}


@contextlib.contextmanager
def _asking(what: str) -> Iterator[None]:
    """Errors of the hub and of the network as ours, and none of its progress bars: the listener hears of progress."""
    bars = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    except WarmstartError:
        raise
    except Exception as error:  # which HTTP library it uses, and so which errors, depends on its version
        raise _ours(what, error) from error
    finally:
        if bars:
            enable_progress_bars()


def _ours(what: str, error: Exception) -> HubError:
    told, hub = str(error).strip().partition("\n")[0], constants.ENDPOINT
    status = cast(Any, error).response.status_code if isinstance(error, HfHubHTTPError) else 0
    if isinstance(error, GatedRepoError):
        return HubError(f"{what}: its owner has to let you in first", do=f"ask for it on {hub}")
    if isinstance(error, RevisionNotFoundError):
        return HubError(f"{what}: there is no such revision", do="name a branch, a tag or a commit of it")
    if isinstance(error, RepositoryNotFoundError) or status in (401, 403):
        return HubError(
            f"{what}: there is no such repository, or you may not do this",
            expected="a repository that exists, or is yours; and a token that may do this",
            do=f"look whether it is spelled so on {hub}; log in with `hf auth login`",
        )
    if status in (409, 412):
        return HubError(f"{what}: it was changed at the same time", do="do it again")
    return HubError(f"{what}: {hub} answers otherwise than it should, or not at all: {told}", do="try again later")
