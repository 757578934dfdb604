"""Encodings against closed forms and the papers, the relative property, and the trained decoders against formulas written out."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from core.positions import SPEC, by_hand, look, questions, train, worked
from core.positions.compute import (
    beyond,
    by_offset,
    decoder,
    learned_vectors,
    likeness,
    pair_of,
    parts,
    query_and_key,
    scores,
    shuffled,
    spread,
    spreads,
    table,
    turned,
    waves,
)
from core.positions.lenses import key_of
from core.positions.spec import LENSES
from core.rng import generator
from models.positions import POSITIONS, alibi_slopes
from models.predecessor import IGNORED, LENGTH, LONGEST, PART, RULE, Predecessor, right_by_place, sequences
from models.storage import FOLDER, manifest


def test_the_sines_are_the_paper_s() -> None:
    spec = SPEC(d=8, length=20, base=100.0)
    p = table(spec)
    for t, i in ((0, 0), (3, 1), (19, 3)):
        w = 100.0 ** (-2 * i / 8)
        assert p[t, 2 * i] == pytest.approx(np.sin(t * w), abs=1e-14)
        assert p[t, 2 * i + 1] == pytest.approx(np.cos(t * w), abs=1e-14)
        assert waves(spec)[i] == pytest.approx(w)


@pytest.mark.parametrize("kind", ["sinusoidal", "rope"])
def test_likeness_of_waves_is_a_sum_of_cosines(kind: str) -> None:
    spec = SPEC(kind=kind, d=12, length=30)
    low, mean, high = by_offset(likeness(spec))
    closed = np.cos(np.arange(30)[:, None] * waves(spec)).mean(1)
    for curve in (low, mean, high):
        np.testing.assert_allclose(curve, closed, atol=1e-12)


def test_turned_unit_keys_have_that_likeness_on_average() -> None:
    """With a query that equals the key and even strength in every pair, RoPE's score is the sum of cosines."""
    from models.positions import rotate

    spec = SPEC(d=8, length=16)
    v = torch.ones(16, 8, dtype=torch.float64) / 8**0.5
    R = rotate(v)
    np.testing.assert_allclose((R @ R.T).numpy(), likeness(SPEC(kind="rope", d=8, length=16)), atol=1e-12)
    assert pair_of(SPEC(d=8, pair=63)) == 3
    assert spec.length == 16


def test_alibi_is_a_straight_line_with_the_paper_s_slopes() -> None:
    assert alibi_slopes(8).tolist() == [2.0**-k for k in range(1, 9)]
    assert alibi_slopes(16).tolist() == pytest.approx([2 ** (-k / 2) for k in range(1, 17)])
    spec = SPEC(kind="alibi", length=10)
    np.testing.assert_allclose(likeness(spec), -0.5 * np.abs(np.subtract.outer(np.arange(10), np.arange(10))))
    np.testing.assert_allclose(table(spec)[3], [-3 * 2.0**-k for k in range(1, 9)])


def test_without_positions_all_places_are_alike() -> None:
    assert (likeness(SPEC(kind="none")) == 1).all()
    assert not table(SPEC(kind="none")).any()


def test_diagonals_are_offsets() -> None:
    low, mean, high = by_offset(np.array([[1.0, 9.0, 9.0], [2.0, 3.0, 9.0], [4.0, 6.0, 5.0]]))
    assert mean.tolist() == [3.0, 4.0, 4.0]
    assert low.tolist() == [1.0, 2.0, 4.0]
    assert high.tolist() == [5.0, 6.0, 4.0]


def test_scores_by_hand() -> None:
    spec = SPEC(length=8, d=4, seed=3)
    q, k = (v.numpy() for v in query_and_key(spec, 4))
    p = table(spec)
    assert scores("sinusoidal", spec)[5, 2] == pytest.approx((q + p[5]) @ (k + p[2]) / 2)
    w = waves(spec)
    turn = [np.array([[np.cos(3 * f), -np.sin(3 * f)], [np.sin(3 * f), np.cos(3 * f)]]) for f in w]
    by_hand_s = sum(q[2 * i : 2 * i + 2] @ (turn[i].T @ k[2 * i : 2 * i + 2]) for i in range(2)) / 2
    assert scores("rope", spec)[5, 2] == pytest.approx(by_hand_s), "a key 3 before its query is turned back by 3"
    assert scores("alibi", spec)[5, 2] == pytest.approx(q @ k / 2 - 3 / 2)
    assert scores("none", spec)[5, 2] == pytest.approx(q @ k / 2)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_only_rope_alibi_and_none_know_the_distance_alone(seed: int) -> None:
    found = spreads(SPEC(seed=seed, length=40))
    assert all(found[kind] < 1e-12 for kind in ("rope", "alibi", "none"))
    assert found["sinusoidal"] > 0.1
    assert found["learned"] > 0.1
    assert spread(np.array([[1.0, 0.0], [0.0, 1.5]])) == 0.5


def test_a_turn_keeps_lengths_and_adds_the_angle() -> None:
    spec = SPEC(query=9, offset=4, pair=1, seed=5)
    found, w = turned(spec), waves(spec)[1]
    angle = {name: np.arctan2(v[1], v[0]) for name, v in found.items()}
    for name, t in (("q", 9), ("k", 5)):
        assert np.hypot(*found[f"{name} turned"]) == pytest.approx(np.hypot(*found[name]))
        gone = (angle[f"{name} turned"] - angle[name] - t * w) / (2 * np.pi)
        assert gone == pytest.approx(round(gone), abs=1e-9)


# --- the decoders


def test_the_task_asks_for_the_letter_before() -> None:
    tokens, targets = sequences(3, 6, generator(0, "test"))
    assert torch.equal(targets[:, 1:], tokens[:, :-1])
    assert (targets[:, 0] == IGNORED).all()

    class Perfect(torch.nn.Module):
        def forward(self, t: torch.Tensor) -> torch.Tensor:
            said = torch.nn.functional.one_hot(t.roll(1, 1), 8).double()
            said[:, 4] = 0.0  # always the first letter there
            return said.mT

    right = right_by_place(Perfect(), tokens, targets)
    assert right.tolist() == [1.0, 1.0, 1.0, (tokens[:, 3] == 0).double().mean().item(), 1.0]


@pytest.mark.parametrize("kind", POSITIONS)
def test_the_decoder_is_the_one_written_out(kind: str) -> None:
    tokens, _ = sequences(1, 20, generator(1, "test"))
    w = decoder(kind).transformer.state_dict()
    by_hand_s = by_hand.logits(w, tokens[0], kind, 4)
    torch.testing.assert_close(decoder(kind)(tokens)[0].mT, by_hand_s, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", [0, 4])
def test_only_without_positions_the_order_is_nothing(seed: int) -> None:
    assert shuffled("none", seed).change < 1e-12
    for kind in ("sinusoidal", "learned", "rope", "alibi"):
        found = shuffled(kind, seed)
        assert found.change > 0.1
        assert found.before.argmax() == found.tokens[-2]
    assert sorted(shuffled("rope", seed).order.tolist()) == list(range(LENGTH - 1))


def test_longer_sentences_are_those_of_the_record() -> None:
    found = beyond(0)
    for kind, right in found.items():
        assert right.shape == (LONGEST * LENGTH - 1,)
        known = manifest(PART)[kind]
        assert right[: LENGTH - 1].mean() == pytest.approx(known["accuracy_inside"], abs=0.03)
        assert right[LENGTH - 1 :].mean() == pytest.approx(known["accuracy_beyond"], abs=0.03)
    inside = {kind: right[: LENGTH - 1].mean() for kind, right in found.items()}
    assert min(inside[k] for k in ("sinusoidal", "learned", "rope")) > 0.99 > 0.5 > inside["none"]
    assert max(found[k][LENGTH:].mean() for k in ("sinusoidal", "learned")) < 0.25 < found["alibi"][LENGTH:].mean()
    assert parts(np.arange(63.0)) == {"2 to 16": 7.0, "17 to 32": 22.5, "33 to 48": 38.5, "49 to 64": 54.5}


def test_the_files_are_those_of_the_record_and_untrained_places_are_as_drawn() -> None:
    for kind in POSITIONS:
        known = manifest(PART)[kind]
        assert hashlib.sha256((FOLDER / PART / known["file"]).read_bytes()).hexdigest() == known["sha256"]
        assert known["parameters"] == sum(p.numel() for p in Predecessor(kind).parameters())
    start = Predecessor("learned").transformer.embedding.positions.weight.detach().numpy()
    shrunk = learned_vectors()[LENGTH:] / start[LENGTH:]
    assert np.ptp(shrunk) < 0.1, "weight decay alone acts on the places beyond the length of training"
    assert np.abs(learned_vectors()[:LENGTH] - shrunk.mean() * start[:LENGTH]).mean() > 0.02


def test_training_reports_both_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.positions import compute

    monkeypatch.setattr(compute, "RULE", type(RULE)(40, RULE.rate, 32))
    run = list(train(SPEC(kind="rope", seed=1)))
    assert run[0].metrics["loss"] == pytest.approx(np.log(8))
    assert run[-1].step == run[-1].total == 40
    assert run[-1].metrics["inside"] == pytest.approx(run[-1].arrays["right"][: LENGTH - 1].mean())
    assert run[-1].metrics["loss"] < run[0].metrics["loss"]
    assert str(run[-1].arrays["kind"]) == "rope"


# --- what the page says


@pytest.mark.parametrize("lens", LENSES)
def test_every_lens_speaks_at_every_encoding(lens: str) -> None:
    for kind in POSITIONS:
        seen = look(SPEC(lens=lens, kind=kind, length=20))
        assert seen.sentences
        assert all(len(f.alt) > 30 for f in seen.figures.values())


def test_positions_outside_the_sentence_become_its_ends() -> None:
    assert key_of(SPEC(length=8, query=63, offset=32)) == (7, 0)
    assert key_of(SPEC(query=6, offset=3)) == (6, 3)


def test_the_questions_are_answered_by_the_state() -> None:
    asked = {q.slug.split(".")[0]: q for q in questions(SPEC(kind="none", pair=0))}
    assert asked["wave"].right(2 * np.pi)
    assert asked["distance"].answer == "RoPE"
    assert asked["order"].answer == "The same, to the last digit"
    assert asked["beyond"].answer == POSITIONS[max(beyond(0), key=lambda k: beyond(0)[k][LENGTH - 1 :].mean())]
    assert "0.95" in worked(SPEC(offset=1))[1].latex[0]


def test_the_table_of_turns_stays_the_same() -> None:
    rows = look(SPEC(kind="rope", lens="rotation")).rows
    assert len(rows) == 4
    assert len({row["q · k of all columns"] for row in rows}) == 1


@pytest.mark.parametrize("kind", ["sinusoidal", "learned", "alibi", "none"])
def test_the_report_and_its_table(kind: str) -> None:
    import csv
    import io

    from core import positions as page
    from core.report import to_html

    spec = SPEC(kind=kind, query=5)
    assert "The encoding" in to_html("Positions", page.sections(spec), "", "")
    rows = list(csv.reader(io.StringIO(page.table(spec))))
    assert rows[0][:3] == ["position", "likeness to position 5", "number 0"]
    found = np.array(rows[1:], float)
    assert found[:, 0].tolist() == list(range(spec.length))
    np.testing.assert_array_equal(found[:, 1], likeness(spec)[5])
    np.testing.assert_array_equal(found[:, 2:], table(spec))
