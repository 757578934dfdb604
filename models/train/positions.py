"""The five small decoders of the page on positions: one for each encoding, all on the task of models/predecessor.py."""

from __future__ import annotations

import hashlib
import json
import time

import torch

from core.rng import generator
from models.fitting import fitting
from models.positions import POSITIONS
from models.predecessor import LENGTH, LONGEST, PART, RULE, SEQUENCES, Predecessor, right_by_place, sequences
from models.storage import FOLDER, stored

SCRIPT = "models/train/positions.py"
TESTED = 500


def made(positions: str) -> dict:
    """Train, write the weights, and say how well they do up to the length of training and up to the longest."""
    started = time.perf_counter()
    module = Predecessor(positions)
    for step, loss in enumerate(fitting(module, *sequences(SEQUENCES, LENGTH, generator(0, "train")), RULE), start=1):
        if step % 100 == 0:
            print(f"{positions}, step {step}: loss {loss:.4f}", flush=True)
    content = stored(module.eval())
    (FOLDER / PART).mkdir(exist_ok=True)
    (FOLDER / PART / f"{positions}.safetensors").write_bytes(content)
    right = right_by_place(module, *sequences(TESTED, LONGEST * LENGTH, generator(0, "test")))
    return {
        "file": f"{positions}.safetensors",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "stored_as": "float16; loaded into float32",
        "parameters": sum(p.numel() for p in module.parameters()),
        "data": f"{SEQUENCES} drawn sequences of {LENGTH} letters (models/predecessor.py); tested on {TESTED} others of {LONGEST * LENGTH}",
        "optimizer": f"AdamW, {RULE.steps} steps, batch {RULE.batch}, rate up to {RULE.rate:g}, weight decay {RULE.decay:g}",
        "seed": 0,
        "seconds": round(time.perf_counter() - started),
        "accuracy_inside": round(right[: LENGTH - 1].mean().item(), 4),
        "accuracy_beyond": round(right[LENGTH - 1 :].mean().item(), 4),
        "torch": torch.__version__.split("+")[0],
        "script": SCRIPT,
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    records = {positions: made(positions) for positions in POSITIONS}
    (FOLDER / PART / "manifest.json").write_text(json.dumps(records, indent=2) + "\n", encoding="utf-8")
    for name, record in records.items():
        print(f"{name}: {record['accuracy_inside']:.4f} inside, {record['accuracy_beyond']:.4f} beyond", flush=True)
