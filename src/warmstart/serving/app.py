"""The service as an ASGI application: routes, and the one way from a request to an answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from warmstart import __version__
from warmstart.data.schema import Sample
from warmstart.errors import WarmstartError
from warmstart.serving import form, inputs, openapi
from warmstart.serving.answers import document, told
from warmstart.serving.asked import EXPLAIN, PREDICT, Options, SeriesList, Texts, Why, WhySeries, WhyText
from warmstart.serving.guard import Guard
from warmstart.serving.limits import Limits
from warmstart.serving.metrics import TEXT, Metrics
from warmstart.serving.page import page_file
from warmstart.serving.problems import Problem, fault
from warmstart.serving.work import About, Explain, Predict, Work
from warmstart.serving.worker import Worker
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.reading import Ready, uncut

READERS = 2
"""Threads that decode images while the network computes."""


class Service:
    """A bundle that answers requests."""

    def __init__(self, bundle: Bundle, limits: Limits, metrics: Metrics) -> None:
        self.bundle, self.limits, self.metrics = bundle, limits, metrics
        self._work = Work(bundle, limits)
        self.worker = Worker(self._work, limits, metrics)
        self._about: dict[str, Any] = {}
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="warmstart-reader")

    def close(self) -> None:
        """Answer what was admitted and end the threads."""
        self.worker.close()
        self._readers.shutdown(wait=False, cancel_futures=True)

    def refusal(self, error: WarmstartError) -> Problem:
        """What the library refuses, without where the bundle lies on this machine."""
        where = str(self.bundle.folder)
        found, expected, do = (part.replace(where, "the bundle") for part in (error.found, error.expected, error.do))
        return Problem(422, found, expected, do, kind=type(error).__name__)

    async def about(self) -> dict[str, Any]:
        """What `GET /v1/model` tells."""
        if not self._about:
            self._about = (await self._answers(About(), ()))[0]
        return self._about

    async def predict(self, request: Request) -> Response:
        """`POST /v1/predict`."""
        given, options = await self._predict_given(request)
        window = self.bundle.manifest.window
        samples = [one if (why := uncut(one, window)) is None else Sample(one.id, Ready(why)) for one in given]
        if options.coverage is not None:
            try:
                self.bundle.scores(options.coverage)
            except WarmstartError as error:
                raise self.refusal(error) from None
        rows = await self._answers(Predict(options.coverage), samples)
        unreadable = [row for row in rows if row["error"] is not None]
        self.metrics.inputs.labels("unreadable").inc(len(unreadable))
        self.metrics.inputs.labels("answered").inc(len(rows) - len(unreadable))
        if len(unreadable) == len(rows):
            raise _unreadable(unreadable, self.bundle.spec.kind)
        return Response(document(rows, masks=options.masks), media_type="application/json")

    async def explain(self, request: Request) -> Response:
        """`POST /v1/explain`."""
        if (await self.about())["explain"] is None:
            raise Problem(501, "answers of this bundle cannot be explained here", do="pip install 'warmstart[explain]'")
        samples, why = await self._explain_given(request)
        if len(samples) != 1:
            raise Problem(422, f"{len(samples)} inputs to be explained", expected="one", do="send one at a time")
        (answer,) = await self._answers(Explain(why.label, why.method), samples)
        if answer["row"]["error"] is not None:
            raise _unreadable([answer["row"]], self.bundle.spec.kind)
        return JSONResponse({**answer, "row": told(answer["row"])})

    async def _answers(self, asked: Predict | Explain | About, samples: Sequence[Sample]) -> list[dict[str, Any]]:
        """An answer for each sample, in the time there is."""
        self.worker.admit(len(samples))
        try:
            async with asyncio.timeout(self.limits.timeout):
                if isinstance(asked, Predict) and self._work.reads_ahead:
                    loop = asyncio.get_running_loop()
                    reading = [loop.run_in_executor(self._readers, self._work.read, sample) for sample in samples]
                    samples = await asyncio.gather(*reading)
                return await self.worker.answer(asked, samples)
        except TimeoutError:
            self.metrics.rejected.labels("timeout").inc()
            raise Problem(504, f"there was no answer in {self.limits.timeout:g} s", do="send less at a time") from None
        except WarmstartError as error:
            raise self.refusal(error) from None
        finally:
            self.worker.release(len(samples))

    async def _predict_given(self, request: Request) -> tuple[list[Sample], Options]:
        given = await form.read(request, PREDICT.get(self.bundle.spec.kind), Options, self.limits.max_inputs)
        if isinstance(given.options, Texts):
            samples = inputs.of_texts(given.options.texts, self.limits.max_text)
        elif isinstance(given.options, SeriesList):
            samples = inputs.of_series(self.bundle, given.options.series)
        else:
            column = given.options.text_column
            most = self.limits.max_inputs
            samples = await asyncio.to_thread(inputs.of_files, self.bundle, given.files, most, column)
        if len(samples) > self.limits.max_inputs:
            expected = f"at most {self.limits.max_inputs} in one request"
            raise Problem(413, f"{len(samples)} inputs", expected=expected, do="send them in several requests")
        return samples, given.options

    async def _explain_given(self, request: Request) -> tuple[list[Sample], Why]:
        given = await form.read(request, EXPLAIN.get(self.bundle.spec.kind), Why, 1)
        if isinstance(given.options, WhyText):
            return inputs.of_texts([given.options.text], self.limits.max_text), given.options
        if isinstance(given.options, WhySeries):
            return inputs.of_series(self.bundle, [given.options.series]), given.options
        return await asyncio.to_thread(inputs.of_files, self.bundle, given.files, 1), given.options


def _unreadable(rows: Sequence[dict[str, Any]], kind: str) -> Problem:
    more = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
    return Problem(422, f"{rows[0]['input']}: {rows[0]['error']}{more}", expected=f"a readable {kind}")


def create_app(
    bundle: Bundle, *, limits: Limits | None = None, token: str | None = None, hosts: tuple[str, ...] = ()
) -> ASGIApp:
    """The application that answers for a bundle, behind its guard.

    Args:
        bundle: what answers.
        limits: of requests, time and what waits.
        token: what clients must send as `Authorization: Bearer TOKEN`; `None` asks for none.
        hosts: names it may be called by; empty takes any.
    """
    limits, metrics = limits or Limits(), Metrics()
    service = Service(bundle, limits, metrics)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await asyncio.to_thread(service.close)

    app = FastAPI(
        title=f"warmstart: {bundle.manifest.data}",
        version=__version__,
        docs_url=None,  # its pages load scripts from another host
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    _routes(app, service)
    for kind, answer in _ERRORS.items():
        app.add_exception_handler(kind, answer)
    return Guard(app, limits, metrics, token=token, hosts=hosts)


def _routes(app: FastAPI, service: Service) -> None:
    told_of = openapi.Described(service.bundle, token=True)

    @app.get("/v1/health", responses=told_of.small)
    async def health() -> dict[str, str]:
        """Whether the process is alive."""
        return {"status": "ok"}

    @app.get("/v1/ready", responses=told_of.small)
    async def ready() -> Response:
        """Whether it takes work."""
        if not service.worker.ready:
            raise Problem(503, "the service is being stopped")
        return JSONResponse({"status": "ready"})

    @app.get("/metrics", responses=told_of.small, response_class=Response)
    async def metrics() -> Response:
        """Figures for Prometheus."""
        return Response(service.metrics.text(), headers={"Content-Type": TEXT})

    @app.get("/v1/model", responses=told_of.small)
    async def model() -> dict[str, Any]:
        """What answers, and the limits."""
        return await service.about()

    @app.post("/v1/predict", responses=told_of.large, openapi_extra=told_of.predict)
    async def predict(request: Request) -> Response:
        """A row for each input."""
        return await service.predict(request)

    @app.post("/v1/explain", responses=told_of.large, openapi_extra=told_of.explain)
    async def explain(request: Request) -> Response:
        """Why one input is answered as it is."""
        return await service.explain(request)

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return page_file("index.html")

    @app.get("/static/{name}", include_in_schema=False)
    async def static(name: str) -> Response:
        return page_file(name)


async def _of_problem(_: Request, error: Exception) -> Response:
    return cast(Problem, error).response()


async def _of_http(request: Request, error: Exception) -> Response:
    error = cast(HTTPException, error)
    found = {404: f"there is no {request.url.path[:100]}", 405: f"{request.method} is not for it"}
    status = error.status_code if error.status_code in found else 400
    return Problem(
        status, found.get(status, "the request cannot be read"), do="see /openapi.json", headers=error.headers
    ).response()


async def _of_fault(_: Request, __: Exception) -> Response:
    return fault().response()


_ERRORS = {Problem: _of_problem, HTTPException: _of_http, Exception: _of_fault}
