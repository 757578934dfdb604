"""Data, points, Spec, tables, maps, lenses and actions of the playground."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import core.playground as playground
from core.data.tables import Table, read_csv
from core.errors import ExplainerError
from core.playground import compute, network, typed
from core.playground.datasets import FEATURES, OWN, SOURCES, features
from core.playground.lenses import LENS, layer_space, look, pin_text, pinned_spec, shares
from core.playground.points import decode, encode
from core.playground.problem import problem
from core.playground.spec import LENSES, PlaygroundSpec, events, hidden_layers, layers_text
from core.playground.training import losses
from core.rng import numpy_generator

QUICK = {"epochs": 3, "count": 60}


@pytest.fixture(scope="module")
def run() -> compute.Run:
    return compute.run_of(PlaygroundSpec(**QUICK))


@pytest.mark.parametrize("name", SOURCES)
def test_points_lie_where_their_label_says(name: str) -> None:
    X, y = SOURCES[name].draw(numpy_generator(1, "data"), 200, 0.0, 3)
    assert X.shape == (200, 2)
    x1, x2 = X.T
    r = np.hypot(x1, x2)
    truth = {
        "circle": lambda: r < 3,
        "xor": lambda: x1 * x2 > 0,
        "checkerboard": lambda: (np.floor(x1 / 2.5) + np.floor(x2 / 2.5)) % 2,
        "rings": lambda: np.floor(3 * r / 5),
        "plane": lambda: (x1 + x2) / 10,
        "sine": lambda: np.sin(x1),
    }
    if name in truth:
        np.testing.assert_allclose(y, truth[name](), atol=1e-12)
    if SOURCES[name].regression:
        assert np.abs(y).max() <= 1.2
    else:
        assert set(y.tolist()) == set(range(3 if SOURCES[name].many else 2))


def test_features_by_hand() -> None:
    X = np.array([[0.5, -2.0], [0.0, 0.0]])
    F = features([name for name in FEATURES if name != OWN], X)
    expected = [
        0.5,
        -2,
        0.25,
        4,
        -1,
        np.sin(0.5),
        np.sin(-2),
        np.cos(0.5),
        np.cos(2),
        np.hypot(0.5, 2),
        np.sin(1),
        np.sin(-4),
        np.cos(1),
        np.cos(4),
    ]
    np.testing.assert_allclose(F[0], expected, atol=1e-15)
    assert F[1].sum() == 4  # four cosines of 0


@given(st.lists(st.tuples(st.floats(-6, 6), st.floats(-6, 6), st.integers(0, 5)), min_size=1, max_size=30))
def test_points_survive_the_link(points: list) -> None:
    X, y = np.array([p[:2] for p in points]), np.array([p[2] for p in points])
    back, labels = decode(encode(X, y, False), False)
    assert np.abs(back - X).max() <= 6 / 4095 + 1e-12
    np.testing.assert_array_equal(labels, y)
    values = decode(encode(X, y / 5, True), True)[1]
    assert np.abs(values - y / 5).max() <= 1 / 4095 + 1e-12


@pytest.mark.parametrize(
    ("text", "words"), [("abc", "damaged"), ("AAAAA!", "damaged"), ("A" * 2406, "too many"), ("AAAA__", "classes")]
)
def test_bad_points_are_refused(text: str, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        decode(text, False)


def test_layers_and_events_are_read() -> None:
    spec = PlaygroundSpec(layers="4, 2 relu,3 leaky_relu", events="700:b2.1=-1e-2; 5:rate=0.1; 5:w1.4.2=0.5")
    assert [tuple(x)[:2] for x in hidden_layers(spec)] == [(4, "tanh"), (2, "relu"), (3, "leaky_relu")]
    assert layers_text(spec, hidden_layers(spec)) == "4, 2 relu, 3 leaky_relu"
    spec_bn = PlaygroundSpec(layers="4 bn, 2 relu no_bn, 3 BN leaky relu", norm=True)
    assert [tuple(x) for x in hidden_layers(spec_bn)] == [
        (4, "tanh", True),
        (2, "relu", False),
        (3, "leaky_relu", True),
    ]
    assert layers_text(spec_bn, hidden_layers(spec_bn)) == "4, 2 relu no_bn, 3 leaky_relu"
    assert playground.grown(spec_bn, "layer")["layers"] == "4, 2 relu no_bn, 3 leaky_relu, 2"
    assert layers_text(replace(spec_bn, norm=False), hidden_layers(spec_bn)) == "4 bn, 2 relu, 3 leaky_relu bn"
    assert [tuple(e) for e in events(spec)] == [
        (5, "rate", (), 0.1),
        (5, "w", (1, 4, 2), 0.5),
        (700, "b", (2, 1), -0.01),
    ]


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ({"layers": "65"}, "1 to 64"), ({"layers": "0"}, "1 to 64"), ({"layers": "1," * 9}, "at most 8"), ({"layers": "4 tan"}, "unknown"),
        ({"features": ""}, "no feature"), ({"features": "x3"}, "unknown"), ({"events": "x"}, "cannot be read"), ({"events": "1:w9.1.1=1"}, "not in this net"),
        ({"events": "1:w1.1.3=1"}, "not in this net"), ({"events": "1:rate=99"}, "outside"), ({"events": "1:b1.1=1e9"}, "outside"), ({"events": "1:b1.1=1-1"}, "no number"),
        ({"data": "points", "points": "AAAAAA"}, "too few"), ({"bias": False, "events": "1:b1.1=1"}, "has none"),
        ({"data": "formula", "formula": "z"}, "unknown name"), ({"data": "formula", "formula": "2 + 3"}, "constant"), ({"data": "formula", "formula": "sin(x"}, "formula"),
        ({"data": "formula", "formula": "mse(x, y)"}, "mse is a loss"), ({"data": "formula", "formula": "log(0 - x*x)"}, "no value anywhere"),
        ({"data": "border", "formula": "x**2 + 1"}, "at every point"), ({"data": "border", "formula": "0 - x**2"}, "at no point"), ({"data": "border", "formula": "__import__('os')"}, "."),
        ({"data": "formula", "formula": "log(x - 5.99)", "count": 20}, "only 0 of the 20"),
        ({"features": "own", "own": "log(x1)"}, "x1 = -6, x2 = -6"), ({"features": "own", "own": "x3"}, "unknown name"), ({"features": "own", "own": "7"}, "constant"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(case: dict, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        compute.run_of(PlaygroundSpec(**case))


@pytest.mark.parametrize(
    "case", [{}, {"loss": "cross_entropy"}, {"data": "blobs", "layers": "5"}, {"data": "multi_gauss"}]
)
def test_losses_and_quality_are_torch_s(case: dict) -> None:
    run = compute.run_of(PlaygroundSpec(**QUICK, **case))
    about, theta = run.about, run.thetas[-1]
    A = torch.from_numpy(about.F)
    for k in range(len(about.net.kinds)):
        A = A @ torch.from_numpy(network.matrix(theta, about.net, k)) + torch.from_numpy(
            theta[about.net.starts[k + 1] - about.net.sizes[k + 1] : about.net.starts[k + 1]]
        )
        A = torch.tanh(A) if k < len(about.net.kinds) - 1 else A
    y = torch.from_numpy(about.y)
    if about.k > 2:
        expected = torch.nn.functional.cross_entropy(A, y, reduction="none")
        right = (A.argmax(1) == y).double()
    elif about.k == 2:
        p = torch.tanh(A[:, 0]) if run.spec.loss == "squared" else torch.sigmoid(A[:, 0])
        expected = (
            0.5 * (p - (2 * y - 1)) ** 2
            if run.spec.loss == "squared"
            else torch.nn.functional.binary_cross_entropy(p, y.double(), reduction="none")
        )
        right = ((A[:, 0] > 0) == y).double()
    else:
        expected = 0.5 * (A[:, 0] - y) ** 2
    np.testing.assert_allclose(losses(theta, about), expected.numpy(), atol=1e-12)
    for part in compute.halves(run):
        found = compute.quality(run, theta, part)
        if about.k:
            assert found.score == pytest.approx(right[part].mean().item())
            assert found.confusion.sum() == len(y[part])
            assert np.trace(found.confusion) == right[part].sum()
        else:
            from sklearn.metrics import r2_score

            assert found.score == pytest.approx(r2_score(about.y[part], A[part, 0].numpy()))


def test_maps_are_the_net_s_answers(run: compute.Run) -> None:
    line, points = compute.grid(7)
    z = compute.output_map(run, run.thetas[-1], 7)
    np.testing.assert_allclose(z.ravel(), network.forward(run.thetas[-1], run.about.net, points)[:, 0])
    assert points[8].tolist() == [line[1], line[1]]
    small = compute.neuron_maps(run)
    unit = compute.output_map(run, run.thetas[-1], compute.UNIT_GRID, "1.3")
    np.testing.assert_allclose(small.maps[1][-1, 2], unit, atol=1e-12)
    assert all(np.abs(m).max() <= 1 for m in small.maps)


def test_the_film_ends_where_the_run_ends() -> None:
    run = compute.run_of(PlaygroundSpec(epochs=300, count=40))
    assert run.steps[run.frames[-1]] == run.steps[-1] == 600
    assert len(run.frames) <= compute.MOST_FRAMES
    assert (np.diff(run.frames) > 0).all()


def test_an_ensemble_is_its_nets(run: compute.Run) -> None:
    spec = playground.learning(run.spec)
    found = compute.ensemble(spec, 4)
    from core.playground.problem import first_weights
    from core.playground.training import NumpyEngine

    about, answers = problem(spec), []
    for k in range(4):
        motor, order = NumpyEngine(about, False), numpy_generator(spec.seed, "order")
        motor.put(first_weights(spec, about.net, f"weights {k}"))
        for epoch in range(3):
            motor.run(
                order.permutation(about.train),
                np.zeros((0, 0)),
                0,
                about.per_epoch,
                np.full(about.per_epoch, spec.rate),
                epoch * about.per_epoch,
            )
        answers.append(compute.output_map(run, motor.theta(), compute.FILM_GRID))
    np.testing.assert_allclose(found.mean, np.mean(answers, 0), atol=1e-10)
    np.testing.assert_allclose(found.spread, np.std(answers, 0), atol=1e-10)


def test_the_sum_of_bumps_is_the_output() -> None:
    run = compute.run_of(PlaygroundSpec(data="sine", features="x1", layers="5", **QUICK))
    x, parts, rest = shares(run)
    answer = network.forward(run.thetas[-1], run.about.net, x[:, None])[:, 0]
    np.testing.assert_allclose(parts.sum(0) + rest, answer, atol=1e-12)


def test_layer_space_is_the_layer(run: compute.Run) -> None:
    lines, points, axes, _ = layer_space(run, 2)
    A = compute.layers_of(run.thetas[-1], run.about.net, run.about.F[: run.about.train])[1]
    np.testing.assert_allclose(points[-1], A)
    assert lines.shape[1:] == (26, 41, 2)
    assert len(axes) == 2


@pytest.mark.parametrize("lens", LENSES)
def test_every_lens_looks(lens: str, run: compute.Run) -> None:
    pinned = pin_text(PlaygroundSpec(**{**QUICK, "rate": 0.1}))
    for case in ({}, {"layers": ""}, {"data": "blobs", "layers": "3"}, {"data": "plane"}):
        seen = look(PlaygroundSpec(lens=lens, pinned=pinned, members=4, **{**QUICK, **case}))
        assert seen.sentences
    assert set(LENS) == set(LENSES)


def test_a_pinned_run_comes_back() -> None:
    spec = PlaygroundSpec(data="xor", layers="4 relu, 2", rate=0.1, lens="beside", epoch=3)
    assert pinned_spec(pin_text(spec)) == playground.learning(spec)
    assert pinned_spec(pin_text(PlaygroundSpec())) == PlaygroundSpec()
    with pytest.raises(ExplainerError, match="pinned run"):
        pinned_spec("rate=many")


def test_what_a_visitor_does() -> None:
    spec = PlaygroundSpec(**QUICK)
    assert playground.train_on(spec, 0, 1) == {"epochs": 3, "batches": 1, "epoch": -1}
    assert playground.train_on(replace(spec, batches=2), 0, 1) == {
        "epochs": 4,
        "batches": 0,
        "epoch": -1,
    }  # 30 points, 3 batches
    spec = replace(spec, pick="w1.2.1", epoch=4)
    run = compute.run_of(spec)
    changed = replace(spec, **playground.edit(spec, 2.5))
    assert changed.events == "4:w1.2.1=2.5"
    assert playground.value_of(changed, compute.run_of(changed)) == 2.5
    assert playground.value_of(replace(spec, pick="w7.1.1"), run) is None
    assert playground.value_of(replace(spec, pick="rate"), run) == spec.rate
    assert playground.grown(spec, "layer")["layers"] == "4, 2, 2"
    assert playground.shrunk(spec, "unit")["layers"] == "4, 1"
    drawn = PlaygroundSpec(**{**spec.as_dict(), **playground.as_points(spec)})
    assert len(drawn.points) == 6 * 60
    assert len(playground.fewer_points(drawn, 1)["points"]) == 6 * 59
    assert len(playground.add_point(drawn, 1.0, 2.0, 1)["points"]) == 6 * 61
    assert playground.clicked_point(drawn, None, 1.0) == playground.clicked_point(drawn, Click(), 1.0) == {}
    assert playground.clicked_point(drawn, Click(x=1, y=2.0), 1.0) == playground.add_point(drawn, 1.0, 2.0, 1)
    assert playground.frame_at(spec, run, 4) == {}
    assert playground.frame_at(spec, run, 2) == {"epoch": 2}
    assert playground.frame_at(spec, run, len(run.frames) - 1) == {"epoch": -1}
    menus, value = playground.number_menus(spec, run)
    assert menus["unit"] == (playground.units_of(run), "output")
    assert menus["pick"][1] == "w1.2.1"
    assert value == playground.value_of(spec, run)
    assert {"rate", "w1.2.1", "b3.1"} < set(menus["pick"][0])
    bare = replace(spec, bias=False, pick="b1.1")
    assert playground.value_of(bare, compute.run_of(bare)) is None
    assert not any(name.startswith("b") for name in playground.number_menus(bare, compute.run_of(bare))[0]["pick"][0])


class Click(NamedTuple):
    """What a page tells of a click."""

    trace: int = 0
    point: int = 0
    x: object = None
    y: object = None


def test_a_click_names_what_it_hit(run: compute.Run) -> None:
    picture = playground.draw.net_picture(run)
    weights = next(k for k, trace in enumerate(picture.data) if "weight from" in str(trace.get("text", "")))
    W = [network.matrix(run.thetas[-1], run.about.net, k) for k in range(3)]
    for point in range(len(picture.data[weights]["x"])):
        layer, to, source = map(int, playground.on_click(run.spec, run, Click(weights, point))["pick"][1:].split("."))
        assert picture.data[weights]["customdata"][point] == W[layer - 1][source - 1, to - 1]
    assert playground.on_click(run.spec, run, Click(weights + 1, 0)) == {}
    assert playground.on_click(run.spec, run, Click(weights + 1, 2)) == {"pick": "b1.1", "unit": "1.1"}


GOOD = b"a,b,kind\n1,2,x\n2,,y\n3,4,x\n4,5,y\n5,1,x\n6,2,y\n"


def test_a_table_becomes_points() -> None:
    table = read_csv(GOOD)
    assert (table.rows, list(table.numbers), list(table.words)) == (6, ["a", "b"], ["kind"])
    found, notes = playground.table_points(table, "a", "b", "kind", 0)
    X, y = decode(found["points"], False)
    assert found["data"] == "points"
    assert len(X) == 5
    np.testing.assert_allclose(X[:, 0], np.interp([1, 3, 4, 5, 6], [1, 6], [-5, 5]), atol=2e-3)
    assert y.tolist() == [0, 0, 1, 0, 1]
    assert any("1 of 6 rows" in note for note in notes)
    values = playground.table_points(table, "a", "a", "b", 0)[0]
    assert values["data"] == "points"  # four whole numbers are classes
    german = read_csv(b"x;y;z\n1,5;2;0,1\n2,5;3;0,2\n3;4;0,35\n4;5;0,9\n")
    assert german.numbers["x"].tolist() == [1.5, 2.5, 3, 4]
    assert playground.table_points(german, "x", "y", "z", 0)[0]["data"] == "values"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no table"), (b"PK\x03\x04\x00", "not text"), (b"a\n1\n2\n3\n4", "no table"), (b"a,b\n1,2\n", "1 usable rows"), (b"a,a\n1,2\n1,2\n1,2\n1,2", "two columns"),
        (b"x" * 2_000_001, "at most 2 MB"), (b",".join([b"c%d" % k for k in range(61)]) + b"\n", "61 columns"), (b'a,b\n"' + b"z" * 200_000, "not a readable table"),
    ],
)  # fmt: skip
def test_a_bad_table_is_refused_in_plain_words(content: bytes, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        read_csv(content)


@settings(max_examples=200)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(alphabet="ab1,;\t\n\"'.-=@eE_ nNaA∞\r", max_size=200).map(lambda t: ("p,q,r\n" + t).encode()),
    )
)
def test_any_file_gives_a_table_or_a_sentence(content: bytes) -> None:
    try:
        table = read_csv(content)
    except ExplainerError:  # a sentence; any other exception fails the test
        return
    assert isinstance(table, Table)
    for name in table.names:
        assert len(table.missing(name)) == table.rows
    for values in table.numbers.values():
        assert not np.isinf(values).any()
    if len(table.numbers) > 1:
        x1, x2, *_ = table.numbers
        try:
            found, _ = playground.table_points(table, x1, x2, table.names[-1], 0)
        except ExplainerError:
            return
        X, _ = decode(found["points"], found["data"] == "values")
        assert np.isfinite(X).all()


def test_questions_know_the_run(run: compute.Run) -> None:
    asked = {q.slug.partition(".")[0]: q for q in playground.questions(run.spec, run)}
    assert asked["parameters"].answer == len(run.about.theta) == 25
    assert asked["gap"].answer == ("test" if run.test_loss[-1] > run.train_loss[-1] else "training")
    relu = PlaygroundSpec(activation="relu", events="0:b1.1=-900", **QUICK)
    dead = {q.slug.partition(".")[0]: q for q in playground.questions(relu, compute.run_of(relu))}["dead"]
    A = compute.layers_of(
        compute.run_of(relu).thetas[-1],
        problem(playground.learning(relu)).net,
        problem(playground.learning(relu)).F[:30],
    )
    assert dead.answer == sum((a <= 0).all(0).sum() for a in A[:-1]) >= 1


# --- What a visitor types ---------------------------------------------------------------------------------------------

FORMULAS = {
    "sin(x) * cos(y)": lambda x, y: np.sin(x) * np.cos(y),
    "x1**2 + x2**2 - 9": lambda x, y: x**2 + y**2 - 9,
    "r = x*x + y*y; exp(-r / 8) - 0.5": lambda x, y: np.exp(-(x * x + y * y) / 8) - 0.5,
    "max(x, y) - abs(x1)": lambda x, y: np.maximum(x, y) - np.abs(x),
    "1 / x": lambda x, y: 1 / x,
}


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_typed_formula_is_the_data(formula: str) -> None:
    f = FORMULAS[formula]
    x1, x2 = np.meshgrid(np.linspace(-6, 6, 121), np.linspace(-6, 6, 121))
    with np.errstate(divide="ignore"):
        on_grid = np.abs(f(x1, x2))
    scale = max(1.0, on_grid[np.isfinite(on_grid)].max())
    assert typed.size(formula) == pytest.approx(scale)
    X, y = typed.draw(numpy_generator(1, "data"), 200, 0.0, formula, False)
    np.testing.assert_allclose(y, np.clip(f(*X.T) / scale, -1, 1), atol=1e-12)
    assert np.abs(X).max() <= 6
    if formula != "max(x, y) - abs(x1)":
        X, y = typed.draw(numpy_generator(1, "data"), 200, 0.0, formula, True)
        np.testing.assert_array_equal(y, f(*X.T) > 0)
    noisy, other = (typed.draw(numpy_generator(1, "data"), 200, noise, formula, False)[1] for noise in (0.5, 0.0))
    assert not np.array_equal(noisy, other)


def test_points_without_a_value_are_left_out_and_counted() -> None:
    spec = PlaygroundSpec(data="formula", formula="log(x)", **QUICK)
    run = compute.run_of(spec)
    assert (run.about.X[:, 0] > 0).all()
    assert f"at {len(run.about.y)} of the 60 points" in playground.notes(spec, run)[0]
    assert f"/ {typed.size('log(x)'):.3g}" in playground.notes(spec, run)[0]
    assert 20 < len(run.about.y) < 40


def test_an_own_feature_is_seen_by_the_net_and_the_maps() -> None:
    spec = PlaygroundSpec(features="x2, own", own="x1 * sin(x2)", **QUICK)
    run = compute.run_of(spec)
    X = run.about.X
    np.testing.assert_allclose(run.about.F, np.column_stack([X[:, 1], X[:, 0] * np.sin(X[:, 1])]), atol=1e-15)
    points = compute.grid(compute.UNIT_GRID)[1]
    g = (points[:, 0] * np.sin(points[:, 1])).reshape(compute.UNIT_GRID, -1)
    np.testing.assert_allclose(compute.neuron_maps(run).maps[0][0, 1], g / np.abs(g).max(), atol=1e-12)


# --- Batch normalisation ----------------------------------------------------------------------------------------------


def test_the_net_on_screen_uses_the_running_statistics() -> None:
    """torch's batch_norm in evaluation, its equation with the numbers, and the count of what is learned."""
    spec = PlaygroundSpec(layers="3 bn", loss="cross_entropy", **QUICK)
    run = compute.run_of(spec)
    about, theta = run.about, run.thetas[-1]
    rows = [torch.from_numpy(network.row(theta, about.net, 0, which).copy()) for which in range(4)]
    gamma, mean, variance, beta = rows
    Z = torch.from_numpy(about.F @ network.matrix(theta, about.net, 0))
    U = torch.nn.functional.batch_norm(Z, mean, variance, gamma, beta, False, 0.1, 1e-5)
    found = compute.layers_of(theta, about.net, about.F)[0]
    np.testing.assert_allclose(found, torch.tanh(U).numpy(), rtol=0, atol=1e-13)
    assert about.parameters == 2 * 3 + 2 * 3 + 3 + 1
    latex = playground.worked(spec)[0].latex[0]
    assert all(f"{float(v):.4g}" in latex for row in rows for v in row)
    assert "unit 2 of layer 1, shift β" in str(playground.draw.net_picture(run).data)
    questions = {q.slug.partition(".")[0]: q for q in playground.questions(spec, run)}
    assert questions["parameters"].answer == 16
    assert "(2 + 2) · 3 + (3 + 1) · 1 = 16" in questions["parameters"].explanation


def test_a_net_without_biases_is_odd_and_learns_fewer_numbers() -> None:
    """tanh without biases: p(-x) = -p(x)."""
    run = compute.run_of(PlaygroundSpec(bias=False, **QUICK))
    points = compute.grid(9)[1]
    p, q = (network.forward(run.thetas[-1], run.about.net, s * points) for s in (1, -1))
    np.testing.assert_allclose(p, -q, atol=1e-15)
    assert run.about.parameters == 18
    assert "output, no bias" in str(playground.draw.net_picture(run).data)
    assert " + " not in playground.worked(run.spec)[0].latex[0]


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ({"batch": 1}, "one point a batch"),
        ({"batch": 29}, "last batch"),
        ({"batch": 10}, ""),
        ({"batch": 1, "norm": False}, ""),
    ],
)
def test_batches_of_one_point_are_explained(case: dict, words: str) -> None:
    spec = PlaygroundSpec(**{**QUICK, "norm": True, **case})
    found = " ".join(playground.notes(spec, compute.run_of(spec)))
    assert (words in found) if words else not found
