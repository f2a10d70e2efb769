"""The shipped styles on ONNX Runtime: any size, any dose, every picture its own size."""

import hashlib
import threading

import numpy as np
import pytest
from PIL import Image

import nst
from nst import ImageError, SettingsError, fast


def scene(width: int, height: int, seed: int = 0) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.BICUBIC)


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image, np.float32)


def test_the_catalogue_names_files_that_are_here_unchanged():
    assert [style.id for style in nst.styles()] == list(fast.catalogue())
    for style in nst.styles():
        assert hashlib.sha256(style.file.read_bytes()).hexdigest() == style.sha256
        assert style.file.stat().st_size < 10_000_000
        assert Image.open(style.thumbnail).width >= 256


def test_the_starry_night_is_shipped_and_public_domain():
    style = fast.find("starry-night")
    assert (style.title, style.artist, style.license) == ("The Starry Night", "Vincent van Gogh", "public domain")


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (16, 16), (17, 33), (201, 303), (512, 340)])
def test_the_result_is_as_large_as_the_photo(shape):
    painted = nst.stylize(scene(*shape))
    assert (painted.size, painted.mode) == (shape, "RGB")


def test_a_size_is_the_long_side_of_the_result():
    assert nst.stylize(scene(300, 200), size=120).size == (120, 80)
    assert nst.stylize(scene(30, 60), size=120).size == (60, 120)


def test_strength_zero_gives_the_photo_back():
    photo = scene(130, 90)
    assert np.abs(pixels(nst.stylize(photo, strength=0)) - pixels(photo)).max() <= 1


def test_more_strength_goes_further_from_the_photo():
    photo = scene(256, 192)
    away = [np.abs(pixels(nst.stylize(photo, strength=s)) - pixels(photo)).mean() for s in (0, 0.25, 0.5, 0.75, 1)]
    assert away == sorted(away)
    assert away[-1] > 10


def test_half_the_strength_is_no_fading_of_the_full_painting():
    photo = scene(256, 192)
    half, full = (pixels(nst.stylize(photo, strength=s)) for s in (0.5, 1.0))
    assert np.abs(half - (full + pixels(photo)) / 2).mean() > 3


def test_a_plain_sky_gets_no_grid():
    """The spectrum of a painted plain area has no peak at the network's own strides, 2 and 4 pixels."""
    plain = Image.new("RGB", (256, 256), (120, 160, 210))
    gray = pixels(nst.stylize(plain)).mean(axis=2)[64:192, 64:192]
    spectrum = np.abs(np.fft.fft2((gray - gray.mean()) * np.outer(np.hanning(128), np.hanning(128))))
    for period in (2, 4):
        line = 128 // period
        for row, column in ((0, line), (line, 0), (line, line)):
            around = spectrum[
                np.ix_([(row + d) % 128 for d in range(-6, 7)], [(column + d) % 128 for d in range(-6, 7)])
            ]
            assert spectrum[row, column] < 6 * np.median(around) + 20


def test_transparency_is_put_back():
    photo = scene(64, 48).convert("RGBA")
    photo.putalpha(Image.linear_gradient("L").resize(photo.size))
    painted = nst.stylize(photo)
    assert painted.mode == "RGBA"
    assert np.array_equal(np.asarray(painted.getchannel("A")), np.asarray(photo.getchannel("A")))


def test_the_provider_that_really_runs_is_told():
    painted = nst.stylize(scene(32, 32))
    assert (
        painted.info["provider"]
        == fast.provider()
        == fast.open_model(fast.find("starry-night").file).get_providers()[0]
    )


def test_a_large_photo_is_painted_smaller_enlarged_and_this_is_said(monkeypatch):
    monkeypatch.setattr(fast, "WORKING_PIXELS", 10_000)
    painted = nst.stylize(scene(400, 300))
    assert painted.size == (400, 300)
    assert any("enlarged" in note for note in painted.info["notes"])


@pytest.mark.parametrize("shape", [(20_000, 1), (1, 20_000), (3000, 20)])
def test_a_picture_of_one_line_asks_for_no_more_memory_than_another(shape, monkeypatch):
    monkeypatch.setattr(fast, "WORKING_PIXELS", 10_000)
    seen = []

    def paint(model, image, index, strength):
        seen.append(max(image.width, fast.SMALLEST) * max(image.height, fast.SMALLEST))
        return image

    monkeypatch.setattr(fast, "paint", paint)
    assert nst.stylize(Image.new("RGB", shape)).size == shape
    assert seen[0] <= 10_000


def test_many_threads_share_a_style_and_each_gets_its_own_picture():
    photos = [scene(96, 64, seed) for seed in range(6)]
    expected = [pixels(nst.stylize(photo)) for photo in photos]
    found: list[np.ndarray | None] = [None] * 6

    def paint(number: int) -> None:
        found[number] = pixels(nst.stylize(photos[number]))

    threads = [threading.Thread(target=paint, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, other in zip(expected, found, strict=True):
        assert np.abs(one - other).max() <= 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"style": "mona-lisa"}, "starry-night"),
        ({"style": None}, "starry-night"),
        ({"style": ["starry-night"]}, "starry-night"),
        ({"strength": -0.1}, "1.5"),
        ({"strength": float("nan")}, "1.5"),
        ({"strength": "much"}, "much"),
        ({"size": 8}, "16"),
        ({"size": 100.5}, "whole"),
        ({"size": float("inf")}, "whole"),
        ({"size": "large"}, "large"),
    ],
)
def test_a_wrong_value_is_an_error_that_says_what_is_allowed(options, words):
    with pytest.raises(SettingsError, match=words):
        nst.stylize(scene(32, 32), **options)


def test_what_is_no_photo_is_an_error():
    with pytest.raises(ImageError):
        nst.stylize(b"not a picture")


def test_a_recipe_names_the_style_and_the_very_model():
    recipe = fast.recipe("starry-night", 0.8, 512)
    assert recipe["model"] == fast.find("starry-night").sha256
    assert (recipe["engine"], recipe["style"], recipe["strength"], recipe["size"]) == ("fast", "starry-night", 0.8, 512)
