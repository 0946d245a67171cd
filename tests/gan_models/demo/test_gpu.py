"""What is computed on a ZeroGPU Space goes to the process that has the GPU, and comes back equal."""

import subprocess
import sys
from pathlib import Path

import torch

from gan_models import networks
from gan_models.demo import gpu

ROOT = Path(__file__).parents[3]


def test_elsewhere_a_model_stays_as_it_is():
    model = networks.DCGANGenerator(8, 1, 4, 4)
    assert gpu.lent(model, "x") is model and "generate" not in vars(model)


SCRIPT = """if True:
    import multiprocessing, os, pickle, sys, types

    # Like the Hub's own package: a process forked for each call, arguments and results pickled.
    context, counts = multiprocessing.get_context("fork"), []
    def GPU(function, duration):
        def called(*arguments):
            queue, arguments = context.SimpleQueue(), pickle.dumps(arguments)
            counts.append(len(arguments))
            def work():
                queue.put((os.getpid(), pickle.dumps(function(*pickle.loads(arguments)))))
            process = context.Process(target=work)
            process.start()
            pid, result = queue.get()
            process.join()
            assert pid != os.getpid()
            return pickle.loads(result)
        return called
    sys.modules["spaces"] = types.SimpleNamespace(GPU=GPU)
    os.environ["SPACES_ZERO_GPU"] = "1"

    import torch
    from gan_models import inversion, networks, studio
    from gan_models.demo import Models
    torch.set_num_threads(1)

    plain, models = networks.load("celeba-cgan"), Models(["celeba-cgan", "celeba-editor"])
    lent, editor = models["celeba-cgan"], models["celeba-editor"]
    images = studio.sample(lent, 3, 2)
    assert torch.allclose(images, studio.sample(plain, 3, 2), atol=1e-5) and len(counts) == 1
    assert max(counts) < 100_000, "no weights go from one process to the other"
    large = torch.nn.functional.interpolate(images, editor.image_shape[1:]).clamp(-1, 1)
    edited = editor.edit(large, {"Smiling": 1.0})
    assert torch.allclose(edited, networks.load("celeba-editor").edit(large, {"Smiling": 1.0}), atol=1e-5)
    codes = editor.encode(large)
    assert editor.decode(codes, torch.zeros(2, len(editor.attributes))).shape == large.shape
    found = inversion.invert(lent, images, steps=1)  # its gradient stays in this process
    assert found.latents.shape == (2, 128)
    print("equal")
"""


def test_work_goes_to_the_process_with_the_gpu_and_comes_back_equal():
    process = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert process.stdout == "equal\n", process.stderr[-3000:]


def test_tensors_are_moved_wherever_they_are():
    value = {"a": (torch.zeros(1), [torch.ones(1, requires_grad=True)]), "b": "x"}
    moved = gpu.moved(value, "cpu")
    assert moved["b"] == "x" and type(moved["a"]) is tuple and not moved["a"][1][0].requires_grad
