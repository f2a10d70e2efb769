"""What is a recoloring of a photograph: the matting Laplacian and the guided filter."""

import numpy as np
import pytest
import torch
from pymatting import cf_laplacian
from torch import Tensor

from nst.regions.guided import Guide
from nst.regions.matting import Matting


def smooth(seed: int, height: int = 24, width: int = 32, channels: int = 3) -> Tensor:
    """A picture with edges and gradients, ``[1, C, H, W]`` in 0..1, float64."""
    dice = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, channels, 5, 6, generator=dice, dtype=torch.float64)
    fine = torch.rand(1, channels, height, width, generator=dice, dtype=torch.float64)
    return 0.8 * torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1) + 0.2 * fine


def recolored(photo: Tensor, seed: int = 0) -> Tensor:
    dice = torch.Generator().manual_seed(seed)
    matrix = torch.rand(3, 3, generator=dice, dtype=torch.float64) - 0.3
    return torch.einsum("ij,njhw->nihw", matrix.to(photo), photo) + 0.1


@pytest.mark.parametrize("seed", range(10))
def test_the_laplacian_is_that_of_levin_et_al(seed):
    photo, picture = smooth(seed), smooth(seed + 100)
    matrix = cf_laplacian(photo[0].permute(1, 2, 0).numpy(), epsilon=1e-7, radius=1)
    matting, flat = Matting(photo), picture[0].flatten(1).numpy()
    theirs = (matrix @ flat.T).T
    assert np.abs(matting.product(picture)[0].flatten(1).numpy() - theirs).max() < 1e-6
    assert matting.energy(picture)[0].numpy() == pytest.approx((flat * theirs).sum(axis=1), rel=1e-9)


def test_its_gradient_is_that_of_finite_differences():
    photo, picture = smooth(1, 7, 8), smooth(2, 7, 8).requires_grad_()
    for radius, epsilon in ((1, 1e-7), (2, 1e-3)):
        matting = Matting(photo, radius, epsilon)
        assert torch.autograd.gradcheck(lambda x, m=matting: m.energy(x), picture)


def test_an_affine_map_of_the_colors_costs_nothing():
    photo = smooth(3)
    for radius in (1, 3):
        matting = Matting(photo, radius)
        assert float(matting.energy(recolored(photo)).sum()) < 1e-4 * float(matting.energy(smooth(4)).sum())


def test_what_a_window_holds_beside_a_recoloring_is_a_share_of_its_variance():
    photo, other = smooth(5), smooth(6)
    matting = Matting(photo, 3, 1e-6)
    unexplained, variance = matting.unexplained(other)
    assert unexplained.shape == variance.shape == (1, 3, 18, 26)
    assert bool((unexplained >= -1e-9).all())
    assert bool((unexplained <= variance + 1e-9).all())
    assert 0.1 < float(unexplained.sum() / variance.sum()) < 1


def test_a_guide_explains_a_recoloring_whole_and_another_picture_in_part():
    photo = smooth(7)
    guide = Guide(photo, 3, 1e-9)
    assert torch.allclose(guide(recolored(photo)), recolored(photo), atol=1e-6)
    other = smooth(8)
    left = float((guide(other) - other).square().mean())
    assert 0.01 * float(other.var()) < left < float(other.var())


def test_a_guide_is_linear_and_keeps_plain_pictures():
    photo = smooth(9)
    guide, first, second = Guide(photo, 2, 1e-3), smooth(10), smooth(11)
    assert torch.allclose(guide(first + 2 * second), guide(first) + 2 * guide(second), atol=1e-9)
    plain = torch.full_like(photo, 0.3)
    assert torch.allclose(guide(plain), plain, atol=1e-9)
    assert torch.allclose(Guide(plain, 2, 1e-3)(plain), plain, atol=1e-9)
