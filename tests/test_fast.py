"""The shipped styles on ONNX Runtime: any size, any dose, every picture its own size."""

import hashlib
import itertools
import threading
import time

import numpy as np
import pytest
from PIL import Image

import nst
from nst import Cancelled, ImageError, SettingsError
from nst.feedforward import fast, running, styles, tiles
from nst.feedforward.sessions import open_model
from nst.models import MODELS


def scene(width: int, height: int, seed: int = 0) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.BICUBIC)


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image, np.float32)


def test_the_catalogue_names_styles_whose_vectors_and_thumbnails_are_here():
    assert [style.id for style in nst.styles()] == list(fast.catalog())
    for style in nst.styles():
        assert style.vectors.shape == (2, len(styles.identity()))
        assert Image.open(style.thumbnail).width >= 256


def test_all_that_is_shipped_for_the_fast_engine_is_under_ten_megabytes():
    files = [path for path in MODELS.iterdir() if path.is_file() and path.stem != "student"]
    assert sum(path.stat().st_size for path in files) < 10_000_000


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


def test_the_dose_rises_with_the_strength_and_ends_as_the_full_style():
    doses = [fast.dose(strength) for strength in (0, 0.25, 0.5, 0.75, 1, 1.2, 1.5)]
    assert doses == sorted(doses)
    assert (doses[0], doses[1], doses[4], doses[-1]) == (0, 0.5, 1, 1.5)


def test_half_the_strength_is_no_fading_of_the_full_painting():
    photo = scene(256, 192)
    half, full = (pixels(nst.stylize(photo, strength=s)) for s in (0.5, 1.0))
    assert np.abs(half - (full + pixels(photo)) / 2).mean() > 3


def test_a_saved_picture_tells_how_it_was_made(tmp_path):
    nst.save_image(nst.stylize(scene(64, 48), "udnie", 0.8, 64, seed=5), tmp_path / "made.jpg")
    recipe = nst.read_recipe(tmp_path / "made.jpg")
    assert {k: recipe[k] for k in ("engine", "style", "strength", "size", "seed")} == {
        "engine": "fast", "style": "udnie", "strength": 0.8, "size": 64, "seed": 5,
    }  # fmt: skip


@pytest.mark.parametrize("style", fast.catalog())
def test_a_plain_sky_gets_no_grid(style):
    """The spectrum of a painted sky has no visible peak at the network's own strides (2, 4 and 8 pixels): none that
    exceeds half a gray level of 255 and stands out from its surroundings."""
    noise = np.random.default_rng(0).normal(0, 2, (256, 256, 1))
    sky = np.linspace((110, 150, 200), (150, 180, 225), 256)[:, None] + noise
    painted = nst.stylize(Image.fromarray(sky.clip(0, 255).astype(np.uint8)), style)
    gray, window = pixels(painted).mean(axis=2)[64:192, 64:192], np.outer(np.hanning(128), np.hanning(128))
    spectrum = np.abs(np.fft.fft2((gray - gray.mean()) * window)) * 2 / window.sum()
    for period in (2, 4, 8):
        line = 128 // period
        for row, column in ((0, line), (line, 0), (line, line)):
            around = spectrum[
                np.ix_([(row + d) % 128 for d in range(-6, 7)], [(column + d) % 128 for d in range(-6, 7)])
            ]
            assert spectrum[row, column] < max(6 * np.median(around), 0.5), (period, row, column)


def test_transparency_is_put_back():
    photo = scene(64, 48).convert("RGBA")
    photo.putalpha(Image.linear_gradient("L").resize(photo.size))
    painted = nst.stylize(photo)
    assert painted.mode == "RGBA"
    assert np.array_equal(np.asarray(painted.getchannel("A")), np.asarray(photo.getchannel("A")))


def test_the_provider_that_really_runs_is_told():
    painted = nst.stylize(scene(32, 32))
    assert painted.info["provider"] == fast.provider() == open_model(fast.NETWORK).get_providers()[0]


def test_a_photo_beyond_all_bounds_is_painted_smaller_enlarged_and_this_is_said(monkeypatch):
    monkeypatch.setattr(fast, "MOST_PIXELS", 10_000)
    painted = nst.stylize(scene(400, 300))
    assert painted.size == (400, 300)
    assert any("resized" in note for note in painted.info["notes"])


@pytest.mark.parametrize("shape", [(20_000, 1), (1, 20_000), (3000, 20)])
def test_a_picture_of_one_line_asks_for_no_more_memory_than_another(shape, monkeypatch):
    monkeypatch.setattr(fast, "MOST_PIXELS", 10_000)
    seen = []

    def paint(mix, image, *how, **watching):
        seen.append(max(image.width, fast.SMALLEST) * max(image.height, fast.SMALLEST))
        return image

    monkeypatch.setattr(fast, "paint", paint)
    assert nst.stylize(Image.new("RGB", shape)).size == shape
    assert seen[0] <= 10_000


@pytest.fixture
def small_tiles(monkeypatch):
    """Tiles and patches for pictures of a test's size; the margin stays what the network needs."""
    for name, value in {"WHOLE": 10_000, "TILE": 384, "PATCH": 128, "SAMPLE": 20}.items():
        monkeypatch.setattr(tiles, name, value)


def whole_and_tiled(monkeypatch, photo: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    tiled = pixels(nst.stylize(photo, seed=5))
    monkeypatch.setattr(tiles, "WHOLE", 10**9)
    return pixels(nst.stylize(photo, seed=5)), tiled


def test_tiles_with_the_statistics_of_the_whole_are_the_whole(small_tiles, monkeypatch):
    monkeypatch.setattr(tiles, "measure", lambda photo, run: run(tiles.mirrored(photo)[None], [(0, 0)], None)[1])
    whole, tiled = whole_and_tiled(monkeypatch, scene(401, 330))
    assert np.abs(whole - tiled).max() <= 1


def test_tiles_are_nearly_the_whole_and_no_line_shows_where_they_meet(monkeypatch):
    monkeypatch.setattr(tiles, "WHOLE", 500_000)
    whole, tiled = whole_and_tiled(monkeypatch, scene(1024, 640, 3))
    difference = tiled - whole
    assert np.abs(difference).mean() < 2
    # Steps of the difference between neighbors: at a border no larger than elsewhere.
    steps = np.abs(np.diff(difference, axis=1)).mean(axis=(0, 2))
    borders = [part.start - 1 for part in tiles.cut(1024)[1:]]
    assert borders
    assert steps[borders].max() <= steps.mean() + 4 * steps.std()


@pytest.mark.parametrize("length", [1, 7, 801, 1024, 6001])
def test_a_side_is_cut_into_parts_that_follow_each_other_on_the_networks_grid(length):
    parts = tiles.cut(length)
    assert (parts[0].start, parts[-1].stop) == (0, length)
    assert all(one.stop == other.start for one, other in itertools.pairwise(parts))
    assert all(part.start % tiles.MULTIPLE == 0 for part in parts)
    assert all(part.stop - part.start + 2 * tiles.MARGIN <= tiles.TILE for part in parts)


def test_the_margin_is_as_wide_as_the_network_sees():
    """A change of one pixel reaches no further, once the statistics are given."""
    style = {"vector": fast.find("starry-night").vectors[0], "dose": np.array(1, np.float32)}
    run = running.runner(open_model(fast.NETWORK), lambda places, height, width: style, 0, None)
    photo = np.asarray(scene(512, 64))[None].copy()
    known = run(photo, [(0, 0)], None)[1]
    before = run(photo, [(0, 0)], known)[0]
    photo[:, :, 256] = 255 - photo[:, :, 256]
    changed = np.abs(run(photo, [(0, 0)], known)[0].astype(int) - before).max(axis=(0, 1, 3)).nonzero()[0]
    assert changed.size > 8
    assert changed.min() > 256 - tiles.MARGIN
    assert changed.max() < 256 + tiles.MARGIN


def test_progress_is_told_by_tile(small_tiles):
    told = []
    nst.stylize(scene(480, 320), progress=lambda done, total: told.append((done, total)))
    # Said first before the statistics of the whole are measured, which takes seconds with a large photo.
    assert told == [(0, 6), *((n, 6) for n in range(7))]


def test_a_run_that_is_no_longer_wanted_ends_in_the_middle(small_tiles):
    told = []
    with pytest.raises(Cancelled):
        nst.stylize(
            scene(640, 512),
            cancelled=lambda: len(told) > 1,
            progress=lambda *standing: (told.append(standing), time.sleep(4 * running.ASK_AGAIN)),
        )
    assert told[-1][0] < told[-1][1] == 16


def test_what_was_cancelled_can_be_asked_for_again():
    with pytest.raises(Cancelled):
        nst.stylize(scene(2000, 1500), cancelled=lambda: True)
    assert nst.stylize(scene(64, 48), cancelled=lambda: False).size == (64, 48)


def test_a_mixture_lies_between_its_styles_and_differs_from_both():
    photo, (one, other) = scene(160, 120), [style.id for style in nst.styles()[:2]]
    mixed, *alone = (pixels(nst.stylize(photo, mix)) for mix in ({one: 0.6, other: 0.4}, one, other))
    assert all(np.abs(mixed - single).mean() > 1 for single in alone)
    assert np.abs(mixed - alone[0]).mean() < np.abs(alone[1] - alone[0]).mean()


def test_only_the_proportions_of_a_mixture_count():
    one, other = (style.id for style in nst.styles()[:2])
    assert fast.mixture({one: 3, other: 1}) == fast.mixture({one: 0.75, other: 0.25}) == {one: 0.75, other: 0.25}
    assert fast.mixture({one: 2, other: 0}) == fast.mixture(one) == fast.mixture(fast.find(one)) == {one: 1.0}


def test_a_larger_brush_paints_calmer():
    photo = Image.effect_noise((256, 256), 80).convert("RGB")
    rough = [np.abs(np.diff(pixels(nst.stylize(photo, stroke=s)), axis=0)).mean() for s in (0.5, 1, 2)]
    assert rough[2] < rough[1]
    assert nst.stylize(photo, stroke=2).size == nst.stylize(photo, stroke=0.5).size == (256, 256)


def test_the_brush_is_in_the_vector_as_far_as_it_reaches_and_beyond_it_the_picture_is_painted_smaller():
    assert fast.brush(1 / fast.USUAL) == (0, pytest.approx(1))
    assert fast.brush(styles.BROAD / fast.USUAL) == (pytest.approx(1), pytest.approx(1))
    for stroke in (0.5, 0.8, 1, 1.3, 2):
        level, left = fast.brush(stroke)
        assert -fast.BEYOND <= level <= 1 + fast.BEYOND
        assert styles.BROAD**level * left == pytest.approx(stroke * fast.USUAL)


def test_another_seed_paints_another_picture_of_the_same_photo():
    photo = scene(256, 192)
    first, again, other = (pixels(nst.stylize(photo, seed=seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert np.abs(first - other).mean() > 3


def test_a_plain_sky_is_painted():
    """A picture of one color has nothing to hang a stroke on but the stroke field."""
    painted = pixels(nst.stylize(Image.new("RGB", (256, 256), (120, 160, 200)), "starry-night"))
    assert painted.mean(axis=2).std() > 5


def test_the_photos_colors_can_be_kept():
    photo = scene(160, 120)
    for color, channel in (("luminance", "Cb"), ("match", None)):
        painted = nst.stylize(photo, color=color)
        means = np.abs(pixels(painted).mean(axis=(0, 1)) - pixels(photo).mean(axis=(0, 1)))
        if channel is None:
            assert means.max() < 6
        else:
            kept = np.abs(pixels(painted.convert("YCbCr")) - pixels(photo.convert("YCbCr")))[..., 1:].mean()
            own = np.abs(pixels(nst.stylize(photo).convert("YCbCr")) - pixels(photo.convert("YCbCr")))[..., 1:].mean()
            assert kept < 0.5 * own


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
        ({"style": {}}, "mixture"),
        ({"style": {"starry-night": 0}}, "mixture"),
        ({"style": {"starry-night": -1, "great-wave": 2}}, "starry-night"),
        ({"style": {"starry-night": "much"}}, "much"),
        ({"style": {"starry-night": 10**400}}, "1000"),
        ({"style": {"mona-lisa": 1}}, "mona-lisa"),
        ({"stroke": 3}, "stroke"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "whole"),
        ({"color": "sepia"}, "luminance"),
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
    assert recipe["model"] == hashlib.sha256((MODELS / "network.safetensors").read_bytes()).hexdigest()
    assert (recipe["engine"], recipe["style"], recipe["strength"], recipe["size"]) == ("fast", "starry-night", 0.8, 512)


def test_a_recipe_of_a_mixture_names_the_shares():
    recipe = fast.recipe({"starry-night": 3, "great-wave": 1}, 1.0, None, stroke=1.5, color="match", seed=7)
    assert recipe["style"] == {"starry-night": 0.75, "great-wave": 0.25}
    assert (recipe["stroke"], recipe["color"], recipe["seed"]) == (1.5, "match", 7)
