"""The process that serves: how it starts, what it refuses to start with, and how it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pytest_socket import enable_socket
from typer.testing import CliRunner

from tests.serving.conftest import Made
from warmstart.api.serve import serve
from warmstart.cli.main import app
from warmstart.errors import BundleError, DataError, MissingExtraError, WarmstartError

TOKEN = "a-token-that-nobody-guesses"


def test_an_address_that_others_can_reach_needs_a_token(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.org"):
        with pytest.raises(DataError, match="can be reached by other machines"):
            serve(tmp_path, host=host)


def test_a_token_that_can_be_guessed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="a token of 6 characters"):
        serve(tmp_path, token="secret")
    file = tmp_path / "token"
    file.write_text("short\n")
    with pytest.raises(DataError, match="a token of 5 characters"):
        serve(tmp_path, token_file=file)
    with pytest.raises(DataError, match="a token and a file of one"):
        serve(tmp_path, token=TOKEN, token_file=file)
    with pytest.raises(DataError, match="cannot be read"):
        serve(tmp_path, token_file=tmp_path / "missing")
    monkeypatch.setenv("WARMSTART_TOKEN", "")
    with pytest.raises(DataError, match="a token of 0 characters"):
        serve(tmp_path)


def test_limits_are_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(WarmstartError, match="max_body 'much' is not a size"):
        serve(tmp_path, max_body="much")
    with pytest.raises(DataError, match="max_inputs of 0"):
        serve(tmp_path, max_inputs=0)


def test_without_the_extra_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("warmstart.serving.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'warmstart\[serve\]'"):
        serve(tmp_path)


@pytest.fixture
def _sockets() -> Iterator[None]:
    """Sockets of this machine; those of other tests stay blocked."""
    from pytest_socket import disable_socket

    enable_socket()
    yield
    disable_socket(allow_unix_socket=True)


@pytest.mark.usefixtures("_sockets")
def test_a_port_that_is_taken_and_a_folder_that_is_no_bundle_are_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(DataError, match="cannot listen on 127"):
        serve(tmp_path, port=taken.getsockname()[1])
    with pytest.raises(DataError, match="port 70000"):
        serve(tmp_path, port=70_000)
    with pytest.raises(BundleError, match="is no bundle"):
        serve(tmp_path, port=0)
    found = CliRunner().invoke(app, ["serve", str(tmp_path), "--port=0", "--json"])
    assert found.exit_code == 2
    assert '"kind": "BundleError"' in found.stdout


@pytest.mark.slow
@pytest.mark.usefixtures("_sockets")
def test_the_command_serves_until_it_is_told_to_stop(made: Made, picture: bytes) -> None:
    folder = made("classify")[0].folder
    command = [sys.executable, "-m", "warmstart.cli.main", "serve", str(folder), "--port", "0", "--json"]
    environment = {**os.environ, "WARMSTART_TOKEN": TOKEN}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        try:
            line = next(line for line in process.stderr if "ready at" in line)
            url = line.split()[-1]
            assert url.startswith("http://127.0.0.1:")
            with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60) as client:
                (row,) = client.post("/v1/predict", files=[("files", ("a.png", picture))]).json()["rows"]
                assert row["label"] is not None
                assert client.get("/v1/model", headers={"Authorization": "Bearer x"}).status_code == 401
                assert client.get("/v1/model", headers={"Host": "attacker.example"}).status_code == 400
            port = int(url.rsplit(":", 1)[1])
            with socket.create_connection(("127.0.0.1", port)) as slow:
                slow.sendall(b"GET / HT")
                slow.settimeout(60)
                assert slow.recv(100) == b""  # closed, since its head does not come
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert f'"url": "{url}"' in process.stdout.read()
