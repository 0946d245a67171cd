"""One demo and one context of the browser for all tests of the page."""

from pathlib import Path

import pytest
from demo_server import running, tiny_models
from visitor import DESKTOP, Visitor


@pytest.fixture(scope="package")
def models(tmp_path_factory) -> list[Path]:
    return tiny_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="package")
def temporary(tmp_path_factory) -> Path:
    """Where the demo keeps its files."""
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="package")
def address(models, temporary, tmp_path_factory):
    """The demo, running over the three models."""
    log = tmp_path_factory.mktemp("log") / "app.log"
    with running(models, temporary, log) as (url, process):
        yield url
        assert "Traceback" not in log.read_text(), log.read_text()
        assert list(temporary.glob("gan-studio-*/uploads"))  # its files are there, and go when the demo ends
        process.terminate()
        process.wait(20)
        assert not list(temporary.glob("gan-studio-*"))


@pytest.fixture(scope="package")
def browser(chromium):
    # One context for all, so that each page finds the scripts of the one before in the cache.
    context = chromium.new_context(permissions=["camera"])
    yield context
    context.close()


def visit(browser, address):
    person = Visitor(browser, address, DESKTOP)
    yield person
    person.page.close()
    assert person.odd == []


@pytest.fixture
def visitor(browser, address):
    yield from visit(browser, address)


@pytest.fixture(scope="module")
def lasting(browser, address):
    """A visitor of several tests, which leave the page so that the next one can begin: to load it takes seconds."""
    yield from visit(browser, address)
