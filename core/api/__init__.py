"""The HTTP interface: ask a kept model about pictures, list one's own models, see whether the server lives.

    GET  /api/health                   {"status": "ok"}
    GET  /api/models                   the runs of the key in the header X-Glassnet-Key
    POST /api/models/{id}/predict      pictures as multipart form fields named "files"
    GET  /api/docs, /api/openapi.json  what there is, for people and for programs

With `GLASSNET_API_TOKEN` set, all but health and the documentation want "Authorization: Bearer <token>". A picture that cannot be
read, or a model that does not exist, is answered with 422 or 404 and the reason. Two requests are worked on at a time and a few
more wait; beyond these, 503 asks for patience, so that many large pictures at once need no more memory than a few. Nothing that is
sent is kept.
"""

from __future__ import annotations

import hmac
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from html import escape
from typing import Annotated, Any, no_type_check

from fastapi import Depends, FastAPI, File, Header, HTTPException, UploadFile
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.data.images import LIMITS, MB, read_image
from core.errors import ExplainerError

__all__ = ["api"]

MOST_PICTURES = 16
MOST_BODY = LIMITS.file + MB
_waiting = threading.BoundedSemaphore(8)
_workers = ThreadPoolExecutor(
    2, "predict"
)  # two threads of their own: what a thread has freed, its part of the heap keeps


def allowed(authorization: Annotated[str, Header()] = "") -> None:
    """Refuse who lacks the token, if the server wants one."""
    token = os.environ.get("GLASSNET_API_TOKEN", "")
    scheme, _, given = authorization.partition(" ")
    sent = given.strip().encode("latin-1")  # the bytes as they came: headers are read as Latin-1
    if token and not (hmac.compare_digest(sent, token.encode()) and scheme.lower() == "bearer"):
        raise HTTPException(401, "this server wants the header Authorization: Bearer <token>", {"WWW-Authenticate": "Bearer"})  # fmt: skip


api = FastAPI(title="Glassnet", description="Models that were trained on Glassnet's pages.", version="1", docs_url=None, redoc_url=None)  # fmt: skip


@api.exception_handler(ExplainerError)
def refused(_request: Request, problem: ExplainerError) -> JSONResponse:
    """A user's mistake, in its own words."""
    return JSONResponse({"detail": str(problem)}, 422)


@api.get("/health")
async def health() -> dict[str, str]:
    """Whether the server answers."""
    return {"status": "ok"}


@api.get("/models", dependencies=[Depends(allowed)])
def models(x_glassnet_key: Annotated[str, Header()] = "") -> list[dict[str, Any]]:
    """The runs that belong to the key in the header X-Glassnet-Key; without a key, none."""
    from core.store import runs

    entries = runs(x_glassnet_key) if x_glassnet_key else ()
    return [
        {"id": e.id, "name": e.name, "saved": e.saved, "backbone": e.about.get("backbone"), "classes": e.about.get("classes")}
        for e in entries
    ]  # fmt: skip


@api.post("/models/{model_id}/predict", dependencies=[Depends(allowed)])
@no_type_check  # what arrives is Starlette's UploadFile, what FastAPI wants to be told is its own
def predict(model_id: str, files: Annotated[list[UploadFile], File()]) -> dict[str, Any]:
    """What the model says about each picture: the answer, its probability, and those of all classes."""
    if len(files) > MOST_PICTURES:
        raise ExplainerError(f"{len(files)} pictures were sent, at most {MOST_PICTURES} are answered at once")
    if not _waiting.acquire(blocking=False):
        raise HTTPException(503, "the server answers others at the moment; ask again in a second", {"Retry-After": "1"})
    try:
        return {"model": model_id, "predictions": _workers.submit(_answers, model_id, files).result()}
    finally:
        _waiting.release()


@no_type_check
def _answers(model_id: str, files: list[UploadFile]) -> list[dict[str, Any]]:
    """What the model says about each picture."""
    from core.api.predictor import predictor  # imports torch, which costs seconds: on the first request

    asked = predictor(model_id)
    pictures = [read_image(file.filename or "picture", file.file.read(), longest=512) for file in files]
    found = asked.probabilities(pictures)
    return [{"file": file.filename, **asked.answer(P)} for file, P in zip(files, found, strict=True)]


@api.get("/docs", include_in_schema=False)
def docs() -> HTMLResponse:
    """What the interface offers, as a page that asks nothing of other servers."""
    rows = "".join(
        f"<h2><code>{method.upper()} /api{escape(path)}</code></h2><p>{escape(about.get('description') or about.get('summary', ''))}</p>"
        for path, methods in api.openapi()["paths"].items()
        for method, about in methods.items()
    )
    example = escape('curl -F files=@picture.jpg http://localhost:8501/api/models/ID/predict   # add -H "Authorization: Bearer TOKEN" if the server wants one')  # fmt: skip
    limits = f"At most {MOST_PICTURES} pictures and {MOST_BODY // MB} MB a request."
    return HTMLResponse(
        f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'><title>Glassnet API</title>"
        f"<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}}h2{{font-size:1.05rem}}pre{{overflow-x:auto;background:#eef3f5;padding:.6rem}}</style>"
        f"<h1>Glassnet API</h1><p>{limits} The whole description for programs: <a href=openapi.json>openapi.json</a>.</p><pre>{example}</pre>{rows}</html>"
    )


class Bounded:
    """ASGI middleware that answers 413 to a body that is, or grows, larger than MOST_BODY, before it is parsed."""

    def __init__(self, app: ASGIApp, most: int = MOST_BODY) -> None:
        self.app, self.most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        said = dict(scope["headers"]).get(b"content-length", b"0")
        if not said.isdigit() or len(said) > 15 or int(said) > self.most:
            return await self._too_large(scope, receive, send)
        got = 0

        async def counted() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > self.most:
                raise _TooLarge
            return message

        try:
            return await self.app(scope, counted, send)
        except _TooLarge:
            return await self._too_large(scope, receive, send)

    async def _too_large(self, scope: Scope, receive: Receive, send: Send) -> None:
        detail = f"a request may have {self.most // MB} MB; send fewer or smaller pictures"
        await JSONResponse({"detail": detail}, 413)(scope, receive, send)


class _TooLarge(HTTPException):
    """The body has grown too large while it came."""

    def __init__(self) -> None:
        super().__init__(413, "the request is too large; send fewer or smaller pictures")


api.add_middleware(Bounded)
