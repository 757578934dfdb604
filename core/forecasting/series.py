"""Series to forecast: two that are generated, two tables of stock prices that come with installed packages, and the visitor's own.

    season   y_t = 10 + b t / 100 + A sin(2π t / m) + c w_{t−4} + σ ε_t,    w_t = 0.8 w_{t−1} + 0.6 v_t    ε, v ~ N(0, 1)
    walk     y_t = y_{t−1} + σ ε_t from 10: the best forecast of every later value is the last one
    weekly   six technology stocks, 105 weeks 2018 to 2019, each divided by its first price    plotly.express.data.stocks
    monthly  stocks and indices since 1990, adjusted closing prices in dollars                  matplotlib's sample_data/Stocks.csv

w is the driver: stationary with variance 1, and the second column. A table's word column names the times; only number columns are series.
Rows where a series is missing at the start or the end are cut; gaps between are bridged by straight lines, up to a tenth of the rows.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from jaxtyping import Float

from core.data.shelf import Shelf
from core.data.tables import Table, read_csv
from core.errors import ExplainerError, one_of
from core.forecasting.spec import ForecastingSpec
from core.rng import numpy_generator

MOST, FEWEST, MOST_COLUMNS, MOST_GAPS = 1500, 40, 6, 0.1
LARGEST = 1e12  # beyond it squares lose their digits
DELAY = 4  # steps from the driver to its effect
PLACES = {"weekly": ("plotly", "package_data/datasets/stocks.csv.gz"), "monthly": ("matplotlib", "mpl-data/sample_data/Stocks.csv")}  # fmt: skip
FIRST = {"weekly": "GOOG", "monthly": "MSFT"}
OWN: Shelf[Table] = Shelf(read_csv)


@dataclass(frozen=True, eq=False)
class Series:
    """`values` (T, d), the target in column 0; `season` is the period that the seasonal naive repeats; `notes` say what was done."""

    title: str
    values: Float[np.ndarray, "T d"]
    names: tuple[str, ...]
    unit: str
    step: str
    season: int
    notes: tuple[str, ...] = ()
    times: tuple[str, ...] = ()


def resolved(spec: ForecastingSpec) -> tuple[ForecastingSpec, str]:
    """The Spec with a series that can be had here, and a sentence that says so where another was asked for."""
    if spec.data == "own" and OWN.get(spec.own) is None:
        why = "Your own series is not here: choose the CSV file above. It is kept in memory only, so a link cannot bring it."
    elif spec.data in PLACES and packaged(spec.data) is None:
        why = f"The file {Path(PLACES[spec.data][1]).name} of the package {PLACES[spec.data][0]} is not installed here."
    else:
        return spec, ""
    return replace(spec, data="season", target=""), f"{why} Until then you see a generated series."


def series(spec: ForecastingSpec) -> Series:
    """The series that a resolved Spec names, as its models see it: one column, or all.

    Raises:
        ExplainerError: a table cannot be used as it is, or the logarithm of a value that is not above 0 is asked for.
    """
    found = _series(spec)
    if spec.inputs == "one":
        found = replace(found, values=found.values[:, :1], names=found.names[:1])
    if spec.log and found.values.min() <= 0:
        raise ExplainerError(
            f"the logarithm needs values above 0, but the lowest is {found.values.min():.4g}; switch the logarithm off"
        )
    return found


def _series(spec: ForecastingSpec) -> Series:
    if spec.data == "season":
        return seasonal(spec)
    if spec.data == "walk":
        return walk(spec)
    if spec.data == "own":
        return replace(from_table(OWN.get(spec.own), spec.target, "Your series"), season=spec.season or 1)
    found = from_table(stocks(spec.data), spec.target or FIRST[spec.data], "Stocks")
    if spec.data == "weekly":
        return replace(found, unit="first price", step="week", season=spec.season or 4)
    return replace(found, unit="dollars", step="month", season=spec.season or 12)


def seasonal(spec: ForecastingSpec) -> Series:
    """Trend, season, the driver's effect, noise; the driver is the second column."""
    n, g = spec.length, numpy_generator(spec.seed, "series")
    v, e = g.normal(size=n + DELAY), g.normal(size=n)
    w = np.empty(n + DELAY)
    w[0] = v[0]
    for t in range(1, n + DELAY):
        w[t] = 0.8 * w[t - 1] + 0.6 * v[t]
    t = np.arange(n)
    y = 10 + spec.trend * t / 100 + spec.amplitude * np.sin(2 * np.pi * t / spec.period)
    y = y + spec.drive * w[:n] + spec.noise * e
    return Series(
        "Season, trend and noise", np.stack([y, w[DELAY:]], axis=1), ("y", "driver"), "1", "step", spec.season or spec.period
    )  # fmt: skip


def walk(spec: ForecastingSpec) -> Series:
    """A random walk, and beside it another one that has nothing to do with it."""
    steps = numpy_generator(spec.seed, "series").normal(size=(spec.length, 2))
    values = 10 + spec.noise * np.cumsum(steps, axis=0)
    return Series("Random walk", values, ("y", "another walk"), "1", "step", spec.season or spec.period)


def packaged(name: str) -> Path | None:
    """Where a package keeps its table, found without importing it; None if it is not installed."""
    package, path = PLACES[name]
    spec = find_spec(package)
    places = [Path(place) / path for place in spec.submodule_search_locations] if spec else []
    return next((place for place in places if place.is_file()), None)


@lru_cache(maxsize=2)
def stocks(name: str) -> Table:
    """A package's table of prices. Rows of the monthly one that are not the first of a month hold dividends, not prices."""
    content = packaged(name).read_bytes()
    if name == "weekly":
        return read_csv(gzip.decompress(content))
    _comment, head, *rows = content.decode().splitlines()
    return read_csv("\n".join([head, *(row for row in rows if row[:10].endswith("-01"))]).encode())


def target_names(spec: ForecastingSpec) -> tuple[str, ...]:
    """The columns that can be forecast, none where there is no choice."""
    table = OWN.get(spec.own) if spec.data == "own" else stocks(spec.data) if spec.data in PLACES and packaged(spec.data) else None  # fmt: skip
    return tuple(table.numbers) if table is not None else ()


def from_table(table: Table, target: str, title: str) -> Series:
    """The number columns of a table, the target first; then at most `MOST_COLUMNS` − 1 others that are known over the same rows.

    Raises:
        ExplainerError: no number column, no such column, too few rows, too many gaps, or a target that never changes.
    """
    if not table.numbers:
        raise ExplainerError("the table has no column of numbers; a series needs one, such as date,value")
    target = target or next(iter(table.numbers))
    if target not in table.numbers:
        raise ExplainerError(
            f"the table has no number column {target[:40]!r}; choose {one_of(list(table.numbers)[:12])}"
        )
    y = table.numbers[target]
    known = np.flatnonzero(~np.isnan(y))
    first, last = int(known[0]), int(known[-1])
    notes = []
    if last - first + 1 > MOST:
        first = last + 1 - MOST
        notes.append(f"Only the last {MOST:,} rows are used.")
    elif last - first + 1 < table.rows:
        notes.append(f"{table.rows - (last - first + 1)} rows before the first or after the last value were left out.")
    rows = slice(first, last + 1)
    y = y[rows]
    if len(y) < FEWEST:
        raise ExplainerError(
            f"{target!r} has {len(y)} rows from its first value to its last; at least {FEWEST} are needed"
        )
    gaps = int(np.isnan(y).sum())
    if gaps > MOST_GAPS * len(y):
        raise ExplainerError(
            f"{gaps} of {len(y)} values of {target!r} are missing; at most {MOST_GAPS:.0%} can be bridged; fill them first"
        )
    if np.nanmin(y) == np.nanmax(y):
        raise ExplainerError(f"all values of {target!r} are equal; choose a column that varies")
    if np.nanmax(np.abs(y)) > LARGEST:
        raise ExplainerError(f"{target!r} holds values beyond {LARGEST:g}; divide the column by a round number first")
    columns = {target: bridged(y)}
    for name, column in table.numbers.items():
        part = column[rows]
        if name not in columns and len(columns) < MOST_COLUMNS and _usable(part):
            columns[name] = bridged(part)
            gaps += int(np.isnan(part).sum())
    if gaps:
        notes.append(f"{gaps} missing values were bridged by straight lines between their neighbours.")
    times = next((words[rows] for words in table.words.values() if len(set(words)) > len(y) / 2), ())
    return Series(
        title, np.stack(list(columns.values()), axis=1), tuple(columns), "1", "row", 1, tuple(notes), tuple(times)
    )


def _usable(part: Float[np.ndarray, " T"]) -> bool:
    """Whether a further column is known at both ends, nearly everywhere between them, and not huge."""
    if np.isnan(part[[0, -1]]).any():
        return False
    return bool(np.isnan(part).mean() <= MOST_GAPS and np.nanmax(np.abs(part)) <= LARGEST)


def bridged(y: Float[np.ndarray, " T"]) -> Float[np.ndarray, " T"]:
    """Each gap filled by a straight line between its neighbours."""
    t, known = np.arange(len(y)), ~np.isnan(y)
    return np.interp(t, t[known], y[known])
