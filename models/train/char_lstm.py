"""The small character model on Python's help pages: all but the last tenth for training, the last tenth for the test. No data folder is needed."""

import argparse
import hashlib
import json
import math
import time
from pathlib import Path

import torch
from torch.nn import functional as F

from core.data.corpora import python
from core.rng import generator
from models.charnet import BATCH, CharNet, first_weights, fit
from models.storage import FOLDER, restore, stored

NAME, KIND, WIDTH, LAYERS = "char-lstm", "lstm", 128, 1
STEPS, RATE, LENGTH = 4000, 0.004, 100
SCRIPT = "models/train/char_lstm.py"
CHUNK = 100


@torch.no_grad()
def bits(net: CharNet, codes: torch.Tensor) -> float:
    """Mean −log2 p of a text in chunks of 100 characters, each from an empty state."""
    n = (len(codes) - 1) // CHUNK * CHUNK
    x, y = codes[:n].view(-1, CHUNK), codes[1 : n + 1].view(-1, CHUNK)
    return float(F.cross_entropy(net(x)[0].flatten(0, 1), y.flatten())) / math.log(2)


def main(steps: int) -> None:
    """Train, write models/weights/text/char-lstm.safetensors and its record."""
    torch.set_num_threads(1)
    corpus, started = python(), time.perf_counter()
    codes = torch.from_numpy(corpus.codes)
    train, test = codes[: corpus.border], codes[corpus.border :]
    net = first_weights(CharNet(KIND, len(corpus.signs), WIDTH, LAYERS, torch.float32), generator(0, "weights", NAME))
    for step, loss in enumerate(
        fit(net, train, steps, RATE, LENGTH, generator(0, "windows", NAME), cooldown=True), start=1
    ):
        if step % 200 == 0:
            print(f"step {step}: {loss / math.log(2):.3f} bits, {time.perf_counter() - started:.0f} s", flush=True)
    content = stored(net)
    folder = FOLDER / "text"
    folder.mkdir(exist_ok=True)
    (folder / f"{NAME}.safetensors").write_bytes(content)
    again = restore(CharNet(KIND, len(corpus.signs), WIDTH, LAYERS, torch.float32), content)
    root = Path(__file__).resolve().parents[2]
    record = {
        "file": f"{NAME}.safetensors",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "stored_as": "float16; loaded into float64; test_bits was measured on these weights",
        "parameters": sum(p.numel() for p in net.parameters()),
        "kind": KIND,
        "width": WIDTH,
        "layers": LAYERS,
        "signs": corpus.signs,
        "data": "pydoc_data.topics of Python's standard library, printable ASCII; tested on its last tenth",
        "characters": corpus.border,
        "steps": steps,
        "seed": 0,
        "optimizer": f"Adam, rate {RATE:g} let down to 0 as half a cosine, batch {BATCH}, windows of {LENGTH} characters",
        "seconds": round(time.perf_counter() - started),
        "test_characters": len(test),
        "test_bits": round(bits(again, test), 4),
        "torch": torch.__version__.split("+")[0],
        "script": SCRIPT,
        "script_sha256": hashlib.sha256((root / SCRIPT).read_bytes()).hexdigest(),
    }
    (folder / "manifest.json").write_text(
        json.dumps({NAME: record}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    print(
        f"{NAME}: {record['test_bits']} bits a character on {len(test):,} characters, {len(content):,} bytes",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=STEPS, help=f"default: {STEPS}, as shipped")
    main(parser.parse_args().steps)
