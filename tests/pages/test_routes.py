"""The scripts that the browser fetches: whole, compressed when it can unpack, and nothing else."""

from __future__ import annotations

import asyncio
import gzip
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.applications import Starlette

from core.contracts import Figure
from pages._ui.routes import COMPONENTS, FLAT, MODULES_VERSION, PLOTLY, PLOTLY_VERSION, ROUTES, plotly_build


def get(path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one request to an app of these routes."""
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": pairs, "root_path": ""}
    messages = []

    async def receive() -> dict:
        return {"type": "http.request", "body": b""}

    async def send(message: dict) -> None:
        messages.append(message)

    with ThreadPoolExecutor(1) as other:  # this thread may already run a loop: that of the browser tests
        other.submit(lambda: asyncio.run(Starlette(routes=ROUTES)(scope, receive, send))).result()
    start, *bodies = messages
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], found, b"".join(body["body"] for body in bodies)


@pytest.mark.parametrize(
    ("address", "path"),
    [
        *((f"/assets/plotly/{PLOTLY_VERSION}/{name}", path) for name, path in PLOTLY.items()),
        (f"/assets/ui/{MODULES_VERSION}/chart.js", COMPONENTS / "chart.js"),
    ],
)
def test_a_script_may_be_kept_for_ever_and_is_compressed_on_request(address, path):
    status, headers, body = get(address, accept_encoding="identity")
    assert status == 200
    assert "content-encoding" not in headers
    assert body == path.read_bytes()
    _, packed_headers, packed = get(address, accept_encoding="gzip, deflate, br")
    assert packed_headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed) == body
    for answer in (headers, packed_headers):
        assert "immutable" in answer["cache-control"]
        assert answer["content-type"].startswith("text/javascript")
        assert answer["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("name", ["pad.py", "chart.css", "../pad.py", "..", "none.js"])
def test_nothing_else_is_served(name):
    assert get(f"/assets/ui/{MODULES_VERSION}/{name}")[0] == 404


def test_the_two_builds_of_plotly_are_of_one_major_version():
    heads = {name: path.read_text(encoding="utf-8")[:200] for name, path in PLOTLY.items()}
    versions = {name: re.search(r"plotly\.js.* v(\d+)\.", head)[1] for name, head in heads.items()}
    assert versions["cartesian"] == versions["whole"]


def test_a_solid_asks_for_the_whole_library_and_flat_pictures_for_a_third():
    def figure(*kinds: str | None) -> Figure:
        return Figure([{"type": kind} if kind else {} for kind in kinds], {}, "alt", "how")

    assert plotly_build(figure(None, "heatmap"), figure("bar")) == "cartesian"
    assert plotly_build(figure("heatmap"), figure("surface")) == "whole"


def test_the_small_build_knows_every_flat_kind():
    source = PLOTLY["cartesian"].read_text(encoding="utf-8")
    assert all(re.search(rf'moduleType:"trace",name:"{kind}"', source) for kind in FLAT)
