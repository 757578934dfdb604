"""The encoder-decoders of core/seq2seq/shipped.py: each learns its task; weights, film and teacher-forcing study are written down.

python -m models.train.gru_seq2seq            all tasks
python -m models.train.gru_seq2seq reverse    this one
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save as serialise

from core.rng import generator
from core.seq2seq.shipped import EXPOSED, EXPOSED_KINDS, EXPOSURE_STEPS, PART, RATIOS, STEPS, course_of
from core.seq2seq.tasks import TRANSLATIONS
from core.seq2seq.training import EXAMPLE, Course, train, trained
from models.seq2seq import KINDS, own_tokens
from models.storage import FOLDER, LIMIT

SCRIPT = "models/train/gru_seq2seq.py"
TESTED = 2000


def arrays_of(kind: str, snapshots: list) -> dict[str, np.ndarray]:
    """The last weights of one model, and what changed on the way."""
    last = snapshots[-1].arrays
    return {
        **{f"{kind} {name}": values for name, values in last.items() if name.startswith("weights ")},
        f"{kind} film steps": np.array([s.step for s in snapshots], np.int32),
        f"{kind} film alpha": np.stack([np.rint(255 * s.arrays["alpha"]).astype(np.uint8) for s in snapshots]),
        **{f"{kind} metric {name}": np.array([s.metrics[name] for s in snapshots], np.float32) for name in snapshots[0].metrics},
    }  # fmt: skip


def exposure_of(kind: str) -> dict[str, np.ndarray]:
    """Accuracy while the truth is heard, and in free use, of models trained with each ratio of teacher forcing."""
    ends = []
    for ratio in RATIOS:
        *_, last = train(Course(EXPOSED, kind, ratio=ratio, steps=EXPOSURE_STEPS))
        ends.append(last.metrics)
    return {f"{kind} exposure {name}": np.array([m[name] for m in ends], np.float32) for name in ("forced", "free")}


@torch.no_grad()
def measured(course: Course, last: Mapping[str, np.ndarray]) -> float:
    """Share of whole answers that are right in free use, on new examples and the weights as they are stored."""
    about = TRANSLATIONS[course.task]
    x, y, _ = about.sample(TESTED, EXAMPLE[course.task], generator(course.seed, "published"))
    _, said, _ = trained(course, last).unroll(x, y.shape[1], own_tokens)
    return round(float((said == y).all(1).double().mean()), 4)


def publish(task: str) -> None:
    """Train the three models of a task and write its file and its record."""
    started, arrays, accuracy = time.perf_counter(), {}, {}
    for kind in KINDS:
        course = course_of(task, kind)
        snapshots = list(train(course))
        arrays |= arrays_of(kind, snapshots)
        accuracy[kind] = measured(course, snapshots[-1].arrays)
        print(f"{task}, {kind}: {accuracy[kind]:.4f} of whole answers right, {time.perf_counter() - started:.0f} s", flush=True)  # fmt: skip
    if task == EXPOSED:
        for kind in EXPOSED_KINDS:
            arrays |= exposure_of(kind)
    content = serialise({name: np.ascontiguousarray(values) for name, values in arrays.items()})
    if len(content) > LIMIT:
        raise SystemExit(f"{task}: {len(content):,} bytes are more than {LIMIT:,}")
    folder = FOLDER / PART
    folder.mkdir(exist_ok=True)
    (folder / f"{task}.safetensors").write_bytes(content)
    write_down(folder, task, content, accuracy, time.perf_counter() - started)


def write_down(folder: Path, task: str, content: bytes, accuracy: dict[str, float], seconds: float) -> None:
    """The record of a task in the folder's manifest."""
    course = course_of(task, "none")
    record = {
        "file": f"{task}.safetensors",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "stored_as": "float16; loaded into float64; whole_answers is measured on these weights",
        "steps": course.steps,
        "hidden": course.hidden,
        "teacher_forcing": course.ratio,
        "data": "endless examples drawn by core/seq2seq/tasks.py; tested on others, drawn for another purpose",
        "optimizer": f"Adam, batch {course.batch}, rate up to {course.rate:g}, gradients shortened to 1",
        "seed": course.seed,
        "seconds": round(seconds),
        "test_examples": TESTED,
        "test_length": EXAMPLE[task],
        "whole_answers": accuracy,
        "torch": torch.__version__.split("+")[0],
        "script": SCRIPT,
    }
    listing = folder / "manifest.json"
    records = json.loads(listing.read_text(encoding="utf-8")) if listing.exists() else {}
    records[task] = record
    ordered = {name: records[name] for name in STEPS if name in records}
    listing.write_text(json.dumps(ordered, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=list(STEPS))
    torch.set_num_threads(1)
    for task in parser.parse_args().tasks:
        publish(task)
