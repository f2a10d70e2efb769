"""Paints a film: frames are read, painted so that strokes hold still, and written, one after the other.

The result is written in parts (``writing.py``). A run that ends early, even one that is killed, is gone on with by the
same call: it starts after the last complete part, from the frame and the painting that the part ended with.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image

from nst.color import keep_colors, match_colors
from nst.errors import FilmError, SettingsError
from nst.feedforward import fast
from nst.feedforward.knobs import COLOR, SEED, STRENGTH, STROKE
from nst.feedforward.predict import style_of
from nst.images import Source
from nst.knobs import Knob
from nst.video.reading import SMALLEST, Film, Frame, frames, open_film
from nst.video.steady import Paint, Steady
from nst.video.writing import Part, join

SIZE = Knob("size", 640, "Long side of the film made, in pixels; no larger than the film.", SMALLEST, 1920, 2)
PART = 48  # frames in a part: what is lost at most when a run is killed

VIDEO_KNOBS: dict[str, Knob] = {knob.name: knob for knob in (STRENGTH, SIZE, STROKE, COLOR, SEED)}


@dataclass(frozen=True)
class FilmStep:
    """A frame that is painted: ``frame`` of about ``frames``, with the ``seconds`` since the start and how many about
    ``remain``. ``path`` is the finished file, None until the last step; ``notes`` are sentences about the film."""

    frame: int
    frames: int
    seconds: float
    remaining: float
    before: np.ndarray
    after: np.ndarray
    path: Path | None = None
    notes: tuple[str, ...] = ()

    @property
    def image(self) -> Image.Image:
        """The frame as it was painted."""
        return Image.fromarray(self.after)


def paint_film(
    film: str | os.PathLike,
    out: str | os.PathLike,
    style: fast.Mix = "starry-night",
    strength: float = 1.0,
    size: int | None = None,
    *,
    seconds: float | None = None,
    stroke: float = 1.0,
    color: str = "style",
    seed: int = 0,
    painting: Source | None = None,
    stopping: Callable[[], bool] | None = None,
) -> Iterator[FilmStep]:
    """Paint a film at once, frame after frame, into the MP4 file ``out``, with its sound; yields a step for each frame.

    ``style``, ``strength``, ``stroke``, ``color``, ``seed`` and ``painting`` are those of ``nst.stylize``. ``size`` is
    the long side in pixels; ``seconds`` how much of the film to paint, by default all of it. Once ``stopping()`` is
    true, the file is finished with what there is. The same call goes on with a run that ended early: what it had is
    kept in the folder ``out`` + ".parts" until the file is complete.

    Raises FilmError for a film that cannot be read or written, SettingsError for anything else."""
    opened, path = open_film(film), Path(out)
    if path.suffix.lower() not in (".mp4", ".m4v"):
        raise SettingsError(f"{path.name} is for a film: let its name end in .mp4.")
    if path.exists() and path.samefile(opened.path):
        raise SettingsError(f"{path.name} is the film itself: choose another file to paint into.")
    if seconds is not None and not seconds > 0:
        raise SettingsError(f"seconds is a number above 0, not {seconds!r}.")
    mix = fast.shares(style if painting is None else style_of(painting))
    strength, stroke, color = STRENGTH.check(strength), STROKE.check(stroke), COLOR.check(color)
    seed, size = SEED.check(seed), SIZE.check(size or SIZE.default)
    fitted = opened.fitted(min(size, max(opened.size)))
    recipe = fast.recipe(mix, strength, max(fitted), stroke=stroke, color=color, seed=seed)
    parts = Parts(path, opened, recipe | {"film": opened.name, "seconds": seconds}, fitted)
    painter = Steady(_painter(mix, strength, stroke, seed), steady=strength > 0)
    return _painted(opened, path, parts, painter, color, seconds, stopping or (lambda: False))


def _painter(mix: Any, strength: float, stroke: float, seed: int) -> Paint:
    """Return what paints a single frame."""
    import cv2

    if not strength:
        return lambda frame: frame
    level, left = fast.brush(stroke)
    paint = fast.painter(mix, strength, level, seed)

    def painted(frame: np.ndarray) -> np.ndarray:
        height, width = frame.shape[:2]
        small = (max(1, round(width / left)), max(1, round(height / left)))
        if small == (width, height):
            return paint(frame)
        how = cv2.INTER_AREA if left > 1 else cv2.INTER_LANCZOS4
        return cv2.resize(
            paint(cv2.resize(frame, small, interpolation=how)), (width, height), interpolation=cv2.INTER_CUBIC
        )

    return painted


def _colored(painted: np.ndarray, frame: np.ndarray, color: str) -> np.ndarray:
    """Give a painted frame the film's own colors, if they are wanted."""
    if color == "style":
        return painted
    change = {"luminance": keep_colors, "match": match_colors}[color]
    return np.asarray(change(Image.fromarray(painted), Image.fromarray(frame)))


def _painted(
    film: Film,
    path: Path,
    parts: Parts,
    painter: Steady,
    color: str,
    seconds: float | None,
    stopping: Callable[[], bool],
) -> Iterator[FilmStep]:
    import av

    began, done, length = time.monotonic(), parts.frames, film.seconds
    if seconds is not None:
        length = min(seconds, length or seconds)
    guess = max(1, round((length or 0) * film.rate))
    after = parts.last
    part: Part | None = None
    last: tuple[Frame, np.ndarray] | None = None
    here, end = 0, after or Fraction(0)
    try:
        for frame in frames(film, parts.size, after):
            if seconds is not None and frame.time >= seconds:
                break
            if frame.time == after:  # painted in the run before
                painter.frame, painter.painted = frame.pixels, parts.painted()
                last = frame, _colored(painter.painted.astype(np.uint8), frame.pixels, color)
                continue
            if stopping():
                break
            end = frame.time
            painted = painter(frame.pixels)
            shown = _colored(painted, frame.pixels, color)
            part = part or parts.begin(film.rate)
            part.add(shown, frame.time)
            done, here, last = done + 1, here + 1, (frame, shown)
            if part.frames == PART:
                parts.complete(part, frame.time, painter)
                part = None
            spent = time.monotonic() - began
            guess = max(guess, done)
            yield FilmStep(done, guess, spent, spent / here * (guess - done), frame.pixels, shown)
        if part is not None:
            parts.complete(part, end, painter)
            part = None
        if last is None:
            raise FilmError(f"{film.name} was stopped before its first frame was painted.")
        notes = parts.joined(path, film, end + Fraction(1) / Fraction(film.rate).limit_denominator(1001))
        spent = time.monotonic() - began
        if not stopping():
            parts.remove()
        yield FilmStep(done, done, spent, 0.0, last[0].pixels, last[1], path, notes)
    except (OSError, av.FFmpegError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FilmError(
            f"{path.name} could not be written ({reason}): make room, and the same call goes on."
        ) from error
    finally:
        if part is not None:
            part.drop()
        if not parts.done:
            parts.remove()


class Parts:
    """The parts of a film that is being painted, in the folder ``out`` + ".parts". A folder of other settings or of
    another film is replaced."""

    def __init__(self, out: Path, film: Film, recipe: dict[str, Any], size: tuple[int, int]) -> None:
        self.folder, self.size, self.recipe = out.with_name(f"{out.name}.parts"), size, recipe
        plan = json.dumps([recipe, size, _digest(film.path)], sort_keys=True, default=str)
        kept = self.folder / "plan.json"
        try:
            if self.folder.exists() and any(self.folder.iterdir()) and not kept.exists():
                raise FilmError(f"{self.folder} is in the way: choose another name for the film, or move the folder.")
            if not (kept.exists() and kept.read_text("utf-8") == plan):
                shutil.rmtree(self.folder, ignore_errors=True)
                self.folder.mkdir(parents=True)
                kept.write_text(plan, "utf-8")
        except OSError as error:
            raise FilmError(f"{self.folder} cannot be written ({error.strerror}): choose another place.") from error
        self.done: list[tuple[Path, Fraction, Fraction, int]] = []  # file, first and last time, frames
        while (told := self._told(len(self.done))).exists():
            first, last, count = json.loads(told.read_text("utf-8"))
            self.done.append((told.with_suffix(".mp4"), Fraction(first), Fraction(last), count))

    def _told(self, number: int) -> Path:
        return self.folder / f"{number:05}.json"

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return sum(count for *_, count in self.done)

    @property
    def last(self) -> Fraction | None:
        """The time of the last frame, None before the first."""
        return self.done[-1][2] if self.done else None

    def painted(self) -> np.ndarray:
        """Return the painting that the last part ended with."""
        with Image.open(self._told(len(self.done) - 1).with_suffix(".png")) as image:
            return np.asarray(image).astype(np.float32)

    def begin(self, rate: float) -> Part:
        """Start the next part."""
        return Part(self._told(len(self.done)).with_suffix(".mp4"), self.size, rate)

    def complete(self, part: Part, last: Fraction, painter: Steady) -> None:
        """Finish a part; the painter goes on from what is stored, so that a run that was killed makes the same film."""
        part.close()
        told = self._told(len(self.done))
        painter.painted = (cast(np.ndarray, painter.painted).clip(0, 255) + 0.5).astype(np.uint8).astype(np.float32)
        Image.fromarray(painter.painted.astype(np.uint8)).save(told.with_suffix(".png"), compress_level=1)
        self.done.append((part.path, part.first, last, part.frames))
        draft = told.with_name(f".{told.name}")
        draft.write_text(json.dumps([str(part.first), str(last), part.frames]), "utf-8")
        os.replace(draft, told)  # last of all, as it says that the part is complete

    def joined(self, out: Path, film: Film, end: Fraction) -> tuple[str, ...]:
        """Write the film; returns notes."""
        about = {"comment": f"nst:{json.dumps(self.recipe)}"}
        return join([(path, first) for path, first, *_ in self.done], end, film, out, about)

    def remove(self) -> None:
        """Delete the parts."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _digest(path: Path) -> str:
    """Return what tells a film from another: its length in bytes, and a hash of its first and last million."""
    length = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(10**6)
        file.seek(max(0, length - 10**6))
        return f"{length} {hashlib.sha256(head + file.read()).hexdigest()}"
