"""Hostile requests against a server process of its own: each is refused in plain words, it stays alive, and its memory stays bounded."""

from __future__ import annotations

import http.client
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from fastapi import HTTPException
from PIL import Image

from core.api import MOST_BODY, _waiting, allowed, predict
from core.data.image_sets import image_set
from core.data.images import MB
from core.errors import ExplainerError
from core.store import new_key, save
from core.transfer_tuner import home
from core.transfer_tuner.course import Outcome
from core.transfer_tuner.spec import TransferTunerSpec
from core.transfer_tuner.tuning import tune
from tests.core.api.test_api import SPEC, png

ROOM = 600 * MB  # above a server that has answered once: two pictures of 40 megapixels are worked on at a time

SERVER = """
import sys, threading
import torch, uvicorn
from core.api import api

torch.set_num_threads(1)
server = uvicorn.Server(uvicorn.Config(api, port=int(sys.argv[1]), log_level="error", ws="none"))
threading.Thread(target=lambda: (sys.stdin.readline(), setattr(server, "should_exit", True)), daemon=True).start()
server.run()
"""


class Server:
    """The process, and what it answers."""

    def __init__(self, port: int, process: subprocess.Popen) -> None:
        self.port, self.process = port, process

    def ask(self, method: str, path: str, body: bytes | Iterator[bytes] | None = None, **headers: str) -> tuple[int, dict]:  # fmt: skip
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body, headers, encode_chunked="Transfer-Encoding" in headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def predict(self, run_id: str, *files: tuple[str, bytes]) -> tuple[int, dict]:
        return self.ask("POST", f"/models/{run_id}/predict", form(*files), **{"Content-Type": "multipart/form-data; boundary=b"})  # fmt: skip

    def memory(self) -> int:
        """Bytes in use at the peak so far."""
        with open(f"/proc/{self.process.pid}/status") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def form(*files: tuple[str, bytes]) -> bytes:
    parts = (f'--b\r\nContent-Disposition: form-data; name="files"; filename="{n}"\r\n\r\n'.encode() + c + b"\r\n" for n, c in files)  # fmt: skip
    return b"".join(parts) + b"--b--\r\n"


@pytest.fixture(scope="module")
def run_id(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("GLASSNET_STORE", str(tmp_path_factory.mktemp("runs")))
        spec = TransferTunerSpec(count=SPEC.count, epochs=1)
        *_, last = tune(spec, image_set("textures", spec.count, spec.seed))
        yield save(home.saved(Outcome(spec, last.arrays), "textures"), new_key())


@pytest.fixture(scope="module")
def server(run_id):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", SERVER, str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env={**os.environ, "PYTHONPATH": ".", "OMP_NUM_THREADS": "1"}) as process:  # fmt: skip
        found = Server(port, process)
        while True:
            try:
                found.ask("GET", "/health")
                break
            except OSError:
                assert process.poll() is None
                time.sleep(0.1)
        assert found.predict(run_id, ("a.png", png(np.zeros((64, 64, 3), np.uint8))))[0] == 200
        yield found
        process.stdin.close()


def zipped(entries: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


def claiming(width: int, height: int) -> bytes:
    """A small PNG whose header claims so many pixels."""
    content = bytearray(png(np.zeros((8, 8, 3), np.uint8)))
    content[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


def flat(side: int) -> bytes:
    """A large picture in a few bytes."""
    file = io.BytesIO()
    Image.new("L", (side, side)).save(file, "PNG")
    return file.getvalue()


HOSTILE = {
    "zip bomb": (zipped({"cats/1.png": bytes(40 * MB)}), "no picture"),
    "paths": (zipped({"../../up.png": b"x"}), "no picture"),
    "ten thousand files": (zipped({f"a/{k}.png": b"" for k in range(10_000)}), "no picture"),
    "pickled model": (zipped({"archive/data.pkl": b"\x80\x02cos\nsystem\n."}), "no picture"),
    "bare pickle": (b"\x80\x04\x95cposix\nsystem\n(S'true'\ntR.", "no picture"),
    "pixel bomb": (flat(9_000), "pixels"),
    "claims more than it holds": (claiming(6_000, 6_000), "damaged"),
    "claims a planet": (claiming(2**31 - 1, 2**31 - 1), ""),
    "script": (b"<svg onload=alert(1)>", "no picture"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_refused_in_plain_words(kind, server, run_id):
    content, words = HOSTILE[kind]
    before = server.memory()
    status, said = server.predict(run_id, ("bad.png", content))
    assert status == 422
    assert said["detail"].startswith("bad.png: ")
    assert words in said["detail"]
    assert "Traceback" not in said["detail"]
    assert server.ask("GET", "/health") == (200, {"status": "ok"})
    assert server.memory() - before < ROOM


def test_many_large_pictures_at_once_need_no_more_than_a_few(server, run_id):
    """Twelve clients with a picture of 39 megapixels each; who is too much is asked to come again."""
    large, found = flat(6_200), []
    before = server.memory()
    threads = [
        threading.Thread(target=lambda: found.append(server.predict(run_id, ("large.png", large)))) for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {status for status, _ in found} <= {200, 503}
    assert any(status == 200 for status, _ in found)
    assert server.memory() - before < ROOM
    assert server.ask("GET", "/health")[0] == 200


def test_a_body_that_grows_too_large_while_it_comes_is_cut_off(server, run_id):
    """No length is announced, so the bytes are counted."""
    before = server.memory()

    def endless() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
        for _ in range(2 * MOST_BODY // MB):
            yield bytes(MB)

    try:
        status, said = server.ask(
            "POST", f"/models/{run_id}/predict", endless(), **{"Content-Type": "multipart/form-data; boundary=b", "Transfer-Encoding": "chunked"}
        )  # fmt: skip
        assert status == 413
        assert "too large" in said["detail"] or "MB" in said["detail"]
    except (BrokenPipeError, ConnectionResetError):  # the server has hung up before all was sent
        pass
    assert server.ask("GET", "/health")[0] == 200
    assert server.memory() - before < ROOM


@pytest.mark.parametrize("length", [str(MOST_BODY + 1), "9" * 18])
def test_a_length_beyond_the_limit_is_refused_unread(length, server, run_id):
    assert server.ask("POST", f"/models/{run_id}/predict", b"", **{"Content-Length": length})[0] == 413


def test_forms_without_pictures_are_refused(server, run_id):
    for body in (b"", b"--b--\r\n", b"garbage", b'--b\r\nContent-Disposition: form-data; name="files"\r\n\r\nwords\r\n--b--\r\n'):  # fmt: skip
        status, said = server.ask("POST", f"/models/{run_id}/predict", body, **{"Content-Type": "multipart/form-data; boundary=b"})  # fmt: skip
        assert status in (400, 422)
        assert said["detail"]


@pytest.mark.parametrize("path", ["..%2F..%2Fetc%2Fpasswd", "%00%00%00%00%00%00%00%00", "....//....//", "a" * 5000])
def test_an_id_is_no_path(path, server):
    assert server.ask("POST", f"/models/{path}/predict", form(("a.png", b"x")), **{"Content-Type": "multipart/form-data; boundary=b"})[0] in (404, 422)  # fmt: skip


def test_a_token_of_any_letters_is_compared_whole(monkeypatch):
    monkeypatch.setenv("GLASSNET_API_TOKEN", "sésame")
    allowed("Bearer sésame".encode().decode("latin-1"))  # as a server hands the header on
    allowed("bearer " + "sésame".encode().decode("latin-1"))
    for wrong in ("", "Bearer", "Bearer ", "sésame", "Basic sésame", "Bearer sesame", "Bearer sésam", "Bearer sésame2"):
        with pytest.raises(HTTPException) as refusal:
            allowed(wrong.encode().decode("latin-1"))
        assert refusal.value.status_code == 401


def test_who_is_too_much_is_asked_to_come_again():
    held = 0
    while _waiting.acquire(blocking=False):
        held += 1
    try:
        with pytest.raises(HTTPException, match="ask again in a second") as refusal:
            predict("x" * 12, [])
    finally:
        for _ in range(held):
            _waiting.release()
    assert held == 8
    assert refusal.value.status_code == 503
    with pytest.raises(ExplainerError, match="no run"):  # and then there is room again
        predict("x" * 12, [])
