"""The exported script where the presets do not reach: a vector file by its table, drawn pairs, the manual."""

from __future__ import annotations

import pytest

from core.text_tokens import numbers, script, table
from core.text_tokens import vectors as v
from core.text_tokens.spec import TextTokensSpec

FILE = "man 1 0 0\nking 1 1 0\nwoman 0 0 1\nqueen 0.1 1 1\nfish -1 -1 -1\n"


@pytest.mark.parametrize(
    "settings", [{"corpus": "file"}, {"objective": "sampled", "steps": 20}, {"corpus": "manual", "steps": 20}]
)
def test_it_prints_the_page_s_numbers(settings: dict, tmp_path, monkeypatch, capsys) -> None:
    if settings["corpus" if "corpus" in settings else "objective"] == "file":
        settings = {**settings, "file": v.keep(FILE.encode())}
    spec = TextTokensSpec(lens="embeddings", **settings)
    (tmp_path / "text_tokens.csv").write_text(table(spec), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    exec(compile(script(spec), "script", "exec"), {"__name__": "__main__"})
    said = dict(line.split(" = ") for line in capsys.readouterr().out.splitlines())
    wanted = numbers(spec)
    assert said.keys() == wanted.keys()
    assert [float(said[name]) for name in wanted] == pytest.approx(list(wanted.values()), rel=1e-9)
