"""Which device computes, in which number format; and the GPUs a Space borrows for a moment (ZeroGPU)."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from typing import Any, TypeVar

import torch

F = TypeVar("F", bound=Callable[..., Any])

# `spaces` replaces parts of torch and must come before anything that touches CUDA, so it is imported here and now.
if os.environ.get("SPACES_ZERO_GPU") and importlib.util.find_spec("spaces"):
    import spaces
else:
    spaces = None


def choose() -> torch.device:
    """The best device there is: a CUDA GPU, Apple's GPU, or the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def number_format(device: torch.device) -> torch.dtype:
    """The number format in which ``device`` runs convolutions fastest without harm to the picture.

    bfloat16 halves the time of a step where the hardware multiplies in it, and is slower than
    float32 where it does not.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    if device.type == "cpu":
        has = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
        return torch.bfloat16 if any(supported and supported() for supported in has) else torch.float32
    return torch.float32


def describe(device: torch.device) -> str:
    """The device's name for people: "CPU", "Apple GPU" or such as "NVIDIA L4"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return "Apple GPU" if device.type == "mps" else "CPU"


def zero_gpu(duration: Callable[..., int]) -> Callable[[F], F]:
    """Decorator: on ZeroGPU the function runs in a process that has a GPU; elsewhere nothing changes.

    ``duration`` takes the function's own arguments and returns the seconds to ask for: too few and
    the run is cut off, too many and the visitor waits longer and pays more of their daily quota.
    """

    def decorate(function: F) -> F:
        return function if spaces is None else spaces.GPU(duration=duration)(function)

    return decorate
