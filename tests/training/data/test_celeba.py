"""CelebA: the zip or the folder, its lists, the window, and what is wrong with them."""

import zipfile

import numpy as np
import pytest
import torch
from layouts import decoded, encode, faces, fails, random_image, write
from PIL import Image

from training.data import dataset as data
from training.data import open_dataset
from training.data.decoding import DataError

pytestmark = pytest.mark.usefixtures("cache")


ATTRIBUTES = ("Eyeglasses", "Male", "Smiling")


def write_celeba(root, pictures: dict[str, bytes], *, packed=True, parts=None):
    """Picture k has the attributes (k is odd, k is a multiple of 3, always)."""
    folder = root / "celeba"
    rows = [f"{name}  {1 if k % 2 else -1} {-1 if k % 3 else 1}  1" for k, name in enumerate(pictures)]
    parts = parts or [0] * len(pictures)
    write(
        folder,
        {
            "list_attr_celeba.txt": "\n".join([str(len(rows)), " ".join(ATTRIBUTES) + " ", *rows, ""]).encode(),
            "list_eval_partition.txt": "".join(f"{n} {p}\n" for n, p in zip(pictures, parts)).encode(),
        },
    )
    if not packed:
        return write(folder / "img_align_celeba", pictures).parents[1]
    with zipfile.ZipFile(folder / "img_align_celeba.zip", "w") as archive:
        for name, content in pictures.items():
            archive.writestr(f"img_align_celeba/{name}", content)
    return root


@pytest.mark.parametrize("packed", [True, False])
def test_celeba_from_zip_and_folder(tmp_path, packed):
    pictures = faces(6)
    dataset = open_dataset("celeba", write_celeba(tmp_path, pictures, packed=packed), 16)
    assert np.array_equal(dataset.images.transpose(0, 2, 3, 1), [decoded(p) for p in pictures.values()])
    assert dataset.label_names == ATTRIBUTES and dataset.multi_label and dataset.labels.dtype == np.uint8
    assert dataset.labels.tolist() == [[k % 2, int(k % 3 == 0), 1] for k in range(6)]
    assert dataset.notes == ("CelebA (train): 6 pictures.",)
    _, labels = dataset.batch(dataset.order(0, 4, 0))
    assert labels.dtype == torch.float32 and labels.shape == (4, 3)


def test_celeba_zip_and_folder_have_one_checksum(tmp_path):
    packed, unpacked = write_celeba(tmp_path / "a", faces()), write_celeba(tmp_path / "b", faces(), packed=False)
    checksums = [open_dataset("celeba", root, 16).checksum for root in (packed, unpacked)]
    assert checksums[0] == checksums[1]
    assert open_dataset("celeba", packed, 8).checksum != checksums[0]
    assert open_dataset("celeba", packed, 16, attributes=["Male"]).checksum != checksums[0]


def test_the_crop_window_of_aligned_pictures(tmp_path):
    picture = encode(random_image(0, 178, 218))
    root = write_celeba(tmp_path, {"000001.jpg": picture})
    whole = decoded(picture)
    image = open_dataset("celeba", root, 128).images[0]
    assert np.array_equal(image.transpose(1, 2, 0), whole[48:176, 25:153])
    image = open_dataset("celeba", root, 20, crop=(3, 7, 20)).images[0]
    assert np.array_equal(image.transpose(1, 2, 0), whole[7:27, 3:23])
    halved = open_dataset("celeba", root, 64).images[0].transpose(1, 2, 0)
    expected = Image.fromarray(whole[48:176, 25:153]).resize((64, 64), Image.Resampling.LANCZOS)
    assert np.array_equal(halved, np.asarray(expected))
    for crop in ((51, 48, 128), (25, 91, 128), (-1, 0, 10), (0, 0, 0), (1, 2)):
        with fails("crop"):
            open_dataset("celeba", root, 64, crop=crop)


def test_a_picture_of_another_shape_is_cropped_to_its_centre(tmp_path):
    stripes = np.zeros((16, 32, 3), np.uint8)
    stripes[:, 8:24] = 200
    root = write_celeba(tmp_path, {"000001.jpg": encode(stripes, "PNG")})
    assert (open_dataset("celeba", root, 16).images == 200).all()


def test_partition_and_unlisted_pictures(tmp_path):
    root = write_celeba(tmp_path, faces(6), packed=False, parts=[0, 1, 2, 0, 0, 1])
    write(
        root / "celeba/img_align_celeba", {"999999.jpg": encode(random_image(0, 16)), "._000001.jpg": b"a Mac was here"}
    )
    (root / "celeba/img_align_celeba/000004.jpg").unlink()  # a part of CelebA is a valid CelebA
    counts = {split: open_dataset("celeba", root, 16, split=split) for split in data.SPLITS}
    assert {split: len(dataset) for split, dataset in counts.items()} == {"train": 2, "valid": 2, "test": 1}
    assert counts["valid"].labels.tolist() == [[1, 0, 1], [1, 0, 1]]  # pictures 1 and 5
    assert counts["train"].notes == (
        "CelebA (train): 2 pictures.",
        "Left out because the lists of CelebA do not name them: 1.",
    )


def test_small_and_broken_pictures_are_left_out_and_counted(tmp_path):
    pictures = faces(6)
    pictures["000002.jpg"] = encode(random_image(0, 8))
    pictures["000004.jpg"] = pictures["000004.jpg"][:200]
    pictures["000006.jpg"] = b"not a picture"
    for _ in ("decoded", "from the cache"):
        dataset = open_dataset("celeba", write_celeba(tmp_path, pictures), 16)
        assert dataset.labels.tolist() == [[k % 2, int(k % 3 == 0), 1] for k in (0, 2, 4)]
        assert dataset.notes == (
            "CelebA (train): 3 pictures.",
            "Left out for being smaller than 16 px: 1.",
            "Left out because they cannot be read: 2 (the first is img_align_celeba/000004.jpg).",
        )
        assert np.array_equal(dataset.images[2].transpose(1, 2, 0), decoded(pictures["000005.jpg"]))
    assert len(open_dataset("celeba", tmp_path, 8)) == 4


def test_a_damaged_member_of_the_zip_is_left_out(tmp_path):
    root = write_celeba(tmp_path, faces(3))
    path = root / "celeba/img_align_celeba.zip"
    content = bytearray(path.read_bytes())
    content[content.index(b"\xff\xd8") + 300] ^= 255  # inside the first picture: its checksum is wrong now
    path.write_bytes(content)
    dataset = open_dataset("celeba", root, 16)
    assert len(dataset) == 2 and "cannot be read: 1 (" in dataset.notes[1]


def test_no_usable_picture(tmp_path):
    with fails("None of the 6 pictures of celeba can be used: 6 are smaller than 32 px and 0 cannot be read"):
        open_dataset("celeba", write_celeba(tmp_path, faces(6)), 32)
    with fails("split 'test'"):
        open_dataset("celeba", tmp_path, 16, split="test")


def test_attributes_are_selected_and_ordered(tmp_path):
    root = write_celeba(tmp_path, faces(4))
    dataset = open_dataset("celeba", root, 16, attributes=["Smiling", "Eyeglasses"])
    assert dataset.label_names == ("Smiling", "Eyeglasses") and dataset.labels.tolist() == [
        [1, 0],
        [1, 1],
        [1, 0],
        [1, 1],
    ]
    with fails("CelebA has no attribute 'smilling'; did you mean Smiling?"):
        open_dataset("celeba", root, 16, attributes=["smilling"])
    with fails("no attribute 'xyz'; known are Eyeglasses, Male, Smiling"):
        open_dataset("celeba", root, 16, attributes=["xyz"])


def test_missing_celeba_says_what_to_fetch_and_where(tmp_path):
    with pytest.raises(DataError) as failure:
        open_dataset("celeba", tmp_path, 64)
    said = str(failure.value)
    assert all(file in said for file in ("img_align_celeba.zip", "list_attr_celeba.txt", "list_eval_partition.txt"))
    assert str(tmp_path / "celeba") in said
    assert "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html" in said and "drive.google" not in said
    root = write_celeba(tmp_path, faces(1))
    for name in ("list_attr_celeba.txt", "list_eval_partition.txt"):
        (root / "celeba" / name).rename(root / "aside")
        with fails(f"CelebA's {name} is not in"):
            open_dataset("celeba", root, 16)
        (root / "aside").rename(root / "celeba" / name)
    (root / "celeba/img_align_celeba.zip").unlink()
    (root / "celeba/img_align_celeba").mkdir()
    with fails("no pictures in the img_align_celeba"):
        open_dataset("celeba", root, 16)


@pytest.mark.parametrize(
    "name, content, message",
    [
        (
            "img_align_celeba.zip",
            b"<!DOCTYPE html><title>Google Drive - Quota exceeded</title>",
            "is a web page .*quota",
        ),
        ("img_align_celeba.zip", b"PK\3\4 and then the connection broke", "truncated or not a zip archive"),
        ("list_attr_celeba.txt", b"<html>Quota exceeded</html>", "is a web page .*quota"),
        ("list_attr_celeba.txt", b"1\nMale Smiling\n000001.jpg 1 0\n", "Line 3 of list_attr_celeba.txt"),
        ("list_attr_celeba.txt", b"1\nMale Smiling\n000001.jpg 1 -1\n000002.jpg 1\n", "Line 4 of list_attr_celeba.txt"),
        ("list_eval_partition.txt", b"000001.jpg 3\n", "Line 1 of list_eval_partition.txt"),
    ],
)
def test_bad_celeba_files(tmp_path, name, content, message):
    root = write_celeba(tmp_path, faces(1))
    write(root / "celeba", {name: content})
    with fails(message):
        open_dataset("celeba", root, 16)
