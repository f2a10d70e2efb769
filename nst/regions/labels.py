"""Which part of a photograph takes its look from which part of a reference: masks of flat colors, or gray ones.

As in Luan et al. (2017), a color marks the same kind of thing in both pictures: sky and sky, water and water.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from nst.errors import SettingsError
from nst.images import Picture, Source, open_image
from nst.regions.region import MAX_PAINTINGS, Region, white

SAME = 100  # sum of absolute differences in RGB up to which two colors are the same: masks are often saved as JPEG
SMALLEST = 0.002  # share of a picture from which a color counts: less is the edge between two others

Masks = Source | list[Source] | tuple[Source, ...] | None


def pair_regions(
    photo: Picture,
    reference: Picture,
    masks: Masks,
    reference_masks: Masks,
) -> tuple[list[Region], tuple[str, ...]]:
    """Return the regions of the photograph, each with its part of the reference, and notes.

    Masks are given as two pictures of flat colors, or as two lists of gray ones that belong together in order, or not
    at all: then there is one region, everything. Raises SettingsError for anything else, ImageError for what is not a
    picture."""
    if masks is None and reference_masks is None:
        return [Region(reference)], ()
    if masks is None or reference_masks is None:
        raise SettingsError("Masks come in pairs: give those of the photo and those of the reference, or neither.")
    if not isinstance(masks, list | tuple) and not isinstance(reference_masks, list | tuple):
        return _colored(photo, reference, open_image(masks), open_image(reference_masks))
    if not isinstance(masks, list | tuple) or not isinstance(reference_masks, list | tuple):
        raise SettingsError("Give both masks as pictures of flat colors, or both as lists of gray pictures.")
    if len(masks) != len(reference_masks):
        raise SettingsError(
            f"Give as many masks of the reference as of the photo; here are {len(reference_masks)} and {len(masks)}."
        )
    return [Region(reference, mask=m, part=p) for m, p in zip(masks, reference_masks, strict=True)], ()


def _colored(photo: Picture, reference: Picture, mask: Picture, part: Picture) -> tuple[list[Region], tuple[str, ...]]:
    ours, theirs = (
        opened.image.resize(picture.image.size, Image.Resampling.NEAREST)
        for opened, picture in ((mask, photo), (part, reference))
    )
    colors = _colors(ours)
    places, parts = _nearest(ours, colors, 3 * 255), _nearest(theirs, colors, SAME)
    regions, missing = [], 0
    for number in range(len(colors)):
        there = parts == number
        enough = bool(there.mean() >= SMALLEST)
        missing += not enough
        regions.append(Region(reference, mask=white(places == number), part=white(there) if enough else None))
    notes: tuple[str, ...] = ()
    if missing:
        notes = (
            f"Of the {len(colors)} colors in the photo's mask, {missing} are not in the reference's: these regions "
            "take their look from all of the reference.",
        )
    return regions, notes


def _colors(mask: Image.Image) -> np.ndarray:
    """Return the colors that a mask consists of, the most frequent first, ``[K, 3]``. Edges do not count: resized
    masks have colors there that mean nothing."""
    mask = mask.convert("RGB")
    pixels = np.asarray(mask, np.int16)
    most, least = (
        np.asarray(mask.filter(kind(3)), np.int16) for kind in (ImageFilter.MaxFilter, ImageFilter.MinFilter)
    )
    flat = (most - least).sum(axis=2) <= SAME / 4
    found, counts = np.unique(pixels[flat] if flat.any() else pixels.reshape(-1, 3), axis=0, return_counts=True)
    chosen: list[np.ndarray] = []
    for color in found[np.argsort(-counts, kind="stable")]:
        if len(chosen) < MAX_PAINTINGS and all(np.abs(color - other).sum() > SAME for other in chosen):
            near = np.abs(found - color).sum(axis=1) <= SAME
            if not chosen or counts[near].sum() >= SMALLEST * counts.sum():
                chosen.append(color)
    return np.array(chosen)


def _nearest(mask: Image.Image, colors: np.ndarray, reach: int) -> np.ndarray:
    """Return the number of the nearest color at every pixel, or -1 where none is within ``reach``."""
    pixels = np.asarray(mask.convert("RGB"), np.int16)
    distances = np.stack([np.abs(pixels - color.astype(np.int16)).sum(axis=2) for color in colors])
    return np.where(distances.min(axis=0) <= reach, distances.argmin(axis=0), -1)
