"""A person before the demo, in a headless browser."""

import base64
import io
import os
import time
from collections.abc import Sequence

import numpy as np
from PIL import Image

DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 375, "height": 740}

PATIENCE = int(os.environ.get("GAN_STUDIO_PATIENCE", 30))  # seconds; more for a machine that others use


class Visitor:
    """A person before the demo. What goes wrong silently (console errors, requests to strangers) is kept in `odd`."""

    def __init__(self, browser, address: str, viewport: dict, whole: bool = True):
        self.page = browser.new_page()
        self.page.set_viewport_size(viewport)
        self.page.set_default_timeout(1000 * PATIENCE)
        self.odd = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.odd.append(str(error)))
        self.page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((address.partition("?")[0], "data:", "blob:"))
                else self.odd.append(f"a request to {request.url}")
            ),
        )
        self.page.goto(address)
        if whole:
            self.tab("Sample")
            self.wait_for("#samples", 16)

    def _hear(self, message) -> None:
        # Gradio's page closes the camera's stream, of which its server knows nothing where it takes single pictures.
        closing = message.location["url"].endswith("/close") and "/gradio_api/stream/" in message.location["url"]
        # It says so too when somebody leaves it while an answer is still coming.
        closing |= message.text.startswith(("AbortError", "Unexpected error Connection errored out"))
        if message.type == "error" and not closing:
            self.odd.append(f"{message.text} {message.location['url']}")

    def sources(self, where: str) -> list[str]:
        """The addresses of the pictures there, loaded or not."""
        return self.page.evaluate("where => [...document.querySelectorAll(where + ' img')].map(img => img.src)", where)

    def wait_for(self, where: str, count: int, other_than: Sequence[str] = ()) -> list[str]:
        """The addresses of `count` pictures there, once they are others than those."""
        found = self.page.wait_for_function(
            """([where, count, old]) => { const all = [...document.querySelectorAll(where + ' img')];
            const shown = all.map(img => img.src);
            return all.length == count && all.every(img => img.complete && img.naturalWidth)
                && JSON.stringify(shown) != old && shown }""",
            arg=[where, count, compact(list(other_than))],
            polling="raf",
        )
        return found.json_value()

    def shows(self, where: str, pictures: np.ndarray) -> bool:
        """Whether exactly these pictures are there now."""
        return np.array_equal(self.pictures(where), pictures)

    def pictures(self, where: str) -> np.ndarray:
        """The pixels of the pictures there."""
        files = [self.page.request.get(source).body() for source in until(self, lambda: self.sources(where))]
        return np.stack([np.array(Image.open(io.BytesIO(file)).convert("RGB"), int) for file in files])

    def tab(self, name: str) -> None:
        """To a tab, on a narrow page through the menu that holds those without room."""
        self.page.locator("[role=tablist] [role=tab]").first.wait_for()
        tab = self.page.locator("[role=tablist]").get_by_role("tab", name=name).filter(visible=True)
        if not tab.count():
            self.page.locator(".overflow-menu > button").click()
            tab = self.page.locator(".overflow-dropdown").get_by_text(name, exact=True)
        tab.first.click()

    def choose(self, model: str) -> None:
        before, drawing = self.sources("#samples"), self.page.locator("#samples").is_visible()
        self.page.locator("#model input").click()
        self.page.get_by_role("option", name=model).click()
        self.page.locator("#about-generator").get_by_text(model, exact=True).wait_for()
        if drawing:
            self.wait_for("#samples", 16, other_than=before)

    def draw(self, seed) -> None:
        self.page.locator("#seed input").fill(str(seed))
        self.page.locator("#draw").click()

    def complaint(self) -> str:
        """What the demo says, after which the message is put away."""
        message = self.page.get_by_test_id("toast-body").first
        message.wait_for()
        text = message.inner_text()
        message.locator(".toast-close").click()
        self.page.get_by_test_id("toast-body").wait_for(state="hidden")
        return text


def compact(addresses: list[str]) -> str:
    """As JavaScript's JSON.stringify writes it."""
    return "[" + ",".join(f'"{address}"' for address in addresses) + "]"


def alike(large: np.ndarray, small: np.ndarray) -> bool:
    """Whether two pictures are the same one in two sizes."""
    reduced = Image.fromarray(large.astype(np.uint8)).resize(small.shape[1::-1], Image.Resampling.BICUBIC)
    return np.abs(np.array(reduced, int) - small).mean() < 6


def open_sample(visitor, number: int) -> np.ndarray:
    """Click on a sample; the pixels of what opens."""
    before = visitor.sources("#figure")
    visitor.page.locator("#samples img").nth(number).click()
    visitor.wait_for("#figure", 1, other_than=before)
    return visitor.pictures("#figure")[0]


def until(visitor, condition, seconds: float = PATIENCE):
    """What the condition gives, as soon as it gives something: a page that draws anew may be empty for a moment."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        visitor.page.wait_for_timeout(100)
    return found


def stage(visitor) -> np.ndarray:
    """The pixels of the picture that is being edited, as they are shown."""
    url = visitor.page.evaluate("document.querySelector('#studio canvas').toDataURL('image/png')")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB"), int)


def far(a: np.ndarray, b: np.ndarray) -> int:
    return np.abs(a - b).max() if a.shape == b.shape else 255


def open_tab(visitor) -> None:
    visitor.tab("Edit a photo")
    visitor.page.wait_for_selector("#examples img")
    idle(visitor)


def idle(visitor) -> None:
    """Until nothing is waited for."""
    visitor.page.wait_for_selector("#studio .stage[aria-busy=false]", timeout=2000 * PATIENCE)


def move(visitor, attribute: str) -> float:
    """A slider as far as it goes where the face leaves room for it, by the keyboard; its value."""
    row = visitor.page.locator(f"#retouch-{attribute}")
    slider = row.locator("input[type=range]")
    slider.press("Home" if "already" in row.inner_text() else "End")
    return float(slider.input_value())
