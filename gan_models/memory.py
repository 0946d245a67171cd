"""Memory that stays with the process after it was freed."""

import ctypes


def keep_memory(block: int = 1 << 30, unused: int = (1 << 31) - 1) -> bool:
    """Keep freed memory for what needs blocks of the same size next. New pages from the kernel would have to be zeroed,
    and would not be in the cache.

    block: the most bytes of a block that is kept. unused: bytes; where more are free at the end of the memory, they are
    given back. Returns whether the C library supports this (glibc does).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl and macOS have no mallopt; Windows has no CDLL(None)
        return False
    M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
    return bool(mallopt(M_MMAP_THRESHOLD, block) and mallopt(M_TRIM_THRESHOLD, unused))
