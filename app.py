"""The demo: `python app.py [--model SOURCE ...]`. Wiring and words; what it computes is in gan_models."""

import argparse
import functools
import os
import secrets
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr

import gan_models
from gan_models import InvalidInput, ModelError, images, studio
from gan_models.latents import check_count, check_seed

PICTURE, FRAMES = 192, 96  # pixels of a sample, frames of a video
SLIDERS = 40  # as many attributes as CelebA has
EITHER = "any"
SYSTEM_FONT = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
THEME = gr.themes.Soft(primary_hue="indigo", secondary_hue="pink", font=SYSTEM_FONT, font_mono=["ui-monospace", "monospace"])
CSS = """
.gradio-container { max-width: 1100px !important; margin: 0 auto; }
#title h1 { margin-bottom: 0; }
#strip img, #sweep img { object-fit: contain; width: 100%; }
footer { display: none !important; }
"""
ABOUT = """Nothing that you do here is stored. The pictures are drawn by networks and show no real person.
The face model was made from CelebA and is for non-commercial research. `GAN Studio` is open source (MIT)."""


@functools.lru_cache(maxsize=None)
def model(source: str) -> gan_models.Generator:
    """A model, opened when it is first needed."""
    return gan_models.load(source)


def whole(value, what: str) -> int:
    """A whole number from a number field, or one sentence."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
        raise InvalidInput(f"The {what} must be a whole number, not {'empty' if value is None else value}.")
    return int(value)


def spoken(function):
    """Bad input becomes one sentence on the screen, and what was shown stays."""
    @functools.wraps(function)
    def wrapper(*arguments):
        try:
            return function(*arguments)
        except ModelError as error:
            gr.Warning(str(error), title="That did not work")
            return gr.skip()
    return wrapper


def wishes(source: str, wanted: str, present: list[str], absent: list[str]) -> studio.Wishes:
    """What the label controls ask for."""
    generator = model(source)
    if generator.labels is None:
        return None
    if not generator.multi_label:
        return None if wanted in (None, EITHER) else generator.labels.index(wanted)
    both = sorted(set(present) & set(absent))
    if both:
        raise InvalidInput(f"{both[0]} cannot be both wanted and unwanted: take it out of one of the two.")
    return {name: 1.0 for name in present} | {name: 0.0 for name in absent}


@spoken
def sample(source, seed, count, truncation, wanted, present, absent):
    """Pictures of a seed, each with its name for the other tabs."""
    seed, count = check_seed(whole(seed, "seed")), check_count(whole(count, "number of pictures"), most=64)
    pictures = studio.sample(model(source), seed, count, truncation, wishes(source, wanted, present, absent))
    return [(picture, str(studio.Anchor(seed, k))) for k, picture in enumerate(images.to_pil(pictures, PICTURE))]


@spoken
def interpolate(source, anchors, truncation, wanted, present, absent, progress=gr.Progress()):
    """A strip and a looping video of a walk through some pictures."""
    generator, anchors = model(source), studio.parse_anchors(anchors)
    wished = wishes(source, wanted, present, absent)
    progress(0.1, "drawing")
    strip = images.grid(studio.interpolate(generator, anchors, 9, truncation, wished, loop=False), columns=9)
    frames = studio.interpolate(generator, anchors, FRAMES, truncation, wished)
    progress(0.6, "making the video")
    path = Path(tempfile.mkdtemp(prefix="gan-studio-")) / "walk.mp4"
    images.write_video(frames, path)
    return images.enlarge(strip, 2), str(path)


@spoken
def change(source, anchor, truncation, wanted, *values):
    """One picture before and after."""
    generator, anchor = model(source), one_anchor(anchor)
    before, after = images.to_pil(studio.change(generator, anchor, wished_change(generator, wanted, values), truncation), 320)
    return before, after


@spoken
def sweep(source, anchor, truncation, wanted, attribute, *values):
    """One picture with one attribute from none to full, or as each class."""
    generator, anchor = model(source), one_anchor(anchor)
    strip = studio.sweep(generator, anchor, wished_change(generator, wanted, values), attribute, truncation=truncation)
    return images.enlarge(images.grid(strip, columns=len(strip)), 2)


def one_anchor(text) -> studio.Anchor:
    """The picture of the Attributes tab, such as 7 or 7:2."""
    text = "" if text is None else str(text).strip()
    return studio.parse_anchors(f"{text} {text}")[0] if text else studio.Anchor(whole(None, "seed"))


def wished_change(generator, wanted, values) -> studio.Wishes:
    if generator.labels is None:
        return None
    return dict(zip(generator.labels, values)) if generator.multi_label else generator.labels.index(wanted or generator.labels[0])


@spoken
def own_labels(source, anchor):
    """The attribute sliders of a model, at what the picture has by itself."""
    generator = model(source)
    names = generator.labels if generator.labels and generator.multi_label else ()
    values = studio.labels_for(generator, [one_anchor(anchor)])[0].tolist() if names else []
    used = [gr.Slider(label=pretty(name), value=value, visible=True) for name, value in zip(names, values)]
    return (used + [gr.Slider(visible=False)] * SLIDERS)[:SLIDERS]


def add_anchor(anchors: str, event: gr.SelectData):
    """A click on a picture of the gallery adds it to the walk."""
    picked = [word for word in (anchors or "").replace(",", " ").split() if word] + [event.value["caption"]]
    return ", ".join(picked[-studio.MAX_ANCHORS:]), event.value["caption"]


def dice() -> int:
    return secrets.randbelow(1_000_000)


def pretty(name: str) -> str:
    return name.replace("_", " ")


def controls(source: str):
    """The label controls that fit a model: class, present, absent, swept attribute, and what is said of it."""
    generator = model(source)
    attributes = list(generator.labels) if generator.labels and generator.multi_label else []
    classes = list(generator.labels) if generator.labels and not generator.multi_label else []
    choices = [(pretty(name), name) for name in attributes]
    return (gr.Radio([EITHER] + classes, value=EITHER, visible=bool(classes)),
            gr.Dropdown(choices, value=[], visible=bool(attributes)), gr.Dropdown(choices, value=[], visible=bool(attributes)),
            gr.Dropdown(choices, value="Smiling" if "Smiling" in attributes else (attributes or [None])[0], visible=bool(attributes)),
            gr.Radio(classes, value=(classes or [None])[0], visible=bool(classes)), describe(source))


def describe(source: str) -> str:
    generator = model(source)
    channels, height, width = generator.image_shape
    told = "unconditional" if not generator.labels else f"told {len(generator.labels)} {'attributes' if generator.multi_label else 'classes'}"
    return f"**{Path(source).name}**: family `{generator.family}`, {width} x {height} pixels, latent of {generator.latent_dim}, {told}."


def build(sources: list[str]) -> gr.Blocks:
    """The interface over some models; the first is shown first."""
    with gr.Blocks(title="GAN Studio", analytics_enabled=False) as demo:
        gr.Markdown("# GAN Studio\nPictures that no camera took: draw them, walk between them, change them.", elem_id="title")
        with gr.Row():
            source = gr.Dropdown(sources, value=sources[0], label="Model", filterable=False, elem_id="model", scale=1)
            truncation = gr.Slider(0, 1.5, 1.0, step=0.05, label="Truncation", scale=1,
                                   info="Below 1: more typical and less varied", elem_id="truncation")
        wanted = gr.Radio([EITHER], value=EITHER, label="Draw", visible=False, elem_id="class")
        with gr.Row():
            present = gr.Dropdown([], value=[], multiselect=True, label="With", visible=False, elem_id="present")
            absent = gr.Dropdown([], value=[], multiselect=True, label="Without", visible=False, elem_id="absent")
        wish_controls = [wanted, present, absent]

        with gr.Tab("Sample"):
            gallery = gr.Gallery(label="Samples (click one to add it to the walk)", columns=[4, 4, 8], object_fit="contain", height="auto",
                                 format="png", allow_preview=False, elem_id="samples", show_label=False)
            with gr.Row():
                seed = gr.Number(1, label="Seed", minimum=None, elem_id="seed", min_width=120)
                count = gr.Slider(1, 64, 16, step=1, label="Pictures", elem_id="count", min_width=160)
                roll = gr.Button("🎲 New seed", elem_id="dice", min_width=120)
                draw = gr.Button("Draw", variant="primary", elem_id="draw", min_width=120)
        with gr.Tab("Interpolate"):
            with gr.Row():
                strip = gr.Image(label="From one to the next", interactive=False, format="png", elem_id="strip", scale=3,
                                 buttons=["download", "fullscreen"])
                video = gr.Video(label="A walk that closes on itself", autoplay=True, loop=True, interactive=False, elem_id="video", scale=2,
                                 buttons=["download"], height=320)
            with gr.Row():
                anchors = gr.Textbox("1, 2, 3", label="Pictures to walk between", elem_id="anchors", scale=3,
                                     info="Two to six seeds, or 7:2 for picture 2 of seed 7; a click on a sample adds it")
                walk = gr.Button("Walk", variant="primary", elem_id="walk", scale=1)
        with gr.Tab("Attributes"):
            with gr.Row():
                before = gr.Image(label="Before", interactive=False, format="png", elem_id="before", buttons=["download"], height=320)
                after = gr.Image(label="After", interactive=False, format="png", elem_id="after", buttons=["download"], height=320)
            picture = gr.Textbox("1", label="Picture", info="A seed, or 7:2 for picture 2 of seed 7", elem_id="picture", max_lines=1)
            as_class = gr.Radio([], label="Draw it as", visible=False, elem_id="as_class")

            with gr.Row():
                sliders = [gr.Slider(0, 1, 0.5, step=0.05, visible=False, min_width=200, elem_id=f"attribute-{k}") for k in range(SLIDERS)]
            attribute = gr.Dropdown([], label="From none to full", visible=False, elem_id="attribute")
            sweep_strip = gr.Image(label="The same latent, label by label", interactive=False, format="png", elem_id="sweep",
                                   buttons=["download"])
        about = gr.Markdown(elem_id="model-line")
        gr.Markdown(ABOUT, elem_id="about")

        drawn = [source, seed, count, truncation, *wish_controls]
        shown = [*wish_controls, attribute, as_class, about]
        changed = [source, picture, truncation, as_class, *sliders]
        swept = [source, picture, truncation, as_class, attribute, *sliders]
        quick = {"show_progress": "hidden", "api_visibility": "private"}
        live = {"trigger_mode": "always_last", **quick}

        def start(event):
            """From the controls of a model to its first pictures."""
            event.then(sample, drawn, gallery, **quick).then(own_labels, [source, picture], sliders, **quick).then(
                change, changed, [before, after], **quick).then(sweep, swept, sweep_strip, **quick)

        start(demo.load(controls, source, shown, **quick))
        start(source.input(controls, source, shown, **quick))
        gr.on([picture.submit, picture.blur], own_labels, [source, picture], sliders, **quick).then(
            change, changed, [before, after], **quick).then(sweep, swept, sweep_strip, **quick)
        gr.on([slider.input for slider in sliders] + [as_class.input, truncation.release], change, changed, [before, after], **live)
        gr.on([slider.release for slider in sliders] + [as_class.input, attribute.input, truncation.release], sweep, swept, sweep_strip, **live)
        gr.on([draw.click, seed.submit], sample, drawn, gallery, show_progress="minimal", api_name="sample")
        gr.on([wanted.input, present.input, absent.input, truncation.release, count.release], sample, drawn, gallery, **live)
        roll.click(dice, None, seed, **quick).then(sample, drawn, gallery, **quick)
        walked = [source, anchors, truncation, *wish_controls]
        gr.on([walk.click, anchors.submit], interpolate, walked, [strip, video], api_name="interpolate")
        gallery.select(add_anchor, anchors, [anchors, picture], **quick).then(own_labels, [source, picture], sliders, **quick).then(
            change, changed, [before, after], **quick).then(sweep, swept, sweep_strip, **quick)
    return demo


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", action="append", metavar="SOURCE", help="folder, bundled name or Hub repository; may be repeated")
    parser.add_argument("--host", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, help="port (default: the first free one from 7860)")
    options = parser.parse_args(arguments)
    sources = options.model or os.environ.get("GAN_STUDIO_MODELS", "").split() or gan_models.bundled()
    try:
        if not sources:
            raise gan_models.ModelNotFound("No model is bundled here: give one by --model.")
        for source in options.model or sources[:1]:
            model(source)
    except ModelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    host = options.host or os.environ.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if "SPACE_ID" in os.environ else "127.0.0.1")
    try:
        build(sources).launch(server_name=host, server_port=options.port, theme=THEME, css=CSS, ssr_mode=False, footer_links=[])
    except OSError as error:
        print(f"error: the demo cannot listen on {host}, port {options.port or 7860} ({error}); give another --host or --port.", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
