"""The bug lab: five classic mistakes, planted in a graph, and the node whose gradient goes wrong first.

A bug changes the rules of one operation (its value or its local derivatives), or what happens to gradients between two
backward passes. Backward visits the nodes from L to the leaves, so the first wrong node in that order stands right behind the
mistake, and everything that its gradient flows into is wrong too. In formulas, at the operation n with inputs a:

    no_zero_grad    leaf.grad += g once more: 2 g after two passes
    detach          d n / d a  is taken for 0
    softmax_twice   cross_entropy(softmax(z)) where cross_entropy applies softmax itself
    wrong_sign      d n / d a  is negated
    in_place        d n / d a  is computed from a value that was overwritten after forward (value + 1)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from core.backprop_stepper.memory import memory
from core.errors import ExplainerError, one_of
from core.formula.graph import Graph, Node, Rule
from core.formula.operations import FUNCTIONS, Local, softmax

TOLERANCE = 1e-9
OVERWRITE = 1.0  # what the in-place edit adds


@dataclass(frozen=True)
class BugRow:
    """dL/dnode as it should be and as the bug makes it; None where backward does not arrive."""

    node: int
    label: str
    correct: float | None
    buggy: float | None

    @property
    def wrong(self) -> bool:
        """Whether they differ by more than rounding."""
        right = self.correct or 0.0
        return abs((self.buggy or 0.0) - right) > TOLERANCE * max(1.0, abs(right))


@dataclass(frozen=True)
class Diagnosis:
    """What a bug does to a graph: one row a node in backward order (L first), and the node that goes wrong first.

    `planted` is the node where the mistake was made, None for one that is made nowhere in particular. Where the bug does not
    apply, `reason` says why and there are no rows; where it changes no gradient, `reason` says that.
    """

    bug: str
    rows: tuple[BugRow, ...] = ()
    planted: int | None = None
    first: int | None = None
    reason: str = ""

    @property
    def applies(self) -> bool:
        return bool(self.rows)


@dataclass(frozen=True)
class Bug:
    """A mistake: how the code looks wrong and right, what torch says to it, and how it is planted.

    `places(graph)` are the nodes where it can be made, best first (None: nowhere in particular); `buggy(graph, place)` are
    the gradients of all nodes with it; `refusal` says why it does not apply when there is no place.
    """

    slug: str
    title: str
    wrong: str
    right: str
    symptom: str
    torch_says: str
    places: Callable[[Graph], Iterator[int | None]]
    buggy: Callable[[Graph, int | None], list[float | None]]
    refusal: str


def first_wrong(graph: Graph, bug: str, place: int | None = None) -> Diagnosis:
    """Plant `bug` at the node `place` (by default where it can be seen well) and compare every gradient.

    Raises:
        ExplainerError: no such bug, the bug cannot be made at `place`, or the graph has no gradient.
    """
    if bug not in BUGS:
        raise ExplainerError(f"bug {bug[:40]!r} is unknown; choose {one_of(BUGS)}")
    about = BUGS[bug]
    graph.gradients()
    places = list(about.places(graph))
    if not places:
        return Diagnosis(bug, reason=about.refusal)
    if place is not None and place not in places:
        raise ExplainerError(f"{about.title}: cannot be made at node {place}; choose {one_of(map(str, places))}")
    tried = (_diagnose(graph, about, p) for p in (places if place is None else [place]))
    first = next(tried)
    return first if first.first is not None else next((d for d in tried if d.first is not None), first)


def _diagnose(graph: Graph, bug: Bug, place: int | None) -> Diagnosis:
    try:
        grads = bug.buggy(graph, place)
    except ExplainerError as problem:
        return Diagnosis(bug.slug, planted=place, reason=f"with this bug there is no gradient at all: {problem}")
    rows = tuple(BugRow(n.id, n.label, n.grad, grads[n.id]) for n in reversed(graph.nodes) if graph.needs_grad[n.id])
    first = next((row.node for row in rows if row.wrong), None)
    return Diagnosis(bug.slug, rows, place, first, "" if first is not None else "here the bug changes no gradient")


def _no_zero_grad(graph: Graph, place: int | None) -> list[float | None]:
    """Forward and backward ran twice; the leaves, which live on between passes, hold the sum."""
    return [node.grad and 2 * node.grad if node.op == "leaf" else node.grad for node in graph.nodes]


def _detach(graph: Graph, place: int | None) -> list[float | None]:
    """From `place` on backward the graph is cut: its value is a plain number."""
    node = graph.nodes[place]
    cut = graph.with_value(place, node.value)
    cut.backward()
    return [None if other.id == place else other.grad for other in cut.nodes]


def _wrong_sign(graph: Graph, place: int | None) -> list[float | None]:
    forward, local = graph.rules[place]
    return _gradients(graph, {place: (forward, lambda *at: tuple(-d for d in local(*at)))})


def _in_place(graph: Graph, place: int | None) -> list[float | None]:
    """The value of `place` was overwritten after forward; whoever saved it for backward reads the new one."""
    overwritten = graph.nodes[place].value + OVERWRITE
    readers = [entry.node for entry in memory(graph).saved if place in entry.values]
    return _gradients(graph, {k: _reading(graph, graph.nodes[k], place, overwritten) for k in readers})


def _reading(graph: Graph, node: Node, place: int, overwritten: float) -> tuple[Rule, Rule]:
    """The rules of `node` when its backward reads the value of `place` as overwritten."""
    forward, local = graph.rules[node.id]

    def stale(out: float, *inputs: float) -> Local:
        read = [overwritten if i == place else value for i, value in zip(node.inputs, inputs, strict=True)]
        return local(overwritten if node.id == place else out, *read)

    return forward, stale


def _softmax_twice(graph: Graph, place: int | None) -> list[float | None]:
    """cross_entropy of the probabilities: d/dz_j = sum_i (softmax(p)_i - [i = k]) p_i ([i = j] - p_j), p = softmax(z)."""
    forward, local = graph.rules[place]

    def twice(out: float, *z: float) -> Local:
        p = softmax(z)
        g = local(out, *p)
        mean = sum(gi * pi for gi, pi in zip(g, p, strict=True))
        return tuple(pj * (gj - mean) for gj, pj in zip(g, p, strict=True))

    return _gradients(graph, {place: (lambda *z: forward(*softmax(z)), twice)})


def _gradients(graph: Graph, rules: Mapping[int, tuple[Rule, Rule]]) -> list[float | None]:
    """Every gradient when some operations compute by these rules."""
    buggy = graph.with_rules(rules)
    buggy.backward()
    return [node.grad for node in buggy.nodes]


def _anywhere(graph: Graph) -> Iterator[None]:
    if graph.leaves:
        yield None


def _operations(graph: Graph) -> Iterator[int]:
    """The operations that a gradient passes: functions such as tanh first, and from the middle of the formula outwards."""
    passed = [k for k in graph.rules if graph.needs_grad[k] and graph.nodes[k].grad is not None]
    off_middle = {k: abs(at - len(passed) // 2) for at, k in enumerate(passed)}
    yield from sorted(passed, key=lambda k: (graph.nodes[k].op not in FUNCTIONS, off_middle[k]))


def _inner_operations(graph: Graph) -> Iterator[int]:
    return (k for k in _operations(graph) if k != graph.loss.id)


def _saved_operations(graph: Graph) -> Iterator[int]:
    saved = set(memory(graph).activations)
    return (k for k in _operations(graph) if k in saved)


def _fused_softmax(graph: Graph) -> Iterator[int]:
    return (k for k in _operations(graph) if graph.nodes[k].op == "softmax_cross_entropy")


SOFTMAX_ONCE = "softmax_cross_entropy(1, z0, z1, z2)"
SOFTMAX_TWICE = "e0 = exp(z0); e1 = exp(z1); e2 = exp(z2); s = e0 + e1 + e2; softmax_cross_entropy(1, e0/s, e1/s, e2/s)"

BUGS: dict[str, Bug] = {
    bug.slug: bug
    for bug in (
        Bug(
            "no_zero_grad", "zero_grad forgotten",
            wrong="for x, y in batches:\n    loss(net(x), y).backward()\n    optimizer.step()",
            right="for x, y in batches:\n    optimizer.zero_grad()\n    loss(net(x), y).backward()\n    optimizer.step()",
            symptom="Every leaf holds the sum of all gradients so far: steps grow, and the loss swings or explodes.",
            torch_says="Nothing: adding up is what .grad is made for (several losses, large batches in parts).",
            places=_anywhere, buggy=_no_zero_grad,
            refusal="the formula has no leaf that could keep a gradient",
        ),
        Bug(
            "detach", "A tensor detached",
            wrong="h = torch.tanh(w * x).detach()\nloss = (h - y) ** 2",
            right="h = torch.tanh(w * x)\nloss = (h - y) ** 2",
            symptom="Nothing before the cut learns: its gradient is missing, or lacks what came through there. The loss itself is right.",
            torch_says="Nothing, unless no leaf is left: 'element 0 of tensors does not require grad and does not have a grad_fn'.",
            places=_inner_operations, buggy=_detach,
            refusal="detach needs an operation before the last one; try a longer formula",
        ),
        Bug(
            "softmax_twice", "Softmax applied twice",
            wrong="p = torch.softmax(z, dim=0)\nloss = F.cross_entropy(p, k)",
            right="loss = F.cross_entropy(z, k)  # applies softmax itself",
            symptom="It learns, slowly: probabilities lie between 0 and 1, so the second softmax can never be sure, and gradients are small.",
            torch_says="Nothing: any numbers may be logits.",
            places=_fused_softmax, buggy=_softmax_twice,
            refusal=f"the formula has no softmax_cross_entropy; try {SOFTMAX_ONCE}",
        ),
        Bug(
            "wrong_sign", "A wrong sign",
            wrong="def backward(out, grad):\n    return -grad * (1 - out ** 2)",
            right="def backward(out, grad):\n    return grad * (1 - out ** 2)",
            symptom="All that lies behind the operation climbs instead of descending; what lies beside it still learns.",
            torch_says="Nothing, until torch.autograd.gradcheck compares the rule with a finite difference.",
            places=_operations, buggy=_wrong_sign,
            refusal="the formula has no operation that a gradient passes",
        ),
        Bug(
            "in_place", "An in-place edit",
            wrong="h = torch.tanh(w * x)\nloss = (h - y) ** 2\nh.data += 1\nloss.backward()",
            right="h = torch.tanh(w * x)\nloss = (h - y) ** 2\nshown = h + 1\nloss.backward()",
            symptom="Backward reads a value that forward never used: those local derivatives are those of another point.",
            torch_says="With h += 1: 'one of the variables needed for gradient computation has been modified by an inplace operation'. With h.data += 1 nothing: the check is bypassed.",
            places=_saved_operations, buggy=_in_place,
            refusal="no operation's value is saved for backward here; try a formula with tanh or a product of two parts",
        ),
    )
}  # fmt: skip
