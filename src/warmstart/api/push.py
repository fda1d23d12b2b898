"""`push`: a bundle to a model hub, as a repository of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from warmstart.display import Table, piece
from warmstart.engine.ambient import ambient
from warmstart.engine.events import Decided, Finished, Listener, Started
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.hub import check_name, send
from warmstart.shipping.passing_on import check_passing_on, traces
from warmstart.shipping.without_samples import all_files, without_samples


@dataclasses.dataclass(frozen=True)
class PushResult:
    """What was sent, or would be: `commit` and `url` are empty after a dry run."""

    repo: str
    files: dict[str, int]
    """Bytes of each."""
    private: bool
    notes: tuple[str, ...]
    """What is to be known of what is in it, before anybody else sees it."""
    commit: str = ""
    url: str = ""

    def _repr_html_(self) -> str:
        return piece(
            f"{self.repo}, {'private' if self.private else 'public'}",
            lead="" if self.commit else "Nothing was sent.",
            facts={"commit": self.commit, "see": self.url},
            tables=[
                Table(("file", "bytes"), [(name, f"{size:,}") for name, size in self.files.items()]),
                Table(("what is to be known of it",), [(note,) for note in self.notes]),
            ],
        )


def push(
    bundle: str | Path,
    repo: str,
    *,
    public: bool = False,
    without_samples: bool = False,
    accept_licence: bool = False,
    dry_run: bool = False,
    listener: Listener = ambient,
) -> PushResult:
    """Put a bundle on the Hugging Face hub, private unless you say otherwise. Its folder is the repository.

    The repository is made if it is not there. One that holds a bundle is replaced by the new one, in one commit; one
    that holds anything else is left alone. Only files that the bundle names are sent. Which hub and as whom is for
    huggingface-hub's settings to say: `hf auth login` or `HF_TOKEN`, and `HF_ENDPOINT`.

    Args:
        bundle: folder that `fit` wrote.
        repo: `"ORG/NAME"`.
        public: everybody may see it. Whether a repository that exists is private stays as it is.
        without_samples: send generated inputs in place of the golden samples, which are real ones of your data, and no
            features of training samples; the model can then not tell `unknown`.
        accept_licence: what you do keeps to the licence of the weights, also where that restricts it or is unknown.
        dry_run: send nothing; the result says what would be sent.
        listener: hears of progress and of what is to be known before anything is sent.

    Raises:
        BundleError: the bundle is damaged, or answers otherwise than when it was written.
        LicenceError: the licence of the weights forbids this, or nobody said that it is kept to.
        HubError: the hub cannot be reached, or refuses.
    """
    check_name(repo)
    loaded = Bundle.load(bundle)
    card = loaded.manifest.backbone
    accepted = accept_licence
    about = "" if card.random else check_passing_on(card.licence, public=public, accepted=accepted)
    files = _files(loaded, without_samples)
    notes = tuple(note for note in (about, *_notes(loaded, without_samples)) if note)
    sizes = {name: len(content) for name, content in files.items()}
    for note in notes:
        listener(Decided(note))
    if dry_run:
        return PushResult(repo, sizes, not public, notes)
    listener(Started(f"push to {repo}"))
    sent = send(repo, files, public=public, message=_message(loaded))
    listener(Finished(f"push to {repo}"))
    if sent.private and public:
        listener(Decided(f"{repo} was there and is private; it stays so until it is made public on the hub itself"))
    return PushResult(repo, sizes, sent.private, notes, sent.commit, sent.url)


def _files(bundle: Bundle, stripped: bool) -> Mapping[str, bytes]:
    return without_samples(bundle) if stripped else all_files(bundle)


def _message(bundle: Bundle) -> str:
    return f"{bundle.manifest.data}: {bundle.manifest.task}, made by warmstart {bundle.manifest.versions['warmstart']}"


def _notes(bundle: Bundle, stripped: bool) -> list[str]:
    """What is left of samples, and what is not sent."""
    left = traces(bundle)
    notes = []
    if left.inputs and not stripped:
        notes.append(
            f"{' and '.join(left.inputs)} are real samples of your data, as they are; --without-samples sends none"
        )
    if left.features and not stripped:
        notes.append(
            f"{left.features[0]} holds features of training samples, from which something of them may be guessed; "
            "--without-samples leaves them out, and `unknown` with them"
        )
    if left.heads:
        notes.append(
            f"the head in {left.heads[0]} holds features of training samples, and answers by them: they are sent"
        )
    notes.append(
        "README.md, the model card, names classes, figures, and files that the audit found something wrong with"
    )
    others = sorted({path.name for path in bundle.folder.iterdir()} - {*bundle.manifest.files, "bundle.json"})
    if others:
        notes.append(f"not sent, for the bundle does not name them: {', '.join(others)}")
    return notes
