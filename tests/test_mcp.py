"""The API as an assistant's tools, through a real client of MCP, against the real server."""

import ast
import asyncio
import base64
import io
from datetime import timedelta
from functools import partial

import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from pictures import scene
from PIL import Image, ImageChops
from served import LONG, wait_for

import nst
from nst.settings import KNOBS

OPTIMIZE = {"style": "starry-night", "settings": {"size": 64, "steps": 3, "network": "student"}}


@pytest.fixture(scope="module")
def server(offline):
    return offline


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    return scene().resize((96, 64)).convert("RGB")


def data_url(image: Image.Image) -> str:
    image.save(data := io.BytesIO(), "PNG")
    return "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()


async def asked(server, ask):
    """What ``ask`` gets from a session with this server."""
    address = f"{server.url}gradio_api/mcp/"
    async with streamable_http_client(address) as (read, write, _), ClientSession(read, write) as session:
        await session.initialize()
        return await ask(session)


def call(server, name: str, arguments: dict, **how):
    return asyncio.run(asked(server, lambda session: session.call_tool(name, arguments, **how)))


def how(progress: bool, told: list) -> dict:
    """Whether a call asks for progress, which goes to ``told``."""

    async def tell(done: float, total: float | None, message: str | None) -> None:
        told.append(message)

    return {"progress_callback": tell} if progress else {}


def picture(content) -> Image.Image:
    assert (content.type, content.mimeType) == ("image", "image/png")
    return Image.open(io.BytesIO(base64.b64decode(content.data)))


def test_the_tools_are_the_five_endpoints_and_told_whole(server):
    tools = {tool.name: tool for tool in asyncio.run(asked(server, lambda session: session.list_tools())).tools}
    assert set(tools) == {"styles", "stylize", "estimate", "optimize", "photo_look"}
    for tool in tools.values():
        assert tool.description
        for name, taken in tool.inputSchema["properties"].items():
            assert taken.get("description"), f"{tool.name} does not describe {name}"
    assert tools["stylize"].inputSchema["required"] == ["photo"]
    assert tools["stylize"].inputSchema["properties"]["style"]["description"].endswith("without one, the first")
    assert tools["estimate"].description.endswith("(ZeroGPU)")


def test_styles_are_listed(server):
    (listed,) = call(server, "styles", {}).content
    assert [style["id"] for style in ast.literal_eval(listed.text)] == [style.id for style in nst.styles()]


def test_a_photo_is_painted_and_comes_back_as_png(server, photo):
    image, address = call(server, "stylize", {"photo": data_url(photo), "style": {"udnie": 1.0}}).content
    painted = picture(image).convert("RGB")
    assert painted.size == photo.size
    assert ImageChops.difference(painted, photo).getbbox()
    assert address.text.endswith(".png")
    sent = [path for path in server.files.rglob("file.png") if path.parent.parent.name == "assistants"]
    assert sent, "it is to lie where it is swept away some day"


@pytest.mark.parametrize("progress", [False, True])
def test_the_finished_picture_of_the_full_method_comes_back(server, photo, progress):
    told = []
    image, _, where = call(server, "optimize", {"photo": data_url(photo), **OPTIMIZE}, **how(progress, told)).content
    assert picture(image).size == (64, 43)
    assert ast.literal_eval(where.text)["stage"] == "finished"
    assert bool(told) == progress


def test_what_it_takes_is_told(server, photo):
    (told,) = call(server, "estimate", {"photo": data_url(photo), "settings": {"size": 64}}).content
    assert ast.literal_eval(told.text)["size"] == [64, 43]


def test_a_wrong_value_comes_back_as_a_sentence(server, photo):
    answer = call(server, "stylize", {"photo": data_url(photo), "style": "nobody"})
    assert answer.isError
    assert "There is no style 'nobody'" in answer.content[0].text


@pytest.mark.parametrize("progress", [False, True])
def test_an_assistant_that_hangs_up_ends_the_work(server, photo, progress):
    """One full painting at a time: the next comes to its turn only when the long one has ended."""
    brief = {"photo": data_url(photo), **OPTIMIZE}
    long = brief | {"settings": {"size": 512, "steps": KNOBS["steps"].high, "network": "student"}}
    before = set(server.files.rglob("step-*.jpg"))

    async def hang_up() -> None:
        asking = asyncio.create_task(
            asked(server, lambda session: session.call_tool("optimize", long, **how(progress, [])))
        )
        begun = partial(wait_for, lambda: asking.done() or set(server.files.rglob("step-*.jpg")) - before, "a picture")
        await asyncio.to_thread(begun)
        assert not asking.done()
        asking.cancel()
        await asyncio.wait([asking])

    asyncio.run(hang_up())
    assert not call(server, "optimize", brief, read_timeout_seconds=timedelta(seconds=LONG)).isError
