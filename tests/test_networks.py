"""VGG-19 against torchvision's own, and the promise that a file's scaling leaves no trace."""

import pytest
import torch
from torchvision.models import vgg19

from nst.backbones.kinds import CONTENT_LAYER, STYLE_LAYERS
from nst.backbones.kinds import VGG_SHAPES as SHAPES
from nst.backbones.vgg19 import LAYOUT, MEAN, SOFTNESS, STD, VGG19, _MaxPool, _Rectifier


@pytest.fixture(scope="module")
def reference():
    return vgg19(weights=None).features.eval()


@pytest.fixture(scope="module")
def published(reference):
    return {f"features.{name}": tensor for name, tensor in reference.state_dict().items()}


def test_names_and_shapes_are_torchvisions(published):
    assert {name: tuple(published[name].shape) for name in SHAPES} == SHAPES


@pytest.mark.parametrize("layer", [*STYLE_LAYERS, CONTENT_LAYER])
def test_every_layer_agrees_with_torchvision_up_to_its_scale(reference, published, layer):
    picture = torch.rand(1, 3, 64, 48)
    normal = (picture - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)
    with torch.no_grad():
        expected = reference[: LAYOUT[layer][0] + 2](normal)
        found = VGG19(published)(picture, [layer])[layer]
    assert found.shape == expected.shape
    assert torch.allclose(found / found.norm(), expected / expected.norm(), atol=1e-5)


def test_a_rescaled_file_gives_the_same_network(published):
    scaled = dict(published)
    for kind in ("weight", "bias"):
        scaled[f"features.10.{kind}"] = published[f"features.10.{kind}"] * 10
    scaled["features.12.weight"] = published["features.12.weight"] * 0.1
    picture = torch.rand(1, 3, 32, 32)
    plain, other = (VGG19(w)(picture, ["relu3_1", "relu5_1"]) for w in (published, scaled))
    for layer in plain:
        assert float((plain[layer] - other[layer]).norm() / plain[layer].norm()) < 1e-6


def test_activations_are_about_one_in_the_mean_at_every_layer(published):
    picture = torch.rand(1, 3, 64, 64)
    for layer, found in VGG19(published)(picture, LAYOUT).items():
        assert 0.1 < float(found.mean()) < 10, layer


def slope(function, x: torch.Tensor) -> torch.Tensor:
    """The gradient at ``x`` of the sum of what ``function`` makes of a copy of it."""
    x = x.clone().requires_grad_()
    function(x * 1).sum().backward()
    return x.grad


def test_a_rectifiers_slope_rises_without_a_jump_and_its_values_are_the_true_ones():
    x = torch.linspace(-1, 1, 2001)
    assert torch.equal(_Rectifier.apply(x.clone()), x.clamp(min=0))
    found = slope(_Rectifier.apply, x)
    assert float(found.diff().abs().max()) < 0.001 / SOFTNESS * 1.01
    assert float(found[x <= 0].abs().max()) == 0
    assert torch.all(found[x >= SOFTNESS] == 1)


@pytest.mark.parametrize("number", [torch.float32, torch.bfloat16])
def test_the_largest_of_four_hands_its_gradient_over_without_a_jump(number):
    pools = torch.zeros(201, 1, 2, 2, dtype=number)
    pools[:, 0, 0, 0] = 200  # so large that bfloat16 rounds away the subtraction of the softness
    pools[:, 0, 1, 1] = 200 + torch.linspace(-1, 1, 201).to(number)
    assert torch.equal(_MaxPool.apply(pools), torch.nn.functional.max_pool2d(pools, 2))
    found = slope(_MaxPool.apply, pools).float()
    assert torch.allclose(found.sum(dim=(1, 2, 3)), torch.ones(201), atol=0.01)
    assert found[0, 0, 0, 0] == 1
    assert found[-1, 0, 1, 1] == 1
    if number == torch.float32:
        assert float(found.diff(dim=0).abs().max()) < 0.02 / SOFTNESS


def test_an_odd_last_row_and_column_are_in_no_pool():
    x = torch.rand(1, 2, 5, 7)
    found = slope(_MaxPool.apply, x)
    assert torch.equal(_MaxPool.apply(x), torch.nn.functional.max_pool2d(x, 2))
    assert float(found[..., 4, :].abs().max()) == float(found[..., :, 6].abs().max()) == 0
    assert float(found.sum()) == pytest.approx(2 * 2 * 3, rel=1e-5)


def test_average_pooling_differs_from_max_pooling_after_the_first_pooling(published):
    picture = torch.rand(1, 3, 32, 32)
    maximal, average = (VGG19(published, p)(picture, ["relu1_1", "relu2_1"]) for p in ("max", "average"))
    assert torch.equal(maximal["relu1_1"], average["relu1_1"])
    assert not torch.allclose(maximal["relu2_1"], average["relu2_1"])


def test_nothing_past_the_deepest_layer_is_computed(published):
    passed = []
    VGG19(published)(torch.rand(1, 3, 16, 16), ["relu2_1"], lambda: passed.append(1))
    assert len(passed) == 3  # 1_1, 1_2, 2_1


def test_a_pass_can_be_left_on_the_way_back(published):
    class Enough(Exception):
        pass

    calls = []

    def watch():
        calls.append(1)
        if len(calls) == 20:  # 13 convolutions forward, then the way back
            raise Enough

    picture = torch.rand(1, 3, 32, 32, requires_grad=True)
    features = VGG19(published)(picture, ["relu5_1"], watch)["relu5_1"]
    with pytest.raises(Enough):
        features.sum().backward()


def test_an_unknown_layer_and_an_unknown_pooling_are_named(published):
    with pytest.raises(ValueError, match="relu9_9"):
        VGG19(published)(torch.rand(1, 3, 16, 16), ["relu9_9"])
    with pytest.raises(ValueError, match="median"):
        VGG19(published, "median")
