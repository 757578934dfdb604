"""The run on screen as a script: torch's modules, optimizers and autograd, scikit-learn's digits. It prints the page's numbers."""

from __future__ import annotations

from core.training_loop.compute import BATCH_STEPS, CHECKED, SHUFFLES, fork_of, run_of, settings_of_sweep
from core.training_loop.data import MOST, VALIDATION
from core.training_loop.net import LAST
from core.training_loop.spec import SCALES, TrainingLoopSpec

OPTIMIZERS = {
    "sgd": "SGD(parameters, lr=rate)", "momentum": "SGD(parameters, lr=rate, momentum=0.9)", "rmsprop": "RMSprop(parameters, lr=rate)",
    "adam": "Adam(parameters, lr=rate)",
}  # fmt: skip
SCHEDULES = {
    "constant": "LambdaLR(optimizer, lambda t: 1.0)",
    "step": "StepLR(optimizer, max(1, steps // 3), gamma=0.3)",
    "cosine": "CosineAnnealingLR(optimizer, steps)",
    "warm_up": "LinearLR(optimizer, start_factor=0.01, total_iters=max(1, steps // 10))",
    "plateau": "ReduceLROnPlateau(optimizer, factor=0.5, patience=2)",
}
PREPARED = {
    "raw": "mean, deviation = 0.0, 1.0",
    "unit": f"mean, deviation = 0.0, {MOST}",
    "standard": "mean, deviation = raw[:POINTS].mean(0), raw[:POINTS].std(0)\n    deviation = np.where(deviation > 0, deviation, np.inf)",
}


def script(spec: TrainingLoopSpec) -> str:
    """The data, the loop with its callbacks, the test, then what the open look shows."""
    plateau = spec.schedule == "plateau"
    run = run_of(spec)
    limit = run.ends[-1] if run.why == "paused" else spec.budget or "float('inf')"
    looks = {
        "branch": _branch(fork_of(run), spec.fork_rate),
        "sanity": _sanity(),
        "sweep": _sweep(spec),
        "scale": _scale(),
    }
    cases = "\n".join(
        f'    if how == "{how}":\n        {line.replace(chr(10), chr(10) + "    ")}' for how, line in PREPARED.items()
    )
    return f'''# %% [markdown]
# # A training loop with everything that belongs to it
#
# Batches, dropout, a schedule, validation, early stopping, checkpoints: by torch, on scikit-learn's digits, in double precision.

# %%
import hashlib
import io
import math

import numpy as np
import sklearn.datasets
import torch
from torch.nn.functional import cross_entropy

POINTS, SCALE, LABELS, SEED, HOLE = {spec.points}, {spec.scale!r}, {spec.labels!r}, {spec.seed}, {spec.hole}
WIDTH, DEPTH, DROPOUT, BATCH, EPOCHS = {spec.width}, {spec.depth}, {spec.dropout!r}, {spec.batch}, {spec.epochs}
RATE, CLIP, PATIENCE, LIMIT = {spec.rate!r}, {spec.clip!r}, {spec.patience}, {limit}
torch.set_num_threads(1)


def generator(seed, *purpose):
    digest = hashlib.sha256("\\0".join((str(seed), *purpose)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big") >> 1)


# %%
# Load and prepare: 400 digits for the test, the last {VALIDATION} of the others for validation; only training digits are measured.
digits = sklearn.datasets.load_digits()
order = generator(0, "small pictures", "digits").permutation(len(digits.target))


def prepare(how, labels):
    raw, y = digits.images.reshape(-1, 64)[order], digits.target[order].astype(int)
    (raw, test), (y, y_test) = (raw[400:], raw[:400]), (y[400:], y[:400])
{cases}
    X, X_val, X_test = ((rows - mean) / deviation for rows in (raw[:POINTS], raw[-{VALIDATION}:], test))
    y_train = y[:POINTS]
    if labels == "shuffled":
        y_train = y_train[generator(SEED, "labels").permutation(POINTS)]
    return [torch.from_numpy(part) for part in (X, y_train, X_val, y[-{VALIDATION}:], X_test, y_test)]


# %%
class MLP(torch.nn.Module):
    def __init__(self, seed):
        super().__init__()
        g, sizes = generator(seed, "weights"), [64, *[WIDTH] * DEPTH, 10]
        self.layers = torch.nn.ModuleList()
        for k, (into, out) in enumerate(zip(sizes, sizes[1:])):
            deviation = math.sqrt(2.0 / into) if k < DEPTH else {LAST} / math.sqrt(into)
            layer = torch.nn.Linear(into, out, dtype=torch.float64)
            layer.weight.data = torch.from_numpy(g.normal(0.0, deviation, into * out).reshape(out, into))
            layer.bias.data.zero_()
            self.layers.append(layer)

    def forward(self, x, masks=None):
        for k, layer in enumerate(self.layers[:-1]):
            x = torch.relu(layer(x))
            x = x if masks is None else x * masks[k]
        return self.layers[-1](x)


def optimizer_of(model, rate):
    parameters = model.parameters()
    return torch.optim.{OPTIMIZERS[spec.optimizer]}


def scheduler_of(optimizer, steps):
    return torch.optim.lr_scheduler.{SCHEDULES[spec.schedule]}


def evaluate(model, X, y):
    model.eval()
    with torch.no_grad():
        logits = model(X)
        return cross_entropy(logits, y).item(), (logits.argmax(1) == y).double().mean().item()


def early(losses, patience):
    """The epoch with the lowest loss, and whether patience has run out."""
    best = min((k for k, loss in enumerate(losses) if math.isfinite(loss)), key=losses.__getitem__, default=0)
    return best, patience > 0 and len(losses) - 1 - best >= patience


# %%
class Loop:
    """Model, optimizer, schedule, random numbers and counters: all that a checkpoint must hold."""

    def __init__(self, X, y, seed=SEED, rate=RATE, dropout=DROPOUT, epochs=EPOCHS):
        self.X, self.y, self.dropout, self.step = X, y, dropout, 0
        self.per_epoch = -(-len(X) // BATCH)
        self.model = MLP(seed)
        self.optimizer = optimizer_of(self.model, rate)
        self.scheduler = scheduler_of(self.optimizer, self.per_epoch * epochs)
        self.random, self.order, self.log = generator(seed, "loop"), None, []

    def masks(self, rows):
        if not self.dropout:
            return None
        keep = 1 - self.dropout
        return [torch.from_numpy((self.random.random((rows, WIDTH)) < keep) / keep) for _ in range(DEPTH)]

    def one_step(self):
        at = self.step % self.per_epoch * BATCH
        if at == 0:
            self.order = self.random.permutation(len(self.X))
        rows = self.order[at : at + BATCH]
        self.model.train()
        x, y = self.X[rows], self.y[rows]
        logits = self.model(x, self.masks(len(rows)))
        loss = cross_entropy(logits, y)
        self.optimizer.zero_grad()
        loss.backward()
        norm = math.sqrt(sum((p.grad**2).sum().item() for p in self.model.parameters()))
        if CLIP:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        weights = [layer.weight.detach().clone() for layer in self.model.layers]
        rate = self.optimizer.param_groups[0]["lr"]
        self.optimizer.step()
        ratios = [((l.weight - w).norm() / w.norm()).item() for l, w in zip(self.model.layers, weights)]
        {"pass  # the schedule waits for the epoch's validation loss" if plateau else "self.scheduler.step()"}
        self.step += 1
        self.log.append((loss.item(), norm, rate, ratios))
        return math.isfinite(loss.item())

    def epoch(self, until, X_val, y_val):
        """Train to the end of the epoch or to step `until`; validation loss and accuracy, and whether all was finite."""
        end, finite = min(until, (self.step // self.per_epoch + 1) * self.per_epoch), True
        while self.step < end and finite:
            finite = self.one_step()
        found = evaluate(self.model, X_val, y_val)
        {"if self.step % self.per_epoch == 0:" if plateau else "if False:  # only a plateau is asked once an epoch"}
            self.scheduler.step(found[0])
        return *found, finite

    def save(self):
        """A checkpoint: one file."""
        file = io.BytesIO()
        state = {{"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), "scheduler": self.scheduler.state_dict()}}
        torch.save(state | {{"random": self.random.bit_generator.state, "order": self.order, "step": self.step}}, file)
        return file.getvalue()

    def load(self, file, optimizer=True, random=True):
        state = torch.load(io.BytesIO(file), weights_only=False)
        self.model.load_state_dict(state["model"])
        if optimizer:
            self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        for group in self.optimizer.param_groups:
            group["lr"] = state["optimizer"]["param_groups"][0]["lr"]
        if random:
            self.random.bit_generator.state = state["random"]
        self.order, self.step = state["order"], state["step"]


# %%
X, y, X_val, y_val, X_test, y_test = prepare(SCALE, LABELS)
if HOLE:
    X[POINTS // 2, 0] = float("nan")  # a number that is missing
loop = Loop(X, y)
until, finite = min(LIMIT, loop.per_epoch * EPOCHS), True
files, ends, losses = [loop.save()], [0], [evaluate(loop.model, X_val, y_val)[0]]
while loop.step < until and finite:
    loss, accuracy, finite = loop.epoch(until, X_val, y_val)
    files.append(loop.save())
    ends.append(loop.step)
    losses.append(loss)
    kept, stop = early(losses, PATIENCE)
    if stop:
        break

print(f"steps = {{loop.step}}")
if loop.log:
    print(f"first loss = {{loop.log[0][0]!r}}")
if finite and loop.log:
    for end, loss in zip(ends, losses):
        print(f"validation loss at step {{end}} = {{loss!r}}")
    begun = (loop.step - 1) // loop.per_epoch * loop.per_epoch
    print(f"training loss of the last epoch = {{float(np.mean([entry[0] for entry in loop.log[begun:]]))!r}}")
    _, norm, rate, ratios = loop.log[-1]
    print(f"last gradient norm = {{norm!r}}")
    print(f"last learning rate = {{rate!r}}")
    print(f"kept from step = {{ends[kept]}}")
    best = Loop(X, y)
    best.load(files[kept])
    test_loss, test_accuracy = evaluate(best.model, X_test, y_test)
    print(f"test loss = {{test_loss!r}}")
    print(f"test accuracy = {{test_accuracy!r}}")
    for k, ratio in enumerate(ratios, 1):
        print(f"last update : data of layer {{k}} = {{ratio!r}}")
{looks.get(spec.lens, "")}'''


def _branch(fork: int, rate: float) -> str:
    return f"""
# %%
# Rewind to a checkpoint, and go on in four ways.
FORK, OTHER = {fork}, {rate!r}


def weights(loop):
    return torch.cat([p.detach().ravel() for p in loop.model.parameters()])


def go_on(until, rate=None, optimizer=True, random=True):
    branch = Loop(X, y)
    branch.load(files[FORK], optimizer=optimizer, random=random)
    if not random:
        branch.random = generator(0, "other", "0")
    if rate:
        branch.scheduler.base_lrs = [rate]
        for group in branch.optimizer.param_groups:
            group["lr"] *= rate / RATE
    while branch.step < until:
        loss, _, _ = branch.epoch(until, X_val, y_val)
    return branch, loss


if finite and ends[FORK] < loop.step:
    one, _ = go_on(ends[FORK] + 1)
    for name, how in {{
        "resumed with everything": {{}},
        "another learning rate": {{"rate": OTHER}},
        "optimizer's state forgotten": {{"optimizer": False}},
        "random state forgotten": {{"random": False}},
    }}.items():
        branch, loss = go_on(loop.step, **how)
        first, _ = go_on(ends[FORK] + 1, **how)
        print(f"{{name}}: last validation loss = {{loss!r}}")
        print(f"{{name}}: after one step = {{(weights(first) - weights(one)).abs().max().item()!r}}")
        print(f"{{name}}: at the end = {{(weights(branch) - weights(loop)).abs().max().item()!r}}")
"""


def _sanity() -> str:
    return f"""
# %%
# Four tests.
X, y, X_val, y_val, _, _ = prepare(SCALE, "true")
model = MLP(SEED)
z = model(X).detach()
print(f"first loss of all training digits = {{cross_entropy(z, y).item()!r}}")
print(f"predicted first loss = {{math.log(10) + 0.5 * z.var(1, correction=0).mean().item()!r}}")

scheduler_before = scheduler_of
scheduler_of = lambda optimizer, steps: torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1.0)
heart = Loop(X[:BATCH], y[:BATCH], dropout=0.0)
checked = None
for step in range({BATCH_STEPS}):
    heart.one_step()
    checked = checked or {{name: p.clone() for name, p in heart.model.state_dict().items()}}
    if not hasattr(heart.scheduler, "base_lrs"):
        break
print(f"one batch by heart = {{heart.log[-1][0]!r}}")
scheduler_of = scheduler_before

known, guessed = [], []
for k in range({SHUFFLES}):
    shuffled = y[generator(SEED + k, "labels").permutation(POINTS)]
    lost = Loop(X, shuffled)
    for epoch in range(EPOCHS):
        loss, accuracy, finite = lost.epoch(lost.per_epoch * EPOCHS, X_val, y_val)
    known.append(evaluate(lost.model, X, shuffled)[1])
    guessed.append(accuracy)
print(f"shuffled labels, training accuracy = {{float(np.mean(known))!r}}")
print(f"shuffled labels, validation accuracy = {{float(np.mean(guessed))!r}}")

model.load_state_dict(checked)
x, t, h = X[:BATCH], y[:BATCH], 1e-6
cross_entropy(model(x), t).backward()
parameters = list(model.parameters())
places = [(p, k) for p in parameters for k in range(p.numel())]
chosen = np.sort(generator(SEED, "check").permutation(len(places))[:{CHECKED}])
by_hand, quotients = [], []
with torch.no_grad():
    for p, k in (places[i] for i in chosen):
        by_hand.append(p.grad.view(-1)[k].item())
        value, sides = p.view(-1)[k].item(), []
        for shift in (h, -h):
            p.view(-1)[k] = value + shift
            sides.append(cross_entropy(model(x), t).item())
        p.view(-1)[k] = value
        quotients.append((sides[0] - sides[1]) / (2 * h))
a, b = np.array(by_hand), np.array(quotients)
print(f"gradient right = {{float(np.linalg.norm(a - b) / (np.linalg.norm(a) + np.linalg.norm(b)) < 1e-6)}}")
"""


def _sweep(spec: TrainingLoopSpec) -> str:
    return f"""
# %%
# Many runs: (learning rate, dropout, seed).
X, y, X_val, y_val, _, _ = prepare(SCALE, LABELS)
for k, (rate, dropout, seed) in enumerate({settings_of_sweep(spec)!r}, 1):
    one = Loop(X, y, seed=seed, rate=rate, dropout=dropout)
    found = [evaluate(one.model, X_val, y_val)[0]]
    for epoch in range(EPOCHS):
        found.append(one.epoch(one.per_epoch * EPOCHS, X_val, y_val)[0])
    print(f"lowest validation loss of run {{k}} = {{min(v for v in found if math.isfinite(v))!r}}")
"""


def _scale() -> str:
    return f"""
# %%
# The same net on three preparations of the same digits.
for how, title in {SCALES!r}.items():
    A, t, A_val, t_val, _, _ = prepare(how, LABELS)
    one = Loop(A, t)
    for epoch in range(EPOCHS):
        loss, _, _ = one.epoch(one.per_epoch * EPOCHS, A_val, t_val)
    print(f"{{title}}: last validation loss = {{loss!r}}")
    print(f"{{title}}: first gradient = {{one.log[0][1]!r}}")
    print(f"{{title}}: stretch = {{np.linalg.eigvalsh((A.T @ A / len(A)).numpy())[-1].item()!r}}")
"""
