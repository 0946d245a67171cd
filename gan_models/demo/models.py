"""What is offered: models by the names that the page shows, each opened once, when it is first needed."""

import sys
import threading

from .. import studio
from ..errors import InvalidInput, ModelError
from ..hub import short_name
from ..networks import Generator, load
from ..networks.editor import MOST, Editor
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
        """The names of the editors that are offered together: of those that retouch a photo's own pixels, else of those
        that draw the change; only such as have the first one's attributes, which the page has sliders for."""
        for kind in (RetouchEditor, Editor):
            found = {name: model for name, model in self.usable().items() if isinstance(model, kind)}
            if found:
                first = next(iter(found.values()))
                return [name for name, model in found.items() if model.attributes == first.attributes]
        return []

    def editor(self, name) -> Editor | RetouchEditor:
        """The editor of that name. Raises InvalidInput for a model that is none."""
        found = self[name]
        if not isinstance(found, (Editor, RetouchEditor)):
            raise InvalidInput(words.NO_EDITOR)
        return found

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


def most_of(editor: Editor | RetouchEditor) -> float:
    """How far its sliders go either way: to the attribute fully there or gone, and for one that draws the change,
    beyond."""
    return 1.0 if isinstance(editor, RetouchEditor) else MOST
