"""The hills: f(x, y), its gradient (∂f/∂x, ∂f/∂y), and where its minima lie.

Every function takes arrays x and y of one shape and works elementwise in float64; a gradient is the pair of arrays of
that shape, by the analytic derivative. Formulas, minima and domains are those of the source named with each surface:

    [SB]  S. Surjanovic and D. Bingham, Virtual Library of Simulation Experiments, Simon Fraser University, 2013
    [R60] H. H. Rosenbrock, The Computer Journal 3(3), 1960          [H72] D. M. Himmelblau, Applied Nonlinear Programming, 1972
    [A87] D. H. Ackley, A Connectionist Machine for Genetic Hillclimbing, 1987
    [ST90] M. Styblinski and T.-S. Tang, Neural Networks 3(4), 1990  [GM87] S. Geman and D. McClure, Bull. ISI 52(4), 1987

Digits beyond those printed in the sources come from Newton's method on ∇f = 0. Saddle and monkey saddle carry a fourth-order
term that closes them far out, so that a race there has a finish; near the origin they are the textbook's saddles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from core.contracts import Param
from core.errors import ExplainerError, one_of

Array = np.ndarray
Minimum = tuple[float, float, float]  # x, y, f(x, y)


@dataclass(frozen=True)
class Surface:
    """A hill to race on. A formula that a user typed becomes one too: only `f`, `gradient` and the words are needed.

    `minima` are those known inside the domain, lowest first; `x` and `y` the domain to draw; `noise` the standard
    deviation of the Gaussian noise that belongs to the surface's gradient; `parameters` what may be set (name -> Param).
    Where no minimum is known, `seen` is the lowest value that a look at the domain found. `by_graph`: the gradient is no
    formula of its own but the backward pass through the graph of f. `f` is NaN where it has no value.
    """

    name: str
    title: str
    latex: str
    f: Callable[[Array, Array], Array]
    gradient: Callable[[Array, Array], tuple[Array, Array]]
    x: tuple[float, float]
    y: tuple[float, float]
    start: tuple[float, float]
    minima: tuple[Minimum, ...] = ()
    source: str = ""
    summary: str = ""
    noise: float = 0.0
    parameters: Mapping[str, Param] = field(default_factory=dict, hash=False, compare=False)
    seen: float = math.nan
    by_graph: bool = False

    @property
    def lowest(self) -> float:
        """The value at the global minimum; where none is known, the lowest seen."""
        return self.minima[0][2] if self.minima else self.seen

    @property
    def goals(self) -> tuple[Minimum, ...]:
        """The global minima: all that are as low as the lowest."""
        return tuple(m for m in self.minima if m[2] <= self.lowest + 1e-9)


def bowl_matrix(condition: float, angle: float) -> tuple[Array, Array]:
    """Eigenvalues (1, κ) and eigenvectors (columns of Q) of the bowl's Hessian A = Q diag(1, κ) Qᵀ; angle in degrees."""
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return np.array([1.0, condition]), np.array([[c, -s], [s, c]])


_BOWL = {
    "condition": Param(25.0, "condition number", "κ = λ_max / λ_min of the Hessian", low=1.0, high=1e4, log=True),
    "angle": Param(0.0, "rotation", "angle of the long axis to the x axis", low=-90.0, high=90.0, unit="°"),
}


@lru_cache(maxsize=256)
def quadratic_bowl(condition: float = 25.0, angle: float = 0.0) -> Surface:
    """f = ½ θᵀ A θ with eigenvalues 1 and κ; the long axis is turned by `angle` degrees."""
    lam, Q = bowl_matrix(condition, angle)
    (a, b), (_, d) = (Q * lam @ Q.T).tolist()
    return Surface(
        "quadratic_bowl", "Quadratic bowl", r"\tfrac12\,\theta^\top Q\,\mathrm{diag}(1,\kappa)\,Q^\top\theta",
        lambda x, y: 0.5 * (a * x * x + d * y * y) + b * x * y,
        lambda x, y: (a * x + b * y, b * x + d * y),
        (-5.0, 5.0), (-5.0, 5.0), (-4.0, 2.0), ((0.0, 0.0, 0.0),), "the convex quadratic of Polyak 1964",
        "One minimum; the larger the condition number, the narrower the valley.", parameters=_BOWL,
    )  # fmt: skip


@lru_cache(maxsize=256)
def noisy_bowl(noise: float = 0.5) -> Surface:
    """F(θ, ξ) = ½x² + 2y² + ξᵀθ with ξ ~ N(0, noise² I) drawn at every step; its expectation f is drawn."""
    return Surface(
        "noisy_bowl", "Noisy bowl",
        r"\tfrac12 x^2 + 2y^2,\quad g = \nabla f + \xi,\ \xi \sim \mathcal N(0, \sigma^2 I)",
        lambda x, y: 0.5 * x * x + 2.0 * y * y,
        lambda x, y: (x, 4.0 * y),
        (-4.0, 4.0), (-3.0, 3.0), (-3.0, 2.0), ((0.0, 0.0, 0.0),), "stochastic gradients of Robbins and Monro 1951",
        "A gentle bowl seen through noise, as a mini-batch sees the loss.", noise,
        {"noise": Param(0.5, "noise of the bowl", "standard deviation of the gradient's noise", low=0.0, high=10.0)},
    )  # fmt: skip


@lru_cache(maxsize=256)
def ravine(steepness: float = 20.0) -> Surface:
    """f = ½ s (y − sin x)² + x²/20: steep walls, and a floor that winds along y = sin x."""
    s = steepness

    def gradient(x: Array, y: Array) -> tuple[Array, Array]:
        wall = s * (y - np.sin(x))
        return 0.1 * x - wall * np.cos(x), wall

    return Surface(
        "ravine", "Ravine", r"\tfrac{s}{2}(y-\sin x)^2 + \tfrac{x^2}{20}",
        lambda x, y: 0.5 * s * (y - np.sin(x)) ** 2 + 0.05 * x * x, gradient,
        (-7.0, 7.0), (-3.0, 3.0), (-6.0, 2.0), ((0.0, 0.0, 0.0),), "own, after the long ravines of Sutton 1986",
        "Across the ravine it is steep, along it nearly flat, and it bends.",
        parameters={"steepness": Param(20.0, "steepness of the walls", low=1.0, high=1e3, log=True)},
    )  # fmt: skip


def _rosenbrock(x: Array, y: Array) -> Array:
    return (1.0 - x) ** 2 + 100.0 * (y - x * x) ** 2


def _rosenbrock_gradient(x: Array, y: Array) -> tuple[Array, Array]:
    wall = 200.0 * (y - x * x)
    return -2.0 * (1.0 - x) - 2.0 * x * wall, wall


_BEALE = (1.5, 2.25, 2.625)


def _beale(x: Array, y: Array) -> Array:
    a, b, c = _BEALE
    return (a - x + x * y) ** 2 + (b - x + x * y**2) ** 2 + (c - x + x * y**3) ** 2


def _beale_gradient(x: Array, y: Array) -> tuple[Array, Array]:
    y2, y3 = y * y, y * y * y
    r1, r2, r3 = (target - x + x * power for target, power in zip(_BEALE, (y, y2, y3), strict=True))
    return (
        2.0 * (r1 * (y - 1.0) + r2 * (y2 - 1.0) + r3 * (y3 - 1.0)),
        2.0 * x * (r1 + 2.0 * r2 * y + 3.0 * r3 * y2),
    )


def _himmelblau(x: Array, y: Array) -> Array:
    return (x * x + y - 11.0) ** 2 + (x + y * y - 7.0) ** 2


def _himmelblau_gradient(x: Array, y: Array) -> tuple[Array, Array]:
    a, b = x * x + y - 11.0, x + y * y - 7.0
    return 4.0 * x * a + 2.0 * b, 2.0 * a + 4.0 * y * b


def _rastrigin(x: Array, y: Array) -> Array:
    return 20.0 + x * x - 10.0 * np.cos(2 * np.pi * x) + y * y - 10.0 * np.cos(2 * np.pi * y)


def _rastrigin_gradient(x: Array, y: Array) -> tuple[Array, Array]:
    return 2.0 * x + 20 * np.pi * np.sin(2 * np.pi * x), 2.0 * y + 20 * np.pi * np.sin(2 * np.pi * y)


def _rastrigin_minima() -> tuple[Minimum, ...]:
    """The 11 x 11 lattice: near each whole number k, the root of 2x + 20π sin 2πx by Newton's method, lowest first."""
    k = np.arange(-5.0, 6.0)
    for _ in range(6):
        k = k - (2 * k + 20 * np.pi * np.sin(2 * np.pi * k)) / (2 + 40 * np.pi**2 * np.cos(2 * np.pi * k))
    x, y = (axis.ravel() for axis in np.meshgrid(k, k))
    return tuple(sorted(zip(x.tolist(), y.tolist(), _rastrigin(x, y).tolist(), strict=True), key=lambda m: m[2]))


def _ackley(x: Array, y: Array) -> Array:
    cone = np.exp(-0.2 * np.sqrt(0.5 * (x * x + y * y)))
    waves = np.exp(0.5 * (np.cos(2 * np.pi * x) + np.cos(2 * np.pi * y)))
    return -20.0 * cone - waves + np.e + 20.0


def _ackley_gradient(x: Array, y: Array) -> tuple[Array, Array]:
    r = np.sqrt(0.5 * (x * x + y * y))
    pull = 2.0 * np.exp(-0.2 * r) / np.where(r > 0.0, r, np.inf)  # the tip of the cone has no gradient: 0 is taken
    waves = np.pi * np.exp(0.5 * (np.cos(2 * np.pi * x) + np.cos(2 * np.pi * y)))
    return pull * x + waves * np.sin(2 * np.pi * x), pull * y + waves * np.sin(2 * np.pi * y)


def _styblinski_tang(x: Array, y: Array) -> Array:
    return 0.5 * (x**4 - 16.0 * x * x + 5.0 * x + y**4 - 16.0 * y * y + 5.0 * y)


def _styblinski_tang_gradient(x: Array, y: Array) -> tuple[Array, Array]:
    return 2.0 * x * x * x - 16.0 * x + 2.5, 2.0 * y * y * y - 16.0 * y + 2.5


def _saddle(x: Array, y: Array) -> Array:
    return x * x - y * y + 0.5 * y**4


def _saddle_gradient(x: Array, y: Array) -> tuple[Array, Array]:
    return 2.0 * x, 2.0 * y * (y * y - 1.0)


def _monkey_saddle(x: Array, y: Array) -> Array:
    return x**3 - 3.0 * x * y * y + 0.25 * (x * x + y * y) ** 2


def _monkey_saddle_gradient(x: Array, y: Array) -> tuple[Array, Array]:
    r2 = x * x + y * y
    return 3.0 * (x * x - y * y) + r2 * x, r2 * y - 6.0 * x * y


def _plateau(x: Array, y: Array) -> Array:
    r2 = x * x + y * y
    return r2 / (1.0 + r2)


def _plateau_gradient(x: Array, y: Array) -> tuple[Array, Array]:
    pull = 2.0 / (1.0 + x * x + y * y) ** 2
    return pull * x, pull * y


_DEEP, _SHALLOW = -2.903534027771177, 2.746802770990837  # roots of 2x³ − 16x + 2.5
_DEEP_VALUE, _SHALLOW_VALUE = -39.16616570377141, -25.029446655283944  # ½(x⁴ − 16x² + 5x) there

_ROOT = 1.5 * math.sqrt(3.0)

_FIXED = (
    Surface(
        "rosenbrock", "Rosenbrock's banana", r"(1-x)^2 + 100\,(y-x^2)^2", _rosenbrock, _rosenbrock_gradient,
        (-2.0, 2.0), (-1.0, 3.0), (-1.5, 2.0), ((1.0, 1.0, 0.0),), "[R60]; [SB]",
        "Finding the curved valley is easy; following its flat floor is hard.",
    ),
    Surface(
        "beale", "Beale", r"(1.5-x+xy)^2+(2.25-x+xy^2)^2+(2.625-x+xy^3)^2", _beale, _beale_gradient,
        (-4.5, 4.5), (-4.5, 4.5), (1.0, 1.5), ((3.0, 0.5, 0.0),), "[SB]",
        "Sharp peaks in the corners around a flat middle.",
    ),
    Surface(
        "himmelblau", "Himmelblau", r"(x^2+y-11)^2+(x+y^2-7)^2", _himmelblau, _himmelblau_gradient,
        (-5.0, 5.0), (-5.0, 5.0), (-0.5, -0.5),
        (
            (3.0, 2.0, 0.0),
            (-2.805118086952745, 3.131312518250573, 0.0),
            (-3.779310253377747, -3.283185991286170, 0.0),
            (3.584428340330492, -1.848126526964404, 0.0),
        ),
        "[H72]", "Four equally deep minima: which one is reached depends on start and optimizer.",
    ),
    Surface(
        "rastrigin", "Rastrigin", r"20 + \sum_{z\in\{x,y\}} z^2 - 10\cos 2\pi z", _rastrigin, _rastrigin_gradient,
        (-5.12, 5.12), (-5.12, 5.12), (-3.2, 2.7), _rastrigin_minima(), "[SB]",
        "A bowl with an egg-box on it: 121 minima, one of them global.",
    ),
    Surface(
        "ackley", "Ackley",
        r"-20e^{-0.2\sqrt{(x^2+y^2)/2}} - e^{(\cos 2\pi x+\cos 2\pi y)/2} + e + 20", _ackley, _ackley_gradient,
        (-5.0, 5.0), (-5.0, 5.0), (-3.3, 2.6), ((0.0, 0.0, 0.0),), "[A87]; [SB]",
        "Nearly flat and rippled outside, a sharp funnel in the middle (its tip has no gradient).",
    ),
    Surface(
        "styblinski_tang", "Styblinski-Tang", r"\tfrac12\sum_{z\in\{x,y\}} z^4-16z^2+5z",
        _styblinski_tang, _styblinski_tang_gradient, (-5.0, 5.0), (-5.0, 5.0), (0.5, 4.0),
        (
            (_DEEP, _DEEP, 2 * _DEEP_VALUE),
            (_DEEP, _SHALLOW, _DEEP_VALUE + _SHALLOW_VALUE),
            (_SHALLOW, _DEEP, _DEEP_VALUE + _SHALLOW_VALUE),
            (_SHALLOW, _SHALLOW, 2 * _SHALLOW_VALUE),
        ),
        "[ST90]; [SB]", "Four minima of three depths; the deepest lies in one corner.",
    ),
    Surface(
        "saddle", "Saddle", r"x^2 - y^2 + \tfrac12 y^4", _saddle, _saddle_gradient,
        (-2.0, 2.0), (-2.0, 2.0), (-1.5, 0.01), ((0.0, -1.0, -0.5), (0.0, 1.0, -0.5)), "own; x² − y² at the origin",
        "Started on the ridge, who leaves the saddle first?",
    ),
    Surface(
        "monkey_saddle", "Monkey saddle", r"x^3 - 3xy^2 + \tfrac14 (x^2+y^2)^2", _monkey_saddle, _monkey_saddle_gradient,
        (-4.0, 4.0), (-4.0, 4.0), (2.0, 0.01),
        ((-3.0, 0.0, -6.75), (1.5, -_ROOT, -6.75), (1.5, _ROOT, -6.75)), "own; x³ − 3xy² at the origin",
        "At the origin even the curvature vanishes; three ways lead down.",
    ),
    Surface(
        "plateau", "Plateau", r"\frac{x^2+y^2}{1+x^2+y^2}", _plateau, _plateau_gradient,
        (-4.0, 4.0), (-4.0, 4.0), (-3.0, 2.0), ((0.0, 0.0, 0.0),), "[GM87]",
        "The gradient fades far from the hole: plain steps shrink to nothing, normalised ones do not.",
    ),
)  # fmt: skip

_BUILT = {"quadratic_bowl": quadratic_bowl, "noisy_bowl": noisy_bowl, "ravine": ravine}
_RANK = ("quadratic_bowl", "rosenbrock", "beale", "himmelblau", "rastrigin", "ackley", "styblinski_tang", "saddle",
         "monkey_saddle", "plateau", "ravine", "noisy_bowl")  # fmt: skip
_ALL = {s.name: s for s in (*_FIXED, *(build() for build in _BUILT.values()))}

SURFACES: Mapping[str, Surface] = MappingProxyType({name: _ALL[name] for name in _RANK})


def surface_named(name: str, **parameters: float) -> Surface:
    """The surface with this name, its parameters set.

    Raises:
        ExplainerError: there is no such surface, it has no such parameter, or a value is out of range.
    """
    if name not in SURFACES:
        raise ExplainerError(f"surface {str(name)[:60]!r} is unknown; choose {one_of(SURFACES)}")
    allowed = SURFACES[name].parameters
    if unknown := sorted(set(parameters) - set(allowed)):
        other = f"it takes {one_of(allowed)}" if allowed else "it has none"
        raise ExplainerError(f"surface {name} has no parameter {unknown[0][:40]!r}; {other}")
    if not parameters:
        return SURFACES[name]
    return _BUILT[name](**{key: allowed[key].check(value) for key, value in parameters.items()})
