"""The board of regions: what it shows, what it sends, and what is painted then."""

import json

import pytest
import torch
from halves import NAMES, PAIRS, SIZE, halves
from PIL import Image

import nst
from nst import SettingsError
from nst.drawings import DRAWINGS
from nst.page.board import COLORS, Board, Wished, drawn
from nst.page.look_regions import Matched
from nst.page.pictures import Upload
from nst.page.sub_styles import Division, division_of
from nst.regions.matching import Assignment
from nst.regions.region import MAX_PAINTINGS, Region
from nst.requests import parts_of

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
    return Division.of("painting.png", Upload(file, None), nst.decompose(halves(*PAIRS[0]), 2), (1.0, 1.0))


def test_every_part_that_there_may_be_has_a_color_of_its_own():
    assert len(set(COLORS)) == MAX_PAINTINGS


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
    numbers = division.assignment.numbers
    wish = tuple(1 - n if region == 0 else n for region, n in enumerate(numbers))
    changed = division.wished(Wished(wish, division.weights), photo)
    assert changed.on(photo) is changed
    assert changed.assignment.numbers == wish
    assert division.assignment.numbers == numbers
    halves(*PAIRS[1]).save(tmp_path / "other.png")
    other = Upload(str(tmp_path / "other.png"), None)
    assert changed.on(other).assignment.numbers == division.on(other).assignment.numbers


def test_a_weight_of_zero_leaves_a_sub_style_out(division, file):
    photo = Upload(file, None)
    changed = division.wished(Wished(division.assignment.numbers, (0.0, 1.0)), photo)
    assert set(changed.assignment.numbers) == {1}
    [part] = parts_of(changed.assignment.joined(), changed.paintings)
    assert (part.painting, part.part) == (0, division.sub_styles[1].part)
    for numbers, weights in (((0, 2), (1, 1)), ((0,), (1, 1)), ((0, 0), (1,))):
        with pytest.raises(SettingsError, match="other regions"):
            division.wished(Wished(numbers, weights), photo)


def test_a_division_lasts_as_long_as_its_painting(division):
    assert division_of(division, Upload("painting.png", None)) is division
    assert division_of(division, Upload("another.png", None)) is None
    assert division_of(None, Upload("painting.png", None)) is None
    assert division_of(division, None) is None


def test_regions_that_were_changed_are_the_masks_of_a_look(found):
    masks = Matched("photo.png", "reference.png", found.changed([0, 0])).masks()
    assert len(masks["masks"]) == len(masks["reference_masks"]) == 2
    assert masks["reference_masks"][0] is masks["reference_masks"][1]
