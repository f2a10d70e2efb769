"""The full method as a job: fetch the network, paint the start, then optimize; what happens is told step by step."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

import nst
from nst import device, memory
from nst.backbones.loading import at_hand, load_judges, usual
from nst.hub import weights
from nst.jobs import Emit, Stopping, idle
from nst.optimization.estimates import foreseen, time_steps
from nst.optimization.run import optimize
from nst.requests import OWN, FullOrder
from nst.settings import Settings

SECONDS_BETWEEN_PREVIEWS = 0.4
POINTS = 200
LONGEST = 15 * 60  # seconds that a painting may take where a Space's visitors share a processor
MAX_ON_GPU = 120  # seconds a ZeroGPU visit may last
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


def refuse_too_long(order: FullOrder) -> None:
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


def seconds_on_gpu(order: FullOrder, init: Any = None, stopping: Stopping | None = None) -> int:
    """How long to borrow a GPU for, at most MAX_ON_GPU: steps cost by their pixels, and a start-up."""
    pixels = order.settings.size**2
    per_step = 0.02 + 0.15 * pixels / 1024**2 * (1.5 if order.settings.optimizer == "lbfgs" else 1)
    return int(min(MAX_ON_GPU, 15 + (order.settings.total_steps - order.after) * per_step))


@device.zero_gpu(duration=seconds_on_gpu)
def previews(order: FullOrder, init: Any = None, stopping: Stopping | None = None) -> Iterator[Preview]:
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


def work(order: FullOrder) -> Callable[[Emit[News], Stopping], None]:
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
            own = {"painting": order.painting} if order.fast_style == OWN else {"style": order.fast_style}
            init = nst.stylize(photo, **own, size=size, cancelled=stopping)
        # ZeroGPU paints in another process, which no question reaches; there a stop takes effect after a step.
        with contextlib.closing(previews(order, init, stopping if device.spaces is None else None)) as running:
            for preview in running:
                emit(preview)

    return paint
