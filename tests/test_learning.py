"""A style learned from a painting: its vectors alone change, toward the painting."""

import numpy as np
import pytest
import torch
from PIL import Image

import nst
from nst.backbones.student import Student, shipped
from nst.drawings import DRAWINGS
from nst.feedforward import learning, objective


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(learning, "SIDE", 64)
    monkeypatch.setattr(learning, "LONG", 96)
    monkeypatch.setattr(learning, "FIELD", 128)
    monkeypatch.setattr(learning.objective, "STYLE_SIDE", 96)


def lessons(count: int, **options) -> list[nst.Lesson]:
    painting = DRAWINGS["wind"]()
    return [lesson for lesson, _ in zip(nst.learn_style(painting, 600, **options), range(count), strict=False)]


def test_the_first_lesson_is_the_predicted_style_and_then_only_the_vectors_change(small):
    painting = DRAWINGS["wind"]()
    found = lessons(4, title="Mine")
    assert np.array_equal(found[0].style.vectors, nst.style_of(painting).vectors)
    assert [lesson.step for lesson in found] == [0, 1, 2, 3]
    assert {lesson.style.title for lesson in found} == {"Mine"}
    away = [np.abs(lesson.style.vectors - found[0].style.vectors).mean() for lesson in found]
    assert away[0] == 0 < away[1] < away[3]
    assert found[-1].losses.keys() >= {"style", "content"}


def test_what_is_learned_is_a_style_to_paint_with_and_to_save(small, tmp_path):
    style = lessons(3)[-1].style
    style.save(tmp_path / "own.nst")
    again = nst.open_style(tmp_path / "own.nst")
    photo = Image.linear_gradient("L").convert("RGB")
    difference = np.asarray(nst.stylize(photo, again), int) - np.asarray(nst.stylize(photo, style), int)
    assert np.abs(difference).mean() < 1


def test_learning_leads_toward_the_painting(small):
    found = lessons(20, photos=[Image.effect_noise((96, 96), 90).convert("RGB")])
    styles = [lesson.losses["style"] for lesson in found[1:]]
    assert np.mean(styles[-6:]) < 0.85 * np.mean(styles[:6])


def test_it_ends_when_its_time_is_over_and_tells_of_it(small):
    found = list(nst.learn_style(DRAWINGS["wind"](), 0.5))
    assert found[-1].whole == 0.5 <= found[-1].seconds


def test_one_step_is_made_however_short_the_time_is(small):
    assert [lesson.step for lesson in nst.learn_style(DRAWINGS["wind"](), 1e-6)] == [0, 1]


def test_the_judge_of_crops_sees_no_border():
    """A plain picture is the same everywhere; with zeros around it, it is not."""
    plain = torch.full((1, 3, 64, 64), 0.8)
    judge = Student(shipped())
    for network, even in ((objective.with_replicate_padding(judge), True), (judge, False)):
        for x in network(plain, ("relu1_1", "relu3_1", "relu5_1")).values():
            middle = x[..., x.shape[2] // 2, x.shape[3] // 2][..., None, None]
            assert torch.allclose(x, middle.expand_as(x), atol=1e-3) == even


@pytest.mark.parametrize("seconds", [0, -1, "long", True, 10**6])
def test_a_wrong_time_is_an_error_that_says_what_is_allowed(seconds):
    with pytest.raises(nst.SettingsError, match="3600"):
        next(nst.learn_style(DRAWINGS["wind"](), seconds))
