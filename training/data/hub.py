"""A data set of the Hugging Face Hub, through the package `datasets`: `--data hub:USER/DATASET[@REVISION]`.

Options that cannot be guessed follow after commas: `hub:USER/DATASET,config=small,split=train,image=photo,label=kind`.
Only data files are read (Parquet, Arrow, pictures): `datasets` runs no code from a repository.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from huggingface_hub import HfApi

from gan_models.cli import missing
from gan_models.errors import MissingPackage

from .dataset import Dataset, Request, make_dataset
from .decoding import DataError, Pictures, decode, decoding_notes

PREFIX = "hub:"
ASKED = ("config", "split", "image", "label")
# The names that our splits may have there.
SPLITS = {"train": ("train", "training"), "valid": ("validation", "valid", "val", "dev"), "test": ("test",)}
IMAGES, LABELS = ("image", "img", "picture"), ("label", "labels", "class")  # preferred columns
MOST_CLASSES = 1000
PATIENCE = 10  # seconds for the Hub to tell of a data set
FORM = "hub:USER/DATASET, hub:USER/DATASET@REVISION, or with ,config= ,split= ,image= or ,label= behind it"


@dataclass(frozen=True)
class HubSource:
    """The parts of `hub:...`."""

    name: str  # USER/DATASET
    revision: str | None
    asked: dict[str, str]  # of ASKED

    @classmethod
    def parse(cls, text: str) -> "HubSource":
        """The parts of a text. Raises DataError for an invalid one."""
        place, *words = text.removeprefix(PREFIX).split(",")
        asked = dict(word.partition("=")[::2] for word in words)
        match = re.fullmatch(r"([\w.-]+/[\w.-]+)(?:@([\w./-]+))?", place)
        if not match or not all(asked.values()) or (unknown := asked.keys() - set(ASKED)):
            unknown = f" (there is no {min(unknown)})" if match and all(asked.values()) else ""
            raise DataError(f"A data set of the Hub is named {FORM}, not {text!r}{unknown}.")
        return cls(match[1], match[2], asked)


def read_hub(text: str, request: Request) -> Dataset:
    """Pictures and classes of a data set of the Hub, decoded like those of a folder. Raises DataError, and
    MissingPackage if the package is not installed."""
    source = HubSource.parse(text)
    if request.attributes is not None:
        raise DataError(f"Attributes are chosen from CelebA; {source.name} has none.")
    if Path(source.name).exists():
        raise DataError(f"{source.name} is also on this disk: give --data {source.name} for that, or move it away.")
    rows = _load_split(source, request.split)
    image = _image_column(rows, source)
    label, classes = _label_column(rows, source)
    try:
        kinds = None if label is None else [classes.get(value) for value in rows[label]]
    except TypeError:  # a list has no number
        raise DataError(f"The column {label} of {source.name} holds no classes; choose another by ,label=.") from None
    pictures = _pictures(rows, image)
    unlabelled = 0
    if kinds:
        kept = [k for k, kind in enumerate(kinds) if kind is not None]
        unlabelled = len(kinds) - len(kept)
        pictures = pictures.select([pictures.names[k] for k in kept])
        kinds = [kinds[k] for k in kept]
    decoded = decode(source.name.replace("/", "--"), pictures, request.image_size, request.channels or 3)
    notes = decoding_notes(f"{source.name} ({rows.split or request.split})", decoded, request.image_size)
    if unlabelled:
        notes.append(f"Left out for having no label: {unlabelled:,}.")
    name = source.name
    if not kinds:
        return make_dataset(name, decoded.images, None, None, False, notes, decoded.digest)
    labels = np.array([kinds[k] for k in decoded.kept], np.int64)
    names = tuple(str(value) for value in _names(rows, label, classes))
    return make_dataset(name, decoded.images, labels, names, False, notes, decoded.digest)


def facts(text: str) -> dict[str, str]:
    """What a card tells of a data set of the Hub: `hub`, its name with the commit of now, and `page_licence`, the licence
    on its page. Of what cannot be asked, or is not said, there is none."""
    source = HubSource.parse(text)
    try:
        info = HfApi().dataset_info(source.name, revision=source.revision, timeout=PATIENCE)
        said = info.card_data.to_dict() if info.card_data else {}
    except Exception:  # the data themselves are here
        return {"hub": source.name + (f"@{source.revision}" if source.revision else "")}
    licences = said.get("license")
    licences = [word for word in (licences if isinstance(licences, list) else [licences]) if isinstance(word, str)]
    words = ", ".join(licences)
    if words == "other":
        words = next((str(said[key]) for key in ("license_link", "license_name") if said.get(key)), words)
    return {"hub": f"{source.name}@{info.sha}"} | ({"page_licence": words[:200]} if words else {})


def _load_split(source: HubSource, split: str):
    """The rows of a split: a datasets.Dataset. Raises DataError."""
    try:
        import datasets
    except ModuleNotFoundError as error:
        raise MissingPackage(missing("datasets")) from error
    datasets.disable_progress_bars()
    try:
        # datasets 4 removed trust_remote_code, so no code from a repository can run.
        builder = datasets.load_dataset_builder(source.name, source.asked.get("config"), revision=source.revision)
        builder.download_and_prepare()
        known = list(builder.info.splits or ())
        names = (source.asked["split"],) if "split" in source.asked and split == "train" else SPLITS[split]
        found = next((name for name in names if name in known), None)
        if found is None and len(known) == 1 and split == "train":
            found = known[0]
        if found is None:
            hint = "; name the one to learn from by ,split= behind it" if split == "train" else ""
            raise DataError(f"{source.name} has no split {' or '.join(names)}, but {', '.join(known) or 'none'}{hint}.")
        return builder.as_dataset(found)
    except DataError:
        raise
    except Exception as error:  # the Hub, its client and the readers of files raise nearly anything
        raise DataError(f"The data set {source.name} cannot be read: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())[:400] or type(error).__name__
    return text if text.endswith(".") else f"{text}."


def _chosen(source: HubSource, kind: str, able: list[str], usual: tuple[str, ...]) -> str | None:
    """The requested column, the only suitable one, or the one with a usual name. Raises DataError if several remain."""
    asked = source.asked.get(kind)
    if asked:
        if asked in able:
            return asked
        raise DataError(
            f"{source.name} has no column {asked!r} that holds {kind}s; such are {', '.join(able) or 'none'}."
        )
    named = [name for name in usual if name in able]
    if len(able) > 1 and not named:
        raise DataError(f"{source.name} has several columns of {kind}s: name one by ,{kind}={able[0]} behind it.")
    return next(iter(named or able), None)


def _image_column(rows, source: HubSource) -> str:
    import datasets

    able = [name for name, feature in rows.features.items() if isinstance(feature, datasets.Image)]
    found = _chosen(source, "image", able, IMAGES)
    if found is None:
        raise DataError(f"{source.name} has no column of pictures, but {', '.join(rows.features)}.")
    return found


def _label_column(rows, source: HubSource) -> tuple[str | None, dict]:
    """The column of classes, or None, and the class number of each value. A column whose classes are not declared must
    be requested."""
    import datasets

    features = rows.features
    plain = source.asked.get("label")
    if plain in features and isinstance(features[plain], datasets.Value):
        values = sorted(
            {value for value in rows[plain] if value is not None}, key=lambda value: (str(type(value)), value)
        )
        if not 2 <= len(values) <= MOST_CLASSES:
            raise DataError(
                f"The column {plain} of {source.name} has {len(values):,} different values; 2 to {MOST_CLASSES:,} can "
                "be classes."
            )
        return plain, {value: k for k, value in enumerate(values)}
    able = [name for name, feature in features.items() if isinstance(feature, datasets.ClassLabel)]
    found = _chosen(source, "label", able, LABELS)
    return found, {} if found is None else {k: k for k in range(features[found].num_classes)}


def _names(rows, label: str, classes: dict) -> list:
    return getattr(rows.features[label], "names", None) or list(classes)


def _pictures(rows, image: str) -> Pictures:
    """The encoded pictures. Changes are noticed by the name of the cache file, which contains the commit."""
    import datasets

    encoded = rows.cast_column(image, datasets.Image(decode=False))
    files = [[Path(file["filename"]).as_posix(), *_stamp(Path(file["filename"]))] for file in rows.cache_files]

    def read(name: str) -> bytes:
        value = encoded[int(name)][image] or {}
        if value.get("bytes") is not None:
            return value["bytes"]
        if value.get("path"):
            return Path(value["path"]).read_bytes()
        raise EOFError

    names = [str(k) for k in range(len(rows))]
    return Pictures(names, [[files, k] for k in range(len(rows))], read)


def _stamp(path: Path) -> list[int]:
    return [path.stat().st_size, path.stat().st_mtime_ns]
