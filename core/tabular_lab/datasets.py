"""Tables to predict from: two that need a number, two that need a class, and the visitor's own.

    diabetes     442 patients, 10 measurements -> progression after a year    Efron et al., Annals of Statistics 32, 2004
    california   20,640 census blocks -> median house value                   Pace & Barry, Statistics & Probability Letters 33, 1997
    cancer       569 samples, 30 measurements of nuclei -> benign or malignant   Street, Wolberg & Mangasarian, SPIE 1905, 1993
    wine         178 wines, 13 chemical measurements -> one of three growers     Forina et al., PARVUS, 1988

The first and the last two lie within scikit-learn. California housing is read from the folder named in GLASSNET_DATA; in the file
`california_housing.csv` 207 blocks lack `total_bedrooms`, and `ocean_proximity` is text. A word column becomes one column of 0 and 1
for each word. Missing numbers stay NaN here: they are filled by the median of the training rows, after the split.

X has shape (N, d), y shape (N,): class numbers, or for a regression the target in its unit.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from core.data.shelf import Shelf
from core.data.tables import Table, read_csv
from core.data.vision import data_folder
from core.errors import ExplainerError, one_of
from core.rng import numpy_generator
from core.tabular_lab.spec import TabularLabSpec

MOST_ROWS, FEWEST_ROWS, FEWEST_OF_CLASS, MOST_WORDS, MOST_CLASSES, MOST_INPUTS = 3000, 40, 8, 8, 10, 60
TEST_SHARE = 0.3
HOUSING_FILES = ("california_housing.csv", "tabular/california_housing.csv", "housing.csv")
OWN: Shelf[Table] = Shelf(read_csv)


@dataclass(frozen=True, eq=False)
class Sheet:
    """A table ready for a split. `classes` is empty for a regression; `notes` say what was done to the file."""

    title: str
    X: Float[np.ndarray, "N d"]
    y: Float[np.ndarray, " N"] | Int[np.ndarray, " N"]
    columns: tuple[str, ...]
    target: str
    unit: str
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def keep(content: bytes) -> str:
    """Read a visitor's CSV file and remember it; its digest names it in the Spec.

    Raises:
        ExplainerError: it is no table that core/data/tables.py reads.
    """
    return OWN.keep(content)


def own_names(spec: TabularLabSpec) -> tuple[str, ...]:
    """The columns of the visitor's table, none if it is not here."""
    table = OWN.get(spec.own)
    return table.names if table else ()


def resolved(spec: TabularLabSpec) -> tuple[TabularLabSpec, str]:
    """The Spec with data that can be had here, and a sentence that says so where others were asked for."""
    if spec.data == "california" and housing_file() is None:
        why = f"California housing is not on this computer: it needs the file {HOUSING_FILES[0]} in the folder named in GLASSNET_DATA."
    elif spec.data == "own" and OWN.get(spec.own) is None:
        why = "Your own table is not here: choose the CSV file above; it is kept in memory only, so a link cannot bring it."
    else:
        return spec, ""
    return replace(spec, data="diabetes"), f"{why} Until then you see the diabetes patients."


def sheet(spec: TabularLabSpec) -> Sheet:
    """The table that a resolved Spec names.

    Raises:
        ExplainerError: the visitor's table cannot be used as it is.
    """
    if spec.data == "own":
        table = OWN.get(spec.own)
        if table is None:
            raise ExplainerError(
                "your own table is not here any more: newer ones took its place; choose the file again"
            )
        return from_table(table, spec.target, spec.seed)
    return {"diabetes": diabetes, "cancer": cancer, "wine": wine, "california": lambda: california(spec.seed)}[
        spec.data
    ]()


@lru_cache(maxsize=1)
def diabetes() -> Sheet:
    """All patients, in the units of the study."""
    from sklearn.datasets import load_diabetes  # here, for scikit-learn takes a second to import

    X, y = load_diabetes(return_X_y=True, scaled=False)
    names = (
        "age", "sex", "body mass index", "blood pressure", "s1 cholesterol", "s2 LDL", "s3 HDL", "s4 cholesterol / HDL",
        "s5 log triglycerides", "s6 glucose",
    )  # fmt: skip
    return Sheet("Diabetes", X, y, names, "disease progression after a year", "points")


@lru_cache(maxsize=1)
def cancer() -> Sheet:
    """Malignant 0, benign 1."""
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    return Sheet(
        "Breast cancer", found.data, found.target.astype(np.int64), tuple(map(str, found.feature_names)), "diagnosis", "",
        ("malignant", "benign"),
    )  # fmt: skip


@lru_cache(maxsize=1)
def wine() -> Sheet:
    """Three growers of one region."""
    from sklearn.datasets import load_wine

    found = load_wine()
    growers = ("grower 1", "grower 2", "grower 3")
    return Sheet("Wine", found.data, found.target.astype(np.int64), tuple(found.feature_names), "grower", "", growers)


def housing_file() -> Path | None:
    """Where California housing lies, None if it cannot be had."""
    folder = data_folder()
    return next((folder / name for name in HOUSING_FILES if (folder / name).is_file()), None) if folder else None


def california(seed: int) -> Sheet:
    """A draw of `MOST_ROWS` census blocks: eight numbers, and one column for each word of ocean_proximity."""
    path = housing_file()
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    numbers = {
        name: np.array([float(row[name] or "nan") for row in rows]) for name in rows[0] if name != "ocean_proximity"
    }
    words = tuple(row["ocean_proximity"] for row in rows)
    gaps = int(np.isnan(numbers["total_bedrooms"]).sum())
    y = numbers.pop("median_house_value")
    X, names = inputs(numbers, {"ocean_proximity": words})
    rows_drawn = _drawn(len(y), seed)
    return Sheet(
        "California housing", X[rows_drawn], y[rows_drawn], names, "median house value", "dollars", (),
        (
            f"{gaps} of {len(y):,} blocks lack total_bedrooms: the median of the training rows stands in for it. "
            "The text column ocean_proximity became one column of 0 and 1 for each of its words.",
            f"{len(rows_drawn):,} blocks drawn by the seed are used. Values end at 500,001 dollars: dearer blocks were cut there.",
        ),
    )  # fmt: skip


def _drawn(n: int, seed: int) -> np.ndarray:
    return np.sort(numpy_generator(seed, "rows").permutation(n)[:MOST_ROWS])


def inputs(numbers: Mapping[str, np.ndarray], words: Mapping[str, Sequence[str]]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Number columns as they are, then one column of 0 and 1 for every word of a word column ("" is no word)."""
    columns = dict(numbers)
    for name, cells in words.items():
        columns |= {f"{name}: {word}": (np.array(cells) == word).astype(float) for word in sorted(set(cells) - {""})}
    return np.stack(list(columns.values()), axis=1), tuple(columns)


def from_table(table: Table, target: str, seed: int) -> Sheet:
    """A visitor's table: predict `target` ("": the last column) from the others.

    A target of words, or of at most `MOST_CLASSES` whole numbers, is a classification.

    Raises:
        ExplainerError: no such column, or too few rows, classes or inputs.
    """
    target = target or table.names[-1]
    if target not in table.names:
        raise ExplainerError(f"the table has no column {target[:40]!r}; choose {one_of(table.names[:12])}")
    here = np.flatnonzero(~table.missing(target))
    if len(here) < FEWEST_ROWS:
        raise ExplainerError(
            f"{len(here)} rows have a value in {target!r}; at least {FEWEST_ROWS} are needed to compare models"
        )
    notes = (
        [f"{table.rows - len(here)} rows without a value in {target} were left out."] if len(here) < table.rows else []
    )
    y, classes, more = _target(table, target, here)
    rows = y >= 0 if classes else np.ones(len(y), bool)
    here, y = here[rows], y[rows]
    drawn = _drawn(len(here), seed)
    here, y = here[drawn], y[drawn]
    if len(drawn) == MOST_ROWS:
        notes.append(f"{MOST_ROWS:,} rows drawn by the seed are used.")
    numbers = {name: column[here] for name, column in table.numbers.items() if name != target}
    numbers = {name: column for name, column in numbers.items() if not np.isnan(column).all()}
    kinds = {name: set(cells) for name, cells in table.words.items() if name != target}
    many = [name for name, found in kinds.items() if len(found) > MOST_WORDS]
    if many:
        notes.append(f"Left out, for it has more than {MOST_WORDS} different words: {', '.join(many)}.")
    words = {name: [table.words[name][i] for i in here] for name in kinds if name not in many}
    if not numbers and not any(set(cells) - {""} for cells in words.values()):
        raise ExplainerError("no other column can serve as an input; a table needs a number column beside the target")
    X, names = inputs(numbers, words)
    if X.shape[1] > MOST_INPUTS:
        raise ExplainerError(
            f"the table gives {X.shape[1]} inputs; at most {MOST_INPUTS} are allowed; try fewer columns"
        )
    if np.isnan(X).any():
        notes.append("Missing numbers are filled by the median of the training rows.")
    return Sheet("Your table", X, y, names, target, "", classes, (*notes, *more))


def _target(table: Table, target: str, here: np.ndarray) -> tuple[np.ndarray, tuple[str, ...], list[str]]:
    """Class numbers (-1: a class with too few rows) and names, or the values and no names; and notes."""
    if target in table.numbers:
        values = table.numbers[target][here]
        if len(set(values)) > MOST_CLASSES or (values != np.rint(values)).any():
            if values.min() == values.max():
                raise ExplainerError(f"all values of {target!r} are equal; choose a column that varies")
            return values, (), []
        words = [f"{value:g}" for value in values]
    else:
        words = [table.words[target][i] for i in here]
    counts = {word: words.count(word) for word in sorted(set(words))}
    if len(counts) > 20 * MOST_CLASSES:
        raise ExplainerError(
            f"{target!r} has {len(counts)} different words; at most {MOST_CLASSES} classes are allowed"
        )
    classes = tuple(word for word, count in counts.items() if count >= FEWEST_OF_CLASS)
    if not 2 <= len(classes) <= MOST_CLASSES:
        raise ExplainerError(
            f"{target!r} has {len(classes)} classes of at least {FEWEST_OF_CLASS} rows; 2 to {MOST_CLASSES} are allowed; choose another column"
        )
    rare = [word for word in counts if word not in classes]
    notes = [f"Classes with fewer than {FEWEST_OF_CLASS} rows were left out: {', '.join(rare[:6])}."] if rare else []
    return np.array([classes.index(word) if word in classes else -1 for word in words]), classes, notes


def split(found: Sheet, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the test part, and of the training part in an order whose every beginning serves as a smaller training set.

    Classes are mixed evenly along the order, so that test part and beginnings hold the same share of each.
    """
    order = numpy_generator(seed, "split").permutation(len(found.y))
    groups = [order[found.y[order] == k] for k in range(len(found.classes))] or [order]
    held = [round(TEST_SHARE * len(group)) for group in groups]
    rest = [group[test:] for group, test in zip(groups, held, strict=True)]
    place = np.concatenate([(np.arange(len(rows)) + 0.5) / len(rows) for rows in rest])
    test = np.concatenate([group[:test] for group, test in zip(groups, held, strict=True)])
    return test, np.concatenate(rest)[np.argsort(place, kind="stable")]
