"""Read some tensors from a safetensors file, without reading the rest of it.

Such a file is eight bytes with the length of its header, the header, which is JSON and says where each tensor is, and
the data (https://huggingface.co/docs/safetensors, "Format"). The file may be on disk or behind a web server:
``read(start, stop)`` yields the bytes of that range in chunks, fewer where the file ends.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from torch import Tensor

Read = Callable[[int, int], Generator[bytes, None, None]]
Progress = Callable[[int, int], None]
Place = tuple[str, int, int]  # dtype, first byte in the file, byte after the last

DTYPES = {"F32": ("float32", 4), "F16": ("float16", 2), "BF16": ("bfloat16", 2)}  # torch's name, bytes
PLAUSIBLE = 1e4  # no weight comes near it; numbers read from the wrong bytes soon exceed it
FIRST_READ, HEADER_LIMIT = 2**14, 2**20
GAP = 2**16  # bytes between two ranges that are cheaper to read than a new request


class InvalidFile(Exception):
    """The file read is not the expected one; the text says how it differs."""


def reader(file: BinaryIO) -> Read:
    """Return ``read`` for an open file."""

    def read(start: int, stop: int) -> Generator[bytes, None, None]:
        file.seek(start)
        yield file.read(stop - start)

    return read


def pick(
    read: Read, shapes: Mapping[str, tuple[int, ...]], report: Progress = lambda done, total: None
) -> dict[str, Tensor]:
    """Read the tensors named in ``shapes`` as float32; ``report`` is called with bytes done and bytes in all.

    Names, shapes and lengths are checked, and that the numbers can be weights: finite, of plausible size, not all zero.
    Without a digest no more can be checked; a flipped low-order bit passes.

    Raises InvalidFile."""
    places = _places(read, shapes)
    spans: list[list[int]] = []
    for _, start, stop in sorted(places.values(), key=lambda place: place[1:]):
        if spans and start <= spans[-1][1] + GAP:
            spans[-1][1] = max(spans[-1][1], stop)
        else:
            spans.append([start, stop])
    total, done = sum(stop - start for start, stop in spans), 0
    data = {start: bytearray() for start, _ in spans}
    report(done, total)
    for start, stop in spans:
        with closing(read(start, stop)) as chunks:  # closes the connection even if ``report`` raises
            for chunk in chunks:
                data[start] += chunk
                done += len(chunk)
                report(done, total)
        if len(data[start]) != stop - start:
            raise InvalidFile("it is shorter than its header says")
    import torch

    tensors = {}
    for name, (dtype, start, stop) in places.items():
        base = max(origin for origin in data if origin <= start)
        # The slice is a copy: a tensor must be aligned to its dtype's size in memory.
        values = torch.frombuffer(data[base][start - base : stop - base], dtype=getattr(torch, DTYPES[dtype][0]))
        tensors[name] = values.reshape(shapes[name]).float()
        largest = float(tensors[name].abs().max())  # NaN if any of them is
        if not largest < PLAUSIBLE or (largest == 0 and len(shapes[name]) > 1):
            raise InvalidFile(f"{name} holds numbers that are no weights")
    return tensors


def _places(read: Read, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Place]:
    header = b"".join(read(0, FIRST_READ))
    base = 8 + int.from_bytes(header[:8], "little")
    if len(header) < 8 or base > HEADER_LIMIT:
        raise InvalidFile("it does not begin as a safetensors file does")
    if base > len(header):
        header += b"".join(read(len(header), base))
    try:
        table = json.loads(header[8:base])
        places = {}
        for name, wanted in shapes.items():
            dtype, shape, (start, stop) = (table[name][key] for key in ("dtype", "shape", "data_offsets"))
            if tuple(shape) != tuple(wanted):
                raise InvalidFile(f"{name} has the shape {shape}, not {list(wanted)}")
            if dtype not in DTYPES:
                raise InvalidFile(f"{name} is in {dtype}, not in one of {', '.join(DTYPES)}")
            if start < 0 or stop - start != math.prod(wanted) * DTYPES[dtype][1]:
                raise InvalidFile(f"{name} has a length that does not go with its shape")
            places[name] = (dtype, base + start, base + stop)
    except KeyError as error:
        raise InvalidFile(f"{error} is missing in it") from error
    except (ValueError, TypeError) as error:
        raise InvalidFile("its header makes no sense") from error
    return places
