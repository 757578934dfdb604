"""The gate inspector against named rivals, in turn within one run; one torch thread, seconds of computing (so that a busy machine does not blur them).

python -m bench.lstm_gates

trace            every gate of an nn.LSTM (batch 32, 100 steps, 64 units) against the layer's own forward pass, without gates
gradients        |dL/dh_t| for all 100 steps by one sweep against one call of autograd.grad for each step
learning         seconds and accuracy of an LSTM on first-token recall over 50 steps, and on bracket depth
typed sequence   all that the page computes and draws when another sequence is typed
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from core import lstm_gates
from core.recurrent import gradients, network, trace
from core.recurrent.recipes import Recipe, run
from core.recurrent.tracing import step, weights_of
from core.rng import generator

ROUNDS = 30
B, T, H, F = 32, 100, 64, 16


def seconds(work: Callable[[], object]) -> float:
    """Seconds of computing that one call takes."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def ratios(title: str, ours: list[float], rival: list[float], words: str) -> None:
    """Median times and the median of the rounds' ratios, ours to the rival's, with its quartiles."""
    low, middle, high = np.quantile(np.array(ours) / np.array(rival), [0.25, 0.5, 0.75])
    print(
        f"{title}: {1e3 * np.median(ours):.2f} ms, {words} {1e3 * np.median(rival):.2f} ms: x {middle:.2f} (quartiles {low:.2f} to {high:.2f}); fastest of each x {min(ours) / min(rival):.2f}"
    )


def tracing() -> None:
    """All gates against the plain forward pass, for the three kinds."""
    x = torch.randn(B, T, F, generator=generator(0, "bench"))
    for kind in (nn.LSTM, nn.GRU, nn.RNN):
        module, ours, rival = kind(F, H, batch_first=True), [], []
        for _ in range(ROUNDS):
            rival.append(seconds(lambda module=module: module(x)))
            ours.append(seconds(lambda module=module: trace(module, x)))
        ratios(f"trace of {kind.__name__}", ours, rival, f"nn.{kind.__name__}'s forward")


def through_time() -> None:
    """One sweep against T calls of autograd, each over the whole graph."""
    net, x = network("lstm", F, H, 1, generator(0, "bench")), torch.randn(B, T, F, generator=generator(0, "bench"))
    w, h, c, hs = weights_of(net.cell), x.new_zeros(B, H), x.new_zeros(B, H), []
    for t in range(T):
        *_, c, h = step(net.cell, w, x[:, t] @ w.W.T + w.b, h @ w.U.T + w.b_u, h, c)
        hs.append(h)
    L = h.square().sum()
    found, d_output = trace(net.cell, x), torch.zeros(B, T, H)
    d_output[:, -1] = 2 * found.output[:, -1]
    ours = [seconds(lambda: gradients(net.cell, found, d_output)) for _ in range(ROUNDS)]
    rival = [seconds(lambda: [torch.autograd.grad(L, h, retain_graph=True) for h in hs]) for _ in range(3)]
    print(
        f"gradients at all {T} steps: {1e3 * np.median(ours):.1f} ms, {T} calls of autograd {1e3 * np.median(rival):.0f} ms: {np.median(rival) / np.median(ours):.0f} times as fast"
    )


def learning() -> None:
    """How long an LSTM of the default width learns until it is above 95 %."""
    for recipe in (
        Recipe("recall", 50, ("lstm",), 32, forget_bias=4.0, steps=1500),
        Recipe("dyck", 0, ("lstm",), weights="orthogonal", forget_bias=1.0, steps=1000),
    ):
        began = time.process_time()
        for snapshot in run(recipe, every=25):
            if snapshot.metrics["score.lstm"] > 0.95:
                break
        print(
            f"{recipe.task}, {recipe.length} steps: {100 * snapshot.metrics['score.lstm']:.1f} % after {snapshot.step} training steps and {time.process_time() - began:.1f} s"
        )


def typed() -> None:
    """Scene, pictures, closer look and questions for another sequence."""
    spec = lstm_gates.SPEC()
    texts = iter(" ".join("(" * k + ")" * k) for k in range(1, 2 * ROUNDS))

    def rerun() -> None:
        now = lstm_gates.scene(lstm_gates.SPEC(**{**spec.as_dict(), "text": next(texts)}))
        lstm_gates.pictures(now), lstm_gates.look(now), lstm_gates.questions(now)

    rerun()
    times = [1e3 * seconds(rerun) for _ in range(ROUNDS)]
    print(f"another typed sequence: {np.median(times):.0f} ms (fastest {min(times):.0f})")


def main() -> None:
    torch.set_num_threads(1)
    tracing()
    through_time()
    typed()
    learning()


if __name__ == "__main__":
    main()
