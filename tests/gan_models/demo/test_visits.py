"""What is kept for a visitor: bounded while it is there, gone when it goes."""

import contextlib
import gc
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import gradio as gr
import pytest
from demo_server import ROOT, UNCHANGED, Asking, Page, running, tiny_models
from PIL import Image
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from gan_models.demo import Models, build, own_folder, page, visits
from gan_models.demo.visits import Gone, PictureRoute, Store, Visits
from gan_models.networks.dcgan import DCGANGenerator


def picture(k: int, size: int = 16) -> Image.Image:
    return Image.frombytes("L", (size, size), bytes((k * 31 + i * i * (k + 1)) % 256 for i in range(size * size)))


def store(folder: Path, files: int = 10, size: int = 1_000_000) -> Store:
    return Store(folder / "store", threading.Event(), (files, size))


def test_the_oldest_files_go_first_and_those_on_screen_stay(tmp_path):
    kept = store(tmp_path, files=5)
    (first,) = kept.pictures("first", [picture(0)])
    drawn = [kept.pictures("gallery", [picture(2 * k + 1), picture(2 * k + 2)]) for k in range(6)]
    on_disk = set(kept.folder.iterdir())
    assert (
        len(kept) == 5 == len(on_disk) and first in on_disk and set(drawn[-1]) <= on_disk and set(drawn[-2]) <= on_disk
    )
    many = kept.pictures(
        "gallery", [picture(100 + k) for k in range(20)]
    )  # more than there may be, but all on the screen
    assert set(kept.folder.iterdir()) == {first, *many}
    again = kept.pictures("gallery", [picture(100)])  # the same picture is the same file, and young again
    assert again == many[:1] and len(set(kept.folder.iterdir())) == 5


def test_bytes_are_bounded_too(tmp_path):
    kept = store(tmp_path, size=3000)
    for _ in range(9):
        path = kept.file("video", "walk.mp4", lambda path: path.write_bytes(b"x" * 1000))
    assert (
        kept.bytes == 3000 and len(list(kept.folder.iterdir())) == 3 and path.exists() and path.name.startswith("walk-")
    )


def test_an_emptied_store_holds_zeros_and_takes_nothing_that_was_begun_before(tmp_path):
    kept = store(tmp_path)
    (path,) = kept.pictures("photo", [picture(1)])
    size = path.stat().st_size
    other = threading.Thread(target=kept.begin)
    kept.begin()
    other.start()
    other.join()
    emptier = threading.Thread(target=kept.empty)
    emptier.start()
    emptier.join()
    assert path.read_bytes() == bytes(size)
    with pytest.raises(Gone):
        kept.pictures("photo", [picture(2)])
    with pytest.raises(Gone):
        kept.file("video", "walk.mp4", lambda path: path.write_bytes(b"secret"))
    assert [file.read_bytes() for file in kept.folder.iterdir()] == [bytes(size)]
    kept.begin()
    assert kept.pictures("photo", [picture(2)])[0].exists()


def test_a_visit_that_is_over_leaves_nothing_and_its_jobs_end(tmp_path):
    all_visits = Visits(tmp_path)
    visit, other = all_visits.of("a"), all_visits.of("b")
    visit.photos.pictures("photo", [picture(1)])
    other.photos.pictures("photo", [picture(1)])
    all_visits.leave("a")
    with pytest.raises(Gone):
        visit.check()
    with pytest.raises(Gone):
        visit.photos.pictures("photo", [picture(1)])
    with pytest.raises(Gone):
        visit.photos.file("video", "walk.mp4", lambda path: path.write_bytes(b"secret"))
    assert {path.name for path in tmp_path.iterdir()} == {other.drawn.folder.name, other.photos.folder.name}
    again = all_visits.of("a")  # a page whose connection broke for a while
    assert again.photos.pictures("photo", [picture(1)])[0].exists()


def test_a_folder_does_not_tell_whose_it_is_and_requests_without_a_page_share_nothing(tmp_path):
    all_visits = Visits(tmp_path)
    assert all_visits.of("../../secret\ud800").photos.folder.parent == tmp_path
    assert "secret" not in all_visits.of("secret").photos.folder.name
    assert all_visits.of(None).photos.folder != all_visits.of(None).photos.folder


def test_old_files_and_silent_visits_go_and_there_are_not_too_many(tmp_path, monkeypatch):
    all_visits = Visits(tmp_path)
    visit = all_visits.of("a")
    (path,) = visit.drawn.pictures("gallery", [picture(1)])
    all_visits.sweep(3600)
    assert path.exists()
    visit.drawn.sweep(-1)
    assert not path.exists() and len(visit.drawn) == 0
    all_visits.sweep(-1)
    assert not list(tmp_path.iterdir()) and len(all_visits) == 0
    monkeypatch.setattr(visits, "MOST_VISITS", 3)
    for k in range(6):
        all_visits.of(str(k % 4) if k < 4 else "3")
    assert len(all_visits) == 3 and len(list(tmp_path.iterdir())) == 6


def test_a_page_gets_the_pictures_of_open_visits_and_no_other_file(tmp_path):
    all_visits = Visits(tmp_path)
    (drawn,) = all_visits.of("a").drawn.pictures("samples", [picture(1)])
    (edited,) = all_visits.of("b").photos.pictures("photo", [picture(2)])
    secret = tmp_path / "secret.webp"
    secret.write_bytes(drawn.read_bytes())
    stray = drawn.with_name("stray.webp")  # in a visit's folder, but not one of its files
    stray.write_bytes(drawn.read_bytes())
    client = TestClient(PictureRoute(PlainTextResponse("Gradio"), all_visits))

    def get(path, **options) -> bytes:
        return client.get(f"/gradio_api/file={path}", **options).content

    for path in (drawn, edited):
        assert get(path) == path.read_bytes()
    answer = client.get(f"/gradio_api/file={drawn}")
    assert answer.headers["content-type"] == "image/webp" and answer.headers["content-length"] == str(
        len(answer.content)
    )
    odd = [secret, stray, f"{drawn.parent}//../../secret.webp", "x.webp", "", drawn.name]
    assert {get(path) for path in odd} == {b"Gradio"}
    assert not all_visits.find(f"{drawn.parent}/../{drawn.parent.name}/{drawn.name}")  # a client would tidy it
    assert client.get(str(drawn)).content == client.post(f"/gradio_api/file={drawn}").content == b"Gradio"
    assert get(drawn, headers={"range": "bytes=0-3"}) == b"Gradio"
    all_visits.of("b").photos.empty()
    assert get(edited) == bytes(edited.stat().st_size)
    all_visits.leave("a")
    assert get(drawn) == b"Gradio"


# ---- The page --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> list[Path]:
    return tiny_models(tmp_path_factory.mktemp("models"))


@pytest.fixture
def ask(models, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return Asking(build(Models([str(source) for source in models]), tmp_path))


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_many_draws_take_bounded_disk_and_memory(ask, tmp_path, monkeypatch):
    monkeypatch.setattr(visits, "DRAWN", (70, 300_000))
    sizes = []
    for seed in range(30):
        (gallery, *_), said = ask("draw_samples", ["faces", seed, 32, 1.0, -1, [], []])
        assert not said and len(gallery) == 32 and all(Path(entry["image"]["path"]).is_file() for entry in gallery)
        sizes.append(size_of(tmp_path))
        if seed % 10 == 9:  # as it does once a minute
            ask.page.sweep()
        if seed == 9:
            gc.collect()
            tracemalloc.start()
            before = tracemalloc.get_traced_memory()[0]
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    (visit,) = ask.page.visits._visits.values()
    on_screen = sum(Path(entry["image"]["path"]).stat().st_size for entry in gallery)
    assert len(visit.drawn) <= 70 and visit.drawn.bytes <= max(300_000, on_screen)
    assert max(sizes[10:]) <= sizes[0] + 300_000 + on_screen
    assert grown < 500_000, grown  # 20 draws of 32 pictures


def test_pictures_are_sent_as_gradio_would_send_them(ask, monkeypatch):
    drawing, pinning = ("draw_samples", ["faces", 3, 4, 1.0, -1, [], []]), ("pin_it", ["faces", "", "", "3:1"])
    ours = [ask(*drawing), ask(*pinning)]
    monkeypatch.setattr(page, "shows_files", lambda *_: False)
    theirs = [ask(*drawing), ask(*pinning)]
    assert len(ours[0][0][0]) == 4 and ours == theirs


def test_a_photo_that_was_taken_away_leaves_nothing_and_files_made_of_it_are_bounded(ask, tmp_path, monkeypatch):
    monkeypatch.setattr(visits, "PHOTOS", (10, 100_000_000))
    (subject, opened, *_), said = ask("open_example", ["editor", {"face": 1}])
    assert not said
    for k in range(20):
        wished = {"key": opened["key"], "turn": k, "face": 0, "edits": {"0": {"Smiling": 0.05 * k, "Male": -0.5}}}
        (patch,), said = ask("retouch", ["editor", None, wished])
        assert not said and patch["turn"] == k
        (made,), said = ask("full_size", ["editor", None, wished])
        assert not said and Path(made["path"]).is_file() and made["name"].endswith(".jpg")
    folder = next(tmp_path.glob("visit-*"))
    assert len(list(folder.iterdir())) <= 10  # and none of them for a move of a slider
    (_, opened, *_), said = ask("forget", ["editor"])
    assert not said and opened["key"] == "drawn-0"
    assert not any(any(path.read_bytes()) for path in folder.iterdir())
    (answer,), said = ask("retouch", ["editor", None, wished])
    assert "no longer on this server" in answer["said"]


def test_what_belongs_to_another_photo_is_not_shown(ask, monkeypatch):
    """A morph that was begun before another photo was opened, and one into a photo that was taken away."""
    endpoint = ask.named("open_example")
    shown = [block.elem_id for block in endpoint.outputs]
    outputs, _ = ask(endpoint, ["editor", {"face": 1}])
    after = dict(zip(shown, outputs, strict=True))
    assert after["morph-video"] is None and after["morph-strip"] in (None, [])
    outputs, _ = ask("forget_other", [])
    assert all(output in (None, []) for output in outputs) and len(outputs) == 3


@pytest.mark.parametrize(
    "endpoint, data, event",
    [("morph", ["editor", None, None, "faces"], None), ("walk_along", ["faces", "1, 2, 3", True], None)],
)
def test_a_long_job_ends_when_its_visitor_goes(ask, tmp_path, monkeypatch, endpoint, data, event):
    ask("open_example", ["editor", {"face": 1}])
    subject, another = (
        next(block for block in ask.named(name).outputs if isinstance(block, gr.State))
        for name in ("open_example", "open_other")
    )
    ask.state[another._id] = ask.state[subject._id].portrait
    drawn, started = [], threading.Event()
    original = DCGANGenerator.generate

    def generate(self, latents, labels=None):
        drawn.append(time.monotonic())
        if len(drawn) > 2:
            started.set()
            time.sleep(0.05)
        return original(self, latents, labels)

    monkeypatch.setattr(DCGANGenerator, "generate", generate)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(ask(endpoint, data, event)))
    thread.start()
    assert started.wait(30)
    ask.page.visits.leave(ask.session)
    count = len(drawn)
    thread.join(10)
    ((outputs, said),) = answers
    assert not said and all(output in UNCHANGED for output in outputs)
    assert len(drawn) <= count + 1
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(("visit-", "drawn-"))]


def test_a_closed_page_ends_its_visit(models, tmp_path):
    """As a browser does it: the connection that says that the page is there breaks while a walk is being made."""
    with running(models, tmp_path, tmp_path / "app.log") as (address, _):
        visitor = Page(address)
        (run,) = tmp_path.glob("gan-studio-*")
        with visitor.here():
            outputs, said = visitor.ask(visitor.named("draw_samples"), ["faces", 1, 16, 1.0, -1, [], []])
            assert not said and len(outputs[0]) == 16 and list(run.glob("drawn-*/*.webp"))
            visitor.join(visitor.named("walk_along"), ["faces", "1, 2, 3, 4, 5, 6", True])
            with visitor.client.stream(
                "GET", "/gradio_api/queue/data", params={"session_hash": visitor.session}
            ) as lines:
                next(line for line in lines.iter_lines() if "process_starts" in line)
        end = time.monotonic() + 30
        while list(run.glob("drawn-*")):
            assert time.monotonic() < end
            time.sleep(0.1)
        time.sleep(3)
        assert not list(run.glob("drawn-*")) and "Traceback" not in (tmp_path / "app.log").read_text()


def test_the_folder_of_the_demo_goes_although_a_request_still_writes_into_it():
    over, writing = time.monotonic() + 1, threading.Event()

    def write(folder: Path) -> None:
        while time.monotonic() < over and folder.exists():
            with contextlib.suppress(FileNotFoundError):
                for k in range(50):
                    (folder / f"{k}-{time.monotonic_ns()}").touch()
            writing.set()

    with own_folder() as folder:
        thread = threading.Thread(target=write, args=[Path(folder)])
        thread.start()
        assert writing.wait(10)
    thread.join()
    assert not Path(folder).exists()


def test_only_the_demo_imports_gradio():
    """`import gan_models` is quick and needs no web server."""
    subprocess.run(
        [sys.executable, "-c", "import sys, gan_models; sys.exit('gradio' in sys.modules)"], check=True, cwd=ROOT
    )
    found = [
        path.relative_to(ROOT)
        for folder in ("gan_models", "training")
        for path in (ROOT / folder).rglob("*.py")
        if "gradio" in path.read_text()
        and any(
            line.split()[:2] in (["import", "gradio"], ["from", "gradio"]) or "from gradio." in line
            for line in path.read_text().splitlines()
        )
    ]
    assert found and all(path.parts[:2] == ("gan_models", "demo") for path in found)
