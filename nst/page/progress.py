"""What the page shows during a run: a progress bar, and the losses as curves."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

import gradio as gr

from nst.page.job import Download, Preview
from nst.page.texts import duration, localized, say

SETTLED = 5  # the first steps include loading and measuring, and say little about the time of the others
TERMS = ("content", "style", "smooth")
WIDTH, HEIGHT, LEFT, ABOVE, BELOW = 600, 200, 58, 16, 26


def bar(sentence: str, share: float | None = None) -> str:
    """A sentence and a bar that shows how much is done (0..1) or, without ``share``, only that work goes on."""
    state = f' aria-valuenow="{round(100 * share)}"' if share is not None else ""
    kind = "bar" if share is not None else "bar busy"
    width = f"{100 * share:.1f}%" if share is not None else "30%"
    track = f'<div class="{kind}" role="progressbar" aria-valuemin="0" aria-valuemax="100"{state}>'
    return f'<p>{html.escape(sentence)}</p>{track}<i style="width:{width}"></i></div>'


def download(request: gr.Request, news: Download) -> str:
    """The progress of the download of VGG-19's weights."""
    megabytes = {"done": round(news.done / 1e6), "total": round(news.total / 1e6)}
    return bar(say(request, "downloading", **megabytes), news.done / max(1, news.total))


def standing(request: gr.Request, news: Preview) -> str:
    """The progress of a run: step and time left."""
    sentence = say(request, "step", step=news.step, steps=news.steps)
    if SETTLED <= news.step < news.steps:
        sentence += " · " + say(request, "left", time=duration(request, news.remaining))
    return bar(sentence, news.step / news.steps) + notes(news)


def notes(news: Preview) -> str:
    """Notes on this run, one paragraph each."""
    return "".join(f'<p class="note">{html.escape(note)}</p>' for note in dict.fromkeys(news.notes))


def curves(request: gr.Request, curve: Sequence[tuple[int, dict[str, float]]]) -> str:
    """The loss terms over the steps, on a logarithmic scale, as an SVG that the browser can scale and color."""
    steps = [step for step, _ in curve]
    lines = {name: [losses.get(name, 0.0) for _, losses in curve] for name in TERMS}
    positive = [value for values in lines.values() for value in values if value > 0 and math.isfinite(value)]
    if len(steps) < 2 or not positive:
        return ""
    low, high = math.floor(math.log10(min(positive))), math.ceil(math.log10(max(positive)))
    low, high = max(low, high - 4), max(high, low + 1)

    def x(step: float) -> float:
        return LEFT + (WIDTH - LEFT - 8) * (step - steps[0]) / max(1, steps[-1] - steps[0])

    def y(value: float) -> float:
        share = (math.log10(value) - low) / (high - low) if value > 0 and math.isfinite(value) else 0.0
        return ABOVE + (HEIGHT - BELOW - ABOVE) * (1 - min(1.0, max(0.0, share)))

    marks = [
        f'<line x1="{LEFT}" x2="{WIDTH - 8}" y1="{y(10.0**power):.1f}" y2="{y(10.0**power):.1f}"/>'
        f'<text x="{LEFT - 6}" y="{y(10.0**power) + 4:.1f}" text-anchor="end">{10.0**power:g}</text>'
        for power in range(low, high + 1)
    ]
    marks.append(f'<text x="{x(steps[-1]):.1f}" y="{HEIGHT - 4}" text-anchor="end">{steps[-1]}</text>')
    marks.append(f'<text x="{LEFT}" y="{HEIGHT - 4}">{steps[0]}</text>')
    paths = []
    for name, values in lines.items():
        points = " ".join(f"{x(step):.1f},{y(value):.1f}" for step, value in zip(steps, values, strict=True))
        paths.append(f'<polyline class="{name}" points="{points}"/>')
    legend = "".join(
        f'<span class="{name}"><b></b>{say(request, f"loss_{name}")} {localized(request, f"{values[-1]:.3g}")}</span>'
        for name, values in lines.items()
    )
    title = html.escape(say(request, "losses"))
    drawing = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">{"".join(marks + paths)}</svg>'
    return f'<figure class="curves"><figcaption>{title}<div>{legend}</div></figcaption>{drawing}</figure>'
