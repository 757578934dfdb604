"""The map leads somewhere, says each topic once, and leaves none of the outlines' topics out."""

from __future__ import annotations

import re
from collections import Counter
from importlib import import_module
from itertools import groupby
from pathlib import Path

import pytest

from core.curriculum import COURSES, PLANNED, TOPICS, Link, Topic, coverage
from core.curriculum.topics import read_link
from core.registry import EXPLAINERS

OUTLINES = Path(__file__).resolve().parents[4] / "shared" / "curriculum"

# Headings that hold the outline together, and headings under which nothing is to be learned.
FRAMES = {
    "Curriculum Breakdown",
    "Detailed Topics",
    "Planned Content Structure",
    "Contents",
    "Topics and Problems to Solve",
}
NO_TOPIC_SECTIONS = {
    "", "Prerequisites", "Recommended Learning Resources", "Framework Choice (2025)", "Time Allocation", "Next Steps",
    "Development Notes", "References", "Technologies Used", "Learning Resources", "Tools",
}  # fmt: skip
# Lines that are no topics: praise, careers, and the name of a data set.
NO_TOPIC = (
    r"Deployment-ready",
    r"Preferred for research",
    r"Strong research community",
    r"Contribute to open-source deep learning frameworks",
    r"Design novel architectures published in papers",
    r"Create deep learning infrastructure for organization",
    r"Mentor team in deep learning best practices",
    r"Dataset: .*",
    r"Complete at least 3 mini-projects to showcase your deep learning skills\.",
)
BULLET = re.compile(r"(\s*)(?:[-*]|\d+\.)\s+(.*)")


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"\*\*|\[ \]", "", text)).strip().removesuffix(":")


def outline(markdown: str) -> list[tuple[str, str]]:
    """(section, line) of every bullet, keyword and lab of an outline. The section is "heading › heading › label › group"."""
    rows: list[tuple[str, str]] = []
    headings: dict[int, str] = {}
    label, groups = "", []
    lines = markdown.splitlines()
    for k, line in enumerate(lines):
        section = [plain(text) for level, text in sorted(headings.items()) if level > 1 and plain(text) not in FRAMES]
        if heading := re.match(r"(#+)\s+(.*)", line):
            level = len(heading[1])
            title = re.sub(r" \(Week .*?\)", "", heading[2])
            headings = {n: text for n, text in headings.items() if n < level} | {level: title}
            label, groups = "", []
        elif keywords := re.match(r"\*\*(Key Concepts):\*\* (.*)", line):
            rows += [(" › ".join([*section, keywords[1]]), plain(word)) for word in keywords[2].split(",")]
        elif lab := re.match(r" ?\*\*([\w -]+)\*\*: (.*)", line):
            rows.append((" › ".join(section), plain(lab[0])))
        elif re.fullmatch(r"\s*\*\*[^*]+\*\*\s*", line):
            label, groups = plain(line), []
        elif bullet := BULLET.match(line):
            depth = len(bullet[1])
            groups = [group for group in groups if group[0] < depth]
            below = BULLET.match(next(filter(str.strip, lines[k + 1 :]), ""))
            if below and len(below[1]) > depth:
                groups.append((depth, plain(bullet[2])))
            else:
                path = [*section, *filter(None, [label]), *(group for _, group in groups)]
                rows.append((" › ".join(path), plain(bullet[2])))
    return rows


def is_topic(section: str, text: str) -> bool:
    return section.split(" › ")[0] not in NO_TOPIC_SECTIONS and not any(re.fullmatch(p, text) for p in NO_TOPIC)


def test_the_outline_reader_sees_bullets_groups_labels_keywords_and_labs() -> None:
    text = """# Course
## Detailed Topics
### 1. Nets (Week 9, Days 1-3)
**Core Topics:**
- **Perceptron**: weights
- Text:
  - Padding
#### 1.1 Labs
1. Build it.
 **Lab**: Train it
**Key Concepts:** one, two/three
### Milestones
- [ ] Done
"""
    assert outline(text) == [
        ("1. Nets › Core Topics", "Perceptron: weights"),
        ("1. Nets › Core Topics › Text", "Padding"),
        ("1. Nets › 1.1 Labs", "Build it."),
        ("1. Nets › 1.1 Labs", "Lab: Train it"),
        ("1. Nets › 1.1 Labs › Key Concepts", "one"),
        ("1. Nets › 1.1 Labs › Key Concepts", "two/three"),
        ("Milestones", "Done"),
    ]


@pytest.mark.skipif(not OUTLINES.is_dir(), reason="the course outlines are not beside the project")
@pytest.mark.parametrize("course", range(len(COURSES)))
def test_the_map_is_the_outline_line_by_line(course: int) -> None:
    text = (OUTLINES / f"curriculum-{course}.md").read_text(encoding="utf-8")
    assert plain(text.splitlines()[0].lstrip("# ")) == COURSES[course]
    asked = [row for row in outline(text) if is_topic(*row)]
    assert [(t.section, t.text.removesuffix(":")) for t in TOPICS if t.course == course] == asked


@pytest.mark.skipif(not OUTLINES.is_dir(), reason="the course outlines are not beside the project")
def test_no_exception_is_stale() -> None:
    rows = [row for path in OUTLINES.glob("curriculum-*.md") for row in outline(path.read_text(encoding="utf-8"))]
    assert {section.split(" › ")[0] for section, _ in rows} >= NO_TOPIC_SECTIONS
    for pattern in NO_TOPIC:
        assert any(re.fullmatch(pattern, text) for _, text in rows), pattern


@pytest.mark.parametrize("link", sorted({link for t in TOPICS for link in t.links}, key=str), ids=str)
def test_no_link_is_dead(link: Link) -> None:
    if link.slug == "home":
        assert link.example == ""
        return
    assert link.slug in {e.slug for e in EXPLAINERS}
    assert link.example in {"", *(example.slug for example in import_module(f"core.{link.slug}").EXAMPLES)}


def test_every_row_says_what_teaches_it_or_what_will() -> None:
    for t in TOPICS:
        assert t.section
        assert t.text
        assert t.links or t.planned, t
        assert len(set(t.links)) == len(t.links), t


def test_every_planned_explainer_is_known_used_and_still_to_come() -> None:
    assert {t.planned for t in TOPICS if t.planned} == set(PLANNED)
    assert not set(PLANNED) & {e.title for e in EXPLAINERS}


def test_no_topic_stands_twice_in_a_section_and_sections_stand_together() -> None:
    rows = Counter((t.course, t.section, t.text.casefold()) for t in TOPICS)
    assert [row for row, times in rows.items() if times > 1] == []
    sections = [key for key, _ in groupby(TOPICS, key=lambda t: (t.course, t.section))]
    assert len(set(sections)) == len(sections)
    assert sections == sorted(sections, key=lambda section: section[0])


def test_a_row_s_link_names_explainer_preset_and_words() -> None:
    assert read_link("home") == Link("home", "", "")
    assert read_link("home#a b, c") == Link("home", "", "a b, c")
    assert read_link("a/b") == Link("a", "b", "")
    assert read_link("a/b#c/d") == Link("a", "b", "c/d")


def test_a_topic_is_taught_in_full_in_part_or_not_yet() -> None:
    link = (Link("home"),)
    assert Topic(0, "s", "t", link, "").status == "taught"
    assert Topic(0, "s", "t", link, "Later").status == "partly"
    assert Topic(0, "s", "t", (), "Later").status == "not yet"


def test_coverage_counts_every_topic_once() -> None:
    assert [(c.course, c.title) for c in coverage()] == list(enumerate(COURSES))
    for c in coverage():
        own = [t for t in TOPICS if t.course == c.course]
        assert c.total == len(own)
        assert c.not_yet == sum(not t.links for t in own)
        assert c.partly == sum(bool(t.links and t.planned) for t in own)
        assert c.taught == sum(not t.planned for t in own)
