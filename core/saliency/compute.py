"""The maps of all methods for the picture on screen, what can be measured on them, and the numbers that the script prints."""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from core.attribution import (
    METHODS,
    Curve,
    Infidelity,
    Stage,
    attribute,
    cascade,
    chance_iou,
    completeness_gap,
    deletion,
    heat,
    importance,
    infidelity,
    insertion,
    iou,
    layers,
    pointing,
    sensitivity,
)
from core.contracts import Snapshot
from core.errors import ExplainerError, one_of
from core.rng import numpy_generator
from core.saliency import by_hand
from core.saliency.scene import SCRIPTED, Scene, blank, inputs, network, scene_of, shape_of
from core.saliency.spec import LAST, PICTURES, PREDICTED, SMALL, SaliencySpec, settings_of
from models import known
from models.surgery import ACTIVATIONS

QUICK = (
    "saliency",
    "input_x_gradient",
    "guided_backprop",
    "deconvolution",
    "deep_lift",
    "lrp",
    "grad_cam",
    "guided_grad_cam",
)
FAST = tuple(name for name in METHODS if name not in ("occlusion", "feature_ablation", "kernel_shap", "lime"))
PATCHES, SCORE_PATCHES = 200, 100
KEPT = 60  # maps of large networks that are kept
RULES = ("deep_lift", "guided_backprop", "deconvolution", "guided_grad_cam", "lrp")  # methods with a rule for ReLU
WITHOUT = {"mobilenet_v2": RULES, "mobilenet_v3_small": RULES, "vit_b_16": RULES}  # their activations have no such rule
RIVALS = ("saliency", "integrated_gradients", "grad_cam", "guided_backprop")  # in the cascade, beside the chosen method


@dataclass(frozen=True, eq=False)
class Map:
    """One method's answer: `attribution` (channels, height, width), its `heat` (height, width), seconds that it took."""

    method: str
    attribution: np.ndarray
    heat: np.ndarray
    seconds: float


@lru_cache(maxsize=128)
def probabilities(scene: Scene) -> np.ndarray:
    """(classes,) of the picture on screen."""
    with torch.no_grad():
        logits = network(scene.network)(torch.as_tensor(inputs(scene)))[0]
    return logits.softmax(0).numpy()


def target_of(spec: SaliencySpec, scene: Scene) -> int:
    """The class to explain: the one that the Spec names, or the predicted one.

    Raises:
        ExplainerError: the network has no such class.
    """
    classes = classes_of(spec.network)
    if spec.target == PREDICTED:
        return int(np.argmax(probabilities(scene)))
    if spec.target not in classes:
        raise ExplainerError(f"class {spec.target!r} is unknown to this network; choose {one_of(classes)}")
    return classes.index(spec.target)


@lru_cache(maxsize=16)
def classes_of(name: str) -> tuple[str, ...]:
    """The classes of a network, in the order of its outputs."""
    return known(name).classes


@lru_cache(maxsize=16)
def layer_names(name: str) -> tuple[str, ...]:
    """The layers that Grad-CAM may read: the activations, and the last layer with maps.

    Of a vision transformer, what enters the attention of each block: the patches of its very last layer do not move the answer, which
    hangs on the class token alone.
    """
    net = network(name)
    modules = dict(net.named_modules())
    if name.startswith("vit"):
        return tuple(n for n in modules if n.endswith(".ln_1"))
    found = list(layers(net, np.zeros((1, *shape_of(name)), np.float32)))
    return tuple(n for n in found if isinstance(modules[n], ACTIVATIONS) or n == found[-1])


def layer_of(spec: SaliencySpec) -> str:
    """The layer of Grad-CAM: the one that the Spec names, else the last.

    Raises:
        ExplainerError: the network has no such layer.
    """
    names = layer_names(spec.network)
    if spec.layer == LAST:
        return names[-1]
    if spec.layer not in names:
        raise ExplainerError(f"layer {spec.layer!r} is unknown to this network; choose {one_of(names)}")
    return spec.layer


@lru_cache(maxsize=512)
def map_of(
    scene: Scene, target: int, method: str, layer: str, baseline: str, settings: tuple[tuple[str, Any], ...] = ()
) -> Map:
    """One method on one picture. `layer` is "" for methods that need none, so that a change of it costs nothing."""
    key = (scene, target, method, layer, baseline, settings)
    if key in _brought:
        return _brought[key]
    net, x, b = network(scene.network), inputs(scene), blank(scene, baseline)
    start = time.perf_counter()
    found = attribute(net, x, target, method, layer or None, baseline=b, **dict(settings))[0]
    return Map(method, found, heat(found, method), time.perf_counter() - start)


@dataclass(frozen=True, eq=False)
class View:
    """What is on screen: the scene, the class that is explained, the layer of Grad-CAM."""

    spec: SaliencySpec
    scene: Scene
    target: int
    layer: str

    @property
    def classes(self) -> Sequence[str]:
        """The network's classes, in the order of its outputs."""
        return classes_of(self.spec.network)

    def key(self, method: str) -> tuple[Any, ...]:
        """What one method's map depends on, as `map_of` takes it."""
        layer = self.layer if METHODS[method].needs_layer else ""
        return self.scene, self.target, method, layer, self.spec.baseline, settings_of(self.spec, method)

    def map(self, method: str) -> Map:
        """The map of one method, with the page's parameters if it is the one looked at."""
        return map_of(*self.key(method))

    @property
    def quick(self) -> tuple[str, ...]:
        """The methods that are made at once: of a large network only those that need few passes."""
        return FAST if self.spec.network in SMALL else tuple(m for m in QUICK if can(m, self.spec.network))

    @property
    def at_hand(self) -> tuple[str, ...]:
        """The methods whose maps can be shown now: all of a small network; of a large one the quick ones, and those that a job has made."""
        if self.spec.network in SMALL:
            return tuple(METHODS)
        return tuple(m for m in METHODS if m in self.quick or self.key(m) in _brought)

    def ranking(self, method: str) -> np.ndarray:
        """(height, width): what pixels are ranked by, in the way that the page shows signs."""
        return importance(self.map(method).heat, self.spec.sign)


@dataclass(frozen=True)
class Slow:
    """The job that makes the slow maps of what is on screen: it takes the picture along, which no Spec can."""

    SLUG: ClassVar[str] = SaliencySpec.SLUG

    view: View

    @property
    def ticket(self) -> np.ndarray:
        """Bytes that belong to this view alone, in every process: maps of another picture must not be taken for its own."""
        return np.frombuffer(hashlib.sha256(repr([self.view.key(m) for m in METHODS]).encode()).digest(), np.uint8)


def slow_maps(about: Slow) -> Iterator[Snapshot]:
    """The maps that a large network takes long for, one method a step; all so far, method -> attribution, and the seconds of each."""
    view = about.view
    todo = [m for m in METHODS if m not in view.quick and can(m, view.spec.network)]
    arrays: dict[str, np.ndarray] = {"ticket": about.ticket}
    seconds: dict[str, float] = {}
    for done, method in enumerate(todo, start=1):
        made = view.map(method)
        arrays[method], seconds[method] = made.attribution, made.seconds
        yield Snapshot(done, len(todo), dict(seconds), dict(arrays))


_brought: dict[tuple[Any, ...], Map] = {}  # maps that jobs have made, the newest last


def bring(about: Slow, snapshot: Snapshot) -> bool:
    """Keep the maps of a job for the page; whether one of them is new. Those of another view are left."""
    if not np.array_equal(snapshot.arrays["ticket"], about.ticket):
        return False
    new = {m: a for m, a in snapshot.arrays.items() if m != "ticket" and about.view.key(m) not in _brought}
    for method, found in new.items():
        _brought[about.view.key(method)] = Map(method, found, heat(found, method), snapshot.metrics[method])
    for key in list(_brought)[:-KEPT]:
        _brought.pop(key, None)
    return bool(new)


def can(method: str, name: str) -> bool:
    """Whether a method's rules are made for a network: Captum knows no rule for attention, nor for the products of squeeze and excitation."""
    return method not in WITHOUT.get(name, ())


def errand(view: View) -> int:
    """A number for what the slow maps depend on: as long as it stays, none of them has to be made anew."""
    slow = settings_of(view.spec, view.spec.method) if view.spec.method not in FAST else ()
    return hash((view.scene, view.target, view.spec.baseline, slow))


def view_of(spec: SaliencySpec, own: np.ndarray | None = None) -> View:
    """Network, picture, class and layer that the Spec names."""
    scene = scene_of(spec, own)
    return View(spec, scene, target_of(spec, scene), layer_of(spec))


@dataclass(frozen=True, eq=False)
class Trust:
    """What can be said about one map: see core.attribution.metrics. `gap` is None where the method promises no sum."""

    infidelity: Infidelity
    sensitivity: float
    gap: float | None
    deletion: Curve
    insertion: Curve
    blind_deletion: Curve
    blind_insertion: Curve


def trust(view: View, method: str) -> Trust:
    """The measures for one method; the pixels of the blind curves go in a random order."""
    layer = view.layer if METHODS[method].needs_layer else ""
    return _trust(
        view.scene, view.target, method, layer, view.spec.baseline, settings_of(view.spec, method), view.spec.sign
    )


@lru_cache(maxsize=64)
def _trust(
    scene: Scene, target: int, method: str, layer: str, baseline: str, settings: tuple[tuple[str, Any], ...], sign: str
) -> Trust:
    net, x, b = network(scene.network), inputs(scene), blank(scene, baseline)
    made = map_of(scene, target, method, layer, baseline, settings)
    ranking = importance(made.heat, sign)
    blind = numpy_generator(0, "blind order").random(ranking.shape)

    def explain(pictures: np.ndarray) -> np.ndarray:
        return attribute(net, pictures, target, method, layer or None, baseline=b, **dict(settings))

    return Trust(
        infidelity(net, x, target, made.attribution[None], method, baseline=b, size=patch(scene), patches=PATCHES),
        sensitivity(explain, x),
        completeness_gap(net, x, target, made.attribution[None], method, baseline=b),
        *(curve(net, x, target, order, blank=b) for order in (ranking, blind) for curve in (deletion, insertion)),
    )


def patch(scene: Scene) -> int:
    """The side of the squares that infidelity covers: an eighth of the picture's."""
    return max(2, scene.shape[1] // 8)


@lru_cache(maxsize=32)
def forgetting(
    scene: Scene, target: int, method: str, layer: str, baseline: str, settings: tuple[tuple[str, Any], ...], seed: int
) -> tuple[Stage, ...]:
    """The cascade for one method."""
    x, b = inputs(scene), blank(scene, baseline)

    def explain(net: nn.Module) -> np.ndarray:
        return heat(attribute(net, x, target, method, layer or None, baseline=b, **dict(settings))[0], method)

    return tuple(cascade(network(scene.network), explain, seed))


def cascades(view: View) -> Mapping[str, tuple[Stage, ...]]:
    """The chosen method first, then those it is compared with."""
    found = {}
    for method in dict.fromkeys([view.spec.method, *RIVALS]):
        layer = view.layer if METHODS[method].needs_layer else ""
        settings = settings_of(view.spec, method)
        found[method] = forgetting(view.scene, view.target, method, layer, view.spec.baseline, settings, view.spec.seed)
    return found


def score(spec: SaliencySpec) -> Iterator[Snapshot]:
    """All methods on `spec.count` pictures, one picture a step; after each the marks so far, arrays (picture, method).

    A mark that cannot be given (no true mask, no promised sum) is NaN. The class explained is the predicted one.
    """
    marks: dict[str, list[list[float]]] = {name: [] for name in MARKS}
    pictures = range(spec.picture, spec.picture + spec.count)
    for done, n in enumerate(pictures, 1):
        view = view_of(SaliencySpec(**{**spec.as_dict(), "picture": n % PICTURES, "target": PREDICTED}))
        rows = [_marks(view, method) for method in METHODS]
        for name, kept in marks.items():
            kept.append([row[name] for row in rows])
        yield Snapshot(
            done, spec.count, {"pictures": float(done)}, {name: np.array(kept) for name, kept in marks.items()}
        )


MARKS = ("iou", "chance", "hit", "infidelity", "deletion", "insertion", "gap", "seconds")


def _marks(view: View, method: str) -> dict[str, float]:
    made, ranking, mask = view.map(method), view.ranking(method), view.scene.truth()
    net, x, b = network(view.scene.network), inputs(view.scene), blank(view.scene, view.spec.baseline)
    gap = completeness_gap(net, x, view.target, made.attribution[None], method, baseline=b)
    return {
        "iou": np.nan if mask is None else iou(ranking, mask),
        "chance": np.nan if mask is None else chance_iou(mask),
        "hit": np.nan if mask is None else float(pointing(ranking, mask)),
        "infidelity": infidelity(
            net,
            x,
            view.target,
            made.attribution[None],
            method,
            baseline=b,
            size=patch(view.scene),
            patches=SCORE_PATCHES,
        ).share,
        "deletion": deletion(net, x, view.target, ranking, blank=b, steps=16).area,
        "insertion": insertion(net, x, view.target, ranking, blank=b, steps=16).area,
        "gap": np.nan if gap is None else gap,
        "seconds": made.seconds,
    }


# --- the numbers that the script prints, in float64 ---


def flat(net: nn.Module) -> nn.Sequential:
    """A network of the script as one chain of its layers, in the order in which they act."""
    leaves = [m for m in net.modules() if not any(True for _ in m.children())]
    first = next(k for k, m in enumerate(leaves) if isinstance(m, nn.Linear))
    return nn.Sequential(*leaves[:first], nn.Flatten(), *leaves[first:])


def depth(net: nn.Module, layer: str) -> int:
    """How many layers of the chain lie up to and with `layer`."""
    leaves = [m for m in net.modules() if not any(True for _ in m.children())]
    return 1 + next(k for k, m in enumerate(leaves) if m is net.get_submodule(layer))


def steps_of(spec: SaliencySpec) -> int:
    """The steps of integrated gradients in the number check, which always uses Gauss-Legendre."""
    return spec.steps if spec.method == "integrated_gradients" else 50


@lru_cache(maxsize=32)
def checked(spec: SaliencySpec) -> Mapping[str, tuple[np.ndarray, np.ndarray]]:
    """Method -> (Captum's map, the map written out by hand), both in float64; only for networks that are one chain of layers."""
    scene = scene_of(spec)
    target, layer = target_of(spec, scene), layer_of(spec)
    net = network(spec.network)
    if spec.network not in SCRIPTED:
        raise ExplainerError(
            f"{known(spec.network).title} is too large for a script; choose {one_of(known(n).title for n in SCRIPTED)}"
        )
    x, b = inputs(scene, torch.float64), blank(scene, spec.baseline, torch.float64)
    chain = flat(_double(net))
    cut = depth(net, layer)
    X, B = torch.as_tensor(x), torch.as_tensor(b)
    steps = steps_of(spec)
    hand = {
        "saliency": by_hand.saliency(chain, X, target),
        "input_x_gradient": by_hand.input_x_gradient(chain, X, target),
        "integrated_gradients": by_hand.integrated_gradients(chain, X, B, target, steps),
        "grad_cam": by_hand.grad_cam(chain[:cut], chain[cut:], X, target).expand_as(X),
    }
    more: Mapping[str, dict[str, Any]] = {"integrated_gradients": {"steps": steps}}
    return {
        name: (
            attribute(
                net, x, target, name, layer if METHODS[name].needs_layer else None, baseline=b, **more.get(name, {})
            )[0],
            found[0].numpy(),
        )
        for name, found in hand.items()
    }


def _double(net: nn.Module) -> nn.Module:
    return copy.deepcopy(net).double()


def numbers(spec: SaliencySpec) -> dict[str, float]:
    """Logit and probability of the class; sum, largest value and one pixel of each map that the script makes, in float64."""
    scene = scene_of(spec)
    target = target_of(spec, scene)
    with torch.no_grad():
        logits = _double(network(spec.network))(torch.as_tensor(inputs(scene, torch.float64)))[0]
    found = {"logit": float(logits[target]), "probability": float(logits.softmax(0)[target])}
    middle = scene.shape[1] // 2
    for name, (_, by_hand_s) in checked(spec).items():
        found[f"{name} sum"] = float(by_hand_s.sum())
        found[f"{name} largest"] = float(by_hand_s.max())
        found[f"{name} middle"] = float(by_hand_s[0, middle, middle])
    return found
