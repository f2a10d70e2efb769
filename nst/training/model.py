"""Everything that training changes: the feed-forward network, the vectors of the catalog's styles, and the encoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nst.feedforward.encoder import Encoder
from nst.feedforward.network import StyleNetwork


class Model(nn.Module):
    """The trained model: ``vectors`` is ``[styles, 2, length]``, fine and broad; ``identity`` ``[length]``."""

    def __init__(self, styles: int, network: StyleNetwork | None = None) -> None:
        super().__init__()
        self.network = StyleNetwork() if network is None else network
        neutral = self.network.neutral()
        self.identity = nn.Parameter(neutral.clone())
        self.vectors = nn.Parameter(neutral.repeat(styles, 2, 1))
        self.encoder = Encoder(self.network.length)
        self.encoder.last.bias.data.copy_(neutral.repeat(2))

    @property
    def config(self) -> dict:
        return {"network": self.network.config, "encoder": self.encoder.config, "styles": len(self.vectors)}

    def of_wall(self, style: Tensor, level: Tensor) -> Tensor:
        """Return the vectors of these catalog styles at these levels, 0 fine and 1 broad, each ``[G]``:
        ``[G, length]``."""
        return between(self.vectors[style], level)

    def of_any(self, features: Tensor, level: Tensor) -> Tensor:
        """Return the vectors that the encoder predicts from features of paintings, ``[G, FEATURES]``, at these
        levels."""
        return between(self.encoder(features), level)

    def paint(self, photo: Tensor, field: Tensor, vector: Tensor, dose: Tensor) -> Tensor:
        """Run the network at this dose of a style, with the vector interpolated from the identity's to the style's."""
        return self.network(photo, field, torch.lerp(self.identity[None], vector, dose[:, None]), dose)


def between(pair: Tensor, level: Tensor) -> Tensor:
    """Interpolate ``[G, 2, length]`` at levels ``[G]``, 0 the first and 1 the second: ``[G, length]``."""
    return torch.lerp(pair[:, 0], pair[:, 1], level[:, None])
