"""The lab as a script: torch for the nets, scikit-learn for the baselines and the data."""

from __future__ import annotations

from core.tabular_lab.compute import EVERY, LATER, REPEATS, TINY, sizes
from core.tabular_lab.compute import leaking as with_leak
from core.tabular_lab.datasets import TEST_SHARE, resolved, sheet
from core.tabular_lab.nets import BIAS
from core.tabular_lab.spec import LEAKS, MODELS, TabularLabSpec

LOADS = {
    "diabetes": "X, y = sklearn.datasets.load_diabetes(return_X_y=True, scaled=False)",
    "cancer": "X, y = sklearn.datasets.load_breast_cancer(return_X_y=True)",
    "wine": "X, y = sklearn.datasets.load_wine(return_X_y=True)",
}
FROM_FILE = """# tabular_lab.csv is the table that the page's button "Download CSV" gives: inputs, then the target.
rows = np.genfromtxt("tabular_lab.csv", delimiter=",", skip_header=1)
X, y = rows[:, :-1], rows[:, -1]"""


def script(spec: TabularLabSpec) -> str:
    """Scores of all models on the first split, then what the open lens shows."""
    spec, _ = resolved(spec)
    found = with_leak(sheet(spec), spec)
    classes = len(found.classes)
    load = LOADS.get(spec.data, FROM_FILE)
    last = {"size": _curves(spec, [int(n) for n in sizes(found, spec.seed, spec.seeds)]), "importance": _importance(found.columns), "leak": _leak()}  # fmt: skip
    return f'''# %% [markdown]
# # Should I use deep learning here?
#
# Two nets by torch, two baselines by scikit-learn, on the same rows: {found.title.lower()}.

# %%
import hashlib

import numpy as np
import sklearn.datasets
import torch
from sklearn.ensemble import GradientBoosting{"Classifier" if classes else "Regressor"}
from sklearn.linear_model import {"LogisticRegression" if classes else "Ridge"}

SEED, DRAWS, LEAK = {spec.seed}, {spec.seeds}, {spec.leak!r}
WIDTH, DEPTH, RATE, EPOCHS, DECAY, EARLY = {spec.width}, {spec.depth}, {spec.rate!r}, {spec.epochs}, {spec.decay!r}, {spec.early}
CLASSES = {classes}  # 0: a regression
MODELS = {MODELS!r}
torch.set_num_threads(1)


def generator(seed, *purpose):
    digest = hashlib.sha256("\\0".join((str(seed), *purpose)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big") >> 1)


# %%
{load}
y = y.astype({"int" if classes else "float"})


def leaking(X, leak):
    """One more column that holds the outcome with noise, if that is the leak."""
    if leak != "target":
        return X
    noise = generator(SEED, "leak").normal(0.0, {LATER} * y.astype(float).std(), len(y))
    return np.column_stack([X, y + noise])


def split(seed):
    """Test rows, and training rows in an order that mixes the classes evenly."""
    order = generator(seed, "split").permutation(len(y))
    groups = [order[y[order] == k] for k in range(CLASSES)] or [order]
    held = [round({TEST_SHARE} * len(group)) for group in groups]
    rest = [group[n:] for group, n in zip(groups, held)]
    place = np.concatenate([(np.arange(len(rows)) + 0.5) / len(rows) for rows in rest])
    test = np.concatenate([group[:n] for group, n in zip(groups, held)])
    return test, np.concatenate(rest)[np.argsort(place, kind="stable")]


def prepare(X, train, test, on_all=False):
    """Fill by the median and standardise, by the training rows."""
    rows = np.concatenate([test, train]) if on_all else train
    X = X[:, ~np.isnan(X[rows]).all(0)]
    X = np.where(np.isnan(X), np.nanmedian(X[rows], axis=0), X)
    mean, deviation = X[rows].mean(0), X[rows].std(0)
    Z = (X - mean) / np.where(deviation > 0, deviation, np.inf)
    return Z[train], y[train], Z[test], y[test]


# %%
def net(model, X, y, X_test, y_test, seed):
    """Train with torch's AdamW; keep the weights with the lowest validation loss."""
    sizes = [X.shape[1], *([WIDTH] * DEPTH if model == "deep" else []), CLASSES or 1]
    g, layers = generator(seed, "weights", model), []
    for k, (into, out) in enumerate(zip(sizes, sizes[1:])):
        gain = 1.0 if k == len(sizes) - 2 else 2.0
        layers += [torch.nn.Linear(into, out, dtype=torch.float64), torch.nn.ReLU()]
        layers[-2].weight.data = torch.from_numpy(g.normal(0.0, np.sqrt(gain / into), (out, into)))
        layers[-2].bias.data = torch.from_numpy(g.normal(0.0, {BIAS}, out))
    f = torch.nn.Sequential(*layers[:-1])
    mean, deviation = (0.0, 1.0) if CLASSES else (y.mean(), y.std() or 1.0)
    T = torch.from_numpy(y if CLASSES else ((y - mean) / deviation)[:, None])
    criterion = torch.nn.CrossEntropyLoss() if CLASSES else torch.nn.MSELoss()
    held = np.arange(len(y)) % {EVERY} == {EVERY - 1} if EARLY else np.zeros(len(y), bool)
    X, held = torch.from_numpy(X), torch.from_numpy(held)
    optimizer = torch.optim.AdamW(f.parameters(), lr=RATE, weight_decay=DECAY)
    lowest, kept, epoch = float("inf"), None, EPOCHS
    for t in range(EPOCHS + 1):
        if EARLY:
            with torch.no_grad():
                validation = criterion(f(X[held]), T[held]).item()
            if validation < lowest:
                lowest, epoch = validation, t
                kept = {{name: p.clone() for name, p in f.state_dict().items()}}
        if t < EPOCHS:
            optimizer.zero_grad()
            criterion(f(X[~held]), T[~held]).backward()
            optimizer.step()
    if EARLY and kept is not None:
        f.load_state_dict(kept)

    def predict(X):
        with torch.no_grad():
            z = f(torch.from_numpy(X))
            return torch.softmax(z, 1).numpy() if CLASSES else mean + deviation * z[:, 0].numpy()

    return predict, epoch


def fit(model, data, seed):
    """The prediction function, and the epoch that a net's weights are from."""
    if model in ("single", "deep"):
        return net(model, *data, seed)
    if model == "linear":
        found = {"LogisticRegression(C=1.0, max_iter=1000)" if classes else "Ridge(alpha=1.0)"}
    else:
        found = GradientBoosting{"Classifier" if classes else "Regressor"}(n_estimators={spec.trees}, max_depth=3, learning_rate=0.1, random_state=0)
    found.fit(data[0], data[1])
    return (found.predict_proba if CLASSES else found.predict), None


def rate(p, y):
    """R² and RMSE, or accuracy and log loss."""
    if CLASSES:
        return np.mean(p.argmax(1) == y), -np.mean(np.log(np.clip(p[np.arange(len(y)), y], {TINY}, 1.0)))
    error, spread = np.sum((y - p) ** 2), np.sum((y - y.mean()) ** 2)
    return 1 - error / spread if spread else 0.0, np.sqrt(error / len(y))


# %%
table = leaking(X, LEAK)
test, train = split(SEED)
data = prepare(table, train, test, on_all=LEAK == "scaling")
predicts = {{}}
for model, title in MODELS.items():
    predicts[model], epoch = fit(model, data, SEED)
    for part, at, truth in (("training", data[0], data[1]), ("test", data[2], data[3])):
        for what, value in zip(("score", "loss"), rate(predicts[model](at), truth)):
            print(f"{{part}} {{what}} {{title}} = {{float(value)!r}}")
    if epoch is not None:
        print(f"epoch {{title}} = {{epoch}}")
{last.get(spec.lens, "")}'''


def _curves(spec: TabularLabSpec, at: list[int]) -> str:
    return f"""
# %%
# Learning curves: the first n training rows of every draw; means over the draws.
for n in {at}:
    values = []
    for seed in range(SEED, SEED + DRAWS):
        test, train = split(seed)
        data = prepare(table, train[:n], test, on_all=LEAK == "scaling")
        values.append([rate(fit(model, data, seed)[0](data[2]), data[3]) for model in MODELS])
    for title, (score, loss) in zip(MODELS.values(), np.mean(values, axis=0)):
        print(f"score {{title}} at {{n}} = {{float(score)!r}}")
        print(f"loss {{title}} at {{n}} = {{float(loss)!r}}")
"""


def _importance(columns: tuple[str, ...]) -> str:
    return f"""
# %%
# Permutation importance: the fall of the test score when one column is shuffled.
g = generator(SEED, "permutations")
shuffles = [g.permutation(len(test)) for _ in range({REPEATS})]
for j, column in enumerate({list(columns)!r}):
    for model, title in MODELS.items():
        falls = []
        for order in shuffles:
            shuffled = data[2].copy()
            shuffled[:, j] = data[2][order, j]
            falls.append(rate(predicts[model](data[2]), data[3])[0] - rate(predicts[model](shuffled), data[3])[0])
        print(f"importance {{column}} {{title}} = {{float(np.mean(falls))!r}}")
"""


def _leak() -> str:
    return f"""
# %%
# The same split under every leak.
for leak in {list(LEAKS)!r}:
    leaked = prepare(leaking(X, leak), train, test, on_all=leak == "scaling")
    for model, title in MODELS.items():
        score, _ = rate(fit(model, leaked, SEED)[0](leaked[2]), leaked[3])
        print(f"score under leak {{leak}} {{title}} = {{float(score)!r}}")
"""
