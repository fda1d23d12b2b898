"""Commands on a ray cluster on loopback: the same results as without, whoever dies. Sockets are for other processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.api.helpers import quick
from warmstart.engine.fanout.cluster import joined
from warmstart.errors import MissingExtraError

SOURCE = Path(__file__).parent.parent.parent / "src"
PORT = 26379
TASK = "ray::_there"
COMPARE = ("compare", "digits", "--methods", "pixels,probe", "--backbones", "toy", "--folds", "3", "--budget", "15m")
RECOMMEND = ("recommend", "digits", "--backbones", "toy,toy?taps=0", "--budget", "15m")
PREDICT = ("predict", "run/bundle", "images.csv", "--keep", "id", "--batch-size", "8")


def environment(place: Path) -> dict[str, str]:
    """Of a command: no token is written into a home, nothing is told to anybody, what ray keeps is removed."""
    own = {"PYTHONPATH": str(SOURCE), "WARMSTART_CACHE": str(place / "cache"), "RAY_AUTH_MODE": "disabled"}
    own |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_memory_monitor_refresh_ms": "0"}  # others may fill the memory here
    own |= {"RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S": "300"}  # by itself 30 s, too little where others compute
    return {**os.environ, **own, "RAY_TMPDIR": str(place / "tmp")}


@pytest.fixture(scope="module")
def place(_digits_once: Path) -> Iterator[Path]:
    """Sixty digits, a bundle, a table of 1200 rows and one whose file is gone. Its path is short: sockets lie below."""
    with tempfile.TemporaryDirectory(prefix="ws-") as folder:
        root = Path(folder)
        (root / "tmp").mkdir()
        data = Path(shutil.copytree(_digits_once, root / "digits"))
        quick(data, root / "run", cache=root / "cache")
        paths = [path.relative_to(root).as_posix() for path in sorted(data.rglob("*.png"))] * 20
        lines = [f"{path},{i}" for i, path in enumerate([*paths, "digits/gone.png"])]
        (root / "images.csv").write_text("\n".join(["path,id", *lines, ""]))
        yield root


def begin(place: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "warmstart.cli.main", *words]
    return subprocess.Popen(command, cwd=place, env=environment(place), text=True, stderr=subprocess.PIPE)


def end(process: subprocess.Popen[str], code: int = 0) -> str:
    """What it said on stderr."""
    _, said = process.communicate(timeout=500)
    assert process.returncode == code, said
    return said


def workers(of: subprocess.Popen[Any], called: str = TASK) -> list[psutil.Process]:
    """Those that are at work, below a process."""
    found = list[psutil.Process]()
    for one in psutil.Process(of.pid).children(recursive=True) if of.poll() is None else ():
        try:
            found += [one] if called in " ".join(one.cmdline()) else []
        except psutil.Error:
            continue
    return found


def until(found: Callable[[], Any], process: subprocess.Popen[str]) -> Any:
    """What is found, before the process is over."""
    while process.poll() is None:
        if some := found():
            return some
        time.sleep(0.1)
    raise AssertionError(f"it was over too soon: {process.communicate()[1]}")


@pytest.fixture(scope="module")
def head(place: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of a cluster with two cores, as `ray start --head` makes one, and the process that holds it."""
    words = ["--head", f"--port={PORT}", "--node-ip-address=127.0.0.1", "--num-cpus=2", "--block"]
    words += ["--object-store-memory=100000000", "--include-dashboard=false", f"--ray-client-server-port={PORT + 1}"]
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", *words]
    process = subprocess.Popen(
        command, cwd=place, env=environment(place), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    for line in process.stdout:
        if b"Ray runtime started" in line:
            break
    yield f"127.0.0.1:{PORT}", process
    every = psutil.Process(process.pid).children(recursive=True)
    process.terminate()  # not `ray stop`, which ends every cluster on the machine
    process.wait(60)
    gone, left = psutil.wait_procs(every, timeout=30)
    assert (len(gone), left) == (len(every), [])


def facts(place: Path, folder: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place / folder / "results.json").read_text())
    return found


def scores(place: Path, folder: str) -> Any:
    entries = facts(place, folder)["entries"]
    return [(one["name"], one["metrics"], [trial["value"] for trial in one["trials"]]) for one in entries]


def choice(place: Path, folder: str) -> Any:
    found = facts(place, folder)
    rounds = {one["backbone"]: one["rounds"] for one in found["candidates"]}
    tuned = {one["backbone"]: (one["method"], one["value"]) for one in found["tuned"]}
    return found["backbone"], found["method"], rounds, tuned, found["difference"]


@pytest.fixture(scope="module")
def alone(place: Path) -> Path:
    """What one process gives."""
    end(begin(place, *COMPARE, "--out", "alone"))
    end(begin(place, *RECOMMEND, "--out", "chosen"))
    end(begin(place, *PREDICT, "--out", "alone.csv"))
    return place


def test_an_address_without_a_cluster_is_said_in_seconds(tmp_path: Path) -> None:
    code = (
        "import socket, time\n"
        "from warmstart.engine.fanout.cluster import joined\n"
        "from warmstart.errors import WorkerError\n"
        "with socket.socket() as taken:\n"
        "    taken.bind(('127.0.0.1', 0))\n"  # and does not listen
        "    port = taken.getsockname()[1]\n"
        "    for address in (f'127.0.0.1:{port}', f'ray://127.0.0.1:{port}', 'nonsense'):\n"
        "        began = time.monotonic()\n"
        "        try:\n"
        "            with joined(address):\n"
        "                print('joined')\n"
        "        except WorkerError as error:\n"
        "            print(error.found.partition(':')[0], time.monotonic() - began < 20)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(tmp_path), capture_output=True, text=True, timeout=120, check=True
    )
    said = done.stdout.splitlines()
    assert len(said) == 3, done.stderr
    assert all(line.startswith("there is no ray cluster at ") and line.endswith(" True") for line in said)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"warmstart\[ray\]"), joined("local"):
        pass


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_answered_and_leaves_no_process(alone: Path) -> None:
    process = begin(alone, *PREDICT, "--out", "stopped.csv", "--ray", "local")
    until(lambda: workers(process), process)
    every = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    assert "--resume" in end(process, code=130)
    assert psutil.wait_procs(every, timeout=30)[1] == []
    end(begin(alone, *PREDICT, "--out", "stopped.csv", "--ray", "local", "--resume"))
    assert (alone / "stopped.csv").read_bytes() == (alone / "alone.csv").read_bytes()


@pytest.mark.slow
def test_answers_are_the_same_bytes_though_a_worker_was_killed(
    alone: Path, head: tuple[str, subprocess.Popen[bytes]]
) -> None:
    address, cluster = head
    process = begin(alone, *PREDICT, "--out", "killed.csv", "--ray", address)
    until(lambda: workers(cluster), process)[0].kill()
    assert "1 of 3 times: it is done again" in end(process)
    assert (alone / "killed.csv").read_bytes() == (alone / "alone.csv").read_bytes()


@pytest.mark.slow
def test_inputs_that_each_worker_dies_of_are_named_and_the_call_can_go_on(
    alone: Path, head: tuple[str, subprocess.Popen[bytes]]
) -> None:
    address, cluster = head
    process = begin(alone, *PREDICT, "--out", "lost.csv", "--ray", address)
    while process.poll() is None:
        for worker in workers(cluster):
            worker.kill()
        time.sleep(0.05)
    said = end(process, code=3)
    assert "inputs 1 to 64 (digits/0/" in said
    assert "is given up: each of the 3 workers that took it died" in said
    end(begin(alone, *PREDICT, "--out", "lost.csv", "--ray", f"ray://127.0.0.1:{PORT + 1}", "--resume"))
    assert (alone / "lost.csv").read_bytes() == (alone / "alone.csv").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(("words", "told", "folder"), [(COMPARE, scores, "alone"), (RECOMMEND, choice, "chosen")])
def test_a_killed_worker_changes_nothing_of_what_is_measured(
    alone: Path,
    head: tuple[str, subprocess.Popen[bytes]],
    words: tuple[str, ...],
    told: Callable[[Path, str], Any],
    folder: str,
) -> None:
    address, cluster = head
    process = begin(alone, *words, "--out", f"{folder}-killed", "--ray", address)
    until(lambda: workers(cluster), process)[0].kill()
    assert "it is done again" in end(process)
    assert told(alone, f"{folder}-killed") == told(alone, folder)


@pytest.mark.slow
def test_a_killed_process_costs_compare_a_trial_that_is_run_again(alone: Path) -> None:
    process = begin(alone, *COMPARE, "--out", "processes", "--workers", "2")
    until(lambda: workers(process, "spawn_main"), process)[0].kill()
    assert "killed by SIGKILL" in end(process)
    assert scores(alone, "processes") == scores(alone, "alone")


@pytest.mark.slow
def test_trials_that_each_process_dies_of_are_named_and_the_others_are_kept(alone: Path) -> None:
    # The second method takes long enough to be killed at work, also where the machine is busy.
    command = [word.replace("pixels,probe", "pixels,finetune?epochs=60") for word in COMPARE]
    process = begin(alone, *command, "--out", "some", "--workers", "1", "--ray", "local")
    began = time.monotonic()
    finished = alone / "some" / "trials" / "00" / "seed-0-fold-0"
    until(lambda: list(finished.glob("trial.*")), process)
    while process.poll() is None and time.monotonic() - began < 400:
        for worker in workers(process):
            worker.kill()
        time.sleep(0.05)
    said = end(process, code=3)
    assert "the trial of " in said
    assert "to go on, the same command with --resume some" in said
    again = end(begin(alone, *command, "--resume", "some"))
    assert "trials were finished before" in again
    some, whole = ({one[0]: one for one in scores(alone, folder)} for folder in ("some", "alone"))
    (kept,) = some.keys() & whole.keys()
    assert some[kept] == whole[kept]
    assert [len(values) for _, _, values in some.values()] == [3, 3]
