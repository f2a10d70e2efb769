"""The command line: ``nst paint``, ``photo``, ``video``, ``styles``, ``learn``, ``recipe`` and ``serve``; the same as
``python -m nst``.

It uses argparse, which is part of Python and starts at once. Slow imports are done where they are needed, so that help
never waits for torch.

Exit codes: 0 success, 1 failure (of at least one of many photos), 2 bad arguments, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nst.arguments import Parser, add
from nst.errors import ImageError, NSTError, SettingsError
from nst.version import __version__

FAILED, BAD_ARGUMENTS, STOPPED = 1, 2, 130
NETWORKS = {"quick": "student", "both": "both", "full": "vgg19"}  # the setting `network`, by --how
HOW = "fast, in one pass; quick, by steps under the small network; full, under VGG-19; both, quick and then full"
WORDS = ("id", "title", "artist", "year", "license")  # listed for a style


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in ``argv``, by default the program's own arguments; returns the exit code."""
    parser = _parser()
    try:
        options, rest = parser.parse_known_args(argv)
        if rest and (options.run is not _paint or any(word.startswith("-") for word in rest)):
            parser.error(f"unrecognized arguments: {' '.join(rest)}")
        if rest:  # argparse takes pictures only until the next option
            options.pictures += rest
        return options.run(options)
    except NSTError as error:
        print(f"nst: {error}", file=sys.stderr)
        return BAD_ARGUMENTS if isinstance(error, SettingsError) else FAILED
    except KeyboardInterrupt:
        return STOPPED


def _parser() -> Parser:
    parser = Parser(prog="nst", description="A photo goes in, a painting comes out: neural style transfer.")
    parser.add_argument("--version", action="version", version=f"nst {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")

    def command(name: str, run: Callable[[argparse.Namespace], int], help: str, **options: Any) -> Parser:
        made = commands.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}.", **options)
        made.set_defaults(run=run)
        return made

    usage = "nst paint PHOTO [PHOTO ...] STYLE -o OUT [options]"
    command("paint", _paint, "paint photos in a style", usage=usage, arguments=_paint_arguments)

    usage = "nst photo PHOTO REFERENCE -o OUT [options]"
    command("photo", _photo, "give a photo the look of another", usage=usage, arguments=_photo_arguments)

    usage = "nst video FILM STYLE -o OUT.mp4 [options]"
    command("video", _video, "paint a film, with its sound", usage=usage, arguments=_video_arguments)

    listed = command("styles", _styles, "list the styles that come with this program")
    listed.add_argument("--json", action="store_true", help="as JSON, for programs")

    learned = command("learn", _learn, "learn a painting's style, for nst paint")
    learned.add_argument("painting", metavar="PAINTING", help="a picture file")
    learned.add_argument("-o", "--out", metavar="STYLE.nst", type=Path, required=True, help="the file to write")
    learned.add_argument("--seconds", type=float, default=30.0, help="how long to learn; usually 30")
    learned.add_argument("--title", help="what the style is called; usually as the painting's file")

    told = command("recipe", _recipe, "print the recipe in a picture that this program saved")
    told.add_argument("picture", metavar="PICTURE", help="a PNG or JPEG file")

    served = command("serve", _serve, "start the page, for a browser")
    served.add_argument("--host", help="address to listen at; 0.0.0.0 for other machines too")
    served.add_argument("--port", type=int, help="usually the first free one from 7860 on")
    served.add_argument("--share", action="store_true", help="a public address through gradio's servers")
    return parser


def _paint_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``nst paint``, with settings from ``KNOBS`` and from the fast engine."""
    from nst.feedforward.knobs import FAST_KNOBS
    from nst.settings import KNOBS, PRESETS

    parser.add_argument(
        "pictures",
        nargs="+",
        metavar="PHOTO ... STYLE",
        help="photos: files, folders or patterns such as '*.jpg'; then the style: its id (nst styles), a file of nst "
        "learn, or a painting, any picture file",
    )
    parser.add_argument(
        "-o",
        "--out",
        metavar="OUT",
        type=Path,
        required=True,
        help="a .png or .jpg file for one photo, or a folder, where files are called after photo and style",
    )
    parser.add_argument("--how", choices=["fast", *NETWORKS], help=f"{HOW}; usually fast")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each photo, and no progress bars")
    parser.add_argument(
        "--sub-styles",
        type=int,
        metavar="N",
        help="divide the painting into N parts of one style each, 0 for as many as it has, and paint each region of "
        "the photo in the one that fits it",
    )

    both = parser.add_argument_group("settings of every way of painting")
    add(both, KNOBS["size"], f" With fast {FAST_KNOBS['size'].low} to {FAST_KNOBS['size'].high}, usually the photo's.")
    add(both, KNOBS["stroke"])
    add(both, KNOBS["color"])
    add(both, KNOBS["seed"], f" With fast: {FAST_KNOBS['seed'].help}")
    add(parser.add_argument_group("settings of fast"), FAST_KNOBS["strength"])
    steps = parser.add_argument_group("settings of quick, both and full")
    steps.add_argument("--preset", choices=PRESETS, help="Settings that belong together; others given go first.")
    for knob in KNOBS.values():
        if knob.name not in FAST_KNOBS:
            add(steps, knob)


def _photo_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``nst photo``, with settings from ``LOOK_KNOBS``."""
    from nst.photolook.settings import LOOK_KNOBS

    parser.add_argument("photo", metavar="PHOTO", help="a picture file")
    parser.add_argument("reference", metavar="REFERENCE", help="the photo whose colors and light it takes")
    parser.add_argument("-o", "--out", metavar="OUT", type=Path, required=True, help="a .png or .jpg file, or a folder")
    parser.add_argument(
        "--masks",
        nargs=2,
        metavar=("PHOTOS", "REFERENCES"),
        help="two pictures of flat colors, of the photo and of the reference: regions of one color belong together",
    )
    for knob in LOOK_KNOBS.values():
        add(parser, knob)


def _video_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``nst video``, with settings from ``VIDEO_KNOBS``."""
    from nst.video.run import VIDEO_KNOBS

    parser.add_argument("film", metavar="FILM", help="a film, or an animated GIF or WebP picture")
    parser.add_argument(
        "style", metavar="STYLE", help="a style's id (nst styles), a file of nst learn, or a painting, any picture file"
    )
    parser.add_argument("-o", "--out", metavar="OUT.mp4", type=Path, required=True, help="the film to write")
    parser.add_argument("--seconds", type=float, help="how much of the film to paint; usually all of it")
    for knob in VIDEO_KNOBS.values():
        add(parser, knob)


def _paint(options: argparse.Namespace) -> int:
    from nst.batch import folders, painters
    from nst.feedforward.knobs import FAST_KNOBS
    from nst.settings import KNOBS

    *photos, style = options.pictures
    if not photos:
        raise SettingsError("Name at least one photo and then a style: nst paint photo.jpg starry-night -o out.png")
    values = {name: getattr(options, name) for name in KNOBS | FAST_KNOBS}
    given = {name: value for name, value in values.items() if value is not None}
    if options.how == "fast" or not (options.how or options.preset or "network" in given):
        painter = painters.fast_painter(style, given, options.preset, options.sub_styles)
    else:
        network = NETWORKS.get(options.how)
        if network not in (None, given.get("network", network)):
            raise SettingsError(f"--how {options.how} and --network {given['network']} differ: leave one of them out.")
        painter = painters.step_painter(style, painters.settings(options.preset, network, given), options.sub_styles)
    tasks = folders.tasks(folders.photos(photos), options.out, painter.word)
    folders.make_folder(tasks[0][1].parent)
    failed, stopped = folders.run(tasks, painter, as_json=options.json)
    return STOPPED if stopped else FAILED if failed else 0


def _photo(options: argparse.Namespace) -> int:
    from nst.batch import folders
    from nst.photolook.run import photoreal
    from nst.photolook.settings import LOOK_KNOBS, LookSettings
    from nst.saving import save_image
    from nst.terminal import Bar, stopping

    given = {name: value for name in LOOK_KNOBS if (value := getattr(options, name)) is not None}
    masks, theirs = options.masks or (None, None)
    [(_, out)] = folders.tasks([Path(options.photo)], options.out, "look")
    folders.make_folder(out.parent)
    steps = photoreal(
        options.photo, options.reference, LookSettings.from_dict(given), masks=masks, reference_masks=theirs
    )
    with stopping() as stopped, Bar(f"Changing {Path(options.photo).name}") as bar:
        for step in steps:
            bar.reach(step.step, max(1, step.steps), f"{step.remaining:.0f} s left")
            if stopped():
                break
    for note in step.notes:
        print(note, file=sys.stderr)
    save_image(step.image, out)
    print(f"{out}: {step.step} steps in {step.seconds:.0f} s")
    return STOPPED if stopped() else 0


def _video(options: argparse.Namespace) -> int:
    from nst.batch import folders
    from nst.batch.painters import fast_style
    from nst.terminal import Bar, stopping
    from nst.video.run import VIDEO_KNOBS, paint_film

    given = {name: value for name in VIDEO_KNOBS if (value := getattr(options, name)) is not None}
    folders.make_folder(options.out.parent)
    with stopping() as stopped, Bar(f"Painting {Path(options.film).name}") as bar:
        steps = paint_film(
            options.film, options.out, fast_style(options.style), seconds=options.seconds, stopping=stopped, **given
        )
        for step in steps:
            bar.reach(step.frame, step.frames, f"{step.remaining:.0f} s left")
    for note in step.notes:
        print(note, file=sys.stderr)
    print(f"{options.out}: {step.frame} frames in {step.seconds:.0f} s")
    if stopped():
        print("Stopped early. The same command goes on from there.", file=sys.stderr)
    return STOPPED if stopped() else 0


def _styles(options: argparse.Namespace) -> int:

    from nst.feedforward.styles import catalog

    styles = [{word: getattr(style, word) for word in WORDS} for style in catalog().values()]
    if options.json:
        print(json.dumps(styles, indent=2))
        return 0
    rows = [[word.upper() for word in WORDS], *([str(told) for told in style.values()] for style in styles)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _learn(options: argparse.Namespace) -> int:
    if options.out.suffix.lower() != ".nst":
        raise SettingsError(f"{options.out.name} is for a style: let its name end in .nst.")
    from nst.batch.folders import make_folder
    from nst.feedforward.learning import learn_style
    from nst.terminal import Bar, stopping

    with stopping() as stopped, Bar(f"Learning {Path(options.painting).name}") as bar:
        for lesson in learn_style(options.painting, options.seconds, title=options.title):
            bar.reach(min(lesson.seconds, lesson.whole), lesson.whole, f"{lesson.step} steps")
            if stopped():
                break
    make_folder(options.out.parent)
    try:
        lesson.style.save(options.out)
    except OSError as error:
        raise NSTError(f"{options.out} could not be written ({error.strerror}): choose another place.") from error
    print(f"{options.out}: {lesson.style.title}, {lesson.step} steps in {lesson.seconds:.0f} s")
    return STOPPED if stopped() else 0


def _recipe(options: argparse.Namespace) -> int:
    from nst.saving import read_recipe

    if (recipe := read_recipe(options.picture)) is None:
        raise ImageError(f"{options.picture} holds no recipe: this program did not save it, or its text was removed.")
    print(json.dumps(recipe, indent=2))
    return 0


def _serve(options: argparse.Namespace) -> int:
    if importlib.util.find_spec("gradio") is None:
        raise NSTError("The page needs gradio: in this program's folder, pip install '.[page]' brings it.")
    from nst.page import LAUNCH, build

    where = {"server_name": options.host, "server_port": options.port, "share": options.share or None}
    build().launch(**LAUNCH | where)
    return 0
