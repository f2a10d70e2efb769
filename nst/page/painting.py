"""The full method as a job: fetch the network, paint the start, then optimize; what happens is told step by step."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import gradio as gr
from PIL import Image

import nst
from nst import device, memory, weights
from nst.estimates import foreseen, time_steps
from nst.images import Picture, fit
from nst.jobs import Emit, Stopping, idle
from nst.judges import at_hand, load_judges, usual
from nst.optimize import optimize
from nst.regions import drawn_regions
from nst.settings import FEWEST, KNOBS, PROGRAM, STEPS, Knob, Settings

SECONDS_BETWEEN_PREVIEWS = 0.4
POINTS = 200
LONGEST = 15 * 60  # seconds that a painting may take where a Space's visitors share a processor
MAX_ON_GPU = 120  # seconds a ZeroGPU visit may last
WISHES = ("finish", "more", "less", "finer")  # ways to go on from a result
MORE = 1.6  # times the style weight, when going on from a result
SHARE = Knob("share", 0.5, "Share of the second painting, where it has no place of its own.", 0.0, 1.0, 0.05)
TO_FINISH = 5  # of them, for the last step and the way back

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Download:
    """VGG-19 is on its way: bytes that are here, bytes in all."""

    done: int
    total: int


@dataclass(frozen=True)
class Preview:
    """The painting after a step, and how it came there."""

    image: Any  # PIL.Image at the result's full size
    step: int
    steps: int
    losses: dict[str, float]
    seconds: float
    remaining: float
    notes: tuple[str, ...]
    device: str  # what paints it, for people
    curve: tuple[tuple[int, dict[str, float]], ...]  # (step, losses), at most POINTS of them


News = Download | Preview


@dataclass(frozen=True)
class Beside:
    """What goes into a picture beside the one painting: a second one, its share, and a drawing of what goes where
    (see ``regions.drawn_regions``)."""

    second: Picture | None = None
    share: float = SHARE.default
    places: Image.Image | None = None


@dataclass(frozen=True)
class Order:
    """What is to be painted. With ``fast_style`` it starts from the photo's fast result in that style; with
    ``begun`` from that picture, a result that is gone on from, ``before`` being the settings that made it, first
    to last; with ``unfinished``, from what an interrupted run had painted ``after`` so many steps."""

    photo: Picture
    painting: Picture
    settings: Settings
    fast_style: dict[str, float] | None = None
    begun: Image.Image | None = None
    before: tuple[dict[str, Any], ...] = ()
    unfinished: Picture | None = None
    after: int = 0
    beside: Beside = Beside()

    def again(self, wish: str, result: Image.Image) -> Order:
        """Going on from this order's ``result``, with "more" or "less" style, "finer": larger by half, or to "finish"
        with VGG-19 what the small network has begun."""
        now = self.settings
        before = (*self.before, asdict(now))
        first = Settings.from_dict(before[0])
        # After both networks VGG-19 has had the last word, and keeps it; for a third of the steps of a run of its own.
        network = "vgg19" if now.network == "both" else now.network
        third = first.steps * STEPS[network] / STEPS[first.network] / 3
        changed: dict[str, Any] = {"network": network, "steps": max(FEWEST, int(third)), "scales": 1}
        if wish == "finish":
            changed = asdict(replace(now, steps=first.steps).finishing())
        elif wish == "finer":
            changed["size"] = min(KNOBS["size"].high, round(now.size * 1.5 / 32) * 32)
        else:
            weight = max(0.1, now.style_weight) * MORE if wish == "more" else now.style_weight / MORE
            changed["style_weight"] = round(min(KNOBS["style_weight"].high, weight), 3)
        settings = replace(now, **changed)
        return replace(self, settings=settings, begun=result, before=before, unfinished=None, after=0)

    def kept(self) -> Order:
        """The same, its pictures no larger than any painting needs them: to be kept for longer."""
        second = self.beside.second and kept(self.beside.second)
        beside = replace(self.beside, second=second)
        return replace(self, photo=kept(self.photo), painting=kept(self.painting), beside=beside)

    def paintings(self) -> nst.Picture | list[nst.Region]:
        """What ``nst.optimize`` takes its style from. Raises SettingsError where the drawing asks for what is not."""
        return drawn_regions(self.painting, self.beside.second, self.beside.share, self.beside.places)

    def recipe(self) -> dict[str, Any]:
        """What made the picture, to be saved in its file."""
        made: dict[str, Any] = {"program": PROGRAM, "engine": "optimize", "painting": self.painting.name}
        made["painting_pixels"] = fingerprint(self.painting)
        if self.fast_style:
            made["fast_style"] = nst.fast.mixture(self.fast_style)
        if self.beside.second is not None:
            made |= {"second": self.beside.second.name, "second_pixels": fingerprint(self.beside.second)}
            made["share"] = self.beside.share
        if self.beside.places is not None:
            made["places"] = hashed(self.beside.places)
        if self.before:
            made["before"] = list(self.before)
        return made | asdict(self.settings)


def fingerprint(picture: Picture) -> str:
    """The same for the same pixels, whatever the file is called; another for others."""
    return hashed(kept(picture).image)


def hashed(image: Image.Image) -> str:
    """A word for a picture's size and pixels."""
    return hashlib.sha256(repr(image.size).encode() + image.tobytes()).hexdigest()[:16]


def kept(picture: Picture) -> Picture:
    """The same, no larger than any painting needs it."""
    largest = KNOBS["size"].high
    if max(picture.image.size) <= largest:
        return picture
    image = fit(picture.image, largest)
    return replace(picture, image=image, alpha=picture.alpha and picture.alpha.resize(image.size))


def estimated(size: tuple[int, int], settings: Settings, paintings: int = 1) -> nst.Estimate | None:
    """What painting a photo of this width and height takes; None where the GPU is elsewhere, and nothing is known of
    it. The time is known where the networks are on this machine. Nobody's painting is disturbed to find it out."""
    if device.spaces is not None:
        return None
    with idle() as alone:
        if alone and at_hand(settings):
            _time_steps(settings)
    return foreseen(size, settings, paintings, alone=alone)


def shared() -> bool:
    """Whether strangers wait for one another here: on a Space of the Hub."""
    return bool(os.environ.get("SPACE_ID"))


def refuse_too_long(order: Order) -> None:
    """Raises SettingsError where a painting would take too long for others to wait for. For the job that paints, which
    has the device for itself."""
    if not shared():
        return
    _time_steps(order.settings)
    paintings = order.paintings()
    count = len(paintings) if isinstance(paintings, list) else 1
    seconds = foreseen(order.photo.image.size, order.settings, count, after=order.after).seconds
    if seconds is not None and seconds > LONGEST:
        raise nst.SettingsError(
            f"This would take about {seconds / 60:.0f} minutes on a machine that others wait for, where "
            f"{LONGEST // 60} are allowed. Choose a smaller size or fewer steps, or run this program on your own."
        )


def _time_steps(settings: Settings) -> None:
    """Where there is no memory even for that, the time stays unknown."""
    try:
        time_steps(load_judges(settings), settings)
    except (MemoryError, RuntimeError) as error:
        if not memory.exhausted(error):
            raise
        log.warning("There is no memory to time steps in: %s", error)


def seconds_on_gpu(order: Order, init: Any = None, stopping: Stopping | None = None) -> int:
    """How long to borrow a GPU for, at most MAX_ON_GPU: steps cost by their pixels, and a start-up."""
    pixels = order.settings.size**2
    per_step = 0.02 + 0.15 * pixels / 1024**2 * (1.5 if order.settings.optimizer == "lbfgs" else 1)
    return int(min(MAX_ON_GPU, 15 + (order.settings.steps - order.after) * per_step))


@device.zero_gpu(duration=seconds_on_gpu)
def previews(order: Order, init: Any = None, stopping: Stopping | None = None) -> Iterator[Preview]:
    """The steps worth showing: not more than a few a second, and always the last one."""
    if device.spaces is not None:
        # No question reaches the process that has the GPU; it has to see for itself that its time is up.
        end = time.monotonic() + seconds_on_gpu(order) - TO_FINISH

        def stopping() -> bool:
            return time.monotonic() > end

    curve: list[tuple[int, dict[str, float]]] = []
    step = shown = None
    due = 0.0
    options = {"init": init, "unfinished": order.unfinished, "after": order.after, "cancelled": stopping}
    for step in _said(optimize(order.photo, order.paintings(), order.settings, **options)):
        if not curve or curve[-1][0] != step.step:
            curve.append((step.step, dict(step.losses)))
        if time.monotonic() >= due:
            yield _preview(step, curve)
            shown, due = step, time.monotonic() + SECONDS_BETWEEN_PREVIEWS
    if step is not shown:
        yield _preview(step, curve)


def _said(steps: Iterator[nst.Step]) -> Iterator[nst.Step]:
    """The same steps; of what is raised in its other process, ZeroGPU passes on only Gradio's own errors."""
    try:
        yield from steps
    except nst.NSTError as error:
        if device.spaces is None:
            raise
        raise gr.Error(str(error), print_exception=False) from error


def _preview(step: nst.Step, curve: list[tuple[int, dict[str, float]]]) -> Preview:
    every = max(1, -(-len(curve) // (POINTS - 1)))
    points = (*curve[:-1:every], curve[-1])
    numbers = (step.step, step.steps, dict(step.losses), step.seconds, step.remaining, tuple(step.notes))
    return Preview(step.image, *numbers, device.describe(step.canvas.device), points)


def warm_up() -> None:
    """Read and time the network that the page begins with, before it is asked for: a first preview comes sooner, and
    how long a painting takes can be said."""
    if device.spaces is None:
        settings = Settings(network=usual())
        with contextlib.suppress(nst.NSTError):  # whoever paints is told, in their own words
            load_judges(settings)
            with idle() as alone:
                if alone:
                    _time_steps(settings)


def work(order: Order) -> Callable[[Emit[News], Stopping], None]:
    """The work of a ``Job`` that paints ``order`` and emits what there is to tell."""

    def paint(emit: Emit[News], stopping: Stopping) -> None:
        def told(done: int, total: int) -> None:
            emit(Download(done, total))

        if device.spaces is None:
            load_judges(order.settings, told)
            refuse_too_long(order)
        elif not at_hand(order.settings):  # the GPU is in another process, which loads the network from the cache
            weights.vgg19(told)
        init = order.begun
        if init is None and order.fast_style is not None:
            photo, size = replace(order.photo, alpha=None), order.settings.size
            init = nst.stylize(photo, order.fast_style, size=size, cancelled=stopping)
        # ZeroGPU paints in another process, which no question reaches; there a stop takes effect after a step.
        with contextlib.closing(previews(order, init, stopping if device.spaces is None else None)) as running:
            for preview in running:
                emit(preview)

    return paint
