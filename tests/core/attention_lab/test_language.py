"""A language model goes on with a text: rules by hand, bits by hand, the training of one's own, and the lab's operations on it."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from core import attention_lab as page
from core.attention.language import corpus_of, language, text_of
from core.attention.shipped import in_float64, shipped
from core.attention_lab import OWN, SPEC, subject
from core.attention_lab.compute import ablation, forcing, marks, run
from core.attention_lab.language import (
    SAMPLE,
    Rule,
    choosing,
    course_of,
    grams_of,
    lessons,
    prompt_of,
    rules,
    written_by,
    written_texts,
)
from core.attention_lab.lenses import shown
from core.data.corpora import sentences
from core.data.ngrams import ngram_bits
from core.errors import ExplainerError

TEXT = sentences().text[:2000]
WRITE = SPEC(task="text", lens="write", text="for x in ", temperature=0.7)


def test_greedy_takes_the_likeliest_and_the_others_obey_their_cuts():
    texts = {w.rule: w for w in written_texts(WRITE)}
    assert [w.rule for w in written_texts(WRITE)] == [rule.name for rule in rules(WRITE)]
    model, task, prompt = in_float64("text"), language(), prompt_of("for x in")
    tokens = prompt.clone()
    with torch.no_grad():
        for _ in range(20):
            tokens = torch.cat([tokens, model(tokens)[:, -1].argmax(-1, keepdim=True)], 1)
    assert text_of(task, tokens[0, 8:]) == texts["greedy"].text[:20]
    assert texts["greedy"].likeliest == 1
    for w in texts.values():
        assert len(w.text) == 120
        codes = torch.tensor([[task.vocabulary.index(c) for c in w.text]])
        with torch.no_grad():
            log_p = model(torch.cat([prompt, codes], 1))[0, 7:-1].log_softmax(-1)
        told = log_p.gather(1, codes.T)[:, 0]
        assert w.bits == pytest.approx(-told.mean().item() / math.log(2), abs=1e-9)
        rank = (log_p > told[:, None]).sum(1)
        assert w.likeliest == pytest.approx((rank == 0).double().mean().item())
        assert rank.max() < (5 if "top-k" in w.rule else 97)
    again = {w.rule: w for w in written_texts(WRITE)}
    assert again == texts
    other = {w.rule: w for w in written_texts(SPEC(**{**WRITE.as_dict(), "seed": 1}))}
    assert other["greedy"] == texts["greedy"]
    assert other["temperature 0.7"] != texts["temperature 0.7"]


def test_rules_draw_from_the_filtered_probabilities():
    logits = torch.tensor([[2.0, 1.0, 0.0, -1.0]]).expand(2, -1)
    choose = choosing([Rule("greedy", 0.0), Rule("two", 1.0, 2)], 0)
    drawn = torch.stack([choose(logits) for _ in range(400)])
    assert (drawn[:, 0] == 0).all()
    assert set(drawn[:, 1].tolist()) == {0, 1}
    assert (drawn[:, 1] == 0).double().mean().item() == pytest.approx(1 / (1 + math.exp(-1)), abs=0.08)


def test_the_window_ends_the_text_and_other_signs_are_refused():
    model, task = in_float64("text"), language()
    full = prompt_of("a" * 128)
    assert len(written_by(model, task, full, [Rule("greedy", 0.0)], 0)[0].text) == 1
    assert len(written_by(model, task, prompt_of("ab"), [Rule("greedy", 0.0)], 0, 7)[0].text) == 7
    with pytest.raises(ExplainerError, match="is no token"):
        prompt_of("naïve")


def test_the_model_that_ships_is_ahead_of_counting():
    ship = shipped("text")
    assert ship.record["test_bits"] == pytest.approx(ship.film.metrics["bits"][-1], abs=0.01)
    assert ship.record["test_bits"] < min(grams_of("").values())
    assert ship.film.maps.shape[-2:] == (32, 32)
    assert "accuracy" not in ship.film.heads
    (asked,) = page.questions(subject(SPEC(lens="learn")))
    at = ship.film.steps.tolist().index(asked.answer)
    assert ship.film.metrics["bits"][at] < min(grams_of("").values()) <= ship.film.metrics["bits"][at - 1]


def test_the_operations_work_on_a_text():
    who = subject(SPEC(task="text"))
    assert who.row == len("If the object is a class, the") - 2
    found = ablation(who)
    assert found.loss.shape == (2, 4)
    tokens = who.arranged.inputs
    with torch.no_grad():
        p = in_float64("text")(tokens)[0, :-1].log_softmax(-1)
    assert marks(run(who, who.arranged), who.arranged)[0] == pytest.approx(-p.gather(1, tokens[0, 1:, None]).mean().item())  # fmt: skip
    with pytest.raises(ExplainerError, match="nobody knows"):
        forcing(subject(SPEC(task="text", pattern="truth")))
    assert page.look(subject(SPEC(task="text", lens="patch", text="print(x)"))).figures
    assert page.look(subject(SPEC(task="text", lens="force", text="print(x)"))).rows


def test_one_s_own_text_is_learned():
    spec = SPEC(lens="learn", corpus="own", own=OWN.keep(TEXT.encode()), depth=1, width=32, steps=20)
    course = course_of(spec)
    assert course.text == corpus_of(course.text).text
    assert "Your own text is not here" not in " ".join(page.learned(spec, {}, ()).sentences)
    told = []
    for snapshot in lessons(course, spec):
        told.append(snapshot)
        if len(told) == 3:
            break
    assert [a.step < b.step for a, b in pairwise(told)] == [True, True]
    start = "".join(c for c in "The " if c in TEXT)
    assert str(told[0].arrays["sample"]).startswith(start)
    assert len(str(told[0].arrays["sample"])) == SAMPLE + len(start)
    curve = {"step": [s.step for s in told], "bits": [s.metrics["bits"] for s in told]}
    seen = page.learned(spec, curve, told)
    lines = {trace["name"]: trace for trace in seen.figures["learning"].data}
    np.testing.assert_allclose(lines["yours"]["y"], curve["bits"])
    levels = [trace["y"][0] for trace in seen.figures["learning"].data if trace["name"] == "n-grams"]
    np.testing.assert_allclose(levels, list(ngram_bits(corpus_of(course.text)).values()))
    assert len(seen.rows) == 3
    other = page.learned(SPEC(**{**spec.as_dict(), "width": 64}), curve, told)
    assert "yours" not in {trace["name"] for trace in other.figures["learning"].data}, "another training's curve"
    lost = SPEC(lens="learn", corpus="own", own="0" * 16)
    assert course_of(lost).text == ""
    assert "Your own text is not here" in page.learned(lost, {}, ()).sentences[-1]


def test_a_text_in_a_sentence_is_no_markdown():
    assert shown("a*b_c`\n$x$") == r"a\*b\_c\`↵\$x\$"


def test_reports_hold_every_digit():
    for lens in ("ablate", "force", "patch", "write", "learn"):
        spec = SPEC(task="lookup", lens=lens)
        assert page.sections(spec)[0].figures
        lines = page.table(spec).splitlines()
        assert len(lines) >= 5
        assert all(line.count(",") >= lines[0].count(",") for line in lines)
    found = ablation(subject(SPEC(task="lookup")))
    rows = [line.rsplit(",", 2) for line in page.table(SPEC(task="lookup")).splitlines()[2:]]
    assert [float(loss) for _, loss, _ in rows] == found.loss.ravel().tolist()
