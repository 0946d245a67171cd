"""Marks: metadata of pictures and videos that a model made. They say that it is not a photo, and what it was drawn from.

    mark = of(model, drawn(model, latents[:1], labels[:1], seed=3))
    save(picture, "face.png", mark)
    read("face.png").pictures[0].latent
    images.save_png(marked(picture, mark), "face.png")  # the same: all save functions write the mark

A mark is one XMP packet in a PNG, JPEG, WebP or MP4 file. It holds the IPTC's digital source type, which other programs
know, and the model, the seed, the latent and the labels as JSON. Since anybody can write anything into a file, `read`
limits the size and checks every value.
"""

import base64
import binascii
import hashlib
import io
import json
import math
import os
import re
import struct
import xml.etree.ElementTree as xml
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from . import images
from .errors import InvalidConfig, InvalidInput, short
from .files import UnfitFile, is_text, open_regular, read_bounded, write_atomically
from .layout import METRICS, WEIGHTS, Source
from .model_folder import read_metrics
from .notices import rights_of
from .rng import MAX_COUNT, MAX_SEED

GENERATED, EDITED = "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"
SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"  # IPTC NewsCodes: how a picture was made
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
OURS = "urn:gan-studio:made"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
MOST_FILE = 60_000_000  # bytes of a file that is read
MOST_PACKET = 200_000  # bytes of a packet; six latents of 2,048 numbers have 70,000
MOST_PICTURES, MOST_NUMBERS, MOST_LABELS, MOST_CHARACTERS = 16, 2048, 1000, 200
FORMAT = 1


class Drawn(NamedTuple):
    """What one picture was drawn from. labels: by name, 0 to 1; None for a model without labels. seed and index: if the
    latent came from a seed, it is latent `index` of `seed` times `truncation`."""

    latent: tuple[float, ...]
    labels: dict[str, float] | None = None
    seed: int | None = None
    index: int = 0  # type: ignore[assignment] # tuple's method of that name is not used
    truncation: float = 1.0


class Mark(NamedTuple):
    """model, revision: from `origin`. pictures: one for a picture, the keyframes for a walk, none if unknown. edits: the
    changes of a photo. rights: a sentence on how the file may be used."""

    model: str
    revision: str | None = None
    pictures: tuple[Drawn, ...] = ()
    kind: str = GENERATED
    edits: dict[str, float] | None = None
    rights: str | None = None


def origin(found: Source) -> tuple[str, str]:
    """(model, revision) of a model that was found: its name without folders, and the first 16 digits of the SHA-256 of
    its weights. Raises InvalidInput if they cannot be read."""
    folder, name, digest = found.folder, found.name, hashlib.sha256()
    try:
        with open_regular(folder / WEIGHTS, inside=folder) as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except (OSError, UnfitFile) as error:
        raise InvalidInput(f"The {WEIGHTS} of {name} cannot be read ({error}); fetch or export it again.") from error
    return found.short_name[:MOST_CHARACTERS], digest.hexdigest()[:16]


def of(
    model: Any, pictures: tuple[Drawn, ...] = (), kind: str = GENERATED, edits: dict[str, float] | None = None
) -> Mark:
    """The mark of pictures that a model drew (pictures: from `drawn`; the first 16 are kept), or of a photo that it
    changed (kind EDITED). It has the model's name, the revision of the weights that were loaded, and the licence. A model
    that was not loaded from a folder is named by its family and has no revision."""
    if model not in _known:
        _known[model] = _told_of(model)
    name, revision, rights = _known[model]
    return Mark(name, revision, pictures[:MOST_PICTURES], kind, edits, rights)


# model -> (name, revision, rights), since the file of the weights is slow to hash; it keeps no model alive
_known: WeakKeyDictionary[Any, tuple[str, str | None, str | None]] = WeakKeyDictionary()


def _told_of(model: Any) -> tuple[str, str | None, str | None]:
    found = model.loaded_from
    if found is None:
        return str(getattr(model, "family", None) or type(model).__name__), None, None
    try:
        rights = rights_of(read_metrics(found.folder / METRICS))
    except InvalidConfig:
        rights = None
    try:
        return *origin(found), rights
    except InvalidInput:  # the folder was deleted after the model was loaded
        return found.short_name[:MOST_CHARACTERS], None, rights


def drawn(
    generator: Any,
    latents: Tensor,
    labels: Tensor | None,
    *,
    seed: int | None = None,
    truncation: float = 1.0,
    start: int = 0,
) -> tuple[Drawn, ...]:
    """What n pictures were drawn from: latents (n, latent_dim); labels (n,) classes, (n, K) values 0..1, or None. seed:
    of which these are latents start to start + n - 1, if any."""
    rows = latents.cpu().float().tolist()
    return tuple(
        Drawn(tuple(row), _labels_of(generator, None if labels is None else labels[k]), seed, start + k, truncation)
        for k, row in enumerate(rows)
    )


def _labels_of(generator: Any, row: Tensor | None) -> dict[str, float] | None:
    if row is None:
        return None
    if row.ndim == 0:  # a class
        return {generator.labels[int(row)]: 1.0}
    values = dict(zip(generator.labels, row.tolist(), strict=True))
    return values if generator.multi_label else {name: value for name, value in values.items() if value}


# ---- Write


def save(picture: Image.Image, path: str | os.PathLike[str], mark: Mark, **options: Any) -> None:
    """Write a picture with its mark, atomically: PNG, JPEG or WebP by the ending of the name. options: those of Pillow.
    Raises InvalidInput for another ending, OSError if it cannot be written."""
    write_atomically(Path(path), encode(picture, Path(path).suffix, mark, **options))


def encode(picture: Image.Image, suffix: str, mark: Mark, **options: Any) -> bytes:
    """The bytes of a picture with its mark, in the format of this file ending, such as ".png"."""
    kind = KINDS.get(suffix.lower())
    if kind is None:
        raise InvalidInput(f"A picture is written as {', '.join(KINDS)}, not as {short(suffix)}.")
    return images.encoded(picture, kind, to_xmp(mark), **options)


def marked(picture: Image.Image, mark: Mark) -> Image.Image:
    """The same picture, with a mark that `images.save_png`, `images.write_frames` and `photos.save_photo` write into its
    file. Pillow keeps it when the picture is cropped, resized or converted. Pillow's own `save` does not write it: use
    `save(picture, path, mark)` of this module."""
    picture.info[images.XMP] = to_xmp(mark)
    return picture


def mark_film(film: bytes, mark: Mark) -> bytes:
    """An MP4 or an animated WebP with its mark at the end, which players ignore. Raises InvalidInput for another file."""
    return images.film_with(film, to_xmp(mark))


def mark_film_file(path: str | os.PathLike[str], mark: Mark) -> None:
    """Add a mark to a file, which is replaced."""
    write_atomically(Path(path), mark_film(Path(path).read_bytes(), mark))


def to_xmp(mark: Mark) -> bytes:
    """The XMP packet of a mark."""
    fields = {
        "format": FORMAT,
        "model": mark.model,
        "revision": mark.revision,
        "pictures": [_written(one) for one in mark.pictures],
        "edits": mark.edits,
    }
    made = json.dumps({key: value for key, value in fields.items() if value not in (None, [])}, allow_nan=False)
    rights = (
        f'<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">{_text(mark.rights)}</rdf:li></rdf:Alt></dc:rights>'
        if mark.rights
        else ""
    )
    version = f"<Iptc4xmpExt:AISystemVersionUsed>{mark.revision}</Iptc4xmpExt:AISystemVersionUsed>"
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about=""
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:Iptc4xmpExt="{IPTC}"
 xmlns:gan="{OURS}"><xmp:CreatorTool>GAN Studio</xmp:CreatorTool>
<Iptc4xmpExt:DigitalSourceType>{SOURCE_TYPES}{mark.kind}</Iptc4xmpExt:DigitalSourceType>
<Iptc4xmpExt:AISystemUsed>{_text(mark.model)}</Iptc4xmpExt:AISystemUsed>{version if mark.revision else ""}
{rights}<gan:made>{_text(made)}</gan:made></rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>""".encode()


def _text(text: str) -> str:
    """A text escaped for XML, without control characters, which XML does not allow."""
    return escape(re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", text))


def _written(one: Drawn) -> dict[str, Any]:
    """The JSON of one picture. The latent is base64 of little-endian float32, which is exact and short."""
    fields: dict[str, Any] = {"latent": base64.b64encode(np.asarray(one.latent, "<f4").tobytes()).decode()}
    if one.seed is not None:
        fields |= {"seed": one.seed, "index": one.index, "truncation": one.truncation}
    return fields if one.labels is None else fields | {"labels": one.labels}


# ---- Read


def read(source: str | os.PathLike[str] | bytes) -> Mark | None:
    """The mark of a PNG, JPEG, WebP or MP4 (a file, or its bytes), or None. No pixel is decoded. Raises InvalidInput for
    a file that is none of these or too large, and for a broken mark."""
    packet = packet_of(contents(source))
    return from_xmp(packet) if packet else None


def contents(source: str | os.PathLike[str] | bytes) -> bytes:
    """The bytes of a file. Raises InvalidInput if it cannot be read or is too large."""
    if not isinstance(source, bytes):
        try:
            source = read_bounded(Path(source), MOST_FILE)
        except (OSError, UnfitFile) as error:
            raise InvalidInput(f"The file {short(str(source))} cannot be read: {error}.") from error
    if len(source) > MOST_FILE:
        raise InvalidInput(f"The file is too large: at most {MOST_FILE // 1_000_000} MB are read.")
    return source


def packet_of(data: bytes) -> bytes | None:
    """The XMP packet of a PNG, JPEG, WebP or MP4, or None. Raises InvalidInput for another file."""
    return _packet_of_mp4(data) if data[4:8] == b"ftyp" else _packet_of_picture(data)


def source_type(packet: bytes) -> str | None:
    """The IPTC's digital source type in a packet of any program: the last part of its URL, such as
    "trainedAlgorithmicMedia" or "digitalCapture", or None. Raises InvalidInput for a broken packet."""
    name = f"{{{IPTC}}}DigitalSourceType"
    for node in _tree(packet).iter(f"{{{RDF}}}Description"):
        told = (node.findtext(name) or node.get(name) or "").strip()
        found = node.find(name)
        if found is not None and not told:  # some programs write it as a reference
            told = found.get(f"{{{RDF}}}resource", "")
        if re.fullmatch("[A-Za-z]{3,60}", kind := told.rpartition("/")[2]):
            return kind
    return None


def _packet_of_picture(data: bytes) -> bytes | None:
    try:
        with Image.open(io.BytesIO(data), formats=["PNG", "JPEG", "WEBP"]) as picture:
            packet = picture.info.get("xmp")
    except UnidentifiedImageError as error:
        raise InvalidInput("The file is not a picture, or a damaged one; choose a PNG, JPEG, WebP or MP4.") from error
    except Exception as error:  # headers of damaged files raise nearly anything
        raise InvalidInput("The picture is damaged or far too large; choose another file.") from error
    return packet.encode() if isinstance(packet, str) else packet


def _packet_of_mp4(data: bytes) -> bytes | None:
    """The XMP packet of an MP4. The file is a sequence of boxes, each with 4 bytes of length and 4 of kind. A length of 1
    means that a 64-bit length follows, 0 that the box is the rest of the file."""
    start = 0
    while start + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, start)
        header = 8
        if length == 1 and start + 16 <= len(data):
            (length,), header = struct.unpack_from(">Q", data, start + 8), 16
        length = length or len(data) - start
        if length < header:
            return None
        if kind == b"uuid" and data[start + header : start + header + 16] == images.XMP_OF_MP4:
            return data[start + header + 16 : start + length]
        start += length
    return None


def from_xmp(packet: bytes) -> Mark | None:
    """The mark of an XMP packet; None if it has none of ours. Raises InvalidInput for a broken one."""
    found = _find_record(_tree(packet))
    if found is None:
        return None
    kind, made = found
    try:
        fields = json.loads(made)
    except (ValueError, RecursionError) as error:
        raise _broken("it is no JSON") from error
    return _mark_of(fields, kind)


def _tree(packet: bytes) -> xml.Element:
    if len(packet) > MOST_PACKET:
        raise InvalidInput(f"What is written inside this file is too long: at most {MOST_PACKET:,} bytes are read.")
    if b"<!" in packet:  # XMP has no declarations, which could name other files or expand without limit
        raise _broken("it declares what XMP has not")
    try:
        return xml.fromstring(packet.strip(b"\0 \t\r\n"))
    except (xml.ParseError, ValueError, LookupError) as error:
        raise _broken("it is no XML") from error


def _find_record(tree: xml.Element) -> tuple[str | None, str] | None:
    """(digital source type, our JSON). Programs that rewrite a packet may turn elements into attributes."""
    for node in tree.iter(f"{{{RDF}}}Description"):
        made = node.findtext(f"{{{OURS}}}made") or node.get(f"{{{OURS}}}made")
        if made:
            name = f"{{{IPTC}}}DigitalSourceType"
            return node.findtext(name) or node.get(name), made
    return None


def _broken(why: str) -> InvalidInput:
    return InvalidInput(f"What is written inside this file is damaged: {why}; choose another file.")


def _mark_of(fields: object, kind: str | None) -> Mark:
    kind = (kind or "").rpartition("/")[2]
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        raise _broken(f"it is not of format {FORMAT}")
    model, revision, pictures = fields.get("model"), fields.get("revision"), fields.get("pictures", [])
    if not _is_line(model) or not model:
        raise _broken("it names no model")
    if revision is not None and not (isinstance(revision, str) and re.fullmatch("[0-9a-f]{7,64}", revision)):
        raise _broken("its revision is none")
    if not isinstance(pictures, list) or len(pictures) > MOST_PICTURES:
        raise _broken(f"it must be drawn from a list of at most {MOST_PICTURES} latents")
    edits = _values(fields.get("edits"), -2, 2, "edits")
    return Mark(model, revision, tuple(map(_one, pictures)), EDITED if kind == EDITED else GENERATED, edits)


def _one(fields: object) -> Drawn:
    if not isinstance(fields, dict):
        raise _broken("a picture must be an object")
    seed, index, truncation = fields.get("seed"), fields.get("index", 0), fields.get("truncation", 1.0)
    if not (seed is None or _is_whole(seed, MAX_SEED)) or not _is_whole(index, MAX_COUNT):
        raise _broken("its seed is none")
    if not _is_number(truncation, 0, 2):
        raise _broken("its truncation is none")
    return Drawn(
        _latent(fields.get("latent")), _values(fields.get("labels"), 0, 1, "labels"), seed, index, float(truncation)
    )


def _latent(text: object) -> tuple[float, ...]:
    try:
        data = base64.b64decode(text, validate=True) if isinstance(text, str) and text.isascii() else b""
    except binascii.Error as error:
        raise _broken("its latent is no base64") from error
    if not data or len(data) % 4 or len(data) > 4 * MOST_NUMBERS:
        raise _broken(f"its latent must have 1 to {MOST_NUMBERS} numbers")
    values = np.frombuffer(data, "<f4")
    if not (np.abs(values) <= 1000).all():  # NaN fails too
        raise _broken("its latent is not finite")
    return tuple(values.tolist())


def _values(values: object, least: float, most: float, what: str) -> dict[str, float] | None:
    if values is None:
        return None
    if not isinstance(values, dict) or len(values) > MOST_LABELS:
        raise _broken(f"its {what} must be at most {MOST_LABELS} names and numbers")
    if not all(_is_line(name) and _is_number(value, least, most) for name, value in values.items()):
        raise _broken(f"its {what} must be numbers from {least} to {most}")
    return {name: float(value) for name, value in values.items()}


def _is_line(text: object) -> bool:
    return isinstance(text, str) and len(text) <= MOST_CHARACTERS and is_text(text)


def _is_whole(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def _is_number(value: object, least: float, most: float) -> bool:
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and math.isfinite(value)
        and least <= value <= most
    )
