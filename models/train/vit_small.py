"""The small vision transformers of models/vits.py, and the convolutional network beside them. No data folder is needed.

They are trained as models/fitting.py says.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from typing import Any

import torch
from torch import Tensor, nn

from core.data.small_pictures import small_pictures
from models.fitting import Rule, by_number_of_pictures, fitting
from models.storage import FOLDER, restore, stored
from models.train.common import accuracy
from models.vits import CNN, DATA, HUNGER_KEY, HUNGER_RULE, PART, SIZES, VARIANTS, Variant, build_cnn

SCRIPT = "models/train/vit_small.py"
ABOUT = {
    "digits": "scikit-learn's digits: 1,397 for training, 400 others for the test (core/data/small_pictures.py)",
    "shapes": "generated shapes of 64 x 64 pixels: 1,500 for training, 240 others for the test (core/data/small_pictures.py)",
}


RATE = 3e-3
EPOCHS = {"digits": 30, "shapes": 12}


def fit(module: nn.Module, data: str) -> nn.Module:
    """Train in place; in eval mode when it returns. A stem is left as it is: what stands behind it learns from its maps."""
    x, y = arrays(data, "train")
    stem = getattr(module, "stem", None)
    if stem is not None:
        with torch.no_grad():
            x = torch.cat([stem(part) for part in x.split(100)])
        module.stem = None
    each = -(-len(x) // Rule.batch)
    losses = 0.0
    for step, loss in enumerate(fitting(module, x, y, Rule(EPOCHS[data] * each, RATE)), start=1):
        losses += loss
        if step % each == 0:
            print(f"epoch {step // each:3} of {EPOCHS[data]}: loss {losses / each:.4f}", flush=True)
            losses = 0.0
    if stem is not None:
        module.stem = stem
    return module.eval()


def publish(name: str, module: nn.Module, data: str, seconds: float) -> None:
    """Write the weights and their record; the accuracy is measured on the weights as they are stored."""
    content = stored(module)
    (FOLDER / PART).mkdir(exist_ok=True)
    (FOLDER / PART / f"{name}.safetensors").write_bytes(content)
    x, y = arrays(data, "test")
    record = {
        "file": f"{name}.safetensors",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "stored_as": "float16; loaded into float32; test_accuracy is measured on these weights",
        "parameters": sum(p.numel() for p in module.parameters()),
        "data": ABOUT[data],
        "epochs": EPOCHS[data],
        "seed": 0,
        "optimizer": f"AdamW, weight decay {Rule.decay:g}, batch {Rule.batch}, warm-up to rate {RATE:g}, cosine to 0"
        + ", behind a stem that is left as it was trained" * (data == "shapes"),
        "seconds": round(seconds),
        "test_pictures": len(y),
        "test_accuracy": round(accuracy(restore(module, content), x, y), 4),
        "torch": torch.__version__.split("+")[0],
        "script": SCRIPT,
    }
    note(name, record)
    print(f"{name}: test accuracy {record['test_accuracy']:.4f}, {len(content):,} bytes", flush=True)


def note(name: str, record: dict[str, Any]) -> None:
    """Put a record into the manifest."""
    path = FOLDER / PART / "manifest.json"
    records = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    known = {HUNGER_KEY, CNN, *(variant.name for variant in VARIANTS)}
    kept = {key: value for key, value in sorted((records | {name: record}).items()) if key in known}
    path.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def hunger() -> None:
    """How both kinds of network do after as many steps on few and on many digits."""
    builders = {"vit": Variant("digits", 4).build, "cnn": build_cnn}
    learn, test = arrays("digits", "train"), arrays("digits", "test")
    found = {}
    for n, name, share in by_number_of_pictures(builders, learn, test, SIZES, HUNGER_RULE):
        found.setdefault(name, []).append(share)
        print(f"{name}, {n} pictures: {share:.4f}", flush=True)
    note(HUNGER_KEY, {"sizes": SIZES, "accuracy": found, "steps": HUNGER_RULE.steps, "batch": HUNGER_RULE.batch, "rate": HUNGER_RULE.rate, "seed": 0})  # fmt: skip


def arrays(data: str, part: str) -> tuple[Tensor, Tensor]:
    """Normalised pictures and labels."""
    found = small_pictures(data, part)
    return DATA[data].normalise(torch.from_numpy(found.x)), torch.from_numpy(found.y)


def main() -> None:
    """Make those that --only names, else all."""
    builders = {variant.name: (variant.data, variant.build) for variant in VARIANTS}
    builders[CNN] = ("digits", build_cnn)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=[*builders, HUNGER_KEY], default=[*builders, HUNGER_KEY])
    torch.set_num_threads(1)  # two on a busy machine are slower than one
    for name in parser.parse_args().only:
        if name == HUNGER_KEY:
            hunger()
            continue
        data, build = builders[name]
        started = time.perf_counter()
        publish(name, fit(build(), data), data, time.perf_counter() - started)


if __name__ == "__main__":
    main()
