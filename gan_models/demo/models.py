"""The models that the page offers, by their names on it. Each is opened once, when it is first needed."""

import contextlib
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from .. import directions, marks, pictures, studio
from ..errors import InvalidInput, ModelError
from ..hub import short_name
from ..layout import CONFIG
from ..networks import Generator, find, load
from ..networks.editor import Editor
from ..networks.restore import Restorer
from ..networks.retouch import RetouchEditor
from ..networks.translate import Translator
from . import gpu, words


class Models:
    """sources: folders, bundled names or Hub repositories; the first is shown first. Nothing else can be opened by a
    request. trains: whether the page may also start trainings on this machine and then offer their models."""

    def __init__(self, sources: list[str], trains: bool = False):
        self.trains = trains
        self.sources = short_names(list(dict.fromkeys(sources)))
        self._opened: dict[str, Generator] = {}
        self._told: dict[str, studio.About] = {}
        self._origins: dict[str, tuple[str, str]] = {}
        self._offers: dict[str, dict[str, studio.Offer]] = {}
        self._directions: dict[str, directions.Directions] = {}
        self._moments = moments(self.sources)
        self._lock = threading.Lock()

    @property
    def names(self) -> list[str]:
        return list(self.sources)

    def __getitem__(self, name) -> Generator:
        """The model of that name. Raises InvalidInput if it is not offered, and as `load` does."""
        source = self.source(name)
        with self._lock:
            if name not in self._opened:
                self._opened[name] = gpu.lent(load(source), source)
            return self._opened[name]

    def source(self, name) -> str:
        """The source of the model of that name. Raises InvalidInput if it is not offered."""
        if not isinstance(name, str) or name not in self.sources | self._moments:
            raise InvalidInput(words.NOT_OFFERED)
        return self.sources.get(name) or self._moments[name]

    def offer(self, source: str | Path) -> str:
        """Offer one more model, or open one of them again. Returns its name. Raises as `load` does."""
        source, model = str(source), load(str(source))
        with self._lock:
            name = next((name for name, known in self.sources.items() if known == source), short_name(source))
            name = name if self.sources.get(name, source) == source else source
            self.sources[name], self._opened[name] = source, model
            self._told.pop(name, None)
        return name

    def usable(self) -> dict[str, Generator]:
        """All models that can be opened. For the others the reason is printed on the console, and shown on the page
        to whoever chooses one."""
        found = {}
        for name in self.names:
            try:
                found[name] = self[name]
            except ModelError as error:
                print(f"warning: {name} cannot be opened: {error}", file=sys.stderr)
        return found

    def generators(self) -> list[str]:
        """The names of all generators. Editors do not count, though those of the family editor could draw faces."""
        usable = self.usable()
        return [name for name in self.names if name not in usable or draws(usable[name])]

    def drawers(self) -> list[str]:
        """The names of the generators of faces: of colour pictures with CelebA's attributes."""
        return [name for name, model in self.usable().items() if draws(model) and knows_faces(model)]

    def editors(self) -> list[str]:
        """The names of all editors: first those that retouch a photo's own pixels, then those that draw the change."""
        usable = self.usable().items()
        return [name for kind in (RetouchEditor, Editor) for name, model in usable if isinstance(model, kind)]

    def editor(self, name) -> Editor | RetouchEditor:
        """The editor of that name. Raises InvalidInput for any other model."""
        found = self[name]
        if not isinstance(found, (Editor, RetouchEditor)):
            raise InvalidInput(words.NO_EDITOR)
        return found

    def offered(self, name: str) -> dict[str, studio.Offer]:
        """How good an editor is at each of its attributes, less and more. Raises InvalidInput for any other model."""
        if name not in self._offers:
            attributes = self.editor(name).attributes
            self._offers[name] = studio.offered(self.sources[name], attributes)
        return self._offers[name]

    def origin(self, name: str) -> tuple[str, str]:
        """The model's entry in the metadata of files that it made (marks.origin)."""
        if name not in self._origins:
            self[name]  # raises if it is not offered
            self._origins[name] = marks.origin(find(self.source(name)))
        return self._origins[name]

    def restorers(self) -> list[str]:
        """The names of the models that repair colour pictures."""
        return self._shown_pictures(lambda model: model.residual and model.image_shape[0] == 3)

    def sketchers(self) -> list[str]:
        """The names of the models that draw a colour picture from lines."""
        return self._shown_pictures(lambda model: not model.residual and "edges" in model.damages)

    def translators(self) -> list[str]:
        """The names of the models that turn a picture into another kind: translators, and those that learned from pairs."""
        pairs = self._shown_pictures(lambda model: not model.damages and model.image_shape[0] == 3)
        return pairs + [name for name, model in self.usable().items() if isinstance(model, Translator)]

    def _shown_pictures(self, fits) -> list[str]:
        return [name for name, model in self.usable().items() if isinstance(model, Restorer) and fits(model)]

    def revision(self, name: str) -> str:
        """The revision, which tells the weights from others of the same name."""
        return self.origin(name)[1]

    def directions(self, name: str) -> directions.Directions:
        """The directions along which the model's pictures change most."""
        if name not in self._directions:
            self._directions[name] = directions.find_directions(self[name])
        return self._directions[name]

    def comparable(self) -> dict[str, Generator]:
        """All generators, and the checkpoints of those that are in a run folder."""
        found = {name: self[name] for name in self.generators() if name in self._opened}
        for name in self._moments:
            with contextlib.suppress(ModelError):
                found[name] = self[name]
        return {name: model for name, model in found.items() if draws(model)}

    def marks(self, name: str, some: Sequence[pictures.Picture]) -> list[marks.Mark]:
        """The marks for the files of pictures that the model draws."""
        revision = self.revision(name)
        return [marks.Mark(name, revision, (one,)) for one in pictures.to_drawn(self[name], some)]

    def about(self, name: str) -> studio.About:
        """The description from the model's folder."""
        if name not in self._told:
            self._told[name] = studio.about(self.source(name))
        return self._told[name]


def knows_faces(model: Generator) -> bool:
    return model.image_shape[0] == 3 and model.multi_label and "Smiling" in (model.labels or ())


def draws(model) -> bool:
    """Whether the model is a generator, and meant to be used as one."""
    return getattr(model, "latent_dim", 0) > 0 and not isinstance(model, Editor)


def moments(sources: dict[str, str]) -> dict[str, str]:
    """The models in the checkpoints of runs, by names of their own, for sources that are in a run folder."""
    found = {}
    for name, source in sources.items():
        run = Path(source).parent if Path(source).name == "model" else Path(source)
        for checkpoint, said in (("checkpoint", words.AT_CHECKPOINT), ("checkpoint.previous", words.BEFORE_CHECKPOINT)):
            if (run / checkpoint / "model" / CONFIG).is_file():
                found[f"{name} {said}"] = str(run / checkpoint / "model")
    return found


def short_names(sources: list[str]) -> dict[str, str]:
    """A short name for each source: runs/mnist-cgan/model is "mnist-cgan". Sources whose short names are equal keep
    their full names."""
    short = [short_name(source) for source in sources]
    return {source if short.count(name) > 1 else name: source for name, source in zip(short, sources, strict=True)}
