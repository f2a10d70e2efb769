"""Writes films: H.264 in MP4 as every phone plays it, in parts that are joined, with the sound of the film they are of.

Each part is a playable file of its own. A program that is killed in the middle loses the part it was writing, and the
next one goes on from the last part that is complete.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from nst.errors import FilmError
from nst.video.reading import Film

TICK = Fraction(1, 90_000)  # seconds of the clock of the files written; it counts all common frame rates exactly
# Strokes are fine and everywhere, and look soft where H.264 saves. bf: no frame is stored before an earlier one.
QUALITY = {"crf": "17", "preset": "faster", "bf": "0"}
# Sound that MP4 files can hold and players know; any other is encoded anew.
SOUND = {"aac", "mp3", "ac3", "eac3", "opus", "alac", "flac"}
_BT709 = 1  # by H.273: primaries, transfer and matrix


class Part:
    """A part of a film, written frame by frame; a file only once it is closed."""

    def __init__(self, path: Path, size: tuple[int, int], rate: float) -> None:
        import av

        self.path, self._draft = path, path.with_name(f".{path.name}")
        self._container = av.open(str(self._draft), "w", format="mp4")
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
        self._container.close()
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
        with av.open(str(draft), "w", format="mp4", options={"movflags": "faststart+use_metadata_tags"}) as container:
            container.metadata.update(about)
            with av.open(str(parts[0][0])) as first:
                video = container.add_stream_from_template(first.streams.video[0])
            sound, notes = _sound(container, film, end) if film.sound else (iter(()), ())
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
    for path, begin in parts:
        with av.open(str(path)) as container:
            for packet in container.demux(video=0):
                if packet.pts is None:
                    continue
                time = begin + packet.pts * packet.time_base
                packet.pts = packet.dts = round(time / TICK)
                packet.time_base, packet.stream = TICK, stream
                if waiting is not None:
                    waiting.duration = packet.pts - waiting.pts
                    yield waiting
                waiting = packet
    if waiting is not None:
        waiting.duration = max(1, round(end / TICK) - waiting.pts)
        yield waiting


def _sound(container: Any, film: Film, end: Fraction) -> tuple[Iterator[Any], tuple[str, ...]]:
    """Add a stream for the film's sound. Returns its packets, up to the time ``end``, and notes."""
    import av

    source = av.open(str(film.path))
    theirs = source.streams.audio[0]
    begin = _begin(source)
    name = theirs.codec_context.codec.canonical_name
    if name in SOUND:
        ours = container.add_stream_from_template(theirs)

        def copied() -> Iterator[Any]:
            with source:
                for packet in source.demux(theirs):
                    if packet.pts is None:
                        continue
                    shift = round(begin / packet.time_base)
                    if (packet.pts - shift) * packet.time_base >= end:
                        return
                    packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, ours
                    yield packet

        return copied(), ()
    ours = container.add_stream("aac", rate=theirs.rate or 48_000)

    def encoded() -> Iterator[Any]:
        with source:
            for frame in source.decode(theirs):
                if frame.pts is not None:
                    frame.pts -= round(begin / frame.time_base)
                    if frame.pts * frame.time_base >= end:
                        break
                yield from ours.encode(frame)
            yield from ours.encode(None)

    return encoded(), (f"The sound of {film.name} ({name}) does not fit into MP4 and was encoded anew as AAC.",)


def _begin(container: Any) -> Fraction:
    """Return the time of a film's first picture, which is 0 in what is made of it."""
    stream = container.streams.video[0]
    return Fraction((stream.start_time or 0) * stream.time_base)
