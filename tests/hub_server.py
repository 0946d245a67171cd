"""A small Hugging Face Hub on this machine, for tests of the real client: no network, no account, nothing left behind.

Repositories live in memory; `HubServer.repositories` is what a test looks into. What is answered is in hub_requests.py.
"""

import contextlib
import re
import socket
import threading
from dataclasses import dataclass
from http.server import ThreadingHTTPServer

import pytest
from hub_requests import Commit, Handler, Repository
from huggingface_hub import constants


@dataclass
class Fault:
    """What befalls requests whose "METHOD path" holds a match of `pattern`, the first `times` of them.

    kind: "hang" (nothing is ever answered), "drip" (an answer begins and comes byte by byte), "drip headers" (the same,
    before its content), "flip" (one bit of the content is another), "cut" (the content breaks off), or the status of
    an error, which may name the seconds to wait (`retry_after`).
    """

    pattern: str
    kind: str | int
    times: int = 10**9
    retry_after: int | None = None


class HubServer:
    """`with HubServer() as hub:` serves at hub.url until stopped."""

    def __init__(self):
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.blobs: dict[str, bytes] = {}  # LFS: sha256 -> content
        self.log: list[tuple[str, str]] = []  # (method, path) of every request
        self.failing = 0  # answer everything with this status instead
        self.faults: list[Fault] = []
        self.stopped = threading.Event()

    def __enter__(self) -> "HubServer":
        handler = type("OurHandler", (Handler,), {"hub": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def fault(self, request: str) -> Fault | None:
        """What is to befall a request now."""
        for fault in self.faults:
            if fault.times > 0 and re.search(fault.pattern, request):
                fault.times -= 1
                return fault
        return None

    def stop(self) -> None:
        self.stopped.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            for connection in self._server.connections:  # those that clients keep for their next request
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def add(self, repo_id: str, files: dict[str, bytes], private: bool = False, kind: str = "model") -> Commit:
        """Make a repository hold exactly these files, by one commit."""
        repository = self.repositories.setdefault((kind, repo_id), Repository(private, {}))
        return repository.commit("add", files)


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """The server, with the real client of this process turned to it: its own empty cache, the token hf_write."""
    with HubServer() as server:
        for key, value in client_settings(server.url, tmp_path).items():
            monkeypatch.setattr(constants, key, value)
        monkeypatch.setenv("HF_TOKEN", "hf_write")
        yield server


def client_settings(url: str, home) -> dict:
    """What huggingface_hub reads from the environment when it is imported."""
    return {
        "ENDPOINT": url,
        "HUGGINGFACE_CO_URL_TEMPLATE": url + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_CACHE": str(home / "hub"),
        "HF_TOKEN_PATH": str(home / "token"),
        "HF_HUB_OFFLINE": False,
        "HF_HUB_DISABLE_XET": True,
        "HF_URL_HOSTS": frozenset({"127.0.0.1"}),
    }


def client_environment(url: str, home) -> dict[str, str]:
    """The same for a process that is yet to start."""
    return {
        "HF_ENDPOINT": url,
        "HF_HOME": str(home),
        "HF_TOKEN": "hf_write",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.connections: list[socket.socket] = []

    def get_request(self):
        connection, address = super().get_request()
        self.connections.append(connection)
        return connection, address
