"""What may lie where a file of a model folder is expected, and a limit for how long it may take to be told so."""

import contextlib
import os
import signal
from pathlib import Path


def pipe(path: Path) -> None:
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def folder(path: Path) -> None:
    path.mkdir()


def sparse(path: Path) -> None:
    with open(path, "wb") as file:
        file.truncate(10_000_000_000)


def link_out(path: Path) -> None:
    secret = path.parent.parent / "secret"
    secret.write_text('{"format": "the secret of the server"}')
    path.symlink_to(secret)


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def socket(path: Path) -> None:
    import socket as sockets

    with contextlib.chdir(path.parent):  # the name of a socket may not be long
        sockets.socket(sockets.AF_UNIX).bind(path.name)


KINDS = [pipe, endless, folder, sparse, link_out, loop, socket]


@contextlib.contextmanager
def within(seconds: int):
    """TimeoutError where it takes longer: what waits for a pipe waits for ever."""

    def late(*_):
        raise TimeoutError(f"it took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
