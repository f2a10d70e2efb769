"""How good *Quick* is, in stored figures: a change that paints worse fails here, not on a visitor's screen.

The figures were measured with the program itself, in float32 and in bfloat16; what rounding changes is within the
tolerance, and painting with half of the steps is not."""

import pytest
from gradio.media import get_image

import nst
from nst.benchmark.metrics import palette_distance
from nst.drawings import tiles, wind

SETTINGS = nst.Settings(size=256, network="student")
TEXTURE = next(style.texture for style in nst.styles() if style.id == "starry-night")
PAIRS = {"drawn": (tiles, wind), "photographed": (lambda: get_image("tower.jpg"), lambda: TEXTURE)}
STORED = {
    "drawn": {"style": 0.0346, "content": 0.4586, "palette": 0.0352},
    "photographed": {"style": 0.0186, "content": 0.2413, "palette": 0.0209},
}
TOLERANCE = 0.08  # of style and content
COLORS = 0.015  # of the palette, in units of brightness


def figures(pair: str, settings: nst.Settings = SETTINGS) -> dict[str, float]:
    photo, painting = (nst.open_image(make()) for make in PAIRS[pair])
    last = list(nst.optimize(photo, painting, settings))[-1]
    found = {name: last.losses[name] for name in ("style", "content")}
    return found | {"palette": palette_distance(painting.image, last.image)}


@pytest.mark.parametrize("pair", PAIRS)
def test_quick_is_as_good_as_it_was(pair):
    found, stored = figures(pair), STORED[pair]
    for name in ("style", "content"):
        assert found[name] <= stored[name] * (1 + TOLERANCE), f"{name} of {pair}: {found}"
    assert found["palette"] <= stored["palette"] + COLORS, f"palette of {pair}: {found}"


def test_half_of_the_steps_would_be_noticed():
    found = figures("drawn", nst.Settings(size=256, network="student", steps=30))
    assert found["style"] > STORED["drawn"]["style"] * (1 + TOLERANCE)
