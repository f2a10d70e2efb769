"""What visitors send comes out upright and in sRGB, or is refused with words; what is saved can be read again."""

import base64
import contextlib
import io
import json
import os
import random
import sys
import urllib.parse
import warnings
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from pictures import (
    ALPHAS,
    BAD_CASES,
    CASES,
    CENTERS,
    COLORS,
    GOOD_CASES,
    P3_PROFILE,
    STORED,
    encode,
    exif,
    heic,
    png,
    scene,
    turned,
)
from PIL import Image, ImageCms, ImageFile, JpegImagePlugin, PngImagePlugin

from nst import images
from nst.errors import ImageError
from nst.images import Picture, fit, open_image, with_alpha
from nst.saving import read_recipe, save_image

CLEAR = scene([(*color, alpha) for color, alpha in zip(COLORS, ALPHAS, strict=True)], "RGBA")
RECIPE = {"program": "nst 1.0", "style": "A Noite Estrelada – 星月夜", "settings": {"size": 512, "strength": 0.75}}


def sent(case, way: str, folder: Path):
    if way == "path":
        (folder / case.name).write_bytes(case.data)
        return folder / case.name
    if way == "PIL":
        pillow_heif.register_heif_opener()
        return Image.open(io.BytesIO(case.data))
    return {"bytes": case.data, "file": io.BytesIO(case.data), "data": case.data_url}[way]


@pytest.mark.parametrize("way", ["path", "bytes", "file", "data", "PIL"])
@pytest.mark.parametrize("case", GOOD_CASES, ids=lambda case: case.name)
def test_every_kind_of_picture_shows_its_known_pixels(case, way, tmp_path):
    picture = open_image(sent(case, way, tmp_path), name=case.name)
    assert (picture.name, picture.image.mode, picture.image.info) == (case.name, "RGB", {})
    case.assert_shown_by(picture.image)
    if case.alpha is None:
        assert picture.alpha is None
    else:
        assert (picture.alpha.mode, picture.alpha.size) == ("L", case.size)
        assert {place: picture.alpha.getpixel(place) for place in case.alpha} == case.alpha
    assert len(picture.notes) == bool(case.note)
    assert all(case.note in note and note.startswith(case.name) for note in picture.notes)


@pytest.mark.parametrize("way", ["path", "bytes", "file", "data"])
@pytest.mark.parametrize("case", BAD_CASES, ids=lambda case: case.name)
def test_what_is_no_whole_picture_is_refused_with_its_name_and_what_to_do(case, way, tmp_path):
    with pytest.raises(ImageError) as refusal:
        open_image(sent(case, way, tmp_path), name=case.name)
    text = str(refusal.value)
    assert text.startswith(case.name)
    assert case.error in text


def test_the_list_of_kinds_is_long_and_names_each_once():
    assert len(GOOD_CASES) >= 30
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", ["JPEG", "HEIF", "AVIF"])
def test_a_rotated_phone_photo_comes_out_upright(kind, orientation):
    data = turned(kind, orientation)
    assert kind == "JPEG" or b"irot" in data or b"imir" in data  # these turn by a box of their own, beside the EXIF
    image = open_image(data).image
    assert image.size == (48, 32)
    assert np.abs(np.array([image.getpixel(p) for p in CENTERS]) - COLORS).max() <= 8


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_photo_with_garbled_exif_is_read_as_it_is_stored():
    data = encode(scene(), "PNG", exif=b"Exif\0\0MM\0*\0\0\xff\xff garbage")
    assert open_image(data).image.tobytes() == scene().tobytes()


def test_one_photo_saved_in_many_kinds_comes_out_the_same():
    photo = fit(Image.frombytes("RGB", (9, 6), np.random.default_rng(3).bytes(162)), 150)
    kinds = {kind: encode(photo, kind) for kind in ("PNG", "TIFF", "BMP", "PPM", "JPEG2000")}
    kinds["WEBP"] = encode(photo, "WEBP", lossless=True)
    kinds |= {"JPEG": encode(photo, "JPEG", quality=95), "AVIF": encode(photo, "AVIF", quality=90), "HEIC": heic(photo)}
    for kind, data in kinds.items():
        distance = np.abs(np.asarray(open_image(data).image, dtype=int) - np.asarray(photo)).mean()
        assert distance <= (3 if kind in ("JPEG", "AVIF", "HEIC") else 0), kind


def test_damage_of_any_sort_ends_in_a_picture_or_a_refusal():
    dice = random.Random(7)
    for _ in range(400):
        data = bytearray(dice.choice(GOOD_CASES).data)
        for _ in range(dice.randrange(1, 9)):
            data[dice.randrange(min(len(data), dice.choice((64, 512, 9999))))] = dice.randrange(256)
        data = bytes(data[: dice.choice((len(data), dice.randrange(len(data))))])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PIL warns of damaged EXIF
            with contextlib.suppress(ImageError):
                assert isinstance(open_image(data), Picture)
                assert read_recipe(data) is None


def test_a_bomb_is_refused_before_decoding_without_warnings_and_without_changing_pil():
    limits = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for side in (8_001, 10_000, 60_000):
            with pytest.raises(ImageError, match="too large"):
                open_image(png(side, side, 1, 0, b""))  # has no pixels to decode
    assert limits == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)


def test_a_picture_of_exactly_the_limit_is_accepted(monkeypatch):
    monkeypatch.setattr(images, "MAX_PIXELS", 48 * 32)
    open_image(scene())
    monkeypatch.setattr(images, "MAX_PIXELS", 48 * 32 - 1)
    with pytest.raises(ImageError, match="too large, 48 x 32 pixels: make it smaller"):
        open_image(scene())


def test_data_urls_are_read_in_every_spelling_browsers_accept():
    code = base64.b64encode(encode(scene(), "PNG")).decode()
    quoted = urllib.parse.quote_from_bytes(encode(scene(), "BMP"))
    wrapped = "\n".join(code[i : i + 76] for i in range(0, len(code), 76))
    for url in (
        *(f"data:image/png;base64,{code}", f"DATA:;BASE64,{code.rstrip('=')}", f"data:image/png;base64,{wrapped}"),
        *(f"data:image/png;base64,{urllib.parse.quote(code, safe='')}", f"data:image/bmp,{quoted}"),
    ):
        assert open_image(url).image.tobytes() == scene().tobytes()


def test_a_data_url_that_is_too_long_is_refused_before_it_is_decoded():
    with pytest.raises(ImageError, match="more than 20 MB: send it as a file"):
        open_image("data:image/png;base64," + "A" * images.MAX_DATA_URL)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (None, "choose one first"),
        ("", "choose one first"),
        (3, "type int: give a path"),
        (np.zeros((4, 4, 3), np.uint8), "type ndarray: give a path"),
        (io.StringIO("text"), "type StringIO: give"),
        ("nowhere.png", "nowhere.png could not be opened .No such file.*: check its path"),
        ("null\0byte.png", "could not be opened"),
        ("a" * 5000, "could not be opened"),
        (Path(__file__).parent, "tests could not be opened .*: check its path"),
        ("https://example.org/cat.png", "https://example.org/cat.png is a web address: download the picture first"),
        ("data:image/png;base64,!!!!", "is empty"),
        ("data:nothing", "is empty"),
        (Image.new("RGB", (0, 5)), "has no pixels, it is 0 x 5"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_a_picture_is_refused_with_words(source, words):
    with pytest.raises(ImageError, match=words):
        open_image(source)


def test_heic_without_its_package_names_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ImageError, match=r"cat.heic is a HEIC picture.*pillow-heif"):
        open_image(heic(scene()), name="cat.heic")


def test_a_file_is_read_from_where_it_stands_and_stays_open():
    file = io.BytesIO(b"head:" + encode(scene(), "PNG"))
    file.seek(5)
    assert open_image(file).image.tobytes() == scene().tobytes()
    assert not file.closed
    file.close()
    with pytest.raises(ImageError, match="could not be opened"):
        open_image(file)


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="this system does not list open files in /dev/fd")
def test_no_file_of_a_path_is_left_open(tmp_path):
    before = len(os.listdir("/dev/fd"))
    kept = []
    for case in CASES:
        with contextlib.suppress(ImageError):
            kept.append(open_image(sent(case, "path", tmp_path)))
    assert len(os.listdir("/dev/fd")) == before


def test_a_picture_passes_through_as_it_is_and_has_a_name():
    assert open_image(scene()).name == "picture"
    picture = open_image(encode(scene(), "PNG"), name="cat.png")
    assert open_image(picture) is picture
    assert picture.name == "cat.png"


@pytest.mark.parametrize("name", ["rotated.jpg", "transparent-palette.png", "gray-16.png", "cmyk.tif", "animated.gif"])
def test_the_pil_image_of_a_caller_is_left_as_it_was(name):
    image = Image.open(io.BytesIO(next(case.data for case in CASES if case.name == name)))
    image.load()
    before = (image.mode, image.size, image.tobytes(), dict(image.info), dict(image.getexif()), image.tell())
    picture = open_image(image)
    save_image(image, io.BytesIO(), format="PNG", recipe=RECIPE)
    picture.image.paste("black", (0, 0, 9, 9))
    assert before == (image.mode, image.size, image.tobytes(), dict(image.info), dict(image.getexif()), image.tell())


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".jpg", ".jpeg"])
def test_a_recipe_comes_back_from_the_saved_file(suffix, tmp_path):
    save_image(scene(), tmp_path / f"painting{suffix}", recipe=RECIPE)
    assert read_recipe(tmp_path / f"painting{suffix}") == RECIPE
    assert read_recipe((tmp_path / f"painting{suffix}").read_bytes()) == RECIPE
    assert read_recipe(Image.open(tmp_path / f"painting{suffix}")) == RECIPE


@pytest.mark.parametrize("text", ["{", "[1, 2]", "null", "[" * 100_000, "\x00\xff", ""])
def test_foreign_or_garbled_text_is_no_recipe(text):
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("nst", text)
    assert read_recipe(encode(scene(), "PNG", pnginfo=chunks)) is None
    assert read_recipe(encode(scene(), "JPEG", comment=text.encode()[:60_000])) is None
    assert read_recipe(encode(scene(), "JPEG", comment=b"nst:" + text.encode()[:60_000])) is None
    assert read_recipe(encode(scene(), "JPEG", comment=json.dumps(RECIPE).encode())) is None


@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_where_a_photo_was_taken_is_not_carried_over(format):
    photo = Image.open(
        io.BytesIO(encode(scene(), "JPEG", exif=exif(6, gps=True), comment=b"home", xmp=b"<x:xmpmeta/>"))
    )
    assert photo.getexif().get_ifd(0x8825)
    data = io.BytesIO()
    save_image(photo, data, format=format)
    saved = Image.open(io.BytesIO(data.getvalue()))
    saved.load()
    assert set(saved.info) <= {"icc_profile", "jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert not any(mark in data.getvalue() for mark in (b"Exif", b"eXIf", b"home", b"xmpmeta"))
    assert saved.size == (32, 48)  # set upright, as nothing in the file says any more how to turn it


@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_a_saved_picture_is_srgb_and_says_so(format):
    wide = scene(((234, 51, 35), (117, 251, 76), (128, 128, 128), (255, 255, 255)))
    wide.info["icc_profile"] = P3_PROFILE
    data = io.BytesIO()
    save_image(wide, data, format=format)
    saved = Image.open(data)
    assert "sRGB" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(saved.info["icc_profile"])))
    assert np.abs(np.subtract(saved.getpixel(CENTERS[0]), (255, 0, 0))).max() <= 3
    assert np.abs(np.subtract(saved.getpixel(CENTERS[1]), (0, 255, 0))).max() <= 4


def test_png_keeps_transparency_and_jpeg_shows_it_on_white_in_full_color_resolution(tmp_path):
    save_image(CLEAR, tmp_path / "clear.png")
    assert Image.open(tmp_path / "clear.png").tobytes() == CLEAR.tobytes()
    save_image(CLEAR, tmp_path / "clear.jpg")
    saved = Image.open(tmp_path / "clear.jpg")
    assert JpegImagePlugin.get_sampling(saved) == 0  # 4:4:4
    next(case for case in CASES if case.name == "transparent.png").assert_shown_by(open_image(CLEAR).image)
    assert np.abs(np.asarray(saved, dtype=int) - np.asarray(open_image(CLEAR).image)).mean() < 2


def test_the_same_picture_and_recipe_make_the_same_file():
    first, second = io.BytesIO(), io.BytesIO()
    for stream in (first, second):
        save_image(scene(), stream, format="PNG", recipe=RECIPE)
    assert first.getvalue() == second.getvalue()


@pytest.mark.parametrize("target", ["painting.webp", "painting", "no-folder/painting.png", "folder.png"])
def test_a_target_that_cannot_be_written_is_refused_with_its_name(target, tmp_path):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ImageError, match=Path(target).name):
        save_image(scene(), tmp_path / target)
    assert [file.name for file in tmp_path.iterdir()] == ["folder.png"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_target_that_is_a_device_or_a_pipe_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageError, match="not a file"):
        save_image(scene(), tmp_path / "pipe.png")


def test_a_failed_save_leaves_the_older_file_whole(tmp_path, monkeypatch):
    target = tmp_path / "painting.png"
    save_image(scene(), target)
    before = target.read_bytes()
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(ImageError, match=r"painting.png could not be written .No space left on device"):
        save_image(CLEAR, target)
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]


def test_a_saved_file_can_be_read_by_whom_the_system_lets(tmp_path):
    save_image(scene(), tmp_path / "painting.png")
    (tmp_path / "plain").touch()
    assert (tmp_path / "painting.png").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize(
    ("given", "size", "fitted"),
    [
        *(((48, 32), 96, (96, 64)), ((48, 32), 24, (24, 16)), ((32, 48), 24, (16, 24)), ((48, 32), 48, (48, 32))),
        *(((1, 1), 64, (64, 64)), ((1000, 1), 10, (10, 1)), ((1, 1000), 1, (1, 1)), ((333, 500), 100, (67, 100))),
    ],
)
def test_fit_sets_the_long_side_and_keeps_the_aspect(given, size, fitted):
    image = Image.new("RGBA", given, (9, 99, 199, 128))
    result = fit(image, size)
    assert (result.size, result.mode, result.getpixel((0, 0))) == (fitted, "RGBA", (9, 99, 199, 128))
    assert result is not image


def test_a_picture_cannot_be_fitted_into_nothing():
    with pytest.raises(ImageError, match="at least 1"):
        fit(scene(), 0)


def test_transparency_put_back_leaves_no_white_rim():
    picture = open_image(CLEAR)
    assert with_alpha(picture.image, None) is picture.image
    again = with_alpha(picture.image, picture.alpha)
    assert again.getchannel("A").tobytes() == CLEAR.getchannel("A").tobytes()
    for place in (CENTERS[0], CENTERS[1], CENTERS[3]):
        assert np.abs(np.subtract(again.getpixel(place), CLEAR.getpixel(place))).max() <= 1
    assert np.abs(np.asarray(open_image(again).image, dtype=int) - np.asarray(picture.image)).max() <= 1
    assert with_alpha(fit(picture.image, 24), picture.alpha).size == (24, 16)


def test_a_pictures_size_is_read_without_its_pixels(tmp_path):
    file = tmp_path / "one.png"
    scene().resize((300, 600)).save(file)
    file.write_bytes(file.read_bytes()[:200])  # too little for more
    assert images.size_of(file) == (300, 600)
    with pytest.raises(ImageError, match=r"none\.png"):
        images.size_of(tmp_path / "none.png")
