"""What may import what. The rules are those of CONTRIBUTING.md; the graph of imports is grimp's."""

import ast
import functools
import re
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
# Functions and classes that several files define under one name, on purpose; CONTRIBUTING.md says why.
SHARED = {
    "main command parse run tell",  # commands
    "tab there serves say",  # tabs, and what a page says
    "find read save train sample draw change evaluate morph files is_number is_text",  # one verb, of different things
    "fid kid inception_score label_agreement toggle_agreement toggle_others_kept code_agreement",  # rows of METRICS
    "results_text write_page",  # pages of results
    "Game Seen",  # of images and of points; of photos and of metrics
}
FLOORS = 8  # rooms of both packages on top of each other, at most
CHAIN = 15  # files of both packages on top of each other, at most


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    """Each module of both packages, and the modules of theirs that it imports: inside functions and for types alone,
    too."""
    graph = grimp.build_graph("gan_models", "training", cache_dir=None)
    return {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}


def longest_chain(edges: dict[str, set[str]]) -> list[str]:
    """The longest way down, from the top. Raises AssertionError where it comes back to where it was."""
    above: list[str] = []

    @functools.cache
    def down(node: str) -> tuple[str, ...]:
        assert node not in above, f"a circle of imports: {' -> '.join([*above[above.index(node) :], node])}"
        above.append(node)
        ways = [down(other) for other in sorted(edges[node])]
        above.pop()
        return (node, *max(ways, key=len, default=()))

    return list(max((down(node) for node in edges), key=len))


def room(module: str) -> str:
    """A file at the top of a package, or a folder there."""
    return ".".join(module.split(".")[:2])


def test_no_file_imports_itself_through_others_and_no_chain_is_long(imports):
    chain = longest_chain(imports)
    assert len(chain) <= CHAIN, " -> ".join(chain)


def test_rooms_stand_on_few_floors_and_none_on_itself(imports):
    rooms: dict[str, set[str]] = {}
    for module, others in imports.items():
        below = {room(other) for other in others}
        rooms.setdefault(room(module), set()).update(below - {room(module)})
    chain = longest_chain(rooms)
    assert {"training.compare", "gan_models.demo", "gan_models.errors"} <= rooms.keys()
    assert 4 <= len(chain) <= FLOORS, " -> ".join(chain)


def test_a_name_at_the_top_of_a_file_has_one_meaning():
    homes: dict[str, set[Path]] = {}
    for path in [*ROOT.glob("gan_models/**/*.py"), *ROOT.glob("training/**/*.py")]:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, set()).add(path.parent if path.parent.name == "words" else path)
    twice = {name for name, paths in homes.items() if len(paths) > 1}
    assert twice <= set(" ".join(SHARED).split()), "give them names of their own"


def test_the_packages_keep_apart(imports):
    for module, others in imports.items():
        if module.startswith("gan_models") and module != "gan_models.demo.lab":
            assert not [other for other in others if other.startswith("training")], module
        if not module.startswith("gan_models.demo"):
            assert not [other for other in others if other.startswith("gan_models.demo")], module


@pytest.mark.parametrize(
    "path",
    sorted([*ROOT.glob("gan_models/**/*.py"), *ROOT.glob("training/**/*.py"), ROOT / "app.py"]),
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_no_private_name_crosses_a_file_and_gradio_stays_in_its_room(path):
    text = path.read_text()
    private = [
        f"{module}: {name}"
        for module, names in re.findall(
            r"^\s*from (\.[\w.]*|gan_models[\w.]*|training[\w.]*) import ([^#\n(]+|\([^)]*\))", text, re.MULTILINE
        )
        for name in re.findall(r"(?<!as )\b_[a-z]\w*", name_list(names))
    ]
    assert not private
    if path.parent.name != "demo" and path.name != "app.py":
        assert not re.search(r"^\s*(import|from) gradio\b", text, re.MULTILINE)


def name_list(names: str) -> str:
    return names.strip("()")
