"""What stands in for the paintings of the wall: that it is there, and that the program can paint it."""

import pytest
import torch
from PIL import Image

from nst import losses
from nst.backbones.kinds import STYLE_LAYERS
from nst.backbones.loading import load_networks
from nst.drawings import circles, tiles
from nst.feedforward import fast
from nst.images import fit, open_image
from nst.settings import Settings
from nst.tensors import to_tensor
from nst.training import textures


@pytest.mark.parametrize("style", fast.styles(), ids=lambda style: style.id)
def test_every_style_has_a_texture_that_is_small_to_ship_and_large_enough_to_paint_from(style):
    with Image.open(style.texture) as texture:
        assert texture.format == "JPEG"
        assert texture.mode == "RGB"
        assert 512 <= max(texture.size) <= 1024
    assert style.texture.stat().st_size < 300_000


@pytest.fixture
def paintings(tmp_path):
    """A folder of two small paintings that this program draws."""
    for name, drawn in (("some_tiles", tiles), ("circles", circles)):
        fit(drawn(), 128).crop((0, 0, 128, 96)).save(tmp_path / f"{name}.png")
    return tmp_path


def painted(paintings, *styles, steps=(20, 15, 10), extra=()):
    given = ["--paintings", str(paintings), "--out", str(paintings / "out"), "--size", "128"]
    textures.main([*styles, *given, "--steps", *map(str, steps), *extra])
    return paintings / "out"


@torch.no_grad()
def distance(one: Image.Image, other: Image.Image) -> float:
    """Of the small network's Gram matrices, the mean over its layers."""
    judge = load_networks(Settings(network="student")).coarse
    found, wanted = (judge(to_tensor(p, judge.mean.device), STYLE_LAYERS) for p in (one, other))
    apart = (losses.style_distance(*(losses.gram_matrix(f[k]) for f in (found, wanted))) for k in STYLE_LAYERS)
    return sum(map(float, apart)) / len(STYLE_LAYERS)


def test_the_command_paints_a_picture_with_the_style_of_the_painting_but_not_the_painting(paintings):
    file = painted(paintings, "mine=some_tiles") / "mine.jpg"
    texture, own, other = (
        open_image(p).image for p in (file, *(paintings / f"{n}.png" for n in ("some_tiles", "circles")))
    )
    assert texture.size == own.size
    assert distance(texture, own) < 0.2 * distance(other, own)
    pixels = [to_tensor(p, "cpu").flatten() for p in (texture, own)]
    assert torch.corrcoef(torch.stack(pixels))[0, 1] < 0.8


def test_what_is_there_is_kept_unless_it_is_to_be_painted_again(paintings, capsys):
    file = painted(paintings, "circles", steps=(1, 1, 1)) / "circles.jpg"
    before = file.read_bytes()
    capsys.readouterr()
    painted(paintings, "circles", "some-tiles", steps=(2, 1, 1))
    assert file.read_bytes() == before
    assert "some-tiles.jpg" in (told := capsys.readouterr().out)
    assert "circles.jpg" not in told
    painted(paintings, "circles", steps=(2, 1, 1), extra=["--again"])
    assert file.read_bytes() != before


def test_a_painting_that_is_not_there_is_named(paintings):
    with pytest.raises(SystemExit, match="has no no_such"):
        painted(paintings, "no-such")
    assert not (paintings / "out").exists()
