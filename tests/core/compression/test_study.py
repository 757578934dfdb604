"""The variants, their front, tickets, students, and what the page says of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core import compression
from core.compression import study
from core.compression.nets import cross_entropy, initial, logits, student_shapes
from core.compression.prune import masks
from core.compression.study import (
    base_of,
    belongs,
    bit_sweep,
    both_variant,
    chosen,
    front,
    pruned_of,
    pruned_variant,
    rounded_variant,
    standard_error,
    students_of,
    tickets,
    tickets_part,
    variants,
)
from core.contracts import Snapshot
from core.rng import numpy_generator
from tests.core.compression.conftest import SMALL


@pytest.mark.parametrize("seed", range(5))
def test_the_front_is_what_nothing_beats(seed):
    g = np.random.default_rng(seed)
    costs, gains = g.integers(0, 6, 25).astype(float), g.integers(0, 6, 25).astype(float)
    expected = [
        not any(
            costs[j] <= costs[i] and gains[j] >= gains[i] and (costs[j] < costs[i] or gains[j] > gains[i])
            for j in range(25)
        )
        for i in range(25)
    ]
    np.testing.assert_array_equal(front(costs, gains), expected)


def test_equals_stand_on_the_front_together():
    np.testing.assert_array_equal(front(np.array([1.0, 1.0, 2.0, 0.5]), np.array([3.0, 3.0, 3.0, 1.0])), [True, True, False, True])  # fmt: skip


def test_the_standard_error_by_hand():
    assert standard_error(0.9, 100) == pytest.approx(0.03)
    assert standard_error(1.0) == 0.0


def test_the_first_variant_is_the_net_itself():
    data, _, net = base_of(SMALL)
    z = logits(net, data.X_test)
    one = variants(SMALL)[0]
    assert one.right == sum(int(k) == int(y) for k, y in zip(z.argmax(1), data.y_test, strict=True))
    assert one.loss == pytest.approx(cross_entropy(z, data.y_test))
    assert one.bytes == 4 * sum(p.size for layer in net for p in (layer.W, layer.b))
    assert variants(SMALL)[1].bytes * 2 == one.bytes


def test_the_spec_s_own_variants_are_among_all():
    spec = replace(SMALL, bits=5, sparsity=0.7, student=5)
    found = {one.name for one in variants(spec)}
    assert {one.name for name, one in chosen(spec).items() if name != "factorised"} <= found
    assert rounded_variant(spec).accuracy == bit_sweep(spec)["affine"][3]


def test_pruning_nothing_changes_nothing_and_tuning_keeps_the_holes():
    whole = pruned_of(replace(SMALL, sparsity=0.0, tune=0))
    assert pruned_variant(replace(SMALL, sparsity=0.0, tune=0)).right == variants(SMALL)[0].right
    assert len(whole.curve) == 1
    found = pruned_of(SMALL)
    assert len(found.curve) == 2
    for layer, mask in zip(found.tuned, found.masks, strict=True):
        assert not layer.W[~mask].any()


def test_units_that_are_gone_make_everything_cheaper():
    spec = replace(SMALL, method="structured", sparsity=0.5)
    one, base = pruned_variant(spec), variants(spec)[0]
    assert one.macs == 64 * 4 + 4 * 4 + 4 * 10 < base.macs
    assert one.bytes == 4 * (one.macs + 4 + 4 + 10)
    assert both_variant(spec).bytes < one.bytes / 2


def test_students_differ_in_nothing_but_the_teacher():
    spec = replace(SMALL, alpha=0.0)
    found = students_of(spec)
    np.testing.assert_array_equal(found.accuracies["alone"], found.accuracies["taught"])
    other = students_of(SMALL)
    np.testing.assert_array_equal(found.accuracies["alone"], other.accuracies["alone"])
    assert (other.nets["alone"][0][0].W != other.nets["taught"][0][0].W).any()
    first = initial(student_shapes(4), numpy_generator(0, "student"))
    assert first[0].W.shape == other.nets["taught"][0][0].W.shape


def test_a_ticket_with_nothing_removed_is_the_net_itself():
    data, _, net = base_of(SMALL)
    own = study.accuracy(logits(net, data.X_test), data)
    found = tickets("dense", 8, 0, 0.0)
    assert found["ticket"] == found["random"] == own
    assert found["fresh"] != own


def test_a_ticket_is_rewound_not_trained_on(monkeypatch):
    _, first, net = base_of(SMALL)
    seen = []

    def watched(start, *more, **keywords):
        seen.append((start, keywords["masks"]))
        return start

    monkeypatch.setattr(study, "trained", watched)
    for kind in study.TICKETS:
        study.ticket(SMALL, kind, 0.5)
    (rewound, keep), (fresh, same), (lot, random) = seen
    expected = masks(net, "global", 0.5, np.random.default_rng(0))
    for k, layer in enumerate(first):
        np.testing.assert_array_equal(rewound[k].W, layer.W * expected[k])
        np.testing.assert_array_equal(keep[k], same[k])
        np.testing.assert_array_equal(lot[k].W, layer.W * random[k])
        assert (fresh[k].W != rewound[k].W).any()
    assert any((a != b).any() for a, b in zip(keep, random, strict=True))


def test_the_job_measures_every_cell_once(monkeypatch):
    asked = []
    monkeypatch.setattr(study, "ticket", lambda spec, kind, s, draw: asked.append((kind, s, draw)) or len(asked) / 100)
    shots: list[Snapshot] = list(study.train(tickets_part(SMALL)))
    levels = study.levels(SMALL)
    assert len(asked) == len(set(asked)) == shots[-1].total == shots[-1].step == 3 * len(levels) * 3
    values = shots[-1].arrays["tickets"]
    for n, (kind, s, draw) in enumerate(asked, start=1):
        assert values[levels.index(s), list(study.TICKETS).index(kind), draw] == n / 100
    assert np.isnan(shots[0].arrays["tickets"]).all()
    assert belongs(shots[-1].arrays, replace(SMALL, lens="ticket"))
    assert not belongs(shots[-1].arrays, replace(SMALL, seed=1))
    drawn = compression.ticketing(SMALL, shots[-1].arrays).figures["tickets"]
    np.testing.assert_allclose(drawn.data[0]["y"], 100 * values[:, 0].mean(axis=1))
    assert compression.ticketing(SMALL, shots[1].arrays).figures["tickets"].alt.endswith(".")


def test_the_highest_seed_has_tickets_too():
    assert 0.0 <= study.ticket(replace(SMALL, seed=9999), "ticket", 0.5, 2) <= 1.0


def test_numbers_are_the_page_s():
    found = compression.numbers(replace(SMALL, lens="ticket"))
    assert found["rounded bytes"] == rounded_variant(SMALL).bytes
    assert found["student taught, mean accuracy"] == students_of(SMALL).accuracies["taught"].mean()
    assert found["ticket accuracy, ticket"] == tickets("dense", 8, 0, 0.9)["ticket"]
