"""What the parts of Glassnet hand to each other: parameters, snapshots, figures, questions, tours. Standard library only.

A page's state is a `Spec`: a frozen dataclass whose fields are made by `param(...)`. From the same declaration come the
widget, the check of what a user or a link gave, the URL, the JSON file and the reset button.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from core.errors import ExplainerError, one_of

S = TypeVar("S", bound="Spec")


@dataclass(frozen=True)
class Param:
    """One parameter of a Spec. Its type is the type of `default`: float, int, bool or str.

    A number has `low` and `high` (both allowed), a `step`, a `unit`, and `log` when its slider should be logarithmic.
    A str has either `options` (value -> words on screen) or a `max_length`. `group` is the heading it stands under;
    `hidden` parameters have no widget of their own (a click on a picture sets them), but are part of link and file.
    """

    default: Any
    label: str
    help: str = ""
    low: float = -math.inf
    high: float = math.inf
    step: float | None = None
    unit: str = ""
    log: bool = False
    options: Mapping[str, str] | None = None
    max_length: int = 200
    group: str = ""
    hidden: bool = False

    def check(self, value: Any) -> Any:
        """`value` (of the right type, or text from a link) as this parameter's type.

        Raises:
            ExplainerError: it is of another type, outside `low` to `high`, no option, or too long.
        """
        if isinstance(self.default, bool):
            return self._flag(value)
        if isinstance(self.default, (int, float)):
            return self._number(value)
        return self._text(value)

    def _flag(self, value: Any) -> bool:
        words = {"true": True, "1": True, "false": False, "0": False}
        if isinstance(value, bool) or str(value).lower() in words:
            return words[str(value).lower()]
        raise ExplainerError(
            f"{self.label}: {_shown(value)} is neither true nor false; try {str(self.default).lower()}"
        )

    def _number(self, value: Any) -> float | int:
        kind = "whole number" if isinstance(self.default, int) else "number"
        try:
            if isinstance(value, str) and not value.isascii():  # Python also reads the digits of other scripts
                raise ValueError
            number = type(self.default)(value)
            float(number)  # a whole number may have hundreds of digits
        except (TypeError, ValueError, OverflowError):
            raise ExplainerError(f"{self.label}: {_shown(value)} is not a {kind}; try {self.default}") from None
        if isinstance(value, bool):
            raise ExplainerError(f"{self.label}: {value} is not a {kind}; try {self.default}")
        if isinstance(self.default, int) and isinstance(value, float) and number != value:
            raise ExplainerError(f"{self.label}: {value!r} is not a {kind}; try {number}")
        if not self.low <= number <= self.high:  # also refuses NaN
            raise ExplainerError(
                f"{self.label} {number:g} is outside {self.low:g} to {self.high:g}; try {self.default:g}"
            )
        return number

    def _text(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ExplainerError(f"{self.label}: {_shown(value)} is not text; try {self.default!r}")
        if self.options is not None and value not in self.options:
            raise ExplainerError(f"{self.label}: {_shown(value)} is unknown; choose {one_of(self.options)}")
        if len(value) > self.max_length:
            raise ExplainerError(f"{self.label} has {len(value)} characters; at most {self.max_length} are allowed")
        return value


def _shown(value: Any) -> str:
    """What was given, cut to the length of a sentence."""
    return repr(value[:60] if isinstance(value, str) else value)[:62]


def param(default: Any, label: str, **about: Any) -> Any:
    """A Spec's field: its default and its `Param`."""
    return field(default=default, metadata={"param": Param(default, label, **about)})


@dataclass(frozen=True)
class Spec:
    """Base of every explainer's parameters; frozen, hashable, and checked when it is made.

    Raises:
        ExplainerError: a value is outside what its Param allows.
    """

    SLUG: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for name, about in self.params().items():
            object.__setattr__(self, name, about.check(getattr(self, name)))

    @classmethod
    def params(cls) -> dict[str, Param]:
        """Name -> Param, in the order of the fields."""
        return {f.name: f.metadata["param"] for f in dataclasses.fields(cls)}

    @classmethod
    def key(cls, name: str) -> str:
        """The widget key and the URL's parameter name of a field."""
        return f"{cls.SLUG}.{name}"

    def to_query(self) -> dict[str, str]:
        """What a link must say: the parameters that differ from their default."""
        return {
            self.key(name): str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in self.as_dict().items()
            if value != self.params()[name].default
        }

    @classmethod
    def from_query(cls: type[S], query: Mapping[str, str]) -> tuple[S, dict[str, str]]:
        """The Spec that a link describes, and key -> sentence for every value that could not be used and is at its default."""
        values, problems = {}, {}
        for name, about in cls.params().items():
            if cls.key(name) in query:
                try:
                    values[name] = about.check(query[cls.key(name)])
                except ExplainerError as problem:
                    problems[cls.key(name)] = f"{problem} (the link's value was left out)"
        return cls(**values), problems

    def as_dict(self) -> dict[str, Any]:
        """Name -> value."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}

    def to_json(self) -> str:
        """The configuration file that a user downloads."""
        return json.dumps({"explainer": self.SLUG, "parameters": self.as_dict()}, indent=2, ensure_ascii=False)

    @classmethod
    def from_json(cls: type[S], text: str) -> S:
        """The Spec of an uploaded configuration file.

        Raises:
            ExplainerError: it is not such a file, belongs to another explainer, or holds a value out of range.
        """
        try:
            content = json.loads(text)
            slug, values = content["explainer"], {**content["parameters"]}
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ExplainerError(
                "this is not a configuration file; it should be the JSON that 'Download settings' gives"
            ) from None
        if slug != cls.SLUG:
            raise ExplainerError(f"this file belongs to {str(slug)[:40]!r}, not to {cls.SLUG!r}; open it there")
        if unknown := sorted(set(values) - set(cls.params())):
            raise ExplainerError(f"unknown parameter {unknown[0][:40]!r}; allowed: {one_of(cls.params())}")
        return cls(**{name: cls.params()[name].check(value) for name, value in values.items()})


@dataclass(frozen=True)
class Snapshot:
    """What a training loop says after `step` of `total` steps. It crosses processes: plain numbers and arrays only.

    `metrics` (name -> number) is kept for every snapshot; `arrays` (name -> numpy array) is kept for the newest one
    and, thinned, for a film.
    """

    step: int
    total: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    arrays: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Frame:
    """One picture of a film: what changes in the figure. `data[i]` holds the attributes to set on trace `traces[i]`."""

    data: Sequence[Mapping[str, Any]]
    traces: Sequence[int]
    layout: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Figure:
    """A picture as data: Plotly traces and layout as plain dicts with numpy arrays, and the words that go with it.

    `alt` says to a screen reader what is to be seen, with numbers; `how_to_read` explains every mark and colour.
    `frames`, if any, make it a film: frame k is drawn over the figure when the transport bar stands at k.
    """

    data: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any]
    alt: str
    how_to_read: str
    frames: Sequence[Frame] = ()


@dataclass(frozen=True)
class Step:
    """One stop of a transport bar: a short `title`, and the sentence and LaTeX formulas shown with it."""

    title: str
    text: str = ""
    latex: Sequence[str] = ()


@dataclass(frozen=True)
class View:
    """A closer look, as data: Markdown sentences, LaTeX formulas, its own controls, figures, then a table.

    `params` are the Spec's parameters that this look needs on top; `choices` those whose options depend on the state: name ->
    (options, what is chosen now), a list where several may be chosen. `rows` of the table: column -> what stands there.
    """

    sentences: Sequence[str]
    latex: Sequence[str] = ()
    params: Sequence[str] = ()
    choices: Mapping[str, tuple[Sequence[str], str | Sequence[str]]] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    rows: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Example:
    """A preset: `settings` (field -> value) of a Spec worth looking at, with `topics` that a search finds it by."""

    slug: str
    title: str
    summary: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    topics: Sequence[str] = ()


@dataclass(frozen=True)
class TourStop:
    """One stop of a guided tour: what it sets, and what to look at there."""

    title: str
    text: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """Predict, then reveal. `answer` was computed from the live run: a number (`options` empty), or one of `options`.

    A number counts as right within `tolerance`. `explanation` is shown after the guess, with the live numbers.
    """

    slug: str
    prompt: str
    answer: float | str
    explanation: str
    options: Sequence[str] = ()
    tolerance: float = 0.0

    def right(self, guess: float | str) -> bool:
        """Whether `guess` is the answer."""
        return guess == self.answer if self.options else abs(float(guess) - float(self.answer)) <= self.tolerance
