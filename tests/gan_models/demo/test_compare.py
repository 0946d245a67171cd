"""Two models side by side."""

from demo_server import Asking

from gan_models.demo import Models, build
from gan_models.demo.compare import FIRST


def test_a_link_to_the_tab_opens_the_two_models_that_a_click_opens(tmp_path):
    ask = Asking(build(Models(["mnist-cgan", *FIRST]), tmp_path))
    outputs, said = ask("follow_link", ["tab=compare"])
    shown = dict(zip([block.elem_id for block in ask.named("follow_link").outputs], outputs, strict=True))
    assert not said and (shown["left"], shown["right"]["value"]) == FIRST
