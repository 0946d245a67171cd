"""`gan_models.verify`: the metadata of files, of any program and of strangers, and a detector's opinion."""

import io
import json
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gan_models import InvalidInput, cli, detection, images, marks, verify
from gan_models.errors import InvalidPhoto, InvalidWeights
from gan_models.marks import EDITED, Drawn, Mark


def picture(side: int = 64) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8))


@pytest.fixture(autouse=True)
def detector(stand_in):
    """A detector of chance, with rates that were never measured."""
    return stand_in


MARK = Mark("celeba-cgan", "0123456789abcdef", (Drawn((1.0, 2.0), None, 3),))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_what_we_wrote_is_read_first(tmp_path, suffix):
    marks.save(picture(), tmp_path / f"a{suffix}", MARK)
    verdict = verify(tmp_path / f"a{suffix}")
    assert verdict.mark == MARK and verdict.said == "generated" and verdict.source_type == marks.GENERATED
    assert "celeba-cgan of GAN Studio has drawn it" in str(verdict) and verdict.broken is None
    edited = verify(marks.encode(picture(), suffix, Mark("celeba-editor", kind=EDITED, edits={"Smiling": 1.0})))
    assert edited.said == "edited" and "celeba-editor of GAN Studio has changed it" in str(edited)


def test_what_other_programs_wrote_counts_too():
    for inside in (
        f"<i:DigitalSourceType>{marks.SOURCE_TYPES}trainedAlgorithmicMedia</i:DigitalSourceType>",
        f'<i:DigitalSourceType rdf:resource="{marks.SOURCE_TYPES}trainedAlgorithmicMedia"/>',
    ):
        packet = f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{marks.RDF}"><rdf:Description
        rdf:about="" xmlns:i="{marks.IPTC}">{inside}</rdf:Description></rdf:RDF></x:xmpmeta>"""
        verdict = verify(images.encoded(picture(), "JPEG", packet.encode()))
        assert verdict.mark is None and verdict.said == "generated" and "it was generated" in str(verdict)
    packet = packet.replace("trainedAlgorithmicMedia", "digitalCapture")
    assert verify(images.encoded(picture(), "PNG", packet.encode())).said == "photographed"
    packet = packet.replace("digitalCapture", "&lt;script&gt;")
    assert verify(images.encoded(picture(), "PNG", packet.encode())).source_type is None


def test_nothing_inside_says_nothing_and_a_broken_mark_is_told():
    plain = verify(images.to_png(picture()))
    assert plain.said is None and "which says nothing" in str(plain)
    broken = verify(images.encoded(picture(), "PNG", b"<!DOCTYPE x><x/>"))
    assert broken.mark is None and "damaged" in broken.broken and broken.broken in str(broken)
    assert broken.opinion is not None


def test_films_small_pictures_and_pictures_in_memory(tmp_path):
    film = images.film_with(b"\0\0\0\x0cftypisom", marks.to_xmp(MARK))
    verdict = verify(film)
    assert (verdict.mark, verdict.opinion, verdict.film) == (MARK, None, True) and "no opinion" in str(verdict)
    small = verify(marks.encode(picture(20), ".png", MARK))
    assert small.mark == MARK and small.opinion is None and not small.film
    assert verify(marks.marked(picture(), MARK)).mark == MARK and verify(picture()).mark is None
    with Image.open(io.BytesIO(marks.encode(picture(), ".png", MARK))) as opened:
        assert verify(opened).mark == MARK
    file = io.BytesIO()
    picture().save(file, "TIFF")
    assert verify(file.getvalue()).opinion is not None


def test_the_opinion_stands_beside_the_rates_and_needs_a_detector(detector, monkeypatch, tmp_path):
    verdict = verify(picture())
    assert verdict.opinion.rates.found == dict.fromkeys(detection.DAMAGES, 0.5)
    assert verdict.opinion.suspicious == (verdict.opinion.score > 0.5)
    assert "finds 50%" in str(verdict) and "never saw 40%" in str(verdict) and "suspects 1.0%" in str(verdict)
    monkeypatch.setattr(detection, "FOLDER", tmp_path)
    assert verify(picture()).opinion is None and "no detector here" in str(verify(picture()))


def test_a_damaged_detector_is_one_sentence(detector, tmp_path):
    with pytest.raises(InvalidWeights, match="training.detect"):
        detection.read_detector(tmp_path)
    for name, data in (("metrics.json", b"{}"), ("model.safetensors", b"x" * 100)):
        folder = tmp_path / name.partition(".")[0]
        folder.mkdir()
        for other in ("metrics.json", "model.safetensors"):
            (folder / other).write_bytes(data if other == name else (detector / other).read_bytes())
        with pytest.raises(InvalidWeights, match="cannot be read"):
            detection.read_detector(folder)


def test_what_is_no_picture_is_one_sentence(tmp_path):
    (tmp_path / "a.png").write_bytes(b"hello, not a picture")
    with pytest.raises(InvalidPhoto, match="not a picture"):
        verify(tmp_path / "a.png")
    with pytest.raises(InvalidInput, match="cannot be read"):
        verify(tmp_path / "none.png")
    with pytest.raises(InvalidInput, match="cannot be read"):
        verify(tmp_path)
    bomb = bytearray(images.to_png(picture()))
    bomb[16:24] = (60000).to_bytes(4, "big") * 2
    with pytest.raises(InvalidPhoto, match="too large|damaged"):
        verify(bytes(bomb))


MARKED = [marks.encode(picture(), suffix, MARK) for suffix in marks.KINDS]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(MARKED), st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=8), st.data())
def test_damaged_files_raise_nothing_but_sentences(data, changes, drawn):
    data = bytearray(data[: drawn.draw(st.integers(1, len(data)))])
    for place, value in changes:
        data[place % len(data)] = value
    try:
        verify(bytes(data))
    except InvalidInput as error:
        assert "\n" not in str(error)


def test_the_command_tells_each_file_and_goes_on_after_a_bad_one(tmp_path, capsys):
    marks.save(picture(), tmp_path / "a.png", MARK)
    (tmp_path / "b.png").write_bytes(b"nothing")
    assert cli.main(["verify", str(tmp_path / "a.png")]) == 0
    assert re.match(r"\s*It is written in this file that celeba-cgan", capsys.readouterr().out)
    assert cli.main(["verify", str(tmp_path / "b.png"), str(tmp_path / "a.png"), "--json"]) == 2
    told = capsys.readouterr()
    assert "b.png" in told.err and "not a picture" in told.err
    found = json.loads(told.out)
    assert found["model"] == "celeba-cgan" and found["seeds"] == [3] and 0 <= found["score"] <= 1
    assert found["rates"]["found"] == dict.fromkeys(detection.DAMAGES, 0.5)


def test_pictures_are_seen_as_squares_of_64():
    torch.manual_seed(0)
    wide = Image.new("RGB", (200, 100), "white")
    wide.paste((0, 0, 0), (0, 0, 50, 100))
    assert detection.detector_input(wide).shape == (3, 64, 64) and float(detection.detector_input(wide).min()) > 0.8
    assert torch.equal(
        detection.detector_input(picture()), torch.from_numpy(np.array(picture())).permute(2, 0, 1) / 127.5 - 1
    )
