"""What is too much, too slow, too large or not allowed is refused in words, and the next good request is answered."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.serving.clients import figure, get, parts, png, post, refused, sent, talk
from tests.serving.conftest import Made, Serve
from warmstart.data.schema import Sample
from warmstart.errors import DataError
from warmstart.serving.app import create_app
from warmstart.serving.guard import Guard
from warmstart.serving.limits import Limits
from warmstart.serving.metrics import Metrics
from warmstart.serving.problems import Problem
from warmstart.serving.worker import Worker

TOKEN = "a-token-that-nobody-guesses"


def test_a_body_is_bounded_whether_its_size_is_said_or_not(serve: Serve, picture: bytes) -> None:
    app = serve(max_body=20_000)
    large = png() + b"\0" * 20_000
    assert "too large" in refused(sent(app, ("a.png", large)), 413)
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = post(app, content=parts(*[b"x" * 1000] * 30), headers=kind)
    assert "too large" in refused(answer, 413)
    assert answer.headers["Connection"] == "close"
    assert sent(app, ("a.png", picture)).status_code == 200
    assert figure(get(app, "/metrics").text, 'warmstart_rejected_total{reason="body"}') == 2


@given(st.lists(st.binary(max_size=400), max_size=12))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_more_than_the_limit_of_a_body_is_ever_passed_on(chunks: list[bytes]) -> None:
    seen: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(len((await receive())["body"]))
        await Problem(400, "seen").response()(scope, receive, send)

    guard = Guard(app, Limits(max_body=1000), Metrics())
    answer = post(guard, content=parts(*chunks))
    size = sum(map(len, chunks))
    assert answer.status_code == (400 if size <= 1000 else 413)
    assert seen == ([size] if size <= 1000 else [])


def test_one_who_sends_slowly_is_cut_off(serve: Serve, picture: bytes) -> None:
    app = serve(read_timeout=0.2)

    async def slow() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x"
            await asyncio.sleep(0.05)

    assert "not whole" in refused(post(app, content=slow()), 408)
    assert sent(app, ("a.png", picture)).status_code == 200


def test_inputs_of_a_request_are_bounded_however_they_come(serve: Serve, picture: bytes) -> None:
    assert "too many files" in refused(sent(serve(max_inputs=2), *[("a.png", picture)] * 3), 413)
    app = serve("generate", max_inputs=2)
    assert "3 inputs" in refused(post(app, json={"texts": ["a", "b", "c"]}), 413)
    assert "3 inputs" in refused(sent(app, ("a.csv", b"text\none cat\ntwo cats\nthree cats\n")), 413)
    assert "characters" in refused(post(serve("generate", max_text=10), json={"texts": ["a" * 11]}), 422)


class Gate:
    """Work that lasts until it is let go."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.done: list[str] = []

    def __call__(self, asked: object, samples: Sequence[Sample]) -> list[dict[str, Any]]:
        assert self.open.wait(30)
        self.done += [sample.id for sample in samples]
        return [{"input": sample.id} for sample in samples]


def test_what_does_not_fit_in_the_queue_is_told_to_come_again(made: Made, picture: bytes) -> None:
    app = create_app(made("classify")[0], limits=Limits(max_queue=2, max_inputs=2), hosts=("127.0.0.1",))

    async def many(client: httpx.AsyncClient) -> list[httpx.Response]:
        files = [("files", ("a.png", picture))]
        return await asyncio.gather(*(client.post("/v1/predict", files=files) for _ in range(12)))

    answers = talk(app, many)
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 429}
    busy = next(answer for answer in answers if answer.status_code == 429)
    assert int(busy.headers["Retry-After"]) >= 1
    assert "waiting" in refused(busy, 429)
    assert sent(app, ("a.png", picture)).status_code == 200
    assert figure(get(app, "/metrics").text, "warmstart_queue_inputs") == 0


def test_what_nobody_waits_for_any_more_is_not_worked_on() -> None:
    gate = Gate()
    worker = Worker(gate, Limits(max_wait=0.0), Metrics())

    async def ask() -> list[dict[str, Any]]:
        first = asyncio.ensure_future(worker.answer("a", [Sample("first", None)]))
        await asyncio.sleep(0.05)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(worker.answer("b", [Sample("late", None)]), 0.05)
        third = asyncio.ensure_future(worker.answer("c", [Sample("third", None)]))
        await asyncio.sleep(0.05)
        gate.open.set()
        return [*await first, *await third]

    assert [row["input"] for row in asyncio.run(ask())] == ["first", "third"]
    worker.close()
    assert gate.done == ["first", "third"]


def test_nothing_is_computed_for_a_client_that_is_gone() -> None:
    gate, sent = Gate(), list[Any]()
    worker, metrics = Worker(gate, Limits(max_wait=0.0), Metrics()), Metrics()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await worker.answer(scope["path"], [Sample(scope["path"], None)])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.1)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async def ask() -> None:
        guard = Guard(app, Limits(), metrics)
        held = asyncio.ensure_future(worker.answer("first", [Sample("first", None)]))
        await asyncio.sleep(0.05)
        await guard({"type": "http", "path": "gone", "method": "GET", "headers": []}, receive, send)
        gate.open.set()
        await held

    asyncio.run(ask())
    worker.close()
    assert gate.done == ["first"]
    assert sent == []
    assert figure(metrics.text().decode(), 'warmstart_requests_total{route="other",status="499"}') == 1


@given(st.lists(st.tuples(st.integers(1, 5), st.sampled_from("ab")), min_size=1, max_size=20), st.integers(1, 8))
@settings(max_examples=30)
def test_everyone_gets_the_answers_to_what_they_asked_and_batches_are_bounded(
    jobs: list[tuple[int, str]], max_batch: int
) -> None:
    sizes: list[tuple[str, int]] = []

    def work(asked: str, samples: Sequence[Sample]) -> list[dict[str, Any]]:
        sizes.append((asked, len(samples)))
        return [{"input": sample.id, "asked": asked} for sample in samples]

    worker = Worker(work, Limits(max_batch=max_batch), Metrics())

    async def ask() -> list[list[dict[str, Any]]]:
        return await asyncio.gather(
            *(
                worker.answer(asked, [Sample(f"{i}.{j}", None) for j in range(count)])
                for i, (count, asked) in enumerate(jobs)
            )
        )

    found = asyncio.run(ask())
    worker.close()
    for i, ((count, asked), rows) in enumerate(zip(jobs, found, strict=True)):
        assert rows == [{"input": f"{i}.{j}", "asked": asked} for j in range(count)]
    assert sum(size for _, size in sizes) == sum(count for count, _ in jobs)
    assert all(size <= max(max_batch, 5) for _, size in sizes)


def test_one_that_fails_does_not_spoil_it_for_the_others() -> None:
    def work(asked: str, samples: Sequence[Sample]) -> list[dict[str, Any]]:
        if any(sample.id == "bad" for sample in samples):
            raise RuntimeError("a fault")
        return [{"input": sample.id} for sample in samples]

    worker = Worker(work, Limits(max_wait=0.1), Metrics())

    async def ask() -> list[Any]:
        names = ("a", "bad", "b")
        asked = (worker.answer("x", [Sample(name, None)]) for name in names)
        return list(await asyncio.gather(*asked, return_exceptions=True))

    first, bad, last = asyncio.run(ask())
    worker.close()
    assert (first, last) == ([{"input": "a"}], [{"input": "b"}])
    assert isinstance(bad, RuntimeError)


def test_an_answer_that_takes_too_long_is_not_waited_for(serve: Serve, made: Made, picture: bytes) -> None:
    app = serve(timeout=0.000_01)
    assert "no answer" in refused(sent(app, ("a.png", picture)), 504)


def test_a_fault_of_ours_is_told_without_what_is_inside(
    serve: Serve, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = serve()

    def broken(*args: object, **options: object) -> None:
        raise RuntimeError("secret of /tmp/machine")

    with monkeypatch.context() as patch:
        patch.setattr("warmstart.shipping.bundle.Bundle.predict", broken)
        answer = sent(app, ("a.png", picture))
    assert "secret" not in answer.text
    refused(answer, 500)
    assert sent(app, ("a.png", picture)).status_code == 200


def test_a_token_is_asked_for_of_all_that_tells_of_the_model(serve: Serve, picture: bytes) -> None:
    app = serve(token=TOKEN)
    for path in ("/v1/health", "/v1/ready", "/", "/static/index.html"):
        assert get(app, path).status_code == 200
    for path in ("/v1/model", "/metrics", "/openapi.json", "/nothing"):
        answer = get(app, path)
        refused(answer, 401)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    for wrong in (f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer", TOKEN, "Bearer ÿ"):
        refused(get(app, "/v1/model", headers={"Authorization": wrong.encode("latin-1")}), 401)
    right = {"Authorization": f"Bearer {TOKEN}"}
    assert get(app, "/v1/model", headers=right).status_code == 200
    refused(sent(app, ("a.png", picture)), 401)
    assert post(app, files=[("files", ("a.png", picture))], headers=right).status_code == 200


def test_it_answers_to_its_own_name_and_its_own_page_alone(serve: Serve, picture: bytes) -> None:
    app = serve()
    refused(get(app, "/v1/model", headers={"Host": "attacker.example"}), 400)
    refused(get(app, "/v1/model", headers={"Host": "[::"}), 400)
    files = [("files", ("a.png", picture))]
    refused(post(app, files=files, headers={"Origin": "http://attacker.example"}), 403)
    refused(post(app, files=files, headers={"Origin": "null"}), 403)
    assert post(app, files=files, headers={"Origin": "http://127.0.0.1"}).status_code == 200
    assert "access-control-allow-origin" not in get(app, "/v1/model", headers={"Origin": "http://127.0.0.1"}).headers


def test_every_answer_has_the_headers_that_keep_a_page_to_itself(serve: Serve) -> None:
    app = serve()
    for path in ("/", "/v1/model", "/nothing"):
        headers = get(app, path).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'self'; img-src 'self' data: blob:;")
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
    refused(get(app, "/docs"), 404)  # FastAPI's would load scripts from elsewhere


@pytest.mark.parametrize("name", ["..%2fapp.py", "%2e%2e/app.py", "__init__.py", "nothing.html", ".hidden"])
def test_only_files_of_the_page_are_served(name: str, serve: Serve) -> None:
    assert refused(get(serve(), f"/static/{name}"), 404)


def test_limits_that_make_no_sense_are_refused() -> None:
    with pytest.raises(DataError, match="timeout of 0"):
        Limits(timeout=0)
    with pytest.raises(DataError, match="max_queue of 3"):
        Limits(max_queue=3)
