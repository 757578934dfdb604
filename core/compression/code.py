"""The page's net and its variants as a script: torch trains, NumPy rounds, prunes and factorises."""

from __future__ import annotations

from core.compression.nets import BATCH, EPOCHS, MOMENTUM, RATE, TEST, shapes, student_shapes
from core.compression.quantize import CALIBRATION
from core.compression.spec import CompressionSpec
from core.compression.study import DRAWS, STEPS, TICKETS


def script(spec: CompressionSpec) -> str:
    """The net and its five variants; with the lens on tickets, also those."""
    return f'''# %% [markdown]
# # Compress, export, serve
#
# A digit net in torch, then the same net rounded, pruned, factorised, and a student of it. Needs torch, NumPy and scikit-learn (for the digits).

# %%
import hashlib

import numpy as np
import sklearn.datasets
import torch
import torch.nn.functional as F

SEED, EPOCHS, BATCH, RATE, MOMENTUM = {spec.seed}, {EPOCHS}, {BATCH}, {RATE}, {MOMENTUM}
SHAPES = {shapes(spec.architecture, spec.width)}  # (outputs, inputs of a place, height of the pictures that a conv layer reads)
torch.set_num_threads(1)


def generator(seed, *purpose):
    digest = hashlib.sha256("\\0".join((str(seed), *purpose)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big") >> 1)


def digits(seed):
    """X and y for training and test."""
    order = generator(seed, "split").permutation(1797)
    train, test = order[{TEST}:], order[:{TEST}]
    return torch.from_numpy(X_all[train]), torch.from_numpy(y_all[train]), torch.from_numpy(X_all[test]), torch.from_numpy(y_all[test])


X_all, y_all = sklearn.datasets.load_digits(return_X_y=True)
X_all = X_all / 16.0
X, y, X_test, y_test = digits(SEED)


# %%
# A net is a list of [W (out, k), b (out,), size]; size 0 is a dense layer.
def initial(shapes, g):
    return [[torch.from_numpy(g.normal(0.0, np.sqrt(2.0 / k), (out, k))), torch.zeros(out, dtype=torch.float64), size] for out, k, size in shapes]


def forward(net, x, rounding=None):
    """The logits. `rounding(l, columns)` changes what layer l reads."""
    for at, (W, b, size) in enumerate(net):
        if at:
            x = torch.relu(x)
        if size:
            x = F.unfold(x.reshape(len(x), -1, size, size), 3, padding=1, stride=2).transpose(1, 2)  # (N, P, k)
        else:
            x = x[:, None]
        if rounding:
            x = rounding(at, x)
        x = (x @ W.T + b).transpose(1, 2).flatten(1)
    return x


def train(net, X, loss, rows, masks=None):
    """SGD with momentum; a copy of the net is trained."""
    net = [[W.clone().requires_grad_(), b.clone().requires_grad_(), size] for W, b, size in net]
    parameters = [p for layer in net for p in layer[:2]]
    velocity = [torch.zeros_like(p) for p in parameters]
    for i in rows:
        gradients = torch.autograd.grad(loss(forward(net, X[i]), i), parameters)
        with torch.no_grad():  # what torch.optim.SGD does; to load it would take longer than all that follows
            for k, (p, v, g) in enumerate(zip(parameters, velocity, gradients)):
                v.mul_(MOMENTUM).add_(g * masks[k // 2] if masks and k % 2 == 0 else g)
                p -= RATE * v
    return [[W.detach(), b.detach(), size] for W, b, size in net]


def batches(count, steps, g):
    made = []
    while len(made) < steps:
        order = g.permutation(count)
        made += [order[start : start + BATCH] for start in range(0, count, BATCH)]
    return made[:steps]


def on_labels(net, seed, purpose, X, y, epochs=EPOCHS, masks=None):
    rows = batches(len(X), epochs * -(-len(X) // BATCH), generator(seed, "batches", purpose))
    return train(net, X, lambda z, i: F.cross_entropy(z, y[i]), rows, masks)


def judge(z):
    return (z.argmax(1) == y_test).double().mean().item(), F.cross_entropy(z, y_test).item()


def places(size):
    return (size // 2) ** 2 if size else 1


def multiply_adds(net):
    return sum(W.numel() * places(size) for W, b, size in net)


def full_bytes(net):
    return 4 * sum(W.numel() + len(b) for W, b, size in net)


def report(name, z, bytes_, macs):
    accuracy, loss = judge(z)
    print(f"{{name}} accuracy = {{accuracy!r}}")
    print(f"{{name}} loss = {{loss!r}}")
    print(f"{{name}} bytes = {{bytes_}}")
    print(f"{{name}} multiply-adds = {{macs}}")


first = initial(SHAPES, generator(SEED, "weights"))
net = on_labels(first, SEED, "base", X, y)
report("float", forward(net, X_test), full_bytes(net), multiply_adds(net))


# %%
# Rounding: S, Z and q.
MODE, SCHEME, GROUP, BITS, BITS_A, PERCENT = {spec.mode!r}, {spec.scheme!r}, {spec.group!r}, {spec.bits}, {spec.bits_a}, {spec.percent!r}


def grid(r, axes, bits):
    """Scale, zero point and the range of codes."""
    r = r.numpy()
    low, high = np.percentile(r, (100 - PERCENT, PERCENT), axis=axes, keepdims=True)
    low, high = np.minimum(low, 0), np.maximum(high, 0)
    top = 2 ** (bits - 1) - 1
    bottom = -top - (SCHEME == "affine")
    S = np.maximum(-low, high) / top if SCHEME == "symmetric" else (high - low) / (top - bottom)
    S = np.where(S > 0, S, 1.0)
    Z = np.zeros(S.shape) if SCHEME == "symmetric" else np.clip(np.rint(bottom - low / S), bottom, top)
    return S, Z, bottom, top


def rounded(r, S, Z, bottom, top):
    """S (q - Z)."""
    return torch.from_numpy(S * (np.clip(np.rint(r.numpy() / S) + Z, bottom, top) - Z))


def quantized(net):
    """Logits of the rounded net on the test digits, and the bytes of scales and zero points."""
    grids = [grid(W, (1,) if GROUP == "channel" else (0, 1), BITS) for W, b, size in net]
    read = []
    forward(net, X[:{CALIBRATION}], lambda at, x: read.append(grid(x, (0, 1, 2), BITS_A)) or x)
    inputs = {{"weights": lambda at, x: x, "dynamic": lambda at, x: rounded(x, *grid(x, (1, 2), BITS_A)), "static": lambda at, x: rounded(x, *read[at])}}[MODE]
    small = [[rounded(W, *g), b, size] for (W, b, size), g in zip(net, grids)]
    scales = sum(g[0].size for g in grids) + (len(read) if MODE == "static" else 0)
    return forward(small, X_test, inputs), scales * (4 + (SCHEME == "affine"))


def coded_bytes(net, masks=None):
    """Codes and biases; with masks one bit a weight for its place."""
    if masks is None:
        return sum(-(-W.numel() * BITS // 8) + 4 * len(b) for W, b, size in net)
    return sparse_bytes(net, masks, BITS)


def sparse_bytes(net, masks, bits=32):
    return sum(-(-m.numel() // 8) + -(-int(m.sum()) * bits // 8) + 4 * len(b) for (W, b, size), m in zip(net, masks))


z, scales = quantized(net)
report("rounded", z, coded_bytes(net) + scales, multiply_adds(net))

# %%
# Pruning and fine-tuning.
METHOD, SPARSITY, TUNE = {spec.method!r}, {spec.sparsity!r}, {spec.tune}


def largest(scores, count):
    keep = np.zeros(len(scores), bool)
    keep[np.argsort(-scores, kind="stable")[:count]] = True
    return keep


def masks_of(net, method, sparsity, g):
    scores = [W.abs().flatten().numpy() for W, b, size in net]
    if method == "random":
        scores = [g.permutation(len(s)).astype(float) for s in scores]
    if method == "global":
        together = np.concatenate(scores)
        keep = np.split(largest(together, round((1 - sparsity) * len(together))), np.cumsum([len(s) for s in scores])[:-1])
    else:
        keep = [largest(s, round((1 - sparsity) * len(s))) for s in scores]
    return [torch.from_numpy(k).reshape(W.shape) for k, (W, b, size) in zip(keep, net)]


def masked(net, masks):
    return [[W * m, b, size] for (W, b, size), m in zip(net, masks)]


def without_units(net, sparsity):
    """The units with the largest sums of |w| stay; the next layer loses the columns of the others."""
    small, read = [], np.ones(net[0][0].shape[1], bool)
    for at, (W, b, size) in enumerate(net):
        own = np.ones(len(b), bool)
        if at < len(net) - 1:
            own = largest(W.abs().sum(1).numpy(), max(1, round((1 - sparsity) * len(b))))
        columns = np.repeat(read, W.shape[1] // len(read))
        small.append([W[own][:, columns], b[own], size])
        read = own
    return small


masks = None
if METHOD == "structured":
    pruned = without_units(net, SPARSITY)
else:
    masks = masks_of(net, METHOD, SPARSITY, generator(SEED, "mask"))
    pruned = masked(net, masks)
pruned = on_labels(pruned, SEED, "tune", X, y, TUNE, masks)
report("pruned", forward(pruned, X_test), full_bytes(pruned) if masks is None else sparse_bytes(pruned, masks), multiply_adds(pruned))
z, scales = quantized(pruned)
report("pruned and rounded", z, coded_bytes(pruned, masks) + scales, multiply_adds(pruned))

# %%
# Two thin factors, wherever they have fewer weights.
RANK = {spec.rank}
thin, weights, macs = [], 0, 0
for W, b, size in net:
    n = W.numel()
    if RANK * sum(W.shape) < n:
        U, s, Vt = torch.linalg.svd(W, full_matrices=False)
        W, n = (U[:, :RANK] * s[:RANK]) @ Vt[:RANK], RANK * sum(W.shape)
    thin.append([W, b, size])
    weights += n + len(b)
    macs += n * places(size)
report("factorised", forward(thin, X_test), 4 * weights, macs)

# %%
# Students, alone and with the teacher: (1 - alpha) CE + alpha T^2 CE of the softened answers.
T, ALPHA, ROWS = {spec.temperature!r}, {spec.alpha!r}, {spec.rows}
seen, labels = X[:ROWS], y[:ROWS]
v = forward(net, seen)


def student(seed, alpha):
    def loss(z, i):
        return (1 - alpha) * F.cross_entropy(z, labels[i]) + alpha * T**2 * F.cross_entropy(z / T, torch.softmax(v[i] / T, 1))

    start = initial({student_shapes(spec.student)}, generator(seed, "student"))
    return train(start, seen, loss, batches(ROWS, {STEPS}, generator(seed, "batches", "student")))


taught = [student(SEED + draw, ALPHA) for draw in range({DRAWS})]
alone = [student(SEED + draw, 0.0) for draw in range({DRAWS})]
report("student", forward(taught[0], X_test), full_bytes(taught[0]), multiply_adds(taught[0]))
for name, nets in (("alone", alone), ("taught", taught)):
    mean = np.mean([judge(forward(one, X_test))[0] for one in nets])
    print(f"student {{name}}, mean accuracy = {{float(mean)!r}}")
{_tickets() if spec.lens == "ticket" else ""}'''


def _tickets() -> str:
    return f"""
# %%
# Lottery tickets: masks of the trained net, trained from the start.
for kind in {list(TICKETS)}:
    g = generator(SEED, "ticket", kind)
    keep = masks_of(net, "random" if kind == "random" else "global", SPARSITY, g)
    start = initial(SHAPES, g) if kind == "fresh" else first
    found = on_labels(masked(start, keep), SEED, "base", X, y, masks=keep)
    print(f"ticket accuracy, {{kind}} = {{judge(forward(found, X_test))[0]!r}}")
"""
