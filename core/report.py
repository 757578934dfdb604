"""A page's state as files to take home: one HTML file that needs nothing else, and a table as CSV.

The HTML holds settings, sentences, tables and figures with their words; plotly.js and the small module that decodes the figures
are written into it, so that it opens from a disk without a network. Figures with frames follow one slider.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from core.contracts import Figure, Spec, View
from core.plots.encode import encode

STYLE = """body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 1rem auto; padding: 0 1rem; color: #22303c; background: #fff }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem } figure { margin: 1rem 0 2rem } figcaption { color: #55606e }
.plot { height: 460px } .scroll { overflow-x: auto } table { border-collapse: collapse } th, td { padding: .2rem .8rem .2rem 0; text-align: left; border-bottom: 1px solid #d8dde3 }
#film { position: sticky; top: 0; z-index: 2; display: block; padding: .4rem 0; background: #fff } #film input { width: 100% } [hidden] { display: none !important }"""
DRAW = """
const look = { layout: { font: { color: "#22303c", family: "system-ui, sans-serif", size: 13 }, paper_bgcolor: "#fff", plot_bgcolor: "#fff" } };
const figures = sent.map((figure) => ({ ...figure, data: decode(figure.data) }));
const film = document.querySelector("#film"), slider = document.querySelector("#film input");
const last = Math.max(...figures.map((figure) => figure.frames.length)) - 1;
film.hidden = last < 1;
slider.max = slider.value = Math.max(last, 0);
function draw(figure, i) {
  const { data, layout } = picture(figure, figure.frames.length ? Number(slider.value) : null);
  Plotly.react(document.querySelectorAll(".plot")[i], data, { ...layout, autosize: true, template: look }, { displaylogo: false, responsive: true });
}
slider.oninput = () => figures.forEach((figure, i) => figure.frames.length && draw(figure, i));
figures.forEach(draw);
"""


@dataclass(frozen=True)
class Section:
    """A part of a report: its heading, then sentences (plain text), a table and figures by title."""

    heading: str
    sentences: Sequence[str] = ()
    rows: Sequence[Mapping[str, Any]] = ()
    figures: Mapping[str, Figure] = field(default_factory=dict)


def section(heading: str, view: View) -> Section:
    """A part of a page as a section: Markdown's marks are taken off the sentences, and the figures' names begin with a capital."""
    figures = {name[:1].upper() + name[1:]: figure for name, figure in view.figures.items()}
    return Section(heading, [plain(sentence) for sentence in view.sentences], view.rows, figures)


def plain(markdown: str) -> str:
    """The text without marks of emphasis and code, and without the backslashes that keep signs from being marks.

    >>> plain("**Head 1** reads *nothing* at `a`: 2 * 3 \\* 4 = 24")
    'Head 1 reads nothing at a: 2 * 3 * 4 = 24'
    """
    text = re.sub(r"(?<!\\)`", "", markdown)
    for mark in (r"\*\*", r"\*"):
        text = re.sub(rf"(?<![\\*\w]){mark}(?=[^\s*])([^*]*?[^\s*\\])?{mark}(?![*\w])", r"\1", text)
    return re.sub(r"\\([\\`*_{}\[\]()#+.!|~$<>:-])", r"\1", text)


def settings(spec: Spec) -> Section:
    """Every parameter of a page's state, in its own words."""
    about = spec.params()
    rows = [
        {
            "setting": about[name].label,
            "value": (about[name].options or {}).get(value, value),
            "unit": about[name].unit,
            "name in the settings file": name,
        }
        for name, value in spec.as_dict().items()
    ]
    return Section("Settings", rows=rows)


def to_html(title: str, sections: Sequence[Section], library: str, module: str) -> str:
    """The report. `library` is the text of plotly.js, `module` that of the functions `decode` and `picture`."""
    figures = [encode(figure) for section in sections for figure in section.figures.values()]
    sent = json.dumps(figures, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>
<style>{STYLE}</style></head>
<body><h1>{escape(title)}</h1>
<label id="film">Film <input type="range" min="0"></label>
{"".join(map(_section, sections))}
<script>{library}</script>
<script>
{re.sub("^export ", "", module, flags=re.MULTILINE)}
const sent = {sent};
{DRAW}</script></body></html>
"""


def _section(section: Section) -> str:
    words = "".join(f"<p>{escape(sentence)}</p>\n" for sentence in section.sentences)
    figures = "".join(_figure(title, figure) for title, figure in section.figures.items())
    return f"<h2>{escape(section.heading)}</h2>\n{words}{_table(section.rows)}{figures}"


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{escape(str(name))}</th>" for name in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{escape(str(v))}</td>" for v in row.values()) + "</tr>\n" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>\n'


def _figure(title: str, figure: Figure) -> str:
    plot = f'<div class="plot" role="img" aria-label="{escape(figure.alt)}"></div>'
    return f"<figure><h3>{escape(title)}</h3>{plot}<figcaption>{escape(figure.how_to_read)}</figcaption></figure>\n"


def to_csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table with a head line; numbers keep every digit."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return out.getvalue()
