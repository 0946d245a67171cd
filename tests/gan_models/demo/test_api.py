"""The endpoints for programs: docs/api.md as it stands there, what they refuse, and the official client of MCP."""

import asyncio
import base64
import io
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from demo_server import ATTRIBUTES, ROOT, running, tiny_models
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from gan_models import marks


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("api")
    log = folder / "app.log"
    with running(tiny_models(folder / "models"), folder, log, "--mcp") as (url, _):
        yield url
        assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture(scope="module")
def client(address):
    return Client(address, verbose=False)


def test_the_code_of_the_docs_runs(address):
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text(), re.DOTALL)
    done = {}
    exec(code.replace("http://127.0.0.1:7860", address), done)
    assert [one["name"] for one in done["offered"]] == ["faces", "digits", "plain", "editor"]
    assert done["offered"][0]["labels"] == ATTRIBUTES and done["offered"][3]["kind"] == "editor"
    assert [one["picture"].partition("/")[0] for one in done["pictures"]] == ["7", "7:1", "7:2", "7:3"]
    mark = marks.read(done["pictures"][2]["file"])
    assert mark.model == "faces" and mark.pictures[0].seed == 7 and mark.pictures[0].labels["Smiling"] == 1
    assert len(marks.read(done["sheet"]).pictures) == 4
    assert len(marks.read(done["walk"]).pictures) == 2 and done["walk"].endswith(".mp4")
    assert marks.read(done["picture"]).pictures[0].labels["Eyeglasses"] == 1 and done["name"].startswith("7/")


def test_only_these_are_public_and_have_types_and_words(client):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == {"/models", "/sample", "/interpolate", "/edit_attributes", "/edit_photo"}
    asked = {
        one["parameter_name"]: one["type"]["type"]
        for one in endpoints["/sample"]["parameters"]
        if "type" in one["type"]
    }
    assert asked == {"model": "string", "seed": "integer", "count": "integer", "truncation": "number"}


@pytest.mark.parametrize(
    "endpoint, asked, said",
    [
        ("/sample", {"count": 17}, "from 1 to 16"),
        ("/sample", {"model": "/etc"}, "not offered"),
        ("/sample", {"labels": {"<b>": 1}}, "does not know the label"),
        ("/sample", {"model": "digits", "labels": {"1": 1, "2": 1}}, "one at a time"),
        ("/interpolate", {"pictures": ["1"]}, "2 to 6"),
        ("/interpolate", {"pictures": ["1", "2"], "frames": 97}, "from 2 to 96"),
        ("/edit_attributes", {"picture": "x", "labels": {}}, "not a picture"),
        ("/edit_photo", {"photo": "/etc/passwd", "changes": {}}, "no base64"),
        ("/edit_photo", {"photo": "http://127.0.0.1:1/a.png", "changes": {}}, "no base64"),
        ("/edit_photo", {"photo": {"path": "/etc/passwd"}, "changes": {}}, "choose the file again"),
    ],
)
def test_what_is_wrong_comes_back_as_a_sentence(client, endpoint, asked, said):
    with pytest.raises(AppError, match=said):
        client.predict(**asked, api_name=endpoint)


def test_a_photo_without_a_face_is_refused_by_upload_and_in_base64(client, tmp_path):
    Image.new("RGB", (300, 300), "grey").save(tmp_path / "grey.png")
    encoded = base64.b64encode((tmp_path / "grey.png").read_bytes()).decode()
    for photo in (handle_file(tmp_path / "grey.png"), encoded, f"data:image/png;base64,{encoded}"):
        with pytest.raises(AppError, match="No face"):
            client.predict(photo=photo, changes={"Smiling": 1}, api_name="/edit_photo")


def test_the_official_client_of_mcp_finds_the_tools_and_gets_a_picture(address):
    mcp = pytest.importorskip("mcp")
    from mcp.client.streamable_http import streamable_http_client

    async def talk():
        async with (
            streamable_http_client(f"{address}/gradio_api/mcp/") as streams,
            mcp.ClientSession(streams[0], streams[1]) as session,
        ):
            await session.initialize()
            tools = {tool.name: tool for tool in (await session.list_tools()).tools}
            drawn = await session.call_tool("sample", {"seed": 3, "count": 2})
            refused = await session.call_tool("sample", {"seed": 3, "count": 99})
            return tools, drawn, refused

    with ThreadPoolExecutor(1) as apart:  # where a browser is driven, this thread has a loop already
        tools, drawn, refused = apart.submit(asyncio.run, talk()).result()
    assert set(tools) == {"models", "sample", "interpolate", "edit_attributes", "edit_photo"}
    assert "same seed" in tools["sample"].description
    assert not drawn.isError, drawn
    (image,) = [part for part in drawn.content if part.type == "image"]
    assert Image.open(io.BytesIO(base64.b64decode(image.data))).width > 100
    assert "3:1" in " ".join(part.text for part in drawn.content if part.type == "text")
    assert "from 1 to 16" in str(refused)
