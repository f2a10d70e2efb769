"""Read picture files: decode, apply the EXIF orientation, convert to sRGB, keep transparency.

No global state of PIL is changed (no limits, no tolerance for truncated files): a page serves many visitors at once.
"""

import base64
import io
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote_to_bytes

import numpy as np
from PIL import ExifTags, Image, ImageCms

from nst.errors import ImageError

MAX_PIXELS = 64_000_000  # width * height, checked before decoding
MAX_DATA_URL = 20 * 2**20  # bytes of a data: URL

# An explicit list: PIL also opens EPS (by starting Ghostscript) and icons (whose size is known only once decoded).
_KINDS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF", "JPEG2000", "PPM")
_TAGS, _T = ExifTags.Base, Image.Transpose
_UPRIGHT = {2: _T.FLIP_LEFT_RIGHT, 3: _T.ROTATE_180, 4: _T.FLIP_TOP_BOTTOM, 5: _T.TRANSPOSE}  # by EXIF orientation
_UPRIGHT |= {6: _T.ROTATE_270, 7: _T.TRANSVERSE, 8: _T.ROTATE_90}
# What PIL raises on damaged files, found by damaging many; Warning for processes that turn warnings into errors.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, TypeError, LookupError, AttributeError, AssertionError, Warning)
_DAMAGE += (RuntimeError, ArithmeticError, MemoryError, struct.error, ImageCms.PyCMSError, Image.DecompressionBombError)


@dataclass(frozen=True)
class Picture:
    """A decoded picture, as passed between modules."""

    image: Image.Image  # upright, sRGB, mode RGB, transparent parts composited on white
    alpha: Image.Image | None  # mode L, the same size, if the file was transparent anywhere
    name: str  # the file's name for messages, "picture" if there is none
    notes: tuple[str, ...]  # sentences such as "cat.gif is animated: its first frame is used."


Source = str | os.PathLike | bytes | BinaryIO | Image.Image | Picture  # a str is a path or a data: URL


def open_image(source: Source, *, name: str | None = None) -> Picture:
    """Read a picture from a path, bytes, an open binary file, a ``data:`` URL, or a PIL image, which is not modified.

    An open file is read from its current position and stays open; a ``Picture`` is returned as it is. ``name`` is used
    for the picture in messages, by default the file's name. Raises ``ImageError`` for anything but a complete picture
    of at most ``MAX_PIXELS``; its text names the file and says what to do."""
    if isinstance(source, Picture):
        return source
    name = name_of(name or source)
    with opened(source, name) as image:
        notes: tuple[str, ...] = ()
        if getattr(image, "is_animated", False) and image.format != "MPO":  # whose other frames are depth or gain maps
            many = {"TIFF": "has several pages: its first one", "HEIF": "holds several pictures: its main one"}
            notes = (f"{name} {many.get(image.format, 'is animated: its first frame')} is used.",)
        colors, alpha, color_notes = upright_srgb(image, name)
        alpha = alpha if alpha and alpha.getextrema()[0] < 255 else None
        return Picture(on_white(colors, alpha), alpha, name, notes + color_notes)


def size_of(source: Source) -> tuple[int, int]:
    """Return the width and height stored in the file, before the EXIF orientation is applied; pixels are not decoded.

    Raises ImageError as ``open_image`` does, except for errors that only decoding would find."""
    if isinstance(source, Picture):
        return source.image.size
    with opened(source, name_of(source)) as image:
        return image.size


def fit(image: Image.Image, size: int) -> Image.Image:
    """Return a copy whose long side is ``size`` pixels, enlarged or reduced; Lanczos, aspect kept, each side at least
    1."""
    if size < 1:
        raise ImageError(f"A picture cannot be made {size} pixels large: ask for at least 1.")
    width, height = (max(1, round(side * size / max(image.size))) for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def of_area(image: Image.Image, area: float, shortest: int = 1) -> Image.Image:
    """Resize ``image`` to ``area`` pixels by Lanczos. The aspect is kept unless a side would be below ``shortest``; the
    other side is then bounded, so that a picture one pixel high does not become a very long one."""
    scale = (area / (image.width * image.height)) ** 0.5
    longest = max(shortest, int(area) // shortest)
    width, height = (min(longest, max(shortest, round(side * scale))) for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def with_alpha(image: Image.Image, alpha: Image.Image | None) -> Image.Image:
    """Return ``image`` in mode RGBA with ``alpha`` (mode L, any size) restored; ``image`` itself where that is None.
    The white behind half-transparent parts is removed from their colors, so that no pale fringe shows on another
    background."""
    if alpha is None:
        return image
    opacity = np.asarray(alpha if alpha.size == image.size else alpha.resize(image.size, Image.Resampling.LANCZOS))
    pixels = np.array(image.convert("RGB"))
    soft = (opacity > 0) & (opacity < 255)
    pixels[soft] = (255.5 - (255.0 - pixels[soft]) * 255 / opacity[soft, None]).clip(0, 255)
    return Image.fromarray(np.dstack((pixels, opacity)))


def name_of(source: object) -> str:
    path = source if isinstance(source, str | os.PathLike) else getattr(source, "filename", getattr(source, "name", ""))
    text = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""
    return "picture" if text[:5].lower() == "data:" else Path(text).name[-80:] or "picture"


@contextmanager
def opened(source: Source, name: str) -> Iterator[Image.Image]:
    """Yield a PIL image of accepted size, not decoded yet; what PIL raises while it is in use becomes an ImageError."""
    try:
        with nullcontext() if isinstance(source, Image.Image) else _stream(source, name) as stream:
            image = _identified(stream, name) if stream else source
            width, height = image.size
            if not width * height:
                raise ImageError(f"{name} has no pixels, it is {width} x {height}: choose another picture.")
            if width * height > MAX_PIXELS:
                limit = f"make it smaller, up to {MAX_PIXELS / 1e6:.0f} million pixels are accepted"
                raise ImageError(f"{name} is too large, {width} x {height} pixels: {limit}.")
            yield image
    except _DAMAGE as error:
        raise ImageError(f"{name} is damaged or cut short: get it again, or export it as PNG or JPEG.") from error


def _stream(source: Source, name: str) -> BinaryIO:
    """Return the bytes of a source as a new file, to be closed after use."""
    if source is None or (isinstance(source, str) and not source):
        raise ImageError("No picture was given: choose one first.")
    if isinstance(source, str) and source[:5].lower() == "data:":
        return _data_url(source, name)
    if isinstance(source, str) and "://" in source[:12]:
        raise ImageError(f"{source[:80]} is a web address: download the picture first, then give the file.")
    try:
        if isinstance(source, str | os.PathLike):
            return open(source, "rb")
        return io.BytesIO(b"" + (source.read() if hasattr(source, "read") else source))  # only bytes add to bytes
    except TypeError as error:
        kinds = "a path, bytes, a binary file or a PIL image"
        raise ImageError(f"{name} is no picture but of type {type(source).__name__}: give {kinds}.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"{name} could not be opened ({reason}): check its path and permissions.") from error


def _data_url(url: str, name: str) -> BinaryIO:
    if len(url) > MAX_DATA_URL:
        raise ImageError(f"{name} is a data: URL of more than {MAX_DATA_URL // 2**20} MB: send it as a file.")
    header, _, body = url.partition(",")
    data = unquote_to_bytes(body)  # "==" because some encoders omit the padding; excess padding does no harm
    return io.BytesIO(base64.b64decode(data + b"==") if header.lower().rstrip().endswith(";base64") else data)


def _identified(stream: BinaryIO, name: str) -> Image.Image:
    """Return the stream as a lazy PIL image; not by Image.open, whose warnings of large pictures are process-wide."""
    head = stream.read(4096)
    Image.init()
    if head[4:8] == b"ftyp" and head[8:11] in (b"hei", b"hev", b"mif", b"msf"):
        try:
            from pillow_heif import register_heif_opener
        except ImportError as error:
            advice = "install the package pillow-heif, or export it as JPEG"
            raise ImageError(f"{name} is a HEIC picture, which cannot be read here: {advice}.") from error
        register_heif_opener()
    damage = None
    for factory, accepts in (Image.OPEN[kind] for kind in _KINDS if kind in Image.OPEN):
        if accepts(head[:16]) is True:
            stream.seek(0)
            try:
                return factory(stream, name)
            except _DAMAGE as error:  # AVIF and HEIF both claim a container named mif1
                damage = error
    if damage:
        raise damage
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()  # without a UTF-8 byte order mark
    if start.startswith(b"%pdf"):
        raise ImageError(f"{name} is a PDF: export the page as PNG or JPEG.")
    if start.startswith((b"<svg", b"<?xml", b"<!--", b"<!doctype svg")) and b"<svg" in start:
        raise ImageError(f"{name} is an SVG drawing: export it as PNG.")
    what = "is not a picture" if head else "is empty (0 bytes)"
    raise ImageError(f"{name} {what}: choose a JPEG, PNG, WebP, GIF, TIFF, BMP, HEIC or AVIF file.")


def upright_srgb(image: Image.Image, name: str) -> tuple[Image.Image, Image.Image | None, tuple[str, ...]]:
    """Return new pictures without metadata: colors (mode RGB, not composited), alpha (mode L) if there is a channel for
    it, and notes."""
    image.load()
    colors, alpha = _split(image)
    colors, notes = _srgb(colors, image.info.get("icc_profile"), name)
    try:
        turn = _UPRIGHT.get(image.getexif().get(_TAGS.Orientation))
    except _DAMAGE:
        turn = None  # a corrupt EXIF block does not affect the pixels
    if turn is not None:
        colors, alpha = colors.transpose(turn), alpha and alpha.transpose(turn)
    colors.info = {}
    return colors, alpha, notes


def _split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return 8-bit colors (mode L, RGB, CMYK or LAB), and alpha if the picture has a channel for it."""
    if image.mode.startswith(("I", "F")):
        return _eight_bits(image), None
    gray = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        image = image.convert("LA" if gray else "RGBA")
    colors = image if image.mode in ("L", "RGB", "CMYK", "LAB") else image.convert("L" if gray else "RGB")
    return colors, image.getchannel("A") if image.mode in ("LA", "RGBA") else None


def _eight_bits(image: Image.Image) -> Image.Image:
    """Convert 16-bit, 32-bit or float gray to mode L: by the range of its file format, else by a guess from its
    values."""
    tags, values = getattr(image, "tag_v2", {}), np.asarray(image).astype(np.float32)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    black = low if low < -0.1 * abs(high) else 0.0  # a little below 0 is the ringing of a resize, not a range
    white = next((top for top in (1.0, 255.0, 65535.0) if top / 16 < max(high, 0.1) <= top and not black), high)
    if image.mode.startswith("I;16") or (image.format, image.mode) == ("PPM", "I"):
        white = 2.0 ** tags.get(_TAGS.BitsPerSample, (16,))[0] - 1
    values = np.nan_to_num(values, nan=black, posinf=white, neginf=black) - black
    values = (values * (255 / max(white - black, 1e-30))).clip(0, 255)
    if tags.get(_TAGS.PhotometricInterpretation) == 0:  # white is zero, which PIL handles at 8 bits only
        values = 255 - values
    return Image.fromarray((values + 0.5).astype(np.uint8))


def _srgb(colors: Image.Image, profile: bytes | None, name: str) -> tuple[Image.Image, tuple[str, ...]]:
    """Return colors in mode RGB, converted from their ICC profile if they have one, and notes."""
    if colors.mode != "LAB" and not profile:
        note = f"{name} is CMYK without a color profile: its colors are approximate."
        return colors.convert("RGB"), (note,) if colors.mode == "CMYK" else ()
    try:
        source = ImageCms.createProfile("LAB") if colors.mode == "LAB" else io.BytesIO(profile)
        source = ImageCms.ImageCmsProfile(source)
        if source.profile.xcolor_space == "RGB " and colors.mode == "L":
            colors = colors.convert("RGB")
        how = {"renderingIntent": ImageCms.Intent.RELATIVE_COLORIMETRIC, "flags": ImageCms.Flags.BLACKPOINTCOMPENSATION}
        return ImageCms.profileToProfile(colors, source, ImageCms.createProfile("sRGB"), outputMode="RGB", **how), ()
    except _DAMAGE:
        return colors.convert("RGB"), (f"{name} has a color profile that does not fit it: it is read as plain sRGB.",)


def on_white(colors: Image.Image, alpha: Image.Image | None) -> Image.Image:
    return Image.composite(colors, Image.new("RGB", colors.size, "white"), alpha) if alpha else colors
