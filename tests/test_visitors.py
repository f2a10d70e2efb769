"""Many visitors on one server: their own pictures, a line that moves on, nothing left behind."""

import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image
from served import LONG, wait_for

import nst
from nst.page import QUEUE

COLORS = ("#b03030", "#30b050", "#3050b0", "#c0b040", "#903090", "#309090", "#d0d0d0", "#404040")
ENDLESS = {"size": 64, "steps": 1000}
SHORT = {"size": 64, "steps": 2}
MEGABYTE = 2**20
HANGS_UP = """
import sys
from gradio_client import Client, handle_file
job = Client(sys.argv[1], verbose=False).submit(
    handle_file(sys.argv[2]), handle_file(sys.argv[2]), {"size": 64, "steps": 1000}, api_name="/optimize")
for _, progress in job:
    print(progress["stage"], flush=True)
"""


@pytest.fixture
def connect(server):
    clients = []

    def connected() -> Client:
        clients.append(Client(server.url, verbose=False))
        return clients[-1]

    yield connected
    for client in clients:
        client.close()


@pytest.fixture
def photos(tmp_path):
    """Eight photos that cannot be mistaken for one another, in color and in shape."""
    files = []
    for number, color in enumerate(COLORS):
        image = Image.new("RGB", (64, 32 + 4 * number), color)
        image.paste("black", (8, 8, 20, 20))
        image.save(tmp_path / f"photo-{number}.png")
        files.append(str(tmp_path / f"photo-{number}.png"))
    return files


def paint(client: Client, photo: str, settings: dict):
    return client.submit(handle_file(photo), handle_file(photo), settings, api_name="/optimize")


def started(job) -> bool:
    return any(progress["stage"] == "painting" for _, progress in job.outputs())


def far(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(np.asarray(one.convert("RGB"), float) - np.asarray(other, float)).mean())


def test_eight_clients_at_once_get_their_own_right_picture_each(connect, photos):
    results: dict[int, str] = {}

    def ask(number: int) -> None:
        client, photo = connect(), photos[number]
        if number % 2:
            results[number] = paint(client, photo, SHORT).result(LONG)[0]
        else:
            results[number] = client.predict(handle_file(photo), api_name="/stylize")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * LONG)
    assert sorted(results) == list(range(8))
    for number, file in results.items():
        with Image.open(file) as picture:
            if number % 2:  # two steps leave the photo recognizable
                assert far(picture, Image.open(photos[number])) < 20
                assert nst.read_recipe(file)["painting"] == f"photo-{number}.png"
            else:
                assert picture.tobytes() == nst.stylize(photos[number]).tobytes()


def test_fast_requests_are_answered_while_an_optimization_runs(connect, photos):
    long = paint(connect(), photos[0], ENDLESS)
    wait_for(lambda: started(long), "the first step")
    connect().predict(handle_file(photos[1]), api_name="/stylize")
    assert not long.done()
    long.cancel()


def test_a_cancelled_job_makes_way_for_the_next_visitor(connect, photos):
    first = paint(connect(), photos[0], ENDLESS)
    wait_for(lambda: started(first), "the first step")
    second = paint(connect(), photos[1], SHORT)
    connect().predict(handle_file(photos[2]), api_name="/stylize")
    assert not started(second)
    first.cancel()
    assert second.result(LONG)[1]["stage"] == "finished"


def test_a_client_that_hangs_up_makes_way_and_leaves_no_files(server, connect, photos):
    before = set(server.results())
    process = subprocess.Popen(
        [sys.executable, "-c", HANGS_UP, server.url, photos[0]], stdout=subprocess.PIPE, text=True
    )
    with process.stdout:
        while process.stdout.readline().strip() != "painting":
            assert process.poll() is None
        theirs = set(server.results()) - before
        assert theirs
        second = paint(connect(), photos[1], SHORT)
        process.kill()
    process.wait()
    assert second.result(LONG)[1]["stage"] == "finished"
    wait_for(lambda: not any(file.exists() for file in theirs), "the visitor's files to go")


def test_a_full_queue_refuses_instead_of_growing(server, connect, photos):
    client = connect()
    long = paint(client, photos[0], ENDLESS)
    wait_for(lambda: started(long), "the first step")
    index = next(d["id"] for d in client.config["dependencies"] if d["api_name"] == "optimize")

    def join(number: int) -> int:
        # Without photos: when their turn comes, these end at once.
        body = {"fn_index": index, "data": [None, None, {}], "session_hash": f"waiting-{number}"}
        request = urllib.request.Request(
            server.url + "gradio_api/queue/join", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=LONG) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    codes = [join(number) for number in range(QUEUE + 3)]
    assert codes == [200] * QUEUE + [503] * 3
    with pytest.raises(Exception, match="full"):
        connect().predict(handle_file(photos[1]), api_name="/stylize")
    long.cancel()
    assert paint(connect(), photos[1], SHORT).result(LONG)[1]["stage"] == "finished"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_twenty_starts_and_stops_leave_memory_flat(server, connect, photos):
    client = connect()

    def cycle() -> None:
        job = paint(client, photos[0], ENDLESS)
        wait_for(lambda: started(job), "the first step")
        job.cancel()

    for _ in range(3):
        cycle()
    before = server.memory()
    for _ in range(20):
        cycle()
    assert server.memory() - before < 100 * MEGABYTE


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_fifty_fast_requests_leave_memory_flat(server, connect, photos):
    client = connect()

    def ask(times: int) -> None:
        for number in range(times):
            client.predict(handle_file(photos[number % 8]), size=96 + 8 * (number % 9), api_name="/stylize")

    ask(10)
    before = server.memory()
    ask(50)
    assert server.memory() - before < 50 * MEGABYTE
