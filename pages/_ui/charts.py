"""Place a figure on the page: it keeps zoom, camera and legend, follows a film and the theme, and reports clicks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from core.contracts import Figure
from core.plots.encode import encode
from pages._ui.mount import component, plotly_address

_HTML = """
<div class="gn-chart" data-state="loading">
  <div class="gn-scroll"><div class="gn-plot" role="img"></div></div>
  <p class="gn-note" role="status"></p>
  <div class="gn-foot">
    <details hidden><summary>How to read this</summary><div></div></details>
    <div class="gn-tools" role="group" aria-label="Picture tools">
      <button type="button" data-tool="reset" aria-label="Reset the view" title="Reset the view">Reset</button>
      <button type="button" data-tool="png" aria-label="Download as PNG" title="Download as PNG">PNG</button>
      <button type="button" data-tool="svg" aria-label="Download as SVG" title="Download as SVG">SVG</button>
      <button type="button" data-tool="html" aria-label="Download as HTML" title="Download as a page that works offline">HTML</button>
    </div>
  </div>
</div>
"""
# Not isolated: plotly.js puts its rules (layout of the stacked SVGs, cursors, hover) into the document's head, which a
# shadow root does not see. All our own class names begin with gn-.
_CHART = component("chart", _HTML, isolate_styles=False)
FOOT = 28  # px of the row under the picture, known to Streamlit so that nothing moves when the picture arrives


@dataclass(frozen=True)
class Click:
    """The mark that was clicked: its trace, its index there (row and column on a grid), its values."""

    trace: int
    point: int | tuple[int, ...] | None
    x: Any = None
    y: Any = None
    z: Any = None
    customdata: Any = None


def chart(
    figure: Figure,
    *,
    key: str,
    height: int = 420,
    min_width: int = 0,
    film: str = "",
    clickable: bool = False,
    caption: bool = True,
    static: bool = False,
) -> Click | None:
    """Draw `figure` with its alt text and, on demand, how to read it. Returns a click in the one rerun it causes.

    On a screen narrower than `min_width` pixels the picture keeps that width and is moved under its frame.
    `film` names the transport bar that the figure's frames follow. `static` is a thumbnail without hover and tools.
    """
    data = {
        "figure": encode(figure), "film": film, "clickable": clickable, "still": static, "height": height, "minWidth": min_width,
        "alt": figure.alt, "words": figure.how_to_read, "caption": figure.how_to_read if caption else "",
        "title": _title(figure), "name": re.sub(r"[^A-Za-z0-9]+", "-", key).strip("-"), "plotly": plotly_address(figure),
    }  # fmt: skip
    result = _CHART(key=key, data=data, height=height + (0 if static else FOOT), on_click_change=_nothing)
    return _click(result.click) if clickable and result.click else None


def _nothing() -> None:
    """Streamlit wants a callback for every event that it should report."""


def _title(figure: Figure) -> str:
    """The figure's own title, else the first sentence of its alt text."""
    title = figure.layout.get("title")
    text = title.get("text") if isinstance(title, dict) else title
    return text or re.split(r"[.:;]\s", figure.alt)[0]


def _click(sent: dict[str, Any]) -> Click:
    point = sent["point"]
    return Click(**{**sent, "point": tuple(point) if isinstance(point, list) else point})
