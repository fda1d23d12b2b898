"""What `/openapi.json` says is what the service does, whatever is sent: no fault, no status untold."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.serving.clients import HERE, get, png, post, sent, talk
from tests.serving.conftest import Serve

schemathesis = pytest.importorskip("schemathesis")

FINE = (200, 400, 413, 415, 422, 429)
ROUTES = {"/v1/health", "/v1/ready", "/v1/model", "/v1/predict", "/v1/explain", "/metrics"}


def test_the_description_has_all_routes_and_the_body_that_this_bundle_takes(serve: Serve) -> None:
    images, texts = (get(serve(task), "/openapi.json").json() for task in ("classify", "generate"))
    assert set(images["paths"]) == set(texts["paths"]) == ROUTES
    taken = [set(one["paths"]["/v1/predict"]["post"]["requestBody"]["content"]) for one in (images, texts)]
    assert taken == [{"multipart/form-data"}, {"multipart/form-data", "application/json"}]
    assert "http" not in json.dumps(images).replace("HTTP", "").replace("https://", "").lower()


@pytest.mark.slow
@pytest.mark.parametrize("task", ["classify", "generate", "forecast"])
def test_no_request_that_a_fuzzer_makes_is_answered_otherwise_than_it_says(task: str, serve: Serve) -> None:
    app = serve(task, max_inputs=4, max_body=100_000)
    schema = schemathesis.openapi.from_dict(get(app, "/openapi.json").json())
    answered: Counter[tuple[str, int]] = Counter()
    cases = st.one_of([operation.ok().as_strategy() for operation in schema.get_all_operations()])

    @given(case=cases)
    @settings(
        max_examples=120,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def holds(case: Any) -> None:
        wanted = case.as_transport_kwargs(base_url=HERE)
        kept = {k: v for k, v in wanted.items() if k in ("method", "url", "headers", "json", "data", "files", "params")}
        answer = _asked(app, kept)
        assert answer.status_code in FINE or (case.path == "/v1/explain" and answer.status_code == 501), answer.text
        said = schema[case.path][case.method].definition.raw["responses"]
        assert str(answer.status_code) in said
        answered[case.path, answer.status_code] += 1

    holds()
    assert answered["/v1/predict", 200] + answered["/v1/predict", 422] > 3  # it came as far as the bundle


def _asked(app: Any, how: dict[str, Any]) -> Any:
    content = how.pop("data", None)
    if isinstance(content, bytes | str):
        how["content"] = content
    elif content is not None:
        how["data"] = content
    return talk(app, lambda client: client.request(**how))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(document=st.dictionaries(st.sampled_from(["texts", "series", "coverage", "text", "x"]), JSON, max_size=3))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("task", ["forecast", "tag"])
def test_any_json_is_answered(task: str, document: dict[str, Any], serve: Serve) -> None:
    content = json.dumps(document)
    answer = post(serve(task), content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code in FINE, answer.text


@given(content=st.binary(max_size=300), name=st.text(max_size=12), cut=st.integers(0, 120))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_is_answered(content: bytes, name: str, cut: int, serve: Serve) -> None:
    app = serve()
    assert sent(app, (f"{name}.png", png()[:cut] + content)).status_code in FINE
    assert sent(app, ("good.png", png())).status_code == 200


@given(body=st.binary(max_size=200), kind=st.sampled_from(["multipart/form-data; boundary=x", "multipart/form-data"]))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_answered(body: bytes, kind: str, serve: Serve) -> None:
    for start in (b"", b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'):
        answer = post(serve(), content=start + body, headers={"Content-Type": kind})
        assert answer.status_code in (400, 413, 422), answer.text
