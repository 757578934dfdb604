"""A head start for the pictures: every page's HTML asks for plotly.js and our modules while Streamlit itself still loads.

Without it a browser learns of them only when the first chart is mounted, after some two hundred files of Streamlit's, and
the evaluation of plotly.js (the longest single piece of work of a cold visit) would begin when all else is done.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pages._ui.routes import ASSETS, MODULES, MODULES_VERSION, PLOTLY_VERSION

TAGS = "".join(
    [
        f'<script async data-glassnet="plotly" onload="this.library=Plotly" src="{ASSETS}/plotly/{PLOTLY_VERSION}/cartesian"></script>',
        *(f'<link rel="modulepreload" href="{ASSETS}/ui/{MODULES_VERSION}/{name}">' for name in MODULES),
    ]
).encode()


class HeadStart:
    """ASGI middleware that puts TAGS before </head> of every HTML answer and leaves all else as it is."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _wants_html(scope):
            return await self.app(_unpacked(scope), receive, _Html(send).send)
        return await self.app(scope, receive, send)


class _Html:
    """Holds an HTML answer back until it is whole, then sends it with the tags."""

    def __init__(self, send: Send) -> None:
        self.forward = send
        self.start: Message | None = None
        self.body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _header(message, b"content-type").startswith(b"text/html"):
            self.start = message
        elif self.start is None:
            await self.forward(message)
        else:
            self.body += message.get("body", b"")
            if not message.get("more_body"):
                await self._finish()

    async def _finish(self) -> None:
        body = self.body.replace(b"</head>", TAGS + b"</head>", 1)
        kept = [(name, value) for name, value in self.start["headers"] if name != b"content-length"]
        length = (b"content-length", str(len(body)).encode())
        await self.forward({**self.start, "headers": [*kept, length]})
        await self.forward({"type": "http.response.body", "body": body})


def _wants_html(scope: Scope) -> bool:
    return b"text/html" in _header(scope, b"accept")


def _unpacked(scope: Scope) -> Scope:
    """The same request, asking for an answer that is not compressed: the page is 3 kB."""
    return {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]}


def _header(message: Scope | Message, name: bytes) -> bytes:
    return next((value for key, value in message["headers"] if key == name), b"")
