"""Photos: open one safely, find the faces, align a face as CelebA's are, put a change back at full size.

    photo = open_photo("holiday.jpg")
    face = find_faces(photo)[0]                     # the largest; needs the packages of the extra `photos`
    before = align(photo, face, 128)                # (3, 128, 128) in [-1, 1], what the networks were trained on
    after = ...                                     # the edited picture
    save_photo(put_back(photo, face, before, after), "edited.jpg")

Coordinates are continuous: the pixel in the upper left corner covers the square from (0, 0) to (1, 1). CelebA's frame is
the 178 x 218 picture of its aligned edition, in which all eyes are at the same place. The networks see a square window
of it.
"""

from .crop import align, feather, put_back
from .faces import MAX_FACES, Face, aligned_face, choose, find_faces, load_detector, numbered
from .opening import MAX_MEGAPIXELS, MIN_SIDE, Source, open_photo, save_photo

__all__ = [
    "MAX_FACES",
    "MAX_MEGAPIXELS",
    "MIN_SIDE",
    "Face",
    "Source",
    "align",
    "aligned_face",
    "choose",
    "feather",
    "find_faces",
    "load_detector",
    "numbered",
    "open_photo",
    "put_back",
    "save_photo",
]
