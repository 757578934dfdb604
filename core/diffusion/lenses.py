"""What the page says and shows: the two clouds, the nine closer looks, the worked formula."""

from __future__ import annotations

import numpy as np

from core.contracts import Figure, Step, View
from core.diffusion import compute
from core.diffusion import figures as draw
from core.diffusion.compute import FEW, HELD, POINTS, TIMES, Study, arrows_at, grid
from core.diffusion.coupling import DEPTH
from core.diffusion.paths import Path
from core.diffusion.samplers import ddim_step
from core.diffusion.spec import ARROWS, METHODS, DiffusionSpec
from core.plots.words import short

MOST_FRAMES, RASTER = 41, 13
PATHS = {"linear": "Linear schedule", "cosine": "Cosine schedule", "straight": "Straight path"}


def film_frames(spec: DiffusionSpec) -> np.ndarray:
    """The steps that the film shows, at most 41 of them."""
    last = DEPTH if spec.method == "coupling" else spec.steps
    return np.unique(np.rint(np.linspace(0, last, min(last + 1, MOST_FRAMES))).astype(int))


def time_of(spec: DiffusionSpec, step: int) -> float:
    """The time t after so many steps."""
    return 1.0 - step / spec.steps


def film_steps(spec: DiffusionSpec) -> list[Step]:
    """What the transport bar says."""
    if spec.method == "coupling":
        return [
            Step(f"layer {k} of {DEPTH}", "Noise" if k == 0 else "Data" if k == DEPTH else "")
            for k in film_frames(spec)
        ]
    path, found = Path("straight" if spec.method == "flow" else spec.schedule), []
    for k in film_frames(spec).tolist():
        t = time_of(spec, k)
        found.append(Step(f"step {k} of {spec.steps}, t = {t:.3f}", f"{path.a(t):.3f} x₀ + {path.b(t):.3f} ε"))  # fmt: skip
    return found


def frame_of(spec: DiffusionSpec) -> int:
    """The frame at which the film stands."""
    last = len(film_frames(spec)) - 1
    return last if spec.frame < 0 else min(spec.frame, last)


def frame_at(spec: DiffusionSpec, frame: int) -> dict[str, int]:
    """The settings when the film rests at this frame."""
    if frame == frame_of(spec):
        return {}
    return {"frame": -1 if frame == len(film_frames(spec)) - 1 else frame}


def pictures(study: Study) -> dict[str, Figure]:
    """The two clouds."""
    spec = study.spec
    frames, ways, steps = film_frames(spec), study.ways, film_steps(spec)
    line = np.linspace(-draw.EDGE, draw.EDGE, RASTER)
    places, cell = np.column_stack([np.tile(line, RASTER), np.repeat(line, RASTER)]), float(line[1] - line[0])
    pulls = None if spec.method == "coupling" else [arrows_at(study, places, time_of(spec, k)) for k in frames.tolist()]
    stage = "on their way to noise"
    return {
        "forward": draw.forward_film(study.forward_ways, frames, [s.title for s in steps], stage),
        "backward": draw.backward_film(ways, frames, pulls, places, cell, ARROWS[spec.arrows]),
    }


def about(study: Study) -> str:
    """What stands under the film, with the run's numbers."""
    spec = study.spec
    distance, floor = study.distance(study.ways[-1]), study.floor(POINTS)
    source = {"exact": "by the exact field", "learned": f"by a net after {spec.updates} updates"}[spec.field]
    if spec.method == "coupling":
        source = f"by {DEPTH} coupling layers after {spec.updates} updates"
    judged = (
        "as close as real points are"
        if distance < 1.2 * floor
        else f"{short(distance / floor)} times as far as real points are"
    )
    return f"{METHODS[spec.method]}, {source}: the {POINTS} generated points are at a sliced W₂ of **{short(distance)}** from the data, {judged} ({POINTS} real points: {short(floor)} on average). In the exact density they have **{short(study.nats(study.ways[-1]))}** nats on average, real points {short(study.nats(study.data('others 0', POINTS)))}: a much lower number tells of points where there are no data."


def look(study: Study) -> View:
    """The closer look that is open."""
    return LOOKS[study.spec.lens](study)


def schedule(study: Study) -> View:
    """Shares, signal-to-noise ratio, and what a schedule does to few steps."""
    t, found = np.linspace(0.0, 1.0, 101), compute.schedules(study)
    curves = {PATHS[name]: (Path(name).a(t), Path(name).b(t)) for name in PATHS}
    inner = t[1:-1]
    ratio = {PATHS[name]: (Path(name).a(inner) / Path(name).b(inner)) ** 2 for name in PATHS}
    rows = [
        {"path": PATHS[name], "signal = noise at t": short(cross), "DDIM, 5 steps: sliced W₂": short(five), "20 steps": short(twenty)}
        for name, (cross, five, twenty) in found.items()
    ]  # fmt: skip
    best = min(found, key=lambda name: found[name][1])
    return View(
        [f"A noisy point is x_t = a(t) x₀ + b(t) ε. The exact field is the same knowledge on every path, so what differs here is only how the steps are spread: with five steps of DDIM the {PATHS[best].lower()} comes closest ({short(found[best][1])})."],
        figures={"shares": draw.shares(t, curves), "ratio": draw.ratios(inner, ratio, {PATHS[n]: v[0] for n, v in found.items()})},
        rows=rows,
    )  # fmt: skip


def steps(study: Study) -> View:
    """Quality against evaluations."""
    learned = study.spec.field == "learned"
    curves, floor = compute.quality(study, learned), study.floor(compute.crowd(learned))
    rows = [{"sampler": name, **{f"n = {n}": short(d) for n, (_, d) in zip(compute.STEPS, row, strict=True)}} for name, row in curves.items()]  # fmt: skip
    enough = {name: next((n for n, d in row if d < 1.5 * floor), None) for name, row in curves.items()}
    first = min((n, name) for name, n in enough.items() if n) if any(enough.values()) else None
    told = f"{first[1]} is first within one and a half times the distance of real points, with {first[0]} evaluations." if first else "No sampler comes within one and a half times the distance of real points."  # fmt: skip
    return View(
        [f"The {'learned nets' if learned else 'exact field'} and {compute.crowd(learned)} points for each mark. {told}"],
        figures={"quality": draw.quality(curves, floor, study.distance(study.noise("start", compute.crowd(learned))))},
        rows=rows,
    )  # fmt: skip


def paths(study: Study) -> View:
    """Trajectories and how bent they are."""
    learned = study.spec.field == "learned"
    found = compute.bends(study, learned)
    ways = study.ways
    straightest = min(found, key=lambda name: found[name][0])
    rows = [{"sampler": name, "way / straight line": short(bent), "sliced W₂": short(d), "steps": study.spec.steps} for name, (bent, d) in found.items()]  # fmt: skip
    return View(
        [f"Straightest here: {straightest}, {short(found[straightest][0])} times the distance of the ends. On the path of flow matching every **pair** of data and noise is joined by a straight line; the field is the mean over all pairs that meet at a place, so the points themselves travel on bent ways."],
        figures={"trails": draw.trails(ways, compute.bend(ways))},
        rows=rows,
    )  # fmt: skip


def denoise(study: Study) -> View:
    """The best guess of x_0 at every frame, and how far off it is."""
    spec = study.spec
    if spec.method == "coupling":
        return View(["RealNVP makes no guess on the way: choose another way back, and this look shows what its field guesses at every time."])  # fmt: skip
    learned, path, frames, ways = (
        spec.field == "learned",
        study.path(study.straight),
        film_frames(spec),
        study.ways[:, :80],
    )
    predict = study.field(study.straight, learned)
    guesses = [predict(ways[k], max(time_of(spec, k), compute.FIRST))[0] for k in frames.tolist()]
    curves = {"exact": (TIMES, compute.guesses(study, learned=False))}
    if learned:
        curves["net"] = (TIMES, compute.guesses(study, learned=True))
    off = curves["exact"][1]
    at = int(np.argmin(np.abs(TIMES - 0.5)))
    return View(
        [f"The best guess of x₀ is off by {short(float(off[0]))} at t = {TIMES[0]:.2f}, by {short(float(off[at]))} at t = {TIMES[at]:.2f}, and by {short(float(off[-1]))} at t = 1, where nothing is left but the mean of all data (a({TIMES[at]:.2f}) = {short(float(path.a(TIMES[at])))}). The left picture follows the film."],
        figures={
            "guess": draw.guess_film([ways[k] for k in frames], guesses, study.target.centres),
            "off": draw.over_time(curves, "distance of the guess from x₀  [1]", f"Root mean square distance between the best guess and the clean point: {short(float(off[0]))} near the data, {short(float(off[-1]))} in pure noise.", "Lower is better. The exact curve is the least possible: what the noisy point does not tell."),
        },
    )  # fmt: skip


def error(study: Study) -> View:
    """The trained field beside the exact one."""
    spec, kind = study.spec, "flow" if study.straight else "noise"
    found, best = compute.errors(study)
    net = study.net(kind)
    name = "velocity net" if study.straight else "noise net"
    worst, least = int(found.argmax()), int(found.argmin())
    return View(
        [f"A net with three hidden layers of {spec.width} units after {len(net.losses)} updates. It errs most at t = {TIMES[worst]:.2f} ({100 * found[worst]:.0f} % of the field's size) and least at t = {TIMES[least]:.2f} ({100 * found[least]:.1f} %). The loss ends at {short(float(draw.smooth(net.losses)[-1]))}; the exact field's is {short(best)}, so most of what is left could not be learned by any net."],

        figures={
            "error": draw.over_time({name: (TIMES, found)}, "error / size of the exact field  [1]", f"Relative error of the {name} over time: {short(float(found[0]))} at t = {TIMES[0]:.2f}, {short(float(found[-1]))} at t = 1.", "Lower is better; 1 would be as bad as answering 0. Root mean squares over noisy data of each time.", log=True),
            "training": draw.training({name: net.losses}, {"the exact field": best}, "mean squared miss  [1]"),
        },
    )  # fmt: skip


def guidance(study: Study) -> View:
    """One class, pushed."""
    spec, found = study.spec, compute.guidance(study)
    share, spread, distance = found[spec.weight]
    X = compute.guided_points(study, spec.label, spec.weight)
    real = study.target.only(spec.label).draw(compute.numpy_generator(spec.seed, "shown"), FEW)[0]
    own = found[0.0]
    return View(
        [f"DDIM in {spec.steps} steps on the {spec.schedule} schedule, asked for class {spec.label}. With w = {spec.weight:g}, {100 * share:.1f} % of the points fall into the class (w = 0: {100 * own[0]:.1f} %), their spread is {short(spread)} (w = 0: {short(own[1])}), and they are {short(distance)} from real points of the class (w = 0: {short(own[2])}). The push sharpens the class and leaves the distribution."],
        latex=[r"\hat\varepsilon = (1 + w)\,\varepsilon(x, t, \text{class}) - w\,\varepsilon(x, t)"],
        params=["label", "weight"],
        figures={"points": draw.guided(X, real, spec.label, spec.weight, share), "curves": draw.guidance_curves(found, spec.weight)},
    )  # fmt: skip


def likelihood(study: Study) -> View:
    """Densities as maps, and the mean log-likelihood of held-out points."""
    line, places = grid()
    real = study.data("held-out", HELD)
    both = compute.likelihoods(study, np.concatenate([places, real]))
    cells, nats = len(places), {name: float(values[len(places) :].mean()) for name, values in both.items()}
    shown = {"exact": "Exact density", "ODE, learned field": "Probability-flow ODE of the net", "RealNVP": "RealNVP"}
    off = float(np.abs(both["ODE, exact field"][cells:] - both["exact"][cells:]).max())
    rows = [{"model": name, "nats on held-out points": short(value), "below the exact density": short(nats["exact"] - value)} for name, value in nats.items()]  # fmt: skip
    return View(
        [
            f"RealNVP's layers can be inverted, so its density is exact; an ODE's follows from the divergence of its field, which is computed exactly too. With the exact field that integral is at most {short(off)} nats off at {HELD} held-out points: the error of its {compute.ODE_STEPS} Runge-Kutta steps, and of noise that is only nearly normal at t = 1."
        ],
        figures={
            **{name: draw.likelihood_map(line, both[name][:cells], title, nats[name], real) for name, title in shown.items()},
            "training": draw.training({"RealNVP": study.net("coupling").losses}, {"the exact density": -nats["exact"]}, "mean −log p  [nats]"),
        },
        rows=rows,
    )  # fmt: skip


def race(study: Study) -> View:
    """All methods after equal training."""
    spec, found, floor = study.spec, compute.race(study), study.floor(POINTS)
    distances = {name: study.distance(X) for name, (X, _) in found.items()}
    order = sorted(distances, key=distances.__getitem__)
    weights = {kind: len(study.net(kind).theta) for kind in ("noise", "flow", "coupling")}
    kinds = {
        name: "coupling" if name == "RealNVP" else "flow" if name.startswith("Flow") else "noise" for name in found
    }
    rows = [
        {"method": name, "sliced W₂": short(distances[name]), "against real points": f"{distances[name] / floor:.2f} ×", "nats in the exact density": short(study.nats(found[name][0])), "layers or calls": calls, "weights": weights[kinds[name]], "last loss": short(float(draw.smooth(study.net(kinds[name]).losses)[-1]))}
        for name, (_, calls) in found.items()
    ]  # fmt: skip
    clouds = {"Real points": (study.data("others 0", POINTS), f"W₂ {short(floor)}")}
    clouds |= {name: (X, f"W₂ {short(distances[name])}") for name, (X, _) in found.items()}
    return View(
        [f"{spec.updates} updates each on the same batches of points. Closest to the data: {order[0]} ({short(distances[order[0]])}), then {order[1]} ({short(distances[order[1]])}); real points {short(floor)}. DDPM, DDIM, SDE and ODE share one net; they differ only in how they use it. Real points have {short(study.nats(study.data('others 0', POINTS)))} nats in the exact density; points where there are no data lower that number, which the distance hardly sees. Losses of different kinds cannot be compared with each other."],
        figures={"panels": draw.panels(clouds)},
        rows=rows,
    )  # fmt: skip


def engines(study: Study) -> View:
    """The same training by NumPy and by PyTorch."""
    from core.diffusion.torch_twin import PARITY, agreeing, parity

    names = {"noise": "Noise net", "flow": "Velocity net", "coupling": "RealNVP"}
    both = {names[kind]: parity(study.lesson(kind)) for kind in names}
    rows = [
        {"net": name, "updates compared": len(own), "agree within 1e-10": agreeing(own, other), "largest difference": f"{np.abs(own - other).max():.1e}", "first loss": short(float(own[0])), f"loss at update {len(own)}": short(float(own[-1]))}
        for name, (own, other) in both.items()
    ]  # fmt: skip
    return View(
        [f"The page's engine is written out in NumPy. PyTorch, with autograd and torch.optim.Adam, starts from the same weights and sees the same batches; the first {PARITY} updates are compared."],
        figures={"apart": draw.apart({name: np.abs(own - other) for name, (own, other) in both.items()})},
        rows=rows,
    )  # fmt: skip


LOOKS = {
    "schedule": schedule, "steps": steps, "paths": paths, "denoise": denoise, "error": error,
    "guidance": guidance, "likelihood": likelihood, "race": race, "engines": engines,
}  # fmt: skip


def worked(spec: DiffusionSpec) -> list[Step]:
    """One step of DDIM for one point with the exact field, with numbers."""
    study = Study(spec)
    path, n = study.path(study.straight), max(spec.steps, 2)
    t, s = 0.5, max(0.5 - 1.0 / n, 0.0)
    x = path.a(t) * study.data("data", 1) + path.b(t) * study.noise("noise", 1)
    x0, e = compute.exact(study.target, path)(x, t)
    y = ddim_step(compute.exact(study.target, path), path, x, t, s, np.zeros((1, 2)), 0.0)
    a, b, a_s, b_s = (float(v) for v in (path.a(t), path.b(t), path.a(s), path.b(s)))
    return [
        Step("The noisy point", f"At t = {t} on the {PATHS[path.name].lower()}.", [rf"a = {a:.4f}, \quad b = {b:.4f}, \quad x_t = {pair(x)}"]),
        Step("Best guess of the clean point", "The mean of all clean points that fit, each weighted by how well.", [rf"\hat x_0 = E[x_0 \mid x_t] = {pair(x0)}"]),
        Step("The noise that is left", "", [rf"\hat\varepsilon = \frac{{x_t - a\,\hat x_0}}{{b}} = {pair(e)}, \quad \nabla \log p_t(x_t) = -\frac{{\hat\varepsilon}}{{b}} = {pair(-e / b)}"]),
        Step("A step of DDIM", f"The same guess mixed anew for t = {s:.4f}.", [rf"x_s = {a_s:.4f}\,\hat x_0 + {b_s:.4f}\,\hat\varepsilon = {pair(y)}"]),
        Step("Velocity of the ODE", "", [rf"v = a'\,\hat x_0 + b'\,\hat\varepsilon = {pair(compute.velocity(compute.exact(study.target, path), path, x, t))}"]),
    ]  # fmt: skip


def pair(x: np.ndarray) -> str:
    """A point as LaTeX."""
    return rf"({x[0, 0]:.4f},\ {x[0, 1]:.4f})"
