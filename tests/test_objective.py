"""What is led down, in one piece and in patches, for one painting and for several in places of their own."""

import numpy as np
import pytest
import torch
from PIL import Image
from thin import thin_vgg19

import nst
from nst import Region, Settings
from nst.backbones import kinds
from nst.backbones.vgg19 import VGG19
from nst.optimization.objective import Objective
from nst.optimization.patches import cut
from nst.regions.masks import open_regions
from nst.tensors import to_tensor

SIZE = (304, 245)


@pytest.fixture(scope="module")
def network():
    with thin_vgg19() as weights:
        yield VGG19(weights)


def picture(seed: int, width: int = SIZE[0], height: int = SIZE[1]) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.BICUBIC)


def half(left: bool) -> Image.Image:
    mask = np.zeros(SIZE[::-1], np.uint8)
    mask[:, : SIZE[0] // 2] = 255
    return Image.fromarray(mask if left else 255 - mask)


MARGIN, ALIGNED = kinds.VGG19.margin(), kinds.VGG19.aligned
PHOTO = nst.open_image(picture(1))
REGIONS = {
    "one painting": picture(2, 200, 280),
    "two everywhere": [Region(picture(2), 0.7), Region(picture(3), 0.3)],
    "two in places": [Region(picture(2), mask=half(True)), Region(picture(3), mask=half(False))],
    "a part": [Region(picture(2), mask=half(True))],
}


@pytest.mark.parametrize("statistic", ["gram", "wasserstein"])
@pytest.mark.parametrize("regions", REGIONS.values(), ids=REGIONS)
def test_in_patches_the_objective_and_its_gradient_are_those_of_the_whole(network, regions, statistic):
    photo, now = to_tensor(PHOTO.image), to_tensor(picture(4))
    settings, opened = Settings(size=SIZE[0], statistic=statistic), open_regions(regions, PHOTO)
    # Wasserstein subtracts nearly equal numbers in float32 and takes a square root, so it is less exact.
    near, allowed = (1e-4, 1e-4) if statistic == "gram" else (5e-3, 5e-2)
    found = []
    for side in (None, 160):
        objective = Objective(network, photo, opened, settings, lambda: None, side)
        assert len(objective.patches) == (1 if side is None else 4)
        found.append((*objective(now), objective.figures(now)))
    (gradient, terms, again), (patched, of_patches, also) = found
    assert of_patches == pytest.approx(terms, rel=near)
    assert again == pytest.approx(terms, rel=near)
    assert also == pytest.approx(of_patches, rel=near)
    assert float((patched - gradient).norm() / gradient.norm()) < allowed


@pytest.mark.parametrize(("height", "width", "side"), [(245, 304, 96), (33, 1000, 64), (512, 512, 256), (17, 16, 16)])
def test_patches_cover_every_pixel_once_and_begin_where_every_layer_has_one(height, width, side):
    counts = np.zeros((height, width), int)
    for patch in cut(height, width, side, MARGIN, ALIGNED):
        top, bottom, left, right = patch.inner
        counts[top:bottom, left:right] += 1
        assert not any(start % ALIGNED for start in (*patch.inner[::2], *patch.outer[::2]))
        assert bottom - top < side + ALIGNED
        assert patch.outer[1] == min(height, bottom + MARGIN)
    assert (counts == 1).all()


def test_an_activation_sees_no_further_than_the_margin(network):
    """By the gradient of one activation of the deepest layer in the middle of a picture."""
    x = to_tensor(picture(5, 320, 320)).requires_grad_()
    network(x, ["relu5_1"])["relu5_1"][0, :, 10, 10].sum().backward()
    rows, columns = (x.grad.abs().sum(dim=(0, 1, axis)).nonzero() for axis in (3, 2))
    for seen in (rows, columns):
        assert int(seen.min()) >= 10 * 16 - MARGIN
        assert int(seen.max()) < 11 * 16 + MARGIN


def test_paintings_everywhere_count_by_their_weights(network):
    photo, settings = to_tensor(PHOTO.image), Settings(size=SIZE[0])

    def style(regions: object) -> float:
        return Objective(network, photo, open_regions(regions, PHOTO), settings, lambda: None).figures(photo)["style"]

    one, other = style(picture(2)), style(picture(3))
    mixed = style([Region(picture(2), 3), Region(picture(3), 1)])
    assert mixed == pytest.approx(0.75 * one + 0.25 * other, rel=1e-4)
    assert style([Region(picture(2), 5)]) == pytest.approx(one, rel=1e-5)


def test_style_weighs_less_the_larger_the_result(network):
    opened = open_regions(picture(2), PHOTO)

    def weight(side: int, **values: float) -> float:
        photo = to_tensor(PHOTO.image.resize((side, 64)))
        settings = Settings(content_weight=0, smoothness=0, **{"size": side} | values)
        terms = Objective(network, photo, opened, settings, lambda: None).figures(photo)
        return terms["total"] / terms["style"]

    weights = [weight(side) for side in (256, 384, 1024)]
    assert 2 * weights[2] > weights[0] > weights[1] > weights[2]
    assert weight(1024, style_weight=2) == pytest.approx(2 * weights[2], rel=1e-4)
    # The coarse scales of a large result are painted as those of one of usual size.
    assert weight(128, size=1024) == pytest.approx(weight(128, size=384), rel=1e-6)


def test_a_place_is_compared_with_its_own_painting_only(network):
    photo, settings = to_tensor(PHOTO.image), Settings(size=SIZE[0], edge=0)
    opened = open_regions(REGIONS["two in places"], PHOTO)
    gradient, _ = Objective(network, photo, opened, settings, lambda: None)(to_tensor(picture(4)))
    other = open_regions([Region(picture(2), mask=half(True)), Region(picture(6), mask=half(False))], PHOTO)
    changed, _ = Objective(network, photo, other, settings, lambda: None)(to_tensor(picture(4)))
    far = SIZE[0] // 2 - 100  # further from the border than an activation sees
    assert torch.allclose(gradient[..., :far], changed[..., :far], atol=1e-7)
    assert not torch.allclose(gradient[..., -far:], changed[..., -far:], atol=1e-7)
