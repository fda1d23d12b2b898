"""`pull`: a bundle from a model hub, every file of it compared with its sum."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

from warmstart.display import Table, piece
from warmstart.engine.ambient import ambient
from warmstart.engine.events import Advanced, Decided, Finished, Listener, Started
from warmstart.errors import HubError, MissingExtraError
from warmstart.model.licence import restricted
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.files import new_folder, refuse_existing
from warmstart.shipping.hub import Offered, check_name, fetch, offered


@dataclasses.dataclass(frozen=True)
class PullResult:
    """Where the bundle lies, and the very commit that it is of."""

    folder: Path
    repo: str
    commit: str
    files: dict[str, int]
    """Bytes of each."""
    licence: str
    """Of the weights that it was made from."""
    needs: str = ""
    """What has to be installed before it can answer; empty where it does."""

    def _repr_html_(self) -> str:
        facts = {"folder": self.folder, "commit": self.commit, "licence": self.licence, "needs": self.needs}
        rows = [(name, f"{size:,}") for name, size in self.files.items()]
        return piece(self.repo, facts=facts, tables=[Table(("file", "bytes"), rows)])


def pull(
    repo: str, *, revision: str | None = None, out: str | Path | None = None, listener: Listener = ambient
) -> PullResult:
    """Fetch a bundle from the Hugging Face hub into a folder, which is there whole or not at all.

    First only the list of its files and `bundle.json` are read: a repository with any file that the bundle does not
    name is refused, and so nothing that could execute is ever fetched. Then every file is compared with its sum, and
    the golden sample is asked, as at each load. The sums say that the files are those of that bundle, not who made it:
    pin what you trust by its commit.

    Args:
        repo: `"ORG/NAME"`.
        revision: a branch, a tag or a commit; by default the newest of the main branch.
        out: folder, which must not exist; by default NAME, here.
        listener: hears of progress.

    Raises:
        HubError: the hub cannot be reached or refuses, or there is no bundle.
        BundleError: files are missing, damaged or not of the bundle, or it answers otherwise than when it was made.
        RunError: the folder exists.
    """
    check_name(repo)
    folder = Path(repo.rpartition("/")[2] if out is None else out)
    refuse_existing(folder)
    one = offered(repo, revision)
    _tell(one, folder, listener)
    needs = ""
    what = f"pull from {repo}"
    listener(Started(what, len(one.sizes)))
    with new_folder(folder) as temporary:
        fetch(one, temporary, lambda: listener(Advanced(what)))
        try:
            Bundle.load(temporary)
        except MissingExtraError as error:  # it is whole; whether it answers is seen when it can be loaded
            needs = error.do
            listener(Decided(f"{error.found}: {error.do}"))
    listener(Finished(what))
    return PullResult(folder, repo, one.commit, one.sizes, one.facts.backbone.licence, needs)


def _tell(one: Offered, folder: Path, listener: Listener) -> None:
    """What comes, and under which licence. Raises `HubError` where there is no room for it."""
    size, licence = sum(one.sizes.values()), one.facts.backbone.licence
    listener(Decided(f"{one.repo} at {one.commit}: {len(one.sizes)} files, {size / 1e6:.1f} MB"))
    above = folder.absolute().parent
    while not above.exists():
        above = above.parent
    if (free := shutil.disk_usage(above).free) < size:
        raise HubError(f"{one.repo} takes {size / 1e6:.0f} MB and {above} has {free / 1e6:.0f} MB", do="make room")
    if restricted(licence):
        listener(Decided(f"the weights that it was made from are under {licence}, which restricts the use"))
