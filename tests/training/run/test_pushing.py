"""A model on the Hub while it is trained: the real client in a process of its own, against the tests' Hub."""

import json
import os
import tempfile
import time

import psutil
import pytest
from hub_server import Fault, client_environment
from safetensors.torch import load

import gan_models
import training
from training.run.pushing import LONGEST, Pushing

pytestmark = pytest.mark.usefixtures("alone")
FILES = {"config.json", "model.safetensors", "README.md", "samples.png", "metrics.json", ".gitattributes"}


def wait_for(done) -> None:
    end = time.monotonic() + 400
    while not done():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


def test_the_model_is_pushed_on_the_way_whatever_the_hub_does(hub, tmp_path, monkeypatch, capsys):
    for key, value in client_environment(hub.url, tmp_path / "home").items():
        monkeypatch.setenv(key, value)
    monkeypatch.setattr("training.run.pushing.LONGEST", 0)
    monkeypatch.setattr(os, "setpriority", lambda *_: None)  # else the test waits for whatever else the machine does
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    pushed = lambda: len(hub.repositories["model", "user/toy"].commits) - 1 if hub.repositories else 0
    others = psutil.Process().children()  # of other tests, such as a browser
    alive = lambda: [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]
    idle = lambda: not set(alive()) - set(others)

    def hub_of(state, scalars):
        """After the first push the Hub is out of order; after the second it does not answer any more."""
        if state.images == 16:
            wait_for(lambda: pushed() == 1 and idle())
            hub.failing = 500
        elif state.images == 24:
            wait_for(idle)
            hub.failing = 0
            hub.faults.append(Fault("POST .*/commit/", "hang", times=1))
        elif state.images == 32:
            wait_for(lambda: not hub.faults[0].times)

    run = training.train(
        "mnist-dcgan",
        images=32,
        output=tmp_path / "run",
        checkpoint_every=8,
        push_to_hub="user/toy",
        push_every=1e-9,
        hooks=[hub_of],
        batch_size=8,
        generator={"width": 4},
        discriminator={"width": 4},
    )
    assert run.finished and idle() and not list((tmp_path / "temporary").glob("gan-studio-*"))
    first, last = hub.repositories["model", "user/toy"].commits[1:]
    for commit, images in ((first, 8), (last, 32)):
        assert (
            set(commit.files) == FILES and json.loads(commit.files["metrics.json"])["training"]["images_seen"] == images
        )
        assert 'gan_models.load("user/toy")' in commit.files["README.md"].decode()
    assert load(last.files["model.safetensors"]).keys() == gan_models.load(run.model).state_dict().keys()
    told = capsys.readouterr().err.splitlines()
    assert f"Published the model of 8 images: {hub.url}/user/toy" in told
    (refused,) = [line for line in told if "HTTP 500" in line]
    assert refused.endswith("Training goes on; it is tried again in 1e-09 minutes.")
    (slow,) = [line for line in told if "has not taken" in line]
    assert slow.startswith("The Hub has not taken the model of 24 images in")


def test_an_upload_that_takes_longer_than_the_time_between_two_comes_to_its_end(tmp_path, monkeypatch, capsys):
    now, begun = [0.0], []

    class Saved:
        saved = 8

    class Running:
        returncode = 0

        def poll(self):
            return None

    pushing = Pushing(tmp_path, "user/toy", 1, Saved, clock=lambda: now[0])
    state = type("State", (), {"images": 8})
    monkeypatch.setattr(pushing, "begin", lambda images: begun.append(images))
    now[0] = 61
    pushing(state, {})
    assert begun == [8]
    pushing.process, pushing.since = Running(), 61.0
    for now[0] in (130, 61 + LONGEST - 1):  # due again, but at work
        pushing(state, {})
    assert begun == [8]
    now[0] = 61 + LONGEST
    pushing(state, {})
    assert begun == [8, 8]  # which gives the first one up
    pushing.process = None


def test_what_cannot_even_begin_is_one_sentence(tmp_path, capsys):
    pushing = Pushing(tmp_path, "user/toy", 5, saving=None)
    pushing.begin(64)
    told = capsys.readouterr().err
    assert told.startswith("The model of 64 images was not published (") and told.count("\n") == 1
    assert pushing.process is None and pushing.place is None
