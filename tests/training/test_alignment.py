"""The measurement of the alignment: known answers in, right judgement out."""

import io
import math
import zipfile

import numpy as np
import pytest
from PIL import Image

from gan_models.photos import faces
from gan_models.photos.faces import Face
from gan_models.photos.geometry import Similarity
from training import alignment
from training.alignment import KINDS, Result, count_correct, make_tests, report
from training.commands.alignment import main
from training.data import celeba
from training.data.celeba import celeba_originals
from training.data.decoding import DataError


def encoded(colour, size=(178, 218)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def a_face(frame: Similarity) -> Face:
    return Face((0, 0, 1, 1), np.zeros((68, 2)), frame, 1.0)


def test_photos_are_a_function_of_the_seed_and_show_the_originals_where_they_say():
    originals = [encoded("red"), encoded("red")] * 3
    tests, again = (list(make_tests(originals, 9, seed=4)) for _ in range(2))
    assert [t.kind for t in tests] == list(KINDS) * 3
    for test, same in zip(tests, again):
        assert test.photo.tobytes() == same.photo.tobytes() and test.frames == same.frames
        assert 1 <= len(test.frames) <= 4 and (len(test.frames) > 1) == (test.kind == "several")
        for frame in test.frames:
            assert 0.3 <= frame.scale <= 6 and abs(frame.degrees) <= 30
            for point in faces.EYES_AND_MOUTH:
                x, y = frame(point)
                assert test.photo.getpixel((int(x), int(y))) == (255, 0, 0)
    assert list(make_tests(originals, 3, seed=5))[0].photo.size != tests[0].photo.size


def test_held_out_originals_are_in_no_photo_of_seed_0():
    originals = [encoded((k % 256, k // 256, 7), (8, 8)) for k in range(900)]
    left = set(alignment.held_out(originals))
    shown = {i for k in range(alignment.TUNED_ON) for i in alignment._plan(900, k, 0)[2]}
    assert left.isdisjoint(originals[i] for i in shown) and len(left) + len(shown) == 900 and 300 < len(left) < 700


def test_few_originals_get_a_sentence(monkeypatch, capsys):
    monkeypatch.setattr(celeba, "celeba_originals", lambda root: [encoded("red")] * 4)
    assert main(["--held-out"]) == 2
    assert "need 4" in capsys.readouterr().err


def test_at_the_border_some_of_the_face_is_cut_off():
    for test in list(make_tests([encoded("red")] * 4, 12, seed=0))[1::3]:
        corners = test.frames[0](np.array([[25, 48], [153, 48], [25, 176], [153, 176]]))
        assert (corners.min(0) < 0).any() or (corners.max(0) > test.photo.size).any()


def test_the_judge_measures_by_the_distance_of_the_eyes():
    test = next(t for t in make_tests([encoded("red")] * 4, 3, seed=1) if t.kind == "several")
    frames = test.frames
    exact, false = count_correct(test, [a_face(frame) for frame in frames])
    assert [r.error for r in exact] == pytest.approx([0] * len(frames), abs=1e-9) and false == 0
    eyes = frames[0](faces.eyes_in_frame())
    distance = np.hypot(*(eyes[1] - eyes[0]))
    near, far = (a_face(Similarity(frames[0].a, frames[0].b + part * distance * 1j)) for part in (0.1, 0.3))
    results, false = count_correct(test, [near])
    assert results[0].error == pytest.approx(0.1) and false == 0 and all(math.isinf(r.error) for r in results[1:])
    results, false = count_correct(test, [far])
    assert math.isinf(results[0].error) and false == 1
    results, false = count_correct(test, [])
    assert len(results) == len(frames) and all(math.isinf(r.error) for r in results) and false == 0


def test_the_report_counts_what_was_not_found():
    lines = report(
        [Result("alone", 1.0, 0.0, 0.02), Result("alone", 5.0, -25.0, 0.04), Result("several", 0.4, 3.0, math.inf)]
    )
    cells = {line[:26].strip(): line[26:].split() for line in lines[1:]}
    assert cells["all"][:3] == ["3", "66.7", "%"] and cells["all"][3] == "3.0"
    assert cells["several"] == ["1", "0.0", "%"] and cells["alone"][1] == "100.0"
    assert cells["turned 20 to 30 degrees"][0] == "1" and "at the border" not in cells


def test_only_pictures_in_the_aligned_frame_are_originals(tmp_path):
    folder = tmp_path / "celeba"
    folder.mkdir()
    with zipfile.ZipFile(folder / "img_align_celeba.zip", "w") as archive:
        archive.writestr("img_align_celeba/000002.png", encoded("red"))
        archive.writestr("img_align_celeba/000001.png", encoded("blue"))
        archive.writestr("img_align_celeba/000003.png", encoded("blue", (128, 128)))
        archive.writestr("img_align_celeba/000004.jpg", b"nothing")
    assert celeba_originals(tmp_path) == [encoded("blue"), encoded("red")]
    with zipfile.ZipFile(folder / "img_align_celeba.zip", "w") as archive:
        archive.writestr("img_align_celeba/000003.png", encoded("blue", (128, 128)))
    with pytest.raises(DataError, match="178 x 218"):
        celeba_originals(tmp_path)


def test_the_command_finds_nearly_all_faces(data_root, capsys):
    assert main(["--data-root", str(data_root / "original"), "--count", "3", "--seed", "3"]) == 0
    output = capsys.readouterr().out
    cells = next(line for line in output.splitlines() if line.startswith("all"))[26:].split()
    assert "3 photos made of 1,200 aligned originals" in output
    assert float(cells[1]) >= 80 and float(cells[3]) < 8


def test_the_constants_are_the_averages_of_the_originals(data_root):
    originals = celeba_originals(data_root / "original")
    assert len(originals) == 1200
    some = alignment.average(originals[::30])
    assert np.abs(some - faces.EYES_AND_MOUTH).max() < 1.5


@pytest.mark.parametrize(
    "arguments, message", [(["--count", "0"], "at least 1"), (["--data-root", "nowhere"], "CelebA is not in")]
)
def test_bad_input_is_reported(arguments, message, capsys):
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = stop.code
    assert code == 2 and message in capsys.readouterr().err
