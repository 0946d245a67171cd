"""The demo as a server for tests: tiny models, `python app.py` over them, and visitors who speak its HTTP queue as
pages do."""

import asyncio
import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import gradio as gr
import httpx
import torch
from gradio.state_holder import SessionState

from gan_models import model_folder
from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.editor import Editor

ROOT = Path(__file__).parents[1]
ATTRIBUTES = ["Black_Hair", "Blond_Hair", "Eyeglasses", "Male", "Smiling"]


# What an endpoint sends where nothing changes: for what the server keeps, for components, for pieces of HTML.
UNCHANGED = (None, {"__type__": "update"}, {"__type__": "update", "props": {"__type__": "update"}})


def tiny(folder: Path, **arguments) -> Path:
    """A model folder of random weights, large enough that pictures and labels differ visibly."""
    torch.manual_seed(0)
    model = DCGANGenerator(latent_dim=16, width=8, embedding_dim=16, **arguments)
    for weight in model.parameters():
        if weight.ndim == 4:
            torch.nn.init.normal_(weight, 0, 0.15)
    if model.multi_label:
        model.label_table.bernoulli_(0.4)
    model_folder.save(model.eval(), folder)
    return folder


def tiny_editor(folder: Path) -> Path:
    torch.manual_seed(0)
    editor = Editor(width=4, latent_dim=16, hidden=8).eval().requires_grad_(False)
    for weight in editor.decoder.parameters():  # an untrained one draws next to nothing
        if weight.ndim > 1:
            weight.normal_(0, 0.2)
    editor.mapping.directions.normal_(0, 1)
    for name, logit in (("Smiling", 6.0), ("Eyeglasses", -6.0)):  # every face smiles, and none wears glasses
        editor.encoder.estimate.bias[editor.attributes.index(name)] = logit
    model_folder.save(editor, folder)
    return folder


def tiny_models(folder: Path) -> list[Path]:
    """Attributes, classes, no labels, an editor."""
    return [
        tiny(folder / "faces", image_size=64, image_channels=3, labels=ATTRIBUTES, multi_label=True),
        tiny(folder / "digits", image_size=28, image_channels=1, labels=list("0123456789")),
        tiny(folder / "plain", image_size=28, image_channels=1),
        tiny_editor(folder / "editor"),
    ]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(models: list[Path], temporary: Path, log: Path, *options: str):
    """`python app.py` over some models, its files in `temporary`: (address, process)."""
    port = free_port()
    sources = [word for folder in models for word in ("--model", str(folder))]
    with open(log, "w") as output:
        process = subprocess.Popen(
            [sys.executable, "app.py", *sources, "--port", str(port), *options],
            stdout=output,
            stderr=output,
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(temporary)},
        )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            assert process.poll() is None, f"the demo ended by itself:\n{log.read_text()}"
            try:
                httpx.get(address, timeout=5)
                break
            except httpx.HTTPError:
                time.sleep(0.5)
        else:
            raise AssertionError(f"the demo did not answer within two minutes:\n{log.read_text()}")
        yield address, process
    finally:
        process.kill()
        process.wait(20)


class Page:
    """A visitor's page: what it asks for and what it is told, without a browser."""

    def __init__(self, address: str):
        self.session = secrets.token_hex(8)
        self.client = httpx.Client(base_url=address, timeout=120)
        wired = self.client.get("/config").json()["dependencies"]
        self.endpoints = [endpoint for endpoint in wired if endpoint["backend_fn"]]  # not what the browser does alone

    def upload(self, content: bytes, name: str = "photo.jpg") -> dict:
        """A file as Gradio's page names it afterwards."""
        answer = self.client.post("/gradio_api/upload", files={"files": (name, content)})
        answer.raise_for_status()
        return {"path": answer.json()[0], "orig_name": name, "size": len(content), "meta": {"_type": "gradio.FileData"}}

    def named(self, name: str) -> dict:
        """The first endpoint of a function."""
        return next(endpoint for endpoint in self.endpoints if endpoint["api_name"] == name)

    def ask(self, endpoint: dict, data: list, event=None) -> tuple[list | None, list[str]]:
        """(outputs, or None after an error; the sentences that were said)"""
        self.join(endpoint, data, event)
        said = []
        with self.client.stream("GET", "/gradio_api/queue/data", params={"session_hash": self.session}) as lines:
            for line in lines.iter_lines():
                message = json.loads(line[5:]) if line.startswith("data:") else {}
                if message.get("msg") == "log":
                    said.append(message["log"])
                if message.get("msg") == "process_completed":
                    output = message["output"]
                    if output.get("error"):
                        said.append(output["error"])
                    return output.get("data") if message["success"] else None, said
        raise AssertionError("the queue ended without an answer")

    def join(self, endpoint: dict, data: list, event=None) -> None:
        """Ask, and do not wait for the answer."""
        body = {
            "fn_index": endpoint["id"],
            "data": data,
            "session_hash": self.session,
            "event_data": event,
            "trigger_id": None,
        }
        # JSON as Python writes it, which knows NaN and half a surrogate pair
        joined = self.client.post(
            "/gradio_api/queue/join", content=json.dumps(body), headers={"content-type": "application/json"}
        )
        joined.raise_for_status()

    @contextmanager
    def here(self):
        """The connection that says that the page is open; it breaks when the page is closed."""
        host, port = self.client.base_url.host, self.client.base_url.port
        with socket.create_connection((host, port), timeout=30) as connection:
            connection.sendall(
                f"GET /gradio_api/heartbeat/{self.session} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()
            )
            assert b"200 OK" in connection.recv(1000)
            yield
            connection.shutdown(socket.SHUT_RDWR)

    def get(self, path: str) -> httpx.Response:
        return self.client.get(f"/gradio_api/file={path}")


class Asking:
    """The endpoints of a built page, asked in this process as Gradio's queue asks them."""

    def __init__(self, page, session: str | None = "a visitor"):
        self.page, self.session = page, session
        self.endpoints = page.fns
        self.state = SessionState(page)
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def named(self, name: str):
        """The first endpoint of a function."""
        return next(endpoint for endpoint in self.endpoints.values() if endpoint.name == name)

    def __call__(self, endpoint, data: list, event=None) -> tuple[list, list[str]]:
        """(outputs, the sentences that were said). What Gradio would write as a traceback is raised."""
        endpoint = self.named(endpoint) if isinstance(endpoint, str) else endpoint
        said = []
        request = gr.Request(session_hash=self.session)
        with (
            patch.object(gr, "Warning", lambda sentence, **_: said.append(sentence)),
            patch.object(gr, "Info", lambda *_, **__: None),
        ):
            answer = self.page.process_api(
                endpoint,
                data,
                state=self.state,
                request=request,
                session_hash=self.session,
                event_data=gr.EventData(None, event),
            )
            return asyncio.run_coroutine_threadsafe(answer, self.loop).result()["data"], said
