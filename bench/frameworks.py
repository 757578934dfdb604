"""The page of two frameworks: steps a second of one net by hand in NumPy, in the plain PyTorch loop and with a DataLoader; the page.

Prints how many steps of training each of the page's own programs does in a second (whole programs of the default net, 30 epochs,
the fastest of several runs in turn), with the ratio to the plain PyTorch loop; and the time in which the page's pictures and its
slowest look are made anew, with its limit.
"""

from __future__ import annotations

import time

import torch

from core.frameworks import SPEC, look, pictures
from core.frameworks.programs import program, text_of
from core.frameworks.running import _run, _walk, execute
from core.frameworks.snippets import _names
from core.frameworks.spec import EXECUTED, FORMS, LENSES

ROUNDS, LIMIT = 5, 2.0  # seconds for pictures and any one look


def seconds(work, rounds: int = 1) -> float:
    """The shortest time of a call."""
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def rates() -> None:
    """Steps a second of every form, interleaved."""
    spec = SPEC(epochs=30)
    texts = {form: compile(text_of(program(spec, form)), form, "exec") for form in EXECUTED}
    best = dict.fromkeys(EXECUTED, float("inf"))
    for _ in range(ROUNDS):
        for form, text in texts.items():
            best[form] = min(best[form], seconds(lambda text=text: exec(text, {"__name__": "bench"})))
    steps = spec.epochs * -(-200 // spec.batch)
    for form, took in best.items():
        print(f"{FORMS[form]}: {steps / took:.0f} steps a second, {best['torch'] / took:.2f} of the plain PyTorch loop")


def page() -> None:
    """Everything anew, as at the first visit of a link."""

    def anew(lens: str) -> None:
        for kept in (_run, _walk, _names):
            kept.cache_clear()
        pictures(SPEC(lens=lens))
        look(SPEC(lens=lens))

    took = {lens: seconds(lambda lens=lens: anew(lens), 3) for lens in LENSES}
    slowest = max(took, key=took.__getitem__)
    print(
        f"pictures and the slowest look ({slowest}): {took[slowest]:.2f} s, limit {LIMIT} s: {'met' if took[slowest] < LIMIT else 'MISSED'}"
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    execute("import torch; torch.optim.Adam([torch.zeros(1, requires_grad=True)])", {}, "warm")
    rates()
    page()
