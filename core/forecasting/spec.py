"""The forecasting lab's parameters, presets and tour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from core.contracts import Example, Spec, TourStop, param

DATA = {
    "season": "Season, trend and noise", "walk": "Random walk", "weekly": "Six stocks, weekly", "monthly": "Stocks, monthly",
    "own": "Your own series",
}  # fmt: skip
GENERATED = {"season": ("length", "period", "amplitude", "trend", "noise", "drive"), "walk": ("length", "noise")}
BASELINES = {
    "naive": "Naive",
    "seasonal": "Seasonal naive",
    "linear": "Linear autoregression",
    "analogue": "Nearest window",
}
CELLS = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}
MODELS = {**BASELINES, **CELLS}
METRICS = {"mae": "MAE", "rmse": "RMSE", "mape": "MAPE", "mase": "MASE"}
LENSES = {
    "steps": "Error by step ahead", "strategy": "Recursive or direct", "intervals": "Prediction intervals",
    "folds": "Walk-forward", "leak": "Leakage",
}  # fmt: skip
LEAKS = {"none": "None", "scaling": "Scaled on the whole series", "shuffled": "Windows shuffled before the split"}


@dataclass(frozen=True)
class ForecastingSpec(Spec):
    """Everything that the lab's pictures depend on."""

    SLUG: ClassVar[str] = "forecasting"

    data: str = param("season", "Series", options=DATA)
    own: str = param("", "Uploaded table", max_length=64, hidden=True)
    target: str = param("", "Column to forecast", max_length=60, hidden=True)
    inputs: str = param(
        "one",
        "The models see",
        options={"one": "The series alone", "all": "All columns"},
        help="All columns: the other series are inputs too (multivariate)",
    )
    length: int = param(400, "Length", low=120, high=1200, step=20, unit="values")
    period: int = param(24, "Length of the season", low=2, high=60, unit="steps")
    amplitude: float = param(3.0, "Height of the season", low=0.0, high=10.0, step=0.5)
    trend: float = param(1.0, "Trend", low=-5.0, high=5.0, step=0.5, unit="per 100 steps")
    noise: float = param(0.5, "Noise σ", low=0.0, high=3.0, step=0.1, help="Of a random walk: the size of its steps")
    drive: float = param(
        1.0,
        "Pull of the driver",
        low=0.0,
        high=3.0,
        step=0.5,
        help="A second series acts on this one four steps later; only who sees all columns can know",
    )
    season: int = param(
        0, "Season of the seasonal naive", low=0, high=60, unit="steps", help="0: the series' own, as stated below it"
    )
    window: int = param(24, "Window", low=2, high=60, unit="values", help="How many past values a model sees")
    horizon: int = param(6, "Horizon", low=1, high=24, unit="steps", help="How many values it has to foretell")
    stride: int = param(1, "Stride", low=1, high=12, unit="steps", help="From the start of one window to the next")
    log: bool = param(False, "Logarithm", help="Work on the logarithm of the values, which must be above 0: for prices")
    anchor: bool = param(
        True,
        "Forecast the change",
        help="Subtract the window's last value from inputs and targets, so that a level never seen before does no harm",
    )
    strategy: str = param(
        "direct",
        "Several steps ahead",
        options={"direct": "Direct", "recursive": "Recursive"},
        help="Direct: all steps at once. Recursive: one step, which then counts as known",
    )
    cells: str = param("all", "Nets", options={**CELLS, "all": "All three"})
    units: int = param(12, "Units of a net", low=2, high=64, log=True)
    epochs: int = param(30, "Epochs", low=2, high=400, log=True)
    rate: float = param(0.01, "Learning rate η", low=1e-4, high=0.1, log=True, help="Under Adam")
    level: float = param(
        0.9, "Level of the intervals", low=0.5, high=0.98, step=0.02, help="The share that is promised"
    )
    leak: str = param(
        "none", "Leak", options=LEAKS, help="A mistake in the preparation that lets the test part be known"
    )
    metric: str = param("mae", "Measure", options=METRICS)
    lens: str = param("steps", "Look closer", options=LENSES)
    model: str = param("linear", "Model of the band", options=MODELS)
    at: int = param(-1, "Window shown", low=-1, high=5000, hidden=True)  # −1: in the middle of the test part
    seed: int = param(0, "Seed", low=0, high=9999, help="Noise, first weights, order of the windows")


def cells_of(spec: ForecastingSpec) -> tuple[str, ...]:
    """The nets that train."""
    return tuple(CELLS) if spec.cells == "all" else (spec.cells,)


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "A season, a trend and noise", "Twenty-four values in, six out: which models beat repeating the last season, and by how much?", ("time series", "forecasting", "window", "sliding window", "seasonality", "trend", "univariate", "energy load", "LSTM forecasting")),
    _preset("driver", "Several series: who sees the driver?", "A second series acts on the first four steps later. With all columns as inputs the models can use it.", ("multivariate", "exogenous variable", "demand forecasting", "sensor data"), inputs="all", drive=2.0, amplitude=2.0, horizon=4, lens="steps", cells="gru"),
    _preset("stocks", "Stock prices: does a net beat the last price?", "Six technology stocks, 105 weeks. The naive forecast is tomorrow = today.", ("stock prediction", "stock price", "finance", "naive baseline", "random walk", "LSTM stock"), data="weekly", window=8, horizon=1, log=True, lens="folds", cells="lstm"),
    _preset("monthly", "Three decades of monthly prices", "Microsoft since 1990, forecast three months ahead from its own logarithm.", ("stock price", "finance", "non-stationary", "logarithm"), data="monthly", window=12, horizon=3, log=True, lens="intervals", cells="gru"),
    _preset("recursive", "Twelve steps, one after another", "A one-step model feeds on its own forecasts: errors add up, or do they?", ("recursive forecasting", "multi-step", "direct forecasting", "error accumulation"), strategy="recursive", horizon=12, lens="strategy", cells="lstm"),
    _preset("leakage", "Too good to be true", "A random walk cannot be foretold. Shuffle its windows before the split, and two models seem to do it.", ("data leakage", "train test split", "shuffle", "look-ahead bias"), data="walk", window=40, horizon=20, leak="shuffled", anchor=False, lens="leak", cells="lstm", units=32, rate=0.02, seed=1),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("Windows", "A forecast is learned from windows: the blue values are the question x, the orange ones the answer y. Play the film to move the window through the series; the bars below are its neighbours.", {}),
    TourStop("First the naive forecast", "Repeat the last value, or the value one season ago. Both cost nothing. A model that does not beat them is not worth its training; MASE below 1 means better than the naive step on the training part.", {"metric": "mase"}),
    TourStop("Then a line", "Linear autoregression is one weight a past value, found by least squares at once. It is hard to beat here. Train the nets and compare.", {"model": "linear"}),
    TourStop("How sure?", "The band holds the middle share of the errors of the validation part. Whether it keeps its promise is measured on the test part.", {"lens": "intervals"}),
    TourStop("Stocks", "On prices the last value is nearly all there is to know. Read the verdict before you believe a chart in which two lines lie close together.", {"data": "weekly", "window": 8, "horizon": 1, "log": True, "lens": "folds", "cells": "lstm"}),
    TourStop("The trap", "Shuffled windows overlap: the answers of the test part stand in the inputs of the training part. The gain is measured, and it is not real.", {"data": "walk", "window": 40, "horizon": 20, "leak": "shuffled", "anchor": False, "lens": "leak", "cells": "lstm", "units": 32, "rate": 0.02, "seed": 1}),
)  # fmt: skip
