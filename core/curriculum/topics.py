"""The map from every topic of five course outlines to what teaches it; topics.toml is the data.

A topic is taught in full (links, nothing planned), in part (links, and the explainer to come that will teach the rest),
or not yet (no link, only that explainer's name). Rows keep the outlines' own words and order.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

DATA = tomllib.loads(Path(__file__).with_name("topics.toml").read_text(encoding="utf-8"))

Status = Literal["taught", "partly", "not yet"]


@dataclass(frozen=True)
class Link:
    """An explainer, or "home"; a preset of it, or "" for its default; and what to look at there, or "" for all of it."""

    slug: str
    example: str = ""
    words: str = ""


@dataclass(frozen=True)
class Topic:
    """One line of an outline. `course` is an index of COURSES; `planned` names the explainer to come, or is ""."""

    course: int
    section: str
    text: str
    links: tuple[Link, ...]
    planned: str

    @property
    def status(self) -> Status:
        """How much of the topic is taught today."""
        if not self.links:
            return "not yet"
        return "partly" if self.planned else "taught"


@dataclass(frozen=True)
class Coverage:
    """How many topics of a course are taught in full, in part and not yet."""

    course: int
    title: str
    taught: int
    partly: int
    not_yet: int

    @property
    def total(self) -> int:
        """All topics of the course."""
        return self.taught + self.partly + self.not_yet


def read_link(text: str) -> Link:
    """The link that a row of topics.toml writes as "slug", "slug/example" or either with "#words" after it.

    >>> read_link("backprop_stepper/adam_step#momentum")
    Link(slug='backprop_stepper', example='adam_step', words='momentum')
    """
    target, _, words = text.partition("#")
    slug, _, example = target.partition("/")
    return Link(slug, example, words)


def _topics(section: dict[str, Any]) -> list[Topic]:
    return [
        Topic(section["course"], section["title"], text, tuple(read_link(link) for link in links), planned)
        for text, links, planned in section["topics"]
    ]


COURSES: tuple[str, ...] = tuple(DATA["courses"])
PLANNED: tuple[str, ...] = tuple(DATA["planned"])
TOPICS: tuple[Topic, ...] = tuple(topic for section in DATA["section"] for topic in _topics(section))


def coverage() -> tuple[Coverage, ...]:
    """The counts of each course, in the order of COURSES."""
    count = Counter((topic.course, topic.status) for topic in TOPICS)
    return tuple(
        Coverage(course, title, count[course, "taught"], count[course, "partly"], count[course, "not yet"])
        for course, title in enumerate(COURSES)
    )
