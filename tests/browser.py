"""A visitor with a real browser: what they see, tap and download; and what their browser may never do."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect, sync_playwright
from served import LONG

PHONE, DESKTOP = (390, 844), (1280, 900)
GRADIOS_OWN = "Method not implemented."  # a warning of Gradio's client whenever an upload's progress stream ends
# The library behind Gradio's image editor prints deprecation warnings as bare stack traces, and Chromium warns when
# pixels are read back without a real graphics card.
DRAWING_BOARD = re.compile(r"\s+at \w+\.|.*GL Driver Message")
NAMES = ("CHROMIUM", "chromium", "chromium-browser", "google-chrome", "chrome")

# Settles once a drawer has parts that a visitor can use, and as many as before for some frames.
FILLED = """async (drawer) => {
  const parts = () => document.querySelectorAll(drawer + ' :is(input, button, textarea, canvas, .board)').length;
  for (let same = 0, before = 0; same < 4; ) {
    await new Promise(requestAnimationFrame);
    const now = parts();
    [same, before] = [now > 1 && now === before ? same + 1 : 0, now];
  }
}"""
OFTEN = 100  # milliseconds between two looks; at every frame, looking would cost more than the page itself

expect.set_options(timeout=LONG * 1000)


def chromium() -> str | None:
    """The browser on this machine: the environment's CHROMIUM, or one on the path."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield running
        running.close()


class Visitor:
    """One person with one open page."""

    def __init__(self, browser: Browser, url: str, size=DESKTOP, locale: str = "en-US", scheme: str = "light") -> None:
        phone = size == PHONE
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, locale=locale, color_scheme=scheme, has_touch=phone,
            is_mobile=phone, accept_downloads=True,
        )  # fmt: skip
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(LONG * 1000)
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.page.on("console", lambda m: self._hear(m.type, m.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self._note(request.url))
        self.page.goto(url)
        self.sees_picture("paint")

    def _hear(self, kind: str, text: str) -> None:
        if kind == "warning" and DRAWING_BOARD.match(text):
            return
        if kind in ("error", "warning") and text != GRADIOS_OWN:
            self.complaints.append(text)

    def _note(self, url: str) -> None:
        if urlsplit(url).scheme not in ("data", "blob"):
            self.hosts.add(urlsplit(url).netloc)

    def tap(self, selector: str) -> None:
        self.page.locator(selector).click()

    def open(self, drawer: str) -> None:
        """Open a drawer, and wait until Gradio has filled it: it makes what is inside only then, and a frame later
        gives every part the value that it had before, whatever was typed meanwhile."""
        self.tap(f"#{drawer} > button")
        self.page.evaluate(FILLED, f"#{drawer}")

    def give(self, place: str, file: Path) -> None:
        """Upload ``file`` at the picture input ``place``."""
        self.page.locator(f"#{place} input[type=file]").first.set_input_files(file)

    def turn(self, knob: str, value: float) -> None:
        """Type a number beside a slider."""
        box = self.page.locator(f"#{knob} input[type=number]")
        box.fill(str(value))
        box.press("Enter")

    def sees(self, place: str, words: str) -> None:
        expect(self.page.locator(place)).to_contain_text(words)

    def sees_picture(self, tab: str) -> None:
        """Before and after are both there, and loaded."""
        self.page.wait_for_function(
            """place => { const images = [...document.querySelectorAll(place + ' img')];
               return images.length >= 2 && images.every(image => image.complete && image.naturalWidth > 1); }""",
            arg=f"#{tab}-result",
            polling=OFTEN,
        )

    def downloads(self, button: str, folder: Path) -> Path:
        """The file that a download button gives."""
        expect(self.page.locator(button)).to_be_enabled()
        with self.page.expect_download() as waiting:
            self.tap(button)
        file = folder / waiting.value.suggested_filename
        waiting.value.save_as(file)
        return file

    def needs_no_sideways_scrolling(self) -> bool:
        width = "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"
        return self.page.evaluate(f"{width} <= window.innerWidth") and (
            self.page.evaluate("window.innerWidth") == self.page.viewport_size["width"]
        )

    def leave(self) -> None:
        self.context.close()
