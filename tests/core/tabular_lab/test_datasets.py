"""Tables: what is read, filled, left out, and how they are split."""

from __future__ import annotations

import numpy as np
import pytest

from core.data.tables import read_csv
from core.errors import ExplainerError
from core.tabular_lab.compute import prepare
from core.tabular_lab.datasets import (
    Sheet,
    california,
    cancer,
    diabetes,
    from_table,
    keep,
    resolved,
    sheet,
    split,
    wine,
)
from core.tabular_lab.spec import TabularLabSpec


@pytest.mark.parametrize("make", [diabetes, cancer, wine])
def test_the_parts_are_the_whole_and_no_row_is_in_both(make):
    found = make()
    test, train = split(found, 5)
    assert sorted([*test, *train]) == list(range(len(found.y)))
    assert abs(len(test) - 0.3 * len(found.y)) <= 1
    assert not np.array_equal(split(found, 6)[0], test)


@pytest.mark.parametrize("make", [cancer, wine])
def test_every_beginning_holds_the_classes_in_their_shares(make):
    found = make()
    test, train = split(found, 1)
    whole = np.bincount(found.y) / len(found.y)
    for part in (test, train, train[:20], train[:50]):
        assert np.abs(np.bincount(found.y[part], minlength=len(whole)) - whole * len(part)).max() <= 1


def test_the_shapes_are_those_of_the_sources():
    assert diabetes().X.shape == (442, 10)
    assert cancer().X.shape == (569, 30)
    assert np.bincount(cancer().y).tolist() == [212, 357]  # malignant, benign
    assert wine().X.shape == (178, 13)


def test_preparation_uses_training_rows_only():
    X = np.array([[0.0, 5.0], [2.0, 5.0], [np.nan, 5.0], [100.0, 7.0], [np.nan, 5.0]])
    found = Sheet("t", X, np.arange(5.0), ("a", "b"), "y", "")
    data = prepare(found, np.array([0, 1, 2]), np.array([3, 4]))
    deviation = np.std([0, 2, 1])
    np.testing.assert_allclose(data.X[:, 0], np.array([-1, 1, 0]) / deviation)
    np.testing.assert_allclose(data.X_test[:, 0], np.array([99, 0]) / deviation)
    assert (data.X[:, 1] == 0).all(), "a column that is constant in training says nothing"
    assert (data.X_test[:, 1] == 0).all()
    leaked = prepare(found, np.array([0, 1, 2]), np.array([3, 4]), on_all=True)
    np.testing.assert_allclose(np.concatenate([leaked.X, leaked.X_test]).mean(axis=0), 0, atol=1e-15)


def test_a_column_without_a_training_value_is_left_out():
    X = np.array([[1.0, np.nan], [2.0, np.nan], [3.0, 1.0]])
    found = Sheet("t", X, np.arange(3.0), ("a", "b"), "y", "")
    assert prepare(found, np.array([0, 1]), np.array([2])).columns == ("a",)


HOUSING = "longitude,total_bedrooms,median_income,median_house_value,ocean_proximity\n" + "".join(
    f"{k},{'' if k % 10 == 0 else k},{k / 7:.3f},{1000 * k},{'INLAND' if k % 2 else 'NEAR BAY'}\n" for k in range(60)
)


def test_california_says_that_it_is_not_here(monkeypatch):
    monkeypatch.delenv("GLASSNET_DATA", raising=False)
    spec, why = resolved(TabularLabSpec(data="california"))
    assert spec == TabularLabSpec()
    assert "GLASSNET_DATA" in why


def test_california_is_read_with_its_gaps_and_its_words(monkeypatch, tmp_path):
    (tmp_path / "california_housing.csv").write_text(HOUSING)
    monkeypatch.setenv("GLASSNET_DATA", str(tmp_path))
    assert resolved(TabularLabSpec(data="california")) == (TabularLabSpec(data="california"), "")
    found = california(0)
    assert found.columns == ("longitude", "total_bedrooms", "median_income", "ocean_proximity: INLAND", "ocean_proximity: NEAR BAY")  # fmt: skip
    assert np.isnan(found.X[:, 1]).sum() == 6
    assert found.notes[0].startswith("6 of 60 blocks lack total_bedrooms")
    np.testing.assert_array_equal(found.X[:, 3] + found.X[:, 4], 1.0)
    np.testing.assert_array_equal(found.y, 1000.0 * np.arange(60))


def csv(rows: int, target) -> bytes:
    return ("a,b,kind,y\n" + "".join(f"{k},{k % 5},{'uv'[k % 2]},{target(k)}\n" for k in range(rows))).encode()


def test_own_numbers_are_a_regression_and_words_become_columns():
    found = from_table(read_csv(csv(50, lambda k: k * 1.5)), "y", 0)
    assert found.classes == ()
    assert found.columns == ("a", "b", "kind: u", "kind: v")
    np.testing.assert_array_equal(found.y, 1.5 * np.arange(50))


def test_own_words_are_a_classification():
    found = from_table(read_csv(csv(50, lambda k: k)), "kind", 0)
    assert found.classes == ("u", "v")
    np.testing.assert_array_equal(found.y, np.arange(50) % 2)


def test_a_rare_class_and_rows_without_target_are_left_out_and_said():
    found = from_table(read_csv(csv(60, lambda k: "" if k < 3 else "rare" if k < 6 else "pq"[k % 2])), "y", 0)
    assert found.classes == ("p", "q")
    assert len(found.y) == 54
    assert any("rare" in note for note in found.notes)
    assert any(note.startswith("3 rows without a value") for note in found.notes)


@pytest.mark.parametrize(
    ("rows", "target", "name", "words"),
    [
        (20, str, "y", "at least 40"),
        (50, lambda _: 2.5, "y", "equal"),
        (50, lambda k: f"word{k}", "y", "classes"),
        (50, str, "nothing", "no column"),
        (50, lambda _: 1, "y", "classes"),
    ],
)
def test_a_table_that_cannot_be_used_is_explained(rows, target, name, words):
    with pytest.raises(ExplainerError, match=words):
        from_table(read_csv(csv(rows, target)), name, 0)


def test_an_uploaded_table_is_found_again_by_its_digest():
    spec = TabularLabSpec(data="own", own=keep(csv(50, lambda k: k * 0.5)), target="y")
    assert resolved(spec) == (spec, "")
    assert sheet(spec).target == "y"
    other, why = resolved(TabularLabSpec(data="own", own="0123"))
    assert other.data == "diabetes"
    assert "choose the CSV file" in why
