"""The lab as a script that needs torch and NumPy (scikit-learn and Pillow for the digits), and the pipeline in torchvision's words."""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable, Sequence

import numpy as np

from core import rng
from core.augmentation import learning, transforms
from core.augmentation.compute import GREY, TEST, album, resolved
from core.augmentation.spec import AugmentationSpec, stages
from core.augmentation.transforms import CHANGES
from core.data import image_sets, pictures

FILE = "augmentation.npz"
MIXING = {"none": (), "mixup": ("mixed", "share_of", "_gamma"), "cutmix": ("pasted", "box_of", "rectangle", "share_of", "_gamma")}  # fmt: skip
NEEDS = {"turn": (), "shift": ("whole",), "zoom": ("whole",), "erase": ("whole", "rectangle")}


def pipeline(spec: AugmentationSpec) -> str:
    """The same pipeline with torchvision.transforms.v2; its random numbers come from torch's shared state."""
    S = 16 if spec.data in GREY else 32
    lines = [CHANGES[s.name].line(s.amount, s.p, S) for s in stages(spec)]
    text = "from torchvision.transforms import v2\n\ntransform = v2.Compose([\n" + "".join(f"    {line},\n" for line in lines) + "])"  # fmt: skip
    if not lines:
        text = "from torchvision.transforms import v2\n\ntransform = v2.Identity()"
    if spec.mix != "none":
        name = {"mixup": "MixUp", "cutmix": "CutMix"}[spec.mix]
        text += f"\nmix = v2.{name}(num_classes=NUM_CLASSES, alpha={spec.alpha:g})  # images, labels = mix(images, labels) for every batch"
    return text


def data_file(spec: AugmentationSpec) -> bytes:
    """The pictures as the script reads them where it cannot draw them itself."""
    seen = album(resolved(spec)[0])
    file = io.BytesIO()
    np.savez_compressed(file, x=seen.x, y=seen.y, x_test=seen.x_test, y_test=seen.y_test, classes=len(seen.classes))
    return file.getvalue()


def script(spec: AugmentationSpec) -> str:
    """Both networks trained, tested on harder pictures, and the mean of the draws on screen."""
    spec, _ = resolved(spec)
    used = stages(spec)
    names = dict.fromkeys(
        ["even", *[part for s in used for part in NEEDS.get(s.name, ())], *[CHANGES[s.name].draw.__name__ for s in used],
         *[CHANGES[s.name].apply.__name__ for s in used], "shifted", "turned", *MIXING[spec.mix]]
    )  # fmt: skip
    steps = ", ".join(f"({CHANGES[s.name].draw.__name__}, {CHANGES[s.name].apply.__name__}, {s.amount!r}, {s.p!r})" for s in used)  # fmt: skip
    return f'''# %% [markdown]
# # Augmentation lab
#
# The same network, trained on {len(album(spec).x)} pictures as they are and on new random changes of them.

# %%
from __future__ import annotations

import hashlib
import math

import numpy as np
import torch
{_IMPORTS.get(spec.data, "")}from torch.nn import functional as F

torch.set_num_threads(1)  # the order of sums, as on the page
SEED, EPOCHS, PER_CLASS, TEST = {spec.seed}, {spec.epochs}, {spec.per_class}, {TEST}
BATCH, RATES = {learning.BATCH}, {learning.RATES!r}
SHIFTS, TURNS, NOISES = {learning.SHIFTS}, {learning.TURNS}, {learning.NOISES}


{_source(rng, ("numpy_generator", "generator", "_entropy"))}
# %% [markdown]
# ## Pictures

# %%
{_data(spec)}
# %% [markdown]
# ## Random changes
#
# The same with torchvision, but for the order of the random numbers:
#
# ```python
{_commented(pipeline(spec))}
# ```

# %%
{_source(transforms, tuple(names))}
PIPELINE = [{steps}]  # draw, apply, strength, probability


def augment(x, g):
    for draw, apply, amount, p in PIPELINE:
        draws = draw(g, len(x), x.shape[3], amount)
        on = torch.rand(len(x), generator=g) < p
        x = torch.where(on.view(-1, 1, 1, 1), apply(x, **draws), x)
    return x


{_blend(spec)}

# %% [markdown]
# ## The network, trained twice

# %%
{_source(learning, ("first_weights", "network", "fit", "accuracy", "harder", "robustness"))}
for name in ("plain", "augmented"):
    g = generator(SEED, "changes")
    weights = first_weights(x.shape[1], x.shape[3], K, generator(SEED, "weights"))
    change = (lambda x, t: (x, t)) if name == "plain" else (lambda x, t: blend(augment(x, g), t, g))
    for loss in fit(weights, x, y, K, EPOCHS, generator(SEED, "order"), change):
        pass
    hard = np.array(robustness(weights, x_test, y_test, generator(SEED, "harder")))
    print(f"test accuracy, {{name}} = {{accuracy(weights, x_test, y_test)!r}}")
    print(f"harder pictures, {{name}} = {{float(hard[:, 1:].mean())!r}}")

# %%
one = x[{spec.picture} % len(x)][None]
draws = torch.cat([one, augment(one.repeat({spec.draws}, 1, 1, 1), generator(SEED, "draws", "{spec.picture}"))]).numpy()
print(f"mean of the draws = {{float(draws.mean(dtype=np.float64))!r}}")
'''


def _source(module: object, names: Sequence[str]) -> str:
    """The functions as they stand in this project."""
    found: list[Callable] = [getattr(module, name) for name in names]
    return "\n\n".join(inspect.getsource(function) for function in found) + "\n"


def _commented(text: str) -> str:
    return "\n".join(f"# {line}".rstrip() for line in text.splitlines())


def _blend(spec: AugmentationSpec) -> str:
    if spec.mix == "none":
        return "def blend(x, t, g):\n    return x, t"
    if spec.mix == "mixup":
        return f"def blend(x, t, g):\n    return mixed(x, t, share_of(g, {spec.alpha!r}))"
    return f"def blend(x, t, g):\n    return pasted(x, t, box_of(g, x.shape[3], share_of(g, {spec.alpha!r})))"


_IMPORTS = {
    "digits": "from PIL import Image\nfrom sklearn.datasets import load_digits\n",
    "textures": "from PIL import Image\n",
}


def _data(spec: AugmentationSpec) -> str:
    if spec.data not in _IMPORTS:
        return f"""# {FILE} is the file that the page's button "Download pictures" gives.
with np.load("{FILE}") as file:
    x, y, x_test, y_test = (torch.tensor(file[name]) for name in ("x", "y", "x_test", "y_test"))
    K = int(file["classes"])
"""
    drawing = {"digits": _DIGITS, "textures": _TEXTURES}[spec.data]
    shape = (1, 16, 16) if spec.data in GREY else (3, 32, 32)
    return f"""ExplainerError = ValueError
GREY = np.array({pictures.GREY.tolist()})


{_source(image_sets, ("even", "split", "_quotas"))}

{_source(pictures, ("fractions", "fitted", "_middle", "_resized"))}

{drawing}
K = int(labels.max()) + 1
pictures = torch.tensor(np.stack([fitted(fractions(image), {shape}) for image in images]))
n = min(PER_CLASS * K, round(0.7 * len(pictures)))
train, test = (torch.tensor(rows) for rows in split(labels, (n / len(pictures), 1 - n / len(pictures)), SEED))
labels = torch.tensor(labels)
x, y, x_test, y_test = pictures[train], labels[train], pictures[test], labels[test]
"""


_DIGITS = """found = load_digits()
rows = even(found.target, 10 * PER_CLASS + TEST, SEED)
labels = found.target[rows].astype(np.int64)
images = np.repeat(np.rint(found.images[rows] * (255 / 16)).astype(np.uint8)[..., None], 3, axis=3)"""
_TEXTURES = f"""TEXTURES = {image_sets.TEXTURES!r}
SIDE, FREQUENCY, TILT, NOISE = {image_sets.SIDE}, {image_sets.FREQUENCY}, {image_sets.TILT}, {image_sets.NOISE}


{_source(image_sets, ("texture", "_pattern", "_grain"))}

g = numpy_generator(SEED, "textures")
labels = np.arange(6 * PER_CLASS + TEST) % len(TEXTURES)
images = [texture(TEXTURES[label], g) for label in labels]"""
