"""The training against torch and against what each kind promises; every kind runs through torch's autograd and optimizers in the script."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.errors import ExplainerError
from core.regularisation import SPEC, code, numbers
from core.regularisation.compute import plan_of, run_of, trained, variant
from core.regularisation.datasets import load
from core.regularisation.spec import KINDS, RegularisationSpec, chosen
from core.regularisation.training import PLAIN, Draws, Plan, Variant, descend, shortened

SMALL = Plan("moons", 30, 0.1, (6, 5), "adam", 0.02, 30, 8, 3, 0, (PLAIN,))


def with_kinds(**strengths: float) -> Variant:
    return Variant(" + ".join(strengths), tuple(strengths.items()))


def at_end(plan: Plan) -> np.ndarray:
    """θ after the last step."""
    *_, (_, nets) = descend(plan)
    return nets.theta


@pytest.mark.parametrize(
    ("optimizer", "design", "kinds"),
    [
        ("momentum", "one", ", ".join(KINDS.values())), ("sgd", "all", "Decoupled decay, Batch norm, Early stopping"),
        ("adam", "all", "L1 penalty, Dropout, Mixup"), ("adam", "all", "L2 penalty, Layer norm"),
    ],
)  # fmt: skip
def test_the_script_with_torch_finds_the_page_s_numbers(optimizer: str, design: str, kinds: str, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    spec = SPEC(kinds=kinds, design=design, optimizer=optimizer, rate=0.02, points=30, width=8, steps=50, batch=7, seeds=3, early=2)  # fmt: skip
    exec(compile(code.script(spec), "script", "exec"), {})
    lines = (line.split(" = ") for line in capsys.readouterr().out.splitlines() if " = " in line)
    found = {name: float(value) for name, value in lines}
    assert found.keys() == numbers(spec).keys()
    for name, value in numbers(spec).items():
        assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-11), name


def test_a_variant_is_the_same_alone_and_among_others() -> None:
    several = (PLAIN, with_kinds(dropout=0.4), with_kinds(mixup=0.5, noise=0.2), with_kinds(batch=1.0), with_kinds(layer=1.0, l1=0.01))  # fmt: skip
    theta = at_end(replace(SMALL, variants=several))
    for v, one in enumerate(several):
        np.testing.assert_allclose(at_end(replace(SMALL, variants=(one,)))[0], theta[v], rtol=1e-9, atol=1e-12)


def test_a_seed_is_the_same_alone_and_among_others() -> None:
    several = replace(SMALL, variants=(with_kinds(dropout=0.3, noise=0.1), with_kinds(mixup=0.3)))
    np.testing.assert_allclose(at_end(replace(several, seeds=1, seed=2))[:, 0], at_end(several)[:, 2], rtol=1e-9, atol=1e-12)  # fmt: skip


@pytest.mark.parametrize(
    "same", [{"l1": 0.0}, {"l2": 0.0}, {"decay": 0.0}, {"dropout": 0.0}, {"smoothing": 0.0}, {"noise": 0.0}, {"max_norm": 1e9}, {"early": 1e9}]
)  # fmt: skip
def test_strength_zero_is_the_plain_net(same: dict[str, float]) -> None:
    run = trained(replace(SMALL, variants=(PLAIN, with_kinds(**same))))
    if "early" in same:  # never stopped, but taken back to the best look
        np.testing.assert_array_equal(run.at_end("validation_loss")[1], run.curves["validation_loss"][:, 0].min(0))
    else:
        np.testing.assert_array_equal(run.theta[0], run.theta[1])


def test_early_stopping_keeps_the_best_look_and_stays_there() -> None:
    plan = replace(SMALL, steps=400, rate=0.05, variants=(PLAIN, with_kinds(early=3.0), with_kinds(early=3.0, batch=1.0)))  # fmt: skip
    run = trained(plan)
    for v, alike in ((1, 0), (2, 2)):
        for k in range(plan.seeds):
            curve = run.curves["validation_loss"][:, v, k]
            stop = int(np.flatnonzero(run.looks == run.stopped[v, k])[0])
            best = curve[:stop].min()
            np.testing.assert_array_equal(curve[stop:], best)
            first = int(curve[:stop].argmin())
            assert stop == first + 3  # three looks without a new minimum
            if v == 1:
                np.testing.assert_allclose(curve[:stop], run.curves["validation_loss"][:stop, alike, k], rtol=1e-12)
    assert run.stopped[0].tolist() == [400, 400, 400]
    assert run.stopped[1].max() < 400


def test_max_norm_shortens_the_vectors_into_hidden_units_only() -> None:
    run = trained(replace(SMALL, variants=(PLAIN, with_kinds(max_norm=0.5))))
    *hidden, last = run.plan.net.layers(run.theta[1])
    for layer in hidden:
        norms = np.sqrt((layer.W**2).sum(-2))
        assert norms.max() == pytest.approx(0.5, rel=1e-12)
    assert np.sqrt((last.W**2).sum(-2)).max() > 0.5


def test_max_norm_leaves_a_dead_unit_alone() -> None:
    net, theta = SMALL.net, np.zeros((1, 1, SMALL.net.parameters))
    np.testing.assert_array_equal(shortened(net, theta, np.ones((1, 1, 1))), 0.0)


def test_what_each_variant_sees_of_a_batch() -> None:
    plan = replace(SMALL, seeds=2, variants=(PLAIN, with_kinds(noise=0.5), with_kinds(smoothing=0.2), with_kinds(mixup=0.4)))  # fmt: skip
    part = plan.sets.train
    X, Y = Draws(plan).changed(part.X[:, :8], part.Y[:, :8])
    np.testing.assert_array_equal(X[[0, 2]], np.stack(2 * [part.X[:, :8]]))
    np.testing.assert_array_equal(Y[[0, 1]], np.stack(2 * [part.Y[:, :8]]))
    assert 0.3 < (X[1] - part.X[:, :8]).std() < 0.7
    np.testing.assert_allclose(np.unique(Y[2]), [0.1, 0.9])
    np.testing.assert_allclose(Y[3].sum(-1), 1.0)
    share = [np.unique(np.round(np.minimum(y, 1 - y), 12)) for y in Y[3, :, :, 0]]
    assert all(len(s) <= 2 for s in share)  # one share a batch
    for k in range(2):  # inputs are mixed with the same share and partner as labels
        inside = np.stack([part.X[k, :8].min(0), part.X[k, :8].max(0)])
        assert (X[3, k] >= inside[0] - 1e-12).all()
        assert (X[3, k] <= inside[1] + 1e-12).all()


def test_masks_keep_the_mean_and_are_shared() -> None:
    plan = replace(SMALL, hidden=(400,), variants=(with_kinds(dropout=0.2), PLAIN, with_kinds(dropout=0.6)))
    (D,) = Draws(plan).masks(50)
    np.testing.assert_array_equal(D[1], 1.0)
    np.testing.assert_allclose(np.unique(D[0]), [0.0, 1.25])
    np.testing.assert_allclose(D.mean((1, 2, 3)), 1.0, atol=0.03)
    assert not (D[0] == 0)[D[2] > 0].any()  # who is on at p = 0.6 is on at 0.2


def test_every_epoch_sees_each_point_at_most_once() -> None:
    batches = Draws(SMALL).batches()
    epoch = np.concatenate([next(batches) for _ in range(3)], axis=1)  # 24 of 30 points
    assert all(len(set(rows)) == 24 for rows in epoch.tolist())


@pytest.mark.parametrize(("name", "classes"), [("moons", 2), ("rings", 2), ("digits", 10)])
def test_wrong_labels_are_counted_and_only_in_training(name: str, classes: int) -> None:
    dirty, clean = load(name, 40, 0.25, 2, 0), load(name, 40, 0.0, 2, 0)
    wrong = (dirty.train.Y != clean.train.Y).any(-1)
    np.testing.assert_array_equal(wrong, dirty.flipped == 1)
    assert wrong.sum(1).tolist() == [10, 10]
    np.testing.assert_array_equal(dirty.train.X, clean.train.X)
    np.testing.assert_array_equal(dirty.test.Y, clean.test.Y)
    assert dirty.train.Y.shape == (2, 40, classes)
    assert not (dirty.train.X[0] == dirty.train.X[1]).all()


def test_shared_points_are_the_first_seed_s() -> None:
    own, shared = load("curve", 20, 0.0, 3, 5), load("curve", 20, 0.0, 3, 5, True)
    for k in range(3):
        np.testing.assert_array_equal(shared.train.X[k], own.train.X[0])


def test_a_diverged_net_is_a_result() -> None:
    spec = SPEC(optimizer="sgd", rate=1.0, width=64, depth=3, kinds="L2 penalty", l2=1.0, seeds=3, steps=100)
    assert run_of(spec).theta.shape[0] == 2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kinds": "Magic"}, "unknown; choose L1 penalty"), ({"kinds": " , "}, "no kind of regularisation"),
        ({"kinds": ", ".join(list(KINDS.values())[:4]), "design": "all"}, "16 combinations"),
        ({"kinds": "Batch norm, Layer norm", "design": "all"}, "cannot be combined"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(settings: dict[str, str], words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        chosen(SPEC(**settings))


def test_all_combinations_are_trained() -> None:
    plan = plan_of(SPEC(design="all", kinds="Mixup, L2 penalty, Dropout"))
    assert [one.name for one in plan.variants] == [
        "Plain", "L2 penalty", "Dropout", "Mixup", "L2 penalty + Dropout", "L2 penalty + Mixup", "Dropout + Mixup", "L2 penalty + Dropout + Mixup",
    ]  # fmt: skip
    assert variant(RegularisationSpec(l2=0.3), "l2").kinds == (("l2", 0.3),)
