"""The matrix level from its Spec: numbers against torch, the script against both, figures by what the Spec names."""

from __future__ import annotations

import io
import warnings
from contextlib import redirect_stdout
from itertools import product

import numpy as np
import pytest
import torch

from core.backprop_stepper import SPEC, figures, numbers, script, tensor
from core.backprop_stepper.tensor_figures import jacobian_figure, outer_film
from core.plots.encode import figure_json

SIZES = [
    {}, {"batch": 1}, {"batch": 8, "inputs": 5, "hidden": 6, "outputs": 4}, {"batch": 1, "inputs": 1, "hidden": 1, "outputs": 2}, {"seed": 9999},
]  # fmt: skip
SPECS = [
    pytest.param(SPEC(mode="tensor", activation=phi, loss=loss, **sizes), id=f"{phi}-{loss}-{k}")
    for phi, loss, (k, sizes) in product(("tanh", "relu", "sigmoid"), ("cross_entropy", "mse"), enumerate(SIZES))
]


def by_torch(spec: SPEC) -> dict[str, float]:
    """The loss and all gradients from the run's X, Y and weights, by torch.nn.functional."""
    net = tensor.run_of(spec)
    weights = {name: torch.tensor(getattr(net, name), requires_grad=True) for name in ("W1", "b1", "W2", "b2")}
    hidden = getattr(torch, spec.activation)(torch.tensor(net.X) @ weights["W1"] + weights["b1"])
    out, target = hidden @ weights["W2"] + weights["b2"], torch.tensor(net.Y)
    loss = (
        torch.nn.functional.cross_entropy(out, target.argmax(1))
        if spec.loss == "cross_entropy"
        else torch.nn.functional.mse_loss(out, target)
    )
    loss.backward()
    entries = {
        f"d{name}{list(at)}": float(g) for name, w in weights.items() for at, g in np.ndenumerate(w.grad.numpy())
    }
    return {"L": loss.item(), **entries}


@pytest.mark.parametrize("spec", SPECS)
def test_numbers_are_torch_s(spec: SPEC) -> None:
    assert numbers(spec) == pytest.approx(by_torch(spec), rel=1e-10, abs=1e-13)
    D, H, K = spec.inputs, spec.hidden, spec.outputs
    assert len(numbers(spec)) == 1 + D * H + H + H * K + K


@pytest.mark.parametrize("spec", SPECS)
def test_the_script_prints_the_page_s_numbers(spec: SPEC) -> None:
    out = io.StringIO()
    with redirect_stdout(out), warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(compile(script(spec), "script", "exec"), {"__name__": "__main__"})
    lines = out.getvalue().splitlines()
    assert lines[-1] == "equal to torch.autograd within 1e-12"
    printed = {name: float(value) for name, value in (line.split(" = ") for line in lines[:-1])}
    assert list(printed) == list(numbers(spec))
    assert printed == pytest.approx(by_torch(spec), rel=1e-10, abs=1e-13)


def test_the_script_notices_a_wrong_gradient() -> None:
    code = script(SPEC(mode="tensor"))
    assert code.count("dW1 = X.T @ dZ1") == 1
    with redirect_stdout(io.StringIO()), pytest.raises(AssertionError):
        exec(code.replace("dW1 = X.T @ dZ1", "dW1 = X.T @ dA1"), {})


def test_the_run_belongs_to_the_seed() -> None:
    one, same, other = (tensor.run_of(SPEC(mode="tensor", seed=seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.X, same.X)
    np.testing.assert_array_equal(one.W1, same.W1)
    assert not np.array_equal(one.X, other.X)
    assert not np.array_equal(one.W1, other.W1)


@pytest.mark.parametrize("layer", ["1", "2"])
@pytest.mark.parametrize("name", ["A1/Z1", "Z2/A1", "P/Z2", "l/Z2"])
def test_figures_follow_the_spec(layer: str, name: str) -> None:
    spec = SPEC(mode="tensor", layer=layer, jacobian=name, example=3)
    net, found = tensor.run_of(spec), figures(spec)
    assert figure_json(found["outer"]) == figure_json(outer_film(net, int(layer)))
    assert figure_json(found["jacobian"]) == figure_json(jacobian_figure(net, name, 2))
    np.testing.assert_allclose(tensor.jacobian_of(spec).matrix, jacobian_by_torch(spec, name, 2), rtol=1e-9, atol=1e-12)


def jacobian_by_torch(spec: SPEC, name: str, n: int) -> np.ndarray:
    """Row i, column j: d out_i / d in_j at one example."""
    net = tensor.run_of(spec)
    W2, b2, y = torch.tensor(net.W2), torch.tensor(net.b2), torch.tensor(net.Y[n])
    functions = {
        "A1/Z1": (torch.tanh, net.Z1[n]),
        "Z2/A1": (lambda a: a @ W2 + b2, net.A1[n]),
        "P/Z2": (lambda z: torch.softmax(z, 0), net.Z2[n]),
        "l/Z2": (lambda z: torch.nn.functional.cross_entropy(z, y.argmax())[None], net.Z2[n]),
    }
    function, at = functions[name]
    return torch.autograd.functional.jacobian(function, torch.tensor(at)).numpy()


def test_what_this_net_has_not_falls_back() -> None:
    """Mean squared error has no P; an example beyond the batch is its last."""
    spec = SPEC(mode="tensor", loss="mse", jacobian="P/Z2")
    assert (tensor.jacobian_of(spec).out, tensor.jacobian_of(spec).into) == (
        tensor.jacobian_of(SPEC(mode="tensor", loss="mse", jacobian="l/Z2")).out,
        "Z2",
    )
    small = SPEC(mode="tensor", batch=2, example=8)
    np.testing.assert_array_equal(
        tensor.jacobian_of(small).matrix, tensor.jacobian_of(SPEC(mode="tensor", batch=2, example=2)).matrix
    )


def test_films_have_a_stop_for_every_frame() -> None:
    spec = SPEC(mode="tensor", batch=5)
    net, found = tensor.run_of(spec), figures(spec)
    assert [stop.title for stop in tensor.example_steps(net)] == [f"example {n} of 5" for n in range(1, 6)]
    assert len(found["outer"].frames) == 5
    assert len(found["stages"].frames) == len(tensor.steps(net))


@pytest.mark.parametrize("spec", SPECS[:10:5])
def test_diagnosis_counts_and_divides(spec: SPEC) -> None:
    net = tensor.run_of(spec)
    sentence, rows = tensor.diagnosis(spec)
    z = torch.tensor(net.Z1, requires_grad=True)
    torch.tanh(z).sum().backward()
    share = (z.grad.abs() < 0.05).double().mean().item()
    assert sentence.startswith(f"**{share:.0%}** of the activations A1 are saturated")
    for row, name in zip(rows, ("W1", "W2"), strict=True):
        w, g = getattr(net, name), np.array([v for key, v in by_torch(spec).items() if key.startswith(f"d{name}")])
        assert list(row.values())[1:] == [
            f"{v:.4g}" for v in (w.std(), g.std(), g.std() / w.std(), spec.rate * g.std() / w.std())
        ]
