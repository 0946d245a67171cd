"""What is published names things and tells no paths."""

import pytest

from gan_models import portable


@pytest.mark.parametrize(
    "path, name",
    [
        ("/home/me/cats", "cats"),
        ("/home/me/my cats/", "my cats"),
        ("~/cats", "cats"),
        ("../secret/cats", "cats"),
        ("./cats", "cats"),
        (r"C:\Users\me\cats", "cats"),
        (r"\\server\share\cats", "cats"),
        ("/home/me/runs/celeba-cgan/model", "celeba-cgan"),
        ("runs/celeba-cgan/checkpoint/model", "celeba-cgan"),
        ("/", "."),
        ("celeba-cgan", "celeba-cgan"),
        ("user/repo", "user/repo"),
        ("user/repo@v1", "user/repo@v1"),
        ("https://huggingface.co/user/repo", "https://huggingface.co/user/repo"),
    ],
)
def test_a_path_becomes_a_name(path, name):
    assert portable.name(path) == name
    assert portable.record({"training": {"init_from": path}})["training"]["init_from"] == name


def test_a_folder_that_is_there_is_a_path(tmp_path, monkeypatch):
    (tmp_path / "photos/holiday").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert portable.name("photos/holiday") == "holiday"


@pytest.mark.parametrize(
    "command, published",
    [
        ("python -m training mnist-cgan --seed 3", "python -m training mnist-cgan --seed 3"),
        ("python -m training toy --data /home/me/cats --seed 3", "python -m training toy --data cats --seed 3"),
        ("python -m training toy --data='/home/me/my cats'", "python -m training toy '--data=my cats'"),
        (
            "python -m training toy --data '/home/me/my cats' --seed 1",
            "python -m training toy --data 'my cats' --seed 1",
        ),
        ("python -m training toy --init-from ~/runs/cgan/model", "python -m training toy --init-from cgan"),
        ("python -m training toy --init-from user/repo", "python -m training toy --init-from user/repo"),
        ("python -m training toy --data-root '/home/me/my data' --output=/tmp/x", "python -m training toy"),
        ("python -m training toy --output /tmp/x --seed 3", "python -m training toy --seed 3"),
        ("python -m training toy --push-to-hub me/x --push-every=5 --seed 3", "python -m training toy --seed 3"),
        (
            "python -m training toy --data hub:user/pets@v1,label=kind",
            "python -m training toy --data hub:user/pets@v1,label=kind",
        ),
        (
            "python -m training toy --init-from user/repo@v1/sub/folder",
            "python -m training toy --init-from user/repo@v1/sub/folder",
        ),
        ("python -m training toy --data '/home/me", "python -m training toy --data 'me"),
        (
            "python -m training a\npython -m training.calibrate /x/runs/b/model",
            "python -m training a\npython -m training.calibrate b",
        ),
    ],
)
def test_a_command_keeps_what_it_did_and_loses_where(command, published):
    assert portable.command(command) == published
    assert portable.command(published) == published


def test_records_and_pages_lose_their_paths_and_nothing_else():
    record = {"training": {"summary": "and/or 3/4, see https://a.b/c/d or /home/me/notes.txt", "hours": 1.5, "x": None,
              "origin": {"command": "python -m training a --data /home/me/b", "dataset": "/home/me/b"}},
              "evaluation": {"judge": {"weights": ["/home/me/w.pth", 3]}}}  # fmt: skip
    told = portable.record(record)
    assert told["training"]["summary"] == "and/or 3/4, see https://a.b/c/d or notes.txt"
    assert told["training"]["origin"] == {"command": "python -m training a --data b", "dataset": "b"}
    assert told["evaluation"] == {"judge": {"weights": ["w.pth", 3]}} and "/home/me/b" in str(record)
    page = (
        "# T\n\n```sh\npip install git+https://a.b/c.git\npython -m training a --data '/home/me/my b'\n```\n\n"
        "<b>x</b> `~/y/z`\n"
    )
    assert portable.portable_card(page) == page.replace("/home/me/", "").replace("~/y/", "")
