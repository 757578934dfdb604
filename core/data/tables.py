"""Tables that a visitor uploads: CSV text as named columns of numbers or words, with what is missing in them.

The text may be separated by commas, semicolons, tabs or bars; with semicolons or tabs a decimal comma is read as well. Empty cells
and the usual words for "no value" (NA, NaN, null, none, ?) are missing, and so are infinite numbers. Nothing is guessed silently:
`Table.notes` says what was left out.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import ExplainerError

MOST_BYTES, MOST_ROWS, MOST_COLUMNS, FEWEST_ROWS, LONGEST_NAME = 2_000_000, 20_000, 60, 4, 60
SEPARATORS = ",;\t|"
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-", "missing"})


@dataclass(frozen=True, eq=False)
class Table:
    """`numbers` (name -> float64 array, NaN where missing) and `words` (name -> text, "" where missing), all of `rows` rows."""

    rows: int
    numbers: Mapping[str, np.ndarray]
    words: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All columns: those of numbers, then those of words."""
        return (*self.numbers, *self.words)

    def missing(self, name: str) -> np.ndarray:
        """Where a column has no value, as a boolean array."""
        if name in self.numbers:
            return np.isnan(self.numbers[name])
        return np.array([word == "" for word in self.words[name]])


def read_csv(content: bytes) -> Table:
    """The table in a CSV file whose first line names the columns.

    Raises:
        ExplainerError: it is too large, no text, no table, or has too few or too many rows or columns.
    """
    if len(content) > MOST_BYTES:
        raise ExplainerError(
            f"the file has {len(content) / 1e6:.1f} MB; at most {MOST_BYTES / 1e6:.0f} MB are read; try fewer rows"
        )
    header, rows, notes = _cells(_text(content))
    columns = list(zip(*rows, strict=True))
    decimal = {name: _numbers(column) for name, column in zip(header, columns, strict=True)}
    words = {
        name: tuple("" if _is_missing(cell) else cell.strip()[:LONGEST_NAME] for cell in column)
        for name, column in zip(header, columns, strict=True)
        if decimal[name] is None
    }
    numbers = {name: values for name, values in decimal.items() if values is not None}
    gaps = [name for name in header if (name in numbers and np.isnan(numbers[name]).any()) or "" in words.get(name, ())]
    if gaps:
        notes.append(
            f"Values are missing in {', '.join(gaps[:6])}{' and others' if len(gaps) > 6 else ''}; rows without a value that is needed are left out."
        )
    return Table(len(rows), numbers, words, tuple(notes))


def _text(content: bytes) -> str:
    if b"\x00" in content:
        raise ExplainerError("the file is not text (it may be an Excel or a zip file); save it as CSV and try again")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _cells(text: str) -> tuple[list[str], list[list[str]], list[str]]:
    """Header, rows of the header's length, and notes."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(SEPARATORS, key=first.count)
    try:
        lines = [
            row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if any(c.strip() for c in row)
        ]
    except csv.Error:
        raise ExplainerError(
            "the file is not a readable table: a quoted cell has no end, or is too long; check its quotation marks"
        ) from None
    if not lines or len(lines[0]) < 2:
        raise ExplainerError(
            "no table was found: the first line should name at least two columns, such as height,weight,kind"
        )
    header, notes = [name.strip()[:LONGEST_NAME] or f"column {k + 1}" for k, name in enumerate(lines[0])], []
    if len(header) > MOST_COLUMNS:
        raise ExplainerError(
            f"the table has {len(header)} columns; at most {MOST_COLUMNS} are read; try only those you need"
        )
    if twice := [name for name in header if header.count(name) > 1]:
        raise ExplainerError(f"two columns are called {twice[0]!r}; give each a name of its own")
    rows = [row for row in lines[1:] if len(row) == len(header)]
    if len(rows) < len(lines) - 1:
        notes.append(
            f"{len(lines) - 1 - len(rows)} rows have more or fewer cells than the first line and were left out."
        )
    if not FEWEST_ROWS <= len(rows) <= MOST_ROWS:
        raise ExplainerError(
            f"the table has {len(rows)} usable rows; {FEWEST_ROWS} to {MOST_ROWS} are allowed, under a first line with the columns' names"
        )
    return header, rows, notes


def _is_missing(cell: str) -> bool:
    return cell.strip().lower() in MISSING


def _numbers(column: Sequence[str]) -> np.ndarray | None:
    """The column as numbers, NaN where missing; None if a cell is a word, or all are missing."""
    try:
        values = np.array([math.nan if _is_missing(cell) else _number(cell) for cell in column])
    except ValueError:
        return None
    return None if np.isnan(values).all() else np.where(np.isfinite(values), values, math.nan)


def _number(cell: str) -> float:
    text = cell.strip()
    if "_" in text:  # Python would read 1_000 as a number; a table means a word
        raise ValueError(text)
    return float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
