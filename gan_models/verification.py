"""Was this picture generated? Its metadata first, then the opinion of a small network.

    verdict = gan_models.verify("face.png")
    verdict.said         # "generated", "edited", "photographed", or None: according to the metadata
    print(verdict)       # in plain words, with the detector's error rates

Anybody can remove metadata, or write false ones. The detector (detection.py) recognises the generators that it was
trained on, and need not recognise any other.
"""

import os
from typing import NamedTuple

from PIL import Image

from . import credentials, detection, images, marks
from .credentials import Credentials
from .detection import Opinion
from .errors import InvalidInput
from .photos import opening

GENERATED, EDITED, PHOTOGRAPHED = "generated", "edited", "photographed"
# Digital source types of the IPTC -> what they say here; others say neither.
KINDS = {
    "trainedAlgorithmicMedia": GENERATED,
    "compositeSynthetic": GENERATED,
    "algorithmicMedia": GENERATED,
    "compositeWithTrainedAlgorithmicMedia": EDITED,
    "digitalCapture": PHOTOGRAPHED,
    "negativeFilm": PHOTOGRAPHED,
    "positiveFilm": PHOTOGRAPHED,
    "print": PHOTOGRAPHED,
}


class Verdict(NamedTuple):
    """mark: the mark of GAN Studio, or None; `broken` says why a mark cannot be read. source_type: the IPTC's digital
    source type, of any program. credentials: the Content Credentials, if there are some and c2pa-python is installed.
    opinion: the detector's; None for a video, for a picture of less than 28 pixels on a side, and without a detector.
    film: whether it is a video."""

    mark: marks.Mark | None
    source_type: str | None
    credentials: Credentials | None
    broken: str | None
    opinion: Opinion | None
    film: bool = False

    @property
    def said(self) -> str | None:
        """According to the metadata: "generated", "edited", "photographed", or None. What is validly signed comes before
        what is not signed."""
        signed = self.credentials.source_type if self.credentials and self.credentials.valid else None
        return KINDS.get(signed or "") or KINDS.get(self.source_type or "")

    def __str__(self) -> str:
        return "\n".join([self.written(), self.believed()])

    def written(self) -> str:
        """What the metadata say, in one or two sentences."""
        told = []
        if self.mark:
            what = "changed" if self.said == EDITED else "drawn"
            told.append(f"It is written in this file that {self.mark.model} of GAN Studio has {what} it.")
        elif self.said:
            told.append(f"It is written in this file that it was {self.said} ({self.source_type or 'signed'}).")
        elif self.broken:
            told.append(self.broken)
        else:
            told.append(
                "Nothing is written in this file of how it was made, which says nothing: it is easily taken out."
            )
        if self.credentials and self.credentials.valid:
            told.append(f"{self.credentials.signer} signed that; whether they are who they say was not checked.")
        elif self.credentials:
            told.append("It has Content Credentials that do not fit it: it was changed after it was signed.")
        return " ".join(told)

    def believed(self) -> str:
        """The detector's opinion with its error rates, in one or two sentences."""
        if self.opinion is None:
            if not detection.is_bundled():
                return "There is no detector here: `python -m training.detect` trains one."
            return "The detector has no opinion: it takes pictures of at least 28 pixels on a side, and no videos."
        rates = self.opinion.rates
        looks = "looks generated" if self.opinion.suspicious else "does not look generated"
        sentences = [
            f"To the detector it {looks} (score {self.opinion.score:.2f}). Of pictures that its own generators drew it "
            f"finds {rates.found['undamaged']:.0%}, saved as JPEG {rates.found['jpeg']:.0%}"
        ]
        if rates.unseen:
            sentences[0] += f", of a generator that it never saw {rates.unseen['undamaged']:.0%}"
        sentences[0] += f"; of real pictures it suspects {rates.false_alarms['undamaged']:.1%}"
        if rates.other_data:
            sentences[0] += f", of other kinds of real pictures than it knows {rates.other_data['undamaged']:.1%}"
        sentences.append("It sees no edits of photos.")
        return ". ".join(sentences)


def verify(source: str | os.PathLike[str] | bytes | Image.Image) -> Verdict:
    """What is known of how a picture was made: its metadata, and the detector's opinion.

    source: a file (PNG, JPEG, WebP, MP4 or any format of cameras), its bytes, or a Pillow picture. A stranger's file is
    safe to check: at most 60 MB are read, nothing is fetched, and pictures that are too large are refused before they
    are decoded. Raises InvalidInput (for a picture InvalidPhoto) with one sentence.
    """
    if isinstance(source, Image.Image):
        packet, signed, film = images.xmp_of(source) or source.info.get("xmp"), None, False
        packet, broken = packet.encode() if isinstance(packet, str) else packet, None
    else:
        source = marks.contents(source)
        film = source[4:8] == b"ftyp" and source[8:12] not in (*opening.HEIF_BRANDS, *AVIF_BRANDS)
        signed = credentials.read(source)
        try:
            packet, broken = marks.packet_of(source), None
        except InvalidInput:  # a kind of file that has no marks
            packet, broken = None, None
    picture = None if film else opening.open_photo(source, least=1)
    mark = kind = None
    if packet:
        try:
            kind = marks.source_type(packet)
            mark = marks.from_xmp(packet)
        except InvalidInput as error:
            broken = str(error)
    return Verdict(mark, kind, signed, broken, detection.opinion_on(picture) if picture else None, film)


AVIF_BRANDS = (b"avif", b"avis")
