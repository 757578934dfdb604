"""The closer looks at one sequence: one unit in full, lines and saturation, probes, search, connectivity, operations, film."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.contracts import Snapshot, Step, View
from core.lstm_gates import figures as draw
from core.lstm_gates.compute import (
    Scene,
    connectivity,
    film,
    operate,
    preview,
    probe,
    saturation,
    scene,
    select,
    target,
    way_of,
    ways,
)
from core.lstm_gates.spec import CELL_TITLES, LENSES, LstmGatesSpec
from core.plots.words import short
from core.recurrent import CELLS, count, weights_of


def look(now: Scene, told: Sequence[Snapshot] = ()) -> View:
    """The view through the lens that the Spec names; `told` are the training's Snapshots for the film."""
    if now.spec.lens == "film":
        return moving(now, told)
    return {
        "unit": one_unit,
        "signals": signals,
        "probe": probed,
        "find": find,
        "connect": connect,
        "operate": surgery,
    }[now.spec.lens](now)


def choices(now: Scene, *names: str) -> dict[str, tuple[Sequence[str], str]]:
    """The menus whose options depend on the cell; the layer only where there is a choice."""
    known = ways(now.net)
    at = next(name for name, way in known.items() if way == way_of(now.spec, now.net))
    offered = {"way": (list(known), at), "signal": (list(now.signals), now.signal)}
    return {name: offered[name] for name in names if name != "way" or len(known) > 1}


def one_unit(now: Scene) -> View:
    """The arithmetic of one unit at one step."""
    steps = worked_steps(now)
    words = [
        f"Unit {now.unit + 1} at step {now.t + 1}, where **{now.words[now.t]}** is read. Each line takes what the input says, what the last output says and the bias, and squashes their sum."
    ]
    rows = [{"signal": draw.NAMES[name], "value": short(float(s[now.t, now.unit])), "one step before": short(float(s[now.t - 1, now.unit])) if now.t else "0"} for name, s in now.signals.items()]  # fmt: skip
    return View(
        words,
        [formula for step in steps for formula in step.latex],
        ["unit", "at"],
        choices(now, "way"),
        {"lines": draw.lines(now)},
        rows,
    )


def worked_steps(now: Scene) -> list[Step]:
    """The same formulas, a Step for each signal."""
    k, d = way_of(now.spec, now.net)
    w, t, u, H = weights_of(now.net.cell, k, d), now.t, now.unit, now.H
    back = -1 if d == 0 else 1
    inside = 0 <= t + back < now.T
    x = now.inputs[0, t] if k == 0 else now.found.h[k - 1, :, 0, t].flatten()
    past = {name: (values[t + back] if inside else np.zeros(H)) for name, values in now.signals.items() if name in "ch"}
    Wx, Uh = (w.W @ x).detach().numpy(), w.U.detach().numpy() @ past["h"]
    b, b_u = w.b.detach().numpy(), w.b_u.detach().numpy()
    value = {name: float(s[t, u]) for name, s in now.signals.items()}
    names = {"rnn": "h", "gru": "rzn"}.get(now.spec.cell, "ifgo")
    before = t + 1 + back
    steps = []
    for place, name in enumerate(names):
        at = place * H + u
        parts = [_n(Wx[at]), _n(Uh[at]), _n(b[at] + b_u[at])]
        words = [f"(W_{name} x_{{{t + 1}}})", f"(U_{name} h_{{{before}}})", f"b_{name}"]
        if now.spec.cell == "gru" and name == "n":
            parts = [_n(Wx[at] + b[at]), rf"{_n(value['r'])} \cdot ({_n(Uh[at] + b_u[at])})"]
            words = [f"(W_n x_{{{t + 1}}} + b_n)", rf"r \cdot (U_n h_{{{before}}} + b'_n)"]
        elif w.p is not None and name in "ifo":
            p, c = float(w.p["ifo".index(name), u].detach()), value["c"] if name == "o" else float(past["c"][u])
            parts.append(rf"{_n(p)} \cdot ({_n(c)})")
            words.append(rf"p_{name} \cdot c_{{{t + 1 if name == 'o' else before}}}")
        squash = r"\sigma" if name in "ifozr" else r"\tanh"
        left = rf"\begin{{aligned}} {name}_{{{t + 1}}} &= {squash}\big({' + '.join(words)}\big) \\ &= {squash}\big("
        steps.append(
            Step(
                draw.NAMES[name].capitalize(),
                latex=[left + " + ".join(parts).replace("+ -", "- ") + rf"\big) = {value[name]:.4f} \end{{aligned}}"],
            )
        )
    return [*steps, *_updates(now.spec.cell, value, {name: float(v[u]) for name, v in past.items()}, t + 1, before)]


def _updates(cell: str, v: dict[str, float], past: dict[str, float], t: int, before: int) -> list[Step]:
    """What becomes of memory and output once the gates are known."""
    if cell == "rnn":
        return []
    if cell == "gru":
        formula = rf"h_{{{t}}} = (1 - z)\, n + z\, h_{{{before}}} = (1 - {_n(v['z'])}) \cdot ({_n(v['n'])}) + {_n(v['z'])} \cdot ({_n(past['h'])}) = {v['h']:.4f}"
        return [Step("Output h", latex=[formula])]
    c = rf"c_{{{t}}} = f\, c_{{{before}}} + i\, g = {_n(v['f'])} \cdot ({_n(past['c'])}) + {_n(v['i'])} \cdot ({_n(v['g'])}) = {v['c']:.4f}"
    h = rf"h_{{{t}}} = o \tanh(c_{{{t}}}) = {_n(v['o'])} \cdot \tanh({_n(v['c'])}) = {v['h']:.4f}"
    return [Step("Cell c", latex=[c]), Step("Output h", latex=[h])]


def _n(value: float) -> str:
    return f"{float(value):.4f}"


def signals(now: Scene) -> View:
    """Lines of one unit, distributions over the test set, saturation."""
    known = now.known
    rows = []
    for name, values in known.signals.items():
        shut, open_ = saturation(values)
        gate = name in draw.GATES
        rows.append({"signal": draw.NAMES[name], "mean": short(float(values.mean())), "below 0.1": f"{100 * shut:.1f} %" if gate else "", "above 0.9": f"{100 * open_:.1f} %" if gate else ""})  # fmt: skip
    words = [
        f"Over {len(known.latent)} test sequences. A gate below 0.1 is as good as shut, one above 0.9 as good as open; there its slope σ' is under 0.09, so little gradient passes."
    ]
    return View(
        words,
        (),
        ["unit"],
        choices(now, "way"),
        {"lines": draw.lines(now), "distributions": draw.distributions(known.signals)},
        rows,
    )


def probed(now: Scene) -> View:
    """Every unit against the known latent."""
    known = now.known
    found = probe(known.signals[now.signal], known.latent)
    r = float(found.r[found.best])
    verdict = (
        "one unit is the counter"
        if found.r2_best > 0.9
        else "the knowledge is spread over several units"
        if found.r2_all > 0.9
        else "these units do not hold it as a sum of their values"
    )
    words = [
        f"The truth here: **{now.task.latent}**. Unit {found.best + 1} follows it best, r = {short(r)}; a line through it alone explains {100 * found.r2_best:.1f} % of the truth's variance on new sequences, "
        f"a sum of all units {100 * found.r2_all:.1f} %. So {verdict}."
    ]
    order = np.argsort(-np.abs(found.r), kind="stable")[:8]
    rows = [
        {"unit": int(k) + 1, "correlation r": short(float(found.r[k])), "r²": short(float(found.r[k] ** 2))}
        for k in order
    ]
    figures = {
        "probes": draw.probes(now, found),
        "followed": draw.followed(now, known.signals[now.signal], known.latent, found.best),
    }
    return View(words, (), (), choices(now, "way", "signal"), figures, rows)


def find(now: Scene) -> View:
    """Phrase and threshold -> units, and where else they are on."""
    known = now.known
    found = select(now, known)
    words = [f"The phrase is **{' '.join(now.words[now.span])}** (steps {now.span.start + 1} to {now.span.stop})."]
    if not len(found.selected):
        words[0] += " No unit is on at all of its steps and mostly off outside; move the threshold or the ends."
        return View(
            words,
            (),
            ["first", "last", "threshold"],
            choices(now, "way", "signal"),
            {"raster": draw.raster(now, found)},
        )
    task, rows = now.task, []
    for sequence, step, on in found.places:
        text = task.words(known.inputs[sequence])
        near = [f"**{word}**" if t == step else word for t, word in enumerate(text)][max(0, step - 6) : step + 4]
        rows.append({"similar place": " ".join(near).replace("**", "→", 1).replace("**", "←", 1), "step": step + 1, "units on there": f"{on} of {len(found.selected)}", task.latent: short(float(known.latent[sequence, step]))})  # fmt: skip
    at = np.array([known.latent[s, t] for s, t, on in found.places if on == len(found.selected)])
    here = now.latent[now.span]
    words[0] += (
        f" {len(found.selected)} of {now.H} units are on at all of its steps and in less than half of those outside."
    )
    words.append(
        f"In the phrase the truth ({task.latent}) runs from {short(float(here.min()))} to {short(float(here.max()))}"
        + (
            f"; at the similar places with all of these units on, from {short(float(at.min()))} to {short(float(at.max()))}."
            if len(at)
            else "; nowhere in the test set are all of these units on at once."
        )
    )
    return View(
        words,
        (),
        ["first", "last", "threshold"],
        choices(now, "way", "signal"),
        {"raster": draw.raster(now, found)},
        rows,
    )


def connect(now: Scene) -> View:
    """dy_t/dx_s for all pairs of steps."""
    J = connectivity(now)
    t = now.t
    order = np.argsort(-J[t], kind="stable")[: min(6, now.T)]
    share = J[t] / J[t].sum() if J[t].sum() else J[t]
    rows = [
        {
            "input at step": int(s) + 1,
            "read there": now.words[s],
            "|dy/dx|": short(float(J[t, s])),
            "share of the row": f"{100 * share[s]:.1f} %",
        }
        for s in order
    ]
    words = [
        f"The answer at step {t + 1} hangs most on step {order[0] + 1}, where **{now.words[order[0]]}** is read. A derivative says what a small change would do, here at this sequence; a saturated gate can hide an input that matters."
    ]
    return View(words, (), ["at"], {}, {"connect": draw.connected(now, J)}, rows)


def surgery(now: Scene) -> View:
    """An intervention and what follows."""
    done = operate(now)
    name, spec = target(now), now.spec
    what = {
        "clamp": f"{draw.NAMES[name]} is held at {short(spec.value)}",
        "zero": f"{draw.NAMES[name]} is set to 0",
        "swap": f"{draw.NAMES[name]} is replaced by that of another test sequence at the same steps",
    }[spec.action]
    units = int(done.mask.any(0).sum())
    everywhere = " It acts in all layers and directions." if len(ways(now.net)) > 1 else ""
    asked = ~np.isnan(now.right)
    words = [
        f"**{what[0].upper()}{what[1:]}** for {units} of {now.H} units at steps {now.span.start + 1} to {now.span.stop}.{everywhere} "
        + (
            f"On this sequence the loss goes from {short(now.loss)} to {short(done.loss)}, the right answers from {int(np.nansum(now.right))} to {int(np.nansum(done.right))} of {int(asked.sum())}. "
            if asked.any()
            else "On this sequence nothing is asked. "
        )
        + f"On {len(now.known.latent)} test sequences, operated on at the same steps, the accuracy goes from {100 * done.accuracy[0]:.1f} % to {100 * done.accuracy[1]:.1f} %."
    ]
    params = ["action", "units", "first", "last", *(["value"] if spec.action == "clamp" else [])]
    figures = {"changed": draw.changed(now, done), "after": draw.answers(now, done.answers, done.right)}
    return View(words, (), params, choices(now, "way", *(["signal"] if spec.action == "clamp" else [])), figures)


def moving(now: Scene, told: Sequence[Snapshot]) -> View:
    """The film of one signal over the training."""
    told = tuple(told) or preview(now.learned.recipe)[1]
    shots = film(now, told)
    words = [
        f"The film shows the training up to step {shots[-1][0]}."
        + (" Train the nets above for a film of the whole." if shots[-1][0] < now.spec.steps else "")
    ]
    return View(words, (), (), choices(now, "way", "signal"), {"film": draw.film(now, shots)})


def shots_of(now: Scene, told: Sequence[Snapshot]) -> list[Step]:
    """The captions of the film."""
    return draw.film_steps(film(now, tuple(told) or preview(now.learned.recipe)[1]))


def summary(now: Scene) -> str:
    """Which net is on screen, where it comes from, and how good it is."""
    learned, spec = now.learned, now.spec
    accuracy = float(learned.metrics[f"score.{spec.cell}"][-1])
    size = f"{now.H} units, {count(now.net):,} weights"
    origin = {
        "run": f"trained here for {learned.step} steps",
        "shipped": f"trained for {learned.step} steps by the project's own script, core/recurrent/shipped.py, with the settings on screen",
        "preview": f"trained on the spot for {learned.step} of the {spec.steps} steps; press the button for the rest",
    }[learned.origin]
    return f"**{CELL_TITLES[spec.cell]}** ({size}), {origin}: {100 * accuracy:.1f} % of its answers on test sequences follow the rule."


def worked(spec: LstmGatesSpec) -> list[Step]:
    """The chosen unit at the chosen step, with the numbers on screen."""
    return worked_steps(scene(spec))


def table_rows(now: Scene) -> list[dict[str, Any]]:
    """One row for each step: what is read, the truth, the best answer and the chosen unit's signals."""
    names = now.task.answers
    return [
        {
            "step": t + 1, "read": now.words[t], now.task.latent: float(now.latent[t]),
            "answer": names[int(now.answers[t].argmax())] if names else float(now.answers[t, 0]),
            **{f"{name} of unit {now.unit + 1}": float(s[t, now.unit]) for name, s in now.signals.items()},
        }
        for t in range(now.T)
    ]  # fmt: skip


def heading(spec: LstmGatesSpec) -> str:
    """The lens and the cell by name."""
    return f"{LENSES[spec.lens]}, {CELLS[spec.cell].title}"
