"""Real servers and a real Chromium. A page that logs an error or asks for anything outside this machine fails its test."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--enable-unsafe-swiftshader",
)  # fmt: skip
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], str]]:
    """`server(script)`: the address of a Streamlit server that runs `script`, one server for each script."""
    running: dict[Path, tuple[str, subprocess.Popen]] = {}
    log = tmp_path_factory.mktemp("servers")

    def start(script: Path) -> str:
        if script not in running:
            running[script] = _start(script, log / f"{len(running)}.log")
        return running[script][0]

    yield start
    for _, process in running.values():
        process.terminate()
        process.wait(timeout=120)


def _start(script: Path, log: Path) -> tuple[str, subprocess.Popen]:
    port = _free_port()
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(script),
        "--server.port",
        str(port),
        "--server.address",
        "127.0.0.1",
    ]
    with log.open("w") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=out, stderr=out, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while not _answers(f"{url}/_stcore/health"):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"the server for {script.name} did not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.1)
    return url, process


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, driven by Playwright."""
    path = shutil.which("chromium")
    if path is None:
        pytest.fail("Chromium is not installed; `apt-get install chromium` (Debian) provides it")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def visitor(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """`visitor(**options)`: a browser context; the same options share one, and so Streamlit's files are loaded once."""
    contexts: dict[str, BrowserContext] = {}

    def of(**options: Any) -> BrowserContext:
        name = repr(sorted(options.items()))
        if name not in contexts:
            contexts[name] = browser.new_context(**options)
            contexts[name].set_default_timeout(60_000)  # a fresh installation compiles its modules first
        return contexts[name]

    yield of
    for context in contexts.values():
        context.close()


@pytest.fixture
def visit(visitor: Callable[..., BrowserContext]) -> Iterator[Callable[..., Page]]:
    """`visit(url, width=..., dark=..., **options)`: a new page (a new session for Streamlit), its script run to the end.

    When the test ends, the pages must have logged no error and asked for nothing outside this machine.
    """
    pages, troubles = [], []

    def go(
        url: str, *, width: int = 1280, height: int = 900, dark: bool = False, settled: bool = True, **options: Any
    ) -> Page:
        size, scheme = {"width": width, "height": height}, "dark" if dark else "light"
        page = visitor(viewport=size, color_scheme=scheme, **options).new_page()
        pages.append(page)
        page.on("console", lambda message: message.type == "error" and troubles.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: troubles.append(f"exception: {error}"))
        page.on("request", lambda request: _outside(request.url) and troubles.append(f"outside: {request.url}"))
        page.goto(url)
        if settled:
            settle(page)
        return page

    go.troubles = troubles  # a test that provokes an error on purpose empties this list
    yield go
    for page in pages:
        page.close()
    assert not troubles, "\n".join(troubles)


def _outside(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:", "file:", "about:"))


def settle(page: Page) -> None:
    """Wait until the page's script has run."""
    page.wait_for_selector(IDLE, timeout=60_000)
    page.wait_for_function(
        "() => ![...document.querySelectorAll('.gn-chart:not(.gn-still)')].some((c) => c.dataset.state === 'loading')",
        timeout=60_000,
    )
