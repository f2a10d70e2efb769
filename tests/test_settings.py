"""Every knob has one home, and keeps its word."""

import json
import warnings
from dataclasses import asdict

import pytest
from PIL import Image

import nst
from nst import KNOBS, PRESETS, Settings, SettingsError
from nst.feedforward import fast
from nst.recipe import PROGRAM


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
        ("steps", -1),
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


def other(name: str) -> object:
    """A value of this knob that is not its default."""
    knob = KNOBS[name]
    if knob.choices:
        return next(choice for choice in knob.choices if choice != knob.default)
    return knob.low if knob.default != knob.low else knob.high


def saved(path, **recipe):
    recipe = {"program": PROGRAM, "engine": "optimize", "painting": "a.jpg"} | recipe
    nst.save_image(Image.new("RGB", (40, 30), "teal"), path, recipe=recipe)
    return path


@pytest.mark.parametrize("suffix", ["png", "jpg"])
@pytest.mark.parametrize("name", KNOBS)
def test_every_setting_comes_back_from_a_picture(name, suffix, tmp_path):
    settings = Settings(**{name: other(name)})
    assert settings != Settings()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Settings.from_image(saved(tmp_path / f"result.{suffix}", **asdict(settings), step=5)) == settings


def test_a_picture_of_another_version_is_said_to_be_one(tmp_path):
    file = saved(tmp_path / "old.png", **asdict(Settings(steps=7)) | {"program": "nst 0.0.1"})
    with pytest.warns(UserWarning, match="nst 0.0.1.*may differ"):
        assert Settings.from_image(file).steps == 7


def test_what_a_recipe_does_not_say_is_said(tmp_path):
    values = {name: value for name, value in asdict(Settings(steps=7)).items() if name != "stroke"}
    with pytest.warns(UserWarning, match="does not say stroke"):
        assert Settings.from_image(saved(tmp_path / "old.png", **values)) == Settings(steps=7)


def test_a_setting_of_a_later_version_is_not_guessed(tmp_path):
    file = saved(tmp_path / "new.png", **asdict(Settings()) | {"program": "nst 99", "swirl": 3})
    with pytest.raises(SettingsError, match=r"nst 99.*swirl"):
        Settings.from_image(file)


def test_a_picture_without_a_recipe_and_one_by_fast_are_told_apart(tmp_path):
    Image.new("RGB", (40, 30)).save(tmp_path / "plain.png")
    with pytest.raises(SettingsError, match="no recipe"):
        Settings.from_image(tmp_path / "plain.png")
    at_once = fast.recipe("udnie", 0.5, 512)
    nst.save_image(Image.new("RGB", (40, 30)), tmp_path / "fast.png", recipe=at_once)
    with pytest.raises(SettingsError, match=r"Fast, with style udnie, strength 0\.5"):
        Settings.from_image(tmp_path / "fast.png")


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_sound_and_says_where_it_is_from(name):
    assert PRESETS[name].settings() == Settings(**PRESETS[name].values)
    assert PRESETS[name].source.endswith(".")
