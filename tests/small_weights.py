"""A small stand-in for VGG-19's file, and what tests of the download ask about it."""

from pathlib import Path

import pytest
import torch
from hub import REPO, Content, header
from huggingface_hub import constants
from safetensors.torch import save

from nst.errors import WeightsUnavailable
from nst.hub import weights

FILE = "model.safetensors"
SMALL = {"features.0.weight": (64, 64, 3, 3), "features.0.bias": (64,), "features.2.weight": (96, 64, 3, 3)}
TENSORS = {name: torch.linspace(-1, 1, torch.Size(shape).numel()).reshape(shape) for name, shape in SMALL.items()}
BYTES = sum(4 * tensor.numel() for tensor in TENSORS.values())


def small(**changes: torch.Tensor | None) -> Content:
    """A file with the tensors of SMALL and one more; a change replaces a tensor, None leaves it out."""
    tensors = (
        TENSORS | {"head.fc.weight": torch.zeros(1000, 100)} | {n.replace("_", "."): t for n, t in changes.items()}
    )
    return Content.of(save({name: tensor for name, tensor in tensors.items() if tensor is not None}))


def laid_out(*gaps: int) -> Content:
    """The tensors of SMALL with so many bytes of something else before each, and after the last."""
    table, pieces, end = {}, {}, 0
    for gap, (name, tensor) in zip(gaps, TENSORS.items(), strict=False):
        begin, end = end + gap, end + gap + 4 * tensor.numel()
        table[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [begin, end]}
        pieces[begin] = tensor.numpy().tobytes()
    head = header(table)
    pieces = {0: head} | {len(head) + begin: data for begin, data in pieces.items()}
    return Content.sparse(len(head) + end + gaps[-1], pieces)


def at(endpoint: str, monkeypatch) -> None:
    """Have the Hub's client look for the Hub there."""
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(weights, "SOURCE", f"{endpoint}/{REPO}")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


def right(tensors: dict[str, torch.Tensor]) -> bool:
    return tensors.keys() == TENSORS.keys() and all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)


def failure(cache: Path) -> str:
    """The sentence of a call that fails as it should and leaves nothing behind."""
    with pytest.raises(WeightsUnavailable) as caught:
        weights.vgg19()
    message = str(caught.value)
    assert weights.SOURCE in message
    assert "MB, from " in message
    assert message.endswith(".")
    assert files(cache) == []
    assert not weights.cached()
    return message
