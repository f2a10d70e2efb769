"""Writes films: H.264 in MP4 as every phone plays it, in parts that are joined, with the sound of the film they are of.

Each part is a playable file of its own. A program that is killed in the middle loses the part it was writing, and the
next one goes on from the last part that is complete.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from nst.errors import FilmError
from nst.video.reading import Film, begin, location

log = logging.getLogger(__name__)

TICK = Fraction(1, 90_000)  # seconds of the clock of the files written; it counts all common frame rates exactly
# Strokes are fine and everywhere, and look soft where H.264 saves. bf: no frame is stored before an earlier one.
QUALITY = {"crf": "17", "preset": "faster", "bf": "0"}
# Sound that MP4 files can hold and players know; any other is encoded anew.
SOUND = {"aac", "mp3", "ac3", "eac3", "opus", "alac", "flac"}
AAC_RATES = {8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000}  # samples a second that are taken
_BT709 = 1  # by H.273: primaries, transfer and matrix


class Part:
    """A part of a film, written frame by frame; a file only once it is closed."""

    def __init__(self, path: Path, size: tuple[int, int], rate: float) -> None:
        import av

        self.path, self._draft = path, path.with_name(f".{path.name}")
        self._container = av.open(location(self._draft), "w", format="mp4")
        stream = self._container.add_stream(
            "libx264", rate=Fraction(rate).limit_denominator(1001), options=dict(QUALITY)
        )
        stream.width, stream.height = size
        stream.pix_fmt, stream.time_base = "yuv420p", TICK
        context = stream.codec_context
        context.time_base = TICK
        context.color_range, context.colorspace = 1, _BT709
        context.color_primaries, context.color_trc = _BT709, _BT709
        self._stream, self.first = stream, Fraction(0)
        self.frames = 0

    def add(self, pixels: np.ndarray, time: Fraction) -> None:
        """Append a frame, ``[H, W, 3]`` bytes; ``time`` is in seconds and later than the frame's before."""
        import av

        if not self.frames:
            self.first = time
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=_BT709, dst_color_range=1)
        frame.pts, frame.time_base = round((time - self.first) / TICK), TICK
        self._container.mux(self._stream.encode(frame))
        self.frames += 1

    def close(self) -> None:
        """Complete the file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        os.replace(self._draft, self.path)

    def drop(self) -> None:
        """Give the part up."""
        import av

        try:
            self._container.close()
        except (OSError, av.FFmpegError) as error:  # what led here is raised by whoever gives up
            log.info("%s was given up: %s", self.path.name, error)
        finally:
            self._draft.unlink(missing_ok=True)


def join(
    parts: Sequence[tuple[Path, Fraction]], end: Fraction, film: Film, out: Path, about: Mapping[str, str]
) -> tuple[str, ...]:
    """Join parts, each with the time of its first frame, into the file ``out``, which is replaced atomically, with the
    film's sound up to the time ``end``; ``about`` is stored as the file's metadata. Returns notes.

    Raises FilmError if it cannot be written."""
    import av

    draft = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        options = {"movflags": "faststart+use_metadata_tags"}
        with ExitStack() as closing, av.open(location(draft), "w", format="mp4", options=options) as container:
            container.metadata.update(about)
            with av.open(location(parts[0][0])) as first:
                video = container.add_stream_from_template(first.streams.video[0])
            sound, notes = _sound(container, film, end, closing) if film.sound else (iter(()), ())
            following = next(sound, None)
            for packet in _packets(parts, end, video):
                while following is not None and following.dts * following.time_base <= packet.dts * packet.time_base:
                    container.mux(following)
                    following = next(sound, None)
                container.mux(packet)
            while following is not None:
                container.mux(following)
                following = next(sound, None)
        os.replace(draft, out)
    except (OSError, av.FFmpegError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FilmError(f"{out.name} could not be written ({reason}): choose another place.") from error
    finally:
        draft.unlink(missing_ok=True)
    return notes


def _packets(parts: Sequence[tuple[Path, Fraction]], end: Fraction, stream: Any) -> Iterator[Any]:
    """Yield the pictures of all parts at their times in the film; each lasts until the next, the last until ``end``."""
    import av

    waiting = None
    for path, since in parts:
        with av.open(location(path)) as container:
            for packet in container.demux(video=0):
                if packet.pts is None:
                    continue
                time = since + packet.pts * packet.time_base
                packet.pts = packet.dts = round(time / TICK)
                packet.time_base, packet.stream = TICK, stream
                if waiting is not None:
                    waiting.duration = packet.pts - waiting.pts
                    yield waiting
                waiting = packet
    if waiting is not None:
        waiting.duration = max(1, round(end / TICK) - waiting.pts)
        yield waiting


def _sound(container: Any, film: Film, end: Fraction, closing: ExitStack) -> tuple[Iterator[Any], tuple[str, ...]]:
    """Add a stream for the film's sound. Returns its packets, up to the time ``end``, and notes. The film's file is
    closed by ``closing``."""
    import av

    source = closing.enter_context(av.open(location(film.path)))
    theirs = source.streams.audio[0]
    if theirs.codec_context is None:
        return iter(()), (f"The sound of {film.name} cannot be read here and was left out.",)
    start, name = begin(film), theirs.codec_context.codec.canonical_name
    if name in SOUND:
        return _copied(source, theirs, container.add_stream_from_template(theirs), start, end), ()
    rate = theirs.rate if theirs.rate in AAC_RATES else max(AAC_RATES)
    notes = (f"The sound of {film.name} ({name}) does not fit into MP4 and was encoded anew as AAC.",)
    return _encoded(source, theirs, container.add_stream("aac", rate=rate), start, end), notes


def _copied(source: Any, theirs: Any, ours: Any, start: Fraction, end: Fraction) -> Iterator[Any]:
    """Yield the packets of a film's sound as they are, counted from the time ``start``, up to ``end``."""
    last = None
    for packet in source.demux(theirs):
        if packet.pts is None or packet.dts is None or (last is not None and packet.dts <= last):
            continue  # an MP4 file takes no two packets of one time
        last, shift = packet.dts, round(start / packet.time_base)
        if (packet.pts - shift) * packet.time_base >= end:
            return
        packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, ours
        yield packet


def _encoded(source: Any, theirs: Any, ours: Any, start: Fraction, end: Fraction) -> Iterator[Any]:
    """Yield the film's sound as new packets. What cannot be decoded is passed over."""
    import av

    for packet in source.demux(theirs):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            continue
        for frame in frames:
            if frame.pts is not None:
                frame.pts -= round(start / frame.time_base)
                if frame.pts * frame.time_base >= end:
                    yield from ours.encode(None)
                    return
            yield from ours.encode(frame)
    yield from ours.encode(None)
