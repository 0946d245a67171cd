"""The names of metrics hold their protocol, such as the number of pictures."""


def short_count(n: int) -> str:
    """10000 -> "10k", 3014 -> "3k", 500 -> "500", for metric names; the record has the exact number."""
    return f"{round(n / 1000)}k" if n >= 1000 else str(n)
