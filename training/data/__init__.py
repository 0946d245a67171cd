import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from gan_models.celeba import CELEBA_SIZE
from gan_models.sizes import Size, in_words, sides

from ..choices import DATASETS
from .celeba import read_celeba
from .cifar import read_cifar10
from .dataset import SPLITS, Dataset, Request, near_names
from .decoding import DataError
from .digits import read_fashionmnist, read_mnist, read_stackedmnist
from .folder import read_folder
from .hub import PREFIX, read_hub
from .listing import is_archive
from .pairs import read_pairs


def open_dataset(
    name_or_folder: str | os.PathLike,
    root: str | os.PathLike | None,
    image_size: Size,
    *,
    split: str = "train",
    channels: int | None = None,
    attributes: Sequence[str] | None = None,
    crop: tuple[int, int, int] = (25, 48, 128),
) -> Dataset:
    """Open a data set by name (a key of READERS, from the data root), a folder of images, a .zip or .tar of them, or a
    data set of the Hub ("hub:USER/DATASET", see hub.py).

    root: the data root; None is the variable GAN_STUDIO_DATA, else ./data. channels: 1 (grey) or 3; None is that of the
    data set (3 for a folder). attributes: which of CelebA's, in which order; None is all. crop: (left, top, size), the
    window of CelebA's aligned 178 x 218 frame. Pictures smaller than image_size are left out, and a note says so. In a
    folder the sub-folders train/, valid/, test/ are the splits; without them everything is "train". Two or more
    sub-folders that all hold images, with no image next to them, are classes; otherwise there are no labels.

    Raises DataError.
    """
    root = Path(root or os.environ.get("GAN_STUDIO_DATA") or "data").expanduser()
    attributes = None if attributes is None else tuple(attributes)
    request = Request(root, image_size, split, channels, attributes, tuple(crop))
    _check(request)
    name = os.fspath(name_or_folder)
    reader = READERS.get(re.sub("[-_ ]", "", name.lower()))
    if reader and reader not in OBLONG and len(set(sides(image_size))) > 1:
        raise DataError(
            f"The pictures of {name} are square, so they cannot be {in_words(image_size)}: give one number of "
            "pixels as their size."
        )
    try:
        if reader:
            return reader(request)
        if name.startswith(PREFIX):
            return read_hub(name, request)
        if Path(name).is_dir() or Path(name).is_file() and is_archive(Path(name)):
            return read_folder(Path(name), request)
    except OSError as error:
        raise DataError(f"The data of {name} cannot be read: {error}.") from error
    if Path(name).exists():
        raise DataError(
            f"{name} is a file; give a folder of images, a .zip or .tar of them, or one of {', '.join(READERS)}."
        )
    raise DataError(f"There is no data set and no folder {name!r}; {near_names(name, tuple(READERS))}")


def open_pairs(
    inputs: str | os.PathLike, targets: str | os.PathLike, image_size: Size, *, channels: int | None = None
) -> Dataset:
    """Pairs of pictures from two folders (pairs.py). channels: as of `open_dataset`. Raises DataError."""
    request = Request(Path(), image_size, "train", channels, None, (25, 48, 128))
    _check(request)
    try:
        return read_pairs(Path(inputs), Path(targets), request)
    except OSError as error:
        raise DataError(f"The pairs of {inputs} and {targets} cannot be read: {error}.") from error


def _check(request: Request) -> None:
    if request.split not in SPLITS:
        raise DataError(f"There is no split {request.split!r}; the splits are {', '.join(SPLITS)}.")
    size = request.image_size if isinstance(request.image_size, (list, tuple)) else (request.image_size,)
    if len(size) not in (1, 2) or not all(isinstance(side, int) and 1 <= side <= 4096 for side in size):
        raise DataError(
            "The image size must be a whole number from 1 to 4096, or two of them (height, width), not "
            f"{request.image_size!r}."
        )
    if request.channels not in (None, 1, 3):
        raise DataError(f"Images have 1 channel (grey) or 3 (colour), not {request.channels!r}.")
    if len(request.crop) != 3 or not all(isinstance(number, int) for number in request.crop):
        raise DataError(f"The crop is three whole numbers (left, top, size), not {request.crop}.")
    left, top, size = request.crop
    if min(left, top) < 0 or size < 1 or left + size > CELEBA_SIZE[0] or top + size > CELEBA_SIZE[1]:
        raise DataError(f"The crop (left, top, size) = {request.crop} does not lie inside CelebA's 178 x 218 frame.")


# A new data set is one more reader, and its name in choices.py.
READERS: dict[str, Callable[[Request], Dataset]] = dict(
    zip(DATASETS, (read_mnist, read_fashionmnist, read_stackedmnist, read_cifar10, read_celeba), strict=True)
)
OBLONG = (read_celeba,)  # readers whose pictures need not be square
