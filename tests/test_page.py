"""The page in a real browser: both tabs, at both widths, in both languages; what goes wrong; who leaves."""

import io
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import DESKTOP, OFTEN, PHONE, Visitor, browser, chromium
from halves import PAIRS, halves
from PIL import Image
from playwright.sync_api import Locator, expect
from served import NOBODY, App, wait_for

import nst
from nst.drawings import DRAWINGS
from nst.feedforward import fast
from nst.page.texts import TEXTS, TITLE
from nst.recipe import PROGRAM
from nst.regions.region import SECOND
from nst.requests import OWN, hashed

pytestmark = pytest.mark.skipif(chromium() is None, reason="there is no Chromium here; set CHROMIUM to its path")

TOAST = "[data-testid=toast-body]"
WAYS = [(size, locale) for size in (DESKTOP, PHONE) for locale in ("en-US", "pt-PT")]
# Links to the page with a small size, at which painting takes next to nothing, and with a way of painting.
SMALL = "?size=64"
FULL, QUICK = f"{SMALL}&how=vgg19", f"{SMALL}&how=student"
each_way = pytest.mark.parametrize(("size", "locale"), WAYS, ids=lambda value: str(value))


@pytest.fixture(scope="module")
def chrome():
    with browser() as running:
        yield running


@pytest.fixture
def visit(server, chrome):
    visitors = []

    def visiting(link: str = "", where: App = server, **how) -> Visitor:
        visitors.append(Visitor(chrome, where.url + link, **how))
        return visitors[-1]

    yield visiting
    for visitor in visitors:
        visitor.leave()


@pytest.fixture
def photo(tmp_path) -> Path:
    """A photo taken with the phone held upright: stored lying down, and marked so."""
    upright = Image.linear_gradient("L").resize((48, 96)).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "beach.jpg", exif=exif, quality=95)
    return tmp_path / "beach.jpg"


def words(locale: str) -> dict[str, str]:
    return TEXTS[locale.split("-")[0]]


def first(sentence: str) -> str:
    """The part of a sentence before what is filled in."""
    return sentence.split("{")[0].strip()


def choose_how(visitor: Visitor, how: str) -> None:
    """One of the stops of "how"."""
    visitor.page.locator(f"#paint-how input[value={how}]").check()


def open_all(visitor: Visitor, locale: str = "en-US", steps: int = 1000) -> None:
    """All drawers open, a drawn painting and the number of steps chosen."""
    visitor.page.get_by_role("button", name=words(locale)["own_style"]).click()
    visitor.tap("#own-drawings button >> nth=1")
    expect(visitor.page.locator("#own-painting img")).to_be_visible()
    choose_steps(visitor, steps)


def choose_steps(visitor: Visitor, steps: int = 1000) -> None:
    visitor.open("paint-more")
    visitor.turn("knob-steps", steps)


def start(visitor: Visitor, locale: str = "en-US") -> None:
    """An example photo on its way to become a painting."""
    open_all(visitor, locale)
    visitor.tap("#paint-examples button >> nth=0")
    expect(visitor.page.locator("#paint-photo img")).to_be_visible()
    visitor.tap("#paint-keep")


def painted_now(visitor: Visitor) -> Locator:
    """The picture that is shown at this moment, by its file: another painting takes its place."""
    file = visitor.page.locator("#paint-result img").first.get_attribute("src")
    return visitor.page.locator(f'#paint-result img[src="{file}"]')


def sees_step(visitor: Visitor, number: int) -> None:
    """This step or a later one. After the first there is nothing yet to go on with."""
    shown = "/Step ([0-9]+)/.exec(document.querySelector('#paint-status').innerText)?.[1]"
    visitor.page.wait_for_function(f"number => Number({shown}) >= number", arg=number, polling=OFTEN)


@each_way
def test_a_photo_is_painted_at_once_and_then_in_full(visit, photo, tmp_path, server, size, locale):
    visitor = visit(size=size, locale=locale)
    paints_an_uploaded_photo_and_gives_it_as_a_file(visitor, photo, tmp_path, locale)
    choose_how(visitor, "vgg19")
    visitor.turn("paint-size", 64)
    shows_its_way_and_stop_keeps_the_best_picture(visitor, tmp_path, locale)
    assert visitor.complaints == []
    assert visitor.hosts == {server.url.split("/")[2]}


def paints_an_uploaded_photo_and_gives_it_as_a_file(visitor: Visitor, photo: Path, folder: Path, locale: str) -> None:
    page, said = visitor.page, words(locale)
    assert page.title() == TITLE
    visitor.sees("h1", said["heading"].removeprefix("# "))
    visitor.sees("#paint-status", first(said["example"]))

    visitor.give("paint-photo", photo)
    visitor.sees("#paint-status", "256 × 512 px")
    visitor.sees("#paint-status", "CPU")
    visitor.sees_picture("paint")
    shown = page.locator("#paint-result img").first.evaluate("image => [image.naturalWidth, image.naturalHeight]")
    assert shown == [256, 512]

    for kind, suffix in (("png", ".png"), ("jpeg", ".jpg")):
        file = visitor.downloads(f"#paint-{kind}", folder)
        assert file.name == f"beach-{nst.styles()[0].id}{suffix}"
        assert Image.open(file).size == (256, 512)
        assert nst.read_recipe(file)["style"] == nst.styles()[0].id
    assert visitor.needs_no_sideways_scrolling()


def shows_its_way_and_stop_keeps_the_best_picture(visitor: Visitor, folder: Path, locale: str) -> None:
    said = words(locale)
    start(visitor, locale)
    visitor.sees("#paint-status", first(said["left"]))
    visitor.sees_picture("paint")
    expect(visitor.page.locator("#paint-curves polyline")).to_have_count(3)
    assert visitor.needs_no_sideways_scrolling()

    visitor.tap("#paint-stop")
    visitor.sees("#paint-status", first(said["stopped"]))
    expect(visitor.page.locator("#paint-keep")).to_be_visible()
    for kind in ("png", "jpeg"):
        file = visitor.downloads(f"#paint-{kind}", folder)
        recipe = nst.read_recipe(file)
        assert 0 < recipe["step"] < recipe["steps"] == 1000
        assert max(Image.open(file).size) == 64


def test_optimize_runs_to_its_end_and_again(visit):
    visitor = visit(FULL)
    choose_steps(visitor, 4)
    visitor.tap("#paint-keep")
    visitor.sees("#paint-status", "Finished: 4 steps")
    visitor.turn("knob-steps", 5)
    visitor.tap("#paint-keep")
    visitor.sees("#paint-status", "Finished: 5 steps")


def test_the_full_method_takes_a_style_of_the_wall_and_starts_from_the_picture_at_once(visit, photo, tmp_path):
    visitor = visit(FULL)
    visitor.give("paint-photo", photo)
    visitor.sees("#paint-status", "32 × 64 px")
    open_all(visitor, steps=3)
    visitor.tap("#paint-style .picker button >> nth=0")
    visitor.sees("#paint-status", f"{nst.styles()[0].title} · 32 × 64 px")
    visitor.page.locator("#paint-from-fast input").check()
    visitor.tap("#paint-keep")
    visitor.sees("#paint-status", "Finished: 3 steps")
    file = visitor.downloads("#paint-png", tmp_path)
    assert file.name == "beach-painted.png"
    recipe = nst.read_recipe(file)
    assert recipe["fast_style"] == recipe["style"] == {nst.styles()[0].id: 1.0}
    assert Image.open(file).size == (32, 64)


def take(visitor: Visitor, file: Path) -> None:
    """Choose a picture to take the settings from, as the button asks for one."""
    with visitor.page.expect_file_chooser() as choosing:
        visitor.tap("#paint-take")
    choosing.value.set_files(file)


def test_a_result_gives_all_its_settings_back(visit, photo, tmp_path):
    visitor = visit(FULL)
    open_all(visitor, steps=3)
    settings = nst.Settings(network="student", size=96, steps=7, style_5=0.5, color="match", seed=4)
    made = {"program": PROGRAM, "engine": "optimize", "painting": "irises.jpg", "painting_pixels": "0" * 16}
    nst.save_image(Image.new("RGB", (96, 64)), tmp_path / "result.jpg", recipe=made | asdict(settings))
    take(visitor, tmp_path / "result.jpg")
    visitor.sees("#paint-about", "Settings restored.")
    visitor.sees("#paint-about", "irises.jpg, which is not the one chosen here")
    visitor.give("paint-photo", photo)
    visitor.tap("#own-drawings [data-id=wind]")
    expect(visitor.page.locator("#own-painting img")).to_be_visible()
    visitor.tap("#paint-keep")
    visitor.sees("#paint-status", "Finished: 7 steps")
    recipe = nst.read_recipe(visitor.downloads("#paint-png", tmp_path))
    assert {name: recipe[name] for name in asdict(settings)} == asdict(settings)
    assert "fast_style" not in recipe

    settings = replace(settings, steps=8)
    made |= {"painting": "tulips.jpg", "fast_style": OWN}  # what began with the picture painted at once
    nst.save_image(Image.new("RGB", (96, 64)), tmp_path / "begun.jpg", recipe=made | asdict(settings))
    take(visitor, tmp_path / "begun.jpg")
    visitor.sees("#paint-about", "tulips.jpg, which is not the one chosen here")
    visitor.tap("#paint-keep")
    visitor.sees("#paint-status", "Finished: 8 steps")
    recipe = nst.read_recipe(visitor.downloads("#paint-png", tmp_path))
    assert {name: recipe[name] for name in asdict(settings)} == asdict(settings)
    assert recipe["fast_style"] == OWN


def test_a_picture_that_was_painted_at_once_gives_its_settings_back(visit, tmp_path):
    visitor = visit(SMALL)
    style, other = nst.styles()[2].id, nst.styles()[4].id
    recipe = fast.recipe({style: 0.5, other: 0.5}, 0.8, 96, stroke=1.5, color="match", seed=7)
    nst.save_image(Image.new("RGB", (96, 64)), tmp_path / "result.png", recipe=recipe)
    visitor.open("paint-more")
    take(visitor, tmp_path / "result.png")
    visitor.sees("#paint-about", "Settings restored.")
    visitor.tap("#paint-examples button >> nth=1")
    visitor.sees("#paint-status", "96 × 96 px")
    made = nst.read_recipe(visitor.downloads("#paint-png", tmp_path))
    assert {name: made[name] for name in recipe} == recipe


def test_the_result_stays_in_sight_while_the_wall_is_scrolled(visit):
    visitor = visit()
    last = visitor.page.locator("#paint-style .picker button").last
    last.scroll_into_view_if_needed()
    last.click()
    visitor.sees("#paint-status", nst.styles()[-1].title)
    expect(visitor.page.locator("#paint-result")).to_be_in_viewport(ratio=0.99)
    expect(visitor.page.locator("#paint-keep")).to_be_in_viewport()


def test_keep_painting_takes_the_style_at_hand_and_another_tap_is_painted_at_once(visit, tmp_path):
    visitor = visit()
    visitor.open("paint-more")
    visitor.turn("paint-size", 256)  # at which a thousand steps are not over when they are stopped
    visitor.turn("knob-steps", 1000)
    visitor.tap("#paint-keep")
    sees_step(visitor, 2)
    expect(visitor.page.locator("#paint-how input:checked")).not_to_have_value("fast")
    visitor.tap("#paint-style .picker button >> nth=3")
    visitor.sees("#paint-status", nst.styles()[3].title)
    # What was begun is stopped, and not lost.
    visitor.sees("#paint-go-on", "of 1000")
    recipe = nst.read_recipe(visitor.downloads("#paint-png", tmp_path))
    assert (recipe["engine"], recipe["style"]) == ("fast", nst.styles()[3].id)
    visitor.tap("#paint-go-on")
    visitor.sees("#paint-status", "Step ")
    visitor.tap("#paint-stop")
    visitor.sees("#paint-status", "Stopped after step")
    assert nst.read_recipe(visitor.downloads("#paint-png", tmp_path))["style"] == {nst.styles()[0].id: 1.0}


def test_a_knob_does_not_replace_what_took_long(visit):
    visitor = visit(QUICK)
    choose_steps(visitor, 4)
    visitor.tap("#paint-keep")
    visitor.sees("#paint-status", "Finished: 4 steps")
    visitor.turn("paint-strength", 0.5)
    expect(visitor.page.locator("#knob-style_weight input[type=number]")).to_have_value("0.5")
    visitor.tap("#paint-keep")
    visitor.page.locator("#paint-again-more").wait_for(state="hidden")
    visitor.sees("#paint-status", "Finished: 4 steps")
    choose_how(visitor, "fast")
    visitor.sees("#paint-status", "on CPU")
    visitor.sees("#paint-status", "in the style of")


@pytest.fixture(scope="module")
def knobs(server, chrome):
    """A page with all knobs in sight, for tests that only turn them and read what is said."""
    visitor = Visitor(chrome, server.url + FULL)
    visitor.open("paint-more")
    yield visitor
    visitor.leave()


def test_a_picture_without_a_recipe_is_said_to_have_none(knobs, photo):
    take(knobs, photo)
    knobs.sees(TOAST, "There is no recipe in this picture")


def test_a_preset_turns_the_knobs_and_says_where_it_is_from(knobs):
    choose_how(knobs, "vgg19")
    knobs.turn("knob-steps", 3)
    knobs.sees("#paint-estimate", "memory")
    before = knobs.page.locator("#paint-estimate").inner_text()
    knobs.page.locator("#paint-preset input").click()
    knobs.page.get_by_role("option", name="Gatys et al. 2016, as in the paper").click()
    knobs.sees("#paint-about", "CVPR 2016")
    expect(knobs.page.locator("#paint-estimate")).not_to_have_text(before)
    expect(knobs.page.locator("#knob-steps input[type=number]")).to_have_value("300")
    expect(knobs.page.locator("#knob-start").get_by_label("Noise")).to_be_checked()


def test_steps_that_were_chosen_stay_whatever_judges(knobs):
    knobs.turn("knob-steps", 77)
    steps = knobs.page.locator("#knob-steps input[type=number]")
    for how in ("student", "vgg19", "fast", "both"):
        choose_how(knobs, how)
        expect(knobs.page.locator(f"#paint-how input[value={how}]")).to_be_checked()
        expect(steps).to_have_value("77")


def test_what_the_small_network_has_not_learned_is_asked_of_vgg19(knobs):
    said = words("en-US")
    knobs.page.locator("#knob-pooling").get_by_label(said["choice_max"]).check()
    choose_how(knobs, "student")
    knobs.page.locator("#knob-pooling").get_by_label(said["choice_average"]).check()
    expect(knobs.page.locator("#paint-how input[value=vgg19]")).to_be_checked()


def changes_the_result(visitor: Visitor, *changes: Callable[[], None]) -> None:
    """Each of them is painted by itself."""
    result = visitor.page.locator("#paint-result img").first
    for change in changes:
        shown = result.get_attribute("src")
        change()
        expect(result).not_to_have_attribute("src", shown)
    visitor.sees_picture("paint")


def test_a_style_tap_the_strength_and_the_size_paint_again_by_themselves(visit):
    visitor = visit(SMALL)
    visitor.tap("#paint-examples button >> nth=1")
    visitor.sees("#paint-status", "64 × 64 px")
    changes_the_result(
        visitor,
        lambda: visitor.tap("#paint-style .picker button >> nth=1"),
        lambda: visitor.page.locator("#paint-strength input[type=range]").press("ArrowLeft"),
        lambda: visitor.turn("paint-size", 96),
    )
    visitor.sees("#paint-status", "96 × 96 px")


def test_styles_are_mixed_on_the_palette(visit, tmp_path):
    visitor = visit(SMALL)
    one, other = nst.styles()[0], nst.styles()[2]
    visitor.tap("#paint-style .mix")
    visitor.tap(f"#paint-style [data-id={other.id}]")
    visitor.sees("#paint-status", f"{one.title} 67% + {other.title} 33%")
    doses = visitor.page.locator("#paint-style .doses input")
    expect(doses).to_have_count(2)
    doses.nth(1).press("End")
    visitor.sees("#paint-status", f"{one.title} 50% + {other.title} 50%")
    recipe = nst.read_recipe(visitor.downloads("#paint-png", tmp_path))
    assert recipe["style"] == {one.id: 0.5, other.id: 0.5}
    visitor.tap(f"#paint-style [data-id={one.id}]")
    visitor.sees("#paint-status", f"in the style of {other.title}.")
    visitor.tap("#paint-style .mix")
    visitor.tap(f"#paint-style [data-id={one.id}]")
    visitor.sees("#paint-status", f"in the style of {one.title}.")
    assert visitor.complaints == []


def test_the_brush_the_colors_and_another_seed_paint_again(visit, tmp_path):
    visitor = visit(SMALL)
    assert nst.read_recipe(visitor.downloads("#paint-png", tmp_path))["seed"] == 0
    changes_the_result(
        visitor,
        lambda: visitor.tap("#paint-color label >> nth=1"),
        lambda: visitor.page.locator("#paint-stroke input[type=range]").press("ArrowRight"),
        lambda: visitor.tap("#paint-differently"),
    )
    recipe = nst.read_recipe(visitor.downloads("#paint-png", tmp_path))
    assert (recipe["color"], recipe["stroke"]) == ("luminance", 1.1)
    assert recipe["seed"] > 0


def style_file(folder: Path) -> Path:
    """A style in a file, without its painting."""
    nst.feedforward.styles.own(nst.styles()[1].vectors, "a b c").save(folder / "abc.nst")
    return folder / "abc.nst"


def bring(visitor: Visitor, file: Path) -> None:
    """Choose a style's file, as the button asks for one."""
    with visitor.page.expect_file_chooser() as asked:
        visitor.tap("#own-bring")
    asked.value.set_files(file)


def test_a_painting_of_ones_own_paints_at_once_is_learned_kept_and_brought_back(visit, tmp_path):
    DRAWINGS["wind"]().save(tmp_path / "my_wind.png")
    visitor, said = visit(SMALL), words("en-US")
    visitor.page.get_by_role("button", name=said["own_style"]).click()
    visitor.give("own-painting", tmp_path / "my_wind.png")
    visitor.sees("#paint-status", "in the style of my wind.")

    result = visitor.page.locator("#paint-result img").first
    shown = result.get_attribute("src")
    visitor.tap("#own-learn")
    visitor.sees("#own-status", "steps done")
    visitor.tap("#own-stop")
    visitor.sees("#own-status", first(said["learned"]))
    expect(visitor.page.locator("#own-learn")).to_be_visible()
    expect(result).not_to_have_attribute("src", shown)  # painted anew, with what is learned
    visitor.sees_picture("paint")
    file = visitor.downloads("#own-file", tmp_path)
    style = nst.open_style(file)
    assert (file.suffix, style.title) == (".nst", "my wind")

    visitor.tap("#paint-style .picker button >> nth=2")
    visitor.sees("#paint-status", f"in the style of {nst.styles()[2].title}.")
    bring(visitor, file)
    visitor.sees("#own-status", "my wind")
    visitor.sees("#paint-status", "in the style of my wind.")
    (tmp_path / "none.nst").write_bytes(b"nothing")
    bring(visitor, tmp_path / "none.nst")
    expect(visitor.page.locator(TOAST)).to_contain_text("no style")


def test_a_painting_is_divided_and_a_tap_gives_a_region_another_part(visit, photo, tmp_path):
    halves(*PAIRS[0]).save(tmp_path / "painting.png")
    visitor = visit(SMALL)
    visitor.open("sub-styles")
    visitor.tap("#sub-find")
    visitor.sees(TOAST, "Choose a painting under Your painting first")
    visitor.give("paint-photo", photo)
    visitor.open("own-style")
    visitor.give("own-painting", tmp_path / "painting.png")
    visitor.sees("#paint-status", "painting")
    shown = painted_now(visitor)
    visitor.tap("#sub-find")
    visitor.sees("#sub-status", "2 sub-styles found")
    expect(shown).to_have_count(0)
    parts, regions = (visitor.page.locator(f"#sub-board {side} .spot") for side in (".maps > div", ".maps > figure"))
    expect(parts).to_have_count(2)
    recipes = [nst.read_recipe(visitor.downloads("#paint-png", tmp_path))]
    now = regions.first.inner_text()
    parts.nth(0 if now == "2" else 1).click()
    shown = painted_now(visitor)
    regions.first.click()
    expect(regions.first).not_to_have_text(now)
    expect(shown).to_have_count(0)
    choose_how(visitor, "student")
    choose_steps(visitor, 3)
    visitor.tap("#paint-keep")
    visitor.sees("#paint-status", "Finished: 3 steps")
    recipes.append(nst.read_recipe(visitor.downloads("#paint-png", tmp_path)))
    assert [1 <= recipe["sub_styles"] <= 2 for recipe in recipes] == [True, True]
    shown = painted_now(visitor)
    visitor.tap("#sub-end")
    expect(parts).to_have_count(0)
    expect(shown).to_have_count(0)
    assert "sub_styles" not in nst.read_recipe(visitor.downloads("#paint-png", tmp_path))
    assert visitor.complaints == []


def test_a_large_photo_is_followed_part_by_part(visit, tmp_path):
    Image.effect_noise((2400, 1350), 60).convert("RGB").save(tmp_path / "large.jpg")
    visitor = visit(SMALL)
    visitor.tap("#paint-original label")
    visitor.give("paint-photo", tmp_path / "large.jpg")
    visitor.sees("#paint-status", "Painting a large photo: part")
    visitor.sees("#paint-status", "2400 × 1350 px")


def test_a_large_photo_can_be_stopped_and_the_picture_before_stays(visit, tmp_path):
    Image.linear_gradient("L").resize((4200, 3150)).convert("RGB").save(tmp_path / "large.jpg", quality=50)
    visitor = visit(SMALL)
    visitor.sees_picture("paint")
    visitor.tap("#paint-original label")
    visitor.give("paint-photo", tmp_path / "large.jpg")
    visitor.tap("#paint-stop")
    visitor.sees("#paint-status", TEXTS["en"]["fast_stopped"])
    expect(visitor.page.locator("#paint-stop")).to_be_hidden()
    visitor.sees_picture("paint")


def test_on_a_phone_the_result_comes_into_view_by_itself(visit, photo):
    visitor = visit(size=PHONE)
    visitor.give("paint-photo", photo)
    visitor.sees("#paint-status", "256 × 512 px")
    expect(visitor.page.locator("#paint-result")).to_be_in_viewport(ratio=0.5)
    expect(visitor.page.locator("#paint-style button").first).to_be_in_viewport()


@pytest.mark.parametrize("locale", ["en-US", "pt-BR"])
def test_what_is_missing_is_said(visit, tmp_path, locale):
    visitor = visit(SMALL, locale=locale)
    visitor.page.get_by_role("button", name=words(locale)["own_style"]).click()
    bring(visitor, style_file(tmp_path))
    visitor.sees("#paint-status", "a b c")
    visitor.tap("#paint-keep")
    visitor.sees(TOAST, words(locale)["needs_painting"])


def test_without_network_optimize_says_what_has_to_be_downloaded_and_from_where(visit, offline):
    visitor = visit(FULL, offline, locale="pt-PT")
    visitor.tap("#paint-keep")
    visitor.sees(TOAST, "VGG-19")
    visitor.sees(TOAST, NOBODY)
    expect(visitor.page.locator("#paint-keep")).to_be_visible()
    expect(visitor.page.locator("#paint-status")).to_have_text("")


def test_without_network_the_small_network_paints(visit, offline, tmp_path):
    visitor = visit(SMALL, offline)
    visitor.sees("#paint-how", "Quick · ")  # what it takes: the network is here
    choose_how(visitor, "student")
    visitor.sees("#paint-estimate", "GB of memory on")
    choose_steps(visitor, 4)
    visitor.tap("#paint-keep")
    visitor.sees("#paint-status", "Finished: 4 steps")
    assert nst.read_recipe(visitor.downloads("#paint-png", tmp_path))["network"] == "student"
    visitor.tap("#paint-again-finish")
    visitor.sees(TOAST, "VGG-19 has to be downloaded once")
    expect(visitor.page.locator("#paint-again-finish")).to_be_visible()


def test_a_quick_painting_is_finished_by_vgg19(visit, tmp_path):
    visitor = visit(QUICK)
    choose_steps(visitor, 6)
    visitor.tap("#paint-keep")
    visitor.sees("#paint-status", "Finished: 6 steps")
    visitor.tap("#paint-again-finish")
    visitor.sees("#paint-status", "Finished: 10 steps")
    recipe = nst.read_recipe(visitor.downloads("#paint-png", tmp_path))
    assert (recipe["network"], recipe["before"][0]["network"]) == ("vgg19", "student")
    expect(visitor.page.locator("#paint-again-more")).to_be_visible()
    expect(visitor.page.locator("#paint-again-finish")).to_be_hidden()


def test_a_file_that_is_no_picture_is_named(visit, tmp_path):
    (tmp_path / "notes.png").write_text("milk, eggs, bread")
    visitor = visit(SMALL)
    visitor.give("paint-photo", tmp_path / "notes.png")
    visitor.sees(TOAST, "notes.png")


def test_who_waits_is_told_can_leave_and_is_next_when_the_first_tab_closes(visit):
    first_one, second = visit(FULL), visit(FULL)
    choose_steps(first_one)
    choose_steps(second, 4)
    first_one.tap("#paint-keep")
    first_one.sees("#paint-status", "Step ")
    second.tap("#paint-keep")
    second.sees("#paint-status", "1 ahead of you")
    second.tap("#paint-leave")
    expect(second.page.locator("#paint-keep")).to_be_visible()
    second.tap("#paint-keep")
    second.sees("#paint-status", "1 ahead of you")
    first_one.page.close()
    second.sees("#paint-status", "Finished: 4 steps")


@pytest.mark.parametrize(("size", "locale", "scheme"), [(DESKTOP, "en-US", "light"), (PHONE, "pt-BR", "dark")])
def test_everybody_can_use_the_page(visit, size, locale, scheme):
    """By axe-core's rules (WCAG 2, contrast included), with all drawers open; light or dark as the system is."""
    visitor = visit(SMALL, size=size, locale=locale, scheme=scheme)
    assert (brightness(visitor) > 200) == (scheme == "light")
    visitor.page.get_by_role("button", name=words(locale)["own_style"]).click()
    visitor.open("paint-more")
    expect(visitor.page.locator("#knob-steps")).to_be_visible()
    assert complaints_of_axe(visitor) == []
    open_look(visitor, locale)
    visitor.open("look-more")
    expect(visitor.page.locator("#look-regions")).to_be_visible()
    assert complaints_of_axe(visitor) == []


def brightness(visitor: Visitor) -> float:
    """Of the paper, from 0 to 255."""
    paper = "getComputedStyle(document.querySelector('gradio-app') ?? document.body).backgroundColor"
    levels = [int(part) for part in visitor.page.evaluate(paper).strip("rgb()").split(",")[:3]]
    return sum(levels) / 3


def complaints_of_axe(visitor: Visitor) -> list[tuple]:
    found = Axe().run(visitor.page).response
    assert {"color-contrast", "label", "image-alt"} <= {rule["id"] for rule in found["passes"]}
    return [(rule["id"], rule["nodes"][0]["target"]) for rule in found["violations"]]


def test_a_link_opens_the_page_as_it_was(visit, chrome, tmp_path):
    visitor = visit(SMALL)
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.tap("#paint-style [data-id=udnie]")
    visitor.sees("#paint-status", "in the style of Udnie.")
    visitor.turn("paint-strength", 0.5)
    visitor.tap("#paint-link")
    visitor.sees(TOAST, "copied")
    other = Visitor(chrome, visitor.page.evaluate("navigator.clipboard.readText()"))
    other.sees("#paint-status", "in the style of Udnie.")
    expect(other.page.locator("#paint-strength input[type=number]")).to_have_value("0.5")
    expect(other.page.locator("#paint-size input[type=number]")).to_have_value("64")
    pair, picture = (Image.open(other.downloads(f"#paint-{kind}", tmp_path)) for kind in ("both", "png"))
    assert pair.size == (2 * picture.width, picture.height)
    other.leave()


def open_look(visitor: Visitor, locale: str = "en-US") -> None:
    visitor.page.get_by_role("tab", name=words(locale)["tab_look"]).click()
    expect(visitor.page.locator("#look-go")).to_be_visible()


@pytest.mark.parametrize(("size", "locale"), [(DESKTOP, "en-US"), (PHONE, "pt-BR")])
def test_a_photo_takes_the_look_of_another_at_once_and_gives_it_as_a_file(visit, photo, tmp_path, size, locale):
    Image.linear_gradient("L").convert("RGB").point(lambda level: level // 2).save(tmp_path / "dusk.png")
    visitor = visit(SMALL, size=size, locale=locale)
    open_look(visitor, locale)
    visitor.tap("#look-go")
    visitor.sees(TOAST, words(locale)["look_needs"])
    visitor.give("look-photo", photo)
    visitor.give("look-reference", tmp_path / "dusk.png")
    visitor.sees("#look-status", first(words(locale)["look_done"]))
    visitor.sees_picture("look")
    for kind in ("png", "jpeg"):
        file = visitor.downloads(f"#look-{kind}", tmp_path)
        assert Image.open(file).size == (48, 96)
        recipe = nst.read_recipe(file)
        assert (recipe["engine"], recipe["reference"], recipe["how"]) == ("photo look", "dusk.png", "once")
    assert file.name == "beach-look.jpg"
    visitor.open("look-more")
    visitor.tap("#look-find")
    spots = visitor.page.locator("#look-board .spot")
    expect(spots.first).to_be_visible()
    visitor.tap("#look-end")
    expect(spots).to_have_count(0)
    assert visitor.complaints == []
    assert visitor.needs_no_sideways_scrolling()


def test_a_look_under_the_small_network_is_stopped_and_kept(visit, photo, tmp_path):
    Image.effect_noise((300, 200), 90).convert("RGB").save(tmp_path / "other.png")
    visitor = visit(SMALL)
    open_look(visitor)
    visitor.give("look-photo", photo)
    visitor.page.locator("#look-how input[value=quick]").check()
    visitor.give("look-reference", tmp_path / "other.png")
    visitor.sees("#look-status", first(words("en-US")["look_done"]))  # at once first
    visitor.tap("#look-go")
    visitor.sees("#look-status", "of 40")
    visitor.tap("#look-stop")
    visitor.sees("#look-status", "Stopped after step")
    expect(visitor.page.locator("#look-stop")).to_be_hidden()
    recipe = nst.read_recipe(visitor.downloads("#look-png", tmp_path))
    assert (recipe["how"], recipe["steps"]) == ("quick", 40)


def test_one_mask_without_the_other_is_refused_and_the_tab_is_ready_again(visit, photo):
    visitor = visit(SMALL)
    open_look(visitor)
    visitor.give("look-photo", photo)
    visitor.open("look-more")
    visitor.give("look-mask", photo)
    expect(visitor.page.locator("#look-mask img")).to_be_visible()
    visitor.give("look-reference", photo)
    visitor.sees(TOAST, "Masks come in pairs")
    expect(visitor.page.locator("#look-status .bar")).to_have_count(0)
    expect(visitor.page.locator("#look-stop")).to_be_hidden()


def test_a_stopped_painting_goes_on_also_in_a_page_opened_anew(visit, server, photo, tmp_path):
    visitor = visit(FULL)
    open_all(visitor)
    visitor.give("paint-photo", photo)
    visitor.tap("#paint-keep")
    sees_step(visitor, 2)
    visitor.tap("#paint-stop")
    visitor.sees("#paint-status", "Stopped after step")
    visitor.sees("#paint-go-on", "of 1000")
    painting = nst.read_recipe(visitor.downloads("#paint-png", tmp_path))["painting"]
    visitor.page.goto(server.url)
    visitor.sees_picture("paint")
    visitor.open("paint-more")
    visitor.sees("#paint-go-on", "of 1000")
    visitor.tap("#paint-go-on")
    expect(visitor.page.locator("#knob-steps input[type=number]")).to_have_value("1000")
    expect(visitor.page.locator("#paint-photo img")).to_be_visible()
    visitor.sees("#paint-status", "Step ")
    visitor.tap("#paint-stop")
    visitor.sees("#paint-status", "Stopped after step")
    assert nst.read_recipe(visitor.downloads("#paint-png", tmp_path))["size"] == 64
    visitor.turn("knob-steps", 3)
    visitor.tap("#paint-keep")
    visitor.sees("#paint-status", "Finished: 3 steps")
    assert nst.read_recipe(visitor.downloads("#paint-png", tmp_path))["painting"] == painting


@pytest.mark.parametrize(("wish", "size", "style_weight"), [("more", 64, 1.6), ("finer", 96, 1.0)])
def test_a_finished_painting_is_gone_on_from(wish, size, style_weight, visit, photo, tmp_path):
    visitor = visit(QUICK)
    choose_steps(visitor, 6)
    visitor.give("paint-photo", photo)
    expect(visitor.page.locator(f"#paint-again-{wish}")).to_be_hidden()
    visitor.tap("#paint-keep")
    visitor.sees("#paint-status", "Finished: 6 steps")
    expect(visitor.page.locator("#paint-go-on")).to_be_hidden()
    visitor.tap(f"#paint-again-{wish}")
    visitor.sees("#paint-status", "Finished: 10 steps")
    expect(visitor.page.locator(f"#paint-again-{wish}")).to_be_visible()
    file = visitor.downloads("#paint-png", tmp_path)
    recipe = nst.read_recipe(file)
    assert recipe["style_weight"] == style_weight
    assert [before["style_weight"] for before in recipe["before"]] == [1.0]
    assert max(Image.open(file).size) == size


def shown_in_the_middle(board: Locator) -> tuple[int, ...]:
    """The color that is to be seen in the middle of the drawing board."""
    seen = Image.open(io.BytesIO(board.screenshot())).convert("RGB")
    return seen.getpixel((seen.width // 2, seen.height // 2))


def draw_a_stroke(visitor: Visitor) -> None:
    """Choose a second painting, and draw where it goes: in the middle of ``photo``, which is gray."""
    visitor.open("paint-places")
    visitor.tap("#paint-second-drawings button >> nth=0")
    expect(visitor.page.locator("#paint-second img")).to_be_visible()
    board = visitor.page.locator("#paint-draw canvas").first
    board.scroll_into_view_if_needed()
    # The photo comes onto the board by itself and takes with it what was drawn before.
    wait_for(lambda: all(abs(level - 128) < 30 for level in shown_in_the_middle(board)), "the photo on the board")
    undo = visitor.page.locator("#paint-draw button[aria-label=Undo]")
    for _ in range(20):  # a board that is still fading in takes no stroke
        box = board.bounding_box()
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        visitor.page.mouse.move(*middle)
        visitor.page.mouse.down()
        visitor.page.mouse.move(middle[0], middle[1] + 60, steps=8)
        visitor.page.mouse.up()
        if undo.is_enabled():
            break
    expect(undo).to_be_enabled()


def colors(drawing: Image.Image) -> set[tuple[int, ...]]:
    return {color[:3] for _, color in drawing.convert("RGBA").getcolors(10**6) if color[3] == 255}


def test_a_second_painting_goes_where_it_is_drawn_and_the_drawing_can_be_taken_along(visit, photo, tmp_path):
    visitor = visit(QUICK)
    open_all(visitor, steps=3)
    visitor.give("paint-photo", photo)
    draw_a_stroke(visitor)
    visitor.tap("#paint-keep")
    visitor.sees("#paint-status", "Finished: 3 steps")
    recipe = nst.read_recipe(visitor.downloads("#paint-png", tmp_path))
    assert recipe["second_pixels"] != recipe["painting_pixels"]
    drawing = Image.open(visitor.downloads("#paint-map", tmp_path))
    assert SECOND in colors(drawing)
    assert recipe["places"] == hashed(drawing)
    assert visitor.complaints == []


def test_going_on_puts_the_drawing_back_on_the_board(visit, photo, tmp_path):
    visitor = visit(FULL)
    choose_steps(visitor)
    visitor.give("paint-photo", photo)
    draw_a_stroke(visitor)
    visitor.tap("#paint-keep")
    sees_step(visitor, 2)
    sent: list[str] = []
    visitor.page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    sees_step(visitor, 20)
    assert sent == []  # the board is not read and uploaded again at every update
    visitor.tap("#paint-stop")
    visitor.sees("#paint-status", "Stopped after step")
    visitor.page.reload()
    visitor.sees_picture("paint")
    visitor.open("paint-more")
    visitor.tap("#paint-go-on")
    visitor.sees("#paint-status", "Step ")
    visitor.tap("#paint-stop")
    visitor.sees("#paint-status", "Stopped after step")
    # Painted anew, what is on the board counts.
    visitor.turn("knob-steps", 3)
    visitor.tap("#paint-keep")
    visitor.sees("#paint-status", "Finished: 3 steps")
    assert "places" in nst.read_recipe(visitor.downloads("#paint-png", tmp_path))
    assert SECOND in colors(Image.open(visitor.downloads("#paint-map", tmp_path)))
