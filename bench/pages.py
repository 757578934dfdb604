"""What the pages cost: `python -m bench.pages` prints medians (lowest to highest of the repeats).

Start-up: from `streamlit run app.py` to the first healthy answer. Memory: resident set of the server and of each worker
after warm-up. Rerun: from a slider's move to the end of the script, over the websocket as a browser speaks it; the rival
is a page with one slider and nothing else, served and measured in turn in the same run. Picture: from navigation to the
chart's own "ready" in Chromium, with an empty cache (cold) and again in the same browser (warm), for every page; the
rival is the moment at which the one-slider page shows its slider. Stop: from the click on the home page to the words on
the screen.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import websockets
from playwright.sync_api import Browser, sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from core.registry import EXPLAINERS

ROOT = Path(__file__).resolve().parents[1]
PROBE = 'import streamlit as st\nst.write(st.slider("w1", -3.0, 3.0, -0.8, 0.01))\n'
STARTS, RERUNS, VISITS = 5, 40, 5
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def served(script: Path, port: int) -> Iterator[tuple[str, psutil.Process, float]]:
    """A server of `script`: its address, its process, and the seconds until it answered."""
    begun = time.perf_counter()
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
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    while not _answers(f"{url}/_stcore/health"):
        if process.poll() is not None:
            raise SystemExit(f"{script.name} did not start")
        time.sleep(0.01)
    try:
        yield url, psutil.Process(process.pid), time.perf_counter() - begun
    finally:
        process.terminate()
        process.wait(timeout=30)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


class Session:
    """One browser tab on the server's websocket: it loads a page (in the state `query`) and moves the slider `label`."""

    def __init__(self, url: str, page: str, label: str = "w1", query: str = "") -> None:
        self.url, self.page, self.label, self.query = url, page, label, query
        self.hash = self.slider = ""

    async def open(self) -> Session:
        address = self.url.replace("http", "ws") + "/_stcore/stream"
        self.socket = await websockets.connect(address, subprotocols=["streamlit"], max_size=None)
        await self.rerun(None)
        if not self.slider:
            raise SystemExit(f"the page {self.page!r} has no slider {self.label}")
        return self

    async def rerun(self, value: float | None) -> float:
        """Seconds from the slider's move to the end of the script."""
        message = BackMsg()
        run = message.rerun_script
        run.query_string, run.page_name, run.page_script_hash = self.query, "" if self.hash else self.page, self.hash
        if value is not None:
            run.widget_states.widgets.add(id=self.slider).double_array_value.data.append(value)
        begun = time.perf_counter()
        await self.socket.send(message.SerializeToString())
        while not self._ended(ForwardMsg.FromString(await self.socket.recv())):
            pass
        return time.perf_counter() - begun

    def _ended(self, message: ForwardMsg) -> bool:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.hash = message.new_session.page_script_hash
        elif kind == "navigation":
            self.hash = message.navigation.page_script_hash or self.hash
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "delta" and message.delta.new_element.WhichOneof("type") == "slider":
            slider = message.delta.new_element.slider
            self.slider = slider.id if slider.label == self.label else self.slider
        return kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY


async def reruns(app: str, probe: str) -> dict[str, list[float]]:
    """Milliseconds of a slider's move on the stepper and on the probe page, in turns."""
    tabs = {"stepper": await Session(app, "backprop-stepper").open(), "probe": await Session(probe, "").open()}
    taken: dict[str, list[float]] = {name: [] for name in tabs}
    for k in range(RERUNS + 5):
        for name, tab in tabs.items():
            taken[name].append(1e3 * await tab.rerun(-1.0 + 0.02 * k))
            await asyncio.sleep(0.05)
    for tab in tabs.values():
        await tab.socket.close()
    return {name: values[5:] for name, values in taken.items()}


def memory(server: psutil.Process) -> dict[str, float]:
    """MB of the server and of each of its worker processes."""
    workers = [p for p in server.children(recursive=True) if "spawn_main" in " ".join(p.cmdline())]
    found = {"server": server.memory_info().rss / 1e6}
    return found | {f"worker {k}": p.memory_info().rss / 1e6 for k, p in enumerate(workers, 1)}


def first_sight(browser: Browser, url: str, sign: str) -> tuple[float, float]:
    """Seconds from navigation until `sign` is there: with an empty cache, and once more."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    times = []
    for _ in range(2):
        page = context.new_page()
        begun = time.perf_counter()
        page.goto(url, wait_until="commit")
        page.wait_for_selector(sign, timeout=60_000)
        times.append(time.perf_counter() - begun)
        page.close()
    context.close()
    return times[0], times[1]


def first_sights(app: str, probe: str) -> dict[str, list[float]]:
    """First pictures of all pages, and the first slider of the probe, in turns, cold and warm."""
    ready = ".gn-chart[data-state=ready]"
    pages = {"home": (app, ready), **{e.slug: (f"{app}/{e.url}", ready) for e in EXPLAINERS}}
    pages["one slider"] = (probe, "[data-testid=stSlider]")
    found: dict[str, list[float]] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for _ in range(VISITS):
            for name, (url, sign) in pages.items():
                for heat, seconds in zip(("cold", "warm"), first_sight(browser, url, sign), strict=True):
                    found.setdefault(f"{name}, {heat}", []).append(seconds)
        browser.close()
    return found


def stops(app: str) -> list[float]:
    """Milliseconds from the click on Stop to the words that it has stopped, on the home page."""
    taken = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page()
        page.goto(f"{app}/?home.epochs=200")
        for _ in range(STARTS):
            page.locator(".st-key-home-job-start button").click()
            page.wait_for_function("() => /Step [1-9]/.test(document.body.innerText)", timeout=60_000)
            page.evaluate(
                "() => addEventListener('click', () => { window.pressed = performance.now(); }, { capture: true, once: true })"
            )
            page.locator(".st-key-home-job-stop button").click()
            said = "() => document.body.innerText.includes('Stopped at step') && performance.now() - window.pressed"
            taken.append(page.wait_for_function(said, polling=10).json_value())
        browser.close()
    return taken


def told(name: str, values: list[float], unit: str) -> None:
    """One line of the report."""
    print(f"{name:<52} {statistics.median(values):8.3g} ({min(values):.3g} to {max(values):.3g}) {unit}", flush=True)


def _startups() -> list[float]:
    taken = []
    for k in range(STARTS):
        with served(ROOT / "app.py", 8620 + k) as (_, _, seconds):
            taken.append(seconds)
    return taken


def main() -> None:
    """Print the report."""
    told("start: streamlit run to a healthy answer", _startups(), "s")
    with tempfile.TemporaryDirectory() as folder:
        (probe := Path(folder, "probe.py")).write_text(PROBE)
        with served(ROOT / "app.py", 8630) as (url, server, _), served(probe, 8631) as (probe_url, _, _):
            print("the server and its workers warm up for 20 s", flush=True)
            time.sleep(20)
            taken = asyncio.run(reruns(url, probe_url))
            told("rerun: stepper, a slider's move", taken["stepper"], "ms")
            told("rerun: page with one slider", taken["probe"], "ms")
            ratios = [ours / rival for ours, rival in zip(taken["stepper"], taken["probe"], strict=True)]
            told("rerun: stepper / one slider", ratios, "")
            for name, values in first_sights(url, probe_url).items():
                told(f"first picture: {name}", values, "s")
            told("stop: click to words on the screen", stops(url), "ms")
            for name, megabytes in memory(server).items():
                print(f"memory: {name:<44} {megabytes:8.0f} MB")


if __name__ == "__main__":
    main()
