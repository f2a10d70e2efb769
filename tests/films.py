"""Films that the tests draw: a disc that moves over a checkered ground, with a tone in the second half as sound."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

RATE = 12


def drawn(width: int, height: int, frames: int) -> Iterator[np.ndarray]:
    """Frames ``[H, W, 3]`` bytes: the upper left quarter is reddish, so that it is seen which side is up."""
    y, x = np.mgrid[:height, :width]
    ground = np.stack([90 + 60 * (((x // 8) + (y // 8)) % 2)] * 3, axis=-1).astype(np.uint8)
    ground[: height // 2, : width // 2, 0] = 250
    for n in range(frames):
        frame = ground.copy()
        center = width * (0.3 + 0.4 * n / max(1, frames - 1))
        frame[(x - center) ** 2 + (y - height / 2) ** 2 < (height / 5) ** 2] = (40, 70, 200)
        yield frame


def film(
    path: Path,
    size: tuple[int, int] = (96, 64),
    frames: int = 12,
    *,
    sound: str | None = "aac",
    codec: str = "libx264",
    pixels: str = "yuv420p",
    times: list[float] | None = None,
    turned: int = 0,
    transfer: int | None = None,
) -> Path:
    """Write a film. ``times`` are its frames' times in seconds; ``turned`` the degrees by which a player turns it;
    ``transfer`` how its values stand for light, by H.273's numbers."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.width, stream.height = size
        stream.pix_fmt, stream.codec_context.gop_size = pixels, RATE
        clock = Fraction(1, 600) if times else Fraction(1, RATE)
        stream.time_base = stream.codec_context.time_base = clock
        if transfer is not None:
            stream.codec_context.color_trc, stream.codec_context.color_primaries = transfer, 9
            stream.codec_context.colorspace = 9
        if turned:
            stream.set_display_rotation(turned)
        voice = container.add_stream(sound, rate=48_000) if sound else None
        times = times or [n / RATE for n in range(frames)]
        for time, picture in zip(times, drawn(*size, len(times)), strict=True):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = round(time / clock), clock
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if voice:
            length = times[-1] + 1 / RATE
            tone = (8000 * np.sin(np.arange(int(48_000 * length)) * 2 * np.pi * 440 / 48_000)).astype(np.int16)
            tone[: len(tone) // 2] = 0
            for start in range(0, len(tone), 1024):
                part = av.AudioFrame.from_ndarray(tone[None, start : start + 1024], format="s16", layout="mono")
                part.sample_rate, part.pts = 48_000, start
                container.mux(voice.encode(part))
            container.mux(voice.encode(None))
    return path


def animation(path: Path, size: tuple[int, int] = (96, 64), frames: int = 6, milliseconds: int = 80) -> Path:
    """Write an animated GIF or WebP picture."""
    first, *others = (Image.fromarray(frame) for frame in drawn(*size, frames))
    first.save(path, save_all=True, append_images=others, duration=milliseconds, loop=0)
    return path


def onset(path: Path) -> float:
    """Seconds from a film's first picture to where the tone begins."""
    with av.open(str(path)) as container:
        picture = next(container.decode(video=0)).time
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            loud = np.flatnonzero(np.abs(frame.to_ndarray()[0]) > 0.05)
            if loud.size:
                return frame.time + loud[0] / frame.sample_rate - picture
    raise AssertionError(f"{path} is silent")


def sounds(path: Path) -> list[bytes]:
    """The packets of a film's sound."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]
