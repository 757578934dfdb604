"""Transfer-learning tuner: features against the bare forward pass, a probe on cached features, the loop with its snapshots, HTTP.

Each ratio is of two things measured in the same run, in turn, on one torch thread. With `GLASSNET_WEIGHTS` the backbone of the first
and the last is MobileNetV2 at 224 pixels, else ResNet-20 at 32.
"""

from __future__ import annotations

import io
import os
import pickle
import statistics
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
import uvicorn
from PIL import Image

from core.data.image_sets import image_set
from core.data.images import read_image
from core.data.squares import square
from core.store import new_key, save
from core.transfer_tuner import home
from core.transfer_tuner.course import Outcome
from core.transfer_tuner.spec import TransferTunerSpec
from core.transfer_tuner.tuning import Learner, extracted, learner, network, task, tensor, tune
from core.transfer_tuner.watch import Watch
from models.tuned import missing

TURNS = 9


def paired(ours: Callable[[], object], rival: Callable[[], object], turns: int = TURNS) -> tuple[float, float]:
    """Both in turn, and the order changes from turn to turn: the median of our seconds, and of the ratios ours / rival."""
    times: dict[Callable[[], object], list[float]] = {ours: [], rival: []}
    ours(), rival()  # the first time, memory is fetched and caches fill
    for turn in range(turns):
        for side in (ours, rival) if turn % 2 else (rival, ours):
            begun = time.perf_counter()
            side()
            times[side].append(time.perf_counter() - begun)
    return statistics.median(times[ours]), statistics.median(
        a / b for a, b in zip(times[ours], times[rival], strict=True)
    )


def features(spec: TransferTunerSpec) -> None:
    """Extraction, pictures and all, against the body's forward pass on tensors that lie ready."""
    data = task(spec, image_set("textures", 64))
    net = network(spec, len(data.classes))
    ready = tensor(data.pictures, spec).split(32)

    def bare() -> None:
        with torch.no_grad():
            for x in ready:
                net.body(x)

    took, ratio = paired(lambda: list(extracted(net, data.pictures, spec)), bare)
    print(f"features of {spec.backbone}: {64 / took:.0f} pictures/s, {1 / ratio:.2f} of the bare forward pass (wanted 0.9 or more)")  # fmt: skip


def probe(spec: TransferTunerSpec) -> None:
    """The head on 300 pictures once the features are there."""
    data = task(spec, image_set("textures", 300))
    *_, run = learner(spec, data)

    def train() -> None:
        again = Learner(spec, data, network(spec, len(data.classes)), run.inputs)
        again.begin()
        while not again.over():
            list(again.learn())

    begun = time.perf_counter()
    train()
    took = time.perf_counter() - begun
    print(f"probe on 300 pictures with cached features, {spec.epochs} epochs: {took:.2f} s (wanted at most 5)")


def loop() -> None:
    """Full training as a job does it, each snapshot packed for its way to the page, against the bare loop with the same evaluations.

    Up to the last epoch: what is worked out of a finished run (its film, its examination) is no cost of the loop.
    """
    spec = TransferTunerSpec(strategy="full", count=120, epochs=4, precision="single")
    pictures = image_set("textures", spec.count)

    def ours() -> None:
        for snapshot in tune(spec, pictures, watch=Watch()):
            pickle.dumps(snapshot, pickle.HIGHEST_PROTOCOL)
            if snapshot.metrics.get("epoch") == spec.epochs:
                return

    def bare() -> None:
        data = task(spec, pictures)
        net = network(spec, len(data.classes))
        optimizer = torch.optim.AdamW(net.parameters(), lr=spec.rate, weight_decay=spec.decay, foreach=False)
        y = torch.from_numpy(data.labels)

        def evaluate(rows: np.ndarray) -> None:
            with torch.no_grad():
                torch.cat([net(tensor(data.pictures[rows[k : k + 32]], spec)) for k in range(0, len(rows), 32)])

        evaluate(data.train), evaluate(data.val)
        for _ in range(spec.epochs):
            for rows in torch.randperm(len(data.train)).split(spec.batch):
                chosen = data.train[rows.numpy()]
                loss = torch.nn.functional.cross_entropy(net(tensor(data.pictures[chosen], spec)), y[chosen])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            evaluate(data.val)

    _, ratio = paired(ours, bare, turns=31)
    print(
        f"loop with snapshots, checkpoints, gradient norms and packing: {ratio:.3f} of the bare loop's time (wanted at most 1.05)"
    )


def http(spec: TransferTunerSpec) -> None:
    """One picture over HTTP against decoding it and the bare forward pass."""
    from core.api import api

    pictures = image_set("textures", 40)
    *_, last = tune(replace(spec, epochs=1), pictures)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GLASSNET_STORE"] = folder
        run_id = save(home.saved(Outcome(replace(spec, count=40, epochs=1), last.arrays), "bench"), new_key())
        server = uvicorn.Server(uvicorn.Config(api, port=8765, log_level="error", ws="none"))
        threading.Thread(target=server.run, daemon=True).start()
        while not server.started:
            time.sleep(0.05)
        file = io.BytesIO()
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)).save(file, "JPEG")
        content = file.getvalue()
        body = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n' + content + b"\r\n--b--\r\n"  # fmt: skip
        url = f"http://127.0.0.1:8765/models/{run_id}/predict"
        net = network(spec, len(pictures.classes)).eval()
        side = task(spec, pictures).pictures.shape[1]

        def ask() -> None:
            header = {"Content-Type": "multipart/form-data; boundary=b"}
            urllib.request.urlopen(urllib.request.Request(url, body, header)).read()

        def bare() -> None:
            with torch.inference_mode():
                net(tensor(np.stack([square(read_image("a.jpg", content, longest=512), side)]), spec))

        took, ratio = paired(ask, bare, turns=41)
        server.should_exit = True
    print(f"predict over HTTP with {spec.backbone}: {1e3 * took:.1f} ms, {ratio:.2f} of decode and forward pass (wanted at most 1.3)")  # fmt: skip


def main() -> None:
    torch.set_num_threads(1)
    name = "resnet20-cifar10" if missing("mobilenet_v2") else "mobilenet_v2"
    spec = TransferTunerSpec(backbone=name)
    features(spec)
    probe(TransferTunerSpec(precision="single"))
    loop()
    http(spec)


if __name__ == "__main__":
    main()
