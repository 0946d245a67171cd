"""What the Hub of the tests (hub_server.py) answers, a method for each kind of request.

It speaks what huggingface_hub asks when it publishes and loads: whoami, repository creation, front matter validation,
preupload, Git LFS (batch, upload, verify), commits, repository info, trees, and files by `resolve`, where LFS files
redirect to another address as on the Hub; and what the package `datasets` asks when it loads a data set.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import socket
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

if TYPE_CHECKING:
    from hub_server import HubServer

TOKENS = {"hf_write": True, "hf_read": False}  # token -> may write
USER = "user"
PREFIXES = {"model": "", "space": "spaces/", "dataset": "datasets/"}


@dataclass
class Commit:
    oid: str
    message: str
    files: dict[str, bytes]


@dataclass
class Repository:
    private: bool
    options: dict
    commits: list[Commit] = field(default_factory=list)
    branches: dict[str, str] = field(default_factory=dict)  # branch or tag -> oid

    def commit(self, message: str, files: dict[str, bytes], branch: str = "main") -> Commit:
        oid = hashlib.sha1(f"{len(self.commits)} {message} {sorted(files)}".encode()).hexdigest()
        self.commits.append(Commit(oid, message, files))
        self.branches[branch] = oid
        return self.commits[-1]

    def find(self, revision: str) -> Commit | None:
        oid = self.branches.get(revision, revision)
        return next((commit for commit in self.commits if commit.oid == oid), None)


def is_lfs(path: str, size: int) -> bool:
    """As in the Hub's default .gitattributes, and above 10 MB whatever the name."""
    return path.endswith((".safetensors", ".bin", ".pt")) or size > 10_000_000


def git_oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Problem(Exception):
    def __init__(self, status: int, message: str, code: str | None = None):
        super().__init__(message)
        self.status, self.code = status, code


class Handler(BaseHTTPRequestHandler):
    hub: HubServer  # whose requests these are
    protocol_version = "HTTP/1.1"

    ROUTES = [
        ("GET", r"/api/whoami-v2", "whoami"),
        ("POST", r"/api/repos/create", "create"),
        ("POST", r"/api/validate-yaml", "validate"),
        ("POST", r"/api/(model|space|dataset)s/([^/]+/[^/]+)/preupload/([^/]+)", "preupload"),
        ("POST", r"/api/(model|space|dataset)s/([^/]+/[^/]+)/commit/([^/]+)", "commit"),
        ("POST", r"/(spaces/|datasets/)?([^/]+/[^/]+)\.git/info/lfs/objects/batch", "lfs_batch"),
        ("PUT", r"/lfs/upload/([0-9a-f]{64})", "lfs_upload"),
        ("POST", r"/lfs/verify", "lfs_verify"),
        ("POST", r"/api/(model|space|dataset)s/([^/]+/[^/]+)/branch/([^/]+)", "branch"),
        ("GET", r"/api/(model|space|dataset)s/([^/]+/[^/]+)/tree/([^/]+)(?:/(.+))?", "tree"),
        ("POST", r"/api/(model|space|dataset)s/([^/]+/[^/]+)/paths-info/([^/]+)", "paths"),
        ("GET", r"/api/(model|space|dataset)s/([^/]+/[^/]+)(?:/revision/([^/]+))?", "info"),
        ("GET", r"/(spaces/|datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", "resolve"),
        ("GET", r"/cdn/([0-9a-f]{64})", "cdn"),
    ]

    def handle_request(self) -> None:
        self.body = self._read_body()
        path = urlsplit(self.path).path
        self.hub.log.append((self.command, path))
        self.fault = self.hub.fault(f"{self.command} {path}")
        if self.fault and self.fault.kind in ("hang", "drip headers"):
            return self._never_answer()
        try:
            if self.fault and isinstance(self.fault.kind, int):
                raise Problem(self.fault.kind, "as the test wishes")
            if self.hub.failing:
                raise Problem(self.hub.failing, "out of order")
            self.writer = self._authorise()
            for method, pattern, name in self.ROUTES:
                match = re.fullmatch(pattern, path)
                if match and (self.command == method or (self.command == "HEAD" and method == "GET")):
                    return getattr(self, name)(*[unquote(group) if group else group for group in match.groups()])
            raise Problem(404, f"no such endpoint: {self.command} {path}")
        except Problem as problem:
            headers = {"X-Error-Message": " ".join(str(problem).split())} | (
                {"X-Error-Code": problem.code} if problem.code else {}
            )
            if self.fault and self.fault.retry_after is not None:
                headers["Retry-After"] = str(self.fault.retry_after)
            self.send({"error": str(problem), "errors": [{"message": str(problem)}]}, problem.status, headers)

    do_GET = do_HEAD = do_POST = do_PUT = handle_request

    def log_message(self, *_) -> None:
        pass

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def send(self, content, status: int = 200, headers: dict | None = None) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for key, value in ({"Content-Length": str(len(data))} | (headers or {})).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        kind = self.fault.kind if self.fault else None
        if kind == "drip":
            self._drip(data)
        elif kind == "cut":
            self.wfile.write(data[: len(data) // 2])
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif kind == "flip":
            k = len(data) // 2
            self.wfile.write(data[:k] + bytes([data[k] ^ 1]) + data[k + 1 :])
        else:
            self.wfile.write(data)

    def _never_answer(self) -> None:
        self.close_connection = True
        if self.fault.kind == "drip headers":
            self._drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 100_000)
        self.hub.stopped.wait(60)

    def _drip(self, data: bytes) -> None:
        """A byte at a time, as long as anybody listens and the server runs."""
        with contextlib.suppress(OSError):
            for byte in data:
                self.wfile.write(bytes([byte]))
                if self.hub.stopped.wait(0.05):
                    break
        self.close_connection = True

    # Who asks, and what may they see?

    def _authorise(self) -> bool | None:
        """True: may write, False: may read, None: anonymous."""
        header = self.headers.get("Authorization")
        if header is None:
            return None
        token = header.removeprefix("Bearer ")
        if token not in TOKENS:
            raise Problem(401, "Invalid credentials in Authorization header")
        return TOKENS[token]

    def _may_write(self) -> None:
        if self.writer is None:
            raise Problem(401, "Invalid username or password.")
        if not self.writer:
            raise Problem(403, "You don't have the rights to write here")

    def _repository(self, kind: str, repo_id: str) -> Repository:
        repository = self.hub.repositories.get((kind, repo_id))
        if repository is None or (repository.private and self.writer is None):
            raise Problem(401 if self.writer is None else 404, "Repository not found", "RepoNotFound")
        return repository

    def _commit(self, kind: str, repo_id: str, revision: str | None) -> Commit:
        commit = self._repository(kind, repo_id).find(revision or "main")
        if commit is None:
            raise Problem(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return commit

    # Publishing

    def whoami(self) -> None:
        if self.writer is None:
            raise Problem(401, "Invalid username or password.")
        self.send({"type": "user", "name": USER, "orgs": []})

    def create(self) -> None:
        self._may_write()
        wanted = json.loads(self.body)
        kind = wanted.get("type") or "model"
        repo_id = f"{wanted.get('organization') or USER}/{wanted['name']}"
        if not repo_id.startswith(f"{USER}/"):
            raise Problem(403, "You don't have the rights to create a repository under this namespace")
        if (kind, repo_id) in self.hub.repositories:
            return self.send(
                {"error": "You already created this repo", "url": f"{self.hub.url}/{PREFIXES[kind]}{repo_id}"}, 409
            )
        repository = Repository(wanted.get("visibility") == "private" or bool(wanted.get("private")), wanted)
        repository.commit("initial commit", {".gitattributes": b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"})
        self.hub.repositories[kind, repo_id] = repository
        self.send({"url": f"{self.hub.url}/{PREFIXES[kind]}{repo_id}", "name": repo_id})

    def validate(self) -> None:
        content = json.loads(self.body)["content"]
        match = re.match(r"---\n(.*?)\n---\n", content, re.DOTALL)
        try:
            front_matter = yaml.safe_load(match[1]) if match else {}
        except yaml.YAMLError as error:
            raise Problem(400, f"front matter is not YAML: {error}") from error
        if not isinstance(front_matter, dict):
            raise Problem(400, "front matter must be a mapping")
        self.send({"errors": [], "warnings": [] if front_matter else [{"message": "empty or missing yaml metadata"}]})

    def preupload(self, kind: str, repo_id: str, revision: str) -> None:
        self._may_write()
        files = self._commit(kind, repo_id, revision).files
        answer = []
        for file in json.loads(self.body)["files"]:
            lfs = is_lfs(file["path"], file["size"])
            there = files.get(file["path"])
            oid = None if there is None else hashlib.sha256(there).hexdigest() if lfs else git_oid(there)
            answer.append(
                {"path": file["path"], "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": False, "oid": oid}
            )
        self.send({"files": answer})

    def lfs_batch(self, _, repo_id: str) -> None:
        self._may_write()
        objects = []
        for item in json.loads(self.body)["objects"]:
            if item["oid"] not in self.hub.blobs:
                item["actions"] = {
                    "upload": {"href": f"{self.hub.url}/lfs/upload/{item['oid']}"},
                    "verify": {"href": f"{self.hub.url}/lfs/verify"},
                }
            objects.append(item)
        self.send({"transfer": "basic", "objects": objects})

    def lfs_upload(self, oid: str) -> None:
        if hashlib.sha256(self.body).hexdigest() != oid:
            raise Problem(400, "the content does not have the checksum that was announced")
        self.hub.blobs[oid] = self.body
        self.send(b"")

    def lfs_verify(self) -> None:
        wanted = json.loads(self.body)
        if len(self.hub.blobs.get(wanted["oid"], b"")) != wanted["size"]:
            raise Problem(404, "object not found")
        self.send({})

    def commit(self, kind: str, repo_id: str, revision: str) -> None:
        self._may_write()
        files = dict(self._commit(kind, repo_id, revision).files)
        message = ""
        for line in self.body.splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "header":
                message = value["summary"]
            elif item["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif item["key"] == "lfsFile":
                files[value["path"]] = self.hub.blobs[value["oid"]]
            elif item["key"] == "deletedFile":
                del files[value["path"]]
            else:
                raise Problem(400, f"unknown operation {item['key']}")
        commit = self._repository(kind, repo_id).commit(message, files, revision)
        self.send(
            {"commitUrl": f"{self.hub.url}/{PREFIXES[kind]}{repo_id}/commit/{commit.oid}", "commitOid": commit.oid}
        )

    def branch(self, kind: str, repo_id: str, name: str) -> None:
        self._may_write()
        repository = self._repository(kind, repo_id)
        if name in repository.branches:
            raise Problem(409, "Reference already exists")
        repository.branches[name] = repository.branches["main"]
        self.send({})

    # Loading

    def info(self, kind: str, repo_id: str, revision: str | None) -> None:
        commit = self._commit(kind, repo_id, revision)
        card = commit.files.get("README.md", b"").decode("utf-8", "replace") if kind == "dataset" else ""
        said = re.match(r"---\n(.*?)\n---\n", card, re.DOTALL)
        self.send(
            {
                "id": repo_id,
                "cardData": yaml.safe_load(said[1]) if said else None,
                "modelId": repo_id,
                "sha": commit.oid,
                "private": self._repository(kind, repo_id).private,
                "tags": [],
                "downloads": 0,
                "likes": 0,
                "siblings": [
                    {"rfilename": path} | (self._blob(path, content) if "blobs=" in self.path else {})
                    for path, content in commit.files.items()
                ],
            }
        )

    @staticmethod
    def _blob(path: str, content: bytes) -> dict:
        """What the Hub says of a file. Of one in LFS git has only the pointer."""
        if not is_lfs(path, len(content)):
            return {"size": len(content), "blobId": git_oid(content)}
        oid = hashlib.sha256(content).hexdigest()
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n".encode()
        lfs = {"sha256": oid, "size": len(content), "pointerSize": len(pointer)}
        return {"size": len(content), "blobId": git_oid(pointer), "lfs": lfs}

    def tree(self, kind: str, repo_id: str, revision: str, folder: str | None) -> None:
        files, start = self._commit(kind, repo_id, revision).files, f"{folder}/" if folder else ""
        if start and not any(path.startswith(start) for path in files):
            raise Problem(404, f"{folder} does not exist", "EntryNotFound")
        deep = "recursive=true" in self.path.lower()
        self.send([entry for entry in self._entries(files, start) if deep or "/" not in entry["path"][len(start) :]])

    def paths(self, kind: str, repo_id: str, revision: str) -> None:
        wanted = {path.strip("/") for path in parse_qs(self.body.decode()).get("paths", [])}
        entries = self._entries(self._commit(kind, repo_id, revision).files)
        self.send([entry for entry in entries if entry["path"] in wanted])

    @staticmethod
    def _entries(files: dict[str, bytes], start: str = "") -> list[dict]:
        """The files below a folder, and its folders."""
        found = {}
        for path, content in files.items():
            if not path.startswith(start):
                continue
            for k in range(path[len(start) :].count("/")):
                folder = "/".join(path.split("/")[: start.count("/") + k + 1])
                found[folder] = {"type": "directory", "path": folder, "size": 0, "oid": git_oid(folder.encode())}
            found[path] = {"type": "file", "path": path, "size": len(content), "oid": git_oid(content)}
            if is_lfs(path, len(content)):
                oid = hashlib.sha256(content).hexdigest()
                found[path]["lfs"] = {"oid": oid, "size": len(content), "pointerSize": 130}
        return list(found.values())

    def resolve(self, prefix: str | None, repo_id: str, revision: str, path: str) -> None:
        kinds = {prefix: kind for kind, prefix in PREFIXES.items()}
        commit = self._commit(kinds[prefix or ""], repo_id, revision)
        if path not in commit.files:
            raise Problem(404, "Entry not found", "EntryNotFound")
        content = commit.files[path]
        headers = {"X-Repo-Commit": commit.oid}
        if not is_lfs(path, len(content)):
            return self.send(content, headers=headers | {"ETag": f'"{git_oid(content)}"'})
        oid = hashlib.sha256(content).hexdigest()
        self.hub.blobs[oid] = content
        elsewhere = self.hub.url.replace("127.0.0.1", "localhost")  # the client must see another host than the Hub's
        headers |= {
            "X-Linked-Etag": f'"{oid}"',
            "X-Linked-Size": str(len(content)),
            "Location": f"{elsewhere}/cdn/{oid}",
        }
        self.send(b"", 302, headers)

    def cdn(self, oid: str) -> None:
        content = self.hub.blobs[oid]
        start = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if start:
            return self.send(content[int(start[1]) :], 206)
        self.send(content)
