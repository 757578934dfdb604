"""The lab as a script: torch for the nets, NumPy for the rest; a series that was not generated is written into it."""

from __future__ import annotations

from core.forecasting.compute import problem_of
from core.forecasting.nets import BATCH, CLIP
from core.forecasting.series import DELAY, resolved
from core.forecasting.spec import ForecastingSpec, cells_of


def script(spec: ForecastingSpec) -> str:
    """Windows, baselines, nets after all epochs; prints every model's measures on the test part."""
    spec, _ = resolved(spec)
    p = problem_of(spec)
    return f'''# %% [markdown]
# # Forecasting: windows, baselines and nets
#
# {p.series.title}: {len(p.series.values)} rows of {", ".join(p.series.names)}. Needs torch and numpy.

# %%
import hashlib

import numpy as np
import torch

WINDOW, HORIZON, STRIDE, SEASON = {spec.window}, {spec.horizon}, {spec.stride}, {p.series.season}
LOG, ANCHOR, STRATEGY, LEAK, LEVEL = {spec.log}, {spec.anchor}, {spec.strategy!r}, {spec.leak!r}, {spec.level!r}
UNITS, EPOCHS, RATE, SEED = {spec.units}, {spec.epochs}, {spec.rate!r}, {spec.seed}
torch.set_num_threads(1)


def generator(*purpose):
    digest = hashlib.sha256("\\0".join((str(SEED), *purpose)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big") >> 1)


# %%
{_series(spec)}


# %% [markdown]
# ## Windows, parts, scale

# %%
n = len(values)
borders = round(0.6 * n), round(0.8 * n)
starts = np.arange(0, n - WINDOW - HORIZON + 1, STRIDE)
begin, end = starts + WINDOW, starts + WINDOW + HORIZON
train = np.flatnonzero(end <= borders[0])
validation = np.flatnonzero((begin >= borders[0]) & (end <= borders[1]))
test = np.flatnonzero(begin >= borders[1])
if LEAK == "shuffled":
    order = generator("shuffled split").permutation(np.concatenate([train, validation, test]))
    cuts = np.cumsum([len(train), len(validation)])
    train, validation, test = (np.sort(part) for part in np.split(order, cuts))

v = np.log(values) if LOG else values
known = v if LEAK == "scaling" else v[: borders[0]]
mean, deviation = known.mean(0), known.std(0)
deviation = np.where(deviation > 0, deviation, 1.0)
z = (v - mean) / deviation


def measured(z):
    back = mean[0] + deviation[0] * z
    return np.exp(np.minimum(back, 700.0)) if LOG else back


x = z[starts[:, None] + np.arange(WINDOW)]
ahead = starts[:, None] + WINDOW + np.arange(HORIZON)
y, truth = z[ahead, 0], values[ahead, 0]


def anchored(x):
    """Windows less their last row, and that row."""
    last = x[:, -1] if ANCHOR else np.zeros_like(x[:, -1])
    return x - last[:, None], last


def roll(model, x):
    """All steps at once, or one step fed back."""
    if STRATEGY == "direct":
        seen, last = anchored(x)
        return last[:, :1] + model(seen)
    steps = []
    for _ in range(HORIZON):
        seen, last = anchored(x)
        row = last + model(seen)
        x = np.concatenate([x[:, 1:], row[:, None]], axis=1)
        steps.append(row[:, 0])
    return np.stack(steps, axis=1)


seen, last = anchored(x)
goal = y - last[:, :1] if STRATEGY == "direct" else z[starts + WINDOW] - last

# %% [markdown]
# ## Baselines

# %%
h = np.arange(1, HORIZON + 1)
lag = SEASON * -(-h // SEASON)
origin = starts + WINDOW - 1


def design(x):
    return np.column_stack([x.reshape(len(x), -1), np.ones(len(x))])


def nearest(x):
    """What followed the training window that lies nearest."""
    rows, known = x.reshape(len(x), -1), seen[train].reshape(len(train), -1)
    distance = (rows**2).sum(1)[:, None] - 2 * rows @ known.T + (known**2).sum(1)
    return goal[train][distance.argmin(1)]


weights = np.linalg.lstsq(design(seen[train]), goal[train], rcond=None)[0]
forecasts = {{
    "naive": np.repeat(x[:, -1:, 0], HORIZON, axis=1),
    "seasonal": z[np.maximum(origin[:, None] + h - lag, 0), 0],
    "linear": roll(lambda x: design(x) @ weights, x),
    "analogue": roll(nearest, x),
}}


# %% [markdown]
# ## Nets: all on the same batches; the epoch with the lowest validation loss is kept

# %%
class Net(torch.nn.Module):
    def __init__(self, name, columns, answers):
        super().__init__()
        kind = {{"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}}[name]
        self.cell = kind(columns, UNITS, batch_first=True, dtype=torch.float64)
        self.head = torch.nn.Linear(UNITS, answers, dtype=torch.float64)
        g = generator("weights", name)
        with torch.no_grad():
            for p in self.parameters():
                p.copy_(torch.from_numpy(g.uniform(-1, 1, tuple(p.shape)) / np.sqrt(UNITS)))

    def forward(self, x):
        return self.head(self.cell(x)[0][:, -1])


X, Y = torch.from_numpy(np.ascontiguousarray(seen)), torch.from_numpy(goal)
nets = {{name: Net(name, X.shape[2], Y.shape[1]) for name in {cells_of(spec)!r}}}
optimizers = {{name: torch.optim.Adam(net.parameters(), lr=RATE) for name, net in nets.items()}}
lowest, kept = dict.fromkeys(nets, float("inf")), {{}}
batches = generator("batches")
for epoch in range(EPOCHS + 1):
    if epoch:
        order = batches.permutation(train)
        for name, net in nets.items():
            for start in range(0, len(order), {BATCH}):
                rows = torch.from_numpy(order[start : start + {BATCH}])
                optimizers[name].zero_grad()
                ((net(X[rows]) - Y[rows]) ** 2).mean().backward()
                torch.nn.utils.clip_grad_norm_(net.parameters(), {CLIP})
                optimizers[name].step()
    for name, net in nets.items():
        with torch.no_grad():
            loss = float(((net(X[validation]) - Y[validation]) ** 2).mean())
        if loss < lowest[name]:
            lowest[name] = loss
            kept[name] = {{k: w.clone() for k, w in net.state_dict().items()}}


def predict(net):
    def model(x):
        with torch.no_grad():
            return net(torch.from_numpy(np.ascontiguousarray(x))).numpy()

    return model


for name, net in nets.items():
    net.load_state_dict(kept[name])
    forecasts[name] = roll(predict(net), x)

# %% [markdown]
# ## Measures on the test part

# %%
level, outside = values[: borders[0], 0], (1 - LEVEL) / 2
scale = np.abs(level[SEASON:] - level[:-SEASON]).mean()
for name, f in forecasts.items():
    errors = y[validation] - f[validation]
    low, high = (measured(f[test] + np.quantile(errors, q, axis=0)) for q in (outside, 1 - outside))
    e = truth[test] - measured(f[test])
    found = {{"mae": np.abs(e).mean(), "rmse": np.sqrt((e * e).mean())}}
    if (truth[test] != 0).all():
        found["mape"] = 100 * np.abs(e / truth[test]).mean()
    if scale:
        found["mase"] = found["mae"] / scale
    found["coverage"] = ((low <= truth[test]) & (truth[test] <= high)).mean()
    found["width"] = (high - low).mean()
    for measure, value in found.items():
        print(f"{{name}} {{measure}} = {{float(value)!r}}")
'''


def _series(spec: ForecastingSpec) -> str:
    one = "\nvalues = values[:, :1]" if spec.inputs == "one" else ""
    if spec.data == "walk":
        return f"""# A random walk, and another one beside it.
steps = generator("series").normal(size=({spec.length}, 2))
values = 10 + {spec.noise!r} * np.cumsum(steps, axis=0){one}"""
    if spec.data != "season":
        rows = [[float(v) for v in row] for row in problem_of(spec).series.values]
        return f"values = np.array({rows!r})"
    return f"""# Season, trend, noise, and the driver w, which acts {DELAY} steps later.
g = generator("series")
noise_w, noise_y = g.normal(size={spec.length + DELAY}), g.normal(size={spec.length})
w = np.empty({spec.length + DELAY})
w[0] = noise_w[0]
for t in range(1, len(w)):
    w[t] = 0.8 * w[t - 1] + 0.6 * noise_w[t]
t = np.arange({spec.length})
y = 10 + {spec.trend!r} * t / 100 + {spec.amplitude!r} * np.sin(2 * np.pi * t / {spec.period}) + {spec.drive!r} * w[: len(t)] + {spec.noise!r} * noise_y
values = np.stack([y, w[{DELAY}:]], axis=1){one}"""
