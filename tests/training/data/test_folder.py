"""A folder of pictures: classes, splits, crops, odd pictures."""

import io

import numpy as np
import pytest
from layouts import colours, encode, fails, plain, random_image, write
from PIL import Image

from training.data import open_dataset

pytestmark = pytest.mark.usefixtures("cache")


RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def test_folder_without_classes_is_searched_recursively(tmp_path):
    black = encode(np.zeros((8, 8, 3), np.uint8), "WEBP", lossless=True)
    folder = write(
        tmp_path / "mine",
        {
            "b.png": plain(GREEN),
            "a/x/c.bmp": plain(RED, kind="BMP"),
            "d.txt": b"no picture",
            ".trash/e.png": plain(RED),
            "z.WEBP": black,
        },
    )
    dataset = open_dataset(folder, None, 8)
    assert colours(dataset) == [RED, GREEN, (0, 0, 0)] and dataset.name == "mine"
    assert dataset.labels is None and dataset.label_names is None and not dataset.multi_label
    assert dataset.batch(dataset.order(0, 3, 0))[1] is None


def test_sub_folders_that_all_hold_images_are_classes(tmp_path):
    write(
        tmp_path / "pets",
        {
            "dogs/1.png": plain(RED),
            "cats/a/1.png": plain(GREEN),
            "cats/2.jpg": plain(GREEN, 4),
            "dogs/2.png": plain(BLUE),
        },
    )
    dataset = open_dataset(str(tmp_path / "pets"), None, 8)
    assert dataset.label_names == ("cats", "dogs") and dataset.labels.tolist() == [0, 1, 1] and not dataset.multi_label
    assert colours(dataset) == [GREEN, RED, BLUE]
    assert dataset.notes[1] == "Left out for being smaller than 8 px: 1."
    (tmp_path / "pets/empty").mkdir()
    dataset = open_dataset(tmp_path / "pets", None, 8)
    assert dataset.label_names == ("cats", "dogs") and any("empty/" in note for note in dataset.notes)


def test_one_sub_folder_is_no_class(tmp_path):
    assert open_dataset(write(tmp_path / "celebrities", {"all/1.png": plain(RED)}), None, 8).labels is None


def test_splits_of_a_folder(tmp_path):
    write(
        tmp_path / "pets",
        {
            "train/cat/1.png": plain(RED),
            "train/cow/1.png": plain(GREEN),
            "train/dog/1.png": plain(BLUE),
            "test/dog/1.png": plain(BLUE),
        },
    )
    assert open_dataset(tmp_path / "pets", None, 8).labels.tolist() == [0, 1, 2]
    test = open_dataset(tmp_path / "pets", None, 8, split="test")
    assert test.labels.tolist() == [2] and test.label_names == (
        "cat",
        "cow",
        "dog",
    )  # a class has one number in all splits
    with fails(r"no split 'valid'; make train/ and valid/"):
        open_dataset(tmp_path / "pets", None, 8, split="valid")
    write(tmp_path / "pets", {"test/eel/1.png": plain(BLUE)})
    with fails("eel is not one of the classes"):
        open_dataset(tmp_path / "pets", None, 8, split="test")
    with fails("no split 'test'; make train/ and test/"):
        open_dataset(tmp_path / "pets/train", None, 8, split="test")


def test_centre_crop_resize_and_channels(tmp_path):
    wide = np.zeros((40, 100, 3), np.uint8)
    wide[:, 30:70] = (10, 200, 30)
    folder = write(tmp_path / "wide", {"a.png": encode(wide, "PNG")})
    assert colours(open_dataset(folder, None, 20)) == [(10, 200, 30)]
    grey = open_dataset(folder, None, 20, channels=1)
    assert (
        grey.images.shape == (1, 1, 20, 20) and abs(int(grey.images[0, 0, 0, 0]) - 124) <= 1
    )  # 0.299 R + 0.587 G + 0.114 B
    folder = write(tmp_path / "grey", {"a.png": encode(random_image(0, 8, channels=1), "PNG")})
    image = open_dataset(folder, None, 8).images[0]
    assert image.shape == (3, 8, 8) and (image == random_image(0, 8, channels=1)).all()


def test_a_large_jpeg_keeps_its_quality_when_reduced(tmp_path):
    """Decoding at a fraction of the size is a shortcut; it must give nearly what the long way gives."""
    rough = Image.fromarray(random_image(0, 24)).resize((600, 600), Image.Resampling.BICUBIC)
    content = encode(np.asarray(rough))
    short = open_dataset(write(tmp_path / "large", {"a.jpg": content}), None, 64).images[0].astype(float)
    long = np.asarray(Image.open(io.BytesIO(content)).resize((64, 64), Image.Resampling.LANCZOS), float).transpose(
        2, 0, 1
    )
    assert np.abs(short - long).mean() < 1 and long.std() > 40


def test_odd_pictures(tmp_path):
    """Sideways EXIF, alpha, palette with transparency, 16 bits, CMYK."""
    upright = np.zeros((8, 8, 3), np.uint8)
    upright[:4] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise when shown
    rgba = np.zeros((8, 8, 4), np.uint8)
    rgba[..., 0], rgba[:4, :, 3] = 255, 255
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 0, 0, 255])
    files = {"exif": encode(np.rot90(upright).copy(), "PNG", exif=exif), "rgba": encode(rgba, "PNG")}
    for name, picture, options in (
        ("palette", palette, {"transparency": 0}),
        ("sixteen", Image.fromarray(np.full((8, 8), 128 * 257, np.uint16)), {}),
        ("wcmyk", Image.new("CMYK", (8, 8), (0, 255, 255, 0)), {"format": "JPEG"}),
    ):
        file = io.BytesIO()
        picture.save(file, **{"format": "PNG", **options})
        files[name] = file.getvalue()
    images = open_dataset(
        write(tmp_path / "odd", {f"{name}.png": content for name, content in files.items()}), None, 8
    ).images
    turned, blue, rgba, sixteen, cmyk = (image.transpose(1, 2, 0) for image in images)
    assert np.array_equal(turned, upright)
    assert (blue == BLUE).all()
    assert (rgba[:4] == RED).all() and (rgba[4:] == 255).all()  # the transparent half is seen on white
    assert (sixteen == 128).all()
    assert np.abs(cmyk.astype(int) - RED).max() <= 3


def test_bad_folders_names_and_requests(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.png").write_bytes(plain(RED))
    for arguments, message in (
        ((tmp_path / "empty", None, 8), "There are no images in .*empty"),
        ((tmp_path / "file.png", None, 8), "is a file; give a folder of images"),
        (("celebra", None, 8), "no folder 'celebra'; did you mean celeba?"),
        (("qqq", None, 8), "known are mnist, fashionmnist, stackedmnist, cifar10, celeba"),
        (("mnist", None, 0), "image size must be"),
        (("mnist", None, 2.5), "image size must be"),
    ):
        with fails(message):
            open_dataset(*arguments)
    for options, message in (
        ({"split": "valid"}, "no split 'valid'"),
        ({"split": "dev"}, "no split 'dev'"),
        ({"channels": 2}, "1 channel"),
        ({"attributes": ["Male"]}, "no attributes"),
    ):
        with fails(message):
            open_dataset("mnist", tmp_path, 28, **options)
    with fails("Attributes are chosen from CelebA"):
        open_dataset(tmp_path, None, 8, attributes=["Male"])
