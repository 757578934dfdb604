"""What a cache saves: the counts are sums over the steps, the bytes are what the tensors take, and both ways say the same."""

from __future__ import annotations

import numpy as np
import pytest

from core import attention_lab as page
from core.attention_lab import SPEC, subject
from core.attention_lab.caching import timed, tokens_of

SMALL = SPEC(lens="cache", written=16, depth=2, width=32, positions="alibi")


def test_every_step_is_timed_counted_and_weighed():
    t = timed(SMALL)
    assert t.seconds.shape == t.counts.shape == (2, 16)
    assert (t.seconds > 0).all()
    assert np.isfinite(t.seconds).all()
    for k in range(1, 17):
        token = 12 * 32**2  # projections and feed-forward part
        assert t.counts[0, k - 1] == 2 * (k * token + 2 * 32 * k * k) + k * 32 * 96
        assert t.counts[1, k - 1] == 2 * (token + 2 * 32 * k) + 32 * 96
        assert t.formula[k - 1] == t.weighed[k - 1] == 4 * 2 * 2 * 32 * k
    assert 0 <= t.gap < 1e-4
    assert tokens_of(16).tolist() == tokens_of(16).tolist()


@pytest.mark.parametrize("positions", ["learned", "rope"])
def test_what_is_shown_is_what_was_measured(positions: str):
    spec = SPEC(lens="cache", written=16, width=32, depth=1, positions=positions)
    t, seen = timed(spec), page.look(subject(spec))
    lines, marks = seen.figures["times"].data[:2], seen.figures["times"].data[2:]
    for row, mark, line in zip(1e3 * t.seconds, marks, lines, strict=True):
        np.testing.assert_array_equal(mark["y"], row)
        np.testing.assert_allclose(line["y"], [np.median(row[max(0, k - 4) : k + 5]) for k in range(16)])
    for row, line in zip(t.counts, seen.figures["counts"].data, strict=True):
        np.testing.assert_array_equal(line["y"], row)
        np.testing.assert_array_equal(line["x"], np.arange(1, 17))
    assert [row["tokens written"] for row in seen.rows] == [1, 2, 4, 8, 16]
    assert seen.rows[-1]["cached (multiply-adds)"] == f"{t.counts[1].sum():,}"
    assert page.numbers(spec) == {
        "multiply-adds anew": t.counts[0].sum(), "multiply-adds cached": t.counts[1].sum(), "bytes in the cache": t.weighed[-1],
    }  # fmt: skip
    (asked,) = page.questions(subject(spec))
    assert asked.right(t.counts[0].sum() / t.counts[1].sum())
    assert not asked.right(16)
    (step,) = page.worked(spec)
    for formula, value in zip(step.latex, (*t.counts[:, -1], t.weighed[-1]), strict=True):
        left, right = formula.split(" = ")[1:] if formula.startswith("m") else formula.split(" = ")
        assert int(right.split("\\")[0]) == value
        assert eval(left.replace(r"\cdot", "*").replace("^", "**").split("\\")[0]) == value
    lines = page.table(spec).splitlines()
    assert lines[0].startswith("token,seconds anew,seconds cached")
    assert [float(x) for x in lines[-1].split(",")] == [16, *t.seconds[:, -1], *t.counts[:, -1], t.formula[-1], t.weighed[-1]]  # fmt: skip
