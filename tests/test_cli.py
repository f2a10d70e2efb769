"""The command line, run as it is typed: what it paints, prints and answers with."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from films import film
from gradio.media import get_image
from PIL import Image

import nst
from nst import cli, terminal
from nst.batch import folders, painters
from nst.cli import main
from nst.feedforward import learning, styles
from nst.feedforward.knobs import FAST_KNOBS
from nst.settings import KNOBS, PRESETS, Settings

QUICK = ("--how", "quick", "--size", "64")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A folder to work in: a photo, a painting, and a folder of two photos."""
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for name, sample in (
        ("photo", "tower"),
        ("painting", "cheetah1"),
        ("photos/lion", "lion"),
        ("photos/cat", "cheetah"),
    ):
        with Image.open(get_image(f"{sample}.jpg")) as image:
            image.convert("RGB").resize((96, 72)).save(f"{name}.jpg")
    return tmp_path


def said(capsys) -> tuple[str, str]:
    """What was printed, and what was complained of."""
    told = capsys.readouterr()
    return told.out, told.err


def refused(capsys, *arguments: str) -> str:
    """The one sentence of a command whose arguments are bad."""
    assert main(arguments) == 2
    out, err = said(capsys)
    assert out == ""
    assert err.startswith("nst: ")
    assert err.count("\n") == 1
    return err


# ---- Fast


def test_a_photo_is_painted_into_a_file_that_tells_how(folder, capsys):
    assert main(["paint", "photo.jpg", "great-wave", "-o", "new/out.png", "--strength", "0.5", "--brush", "1.5"]) == 0
    out, err = said(capsys)
    assert out.startswith(f"{Path('new/out.png')}: 96 x 72, ")
    assert err == "", "no progress bar where there is no terminal"
    recipe = nst.read_recipe("new/out.png")
    assert (recipe["style"], recipe["strength"], recipe["stroke"], recipe["size"]) == ("great-wave", 0.5, 1.5, None)
    usual = nst.stylize("photo.jpg", "great-wave", 0.5, stroke=1.5)
    with Image.open("new/out.png") as painted:
        assert painted.tobytes() == usual.tobytes()


def test_a_folder_is_painted_into_a_folder(folder, capsys):
    assert main(["paint", "photos", "udnie", "-o", "painted", "--size", "64", "--json"]) == 0
    lines = [json.loads(line) for line in said(capsys)[0].splitlines()]
    assert [Path(line["file"]) for line in lines] == [Path("painted/cat-udnie.png"), Path("painted/lion-udnie.png")]
    for line in lines:
        assert line.keys() == {"photo", "file", "seconds", "size", "style", "device", "notes"}
        with Image.open(line["file"]) as painted:
            assert list(painted.size) == line["size"] == [64, 48]


def test_options_may_stand_between_the_pictures(folder):
    assert main(["paint", "photo.jpg", "photos/*.jpg", "-o", "out", "udnie"]) == 0
    assert sorted(p.name for p in Path("out").iterdir()) == ["cat-udnie.png", "lion-udnie.png", "photo-udnie.png"]


def test_any_painting_is_a_style(folder):
    assert main(["paint", "photo.jpg", "painting.jpg", "-o", "out", "--color", "match"]) == 0
    recipe = nst.read_recipe("out/photo-painting.png")
    assert recipe["titles"] == {recipe["style"]: "painting"}
    assert recipe["color"] == "match"


@pytest.mark.parametrize("how", [(), (*QUICK, "--steps", "3")])
def test_a_paintings_sub_styles_are_given_to_the_photos_regions(folder, how):
    assert main(["paint", "photo.jpg", "painting.jpg", "-o", "out.png", "--sub-styles", "2", *how]) == 0
    assert main(["paint", "photo.jpg", "painting.jpg", "-o", "whole.png", *how]) == 0
    with Image.open("out.png") as painted, Image.open("whole.png") as whole:
        assert painted.size == whole.size
        assert painted.tobytes() != whole.tobytes()
    assert nst.read_recipe("out.png")["engine"] == nst.read_recipe("whole.png")["engine"]


@pytest.mark.parametrize("how", ["fast", "quick"])
def test_a_style_of_the_catalogue_has_no_sub_styles(folder, capsys, how):
    words = refused(capsys, "paint", "photo.jpg", "udnie", "-o", "out.png", "--sub-styles", "0", "--how", how)
    assert "give its file" in words


def test_a_style_is_learned_and_then_painted_in(folder, monkeypatch, capsys):
    for name, side in {"SIDE": 64, "LONG": 96, "FIELD": 128}.items():
        monkeypatch.setattr(learning, name, side)
    assert main(["learn", "painting.jpg", "-o", "mine.nst", "--seconds", "0.1", "--title", "Mine"]) == 0
    assert "Mine" in said(capsys)[0]
    assert main(["paint", "photo.jpg", "mine.nst", "-o", "out"]) == 0
    said(capsys)
    assert "Mine" in nst.read_recipe("out/photo-mine.png")["titles"].values()
    assert "--how fast" in refused(capsys, "paint", "photo.jpg", "mine.nst", "-o", "x.png", *QUICK)


# ---- The photo look


def test_a_photo_takes_the_look_of_another(folder, capsys):
    for name, colors in (("mine", ("red", "blue")), ("theirs", ("blue", "red"))):
        mask = Image.new("RGB", (96, 72), colors[0])
        mask.paste(colors[1], (0, 0, 48, 72))
        mask.save(f"{name}.png")
    command = ["photo", "photo.jpg", "painting.jpg", "-o", "look.png", "--size", "128"]
    assert main([*command, "--steps", "2", "--masks", "mine.png", "theirs.png"]) == 0
    assert "look.png: 2 steps" in said(capsys)[0]
    recipe = nst.read_recipe("look.png")
    assert (recipe["engine"], recipe["regions"], recipe["step"]) == ("photo look", 2, 2)
    assert Image.open("look.png").size == (96, 72)
    assert main([*command, "--how", "once", "--strength", "0"]) == 0
    assert Image.open("look.png").convert("RGB").tobytes() == Image.open("photo.jpg").tobytes()


def test_a_photo_look_out_of_range_is_refused(folder, capsys):
    assert "strength" in refused(capsys, "photo", "photo.jpg", "painting.jpg", "-o", "x.png", "--strength", "3")
    assert "PNG or JPEG" in refused(capsys, "photo", "photo.jpg", "painting.jpg", "-o", "x.gif")
    assert "the photo itself" in refused(capsys, "photo", "photo.jpg", "painting.jpg", "-o", "photo.jpg")


# ---- By steps


def test_quick_paints_after_a_painting_and_its_settings_read_back(folder, capsys):
    command = ["paint", "photo.jpg", "painting.jpg", "-o", "out.jpg", *QUICK, "--steps", "2", "--style-weight", "2"]
    assert main([*command, "--seed", "3", "--json"]) == 0
    told = json.loads(said(capsys)[0])
    assert (told["step"], told["steps"], told["size"], told["painting"]) == (2, 2, [64, 48], "painting.jpg")
    assert told["losses"].keys() >= {"content", "style", "total"}
    expected = Settings(size=64, steps=2, network="student", style_weight=2.0, seed=3)
    assert Settings.from_image("out.jpg") == expected
    assert nst.read_recipe("out.jpg")["step"] == 2


def test_a_style_of_the_catalogue_is_painted_after_its_texture(folder, monkeypatch):
    drawn = SimpleNamespace(id="drawn", title="Drawn", texture=Path("painting.jpg"))
    monkeypatch.setattr(styles, "catalog", lambda: {"drawn": drawn})
    assert main(["paint", "photo.jpg", "drawn", "-o", "out", *QUICK, "--steps", "1"]) == 0
    recipe = nst.read_recipe("out/photo-drawn.png")
    assert (recipe["painting"], recipe["style"]) == ("Drawn", {"drawn": 1.0})
    assert Settings.from_image("out/photo-drawn.png").steps == 1


def test_without_a_texture_the_painting_is_asked_for(folder, monkeypatch, capsys):
    drawn = SimpleNamespace(id="drawn", title="Drawn", texture=None)
    monkeypatch.setattr(styles, "catalog", lambda: {"drawn": drawn})
    assert "give its painting's file" in refused(capsys, "paint", "photo.jpg", "drawn", "-o", "x.png", *QUICK)


def test_ctrl_c_keeps_the_best_so_far_and_ends(folder, monkeypatch, capsys):
    class Pressing(terminal.Bar):
        def reach(self, done, total, more=""):
            if done == 3:
                signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(folders, "Bar", Pressing)
    assert main(["paint", "photos", "painting.jpg", "-o", "out", *QUICK, "--steps", "500"]) == 130
    assert [p.name for p in Path("out").iterdir()] == ["cat-painting.png"]
    assert nst.read_recipe("out/cat-painting.png")["step"] == 3
    assert "Stopped" in said(capsys)[1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize(("how", "network"), cli.NETWORKS.items())
def test_how_is_a_network_in_its_usual_steps(how, network):
    presets = {"quick": "quick", "both": "both", "full": "usual"}
    assert painters.settings(None, network, {}) == PRESETS[presets[how]].settings()


def test_what_is_given_goes_before_a_preset():
    paper = painters.settings("paper", None, {"size": 256, "steps": 120})
    assert (paper.size, paper.steps, paper.optimizer, paper.start) == (256, 120, "lbfgs", "noise")
    assert painters.settings("sketch", "student", {}).steps == PRESETS["sketch"].settings().steps
    assert painters.settings(None, "student", {"steps": 120}).steps == 120
    assert painters.settings(None, None, {"network": "student"}) == PRESETS["quick"].settings()


# ---- What goes wrong


def test_a_photo_that_cannot_be_read_holds_up_no_other(folder, capsys):
    Path("photos/broken.jpg").write_text("no picture")
    assert main(["paint", "photos", "nowhere.jpg", "udnie", "-o", "out", "--json"]) == 1
    out, err = said(capsys)
    assert ["error" in json.loads(line) for line in out.splitlines()] == [True, False, False, True]
    assert "broken.jpg is not a picture" in err
    assert "nowhere.jpg could not be opened" in err
    assert len(list(Path("out").iterdir())) == 2


@pytest.mark.parametrize("how", [(), QUICK])
def test_an_unknown_style_is_told_which_there_are(folder, capsys, how):
    told = refused(capsys, "paint", "photo.jpg", "mona-lisa", "-o", "x.png", *how)
    assert "mona-lisa" in told
    assert all(style.id in told for style in nst.styles())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["udnie", "-o", "x.png"], "at least one photo"),
        (["photo.jpg", "udnie"], "-o/--out"),
        (["photo.jpg", "udnie", "-o", "x.png", "--color", "red"], "--color"),
        (["photo.jpg", "udnie", "-o", "x.png", "--size", "large"], "'large' is no number"),
        (["photo.jpg", "udnie", "-o", "x.png", "--size", "9000"], "size is a whole number from 16 to 8000"),
        (["photo.jpg", "painting.jpg", "-o", "x.png", "--how", "full", "--size", "9000"], "from 64 to 4096"),
        (["photo.jpg", "udnie", "-o", "x.png", "--steps", "5"], "--steps is a setting of --how quick"),
        (["photo.jpg", "udnie", "-o", "x.png", "--how", "fast", "--preset", "paper"], "--preset is a setting"),
        (["photo.jpg", "painting.jpg", "-o", "x.png", *QUICK, "--strength", "1"], "--strength is a setting of"),
        (["photo.jpg", "painting.jpg", "-o", "x.png", *QUICK, "--network", "vgg19"], "differ"),
        (["photo.jpg", "painting.jpg", "-o", "x.png", *QUICK, "--pooling", "average"], "max pooling only"),
        (["photo.jpg", "udnie", "-o", "x.webp"], "PNG or JPEG only"),
        (["photos", "udnie", "-o", "x.png"], "name a folder"),
        (["photo.jpg", "udnie", "-o", "photo.jpg"], "the photo itself"),
        (["photo.jpg", "udnie", "-o", "photo.jpg/out"], "cannot be a folder"),
        (["none*.jpg", "udnie", "-o", "x.png"], "No file is none*.jpg"),
        (["empty", "udnie", "-o", "x.png"], "no picture in the folder empty"),
        (["photo.jpg", "notes.txt", "-o", "x.png"], "notes.txt is not a picture"),
        (["photo.jpg", "udnie", "-o", "x.png", "--unheard"], "--unheard"),
    ],
)
def test_bad_arguments_are_a_sentence(folder, capsys, arguments, words):
    Path("empty").mkdir()
    Path("notes.txt").write_text("words")
    assert words in refused(capsys, "paint", *arguments)
    assert not Path("x.png").exists()


def test_no_file_is_painted_over_in_a_batch(folder):
    photos = [Path("photos/lion.jpg"), Path("photo/lion.jpg"), Path("out/lion-udnie-3.png")]
    targets = [target.name for _, target in folders.tasks(photos, Path("out"), "udnie")]
    assert targets == ["lion-udnie.png", "lion-udnie-2.png", "lion-udnie-3-udnie.png"]
    again = [*photos[:2], Path("out/lion-udnie.png")]
    assert folders.tasks(again, Path("out"), "udnie")[0][1].name == "lion-udnie-2.png"


# ---- The other commands


def test_the_styles_are_listed(capsys):
    assert main(["styles"]) == 0
    lines = said(capsys)[0].splitlines()
    assert lines[0].split() == ["ID", "TITLE", "ARTIST", "YEAR", "LICENSE"]
    assert [line.split()[0] for line in lines[1:]] == [style.id for style in nst.styles()]
    assert main(["styles", "--json"]) == 0
    assert json.loads(said(capsys)[0])[0]["artist"] == "Vincent van Gogh"


def test_a_recipe_is_printed_where_there_is_one(folder, capsys):
    nst.save_image(Image.new("RGB", (8, 8)), "made.png", recipe={"engine": "fast", "seed": 7})
    assert main(["recipe", "made.png"]) == 0
    assert json.loads(said(capsys)[0]) == {"engine": "fast", "seed": 7}
    assert main(["recipe", "photo.jpg"]) == 1
    assert said(capsys)[1].startswith("nst: photo.jpg holds no recipe")


@pytest.mark.parametrize("arguments", [["-o", "mine.png"], ["-o", "mine.nst", "--seconds", "0"]])
def test_learning_refuses_what_cannot_be(folder, capsys, arguments):
    refused(capsys, "learn", "painting.jpg", *arguments)
    assert not Path("mine.nst").exists()


def test_serving_says_what_it_needs(monkeypatch, capsys):
    monkeypatch.setattr(cli.importlib.util, "find_spec", lambda name: None)
    assert main(["serve"]) == 1
    assert "pip install '.[page]'" in said(capsys)[1]


def test_every_knob_and_preset_is_told_of(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["paint", "--help"])
    assert ended.value.code == 0
    told = " ".join(said(capsys)[0].split())
    for knob in KNOBS.values():
        assert f"--{knob.name.replace('_', '-')} " in told
        assert knob.help in told
    assert FAST_KNOBS["strength"].help in told
    assert ",".join(PRESETS) in told


@pytest.mark.parametrize("arguments", [["--help"], ["paint", "--help"], ["--version"], ["styles"]])
def test_what_paints_is_imported_to_paint_only(arguments):
    script = f"import nst.cli, sys\ntry: nst.cli.main({arguments})\nexcept SystemExit: pass\n"
    script += "print(sys.modules.keys() & {'torch', 'onnxruntime', 'gradio', 'tqdm'}, file=sys.stderr)"
    root = str(Path(nst.__file__).parent.parent)
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout
    assert done.stderr.strip() == "set()"


def test_a_film_is_painted(tmp_path, capsys):
    source = film(tmp_path / "film.mp4", frames=3)
    assert main(["video", str(source), "udnie", "-o", str(tmp_path / "new" / "out.mp4"), "--size", "64"]) == 0
    assert "out.mp4: 3 frames in" in capsys.readouterr().out
    assert nst.open_film(tmp_path / "new" / "out.mp4").size == (64, 42)


def test_what_is_no_film_is_said_in_a_sentence(tmp_path, capsys):
    (tmp_path / "text.mp4").write_text("nothing")
    assert main(["video", str(tmp_path / "text.mp4"), "udnie", "-o", str(tmp_path / "out.mp4")]) == 1
    assert "text.mp4 is not a film" in capsys.readouterr().err
