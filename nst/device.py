"""The device and dtype to compute with, and the GPUs that a Space borrows for a moment (ZeroGPU)."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import torch

F = TypeVar("F", bound=Callable[..., Any])

# `spaces` replaces parts of torch and must come before anything that touches CUDA, so it is imported here, right away.
if os.environ.get("SPACES_ZERO_GPU") and importlib.util.find_spec("spaces"):
    import spaces
else:
    spaces = None


def choose() -> torch.device:
    """Return the best device available: a CUDA GPU, Apple's GPU, or the CPU."""
    import torch

    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def number_format(device: torch.device) -> torch.dtype:
    """Return the dtype in which ``device`` runs convolutions fastest without harm to the picture.

    bfloat16 halves the time of a step where the hardware multiplies in it, and is slower than float32 where it does
    not."""
    import torch

    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    if device.type == "cpu":
        has = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
        return torch.bfloat16 if any(supported and supported() for supported in has) else torch.float32
    return torch.float32


def describe(device: torch.device) -> str:
    """Return the device's display name: "CPU", "Apple GPU" or, for example, "NVIDIA L4"."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return "Apple GPU" if device.type == "mps" else "CPU"


def zero_gpu(duration: Callable[..., int]) -> Callable[[F], F]:
    """Decorate a function to run, on ZeroGPU, in a process that has a GPU; elsewhere it is unchanged.

    ``duration`` takes the function's own arguments and returns the seconds to request: with too few the run is cut off,
    with too many the visitor waits longer and uses more of their daily quota."""

    def decorate(function: F) -> F:
        return function if spaces is None else spaces.GPU(duration=duration)(function)

    return decorate
