"""Fixtures shared by several test files."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cores import keep_to_a_share
from gradio_client import Client, handle_file
from hub import Hub
from huggingface_hub import close_session, constants
from pictures import scene
from served import NOBODY, App, app, app_with_hub
from small_weights import FILE, SMALL, at, small

from nst.hub import ranges, weights

# Fixtures that take long: a running program; a network exported, trained or taught; a wheel built, packages resolved.
SLOW = {"begun", "server", "offline", "home", "exported", "run", "teach", "wheel", "on_a_space"}


def pytest_configure() -> None:
    keep_to_a_share()


def pytest_collection_modifyitems(items) -> None:
    """Mark tests that use one of these fixtures as slow."""
    for item in items:
        if SLOW & set(item.fixturenames):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def begun(tmp_path_factory) -> Iterator[tuple[App, list]]:
    """One running program, shared by all tests that leave it unchanged, and the updates of its first painting, from
    the download of VGG-19 to the finished picture."""
    folder = tmp_path_factory.mktemp("server")
    scene().resize((96, 64)).save(folder / "beach.png")
    with app_with_hub(folder) as running:
        client, photo = Client(running.url, verbose=False), handle_file(str(folder / "beach.png"))
        told = list(client.submit(photo, photo, {"size": 64, "steps": 4}, api_name="/optimize"))
        client.close()
        yield running, told


@pytest.fixture(scope="session")
def server(begun) -> App:
    """The shared program, with VGG-19 downloaded."""
    return begun[0]


@pytest.fixture(scope="session")
def offline(tmp_path_factory) -> Iterator[App]:
    """A shared program that cannot download anything."""
    with app(tmp_path_factory.mktemp("offline"), NOBODY) as running:
        yield running


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache, a small layout, and no waiting. The Hub's client reads its environment when it is
    imported, so within this process only its constants can be changed; some tests start a new process."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(weights, "SHAPES", SMALL)
    monkeypatch.setattr(ranges, "PAUSE", 0.0)
    monkeypatch.setattr(ranges, "CHUNK", 4096)
    monkeypatch.setattr(ranges, "WORTHWHILE", 4096)
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    return tmp_path / "hub"


@pytest.fixture
def hub(cache, monkeypatch):
    with Hub({FILE: small()}) as running:
        at(running.url, monkeypatch)
        yield running
    close_session()
