"""Write pictures with the recipe that made them, and read the recipe back."""

from __future__ import annotations

import io
import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Literal

from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from nst.errors import ImageError
from nst.images import Picture, Source, name_of, on_white, opened, upright_srgb

_SUFFIXES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}


def save_image(
    image: Image.Image,
    target: str | os.PathLike | BinaryIO,
    *,
    recipe: Mapping[str, Any] | None = None,
    format: Literal["PNG", "JPEG"] | None = None,
    quality: int = 95,
) -> None:
    """Write a picture as PNG or JPEG, tagged as sRGB, with ``recipe`` embedded as JSON for ``read_recipe``. Without
    ``recipe``, a picture made by this program keeps its own (``image.info["recipe"]``).

    Without ``format``, the target's suffix decides. PNG keeps transparency; JPEG composites it on white and keeps full
    color resolution. None of the picture's own metadata (EXIF, location, comments) is written. A file given by its path
    is replaced atomically. Raises ``ImageError`` for another format or a target that cannot be written."""
    name = name_of(target)
    kind = format.upper() if format else _SUFFIXES.get(Path(name).suffix.lower())
    if kind not in ("PNG", "JPEG"):
        raise ImageError(f"{name} can be saved as PNG or JPEG only: let its name end in .png or .jpg.")
    recipe = image.info.get("recipe") if recipe is None else recipe
    text = "" if recipe is None else json.dumps(dict(recipe), default=str)  # ASCII, as a JPEG comment has no encoding
    with opened(image, name) as source:
        colors, alpha, _ = upright_srgb(source, name)
    data = io.BytesIO()
    try:
        if kind == "PNG":
            chunks = PngInfo()
            if text:
                chunks.add_itxt("nst", text)
            image = Image.merge("RGBA", (*colors.split(), alpha)) if alpha else colors
            image.save(data, "PNG", icc_profile=_srgb_profile(), pnginfo=chunks)
        else:
            options = {"comment": f"nst:{text}".encode() if text else b"", "subsampling": "4:4:4", "quality": quality}
            on_white(colors, alpha).save(data, "JPEG", icc_profile=_srgb_profile(), **options)
        if isinstance(target, str | os.PathLike):
            _replace(os.path.realpath(target), data.getvalue())
        else:
            target.write(data.getvalue())
    except (OSError, ValueError, TypeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"{name} could not be written ({reason}): choose another place or kind of file.") from error


def read_recipe(source: Source) -> dict[str, Any] | None:
    """Return the recipe that ``save_image`` embedded in a PNG or JPEG; None if there is none, or it is not this
    program's.

    Raises ``ImageError`` only if ``source`` cannot be opened as a picture at all."""
    with opened(source.image if isinstance(source, Picture) else source, name_of(source)) as image:
        comments = [text for marker, text in getattr(image, "applist", ()) if marker == "COM"]
        texts = [text[4:] for text in comments if text.startswith(b"nst:")] or [image.info.get("nst")]
    try:
        recipe = json.loads(texts[-1])
    except (TypeError, ValueError, RecursionError):
        return None
    return recipe if isinstance(recipe, dict) else None


def _srgb_profile() -> bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile[:24] + struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + profile[36:]  # no date: equal pictures, equal files


def _replace(path: str, data: bytes) -> None:
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError("it is not a file")
    draft = os.path.join(os.path.dirname(path), f".{os.urandom(8).hex()}.tmp")
    try:
        with open(draft, "xb") as file:
            file.write(data)
        os.replace(draft, path)
    finally:
        Path(draft).unlink(missing_ok=True)
