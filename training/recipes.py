"""Every GAN as a few lines of data: its networks, data and game.

To see how two GANs differ, compare their entries. A number may be a Schedule. `--set KEY=VALUE` changes any field, or a
term of the game, `--set generator.KEY=VALUE` an argument of a network. Choosing another objective also sets that
objective's own settings (OBJECTIVE_SETTINGS), since each objective needs others.
"""

import math
from dataclasses import dataclass, field
from typing import Any

from gan_models.celeba import ATTRIBUTES
from gan_models.sizes import Size

from .choices import POLICIES
from .errors import TrainingError


class RecipeError(TrainingError):
    """An unknown recipe, option or value; the message says which are known."""


@dataclass(frozen=True)
class Schedule:
    """A value that goes from `start` to `end` over the first `images` images along half a cosine, then stays."""

    start: float
    end: float
    images: int

    def at(self, seen: int) -> float:
        done = min(seen / self.images, 1.0)
        return self.end + (self.start - self.end) * (1 + math.cos(math.pi * done)) / 2


def at(value: "float | Schedule", seen: int) -> float:
    """The value after `seen` images."""
    return value.at(seen) if isinstance(value, Schedule) else value


@dataclass(frozen=True)
class Recipe:
    """`python -m training --show` prints the comments of the fields."""

    name: str  # of the recipe
    summary: str  # what is special about it
    source: str  # the paper
    networks: str  # generator and discriminator (gan_models.networks.PAIRS)
    data: str  # mnist, fashionmnist, stackedmnist, cifar10, celeba, or a folder of images
    image_size: Size  # in pixels: one number for square pictures, else (height, width)
    image_channels: int  # 1: grey, 3: colours
    images: int  # how many real images the discriminator is shown in all
    conditional: bool = False  # whether the networks are conditional on the labels
    attributes: tuple[str, ...] | None = None  # of a data set with attributes: those that are used as labels
    generator: dict[str, Any] = field(default_factory=dict)  # its arguments besides size and labels
    discriminator: dict[str, Any] = field(default_factory=dict)  # its arguments besides size and labels
    game: str = "adversarial"  # the training algorithm (training.games.GAMES)
    objective: str = "logistic"  # the pair of losses (training.losses.OBJECTIVES)
    terms: dict[str, Any] = field(default_factory=dict)  # further arguments of the game: its Terms
    # What keeps the discriminator smooth, and what it is shown.
    r1: float | Schedule = 0.0  # gamma of the gradient penalty on real images
    r2: float | Schedule = 0.0  # gamma of the gradient penalty on generated images
    penalty_every: int = 1  # steps; k > 1 is lazy regularisation, with k times the weight (Karras et al. 2020)
    gradient_penalty: float = 0.0  # weight of WGAN-GP's penalty between real and generated images
    clip: float = 0.0  # bound of the discriminator's weights, 0 for none
    instance_noise: float | Schedule = 0.0  # standard deviation of noise on the discriminator's input
    augment: float | Schedule = 0.0  # strength of differentiable augmentation, for small data sets
    # Adaptive strength (Karras et al. 2020, arXiv:2006.06676): it rises while the mean sign of the discriminator's scores
    # of real images is above this, else it falls; the paper's target is 0.6. 0: the strength is what `augment` says.
    augment_target: float = 0.0
    augment_policies: tuple[str, ...] = POLICIES  # the kinds of augmentation
    discriminator_steps: int = 1  # for each generator step
    optimiser: str = "adam"  # of both players
    learning_rate: float | Schedule = 2e-4  # of both players
    # Factor on the learning rate for the generator (TTUR: Heusel et al. 2017, arXiv:1706.08500).
    generator_rate: float = 1.0
    beta1: float = 0.5  # Adam's decay rate of the mean of the gradients
    beta2: float | Schedule = 0.999  # Adam's decay rate of the mean of their squares
    labels_per_class: int = 0  # number of pictures of each class that keep their label, drawn by the seed; 0: all
    # Pictures with a rare label are shown more often (repeat factors: Gupta et al. 2019, arXiv:1908.03195): if a share f of
    # all pictures has the label, sqrt(repeat_threshold / f) times as often, if that is more than once. 0: all equally often.
    repeat_threshold: float = 0.0
    batch_size: int = 64  # over all processes
    accumulation: int = 1  # parts of a batch, computed in turn to save memory; norms and Dropout see a part alone
    flip: bool = False  # mirror half of the real images
    ema_half_life: int = 20_000  # of the averaged generator, which is sampled and published; in images
    ema_ramp: float = 0.05  # upper limit of the half-life, as a share of the images seen (Karras et al. 2020)


# The settings for each objective. Gradient penalties need a discriminator without BatchNorm, which mixes pictures.
PLAIN: dict[str, Any] = {
    "r1": 0.0,
    "r2": 0.0,
    "gradient_penalty": 0.0,
    "penalty_every": 1,
    "clip": 0.0,
    "discriminator_steps": 1,
    "optimiser": "adam",
    "learning_rate": 2e-4,
    "generator_rate": 1.0,
    "beta1": 0.5,
    "beta2": 0.999,
}
LOGISTIC = PLAIN | {"objective": "logistic"}
WASSERSTEIN = PLAIN | {
    "objective": "wasserstein",
    "gradient_penalty": 10.0,
    "discriminator_steps": 5,
    "learning_rate": 1e-4,
    "beta1": 0.0,
    "beta2": 0.9,
}
RELATIVISTIC = PLAIN | {
    "objective": "relativistic",
    "r1": Schedule(1.0, 0.1, 200_000),
    "r2": Schedule(1.0, 0.1, 200_000),
    "penalty_every": 8,
    "beta1": 0.0,
    "beta2": Schedule(0.9, 0.99, 200_000),
}
# Against a residual discriminator lazy penalties are too weak: the generator collapses within 10,000 images. With a
# penalty on every step small networks can start with ten times the paper's learning rate: FID 10 instead of 43 on MNIST
# after two minutes of one core.
R3GAN = RELATIVISTIC | {
    "r1": Schedule(10.0, 1.0, 200_000),
    "r2": Schedule(10.0, 1.0, 200_000),
    "penalty_every": 1,
    "learning_rate": Schedule(2e-3, 2e-4, 400_000),
}
OBJECTIVE_SETTINGS: dict[str, dict[str, Any]] = {
    "logistic": LOGISTIC | {"discriminator.normalisation": "batch"},
    "minimax": LOGISTIC | {"objective": "minimax", "discriminator.normalisation": "batch"},
    "least_squares": PLAIN | {"objective": "least_squares", "discriminator.normalisation": "batch"},
    "wasserstein": WASSERSTEIN | {"discriminator.normalisation": "none"},
    "hinge": PLAIN | {"objective": "hinge", "discriminator.normalisation": "spectral"},
    "relativistic": RELATIVISTIC | {"discriminator.normalisation": "none"},
}

CELEBA_ATTRIBUTES = (
    "Bangs",
    "Black_Hair",
    "Blond_Hair",
    "Brown_Hair",
    "Eyeglasses",
    "Male",
    "Mouth_Slightly_Open",
    "No_Beard",
    "Smiling",
    "Young",
)
# The attributes that the editor edits, and then the other labels that are used to separate its directions.
EDITOR_ATTRIBUTES = ATTRIBUTES + (
    "5_o_Clock_Shadow",
    "Arched_Eyebrows",
    "Attractive",
    "Bags_Under_Eyes",
    "Big_Lips",
    "Big_Nose",
    "Blurry",
    "Chubby",
    "Double_Chin",
    "Goatee",
    "Gray_Hair",
    "Heavy_Makeup",
    "High_Cheekbones",
    "Narrow_Eyes",
    "Oval_Face",
    "Pointy_Nose",
    "Receding_Hairline",
    "Rosy_Cheeks",
    "Sideburns",
    "Straight_Hair",
    "Wavy_Hair",
    "Wearing_Earrings",
    "Wearing_Hat",
    "Wearing_Lipstick",
    "Wearing_Necklace",
    "Wearing_Necktie",
)
# The attributes that the retouching editor edits, and others that it has to preserve.
RETOUCHED = (*ATTRIBUTES, "Gray_Hair", "Wearing_Lipstick", "Heavy_Makeup", "Arched_Eyebrows", "Goatee")
LEFT = (
    "Wearing_Hat",
    "Wearing_Earrings",
    "Big_Nose",
    "Narrow_Eyes",
    "Chubby",
    "Receding_Hairline",
    "5_o_Clock_Shadow",
)
_MNIST = {"data": "mnist", "image_size": 28, "image_channels": 1, "images": 400_000}
_STACKED = {"data": "stackedmnist", "image_size": 28, "image_channels": 3, "images": 1_000_000}
_CELEBA = {
    "data": "celeba",
    "image_size": 64,
    "image_channels": 3,
    "images": 1_000_000,
    "flip": True,
    "ema_half_life": 50_000,
}
_PAIRS = _CELEBA | {
    "game": "restoring",
    "objective": "hinge",
    "batch_size": 16,
    "images": 100_000,
    "ema_half_life": 3_000,
    "learning_rate": Schedule(1e-3, 5e-5, 100_000),
    "beta2": 0.99,
}
# The gradients of features are large, and do not help at first: with more weight, or from the start, the network learned
# almost nothing about the pixels (after 500 steps it had removed 0.7 dB of noise).
_SHARP = {
    "looks_every": 2,
    "looks_after": 24_000,
    "perceptual": 0.3,
    "adversarial_after": 36_000,
    "adversarial": Schedule(0.0, 0.1, 64_000),
    "patches": Schedule(0.0, 0.05, 64_000),
}
_EDITOR = _CELEBA | {
    "attributes": EDITOR_ATTRIBUTES,
    "game": "editor",
    "objective": "hinge",
    "batch_size": 32,
    "ema_half_life": 10_000,
}
_EDITS = {"reconstruction": 1.0, "adversarial": 0.4, "attribute": 2.0, "preservation": 1.0, "change": 0.25}

# A recipe is read as a row: what it is, by whom, with what. So the formatter keeps off.
# fmt: off
RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (
    Recipe(
        "mnist-mlp", "digits from fully connected networks: the first GAN",
        "Goodfellow et al. 2014, arXiv:1406.2661",
        "mlp", **_MNIST,
    ),
    Recipe(
        "mnist-dcgan", "digits from convolutional networks",
        "Radford et al. 2015, arXiv:1511.06434",
        "dcgan", **_MNIST, generator={"latent_dim": 100},
    ),
    Recipe(
        "mnist-lsgan", "least squares instead of cross-entropy",
        "Mao et al. 2016, arXiv:1611.04076",
        "dcgan", **_MNIST, objective="least_squares",
    ),
    Recipe(
        "mnist-cgan", "digits, conditional on the class",
        "Mirza and Osindero 2014, arXiv:1411.1784; Odena et al. 2016, arXiv:1610.09585",
        "dcgan", **_MNIST, conditional=True, discriminator={"auxiliary": True, "normalisation": "none"},
        terms={"auxiliary": 1.0}, **RELATIVISTIC,
    ),
    Recipe(
        "mnist-acgan", "digits, conditional by an auxiliary classifier alone",
        "Odena et al. 2016, arXiv:1610.09585",
        "dcgan", **_MNIST, conditional=True, discriminator={"auxiliary": True, "projection": False},
        terms={"auxiliary": 1.0},
    ),
    Recipe(
        "mnist-wgan", "the Wasserstein distance, by clipped weights",
        "Arjovsky et al. 2017, arXiv:1701.07875",
        "dcgan", **_MNIST, objective="wasserstein", clip=0.01, discriminator_steps=5, optimiser="rmsprop",
        learning_rate=2e-4,
    ),
    Recipe(
        "mnist-wgan-gp", "the Wasserstein distance, by a gradient penalty",
        "Gulrajani et al. 2017, arXiv:1704.00028",
        "dcgan", **_MNIST, discriminator={"normalisation": "none"}, **WASSERSTEIN | {"learning_rate": 5e-4},
    ),
    Recipe(
        "mnist-sngan", "hinge loss and spectral normalisation",
        "Miyato et al. 2018, arXiv:1802.05957",
        "dcgan", **_MNIST, objective="hinge", discriminator={"normalisation": "spectral"},
    ),
    Recipe(
        "mnist-featmatch", "feature matching instead of an adversarial loss",
        "Salimans et al. 2016, arXiv:1606.03498",
        "dcgan", **_MNIST, terms={"adversarial": 0.0, "feature_matching": 1.0, "perceptual": 1.0},
    ),
    Recipe(
        "mnist-repair", "repairs digits: fills holes and removes noise",
        "Isola et al. 2016, arXiv:1611.07004; Pathak et al. 2016, arXiv:1604.07379",
        "restore", **_MNIST | {"ema_half_life": 10_000}, game="restoring", objective="hinge",
        generator={"damages": ["noise", "specks", "fill"], "width": 32}, discriminator={"features": False},
        terms={"adversarial_after": 40_000, "patches": Schedule(0.0, 0.5, 100_000), "several": 0.5},
        learning_rate=Schedule(1e-3, 1e-4, 400_000), beta2=0.99,
    ),
    Recipe(
        "mnist-infogan", "latent codes for digit, slant and width, learned without labels",
        "Chen et al. 2016, arXiv:1606.03657; Ji et al. 2019, arXiv:1807.06653",
        # Without `clustering` the categories separate generated pictures, not the classes of real ones: 4, 7 and 9 stay
        # mixed, and 88 % are right after 680,000 images; with it 99 % after 160,000.
        "infogan", **_MNIST, terms={"information": 1.0, "clustering": 1.0}, generator_rate=5.0,
    ),
    Recipe(
        "mnist-vaegan", "with an encoder, and similarity learned by the discriminator",
        "Larsen et al. 2016, arXiv:1512.09300",
        "vaegan", **_MNIST, game="vaegan", terms={"reconstruction": 1e-3, "divergence": 1e-2}, generator_rate=5.0,
    ),
    Recipe(
        "mnist-bigan", "with an encoder, and a discriminator of pairs of picture and latent",
        "Donahue et al. 2017, arXiv:1605.09782",
        "bigan", **_MNIST, game="bigan", generator={"latent_dim": 64}, generator_rate=5.0,
    ),
    Recipe(
        "mnist-implicit", "no discriminator: distributions are matched in an autoencoder's latent space",
        "Li et al. 2015, arXiv:1502.02761",
        "implicit", **_MNIST, game="moments", batch_size=128, terms={"reconstruction": 1.0}, generator_rate=5.0,
    ),
    Recipe(
        "mnist-tied", "generator and discriminator share their convolutions",
        "Radford et al. 2015, arXiv:1511.06434, tied",
        "tied", **_MNIST,
    ),
    Recipe(
        "mnist-r3gan", "relativistic loss, R1 and R2, residual networks without normalisation",
        "Huang et al. 2024, arXiv:2501.05441",
        "resnet", **_MNIST, **R3GAN,
    ),
    Recipe(
        "mnist-sgan", "a classifier of digits from few labels: --labels-per-class 10 is a hundred in all",
        "Salimans et al. 2016, arXiv:1606.03498; Sohn et al. 2020, arXiv:2001.07685",
        "classifying", **_MNIST | {"batch_size": 16, "images": 96_000, "ema_half_life": 4_000}, game="semisupervised",
        labels_per_class=10, learning_rate=Schedule(6e-4, 1e-5, 96_000),
        # Digits that it misreads are mostly undecided: with a lower threshold than 0.95 more of their kind get a class.
        terms={"adversarial": 0.0, "feature_matching": 1.0, "consistency": 1.0, "sure": 0.7},
    ),
    Recipe(
        "stackedmnist-dcgan", "1,000 modes: does the generator cover them all?",
        "Metz et al. 2017, arXiv:1611.02163",
        "dcgan", **_STACKED,
    ),
    Recipe(
        "stackedmnist-r3gan", "the same 1,000 modes, by a relativistic loss that covers them",
        "Huang et al. 2024, arXiv:2501.05441",
        # A wider generator, since three digits are drawn at once. (With a width of 48: 998 modes and a KL of 0.15.)
        "resnet", **_STACKED, **R3GAN | {"learning_rate": Schedule(2e-3, 1e-4, 800_000)}, generator={"width": 96},
    ),
    Recipe(
        "fashion-r3gan", "clothes, by a relativistic loss and residual networks",
        "Huang et al. 2024, arXiv:2501.05441",
        "resnet", **_MNIST | {"data": "fashionmnist"}, conditional=True, **R3GAN,
    ),
    Recipe(
        "cifar10-r3gan", "small photographs of ten classes",
        "Huang et al. 2024, arXiv:2501.05441",
        "resnet", data="cifar10", image_size=32, image_channels=3, images=5_000_000, flip=True, conditional=True,
        **R3GAN,
    ),
    Recipe(
        "cifar10-projected", "teaches cifar10-r3gan what ImageNet's features see (--init-from runs/cifar10-r3gan/model)",
        "Sauer et al. 2021, arXiv:2111.01007; Kumari et al. 2022, arXiv:2112.09130; Odena et al. 2016, arXiv:1610.09585",
        "projected-resnet", data="cifar10", image_size=32, image_channels=3, images=240_000, flip=True, conditional=True,
        game="projected", objective="hinge", batch_size=32, ema_half_life=5_000,
        discriminator={"width": 48, "pixels": 48, "auxiliary": True}, terms={"auxiliary": 0.5},
        learning_rate=Schedule(4e-4, 1e-4, 240_000), beta1=0.0, beta2=0.99,
    ),
    Recipe(
        "cifar10-sgan", "a classifier of photographs from few labels",
        "Salimans et al. 2016, arXiv:1606.03498; Sohn et al. 2020, arXiv:2001.07685",
        "classifying", data="cifar10", image_size=32, image_channels=3, images=5_000_000, flip=True,
        game="semisupervised", labels_per_class=400, generator={"width": 48, "reader_width": 64},
        terms={"adversarial": 0.0, "feature_matching": 1.0, "consistency": 1.0}, learning_rate=3e-4,
    ),
    Recipe(
        "celeba-dcgan", "faces from convolutional networks",
        "Radford et al. 2015, arXiv:1511.06434",
        "dcgan", **_CELEBA, generator={"latent_dim": 100},
    ),
    Recipe(
        "celeba-cgan", "faces, conditional on attributes",
        "Mirza and Osindero 2014, arXiv:1411.1784; Odena et al. 2016, arXiv:1610.09585",
        "dcgan", **_CELEBA, conditional=True, attributes=CELEBA_ATTRIBUTES,
        discriminator={"width": 48, "auxiliary": True, "normalisation": "none"}, terms={"auxiliary": 1.0},
        **RELATIVISTIC,
    ),
    Recipe(
        "celeba-cgan-128",
        "adds to celeba-cgan the details of twice the size (--init-from celeba-cgan)",
        "Denton et al. 2015, arXiv:1506.05751; Sauer et al. 2021, arXiv:2111.01007; Kumari et al. 2022, arXiv:2112.09130",
        "laplacian", **_CELEBA | {"image_size": 128, "images": 100_000, "ema_half_life": 5_000}, game="projected",
        objective="hinge", conditional=True, attributes=CELEBA_ATTRIBUTES, batch_size=32,
        discriminator={"width": 48, "seen": 128, "levels": 2}, terms={"anchor": 20.0},
        learning_rate=Schedule(4e-4, 1e-4, 100_000), beta1=0.0, beta2=0.99,
    ),
    Recipe(
        "celeba-inversion", "an encoder for celeba-cgan, which stays unchanged (--init-from celeba-cgan)",
        "Zhu et al. 2020, arXiv:2004.00049",
        "invertible", **_CELEBA | {"images": 64_000, "ema_half_life": 5_000}, game="inversion", conditional=True,
        attributes=CELEBA_ATTRIBUTES, discriminator={"width": 32, "projection": False},
        terms={"reconstruction": 1.0, "latent_regression": 0.2, "adversarial": 0.02},
        learning_rate=Schedule(1e-3, 1e-4, 64_000),
    ),
    Recipe(
        "celeba-restore",
        "repairs faces: removes noise, specks, blur and JPEG blocks, enlarges and colours; fills holes unless fill is left out",
        "Isola et al. 2016, arXiv:1611.07004; Johnson et al. 2016, arXiv:1603.08155",
        "restore", **_PAIRS, generator={"width": 24, "deconvolves": True},
        terms=_SHARP | {"several": 0.4, "closer": 0.25},
    ),
    Recipe(
        "celeba-sketch", "faces from line drawings",
        "Isola et al. 2016, arXiv:1611.07004",
        "restore", **_PAIRS, generator={"width": 24, "damages": ["edges"], "residual": False},
        terms=_SHARP | {"reconstruction": 5.0},
    ),
    Recipe(
        "celeba-fill", "fills holes in faces",
        "Pathak et al. 2016, arXiv:1604.07379; Isola et al. 2016, arXiv:1611.07004",
        "restore", **_PAIRS, generator={"width": 24, "damages": ["fill"]}, terms=_SHARP,
    ),
    Recipe(
        "celeba-upscale", "enlarges faces four times (--set scale=2: twice)",
        "Ledig et al. 2016, arXiv:1609.04802",
        "restore", **_PAIRS, generator={"width": 24, "damages": ["shrink"]}, terms=_SHARP | {"scale": 4.0},
    ),
    Recipe(
        "celeba-cyclegan", "translates without pairs: dark hair into blond, and blond into dark",
        "Zhu et al. 2017, arXiv:1703.10593; Choi et al. 2018, arXiv:1711.09020",
        "translate", **_CELEBA | {"images": 150_000, "ema_half_life": 3_000}, game="translating", objective="hinge",
        conditional=True, attributes=("Black_Hair", "Blond_Hair"), batch_size=16,
        # With the usual weights (10 and 2), dark hair is brown at best: a small change is easier to undo.
        terms={"cycle": 4.0, "identity": 0.5}, learning_rate=Schedule(4e-4, 4e-5, 150_000),
    ),
    Recipe(
        "celeba-colour", "colours grey faces",
        "Zhang et al. 2016, arXiv:1603.08511; Isola et al. 2016, arXiv:1611.07004",
        "restore", **_PAIRS, generator={"width": 24, "damages": ["grey"]}, terms=_SHARP,
    ),
    Recipe(
        "celeba-editor",
        "edits attributes of faces: moves, colours and paints the photo's own pixels",
        "Sauer et al. 2021, arXiv:2111.01007; Dorta et al. 2020, arXiv:1811.12784",
        "retouch", **_CELEBA | {"images": 320_000, "ema_half_life": 12_000}, game="retouching", objective="hinge",
        attributes=RETOUCHED + LEFT, batch_size=32,
        generator={"attributes": list(RETOUCHED), "width": 24, "finest": 16, "regions": True},
        discriminator={"attributes": list(RETOUCHED + LEFT), "pixels": 32},
        terms={"edits_after": 64_000, "adversarial": 2.5, "attribute": 1.0, "preservation": 0.25, "smoothness": 10.0, "colouring": 0.1,
               "painting": Schedule(0.0, 0.5, 300_000), "change": Schedule(0.1, 0.8, 160_000), "cycle": 6.0, "skin": 3.0},
        learning_rate=Schedule(6e-4, 1.5e-4, 300_000), generator_rate=0.6, beta1=0.0, beta2=0.99,
    ),
    Recipe(
        "celeba-editor-64",
        "edits attributes of faces; draws with the layers of celeba-cgan (--init-from celeba-cgan)",
        "Perarnau et al. 2016, arXiv:1611.06355; Liu et al. 2019, arXiv:1904.09709",
        "editor", **_EDITOR | {"images": 150_000},
        terms=_EDITS | {"edits_after": 64_000, "latent_regression": 0.2, "temperature": Schedule(5.0, 1.0, 150_000)},
        learning_rate=Schedule(1e-3, 2e-4, 64_000),
        generator={"attributes": list(ATTRIBUTES), "conditions": list(CELEBA_ATTRIBUTES),
                   "latent_dim": 128 + len(CELEBA_ATTRIBUTES), "width": 24, "decoder_width": 64, "hidden": 256},
        discriminator={"latent_dim": 128 + len(CELEBA_ATTRIBUTES)},
    ),
)}
# fmt: on
