"""The stroke field: the same pixels have the same strokes, wherever a tile begins."""

import tracemalloc

import numpy as np
import pytest

from nst.feedforward.field import CHANNELS, SCALES, stroke_field


def test_a_part_of_a_picture_has_its_part_of_the_field():
    whole = stroke_field(300, 260, seed=3)
    part = stroke_field(90, 120, seed=3, top=130, left=77)
    assert np.abs(whole[:, 130:220, 77:197] - part).max() < 1e-5


def test_it_goes_on_above_and_left_of_the_picture():
    around = stroke_field(80, 80, top=-30, left=-50)
    assert np.abs(around[:, 30:, 50:] - stroke_field(50, 30)).max() < 1e-5


def test_a_very_long_picture_takes_no_more_memory_than_its_field():
    tracemalloc.start()
    field = stroke_field(2, 60_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < field.nbytes + 50_000_000
    assert np.abs(field[:, :, 50_000:50_100] - stroke_field(2, 100, left=50_000)).max() < 1e-4


def test_the_same_seed_gives_the_same_field_and_another_one_another():
    one, again, other = (stroke_field(128, 128, seed) for seed in (8, 8, 9))
    assert np.array_equal(one, again)
    for channel in range(CHANNELS):
        assert np.corrcoef(one[channel, ::9, ::9].ravel(), other[channel, ::9, ::9].ravel())[0, 1] < 0.6


@pytest.mark.parametrize("channel", range(CHANNELS))
def test_each_channel_is_centered_of_variance_one_and_as_coarse_as_its_scale(channel):
    field = stroke_field(1600, 1600, seed=1)[channel]
    assert abs(field.mean()) < 0.1
    assert field.std() == pytest.approx(1, abs=0.1)

    def alike(distance: int) -> float:
        return float(np.corrcoef(field[:, distance:].ravel(), field[:, :-distance].ravel())[0, 1])

    assert alike(max(1, round(SCALES[channel] / 3))) > 0.7
    assert abs(alike(round(SCALES[channel] * 5))) < 0.25


def test_channels_of_the_same_scale_are_different():
    field = stroke_field(400, 400)
    for one in range(CHANNELS):
        for other in range(one):
            assert abs(np.corrcoef(field[one].ravel(), field[other].ravel())[0, 1]) < 0.5
