"""What a visitor takes away: addresses of files, links, and names."""

import html

from .. import pictures
from .speaking import say


def address(path) -> str:
    return f"gradio_api/file={html.escape(str(path))}"


def link(path, name: str, said: str) -> str:
    """By which a file is taken away under that name."""
    return f'<a class="take" href="{address(path)}" download="{html.escape(name)}">{html.escape(say(said))}</a>'


def name_part(name: str) -> str:
    """A model's name as a part of a file name."""
    return "".join(letter if letter.isalnum() and letter.isascii() or letter in "-_." else "-" for letter in name)[:80]


def file_name(name: str, one: pictures.Picture, number: int | None = None) -> str:
    """celeba-cgan-7-2"""
    own = name_part(one.name.replace(":", "-")) or (f"varied-{number}" if number is not None else "varied")
    return f"{name_part(name)}-{own}"
