"""What the browser fetches besides Streamlit itself: plotly.js, and our own modules.

There are two builds of plotly.js: the whole library of the installed package, and the third of it that draws flat pictures.

Every address carries a version (of plotly, or a hash of our files), so the browser may keep an answer for ever.
Files are read and compressed once, in a thread: the event loop that all visitors share never waits.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from streamlit import config

from core.contracts import Figure

COMPONENTS = Path(__file__).parent / "components"
MODULES = {path.name: path for path in sorted(COMPONENTS.glob("*.js"))}
MODULES_VERSION = hashlib.sha256(b"".join(path.read_bytes() for path in MODULES.values())).hexdigest()[:12]
PLOTLY_VERSION = version("plotly")
PLOTLY = {
    "cartesian": Path(__file__).parents[2] / "assets" / "vendor" / "plotly-cartesian.min.js",
    "whole": Path(find_spec("plotly").origin).parent
    / "package_data"
    / "plotly.min.js",  # found without importing plotly
}
FLAT = frozenset(
    [
        "bar",
        "box",
        "contour",
        "heatmap",
        "histogram",
        "histogram2d",
        "histogram2dcontour",
        "image",
        "pie",
        "scatter",
        "violin",
    ]
)


async def plotly_js(request: Request) -> Response:
    """One of the builds of plotly.js."""
    return await _known(request, PLOTLY)


async def module(request: Request) -> Response:
    """One of the JavaScript modules in components/."""
    return await _known(request, MODULES)


def plotly_build(*figures: Figure) -> str:
    """The smallest build of plotly.js that draws all `figures`."""
    kinds = {trace.get("type", "scatter") for figure in figures for trace in figure.data}
    return "cartesian" if kinds <= FLAT else "whole"


async def _known(request: Request, scripts: Mapping[str, Path]) -> Response:
    path = scripts.get(request.path_params["name"])
    return PlainTextResponse("no such script", 404) if path is None else await _script(request, path)


async def _script(request: Request, path: Path) -> Response:
    plain, packed = await to_thread.run_sync(_content, path)
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(plain, media_type="text/javascript", headers=headers)
    return Response(packed, media_type="text/javascript", headers={**headers, "Content-Encoding": "gzip"})


@cache
def _content(path: Path) -> tuple[bytes, bytes]:
    """The file as it is, and compressed."""
    plain = path.read_bytes()
    return plain, gzip.compress(plain, 9, mtime=0)


_PATH = config.get_option("server.baseUrlPath").strip("/")
BASE = f"/{_PATH}" if _PATH else ""
ASSETS = f"{BASE}/assets"
ROUTES = [
    Route(f"{ASSETS}/plotly/{{version}}/{{name}}", plotly_js),
    Route(f"{ASSETS}/ui/{{version}}/{{name}}", module),
]
