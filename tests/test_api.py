"""The HTTP API through its real client, against the real server."""

import base64
import io
import os
import threading
import time
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from gradio_client.utils import Status
from halves import PAIRS, halves
from pictures import CASES, scene
from PIL import Image
from served import LONG, NOBODY, wait_for

import nst
from nst.drawings import DRAWINGS
from nst.hub import weights
from nst.regions.region import SECOND, STAYS

SMALL = {"size": 64, "steps": 4}


@pytest.fixture(scope="module")
def client(server):
    connected = Client(server.url, verbose=False)
    yield connected
    connected.close()


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    file = tmp_path_factory.mktemp("photos") / "beach.png"
    scene().resize((96, 64)).save(file)
    return str(file)


def opened(path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
    return image


def message(error: pytest.ExceptionInfo) -> str:
    return str(error.value)


def test_only_the_five_endpoints_are_public_and_documented(client):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == {"/styles", "/stylize", "/estimate", "/optimize", "/photo_look"}
    named = {name: [p["parameter_name"] for p in info["parameters"]] for name, info in endpoints.items()}
    how = ["style", "strength", "size", "stroke", "color", "seed"]
    assert named["/stylize"] == ["photo", *how, "painting", "sub_styles"]
    beside = ["second", "share", "places", "style", "sub_styles"]
    assert named["/optimize"] == ["photo", "painting", "settings", *beside]
    assert named["/photo_look"] == ["photo", "reference", "settings", "masks", "reference_masks"]
    assert named["/estimate"] == ["photo", "settings", "paintings"]
    assert all(info["description"] for info in endpoints.values())


def test_styles_lists_what_the_package_lists(client):
    listed = client.predict(api_name="/styles")
    assert [style["id"] for style in listed] == [style.id for style in nst.styles()]
    assert all({"title", "artist", "year", "license"} <= style.keys() for style in listed)


def test_stylize_gives_the_same_picture_as_the_package(client, photo):
    style = nst.styles()[0].id
    result = opened(client.predict(handle_file(photo), style, 0.8, 80, api_name="/stylize"))
    expected = nst.stylize(photo, style, 0.8, 80)
    assert result.tobytes() == expected.tobytes()


def test_a_mixture_is_an_object(client, photo):
    mix = {style.id: share for style, share in zip(nst.styles(), (0.7, 0.3), strict=False)}
    file = client.predict(handle_file(photo), mix, stroke=1.5, color="match", api_name="/stylize")
    assert opened(file).tobytes() == nst.stylize(photo, mix, stroke=1.5, color="match").tobytes()
    assert nst.read_recipe(file)["style"] == mix


def test_a_cancelled_stylize_stops_working(client, server, tmp_path):
    Image.linear_gradient("L").resize((6000, 4500)).convert("RGB").save(tmp_path / "large.jpg", quality=50)
    job = client.submit(handle_file(str(tmp_path / "large.jpg")), api_name="/stylize")
    wait_for(lambda: job.status().code is Status.ITERATING and work(server) > 0.2, "the server to paint")
    job.cancel()
    wait_for(lambda: work(server) < 0.1, "the server to stop painting", 15)


def work(server) -> float:
    """Seconds of processor time that it takes in half a second (Linux)."""

    def spent() -> float:
        fields = Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    before = spent()
    time.sleep(0.5)
    return spent() - before


def test_a_stylized_picture_carries_its_recipe(client, photo):
    recipe = nst.read_recipe(client.predict(handle_file(photo), api_name="/stylize"))
    assert (recipe["engine"], recipe["style"], recipe["strength"]) == ("fast", nst.styles()[0].id, 1.0)


def test_any_painting_and_another_seed(client, photo, tmp_path):
    DRAWINGS["wind"]().save(tmp_path / "wind.png")
    how = {"photo": handle_file(photo), "seed": 3, "api_name": "/stylize"}
    file = client.predict(painting=handle_file(str(tmp_path / "wind.png")), **how)
    assert opened(file).tobytes() == nst.stylize(photo, painting=tmp_path / "wind.png", seed=3).tobytes()
    assert nst.read_recipe(file)["seed"] == 3
    assert opened(file).tobytes() != opened(client.predict(**how)).tobytes()


def test_sub_styles_of_a_painting_go_to_the_regions_of_the_photo(client, photo, tmp_path):
    halves(*PAIRS[0]).save(tmp_path / "painting.png")
    painting = handle_file(str(tmp_path / "painting.png"))
    file = client.predict(handle_file(photo), painting=painting, sub_styles=2, api_name="/stylize")
    regions = nst.assign(photo, nst.decompose(tmp_path / "painting.png", 2))
    assert opened(file).tobytes() == nst.stylize(photo, painting=regions).tobytes()
    assert nst.read_recipe(file)["sub_styles"] == len(regions)
    settings = {**SMALL, "network": "student"}
    file, _ = client.predict(handle_file(photo), painting, settings, sub_styles=2, api_name="/optimize")
    assert nst.read_recipe(file)["sub_styles"] == len(regions)
    Image.effect_noise((96, 64), 90).convert("RGB").save(tmp_path / "second.png")
    second = handle_file(str(tmp_path / "second.png"))
    file, _ = client.predict(handle_file(photo), painting, settings, second=second, sub_styles=1, api_name="/optimize")
    assert nst.read_recipe(file)["second"] == "second.png"
    for endpoint in ("/stylize", "/optimize"):
        with pytest.raises(AppError, match="painting"):
            client.predict(handle_file(photo), style=nst.styles()[0].id, sub_styles=2, api_name=endpoint)


def test_a_photo_takes_the_look_of_another(client, photo, tmp_path):
    Image.linear_gradient("L").convert("RGB").save(tmp_path / "dusk.png")
    reference = handle_file(str(tmp_path / "dusk.png"))
    told = list(client.submit(handle_file(photo), reference, {"how": "once", "regions": 1}, api_name="/photo_look"))
    file, progress = told[-1]
    assert progress["stage"] == "finished"
    recipe = nst.read_recipe(file)
    assert (recipe["engine"], recipe["reference"], recipe["how"]) == ("photo look", "dusk.png", "once")
    [step] = nst.photoreal(photo, tmp_path / "dusk.png", nst.LookSettings(how="once", regions=1))
    assert opened(file).tobytes() == step.image.tobytes()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"settings": {"how": "slowly"}}, "how"), ({"settings": [1]}, "Settings"), ({"masks": True}, "in pairs")],
)
def test_a_wrong_look_comes_back_as_a_sentence(client, photo, arguments, words):
    given = {name: handle_file(photo) if value is True else value for name, value in arguments.items()}
    with pytest.raises(AppError) as error:
        client.predict(handle_file(photo), handle_file(photo), **given, api_name="/photo_look")
    assert words in message(error)
    with pytest.raises(AppError, match="both photos"):
        client.predict(handle_file(photo), None, api_name="/photo_look")


def test_without_a_size_the_result_is_as_large_as_the_photo(client, photo):
    assert opened(client.predict(photo=handle_file(photo), api_name="/stylize")).size == (96, 64)


@pytest.fixture
def first_run(begun) -> list:
    """What came from the server's first optimization, from the download to the finished picture."""
    return begun[1]


def test_optimize_streams_pictures_and_progress_and_ends_with_the_finished_one(first_run):
    picture, progress = first_run[-1]
    assert list(dict.fromkeys(progress["stage"] for _, progress in first_run))[-2:] == ["painting", "finished"]
    assert (progress["step"], progress["steps"]) == (4, 4)
    assert {"content", "style", "smooth", "total"} <= progress["losses"].keys()
    assert opened(picture).size == (64, 43)
    recipe = nst.read_recipe(picture)
    assert (recipe["engine"], recipe["size"], recipe["steps"]) == ("optimize", 64, 4)


def test_the_first_use_shows_the_download(first_run):
    download = [progress for _, progress in first_run if progress["stage"] == "download"]
    assert download
    assert download[-1]["total"] == weights.DOWNLOAD_BYTES
    assert [d["done"] for d in download] == sorted(d["done"] for d in download)


def test_what_a_painting_will_take_is_told_before(client, photo, first_run):
    small, large = (
        client.predict(handle_file(photo), {"size": size}, api_name="/estimate") for size in (SMALL["size"], 512)
    )
    assert small["size"] == [64, 43]
    assert small["patch"] is None
    assert small["device"] == "CPU"
    assert 0 < small["seconds"] < large["seconds"]
    assert 10**7 < small["memory"] < large["memory"]
    for wrong, words in (({"settings": {"size": 1}}, "size is"), ({"paintings": 99}, "paintings is")):
        with pytest.raises(AppError) as error:
            client.predict(handle_file(photo), **wrong, api_name="/estimate")
        assert words in message(error)


def test_optimize_takes_styles_instead_of_a_painting(client, photo):
    shares = {nst.styles()[0].id: 0.5, nst.styles()[1].id: 0.5}
    settings = {**SMALL, "network": "student"}
    picture, progress = client.predict(handle_file(photo), settings=settings, style=shares, api_name="/optimize")
    assert progress["stage"] == "finished"
    assert nst.read_recipe(picture)["style"] == shares


def test_without_network_optimize_says_what_is_missing_and_fast_works(offline, photo):
    client = Client(offline.url, verbose=False)
    with pytest.raises(AppError) as error:
        client.predict(handle_file(photo), handle_file(photo), SMALL, api_name="/optimize")
    assert "VGG-19" in message(error)
    assert NOBODY in message(error)
    assert opened(client.predict(handle_file(photo), api_name="/stylize")).size == (96, 64)
    client.close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"style": "nobody"}, "nobody"),
        ({"style": {"starry-night": -1}}, "starry-night"),
        ({"style": {"starry-night": "a"}}, "starry-night"),
        ({"stroke": 9}, "stroke"),
        ({"color": "green"}, "luminance"),
        ({"strength": 9}, "1.5"),
        ({"size": -4}, "-4"),
        ({"size": 10.5}, "10.5"),
    ],
)
def test_a_wrong_value_comes_back_as_a_sentence(client, photo, arguments, words):
    with pytest.raises(AppError) as error:
        client.predict(photo=handle_file(photo), **arguments, api_name="/stylize")
    assert words in message(error)
    assert message(error).endswith(".")


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"size": 1}, "64"), ({"colour": 1}, "colour"), ([1], "settings"), ({"steps": "many"}, "many")],
)
def test_wrong_settings_come_back_as_a_sentence(client, photo, settings, words):
    with pytest.raises(AppError) as error:
        client.predict(handle_file(photo), handle_file(photo), settings, api_name="/optimize")
    assert words in message(error).lower()


def test_a_missing_photo_is_asked_for(client):
    with pytest.raises(AppError, match="photo"):
        client.predict(None, api_name="/stylize")


def test_errors_follow_the_language_of_the_caller(server):
    client = Client(server.url, verbose=False, headers={"Accept-Language": "pt-PT,pt;q=0.9"})
    with pytest.raises(AppError, match="foto primeiro"):
        client.predict(None, api_name="/stylize")
    client.close()


ONE_OF_EACH = list({(Path(case.name).suffix, case.error): case for case in CASES}.values())
"""For each kind of file one that is right, and one for everything that may be wrong with it."""


@pytest.mark.parametrize(("way", "cases"), [("upload", CASES), ("data", ONE_OF_EACH)], ids=["upload", "data"])
def test_every_kind_of_picture_is_right_or_refused_with_words(client, tmp_path, way, cases):
    """Strength 0 gives the photo back, so that what arrived can be compared with what was sent."""
    for case in cases:
        if way == "upload":
            file = tmp_path / case.name
            file.write_bytes(case.data)
            sent = handle_file(str(file))
        else:
            sent = {"url": case.data_url, "meta": {"_type": "gradio.FileData"}}
        if case.error:
            with pytest.raises(AppError) as error:
                client.predict(sent, strength=0, api_name="/stylize")
            assert case.error in message(error), case.name
        else:
            result = opened(client.predict(sent, strength=0, api_name="/stylize"))
            background = Image.new("RGB", result.size, "white")
            background.paste(result, mask=result.getchannel("A") if result.mode == "RGBA" else None)
            case.assert_shown_by(background)


def test_a_data_url_that_is_too_long_is_refused(client):
    noise = base64.b64encode(bytes(nst.images.MAX_DATA_URL + 1)).decode()
    sent = {"url": "data:image/png;base64," + noise, "meta": {"_type": "gradio.FileData"}}
    with pytest.raises(AppError, match="20"):
        client.predict(sent, api_name="/stylize")


def test_a_file_of_the_server_cannot_be_asked_for(client):
    sent = {"path": __file__, "meta": {"_type": "gradio.FileData"}}
    with pytest.raises(AppError):
        client.predict(sent, api_name="/stylize")


def test_one_session_may_ask_many_things_at_once(client):
    results: dict[int, Image.Image] = {}

    def ask(size: int) -> None:
        data = io.BytesIO()
        scene().save(data, "PNG")
        sent = {"url": "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()}
        sent["meta"] = {"_type": "gradio.FileData"}
        results[size] = opened(client.predict(sent, size=size, api_name="/stylize"))

    threads = [threading.Thread(target=ask, args=(size,)) for size in range(40, 88, 8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert {size: max(image.size) for size, image in results.items()} == {size: size for size in range(40, 88, 8)}


def test_a_second_painting_goes_where_the_drawing_says_and_the_photo_stays_where_it_says(client, photo, tmp_path):
    drawing = Image.new("RGB", (96, 64))
    drawing.paste(SECOND, (0, 0, 40, 64))
    drawing.paste(STAYS, (40, 0, 96, 64))
    drawing.save(tmp_path / "places.png")
    settings = {"size": 96, "steps": 3, "edge": 0}
    files = {"photo": handle_file(photo), "painting": handle_file(photo), "second": handle_file(photo)}
    file, _ = client.predict(
        **files, settings=settings, places=handle_file(str(tmp_path / "places.png")), api_name="/optimize"
    )
    recipe, made, real = nst.read_recipe(file), opened(file), opened(photo).convert("RGB")
    assert recipe["second"] == "beach.png"
    assert {"places", "second_pixels", "share"} <= recipe.keys()
    right = (41, 0, 96, 64)
    assert made.crop(right).tobytes() == real.crop(right).tobytes()
    assert made.crop((0, 0, 40, 64)).tobytes() != real.crop((0, 0, 40, 64)).tobytes()


def test_a_drawing_that_wants_a_second_painting_that_is_not_there_is_said_at_once(client, photo, tmp_path):
    Image.new("RGB", (9, 9), SECOND).save(tmp_path / "places.png")
    files = {"photo": handle_file(photo), "painting": handle_file(photo)}
    with pytest.raises(AppError) as error:
        client.predict(**files, settings=SMALL, places=handle_file(str(tmp_path / "places.png")), api_name="/optimize")
    assert "second painting" in message(error)
