"""Features and distances: the numbers are those of the formulas, and of the networks we say."""

import hashlib
import os
import pickle

import numpy as np
import pytest
import torch

from training.data import open_dataset
from training.judges import networks
from training.judges.networks import JudgeError


def by_hand(a: np.ndarray, b: np.ndarray) -> float:
    """Frechet's distance of two Gaussians, in float64: tr (S_a S_b)^(1/2) by the eigenvalues of S_a^(1/2) S_b
    S_a^(1/2)."""
    mean, s, t = a.mean(0) - b.mean(0), np.cov(a.T), np.cov(b.T)
    values, vectors = np.linalg.eigh(s)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    return float(
        mean @ mean + np.trace(s) + np.trace(t) - 2 * np.sqrt(np.linalg.eigvalsh(root @ t @ root).clip(0)).sum()
    )


def test_fid_is_the_formula():
    from training.metrics.features import frechet_distance

    random = np.random.default_rng(1)
    a = random.normal(size=(500, 12)) @ random.normal(size=(12, 12))
    b = random.normal(size=(400, 12)) @ random.normal(size=(12, 12)) + 0.5
    assert frechet_distance(torch.from_numpy(a), torch.from_numpy(b)) == pytest.approx(by_hand(a, b), rel=1e-9)
    assert frechet_distance(torch.from_numpy(a), torch.from_numpy(a)) == pytest.approx(0, abs=1e-9)
    # Shifted by c: |c|^2. Scaled by k: (k - 1)^2 times the variance.
    assert frechet_distance(torch.from_numpy(a), torch.from_numpy(a + 2)) == pytest.approx(4 * 12, rel=1e-9)
    assert frechet_distance(torch.from_numpy(a), torch.from_numpy(a * 3 - 2 * a.mean(0))) == pytest.approx(
        4 * np.cov(a.T).trace(), rel=1e-9
    )


def test_kid_is_the_unbiased_estimate_with_the_cubic_kernel():
    from training.metrics.features import kernel_distance

    random = np.random.default_rng(2)
    a, b = random.normal(size=(4, 6)), random.normal(size=(4, 6)) + 1

    def kernel(x, y):
        return (x @ y / 6 + 1) ** 3

    def mmd(x, y):  # subsets of two: every pair is written out
        return kernel(x[0], x[1]) + kernel(y[0], y[1]) - sum(kernel(p, q) for p in x for q in y) / 2

    subsets = np.random.RandomState(5)
    expected = [mmd(a[subsets.choice(4, 2, replace=False)], b[subsets.choice(4, 2, replace=False)]) for _ in range(100)]
    mean, std = kernel_distance(torch.from_numpy(a), torch.from_numpy(b), seed=5)
    assert (mean, std) == (pytest.approx(np.mean(expected)), pytest.approx(np.std(expected)))


class Plain(torch.utils.data.Dataset):
    def __init__(self, images):
        self.images = torch.from_numpy(np.array(images))

    def __len__(self):
        return len(self.images)

    def __getitem__(self, k):
        return self.images[k]


@pytest.mark.parametrize(
    "name, shape",
    [("mnist", (1, 28, 28)), ("stackedmnist", (3, 28, 28)), ("fashionmnist", (1, 28, 28)), ("celeba", (3, 64, 64))],
)
def test_the_registered_network_is_ours(name, shape):
    from training.metrics.features import open_network

    images = np.random.default_rng(0).integers(0, 256, (20, *shape), dtype=np.uint8)
    viewer = open_network(name)
    seen, direct = viewer.look(Plain(images), 7), networks.classify(networks.read(name), images)
    torch.testing.assert_close(seen.features, direct.features.double(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(seen.logits, direct.logits, rtol=1e-4, atol=1e-5)
    assert (
        seen.features.shape == (20, viewer.dimensions)
        and viewer.record["sha256"] == networks.read(name).record["sha256"]
    )


def test_our_path_is_torch_fidelitys_own(root):
    import torch_fidelity

    from training.metrics.features import frechet_distance, open_network

    train, test = (Plain(open_dataset("mnist", root, 28, split=split).images[:300]) for split in ("train", "test"))
    whole = torch_fidelity.calculate_metrics(
        input1=train,
        input2=test,
        fid=True,
        feature_extractor="gan-studio-mnist",
        cuda=False,
        cache=False,
        save_cpu_ram=True,
        verbose=False,
    )
    viewer = open_network("mnist")
    ours = frechet_distance(viewer.look(train, 50).features, viewer.look(test, 50).features)
    assert ours > 1e-4 and ours == pytest.approx(whole["frechet_inception_distance"], rel=1e-4)


@pytest.fixture(scope="module")
def inception(tmp_path_factory):
    """torch-fidelity's Inception with random weights, and a file of them."""
    from torch_fidelity import feature_extractor_inceptionv3 as module

    class Untrained(module.FeatureExtractorInceptionV3):
        def load_state_dict(self, *arguments, **options):
            return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "load_state_dict_from_url", lambda *a, **k: {})
        torch.manual_seed(0)
        network = Untrained("inception", ["2048", "logits_unbiased"])
    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    torch.save(network.state_dict(), path)
    return network, path


def test_inception_is_read_only_if_it_is_the_published_file(inception, monkeypatch):
    from training.metrics import features as fidelity

    network, path = inception
    with pytest.raises(JudgeError, match="checksum differs"):
        fidelity.open_network("inception", path)
    monkeypatch.setattr(fidelity, "INCEPTION_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    viewer = fidelity.open_network("inception", path)
    images = np.random.default_rng(0).integers(0, 256, (2, 1, 28, 28), dtype=np.uint8)
    seen = viewer.look(Plain(images), 2)
    expected = network(torch.from_numpy(images).expand(-1, 3, -1, -1))
    assert seen.features.shape == (2, viewer.dimensions) and viewer.labels == ()
    torch.testing.assert_close(seen.features, expected[0].double(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(seen.logits, expected[1].double(), rtol=1e-4, atol=1e-5)
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ


class Evil:
    def __reduce__(self):
        return os.mkdir, (os.environ["EVIL_FOLDER"],)


def test_a_pickle_is_never_executed_even_with_the_right_checksum(tmp_path, monkeypatch):
    from training.metrics import features as fidelity

    monkeypatch.setenv("EVIL_FOLDER", str(tmp_path / "evil"))
    path = tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps(Evil()))
    monkeypatch.setattr(fidelity, "INCEPTION_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(JudgeError, match="not what torch-fidelity expects"):
        fidelity.open_network("inception", path)
    assert not (tmp_path / "evil").exists()


def test_a_failed_download_is_one_sentence(tmp_path, monkeypatch):
    from training.metrics import features as fidelity

    def offline(*arguments, **options):
        raise OSError("Name or service not known")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(JudgeError, match="could not be downloaded.*put the file at"):
        fidelity.open_network("inception")


def test_inception_score_is_the_formula():
    from training.metrics.features import inception_score

    logits = torch.randn(70, 6, generator=torch.Generator().manual_seed(0)) * 3
    order, p = np.random.RandomState(4).permutation(70), logits.double().softmax(1).numpy()
    scores = [np.exp((part * np.log(part / part.mean(0))).sum(1).mean()) for part in np.split(p[order], 10)]
    assert inception_score(logits, seed=4) == (pytest.approx(np.mean(scores)), pytest.approx(np.std(scores)))
    sure = torch.eye(5).repeat(100, 1) * 50
    assert inception_score(sure)[0] == pytest.approx(5, rel=0.05) and inception_score(sure[:1].repeat(100, 1))[
        0
    ] == pytest.approx(1)
