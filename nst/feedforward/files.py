"""Loads the feed-forward engine's files in ``models/`` as PyTorch modules, to learn a style or to continue training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from nst.feedforward.encoder import Encoder
from nst.feedforward.network import StyleNetwork
from nst.models import MODELS


def notes_of(file: Path) -> dict[str, Any]:
    """Return the metadata of a safetensors file, with its JSON values decoded."""
    with safe_open(file, "pt") as opened:
        return {name: json.loads(value) for name, value in (opened.metadata() or {}).items()}


def network(folder: Path = MODELS) -> StyleNetwork:
    """Load the shipped network in float32, in evaluation mode, with its weights frozen."""
    file = folder / "network.safetensors"
    made = StyleNetwork(**notes_of(file)["config"])
    made.load_state_dict({name: tensor.float() for name, tensor in load_file(file).items()})
    return made.eval().requires_grad_(False)


def encoder(folder: Path = MODELS) -> Encoder:
    """Load the shipped encoder in the same way."""
    file = folder / "encoder.safetensors"
    made = Encoder(**notes_of(file)["config"])
    made.load_state_dict({name: tensor.float() for name, tensor in load_file(file).items()})
    return made.eval().requires_grad_(False)


def for_training(folder: Path = MODELS) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return all weights under their names in ``training/model.py``, and the notes to continue training from."""
    parts = {"network": network(folder), "encoder": encoder(folder)}
    tensors = {
        f"{part}.{name}": tensor for part, module in parts.items() for name, tensor in module.state_dict().items()
    }
    vectors = {name: tensor.float() for name, tensor in load_file(folder / "vectors.safetensors").items()}
    notes = notes_of(folder / "vectors.safetensors")
    tensors |= {"identity": vectors["identity"], "vectors": torch.stack([vectors[name] for name in notes["ids"]])}
    return tensors, notes
