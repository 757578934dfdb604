"""The interface over real HTTP: a server on a free port, asked by the standard library."""

from __future__ import annotations

import io
import json
import os
import socket
import threading
import time
import urllib.error
import urllib.request
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import uvicorn
from PIL import Image
from starlette.applications import Starlette
from starlette.routing import Mount

from core.api import MOST_PICTURES, api
from core.data.image_sets import image_set
from core.store import delete, new_key, save
from core.transfer_tuner import home, metrics
from core.transfer_tuner.course import Outcome
from core.transfer_tuner.spec import TransferTunerSpec
from core.transfer_tuner.tuning import tune

SPEC = TransferTunerSpec(count=40, epochs=1, data="textures")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Address of a running server, with a store of its own."""
    os.environ["GLASSNET_STORE"] = str(tmp_path_factory.mktemp("runs"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = uvicorn.Server(
        uvicorn.Config(Starlette(routes=[Mount("/api", api)]), port=port, log_level="error", ws="none")
    )
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}/api"
    running.should_exit = True
    thread.join()
    del os.environ["GLASSNET_STORE"]


@pytest.fixture(scope="module")
def pictures():
    return image_set("textures", SPEC.count, SPEC.seed)


@pytest.fixture(scope="module")
def kept(server, pictures):
    """(id, key, outcome) of a saved run."""
    *_, last = tune(SPEC, pictures)
    run, key = Outcome(SPEC, last.arrays), new_key()
    return save(home.saved(run, "textures"), key), key, run


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def ask(url: str, files: list[tuple[str, bytes]] | None = None, **headers: str) -> tuple[int, dict]:
    """Status and answer of a GET, or of a POST of these files."""
    body = None
    if files is not None:
        parts = [
            f'--b\r\nContent-Disposition: form-data; name="files"; filename="{n}"\r\n\r\n'.encode() + c + b"\r\n"
            for n, c in files
        ]
        body = b"".join(parts) + b"--b--\r\n"
        headers["Content-Type"] = "multipart/form-data; boundary=b"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as problem:
        with problem:
            return problem.code, json.loads(problem.read())


def test_it_is_well_and_describes_itself(server):
    assert ask(f"{server}/health") == (200, {"status": "ok"})
    status, described = ask(f"{server}/openapi.json")
    assert status == 200
    assert "/models/{model_id}/predict" in described["paths"]
    with urllib.request.urlopen(f"{server}/docs") as page:
        text = page.read().decode()
    assert "/api/models/{model_id}/predict" in text
    assert "src=" not in text  # asks nothing of other servers


def test_predictions_are_those_of_the_page(server, kept, pictures):
    run_id, _, run = kept
    from core.transfer_tuner.course import data_of

    data = data_of(SPEC)
    rows = data.val[:3]
    status, said = ask(f"{server}/models/{run_id}/predict", [(f"{n}.png", png(pictures.images[n])) for n in rows])
    assert status == 200
    T = metrics.temperature(run.arrays["logits_val"], data.labels[data.val])
    P = metrics.probabilities(run.arrays["logits_val"][:3] / T)
    for answer, p in zip(said["predictions"], P, strict=True):
        np.testing.assert_allclose(list(answer["probabilities"].values()), p, rtol=1e-6, atol=1e-9)
        assert answer["answer"] == data.classes[int(p.argmax())]


def test_models_are_listed_to_their_owner_alone(server, kept):
    run_id, key, _ = kept
    assert [m["id"] for m in ask(f"{server}/models", **{"X-Glassnet-Key": key})[1]] == [run_id]
    assert ask(f"{server}/models") == (200, [])
    assert ask(f"{server}/models", **{"X-Glassnet-Key": new_key()}) == (200, [])


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.png", b"x")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"no picture", "no picture"),
        (zipped(), "no picture"),
        (png(np.zeros((8, 8, 3), np.uint8))[:40], ""),
    ],
    ids=["empty", "text", "zip", "cut"],
)
def test_a_bad_picture_is_422_with_its_reason(server, kept, content, words):
    status, said = ask(f"{server}/models/{kept[0]}/predict", [("bad.png", content)])
    assert status == 422
    assert said["detail"].startswith("bad.png: ")
    assert words in said["detail"]


def test_limits_and_unknown_models(server, kept, pictures):
    one = png(pictures.images[0])
    assert ask(f"{server}/models/{kept[0]}/predict", [("a.png", one)] * (MOST_PICTURES + 1))[0] == 422
    assert ask(f"{server}/models/{'x' * 12}/predict", [("a.png", one)])[0] == 422
    assert ask(f"{server}/models/..%2F..%2Fetc/predict", [("a.png", one)])[0] in (404, 422)
    assert ask(f"{server}/models/{kept[0]}/predict", [])[0] in (400, 422)
    assert ask(f"{server}/health")[0] == 200


def test_a_large_body_is_refused_before_it_is_parsed(server, kept):
    status, said = ask(f"{server}/models/{kept[0]}/predict", [("a.png", b"0" * 10)], **{"Content-Length": str(10**12)})
    assert status == 413
    assert "51 MB" in said["detail"]


def test_a_token_is_wanted_where_it_is_set(server, kept, monkeypatch):
    monkeypatch.setenv("GLASSNET_API_TOKEN", "sésame")
    assert ask(f"{server}/models")[0] == 401
    assert ask(f"{server}/models", Authorization="Bearer wrong")[0] == 401
    assert ask(f"{server}/health")[0] == 200
    monkeypatch.setenv("GLASSNET_API_TOKEN", "sesame")
    assert ask(f"{server}/models", Authorization="Bearer sesame") == (200, [])


def test_a_deleted_model_answers_no_more(server, kept, pictures):
    run = home.saved(kept[2], "second")
    run_id = save(run, kept[1])
    one = [("a.png", png(pictures.images[0]))]
    assert ask(f"{server}/models/{run_id}/predict", one)[0] == 200
    delete(run_id, kept[1])
    assert ask(f"{server}/models/{run_id}/predict", one)[0] == 422


def test_every_strategy_answers_as_it_was_trained(server, pictures):
    key = new_key()
    for strategy in ("partial", "scratch"):
        spec = replace(SPEC, strategy=strategy, depth=2, dropout=0.3)
        *_, last = tune(spec, pictures)
        run_id = save(home.saved(Outcome(spec, last.arrays), strategy), key)
        status, said = ask(f"{server}/models/{run_id}/predict", [("a.png", png(pictures.images[0]))])
        assert status == 200
        assert sum(said["predictions"][0]["probabilities"].values()) == pytest.approx(1.0)
