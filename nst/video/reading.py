"""Reads films: what a file holds, and its frames one after the other, upright and in sRGB.

FFmpeg (through PyAV) decodes films; animated GIF and WebP pictures are read by PIL. Frames keep their own times, so a
variable frame rate stays one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageSequence

from nst.errors import FilmError, ImageError
from nst.images import name_of, on_white, opened, upright_srgb
from nst.video import tone

MOST_PIXELS = 8192 * 4320  # of a film's frame
SMALLEST = 16  # of a side of the frames made, in pixels
USUAL_RATE = 25  # frames a second where a file does not say

# Matrices between RGB and a film's colors, as numbered by swscale (BT.601, BT.709, BT.2020), by H.273's numbers.
_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
_BT601, _BT709, _HD = 5, 1, 576  # where nothing is said: BT.601 up to this many rows


@dataclass(frozen=True)
class Film:
    """What a file says about itself. ``size`` is (width, height), upright and with square pixels; ``seconds`` its
    length, None if unknown; ``rate`` its frames per second in the mean."""

    path: Path
    size: tuple[int, int]
    seconds: float | None
    rate: float
    sound: bool
    animated: bool = False  # a GIF or WebP picture

    @property
    def name(self) -> str:
        return name_of(self.path)

    def fitted(self, size: int) -> tuple[int, int]:
        """Return the width and height of frames whose long side is ``size`` pixels: even, as H.264 needs them."""
        width, height = (max(SMALLEST, 2 * round(side * size / max(self.size) / 2)) for side in self.size)
        return width, height


@dataclass(frozen=True)
class Frame:
    """A frame: ``[H, W, 3]`` bytes, and its time in seconds from the film's first frame."""

    pixels: np.ndarray
    time: Fraction


def open_film(source: str | os.PathLike) -> Film:
    """Read what a film's file says about itself.

    Raises FilmError for anything but a film; its text names the file and says what to do."""
    import av

    path = Path(source)
    name = name_of(path)
    if not path.is_file():
        raise FilmError(f"{name} is not there: check its path.")
    if film := _animation(path):
        return film
    try:
        with av.open(location(path)) as container:
            stream = _stream(container, name)
            first = next(_decoded(container, stream), None)
            if first is None:
                raise FilmError(f"{name} holds no frame that can be read: get it again, or export it as MP4.")
            width, height = first.width, first.height
            aspect = stream.sample_aspect_ratio or 1
            width = max(1, round(width * (aspect if aspect > 0 else 1)))
            if width * height > MOST_PIXELS:
                raise FilmError(f"{name} is too large, {width} x {height} pixels: make it smaller, up to 8192 x 4320.")
            if _quarters(first) % 2:
                width, height = height, width
            length = container.duration / av.time_base if container.duration else None
            if stream.duration:
                length = float(stream.duration * stream.time_base)
            rate = float(stream.average_rate or stream.guessed_rate or USUAL_RATE)
            return Film(path, (width, height), length, rate, bool(container.streams.audio))
    except av.FFmpegError as error:
        raise FilmError(_unreadable(name, path)) from error


def frames(film: Film, size: tuple[int, int], after: Fraction | None = None) -> Iterator[Frame]:
    """Yield the film's frames, resized to ``size`` (width, height), from the one at ``after`` on.

    Frames that are damaged are left out. Raises FilmError if there is none at all."""
    source = _pictures(film, size) if film.animated else _film(film, size, after)
    last = None
    for frame in source:
        if last is not None and frame.time <= last:
            continue  # a damaged file may repeat itself
        last = frame.time
        if after is None or frame.time >= after:
            yield frame
    if last is None:
        raise FilmError(f"{film.name} holds no frame that can be read: get it again, or export it as MP4.")


def begin(film: Film) -> Fraction:
    """Return the time in its file of a film's first frame, in seconds; all times are counted from there."""
    import av

    with av.open(location(film.path)) as container:
        return next(_timed(container, _stream(container, film.name), film.rate))[1]


def location(path: Path) -> str:
    """Return a path as FFmpeg takes it: a name with a colon would be an address."""
    return f"file:{path}"


def _film(film: Film, size: tuple[int, int], after: Fraction | None) -> Iterator[Frame]:
    import av

    try:
        start = begin(film)
        for searched in (True, False) if after else (False,):
            found = False
            with av.open(location(film.path)) as container:
                stream = _stream(container, film.name)
                stream.thread_type = "AUTO"
                if searched and not _searched(container, stream, start + (after or 0)):
                    continue
                for frame, time in _timed(container, stream, film.rate):
                    time -= start
                    # Not every file can be searched: what was found has to begin no later than wanted.
                    if searched and not found and time > (after or 0):
                        break
                    if after is None or time >= after:
                        if searched and not found and time != after:
                            break
                        found = True
                        yield Frame(_upright(frame, size), time)
            if found:
                return
    except av.FFmpegError as error:
        raise FilmError(_unreadable(film.name, film.path)) from error


def _searched(container: Any, stream: Any, time: Fraction) -> bool:
    """Go to the keyframe before this time; returns whether that is possible."""
    import av

    if _counted(container):
        return False
    try:
        container.seek(int(time / stream.time_base), stream=stream, backward=True)
    except av.FFmpegError:
        return False
    return True


def _counted(container: Any) -> bool:
    """Whether the times of a file are those of decoding, not of showing, so that frames have to be counted."""
    return container.format.name == "avi"


def _timed(container: Any, stream: Any, rate: float) -> Iterator[tuple[Any, Fraction]]:
    """Yield decoded frames, each with its time in the file in seconds; where none is stored, by the frame rate."""
    time, counted = None, _counted(container)
    for frame in _decoded(container, stream):
        stored = frame.pts if frame.pts is not None else frame.dts
        if stored is not None and not counted:
            time = stored * Fraction(frame.time_base)
        else:
            time = Fraction(0) if time is None else time + 1 / Fraction(rate).limit_denominator(1001)
        yield frame, time


def _stream(container: Any, name: str) -> Any:
    """Return the film's own video stream; a song's cover is none."""
    for stream in container.streams.video:
        if not stream.disposition & stream.disposition.attached_pic:
            return stream
    if container.streams.audio:
        raise FilmError(f"{name} holds sound only: choose a film.")
    raise FilmError(f"{name} is not a film: choose an MP4, MOV, WebM, MKV, AVI, GIF or animated WebP file.")


def _decoded(container: Any, stream: Any) -> Iterator[Any]:
    """Yield decoded frames; packets that cannot be decoded are passed over."""
    import av

    try:
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except av.error.InvalidDataError:
                continue
    except av.error.InvalidDataError:
        return  # the file ends in the middle of something


def _quarters(frame: Any) -> int:
    """Return by how many quarter turns, counterclockwise, a decoded frame has to be turned to be upright."""
    return round(frame.rotation / 90) % 4


def _upright(frame: Any, size: tuple[int, int]) -> np.ndarray:
    """Return a decoded frame as ``[H, W, 3]`` sRGB bytes."""
    quarters = _quarters(frame)
    width, height = size if quarters % 2 == 0 else size[::-1]
    high = frame.color_trc in (tone.PQ, tone.HLG)
    matrix = _MATRICES.get(int(frame.colorspace), _BT709 if frame.height > _HD else _BT601)
    pixels = frame.reformat(
        width, height, "rgb48le" if high else "rgb24", src_colorspace=matrix, interpolation="AREA"
    ).to_ndarray()
    if high:
        pixels = tone.to_srgb(pixels, int(frame.color_trc))
    return np.ascontiguousarray(np.rot90(pixels, quarters))


def _animation(path: Path) -> Film | None:
    """Return the film in an animated GIF or WebP picture; None for any other file. Raises FilmError for a picture that
    does not move."""
    with path.open("rb") as file:
        head = file.read(12)
    if not (head[:4] == b"GIF8" or (head[:4] == b"RIFF" and head[8:] == b"WEBP")):
        return None
    try:
        with opened(path, path.name) as image:
            count = getattr(image, "n_frames", 1)
            if count == 1:
                raise FilmError(f"{path.name} is a picture that does not move: paint it as a photo.")
            seconds = Fraction(0)
            for picture in ImageSequence.Iterator(image):
                picture.load()  # before, a WebP picture does not know how long it is shown
                seconds += _lasts(picture)
            return Film(path, image.size, float(seconds), count / float(seconds), sound=False, animated=True)
    except ImageError as error:
        raise FilmError(str(error)) from error


def _lasts(frame: Image.Image) -> Fraction:
    """Return how long a picture of an animation is shown, in seconds; browsers show the shortest ones for a tenth."""
    milliseconds = frame.info.get("duration") or 0
    return Fraction(milliseconds if milliseconds > 10 else 100) / 1000


def _pictures(film: Film, size: tuple[int, int]) -> Iterator[Frame]:
    time = Fraction(0)
    try:
        with opened(film.path, film.name) as image:
            for picture in ImageSequence.Iterator(image):
                colors, alpha, _ = upright_srgb(picture.copy(), film.name)
                shown = on_white(colors, alpha).convert("RGB")
                yield Frame(np.asarray(shown.resize(size, Image.Resampling.LANCZOS)), time)
                time += _lasts(picture)
    except ImageError:
        return  # cut short: what came before is the film


def _unreadable(name: str, path: Path) -> str:
    if path.stat().st_size == 0:
        return f"{name} is empty (0 bytes): choose another file."
    return f"{name} is not a film, or is damaged: choose an MP4, MOV, WebM, MKV, AVI, GIF or animated WebP file."
