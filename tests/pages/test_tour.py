"""The guided tour: its stops set the controls, its place is in the link, and leaving it leaves no trace."""

from __future__ import annotations

import pytest

from tests.pages.conftest import EXPLAINED, components, core_of


def spec_of(at, slug):
    return core_of(slug).SPEC.from_query(at.query_params)[0]


@pytest.mark.parametrize("slug", EXPLAINED)
def test_walk_the_whole_tour_forward_and_back(open_page, slug):
    about, at = core_of(slug), open_page(slug)
    stops, last = about.TOUR, len(about.TOUR)
    at.button(key=f"{slug}.tour.start").click().run()
    for n, stop in enumerate(stops, 1):
        assert not at.exception
        assert not at.error
        assert any(m.value.startswith(f"**{n} of {last} · {stop.title}**") for m in at.markdown)
        assert spec_of(at, slug) == about.SPEC(**stop.settings)
        assert at.query_params[f"{slug}.tour"] == str(n)
        assert all(sent["figure"]["data"] for sent in components(at, "chart").values())
        assert at.button(key=f"{slug}.tour.back").disabled == (n == 1)
        assert at.button(key=f"{slug}.tour.next").label == ("Finish" if n == last else "Next")
        if n < last:
            at.button(key=f"{slug}.tour.next").click().run()
    at.button(key=f"{slug}.tour.back").click().run()
    assert spec_of(at, slug) == about.SPEC(**stops[-2].settings)
    at.button(key=f"{slug}.tour.next").click().run()
    at.button(key=f"{slug}.tour.next").click().run()
    assert f"{slug}.tour" not in at.query_params
    assert at.button(key=f"{slug}.tour.start").label == f"Take the tour ({last} stops)"


@pytest.mark.parametrize("slug", EXPLAINED)
def test_every_stop_opens_by_its_link(open_page, slug):
    for n, stop in enumerate(core_of(slug).TOUR, 1):
        at = open_page(slug, {f"{slug}.tour": str(n), **core_of(slug).SPEC(**stop.settings).to_query()})
        assert not at.exception
        assert any(stop.title in m.value for m in at.markdown)
        assert spec_of(at, slug) == core_of(slug).SPEC(**stop.settings)


def test_leaving_keeps_the_state_of_the_stop(open_page):
    at = open_page("backprop_stepper")
    at.button(key="backprop_stepper.tour.start").click().run()
    at.button(key="backprop_stepper.tour.next").click().run()
    reached = spec_of(at, "backprop_stepper")
    at.button(key="backprop_stepper.tour.end").click().run()
    assert spec_of(at, "backprop_stepper") == reached
    assert "backprop_stepper.tour" not in at.query_params


def test_the_visitor_may_change_things_at_a_stop(open_page):
    at = open_page("backprop_stepper")
    at.button(key="backprop_stepper.tour.start").click().run()
    at.segmented_control(key="backprop_stepper.lens").set_value("memory").run()
    assert at.query_params["backprop_stepper.tour"] == "1"
    assert at.segmented_control(key="backprop_stepper.lens").value == "memory"
    at.button(key="backprop_stepper.tour.next").click().run()
    assert spec_of(at, "backprop_stepper") == core_of("backprop_stepper").SPEC(
        **core_of("backprop_stepper").TOUR[1].settings
    )


@pytest.mark.parametrize("place", ["", "0", "8", "-1", "99999", "1.0", "x", "٣", "9" * 5000])
def test_a_link_to_no_stop_offers_the_tour(open_page, place):
    at = open_page("backprop_stepper", {"backprop_stepper.tour": place})
    assert not at.exception
    assert at.button(key="backprop_stepper.tour.start").label == "Take the tour (7 stops)"
