"""Runs: what snapshots tell, alarms and their presets, single moves, lenses, questions, worked numbers."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from core.errors import ExplainerError
from core.gan_lab import (
    EXAMPLES,
    SPEC,
    about,
    actions,
    controls_of,
    frame_of,
    learning,
    look,
    pictures,
    questions,
    sections,
    table,
    train,
    worked,
)
from core.gan_lab.alarms import alarms, windowed
from core.gan_lab.compute import looks, measured, moved, pulls, run_of, sizes_of, yardstick
from core.gan_lab.data import SOURCES
from core.gan_lab.engine import LOSSES, output
from core.gan_lab.figures import binned, film_steps
from core.gan_lab.lenses import raised_at
from core.gan_lab.maps import arrows
from core.gan_lab.spec import LENSES

SHORT = SPEC(rounds=60, batch=16, g_units=8, d_units=8)
PRESETS = {e.slug: SPEC(**e.settings) for e in EXAMPLES}


def test_snapshots_cover_every_round_and_say_what_is_measured_there() -> None:
    seen = list(train(SHORT))
    assert [s.step for s in seen] == looks(SHORT).tolist()
    assert sum(len(s.arrays["losses"]) for s in seen) == 60
    last, run = seen[-1], run_of(SHORT)
    assert last.metrics["loss D"] == run.losses[-1, 0]
    again = measured(SHORT, yardstick(SHORT), last.arrays["G"], last.arrays["D"])
    assert again == {name: last.metrics[name] for name in again}
    assert np.isfinite(list(last.metrics.values())).all()


def test_the_film_ends_at_the_last_round_and_gives_every_single_move_a_frame() -> None:
    rounds = looks(SPEC(rounds=2000, moves="DGB"))
    assert rounds[0] == 0
    assert rounds[-4:].tolist() == [2000, 2001, 2002, 2003]
    assert len(rounds) <= 52
    assert looks(SPEC(rounds=0)).tolist() == [0]
    assert (np.diff(rounds) > 0).all()


def test_single_moves_move_one_player() -> None:
    run = run_of(replace(SHORT, moves="DGB"))
    before, after_D, after_G, after_both = range(len(run.rounds) - 4, len(run.rounds))
    assert (run.G[before] == run.G[after_D]).all()
    assert (run.D[after_D] == run.D[after_G]).all()
    assert (run.G[after_D] != run.G[after_G]).any()
    assert (run.D[after_both] != run.D[after_G]).any()
    assert np.isnan(run.losses[60:, 1]).tolist() == [True, False, False]
    assert "G rests" in film_steps(run)[after_D].title
    with pytest.raises(ExplainerError, match="D, G or B"):
        run_of(replace(SHORT, moves="X"))


def test_a_pull_is_minus_the_gradient_of_g_s_loss_at_the_point() -> None:
    for loss in LOSSES:
        spec = replace(SHORT, loss=loss)
        run = run_of(spec)
        D, X = run.D[-1], run.fakes[-1][:4]

        def cost(x: np.ndarray, D: np.ndarray = D, loss: str = loss) -> np.ndarray:
            return LOSSES[loss].fool(output(D, sizes_of(SHORT)[1], "leaky", x))[:, 0]

        h = 1e-6
        by_differences = -np.column_stack([(cost(X + e) - cost(X - e)) / (2 * h) for e in h * np.eye(2)])
        np.testing.assert_allclose(pulls(spec, D, X), by_differences, atol=1e-7)
        lines = arrows(run, -1)
        length = np.linalg.norm(lines[:4, 1] - lines[:4, 0], axis=1)
        g = np.linalg.norm(by_differences, axis=1)
        np.testing.assert_allclose(length, 0.35 * g / (g + 0.2), atol=1e-6)


@pytest.mark.parametrize(
    ("slug", "names"),
    [("start", []), ("collapse", ["collapse", "oscillation"]), ("oscillation", ["oscillation"]), ("no_pull", ["no pull on G", "collapse"]), ("critic", [])],
)  # fmt: skip
def test_presets_fail_for_the_cause_in_their_name(slug: str, names: list[str]) -> None:
    spec = PRESETS[slug]
    assert [alarm.name for alarm in raised_at(run_of(spec), -1)] == names
    assert all(name in about(spec) for name in names)


def test_the_first_run_covers_the_ring_and_the_cure_of_no_pull_helps() -> None:
    assert run_of(SPEC()).measures["covered"][-1] == 8
    bad, cured = (run_of(replace(PRESETS["no_pull"], loss=loss)).measures for loss in ("minimax", "nonsat"))
    assert bad["JS"][-1] > 0.6 > 0.5 > cured["JS"][-1]
    assert bad["pull"][-1] < 0.01 < cured["pull"][-1]


def test_rules_of_the_alarms() -> None:
    run = run_of(SHORT)
    n = len(run.rounds)
    quiet = {
        "ranked": np.full(n, 0.5),
        "pull": np.ones(n),
        "variety": np.ones(n),
        "covered": np.full(n, 8.0),
        "moved": np.zeros(n),
    }
    cases = {
        "no pull on G": {"ranked": np.full(n, 0.95), "pull": np.full(n, 0.0099)},
        "collapse": {"variety": np.full(n, 0.33), "covered": np.full(n, 3.0)},
        "oscillation": {"moved": np.append(0.0, np.full(n - 1, 0.61))},
    }
    assert not any(a.raised.any() for a in alarms(replace(run, measures=quiet)))
    for name, values in cases.items():
        up = [a for a in alarms(replace(run, measures={**quiet, **values})) if a.raised.any()]
        assert [a.name for a in up] == [name]
        assert not up[0].raised[run.rounds < 6].any()  # the first tenth
        assert up[0].raised[run.rounds >= 6].all()
    for near in (
        {"ranked": np.full(n, 0.95)},
        {"pull": np.zeros(n)},
        {"variety": np.full(n, 0.2)},
        {"covered": np.zeros(n)},
    ):
        assert not any(a.raised.any() for a in alarms(replace(run, measures={**quiet, **near})))
    assert alarms(replace(run, measures=quiet, diverged=True))[-1].raised.tolist() == [False] * (n - 1) + [True]


def test_moves_between_frames_are_averaged_over_eight() -> None:
    values = np.append(0.0, np.arange(1.0, 12.0))
    found = windowed(values)
    assert found[0] == 0
    assert found[1] == 1
    assert found[3] == 2  # of 1, 2, 3
    assert found[11] == np.mean(np.arange(4.0, 12.0))
    places = SOURCES["ring"].places
    fakes = np.stack([places, np.roll(places, 1, axis=0), places + 0.1])
    assert moved(fakes, SOURCES["ring"]).tolist() == [0.0, 1.0, 1.0]


def test_a_run_that_diverges_ends_there_and_says_so() -> None:
    spec = SPEC(loss="wgan_gp", optimizer="sgd", g_rate=0.5, d_rate=0.5, penalty=20.0, rounds=300)
    run = run_of(spec)
    assert run.diverged
    assert len(run.losses) < 300
    assert np.isfinite(run.fakes).all()
    assert "diverged" in about(spec)
    assert set(pictures(spec)) == {"game", "sheet", "losses", "progress"}


@pytest.mark.parametrize("lens", list(LENSES))
def test_every_lens_speaks_of_the_run(lens: str) -> None:
    for spec in (
        replace(SHORT, lens=lens),
        replace(SHORT, lens=lens, rounds=0),
        replace(SHORT, lens=lens, loss="wgan", frame=3),
    ):
        assert look(spec).sentences
    assert look(replace(SHORT, lens="race", rival="nonsat")).figures == {}  # the same loss twice
    assert len(sections(replace(SHORT, lens=lens))) == 3


def test_the_race_changes_the_loss_and_nothing_else() -> None:
    one, other = run_of(replace(SHORT, loss="nonsat")), run_of(replace(SHORT, loss="wgan_gp"))
    np.testing.assert_array_equal(one.G[0], other.G[0])
    np.testing.assert_array_equal(one.D[0], other.D[0])
    np.testing.assert_array_equal(one.stick.noise, other.stick.noise)
    rows = look(replace(SHORT, lens="race", rival="wgan_gp")).rows
    assert [row["JS (nats)"] for row in rows] == [one.measures["JS"][-1], other.measures["JS"][-1]]


def test_questions_are_answered_by_the_run() -> None:
    run, asked = run_of(SHORT), {q.slug.split(".")[0]: q for q in questions(SHORT)}
    assert asked["places"].answer == run.measures["covered"][-1]
    assert asked["least"].answer == pytest.approx(2 * np.log(2) - 2 * run.measures["JS"][-1], abs=1e-9)
    D = output(run.D[-1], sizes_of(SHORT)[1], "leaky", run.fakes[-1])
    p = 1 / (1 + np.exp(-np.median(D)))
    assert asked["ratio"].answer == pytest.approx((1 - p) / p)
    limits = {"more than 90 %": (0.9, 1.01), "60 to 90 %": (0.6, 0.9), "less than 60 %": (-0.01, 0.6)}
    low, high = limits[str(asked["guess"].answer)]
    assert low <= run.measures["ranked"][-1] <= high
    assert {q.slug.split(".")[0] for q in questions(replace(SHORT, loss="hinge"))} == {"places", "guess"}


@pytest.mark.parametrize("loss", list(LOSSES))
def test_the_worked_numbers_hang_together(loss: str) -> None:
    last = worked(replace(SHORT, loss=loss))[-1].latex[0]
    slope, gx, gy, px, py = (float(v) for v in re.findall(r"-?\d+\.\d{6}", last))
    assert (px, py) == pytest.approx((-slope * gx, -slope * gy), abs=1e-5)


def test_curves_of_long_runs_are_means_over_equal_stretches() -> None:
    values = np.column_stack([np.arange(1000.0), np.ones(1000)])
    ends, means = binned(values)
    assert len(ends) <= 400
    assert ends[-1] == 1000
    np.testing.assert_allclose(means[0], [1.0, 1.0])  # of 0, 1, 2
    np.testing.assert_allclose(means[-1], [999.0, 1.0])  # the last stretch is shorter
    assert binned(np.zeros((0, 2)))[1].shape == (0, 2)


def test_actions_change_the_settings_or_refuse() -> None:
    spec = SPEC()
    assert actions.moved(spec, "D") == {"moves": "D", "frame": -1}
    assert actions.taken_back(replace(spec, moves="DG"))["moves"] == "D"
    with pytest.raises(ExplainerError, match="60 single moves"):
        actions.moved(replace(spec, moves="D" * 60), "G")
    drawn = SPEC(**actions.as_points(spec))
    assert (drawn.data, len(drawn.points)) == ("own", 400)
    assert not actions.needs_points(drawn)
    assert actions.needs_points(SPEC(data="own"))
    assert len(actions.fewer(drawn, 1)["points"]) == 396
    assert actions.clicked(drawn, None) == {}

    class Click:
        x, y = 0.5, -0.5

    assert len(actions.clicked(drawn, Click())["points"]) == 404
    with pytest.raises(ExplainerError, match="holds 400 points"):
        actions.clicked(replace(drawn, points="AAAA" * 400), Click())
    run = run_of(SHORT)
    assert actions.frame_at(SHORT, run, 3) == {"frame": 3}
    assert actions.frame_at(replace(SHORT, frame=3), run, len(run.rounds) - 1) == {"frame": -1}
    assert actions.frame_at(SHORT, run, len(run.rounds) - 1) == {}
    assert frame_of(run, 200) == len(run.rounds) - 1
    assert actions.blank_map(SPEC(data="own", points="AAAA")).data[1]["x"].tolist() == [-2.0]


def test_controls_act_and_the_view_does_not_change_the_run() -> None:
    assert "clip" in controls_of(SPEC(loss="wgan"))["learning"]
    assert "penalty" in controls_of(SPEC(loss="wgan_gp"))["learning"]
    assert "target" in controls_of(SPEC(loss="least"))["learning"]
    assert not {"clip", "penalty", "target"} & set(controls_of(SPEC(loss="hinge"))["learning"])
    assert "beta1" not in controls_of(SPEC(optimizer="sgd"))["learning"]
    assert learning(SPEC(lens="race", frame=3, rival="least")) == SPEC()
    assert table(SHORT).splitlines()[0].startswith("round,JS,KL")
    assert len(table(SHORT).splitlines()) == 1 + len(run_of(SHORT).rounds)
