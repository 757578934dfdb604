"""What the inspector measures, against other ways to measure it: nets, probes, search, connectivity, operations, the job's results."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from core import lstm_gates
from core.errors import ExplainerError
from core.lstm_gates import SPEC, TASKS, scene, trace
from core.lstm_gates.compute import (
    chosen_units,
    connectivity,
    correlations,
    learned_from,
    learned_of,
    net_of,
    operate,
    preview,
    probabilities,
    probe,
    read_held_out,
    recipe_of,
    saturation,
    score,
    select,
    similar,
    train,
    train_part,
)
from core.lstm_gates.lenses import worked_steps
from core.recurrent.recipes import Recipe, held_out, run
from core.recurrent.shipped import RECIPES, shipped

QUICK = {"steps": 50, "hidden": 4, "delay": 0}


@pytest.fixture(scope="module")
def now() -> lstm_gates.Scene:
    return scene(SPEC())


def test_the_package_gives_the_public_names() -> None:
    assert lstm_gates.trace is trace
    assert set(TASKS) == {"copy", "recall", "adding", "parity", "dyck", "order", "reber"}


# The nets


@pytest.mark.parametrize("task", [t for t in RECIPES if t != "adding"])
def test_the_nets_that_ship_know_their_task(task: str) -> None:
    """Measured anew on sequences that are not those of the test set."""
    recipe = RECIPES[task]
    weights, metrics = shipped(recipe)
    learned = learned_of(SPEC(task=task, delay=recipe.delay))
    assert learned.origin == "shipped"
    assert weights.keys() == learned.weights.keys()
    other = replace(recipe, seed=77)
    for kind in recipe.cells:
        inputs, _, _ = held_out(other)
        outputs = net_of(learned, kind)(inputs.double())
        measured = float(TASKS[task].right(inputs, outputs).nanmean())
        assert measured > 0.95
        assert abs(measured - float(metrics[f"score.{kind}"][-1])) < 0.05


def test_other_settings_have_no_shipped_net() -> None:
    assert shipped(replace(RECIPES["dyck"], seed=1)) is None
    assert shipped(replace(RECIPES["dyck"], delay=1)) is None


def test_a_preview_is_a_run_on_the_spot() -> None:
    recipe = Recipe("recall", 3, hidden=4, steps=12)
    found, told = preview(recipe)
    *_, last = run(recipe, every=12)
    assert found.step == told[-1].step == 12
    assert found.weights.keys() == last.arrays.keys()
    for name, values in last.arrays.items():
        np.testing.assert_array_equal(found.weights[name], values)


def test_a_job_is_recognised_by_its_settings_and_then_remembered() -> None:
    spec = SPEC(task="parity", cell="gru", lens="film", text="0 1 1", **QUICK)
    told = list(train(train_part(spec)))
    metrics = {"step": np.array([s.step for s in told])} | {
        n: np.array([s.metrics.get(n, np.nan) for s in told]) for n in told[-1].metrics
    }
    assert learned_of(spec).origin == "preview"
    assert learned_from(replace(spec, seed=5), metrics, told[-1].arrays) is None
    found = learned_from(spec, metrics, told[-1].arrays)
    assert found.origin == "run"
    assert learned_of(replace(spec, cell="rnn", text="")).origin == "run"
    np.testing.assert_array_equal(
        found.weights["lstm/cell.weight_hh_l0"], learned_of(spec).weights["lstm/cell.weight_hh_l0"]
    )


def test_only_what_training_depends_on_makes_another_run() -> None:
    plain = SPEC()
    for name, value in {
        "text": "( )",
        "lens": "find",
        "unit": 3,
        "at": 2,
        "cell": "gru",
        "value": 1.0,
        "signal": "f",
    }.items():
        assert recipe_of(replace(plain, **{name: value})) == recipe_of(plain)
    for name, value in {
        "task": "parity",
        "hidden": 5,
        "rate": 0.1,
        "seed": 1,
        "clip": False,
        "layers": 2,
        "cell": "peephole",
    }.items():
        assert recipe_of(replace(plain, **{name: value})) != recipe_of(plain)


def test_the_same_parameter_count_is_about_the_same() -> None:
    recipe = recipe_of(SPEC(same="parameters", hidden=20))
    counts = [
        sum(p.numel() for p in net_of(preview(replace(recipe, steps=6))[0], kind).cell.parameters())
        for kind in recipe.cells
    ]
    assert max(counts) / min(counts) < 1.12
    assert recipe.hidden_of("lstm") == 20


# One sequence


def test_the_scene_is_what_torch_says(now: lstm_gates.Scene) -> None:
    outputs = now.net(now.inputs)[0].detach().numpy()
    np.testing.assert_allclose(now.answers, outputs, atol=1e-12)
    np.testing.assert_allclose(probabilities(now.answers), torch.softmax(torch.tensor(outputs), 1).numpy(), atol=1e-12)
    wanted = torch.nn.functional.cross_entropy(torch.tensor(outputs), torch.tensor(now.targets))
    assert now.loss == pytest.approx(float(wanted), rel=1e-10)
    assert now.signals["f"].shape == (20, 16)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn", "peephole"])
@pytest.mark.parametrize("at", [1, 4])
def test_the_arithmetic_on_screen_adds_up(cell: str, at: int) -> None:
    """Every line's numbers, read from the LaTeX, give the number at its end."""
    spec = SPEC(cell=cell, at=at, unit=2, **({"steps": 50, "hidden": 4} if cell == "peephole" else {}))
    shown = scene(spec)
    steps = worked_steps(shown)
    assert len(steps) == {"lstm": 6, "gru": 4, "rnn": 1, "peephole": 6}[cell]
    for step in steps:
        text = step.latex[0].replace(r"\end{aligned}", "").replace(r"\big", "")
        *_, right, result = text.split("=")
        right = (
            right.replace(r"\\ &", "")
            .replace(r"\cdot", "*")
            .replace(r"\sigma", "sigma")
            .replace(r"\tanh", "tanh")
            .replace(r"\,", " ")
        )
        value = eval(right, {"sigma": lambda a: 1 / (1 + np.exp(-a)), "tanh": np.tanh})
        assert value == pytest.approx(float(result), abs=2e-4), right
    last = {"lstm": "h", "gru": "h", "rnn": "h", "peephole": "h"}[cell]
    assert float(steps[-1].latex[0].replace(r"\end{aligned}", "").split("=")[-1]) == pytest.approx(
        shown.signals[last][at - 1, 1], abs=1e-4
    )


def test_a_typed_sequence_is_read_and_judged() -> None:
    typed = scene(SPEC(text="(()"))
    assert typed.words == ("(", "(", ")")
    assert typed.targets.tolist() == [1, 2, 1]
    assert (typed.t, typed.span) == (2, slice(2, 3))  # steps beyond the end stand at the end


@pytest.mark.parametrize("text", ["(a)", "()" * 151])
def test_a_sequence_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ExplainerError, match="Bracket depth"):
        scene(SPEC(text=text))


def test_layers_and_directions_can_be_chosen() -> None:
    spec = SPEC(layers=2, bidirectional=True, way="layer 1, from the end", text="( ( )", **QUICK)
    shown = scene(spec)
    np.testing.assert_array_equal(shown.signals["c"], shown.found.c[0, 1, 0].numpy())
    worked_steps(shown)


# Probes and search


def test_correlation_is_numpy_s_and_0_for_what_does_not_move() -> None:
    g = np.random.default_rng(0)
    X, y = g.normal(size=(50, 3)), g.normal(size=50)
    X[:, 1] = 2.0
    found = correlations(X, y)
    assert found[0] == pytest.approx(np.corrcoef(X[:, 0], y)[0, 1], abs=1e-12)
    assert found[1] == 0.0
    assert (correlations(X, np.ones(50)) == 0).all()


def test_a_unit_that_is_the_truth_is_found() -> None:
    g = np.random.default_rng(0)
    latent = g.integers(0, 6, (20, 7)).astype(float)
    signal = g.normal(size=(20, 7, 4))
    signal[..., 2] = 3.0 - 2.0 * latent
    found = probe(signal, latent)
    assert found.best == 2
    assert found.r[2] == pytest.approx(-1.0)
    assert found.r2_best == pytest.approx(1.0)
    assert found.r2_all == pytest.approx(1.0)
    nothing = probe(g.normal(size=(20, 7, 4)), latent)
    assert nothing.r2_all < 0.2


def test_r2_is_measured_on_sequences_that_were_not_fitted() -> None:
    """So many units as rows fit any noise; on new rows they know nothing."""
    g = np.random.default_rng(0)
    found = probe(g.normal(size=(8, 5, 20)), g.normal(size=(8, 5)))
    assert found.r2_all < 0.0


def test_the_counter_of_the_first_visit_counts(now: lstm_gates.Scene) -> None:
    known = read_held_out(now)
    found = probe(known.signals["c"], known.latent)
    assert found.r2_all > 0.95
    assert abs(
        np.corrcoef(known.signals["c"][:64, :, found.best].ravel(), known.latent[:64].ravel())[0, 1]
    ) == pytest.approx(abs(found.r[found.best]), abs=1e-9)


def test_selected_units_are_on_inside_and_mostly_off_outside(now: lstm_gates.Scene) -> None:
    spec = replace(now.spec, lens="find", signal="f", first=12, last=10, threshold=0.8)  # the ends in either order
    found = select(replace(now, spec=spec), read_held_out(now))
    values = now.signals["f"]
    wanted = [
        u for u in range(16)
        if all(values[t, u] > 0.8 for t in (9, 10, 11)) and sum(values[t, u] > 0.8 for t in range(20) if t not in (9, 10, 11)) < 8.5
    ]  # fmt: skip
    assert found.selected.tolist() == wanted
    assert wanted


def test_similar_places_hold_most_selected_units() -> None:
    on = np.zeros((3, 4, 5), bool)
    on[0, 1, [0, 2]] = on[2, 3, [0, 2, 4]] = on[1, 0, 4] = True
    assert similar(on, np.array([0, 2, 4]), 2) == ((2, 3, 3), (0, 1, 2))
    assert similar(on, np.array([], int), 2) == ()


def test_saturation_counts_strictly_beyond_the_limits() -> None:
    assert saturation(np.array([0.05, 0.1, 0.5, 0.9, 0.95, 1.0])) == (1 / 6, 2 / 6)


def test_connectivity_is_a_finite_difference(now: lstm_gates.Scene) -> None:
    short = scene(SPEC(text="( ( ) ( )"))
    J, step = connectivity(short), 1e-6
    rows = []
    for s in range(5):
        total = 0.0
        for feature in range(3):
            moved = short.inputs.clone(), short.inputs.clone()
            moved[0][0, s, feature] += step
            moved[1][0, s, feature] -= step
            change = (short.net(moved[0]) - short.net(moved[1]))[0].detach() / (2 * step)
            total = total + (change**2).sum(1)
        rows.append(total.sqrt().numpy())
    np.testing.assert_allclose(J, np.array(rows).T, rtol=1e-5, atol=1e-8)
    assert (np.triu(J, 1) == 0).all()


# Operations


def test_holding_a_signal_at_what_it_is_changes_nothing(now: lstm_gates.Scene) -> None:
    values = now.found.f[0, 0, 0]
    inputs, _, _ = held_out(now.learned.recipe)
    assert score(now, inputs.double(), None) == 1.0
    held = trace(now.net.cell, now.inputs, clamp={"f": (torch.ones(20, 16, dtype=torch.bool), values)})
    torch.testing.assert_close(held.output, now.found.output, atol=1e-12, rtol=0.0)


def test_a_cell_set_to_zero_is_zero_there_and_free_elsewhere(now: lstm_gates.Scene) -> None:
    done = operate(replace(now, spec=replace(now.spec, lens="operate", action="zero", units="3, 1", first=5, last=6)))
    assert done.name == "c"
    assert np.argwhere(done.mask).tolist() == [[4, 0], [4, 2], [5, 0], [5, 2]]
    assert (done.signals["c"][4:6][:, [0, 2]] == 0).all()
    np.testing.assert_allclose(done.signals["c"][:4], now.signals["c"][:4], atol=1e-12)
    assert done.accuracy[0] == 1.0
    assert done.accuracy[1] <= 1.0


def test_a_swap_brings_the_other_sequence_s_memory(now: lstm_gates.Scene) -> None:
    done = operate(replace(now, spec=replace(now.spec, action="swap", first=20, last=20)))
    donor = held_out(now.learned.recipe)[0][1:2].double()
    other = trace(now.net.cell, donor).c[0, 0, 0, 19].numpy()
    np.testing.assert_allclose(done.signals["c"][19], other, atol=1e-12)


def test_shutting_the_forget_gate_loses_the_first_letter() -> None:
    shown = scene(SPEC(task="recall", delay=16))
    spec = replace(shown.spec, signal="f", value=0.0, first=5, last=7)
    done = operate(replace(shown, spec=spec))
    assert done.accuracy[0] == 1.0
    assert done.accuracy[1] < 0.6
    assert operate(replace(shown, spec=replace(spec, value=1.0))).accuracy[1] > done.accuracy[1]


@pytest.mark.parametrize("units", ["0", "17", "a", "1.5", "-1"])
def test_units_that_are_not_there_are_refused(units: str) -> None:
    with pytest.raises(ExplainerError, match=re.escape(f"unit '{units}' is not there")):
        chosen_units(SPEC(units=units), 16)


def test_units_are_read_as_typed() -> None:
    assert chosen_units(SPEC(units=" 3,1; 3 "), 16) == [0, 2]
    assert chosen_units(SPEC(), 3) == [0, 1, 2]


@pytest.mark.parametrize(("task", "cell"), [("adding", "lstm"), ("copy", "gru"), ("order", "rnn")])
@pytest.mark.parametrize("lens", ["unit", "signals", "probe", "find", "connect", "operate"])
def test_every_lens_opens_on_every_kind_of_task(lens: str, task: str, cell: str) -> None:
    view = lstm_gates.look(scene(SPEC(task=task, cell=cell, lens=lens, delay=lstm_gates.DELAYS[task], signal="h")))
    assert view.sentences
    assert not any("nan" in sentence for sentence in view.sentences)
    assert view.figures


def test_a_film_has_a_frame_for_every_moment_and_ends_at_the_weights_on_screen() -> None:
    shown = scene(SPEC(task="parity", lens="film", signal="f", seed=3, **QUICK))
    view, captions = lstm_gates.look(shown), lstm_gates.shots_of(shown, ())
    frames = view.figures["film"].frames
    assert len(frames) == len(captions) > 4
    np.testing.assert_allclose(np.asarray(frames[-1].data[0]["z"]), shown.signals["f"].T, atol=1 / 508 + 1e-6)
