"""Regions that are found: what belongs together, in one picture and between two."""

import numpy as np
import pytest
import torch
from halves import PAIRS, SIZE, halves, overlap
from pictures import scene
from PIL import Image

from nst.images import open_image
from nst.photolook.run import photoreal
from nst.photolook.settings import LookSettings
from nst.regions.matching import match, matched
from nst.regions.segments import Segments, segment


@pytest.mark.parametrize(("left", "right"), PAIRS)
def test_two_paintings_side_by_side_are_found_without_a_number(left, right):
    found = segment(halves(left, right))
    assert max(overlap(share[0].numpy() > 0.5, True) for share in found.shares) > 0.9
    assert max(overlap(share[0].numpy() > 0.5, False) for share in found.shares) > 0.9


def test_the_regions_share_every_pixel():
    found = segment(scene(), regions=3)
    assert len(found.shares) == len(found.masks()) == len(found.means) == 3
    assert found.shares.min() >= 0
    assert torch.allclose(found.shares.sum(dim=0), torch.ones_like(found.shares[0]), atol=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (40, 30), (900, 16)])
def test_a_picture_of_one_color_is_one_region_at_any_size(size):
    assert len(segment(Image.new("RGB", size, "teal")).shares) == 1


def test_the_same_picture_gives_the_same_regions():
    assert torch.equal(segment(scene()).shares, segment(scene()).shares)


def test_what_changed_sides_is_found_on_the_other_side():
    one, other = (segment(halves(*pair), regions=2) for pair in (PAIRS[0], PAIRS[0][::-1]))

    def on_the_left(found: Segments) -> list[bool]:
        return [overlap(share[0].numpy() > 0.5, True) > 0.5 for share in found.shares]

    assert [not on_the_left(other)[number] for number in match(one, other)] == on_the_left(one)


def test_several_regions_share_a_part_where_there_is_one_only():
    assert match(segment(halves(*PAIRS[0]), regions=3), segment(scene(), regions=1)) == [0, 0, 0]


def test_a_region_takes_its_part_of_the_reference():
    photo, reference = (open_image(halves(*pair)) for pair in (PAIRS[0], PAIRS[0][::-1]))
    regions = matched(photo, reference, 2).regions()
    assert len(regions) == 2
    for region in regions:
        place, part = (np.asarray(picture.resize(SIZE)) / 255 for picture in (region.mask, region.part))
        assert (place[:, ::-1] * part).sum() > 2 * (place * part).sum()


@pytest.mark.parametrize("regions", [0, 1, 3])
def test_a_look_without_masks_takes_as_many_regions_as_are_wished(regions):
    settings = LookSettings(how="once", regions=regions)
    [step] = photoreal(halves(*PAIRS[0]), halves(*PAIRS[1]), settings)
    assert step.image.size == SIZE
    assert step.recipe["regions"] == (regions or len(segment(halves(*PAIRS[0])).shares))
