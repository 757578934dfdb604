"""What every explainer must hold, found through the registry: a new one is tested without writing a test.

Each core/<slug>/__init__.py gives SPEC, EXAMPLES, TOUR, figures(spec), numbers(spec), script(spec) and thumbnail().
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

from core.contracts import Example, Figure, Param, Spec
from core.errors import ExplainerError
from core.notebook import to_notebook
from core.plots.encode import figure_json
from core.registry import EXPLAINERS
from tests.conformance.interpreter import Interpreter

CORES = {slug: importlib.import_module(f"core.{slug}") for slug in ("home", *(e.slug for e in EXPLAINERS))}
SLUGS = list(CORES)
PRESETS = [pytest.param(slug, e, id=f"{slug}-{e.slug}") for slug in SLUGS for e in CORES[slug].EXAMPLES]


def ends(about: Param) -> list[Any]:
    """The values at which a control may break: both ends of a number, every option, both states of a switch."""
    if isinstance(about.default, bool):
        return [False, True]
    if about.options is not None:
        return list(about.options)
    if isinstance(about.default, (int, float)):
        return [value for value in (about.low, about.high) if np.isfinite(value)]
    return []


@pytest.mark.parametrize("slug", SLUGS)
def test_link_and_file_give_the_spec_back(slug: str) -> None:
    spec_type: type[Spec] = CORES[slug].SPEC
    for name, about in spec_type.params().items():
        for value in [about.default, *ends(about)]:
            spec = spec_type(**{name: value})
            assert spec_type.from_query(spec.to_query()) == (spec, {})
            assert spec_type.from_json(spec.to_json()) == spec


@pytest.mark.parametrize("slug", SLUGS)
def test_a_bad_link_falls_back_and_says_so(slug: str) -> None:
    spec_type: type[Spec] = CORES[slug].SPEC
    for name, about in spec_type.params().items():
        if isinstance(about.default, (int, float)) or about.options is not None:
            spec, problems = spec_type.from_query({spec_type.key(name): "no such value"})
            assert spec == spec_type()
            assert list(problems) == [spec_type.key(name)]
            assert about.label in problems[spec_type.key(name)]


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"explainer": "other", "parameters": {}}', '{"explainer": 1}', "[" * 5000]
)
def test_a_bad_settings_file_is_refused(slug: str, text: str) -> None:
    with pytest.raises(ExplainerError, match=r"configuration file|belongs to"):
        CORES[slug].SPEC.from_json(text)


@pytest.mark.parametrize(("slug", "example"), PRESETS)
def test_a_preset_gives_figures_with_words_and_titles(slug: str, example: Example) -> None:
    for name, figure in CORES[slug].figures(CORES[slug].SPEC(**example.settings)).items():
        check_figure(name, figure)


@pytest.mark.parametrize("slug", SLUGS)
def test_every_stop_of_the_tour_opens(slug: str) -> None:
    for stop in CORES[slug].TOUR:
        assert CORES[slug].figures(CORES[slug].SPEC(**stop.settings))
        assert stop.title
        assert stop.text


@pytest.mark.parametrize("slug", SLUGS)
def test_presets_have_names_of_their_own(slug: str) -> None:
    examples = CORES[slug].EXAMPLES
    assert len({e.slug for e in examples}) == len(examples) == len({e.title for e in examples})
    specs = [CORES[slug].SPEC(**e.settings) for e in examples]
    assert len(set(specs)) == len(specs)


@pytest.mark.parametrize("slug", SLUGS)
def test_the_same_spec_gives_the_same_pictures(slug: str) -> None:
    spec = CORES[slug].SPEC()
    first, second = ({n: figure_json(f) for n, f in CORES[slug].figures(spec).items()} for _ in range(2))
    assert first == second


@pytest.mark.parametrize("slug", SLUGS)
def test_the_first_picture_is_small(slug: str) -> None:
    sizes = {name: len(figure_json(figure)) for name, figure in CORES[slug].figures(CORES[slug].SPEC()).items()}
    assert max(sizes.values()) < 1_000_000


@pytest.mark.parametrize(("slug", "example"), PRESETS)
def test_the_script_prints_the_page_s_numbers(
    slug: str, example: Example, tmp_path: Path, interpreter: Interpreter
) -> None:
    """Both the .py and the code cells of the .ipynb run by themselves, and every printed number is the page's."""
    spec = CORES[slug].SPEC(**example.settings)
    script = CORES[slug].script(spec)
    assert not re.search(r"^\s*(from|import) (core|pages|models|streamlit)\b", script, re.MULTILINE)
    notebook = nbformat.reads(to_notebook(script), as_version=4)
    nbformat.validate(notebook)
    cells = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    numbers = CORES[slug].numbers(spec)
    assert numbers
    compare(printed(interpreter, script, tmp_path), numbers)
    if example is CORES[slug].EXAMPLES[0]:
        compare(printed(interpreter, cells, tmp_path), numbers)


@pytest.fixture(scope="module")
def interpreter() -> Iterator[Interpreter]:
    started = Interpreter()
    yield started
    started.close()


def printed(interpreter: Interpreter, script: str, folder: Path) -> dict[str, float]:
    """Run the script in an empty folder, without the project on its path; its lines "name = number"."""
    path = folder / "script.py"
    path.write_text(script, encoding="utf-8")
    status, out, err = interpreter.run(path)
    assert status == 0, err
    pairs = (line.split(" = ") for line in out.splitlines() if line.count(" = ") == 1)
    return {name: float(number) for name, number in pairs}


def compare(found: Mapping[str, float], numbers: Mapping[str, float]) -> None:
    assert found.keys() == dict(numbers).keys()
    for name, number in numbers.items():
        np.testing.assert_allclose(found[name], number, rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("slug", SLUGS)
def test_the_card_s_picture_is_its_own(slug: str) -> None:
    check_figure("thumbnail", CORES[slug].thumbnail())


def check_figure(name: str, figure: Figure) -> None:
    assert len(figure.alt) > 30, f"{name}: the alt text must say what is to be seen"
    assert len(figure.how_to_read) > 30, f"{name}: every mark needs its word"
    drawn = json.loads(figure_json(figure))
    assert drawn["data"], name
    for key, about in drawn["layout"].items():
        if re.fullmatch(r"[xyz]axis\d*", key) and about.get("visible", True):
            assert about["title"]["text"], f"{name}: {key} has no title"
