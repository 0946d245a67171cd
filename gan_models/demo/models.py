"""What is offered: models by the names that the page shows, each opened once, when it is first needed."""

import sys
import threading

from .. import marks, studio
from ..errors import InvalidInput, ModelError
from ..hub import short_name
from ..networks import Generator, load
from ..networks.editor import Editor
from ..networks.restore import Restorer
from ..networks.retouch import RetouchEditor
from . import gpu, words


class Models:
    """sources: folders, bundled names or Hub repositories; the first is shown first. Nothing else is opened, whatever
    a page asks for."""

    def __init__(self, sources: list[str]):
        self.sources = short_names(list(dict.fromkeys(sources)))
        self._opened: dict[str, Generator] = {}
        self._told: dict[str, studio.About] = {}
        self._origins: dict[str, tuple[str, str]] = {}
        self._offers: dict[str, dict[str, studio.Offer]] = {}
        self._lock = threading.Lock()

    @property
    def names(self) -> list[str]:
        return list(self.sources)

    def __getitem__(self, name) -> Generator:
        """The model of that name. Raises InvalidInput for one that is not offered, and what `load` raises."""
        if not isinstance(name, str) or name not in self.sources:
            raise InvalidInput(words.NOT_OFFERED)
        with self._lock:
            if name not in self._opened:
                self._opened[name] = gpu.lent(load(self.sources[name]), self.sources[name])
            return self._opened[name]

    def usable(self) -> dict[str, Generator]:
        """All models that can be opened. What keeps the others closed is said on the console, and on the page to
        whoever chooses one."""
        found = {}
        for name in self.names:
            try:
                found[name] = self[name]
            except ModelError as error:
                print(f"warning: {name} cannot be opened: {error}", file=sys.stderr)
        return found

    def generators(self) -> list[str]:
        """The names of all that draw pictures of their own: an editor is none of them, though one of the family editor
        could."""
        usable = self.usable()
        return [name for name in self.names if name not in usable or draws(usable[name])]

    def editors(self) -> list[str]:
        """The names of all that edit photos: first those that retouch a photo's own pixels, then those that draw the
        change."""
        usable = self.usable().items()
        return [name for kind in (RetouchEditor, Editor) for name, model in usable if isinstance(model, kind)]

    def editor(self, name) -> Editor | RetouchEditor:
        """The editor of that name. Raises InvalidInput for a model that is none."""
        found = self[name]
        if not isinstance(found, (Editor, RetouchEditor)):
            raise InvalidInput(words.NO_EDITOR)
        return found

    def offered(self, name: str) -> dict[str, studio.Offer]:
        """Of an editor: how good it is at each of its attributes, less and more."""
        if name not in self._offers:
            self._offers[name] = studio.offered(self.sources[name], self.editor(name).attributes)
        return self._offers[name]

    def origin(self, name: str) -> tuple[str, str]:
        """What a file that the model made says of it (marks.origin)."""
        if name not in self._origins:
            self[name]  # only what is offered
            self._origins[name] = marks.origin(self.sources[name])
        return self._origins[name]

    def restorers(self) -> list[str]:
        """The names of those that repair colour pictures."""
        return self._shown_pictures(lambda model: model.residual and model.image_shape[0] == 3)

    def sketchers(self) -> list[str]:
        """The names of those that draw a colour picture from lines."""
        return self._shown_pictures(lambda model: not model.residual and "edges" in model.damages)

    def _shown_pictures(self, fits) -> list[str]:
        return [name for name, model in self.usable().items() if isinstance(model, Restorer) and fits(model)]

    def about(self, name: str) -> studio.About:
        """What the model's folder says of it."""
        if name not in self._told:
            self._told[name] = studio.about(self.sources[name])
        return self._told[name]


def draws(model) -> bool:
    """Whether it makes pictures of nothing but numbers, and is meant to."""
    return getattr(model, "latent_dim", 0) > 0 and not isinstance(model, Editor)


def short_names(sources: list[str]) -> dict[str, str]:
    """A short name for each source: runs/mnist-cgan/model is "mnist-cgan". Sources of the same short name keep their
    whole one."""
    short = [short_name(source) for source in sources]
    return {source if short.count(name) > 1 else name: source for name, source in zip(short, sources, strict=True)}
