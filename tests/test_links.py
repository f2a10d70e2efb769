"""Links to a style and its settings, and what is shared of a result."""

import json
from types import SimpleNamespace

import pytest
from pictures import scene
from PIL import Image

import nst
from nst.page.inputs import Inputs
from nst.page.links import KNOBS_OF_LINKS, Links
from nst.page.pictures import beside

FIRST = nst.styles()[0].id
PARTS = SimpleNamespace(**{name: name for name in ("style", "how", *KNOBS_OF_LINKS)})


def opened(**asked: str) -> dict[str, object]:
    """What a link with these parameters sets."""
    links = Links(Inputs(PARTS), {})
    told = links.opened(SimpleNamespace(query_params=asked))
    assert set(told) <= set(links.told)
    return told | {"style": json.loads(told["style"])}


def test_a_link_without_words_opens_the_page_as_it_begins():
    assert opened() == {"style": {FIRST: 1.0}}


def test_a_link_sets_the_style_and_the_knobs():
    told = opened(style="udnie", how="student", strength="0.8", stroke="1.5", color="match", size="640", seed="7")
    assert told.pop("style") == {"udnie": 1.0}
    assert told == {"how": "student", "strength": 0.8, "stroke": 1.5, "color": "match", "size": 640, "seed": 7}


def test_a_link_holds_a_mixture():
    assert opened(style='{"udnie": 3, "great-wave": 1}')["style"] == {"udnie": 0.75, "great-wave": 0.25}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("style", wrong) for wrong in ("nobody", "{", "[1]", '{"udnie": -1}', "{}", '{"udnie": "x"}')],
        *[("how", "magic"), ("strength", "9"), ("size", "a lot"), ("size", "63.5"), ("seed", "-1"), ("color", "1")],
        *[("stroke", "null"), ("strength", "NaN"), ("strength", "[1]"), ("strength", "1" * 5000)],
    ],
)
def test_what_a_link_has_wrong_is_left_out(name, value):
    assert opened(**{name: value}) == {"style": {FIRST: 1.0}}


@pytest.mark.parametrize(("size", "both"), [((40, 60), (80, 60)), ((60, 40), (60, 80)), ((3000, 1500), (1600, 1600))])
def test_before_and_after_are_side_by_side_in_one_file(size, both, tmp_path):
    before, after = scene().resize((30, 20)), Image.new("RGBA", size, (250, 0, 0, 255))
    made = Image.open(beside(before, after, tmp_path, "both"))
    assert made.size == both
    assert made.getpixel((both[0] - 1, both[1] - 1))[0] > 240
    assert made.getpixel((both[0] // 4, 2)) != made.getpixel((both[0] - 1, both[1] - 1))
