"""The race on screen as a script that needs only torch and numpy: torch's own optimizers, autograd's gradients.

It prints "name = number" for every number that `numbers` gives to the page. What torch does not have is written out: Lion, and
the schedule with the inverse square root.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.formula import parse
from core.formula.source import in_torch
from core.optimizer_race.compute import run_of
from core.optimizer_race.race import VALUE_BOUND, RaceSpec
from core.optimizer_race.spec import TYPED, OptimizerRaceSpec
from core.training.exported import LION, scheduler_lines
from core.training.optimizers import OPTIMIZERS, Racer

FORMULAS: Mapping[str, str] = {
    "rosenbrock": "(1 - x) ** 2 + 100 * (y - x**2) ** 2",
    "beale": "(1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2",
    "himmelblau": "(x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2",
    "rastrigin": "20 + x**2 - 10 * torch.cos(2 * math.pi * x) + y**2 - 10 * torch.cos(2 * math.pi * y)",
    "ackley": "-20 * torch.exp(-0.2 * torch.sqrt((x**2 + y**2) / 2)) - torch.exp((torch.cos(2 * math.pi * x) + torch.cos(2 * math.pi * y)) / 2) + math.e + 20",
    "styblinski_tang": "(x**4 - 16 * x**2 + 5 * x + y**4 - 16 * y**2 + 5 * y) / 2",
    "saddle": "x**2 - y**2 + y**4 / 2",
    "monkey_saddle": "x**3 - 3 * x * y**2 + (x**2 + y**2) ** 2 / 4",
    "plateau": "(x**2 + y**2) / (1 + x**2 + y**2)",
    "noisy_bowl": "x**2 / 2 + 2 * y**2",
}
CLASSES = {
    "sgd": "SGD", "momentum": "SGD", "nesterov": "SGD", "adagrad": "Adagrad", "rmsprop": "RMSprop", "adadelta": "Adadelta", "adam": "Adam",
    "amsgrad": "Adam", "adamw": "AdamW", "nadam": "NAdam", "radam": "RAdam", "adamax": "Adamax", "rprop": "Rprop", "lbfgs": "LBFGS", "lbfgs_wolfe": "LBFGS",
}  # fmt: skip
ITERATION = {  # one step of the race is one iteration; a line search may take 25 evaluations besides the step's own
    "lbfgs": {"max_iter": 1},
    "lbfgs_wolfe": {"max_iter": 1, "max_eval": 26, "line_search_fn": "strong_wolfe"},
}
ALWAYS = {"momentum": ("momentum",), "nesterov": ("momentum", "nesterov"), "amsgrad": ("amsgrad",), "lion": ("betas",)}
FUNCTIONAL = "\nimport torch.nn.functional as F"


def script(spec: OptimizerRaceSpec) -> str:
    """The race, every racer with the rate that it has on screen, as a script."""
    run = run_of(spec)
    rules = run.spec
    racers = "\n".join(
        f"    {label!r}: lambda p: {_optimizer(racer)}," for label, racer in zip(run.labels, rules.racers, strict=True)
    )
    scheduler, advance = scheduler_lines(rules.schedule, rules.steps)
    return f"""# %% [markdown]
# # Optimizer race: {rules.hill.title}
#
# The race on screen with torch's own optimizers; autograd gives the gradients. Needs torch and numpy. (A racer that bounces
# about at the edge of stability magnifies the last bit of every step: of such a one only the first digits may agree.)

# %%
import hashlib
import math

import numpy as np
import torch{FUNCTIONAL if "F." in _formula(spec) else ""}

START, STEPS = {rules.start!r}, {rules.steps}


def f(x, y):
{_formula(spec)}

{LION if any(racer.name == "lion" for racer in rules.racers) else ""}
RACERS = {{
{racers}
}}
{_noise(rules)}

# %%
def race(make):
    \"\"\"The value at every step, until the racer leaves for infinity.\"\"\"
    p = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = make([p]){scheduler}
    values = [f(*p).item()]
    for t in range(STEPS):

        def closure():
            optimizer.zero_grad()
            loss = f(*p)
            loss.backward(){_after_backward(rules)}
            return loss

        if isinstance(optimizer, torch.optim.LBFGS):
            loss = optimizer.step(closure)
        else:
            loss = closure()
            optimizer.step(){advance}
        value = f(*p).item()
        if not (torch.isfinite(p).all() and abs(value) <= {VALUE_BOUND!r}):
            break  # did not finish: it stands at its last good place
        values.append(value)
    return values


# %%
for name, make in RACERS.items():
    values = race(make)
    print(f"final {{name}} = {{values[-1]!r}}")
    if len(values) <= STEPS:
        print(f"{{name}} did not finish: it left at step {{len(values)}}")
"""


def _formula(spec: OptimizerRaceSpec) -> str:
    """The body of f."""
    return _typed(spec.formula) if spec.surface == TYPED else f"    return {_known(spec)}"


def _typed(formula: str) -> str:
    """One line an operation of the formula's graph."""
    nodes = parse(formula, {"x": 0.0, "y": 0.0}).nodes
    names = {node.id: node.label if node.op == "leaf" else f"v{node.id}" for node in nodes}
    lines = [f"{names[n.id]} = {in_torch(n, [names[i] for i in n.inputs])}" for n in nodes if n.op != "leaf"]
    shown = [f"# {line}" for line in formula.strip().splitlines()]
    return "\n".join(f"    {line}" for line in (*shown, *lines, f"return {names[nodes[-1].id]}"))


def _known(spec: OptimizerRaceSpec) -> str:
    if spec.surface == "quadratic_bowl":
        c, s = f"math.cos(math.radians({spec.angle!r}))", f"math.sin(math.radians({spec.angle!r}))"
        return f"((x * {c} + y * {s}) ** 2 + {spec.condition!r} * (y * {c} - x * {s}) ** 2) / 2"
    if spec.surface == "ravine":
        return f"{spec.steepness!r} / 2 * (y - torch.sin(x)) ** 2 + x**2 / 20"
    return FORMULAS[spec.surface]


def _optimizer(racer: Racer) -> str:
    """The call that makes it; what equals torch's default is left out."""
    defaults, always = OPTIMIZERS[racer.name].defaults, ALWAYS.get(racer.name, ())
    given = {key: value for key, value in racer.settings if key in always or value != defaults[key]}
    given |= ITERATION.get(racer.name, {})
    words = ", ".join(f"{key}={value!r}" for key, value in {"lr": racer.lr, **given}.items())
    return f"{'Lion' if racer.name == 'lion' else f'torch.optim.{CLASSES[racer.name]}'}(p, {words})"


def _noise(rules: RaceSpec) -> str:
    """The draw of the gradient's noise, bit for bit that of the page."""
    surface, extra = rules.hill.noise, rules.noise
    if not (surface or extra):
        return ""
    return f"""
digest = hashlib.sha256("{rules.seed}\\0gradient noise".encode()).digest()
generator = np.random.default_rng(int.from_bytes(digest[:8], "big") >> 1)
NOISE = torch.from_numpy(math.hypot({extra!r}, {surface!r}) * generator.standard_normal((STEPS, 2)))
"""


def _after_backward(rules: RaceSpec) -> str:
    lines = ["p.grad += NOISE[t]"] if rules.noise or rules.hill.noise else []
    if rules.clip == "value":
        lines.append(f"torch.nn.utils.clip_grad_value_([p], {rules.threshold!r})")
    if rules.clip == "norm":
        lines.append(f"torch.nn.utils.clip_grad_norm_([p], {rules.threshold!r})")
    return "".join(f"\n            {line}" for line in lines)
