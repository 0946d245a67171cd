"""Attacks on what a request may have opened, in process and on a running demo."""

import io
import os
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from demo_server import ROOT, Page, running, tiny_models
from PIL import Image, ImageChops

import gan_models
from gan_models import InvalidInput, images
from gan_models.demo.uploads import Uploads

META = {"meta": {"_type": "gradio.FileData"}}


def uploaded(uploads: Uploads, content: bytes = b"secret") -> Path:
    path = uploads.new_folder() / "photo.jpg"
    path.write_bytes(content)
    uploads.add([str(path)])
    return path


def test_an_upload_is_taken_once_and_zeros_of_its_length_stay(tmp_path):
    uploads = Uploads(tmp_path / "uploads")
    path = uploaded(uploads)
    assert uploads.take({"path": str(path)}) == b"secret"
    assert path.read_bytes() == bytes(6) and list(path.parent.iterdir()) == [path]
    with pytest.raises(InvalidInput, match="choose the file again"):
        uploads.take({"path": str(path)})


def test_the_same_photo_of_two_visitors_is_two_files(tmp_path):
    uploads = Uploads(tmp_path / "uploads")
    first, second = uploaded(uploads), uploaded(uploads)
    assert uploads.take({"path": str(first)}) == b"secret" == uploads.take({"path": str(second)})


def test_what_was_exchanged_after_the_upload_is_not_opened(tmp_path):
    uploads, victim = Uploads(tmp_path / "uploads"), tmp_path / "victim"
    victim.write_bytes(b"victim")

    def link(path):
        path.symlink_to(victim)

    for exchange in (link, os.mkfifo, Path.mkdir, lambda path: None):
        path = uploaded(uploads)
        path.unlink()
        exchange(path)
        with pytest.raises(InvalidInput, match="not on this server"):
            uploads.take({"path": str(path)})
    path = uploaded(uploads)
    path.parent.rename(tmp_path / "moved")
    path.parent.symlink_to(tmp_path / "moved")
    with pytest.raises(InvalidInput, match="not on this server"):
        uploads.take({"path": str(path)})
    assert victim.read_bytes() == b"victim"


def test_uploads_go_after_their_time_and_the_oldest_where_too_many_wait(tmp_path, monkeypatch):
    uploads = Uploads(tmp_path / "uploads")
    path = uploaded(uploads)
    uploads.sweep(3600)
    assert path.exists()
    uploads.sweep(-1)
    assert not list(uploads.folder.iterdir())
    with pytest.raises(InvalidInput):
        uploads.take({"path": str(path)})
    monkeypatch.setattr("gan_models.demo.uploads.MOST_WAITING", 12)
    paths = [uploaded(uploads) for _ in range(3)]
    assert [path.exists() for path in paths] == [False, True, True]


# ---- A running demo --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """(address, the folder of its files)"""
    temporary, log = tmp_path_factory.mktemp("temporary"), tmp_path_factory.mktemp("log") / "app.log"
    with running(tiny_models(tmp_path_factory.mktemp("models")), temporary, log) as (address, _):
        yield address, temporary
        assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture(scope="module")
def photo() -> bytes:
    """A JPEG with a face that nobody has."""
    generator = gan_models.load("celeba-cgan")
    face = images.to_pil(
        generator.generate(generator.sample_latents(1, seed=7, truncation=0.8), generator.sample_labels(1, seed=7))
    )[0]
    picture = Image.new("RGB", (700, 600), (120, 130, 140))
    picture.paste(face.resize((440, 440), Image.Resampling.BICUBIC), (130, 80))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=95)
    return file.getvalue()


def contents(folder: Path) -> dict[Path, bytes]:
    """All files below a folder that are not blank, those of links too."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and any(path.read_bytes())}


def test_no_path_that_a_request_names_is_opened_by_any_endpoint(demo, photo, tmp_path):
    address, temporary = demo
    run = next(temporary.glob("gan-studio-*"))
    other, page = Page(address), Page(address)
    outputs, said = other.ask(
        other.named("open_photo"), ["editor", {"file": other.upload(photo)}]
    )  # another visitor, who has a photo open and a file of it
    assert outputs[1]["kind"] == "opened" and not said
    wished = {"key": outputs[1]["key"], "edits": {"0": {"Male": 0.5}}}
    assert other.ask(other.named("full_size"), ["editor", None, wished])[0][0]["kind"] == "file"
    assert other.ask(other.named("draw_samples"), ["faces", 1, 1, 1.0, -1, [], []])[0]
    waiting = other.upload(photo, "waiting.jpg")  # sent and not opened yet

    victim, link, linked = tmp_path / "victim.jpg", run / "uploads" / "link.jpg", run / "uploads" / "linked"
    victim.write_bytes(photo)
    link.symlink_to(victim)
    linked.symlink_to(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    os.mkfifo(run / "uploads" / "fifo")
    (run / "stray.jpg").write_bytes(photo)
    (run / "uploads" / "stray.jpg").write_bytes(photo)
    example, picture = (
        next(run.glob("drawn-*/*.webp")),
        next(path for path in contents(run) if path.parent.name.startswith("visit-")),
    )
    asked = []

    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        do_HEAD = do_GET

    stranger = HTTPServer(("127.0.0.1", 0), Stranger)
    threading.Thread(target=stranger.serve_forever, daemon=True).start()
    inside = Path(waiting["path"])
    paths = [
        victim,
        link,
        linked / victim.name,
        tmp_path / "fifo",
        run / "uploads" / "fifo",
        run / "stray.jpg",
        "/dev/zero",
        "/dev/stdin",
        run / "uploads" / "stray.jpg",
        example,
        picture,
        tmp_path,
        run,
        run / "uploads",
        inside.parent,
        tmp_path / "nowhere.jpg",
        "",
        "victim.jpg",
        f"{run}/uploads/../{example.relative_to(run)}",
        f"{inside.parent}/../{inside.parent.name}/{inside.name}",
        f"{inside}/",
        f"{inside.parent}//{inside.name}",
        f"/{inside}",
        f"file://{victim}",
        "app.py",
        "\0",
        "x" * 5000,
        f"http://127.0.0.1:{stranger.server_port}/picture.jpg",
        f"{str(inside)[:-4]}.JPG",
    ]
    before = contents(tmp_path) | contents(run)
    try:
        for endpoint in {endpoint["api_name"].rstrip("_123456789"): endpoint for endpoint in page.endpoints}.values():
            for path in paths:
                # As Gradio's page names a file, and without the sign that makes it one for Gradio.
                for value in (
                    ({"path": str(path)} | META, {"path": str(path)})
                    if endpoint["api_name"] in TAKE_FILES
                    else ({"path": str(path)} | META,)
                ):
                    start = time.perf_counter()
                    data = (
                        ["editor", None, "themselves", value]
                        if endpoint["api_name"] == "open_other"
                        else ["editor", {"file": value}]
                        if endpoint["api_name"] == "open_photo"
                        else [value] * len(endpoint["inputs"])
                    )
                    outputs, said = page.ask(endpoint, data, {"index": value, "value": value, **value})
                    assert time.perf_counter() - start < 10
                    if endpoint["api_name"] in TAKE_FILES:
                        said += [output["said"] for output in outputs if isinstance(output, dict) and "said" in output]
                        assert len(said) == 1 and "choose the file again" in said[0], (endpoint["api_name"], path, said)
                if not endpoint["inputs"]:
                    break
        after = contents(tmp_path) | contents(run)
        assert {path: content for path, content in after.items() if path in before} == before
        taken = photo, (ROOT / "app.py").read_bytes()
        assert not [
            path for path, content in after.items() if path not in before and content in taken
        ]  # nor copied to where it is served
        assert not asked
    finally:
        stranger.shutdown()
        for path in (link, linked, run / "uploads" / "fifo", run / "stray.jpg", run / "uploads" / "stray.jpg"):
            path.unlink()
    outputs, said = other.ask(
        other.named("open_photo"), ["editor", {"file": waiting}]
    )  # what the other visitor sent is still theirs to open
    assert outputs[1]["kind"] == "opened" and not said


TAKE_FILES = ("open_photo", "open_other")


def test_eight_visitors_with_the_same_photo_all_get_their_edit(demo, photo):
    address, temporary = demo
    pages, done = [Page(address) for _ in range(8)], {}

    def visit(page):
        photo_of_page = page.upload(photo, "holiday.jpg")
        assert page.get(photo_of_page["path"]).content == photo  # the page shows it
        opened, said = page.ask(page.named("open_photo"), ["editor", {"file": photo_of_page}])
        assert page.get(photo_of_page["path"]).content == bytes(len(photo))  # and may be slow to
        blocked = opened[1]["blocked"]
        changes = {name: -1.0 if more else 1.0 for name, (less, more) in blocked.items()}
        wished = {"key": opened[1]["key"], "face": 0, "edits": {"0": changes}}
        done[page] = opened[1], said, page.ask(page.named("full_size"), ["editor", None, wished])

    threads = [threading.Thread(target=visit, args=[page]) for page in pages]
    [thread.start() for thread in threads]
    [thread.join(240) for thread in threads]
    assert len(done) == 8
    for page, (opened, said, (edited, complaints)) in done.items():
        assert opened and not said and not complaints, (said, complaints)
        before, after = (
            Image.open(io.BytesIO(content)).convert("RGB") for content in (photo, page.get(edited[0]["path"]).content)
        )
        assert after.size == (700, 600) and ImageChops.difference(before, after).getextrema()[0][1] > 20
    assert photo not in contents(temporary).values()


@pytest.mark.parametrize(
    "send, status",
    [
        ({"files": {"files": ("a.jpg", bytes(41 * 1024 * 1024))}}, 413),
        ({"files": [("files", (f"{k}.jpg", bytes(15 * 1024 * 1024))) for k in range(3)]}, 413),
        ({"files": {"other": ("a.jpg", b"x")}}, 400),
        ({"content": b"junk"}, 400),
        ({"data": {"files": "text"}}, 400),
        ({"content": b"junk", "headers": {"content-type": "multipart/form-data"}}, 400),
        ({"content": b"junk", "headers": {"content-type": "multipart/form-data; boundary=x"}}, 400),
    ],
)
def test_an_invalid_or_large_upload_is_refused_and_leaves_nothing(demo, send, status):
    address, temporary = demo
    uploads = next(temporary.glob("gan-studio-*")) / "uploads"
    before = set(uploads.rglob("*"))
    for query in ("", "?upload_id=abc"):
        assert Page(address).client.post(f"/gradio_api/upload{query}", **send).status_code == status
    assert set(uploads.rglob("*")) == before


ODD = [
    None,
    [],
    [["a"]],
    {},
    {"path": None, "meta": {"_type": "gradio.FileData"}},
    "\ud800",
    float("nan"),
    float("inf"),
    10**400,
    -1,
    True,
    "1, 2",
    {"__type__": "update", "value": "x"},
]


def test_odd_values_get_a_sentence_through_the_real_queue_too(demo):
    """Many more are tried in test_endpoints; here they pass Gradio's server as well."""
    page = Page(demo[0])
    of_the_server = [endpoint for endpoint in page.endpoints if endpoint["backend_fn"]]
    once = {re.sub(r"_\d+$", "", endpoint["api_name"]): endpoint for endpoint in of_the_server[::-1]}
    for name, endpoint in once.items():
        selects = any(event == "select" for _, event in endpoint["targets"])
        for value in ODD if endpoint["inputs"] or selects else ODD[:1]:
            outputs, said = page.ask(
                endpoint, [value] * len(endpoint["inputs"]), {"index": value, "value": {"caption": value}}
            )
            public = endpoint["api_visibility"] == "public"  # programs are told in another way
            assert (outputs is not None or public) and len(said) <= 1, (name, value, said)
    outputs, said = page.ask(page.named("draw_samples"), ["faces"])
    assert outputs is None and "reload it" in said[0]
    assert page.client.post("/gradio_api/queue/join", content=b" " * 2**21).status_code == 413
