"""Who may import whom, read from the imports themselves (the rooms are described in README.md, "How it is built")."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from core.registry import EXPLAINERS

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(p for room in ("core", "models", "pages") for p in (ROOT / room).rglob("*.py"))
SHARED = {
    "contracts",
    "errors",
    "rng",
    "registry",
    "plots",
    "jobs",
    "data",
    "training",
    "attribution",
    "store",
    "notebook",
    "formula",
    "convolution",
}
HEAVY = {"torch", "torchvision", "plotly", "captum", "sklearn", "pandas", "distributed"}


def imports(path: Path) -> set[str]:
    """Every module that a file imports anywhere, dotted."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
    return found


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def rooms(path: Path) -> set[str]:
    """The second part of every `core.<room>` that a file imports."""
    return {name.split(".")[1] for name in imports(path) if name.startswith("core.")}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def some(pattern: str) -> list[Path]:
    chosen = [p for p in FILES if p.relative_to(ROOT).match(pattern)]
    assert chosen, f"no file matches {pattern}"
    return chosen


@pytest.mark.parametrize("path", [p for p in FILES if "pages" not in p.relative_to(ROOT).parts], ids=named)
def test_core_and_models_never_import_the_screen(path: Path) -> None:
    assert not roots(path) & {"streamlit", "pages", "app"}


@pytest.mark.parametrize("path", some("pages/*.py"), ids=named)
def test_a_page_imports_its_own_core_and_nothing_heavy(path: Path) -> None:
    assert not roots(path) & HEAVY
    allowed = {path.stem, "registry", "contracts", "errors"}
    if path.stem in ("home", "curriculum"):  # these two show the other explainers' pictures and presets
        allowed |= {"curriculum"}
    assert rooms(path) <= allowed
    assert all(name.startswith("pages._ui") or name == "pages" for name in imports(path) if name.startswith("pages"))


@pytest.mark.parametrize("path", some("pages/_ui/*.py"), ids=named)
def test_the_shared_page_parts_know_no_explainer(path: Path) -> None:
    assert not rooms(path) & {e.slug for e in EXPLAINERS}
    assert not roots(path) & (
        HEAVY - {"torch"}
        if path.stem == "server"
        else HEAVY - {"plotly", "pandas"}
        if path.stem in ("routes", "runs")
        else HEAVY
    )


@pytest.mark.parametrize(
    "path", [ROOT / "core" / f"{n}.py" for n in ("contracts", "errors", "registry", "notebook")], ids=named
)
def test_contracts_need_only_the_standard_library(path: Path) -> None:
    assert roots(path) <= sys.stdlib_module_names | {"core"}
    assert rooms(path) <= {"errors"}


@pytest.mark.parametrize(
    "path", [p for p in FILES if p.stem.endswith("figures") or p.parent.name == "plots"], ids=named
)
def test_figures_take_arrays_and_never_torch(path: Path) -> None:
    assert not roots(path) & {"torch", "torchvision", "captum", "sklearn"}


@pytest.mark.parametrize("path", [p for p in FILES if p.relative_to(ROOT).parts[0] == "core"], ids=named)
def test_one_explainer_never_imports_another(path: Path) -> None:
    own = path.relative_to(ROOT).parts[1]
    others = {e.slug for e in EXPLAINERS} | {"home", "curriculum"}
    assert not rooms(path) & (others - {own})


@pytest.mark.parametrize("path", [p for p in FILES if p.relative_to(ROOT).parts[0] == "models"], ids=named)
def test_models_need_only_torch(path: Path) -> None:
    own = {"torch", "torchvision", "safetensors", "models", "core"}
    training = "train" in path.relative_to(ROOT).parts  # the scripts that make models/weights read data sets
    assert roots(path) <= sys.stdlib_module_names | own | ({"numpy"} if training else set())
    assert rooms(path) <= {"rng", "errors"} | ({"data", "attention", "seq2seq"} if training else set())


def test_captum_has_one_door() -> None:
    doors = {path.relative_to(ROOT).parts[1] for path in FILES if "captum" in roots(path)}
    assert doors <= {"attribution"}


@pytest.mark.parametrize("e", EXPLAINERS, ids=lambda e: e.slug)
def test_every_explainer_has_its_four_places(e) -> None:
    for place in (
        f"core/{e.slug}/__init__.py",
        f"pages/{e.slug}.py",
        f"assets/text/{e.slug}.md",
        f"tests/core/{e.slug}",
    ):
        assert (ROOT / place).exists(), place


def test_the_first_page_needs_no_torch() -> None:
    """app.py, registry and navigation start without torch, captum or scikit-learn: the import alone costs seconds."""
    import subprocess

    check = "import sys, app, pages._ui.frame, pages._ui.controls, core.backprop_stepper; print(*({'torch', 'captum', 'sklearn'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""
