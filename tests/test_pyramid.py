"""The pyramid loses nothing, and its Adam keeps its promises about scale and starting."""

import pytest
import torch

from nst.optimization.pyramid import LevelAdam, build_pyramid, reconstruct


@pytest.mark.parametrize("shape", [(64, 48), (33, 17), (5, 90), (1, 1)])
def test_a_pyramid_put_together_is_the_picture_it_was_made_from(shape):
    picture = torch.rand(1, 3, *shape)
    assert torch.allclose(reconstruct(build_pyramid(picture)), picture, atol=1e-6)


def test_each_level_is_half_as_large_as_the_one_before():
    assert [tuple(level.shape[2:]) for level in build_pyramid(torch.rand(1, 3, 64, 40))] == [
        (64, 40),
        (32, 20),
        (16, 10),
        (8, 5),
    ]


def descend(scale: float, steps: int = 40) -> torch.Tensor:
    torch.manual_seed(0)
    target, levels = (
        torch.rand(1, 3, 16, 16),
        [level.requires_grad_() for level in build_pyramid(torch.rand(1, 3, 16, 16))],
    )
    rule = LevelAdam(levels, 0.02)

    def closure() -> torch.Tensor:
        rule.zero_grad()
        objective = scale * (reconstruct(levels) - target).square().mean()
        objective.backward()
        return objective

    for _ in range(steps):
        rule.step(closure)
    return (reconstruct(levels) - target).detach()


def test_it_descends():
    assert descend(1.0).abs().mean() < 0.2 * descend(1.0, steps=0).abs().mean()


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_scale_of_the_objective_does_not_matter(scale):
    assert torch.allclose(descend(scale), descend(1.0), atol=1e-4)


def test_the_first_step_is_a_share_of_the_rate():
    level = torch.zeros(1, 1, 4, 4, requires_grad=True)
    rule = LevelAdam([level], 0.1 * LevelAdam.WARM_UP)

    def closure() -> torch.Tensor:
        objective = level.sum()
        objective.backward()
        return objective

    rule.step(closure)
    assert torch.allclose(level, torch.full_like(level, -0.1))


def test_a_level_without_gradient_stays():
    level = torch.ones(1, 1, 4, 4, requires_grad=True)
    rule = LevelAdam([level], 0.1)

    def closure() -> torch.Tensor:
        objective = (0 * level).sum()
        objective.backward()
        return objective

    rule.step(closure)
    assert torch.equal(level, torch.ones_like(level))
