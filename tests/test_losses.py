"""Each term against a worked example, and the promise that all are relative to their targets."""

import pytest
import torch

from nst import losses


def test_a_gram_matrix_is_the_mean_product_of_channels():
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, 0.0]]]])  # two channels, two positions
    assert losses.gram_matrix(features).tolist() == [[[2.5, 1.5], [1.5, 4.5]]]


def test_a_gram_matrix_in_parts_has_the_value_and_the_gradient_of_the_whole(monkeypatch):
    monkeypatch.setattr(losses, "POSITIONS", 10)
    for layout in (torch.contiguous_format, torch.channels_last):
        features = torch.rand(2, 4, 6, 7).contiguous(memory_format=layout).requires_grad_()
        flat = features.flatten(2)
        assert torch.allclose(losses.gram_matrix(features), flat @ flat.mT / 42)
        weights = torch.rand(2, 4, 4)
        found, expected = (
            torch.autograd.grad((gram * weights).sum(), features)[0]
            for gram in (losses.gram_matrix(features), flat @ flat.mT / 42)
        )
        assert torch.allclose(found, expected)


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


def gaussian(seed: int, channels: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    """A mean and a covariance in float64."""
    generator = torch.Generator().manual_seed(seed)
    square = torch.randn(1, channels, channels, generator=generator, dtype=torch.float64)
    return torch.randn(1, channels, generator=generator, dtype=torch.float64), square @ square.mT


def test_transport_between_independent_channels_is_that_of_each():
    """There it is the squared difference of means and of standard deviations."""
    (mean, _), (target, _) = gaussian(1), gaussian(2)
    deviations = torch.rand(2, 6, dtype=torch.float64) + 0.1
    covariance, root = torch.diag(deviations[0] ** 2)[None], torch.diag(deviations[1])[None]
    found = losses.wasserstein_distance(mean, covariance, target, root)
    whole = target.square().sum() + deviations[1].square().sum()
    expected = ((mean - target).square().sum() + (deviations[0] - deviations[1]).square().sum()) / whole
    assert float(found) == pytest.approx(float(expected))


def test_transport_to_itself_costs_nothing_and_from_an_empty_picture_one():
    mean, covariance = gaussian(3)
    root = losses.matrix_root(covariance)
    assert torch.allclose(root @ root, covariance)
    assert float(losses.wasserstein_distance(mean, covariance, mean, root)) == pytest.approx(0, abs=1e-9)
    nothing = torch.zeros_like(mean), torch.zeros_like(covariance)
    assert float(losses.wasserstein_distance(*nothing, mean, root)) == pytest.approx(1)


def test_transport_has_the_gradient_of_its_value():
    (mean, covariance), (target, other) = gaussian(4), gaussian(5)
    root = losses.matrix_root(other)

    def distance(mean: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
        return losses.wasserstein_distance(mean, factor @ factor.mT, target, root)

    factor = torch.linalg.cholesky(covariance)
    assert torch.autograd.gradcheck(distance, (mean.requires_grad_(), factor.requires_grad_()))


def test_transport_from_what_is_no_number_is_none_and_no_error():
    nothing = torch.full((1, 8, 8), torch.nan, requires_grad=True)
    found = losses.wasserstein_distance(torch.zeros(1, 8), nothing, torch.zeros(1, 8), torch.eye(8)[None])
    assert found.isnan()
    found.backward()
    assert nothing.grad.isnan().any()


def test_a_covariance_is_that_of_the_channels():
    features = torch.rand(1, 5, 7, 9)
    mean = losses.mean_features(features)
    covariance = losses.covariance(mean, losses.gram_matrix(features))
    assert torch.allclose(mean, features.flatten(2).mean(dim=2))
    assert torch.allclose(covariance[0], torch.cov(features[0].flatten(1), correction=0), atol=1e-6)
