"""The photo look as a job: at most a few steps per second, then the result; on a ZeroGPU Space in another process."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
from PIL import Image

from nst import device
from nst.errors import NSTError
from nst.hub import weights
from nst.jobs import Emit, Stopping
from nst.page.job import SECONDS_BETWEEN_PREVIEWS, Download
from nst.photolook.settings import LookSettings

ONCE = "once"
SECONDS_ON_GPU = 60  # to borrow a GPU for, with the start-up
TO_FINISH = 10  # of these, for the last step and for applying the look
TO_APPLY = 20.0  # seconds to wait after a stop, while the look is applied to the whole photo

Wanted = Callable[[], bool]


@dataclass(frozen=True)
class Look:
    """A photo look after a step. ``image`` is the preview, or at the end the result at full size."""

    image: Image.Image
    step: int
    steps: int
    remaining: float
    seconds: float
    notes: tuple[str, ...]
    device: str
    done: bool = False


def looks(given: dict[str, Any], settings: LookSettings, stopping: Stopping, wanted: Wanted) -> Iterator[Look]:
    """Run ``photoreal`` on what is ``given``, and yield at most a few steps per second and then the result; once it is
    stopping, only that, if it is still wanted."""
    from nst.photolook.run import photoreal  # torch is not needed before

    began, due, last = time.monotonic(), 0.0, None
    for last in photoreal(**given, settings=settings, cancelled=stopping):
        if time.monotonic() >= due and not stopping():
            yield _look(last, last.preview, began)
            due = time.monotonic() + SECONDS_BETWEEN_PREVIEWS
    if last is not None and wanted():
        yield _look(last, last.image, began, done=True)


@device.zero_gpu(duration=lambda *_: SECONDS_ON_GPU)
def looks_on_gpu(given: dict[str, Any], settings: LookSettings) -> Iterator[Look]:
    """Do the same in ZeroGPU's process, which hears no stop, watches its own time, and passes on no error but
    gr.Error."""
    end = time.monotonic() + SECONDS_ON_GPU - TO_FINISH
    try:
        yield from looks(given, settings, lambda: time.monotonic() > end, lambda: True)
    except NSTError as error:
        raise gr.Error(str(error), print_exception=False) from error


def _look(step: Any, image: Image.Image, began: float, done: bool = False) -> Look:
    where, seconds = device.describe(step.small.device), time.monotonic() - began
    return Look(image, step.step, step.steps, step.remaining, seconds, tuple(step.notes), where, done)


def work(
    opening: Callable[[], dict[str, Any]], settings: LookSettings, wanted: Wanted
) -> Callable[[Emit[Any], Stopping], None]:
    """The work of a ``Job`` that finds a look: emits ``Download`` and ``Look``. ``opening`` returns the pictures and
    masks, by ``photoreal``'s names; a result that is not ``wanted`` any more is not computed."""

    def find(emit: Emit[Any], stopping: Stopping) -> None:
        given = opening()
        if settings.how == "full":
            weights.vgg19(lambda done, total: emit(Download(done, total)))
        alone = device.spaces is None or settings.how == ONCE
        running = looks(given, settings, stopping, wanted) if alone else looks_on_gpu(given, settings)
        with contextlib.closing(running):
            for look in running:
                emit(look)

    return find
