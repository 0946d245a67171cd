"""The watch: each trouble is provoked in a real run and noticed within 500 steps; healthy runs are left in peace."""

import itertools
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import BATCH, forget_accelerate, losses_become_nan, small, train

import training
from gan_models.networks.mlp import MLPGenerator
from training import watch as watching
from training.commands import watch as command
from training.curves import read_run
from training.data import open_dataset
from training.recipes import RECIPES, at
from training.settings import change, find, recipe_of_run
from training.watch import WARM_UP, Watch, remedy

STEPS = 500
LONG = ["--images", STEPS * BATCH, "--checkpoint-every", STEPS * BATCH, "--precision", "fp32"]


def remarks(folder) -> list[dict]:
    path = folder / "watch.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def lines(count: int = 20, every: int = 1600, **columns) -> list[dict]:
    """Made-up statistics; a column is a value for all lines, or a function of the line's number 1, 2, ..."""
    return [
        {"images": k * every}
        | {
            key: value(k) if callable(value) else value
            for key, value in columns.items()
            if (value(k) if callable(value) else value) is not None
        }
        for k in range(1, count + 1)
    ]


def seen(watch: Watch, some: list[dict]) -> list[tuple[str, int]]:
    return [(verdict.kind, verdict.images) for line in some for verdict in watch(line)]


@pytest.fixture(scope="module")
def real_digits(data_root):
    return open_dataset("mnist", data_root, 28, channels=1)


# ---- Provoked --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("alone")
def test_a_discriminator_that_has_won_and_vanishing_gradients_are_noticed(tmp_path, capsys):
    # The saturating loss against a discriminator that learns a hundred times as fast.
    strong = ["--set", "objective=minimax", "--set", "learning_rate=1e-2", "--set", "generator_rate=0.01"]
    assert train("mnist-dcgan", *LONG, *strong, "--output", tmp_path) == 0
    said = remarks(tmp_path)
    assert {remark["verdict"] for remark in said} >= {"won", "vanishing"} and said[-1]["images"] <= STEPS * BATCH
    for remark in (remark for remark in said if remark["verdict"] != "collapse"):
        assert "--set objective=logistic (Goodfellow et al. 2014" in remark["sentence"]
        assert re.search(r"since [\d,]+ images|from the start", remark["sentence"])
    assert "100.0% of generated pictures, and the generator's gradient is down to 0.0" in said[0]["sentence"]
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("watch, at")]
    assert told == [f"watch, at {remark['images']:,} images: {remark['sentence']}" for remark in said]


@pytest.mark.usefixtures("alone")
def test_a_generator_that_draws_one_picture_is_noticed(tmp_path, monkeypatch):
    forward = MLPGenerator.forward
    monkeypatch.setattr(
        MLPGenerator, "forward", lambda self, latents, labels=None: forward(self, latents * 1e-3, labels)
    )
    assert train("mnist-mlp", *LONG, "--output", tmp_path) == 0
    (said,) = [remark for remark in remarks(tmp_path) if remark["verdict"] == "collapse"]
    assert (
        said["sentence"].startswith("mode collapse: fixed samples are nearly the same picture")
        and "--set" in said["sentence"]
    )


@pytest.mark.usefixtures("alone")
def test_a_diversity_that_falls_is_noticed(tmp_path, monkeypatch, real_digits):
    """From step 200 on, step by step, less and less of the latents reaches the generator, until a twentieth is left
    after 400."""
    forward, steps = MLPGenerator.forward, itertools.count(1)

    def shrinking(self, latents, labels=None):
        if self.training:
            shrinking.share = min(1.0, max(0.05, 2 - next(steps) / 200))
        return forward(self, latents * shrinking.share, labels)

    shrinking.share = 1.0
    monkeypatch.setattr(MLPGenerator, "forward", shrinking)
    healthy_run("mnist-mlp", tmp_path, real_digits)
    (said,) = [remark for remark in remarks(tmp_path) if remark["verdict"] == "collapse"]
    assert re.match(
        r"mode collapse: the diversity of fixed samples has fallen from 0\.[12]\d to 0\.0\d", said["sentence"]
    )
    assert "--set" in said["sentence"] and 300 * BATCH < said["images"] <= STEPS * BATCH


@pytest.mark.usefixtures("alone")
def test_exploding_gradients_are_noticed_and_the_first_remedy_is_a_lower_rate(tmp_path):
    # A critic's scores have no limit; with the logistic loss it depends on the processor which players explode or vanish.
    steep = ["--set", "objective=wasserstein", "--set", "learning_rate=10"]
    assert train("mnist-dcgan", *LONG, "--images", 100 * BATCH, *steep, "--output", tmp_path) in (0, 1)
    said = remarks(tmp_path)[0]
    assert (
        said["verdict"] == "exploding"
        and "start again with a lower --set learning_rate=1 (Bengio 2012," in said["sentence"]
    )


@pytest.mark.usefixtures("alone")
def test_losses_of_nan_are_noticed(tmp_path, monkeypatch, capsys):
    losses_become_nan(monkeypatch)
    assert train("mnist-dcgan", *LONG, "--output", tmp_path) == 1
    (said,) = remarks(tmp_path)
    assert (
        said["verdict"] == "nan"
        and "generator_loss" in said["sentence"]
        and "--set learning_rate=2e-05" in said["sentence"]
    )
    error = capsys.readouterr().err.splitlines()[-1]
    assert "there was no checkpoint yet" in error and "--set learning_rate=2e-05" in error


# ---- Healthy ---------------------------------------------------------------------------------------------------------


HEALTHY = (
    "mnist-mlp",
    "mnist-dcgan",
    "mnist-lsgan",
    "mnist-cgan",
    "mnist-wgan",
    "mnist-wgan-gp",
    "mnist-sngan",
    "mnist-featmatch",
    "mnist-tied",
    "mnist-implicit",
)


def healthy_run(name, folder, digits) -> None:
    """Narrow networks, which learn ten times as fast; not where it would undo the balance that penalties keep, nor wide
    ones."""
    recipe = RECIPES[name]
    faster = 1 if at(recipe.r1, 0) or recipe.networks == "mlp" else 10
    settings = {"batch_size": BATCH, "learning_rate": faster * at(recipe.learning_rate, 0)}
    if recipe.networks != "mlp":  # so narrow it draws one picture only
        settings |= {"generator": {"width": 8}} | ({"discriminator": {"width": 8}} if name != "mnist-tied" else {})
    forget_accelerate()
    length = {"images": STEPS * BATCH, "checkpoint_every": STEPS * BATCH, "precision": "fp32"}
    assert training.train(name, data=digits, output=folder, **length, **settings).finished


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_run_is_left_in_peace(tmp_path, real_digits, name):
    healthy_run(name, tmp_path, real_digits)
    assert remarks(tmp_path) == []
    course, recipe = read_run(tmp_path).lines, recipe_of_run(tmp_path)
    for kind, spoil in SPOILED.items():  # each trouble would have been told in the time that the run took
        plays = recipe.terms.get("adversarial", 1)
        if kind == "won" and not (plays and {"pair_accuracy", "real_accuracy"} & set(course[0])):
            continue  # there is nothing that could win, or nothing that would show it
        spoiled = [spoil(line) if line["images"] > WARM_UP * BATCH else line for line in course]
        assert kind in {found for found, _ in seen(Watch(recipe), spoiled)}, kind
    one_picture = [line | {key: 0.05 for key in line if key == "diversity"} for line in course]
    assert "collapse" in {found for found, _ in seen(Watch(recipe), one_picture)}


def times(line: dict, key: str, factor: float) -> dict:
    return line | ({key: line[key] * factor} if key in line else {})


SPOILED = {  # a line after the warm-up, where things go wrong
    "collapse": lambda line: times(line, "diversity", 1 / (line["images"] / BATCH / 50 - 3)),
    "won": lambda line: times(line, "generator_gradient", 1e-2) | {"pair_accuracy": 1.0},
    "vanishing": lambda line: times(line, "generator_gradient", 1e-5),
    "exploding": lambda line: times(line, "discriminator_gradient", 1e7),
}


def test_the_digits_of_a_long_healthy_run():
    """Of mnist-cgan on the real digits: for 300 steps the discriminator is right about every pair, and yet all is
    well."""
    course = lines(
        pair_accuracy=lambda k: 0.999 if k < 16 else 0.8,
        real_accuracy=1.0,
        fake_accuracy=0.0,
        generator_loss=lambda k: 3.05 - 0.02 * k,
        generator_gradient=lambda k: 12.3 if k < 3 else 1.9,
        discriminator_gradient=lambda k: 22 / k,
        diversity=lambda k: {4: 0.11, 8: 0.22, 12: 0.3, 16: 0.34, 20: 0.77}.get(k),
    )
    assert seen(Watch(find("mnist-cgan")), course) == []


def test_a_gradient_that_comes_back_is_no_explosion():
    """The generator's of mnist-r3gan with seed 2, whose discriminator was ahead for 10,000 images."""
    norms = [
        0.496,
        0.00235,
        0.346,
        0.0004,
        0.0134,
        3.2e-5,
        4.9e-5,
        1.06,
        0.224,
        1.35,
        0.603,
        0.309,
        0.287,
        0.183,
        0.123,
    ]
    course = lines(len(norms), generator_gradient=lambda k: norms[k - 1])
    assert seen(Watch(find("mnist-r3gan")), course) == []
    assert seen(Watch(find("mnist-r3gan")), course + [{"images": 25600, "generator_gradient": 50.0}]) == [
        ("exploding", 25600)
    ]


# ---- By numbers ------------------------------------------------------------------------------------------------------


def test_the_collapse_of_a_real_run_is_seen_in_its_numbers():
    """Of mnist-cgan with BatchNorm and the logistic loss, which ended with twins of every digit and an FID of 6."""
    diversity = [0.25, 0.22, 0.18, 0.16, 0.13, 0.11, 0.09, 0.09, 0.07]
    course = [{"images": 50_000 * (k + 1), "diversity": value} for k, value in enumerate(diversity)]
    watch = Watch(find("mnist-cgan"))
    (verdict,) = [verdict for line in course for verdict in watch(line)]
    assert verdict.images == 300_000 and "fallen from 0.25 to 0.11" in verdict.sentence
    assert "since 250,000 images" in verdict.sentence


def test_noise_that_becomes_pictures_is_no_collapse():
    course = lines(10, 6400, diversity=lambda k: [1.6, 1.2, 0.7, 0.55, 0.5, 0.55, 0.6, 0.7, 0.8, 0.9][k - 1])
    assert seen(Watch(find("mnist-mlp")), course) == []


def test_a_problem_is_reported_once_and_again_only_after_it_had_passed():
    course = lines(40, discriminator_gradient=lambda k: 5000.0 if k in (12, 13, 14, 30) else 2.0)
    assert seen(Watch(find("mnist-mlp")), course) == [("exploding", 12 * 1600), ("exploding", 30 * 1600)]


def test_a_loss_that_climbs_while_the_discriminator_is_right_is_a_victory():
    course = lines(
        real_accuracy=1.0,
        fake_accuracy=0.995,
        generator_gradient=5.0,
        discriminator_gradient=1.0,
        generator_loss=lambda k: 2.0 + 0.3 * k,
    )
    ((kind, images),) = seen(Watch(find("mnist-dcgan")), course)
    assert kind == "won" and images <= 500 * 64
    assert seen(Watch(find("mnist-dcgan")), [line | {"fake_accuracy": 0.95} for line in course]) == []
    indifferent = change(
        find("mnist-dcgan"), ["adversarial=0", "feature_matching=1"]
    )  # the generator does not play against it
    assert seen(Watch(indifferent), course) == []


def test_vanished_gradients_are_reported_whatever_they_were():
    assert (
        seen(Watch(find("mnist-wgan")), lines(generator_gradient=lambda k: 1e-4 if k < 3 else 1e-12))[0][0]
        == "vanishing"
    )
    assert seen(Watch(find("mnist-wgan")), lines(generator_gradient=1e-4)) == []


def test_a_game_without_a_discriminator_has_nothing_to_trip_over():
    course = lines(
        30,
        reconstruction=0.1,
        discrepancy=0.05,
        generator_loss=0.15,
        generator_gradient=0.3,
        discriminator_gradient=0.2,
    )
    assert seen(Watch(find("mnist-implicit")), course) == []
    assert seen(Watch(find("mnist-implicit")), [{"images": 5}]) == []


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("kind", ["collapse", "won", "vanishing", "exploding", "nan"])
def test_every_remedy_is_an_option_that_the_recipe_takes(name, kind):
    recipe = find(name)
    text = remedy(kind, recipe)
    settings = re.findall(r"--set (\S+=[^\s,]+)", text)
    assert settings and "--set" not in re.sub(r"--set \S+=[^\s,]+", "", text)
    for setting in settings:
        assert change(recipe, [setting]) != recipe
    for cure in text.split(", or with "):  # and the source that says so
        assert "arXiv:" in cure or "et al." in cure
    if recipe.game == "moments":  # which has no discriminator that could be smoothed, or shown noise
        assert {setting.partition("=")[0] for setting in settings} <= {"learning_rate", "batch_size"}


def test_after_a_resume_nothing_is_told_twice_and_what_comes_again_is_forgotten(tmp_path, capsys):
    course = lines(discriminator_gradient=lambda k: 5000.0 if k > 10 else 2.0)
    whole = Watch(find("mnist-mlp"), tmp_path)
    for line in course:
        whole(line)
    said = remarks(tmp_path)
    assert len(said) == 1 and capsys.readouterr().err.count("exploding") == 1
    assert seen(Watch(find("mnist-mlp"), tmp_path, course[:15]), course[15:]) == [] and remarks(tmp_path) == said
    assert capsys.readouterr().err == ""
    earlier = Watch(find("mnist-mlp"), tmp_path, course[:5])
    assert remarks(tmp_path) == []
    for line in course[5:]:
        earlier(line)
    assert remarks(tmp_path) == said


QUANTITIES = ("pair_accuracy", "real_accuracy", "fake_accuracy", "diversity", "generator_loss", *watching.GRADIENTS)


@given(
    st.lists(
        st.fixed_dictionaries(
            {"images": st.integers(0, 10**6)},
            optional=dict.fromkeys(QUANTITIES, st.floats(-3e38, 3e38) | st.floats(0.9, 1.0) | st.just(0.0)),
        ),
        max_size=12,
    ),
    st.sampled_from(sorted(RECIPES)),
)
def test_lines_of_whatever_numbers_are_read_to_the_end(course, name):
    """Somebody may have edited stats.jsonl, or joined that of two runs."""
    seen(Watch(find(name)), course)


ODD_OPTIONS = [
    "{}",
    "[]",
    "[" * 100_000,
    '{"recipe": 3}',
    *({key: value} for key, value in {"batch_size": "many", "game": [], "r1": {"start": 1}, "terms": [1]}.items()),
    {"learning_rate": {"start": "x", "end": 0, "images": 8}},
    {"terms": {"auxiliary": "much"}},
]


@pytest.mark.usefixtures("alone")
def test_a_finished_run_is_read_again(tmp_path, capsys):
    assert train("mnist-cgan", "--images", 16, "--output", tmp_path) == 0
    capsys.readouterr()
    assert command.main([str(tmp_path)]) == 0 and capsys.readouterr().out == "Nothing to remark in 16 images.\n"
    assert recipe_of_run(tmp_path) == change(RECIPES["mnist-cgan"], small("mnist-cgan"))
    with open(tmp_path / "stats.jsonl", "a") as file:
        file.write('{"images": 24, "generator_gradient": 1e6}\n')
    assert command.main([str(tmp_path)]) == 0 and "24 images: exploding gradients" in capsys.readouterr().out
    whole = json.loads((tmp_path / "options.json").read_text())
    for odd in ODD_OPTIONS:
        changed = whole | {"recipe": whole["recipe"] | odd} if isinstance(odd, dict) else odd
        (tmp_path / "options.json").write_text(changed if isinstance(changed, str) else json.dumps(changed))
        assert command.main([str(tmp_path)]) == 2
        error = capsys.readouterr().err
        assert "options.json" in error and error.count("\n") == 1, odd
    assert command.main([str(tmp_path / "nowhere")]) == 2 and "no statistics" in capsys.readouterr().err
