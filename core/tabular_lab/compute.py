"""Four models on the same rows: from the Spec to scores, curves, errors, importances, learning curves.

    linear   ridge regression (λ = 1), or logistic regression (C = 1)         scikit-learn
    trees    gradient boosting, trees of depth 3, rate 0.1                    scikit-learn; Friedman, Annals of Statistics 29, 2001
    single   the linear model as a net, trained by AdamW                      nets.py
    deep     a net with hidden layers, trained the same way                   nets.py

    R² = 1 − Σ (y − p)² / Σ (y − ȳ)²,  RMSE = √(mean (y − p)²);  accuracy,  log loss = −mean log p_y

Columns are filled by the median and standardised by mean and deviation of the training rows (a constant column becomes 0), the
target of a regression too while the nets learn. With early stopping a net gives up every fifth training row for its validation part.

Permutation importance (Breiman, Machine Learning 45, 2001) of column j: s − mean_r s_r, with s_r the test score after column j was
shuffled by the r-th permutation. Learning curves repeat split, training and test for K draws and growing beginnings of the training
part. `train` is a generator over them, so that it can run elsewhere; `learned` makes a `Learning` of its arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from core.contracts import Snapshot
from core.rng import numpy_generator
from core.tabular_lab.datasets import Sheet, resolved, sheet, split
from core.tabular_lab.nets import Learned, Rules, first_weights, forward, learn, softmax
from core.tabular_lab.spec import LEAKS, MODELS, TabularLabSpec

SIZES, FEWEST, EVERY = 5, 20, 5  # sizes of a learning curve, the smallest, and every which row validates
REPEATS = 8  # permutations of each column
TINY = 1e-15  # the least probability that a log loss counts
LATER = 0.5  # noise of the leaking column, in deviations of the target
PREVIEW_SIZES = (0, 2, 4)
AT_ONCE = 1.2  # seconds that learning curves may take to be measured on the spot; longer ones are a job

Array = np.ndarray
Predict = Callable[[Float[Array, "n d"]], Array]  # values (n,), or probabilities (n, classes)


@dataclass(frozen=True, eq=False)
class Prepared:
    """Standardised inputs of the rows that train and of those that test, in the same columns."""

    X: Float[Array, "train d"]
    y: Array
    X_test: Float[Array, "test d"]
    y_test: Array
    columns: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained model; the nets also bring what they learned on the way."""

    predict: Predict
    learned: Learned | None = None


@dataclass(frozen=True, eq=False)
class Study:
    """All models on one split. `scores[part][model]` is (R² or accuracy, RMSE or log loss)."""

    spec: TabularLabSpec
    sheet: Sheet
    data: Prepared
    models: Mapping[str, Fitted]
    scores: Mapping[str, Mapping[str, tuple[float, float]]]

    @property
    def score_name(self) -> str:
        """What the first of the two scores is."""
        return "accuracy" if self.sheet.classes else "R²"

    @property
    def loss_name(self) -> str:
        """What the second of the two scores is."""
        return "log loss" if self.sheet.classes else "RMSE"


@dataclass(frozen=True, eq=False)
class Learning:
    """`values[size, draw, model]` is (score, loss) on the test part; NaN while it is not known."""

    sizes: Int[Array, " S"]
    values: Float[Array, "S K M 2"]

    @property
    def draws(self) -> int:
        """Draws in which every model was measured at every size."""
        return int((~np.isnan(self.values).any(axis=(0, 2, 3))).sum())


def core_of(spec: TabularLabSpec) -> TabularLabSpec:
    """What the models depend on: the rest at default, so that a look at them costs nothing anew."""
    defaults = TabularLabSpec()
    return replace(
        spec, lens=defaults.lens, metric=defaults.metric, model=defaults.model, seeds=defaults.seeds,
    )  # fmt: skip


def leaking(found: Sheet, spec: TabularLabSpec) -> Sheet:
    """The table with one more column, the outcome written down with some noise, where the Spec asks for that leak."""
    if spec.leak != "target":
        return found
    y = found.y.astype(float)
    noise = numpy_generator(spec.seed, "leak").normal(0.0, LATER * y.std(), len(y))
    return replace(found, X=np.column_stack([found.X, y + noise]), columns=(*found.columns, "noted afterwards"))


def prepare(found: Sheet, train: Array, test: Array, *, on_all: bool = False) -> Prepared:
    """Fill and standardise by the training rows; `on_all` by all rows, which lets the test part leak in."""
    rows = np.concatenate([test, train]) if on_all else train
    known = ~np.isnan(found.X[rows]).all(axis=0)
    X = found.X[:, known]
    X = np.where(np.isnan(X), np.nanmedian(X[rows], axis=0), X)
    mean, deviation = X[rows].mean(axis=0), X[rows].std(axis=0)
    Z = (X - mean) / np.where(deviation > 0, deviation, np.inf)
    columns = tuple(name for name, here in zip(found.columns, known, strict=True) if here)
    return Prepared(Z[train], found.y[train], Z[test], found.y[test], columns)


def fit(model: str, data: Prepared, classes: int, spec: TabularLabSpec) -> Fitted:
    """Train one model on the prepared rows; `classes` is 0 for a regression."""
    if model in ("single", "deep"):
        return fit_net(model, data, classes, spec)
    found = baseline(model, classes, spec).fit(data.X, data.y)
    return Fitted(found.predict_proba if classes else found.predict)


def baseline(model: str, classes: int, spec: TabularLabSpec) -> Any:
    """scikit-learn's model, not yet fitted."""
    from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
    from sklearn.linear_model import LogisticRegression, Ridge

    if model == "linear":
        return LogisticRegression(C=1.0, max_iter=1000) if classes else Ridge(alpha=1.0)
    kind = GradientBoostingClassifier if classes else GradientBoostingRegressor
    return kind(n_estimators=spec.trees, max_depth=3, learning_rate=0.1, random_state=0)


def fit_net(model: str, data: Prepared, classes: int, spec: TabularLabSpec) -> Fitted:
    """Train a net; a regression's target is standardised by the training rows while it learns."""
    hidden = [spec.width] * spec.depth if model == "deep" else []
    mean, deviation = (0.0, 1.0) if classes else (data.y.mean(), data.y.std() or 1.0)

    def targets(y: Array) -> Array:
        return y if classes else ((y - mean) / deviation)[:, None]

    held = np.arange(len(data.y)) % EVERY == EVERY - 1 if spec.early else np.zeros(len(data.y), bool)
    watched = {"validation": (data.X[held], targets(data.y[held]))} if spec.early else {}
    watched["test"] = (data.X_test, targets(data.y_test))
    start = first_weights([data.X.shape[1], *hidden, classes or 1], numpy_generator(spec.seed, "weights", model))
    found = learn(start, Rules(spec.rate, spec.epochs, spec.decay), (data.X[~held], targets(data.y[~held])), watched)

    def predict(X: Array) -> Array:
        z = forward(found.layers, X)[-1]
        return softmax(z) if classes else mean + deviation * z[:, 0]

    return Fitted(predict, found)


def rate(p: Array, y: Array) -> tuple[float, float]:
    """(R², RMSE) of values p (n,), or (accuracy, log loss) of probabilities p (n, classes)."""
    if p.ndim == 2:
        return float(np.mean(p.argmax(axis=1) == y)), float(
            -np.mean(np.log(np.clip(p[np.arange(len(y)), y], TINY, 1.0)))
        )
    error = np.sum((y - p) ** 2)
    spread = np.sum((y - y.mean()) ** 2)
    return float(1.0 - error / spread) if spread else 0.0, float(np.sqrt(error / len(y)))


def study_of(spec: TabularLabSpec) -> Study:
    """All models on the first split, under a resolved Spec.

    Raises:
        ExplainerError: the visitor's table cannot be used.
    """
    return replace(_study(core_of(spec)), spec=spec)


@lru_cache(maxsize=16)
def _study(spec: TabularLabSpec) -> Study:
    found = leaking(sheet(spec), spec)
    test, train_rows = split(found, spec.seed)
    data = prepare(found, train_rows, test, on_all=spec.leak == "scaling")
    models = {model: fit(model, data, len(found.classes), spec) for model in MODELS}
    parts = {"training": (data.X, data.y), "test": (data.X_test, data.y_test)}
    scores = {part: {model: rate(one.predict(X), y) for model, one in models.items()} for part, (X, y) in parts.items()}
    return Study(spec, found, data, models, scores)


def leaks(spec: TabularLabSpec) -> dict[str, Study]:
    """The same split under every leak."""
    return {leak: study_of(replace(spec, leak=leak)) for leak in LEAKS}


def permutations(n: int, seed: int) -> Int[Array, "R n"]:
    """The shuffles of the test rows, the same for every column and model."""
    g = numpy_generator(seed, "permutations")
    return np.stack([g.permutation(n) for _ in range(REPEATS)])


def importance(predict: Predict, X: Float[Array, "n d"], y: Array, shuffles: Int[Array, "R n"]) -> Float[Array, "d R"]:
    """How far the score falls when column j is shuffled by permutation r."""
    whole = rate(predict(X), y)[0]
    falls = np.empty((X.shape[1], len(shuffles)))
    for j in range(X.shape[1]):
        for r, order in enumerate(shuffles):
            shuffled = X.copy()
            shuffled[:, j] = X[order, j]
            falls[j, r] = whole - rate(predict(shuffled), y)[0]
    return falls


@lru_cache(maxsize=8)
def _importances(spec: TabularLabSpec) -> dict[str, Array]:
    run = _study(spec)
    shuffles = permutations(len(run.data.y_test), spec.seed)
    return {
        model: importance(one.predict, run.data.X_test, run.data.y_test, shuffles) for model, one in run.models.items()
    }


def importances(spec: TabularLabSpec) -> dict[str, Float[Array, "d R"]]:
    """Model -> how far its test score falls for each column and permutation."""
    return _importances(core_of(spec))


def sizes(found: Sheet, seed: int, draws: int) -> Int[Array, " S"]:
    """Training rows of the learning curve, evenly on a log axis; in every draw the smallest beginning holds every class."""
    orders = [split(found, seed + k)[1] for k in range(draws)]
    most = len(orders[0])
    least = max([min(FEWEST, most), *(_with_all_classes(found, order) for order in orders)])
    return np.unique(np.rint(np.geomspace(least, most, SIZES)).astype(int))


def _with_all_classes(found: Sheet, order: Array) -> int:
    """The length of the shortest beginning of `order` that holds every class."""
    return 1 + max((int(np.argmax(found.y[order] == k)) for k in range(len(found.classes))), default=0)


def train(spec: TabularLabSpec) -> Iterator[Snapshot]:
    """Every size in every draw, one Snapshot each; its arrays hold all that is known so far."""
    found = leaking(sheet(spec), spec)
    at = sizes(found, spec.seed, spec.seeds)
    values = np.full((len(at), spec.seeds, len(MODELS), 2), np.nan)
    total, asked = len(at) * spec.seeds, np.array(spec.to_json())
    for step, (k, i) in enumerate(((k, i) for k in range(spec.seeds) for i in range(len(at))), start=1):
        values[i, k] = measure(found, int(at[i]), replace(spec, seed=spec.seed + k))
        yield Snapshot(step, total, {}, {"spec": asked, "sizes": at, "values": values.copy()})


def measure(found: Sheet, rows: int, spec: TabularLabSpec) -> Float[Array, "M 2"]:
    """Each model's test score and loss after training on the first `rows` training rows of the Spec's split."""
    test, order = split(found, spec.seed)
    data = prepare(found, order[:rows], test, on_all=spec.leak == "scaling")
    return np.array([rate(fit(m, data, len(found.classes), spec).predict(data.X_test), data.y_test) for m in MODELS])


def learned(arrays: Mapping[str, Array]) -> Learning:
    """What a Snapshot of `train` knows."""
    return Learning(arrays["sizes"], arrays["values"])


def belongs(arrays: Mapping[str, Array], spec: TabularLabSpec) -> bool:
    """Whether a Snapshot's curves are those that the Spec asks for."""
    return str(arrays["spec"]) == curves_part(spec).to_json()


@lru_cache(maxsize=8)
def _learning(spec: TabularLabSpec) -> Learning:
    *_, last = train(spec)
    return learned(last.arrays)


def learning(spec: TabularLabSpec) -> Learning:
    """The whole learning curves, at once."""
    return _learning(curves_part(spec))


def curves_part(spec: TabularLabSpec) -> TabularLabSpec:
    """What the learning curves depend on."""
    return replace(core_of(spec), seeds=spec.seeds)


@lru_cache(maxsize=8)
def _preview(spec: TabularLabSpec) -> Learning:
    found = leaking(sheet(spec), spec)
    at = sizes(found, spec.seed, 1)
    at = at[[i for i in PREVIEW_SIZES if i < len(at)]]
    return Learning(at, np.stack([measure(found, int(n), spec) for n in at])[:, None])


def seconds(spec: TabularLabSpec) -> float:
    """About how long the learning curves take to compute on one core."""
    found = leaking(sheet(spec), spec)
    n, d, k = sum(sizes(found, spec.seed, 1).tolist()), found.X.shape[1], len(found.classes)
    boosting = 4.5e-7 * n * d * spec.trees * (k if k > 2 else 1)
    weights = d * spec.width + (spec.depth - 1) * spec.width**2
    nets = spec.epochs * (SIZES * 1e-4 * (spec.depth + 1) + 1.2e-9 * n * weights)
    return spec.seeds * (boosting + nets)


def preview(spec: TabularLabSpec) -> Learning:
    """One draw at three sizes, for as long as the whole has not been measured."""
    return _preview(core_of(spec))


def numbers(spec: TabularLabSpec) -> dict[str, float]:
    """What the script prints: every model's scores, then what the open lens shows."""
    spec, _ = resolved(spec)
    run = study_of(spec)
    out = {}
    for model, about in MODELS.items():
        for part in ("training", "test"):
            score, loss = run.scores[part][model]
            out |= {f"{part} score {about}": score, f"{part} loss {about}": loss}
        if (net := run.models[model].learned) is not None:
            out[f"epoch {about}"] = float(net.epoch)
    return out | _lens_numbers(spec, run)


def _lens_numbers(spec: TabularLabSpec, run: Study) -> dict[str, float]:
    if spec.lens == "size":
        found = learning(spec)
        middle = found.values.mean(axis=1)
        return {
            f"{what} {about} at {n}": float(middle[i, m, k])
            for i, n in enumerate(found.sizes)
            for m, about in enumerate(MODELS.values())
            for k, what in enumerate(("score", "loss"))
        }
    if spec.lens == "importance":
        falls = importances(spec)
        return {
            f"importance {column} {MODELS[model]}": float(falls[model][j].mean())
            for j, column in enumerate(run.data.columns)
            for model in MODELS
        }
    if spec.lens == "leak":
        return {
            f"score under leak {leak} {about}": other.scores["test"][model][0]
            for leak, other in leaks(spec).items()
            for model, about in MODELS.items()
        }
    return {}
