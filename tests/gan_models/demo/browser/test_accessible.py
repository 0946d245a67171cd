"""Every tab can be used by everybody: axe-core, the keyboard, alternative texts, and no page wider than its window."""

import pytest
from visitor import Visitor

# What each tab shows when it is there, and how many pictures of it.
CONTENT = {
    "photo": ("#examples", 6),
    "sample": ("#samples", 16),
    "walk": ("#strip", 9),
    "attributes": ("#pair", 2),
    "explore": ("#along-strip", 7),
    "compare": ("#compared-right", 16),
    "repair": ("#repair-go", 0),
    "lab": ("#lab-frame", 1),
}

# Stops of the keyboard that do nothing, or that have no name of their own.
IDLE = """() => [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')]
  .filter(stop => stop.tabIndex >= 0 && !stop.disabled && stop.checkVisibility({visibilityProperty: true}))
  .filter(stop => getComputedStyle(stop).pointerEvents === 'none'
    || !['A', 'BUTTON', 'INPUT', 'SELECT', 'TEXTAREA', 'SUMMARY'].includes(stop.tagName) && !stop.role
    || /^Thumbnail/.test(stop.ariaLabel)
    || !(stop.ariaLabel || stop.innerText || stop.labels?.length || stop.querySelector('img')?.alt))
  .map(stop => stop.outerHTML.slice(0, 200))"""

NAMELESS = """() => [...document.querySelectorAll('img')].filter(img => img.checkVisibility() && !img.hasAttribute('alt'))
  .map(img => img.outerHTML.slice(0, 200))"""


@pytest.mark.parametrize(
    "language, width, theme", [("en-US", 1280, "light"), ("zh-CN", 360, "dark"), ("en-US", 360, "light")]
)
def test_every_tab_is_accessible_and_none_is_wider_than_the_page(chromium, address, axe, language, width, theme):
    from gan_models.demo import TABS, tab_name, words

    titles = {tab_name(tab): words.say(tab.TITLE, words.language_of(language)) for tab in TABS}
    context = chromium.new_context(locale=language, permissions=["camera"])
    visitor = Visitor(context, f"{address}?__theme={theme}", {"width": width, "height": 740}, whole=False)
    page, wrong = visitor.page, []
    page.locator("#studio canvas[data-photo]").wait_for()
    page.evaluate(axe)
    for tab, (where, count) in CONTENT.items():
        visitor.tab(titles[tab])
        page.locator(where).wait_for()
        if count:
            visitor.wait_for(where, count)
        page.wait_for_function("!document.documentElement.hasAttribute('data-waiting')")
        found = page.evaluate("async () => (await axe.run({resultTypes: ['violations']})).violations")
        wrong += [
            f"{tab}: {one['help']}: {one['nodes'][0]['html'][:200]}"
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
        wrong += [f"{tab}: does nothing: {stop}" for stop in page.evaluate(IDLE)]
        wrong += [f"{tab}: has no alt text: {picture}" for picture in page.evaluate(NAMELESS)]
        if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
            wrong.append(f"{tab}: {wide} pixels wide, on a page of {width}")
    context.close()
    assert not wrong, "\n".join(wrong)
    assert visitor.odd == []
