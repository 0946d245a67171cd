"""What is written inside pictures and videos: exact for us, in the place where other programs look, and a stranger's
input when it is read."""

import io
import json
import struct
import xml.etree.ElementTree as xml

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import gan_models
from gan_models import InvalidInput, cli, images, marks, photos
from gan_models.marks import EDITED, Drawn, Mark
from gan_models.networks import find
from gan_models.networks.dcgan import DCGANGenerator

ATTRIBUTES = ["Smiling", "<b>&\"'", "Größe\u2028\n"]


def faces() -> DCGANGenerator:
    torch.manual_seed(0)
    model = DCGANGenerator(28, 1, 16, 4, labels=ATTRIBUTES, multi_label=True).eval()
    model.label_table.uniform_()
    return model


def mark() -> Mark:
    model = faces()
    made = marks.drawn(
        model, model.sample_latents(2, seed=3, truncation=0.7), model.sample_labels(2, seed=3), seed=3, truncation=0.7
    )
    return Mark("celeba-cgan", "0123456789abcdef", made, rights="Non-commercial research only; A & B <c>.")


def picture(mode: str = "RGB") -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (28, 28, 3), np.uint8)).convert(mode)


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.jpg", "a.jpeg"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_mark_comes_back_exactly_and_pixels_stay(tmp_path, name, mode):
    path, written = tmp_path / name, mark()
    options = {"lossless": True} if name.endswith("webp") else {}
    marks.save(picture(mode), path, written, **options)
    found = marks.read(path)
    assert found == written._replace(rights=None) == marks.read(path.read_bytes())
    model = faces()
    latents = torch.tensor([one.latent for one in found.pictures])
    assert torch.equal(latents, model.sample_latents(2, seed=3, truncation=0.7))
    labels = torch.tensor([[one.labels[name] for name in ATTRIBUTES] for one in found.pictures])
    assert torch.equal(labels, model.sample_labels(2, seed=3))
    with Image.open(path) as opened:
        if name.endswith(("png", "webp")):
            assert np.array_equal(np.asarray(opened.convert(mode)), np.asarray(picture(mode)))
        assert b"digitalsourcetype/trainedAlgorithmicMedia" in opened.info["xmp"]
        said = xml.fromstring(opened.info["xmp"]).iter(f"{{{marks.RDF}}}li")
        assert [item.text for item in said] == [written.rights]


def test_labels_are_named_and_none_of_an_unconditional_model():
    torch.manual_seed(0)
    digits = DCGANGenerator(28, 1, 16, 4, labels=["zero", "one", "two"])
    (one,) = marks.drawn(digits, torch.zeros(1, 16), torch.tensor([2]))
    assert one.labels == {"two": 1.0} and one.seed is None
    (one,) = marks.drawn(digits, torch.zeros(1, 16), torch.tensor([[0.0, 0.25, 0.75]]))
    assert one.labels == {"one": 0.25, "two": 0.75}
    (one,) = marks.drawn(DCGANGenerator(28, 1, 16, 4), torch.zeros(1, 16), None)
    assert one.labels is None


def test_an_edited_photo_says_that_it_is_a_composite(tmp_path):
    written = Mark("celeba-editor", None, kind=EDITED, edits={"Smiling": -0.5})
    marks.save(picture(), tmp_path / "edited.jpg", written, quality=95)
    assert marks.read(tmp_path / "edited.jpg") == written
    assert b"digitalsourcetype/compositeWithTrainedAlgorithmicMedia" in (tmp_path / "edited.jpg").read_bytes()


def test_a_video_carries_its_keyframes_and_still_plays(tmp_path):
    av = pytest.importorskip("av")
    images.write_video(torch.linspace(-1, 1, 4)[:, None, None, None].expand(-1, 3, 32, 32), tmp_path / "walk.mp4")
    plain, written = (tmp_path / "walk.mp4").read_bytes(), mark()
    assert marks.read(plain) is None
    marked = marks.mark_film(plain, written)
    assert marks.read(marked) == written._replace(rights=None)
    with av.open(io.BytesIO(marked)) as video:
        assert len(list(video.decode(video=0))) == 4


def test_an_animated_webp_too(tmp_path):
    frames, path, written = [picture(), picture().rotate(90), picture().rotate(180)], tmp_path / "walk.webp", mark()
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=40, loop=0)
    marks.mark_film_file(path, written)
    assert marks.read(path) == written._replace(rights=None)
    with Image.open(path) as opened:
        assert opened.n_frames == 3 and opened.size == (28, 28)
    with pytest.raises(InvalidInput, match="animated WebP"):
        marks.mark_film(b"GIF89a" + bytes(30), written)


def test_the_origin_is_a_name_without_folders_and_the_checksum_of_the_weights(tmp_path):
    from gan_models import model_folder

    model_folder.save(faces(), tmp_path / "runs" / "mine" / "model")
    name, revision = marks.origin(find(tmp_path / "runs" / "mine" / "model"))
    assert name == "mine" and len(revision) == 16
    model = faces()
    model.layers[0].weight.data.add_(1)
    model_folder.save(model, tmp_path / "mine")
    assert marks.origin(find(tmp_path / "mine"))[0] == "mine" and marks.origin(find(tmp_path / "mine"))[1] != revision


def test_what_has_no_mark_has_none(tmp_path):
    images.save_png(picture(), tmp_path / "plain.png")
    assert marks.read(tmp_path / "plain.png") is None
    picture().save(tmp_path / "other.webp", xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    assert marks.read(tmp_path / "other.webp") is None


def with_packet(packet: bytes) -> bytes:
    file = io.BytesIO()
    picture().save(file, "WEBP", xmp=packet)
    return file.getvalue()


def spoiled(**fields) -> bytes:
    """A packet in which some of the JSON is another."""
    packet = marks.to_xmp(Mark("m")).decode()
    made = {"format": 1, "model": "m"} | fields
    return packet.replace('{"format": 1, "model": "m"}', json.dumps(made)).encode()


ONE = {"latent": "AAAAAA=="}  # a single 0


@pytest.mark.parametrize(
    "packet",
    [
        b"<x",
        b"\xff\xfe",
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b'<?xml version="1.0" encoding="none-such"?><a/>',
        b"<a>" * 100_000,
        spoiled(format=2),
        spoiled(model=None),
        spoiled(model="x" * 201),
        spoiled(model="\ud800"),
        spoiled(revision="../.."),
        spoiled(pictures={}),
        spoiled(pictures=[ONE] * 17),
        spoiled(pictures=[[]]),
        spoiled(pictures=[{}]),
        spoiled(pictures=[{"latent": "?"}]),
        spoiled(pictures=[{"latent": "AAAA"}]),
        spoiled(pictures=[{"latent": "AADAfw=="}]),  # NaN
        spoiled(pictures=[{"latent": "AACAfw=="}]),  # infinity
        spoiled(pictures=[{"latent": "A" * 4 * 2731}]),
        spoiled(pictures=[ONE | {"seed": -1}]),
        spoiled(pictures=[ONE | {"seed": True}]),
        spoiled(pictures=[ONE | {"seed": 2**63}]),
        spoiled(pictures=[ONE | {"seed": 1, "index": 1.5}]),
        spoiled(pictures=[ONE | {"truncation": 3}]),
        spoiled(pictures=[ONE | {"labels": {"a": 2}}]),
        spoiled(pictures=[ONE | {"labels": {"a": "1"}}]),
        spoiled(pictures=[ONE | {"labels": dict.fromkeys(map(str, range(1001)), 1)}]),
        spoiled(edits=[1]),
        spoiled(edits={"a": float("nan")}),
        b" " * 200_001,
    ],
)
def test_a_broken_mark_gets_a_sentence(packet):
    with pytest.raises(InvalidInput, match="written inside this file is") as raised:
        marks.read(with_packet(packet))
    assert len(str(raised.value)) < 200


def test_a_mark_that_another_program_wrote_anew_is_read():
    """As attributes of the description."""
    made = '{"format": 1, "model": "m"}'.replace('"', "&quot;")
    packet = f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{marks.RDF}"><rdf:Description rdf:about=""
    xmlns:g="{marks.OURS}" xmlns:i="{marks.IPTC}" i:DigitalSourceType="{marks.SOURCE_TYPES}{EDITED}" g:made="{made}"/>
    </rdf:RDF></x:xmpmeta>"""
    assert marks.from_xmp(packet.encode()) == Mark("m", kind=EDITED)


@pytest.mark.parametrize("content", [b"", b"junk", b"\x89PNG\r\n\x1a\n", b"GIF89a" + bytes(100), b"%!PS-Adobe"])
def test_what_is_no_picture_gets_a_sentence(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InvalidInput, match="not a picture|damaged"):
        marks.read(tmp_path / "a.png")
    with pytest.raises(InvalidInput, match="cannot be read"):
        marks.read(tmp_path / "none.png")
    with pytest.raises(InvalidInput, match="written as"):
        marks.save(picture(), tmp_path / "a.gif", mark())


MARKED = {suffix: marks.encode(picture(), suffix, Mark("m", "abcdef1", (Drawn((1.0, 2.0)),))) for suffix in marks.KINDS}
MARKED[".mp4"] = marks.mark_film(struct.pack(">I4s4s", 12, b"ftyp", b"isom"), Mark("m"))


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(sorted(MARKED)), st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=8))
def test_flipped_bytes_give_a_mark_none_or_a_sentence(suffix, flips):
    data = bytearray(MARKED[suffix])
    for place, value in flips:
        data[place % len(data)] = value
    try:
        found = marks.read(bytes(data))
        assert found is None or isinstance(found, Mark)
    except InvalidInput as error:
        assert str(error).endswith(".") and "\n" not in str(error)


# ---- What leaves by the command line and by the functions that save


@pytest.fixture
def source(tmp_path):
    """A model folder of faces."""
    from gan_models import model_folder

    model_folder.save(faces(), tmp_path / "faces")
    return str(tmp_path / "faces")


def redrawn(source: str, one: Drawn) -> np.ndarray:
    """The picture that a mark tells of, drawn again."""
    model = gan_models.load(source)
    labels = torch.tensor([[one.labels[name] for name in model.labels]])
    return images.to_uint8(model.generate(torch.tensor([one.latent]), labels))[0].squeeze(-1)


def close(path, expected: np.ndarray) -> bool:
    """Batches may differ in the last bit before rounding."""
    with Image.open(path) as opened:
        return abs(np.asarray(opened).astype(int) - expected).max() <= 1


def test_samples_of_the_command_line_say_what_they_were_drawn_from(source, tmp_path):
    out = tmp_path / "out"
    assert cli.main(["sample", source, "--seed", "3", "--count", "20", "--each", "-o", str(out)]) == 0
    found = marks.read(out / "3-00017.png")
    assert (found.model, found.kind) == ("faces", marks.GENERATED) and found.revision == marks.origin(find(source))[1]
    assert (found.pictures[0].seed, found.pictures[0].index) == (3, 17)
    assert close(out / "3-00017.png", redrawn(source, found.pictures[0]))
    assert cli.main(["sample", source, "--seed", "3", "--count", "20", "-o", str(tmp_path / "sheet.png")]) == 0
    sheet = marks.read(tmp_path / "sheet.png").pictures
    assert [one.index for one in sheet] == list(range(16)) and sheet[7] == marks.read(out / "3-00007.png").pictures[0]


def test_walks_of_the_command_line_tell_of_their_way(source, tmp_path):
    arguments = ["walk", source, "--seeds", "3", "7:2", "--once", "--seconds", "0.5", "--fps", "8", "--size", "28"]
    for name in ("walk.webp", "walk.mp4"):
        if name.endswith("mp4"):
            pytest.importorskip("av")
        assert cli.main([*arguments, "-o", str(tmp_path / name)]) == 0
        found = marks.read(tmp_path / name)
        assert found.kind == marks.GENERATED and found.model == "faces"
        assert [(one.seed, one.index) for one in found.pictures] == [(3, 0), (7, 2)]
    assert cli.main([*arguments, "-o", str(tmp_path / "frames")]) == 0
    for frame in sorted((tmp_path / "frames").iterdir()):
        assert close(frame, redrawn(source, marks.read(frame).pictures[0]))


def test_a_mark_goes_along_into_what_is_made_of_a_picture(tmp_path):
    written = Mark("m", "abcdef1", (Drawn((1.0, 2.0)),))
    marked = marks.marked(picture(), written)
    images.save_png(marked.resize((40, 40)).convert("L"), tmp_path / "a.png")
    photos.save_photo(marked.crop((0, 0, 20, 20)), tmp_path / "a.jpg")
    images.write_frames([marked, picture()], tmp_path / "a.webp")
    assert {marks.read(tmp_path / name) for name in ("a.png", "a.jpg", "a.webp")} == {written}
    assert marks.read(images.save_by_content(marked, tmp_path)) == written
    images.save_png(picture(), tmp_path / "b.png")
    assert marks.read(tmp_path / "b.png") is None


def test_what_a_strangers_photo_tells_does_not_go_along(tmp_path):
    picture().resize((64, 64)).save(tmp_path / "photo.jpg", xmp=b"<x>where I live</x>")
    with Image.open(tmp_path / "photo.jpg") as opened:
        images.save_png(opened, tmp_path / "copy.png")
        photos.save_photo(opened, tmp_path / "copy.jpg")
    assert not any(b"where I live" in (tmp_path / f"copy.{kind}").read_bytes() for kind in ("png", "jpg"))


def test_a_model_from_nowhere_has_the_name_of_its_family(source, tmp_path):
    assert marks.of(faces())[:2] == ("dcgan", None)
    model = gan_models.load(source)
    (tmp_path / "faces" / "model.safetensors").unlink()
    assert marks.of(model)[:2] == ("faces", None), "the folder went"
    model = gan_models.load("celeba-cgan")
    assert marks.of(model)[:2] == marks.origin(find("celeba-cgan")) and "non-commercial" in marks.of(model).rights
    assert marks.of(model, edits={"Smiling": 1.0}, kind=EDITED).kind == EDITED
