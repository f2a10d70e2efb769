"""The board of regions: what it shows, what it sends, and what is painted then."""

import json

import pytest
import torch
from halves import NAMES, PAIRS, SIZE, halves
from PIL import Image

import nst
from nst import SettingsError
from nst.drawings import DRAWINGS
from nst.page.board import Board, Wished, drawn
from nst.page.look_regions import Matched
from nst.page.pictures import Upload
from nst.page.sub_styles import Division, division_of, stated
from nst.regions.matching import Assignment
from nst.regions.region import Region

WORDS = {"lead": {"en": "Tap"}}


def left_and_right() -> tuple[Image.Image, Image.Image]:
    left = Image.new("L", SIZE)
    left.paste(255, (0, 0, SIZE[0] // 2, SIZE[1]))
    return left, left.point(lambda level: 255 - level)


@pytest.fixture
def found() -> Assignment:
    """A photo of two halves, the left one with part 1 and the right one with part 0 of a painting."""
    shares = torch.zeros(2, 1, SIZE[1], SIZE[0])
    shares[0, ..., : SIZE[0] // 2], shares[1, ..., SIZE[0] // 2 :] = 1, 1
    painting = nst.open_image(DRAWINGS[NAMES[0]]())
    return Assignment(shares, tuple(Region(painting, part=part) for part in left_and_right()), (1, 0))


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> str:
    place = tmp_path_factory.mktemp("board") / "photo.png"
    halves(*PAIRS[0]).save(place)
    return str(place)


@pytest.fixture(scope="module")
def division(file) -> Division:
    sub_styles = nst.decompose(halves(*PAIRS[0]), 2)
    return Division("painting.png", (sub_styles[0].painting,), sub_styles, (1.0, 1.0))


def test_a_tap_finds_its_region_and_every_region_has_its_number_inside(found):
    shown = json.loads(drawn(halves(*PAIRS[0]), found))
    grid = shown["photo"]["grid"]
    assert {row[0] for row in grid} == {"0"}
    assert {row[-1] for row in grid} == {"1"}
    for region, left, top in shown["photo"]["spots"]:
        assert grid[int(top / 100 * len(grid))][int(left / 100 * len(grid[0]))] == str(region)
    assert shown["numbers"] == [1, 0]
    assert len(shown["parts"]) == 1  # one painting, with both parts
    assert shown["weights"] is None


def test_a_region_is_tinted_as_its_part_is(found):
    before, after = (json.loads(drawn(halves(*PAIRS[0]), f)) for f in (found, found.changed([1, 1])))
    assert before["photo"]["image"] != after["photo"]["image"]
    assert before["parts"] == after["parts"]


def test_what_is_sent_is_read_and_what_the_page_never_sends_is_refused():
    board = Board(WORDS)
    assert board.preprocess("") is None
    assert board.preprocess('{"numbers": [1, 0], "weights": [1, 2.5]}') == Wished((1, 0), (1, 2.5))
    assert board.preprocess('{"numbers": [0], "weights": null}') == Wished((0,), ())
    for sent in ("{", "[]", '{"numbers": [9], "weights": []}', '{"numbers": ["a"], "weights": []}', "7"):
        with pytest.raises(SettingsError):
            board.preprocess(sent)
    with pytest.raises(SettingsError):
        board.preprocess('{"numbers": [0], "weights": [-1]}')


def test_regions_of_the_same_part_are_joined(found):
    assert len(found.joined()) == 2
    [joined] = found.changed([0, 0]).joined()
    assert joined.mask.getextrema() == (255, 255)
    assert len(found.changed([0, 0]).regions()) == 2


def test_a_tap_reassigns_a_region_of_this_photo_and_of_no_other(division, file, tmp_path):
    photo = Upload(file, None)
    numbers = division.on(photo).numbers
    wish = tuple(1 - n if region == 0 else n for region, n in enumerate(numbers))
    changed = division.wished(Wished(wish, division.weights), photo)
    assert changed.on(photo).numbers == wish
    assert division.on(photo).numbers == numbers
    halves(*PAIRS[1]).save(tmp_path / "other.png")
    other = Upload(str(tmp_path / "other.png"), None)
    assert changed.on(other).numbers == division.on(other).numbers
    # A further tap leaves the first as it is.
    last = len(wish) - 1
    further = tuple(1 - n if region == last else n for region, n in enumerate(wish))
    assert changed.wished(Wished(further, division.weights), photo).on(photo).numbers == further


def test_a_weight_of_zero_leaves_a_sub_style_out(division, file):
    photo = Upload(file, None)
    changed = division.wished(Wished(division.on(photo).numbers, (0.0, 1.0)), photo)
    assert set(changed.on(photo).numbers) == {1}
    [part] = changed.parts(photo)
    assert part.part is division.sub_styles[1].part
    with pytest.raises(SettingsError, match="other sub-styles"):
        division.wished(Wished((0, 2), division.weights), photo)


def test_a_division_lasts_as_long_as_its_painting(division):
    state = stated(division)
    assert division_of(state, Upload("painting.png", None)) is division
    assert division_of(state, Upload("another.png", None)) is None
    assert division_of(None, Upload("painting.png", None)) is None
    assert division_of(state, None) is None


def test_regions_that_were_changed_are_the_masks_of_a_look(found):
    masks = Matched("photo.png", "reference.png", found.changed([0, 0])).masks()
    assert len(masks["masks"]) == len(masks["reference_masks"]) == 2
    assert masks["reference_masks"][0] is masks["reference_masks"][1]
