"""Sub-styles: the parts of a painting, and which region of a photograph each of them goes to."""

import numpy as np
import pytest
import torch
from halves import NAMES, PAIRS, halves, overlap
from pictures import scene
from PIL import Image

import nst
from nst import SettingsError
from nst.drawings import DRAWINGS
from nst.regions.substyles import SWATCH, assign, decompose, without_specks


@pytest.fixture(scope="module")
def both():
    """The sub-styles of two drawings side by side."""
    return decompose(halves(*PAIRS[0]))


@pytest.mark.parametrize("pair", PAIRS)
def test_two_paintings_side_by_side_are_two_sub_styles(pair, both):
    found = both if pair == PAIRS[0] else decompose(halves(*pair))
    assert len(found) == 2
    for left in (True, False):
        assert max(overlap(np.asarray(s.part) > 127, left) for s in found) > 0.9


def test_a_sub_style_says_how_much_it_is_and_shows_a_patch(both):
    assert sum(s.share for s in both) == pytest.approx(1)
    assert all(s.swatch.size == (SWATCH, SWATCH) for s in both)
    whole = sum(np.asarray(s.part, np.float32) for s in both)
    assert np.abs(whole - 255).max() <= 2


def test_the_number_can_be_given(both):
    assert len(decompose(halves(*PAIRS[0]), 4)) == 4
    assert len(decompose(scene(), 1)) == 1


def test_several_paintings_make_one_set():
    found = decompose([scene(), halves(*PAIRS[0])], 2)
    assert len(found) == 4
    assert len({id(s.painting) for s in found}) == 2


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (40, 30)])
def test_a_painting_of_one_color_has_one_sub_style(size):
    assert [s.share for s in decompose(Image.new("RGB", size, "teal"))] == [1.0]


@pytest.mark.parametrize("number", [0, 9, True, 2.5])
def test_a_number_that_is_none_is_an_error(number):
    with pytest.raises(SettingsError, match="1 to 8 sub-styles"):
        decompose(scene(), number)


def test_more_than_eight_in_a_set_are_an_error():
    with pytest.raises(SettingsError, match="at most 8"):
        decompose([scene()] * 3, 3)


def test_each_side_of_the_same_picture_gets_its_own_sub_style(both):
    regions = assign(halves(*PAIRS[0]), both)
    assert len(regions) == 2
    for left in (True, False):
        assert [s for s in both if overlap(np.asarray(s.part) > 127, left) > 0.9] == [
            s for s in both for r in regions if r.part is s.part and overlap(np.asarray(r.mask) > 127, left) > 0.8
        ]


def test_a_weight_of_zero_leaves_a_sub_style_out(both):
    regions = assign(halves(*PAIRS[0]), both, weights=[0, 1])
    assert {id(r.part) for r in regions} == {id(both[1].part)}
    with pytest.raises(SettingsError, match="raise one"):
        assign(scene(), both, weights=[0, 0])


def test_small_pieces_go_to_their_surroundings():
    labels = torch.zeros(64, 64)
    labels[:, 32:] = 1
    labels[10:14, 10:14] = 1
    cleaned = without_specks(torch.stack([1 - labels, labels])[:, None])
    assert cleaned[0, 0, 12, 12] == 1
    assert torch.equal(cleaned[1, 0, :, 32:], labels[:, 32:])


def test_at_once_each_region_is_in_its_own_sub_style(both):
    photo = halves(*PAIRS[0])
    placed = nst.stylize(photo, painting=assign(photo, both))
    whole = nst.stylize(photo, painting=both[0].painting)
    assert placed.size == photo.size
    assert placed.info["recipe"]["style"].keys() != whole.info["recipe"]["style"]
    # A region that has it all is painted as by its style alone.
    alone = nst.stylize(photo, painting=[nst.Region(both[0].painting)])
    assert np.abs(np.asarray(alone, int) - np.asarray(whole, int)).max() <= 2


def test_where_no_mask_is_white_the_photo_stays():
    photo = scene()
    mask = Image.new("L", photo.size)
    mask.paste(255, (0, 0, photo.width // 2, photo.height))
    painted = nst.stylize(photo, painting=[nst.Region(DRAWINGS[NAMES[0]](), mask=mask)])
    apart = np.abs(np.asarray(painted, int) - np.asarray(photo.convert("RGB"), int)).max(axis=2)
    assert apart[:, -photo.width // 4 :].max() <= 2
    assert apart[:, : photo.width // 4].mean() > 5
