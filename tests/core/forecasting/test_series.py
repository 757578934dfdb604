"""What can be forecast: generated, packaged and own series, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import ExplainerError
from core.forecasting.series import DELAY, OWN, bridged, resolved, seasonal, series, stocks, target_names
from core.forecasting.spec import ForecastingSpec


def own(text: str, **more: object) -> ForecastingSpec:
    return ForecastingSpec(data="own", own=OWN.keep(text.encode()), **more)


def column(values: list[object]) -> str:
    return "day,value\n" + "\n".join(f"d{k},{v}" for k, v in enumerate(values)) + "\n"


def test_the_seasonal_series_is_its_formula():
    still = seasonal(ForecastingSpec(noise=0.0, drive=0.0, trend=2.0, amplitude=3.0, period=24)).values[:, 0]
    t = np.arange(400)
    np.testing.assert_allclose(still, 10 + 0.02 * t + 3 * np.sin(2 * np.pi * t / 24), rtol=1e-13)


def test_the_driver_acts_four_steps_later():
    found = seasonal(ForecastingSpec(noise=0.0, amplitude=0.0, trend=0.0, drive=2.0)).values
    np.testing.assert_allclose(found[DELAY:, 0] - 10, 2 * found[:-DELAY, 1], rtol=1e-12)
    assert seasonal(ForecastingSpec(length=1200)).values[:, 1].std() == pytest.approx(1, abs=0.2)


def test_the_packages_hold_real_prices():
    weekly, monthly = (series(ForecastingSpec(data=name, inputs="all")) for name in ("weekly", "monthly"))
    assert weekly.values.shape == (105, 6)
    assert weekly.names[0] == "GOOG"
    assert (weekly.values[0] == 1).all()
    assert monthly.names[0] == "MSFT"
    assert monthly.times[0] == "1990-01-01"
    assert all(time.endswith("-01") for time in monthly.times)
    assert not np.isnan(monthly.values).any()
    assert set(target_names(ForecastingSpec(data="weekly"))) == set(stocks("weekly").numbers)


def test_gaps_are_bridged_and_said():
    np.testing.assert_allclose(bridged(np.array([1.0, np.nan, np.nan, 4.0])), [1, 2, 3, 4])
    values: list[object] = ["", "", *range(50)]
    values[20] = ""
    found = series(own(column(values)))
    assert len(found.values) == 50
    assert found.values[18, 0] == 18
    assert "2 rows before the first" in found.notes[0]
    assert "1 missing values were bridged" in found.notes[1]
    assert found.times[0] == "d2"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (column([1, 2, 3, 4, 5]), "at least 40 are needed"),
        (column([7] * 60), "all values of 'value' are equal"),
        (column([k if k % 3 else "" for k in range(90)]), "can be bridged"),
        ("day,name\n" + "\n".join(f"d{k},x{k}" for k in range(50)), "no column of numbers"),
        (column([1e300 * (k % 2) for k in range(60)]), "values beyond"),
    ],
)
def test_what_cannot_be_forecast_is_refused(text, words):
    with pytest.raises(ExplainerError, match=words):
        series(own(text))


@pytest.mark.parametrize("text", ["", "day,value\n1,2\n", "a" * 3_000_000, "\x00\x01", "value\n1\n2\n3\n4\n5\n"])
def test_what_is_no_table_is_refused_at_the_door(text):
    with pytest.raises(ExplainerError):
        OWN.keep(text.encode())


def test_a_long_table_is_cut_to_its_end_and_a_wrong_column_is_named():
    spec = own(column([k % 7 + k / 10 for k in range(3000)]))
    found = series(spec)
    assert len(found.values) == 1500
    assert found.values[-1, 0] == pytest.approx(2999 % 7 + 299.9)
    with pytest.raises(ExplainerError, match="no number column 'price'; choose value"):
        series(ForecastingSpec(data="own", own=spec.own, target="price"))


def test_the_logarithm_of_0_is_refused():
    with pytest.raises(ExplainerError, match="switch the logarithm off"):
        series(ForecastingSpec(data="own", own=OWN.keep(column(list(range(60))).encode()), log=True))


def test_a_link_to_a_table_that_is_not_here_says_so():
    spec, why = resolved(ForecastingSpec(data="own", own="0123456789abcdef"))
    assert spec.data == "season"
    assert "a link cannot bring it" in why
