"""Renders a stranger's Markdown safely: by GitHub's own parser (cmark-gfm), then cleaned by ammonia (nh3), as the Python
Package Index does it. If these are not installed, it is shown as plain text."""

import html
import importlib.util
import re

MAX_TEXT = 100_000  # characters of a text
MAX_HTML = 1_000_000  # characters of the result: rows of a table are filled up to the width of its head
MAX_DEPTH = 50  # of nested elements: cleaning takes quadratic time in it

# The elements that a card needs. None of them loads anything: no pictures, no style, no frames.
TAGS = set("h1 h2 h3 h4 h5 h6 p br hr a strong em del code pre blockquote ul ol li table thead tbody tr th td".split())
ATTRIBUTES = {"a": {"href", "title"}, "th": {"align"}, "td": {"align"}, "ol": {"start"}}
SCHEMES = {"http", "https", "mailto"}


def safe(text: str) -> str:
    """Markdown -> HTML that loads and runs nothing: one block, which a Markdown component leaves as it is.

    Pictures and raw HTML are left out, and links must be complete web or mail addresses. The time is proportional to
    the length of the text, of which only the first MAX_TEXT characters are used.
    """
    text = text[:MAX_TEXT].encode("utf-8", "replace").decode().replace("\0", "\ufffd")  # no halves of surrogate pairs
    rendered = _rendered(text) if _installed() else None
    body = f"<pre>{html.escape(text)}</pre>" if rendered is None else rendered
    # A Markdown parser leaves a block of HTML unchanged up to the first empty line.
    body = re.sub(r"[\n\r](?=[^\S\n\r]*[\n\r])", "&#10;", body.strip())
    return f"<div>{body}</div>"


def _installed() -> bool:
    return all(importlib.util.find_spec(name) for name in ("cmarkgfm", "nh3"))


def _rendered(text: str) -> str | None:
    """The HTML; None if it would become too large or too deep."""
    import cmarkgfm
    import nh3

    page = cmarkgfm.github_flavored_markdown_to_html(text)
    if len(page) > MAX_HTML or _depth(page) > MAX_DEPTH:
        return None
    return nh3.clean(
        page,
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=lambda tag, name, value: value if name != "href" or _is_absolute(value) else None,
        url_schemes=SCHEMES,
        link_rel="noopener noreferrer nofollow",
    )


def _is_absolute(address: str) -> bool:
    """Whether an address has a scheme; without one it would be relative to the page that shows it."""
    return bool(re.match(r"(?:https?://|mailto:)", address, re.IGNORECASE))


def _depth(page: str) -> int:
    """The depth of nested elements. The parser writes only complete tags, and no raw HTML."""
    depth = most = 0
    for end, name in re.findall(r"<(/?)([a-z]+[1-6]?)", page):
        if name not in ("br", "hr", "img", "input"):
            depth += -1 if end else 1
            most = max(most, depth)
    return most
