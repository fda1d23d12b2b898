"""A small model hub on the loopback, as far as `push` and `pull` speak with one: what huggingface-hub's client asks.

It keeps repositories as commits of files, wants a token for what is private and for all writing, sends large files
through its own large file storage, and checks the YAML of a card. It is no copy of the hub: what was tried against it
was not tried against the hub.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

TOKEN = "hf_of_the_tests"
ATTRIBUTES = ".gitattributes"
LARGE = (".safetensors", ".png", ".bin")


@dataclasses.dataclass
class Repo:
    private: bool
    commits: dict[str, dict[str, bytes]] = dataclasses.field(default_factory=dict)
    order: list[str] = dataclasses.field(default_factory=list)
    messages: list[str] = dataclasses.field(default_factory=list)

    def commit(self, files: dict[str, bytes], message: str) -> str:
        """Keep a state of all files; returns its name, which grows out of all before it."""
        content = [f"{name}:{hashlib.sha256(body).hexdigest()}" for name, body in sorted(files.items())]
        name = hashlib.sha1("".join([*self.order, message, *content]).encode()).hexdigest()
        self.commits[name] = dict(files)
        self.order.append(name)
        self.messages.append(message)
        return name

    def at(self, revision: str) -> str | None:
        if revision == "main":
            return self.order[-1]
        return revision if revision in self.commits else None


class Hub(ThreadingHTTPServer):
    """All that is on it, and every request that it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repos: dict[str, Repo] = {}
        self.blobs: dict[str, bytes] = {}
        self.asked: list[tuple[str, str]] = []
        self.ignored: set[str] = set()  # what a .gitignore of the repository would name
        self.broken = False

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def files(self, repo: str) -> dict[str, bytes]:
        """The newest state of a repository."""
        return self.repos[repo].commits[self.repos[repo].order[-1]]

    def change(self, repo: str, **files: bytes | None) -> str:
        """A commit by somebody else; `None` removes a file. A dot in a name is written `__`."""
        now = dict(self.files(repo))
        for name, content in files.items():
            now.pop(name.replace("__", "."), None)
            if content is not None:
                now[name.replace("__", ".")] = content
        return self.repos[repo].commit(now, "by somebody else")


@contextmanager
def serving() -> Iterator[Hub]:
    """A hub, while the block runs."""
    hub = Hub()
    thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._do("GET")

    def do_HEAD(self) -> None:
        self._do("HEAD")

    def do_POST(self) -> None:
        self._do("POST")

    def do_PUT(self) -> None:
        self._do("PUT")

    def _do(self, method: str) -> None:
        path = unquote(urlsplit(self.path).path)
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((method, path))
        if self.server.broken:
            return self._json(500, {"error": "Internal Error"})
        parts = path.strip("/").split("/")
        if method == "PUT" and parts[0] == "storage":
            self.server.blobs[parts[1]] = self.body
            return self._json(200, {})
        if path == "/api/repos/create":
            return self._create()
        if path == "/api/validate-yaml":
            return self._validate()
        if path.endswith(".git/info/lfs/objects/batch"):
            return self._batch()
        if parts[:2] == ["api", "models"] and len(parts) >= 4:
            return self._api("/".join(parts[2:4]), parts[4:])
        if len(parts) >= 5 and parts[2] == "resolve":
            return self._resolve("/".join(parts[:2]), parts[3], "/".join(parts[4:]), method)
        return self._json(404, {"error": "not found"})

    @property
    def _known(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _json(self, status: int, document: Any, **headers: str) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _create(self) -> None:
        if not self._known:
            return self._json(401, {"error": "Invalid credentials"})
        asked = json.loads(self.body)
        name = f"{asked['organization']}/{asked['name']}"
        if asked["organization"] == "others":
            return self._json(403, {"error": "You don't have the rights to create a model under others"})
        url = f"{self.server.address}/{name}"
        if name in self.server.repos:
            return self._json(409, {"error": "You already created this model repo", "url": url})
        repo = self.server.repos[name] = Repo(asked.get("visibility") == "private" or bool(asked.get("private")))
        repo.commit({ATTRIBUTES: b"*.safetensors filter=lfs\n"}, "initial commit")
        return self._json(200, {"url": url, "name": name, "id": name})

    def _validate(self) -> None:
        content = json.loads(self.body)["content"]
        try:
            facts = yaml.safe_load(content.split("---\n")[1]) if content.startswith("---\n") else None
        except yaml.YAMLError as error:
            return self._json(400, {"errors": [{"message": str(error)}], "warnings": []})
        warnings = [] if facts else [{"message": "empty or missing yaml metadata in repo card"}]
        return self._json(200, {"errors": [], "warnings": warnings})

    def _batch(self) -> None:
        objects = []
        for one in json.loads(self.body)["objects"]:
            upload = {"href": f"{self.server.address}/storage/{one['oid']}", "header": {}}
            objects.append({**one, **({} if one["oid"] in self.server.blobs else {"actions": {"upload": upload}})})
        return self._json(200, {"transfer": "basic", "objects": objects})

    def _api(self, name: str, rest: list[str]) -> None:
        repo = self.server.repos.get(name)
        if repo is None or (repo.private and not self._known):
            return self._json(401, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")
        if rest[:1] in (["preupload"], ["commit"]) and not self._known:
            return self._json(401, {"error": "Invalid credentials"})
        revision = rest[1] if len(rest) > 1 else "main"
        at = repo.at(revision)
        if at is None:
            return self._json(404, {"error": "Invalid rev id"}, X_Error_Code="RevisionNotFound")
        files = repo.commits[at]
        if rest[:1] == ["tree"]:
            return self._json(200, [_entry(path, content) for path, content in sorted(files.items())])
        if rest[:1] == ["preupload"]:
            return self._json(200, {"files": [self._mode(one["path"]) for one in json.loads(self.body)["files"]]})
        if rest[:1] == ["commit"]:
            return self._commit(name, repo, files)
        siblings = [{"rfilename": path} for path in files]
        return self._json(200, {"id": name, "modelId": name, "sha": at, "private": repo.private, "siblings": siblings})

    def _mode(self, path: str) -> dict[str, Any]:
        mode = "lfs" if path.endswith(LARGE) else "regular"
        return {"path": path, "uploadMode": mode, "shouldIgnore": path in self.server.ignored}

    def _commit(self, name: str, repo: Repo, files: dict[str, bytes]) -> None:
        now, message = dict(files), ""
        for line in self.body.decode().splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "header":
                message = value["summary"]
                if value.get("parentCommit") not in (None, repo.order[-1]):
                    return self._json(412, {"error": "A commit has happened since. Please refresh and try again."})
            elif item["key"] == "file":
                now[value["path"]] = base64.b64decode(value["content"])
            elif item["key"] == "lfsFile":
                now[value["path"]] = self.server.blobs[value["oid"]]
            elif item["key"] == "deletedFile":
                del now[value["path"]]
        made = repo.commit(now, message)
        url = f"{self.server.address}/{name}/commit/{made}"
        return self._json(200, {"success": True, "commitOid": made, "commitUrl": url})

    def _resolve(self, name: str, revision: str, path: str, method: str) -> None:
        repo = self.server.repos.get(name)
        if repo is None or (repo.private and not self._known):
            return self._json(401, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")
        at = repo.at(revision)
        content = repo.commits[at].get(path) if at else None
        if at is None or content is None:
            return self._json(404, {"error": "Entry not found"}, X_Error_Code="EntryNotFound")
        self.send_response(200)
        self.send_header("X-Repo-Commit", at)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if method == "GET":
            self.wfile.write(content)
        return None


def _entry(path: str, content: bytes) -> dict[str, Any]:
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    large = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
    entry = {"type": "file", "path": path, "oid": blob, "size": len(content)}
    return {**entry, "lfs": large} if path.endswith(LARGE) else entry
