"""Learns a style from a painting in half a minute: gradient descent on its vectors alone, judged by the student.

The network's weights stay fixed. The vectors start from the encoder's prediction and are optimized on crops of
photographs, for fine or broad strokes at each step, with the loss that the network itself was trained with
(``objective.py``).
"""

from __future__ import annotations

import importlib.util
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from nst.backbones.student import Student, shipped
from nst.device import choose, number_format, spaces
from nst.drawings import DRAWINGS
from nst.errors import SettingsError
from nst.feedforward import files, objective
from nst.feedforward.field import stroke_field
from nst.feedforward.objective import CONTENT, FOLLOW, LIMITS, TOGETHER, sides_of, statistics_of
from nst.feedforward.predict import style_of
from nst.feedforward.styles import Style, own
from nst.images import Source, fit, open_image
from nst.tensors import to_tensor

SIDE = 192  # of a crop, in pixels
LONG = 480  # long side of the photographs that crops are taken from
FIELD = 1024  # side of the stroke field, of which each crop gets a window
RATE = 0.02  # Adam's learning rate, with cosine decay
FINE = 2 / 3  # fraction of the steps that are for fine strokes
AIM = 0.80  # target content distance of the crops
KEEP = 0.95  # decay of the vectors' moving average, per step
LONGEST = 3600.0  # seconds


@dataclass(frozen=True)
class Lesson:
    """Progress in learning a style: the style so far, the seconds spent and allowed, and the last step's losses."""

    style: Style
    step: int
    seconds: float
    whole: float
    losses: dict[str, float]


def example_photos() -> list[Image.Image]:
    """Return the photographs that gradio ships, if it is installed; otherwise pictures that this program draws."""
    found = importlib.util.find_spec("gradio")
    folder = Path(found.origin).parent / "media_assets" / "images" if found and found.origin else None
    names = ("tower", "lion", "cheetah", "cheetah1")
    paths = [folder / f"{name}.jpg" for name in names] if folder else []
    photos = [open_image(path).image for path in paths if path.exists()]
    return photos or [draw() for draw in DRAWINGS.values()]


def learn_style(
    painting: Source,
    seconds: float = 30.0,
    *,
    photos: Sequence[Source] | None = None,
    title: str | None = None,
    seed: int = 0,
) -> Iterator[Lesson]:
    """Learn a painting's style, one step at a time, until the time is up or the generator is closed.

    ``seconds`` is how long to learn. ``photos`` are photographs to learn on; by default, examples. The first ``Lesson``
    comes before any step, with the predicted style; at least one step is taken. Raises ImageError for a file that is
    not a picture, SettingsError for a number of seconds out of range."""
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 < seconds <= LONGEST:
        raise SettingsError(f"seconds is a number above 0 and up to {LONGEST:g}, not {repr(seconds)[:40]}.")
    if photos is not None and not photos:
        raise SettingsError("photos has no photograph; leave it out to learn on examples.")
    began = time.monotonic()
    style = style_of(painting)
    if title is not None:
        style = replace(style, title=title)
    yield Lesson(style, 0, 0.0, seconds, {})
    lessons = _Lessons(open_image(painting).image, style, photos, seed)
    step = 0
    while (spent := time.monotonic() - began) < seconds or step == 0:
        losses = lessons.step(min(1.0, spent / seconds))
        step += 1
        yield Lesson(lessons.style(), step, time.monotonic() - began, seconds, losses)


class _Lessons:
    """The vectors being learned, and everything that a step needs."""

    def __init__(self, painting: Image.Image, style: Style, photos: Sequence[Source] | None, seed: int) -> None:
        # ZeroGPU provides its GPU for a single call, and not to this thread.
        self.device = choose() if spaces is None else torch.device("cpu")
        self.number, self.begun = number_format(self.device), style
        self.rng = random.Random(seed)
        layout = {"memory_format": torch.channels_last}
        judge = Student(shipped()).computing_in(self.number).to(self.device, **layout)
        self.judge = objective.with_replicate_padding(judge)
        self.network = files.network().to(self.device, **layout).train()
        self.vectors = torch.tensor(style.vectors, device=self.device)
        self.vectors.requires_grad_()
        self.average = self.vectors.detach().clone()
        self.optimizer = torch.optim.Adam([self.vectors], lr=RATE, betas=(0.9, 0.99))
        pictures = example_photos() if photos is None else [open_image(photo).image for photo in photos]
        self.photos = [to_tensor(fit(picture, LONG), self.device) for picture in pictures]
        self.field = torch.from_numpy(stroke_field(FIELD, FIELD, seed)).to(self.device)
        self.targets = statistics_of(self.judge, painting, sides_of((0.0, 1.0)), self.device)
        self.content, self.taken = CONTENT, 0

    def crop(self) -> tuple[Tensor, Tensor]:
        """Return a random part of a photograph, ``[1, 3, SIDE, SIDE]``, and of the stroke field."""
        photo = self.rng.choice(self.photos)
        height, width = photo.shape[-2:]
        length = min(height, width, self.rng.randint(SIDE * 2 // 3, LONG))
        top, left = self.rng.randint(0, height - length), self.rng.randint(0, width - length)
        part = photo[..., top : top + length, left : left + length]
        part = torch.nn.functional.interpolate(part, (SIDE, SIDE), mode="bilinear", antialias=True)
        top, left = self.rng.randrange(FIELD - SIDE), self.rng.randrange(FIELD - SIDE)
        return part, self.field[None, :, top : top + SIDE, left : left + SIDE]

    def step(self, progress: float) -> dict[str, float]:
        """Take one gradient step on the vectors and return its losses."""
        end = int(self.rng.random() >= FINE)
        parts, fields = (torch.cat(t) for t in zip(*(self.crop() for _ in range(TOGETHER)), strict=True))
        photo = parts.contiguous(memory_format=torch.channels_last)
        one = torch.ones(TOGETHER, device=self.device)
        with torch.autocast(self.device.type, self.number, enabled=self.number != torch.float32):
            painting = self.network(photo, fields, self.vectors[end][None], one)
        which = torch.zeros(1, dtype=torch.long, device=self.device)
        terms, _ = objective.terms(self.judge, painting.float(), photo, self.targets.of(which, which + end), TOGETHER)
        loss = objective.total(terms, self.content)
        self.optimizer.param_groups[0]["lr"] = RATE * (0.05 + 0.95 * (1 + math.cos(math.pi * progress)) / 2)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.taken += 1
        losses = {name: float(value.detach().mean()) for name, value in terms.items()}
        error = max(-1.0, min(1.0, losses["content"] - AIM))
        self.content = min(max(self.content * math.exp(FOLLOW * error), LIMITS[0]), LIMITS[1])
        with torch.no_grad():
            self.average.lerp_(self.vectors, 1 - min(KEEP, self.taken / (self.taken + 4)))
        return losses

    def style(self) -> Style:
        """Return the style so far, with its vectors averaged over the last steps."""
        words = {name: getattr(self.begun, name) for name in ("title", "artist", "year", "license")}
        return own(self.average.cpu().numpy().copy(), **words)
