"""Films, closer looks, questions, jobs and files: they show what was computed."""

from __future__ import annotations

import numpy as np
import pytest

from core.diffusion import compute, lenses, live, report
from core.diffusion import draw as figures
from core.diffusion.compute import Study, trained
from core.diffusion.questions import questions
from core.diffusion.spec import LENSES, METHODS, DiffusionSpec, controls_of, without_film
from core.plots.encode import figure_json
from core.plots.words import short

SMALL = {"updates": 50, "width": 8, "steps": 6}


@pytest.mark.parametrize("method", METHODS)
def test_both_films_have_a_frame_for_each_step(method: str) -> None:
    study = Study(DiffusionSpec(method=method, **SMALL))
    shown, steps = lenses.pictures(study), lenses.film_steps(study.spec)
    for name, ways in (("forward", study.forward_ways), ("backward", study.ways)):
        assert len(shown[name].frames) == len(steps) == len(ways)
        for k, frame in enumerate(shown[name].frames):
            seen = np.column_stack([np.asarray(frame.data[0][axis]) for axis in "xy"])
            np.testing.assert_allclose(
                seen, np.clip(ways[k], -figures.FAR, figures.FAR), atol=2 * figures.FAR / 508 + 1e-6
            )
        assert len(figure_json(shown[name])) < 400_000
    assert len(shown["backward"].data) == (1 if method == "coupling" else 2)


def test_long_films_are_thinned_and_hold_both_ends() -> None:
    spec = DiffusionSpec(steps=200)
    frames = lenses.film_frames(spec)
    assert len(frames) == lenses.MOST_FRAMES
    assert (frames[0], frames[-1]) == (0, 200)
    assert lenses.film_steps(spec)[0].title == "step 0 of 200, t = 1.000"
    assert lenses.film_frames(DiffusionSpec(steps=1)).tolist() == [0, 1]


def test_the_film_s_place_is_kept_in_the_link() -> None:
    spec = DiffusionSpec(steps=10)
    assert lenses.frame_of(spec) == 10
    assert lenses.frame_at(spec, 10) == {}
    assert lenses.frame_at(spec, 4) == {"frame": 4}
    assert lenses.frame_at(DiffusionSpec(steps=10, frame=4), 10) == {"frame": -1}
    assert lenses.frame_of(DiffusionSpec(steps=10, frame=99)) == 10
    assert without_film(DiffusionSpec(frame=4)) == DiffusionSpec()


def test_arrows_point_along_the_field_and_fit_into_their_cells() -> None:
    x, pull = np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([[2.0, 0.0], [0.0, -1.0]])
    tip, barbs = figures.arrow_heads(x, pull, 0.5)
    np.testing.assert_allclose(tip, [[0.5, 0.0], [1.0, 0.75]])
    assert barbs.shape == (8, 2)
    np.testing.assert_allclose(barbs[[1, 5]], tip)
    assert np.isnan(barbs[[3, 7]]).all()


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Curves with fewer marks and maps with fewer cells: these tests are about what is shown of them."""
    monkeypatch.setattr(compute, "STEPS", (1, 4))
    monkeypatch.setattr(compute, "CELLS", 7)
    monkeypatch.setattr(compute, "ODE_STEPS", 4)


@pytest.mark.parametrize(
    ("lens", "method"),
    [
        *((lens, "ddim") for lens in LENSES),
        *((lens, m) for lens in ("paths", "denoise", "error", "likelihood") for m in ("flow", "coupling")),
    ],
)
def test_every_look_opens(lens: str, method: str) -> None:
    seen = lenses.look(Study(DiffusionSpec(lens=lens, method=method, **SMALL)))
    assert seen.sentences
    assert seen.figures or (lens, method) == ("denoise", "coupling")
    assert "nan" not in " ".join(seen.sentences)


def test_tables_show_the_numbers() -> None:
    study = Study(DiffusionSpec(lens="race", **SMALL))
    rows = {row["method"]: row for row in lenses.look(study).rows}
    for name, (X, _) in compute.race(study).items():
        assert rows[name]["sliced W₂"] == short(study.distance(X))
    study = Study(DiffusionSpec(lens="schedule"))
    assert [row["signal = noise at t"] for row in lenses.look(study).rows] == ["0.259", "0.5062", "0.5"]
    curve = lenses.look(study).figures["ratio"].data[0]
    t = curve["x"]
    np.testing.assert_allclose(curve["y"], 1 / (np.exp(0.1 * t + 9.95 * t * t) - 1), rtol=1e-9)


def test_the_loss_curve_is_a_running_mean() -> None:
    values = np.random.default_rng(0).random(60)
    found = figures.smooth(values)
    assert found[3] == pytest.approx(values[:4].mean())
    assert found[-1] == pytest.approx(values[-25:].mean())


def test_questions_are_answered_by_the_run() -> None:
    study = Study(DiffusionSpec(lens="error", **SMALL))
    asked = {q.slug.partition(".")[0]: q for q in questions(study)}
    assert set(asked) == {"equal", "bent", "one", "worst"}
    assert asked["equal"].answer == pytest.approx(0.259, abs=1e-3)
    one = {
        name: study.distance(study.run(*compute.SAMPLERS[name], False, 1, compute.FEW)[-1])
        for name in asked["one"].options
    }
    assert asked["one"].answer == min(one, key=one.__getitem__)
    shares, _ = compute.errors(study)
    thirds = dict(
        zip(asked["worst"].options, (shares[:7].mean(), shares[7:14].mean(), shares[14:].mean()), strict=True)
    )
    assert asked["worst"].answer == max(thirds, key=thirds.__getitem__)
    bent = [compute.bend(study.run("euler", s, False, 6, compute.FEW)) for s in (False, True)]
    assert asked["bent"].answer == asked["bent"].options[int(np.argmin(bent))]


def test_a_job_trains_the_same_nets() -> None:
    spec = DiffusionSpec(lens="race", **SMALL)
    shots = list(live.train(spec))
    assert shots[-1].step == shots[-1].total == 50
    nets = live.nets_from(spec, shots[-1].arrays)
    assert set(nets) == {"noise", "flow", "coupling"}
    for kind, net in nets.items():
        whole = trained(compute.lesson_of(spec, kind))
        np.testing.assert_array_equal(net.theta, whole.theta)
        np.testing.assert_array_equal(net.losses, whole.losses)
        assert shots[-1].metrics[f"loss, {kind}"] == whole.losses[-1]
    assert Study(spec, nets).net("flow") is nets["flow"]
    early = live.nets_from(spec, shots[0].arrays)
    assert len(early["noise"].losses) == 1
    assert live.nets_from(DiffusionSpec(lens="race", updates=50, width=9), shots[-1].arrays) is None
    assert live.nets_from(DiffusionSpec(lens="race"), {}) is None


def test_what_takes_long_is_cut_until_it_is_asked_for() -> None:
    assert live.at_once(DiffusionSpec(updates=20000)).updates == 20000  # nothing is trained
    assert live.at_once(DiffusionSpec(updates=20000, field="learned")).updates == live.AT_ONCE
    assert live.at_once(DiffusionSpec(updates=20000, lens="race")).updates == live.AT_ONCE // 3
    assert live.at_once(DiffusionSpec(updates=400, lens="race")).updates == 400


def test_controls_that_do_nothing_are_left_out() -> None:
    assert "solver" not in controls_of(DiffusionSpec())["second"]
    assert "solver" in controls_of(DiffusionSpec(method="flow"))["second"]
    assert "schedule" not in controls_of(DiffusionSpec(method="flow"))["second"]
    assert "schedule" in controls_of(DiffusionSpec(method="flow", lens="steps"))["second"]
    assert controls_of(DiffusionSpec(method="coupling"))["first"] == ["data", "method"]


def test_files_to_take_home() -> None:
    spec = DiffusionSpec(**SMALL)
    lines = report.table(spec).splitlines()
    assert lines[0] == "step,point,x,y"
    assert len(lines) == 1 + 7 * compute.POINTS
    last = [float(v) for v in lines[-1].split(",")]
    assert last == [6, 399, *Study(spec).ways[-1, -1].tolist()]
    assert [part.heading for part in report.sections(spec)] == ["From noise to data", "Noise schedule", "Settings"]


def test_the_worked_step_follows_the_formula() -> None:
    steps = lenses.worked(DiffusionSpec())
    assert len(steps) == 5
    assert "0.9" not in steps[0].title
    assert all(formula for step in steps for formula in step.latex)
