"""Files, the service and the queue. Measured times are asked for being there, never for being short."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from core import compression
from core.compression import deploy, serving
from core.compression.nets import logits
from core.compression.quantize import Rules, fake_logits, quantize
from core.compression.study import base_of
from tests.core.compression.conftest import SMALL

SPECS = {"dense": SMALL, "conv": replace(SMALL, architecture="conv")}


@pytest.mark.parametrize("rank", [0, 2])
def test_the_module_is_the_net(net, X, rank):
    from core.compression.factorise import truncated

    module = deploy.module_of(net, rank)
    own = truncated(net, rank) if rank else net
    np.testing.assert_allclose(deploy.asked(module, X), logits(own, X), rtol=1e-4, atol=1e-5)
    if rank:
        assert sum(p.numel() for p in module.parameters()) < sum(p.size for layer in net for p in (layer.W, layer.b)) + rank * 3  # fmt: skip


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_every_file_gives_the_page_s_answers(spec):
    found = {one.kind: one for one in deploy.files(spec)}
    for kind in ("state_dict", "safetensors", "TorchScript", "torch.export"):
        difference, same = deploy.apart(found[kind], spec)
        assert difference < 1e-4
        assert same == 450
        assert found[kind].content
    assert deploy.apart(found["state_dict, dynamic int8"], spec)[1] > 430
    assert found["safetensors"].content in compression.files(spec).values()


def test_a_file_with_other_weights_would_be_found_out():
    data, _, net = base_of(SPECS["dense"])
    assert np.abs(deploy.asked(deploy._blank(net), data.X_test)).max() == 0.0
    wrong = deploy.File("x", "x", b"", logits(net, data.X_test) + 0.5, "")
    assert deploy.apart(wrong, SPECS["dense"]) == (pytest.approx(0.5), 450)


def test_onnx_is_there_or_says_what_is_missing():
    one = next(one for one in deploy.files(SPECS["dense"]) if one.kind == "ONNX")
    if all(find_spec(name) for name in ("onnx", "onnxscript", "onnxruntime")):
        assert deploy.apart(one, SPECS["dense"])[1] == 450
    else:
        assert one.logits is None
        assert deploy.EXTRA in one.note
        assert "digits.onnx" not in compression.files(SPECS["dense"])
        row = compression.look(replace(SPECS["dense"], lens="export")).rows[-1]
        assert row["largest difference of a logit"] == "not tried"


def test_torch_s_dynamic_int8_is_near_ours():
    """torch takes one range for the whole batch and weights within ±127; with one digit both round alike, up to its own choices."""
    data, _, net = base_of(SPECS["dense"])
    ours = fake_logits(quantize(net, Rules("dynamic", 8, 8, "affine", "tensor", 100.0), data.X), data.X_test[:1])
    theirs = deploy.asked(deploy.dynamic(deploy.module_of(net)), data.X_test[:1])
    exact = logits(net, data.X_test[:1])
    assert 0 < np.abs(theirs - exact).max() < 1.0
    assert np.abs(ours - exact).max() < 1.0


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_the_service_answers_as_the_page(spec):
    found = serving.trial(spec)
    assert found.same == len(found.milliseconds) == serving.ASKED
    assert found.apart < 1e-5
    assert found.refused == 422
    assert (found.milliseconds > 0).all()


def test_the_service_refuses_what_is_no_digit():
    app = serving.started(base_of(SPECS["dense"])[2])

    async def ask():
        health = await serving.request(app, "/health")
        many = await serving.request(app, "/predict", {"pixels": [[0.0] * 64] * 3})
        bad = ([], [["ink"] * 64], [[0.0] * 64] * 257)
        refused = [(await serving.request(app, "/predict", {"pixels": rows}))[0] for rows in bad]
        return health, many, refused

    health, many, refused = serving.run(ask())
    assert health == (200, {"status": "ok"})
    assert len(many[1]["digits"]) == 3
    assert refused == [422, 422, 422]


def test_a_queue_by_hand():
    times, sizes = serving.queue(np.array([0.0, 1.0, 1.5, 9.0]), lambda n: 2.0 + n, 2, 0.0)
    np.testing.assert_allclose(times, [3.0, 6.0, 5.5, 3.0])  # 0 to 3; both waiting ones 3 to 7; the last 9 to 12
    assert sizes == [1, 2, 1]


def test_waiting_fills_a_batch_or_gives_up():
    at = np.array([0.0, 0.4, 5.0])
    times, sizes = serving.queue(at, lambda n: 1.0, 2, 0.5)
    np.testing.assert_allclose(times, [1.4, 1.0, 1.5])  # full at 0.4; the last waits half a second in vain
    assert sizes == [2, 1]


@pytest.mark.parametrize("load", [0.3, 0.8])
def test_the_mean_wait_is_pollaczek_s_and_khinchine_s(load, monkeypatch):
    monkeypatch.setattr(serving, "REQUESTS", 200_000)
    s = 0.01
    times, sizes = serving.queue(serving.arrivals(load / s, 1), lambda n: s, 1, 0.0)
    assert set(sizes) == {1}
    assert (times - s).mean() == pytest.approx(serving.mean_wait(load / s, s), rel=0.05)


def test_every_request_is_answered_once_and_batches_keep_their_limit():
    at = serving.arrivals(900.0, 0)
    times, sizes = serving.queue(at, lambda n: 0.001 + 0.0001 * n, 8, 0.002)
    assert sum(sizes) == len(at) == serving.REQUESTS
    assert max(sizes) <= 8
    assert (times >= 0.001).all()


def test_loads_of_a_constant_server():
    found = serving.loads(lambda n: 0.01, 1, 0.0, 0)
    assert serving.steady(found) == pytest.approx(95.0)
    assert found[-1].throughput == pytest.approx(100.0, rel=1e-3)
    better = serving.loads(lambda n: 0.01, 16, 0.0, 0)
    assert serving.steady(better) == pytest.approx(1200.0)
    assert serving.between({1: 1.0, 4: 2.5})(3) == pytest.approx(2.0)


def test_measured_times_are_there():
    spec = SPECS["dense"]
    assert all(one > 0 and many > 0 for one, many in deploy.timed(spec).values())
    assert list(serving.service_times(spec)) == list(serving.SIZES)
    assert all(len(values) == len(deploy.WIDTHS) for values in deploy.layer_times().values())
    calls = []
    assert len(deploy.microseconds(lambda: calls.append(1), 5)) == 5
    assert len(calls) == 5 + deploy.WARM


def test_a_call_leaves_no_graph():
    x = torch.ones(1, 64, requires_grad=True)
    assert not deploy.call(deploy.module_of(base_of(SPECS["dense"])[2]), x)().requires_grad
