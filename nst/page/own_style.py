"""A painting of the visitor's own as the style ("Your painting"): predicted at once, or learned in half a minute."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
from gradio.events import Dependency

import nst
from nst.feedforward.styles import Style
from nst.jobs import Emit, Job, Stopping
from nst.page.pictures import SOURCES, Choice, Palette, Picker, PictureInput, Upload
from nst.page.refusals import answers, refusal
from nst.page.texts import localized, say, t
from nst.page.visitors import file_name, visitor

SECONDS = 30  # of learning
BETWEEN_PICTURES = 6.0  # seconds of learning between pictures painted with the style so far
SUFFIX = ".nst"
CONCURRENCY = {"concurrency_id": "learn", "concurrency_limit": 1}
GLANCES = 2  # predictions at the same time

Own = dict[str, Any] | None
"""A style of the visitor's own, and a word that changes with it: gradio compares what it can read."""


def owned(style: Style, step: int = 0) -> Own:
    """``style`` as the page's state holds it, after so many steps of learning."""
    return {"word": f"{style.id} {step}", "style": style, "step": step}


@answers
def choose(painting: Upload | None, request: gr.Request) -> tuple[Any, ...]:
    """Predict the style of a painting, and offer what can be done with it: (own style, status, learn, file)."""
    here, token = visitor(request), object()
    here.learner = token
    if painting is None:
        return None, "", gr.Button(interactive=False), gr.DownloadButton(interactive=False)
    here.glanced.clear()
    try:
        style = nst.style_of(painting.open())
    finally:
        here.glanced.set()
    # A shipped style chosen meanwhile is not replaced by this one.
    own = owned(style) if here.learner is token else gr.skip()
    return own, say(request, "own_chosen"), gr.Button(interactive=True), offered(style, request)


@answers
def bring(file: str, request: gr.Request) -> tuple[Any, ...]:
    """Load a style from a file: (own style, status, painting, learn, download)."""
    style = nst.open_style(file)
    visitor(request).learner = None
    told = say(request, "own_brought", title=html.escape(style.title))
    return owned(style), told, None, gr.Button(interactive=False), offered(style, request)


def offered(style: Style, request: gr.Request) -> gr.DownloadButton:
    """A download button for the style's file."""
    file = visitor(request).new_result("style") / f"{file_name(style.title, 'style')}{SUFFIX}"
    style.save(file)
    return gr.DownloadButton(value=str(file), interactive=True)


def work(painting: nst.Picture) -> Callable[[Emit[nst.Lesson], Stopping], None]:
    """The work of a ``Job`` that learns a painting's style."""

    def learn(emit: Emit[nst.Lesson], stopping: Stopping) -> None:
        for lesson in nst.learn_style(painting, SECONDS):
            emit(lesson)

    return learn


@answers
def learn(painting: Upload | None, request: gr.Request) -> Iterator[tuple[Any, ...]]:
    """Learn the painting's style, and paint with it from time to time: (own style, status, file, learn, stop)."""
    if painting is None:
        raise refusal(request, "no_painting")
    here, same, shown, last = visitor(request), gr.skip(), 0.0, None
    working = gr.Button(visible=False), gr.Button(visible=True)
    job, token = Job(work(painting.open())), object()
    here.learner = token
    with here.working(job, "learn"):
        yield same, say(request, "learning_begins"), same, *working
        for lesson in job:
            if here.gone:
                return
            if lesson is None or lesson.step == 0:
                # A disconnected client is noticed only at a yield.
                waits = lesson is None and last is None
                yield same, say(request, "learning_waits") if waits else same, same, same, same
                continue
            last, own = lesson, same
            # A style chosen meanwhile is not replaced by this one.
            if lesson.seconds - shown > BETWEEN_PICTURES and here.learner is token:
                shown, own = lesson.seconds, owned(lesson.style, lesson.step)
            left = localized(request, f"{max(0.0, lesson.whole - lesson.seconds):.0f}")
            yield own, say(request, "learning", step=lesson.step, left=left), same, same, same
    if here.gone:
        return
    idle = gr.Button(visible=True), gr.Button(visible=False)
    if last is None:
        yield same, "", same, *idle
        return
    told = say(request, "learned", steps=last.step)
    yield owned(last.style, last.step) if here.learner is token else same, told, offered(last.style, request), *idle


def stop(request: gr.Request) -> None:
    """Stop learning, and keep what was learned."""
    visitor(request).stop("learn")


def failed() -> tuple[gr.Button, gr.Button, str]:
    """Restore the buttons after learning failed: (learn, stop, status)."""
    return gr.Button(visible=True), gr.Button(visible=False), ""


def leave(request: gr.Request) -> None:
    """Stop painting with the style that is being learned, as a shipped style was chosen."""
    visitor(request).learner = None


def build(
    style: Palette, drawn: list[Choice], pick: Callable[..., Any]
) -> tuple[gr.State, PictureInput, list[Dependency]]:
    """Create the components in the current context. Returns the state with the visitor's own style (None if a shipped
    style is chosen), the input for its painting, and the events that replace the style."""
    own = gr.State(None)
    with gr.Accordion(t("own_style"), open=False, elem_id="own-style"):
        gr.Markdown(t("own_style_lead"), elem_classes="hint")
        painting = PictureInput(
            label=t("painting"), type="filepath", image_mode=None, height=220, sources=SOURCES, buttons=[],
            elem_id="own-painting",
        )  # fmt: skip
        gr.Markdown(t("own_drawn"), elem_classes="hint")
        drawing = Picker(drawn, elem_id="own-drawings", elem_classes="small-picks")
        status = gr.HTML(elem_id="own-status", elem_classes="status")
        with gr.Row():
            learning = gr.Button(t("learn"), interactive=False, elem_id="own-learn", min_width=130)
            halt = gr.Button(t("stop"), variant="stop", visible=False, elem_id="own-stop", min_width=130)
            file = gr.DownloadButton(t("style_file"), interactive=False, elem_id="own-file", min_width=130)
            brought = gr.UploadButton(t("style_bring"), file_types=[SUFFIX], elem_id="own-bring", min_width=130)
    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    glance = {"concurrency_limit": GLANCES, **quiet}

    def draw(name: str, request: gr.Request) -> str:
        visitor(request).glanced.clear()  # until ``choose`` has predicted its style
        return pick(name, request)

    picked = drawing.input(draw, drawing, painting, queue=False, **quiet)
    others = [picked.success(choose, painting, [own, status, learning, file], **glance)]
    others.append(painting.input(choose, painting, [own, status, learning, file], **glance))
    others.append(brought.upload(bring, brought, [own, status, painting, learning, file], **glance))
    lessons = learning.click(learn, painting, [own, status, file, learning, halt], **CONCURRENCY, **quiet)
    halt.click(stop, None, None, queue=False, **quiet)
    lessons.failure(failed, None, [learning, halt, status], queue=False, **quiet)
    style.input(leave, None, own, concurrency_limit=None, **quiet)
    return own, painting, others
