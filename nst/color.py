"""The colors of the result: the painting's, or the photograph's (Gatys et al. 2017, "Preserving color").

There are two ways to keep the photograph's: take only the luminance of the painting, or give the painting's colors, as
a distribution in RGB, the mean and covariance of the photograph's.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

COLORS = ("style", "luminance", "match")
"""The painting's colors; its lightness with the photograph's colors; its colors matched to the photograph's."""

# Luma of ITU-R BT.601, the weights that YIQ and JPEG use.
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
FLOOR = 1e-4  # added to variances of colors in 0..1, so that matching does not amplify the noise of a gray picture
SAMPLE = 1_000_000  # pixels that are enough to estimate a picture's colors
BAND = 1_000_000  # pixels processed at a time, so that a large picture needs little extra memory


def keep_colors(painted: Image.Image, photo: Image.Image) -> Image.Image:
    """Return ``painted`` with the colors of ``photo``: its own luma, the photograph's differences from luma.

    Both are RGB and of the same size. "Luminance-only transfer", section 3.2 of the paper."""
    result = np.empty((painted.height, painted.width, 3), np.uint8)
    for rows in _bands(painted):
        made, real = _pixels(painted, rows), _pixels(photo, rows)
        lifted = real + ((made - real) @ LUMA)[..., None]
        result[rows] = _bytes(lifted)
    return Image.fromarray(result)


def match_colors(picture: Image.Image, to: Image.Image) -> Image.Image:
    """Match the mean and covariance of the colors of ``picture`` (RGB) to those of ``to``.

    Each pixel becomes ``A (x - m) + m_to`` with ``A S A^T = S_to`` (section 3.1 of the paper)."""
    mean, covariance = _moments(picture)
    wanted, target = _moments(to)
    turn = least_move(covariance, target)
    result = np.empty((picture.height, picture.width, 3), np.uint8)
    for rows in _bands(picture):
        result[rows] = _bytes((_pixels(picture, rows) - mean) @ turn.T.astype(np.float32) + wanted)
    return Image.fromarray(result)


def least_move(covariance: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the matrix A that turns colors of one covariance S into colors of another, ``A S A^T = S_to``, each
    ``[3, 3]``: of all these, ``S^-1/2 (S^1/2 S_to S^1/2)^1/2 S^-1/2`` moves colors least (Pitié & Kokaram 2007)."""
    root, back = _power(covariance, 0.5), _power(covariance, -0.5)
    return back @ _power(root @ target @ root, 0.5) @ back


def luminance(picture: Image.Image, like: Image.Image | None = None) -> Image.Image:
    """Return the luma of ``picture`` as a gray RGB picture; with ``like``, shifted and scaled to the mean and standard
    deviation of its luma (section 3.2 of the paper, eq. 10)."""
    gray = picture.convert("L")
    if like is not None:
        mean, spread = _level(gray)
        wanted, target = _level(like.convert("L"))
        gain = target / max(spread, 1.0)
        gray = gray.point([min(255, max(0, round(wanted + gain * (level - mean)))) for level in range(256)])
    return gray.convert("RGB")


def _level(gray: Image.Image) -> tuple[float, float]:
    """Return the mean and standard deviation of an "L" picture, in 0..255."""
    counts = np.array(gray.histogram(), np.float64)
    levels = np.arange(256)
    mean = float(counts @ levels / counts.sum())
    return mean, float((counts @ (levels - mean) ** 2 / counts.sum()) ** 0.5)


def _bands(picture: Image.Image) -> list[slice]:
    rows = max(1, BAND // picture.width)
    return [slice(top, min(top + rows, picture.height)) for top in range(0, picture.height, rows)]


def _pixels(picture: Image.Image, rows: slice) -> np.ndarray:
    band = picture.crop((0, rows.start, picture.width, rows.stop))
    return np.asarray(band, np.float32) / 255


def _bytes(colors: np.ndarray) -> np.ndarray:
    return (colors.clip(0, 1) * 255 + 0.5).astype(np.uint8)


def _moments(picture: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean ``[3]`` and covariance ``[3, 3]`` of the colors in 0..1."""
    every = max(1, picture.width * picture.height // SAMPLE)
    colors = np.asarray(picture).reshape(-1, 3)[::every] / 255.0
    covariance = np.cov(colors, rowvar=False) if len(colors) > 1 else np.zeros((3, 3))
    return colors.mean(axis=0).astype(np.float32), covariance + FLOOR * np.eye(3)


def _power(matrix: np.ndarray, exponent: float) -> np.ndarray:
    """Raise a symmetric positive matrix to a power."""
    values, vectors = np.linalg.eigh(matrix)
    return vectors * values.clip(FLOOR**2) ** exponent @ vectors.T
