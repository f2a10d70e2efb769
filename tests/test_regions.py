"""Several paintings in one picture: weights, masks, and what is said of them."""

import importlib

import numpy as np
import pytest
import torch
from PIL import Image
from thin import thin_vgg19

import nst
from nst import Region, Settings, SettingsError
from nst.backbones import loading
from nst.regions.masks import open_regions

WIDTH, HEIGHT = 96, 72


def picture(seed: int, width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.BICUBIC)


def left_half(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    mask = Image.new("L", (width, height))
    mask.paste(255, (0, 0, width // 2, height))
    return mask


PHOTO = nst.open_image(picture(1))


@pytest.fixture(scope="module")
def published():
    with thin_vgg19() as weights:
        yield weights


@pytest.fixture(autouse=True)
def network(published, monkeypatch):
    monkeypatch.setattr(loading.weights, "vgg19", lambda progress=None: published)
    monkeypatch.setattr(loading, "_networks", {})


def test_shares_add_up_to_what_is_covered_and_follow_the_weights_where_masks_overlap():
    opened = open_regions([Region(picture(2), 3), Region(picture(3), 1, left_half())], PHOTO)
    maps = opened.maps((WIDTH, HEIGHT), edge=0)
    assert maps.shape == (2, 1, HEIGHT, WIDTH)
    assert torch.allclose(maps.sum(dim=0), torch.ones(1, HEIGHT, WIDTH))
    assert float(maps[0, 0, 36, 10]) == pytest.approx(0.75)
    assert float(maps[0, 0, 36, 90]) == pytest.approx(1)


def test_an_edge_is_as_wide_as_asked():
    opened = open_regions([Region(picture(2), mask=left_half())], PHOTO)
    hard, soft = (opened.maps((960, 720), edge)[0, 0, 300] for edge in (0, 10))
    assert int(((hard > 0.03) & (hard < 0.97)).sum()) < 24  # of the mask's own pixels
    between = int(((soft > 0.03) & (soft < 0.97)).sum())
    assert 70 < between < 120


def test_a_mask_of_another_shape_is_stretched_and_said():
    opened = open_regions([Region(picture(2), mask=left_half(50, 50))], PHOTO)
    assert opened.masks[0].size == PHOTO.image.size
    assert "stretched" in opened.notes[0]
    assert not open_regions([Region(picture(2), mask=left_half(192, 144))], PHOTO).notes


def test_what_is_transparent_of_a_mask_is_not_painted():
    drawn = Image.new("RGBA", (WIDTH, HEIGHT), (255, 255, 255, 0))
    drawn.paste((255, 255, 255, 255), (0, 0, 30, HEIGHT))
    mask = open_regions([Region(picture(2), mask=drawn)], PHOTO).masks[0]
    assert mask.getpixel((10, 10)) == 255
    assert mask.getpixel((60, 10)) == 0


@pytest.mark.parametrize(
    "regions",
    [
        [],
        [Region(picture(2), 0)],
        [Region(picture(2), -1)],
        [Region(picture(2), float("nan"))],
        [Region(picture(2), True)],
        [Region(picture(2), mask=Image.new("L", (9, 9)))],
        [picture(2)],
        [Region(picture(2))] * 9,
    ],
)
def test_what_leaves_nothing_to_paint_is_a_sentence(regions):
    with pytest.raises(SettingsError, match=r"[a-z] .*\.$"):
        open_regions(regions, PHOTO)


def test_a_painting_without_a_place_is_left_out_and_said():
    black = Image.new("L", (WIDTH, HEIGHT))
    opened = open_regions([Region(picture(2)), Region(picture(3), mask=black)], PHOTO)
    assert len(opened.paintings) == 1
    assert "no place" in opened.notes[0]


@pytest.mark.parametrize("color", ["style", "luminance", "match"])
def test_where_no_painting_goes_the_photo_stays_to_the_last_bit(color):
    settings = Settings(size=WIDTH, steps=5, edge=4, color=color)
    steps = list(nst.optimize(PHOTO, [Region(picture(2), mask=left_half())], settings))
    made, real = (np.asarray(image, int) for image in (steps[-1].image, PHOTO.image))
    covered = open_regions([Region(picture(2), mask=left_half())], PHOTO).maps((WIDTH, HEIGHT), 4)[0, 0].numpy()
    assert (made[covered == 0] == real[covered == 0]).all()
    assert np.abs(made - real)[covered == 1].mean() > 2


def test_every_place_takes_its_own_painting():
    """Of two plain colors."""
    red, blue = Image.new("RGB", (64, 64), (200, 30, 30)), Image.new("RGB", (64, 64), (30, 30, 200))
    other = Image.fromarray(255 - np.asarray(left_half()))
    settings = Settings(size=WIDTH, steps=20, content_weight=0.02)
    steps = list(nst.optimize(PHOTO, [Region(red, mask=left_half()), Region(blue, mask=other)], settings))
    pixels = np.asarray(steps[-1].image, float) - np.asarray(PHOTO.image, float)
    left, right = pixels[:, :40].mean(axis=(0, 1)), pixels[:, -40:].mean(axis=(0, 1))
    assert left[0] - left[2] > right[0] - right[2] + 5


def test_a_place_that_is_too_large_for_memory_stays_to_the_last_bit_too(monkeypatch):
    module = importlib.import_module("nst.optimization.run")
    monkeypatch.setattr(module.memory, "free", lambda device: 1)
    steps = list(nst.optimize(PHOTO, [Region(picture(2), mask=left_half())], Settings(size=WIDTH, steps=3)))
    assert "enlarged" in " ".join(steps[-1].notes)
    made, real = (np.asarray(image, int) for image in (steps[-1].image, PHOTO.image))
    assert (made[:, 60:] == real[:, 60:]).all()
