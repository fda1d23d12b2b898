"""The real page of the real command in Debian's chromium. The service is a process of its own, and so is the browser:
no socket is opened in the process of the tests.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.model.text.tiny import save
from tests.newsroom import as_csv, news
from warmstart.api.fit import fit

HOSTILE = "<img src=x onerror=document.title='run'>"
"""Name of a class."""
TOKEN = "sesame-open-1234567890"
Open = Callable[..., Any]
"""`open(url, **of_the_context)`: a page at an address, ready to be used; without an answer from what is `away`."""


@contextlib.contextmanager
def served(bundle: Path, *options: str) -> Iterator[str]:
    """`warmstart serve` on a port that is free; gives its address."""
    command = [sys.executable, "-m", "warmstart.cli.main", "serve", str(bundle), "--port", "0", *options]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "500"},
    )
    assert process.stdout is not None
    late = threading.Timer(90, process.kill)
    late.start()
    try:
        told = []
        for line in process.stdout:
            told.append(line)
            if (found := re.search(r"http://\S+", line)) is not None:
                late.cancel()
                yield found.group().rstrip("/")
                return
        raise AssertionError(f"the service did not start: {''.join(told)}")
    finally:
        late.cancel()
        process.send_signal(signal.SIGINT)
        process.wait(60)  # what was admitted is answered first, for up to 30 s
        process.stdout.close()


@pytest.fixture(scope="session")
def digits_bundle(_digits_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tells digits apart; the class of the 2 has a name that is HTML."""
    place = tmp_path_factory.mktemp("page")
    data = Path(shutil.copytree(_digits_once, place / "digits"))
    (data / "2").rename(data / HOSTILE)
    run = fit(data, backbone="toy", recipe="probe", baseline="none", out=place / "run", cache=place / "cache")
    return Path(run.bundle)


@pytest.fixture(scope="session")
def news_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("page")
    backbone = f"hf:{save(place / 'tiny')}"
    table = as_csv(place / "news.csv", news())
    run = fit(table, backbone=backbone, recipe="probe", baseline="none", out=place / "run", cache=place / "cache")
    return Path(run.bundle)


@pytest.fixture(scope="session")
def waves_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("page")
    series, labels = waves(20)
    run = fit(
        (series, labels),
        backbone="toy_series",
        recipe="probe",
        baseline="none",
        out=place / "run",
        cache=place / "cache",
    )
    return Path(run.bundle)


def waves(per_class: int, seed: int = 0) -> tuple[np.ndarray[Any, Any], list[str]]:
    """Series of 64 steps, slow and quick waves in turn."""
    rng = np.random.default_rng(seed)
    steps = np.linspace(0, 2 * np.pi, 64)
    names = ["slow", "quick"] * per_class
    found = [np.sin({"slow": 2, "quick": 7}[name] * steps + rng.uniform(0, 6)) for name in names]
    return np.stack(found) + rng.normal(0, 0.05, (len(names), 64)), names


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where the browser is; all tests of the page are skipped without one."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    return found


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    """Chromium; of one module, since playwright keeps an event loop for as long as it runs."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Open]:
    """Pages that fail the test if a script fails in them, or if they ask any host but the service."""
    contexts, failed, asked = [], [], []

    def opened(
        url: str, *, ready: bool = True, away: str = "", scheme: str = "light", width: int = 1280, **options: Any
    ) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, **options)
        contexts.append(context)
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.on("request", lambda request: asked.append((url, request.url)))
        if away:
            page.route(away, lambda route: route.abort())
        page.goto(url)
        if ready:
            page.locator("body[data-ready]").wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert failed == []
    assert [at for own, at in asked if not at.startswith((f"{own}/", "blob:", "data:"))] == []


@pytest.fixture(scope="session")
def digits_url(digits_bundle: Path, chromium: str) -> Iterator[str]:
    with served(digits_bundle) as url:
        yield url


@pytest.fixture(scope="module")
def strict_url(digits_bundle: Path, chromium: str) -> Iterator[str]:
    """Asks for a token, and takes four inputs at a time."""
    with served(digits_bundle, "--token", TOKEN, "--max-inputs", "4") as url:
        yield url


@pytest.fixture
def images(digits_folder: Path) -> list[Path]:
    """One of each class."""
    return [next(iter(sorted((digits_folder / name).iterdir()))) for name in ("0", "1", "2")]
