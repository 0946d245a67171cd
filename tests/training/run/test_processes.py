"""Several processes of one run: when one of them goes, the others say so in one sentence, and the run can go on."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from tiny import tiny

from training.errors import LostProcess
from training.run.processes import Peers

ROOT = Path(__file__).parents[3]


def start_pair(folder: Path) -> list[subprocess.Popen]:
    """Two processes that train together, with nobody above them who would end the one when the other has ended."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ACCELERATE")}
    environment |= {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "PYTHONPATH": str(ROOT)}
    options = ["--images", 10**9, "--checkpoint-every", 80, "--precision", "fp32", "--output", folder]
    return [
        subprocess.Popen(
            [sys.executable, "-m", "training", *tiny("mnist-mlp", *options)],
            env=environment | {"RANK": str(number), "LOCAL_RANK": str(number)},
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for number in range(2)
    ]


@pytest.mark.usefixtures("alone")
def test_when_one_process_is_killed_or_asked_to_stop_the_other_ends_in_a_sentence(tmp_path):
    """One pair loses its first process; of another the second is asked to stop, and both do so after the same step."""
    folders = {"killed": tmp_path / "killed", "stopped": tmp_path / "stopped"}
    pairs = {name: start_pair(folder) for name, folder in folders.items()}
    try:
        end = time.monotonic() + 240
        while not all((folder / "checkpoint.previous/state.json").exists() for folder in folders.values()):
            ended = [process for pair in pairs.values() for process in pair if process.poll() is not None]
            assert not ended and time.monotonic() < end, [process.communicate() for process in ended]
            time.sleep(0.05)
        pairs["killed"][0].kill()
        pairs["stopped"][1].send_signal(signal.SIGINT)
        said = {name: [process.communicate(timeout=120) for process in pair] for name, pair in pairs.items()}
    finally:
        for process in (process for pair in pairs.values() for process in pair):
            process.kill()
    checkpoint = folders["killed"] / "checkpoint"
    images = json.loads((checkpoint / "state.json").read_text())["images"]
    assert pairs["killed"][1].returncode == 3
    assert said["killed"][1][1] == (
        f"error: Process 0 is gone, so the run has ended; the last checkpoint is {checkpoint}, at {images:,} images: "
        "continue with --resume.\n"
    )
    assert [process.returncode for process in pairs["stopped"]] == [130, 130]
    (out, err), (other_out, other_err) = said["stopped"]
    assert out.count("the same command with --resume continues") == err.count("Stopping after this step") == 1
    assert other_out == other_err == ""


def peers(number: int, folder: Path, *identities: int) -> Peers:
    """As if the processes of these ids were one run, this one being one of them."""
    everyone = torch.tensor([[7, identity] for identity in identities])
    accelerator = SimpleNamespace(
        num_processes=len(identities), process_index=number, device="cpu", gather=lambda mine: everyone
    )
    return Peers(accelerator, folder)


@pytest.mark.parametrize("number, speaks", [(0, True), (1, False), (3, False)])
def test_the_first_that_is_left_speaks_for_all(tmp_path, capsys, number, speaks):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    mine = os.getpid()
    with pytest.raises(LostProcess) as caught, peers(number, tmp_path, mine, mine, ended.pid, mine).noticing():
        raise RuntimeError("[gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:4711")
    sentence = "Process 2 is gone, so the run has ended; there is no checkpoint yet, so start again."
    assert str(caught.value) == sentence
    assert capsys.readouterr().err == (f"error: {sentence}\n" if speaks else "")
    with (
        pytest.raises(LostProcess, match="Processes 0 and 1 are gone"),
        peers(2, tmp_path, ended.pid, ended.pid, mine).noticing(),
    ):
        raise RuntimeError("Connection reset by peer")
    assert "Processes 0 and 1" in capsys.readouterr().err


def test_what_is_no_loss_stays_what_it_is(tmp_path):
    with pytest.raises(RuntimeError, match="mistake"), peers(0, tmp_path, os.getpid(), os.getpid()).noticing():
        raise RuntimeError("a mistake of ours")
    alone = Peers(SimpleNamespace(num_processes=1, process_index=0, device="cpu"), tmp_path)
    with pytest.raises(RuntimeError, match="Broken pipe"), alone.noticing():
        raise RuntimeError("Broken pipe")
