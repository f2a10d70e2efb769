"""The full method as a job: load the network, paint the start, then optimize, with progress reports throughout.

What needs torch is imported when it is needed: it takes longer than the rest of the page."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

import nst
from nst import device, memory
from nst.backbones.at_hand import at_hand, usual
from nst.hub import weights
from nst.jobs import Emit, Stopping, idle
from nst.requests import OWN, FullRequest
from nst.settings import Settings

SECONDS_BETWEEN_PREVIEWS = 0.4
POINTS = 200
LONGEST = 15 * 60  # seconds that a painting may take on a Space, where visitors share a processor
MAX_ON_GPU = 120  # seconds that a ZeroGPU call may last
TO_FINISH = 5  # seconds of these, for the last step and the way back

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Download:
    """Progress of the download of VGG-19: bytes received, bytes in all."""

    done: int
    total: int


@dataclass(frozen=True)
class Preview:
    """The painting after a step, and the state of the run."""

    image: Any  # PIL.Image at the result's full size
    step: int
    steps: int
    losses: dict[str, float]
    seconds: float
    remaining: float
    notes: tuple[str, ...]
    device: str  # a description for people
    curve: tuple[tuple[int, dict[str, float]], ...]  # (step, losses), at most POINTS of them


News = Download | Preview


def estimated(size: tuple[int, int], settings: Settings, paintings: int = 1) -> nst.Estimate | None:
    """Estimate what painting a photo of this width and height takes; None on ZeroGPU, where the GPU is elsewhere.

    The time is known if the networks are on this machine. Timing them never disturbs a running painting."""
    if device.spaces is not None:
        return None
    with idle() as alone:
        if alone and at_hand(settings):
            _time_steps(settings)
    from nst.optimization import estimates

    return estimates.foreseen(size, settings, paintings, alone=alone)


def shared() -> bool:
    """Whether visitors share this machine, as on a Space of the Hub."""
    return bool(os.environ.get("SPACE_ID"))


def refuse_too_long(order: FullRequest) -> None:
    """Raise SettingsError if a painting would take too long on a shared machine. For the painting job, which has the
    device to itself."""
    if not shared():
        return
    _time_steps(order.settings)
    paintings = order.paintings()
    count = len(paintings) if isinstance(paintings, list) else 1
    from nst.optimization import estimates

    seconds = estimates.foreseen(order.photo.image.size, order.settings, count, after=order.after).seconds
    if seconds is not None and seconds > LONGEST:
        raise nst.SettingsError(
            f"This would take about {seconds / 60:.0f} minutes on a machine that others wait for, where "
            f"{LONGEST // 60} are allowed. Choose a smaller size or fewer steps, or run this program on your own."
        )


def _time_steps(settings: Settings) -> None:
    """Time the steps; if there is not enough memory even for that, the time stays unknown."""
    from nst.backbones import loading
    from nst.optimization import estimates

    try:
        estimates.time_steps(loading.load_networks(settings), settings)
    except (MemoryError, RuntimeError) as error:
        if not memory.exhausted(error):
            raise
        log.warning("There is no memory to time steps in: %s", error)


def seconds_on_gpu(order: FullRequest, init: Any = None, stopping: Stopping | None = None) -> int:
    """How long to borrow a GPU for, at most MAX_ON_GPU: the start-up, and steps that cost by their pixels."""
    pixels = order.settings.size**2
    per_step = 0.02 + 0.15 * pixels / 1024**2 * (1.5 if order.settings.optimizer == "lbfgs" else 1)
    return int(min(MAX_ON_GPU, 15 + (order.settings.total_steps - order.after) * per_step))


@device.zero_gpu(duration=seconds_on_gpu)
def previews(order: FullRequest, init: Any = None, stopping: Stopping | None = None) -> Iterator[Preview]:
    """Optimize, and yield the steps worth showing: at most a few per second, and always the last one."""
    if device.spaces is not None:
        # The process that has the GPU cannot call ``stopping`` of this one, so it watches its own time.
        end = time.monotonic() + seconds_on_gpu(order) - TO_FINISH

        def stopping() -> bool:
            return time.monotonic() > end

    curve: list[tuple[int, dict[str, float]]] = []
    step = shown = None
    due = 0.0
    options = {"init": init, "unfinished": order.unfinished, "after": order.after, "cancelled": stopping}
    for step in _said(nst.optimize(order.photo, order.paintings(), order.settings, **options)):
        if not curve or curve[-1][0] != step.step:
            curve.append((step.step, dict(step.losses)))
        if time.monotonic() >= due:
            yield _preview(step, curve)
            shown, due = step, time.monotonic() + SECONDS_BETWEEN_PREVIEWS
    if step is not shown:
        yield _preview(step, curve)


def _said(steps: Iterator[nst.Step]) -> Iterator[nst.Step]:
    """The same steps, with errors as gr.Error on ZeroGPU, which passes on no others from its process."""
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


_warming = threading.Lock()


def warm_up() -> None:
    """Load and time the page's default network before it is needed: the first preview comes sooner, and estimates are
    known. Returns when that is done, by this call or another one."""
    if device.spaces is None:
        from nst.backbones import loading

        settings = Settings(network=usual())
        with _warming, contextlib.suppress(nst.NSTError):  # whoever paints will see it, in their own language
            loading.load_networks(settings)
            with idle() as alone:
                if alone:
                    _time_steps(settings)


def work(order: FullRequest) -> Callable[[Emit[News], Stopping], None]:
    """The work of a ``Job`` that paints ``order`` and emits its progress."""

    def paint(emit: Emit[News], stopping: Stopping) -> None:
        def told(done: int, total: int) -> None:
            emit(Download(done, total))

        if device.spaces is None:
            from nst.backbones import loading

            loading.load_networks(order.settings, told)
            refuse_too_long(order)
        elif not at_hand(order.settings):  # the GPU is in another process, which loads the network from the cache
            weights.vgg19(told)
        init = order.begun
        if init is None and order.fast_style is not None:
            photo, size = replace(order.photo, alpha=None), order.settings.size
            painting = order.paintings() if order.beside.sub_styles else order.painting
            own = {"painting": painting} if order.fast_style == OWN else {"style": order.fast_style}
            init = nst.stylize(photo, **own, size=size, cancelled=stopping)
        # ZeroGPU paints in another process, which cannot call ``stopping``; there a stop takes effect after a step.
        with contextlib.closing(previews(order, init, stopping if device.spaces is None else None)) as running:
            for preview in running:
                emit(preview)

    return paint
