"""Paints a large photograph in tiles that share the statistics of the whole picture.

Instance normalization makes every pixel depend on the whole picture. So the statistics of the network's normalizations
are measured first, on patches spread over the photograph, and every tile is painted with them, and with a margin that
covers the receptive field. No blending is needed where tiles meet.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

SMALLEST, MULTIPLE = 16, 8  # of the input's sides, in pixels: the network halves them three times
WHOLE = 3_200_000  # pixels; larger pictures are painted in tiles
TILE, MARGIN = 1024, 112  # sides in pixels; the receptive field reaches less far than the margin
PATCH, SAMPLE = 384, 28  # side in pixels and maximum number of the patches that a larger picture is measured on

Place = tuple[int, int]
"""Row and column of a picture's first pixel in the whole."""
Run = Callable[[np.ndarray, list[Place], np.ndarray | None], tuple[np.ndarray, np.ndarray]]
"""Pictures ``[N, H, W, 3]`` of bytes that stand at these places, painted with the statistics given, or with their own;
and these."""


def paint(pixels: np.ndarray, run: Run, progress: Callable[[int, int], None] | None = None) -> np.ndarray:
    """Paint ``[H, W, 3]`` bytes; ``progress(tiles done, tiles in all)`` is called for each tile."""
    height, width = pixels.shape[:2]
    progress = progress or (lambda done, total: None)
    if max(height, SMALLEST) * max(width, SMALLEST) <= WHOLE:
        places, known = [(slice(0, height), slice(0, width))], None
    else:
        places = [(rows, columns) for rows in cut(height) for columns in cut(width)]
        progress(0, len(places))  # before the statistics, which take seconds
        known = measure(pixels, run)
    result = np.empty((height, width, 3), np.uint8)
    for number, (rows, columns) in enumerate(places):
        progress(number, len(places))
        top, left = max(0, rows.start - MARGIN), max(0, columns.start - MARGIN)
        around = pixels[top : rows.stop + MARGIN, left : columns.stop + MARGIN]
        made = run(mirrored(around)[None], [(top, left)], known)[0][0]
        down, right = rows.start - top, columns.start - left
        result[rows, columns] = made[down:, right:][: rows.stop - rows.start, : columns.stop - columns.start]
    progress(len(places), len(places))
    return result


def measure(pixels: np.ndarray, run: Run) -> np.ndarray:
    """Measure the statistics of a large picture on patches in a regular grid over it."""
    height, width = pixels.shape[:2]
    # Enough to cover the picture, or as many as ``SAMPLE`` allows, so that no part counts more than another.
    rows, columns = (max(1, round(length / PATCH)) for length in (height, width))
    tall, wide = (
        min(length, -(-length // (count * MULTIPLE)) * MULTIPLE) for length, count in ((height, rows), (width, columns))
    )
    down = max(1, min(rows, SAMPLE, int((SAMPLE * rows / columns) ** 0.5)))
    across = max(1, min(columns, SAMPLE // down))
    places = [(top, left) for top in spread(height, tall, down) for left in spread(width, wide, across)]
    patches = [mirrored(pixels[top : top + tall, left : left + wide]) for top, left in places]
    return run(np.stack(patches), places, None)[1]


def cut(length: int) -> list[slice]:
    """Split a side into parts of about equal length, multiples of ``MULTIPLE``: as few as fit in ``TILE``."""
    parts = max(1, -(-length // (TILE - 2 * MARGIN)))
    part = -(-length // (parts * MULTIPLE)) * MULTIPLE
    return [slice(start, min(start + part, length)) for start in range(0, length, part)]


def spread(length: int, part: int, count: int) -> list[int]:
    """Return where ``count`` parts begin, each in the middle of its share of the length."""
    middles = (length * (2 * n + 1) / (2 * count) for n in range(count))
    return [min(max(0, round(middle - part / 2)), length - part) for middle in middles]


def mirrored(pixels: np.ndarray) -> np.ndarray:
    """Pad ``pixels`` by mirroring at the edge until the network can take both sides."""
    below, right = (max(SMALLEST, -(-side // MULTIPLE) * MULTIPLE) - side for side in pixels.shape[:2])
    return np.pad(pixels, ((0, below), (0, right), (0, 0)), mode="symmetric")
