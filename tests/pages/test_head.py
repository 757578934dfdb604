"""Every HTML answer asks for the drawing library early; nothing else is changed."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route

from pages._ui.head import TAGS, HeadStart
from pages._ui.routes import MODULES

PAGE = "<html><head><title>x</title></head><body>" + "text " * 400 + "</body></html>"


def whole(request):
    return HTMLResponse(PAGE, headers={"etag": "7"})


def pieces(request):
    return StreamingResponse(iter([PAGE[:20], PAGE[20:]]), media_type="text/html")


def script(request):
    return PlainTextResponse("</head>", media_type="text/javascript")


APP = Starlette(
    routes=[Route("/whole", whole), Route("/pieces", pieces), Route("/script", script)],
    middleware=[Middleware(HeadStart), Middleware(GZipMiddleware)],
)


def get(path: str, accept: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body, asked for as a browser does: compressed answers welcome."""
    headers = [(b"accept", accept.encode()), (b"accept-encoding", b"gzip")]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers, "root_path": ""}
    messages = []

    async def receive() -> dict:
        await asyncio.sleep(3600)  # the visitor says no more

    async def send(message: dict) -> None:
        messages.append(message)

    with ThreadPoolExecutor(1) as other:  # this thread may already run a loop: that of the browser tests
        other.submit(lambda: asyncio.run(APP(scope, receive, send))).result()
    start, *bodies = messages
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], found, b"".join(body.get("body", b"") for body in bodies)


@pytest.mark.parametrize("path", ["/whole", "/pieces"])
def test_a_page_gets_the_tags_once_and_its_true_length(path):
    status, headers, body = get(path, "text/html,*/*")
    assert status == 200
    assert body == PAGE.encode().replace(b"</head>", TAGS + b"</head>")
    assert int(headers["content-length"]) == len(body)
    assert "content-encoding" not in headers


def test_the_other_headers_stay():
    assert get("/whole", "text/html")[1]["etag"] == "7"


def test_what_is_no_page_stays_as_it_is():
    assert get("/script", "text/html")[2] == b"</head>"
    assert get("/none", "text/html")[0] == 404
    _, headers, body = get("/whole", "application/json")
    assert headers["content-encoding"] == "gzip"
    assert TAGS not in body


def test_the_tags_name_plotly_and_every_module_of_ours():
    assert TAGS.count(b'/cartesian"') == 1
    assert all(name.encode() in TAGS for name in MODULES)
