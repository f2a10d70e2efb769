"""What is to be painted: paintings, textures and mixtures of them; what is written into the file."""

from dataclasses import replace

import pytest
from pictures import scene
from PIL import Image

import nst
from nst import requests
from nst.page import resuming, visitors
from nst.page.job import Preview
from nst.regions.region import STAYS
from nst.requests import Extras, FastRequest, FullRequest, Part, texture

PHOTO = nst.open_image(scene().resize((64, 48)), name="beach.jpg")
SHARES = {"starry-night": 0.75, "udnie": 0.25}


def mixture() -> FullRequest:
    return FullRequest(PHOTO, texture("starry-night"), nst.Settings(), style=SHARES)


def test_a_style_of_the_wall_is_painted_from_its_texture():
    order = replace(mixture(), style={"starry-night": 1.0})
    assert order.paintings() is order.painting
    assert order.painting.name == "The Starry Night"


def test_a_style_without_a_texture_is_refused_in_a_sentence(monkeypatch):
    monkeypatch.setattr(requests, "find", lambda style: nst.Style("none", "Nothing"))
    with pytest.raises(nst.SettingsError, match="no texture of Nothing"):
        texture.__wrapped__("none")


def test_a_mixture_is_painted_from_all_its_textures():
    regions = mixture().paintings()
    assert [(region.painting.name, region.weight) for region in regions] == [
        ("The Starry Night", 0.75),
        ("Udnie", 0.25),
    ]


def test_a_mixture_shares_the_picture_with_a_second_painting_and_leaves_what_stays():
    drawing = Image.new("RGBA", (64, 48), (*STAYS, 255))
    drawing.paste((0, 0, 0, 0), (0, 0, 32, 48))
    second = nst.open_image(scene().resize((48, 64)), name="second.jpg")
    regions = replace(mixture(), beside=Extras(second, 0.4, drawing)).paintings()
    assert [region.painting.name for region in regions] == ["The Starry Night", "Udnie", "second.jpg"]
    assert [region.weight for region in regions] == pytest.approx([0.45, 0.15, 0.4])
    assert all(region.mask.getbbox() == (0, 0, 32, 48) for region in regions)


def test_a_recipe_of_the_full_method_names_the_styles_and_reads_back(tmp_path):
    nst.save_image(PHOTO.image, tmp_path / "made.png", recipe=mixture().recipe() | {"step": 3})
    assert nst.read_recipe(tmp_path / "made.png")["style"] == SHARES
    assert nst.Settings.from_image(tmp_path / "made.png") == nst.Settings.from_dict(nst.Settings().made())


def test_an_unfinished_painting_remembers_its_styles(tmp_path, monkeypatch):
    monkeypatch.setattr(resuming, "place", lambda: tmp_path)
    monkeypatch.setattr(visitors, "place", lambda: tmp_path)
    key = resuming.new_key()
    with resuming.Keeper(key, mixture()) as keeper:
        keeper.keep(Preview(PHOTO.image, 5, 120, {}, 1.0, 1.0, (), "CPU", ()), now=True)
    found = resuming.find(key)
    assert (found.style, found.painting.name) == (SHARES, "The Starry Night")
    assert found.after == 4
    assert len(found.paintings()) == 2


def divided() -> FullRequest:
    """The left half of the photo in the upper half of the first painting, the right half in all of the second."""
    left = Image.new("L", (64, 48))
    left.paste(255, (0, 0, 32, 48))
    upper = Image.new("L", (48, 64))
    upper.paste(255, (0, 0, 48, 32))
    right, everything = left.point(lambda level: 255 - level), Image.new("L", (48, 64), 255)
    first, second = (nst.open_image(scene().resize((48, 64)), name=f"{name}.jpg") for name in ("first", "second"))
    beside = Extras(second, sub_styles=(Part(0, left, upper), Part(1, right, everything)))
    return FullRequest(PHOTO, first, nst.Settings(), beside=beside)


def test_each_sub_style_goes_where_it_belongs_and_is_in_the_recipe():
    regions = divided().paintings()
    assert [region.painting.name for region in regions] == ["first.jpg", "second.jpg"]
    assert [region.mask.getbbox() for region in regions] == [(0, 0, 32, 48), (32, 0, 64, 48)]
    assert regions[0].part.getbbox() == (0, 0, 48, 32)
    assert divided().recipe()["sub_styles"] == 2


def test_a_drawing_beside_sub_styles_is_refused_in_a_sentence():
    drawing = Image.new("RGBA", (64, 48), (*STAYS, 255))
    with pytest.raises(nst.SettingsError, match="erase the drawing"):
        replace(divided(), beside=replace(divided().beside, places=drawing)).paintings()


def test_an_unfinished_painting_remembers_its_sub_styles(tmp_path, monkeypatch):
    for module in (resuming, visitors):
        monkeypatch.setattr(module, "place", lambda: tmp_path)
    key = resuming.new_key()
    with resuming.Keeper(key, divided()) as keeper:
        keeper.keep(Preview(PHOTO.image, 5, 120, {}, 1.0, 1.0, (), "CPU", ()), now=True)
    found, given = resuming.find(key).paintings(), divided().paintings()
    assert [region.painting.name for region in found] == ["first.jpg", "second.jpg"]
    for kept, region in zip(found, given, strict=True):
        assert (kept.mask.tobytes(), kept.part.tobytes()) == (region.mask.tobytes(), region.part.tobytes())


def test_what_is_painted_at_once_as_it_comes_is_known():
    assert FastRequest({"udnie": 1.0}).usual
    assert not FastRequest({"udnie": 1.0}, strength=0.5).usual
    assert not FastRequest(SHARES).usual
    assert FastRequest(SHARES).title() == "The Starry Night 75% + Udnie 25%"
