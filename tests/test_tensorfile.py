"""What is taken out of a safetensors file, and what is not taken for one."""

import json

import pytest
import torch
from hub import Content
from small_weights import BYTES, FILE, SMALL, TENSORS, failure, laid_out, right, small

from nst.errors import WeightsUnavailable
from nst.hub import weights


@pytest.mark.parametrize("gaps", [(0, 0, 0, 5000), (100, 7, 0, 0), (10**8, 10**5, 10**5, 10**8)])
def test_wherever_the_tensors_lie_only_they_are_fetched(hub, gaps):
    hub.files[FILE] = laid_out(*gaps)
    assert right(weights.vgg19())
    assert hub.sent < BYTES + 2**16


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_comes_as_float32(hub, kind):
    hub.files[FILE] = small(**{name.replace(".", "_"): tensor.to(kind) for name, tensor in TENSORS.items()})
    tensors = weights.vgg19()
    assert all(torch.equal(tensors[name], TENSORS[name].to(kind).float()) for name in TENSORS)
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}


def test_a_local_file_is_read(tmp_path, cache):
    path = tmp_path / "vgg.safetensors"
    path.write_bytes(small().read(0, small().size))
    assert right(weights.read(path))
    assert right(weights.read(str(path)))


def test_a_local_file_that_is_not_there_or_something_else_is_named(tmp_path, cache):
    path = tmp_path / "vgg.safetensors"
    with pytest.raises(WeightsUnavailable, match=r"cannot be read from .*vgg\.safetensors: .*No such file"):
        weights.read(path)
    path.write_text("a shopping list")
    with pytest.raises(WeightsUnavailable, match=r"cannot be read from .*vgg\.safetensors: "):
        weights.read(path)


def named(table: object) -> Content:
    """A file with this header before the right numbers."""
    text = json.dumps(table).encode()
    return Content.of(len(text).to_bytes(8, "little") + text + bytes(BYTES))


def entry(dtype: object = "F32", shape: object = (64,), offsets: object = (0, 256)) -> Content:
    whole = {"dtype": "F32", "shape": SMALL["features.0.weight"], "data_offsets": [256, 256 + 4 * 64 * 64 * 9]}
    odd = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
    return named({"features.0.weight": whole, "features.0.bias": odd, "features.2.weight": whole})


def spoiled(value: float) -> torch.Tensor:
    tensor = TENSORS["features.2.weight"].clone()
    tensor[3, 2, 1, 0] = value
    return tensor


NOT_VGG = {
    "a page to log in": (Content.of(b"<!DOCTYPE html><title>Welcome to our hotel</title>" * 100), "does not begin"),
    "nothing": (Content.of(b""), ""),
    "seven bytes": (Content.of(b"1234567"), "does not begin"),
    "an absurd length": (Content.of((2**60).to_bytes(8, "little") + bytes(99)), "does not begin"),
    "a header that is cut off": (Content.of((9000).to_bytes(8, "little") + b'{"a": '), "header makes no sense"),
    "a header that is not JSON": (Content.of((9).to_bytes(8, "little") + b"\xff" * 99), "header makes no sense"),
    "a header that is a list": (named([1, 2, 3]), "header makes no sense"),
    "an entry that is a number": (named(dict.fromkeys(SMALL, 5)), "header makes no sense"),
    "a missing tensor": (small(features_0_bias=None), "'features.0.bias' is missing"),
    "another shape": (small(features_0_bias=torch.ones(65)), "has the shape [65], not [64]"),
    "another number format": (small(features_0_bias=torch.ones(64, dtype=torch.int64)), "is in I64"),
    "a number format that is a list": (entry(dtype=["F32"]), "header makes no sense"),
    "a shape that is a number": (entry(shape=64), "header makes no sense"),
    "offsets the wrong way round": (entry(offsets=(256, 0)), "length"),
    "offsets before the beginning": (entry(offsets=(-256, 0)), "length"),
    "offsets that are words": (entry(offsets=("a", "b")), "header makes no sense"),
    "one offset": (entry(offsets=(3,)), "header makes no sense"),
    "offsets beyond the end": (entry(offsets=(10**12, 10**12 + 256)), ""),
    "not a number": (small(features_2_weight=spoiled(float("nan"))), "features.2.weight holds numbers"),
    "infinity": (small(features_2_weight=spoiled(float("-inf"))), "features.2.weight holds numbers"),
    "a number no weight has": (small(features_2_weight=spoiled(1e30)), "features.2.weight holds numbers"),
    "zeros": (small(features_0_weight=torch.zeros(64, 64, 3, 3)), "features.0.weight holds numbers"),
    "a file that is cut off": (Content.of(small().read(0, 200_000)), ""),
}


@pytest.mark.parametrize("what", NOT_VGG)
def test_what_is_not_vgg_19_is_refused_and_not_kept(hub, cache, what):
    hub.files[FILE], reason = NOT_VGG[what]
    assert reason in failure(cache)
    hub.files[FILE] = small()
    assert right(weights.vgg19())
