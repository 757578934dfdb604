"""The transformers of core/attention/shipped.py: each learns its task, and its weights and the film of its training are written down.

python -m models.train.attention            all tasks
python -m models.train.attention reverse    this one
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save as serialise

from core.attention.language import bits, corpus_of
from core.attention.shipped import COURSES, PART
from core.attention.training import Course, accuracy_of, train, trained
from models.storage import FOLDER, LIMIT

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = "models/train/attention.py"
TESTED, TESTED_WINDOWS = 2000, 300  # examples; windows of a text
DATA = "endless examples drawn by core/attention/tasks.py; tested on others, drawn for another purpose"
DATA_OF_TEXT = "pydoc_data.topics of Python's standard library, printable ASCII; tested on its last tenth"
HEADS = {"accuracy": "head_accuracy", "entropy": "head_entropy", "induction": "head_induction"}


def content_of(snapshots: list, course: Course) -> bytes:
    """The file: the last weights, and what changed on the way."""
    test = course.test()  # the first of them is the example of the film
    last = snapshots[-1].arrays
    maps = np.stack([np.rint(255 * s.arrays["maps"].astype(np.float64)).astype(np.uint8) for s in snapshots])
    rows, columns = maps.shape[-2:]
    names = sorted(snapshots[0].metrics.keys() - {"diverged"})
    arrays = {
        **{name: values for name, values in last.items() if name.startswith("weights ")},
        "film steps": np.array([s.step for s in snapshots], np.int32),
        "film maps": maps,
        "film queries": test.queries[0, :rows].numpy().astype(np.int32),
        "film keys": test.keys[0, :columns].numpy().astype(np.int32),
        **{f"metric {name}": np.array([s.metrics[name] for s in snapshots], np.float32) for name in names},
        **{f"heads {name}": np.stack([s.arrays[key] for s in snapshots]).astype(np.float32) for name, key in HEADS.items() if key in last},
    }  # fmt: skip
    return serialise({name: np.ascontiguousarray(values) for name, values in arrays.items()})


def publish(course: Course, snapshots: list, seconds: float) -> float:
    """Write the file and its record; returns the accuracy on new examples, measured on the weights as they are stored."""
    content = content_of(snapshots, course)
    if len(content) > LIMIT:
        raise SystemExit(f"{course.task}: {len(content):,} bytes are more than {LIMIT:,}")
    folder = FOLDER / PART
    folder.mkdir(exist_ok=True)
    path = folder / f"{course.task}.safetensors"
    path.write_bytes(content)
    scored = course.about().scored
    examples = TESTED if scored else TESTED_WINDOWS
    model, fresh = trained(course, snapshots[-1].arrays), next(course.batches("published", examples))
    with torch.inference_mode():
        measured = accuracy_of(model(fresh.inputs), fresh.targets)
    record = {
        "file": path.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "stored_as": "float16; loaded into float32; test_accuracy is measured on these weights",
        "parameters": sum(p.numel() for p in model.parameters()),
        "course": {name: getattr(course, name) for name in course.__dataclass_fields__},
        "data": DATA if scored else DATA_OF_TEXT,
        "optimizer": f"Adam, beta 0.9 and 0.98, batch {course.batch}, rate up to {course.rate:g}, gradients shortened to 1",
        "seconds": round(seconds),
        "test_examples": examples,
        "test_accuracy": round(measured, 4),
        **(
            {}
            if scored
            else {
                "signs": "".join(course.about().vocabulary),
                "test_bits": round(bits(model, corpus_of(course.text)), 4),
            }
        ),
        "torch": torch.__version__.split("+")[0],
        "script": SCRIPT,
    }
    listing = folder / "manifest.json"
    records = json.loads(listing.read_text(encoding="utf-8")) if listing.exists() else {}
    records[course.task] = record
    ordered = {task: records[task] for task in COURSES if task in records}
    listing.write_text(json.dumps(ordered, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return measured


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=list(COURSES))
    torch.set_num_threads(1)
    for task in parser.parse_args().tasks:
        started = time.perf_counter()
        snapshots = list(train(COURSES[task]))
        seconds = time.perf_counter() - started
        measured = publish(COURSES[task], snapshots, seconds)
        found = snapshots[-1].metrics
        told = (
            f"best head {found['alignment']:.3f}" if "alignment" in found else f"{found['bits']:.3f} bits per character"
        )
        print(f"{task}: accuracy {measured:.4f}, {told}, {seconds:.0f} s", flush=True)
