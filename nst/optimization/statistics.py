"""The style statistics of a layer: Gram matrices, or the Gaussian that fits the activations.

A statistic turns activations into moments, which add up over the patches of a picture; a painting's moments into a
target; and moments and a target into a distance.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from nst import losses

Moments = list[Tensor]


class Statistic(Protocol):
    """A style statistic. ``count`` is the number of tensors in its moments."""

    count: int

    def moments(self, features: Tensor, shares: Tensor | None, whole: float) -> Moments:
        """Compute the moments of ``[N, C, H, W]``; ``shares`` and ``whole`` as in ``losses.gram_matrix``."""
        ...

    def target(self, moments: Moments) -> Moments:
        """Compute what ``distance`` needs from a painting's moments."""
        ...

    def distance(self, moments: Moments, target: Moments) -> Tensor:
        """Compute the distance, a scalar relative to the target."""
        ...


class Gram:
    """Correlations between channels (Gatys et al. 2016, eq. 3 to 5)."""

    count = 1

    def moments(self, features: Tensor, shares: Tensor | None, whole: float) -> Moments:
        """Compute the Gram matrix."""
        return [losses.gram_matrix(features, shares, whole)]

    def target(self, moments: Moments) -> Moments:
        """Return the moments unchanged."""
        return moments

    def distance(self, moments: Moments, target: Moments) -> Tensor:
        """Compute the style loss of a layer."""
        return losses.style_distance(*moments, *target)


class Gaussian:
    """Means and covariances of the channels, compared by the 2-Wasserstein distance (Mroueh 2019)."""

    count = 2

    def moments(self, features: Tensor, shares: Tensor | None, whole: float) -> Moments:
        """Compute the Gram matrix and the means: unlike a covariance, both add up."""
        return [losses.gram_matrix(features, shares, whole), losses.mean_features(features, shares, whole)]

    def target(self, moments: Moments) -> Moments:
        """Compute the means and the square root of the covariance."""
        gram, mean = moments
        return [mean, losses.matrix_root(losses.covariance(mean, gram))]

    def distance(self, moments: Moments, target: Moments) -> Tensor:
        """Compute the squared 2-Wasserstein distance of the two Gaussians."""
        gram, mean = moments
        return losses.wasserstein_distance(mean, losses.covariance(mean, gram), *target)


STATISTICS: dict[str, Statistic] = {"gram": Gram(), "wasserstein": Gaussian()}
"""By the names that the setting ``statistic`` has for them."""
