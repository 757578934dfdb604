"""The README says what is so: table, commands, settings and folders are held against the project."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.registry import EXPLAINERS
from pages._ui.frame import prose

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_is_the_registry() -> None:
    rows = re.findall(r"^\| \[(.+?)\]\(pages/(\w+)\.py\) \| (.+?) \| (.+?) \|$", README, re.MULTILINE)
    assert rows == [(e.title, e.slug, e.section, e.summary) for e in EXPLAINERS]


def test_picture_files_and_folders_exist() -> None:
    for path in re.findall(r"\]\((?!http)([^)]+)\)", README):
        assert (ROOT / path).exists(), path
    for path in re.findall(r"^(\S+/)\s{2,}", README, re.MULTILINE):
        if "<" not in path:
            assert (ROOT / path).is_dir(), path


def test_the_commands_are_the_makefile_s() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\bmake (\w+)", README):
        if target not in ("a",):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    assert "make test" in (ROOT / ".ci/run").read_text(encoding="utf-8")


def test_every_setting_is_documented() -> None:
    code = "\n".join(p.read_text(encoding="utf-8") for room in ("core", "pages") for p in (ROOT / room).rglob("*.py"))
    assert set(re.findall(r"GLASSNET_[A-Z_]+", code)) <= set(re.findall(r"GLASSNET_[A-Z_]+", README))


@pytest.mark.parametrize("slug", ["home", *(e.slug for e in EXPLAINERS)])
def test_prose_names_its_sources(slug: str) -> None:
    sections = prose(slug)
    assert {"What to see", "Formula", "Sources"} <= sections.keys()
    assert re.search(r"\b(19|20)\d\d\b", sections["Sources"])


def test_no_line_names_a_machine() -> None:
    rooms = ("core", "pages", "models", "assets", "tests", "bench", ".streamlit", ".ci")
    files = [
        p
        for room in rooms
        for p in (ROOT / room).rglob("*")
        if p.suffix in {".py", ".md", ".toml", ".js", ".css", ".svg", ".sh", ".txt", ""} and p.is_file()
    ]
    for path in [*files, ROOT / "README.md", ROOT / "Makefile", ROOT / "app.py"]:
        assert not re.search(r"(?<!\w)/(home|root|Users)/\w", path.read_text(encoding="utf-8")), path
