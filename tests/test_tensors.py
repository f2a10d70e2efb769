"""Pictures to tensors and back."""

import numpy as np
import pytest
import torch
from PIL import Image

from nst.tensors import to_picture, to_tensor


def test_a_picture_comes_back_as_it_was():
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8))
    tensor = to_tensor(picture)
    assert (tensor.shape, tensor.dtype) == ((1, 3, 5, 7), torch.float32)
    assert float(tensor.max()) == pytest.approx(np.asarray(picture).max() / 255)
    assert to_picture(tensor).tobytes() == picture.tobytes()


def test_what_is_beyond_black_and_white_is_cut_off():
    assert to_picture(torch.tensor([-0.5, 0.5, 1.5]).reshape(1, 3, 1, 1)).getpixel((0, 0)) == (0, 128, 255)
