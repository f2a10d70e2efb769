"""Event handlers of the full method ("Keep painting"), from the first click to continuing from its result."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import gradio as gr

import nst
from nst.backbones.at_hand import usual
from nst.drawings import DRAWINGS
from nst.images import with_alpha
from nst.jobs import Job
from nst.page import fast_events, progress, region_inputs, resuming
from nst.page.inputs import Given, Inputs, Updates
from nst.page.job import Download, Preview, work
from nst.page.own_style import owned
from nst.page.pictures import Previews, Upload, beside, downloads, show
from nst.page.refusals import answers, refusal
from nst.page.texts import duration, say, t
from nst.page.visitors import MAX_WAITING, Visitor, ahead_of, file_name, visitor
from nst.requests import FAST, FullRequest

GLANCE = 10.0  # seconds; the longest wait for the predicted style of a painting
CONCURRENCY = {"concurrency_id": "optimize", "concurrency_limit": 1}


def pick_painting(name: str, request: gr.Request) -> str:
    """The file of a painting drawn by this program, for the visitor."""
    file = visitor(request).example(f"{name}.png")
    nst.save_image(DRAWINGS[name](), file)
    return str(file)


class OptimizeEvents:
    """The event handlers."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs, self.parts = inputs, inputs.parts

    @property
    def asked(self) -> set[Any]:
        """The components that say what to paint."""
        return {*self.inputs.full, self.parts.key}

    @property
    def told(self) -> list[Any]:
        """The components that a run updates."""
        p = self.parts
        files = [p.png, p.jpeg, p.both, p.drawing]
        return [p.key, p.how, p.result, p.status, p.curves, *files, p.keep, p.leave, p.stop, p.again, *self.ways_on]

    @property
    def put_back(self) -> list[Any]:
        """The components that are restored from an interrupted run."""
        p = self.parts
        beside = [p.second, p.share, p.editor, p.from_fast, p.original, p.strength]
        return [p.photo, p.style, p.own, p.own_painting, *beside, *p.knobs.values()]

    @property
    def ways_on(self) -> list[Any]:
        """The buttons that continue from what there is."""
        return [self.parts.left, *self.parts.wishes.values()]

    # Before the run

    @answers
    def begin(self, given: Given, request: gr.Request) -> Updates:
        """Line up with a new key. Reports at once what is missing, which settings do not go together, or how long the
        line is."""
        p, here = self.parts, visitor(request)
        # A painting given a moment ago is the one that is meant; the run reads all inputs again after this.
        here.glanced.wait(GLANCE)
        self.inputs.settings(given)
        self.inputs.source(given, request)
        how = usual() if given[p.how] == FAST else given[p.how]
        told = {p.key: resuming.new_key(), p.how: how} | self.line_up(request)
        here.subject = None
        return told

    @answers
    def begin_rest(self, given: Given, request: gr.Request) -> Updates:
        """Line up to resume an interrupted run, and restore its pictures and settings on the page."""
        p = self.parts
        if (order := resuming.find(given[p.key])) is None:
            raise refusal(request, "nothing_unfinished")
        told, here, pictures = self.line_up(request), visitor(request), {}
        shown = {"photo": order.photo, "second": order.beside.second}
        if not order.style:
            shown["own_painting"] = order.painting
        for place, picture in shown.items():
            if picture is not None:
                # Copies for this visitor, under their original names: the kept files will be deleted.
                file = here.example(f"{place}/{file_name(picture.name)}.png")
                nst.save_image(with_alpha(picture.image, picture.alpha), file)
                pictures[place] = str(file)
        drawn, settings = order.beside.places, order.settings
        here.drawn_on = drawn and (pictures["photo"], drawn)
        told |= {p.photo: pictures["photo"], p.own_painting: pictures.get("own_painting")}
        told |= {p.second: pictures.get("second"), p.share: order.beside.share}
        told |= {p.editor: region_inputs.canvas(Upload(pictures["photo"], None), drawn)}
        told |= {p.own: None if order.style else owned(nst.style_of(order.painting))}
        told |= {p.style: json.dumps(order.style or given[p.style]), p.from_fast: bool(order.fast_style)}
        return told | self.inputs.turned_to(settings)

    @answers
    def begin_again(self, request: gr.Request) -> Updates:
        """Line up to continue from a result, with a new key."""
        return {self.parts.key: resuming.new_key()} | self.line_up(request)

    def line_up(self, request: gr.Request) -> Updates:
        """Join the end of the line: updates the buttons and the status, and disables the downloads."""
        p, here = self.parts, visitor(request)
        if (ahead := ahead_of(here)) > MAX_WAITING:
            raise refusal(request, "crowded")
        here.lined_up, here.subject = here.take_turn(), ()
        here.waiting = True
        words = say(request, "waiting", ahead=ahead) if ahead else say(request, "starting")
        closed = gr.DownloadButton(interactive=False)
        told = {p.status: progress.bar(words), p.curves: "", p.png: closed, p.jpeg: closed, p.both: closed}
        told |= {p.drawing: gr.DownloadButton(visible=False)}
        return told | self.buttons(leave=True) | dict.fromkeys(self.ways_on, gr.Button(visible=False))

    # The run

    @answers
    def paint(self, given: Given, request: gr.Request) -> Iterator[Updates]:
        """Run the full method."""
        visitor(request).subject = self.inputs.subject(given)
        yield from self.run(request, given[self.parts.key], self.inputs.full_request(given, request))

    @answers
    def paint_rest(self, key: str, request: gr.Request) -> Iterator[Updates]:
        """Run what is left of an interrupted run."""
        if (order := resuming.find(key)) is None:
            visitor(request).waiting = False
            raise refusal(request, "nothing_unfinished")
        yield from self.run(request, key, order)

    @answers
    def paint_again(self, key: str, wish: str, request: gr.Request) -> Iterator[Updates]:
        """Continue from the last result, as ``wish`` says."""
        here = visitor(request)
        if here.painted is None:
            here.waiting = False
            raise refusal(request, "nothing_painted")
        order, result = here.painted
        yield from self.run(request, key, order.again(wish, result))

    def run(self, request: gr.Request, key: str, order: FullRequest) -> Iterator[Updates]:
        """Paint an order, and keep its progress for resuming."""
        here = visitor(request)
        here.waiting = False
        if here.turn != here.lined_up:  # another photo or style was chosen while this one waited
            yield {self.parts.curves: gr.skip()}
            return
        job = Job(work(order))
        with here.working(job), resuming.Keeper(key, order) as keeper:
            yield self.buttons(stop=True)
            yield from self.follow(request, here, job, order, keeper)

    def follow(
        self, request: gr.Request, here: Visitor, job: Job, order: FullRequest, keeper: resuming.Keeper
    ) -> Iterator[Updates]:
        """Turn the job's news into updates of the page, and at the end into files."""
        p, turn = self.parts, here.turn
        nothing = {p.curves: gr.skip()}
        folder = here.new_result("optimize")
        grown = Previews(folder)
        before, last = show(nst.images.fit(order.photo.image, order.settings.size), folder, "before"), None
        for news in job:
            if here.gone:
                return
            if isinstance(news, Preview):
                last = news
            if here.turn != turn:
                continue  # what it still paints is kept, but not shown
            if isinstance(news, Download):
                yield {p.status: progress.download(request, news)}
            elif isinstance(news, Preview):
                here.keeps = True
                pair = (before, grown.show(news.image, news.step))
                curves = progress.curves(request, news.curve)
                yield {p.result: pair, p.status: progress.standing(request, news), p.curves: curves}
                keeper.keep(news)
            else:
                yield nothing
        if last is not None and last.step < last.steps:
            keeper.keep(last, now=True)
        elif last is not None:
            keeper.finish()
        if here.turn != turn:
            yield nothing
        elif last is None:
            yield {p.status: progress.bar(say(request, "stopped_early"), 0)}
        else:
            yield from self.finished(request, here, order, keeper, last)

    def finished(
        self, request: gr.Request, here: Visitor, order: FullRequest, keeper: resuming.Keeper, last: Preview
    ) -> Iterator[Updates]:
        """Show the final status, and write the files."""
        p, turn = self.parts, here.turn
        words = {"step": last.step, "steps": last.steps, "time": duration(request, last.seconds), "device": last.device}
        sentence = say(request, "stopped" if last.step < last.steps else "finished", **words)
        yield {p.status: progress.bar(sentence, last.step / last.steps) + progress.notes(last)}
        here.painted = (keeper.order, last.image)
        folder = here.new_result("files")
        recipe = order.recipe() | {"step": last.step}
        files = downloads(last.image, folder, file_name(order.photo.name, "painted"), recipe)
        both = beside(order.photo.image, last.image, folder, file_name(order.photo.name, "both"))
        drawn = None
        if order.beside.places is not None:
            drawn = folder / f"{file_name(order.photo.name, 'places')}.png"
            nst.save_image(order.beside.places, drawn)
        drawn = gr.DownloadButton(value=drawn, visible=drawn is not None)
        if here.turn == turn:
            whole = {p.png: fast_events.ready(files[0]), p.jpeg: fast_events.ready(files[1])}
            yield whole | {p.both: fast_events.ready(both), p.drawing: drawn}

    # After the run

    def stop(self, request: gr.Request) -> None:
        """Stop painting; the run itself still delivers the picture so far."""
        here = visitor(request)
        here.stop()
        if here.fast is not None:
            here.fast.set()

    def buttons(self, leave: bool = False, stop: bool = False) -> Updates:
        """Show the buttons of a run instead of those that start one."""
        p, here = self.parts, gr.Button(visible=False)
        return {p.keep: here, p.again: here, p.leave: gr.Button(visible=leave), p.stop: gr.Button(visible=stop)}

    def ways(self, key: str, request: gr.Request) -> Updates:
        """Show how this visitor can continue: with what is left of a run, or from the result that is shown."""
        p, here = self.parts, visitor(request)
        if here.busy:
            return dict.fromkeys(self.ways_on, gr.Button(visible=False))
        order = resuming.find(key)
        words = order and say(request, "go_on", step=order.after + 1, steps=order.settings.total_steps)
        painted = here.painted[0] if here.painted is not None and here.keeps else None
        there = dict.fromkeys(p.wishes, painted is not None)
        there["finish"] = painted is not None and painted.settings.schedule.fine.shipped
        told = {p.wishes[wish]: gr.Button(visible=visible) for wish, visible in there.items()}
        return told | {p.left: gr.Button(words or "", visible=bool(words))}

    def rest(self, key: str, request: gr.Request) -> Updates:
        """Get ready for the next run, however this one ended."""
        p, here = self.parts, visitor(request)
        here.waiting = False
        keep = gr.Button(t("paint" if here.keeps else "keep"), visible=True)
        told = self.buttons() | {p.keep: keep, p.again: gr.Button(visible=not here.keeps)}
        return told | self.ways(key, request)

    def fail(self, key: str, request: gr.Request) -> Updates:
        """Restore the page after an error, whose message has been shown."""
        return self.rest(key, request) | {self.parts.status: ""}

    def leave_line(self, key: str, request: gr.Request) -> Updates:
        """Leave the line."""
        return self.rest(key, request) | {self.parts.status: progress.bar(say(request, "stopped_early"), 0)}
