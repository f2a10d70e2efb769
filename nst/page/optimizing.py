"""What the Optimize tab's buttons do: begin, paint, stop, go on. ``optimize_tab.py`` has the buttons."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import gradio as gr

import nst
from nst.drawings import DRAWINGS
from nst.images import with_alpha
from nst.jobs import Job
from nst.judges import usual
from nst.page import places, unfinished, watching
from nst.page.answers import answers, refusal
from nst.page.painting import WISHES, Download, Order, Preview, fingerprint, work
from nst.page.pictures import Previews, Upload, downloads, show
from nst.page.texts import duration, say
from nst.page.visitors import MAX_WAITING, Visitor, ahead_of, file_name, visitor
from nst.settings import KNOBS, PRESETS, Settings


def pick_painting(name: str, request: gr.Request) -> str:
    """One of the paintings that this program draws."""
    file = visitor(request).example(f"{name}.png")
    nst.save_image(DRAWINGS[name](), file)
    return str(file)


def buttons(paint: bool = False, leave: bool = False, stop: bool = False) -> tuple[gr.Button, ...]:
    """Which of the three buttons is there: one at a time."""
    return tuple(gr.Button(visible=visible) for visible in (paint, leave, stop))


@answers
def begin(photo: Upload | None, painting: Upload | None, request: gr.Request, *values: Any) -> tuple[Any, ...]:
    """Before the queue: a new key for what comes; says at once what is missing, what settings do not go together, or
    how long the line is."""
    if photo is None:
        raise refusal(request, "no_photo")
    if painting is None:
        raise refusal(request, "no_painting")
    Settings.from_dict(dict(zip(KNOBS, values, strict=True)))
    return unfinished.new_key(), *line_up(request)


def line_up(request: gr.Request) -> tuple[Any, ...]:
    """To the end of the line: the buttons, what is said, and no downloads."""
    here = visitor(request)
    if (ahead := ahead_of(here)) > MAX_WAITING:
        raise refusal(request, "crowded")
    here.waiting = True
    words = say(request, "waiting", ahead=ahead) if ahead else say(request, "starting")
    closed, none = gr.DownloadButton(interactive=False), gr.DownloadButton(visible=False)
    return *buttons(leave=True), *going_on(), watching.bar(words), "", closed, closed, none


@answers
def paint(
    key: str,
    photo: Upload,
    painting: Upload,
    from_fast: bool,
    fast_style: dict[str, float],
    second: Upload | None,
    share: float,
    editor: dict[str, Any] | None,
    request: gr.Request,
    *values: Any,
) -> Iterator[tuple[Any, ...]]:
    """The run: each message goes to (picture, status, curves, PNG, JPEG, places, three buttons)."""
    visitor(request).waiting = False
    settings = Settings.from_dict(dict(zip(KNOBS, values, strict=True)))
    order = Order(photo.open(), painting.open(), settings, fast_style if from_fast else None)
    yield from run(request, key, replace(order, beside=places.gathered(second, share, editor)))


@answers
def paint_rest(key: str, request: gr.Request) -> Iterator[tuple[Any, ...]]:
    """What an interrupted run has left to do."""
    visitor(request).waiting = False
    if (order := unfinished.find(key)) is None:
        raise refusal(request, "nothing_unfinished")
    yield from run(request, key, order)


@answers
def paint_again(key: str, wish: str, request: gr.Request) -> Iterator[tuple[Any, ...]]:
    """On from the last result, as wished."""
    here = visitor(request)
    here.waiting = False
    if here.painted is None:
        raise refusal(request, "nothing_painted")
    order, result = here.painted
    yield from run(request, key, order.again(wish, result))


def run(request: gr.Request, key: str, order: Order) -> Iterator[tuple[Any, ...]]:
    """Paint an order, keeping what it comes to."""
    here, job = visitor(request), Job(work(order))
    with here.working(job), unfinished.Keeper(key, order) as keeper:
        yield *(gr.skip(),) * 6, *buttons(stop=True)
        yield from follow(request, here, job, order, keeper)


def follow(
    request: gr.Request, here: Visitor, job: Job, order: Order, keeper: unfinished.Keeper
) -> Iterator[tuple[Any, ...]]:
    """The job's news as updates of the page, then the finished files."""
    nothing = (gr.skip(),) * 9
    folder = here.new_result("optimize")
    grown = Previews(folder)
    before, last = show(nst.images.fit(order.photo.image, order.settings.size), folder, "before"), None
    for news in job:
        if here.gone:
            return
        if isinstance(news, Download):
            yield gr.skip(), watching.download(request, news), *nothing[2:]
        elif isinstance(news, Preview):
            last = news
            pair = (before, grown.show(news.image, news.step))
            status, curves = watching.standing(request, news), watching.curves(request, news.curve)
            yield pair, status, curves, *nothing[3:]
            keeper.keep(news)
        else:
            yield nothing
    if last is None:
        yield gr.skip(), watching.bar(say(request, "stopped_early"), 0), *nothing[2:]
        return
    if last.step < last.steps:
        keeper.keep(last, now=True)
        sentence = say(request, "stopped", step=last.step, steps=last.steps)
    else:
        keeper.finish()
        sentence = say(request, "finished", steps=last.steps, time=duration(request, last.seconds), device=last.device)
    status = watching.bar(sentence, last.step / last.steps) + watching.notes(last)
    yield gr.skip(), status, gr.skip(), *nothing[3:]
    here.painted = (keeper.order, last.image)
    recipe = order.recipe() | {"step": last.step}
    files = downloads(last.image, folder, file_name(order.photo.name, "painted"), recipe)
    drawn = None
    if order.beside.places is not None:
        drawn = folder / f"{file_name(order.photo.name, 'places')}.png"
        nst.save_image(order.beside.places, drawn)
    drawn = gr.DownloadButton(value=drawn, visible=drawn is not None)
    yield *nothing[:3], *(gr.DownloadButton(value=file, interactive=True) for file in files), drawn, *nothing[6:]


def stop(request: gr.Request) -> None:
    """The painting so far is still delivered, by the run itself."""
    visitor(request).stop()


def going_on(left: str | None = None, painted: Order | None = None) -> tuple[gr.Button, ...]:
    """The ways to go on that there are: with what is left of a run, in these words, and from the result of an order."""
    given = {"finish": painted is not None and painted.settings.network == "student"}
    again = (gr.Button(visible=given.get(wish, painted is not None)) for wish in WISHES)
    return gr.Button(left or "", visible=bool(left)), *again


def ways(key: str, request: gr.Request) -> tuple[gr.Button, ...]:
    """The ways to go on that this visitor has."""
    if visitor(request).busy:
        return going_on()
    order = unfinished.find(key)
    left = order and say(request, "go_on", step=order.after + 1, steps=order.settings.steps)
    painted = visitor(request).painted
    return going_on(left, painted and painted[0])


def rest(key: str, request: gr.Request) -> tuple[gr.Button, ...]:
    """However a run ended: ready for the next one."""
    visitor(request).waiting = False
    return *buttons(paint=True), *ways(key, request)


def fail(key: str, request: gr.Request) -> tuple[Any, ...]:
    """The message has said what went wrong; the page is as before."""
    return *rest(key, request), ""


def leave_line(key: str, request: gr.Request) -> tuple[Any, ...]:
    """The visitor no longer waits for their turn."""
    return *rest(key, request), watching.bar(say(request, "stopped_early"), 0)


@answers
def begin_rest(key: str, fast_style: dict[str, float], request: gr.Request) -> tuple[Any, ...]:
    """Before the queue, to go on with an interrupted run: its pictures and knobs are shown as they were."""
    if (order := unfinished.find(key)) is None:
        raise refusal(request, "nothing_unfinished")
    told, here, pictures = line_up(request), visitor(request), []
    shown = [("photo", order.photo), ("painting", order.painting)]
    if order.beside.second is not None:
        shown.append(("second", order.beside.second))
    for place, picture in shown:
        # Copies of the visitor's own, under the names that they had: what is unfinished will be removed.
        file = here.example(f"{place}/{file_name(picture.name)}.png")
        nst.save_image(with_alpha(picture.image, picture.alpha), file)
        pictures.append(str(file))
    style = json.dumps(order.fast_style or fast_style)
    photo, painting, second = (*pictures, None)[:3]
    here.drawn_on = order.beside.places and (photo, order.beside.places)
    beside = (second, order.beside.share, places.canvas(Upload(photo, None), order.beside.places))
    return *told, photo, painting, bool(order.fast_style), style, *beside, *asdict(order.settings).values()


@answers
def begin_again(request: gr.Request) -> tuple[Any, ...]:
    """Before the queue, to go on from a result; with a new key for what comes."""
    return unfinished.new_key(), *line_up(request)


def first_network(opened: bool) -> tuple[Any, Any, bool]:
    """The network to begin with and its number of steps, for who opens the tab for the first time."""
    if opened:
        return gr.skip(), gr.skip(), True
    begun = Settings().judged_by(usual())
    return begun.network, begun.steps, True


def borrow(here: Upload | None, there: Upload | None) -> Any:
    """The Fast tab's photo, where this tab has none yet."""
    return gr.skip() if here or not there else there.source


def preset(name: str, request: gr.Request) -> tuple[Any, ...]:
    """A preset's source, then the knobs as it sets them; the network that is usual here, where it does not matter to
    the preset."""
    source = html.escape(say(request, f"source_{name}"))
    chosen = PRESETS[name].settings()
    if "network" not in PRESETS[name].values:
        chosen = chosen.judged_by(usual())
    return f"<p>{source}</p>", *asdict(chosen).values()


@answers
def take_settings(
    file: str, painting: Upload | None, fast_style: dict[str, float], second: Upload | None, request: gr.Request
) -> tuple[Any, ...]:
    """From a result that is dropped: what is to be said of it, whether it began with a fast result and in which
    style, the second painting's share, then the knobs."""
    recipe = nst.read_recipe(file)
    settings, notes = Settings.from_recipe(recipe)
    sentences = [say(request, "taken"), *notes]
    for key, chosen in (("painting", painting), ("second", second)):
        try:
            here = chosen and fingerprint(chosen.open())
        except nst.ImageError:
            here = None
        if here != recipe.get(f"{key}_pixels", here):
            sentences.append(say(request, f"other_{key}", name=str(recipe.get(key, "?"))[:80]))
    if recipe.get("places"):
        sentences.append(say(request, "places_again"))
    begun_fast = bool(recipe.get("fast_style"))
    if begun_fast:
        try:
            fast_style = nst.fast.mixture(recipe["fast_style"])
        except nst.SettingsError as error:
            begun_fast = False
            sentences.append(str(error))
    text = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in sentences)
    share = recipe.get("share")
    share = share if isinstance(share, int | float) and 0 <= share <= 1 else gr.skip()
    return text, begun_fast, json.dumps(fast_style), share, *asdict(settings).values()
