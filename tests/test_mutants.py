"""The recorded breakages still fit the code: each old text stands exactly once in its file, and every explainer has some."""

import pytest

from core.registry import EXPLAINERS
from tests.mutants import ROOT, mutants


@pytest.mark.parametrize("mutant", mutants(), ids=lambda m: f"{m['file']}: {m['old'][:40]}")
def test_the_breakage_still_applies(mutant: dict[str, str]) -> None:
    text = (ROOT / mutant["file"]).read_text(encoding="utf-8")
    assert text.count(mutant["old"]) == 1
    assert mutant["new"] != mutant["old"]
    assert all((ROOT / test.split("::")[0]).exists() for test in mutant["tests"].split())


@pytest.mark.parametrize("e", EXPLAINERS, ids=lambda e: e.slug)
def test_every_explainer_records_a_breakage(e) -> None:
    assert any(mutant["file"].startswith(f"core/{e.slug}/") for mutant in mutants())
