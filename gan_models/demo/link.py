"""The address of the page describes what is on the screen. Opening such an address, or a saved picture, restores it.

Addresses and files come from strangers. So each part is checked as a request is, and what cannot be shown gets one
sentence. An address never holds anything of a photo.
"""

import urllib.parse

import gradio as gr

from .. import marks, pictures
from ..errors import InvalidInput, ModelError
from ..rng import check_count, check_seed
from . import reading, words
from .models import Models
from .page import Page, complain
from .shared import (
    EITHER,
    MOST,
    MOST_PINS,
    WALK,
    Shared,
    anew,
    fitting,
    keyframes,
    put_away,
    texts,
    the_picture,
    wishes,
)

MOST_CHARACTERS = 60_000  # of an address; six latents of 512 numbers have 16,000
OURS = ("tab", "model", "rev", "seed", "n", "t", "class", "with", "without", "picture", "walk", "pins")
OURS += ("left", "right")
# Hugging Face shows a Space inside of its own page, whose address is told by a message.
WRITE = """(tab, model, rev, seed, n, t, label, with_, without, picture, walk, pins, left, right, both, shared) => {
  const asked = new URLSearchParams(location.search);
  const said = {tab, model, rev, seed, n, t, class: label, with: (with_ ?? []).join(','),
    without: (without ?? []).join(','), picture, walk, pins: (pins ?? '').replaceAll('\\n', ' ')};
  const usual = {n: 16, t: 1, class: -1, walk: 'WALK'};
  const compared = {left, right, seed: both, class: shared};
  const own = tab === 'photo' ? {} : tab === 'compare' ? compared : said;
  for (const name of Object.keys({...said, ...compared})) {
    const value = name === 'tab' ? tab : own[name];
    const shown = value !== null && value !== undefined && value !== '' && value !== usual[name];
    if (shown) asked.set(name, value); else asked.delete(name);
  }
  const query = '?' + asked.toString().replaceAll('%3A', ':').replaceAll('%2F', '/').replaceAll('%2C', ',');
  history.replaceState(history.state, '', query + location.hash);
  if (window.parent !== window) window.parent.postMessage({queryString: query.slice(1)}, 'https://huggingface.co');
}""".replace("WALK", WALK)
# Without anything to read the page draws at once, else after the server has read it.
READ = "() => location.search.length > 1 ? [location.search.slice(1), ''] : ['', String(Math.random())]"
# A picture that is dropped on the page goes the way of the button: in the tab of photos, that by which they are opened.
DROP = """() => {
  const at = event => !event.defaultPrevented && event.dataTransfer?.types.includes('Files');
  document.addEventListener('dragover', event => at(event) && event.preventDefault());
  document.addEventListener('drop', event => {
    if (!at(event)) return;
    event.preventDefault();
    const saved = document.querySelector('input[type=file]:has(~ #reopen)');
    const photo = document.querySelector('#upload input[type=file]');
    const input = (document.body.dataset.tab ?? 'photo') === 'photo' ? photo ?? saved : saved;
    if (!input || !event.dataTransfer.files.length) return;
    const one = new DataTransfer();
    one.items.add(event.dataTransfer.files[0]);
    input.files = one.files;
    input.dispatchEvent(new Event('change', {bubbles: true}));
  });
}"""


def wire_address(page: Page, models: Models, shared: Shared, turned, turning: list) -> None:
    """Wire opening addresses and files. turned(name) -> {component: update} for another model, of the components
    `turning`."""
    asked = page.reads(gr.Textbox(visible=False, elem_id="asked"), query)
    changing = [
        shared.source,
        shared.current,
        shared.chosen,
        shared.due,
        shared.seed,
        shared.count,
        shared.truncation,
        *shared.wished,
        shared.picture,
        shared.anchors,
        shared.pins,
        shared.elsewhere,
        *shared.compared,
    ]
    outputs = [*changing, *(component for component in turning if component not in changing)]

    def arrive(name: str, found: dict) -> dict:
        """The updates that show this model with these values."""
        changes = turned(name) | {shared.source: name, shared.current: name, shared.due: anew()}
        for component, value in found.items():
            changes[component] = changes.get(component, {}) | {"value": value, "__type__": "update"}
        return changes

    def follow_link(visit, asked):
        """Show what an address describes, or what the page shows without one."""
        try:
            return described(asked) if asked.keys() & set(OURS) else {shared.due: anew()}
        except ModelError as error:
            complain(str(error))
            return {shared.due: anew()}

    def described(asked: dict[str, str]) -> dict:
        tab = asked.get("tab")
        beside = {}
        if tab == "compare" and shared.compared:
            beside = shared.compare(asked)
            asked = {"tab": tab}
        name = asked.get("model", shared.first)
        generator = models[name]
        found = read_link(generator, asked, shared)
        if asked.get("rev") not in (None, models.revision(name)):
            complain(words.OTHER_REVISION)
        changes = arrive(name, found)
        if tab is not None:
            if tab not in page.tabs or not page.serves(tab, generator):
                raise InvalidInput(words.NO_SUCH_TAB)
            changes[shared.chosen] = tab
        elif "seed" in asked or "picture" in asked:
            changes[shared.chosen] = "sample"
        return changes | beside

    def reopen(visit, upload, current, pins, elsewhere):
        """A picture or a video that was saved here, as it was drawn."""
        if not upload:
            return None
        mark = marks.read(page.uploads.take(upload))
        if mark is None:
            raise InvalidInput(words.NO_MARK)
        if mark.kind == marks.EDITED or not mark.pictures:
            raise InvalidInput(words.NOT_DRAWN)
        if mark.model not in models.generators():
            raise InvalidInput(words.no_such_model(mark.model))
        generator = models[mark.model]
        if mark.revision != models.revision(mark.model):
            complain(words.OTHER_REVISION)
        some = [pictures.from_drawn(generator, one) for one in mark.pictures[:6]]
        tab = "sample" if len(some) == 1 else "walk"
        found = {shared.picture: str(some[0])} if len(some) == 1 else {shared.anchors: texts(some).replace("\n", " ")}
        found = {shared.picture: ""} | found
        found |= {shared.pins: "", shared.elsewhere: put_away(models, current, pins, elsewhere)}
        return arrive(mark.model, found) | {shared.chosen: tab}

    page.here(page.load, DROP)
    page.here(page.load, READ, [], [asked, shared.due])
    page.on(asked.change, follow_link, [asked], outputs)
    page.on(
        shared.reopen.upload,
        reopen,
        [shared.reopen, shared.current, shared.pins, shared.elsewhere],
        outputs,
        spinner=shared.reopen,
    )


def update_address(page: Page, shared: Shared, event) -> None:
    """Update the address after this event."""
    page.here(
        event.then,
        WRITE,
        [
            shared.chosen,
            shared.current,
            shared.revision,
            shared.seed,
            shared.count,
            shared.truncation,
            *shared.wished,
            shared.picture,
            shared.anchors,
            shared.pins,
            *shared.compared,
        ],
    )


def query(value) -> dict[str, str]:
    """The parts of an address that are ours. Raises InvalidInput for anything else than an address."""
    if value in (None, ""):
        return {}
    if not isinstance(value, str) or len(value) > MOST_CHARACTERS:
        raise InvalidInput(words.BAD_LINK)
    try:
        pairs = urllib.parse.parse_qsl(value, errors="strict", max_num_fields=50)
    except (ValueError, UnicodeError) as error:
        raise InvalidInput(words.BAD_LINK) from error
    return {name: text for name, text in pairs if name in OURS}


def read_link(generator, asked: dict[str, str], shared: Shared) -> dict:
    """{component: value} of what an address describes, as far as the model can draw it. Raises InvalidInput."""
    found = {}
    if "seed" in asked:
        found[shared.seed] = check_seed(reading.numeric(asked["seed"]))
    if "n" in asked:
        found[shared.count] = check_count(reading.numeric(asked["n"]), most=MOST)
    if "t" in asked:
        found[shared.truncation] = reading.number_from("truncation", 0, 1.5)(reading.numeric(asked["t"]))
    wanted = reading.numeric(asked["class"]) if "class" in asked else EITHER
    present, absent = (asked[way].split(",") if way in asked else [] for way in ("with", "without"))
    if asked.keys() & {"class", "with", "without"}:
        wished = wishes(generator, wanted, present, absent)
        pictures.of_seed(generator, 0, 1, 1.0, wished)  # raises now if there is no such label
        found |= dict(zip(shared.wished, (wanted, present, absent), strict=True))
    if "picture" in asked:
        found[shared.picture] = str(the_picture(generator, [asked["picture"]]))
    if "walk" in asked:
        found[shared.anchors] = texts(keyframes(generator, asked["walk"].split())).replace("\n", " ")
    if "pins" in asked:
        found[shared.pins] = texts(fitting(generator, asked["pins"].split()[:MOST_PINS]))
    return found
