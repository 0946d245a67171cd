"""The page around the tabs: the model, a phone, the keyboard, a wait."""

from visitor import PHONE, Visitor, open_tab


def test_an_unconditional_model_has_no_label_controls_and_no_tab_for_them(visitor):
    visitor.page.locator("#present").wait_for()
    visitor.choose("plain")
    visitor.page.locator("#present").wait_for(state="hidden")
    assert not visitor.page.locator("#class").is_visible()
    visitor.page.get_by_role("tab", name="Attributes").wait_for(state="hidden")
    visitor.choose("digits")
    visitor.tab("Attributes")
    visitor.wait_for("#sweep", 10)
    visitor.page.locator("#model input").click()
    visitor.page.get_by_role("option", name="plain").click()  # which leaves the tab without anything to show
    visitor.page.locator("#samples img").first.wait_for()
    assert visitor.page.get_by_role("tab", name="Sample").get_attribute("aria-selected") == "true"


def test_the_page_tells_of_the_model_that_works_in_a_tab(visitor):
    told = visitor.page.locator("#about-generator")
    told.wait_for()
    assert "faces" in told.inner_text() and visitor.page.locator("#model").is_visible()
    visitor.tab("Edit a photo")
    told.wait_for(state="hidden")
    assert not visitor.page.locator("#model, #truncation, #present, #card-generator").filter(visible=True).count()
    assert "changes 14 attributes of faces" in visitor.page.locator("#about-editor").inner_text()
    visitor.page.locator("#card-editor").filter(visible=True).wait_for()
    visitor.tab("Walk")
    told.wait_for()
    assert visitor.page.locator("#about-editor").is_hidden()


def test_another_model_leaves_nothing_of_the_one_before(visitor):
    visitor.page.locator("#present input").click()
    visitor.page.get_by_role("option", name="Smile").click()
    visitor.tab("Walk")
    visitor.wait_for("#strip", 9)
    strip = visitor.sources("#strip")
    visitor.choose("digits")
    assert not set(visitor.wait_for("#strip", 9, other_than=strip)) & set(strip)
    visitor.tab("Attributes")
    assert not visitor.page.locator("#attribute-0").is_visible()
    assert len(set(visitor.wait_for("#sweep", 10))) == 10
    visitor.choose("faces")
    visitor.tab("Sample")
    assert (
        visitor.page.locator("#present").is_visible()
        and visitor.page.locator("#present").get_by_text("Smile").count() == 0
    )
    assert visitor.page.get_by_test_id("toast-body").count() == 0


def test_a_phone_shows_pictures_first_and_never_scrolls_sideways(browser, address):
    visitor = Visitor(browser, address, PHONE)
    assert visitor.page.locator("#samples img").first.bounding_box()["y"] < PHONE["height"] / 2
    for tab, where, count in (("Sample", "#samples", 16), ("Walk", "#strip", 9), ("Attributes", "#pair", 2)):
        visitor.tab(tab)
        visitor.wait_for(where, count)
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert visitor.page.locator(f"{where} img").first.bounding_box()["width"] >= 60
    open_tab(visitor)
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    visitor.page.close()
    assert visitor.odd == []


def test_each_wait_has_a_sign_within_a_tenth_of_a_second(visitor):
    """While no answer comes at all."""
    page = visitor.page
    page.route("**/queue/join*", lambda route: None)
    for where in ("#new-seed", "#all"):
        late = []
        while not late or min(late) > 100 and len(late) < 10:  # the fastest: the machine may do other things too
            page.evaluate("document.documentElement.removeAttribute('data-waiting')")
            late.append(
                page.locator(where).first.evaluate(
                    """button => new Promise(resolve => {
                        const start = performance.now(), root = document.documentElement;
                        const look = () => root.hasAttribute('data-waiting') || performance.now() - start > 5000
                            ? resolve(performance.now() - start) : setTimeout(look, 5);
                        button.click(); look(); })"""
                )
            )
        assert min(late) < 100, (where, late)
    shown = page.evaluate("getComputedStyle(document.documentElement, '::before').height")
    assert shown == "3px"


def test_a_wait_ends_though_its_answer_comes_before_its_number(visitor):
    """On a busy machine a short answer is there before the page has read what to wait for."""
    page = visitor.page
    page.wait_for_function("!document.documentElement.hasAttribute('data-waiting')")
    said = 'data: {"msg": "process_completed", "event_id": "e4a1"}\n\n'
    page.route("**/early/queue/data", lambda route: route.fulfill(body=said, content_type="text/event-stream"))
    page.route("**/early/queue/join", lambda route: route.fulfill(json={"event_id": route.request.post_data}))
    waits = "document.documentElement.hasAttribute('data-waiting')"
    page.evaluate("fetch('early/queue/data').then((answer) => answer.text())")
    page.wait_for_timeout(200)
    page.evaluate("fetch('early/queue/join', {method: 'POST', body: 'e4a1'})")
    page.wait_for_function(f"!{waits}", timeout=3000)
    page.evaluate("fetch('early/queue/join', {method: 'POST', body: 'e4a2'})")  # which is not answered
    page.wait_for_timeout(200)
    assert page.evaluate(waits)
