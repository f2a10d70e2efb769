"""Whose colors: the photograph's luma-free part, and clouds of color matched by mean and covariance."""

import numpy as np
import pytest
from PIL import Image

from nst.color import LUMA, keep_colors, luminance, match_colors


def blotches(seed: int, size: tuple[int, int] = (60, 44), low: int = 60, high: int = 190) -> Image.Image:
    """Away from black and white, where a color that does not fit would be cut off."""
    coarse = np.random.default_rng(seed).integers(low, high, (6, 8, 3), np.uint8)
    return Image.fromarray(coarse).resize(size, Image.BICUBIC)


def colors(image: Image.Image) -> np.ndarray:
    return np.asarray(image, np.float64).reshape(-1, 3)


def test_kept_colors_have_the_paintings_luma_and_the_photographs_differences_from_it():
    painted, photo = blotches(1), blotches(2)
    kept = colors(keep_colors(painted, photo))
    assert np.abs(kept @ LUMA - colors(painted) @ LUMA).max() < 1.5
    chroma = colors(photo) - (colors(photo) @ LUMA)[:, None]
    assert np.abs(kept - (kept @ LUMA)[:, None] - chroma).max() < 2


def test_a_photograph_keeps_its_own_colors():
    photo = blotches(3, low=0, high=256)
    assert np.abs(colors(keep_colors(photo, photo)) - colors(photo)).max() <= 1


def test_matched_colors_have_the_mean_and_covariance_asked_for():
    matched, to = colors(match_colors(blotches(4), blotches(5, (90, 30)))), colors(blotches(5, (90, 30)))
    assert np.abs(matched.mean(axis=0) - to.mean(axis=0)).max() < 1
    assert np.abs(np.cov(matched.T) - np.cov(to.T)).max() < 0.06 * np.abs(np.cov(to.T)).max()


def test_matching_a_picture_to_itself_changes_nothing():
    picture = blotches(6)
    assert np.abs(colors(match_colors(picture, picture)) - colors(picture)).max() <= 1


@pytest.mark.parametrize("shape", [(1, 1), (300, 1), (5, 600)])
def test_pictures_of_one_color_or_one_line_can_be_matched(shape):
    plain = Image.new("RGB", shape, (10, 200, 90))
    assert match_colors(plain, blotches(7)).size == shape
    assert np.abs(colors(match_colors(blotches(7), plain)).mean(axis=0) - (10, 200, 90)).max() < 3


def test_luminance_has_no_color_and_the_level_and_contrast_asked_for():
    gray = np.asarray(luminance(blotches(8), like=blotches(9)), np.float64)
    assert (gray[..., 0] == gray[..., 2]).all()
    wanted = np.asarray(blotches(9).convert("L"), np.float64)
    assert abs(gray.mean() - wanted.mean()) < 1
    assert abs(gray[..., 0].std() - wanted.std()) < 1
