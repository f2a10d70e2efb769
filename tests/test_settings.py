"""Every knob has one home, and keeps its word."""

import json
from dataclasses import asdict

import pytest

from nst import KNOBS, Settings, SettingsError


def test_the_defaults_are_inside_their_ranges():
    assert asdict(Settings()) == {name: knob.default for name, knob in KNOBS.items()}


def test_a_recipe_survives_json():
    settings = Settings(size=512, steps=33, optimizer="lbfgs", pooling="average", style_weight=2.5, seed=7)
    assert Settings.from_dict(json.loads(json.dumps(asdict(settings)))) == settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", 63),
        ("size", 100.5),
        ("size", "big"),
        ("size", None),
        ("size", True),
        ("steps", 0),
        ("seed", -1),
        ("style_weight", 10.1),
        ("content_weight", float("nan")),
        ("smoothness", float("inf")),
        ("start", "moon"),
        ("optimizer", "sgd"),
        ("pooling", 3),
    ],
)
def test_a_value_out_of_range_is_named_with_what_is_allowed(name, value):
    with pytest.raises(SettingsError, match=name):
        Settings(**{name: value})


def test_numbers_from_a_web_form_are_taken_as_what_they_mean():
    settings = Settings(size=384.0, style_weight=1)
    assert (settings.size, type(settings.size), type(settings.style_weight)) == (384, int, float)


def test_an_unknown_setting_is_named():
    with pytest.raises(SettingsError, match="speed"):
        Settings.from_dict({"speed": 3})


def test_every_knob_has_help():
    assert all(knob.help.endswith(".") for knob in KNOBS.values())
