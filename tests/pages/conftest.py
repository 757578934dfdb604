"""The app without a browser: pages run by Streamlit's AppTest, components seen by the JSON that they are sent.

A component shows up in AppTest's tree as an element of type "bidi_component": its `key`, its `proto.component_name`
("glassnet_chart", "glassnet_transport", ...) and its data as `proto.json`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.registry import EXPLAINERS

ROOT = Path(__file__).resolve().parents[2]
EXPLAINED = ["home", *(e.slug for e in EXPLAINERS)]
SLUGS = [*EXPLAINED, "curriculum"]

Open = Callable[..., AppTest]


@pytest.fixture
def open_page() -> Open:
    """`open_page(slug, query)`: a new session in which the link to that page, with that query, was followed."""

    def go(slug: str, query: Mapping[str, Any] | None = None) -> AppTest:
        at = AppTest.from_file(ROOT / "pages/_ui/main.py", default_timeout=240)
        if slug == "home":
            at.query_params = dict(query or {})
            return at.run()
        return turn_to(at.run(), slug, query)  # AppTest knows a page by its file only after a first run

    return go


def turn_to(at: AppTest, slug: str, query: Mapping[str, Any] | None = None) -> AppTest:
    """The same session after a link to another page was followed."""
    at.switch_page(f"../{slug}.py")
    at.query_params = dict(query or {})
    return at.run()


def core_of(slug: str) -> ModuleType:
    """The explainer's package: SPEC, EXAMPLES, TOUR ..."""
    return import_module(f"core.{slug}")


def components(at: AppTest, name: str) -> dict[str, dict[str, Any]]:
    """Key -> data of every component glassnet_<name> on the page."""
    found = [c for c in at.get("bidi_component") if c.proto.component_name == f"glassnet_{name}"]
    return {c.key: json.loads(c.proto.json) for c in found}
