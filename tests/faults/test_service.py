"""Row 40: what strangers send to a service. Each is answered 4xx, and the next good request is served."""

from __future__ import annotations

import dataclasses
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp

from tests.faults.test_inputs import bomb
from tests.faults.ways import Way
from tests.serving.clients import get, post, sent
from tests.serving.test_start import _sockets  # noqa: F401 - a fixture
from warmstart.serving.app import create_app
from warmstart.serving.limits import Limits
from warmstart.shipping.bundle import Bundle

LIMITS = Limits(max_body=200_000, max_inputs=4, max_queue=4)


@dataclasses.dataclass(frozen=True)
class Service:
    """A service of three digits, and a picture that it can answer."""

    app: ASGIApp
    good: tuple[str, bytes]
    place: Path

    def picture(self) -> bytes:
        bomb(self.place / "bomb.png")
        return (self.place / "bomb.png").read_bytes()


@pytest.fixture
def service(bundle: Path, digits_folder: Path, tmp_path: Path) -> Service:
    app = create_app(Bundle.load(bundle), limits=LIMITS, token=None, hosts=("127.0.0.1",))
    good = sorted((digits_folder / "2").iterdir())[0]
    return Service(app, (good.name, good.read_bytes()), tmp_path)


HOSTILE: dict[str, tuple[int, Callable[[Service], httpx.Response]]] = {
    "huge body": (413, lambda s: sent(s.app, ("a.png", bytes(300_000)))),
    "many inputs": (413, lambda s: sent(s.app, *[s.good] * 5)),
    "no image": (422, lambda s: sent(s.app, ("a.png", b"no image"))),
    "torn image": (422, lambda s: sent(s.app, ("a.png", s.good[1][:60]))),
    "decompression bomb": (422, lambda s: sent(s.app, ("a.png", s.picture()))),
    "program": (422, lambda s: sent(s.app, ("a.png", b"%!PS-Adobe-3.0 EPSF-3.0"))),
    "URL in a field": (415, lambda s: post(s.app, json={"texts": ["http://169.254.169.254/latest"]})),
    "nothing": (415, lambda s: post(s.app, content=b"", headers={"content-type": "application/json"})),
    "JSON": (415, lambda s: post(s.app, content=b"{" * 5000, headers={"content-type": "application/json"})),
    "path in the address": (404, lambda s: get(s.app, "/static/..%2f..%2fapp.py")),
    "another method": (405, lambda s: get(s.app, "/v1/predict")),
    "another host": (400, lambda s: get(s.app, "/v1/model", headers={"host": "evil.example"})),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_40_a_hostile_request_is_refused_and_the_next_good_one_is_served(kind: str, service: Service) -> None:
    status, request = HOSTILE[kind]
    answer = request(service)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.status_code == status, answer.text
    assert str(service.place) not in answer.text
    after = sent(service.app, service.good)
    assert after.status_code == 200, after.text
    assert after.json()["rows"][0]["label"] in ("0", "1", "2")


def test_40_a_path_in_a_name_opens_no_file(service: Service) -> None:
    answer = sent(service.app, ("../../../etc/passwd", service.good[1]))
    assert answer.status_code == 200
    assert answer.json()["rows"][0]["input"] == "passwd"


def test_40_it_is_for_this_machine_alone_unless_a_token_is_given(way: Way, bundle: Path) -> None:
    said = way("serve", bundle, host="0.0.0.0", port=0)
    assert said.code == 2
    assert said.told("token")


@pytest.mark.slow
@pytest.mark.usefixtures("_sockets")
def test_40_the_command_goes_on_serving_among_slow_clients_and_a_flood(bundle: Path, service: Service) -> None:
    """`warmstart serve` itself, asked by its port: a client that never ends, forty at once, then a good one."""
    words = ["serve", str(bundle), "--port", "0", "--max-queue", "8", "--max-inputs", "8"]
    with subprocess.Popen(
        [sys.executable, "-m", "warmstart.cli.main", *words], stderr=subprocess.PIPE, text=True
    ) as it:
        assert it.stderr is not None
        try:
            url = next(line for line in it.stderr if "ready at" in line).split()[-1]
            slow = socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])))
            slow.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{")

            def asked(_: int = 0, content: bytes = service.good[1]) -> int:
                files = [("files", ("a.png", content))]
                return httpx.post(f"{url}/v1/predict", files=files, timeout=120).status_code

            with ThreadPoolExecutor(40) as many:
                assert set(many.map(asked, range(40))) <= {200, 429}
            assert asked(content=b"no image") == 422
            assert asked() == 200
            slow.close()
        finally:
            it.send_signal(signal.SIGTERM)
        assert it.wait(60) == 0
