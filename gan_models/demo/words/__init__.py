"""Every sentence of the page, by name, in the language that it is written in first. A language is a file."""

from .en import *  # noqa: F403 - all of them
