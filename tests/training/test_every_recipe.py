"""Every recipe: trains, stops anywhere, goes on to the same bits, loads, draws; on two processes it is the same as on one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import two_processes
from accelerate import Accelerator
from safetensors.torch import load_file
from tiny import Killed, alone, needed, small, stats, tiny_root, train, weights  # noqa: F401 (fixtures)

import gan_models
from training import callbacks, checkpoints
from training.recipes import RECIPES, hears

ROOT = Path(__file__).parents[2]


def kill_at(images: int):
    def killed(self, state, scalars):
        if state.images == images:
            raise Killed
        return False
    return killed


@pytest.mark.parametrize("name", RECIPES)
def test_trains_and_goes_on_to_the_same_bits_and_loads(tmp_path, capsys, monkeypatch, alone, name):  # noqa: F811
    options = ["--images", 48, "--checkpoint-every", 16, "--seed", 3, "--precision", "fp32", "--set", "discriminator_steps=2"]
    for option, schedule in (("augment", "[0,1,40]"), ("instance_noise", "[0.2,0,40]")):
        options += ["--set", f"{option}={schedule}"] if hears(RECIPES[name], option) else []
    options += needed(name, tmp_path / "there")
    assert train(name, *options, "--output", tmp_path / "whole") == 0
    with monkeypatch.context() as patch:
        patch.setattr(callbacks.Interrupt, "__call__", kill_at(40))
        with pytest.raises(Killed):
            train(name, *options, "--output", tmp_path / "killed")
    assert json.loads((tmp_path / "killed/checkpoint/state.json").read_text())["images"] == 32
    assert train(name, *options, "--output", tmp_path / "killed", "--resume") == 0
    assert "Going on from 32 images." in capsys.readouterr().out
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")
    assert stats(tmp_path / "killed") == stats(tmp_path / "whole")

    generator, recipe = gan_models.load(tmp_path / "whole/model"), RECIPES[name]
    images = generator.generate(generator.sample_latents(3, seed=0), generator.sample_labels(3, seed=0))
    assert images.shape == (3, recipe.image_channels, recipe.image_size, recipe.image_size)
    assert images.abs().max() <= 1 and images.isfinite().all() and not torch.equal(images[0], images[1])


def test_two_processes_are_one_in_float64(tmp_path, alone):  # noqa: F811
    """One spawned pair for all recipes. Weights, moments, averages and scalars, after three steps."""
    for count in ("one", "two"):
        (tmp_path / count).mkdir()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)])}
    pair = subprocess.Popen([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
                             two_processes.__file__, str(tmp_path / "two")], env=environment, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    two_processes.train(Accelerator(cpu=True, mixed_precision="no"), tmp_path / "one")
    try:
        output = pair.communicate(timeout=300)[0]
    finally:
        pair.kill()
    assert pair.returncode == 0, output
    for name, recipe in RECIPES.items():
        one, two = (load_file(tmp_path / count / f"{name}.safetensors") for count in ("one", "two"))
        assert one.keys() == two.keys()
        before = checkpoints.tensors(two_processes.state_of(two_processes.change(recipe, small(name)), two_processes.dataset_of(recipe)))
        for key, value in one.items():
            torch.testing.assert_close(two[key], value, rtol=1e-7, atol=1e-9, msg=lambda message: f"{name}, {key}: {message}")
        moved = [key for key in before if key in one and one[key].ndim > 1 and (one[key] - before[key]).abs().max() > 1e-5]
        assert {key.partition(".")[0] for key in moved} >= {"generator", "discriminator"} - ({"discriminator"} if name == "mnist-tied" else set())
