"""A run as a script: pictures, body, head and loop with torch alone; and the same course for a folder of pictures, to keep the model.

Both scripts make a run by the same lines, and only those that its settings need. `script` draws the pictures itself by the same
functions (their source is written into it) and prints the page's numbers. `folder_script` reads pictures/<class>/<file>; on the
files of pictures.zip, which are the page's squares in the page's order, it walks the page's course and reaches its numbers.
TinyVGG's weights travel inside; those of ResNet-20 come from a file beside the script, those of larger networks from a file or from
torchvision. A run that went on from a checkpoint of other settings is more than one course: the scripts make its last settings alone.
"""

from __future__ import annotations

import inspect
import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from PIL import Image
from torch import nn

from core import rng
from core.convolution.exported import packed
from core.data import image_sets, squares
from core.plots.words import short
from core.training import schedules
from core.transfer_tuner.course import Outcome, data_of, glimpse, quick, resolved
from core.transfer_tuner.spec import BACKBONES as TITLES
from core.transfer_tuner.spec import OWN_BACKBONES, STRATEGIES, TransferTunerSpec
from core.transfer_tuner.tuning import (
    CHUNK,
    PLATEAU_FACTOR,
    PLATEAU_PATIENCE,
    STEPS_DOWN,
    Task,
    best_epoch,
    dtype_of,
    learns,
    rate_of,
)
from models import blocks, resnet, tinyvgg, tuned
from models.catalogue import load
from models.pretrained import PRETRAINED
from models.tuned import BACKBONES, HIDDEN, Tuned, outline


def shown(spec: TransferTunerSpec) -> TransferTunerSpec:
    """The run that script and numbers are about: the chosen strategy, or the probe where that one needs a job."""
    spec, _ = resolved(spec)
    return spec if quick(spec) or spec.backbone not in OWN_BACKBONES else replace(spec, strategy="probe")


def numbers(spec: TransferTunerSpec) -> dict[str, float]:
    """What the script prints."""
    spec = shown(spec)
    run = glimpse(spec)[spec.strategy]
    return summary(run, bool(spec.best))


def summary(run: Outcome, best: bool) -> dict[str, float]:
    """Validation loss and accuracy of the weights that stay, where they come from, and the loss before the first step."""
    loss, accuracy = run.curve("val_loss"), run.curve("val_accuracy")
    at = best_epoch(accuracy, loss) if best else len(loss) - 1
    return {
        "val_loss": float(loss[at]),
        "val_accuracy": float(accuracy[at]),
        "epoch": float(at),
        "train_loss_last": float(run.curve("train_loss")[-1]),
        "val_loss_start": float(loss[0]),
    }


def script(spec: TransferTunerSpec) -> str:
    """The run of `shown(spec)`, from the pictures to the numbers."""
    spec = shown(spec)
    data = data_of(spec)
    about = f"{len(data.train)} training and {len(data.val)} validation pictures of {len(data.classes)} classes."
    return _whole(spec, about, _drawn(spec, data.classes), Course(spec, data).text(), _PRINTED)


def folder_script(run: Outcome) -> str:
    """The run's course on pictures/<class>/<file>, with torch and torchvision alone; it keeps the weights and asks them."""
    spec, data = run.spec, data_of(run.spec)
    reached = summary(run, bool(spec.best))
    about = f"""pictures/<class>/<file>: one folder for each class. With the files of pictures.zip, which the page gives, the split, the
# batches and the numbers are the page's: validation accuracy {short(reached["val_accuracy"])}, loss {short(reached["val_loss"])} nat (epoch {reached["epoch"]:g}).
# For other pictures, change CLASSES."""
    return _whole(spec, about, _read(data.classes), Course(spec, data, keeps=True).text(), _PRINTED + _KEPT)


def pictures_zip(data: Task) -> bytes:
    """The pictures as pictures/<class>/<number>.png: equal squares, numbered in the page's order."""
    file = io.BytesIO()
    folders = folders_of(data.classes)
    digits = len(str(len(data.labels)))
    with zipfile.ZipFile(file, "w") as archive:  # PNGs are packed already
        for n, (picture, label) in enumerate(zip(data.pictures, data.labels, strict=True)):
            content = io.BytesIO()
            Image.fromarray(picture).save(content, "PNG", compress_level=1)
            archive.writestr(f"pictures/{folders[label]}/{n:0{digits}}.png", content.getvalue())
    return file.getvalue()


def folders_of(classes: Sequence[str]) -> tuple[str, ...]:
    """A folder's name for each class: what no disk takes becomes "_", and where two would be one folder, each gets its number."""
    names = [re.sub(r'[\\/:*?"<>|\x00-\x1f]', "_", name).strip(" .")[:80] or "_" for name in classes]
    if len({name.casefold() for name in names}) < len(names):
        names = [f"{k} {name}" for k, name in enumerate(names)]
    return tuple(names)


def _source(*things: object) -> str:
    return "\n\n".join(f"{inspect.getsource(thing).rstrip()}\n" for thing in things)


IMPORTS = {
    "base64": "import base64", "hashlib": "import hashlib", "json": "import json", "os": "import os", "zlib": "import zlib",
    "Path": "from pathlib import Path", "np": "\nimport numpy as np", "torch": "import torch", "torchvision": "import torchvision",
    "Image": "from PIL import Image", "ImageOps": "from PIL import ImageOps", "load_digits": "from sklearn.datasets import load_digits",
    "Tensor": "from torch import Tensor", "nn": "from torch import nn", "F": "from torch.nn import functional as F",
}  # fmt: skip


def _whole(spec: TransferTunerSpec, about: str, *parts: str) -> str:
    """The parts under a title, with the imports that they need."""
    needs = "torch and torchvision" if spec.backbone not in OWN_BACKBONES else "torch, numpy and pillow"
    text = f"""torch.set_num_threads(1)  # the order of sums, as on the page
DTYPE = {dtype_of(spec)}
SEED, EPOCHS, BATCH, RATE = {spec.seed}, {spec.epochs}, {spec.batch}, {spec.rate!r}


{_source(rng.numpy_generator, rng.generator, rng._entropy)}
{"".join(parts)}"""
    imports = "\n".join(line for word, line in IMPORTS.items() if re.search(rf"\b{word}\b", text))
    return f"""# %% [markdown]
# # Transfer learning: {TITLES[spec.backbone]}, {STRATEGIES[spec.strategy].lower()}
#
# {about}
#
# Needs {needs}{", and scikit-learn for the digits" if "load_digits" in text else ""}.

# %%
from __future__ import annotations

{imports}

{text}"""


def _cell(title: str, *code: str) -> str:
    """A heading and the lines under it."""
    return f"\n# %% [markdown]\n# ## {title}\n\n# %%\n" + "\n".join(code)


# Pictures


def _drawn(spec: TransferTunerSpec, classes: tuple[str, ...]) -> str:
    """The page's pictures: drawn, of scikit-learn, or from a file that the page gives."""
    return _cell("The pictures", _images(spec, classes))


def _images(spec: TransferTunerSpec, classes: tuple[str, ...]) -> str:
    if spec.data == "textures":
        constants = "\n".join(
            f"{name} = {getattr(image_sets, name)!r}" for name in ("TEXTURES", "SIDE", "FREQUENCY", "TILT", "NOISE")
        )
        return f"""{constants}


{_source(image_sets.texture, image_sets._pattern, image_sets._grain)}

labels = np.arange({spec.count}) % len(TEXTURES)
g = numpy_generator(SEED, "textures")
images = [texture(TEXTURES[label], g) for label in labels]
"""
    if spec.data == "digits":
        return f"""{_source(image_sets.even)}

found = load_digits()
rows = even(found.target, {spec.count}, SEED)
labels = found.target[rows]
images = [np.repeat(picture[:, :, None], 3, axis=2) for picture in np.rint(found.images[rows] * (255 / 16)).astype(np.uint8)]
"""
    return f"""# The pictures are in pictures.npz, which the page gives: classes {", ".join(classes)[:200]}
stored = np.load("pictures.npz")
labels, images = stored["labels"], list(stored["images"])
"""


def _read(classes: tuple[str, ...]) -> str:
    """The pictures of a folder, in the order of their file names."""
    return _cell(
        "The pictures of the folder, in the order of their file names",
        f'''CLASSES = {folders_of(classes)!r}


def opened(path):
    """A picture in red, green and blue: right side up, on white where it is transparent."""
    with Image.open(path) as found:
        image = ImageOps.exif_transpose(found).convert("RGBA")
    return np.array(Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB"))


files = sorted(Path("pictures").glob("*/*.*"), key=lambda path: (path.name, path.parent.name))
labels = np.array([CLASSES.index(path.parent.name) for path in files])
images = map(opened, files)  # one at a time: a photograph takes more room than its square
''',
    )


# The course, the same for both


@dataclass(frozen=True)
class Course:
    """What lies between pictures and numbers, written out for one run: only the lines that its settings need.

    With `keeps` each epoch is printed, and the weights that stay are in `net` at the end.
    """

    spec: TransferTunerSpec
    data: Task
    keeps: bool = False

    @cached_property
    def net(self) -> Tuned:
        """The network's names and shapes."""
        return outline(self.spec.backbone)

    @property
    def probes(self) -> bool:
        return self.spec.strategy == "probe"

    @property
    def scratch(self) -> bool:
        return self.spec.strategy == "scratch"

    @property
    def body_dropout(self) -> bool:
        """Whether dropout inside the body is at work: a probe computes its features without."""
        return not self.probes and any(isinstance(part, nn.Dropout) and part.p > 0 for part in self.net.body.modules())

    def text(self) -> str:
        """From `images` and `labels` to the curve, and `at`, the epoch whose weights stay."""
        return "\n".join([self.split(), self.body(), self.head(), self.learning(), self.loop()])

    def split(self) -> str:
        spec, about = self.spec, BACKBONES[self.spec.backbone]
        shares = (1 - spec.share, spec.share)
        return _cell("Equal squares, and a split that keeps the classes' shares", f'''{_source(squares.square, image_sets.split, image_sets._quotas)}

pictures = np.stack([square(picture, {about.input_shape[1]}) for picture in images])
train, val = split(labels, {shares!r}, SEED)
MEAN, STD = (torch.tensor(v, dtype=DTYPE).view(3, 1, 1) for v in ({list(about.mean)!r}, {list(about.std)!r}))


def tensor(pictures):
    """Bytes (N, size, size, 3) as what the body takes: (N, 3, size, size), normalised."""
    return (torch.from_numpy(pictures).permute(0, 3, 1, 2).to(DTYPE) / 255 - MEAN) / STD
''')  # fmt: skip

    # Body and head

    def body(self) -> str:
        built = self.own_body() if self.spec.backbone in OWN_BACKBONES else self.torchvision_body()
        start = self.first_weights() if self.scratch else self.own_weights()
        dropout = f"\n\n{_source(tuned.Dropout, tuned._own_dropout)}\n\n_own_dropout(body)" if self.body_dropout else ""
        title = f"The body: a{'n untrained' if self.scratch else ' trained'} network without its last layer"
        return _cell(title, *filter(None, (built, start, self.cut() + dropout)))

    def own_body(self) -> str:
        if self.spec.backbone == "tinyvgg-cifar10":
            width, size = load("tinyvgg-cifar10").conv1_1.out_channels, BACKBONES[self.spec.backbone].input_shape[1]
            made = f"body = TinyVGG(width={width}, size={size})"
            return f"SMALLEST = {tinyvgg.SMALLEST}\n\n\n{_source(tinyvgg.TinyVGG)}\n\n{made}"
        kinds = (blocks.Add, resnet.ZeroPadShortcut, resnet.projection, resnet.BasicBlock, resnet.ResNet, resnet._stage)
        return f"SHORTCUTS = {resnet.SHORTCUTS!r}\n\n\n{_source(*kinds)}\n\nbody = ResNet(n=3, width=16)"

    def torchvision_body(self) -> str:
        name = self.spec.backbone
        if self.scratch:
            return f'body = torchvision.models.get_model("{name}", weights=None)'
        return f"""FILE = Path(os.environ.get("GLASSNET_WEIGHTS", ".")) / "{name}.pt"  # torchvision fetches the weights where there is no such file
known = None if FILE.exists() else torchvision.models.get_weight("{PRETRAINED[name].enum}.IMAGENET1K_V1")
body = torchvision.models.get_model("{name}", weights=known)
if known is None:
    body.load_state_dict(torch.load(FILE, weights_only=True))"""

    def own_weights(self) -> str:
        if self.spec.backbone == "tinyvgg-cifar10":
            rows = "\n".join(
                f"    {n!r}: {packed(v.numpy())}," for n, v in load("tinyvgg-cifar10").state_dict().items()
            )
            return f"{_NUMBERS}\n\nweights = {{\n{rows}\n}}\nbody.load_state_dict({{name: numbers(*value) for name, value in weights.items()}})"
        if self.spec.backbone in OWN_BACKBONES:
            return f'{_STORED}\n\nbody.load_state_dict(stored("{self.spec.backbone}.safetensors"))  # beside this script; the page gives it'
        return ""

    def first_weights(self) -> str:
        of_vit = self.spec.backbone == "vit_b_16"
        sources, name = (
            (blocks.init_weights, tuned.first_weights) if of_vit else (blocks.init_weights,),
            "first_weights" if of_vit else "init_weights",
        )
        return f'\n\n{_source(*sources)}\n\n{name}(body, generator(SEED, "weights", {self.spec.backbone!r}))'

    def cut(self) -> str:
        name = self.spec.backbone
        if name == "squeezenet1_1":
            return "body.classifier = nn.AdaptiveAvgPool2d(1)"  # it classifies by a convolution and a mean
        whole = {
            "vit_b_16": "heads",
            "resnet18": "fc",
            "densenet121": "classifier",
            **dict.fromkeys(OWN_BACKBONES, "classifier"),
        }
        return f"body.{whole.get(name, 'classifier[-1]')} = nn.Identity()"

    def head(self) -> str:
        spec, wide = self.spec, self.net.head.in_features
        drop = [f"Dropout({spec.dropout!r})"] if spec.dropout else []
        rows = drop if spec.depth == 1 else []
        for _ in range(spec.depth - 1):
            rows = [*rows, f"nn.Linear({wide}, {HIDDEN})", "nn.ReLU()", *drop]
            wide = HIDDEN
        rows = [*rows, f"nn.Linear({wide}, {len(self.data.classes)})"]
        sources = [] if self.scratch else [blocks.init_weights]
        sources += [tuned.Dropout] if drop and not self.body_dropout else []
        return _cell("A new head", f'''{_source(*sources, tuned.start_head)}

head = start_head(nn.Sequential({", ".join(rows)}), generator(SEED, "head"))
net = nn.Sequential(body, head).to(DTYPE).eval()
''')  # fmt: skip

    # What learns, how fast, towards what

    def learning(self) -> str:
        needed = (self.features(), self.rates(), self.schedule(), self.class_weights())
        return _cell("What learns, and how fast", *filter(None, needed))

    def features(self) -> str:
        if not self.probes:
            return "def logits(rows):\n    return net(tensor(pictures[rows]))\n\n"
        return f"""with torch.no_grad():  # the body does not change, so each picture needs it only once
    features = torch.cat([body(tensor(pictures[k : k + {CHUNK}])) for k in range(0, len(pictures), {CHUNK})])


def logits(rows):
    return head(features[rows])

"""

    def rates(self) -> str:
        spec = self.spec
        kind = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW"}[spec.optimizer]
        more = ", momentum=0.9" if spec.optimizer == "sgd" else ", foreach=False"
        return f"{self.groups()}\noptimizer = torch.optim.{kind}(groups, lr=RATE, weight_decay={spec.decay!r}{more})"

    def groups(self) -> str:
        head = '{"params": head.parameters(), "share": 1.0}'
        if self.probes:
            return f"groups = [{head}]"
        shares = self.shares()
        if len(set(shares.values())) == 1:
            return f'groups = [{{"params": body.parameters(), "share": {next(iter(shares.values()))!r}}}, {head}]  # share: of the rate'
        learning = {part: share for part, share in shares.items() if share}
        return f'''SHARES = {learning!r}  # of the rate, for each part of the body that learns


def share_of(name):
    """Of the rate, for a weight of the body; 0 where it stays as it is."""
    return next((share for part, share in SHARES.items() if f"{{name}}.".startswith(f"{{part}}.")), 0.0)


groups = [{head}]
for name, p in body.named_parameters():
    p.requires_grad_(share_of(name) > 0)
    if p.requires_grad:
        groups.append({{"params": [p], "share": share_of(name)}})'''

    def shares(self) -> dict[str, float]:
        """The share of the rate of each part of the body, 0 where it does not learn."""
        net, spec = self.net, self.spec
        parts = [part for block in net.blocks for part in block]
        loose = [name for name, _ in net.body.named_parameters() if not any(name.startswith(f"{part}.") for part in parts)]  # fmt: skip
        return {
            part: rate_of(spec, net, f"body.{part}.") if learns(spec, net, f"body.{part}.") else 0.0
            for part in (*loose, *parts)
        }

    def schedule(self) -> str:
        """The share of the rate that is left at a step; of one that watches the losses, after these losses."""
        steps = "steps = -(-len(train) // BATCH)  # of an epoch\n\n\n"
        match self.spec.schedule:
            case "cosine":
                return f"{steps}def share(t):\n    return (1 + np.cos(np.pi * t / (EPOCHS * steps))) / 2\n\n"
            case "step":
                return f"{steps}def share(t):\n    return {PLATEAU_FACTOR} ** (t // max(1, EPOCHS * steps // {STEPS_DOWN}))\n\n"
            case "one_cycle":
                settings = dict(schedules.Schedule("one_cycle").settings)
                return f"""{steps}{_source(schedules.one_cycle, schedules._half_cosine)}

def share(t):
    return float(one_cycle(np.float64(t), np.float64(1), EPOCHS * steps, **{settings!r}))

"""
            case "plateau":
                return _PLATEAU
        return ""

    def class_weights(self) -> str:
        K = len(self.data.classes)
        return f'''counts = np.bincount(labels[train], minlength={K})
weight = torch.from_numpy(len(train) / ({K} * np.maximum(counts, 1))).to(DTYPE)  # of each class
''' if self.spec.weighted else ""  # fmt: skip

    # The loop

    def loop(self) -> str:
        best = bool(self.spec.best)
        before = [_SAVED] * (best and self.keeps)
        before += ['print(f"before: validation loss {curve[0][0]:.4f}, accuracy {curve[0][1]:.4f}")'] * self.keeps
        after = [f"at = {'best()' if best else 'len(curve) - 1'}  # the epoch whose weights stay"]
        after += ["net.load_state_dict(kept)"] * (best and self.keeps)
        lines = [
            "curve = [(*evaluate(val), evaluate(train)[0])]  # validation loss and accuracy, training loss",
            *before,
        ]
        lines += ["for epoch in range(EPOCHS):", *_indented(self.epoch()), *after, ""]
        functions = _EVALUATE + (_BEST if best else "")
        return _cell("The loop", functions, "\n".join(lines))

    def epoch(self) -> list[str]:
        """The lines of one epoch."""
        spec, lines = self.spec, []
        if spec.patience:
            lines += [
                f"if epoch - int(np.argmin([row[0] for row in curve])) >= {spec.patience}:",
                "    break  # early stopping: the loss has not fallen for so long",
            ]
        if spec.schedule == "plateau":
            lines += ["left = plateau([row[0] for row in curve])"]
        lines += self.modes()
        lines += ['seen, order = 0.0, torch.randperm(len(train), generator=generator(SEED, "batches", str(epoch)))']
        lines += ["for k, chosen in enumerate(order.split(BATCH)):", *_indented(self.step())]
        lines += ["curve.append((*evaluate(val), seen / len(train)))"]
        if self.keeps:
            lines += [
                'print(f"epoch {epoch + 1}: training loss {curve[-1][2]:.4f}, validation loss {curve[-1][0]:.4f}, accuracy {curve[-1][1]:.4f}")'
            ]
        if self.keeps and spec.best:
            lines += ["if best() == epoch + 1:", f"    {_SAVED}"]
        return [*lines, "if not np.isfinite(sum(curve[-1])):", "    break  # diverged"]

    def modes(self) -> list[str]:
        """Training mode; dropout draws from the epoch's generator, and a batch-norm that is frozen keeps its statistics."""
        spec, lines = self.spec, ["head.train()" if self.probes else "net.train()"]
        if spec.dropout or self.body_dropout:
            lines += [
                'g = generator(SEED, "dropout", str(epoch))',
                "for layer in net.modules():",
                "    if isinstance(layer, Dropout):",
                "        layer.source = g",
            ]
        if self.probes or self.scratch or not any(isinstance(part, nn.BatchNorm2d) for part in self.net.body.modules()):
            return lines
        if spec.norms == "frozen":
            lines += [
                "for layer in body.modules():",
                "    if isinstance(layer, nn.BatchNorm2d):",
                "        layer.eval()  # the statistics of the source task stay",
            ]
        elif spec.strategy == "partial":
            lines += [
                "for name, layer in body.named_modules():",
                '    if isinstance(layer, nn.BatchNorm2d) and not share_of(f"{name}.weight"):',
                "        layer.eval()  # frozen parts keep their statistics",
            ]
        return lines

    def step(self) -> list[str]:
        """The lines of one step."""
        spec = self.spec
        factor = {"constant": "", "plateau": " * left"}.get(spec.schedule, " * share(epoch * steps + k)")
        more = (", weight=weight" if spec.weighted else "") + (
            f", label_smoothing={spec.smoothing!r}" if spec.smoothing else ""
        )
        return [
            "rows = train[chosen.numpy()]",
            "for group in optimizer.param_groups:",
            f'    group["lr"] = RATE{factor} * group["share"]',
            f"loss = F.cross_entropy(logits(rows), y[rows]{more})",
            "optimizer.zero_grad()",
            "loss.backward()",
            "optimizer.step()",
            "seen += loss.item() * len(rows)",
        ]


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _source(*things: object) -> str:
    return "\n\n".join(f"{inspect.getsource(thing).rstrip()}\n" for thing in things)


_SAVED = "kept = {name: value.clone() for name, value in net.state_dict().items()}"

_EVALUATE = f'''y = torch.from_numpy(labels.astype(np.int64))


def evaluate(rows):
    """Mean loss and accuracy."""
    net.eval()
    with torch.no_grad():
        z = torch.cat([logits(rows[k : k + {CHUNK}]) for k in range(0, len(rows), {CHUNK})])
    return F.cross_entropy(z, y[rows]).item(), (z.argmax(1) == y[rows]).double().mean().item()

'''

_BEST = '''
def best():
    """The epoch with the highest validation accuracy; among equals the one with the lowest loss."""
    return min(range(len(curve)), key=lambda t: (-curve[t][1], curve[t][0]))

'''

_NUMBERS = '''

def numbers(text, shape, kind):
    """base64 of packed bytes as a tensor."""
    found = np.frombuffer(zlib.decompress(base64.b64decode(text)), kind).reshape(shape)
    return torch.from_numpy(found.astype(np.float32))
'''

_STORED = '''

def stored(path):
    """Name -> tensor of a .safetensors file: the length of a table (8 bytes), the table as JSON, then the numbers."""
    content = Path(path).read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    kinds = {"F16": "<f2", "F32": "<f4", "I64": "<i8"}
    found = {}
    for name, about in json.loads(content[8:start]).items():
        if name != "__metadata__":
            a, b = (start + offset for offset in about["data_offsets"])
            found[name] = torch.from_numpy(np.frombuffer(content[a:b], kinds[about["dtype"]]).reshape(about["shape"]).copy())
    return found
'''

_PLATEAU = f'''
def plateau(losses):
    """The share of the rate after these validation losses: times {PLATEAU_FACTOR} after more than {PLATEAU_PATIENCE} epochs without progress."""
    share, best, bad = 1.0, float("inf"), 0
    for loss in losses:
        better = loss < best * (1 - 1e-4)
        best, bad = (loss, 0) if better else (best, bad + 1)
        if bad > {PLATEAU_PATIENCE}:
            lower = max(share * {PLATEAU_FACTOR}, 1e-4)
            share, bad = (lower if share - lower > 1e-8 else share), 0
    return share

'''

_PRINTED = """print("val_loss =", curve[at][0])
print("val_accuracy =", curve[at][1])
print("epoch =", at)
print("train_loss_last =", curve[-1][2])
print("val_loss_start =", curve[0][0])
"""

_KEPT = '''torch.save({"classes": CLASSES, "weights": net.state_dict()}, "model.pt")  # torch.load("model.pt", weights_only=True) reads it

# %% [markdown]
# ## Ask it

# %%
def ask(path):
    """Class -> probability."""
    net.eval()
    with torch.no_grad():
        p = net(tensor(np.stack([square(opened(path), pictures.shape[1])])))[0].softmax(0)
    return dict(zip(CLASSES, p.tolist()))


print(files[val[0]], ask(files[val[0]]))
'''
