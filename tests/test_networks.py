"""VGG-19 against torchvision's own, and the promise that a file's scaling leaves no trace."""

import pytest
import torch
from torchvision.models import vgg19

from nst.networks import CONTENT_LAYER, LAYOUT, MEAN, SHAPES, STD, STYLE_LAYERS, VGG19


@pytest.fixture(scope="module")
def reference():
    return vgg19(weights=None).features.eval()


@pytest.fixture(scope="module")
def published(reference):
    return {f"features.{name}": tensor for name, tensor in reference.state_dict().items()}


def test_names_and_shapes_are_torchvisions(published):
    assert {name: tuple(tensor.shape) for name, tensor in published.items()} == SHAPES


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
        assert torch.allclose(plain[layer], other[layer], rtol=1e-4, atol=1e-6)


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
