"""Downloads: what is fetched, and what happens where the Hub is slow, out of order, or sends damaged files."""

import os
import subprocess
import sys
from pathlib import Path

import hostile
import pytest
import torch
from hub_models import BESIDE, equal, files_of, refusal, small
from hub_server import Fault, HubServer, client_environment
from huggingface_hub import constants

import gan_models
from gan_models import download, saving, studio
from gan_models.errors import HubUnreachable, InvalidConfig, InvalidWeights, ModelNotFound
from gan_models.networks.dcgan import DCGANGenerator

ROOT = Path(__file__).parents[2]


def test_what_comes_along_is_known_to_the_demo_and_to_the_next_training(hub_server, tmp_path):
    commit = hub_server.add("user/toy", files_of(small(), tmp_path) | BESIDE)
    found = gan_models.load("user/toy").loaded_from
    assert (found.repo, found.commit, found.reference) == ("user/toy", commit.oid, f"user/toy@{commit.oid}")
    told = studio.about("user/toy")
    assert "To be read." in told.card and "MNIST" in told.data
    origin = saving.origin_of(found)
    assert origin["recipe"] == "toy" and origin["reference"] == f"user/toy@{commit.oid}"
    assert origin["licence_fields"] == {"license": "mit"}
    hub_server.stop()
    assert "To be read." in studio.about("user/toy").card, "without a network it is there too"


@pytest.mark.parametrize("kind", ["flip", "hang", "drip", "drip headers", "cut", 403, 500, 429])
def test_a_card_that_cannot_be_had_keeps_no_model_from_loading(hub_server, hasty, tmp_path, kind):
    model = small()
    hub_server.add("user/toy", files_of(model, tmp_path) | BESIDE)
    where = "(HEAD|GET) .*README.md" if kind != "flip" else "GET .*README.md"
    hub_server.faults.append(Fault(where, kind))
    with hostile.within(30):
        loaded = gan_models.load("user/toy")
        told = studio.about("user/toy").card
    assert equal(loaded, model)
    assert "README.md" in loaded.loaded_from.missing and not (loaded.loaded_from.folder / "README.md").exists()
    assert "To be read" not in told and "user/toy" in told
    hub_server.faults.clear()
    if kind != "drip":  # that one goes on for a while, and whoever wants the same file waits for it
        assert not gan_models.load("user/toy").loaded_from.missing


def test_large_files_next_to_a_model_are_not_fetched(hub_server, tmp_path):
    hub_server.add("user/toy", files_of(small(), tmp_path) | BESIDE | {"samples.png": bytes(10_000_001)})
    loaded = gan_models.load("user/toy")
    assert list(loaded.loaded_from.missing) == ["samples.png"]
    assert "too large" in loaded.loaded_from.missing["samples.png"]
    assert not [path for _, path in hub_server.log if path.endswith("samples.png")]


def test_a_card_that_was_damaged_in_the_cache_is_not_shown(hub_server, tmp_path):
    hub_server.add("user/toy", files_of(small(), tmp_path) | BESIDE)
    gan_models.load("user/toy")
    flip(blob_of(tmp_path, "README.md"))
    assert "To be read." in studio.about("user/toy").card, "it is fetched anew"
    flip(blob_of(tmp_path, "README.md"))
    hub_server.stop()
    assert "damaged" in studio.about("user/toy").card


def test_the_weights_of_a_foreign_model_are_not_fetched(hub_server):
    hub_server.add("user/bert", {"config.json": b'{"model_type": "bert"}', "model.safetensors": b"x" * 1000})
    refusal(InvalidConfig, "user/bert")
    assert not [path for method, path in hub_server.log if path.endswith("model.safetensors") or "/cdn/" in path]


def test_what_was_loaded_once_loads_without_a_network(hub_server, tmp_path, monkeypatch):
    model = small()
    hub_server.add("user/toy", files_of(model, tmp_path))
    gan_models.load("user/toy")
    hub_server.failing = 500
    assert equal(gan_models.load("user/toy"), model)
    hub_server.stop()  # nobody listens there any more
    assert equal(gan_models.load("user/toy"), model)
    assert "cannot be reached" in refusal(HubUnreachable, "user/other")
    assert "cannot be reached" in refusal(HubUnreachable, "user/toy", revision="v1")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert equal(gan_models.load("user/toy"), model)
    refusal(HubUnreachable, "user/other")


@pytest.fixture
def hasty(monkeypatch):
    """Limits of a second or two, and no rests."""
    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 1)
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 1)
    monkeypatch.setattr(download, "PATIENCE", 2.0)
    monkeypatch.setattr(download, "GRACE", 1.0)
    monkeypatch.setattr(download, "SLOWEST", 1e6)
    monkeypatch.setattr(download, "WAITS", (0.01, 0.02))


@pytest.mark.parametrize(
    "status, error, words",
    [
        (500, HubUnreachable, "out of order (HTTP 500)"),
        (502, HubUnreachable, "out of order (HTTP 502)"),
        (503, HubUnreachable, "out of order (HTTP 503)"),
        (429, HubUnreachable, "HTTP 429"),
        (403, ModelNotFound, "refuses access"),
        (401, ModelNotFound, "refuses access"),
        (451, ModelNotFound, "HTTP 451"),
    ],
)
@pytest.mark.parametrize("where", ["GET /api/models/user/toy", "(HEAD|GET) /user/toy/resolve", "GET /cdn/"])
def test_each_answer_of_the_hub_gets_its_own_sentence(hub_server, hasty, tmp_path, status, error, words, where):
    hub_server.add("user/toy", files_of(small(), tmp_path))
    hub_server.faults.append(Fault(where, status))
    if (status, where) == (429, "GET /cdn/"):
        words = "in time"  # the Hub's client keeps trying by itself
    with hostile.within(60):
        assert words in refusal(error, "user/toy")


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("where", ["GET /api/models/user/toy", "HEAD /user/toy/resolve", "GET /cdn/"])
def test_what_may_be_retried_is_retried(hub_server, hasty, tmp_path, monkeypatch, status, where):
    monkeypatch.setattr(download, "PATIENCE", 20.0)  # the Hub's client waits by itself, too
    model = small()
    hub_server.add("user/toy", files_of(model, tmp_path))
    hub_server.faults.append(Fault(where, status, times=2, retry_after=0))
    with hostile.within(60):
        assert equal(gan_models.load("user/toy"), model)


def test_a_hub_that_wants_a_long_wait_gets_none(hub_server, hasty, tmp_path):
    hub_server.add("user/toy", files_of(small(), tmp_path))
    hub_server.faults.append(Fault("GET /api", 429, retry_after=3000))
    with hostile.within(10):
        assert "3000 seconds" in refusal(HubUnreachable, "user/toy")
    assert len([path for _, path in hub_server.log if path.startswith("/api")]) == 1
    hub_server.faults[:] = [Fault("HEAD .*/resolve/", 429, retry_after=3000)]
    with hostile.within(10):
        assert "3000 seconds" in refusal(HubUnreachable, "user/toy")


@pytest.mark.parametrize("status, words", [(429, "HTTP 429"), (500, "HTTP 500"), (403, "refuses access")])
def test_the_cached_copy_does_where_the_hub_refuses(hub_server, hasty, tmp_path, status, words):
    model = small()
    hub_server.add("user/toy", files_of(model, tmp_path))
    gan_models.load("user/toy")
    hub_server.failing = status
    assert equal(gan_models.load("user/toy"), model)
    assert words in refusal(HubUnreachable if status != 403 else ModelNotFound, "user/other")


PLACES = ["GET /api/models/user/toy", "HEAD .*config.json", "GET .*config.json", "HEAD .*safetensors", "GET /cdn/"]


@pytest.mark.parametrize(
    "kind, where",
    [
        (kind, where)
        for kind in ("hang", "drip", "drip headers")
        for where in PLACES
        if kind != "drip" or "HEAD" not in where  # whose answer has no content that could drip
    ],
)
def test_a_hub_that_never_comes_to_an_end_holds_nobody(hub_server, hasty, tmp_path, kind, where):
    hub_server.add("user/toy", files_of(small(), tmp_path))
    hub_server.faults.append(Fault(where, kind))
    with hostile.within(30):
        assert "in time" in refusal(HubUnreachable, "user/toy")


@pytest.mark.parametrize("kind", ["hang", "drip", "drip headers"])
def test_the_cached_copy_does_where_the_hub_never_answers(hub_server, hasty, tmp_path, kind):
    model = small()
    hub_server.add("user/toy", files_of(model, tmp_path))
    gan_models.load("user/toy")
    hub_server.faults.append(Fault("/api/", kind))
    with hostile.within(20):
        assert equal(gan_models.load("user/toy"), model)


def test_a_process_ends_though_a_download_still_drips(tmp_path):
    script = """if True:
        import gan_models
        from gan_models import download
        download.PATIENCE, download.SLOWEST = 2, 1e6
        try:
            gan_models.load("user/toy")
        except gan_models.HubUnreachable as error:
            print(error)
    """
    with HubServer() as server:
        server.add("user/toy", files_of(small(), tmp_path))
        server.faults.append(Fault("GET /cdn/", "drip"))
        environment = os.environ | client_environment(server.url, tmp_path / "home")
        process = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
        )
    assert "in time" in process.stdout, process.stderr


def blob_of(hub_home, name: str) -> Path:
    (link,) = Path(hub_home).glob(f"hub/models--user--toy/snapshots/*/{name}")
    return link.resolve()


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1  # of the last weight, or of the last brace
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_file_that_comes_damaged_at_the_right_size_is_fetched_anew(hub_server, tmp_path, name):
    model = small()
    hub_server.add("user/toy", files_of(model, tmp_path))
    hub_server.faults.append(Fault("GET .*config.json" if name == "config.json" else "GET /cdn/", "flip", times=1))
    assert equal(gan_models.load("user/toy"), model)


@pytest.mark.parametrize(
    "name, error", [("config.json", InvalidConfig), ("model.safetensors", InvalidWeights)], ids=["config", "weights"]
)
def test_a_file_that_is_damaged_every_time_is_reported(hub_server, tmp_path, name, error):
    hub_server.add("user/toy", files_of(small(), tmp_path))
    hub_server.faults.append(Fault("GET .*config.json" if name == "config.json" else "GET /cdn/", "flip"))
    assert "damaged twice" in refusal(error, "user/toy")
    hub_server.faults.clear()
    gan_models.load("user/toy")  # it does not stay in the cache for good


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("links", [True, False], ids=["links", "copies"])
def test_a_file_of_the_cache_that_was_damaged_later_is_fetched_anew(hub_server, tmp_path, name, links):
    model = small()
    hub_server.add("user/toy", files_of(model, tmp_path))
    gan_models.load("user/toy")
    blob = blob_of(tmp_path, name)
    flip(blob)
    if not links:  # as on Windows
        (link,) = tmp_path.glob(f"hub/models--user--toy/snapshots/*/{name}")
        link.unlink()
        blob.rename(link)
    assert equal(gan_models.load("user/toy"), model)


@pytest.mark.parametrize(
    "name, error", [("config.json", InvalidConfig), ("model.safetensors", InvalidWeights)], ids=["config", "weights"]
)
def test_a_damaged_file_is_reported_without_a_network_and_a_whole_one_loads(hub_server, tmp_path, name, error):
    model = small()
    hub_server.add("user/toy", files_of(model, tmp_path))
    gan_models.load("user/toy")
    hub_server.stop()
    assert equal(gan_models.load("user/toy"), model)
    assert equal(DCGANGenerator.from_pretrained("user/toy", local_files_only=True), model)
    flip(blob_of(tmp_path, name))
    assert "cache is damaged" in refusal(error, "user/toy")


def test_a_cached_file_without_a_checksum_is_kept(hub_server, tmp_path):
    model = small()
    hub_server.add("user/toy", files_of(model, tmp_path))
    gan_models.load("user/toy")
    for link in list(tmp_path.glob("hub/models--user--toy/snapshots/*/*")):
        blob = link.resolve()
        link.unlink()
        blob.rename(link)
    hub_server.stop()
    assert equal(gan_models.load("user/toy"), model)


def test_a_download_that_breaks_off_is_taken_up(hub_server, hasty, tmp_path):
    model = small()
    hub_server.add("user/toy", files_of(model, tmp_path))
    hub_server.faults.append(Fault("GET /cdn/", "cut", times=1))
    with hostile.within(60):
        assert equal(gan_models.load("user/toy"), model)


def test_weights_that_are_too_large_are_not_fetched(hub_server, tmp_path):
    files = files_of(small(), tmp_path)
    hub_server.add("user/toy", files | {"model.safetensors": files["model.safetensors"] + bytes(2_000_000)})
    assert "too large" in refusal(InvalidWeights, "user/toy")
    hub_server.add("user/config", files | {"config.json": files["config.json"] + b" " * 1_000_000})
    assert "too large" in refusal(InvalidConfig, "user/config")
    assert not [path for _, path in hub_server.log if "/cdn/" in path or path.startswith("/user/config")]


def test_a_branch_that_moves_meanwhile_gives_one_commit(hub_server, tmp_path, monkeypatch):
    first, second = small(["a", "b"]), small(["c", "d"])
    hub_server.add("user/toy", files_of(first, tmp_path))
    real = download.Repository._ask

    def ask_and_move(self):
        real(self)
        hub_server.add("user/toy", files_of(second, tmp_path))

    monkeypatch.setattr(download.Repository, "_ask", ask_and_move)
    assert equal(gan_models.load("user/toy"), second)


@pytest.mark.parametrize("token", ["hf_write", None])
def test_a_missing_repository_is_refused(hub_server, token, monkeypatch):
    if token is None:
        monkeypatch.delenv("HF_TOKEN")
    assert "no Hub repository user/none" in refusal(ModelNotFound, "user/none")


def test_a_private_repository_needs_a_token(hub_server, tmp_path, monkeypatch):
    hub_server.add("user/secret", files_of(small(), tmp_path), private=True)
    monkeypatch.delenv("HF_TOKEN")
    assert "private" in refusal(ModelNotFound, "user/secret")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    assert "refuses" in refusal(ModelNotFound, "user/secret")
    monkeypatch.setenv("HF_TOKEN", "hf_read")
    gan_models.load("user/secret")


def test_bad_files_on_the_hub_are_refused(hub_server, tmp_path):
    files = files_of(small(), tmp_path)
    hub_server.add("user/truncated", files | {"model.safetensors": files["model.safetensors"][:-100]})
    assert "truncated" in refusal(InvalidWeights, "user/truncated")
    torch.save(small().state_dict(), tmp_path / "pytorch_model.bin")
    hub_server.add(
        "user/pickle",
        {"config.json": files["config.json"], "pytorch_model.bin": (tmp_path / "pytorch_model.bin").read_bytes()},
    )
    assert "pickled weights are never read" in refusal(InvalidWeights, "user/pickle")
    hub_server.add("user/empty", {".gitattributes": b""})
    assert "no config.json" in refusal(InvalidConfig, "user/empty")


def test_the_environment_is_honoured_by_a_process_of_its_own(tmp_path):
    """HF_ENDPOINT, HF_HOME, HF_HUB_OFFLINE as a user sets them."""
    script = "import sys, gan_models; print(gan_models.load('user/toy').labels)"
    with HubServer() as server:
        server.add("user/toy", files_of(small(), tmp_path))
        environment = os.environ | client_environment(server.url, tmp_path / "home")
        online = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
        )
    offline = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert online.stdout == offline.stdout == "('a', 'b')\n", online.stderr + offline.stderr
