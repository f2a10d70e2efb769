"""Styles as vectors: files of them, mixtures, and the style of any painting."""

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save

import nst
from nst import SettingsError
from nst.drawings import DRAWINGS
from nst.feedforward import fast, styles


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image, np.float32)


def photo() -> Image.Image:
    coarse = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    return Image.fromarray(coarse).resize((160, 120), Image.BICUBIC)


def test_a_style_is_saved_as_a_small_file_and_comes_back_with_all_its_words(tmp_path):
    style = nst.styles()[3]
    style.save(tmp_path / "a.nst")
    assert (tmp_path / "a.nst").stat().st_size < 16_000
    again = nst.open_style(tmp_path / "a.nst")
    words = ("title", "artist", "year", "license")
    assert [getattr(again, word) for word in words] == [getattr(style, word) for word in words]
    assert np.array_equal(again.vectors, style.vectors)
    assert np.array_equal(pixels(nst.stylize(photo(), again)), pixels(nst.stylize(photo(), style)))


def test_a_style_of_ones_own_mixes_with_those_of_the_catalogue():
    own = nst.open_style(nst.styles()[1].to_bytes())
    mixed = nst.stylize(photo(), {own: 1, "starry-night": 1})
    assert np.array_equal(pixels(mixed), pixels(nst.stylize(photo(), {"great-wave": 1, "starry-night": 1})))
    assert fast.mixture({own: 3, "udnie": 1}) == {own.id: 0.75, "udnie": 0.25}


def test_the_same_style_named_twice_counts_twice():
    one = nst.styles()[0]
    assert fast.mixture({one.id: 1, one: 1, "udnie": 2}) == {one.id: 0.5, "udnie": 0.5}


def test_a_recipe_tells_what_a_style_of_ones_own_is_called():
    own = nst.style_of(DRAWINGS["wind"]())
    assert fast.recipe(own, 1.0, None)["titles"] == {own.id: own.title}
    assert "titles" not in fast.recipe("udnie", 1.0, None)


def made(**changes) -> bytes:
    vectors = changes.pop("vectors", np.zeros((2, len(styles.identity())), np.float16))
    told = {"format": styles.FORMAT, "network": styles.network_digest(), "title": "One"} | changes
    return save({"vectors": vectors}, told)


def test_a_file_with_what_is_needed_is_taken_and_long_words_are_cut():
    assert nst.open_style(made()).title == "One"
    assert len(nst.open_style(made(title="x" * 5000)).title) == styles.LONGEST


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no style"),
        (b"not a style at all", "no style"),
        (b"\x80\x04\x95pickled", "no style"),
        (made()[:-1], "no style"),
        (made(format="another"), "no style"),
        (made(network="0" * 64), "another version"),
        (made(vectors=np.zeros((2, 7), np.float16)), "another version"),
        (made(vectors=np.zeros((2, len(styles.identity())), np.float32)), "no style"),
        (made(vectors=np.full((2, len(styles.identity())), np.nan, np.float16)), "no style"),
        (made(vectors=np.full((2, len(styles.identity())), 60_000, np.float16)), "no style"),
        (save({"other": np.zeros(3)}, {"format": styles.FORMAT}), "no style"),
        (bytes(styles.LARGEST + 1), "too large"),
    ],
)
def test_what_is_no_style_is_refused_with_a_sentence(data, words, tmp_path):
    (tmp_path / "some.nst").write_bytes(data)
    for source in (data, tmp_path / "some.nst"):
        with pytest.raises(SettingsError, match=words):
            nst.open_style(source)


def test_a_file_that_is_not_there_is_said_by_name(tmp_path):
    with pytest.raises(SettingsError, match=r"gone\.nst"):
        nst.open_style(tmp_path / "gone.nst")


@pytest.mark.parametrize("drawing", DRAWINGS)
def test_any_painting_gives_a_style_at_once(drawing):
    painting = DRAWINGS[drawing]()
    style = nst.style_of(painting)
    assert style.vectors.shape == (2, len(styles.identity()))
    painted = nst.stylize(photo(), painting=painting)
    assert np.array_equal(pixels(painted), pixels(nst.stylize(photo(), style)))
    assert np.abs(pixels(painted) - pixels(photo())).mean() > 10


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (40, 20)])
def test_a_very_small_painting_gives_a_style_too(size):
    assert np.isfinite(nst.style_of(Image.new("RGB", size, "red")).vectors).all()


def test_what_is_no_painting_is_an_error():
    with pytest.raises(nst.ImageError):
        nst.stylize(photo(), painting=b"not a picture")
