"""The API endpoint of the photo look, as ``api.py`` has those of painting."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

import nst
from nst.jobs import Job
from nst.page.job import Download
from nst.page.look_job import TO_APPLY, Look, work
from nst.page.pictures import Previews, Upload
from nst.page.refusals import answers, refusal
from nst.page.visitors import Visitor, file_name, new_folder, visitor
from nst.photolook.settings import LookSettings

CONCURRENCY = {"concurrency_id": "look", "concurrency_limit": 2}


@answers
def photo_look(
    photo: Upload | None,
    reference: Upload | None,
    settings: dict[str, Any] | None = None,
    masks: Upload | None = None,
    reference_masks: Upload | None = None,
    request: gr.Request = None,
) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """Give a photo the colors and the light of another one; it stays a photograph (Luan et al. 2017).

    Streams (picture, progress). Previews are JPEG and small; the last picture is the result at the photo's size, a PNG
    with the recipe in its metadata. Progress has a "stage": "waiting", "download" (of VGG-19, once; with "done" and
    "total" bytes), "matching" or "finished" (both with "step", "steps", "seconds", "remaining", "notes"). Cancel the
    job, or disconnect, to stop the work.

    Parameters:
        photo: the photo, as a file, a web address, or a `data:` URL of at most 20 MB
        reference: the photo that it is to look like, in the same forms
        settings: settings by name, such as {"how": "once", "regions": 3}; the others keep their defaults
        masks: regions of the photo as flat colors, optional
        reference_masks: regions of the reference, the same color for the same kind of thing
    Returns:
        the photo so far, and the progress
    """
    if photo is None or reference is None:
        raise refusal(request, "look_needs")
    if not isinstance(settings, dict | None):
        raise nst.SettingsError('Settings are an object with names and values, such as {"how": "once"}.')
    chosen, here = LookSettings.from_dict(settings or {}), visitor(request)
    uploads = {"photo": photo, "reference": reference, "masks": masks, "reference_masks": reference_masks}
    given = {name: upload.open() for name, upload in uploads.items() if upload is not None}

    job: Job[Any] = Job(work(lambda: given, chosen, lambda: not here.gone), grace=TO_APPLY)
    with here.working(job, "look"):
        yield from _follow(here, job, file_name(given["photo"].name, "look"))


def _follow(here: Visitor, job: Job, name: str) -> Iterator[tuple[str | None, dict[str, Any]]]:
    folder = new_folder(here, "look")
    grown = Previews(folder)
    picture: str | None = None
    progress: dict[str, Any] = {"stage": "waiting"}
    for news in job:
        if here.gone:
            return
        if isinstance(news, Download):
            progress = {"stage": "download", "done": news.done, "total": news.total}
        elif isinstance(news, Look) and news.done:
            picture, progress = str(folder / f"{name}.png"), _progress("finished", news)
            nst.save_image(news.image, picture, recipe=dict(news.image.info["recipe"]))
        elif isinstance(news, Look):
            picture, progress = grown.show(news.image, news.step), _progress("matching", news)
        # Without news, repeat the last: a disconnected client is noticed only at a yield.
        yield picture, progress


def _progress(stage: str, news: Look) -> dict[str, Any]:
    return {"stage": stage} | {name: getattr(news, name) for name in ("step", "steps", "seconds", "remaining", "notes")}
