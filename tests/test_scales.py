"""Which sizes a picture is painted at, and how a plan is cut down."""

import pytest

from nst.optimization.scales import COARSEST, Scale, after, at_most, plan
from nst.settings import USUAL


@pytest.mark.parametrize(("size", "steps"), [(64, 1), (64, 7), (100, 10), (384, 120), (2048, 3), (512, 2000)])
def test_a_plan_spends_exactly_the_steps_asked_for_and_ends_at_full_size(size, steps):
    planned = plan(size, steps)
    assert sum(scale.steps for scale in planned) == steps
    assert planned[-1].side == size
    assert [scale.side for scale in planned] == sorted(scale.side for scale in planned)


def test_one_scale_is_the_full_size():
    assert plan(384, 30, 1) == [Scale(384, 30)]


@pytest.mark.parametrize(("steps", "finish"), [(82, 22), (10, 4), (2, 1), (1, 1)])
def test_the_finish_is_one_more_scale_of_full_size(steps, finish):
    assert plan(384, steps, finish=finish) == [*plan(384, steps - finish), Scale(384, finish)]


@pytest.mark.parametrize("scales", [2, 3])
@pytest.mark.parametrize("size", [400, 512, 1000, 2048, 4096])
def test_a_large_picture_begins_as_small_as_one_of_usual_size(size, scales):
    usual = max(2 * COARSEST, plan(USUAL, 120, scales)[0].side)
    assert COARSEST <= plan(size, 120, scales)[0].side <= usual


@pytest.mark.parametrize("steps", [60, 120])
@pytest.mark.parametrize("size", [512, 1024, 4096])
def test_the_larger_a_scale_of_a_large_picture_the_fewer_its_steps(size, steps):
    large = [scale.steps for scale in plan(size, steps) if scale.side > USUAL]
    assert large == sorted(large, reverse=True)
    assert 1 <= large[-1] <= plan(USUAL, steps)[-1].steps * USUAL / size + 1


THREE = [Scale(96, 30), Scale(192, 40), Scale(384, 50)]


@pytest.mark.parametrize(
    ("taken", "left", "side"),
    [
        (0, THREE, 96),
        (29, [Scale(96, 30, 29), *THREE[1:]], 96),
        (30, THREE[1:], 96),  # still the coarse scale's picture
        (31, [Scale(192, 40, 1), THREE[2]], 192),
        (119, [Scale(384, 50, 49)], 384),
    ],
)
def test_what_is_left_of_a_plan_after_some_steps(taken, left, side):
    assert after(THREE, taken) == (left, side)
    assert sum(scale.left for scale in left) == 120 - taken


def test_of_a_finished_plan_nothing_is_left():
    with pytest.raises(ValueError, match="no step"):
        after(THREE, 120)


@pytest.mark.parametrize(
    ("side", "expected"),
    [(384, THREE), (300, [*THREE[:2], Scale(300, 50)]), (192, [THREE[0], Scale(192, 90)]), (50, [Scale(50, 120)])],
)
def test_scales_that_are_too_large_give_their_steps_to_the_largest_allowed(side, expected):
    assert at_most(THREE, side) == expected


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        (300, [*THREE[:2], Scale(300, 50), Scale(300, 20)]),
        (192, [THREE[0], Scale(192, 90), Scale(192, 20)]),
        (50, [Scale(50, 120), Scale(50, 20)]),
    ],
)
def test_a_finish_stays_a_scale_of_its_own(side, expected):
    assert at_most([*THREE, Scale(384, 20)], side) == expected
    assert at_most([Scale(384, 20, 5)], side) == [Scale(side, 15)]


def test_steps_already_taken_are_not_taken_again_at_another_size():
    assert at_most([Scale(192, 40, 15), Scale(384, 50)], 144) == [Scale(144, 75)]
