"""The pictures that this program draws, and the thumbnails that are stored of them."""

import pytest
from PIL import Image, ImageChops, ImageStat

from nst.drawings import DRAWINGS, SMALL, lake, thumbnail

ALL = {**DRAWINGS, "lake": lake}


@pytest.mark.parametrize("name", ALL)
def test_the_stored_thumbnail_is_the_drawings(name):
    drawn, stored = ALL[name](), thumbnail(name)
    drawn.thumbnail((SMALL, SMALL))
    assert stored.size == drawn.size
    difference = ImageStat.Stat(ImageChops.difference(stored.convert("RGB"), drawn)).mean
    assert max(difference) < 10  # of 255: that of a JPEG
    assert max(ImageStat.Stat(ImageChops.difference(drawn, Image.new("RGB", drawn.size))).mean) > 40
