"""A painting and where it goes, said by a mask or by a colored drawing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from nst.errors import SettingsError
from nst.images import Source

MAX_PAINTINGS = 8  # most paintings in one picture: each costs a Gram matrix at every layer and step
MAX_WEIGHT = 1000  # largest weight; only the proportions of weights count
SECOND, STAYS = (232, 89, 12), (25, 113, 194)  # colors of a drawing: the second painting's places, and the photograph's
NEAR = 100  # distance in RGB up to which a color counts as one of these: browsers blend the edges of strokes


@dataclass(frozen=True)
class Region:
    """A painting and where it goes: everywhere, or where ``mask`` is white. ``weight`` is its proportion where it
    shares a place with others. ``part`` is another mask, on the painting: its style is that of the white part alone.
    Sources are what ``open_image`` reads; a mask's colors count by their lightness."""

    painting: Source
    weight: float = 1.0
    mask: Source | None = None
    part: Source | None = None


def drawn_regions(
    first: Source, second: Source | None, share: float, drawing: Image.Image | None
) -> Source | list[Region]:
    """Return the style input of ``optimize`` for two paintings and a drawing.

    The drawing, of any mode and size, has ``SECOND`` where the second painting goes and ``STAYS`` where the photograph
    stays; the first painting goes elsewhere. If the second has no place of its own, the two share the picture,
    ``share`` (0..1) being the second's.

    Raises SettingsError if the drawing needs a second painting and there is none."""
    stays = there = None
    if drawing is not None:
        pixels = np.asarray(drawing.convert("RGBA"), np.int32)
        opaque = pixels[..., 3] >= 128
        there, stays = (opaque & (np.abs(pixels[..., :3] - color).sum(axis=2) < NEAR) for color in (SECOND, STAYS))
    placed, kept = (found is not None and bool(found.any()) for found in (there, stays))
    if second is None:
        if placed:
            raise SettingsError("The drawing says where a second painting goes: choose one, or erase what is orange.")
        return [Region(first, mask=white(~stays))] if kept else first
    if placed:
        return [Region(first, mask=white(~there & ~stays)), Region(second, mask=white(there))]
    mask = white(~stays) if kept else None
    return [Region(first, 1 - share, mask), Region(second, share, mask)]


def white(place: np.ndarray) -> Image.Image:
    """Return a mask (mode L) that is white where ``place`` ``[H, W]`` is true."""
    return Image.fromarray(place.astype(np.uint8) * 255)
