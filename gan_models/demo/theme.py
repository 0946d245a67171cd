"""How the page looks."""

from pathlib import Path

import gradio as gr

# A web font would be a request to another server.
SYSTEM_FONT = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
THEME = gr.themes.Soft(
    primary_hue="indigo", secondary_hue="pink", font=SYSTEM_FONT, font_mono=["ui-monospace", "monospace"]
).set(
    background_fill_primary="*neutral_50",
    block_title_padding="0",
    block_title_text_weight="600",
    block_title_background_fill="transparent",
    block_title_background_fill_dark="transparent",
    block_title_text_color="*body_text_color",
    block_title_text_color_dark="*body_text_color",
    # Contrast of at least 4.5:1 in both themes (WCAG AA).
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
    block_info_text_color="*neutral_600",
    block_info_text_color_dark="*neutral_300",
    block_label_text_color="*primary_800",
    block_label_text_color_dark="white",
    block_label_background_fill_dark="*primary_700",
    input_placeholder_color="*neutral_500",
    input_placeholder_color_dark="*neutral_400",
    color_accent="*primary_600",
    link_text_color="*primary_700",
    link_text_color_dark="*primary_300",
    button_primary_background_fill="*primary_600",
    button_primary_background_fill_hover="*primary_700",
    button_primary_background_fill_dark="*primary_600",
    button_primary_background_fill_hover_dark="*primary_700",
    button_secondary_background_fill_hover_dark="*neutral_700",
    checkbox_label_background_fill_selected="*primary_600",
)
CSS = """
/* clip, not hidden, which would disable position: sticky */
.gradio-container { max-width: 1100px !important; margin: 0 auto !important; overflow: clip !important; }
#top { align-items: center; min-height: 84px; } /* as high with a model as without, or the tabs would jump */
#title { flex: 2 1 300px; }
#title h1, #title p { margin: 0; }
#title p { color: var(--body-text-color-subdued); }
.dark .tab-container button.selected { color: var(--primary-300) !important; }
#model { flex: 1 1 200px; }
/* The row of tabs takes the room that there is, and moves into its menu what has none: it never widens the page. */
.tab-wrapper { contain: inline-size; }
.tab-container button { white-space: nowrap; }
/* a long choice does not run into its arrow */
.gradio-container .secondary-wrap input { text-overflow: ellipsis; padding-right: 26px; }
/* its tools have the room, and the note above says the same */
#repair-canvas [data-testid=block-label] { opacity: 0; }

.pictures .grid-wrap { min-height: 0 !important; max-height: none !important; padding: 0; overflow: visible; }
.pictures .grid-container { grid-template-columns: repeat(var(--across), minmax(0, 1fr)) !important;
  grid-auto-rows: auto; gap: 6px; }
.pictures .thumbnail-lg { width: 100%; height: auto; aspect-ratio: auto; border: 0; overflow: visible;
  background: none; box-shadow: none; }
.pictures img { width: 100%; height: auto !important; aspect-ratio: 1; }
.pictures:not(.opens) .thumbnail-lg { pointer-events: none; }
.opens .thumbnail-lg:focus-visible { outline: 3px solid var(--color-accent); outline-offset: 2px; }
.pictures:not(#samples, #varied, #pinned, #sweep:has(.gallery-item:nth-child(25):last-child)) .caption-label { position: static; max-width: none; padding: 2px 0; border: 0;
  background: none; text-align: center; }
:is(#samples, #varied, #pinned, #sweep:has(.gallery-item:nth-child(25):last-child)) .caption-label { opacity: 0;
  transition: opacity .15s; }
:is(#samples, #varied, #pinned, #sweep) .thumbnail-lg:is(:hover, :focus-visible) .caption-label { opacity: 1 !important; }
#samples { --across: 8; }
#varied { --across: 4; }
#pinned { --across: 12; padding: 6px; border: 1px dashed var(--border-color-primary); border-radius: 8px; }
#along-strip { --across: 7; }
#along-strip:has(.gallery-item:nth-child(10):last-child) { --across: 10; }
#explored { --across: 2; }
:is(#compared-left, #compared-right) { --across: 4; }
#compared { flex-wrap: nowrap; gap: clamp(14px, 3vw, 36px); }
#compared .caption-label { display: none; }
#opened { align-items: flex-start; padding: 10px; border: 1px solid var(--border-color-primary); border-radius: 8px; }
#figure { flex: 0 1 300px; }
#figure figure { margin: 0; }
#figure img { width: 100%; border-radius: 6px; image-rendering: auto; }
#figure figcaption { padding: 4px 0; overflow-wrap: anywhere; }
a.take { display: inline-block; padding: 6px 12px; border-radius: 8px; text-decoration: none;
  background: var(--button-secondary-background-fill); color: var(--button-secondary-text-color); }
a.take:is(:hover, :focus-visible) { background: var(--button-secondary-background-fill-hover); }
#film .film { width: 100%; border-radius: 6px; background-position: 0 0; }
#video { padding: 0; border: 0; background: none; box-shadow: none; }
#video video { border-radius: 6px; }
#walk-taking { align-items: center; }
#walk-taking > * { flex: 0 1 auto; width: auto; }
:is(#files, #pair-acts) { align-items: center; justify-content: center; }
:is(#files, #pair-acts) > button { flex: 0 1 auto; padding-inline: 18px; }
#files { justify-content: flex-start; }
#files:has(> #archive:empty) #archive { display: none; }
/* what explains, beside what is to be used */
:is(#photo-note, #hint, #about, [id^=about-], [id^=compared-][id$=-about]) .prose { font-size: 14px; text-wrap: pretty; }
:is(#photo-note, #hint, #about, [id^=about-], [id^=compared-][id$=-about]) .prose > * { color: var(--body-text-color-subdued); }
.form:has(> #editor) { max-width: 340px; }
/* a card's tables break no words, and scroll by themselves where they have no room */
[id^=card-] table { display: block; overflow-x: auto; font-size: 13px; border: 0 !important; }
[id^=card-] :is(th, td) { padding: 6px 8px !important; }
[id^=card-] :is(th, td, td code) { word-break: normal !important; overflow-wrap: normal !important; }
.gradio-container .html-container { padding: 0; }
/* directions and codes go both ways from the middle */
#directions input[type=range]::-webkit-slider-runnable-track { background: linear-gradient(90deg, transparent
  calc(50% - 1px), var(--body-text-color) calc(50% - 1px) calc(50% + 1px), transparent calc(50% + 1px)), var(--neutral-300); }
#directions input[type=range]::-moz-range-progress { background: none; }
#reopen { align-self: flex-start; width: auto; padding-inline: 18px; }
#directions .form { display: grid; grid-template-columns: repeat(auto-fill, minmax(140px, 1fr));
  min-width: 0 !important; background: var(--block-background-fill); }
#directions .form > * { min-width: 0 !important; padding: 6px 12px; }
#directions :is(.tab-like-container, .min_value, .max_value) { display: none; }
#strip, #morph-strip { --across: 9; }
#pair { --across: 2; width: 100%; max-width: 660px; margin: 0 auto; }
#sweep { --across: 10; }
#sweep:has(.gallery-item:nth-child(7):last-child) { --across: 7; }
#sweep:has(.gallery-item:nth-child(25):last-child) { --across: 5; max-width: 720px; margin: 0 auto; }

#repaired:not(:has(img)) { display: none; }
#seed-row, #compare-controls { align-items: center; }
:is(#video, #morph-video) [aria-label="Adjust volume"] { display: none; } /* it has no sound */
#count .head { flex-wrap: nowrap; }
#sliders .form { display: grid; grid-template-columns: repeat(auto-fill, minmax(140px, 1fr));
  min-width: 0 !important; background: var(--block-background-fill); }
#sliders .form > * { min-width: 0 !important; padding: 6px 12px; align-content: end; }
#sliders :is(.tab-like-container, .min_value, .max_value) { display: none; }
@media (max-width: 640px) {
  .gradio-container > .main { padding: 12px 14px !important; }
  #samples, #sweep, #sweep:has(.gallery-item:nth-child(7):last-child) { --across: 4; }
  #sweep:has(.gallery-item:nth-child(10)) { --across: 5; }
  #strip, #morph-strip { --across: 3; }
  #pinned { --across: 6; }
  #along-strip { --across: 4; }
  #along-strip:has(.gallery-item:nth-child(10):last-child) { --across: 5; }
  :is(#compared-left, #compared-right) { --across: 2; }
  #top { min-height: 0; }
  #figure { flex-basis: 100%; }
  /* the pictures stay while their sliders move */
  :is(#pair, #explored) { position: sticky; top: 0; z-index: 45; padding: 6px 0; background: var(--body-background-fill); }
  #sketch-canvas [data-testid=block-label] { opacity: 0; }
  :is(#sketch-canvas, #repair-canvas) { height: 420px !important; }
  #sketched { height: 340px !important; }
  /* or the four tabs widen the page */
  .tab-container button { padding: 0 5px !important; font-size: min(13.5px, 3.5vw); }
}
"""
CSS += "".join(path.read_text("utf-8") for path in sorted((Path(__file__).parent / "assets").glob("*.css")))

HEAD = f"<script>{(Path(__file__).parent / 'assets' / 'page.js').read_text('utf-8')}</script>"
# Rules that Gradio would keep from its own parts. The footer has one link, and nothing to divide it from. Messages have
# an icon; their title would be "Info" or "Warning" in every language.
HEAD += "<style>footer .divider { display: none !important } .toast-title { font-size: 0 !important }</style>"

OF_GENERATORS = ("model", "about-generator", "card-generator")


def showing_only(asks: dict[str, tuple[str, ...] | None]) -> str:
    """CSS that shows in each tab only the shared controls that it asks for, by their elem_ids. With None the tab also
    hides the choice of the model and its description. The page's body has the name of the open tab (none before the
    first one is drawn) and the names of the tabs that the model does not serve."""
    controls = {control for asked in asks.values() for control in asked or ()}
    rules, first = [], next(iter(asks))
    for name, asked in asks.items():
        hidden = controls - set(asked or ()) | (set(OF_GENERATORS) if asked is None else set())
        body = f"body:is([data-tab={name}], :not([data-tab]))" if name == first else f"body[data-tab={name}]"
        if hidden:
            rules.append(f"{body} :is({', '.join(f'#{elem_id}' for elem_id in sorted(hidden))}) {{ display: none; }}\n")
        rules.append(f"body[data-unserved~={name}] [role=tab][data-tab-id={name}] {{ display: none; }}\n")
    return "".join(rules)


# Options of a gallery that only shows pictures.
PLAIN = {
    "interactive": False,
    "allow_preview": False,
    "show_label": False,
    "container": False,
    "buttons": [],
    "object_fit": "contain",
    "elem_classes": "pictures",
    "height": "auto",
}
# One whose pictures open by a click.
OPENS = PLAIN | {"elem_classes": "pictures opens"}
TILE, LARGE = 128, 256  # pixels of a picture in the file; the page scales it
STRIP, FRAMES = 9, 96  # pictures of a strip, frames of a video
