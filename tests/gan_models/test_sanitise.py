"""A stranger's card on a page: it loads nothing, runs nothing, and costs no time."""

import re
import time
from html.parser import HTMLParser

import pytest

pytest.importorskip("nh3")
pytest.importorskip("cmarkgfm")

from gan_models import card, model_folder, sanitise, studio
from gan_models.networks.mlp import MLPGenerator
from gan_models.sanitise import safe


class Page(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def harmless(page: str) -> bool:
    """Only tags that load nothing, no address but that of a link, and one block without an empty line."""
    tags = Page(page).tags
    return (
        page.startswith("<div>")
        and page.endswith("</div>")
        and not re.search(r"[\n\r][^\S\n\r]*[\n\r]", page)
        and {tag for tag, _ in tags} <= sanitise.TAGS | {"div"}
        and all(name in ("href", "title", "rel", "align", "start", "lang") for _, some in tags for name in some)
        and all(re.match("https?://|mailto:", some["href"]) for _, some in tags if "href" in some)
    )


ATTACKS = [
    "![a](https://evil.example/a.png)",
    "[![badge](https://evil.example/a.svg)](https://evil.example)",
    "![a][b]\n\n[b]: https://evil.example/a.png",
    '<img src="https://evil.example/a.png">',
    "<IMG\nSRC=https://evil.example/a.png>",
    '<div style="background:url(https://evil.example)">x</div>',
    "<style>@import url(https://evil.example)</style>",
    "<script>fetch('https://evil.example')</script>",
    '<iframe src="https://evil.example"></iframe>',
    '<svg><image href="https://evil.example"/></svg>',
    '<video poster="https://evil.example"></video>',
    '<link rel="stylesheet" href="https://evil.example">',
    '<base href="https://evil.example">',
    '<meta http-equiv="refresh" content="0;url=https://evil.example">',
    '<table background="https://evil.example"><tr><td>x</table>',
    '<a href="x" onclick="alert(1)">x</a>',
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt:alert(1))",
    "[a](data:text/html;base64,PHNjcmlwdD4=)",
    "[a](//evil.example)",
    "[a](/logout)",
    "[a](\x01javascript:alert(1))",
    "<javascript:alert(1)>",
    "text\n\n<img src=https://evil.example>\n\n```\n\n![a](https://evil.example)\n\n```\n\n![a](https://evil.example)",
    "| a |\n|---|\n| <img src=https://evil.example> |",
    "&lt;img src=https://evil.example&gt;",
    "a&NewLine;&NewLine;![x](https://evil.example)",
    "a&#13;&#13;![x](https://evil.example)",
    "`a\r\r![x](https://evil.example)`",
    "<!-- --><img src=https://evil.example><!-- -->",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "\ud800 <img src=x>",
    "\0<img src=x>",
]


@pytest.mark.parametrize("text", ATTACKS)
@pytest.mark.parametrize("installed", [True, False], ids=["rendered", "as text"])
def test_nothing_is_loaded_and_nothing_runs(text, installed, monkeypatch):
    monkeypatch.setattr(sanitise, "_installed", lambda: installed)
    assert harmless(safe(text))
    assert harmless(safe(f"# Title\n\nSome words.\n\n{text}\n\nMore words.\n"))


def test_a_card_keeps_what_a_card_needs():
    page = Page(
        safe(
            "# Title\n\n**bold** `code` [link](https://example.com)\n\n- one\n- two\n\n"
            "| a | b |\n|--:|---|\n| 1 | 2 |\n\n```python\nx = 1\n\n\ny = 2 < 3\n```\n"
        )
    )
    tags = [tag for tag, _ in page.tags]
    assert {"h1", "strong", "code", "a", "li", "table", "td", "pre"} <= set(tags)
    assert "x = 1\n\n\ny = 2 < 3\n" in page.text
    (link,) = [some for tag, some in page.tags if tag == "a"]
    assert link["href"] == "https://example.com" and "noopener" in link["rel"]


LONG = {
    "pictures": "![" * 50_000,
    "links": "[" * 100_000,
    "brackets": "[" * 50_000 + "a" + "]" * 50_000,
    "emphasis": "**a " * 25_000,
    "quotes": ">" * 100_000,
    "lists": "".join("  " * k + "* a\n" for k in range(300)),
    "notes": "[^" * 50_000,
    "references": "[a]: u\n" * 12_000 + "[a]" * 12_000,
    "addresses": "[a](" * 25_000,
    "tags": "<a " * 33_000,
    "backticks": "".join("e" + "`" * k for k in range(440)),
    "rules": "- - " * 25_000,
    "empty lines": "\n \t\n" * 25_000,
    "empty lines of code": "```\n" + "\n \n" * 30_000,
    "spaces": " " * 100_000 + "x",
    "wide table": "|a" * 1000 + "|\n" + "|-" * 1000 + "|\n" + "a\n" * 47_000,
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_no_card_takes_long(text):
    began = time.process_time()
    assert harmless(safe(text))
    assert time.process_time() - began < 2


def test_a_folder_with_a_hostile_card_is_reported_quickly(tmp_path):
    model_folder.save(MLPGenerator(image_size=8, latent_dim=3, width=8), tmp_path)
    for text in ("![" * 50_000, "\n".join(ATTACKS[:-2]), "---\n" * 30_000):
        (tmp_path / "README.md").write_text(text)
        began = time.process_time()
        assert harmless(studio.about(str(tmp_path)).card)
        assert time.process_time() - began < 2


def test_our_own_cards_survive(tmp_path):
    model_folder.save(MLPGenerator(image_size=8, latent_dim=3, width=8), tmp_path)
    card.write_card(tmp_path, {"dataset": "celeba", "recipe": "toy", "command": "python -m training toy"})
    page = Page(studio.about(str(tmp_path)).card)
    assert "non-commercial research" in page.text and f'gan_models.load("{tmp_path}")' in page.text
    assert [tag for tag, _ in page.tags].count("h2") >= 4
