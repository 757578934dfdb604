"""Browser components whose JavaScript is fetched once: Streamlit's messages carry a stub of five lines.

Streamlit sends a component's whole script with every message about it. A page of charts that follow a training run
would send the same code several times a second; so the script is a module at an address that never changes its content.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from core.contracts import Figure
from pages._ui.routes import MODULES_VERSION, PLOTLY_VERSION, plotly_build

COMPONENTS = Path(__file__).parent / "components"
_STUB = """
const address = new URL("assets/ui/{version}/{module}", document.baseURI).href;
export default async function (component) {{
  try {{
    return (await import(address)).default(component);
  }} catch (problem) {{
    console.error(problem);
    component.parentElement.textContent = "This part of the page could not be loaded; reload the page to try again.";
  }}
}}
"""


def component(name: str, html: str, *, isolate_styles: bool = True) -> Callable[..., Any]:
    """The component of components/<name>.js and <name>.css with its first HTML, mounted by calling it."""
    return st.components.v2.component(
        f"glassnet_{name}",
        html=html,
        css=(COMPONENTS / f"{name}.css").read_text(encoding="utf-8"),
        js=_STUB.format(version=MODULES_VERSION, module=f"{name}.js"),
        isolate_styles=isolate_styles,
    )


def plotly_address(figure: Figure) -> str:
    """Where the browser finds the plotly.js for `figure`, relative to the page."""
    return f"assets/plotly/{PLOTLY_VERSION}/{plotly_build(figure)}"
