"""A second painting and a drawing of what goes where: from the editor to the regions, into the recipe and back."""

from dataclasses import replace

import numpy as np
import pytest
from pictures import scene
from PIL import Image

import nst
from nst import Region, SettingsError
from nst.page import region_inputs, resuming, visitors
from nst.page.pictures import Upload
from nst.regions.region import SECOND, STAYS, drawn_regions
from nst.requests import Extras, FullRequest, fingerprint

ONE, OTHER = scene().resize((64, 48)), scene().resize((48, 64))


def drawing(*strokes: tuple[tuple[int, int, int], tuple[int, int, int, int]]) -> Image.Image:
    made = Image.new("RGBA", (80, 60), (0, 0, 0, 0))
    for color, box in strokes:
        made.paste((*color, 255), box)
    return made


LEFT, TOP = (0, 0, 40, 60), (0, 0, 80, 20)


def white(mask: Image.Image) -> np.ndarray:
    return np.asarray(mask) == 255


def test_one_painting_alone_is_itself():
    assert drawn_regions(ONE, None, 0.5, None) is ONE
    assert drawn_regions(ONE, None, 0.5, drawing()) is ONE


def test_two_paintings_without_a_place_share_everything():
    assert drawn_regions(ONE, OTHER, 0.3, None) == [Region(ONE, 0.7), Region(OTHER, 0.3)]


def test_the_second_goes_where_it_is_drawn_and_the_first_elsewhere():
    first, second = drawn_regions(ONE, OTHER, 0.3, drawing((SECOND, LEFT)))
    assert (first.weight, second.weight) == (1.0, 1.0)
    assert white(second.mask)[:, :40].all()
    assert not white(second.mask)[:, 40:].any()
    assert (white(first.mask) == ~white(second.mask)).all()


def test_what_stays_a_photo_is_in_no_mask():
    for second, strokes in ((None, [(STAYS, TOP)]), (OTHER, [(SECOND, LEFT), (STAYS, TOP)]), (OTHER, [(STAYS, TOP)])):
        masks = [white(region.mask) for region in drawn_regions(ONE, second, 0.5, drawing(*strokes))]
        assert not np.any([mask[:20] for mask in masks])
        assert np.any(masks, axis=0)[20:].all()


def test_strokes_whose_edges_a_browser_blended_count_and_other_colors_do_not():
    almost = tuple(min(255, color + 20) for color in SECOND)
    _, second = drawn_regions(ONE, OTHER, 0.5, drawing((almost, LEFT), ((255, 255, 255), TOP)))
    assert not white(second.mask)[:20].any()
    assert white(second.mask)[20:, :40].all()


def test_a_place_for_a_second_painting_that_is_not_there_is_said():
    with pytest.raises(SettingsError, match="choose one"):
        drawn_regions(ONE, None, 0.5, drawing((SECOND, LEFT)))


def test_an_editor_without_a_stroke_is_no_drawing(tmp_path):
    empty = {"background": ONE, "layers": [drawing()], "composite": ONE}
    for editor in (None, {}, {"layers": []}, {"layers": [None]}, empty):
        assert region_inputs.gathered(None, 0.5, editor) == Extras(None, 0.5, None)
    file = tmp_path / "two.png"
    OTHER.save(file)
    drawn = drawing((SECOND, LEFT))
    beside = region_inputs.gathered(Upload(str(file), "two.png"), 0.25, {"layers": [drawn]})
    assert (beside.second.name, beside.share, beside.places.tobytes()) == ("two.png", 0.25, drawn.tobytes())


def test_the_photo_is_drawn_on_upright_and_with_what_was_drawn(tmp_path):
    file = tmp_path / "one.png"
    scene().resize((1000, 500)).save(file)
    shown = region_inputs.canvas(Upload(str(file), None), drawing((STAYS, LEFT)))
    assert shown["background"].size == shown["layers"][0].size == (region_inputs.CANVAS, region_inputs.CANVAS // 2)
    assert shown["composite"].getpixel((10, 10))[:3] == STAYS
    assert region_inputs.canvas(None) is None
    (tmp_path / "none.png").write_text("no picture")
    assert region_inputs.canvas(Upload(str(tmp_path / "none.png"), None)) is None


PHOTO, PAINTING = (nst.open_image(picture, name=f"{n}.png") for n, picture in enumerate((ONE, OTHER)))
BESIDE = Extras(nst.open_image(ONE, name="second.png"), 0.25, drawing((SECOND, LEFT)))


def test_a_recipe_names_what_else_went_into_the_picture_and_gives_its_settings_back():
    order = FullRequest(PHOTO, PAINTING, nst.Settings(edge=7), beside=BESIDE)
    recipe = order.recipe()
    assert (recipe["second"], recipe["share"]) == ("second.png", 0.25)
    assert recipe["second_pixels"] == fingerprint(BESIDE.second)
    other = replace(BESIDE, places=drawing((SECOND, TOP)))
    assert recipe["places"] != FullRequest(PHOTO, PAINTING, nst.Settings(), beside=other).recipe()["places"]
    assert nst.Settings.from_recipe(recipe) == (nst.Settings.from_dict(order.settings.made()), ())


def test_going_on_keeps_them():
    order = FullRequest(PHOTO, PAINTING, nst.Settings(), beside=BESIDE)
    assert order.again("more", ONE).beside == BESIDE
    assert [region.weight for region in order.again("more", ONE).paintings()] == [1.0, 1.0]


def test_an_interrupted_run_finds_them_again(tmp_path, monkeypatch):
    for module in (resuming, visitors):
        monkeypatch.setattr(module, "place", lambda: tmp_path)
    from test_unfinished import preview

    key = resuming.new_key()
    with resuming.Keeper(key, FullRequest(PHOTO, PAINTING, nst.Settings(size=64, steps=9), beside=BESIDE)) as keeper:
        keeper.keep(preview(4))
    found = resuming.find(key).beside
    assert (found.second.name, found.share) == ("second.png", 0.25)
    assert found.second.image.tobytes() == BESIDE.second.image.tobytes()
    assert found.places.tobytes() == BESIDE.places.tobytes()
