"""Each term against a worked example, and the promise that all are relative to their targets."""

import pytest
import torch

from nst import losses


def test_a_gram_matrix_is_the_mean_product_of_channels():
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, 0.0]]]])  # two channels, two positions
    assert losses.gram_matrix(features).tolist() == [[[2.5, 1.5], [1.5, 4.5]]]


def test_a_gram_matrix_does_not_depend_on_the_picture_size():
    features = torch.rand(1, 4, 6, 6)
    assert torch.allclose(losses.gram_matrix(features), losses.gram_matrix(features.repeat(1, 1, 2, 3)), rtol=1e-5)


def test_nothing_is_at_distance_zero_and_emptiness_at_distance_one():
    features = torch.rand(2, 4, 5, 6)
    gram = losses.gram_matrix(features)
    assert float(losses.content_distance(features, features)) == 0
    assert float(losses.style_distance(gram, gram)) == 0
    assert float(losses.content_distance(torch.zeros_like(features), features)) == pytest.approx(1)
    assert float(losses.style_distance(torch.zeros_like(gram), gram)) == pytest.approx(1)


@pytest.mark.parametrize("factor", [1e-3, 10.0, 1e3])
def test_distances_do_not_depend_on_the_scale_of_a_layer(factor):
    features, target = torch.rand(1, 4, 8, 8), torch.rand(1, 4, 8, 8)
    plain = losses.content_distance(features, target)
    scaled = losses.content_distance(features * factor, target * factor)
    assert float(scaled) == pytest.approx(float(plain), rel=1e-3)
    plain = losses.style_distance(losses.gram_matrix(features), losses.gram_matrix(target))
    scaled = losses.style_distance(losses.gram_matrix(features * factor), losses.gram_matrix(target * factor))
    assert float(scaled) == pytest.approx(float(plain), rel=1e-3)


def test_total_variation_counts_both_directions():
    picture = torch.tensor([[[[0.0, 1.0], [0.0, 0.0]]]])
    # Across: differences 1 and 0; down: 0 and -1.
    assert float(losses.total_variation(picture)) == pytest.approx(0.5 + 0.5)
    assert float(losses.total_variation(torch.full((1, 3, 4, 4), 0.3))) == 0


def test_a_batch_is_averaged():
    features, target = torch.rand(3, 4, 5, 5), torch.rand(3, 4, 5, 5)
    each = [float(losses.content_distance(features[n : n + 1], target[n : n + 1])) for n in range(3)]
    assert float(losses.content_distance(features, target)) == pytest.approx(sum(each) / 3, rel=1e-5)


def test_bfloat16_features_are_compared_in_float32():
    features = torch.rand(1, 8, 16, 16)
    assert losses.gram_matrix(features.bfloat16()).dtype == torch.float32
