"""Every measure against scikit-learn or scipy, ties and empty classes included."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn import metrics as rival

from core.rng import numpy_generator
from core.transfer_tuner import metrics

g = numpy_generator(0, "test metrics")
Z = g.normal(size=(90, 4)) * 2
y = np.where(g.random(90) < 0.6, Z.argmax(1), g.integers(0, 4, 90))
TIES = np.round(Z[:, 0])


def test_losses_and_probabilities():
    np.testing.assert_allclose(metrics.probabilities(Z).sum(1), 1.0)
    assert metrics.losses(Z, y).mean() == pytest.approx(rival.log_loss(y, metrics.probabilities(Z)))
    assert metrics.losses(np.array([[1000.0, 0.0]]), np.array([1]))[0] == 1000.0


def test_confusion():
    np.testing.assert_array_equal(metrics.confusion(Z.argmax(1), y, 4), rival.confusion_matrix(y, Z.argmax(1)))
    assert metrics.confusion(np.array([], int), np.array([], int), 2).sum() == 0


@pytest.mark.parametrize("score", [Z[:, 0], TIES], ids=["continuous", "ties"])
def test_roc_and_precision_recall(score):
    curve = metrics.roc(score, y == 0)
    x, t, _ = rival.roc_curve(y == 0, score, drop_intermediate=False)
    np.testing.assert_allclose(curve.x, x)
    np.testing.assert_allclose(curve.y, t)
    assert curve.area == pytest.approx(rival.roc_auc_score(y == 0, score))
    curve = metrics.precision_recall(score, y == 0)
    precision, recall, _ = rival.precision_recall_curve(y == 0, score)
    np.testing.assert_allclose(curve.x, recall[-2::-1])
    np.testing.assert_allclose(curve.y, precision[-2::-1])
    assert curve.area == pytest.approx(rival.average_precision_score(y == 0, score))


def test_a_class_without_pictures_has_no_area():
    assert np.isnan(metrics.roc(Z[:, 0], np.zeros(90, bool)).area)
    assert np.isnan(metrics.precision_recall(Z[:, 0], np.zeros(90, bool)).area)


def test_calibration_bin_by_bin():
    found = metrics.calibration(Z, y)
    P = metrics.probabilities(Z)
    sure, right = P.max(1), P.argmax(1) == y
    error = 0.0
    for k in range(10):
        here = (sure > k / 10) & (sure <= (k + 1) / 10)
        if here.any():
            error += here.mean() * abs(right[here].mean() - sure[here].mean())
    assert found.error == pytest.approx(error)
    assert found.count.sum() == 90
    assert metrics.calibration(np.array([[1000.0, 0.0]]), np.array([0])).error == 0.0


def test_temperature_is_the_minimum():
    T = metrics.temperature(Z, y)
    found = minimize_scalar(
        lambda t: metrics.losses(Z / np.exp(t), y).mean(), bounds=(-3, 3), method="bounded", options={"xatol": 1e-10}
    )
    assert np.log(T) == pytest.approx(found.x, abs=1e-6)
    assert metrics.losses(Z / T, y).mean() <= metrics.losses(Z, y).mean()


def test_rejecting():
    answered, accuracy = metrics.rejecting(Z, y, np.array([0.0, 0.6, 1.0]))
    P = metrics.probabilities(Z)
    assert answered[0] == 1.0
    assert accuracy[0] == pytest.approx(rival.accuracy_score(y, Z.argmax(1)))
    here = P.max(1) >= 0.6
    assert accuracy[1] == pytest.approx((P.argmax(1) == y)[here].mean())
    assert answered[2] == 0.0
    assert np.isnan(accuracy[2])
