"""The stroke field: smooth noise at several scales that lets the network paint where a photograph is flat.

Instance normalization maps a constant to a constant, so without the field an empty sky stays empty. Each channel is
white noise on a square lattice, smoothed by a cubic B-spline. A lattice value is a hash of its coordinates, its channel
and the seed, so the field depends on pixel coordinates alone: the tiles of a picture match, and the same seed paints
the same picture again.
"""

from __future__ import annotations

import numpy as np

# Distances between lattice points in pixels, one per channel. None is a multiple or a divisor of the network's stride,
# which would turn the field into a grid. The larger scales have two channels each, so that shapes can have a direction.
SCALES = (4.7, 9.3, 18.7, 18.7, 37.3, 37.3, 66.1, 66.1)
CHANNELS = len(SCALES)

_VARIANCE = (151 / 315) ** 2  # of white noise of variance 1 after a cubic B-spline along both axes
_MIX = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)  # splitmix64 (Steele, Lea & Flood 2014)


def stroke_field(height: int, width: int, seed: int = 0, top: int = 0, left: int = 0) -> np.ndarray:
    """Return the field for the pixels of a picture from row ``top`` and column ``left`` on:
    ``[CHANNELS, height, width]`` float32, each channel with mean 0 and variance 1."""
    field = np.zeros((CHANNELS, height, width), np.float32)
    buffer = np.empty((height, width), np.float32)
    for channel, scale in enumerate(SCALES):
        rows, down = _spline(height, top, scale, channel)
        columns, across = _spline(width, left, scale, channel + CHANNELS)
        row, column = rows[0], columns[0]
        points = (np.arange(row, rows[-1] + 4)[:, None], np.arange(column, columns[-1] + 4)[None])
        lattice = _noise(*points, channel, seed)
        # Sums of four terms, not matrix products, whose threads would keep spinning and slow down the network.
        wide = sum(lattice[:, columns - column + near] * across[near] for near in range(4))
        for near in range(4):
            np.take(wide, rows - row + near, axis=0, out=buffer)
            buffer *= down[near][:, None]
            field[channel] += buffer
    return field


def _spline(length: int, start: int, scale: float, phase: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first of the four lattice points around each pixel, ``[length]``, and the weights of the four,
    ``[4, length]``. Each channel's lattice is shifted by its ``phase``, so that no two lattices share points."""
    places = (np.arange(start, start + length) + 0.5) / scale + phase * 0.618
    first = np.floor(places).astype(np.int64) - 1
    distance = np.abs(places - first - np.arange(4)[:, None])
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = np.clip(2 - distance, 0, None) ** 3 / 6
    weights = np.where(distance < 1, near, far) / _VARIANCE**0.25
    return first, weights.astype(np.float32)


def _noise(rows: np.ndarray, columns: np.ndarray, channel: int, seed: int) -> np.ndarray:
    """Return white noise of variance 1 at these lattice points: uniform, from a hash."""
    with np.errstate(over="ignore"):
        golden, *multipliers = (np.uint64(number) for number in _MIX)
        z = np.uint64(seed * CHANNELS + channel + 1) * golden
        for coordinate in (rows, columns):
            z = (z ^ coordinate.astype(np.int64).astype(np.uint64)) + golden
            for shift, multiplier in zip((30, 27), multipliers, strict=True):
                z = (z ^ (z >> np.uint64(shift))) * multiplier
            z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(40)).astype(np.float32) / 2**23 - 1) * np.float32(3**0.5)
