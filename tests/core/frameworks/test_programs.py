"""The seven programs: they are Python, they agree with each other, and what the film shows is what torch computes."""

from __future__ import annotations

import ast

import numpy as np
import pytest
import torch

from core.errors import ExplainerError
from core.frameworks import SPEC, draw
from core.frameworks.layers import read
from core.frameworks.programs import LOOP, PROGRAMS, STEPS, Section, folded, program, shared, text_of
from core.frameworks.running import differences, execute, run_of, walk
from core.frameworks.spec import ACTIVATIONS, EXAMPLES, EXECUTED, LOSSES, OPTIMIZERS, net_of

NETS = {"rings": "dense 5, dense 4", "bars": "conv 3, pool, conv 2, dense 6", "digits": "pool, conv 4, dense 8"}
SPECS = [
    SPEC(data=data, layers=NETS[data], activation=activation, loss=loss, optimizer=optimizer, epochs=2, batch=64, rate=0.05, seed=3)
    for k, (data, activation) in enumerate((d, a) for d in NETS for a in ACTIVATIONS)
    for loss, optimizer in [(list(LOSSES)[k % 2], list(OPTIMIZERS)[k % 3]), (list(LOSSES)[(k + 1) % 2], list(OPTIMIZERS)[(k + k // 3 + 1) % 3])]
]  # fmt: skip
NAMES = [f"{s.data}-{s.activation}-{s.loss}-{s.optimizer}" for s in SPECS]


@pytest.mark.parametrize("spec", SPECS, ids=NAMES)
def test_numpy_and_pytorch_give_the_same_losses(spec: SPEC) -> None:
    by_hand = run_of(spec, "numpy")
    assert len(by_hand.losses) == 2 * 4
    for form in EXECUTED[1:]:
        run = run_of(spec, form)
        np.testing.assert_allclose(run.losses, by_hand.losses, rtol=0, atol=1e-10)
        np.testing.assert_allclose(run.logits, by_hand.logits, rtol=0, atol=1e-10)
        assert run.accuracy == by_hand.accuracy


@pytest.mark.parametrize("form", PROGRAMS)
@pytest.mark.parametrize("spec", SPECS, ids=NAMES)
def test_every_program_is_python_and_does_every_step(spec: SPEC, form: str) -> None:
    sections = program(spec, form)
    ast.parse(text_of(sections))
    assert {step for part in sections for step in part.steps} == set(STEPS)


@pytest.mark.parametrize("form", PROGRAMS)
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.slug)
def test_every_program_begins_with_what_all_share(example, form: str) -> None:
    spec = SPEC(**example.settings)
    common = {line for line in shared(spec).lines if line}
    assert common <= set(program(spec, form)[0].lines)
    assert not common & set(folded(spec, form)[0].lines)


@pytest.mark.parametrize("spec", SPECS[::4], ids=NAMES[::4])
def test_the_gradients_by_hand_are_numeric_derivatives(spec: SPEC) -> None:
    names = {"__name__": "test"}
    sections = program(spec, "numpy")
    execute(text_of([part for part in sections if not {*part.steps} & {*LOOP, "evaluate"}]), names, "test")
    names |= {"x": names["X"][:7], "t": names["T"][:7]}
    for step in ("forward", "loss", "backward"):
        part = next(p for p in sections if p.steps == (step,))
        execute("\n".join(line[8:] for line in part.lines), names, "test")
    for parameter, gradient in zip(names["parameters"], names["gradients"], strict=True):
        at = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
        around = []
        for move in (1e-6, -2e-6):
            parameter[at] += move
            around.append(float(names["loss_of"](names["net"](names["x"]), names["t"])[0]))
        parameter[at] += 1e-6
        np.testing.assert_allclose(gradient[at], (around[0] - around[1]) / 2e-6, rtol=2e-5, atol=1e-8)


def test_the_film_s_tensors_are_those_of_a_training_by_torch() -> None:
    """Two batches of a net built here, with the film's first weights."""
    spec = SPEC(layers="dense 3", optimizer="momentum", rate=0.1, activation="tanh", seed=5)
    stops = {stop.step: stop for stop in walk(spec)}
    assert [stop.step for stop in walk(spec)] == list(STEPS)
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2)).double()
    for p, first in zip(net.parameters(), stops["tools"].tensors.values(), strict=True):
        p.data.copy_(torch.from_numpy(first))
    names = execute(shared(spec).code, {}, "test")
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for rows in names["order"][0][:64].reshape(2, 32):
        optimizer.zero_grad()
        x = torch.from_numpy(names["X"][rows])
        loss = torch.nn.functional.cross_entropy(net(x), torch.from_numpy(names["y"][rows]))
        loss.backward()
        before = [p.detach().numpy().copy() for p in net.parameters()]
        optimizer.step()
    late = stops["update"].tensors
    np.testing.assert_allclose(stops["loss"].loss, loss.item(), atol=1e-12)
    np.testing.assert_allclose(late["x"], x, atol=0)
    np.testing.assert_allclose(late["h1"], torch.tanh(x @ torch.from_numpy(before[0]).T + torch.from_numpy(before[1])), atol=1e-12)  # fmt: skip
    for name, p, old in zip(stops["tools"].tensors, net.parameters(), before, strict=True):
        np.testing.assert_allclose(late[f"{name}.grad"], p.grad, atol=1e-12)
        np.testing.assert_allclose(late[name], p.detach(), atol=1e-12)
        np.testing.assert_allclose(stops["backward"].tensors[name], old, atol=1e-12)
    assert any(name.endswith(".grad") for name in stops["batch"].tensors)
    assert not any(name.endswith(".grad") for name in stops["zero_grad"].tensors)


def test_differences_are_against_numpy() -> None:
    apart = differences(SPECS[0])
    assert apart["numpy"] == 0
    assert max(apart.values()) < 1e-10


def test_other_sliders_do_not_run_the_programs_again() -> None:
    assert run_of(SPEC(), "numpy") is run_of(SPEC(lens="adam", step=3, buffer=7), "numpy")


def test_layers_shapes_and_parameters() -> None:
    layers = read("conv 4, pool, dense 8", (8, 8, 1), 3)
    assert [layer.after for layer in layers] == [(6, 6, 4), (3, 3, 4), (8,), (3,)]
    assert [layer.kernel for layer in layers if layer.number] == [(3, 3, 1, 4), (36, 8), (8, 3)]
    assert [layer.parameters for layer in layers] == [40, 0, 36 * 8 + 8, 27]
    assert [layer.number for layer in layers] == [1, 0, 2, 3]
    assert [layer.flattens for layer in layers] == [False, False, True, False]
    assert [layer.kernel for layer in read("", (2,), 2)] == [(2, 2)]


@pytest.mark.parametrize(
    ("text", "shape", "words"),
    [
        ("dense", (2,), "cannot be read"),
        ("dense 0", (2,), "outside 1 to 64"),
        ("conv 17", (8, 8, 1), "outside 1 to 16"),
        ("conv 4", (2,), "wants pictures"),
        ("dense 4, pool", (8, 8, 1), "wants pictures"),
        ("pool, pool, conv 2", (8, 8, 1), "does not fit"),
        ("pool, pool, pool, pool", (8, 8, 1), "does not fit"),
        ("dense 2, " * 6, (2,), "too many"),
        ("softmax 3", (2,), "cannot be read"),
    ],
)
def test_layers_that_cannot_be_are_refused(text: str, shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        read(text, shape, 2)


def test_a_link_with_pictures_layers_on_points_is_refused_in_words() -> None:
    with pytest.raises(ExplainerError, match="use dense"):
        net_of(SPEC(layers="conv 4"))


def test_sections_that_do_the_same_begin_at_the_same_height() -> None:
    a, b, c = (Section((name,), "1\n2") for name in "abc")
    wide = Section(("b", "c"), "1\n2\n3")
    left, right, rows = draw.aligned([a, b, c], [wide])
    assert [row for row, _ in left] == [0, 2, 4]
    assert [row for row, _ in right] == [2]
    assert rows == 6
    left, right, _ = draw.aligned([a, c], [a, b, c])
    assert [row for row, _ in left] == [0, 4]
    assert [row for row, _ in right] == [0, 2, 4]


def test_fit_is_lit_at_every_step_that_it_does() -> None:
    spec = SPEC(right="keras_sequential")
    film = draw.code_film(folded(spec, "torch"), folded(spec, "keras_sequential"), ("a", "b"), 0)
    assert len(film.frames) == len(STEPS)
    lit = {step: [s["x0"] > 1 for s in frame.layout["shapes"]] for step, frame in zip(STEPS, film.frames, strict=True)}
    assert all(lit[step] == [False, True] for step in LOOP)
    right = [frame.layout["shapes"][-1]["y0"] for step, frame in zip(STEPS, film.frames, strict=True) if step in LOOP]
    assert len(set(right)) == 1


def test_code_on_screen_keeps_its_signs() -> None:
    film = draw.code_film([Section(("data",), "    a < b & c")], [Section(("data",), "x" * 200)], ("a", "b"), 0)
    assert film.data[0]["text"] == ["\u00a0" * 4 + "a\u00a0&lt;\u00a0b\u00a0&amp;\u00a0c"]
    assert film.data[1]["text"][0].endswith("…")
