"""The closer looks below the alignment, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core import contracts
from core.contracts import Figure, Snapshot, Step
from core.plots.words import short
from core.seq2seq import figures as draw
from core.seq2seq.compute import (
    Run,
    answers,
    beam_of,
    bottleneck,
    by_place,
    course_of,
    forced_place,
    forced_run,
    lengths_of,
    run_of,
)
from core.seq2seq.decoding import finals
from core.seq2seq.shipped import EXPOSURE_STEPS, RATIOS, exposure, film_of
from core.seq2seq.shipped import course_of as shipped_course
from core.seq2seq.spec import ATTENTIONS, Seq2SeqSpec
from core.seq2seq.tasks import TRAINED, TRANSLATIONS
from core.seq2seq.training import Course

NONE = "none"


@dataclass(frozen=True)
class View(contracts.View):
    """Also `steps`: what the transport bar says at each moment of the figures' film; empty without a film."""

    steps: tuple[Step, ...] = ()


def top(run: Run) -> dict[str, Figure]:
    """Where the decoder looks, or without attention what it gets; and what it says."""
    said, right = run.words(run.said), run.words(run.y)
    left = (
        draw.alignment(run.alpha, run.source_words(), said, run.truth, run.score)
        if run.attends
        else draw.states(run.h, run.source_words())
    )
    return {"look": left, "answer": draw.answer(run.p[np.arange(len(run.said)), run.said], said, right)}


def about(spec: Seq2SeqSpec, run: Run) -> str:
    """One sentence on what stands on screen."""
    said, right = "".join(run.words(run.said)).strip(), "".join(run.words(run.y)).strip()
    words = f"“{''.join(run.source_words()).strip()}” becomes “**{said}**”" + (
        ": right." if run.right == len(run.y) else f"; right is “{right}”: {run.right} of {len(run.y)} tokens."
    )
    if run.attends:
        return f"{words} {100 * run.score:.0f} % of the answers that need a source token look most at it; a row's entropy is {short(run.entropy)} bits on average, {short(float(np.log2(len(run.x))))} would be looking everywhere alike."
    return f"{words} All that the decoder knows of the source are {run.h.shape[1]} numbers, made into its first state."


def look(spec: Seq2SeqSpec, run: Run, job: Sequence[Snapshot] = ()) -> View:
    """The view through the lens that the Spec names; `job`: the snapshots of the visitor's own training so far."""
    match spec.lens:
        case "bottleneck":
            return lengths(spec)
        case "film":
            film = film_of(spec.task, spec.attention)
            return movie(spec, shipped_course(spec.task, spec.attention), film.steps, film.metrics, film.alpha)
        case "exposure":
            return teacher(spec)
        case "force":
            return force(spec, run)
        case "beam":
            return search(spec, run)
    return own(spec, job)


def lengths(spec: Seq2SeqSpec) -> View:
    """Accuracy against length with and without attention."""
    found, at = bottleneck(spec.task), lengths_of(spec.task)
    rows = [
        {"length": n, **{f"{draw.KIND_NAMES[kind]}: whole answers": f"{100 * v[k, 1]:.0f} %" for kind, v in found.items()}, **{f"{draw.KIND_NAMES[kind]}: tokens": f"{100 * v[k, 0]:.0f} %" for kind, v in found.items()}}
        for k, n in enumerate(at)
    ]  # fmt: skip
    if TRANSLATIONS[spec.task].fixed:
        words = "All sources of this task are equally long. The three models have the same size and were trained equally long on dates drawn anew."
        return View([words], figures={"kinds": draw.kinds(found)}, rows=rows)
    half = {
        kind: next((n for n, v in zip(at, values[:, 1], strict=True) if v < 0.5), None)
        for kind, values in found.items()
    }
    words = "; ".join(
        f"{draw.KIND_NAMES[kind]} " + (f"first falls below half at length {n}" if n else f"holds to length {at[-1]}")
        for kind, n in half.items()
    )
    return View(
        [f"Whole answers right, 100 examples for each length: {words}. The state is equally large at every length; what is to be carried grows. Lengths {TRAINED[0]} to {TRAINED[1]} were trained."],
        figures={"lengths": draw.lengths(at, found, TRAINED), "tokens": draw.tokens(at, found)},
        rows=rows,
    )  # fmt: skip


def movie(
    spec: Seq2SeqSpec, course: Course, steps: np.ndarray, metrics: Mapping[str, np.ndarray], alpha: np.ndarray
) -> View:
    """The alignment of one example against the training step, with the accuracies."""
    x, y, truth = (t[0].numpy() for t in course.test())
    task = TRANSLATIONS[spec.task]
    attends = spec.attention != NONE
    figures = {"learning": draw.learning(steps, metrics)}
    if attends:
        figures = {
            "film": draw.film(alpha, [task.source[t] for t in x], [task.target[t] for t in y], truth, steps),
            **figures,
        }
    words = f"{ATTENTIONS[spec.attention] if attends else 'No'} attention after {int(steps[-1])} steps: {100 * float(metrics['free'][-1]):.0f} % of the tokens and {100 * float(metrics['whole'][-1]):.0f} % of the answers are right in free use." + (
        "" if attends else " Without attention there is no alignment to show; choose another kind above."
    )  # fmt: skip
    return View([words], figures=figures, steps=tuple(draw.film_steps(steps, metrics, attends)))


def teacher(spec: Seq2SeqSpec) -> View:
    """What hearing the truth is worth, and what learning with it costs."""
    forced, free = by_place(spec.task, spec.attention)
    found = exposure()
    words = [
        f"The model on screen learned with the teacher always. It is right at {100 * forced.mean():.0f} % of the places while it hears the truth, and at {100 * free.mean():.0f} % while it hears itself.",
        f"Below on the right, models that were trained for {EXPOSURE_STEPS} steps on reversing digits with less and less of a teacher. To train one yourself, set the ratio in the lens “Train one yourself”.",
    ]
    rows = [
        {"ratio": r, **{f"{draw.KIND_NAMES[kind]}, {what}": f"{100 * pair[part][k]:.1f} %" for kind, pair in found.items() for part, what in enumerate(("hears the truth", "hears itself"))}}
        for k, r in enumerate(RATIOS)
    ]  # fmt: skip
    return View(
        words, figures={"places": draw.places(forced, free), "exposure": draw.exposure(RATIOS, found)}, rows=rows
    )


def force(spec: Seq2SeqSpec, run: Run) -> View:
    """What is said after a token that was put into the decoder's mouth."""
    place, token = forced_place(spec)
    other = forced_run(spec)
    right = run.words(run.y)
    at = np.arange(len(run.y))
    changed = int((run.said != other.said)[place + 1 :].sum())
    words = [
        f"At place {place + 1} the decoder is made to say “{draw.shown([run.about.target[token]])[0]}” where “{draw.shown(right)[place]}” is right. The answer becomes “**{''.join(other.words(other.said)).strip()}**”; "
        f"of the {len(right) - place - 1} tokens after it, {changed} change."
    ]  # fmt: skip
    figures = {"forced": draw.forced(run.p[at, run.y], other.p[at, run.y], right, place)}
    if run.attends:
        figures["alignment"] = draw.alignment(
            other.alpha, run.source_words(), other.words(other.said), run.truth, other.score
        )
    choices = {"token": ([*run.about.target], run.about.target[token])}
    return View(words, params=["place"], choices=choices, figures=figures)


def search(spec: Seq2SeqSpec, run: Run) -> View:
    """The beam's tree and its answers beside the greedy one."""
    nodes = beam_of(spec)
    found = answers(nodes)
    ranks = ranks_of(nodes)
    way = [finals(nodes)[0]]
    while nodes[way[0]].parent >= 0:
        way.insert(0, nodes[way[0]].parent)
    best, log_p = found[0]
    same = best == run.said.tolist()
    gain = (
        "It is the greedy answer." if same else f"Greedy search found another one, with log p {short(run.log_p)} nats."
    )
    true = best == run.y.tolist()
    words = [
        f"The beam looked at {len(nodes)} beginnings. Its best answer has log p {short(log_p)} nats and is {'right' if true else 'wrong'}. {gain}"
    ]
    text = lambda tokens: "".join(run.words(np.array(tokens))).strip()  # noqa: E731
    rows = [
        {"found by": "greedy", "answer": text(run.said), "log p [nats]": short(run.log_p), "right tokens": run.right}
    ]
    rows += [{"found by": f"beam, rank {k}", "answer": text(t), "log p [nats]": short(lp), "right tokens": int((np.array(t) == run.y).sum())} for k, (t, lp) in enumerate(found, start=1)]  # fmt: skip
    return View(
        words, params=["width"], figures={"tree": draw.tree(nodes, ranks, way, run.about.target, spec.width)}, rows=rows
    )


def ranks_of(nodes: Sequence) -> list[int]:
    """How many better beginnings stand at the same place."""
    first: dict[int, int] = {}
    for k, node in enumerate(nodes):
        first.setdefault(node.place, k)
    return [k - first[node.place] for k, node in enumerate(nodes)]


def own(spec: Seq2SeqSpec, job: Sequence[Snapshot]) -> View:
    """The visitor's own training so far."""
    if not job:
        return View(
            ["Choose the teacher forcing ratio, the size and the steps, and start. Task and attention are those above."]
        )
    steps = np.array([s.step for s in job])
    metrics = {name: np.array([s.metrics[name] for s in job]) for name in job[0].metrics}
    alpha = np.stack([s.arrays["alpha"] for s in job]).astype(np.float64)
    return movie(spec, course_of(spec), steps, metrics, alpha)


def worked(spec: Seq2SeqSpec) -> list[Step]:
    """The page's formulas with the numbers on screen."""
    run = run_of(spec)
    word = lambda w: r"\text{" + draw.shown([w])[0] + "}"  # noqa: E731
    p = [float(run.p[i, t]) for i, t in enumerate(run.said)]
    steps = [
        Step("The answer's probability", latex=[r"\log p = " + " + ".join(rf"\log {v:.4f}" for v in p[:4]) + (r" + \dots" if len(p) > 4 else "") + rf" = {run.log_p:.4f}"])
    ]  # fmt: skip
    if run.attends:
        source = run.source_words()
        order = np.argsort(-run.alpha[0])[:3]
        terms = " + ".join(rf"{run.alpha[0, j]:.4f}\, h_{{{word(source[j])}}}" for j in order)
        steps.append(Step(f"The first context, for “{run.words(run.said)[0]}”", latex=[rf"c_1 = {terms} + \dots"]))
    return steps
