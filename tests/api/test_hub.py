"""`push` and `pull` through huggingface-hub's own client, against a small hub on the loopback (tests/hub.py)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import pytest_socket
import torch
from huggingface_hub import constants

from tests.hub import ATTRIBUTES, TOKEN, Hub, serving
from tests.shipping.conftest import digits as digits
from tests.shipping.conftest import write as write
from tests.shipping.helpers import CLASSES, Write, a_network, forge
from warmstart.api.pull import pull
from warmstart.api.push import push
from warmstart.engine.events import Decided, Event
from warmstart.errors import BundleError, HubError, LicenceError, RunError
from warmstart.evaluation.unknowns import Bank
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.passing_on import check_passing_on
from warmstart.shipping.reference import Reference

REPO = "clinic/digits"
ENDPOINT = constants.ENDPOINT


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    pytest_socket.enable_socket()  # of the loopback alone, as the next line says
    pytest_socket.socket_allow_hosts(["127.0.0.1"])
    with serving() as found:
        monkeypatch.setattr(constants, "ENDPOINT", found.address)
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(ENDPOINT, found.address)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)  # HF_ENDPOINT sets both
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # the hub's other way for large files
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield found


def told(events: list[Event]) -> str:
    return "\n".join(event.text for event in events if isinstance(event, Decided))


def test_what_is_pulled_is_what_was_pushed_byte_by_byte(
    hub: Hub, write: Write, tmp_path: Path, digits: list[Path]
) -> None:
    folder = write()
    (folder / "notes.txt").write_text("mine alone")
    sent = push(folder, REPO)
    assert sent.private
    assert hub.repos[REPO].private
    assert sent.url == f"{hub.address}/{REPO}/tree/{sent.commit}"
    names = {path.name for path in folder.iterdir()} - {"notes.txt"}
    assert hub.files(REPO).keys() == names | {ATTRIBUTES}
    assert sent.files == {name: (folder / name).stat().st_size for name in names}
    got = pull(REPO, out=tmp_path / "got")
    assert (got.commit, got.folder, got.licence) == (sent.commit, tmp_path / "got", "none needed")
    assert {path.name: path.read_bytes() for path in got.folder.iterdir()} == {
        name: (folder / name).read_bytes() for name in names
    }
    assert Bundle.load(got.folder).predict(digits) == Bundle.load(folder).predict(digits)


def test_a_dry_run_asks_the_hub_for_nothing(hub: Hub, write: Write) -> None:
    events: list[Event] = []
    found = push(write(), REPO, dry_run=True, listener=events.append)
    assert hub.asked == []
    assert found.commit == ""
    assert "golden.png" in found.files
    assert "golden.png and golden-2.png are real samples of your data" in told(events)


def test_without_samples_none_is_sent_and_the_check_at_loading_stays(
    hub: Hub, write: Write, tmp_path: Path, digits: list[Path]
) -> None:
    network = a_network()
    scores = np.linspace(0, 1, 30)
    bank = Bank(torch.rand(7, network.facts.out_features), 0.5)
    folder = write(networks=network, reference=Reference(scores, bank))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    events: list[Event] = []
    push(folder, REPO, without_samples=True, listener=events.append)
    sent = hub.files(REPO)
    assert "golden.png" in sent
    assert sent["golden.png"] not in before.values()
    assert b"bank" not in sent["reference.safetensors"]
    assert "real samples" not in told(events)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before  # the user's own is as it was
    got = Bundle.load(pull(REPO, out=tmp_path / "got").folder)
    mine = Bundle.load(folder)
    assert [row["probabilities"] for row in got.predict(digits)] == [
        row["probabilities"] for row in mine.predict(digits)
    ]
    assert got.predict(digits)[0]["unknown"] is None
    assert got.predict(digits, coverage=0.9)[0]["set"]
    changed = tmp_path / "got" / "golden.json"
    forged = json.loads(changed.read_text())
    forged["golden.png"][CLASSES[0]] += 0.1
    changed.write_text(json.dumps(forged))
    forge(tmp_path / "got")
    with pytest.raises(BundleError, match="answers otherwise"):
        Bundle.load(tmp_path / "got")


def test_a_second_push_replaces_the_first_and_the_first_can_still_be_pulled(
    hub: Hub, write: Write, tmp_path: Path
) -> None:
    results = tmp_path / "results.json"
    results.write_text("{}")
    first = push(write("one", results=results), REPO)
    second = push(write("two", networks=a_network(5)), REPO)
    assert second.commit != first.commit
    assert "results.json" not in hub.files(REPO)
    old = pull(REPO, revision=first.commit, out=tmp_path / "old")
    assert old.commit == first.commit
    assert (tmp_path / "old" / "results.json").exists()
    assert not (pull(REPO, out=tmp_path / "new").folder / "results.json").exists()


def test_a_repository_with_other_things_in_it_is_left_alone(hub: Hub, write: Write) -> None:
    push(write(), REPO)
    hub.change(REPO, train__py=b"print('mine')")
    before = hub.files(REPO)
    with pytest.raises(HubError, match=r"files that are of no bundle: train\.py"):
        push(write("again", networks=a_network(5)), REPO)
    assert hub.files(REPO) == before


def test_a_public_repository_is_not_pushed_to_by_mistake(hub: Hub, write: Write) -> None:
    folder = write()
    assert not push(folder, REPO, public=True).private
    with pytest.raises(HubError, match="is public"):
        push(write("again", networks=a_network(5)), REPO)
    assert len(hub.repos[REPO].order) == 2


def test_a_file_that_the_bundle_does_not_name_is_refused_before_anything_is_fetched(
    hub: Hub, write: Write, tmp_path: Path
) -> None:
    push(write(), REPO)
    hub.change(REPO, weights__pkl=b"\x80\x04")
    hub.asked.clear()
    with pytest.raises(BundleError, match=r"no bundle names: weights\.pkl"):
        pull(REPO, out=tmp_path / "got")
    assert not [path for _, path in hub.asked if "/resolve/" in path and not path.endswith("bundle.json")]
    assert not (tmp_path / "got").exists()


CHANGES: tuple[tuple[str, bytes | None, str], ...] = (
    ("weights-0__safetensors", b"other weights", "changed or damaged"),
    ("weights-0__safetensors", None, "lacks"),
    ("bundle__json", b"{}", "format None"),
    ("bundle__json", None, "holds no bundle"),
)


def test_what_was_changed_on_the_hub_is_refused_and_nothing_is_left(hub: Hub, write: Write, tmp_path: Path) -> None:
    push(write(), REPO)
    before = hub.files(REPO)
    for name, content, match in CHANGES:
        hub.change(REPO, **{name: content})
        with pytest.raises((BundleError, HubError), match=match):
            pull(REPO, out=tmp_path / "got")
        assert [path.name for path in tmp_path.iterdir() if "got" in path.name] == []
        hub.repos[REPO].commit(before, "as it was")


def test_what_fails_on_the_hub_is_said_in_words(
    hub: Hub, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = write(), tmp_path / "got"
    with pytest.raises(HubError, match="no such repository"):
        pull("clinic/nothing", out=out)
    with pytest.raises(HubError, match="you may not do this"):
        push(folder, "others/digits")
    push(folder, REPO)
    with pytest.raises(HubError, match="no such revision"):
        pull(REPO, revision="v9", out=out)
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match="nobody is logged in"):
        push(folder, REPO)
    with pytest.raises(HubError, match="no such repository"):  # it is private
        pull(REPO, out=out)
    hub.ignored = {"golden.png"}
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with pytest.raises(HubError, match=r"lacks after the commit .*: golden\.png"):
        push(folder, "clinic/other")
    out.mkdir()
    with pytest.raises(RunError, match="exists already"):
        pull(REPO, out=out)


@pytest.mark.parametrize("name", ["digits", "a/b/c", "../digits", "org/na me", "/digits", "org/.git", "https://x/y"])
def test_what_is_no_name_is_refused_before_anything_is_read(name: str) -> None:
    with pytest.raises(HubError, match="no name of a repository"):
        push("nowhere", name)
    with pytest.raises(HubError, match="no name of a repository"):
        pull(name)


def test_a_hub_that_does_not_answer_or_fails_is_said_at_once(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HubError, match="does not answer"):
        pull(REPO, out=tmp_path / "got")


def test_offline_nothing_is_tried(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match="HF_HUB_OFFLINE is set"):
        push(write(), REPO)
    with pytest.raises(HubError, match="HF_HUB_OFFLINE is set"):
        pull(REPO, out=tmp_path / "got")


LICENCES = (
    ("cc-by-nc-nd-4.0", False, True, "forbids to pass on"),
    ("Proprietary", False, True, "forbids to pass on"),
    ("CC BY-NC 4.0", False, False, "restricts"),
    ("CC BY-NC 4.0", True, True, ""),
    ("unknown", True, False, "unknown"),
    ("unknown", True, True, ""),
    ("unknown", False, False, ""),
    ("Apache-2.0", True, False, ""),
)


@pytest.mark.parametrize(("licence", "public", "accepted", "refused"), LICENCES)
def test_a_licence_that_forbids_it_is_kept_to(licence: str, public: bool, accepted: bool, refused: str) -> None:
    if refused:
        with pytest.raises(LicenceError, match=refused):
            check_passing_on(licence, public=public, accepted=accepted)
    else:
        said = check_passing_on(licence, public=public, accepted=accepted)
        assert ("licence" in said) is (licence != "Apache-2.0")


def test_push_asks_for_the_licence_of_what_the_bundle_was_made_from(write: Write) -> None:
    folder = write()
    card = Bundle.load(folder).manifest.backbone
    forge(folder, backbone=dataclasses.replace(card, licence="CC BY-NC 4.0", trained_on="photos"))
    with pytest.raises(LicenceError, match="restricts"):
        push(folder, REPO, dry_run=True)
    assert "CC BY-NC 4.0" in push(folder, REPO, accept_licence=True, dry_run=True).notes[0]
