"""The tab *Photo look*: a photo takes the colors and the light of another one, and stays a photograph."""

from __future__ import annotations

import html
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import gradio as gr

from nst import device
from nst.jobs import Job
from nst.page import look_regions, progress
from nst.page.fast_events import ready
from nst.page.inputs import Given, Updates
from nst.page.job import Download
from nst.page.look_job import ONCE, TO_APPLY, Look, work
from nst.page.photos import photo_choices, pick_photo
from nst.page.pictures import SOURCES, Picker, PictureInput, Previews, beside, downloads, show
from nst.page.refusals import answers, refusal
from nst.page.texts import duration, say, t
from nst.page.visitors import MAX_WAITING, Visitor, ahead_of, file_name, visitor
from nst.photolook.settings import LOOK_KNOBS, LookSettings

CHOICES = {ONCE: "choice_fast", "quick": "choice_student", "full": "choice_vgg19"}  # texts of the ways
KNOBS = ("strength", "regions", "photorealism")

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


def build() -> None:
    """Create the components in the current context, and attach their event handlers."""
    p = SimpleNamespace(knobs={})
    with gr.Row(elem_classes="work", elem_id="look-work"):
        with gr.Column(scale=5, min_width=300, elem_classes="make"):
            with gr.Column(elem_classes="pick-photo"):
                gr.Markdown(t("look_lead"), elem_classes="hint")
                p.photo = _input("your_photo", "look-photo")
                p.example = Picker(photo_choices(), elem_id="look-examples", elem_classes="small-picks")
                p.reference = _input("look_reference", "look-reference")
            with gr.Column(elem_classes="turn"):
                p.knobs["strength"] = _slider("strength")
                with gr.Accordion(t("more_knobs"), open=False, elem_id="look-more"):
                    p.knobs["photorealism"], p.knobs["regions"] = _slider("photorealism"), _slider("regions")
                    p.matched = look_regions.build()
                    gr.Markdown(t("look_masks_help"), elem_classes="hint")
                    p.masks = _input("look_mask", "look-mask")
                    p.reference_masks = _input("look_other", "look-other")
        with gr.Column(scale=7, min_width=300, elem_classes="see", elem_id="look-see"):
            # Visible with its first picture: empty, it has a label that screen readers cannot use.
            p.result = gr.ImageSlider(
                label=t("before_after"), buttons=["fullscreen"], interactive=False, max_height=470, format="jpeg",
                elem_id="look-result",
            )  # fmt: skip
            p.status = gr.HTML(elem_id="look-status", elem_classes="status")
            ways = [(t(words), how) for how, words in CHOICES.items()]
            p.how = gr.Radio(ways, value=ONCE, label=t("how"), elem_id="look-how")
            with gr.Row(elem_classes="downloads"):
                p.go = gr.Button(t("look_go"), variant="primary", elem_id="look-go", min_width=150)
                p.stop = gr.Button(t("stop"), variant="stop", visible=False, elem_id="look-stop", min_width=150)
            with gr.Row(elem_classes="downloads"):
                p.png = gr.DownloadButton(t("png"), interactive=False, elem_id="look-png", min_width=130)
                p.jpeg = gr.DownloadButton(t("jpeg"), interactive=False, elem_id="look-jpeg", min_width=130)
                p.both = gr.DownloadButton(t("pair"), interactive=False, elem_id="look-both", min_width=130)
    events = LookEvents(p)
    runs = {"inputs": events.asked, "outputs": events.told, "concurrency_limit": None, **QUIET}
    picked = p.example.input(pick_photo, p.example, p.photo, queue=False, **QUIET)
    p.go.click(events.run, **runs)
    gr.on([p.photo.input, p.reference.input], events.given, trigger_mode="multiple", **runs)
    picked.success(events.given, trigger_mode="multiple", **runs)
    gr.on([p.how.input, *(part.release for part in p.knobs.values())], events.turned, trigger_mode="multiple", **runs)
    for changed in look_regions.wired(p.matched, p.photo, p.reference, p.knobs["regions"]):
        changed.success(events.turned, trigger_mode="multiple", **runs)
    p.stop.click(events.stop, None, None, queue=False, **QUIET)


def _input(words: str, name: str) -> PictureInput:
    return PictureInput(
        label=t(words), type="filepath", image_mode=None, height=200, sources=SOURCES, buttons=[], elem_id=name
    )


def _slider(name: str) -> gr.Slider:
    spec = LOOK_KNOBS[name]
    words = {"label": t(f"look_{name}"), "info": t(f"look_{name}_help"), "elem_id": f"look-{name}"}
    return gr.Slider(spec.low, spec.high, spec.default, step=spec.step, **words)


class LookEvents:
    """The event handlers."""

    def __init__(self, parts: SimpleNamespace) -> None:
        self.parts = parts

    @property
    def asked(self) -> set[Any]:
        """The components it reads."""
        p = self.parts
        return {p.photo, p.reference, p.how, p.masks, p.reference_masks, p.matched.state, *p.knobs.values()}

    @property
    def told(self) -> list[Any]:
        """The components it updates."""
        p = self.parts
        return [p.result, p.status, p.go, p.stop, p.png, p.jpeg, p.both]

    @answers
    def given(self, given: Given, request: gr.Request) -> Iterator[Updates]:
        """Show the look at once as soon as both photos are there."""
        p = self.parts
        if given[p.photo] is None or given[p.reference] is None:
            yield {p.status: gr.skip()}
        else:
            yield from self._run(given | {p.how: ONCE}, request)

    @answers
    def turned(self, given: Given, request: gr.Request) -> Iterator[Updates]:
        """Show the look again after a knob changed, if that takes no longer than at once."""
        p = self.parts
        if given[p.photo] is None or given[p.reference] is None or given[p.how] != ONCE:
            yield {p.status: gr.skip()}
        else:
            yield from self._run(given, request)

    @answers
    def run(self, given: Given, request: gr.Request) -> Iterator[Updates]:
        """Find the look, the chosen way."""
        yield from self._run(given, request)

    def _run(self, given: Given, request: gr.Request) -> Iterator[Updates]:
        p, here = self.parts, visitor(request)
        if given[p.photo] is None or given[p.reference] is None:
            raise refusal(request, "look_needs")
        # A painting of this visitor's own is ahead of the look, too.
        if (ahead := ahead_of(here) + here.busy) > MAX_WAITING:
            raise refusal(request, "look_crowded")
        settings = LookSettings.from_dict({"how": given[p.how]} | {name: given[p.knobs[name]] for name in KNOBS})
        names = ("photo", "reference", "masks", "reference_masks")
        uploads = {name: upload for name in names if (upload := given[getattr(p, name)]) is not None}
        opened: dict[str, Any] = {}
        matched = look_regions.matched_of(given[p.matched.state], given[p.photo], given[p.reference])
        by_hand = matched.masks() if matched and not uploads.keys() & {"masks", "reference_masks"} else {}

        def wanted() -> bool:
            return not here.gone and here.doing(job, "look")

        def opening() -> dict[str, Any]:
            opened.update({name: upload.open() for name, upload in uploads.items()} | by_hand)
            return opened

        here.stop("look")
        job: Job[Any] = Job(work(opening, settings, wanted), grace=TO_APPLY)
        with here.working(job, "look"):
            words = say(request, "look_waiting", ahead=ahead) if ahead else say(request, "starting")
            closed, no_stop = gr.DownloadButton(interactive=False), gr.Button(visible=False)
            stops = gr.Button(visible=device.spaces is None and (settings.how != ONCE or ahead > 0))
            yield {p.status: progress.bar(words), p.stop: stops, p.png: closed, p.jpeg: closed, p.both: closed}
            try:
                yield from self._follow(request, here, job, opened)
            except Exception:
                if wanted():
                    yield {p.status: "", p.stop: no_stop}
                raise
            if wanted():
                yield {p.stop: no_stop}

    def _follow(self, request: gr.Request, here: Visitor, job: Job, opened: dict[str, Any]) -> Iterator[Updates]:
        """Turn the job's news into updates of the page, and the result into files."""
        p, folder, last = self.parts, here.new_result("look"), None
        before, grown = "", Previews(folder)
        for news in job:
            if here.gone or not here.doing(job, "look"):
                return  # another one has begun
            if isinstance(news, Download):
                yield {p.status: progress.download(request, news)}
            elif isinstance(news, Look):
                last, before = news, before or show(opened["photo"].image, folder, "before")
                # Of its own name: the last preview may have the same step.
                after = show(news.image, folder, "after") if news.done else grown.show(news.image, news.step)
                yield {p.result: (before, after), p.status: _told(request, news)}
            else:
                yield {p.status: gr.skip()}
        if here.gone or not here.doing(job, "look"):
            return
        if last is None or not last.done:
            yield {p.status: progress.bar(say(request, "look_stopped"), 0)}
            return
        photo = opened["photo"]
        name = file_name(photo.name, "look")
        files = downloads(last.image, folder, name, dict(last.image.info["recipe"]))
        both = beside(photo.image, last.image, folder, f"{name}-both")
        if here.doing(job, "look"):
            yield {p.png: ready(files[0]), p.jpeg: ready(files[1]), p.both: ready(both)}

    def stop(self, request: gr.Request) -> None:
        """End the run; it still delivers its best so far."""
        visitor(request).stop("look")


def _told(request: gr.Request, news: Look) -> str:
    """The progress of a run, or the end of it, and its notes."""
    if news.done:
        words = say(request, "look_done", time=duration(request, news.seconds), device=news.device)
        if news.step < news.steps:
            words = say(request, "stopped", step=news.step, steps=news.steps)
        told = f"<p>{html.escape(words)}</p>"
    else:
        told = progress.bar(say(request, "step", step=news.step, steps=news.steps), news.step / max(1, news.steps))
    return told + "".join(f'<p class="note">{html.escape(note)}</p>' for note in dict.fromkeys(news.notes))
