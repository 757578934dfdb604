"""The network race's data: the generators' formulas, the split, the standardisation, and that the real sets are real."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits

from core.data.small_sets import SOURCES, load, moons, spirals, split, standardise, strata
from core.errors import ExplainerError
from core.rng import numpy_generator


@pytest.mark.parametrize(
    ("name", "train", "test", "d", "outputs"),
    [
        ("moons", 256, 128, 2, 2),
        ("spirals", 256, 128, 2, 2),
        ("digits", 400, 200, 64, 10),
        ("diabetes", 292, 150, 10, 1),
    ],
)
def test_sizes(name: str, train: int, test: int, d: int, outputs: int) -> None:
    data = load(name, 0)
    assert data.X_train.shape == (train, d)
    assert data.X_test.shape == (test, d)
    assert (len(data.y_train), len(data.y_test), data.outputs) == (train, test, outputs)
    assert (data.name, data.task) == (name, SOURCES[name].task)


def test_moons_lie_on_two_half_circles() -> None:
    X, y = moons(numpy_generator(3, "x"))
    centre = np.where(y[:, None] == 0, (0.0, 0.0), (1.0, 0.5))
    off = np.linalg.norm(X - centre, axis=1) - 1.0  # the noise along the radius
    assert abs(off.mean()) < 0.03
    assert 0.13 < off.std() < 0.17
    assert (X[y == 0, 1] > -0.5).all()
    assert (X[y == 1, 1] < 1.0).all()
    assert np.ptp(X[y == 0, 0]) > 1.8


def test_spirals_lie_on_two_arms() -> None:
    X, y = spirals(numpy_generator(3, "x"))
    r = np.linalg.norm(X, axis=1)
    phi = 3 * np.pi * r + np.pi * y
    off = np.linalg.norm(X - r[:, None] * np.stack([np.cos(phi), np.sin(phi)], 1), axis=1)
    assert np.quantile(off, 0.5) < 0.2  # the other arm is about 1/3 away
    other = phi + np.pi
    assert (off < np.linalg.norm(X - r[:, None] * np.stack([np.cos(other), np.sin(other)], 1), axis=1)).mean() > 0.95
    assert r.min() < 0.2
    assert r.max() > 0.9


@pytest.mark.parametrize("name", ["moons", "spirals", "digits"])
def test_the_test_part_has_a_third_of_each_class(name: str) -> None:
    data = load(name, 5)
    train, test = np.bincount(data.y_train), np.bincount(data.y_test)
    assert (train == 2 * test).all()


def test_a_regression_is_cut_within_each_tenth_of_its_targets() -> None:
    y = load_diabetes().target
    tenth = strata(y)
    assert np.bincount(tenth).tolist() == [45, 44, 44, 44, 44, 45, 44, 44, 44, 44]
    assert all(y[tenth == k].max() <= y[tenth == k + 1].min() for k in range(9))
    _, test = split(tenth, 0)
    assert set(np.bincount(tenth[test]).tolist()) <= {14, 15}


def test_train_and_test_are_disjoint_and_everything() -> None:
    train, test = split(np.arange(90) % 3, 7)
    assert sorted([*train, *test]) == list(range(90))


@pytest.mark.parametrize("name", SOURCES)
def test_standardised_by_the_training_part_alone(name: str) -> None:
    data = load(name, 1)
    mean, deviation = data.X_train.mean(0), data.X_train.std(0)
    np.testing.assert_allclose(mean, 0.0, atol=1e-12)
    np.testing.assert_allclose(deviation[deviation > 0], 1.0, rtol=1e-12)
    assert np.abs(data.X_test.mean(0)).max() > 1e-3  # the test part has its own mean
    if data.task == "regression":
        np.testing.assert_allclose([data.y_train.mean(), data.y_train.std()], [0.0, 1.0], atol=1e-12)


def test_a_constant_column_becomes_zero_also_in_the_test_part() -> None:
    X = np.array([[1.0, 5.0], [3.0, 5.0], [5.0, 9.0]])
    np.testing.assert_allclose(standardise(X, np.array([0, 1])), [[-1, 0], [1, 0], [3, 0]])


def test_digits_are_scikit_learns() -> None:
    pictures = {tuple(row) for row in load_digits().data}
    data = load("digits", 2)
    from core.data.small_sets import digits

    X, y = digits(numpy_generator(2, "data", "digits"))
    assert all(tuple(row) in pictures for row in X)
    assert len({tuple(row) for row in X}) == 600
    assert np.bincount(y).tolist() == [60] * 10
    known = {tuple(row): label for row, label in zip(*load_digits(return_X_y=True), strict=True)}
    assert all(known[tuple(row)] == label for row, label in zip(X, y, strict=True))
    assert data.X_train.shape[1] == 64


def test_diabetes_is_scikit_learns() -> None:
    data, whole = load("diabetes", 0), load_diabetes(scaled=False)
    y = np.concatenate([data.y_train, data.y_test])
    spread = np.ptp(y) / np.ptp(whole.target)
    np.testing.assert_allclose(np.sort(y) / spread, np.sort(whole.target) - (whole.target.min() - y.min() / spread))
    fit = np.linalg.lstsq(np.c_[data.X_train, np.ones(292)], data.y_train, rcond=None)[0]
    r2 = 1 - ((np.c_[data.X_test, np.ones(150)] @ fit - data.y_test) ** 2).mean() / data.y_test.var()
    assert 0.3 < r2 < 0.65  # X still belongs to y


def test_the_seed_decides() -> None:
    again, other = load("moons", 1), load("moons", 2)
    load.cache_clear()
    np.testing.assert_array_equal(load("moons", 1).X_train, again.X_train)
    assert not np.allclose(again.X_train, other.X_train)


def test_shared_arrays_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        load("moons", 0).X_train[0, 0] = 1.0


def test_an_unknown_set() -> None:
    with pytest.raises(ExplainerError, match="'mnist' is unknown; choose moons, spirals, digits or diabetes"):
        load("mnist", 0)
