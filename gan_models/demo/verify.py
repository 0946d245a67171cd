"""The tab that says whether a picture was generated: what is written inside of it, and what the detector thinks."""

import html

import gradio as gr

from .. import detection, photos, verification
from . import reading, speaking, words
from .models import Models
from .page import Page
from .previews import preview
from .shared import Shared

TITLE = words.VERIFY
KINDS = [".png", ".jpg", ".jpeg", ".webp", ".mp4", ".heic", ".avif", ".tif", ".tiff", ".gif", ".bmp"]


def there(models: Models) -> bool:
    return True


def tab(page: Page, models: Models, shared: Shared | None) -> None:
    gr.Markdown(words.VERIFY_NOTE, elem_id="verify-note")
    if detection.is_bundled():
        gr.Markdown(words.DETECTOR_NOTE, elem_id="detector-note")
    with gr.Row():
        with gr.Column(min_width=240, scale=1):
            upload = page.reads(
                gr.File(label=words.TO_VERIFY, file_types=KINDS, height=180, elem_id="verify-file", buttons=[]),
                reading.anything,
            )
            looked_at = gr.Image(
                label=words.PHOTO, interactive=False, height=320, elem_id="verify-picture", buttons=[], visible=False
            )
        with gr.Column(min_width=280, scale=2):
            told = gr.HTML(elem_id="verdict")

    def verify(visit, sent):
        """The file that came is gone afterwards; what is shown is a smaller copy of it."""
        if not sent:
            return None
        content = page.uploads.take(sent)
        verdict = verification.verify(content)
        changes = {upload: None, told: as_html(verdict), looked_at: gr.Image(value=None, visible=False)}
        if not verdict.film:
            small = preview(photos.open_photo(content, least=1))
            changes[looked_at] = gr.Image(value=str(visit.photos.pictures("verify", [small])[0]), visible=True)
        return changes

    page.on(upload.upload, verify, [upload], [upload, looked_at, told], spinner=told)


def as_html(verdict: verification.Verdict) -> str:
    """The verdict in the language of whoever asks. What a stranger wrote into the file is shown as the letters that it
    is."""
    parts = [f"<h3>{_said(words.WRITTEN_INSIDE)}</h3>", *(f"<p>{_said(one)}</p>" for one in written(verdict))]
    parts += [f"<h3>{_said(words.DETECTOR_THINKS)}</h3>"]
    opinion = verdict.opinion
    if opinion is None:
        return "".join([*parts, f"<p>{_said(words.NO_OPINION if detection.is_bundled() else words.NO_DETECTOR)}</p>"])
    looks = words.LOOKS_GENERATED if opinion.suspicious else words.LOOKS_REAL
    parts += [f"<p><strong>{_said(looks)}</strong></p>", f"<p>{_said(words.DETECTOR_LIMITS)}</p>"]
    kinds = "".join(f'<th scope="col">{_said(words.DAMAGED[kind])}</th>' for kind in detection.DAMAGES)
    rows = [
        f'<tr><th scope="row">{_said(words.RATES[name])}</th>'
        + "".join(f"<td>{rates[kind]:.1%}</td>" for kind in detection.DAMAGES)
        + "</tr>"
        for name, rates in opinion.rates._asdict().items()
        if rates
    ]
    return "".join(
        [*parts, f"<table><caption>{_said(words.HOW_OFTEN)}</caption>", f"<tr><td></td>{kinds}</tr>", *rows, "</table>"]
    )


def written(verdict: verification.Verdict) -> list[str]:
    """What is written inside, in sentences."""
    told, mark = [], verdict.mark
    if mark:
        edited = verdict.said == verification.EDITED
        told.append(words.changed_by(mark.model) if edited else words.drawn_by(mark.model))
        if mark.edits:
            told.append(words.edits_of(", ".join(f"{name} {value:+.2g}" for name, value in mark.edits.items())))
    elif verdict.said:
        told.append(words.SAYS[verdict.said])
    else:
        told.append(words.BROKEN_INSIDE if verdict.broken else words.NOTHING_INSIDE)
    signed = verdict.credentials
    if signed:
        told.append(words.signed_by(signed.signer) if signed.valid else words.SIGNED_ANOTHER)
    return told


def _said(sentence: str) -> str:
    return html.escape(speaking.say(sentence))
