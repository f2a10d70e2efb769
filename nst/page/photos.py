"""The example photos: some that come with Gradio, and one drawn by this program."""

from __future__ import annotations

import functools
import shutil

import gradio as gr
from gradio.media import get_image
from PIL import Image

import nst
from nst.drawings import lake, thumbnail
from nst.images import Picture
from nst.page.pictures import Choice
from nst.page.texts import names
from nst.page.visitors import visitor

PHOTOS = {"tower": "tower.jpg", "lion": "lion.jpg", "cheetah": "cheetah1.jpg"}  # files of Gradio; "lake" is drawn


@functools.cache
def drawn() -> Image.Image:
    """The photo that is drawn."""
    return lake()


def photo_choices() -> list[Choice]:
    """The example photos, as choices for a row of thumbnails."""
    pictures = {name: Image.open(get_image(file)) for name, file in PHOTOS.items()} | {"lake": thumbnail("lake")}
    return [Choice(name, picture, names(f"photo_{name}")) for name, picture in pictures.items()]


def pick_photo(name: str, request: gr.Request) -> str:
    """Copy an example photo for the visitor: Gradio deletes the files that it serves after a day."""
    file = visitor(request).example(f"{name}.jpg")
    if name == "lake":
        nst.save_image(drawn(), file)
    else:
        shutil.copyfile(get_image(PHOTOS[name]), file)
    return str(file)


def example() -> Picture:
    """The photo that is painted if the visitor has not given one."""
    return nst.open_image(get_image(PHOTOS["tower"]))
