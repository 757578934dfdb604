"""Fifteen ways to say which pixels a network's answer hangs on, behind one function. Captum computes them.

    attribute(model, inputs, target, method)[n]  =  one number for each input value of example n, for output `target`

Symbols: f(x) the output (logit) of the target, x the input, b the baseline (what "nothing there" looks like), Phi the attribution.
A method is `complete` when its Phi adds up to something: "difference" f(x) - f(b), or "output" f(x). It is `local` when Phi
is a slope (logit per unit of input) and not an amount (logit): the amount is slope times what changed. `signed`: a positive
value speaks for the target, a negative one against it; other methods give sizes alone.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from captum import attr as captum
from captum._utils.models import Model
from captum.attr._core.lrp import SUPPORTED_LAYERS_WITH_RULES, SUPPORTED_NON_LINEAR_LAYERS
from captum.attr._utils.lrp_rules import Alpha1_Beta0_Rule, EpsilonRule, GammaRule
from captum.log import log_usage
from torch import Tensor, nn

from core.attribution.segments import slic, squares
from core.attribution.twin import drawing, layer_name, maps_of, tensor, twin
from core.contracts import Param
from core.errors import ExplainerError, one_of
from core.rng import generator

VALUES = 600_000  # input values that one batch may hold: 4 pictures of 3 x 224 x 224, hundreds of small ones
_CAPTUM_S_WARNINGS = threading.Lock()


@dataclass(frozen=True)
class Call:
    """One call of a method: the private `model`, the input `x` (n, ...), `target`, baseline, layer's name, parameters by name."""

    model: nn.Module
    x: Tensor
    target: int | list[int] | None
    baseline: Tensor
    layer: str
    set: Mapping[str, Any]

    def module(self) -> nn.Module:
        """The layer itself."""
        return self.model.get_submodule(self.layer)

    def batch(self, least: int = 1) -> int:
        """How many examples a batch may hold."""
        return max(least, VALUES // self.x[0].numel())


@dataclass(frozen=True)
class Method:
    """What a method is called, its idea in one sentence, where it comes from, and what it can be told."""

    title: str
    idea: str
    formula: str
    paper: str
    run: Callable[[Call], Tensor] = field(repr=False)
    params: Mapping[str, Param] = field(default_factory=dict)
    signed: bool = True
    local: bool = False
    complete: str = ""
    needs_layer: bool = False
    random: bool = False


def attribute(
    model: nn.Module,
    inputs: np.ndarray | Tensor,
    target: int | Sequence[int] | None,
    method: str,
    layer: str | nn.Module | None = None,
    *,
    baseline: float | np.ndarray | Tensor = 0.0,
    **parameters: Any,
) -> np.ndarray:
    """The attribution of `inputs` (batch, ...) for the output `target` (one for all, or one for each), shaped as `inputs`.

    `method` is a name in METHODS; `parameters` are those that it lists. `layer` (a name or a module) is for the CAM methods;
    without it they take the last layer with maps. `baseline` is broadcast to the inputs. Layers act as in evaluation.
    The model's mode, gradients, `requires_grad` and hooks stay as they were, and no thread's random numbers are touched.

    Raises:
        ExplainerError: unknown method, layer, target or parameter, a value out of bounds, or a network that the method cannot follow.
    """
    about = described(method)
    chosen = checked(about, parameters)
    x = tensor(inputs)
    blank = _like(x, baseline)
    try:
        named = layer_name(model, layer, x[:1]) if about.needs_layer else ""
        net = twin(model, x.dtype)
        call = Call(net, x.requires_grad_(), _target(net, x, target), blank, named, chosen)
        with drawing(generator(chosen.get("seed", 0), "attribution", method)):
            return about.run(call).detach().to(x.dtype).contiguous().numpy()
    except (AssertionError, AttributeError, RuntimeError, TypeError, ValueError) as problem:
        if isinstance(problem, ExplainerError):
            raise
        raise ExplainerError(
            f"{about.title} cannot follow this network: {str(problem).split('.')[0][:120]}. Some methods need every activation as "
            "a module of its own that is used once; try one that needs the gradient alone, such as saliency"
        ) from problem


def described(method: str) -> Method:
    """The method of this name. Raises ExplainerError if there is none."""
    if method not in METHODS:
        raise ExplainerError(f"method {method[:60]!r} is unknown; choose {one_of(METHODS)}")
    return METHODS[method]


def checked(about: Method, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """All parameters of a method by name, the given ones checked, the others at their default."""
    if unknown := sorted(set(parameters) - set(about.params)):
        allowed = f"it takes {one_of(about.params)}" if about.params else "it has none"
        raise ExplainerError(f"{about.title} has no parameter {unknown[0]!r}; {allowed}")
    return {name: p.check(parameters.get(name, p.default)) for name, p in about.params.items()}


def _like(x: Tensor, baseline: float | np.ndarray | Tensor) -> Tensor:
    try:
        return torch.as_tensor(baseline, dtype=x.dtype).detach().cpu().expand_as(x).clone()
    except RuntimeError:
        shape = tuple(np.shape(baseline))
        raise ExplainerError(f"a baseline of shape {shape} does not fit inputs of shape {tuple(x.shape)}") from None


def _target(model: nn.Module, x: Tensor, target: int | Sequence[int] | None) -> int | list[int] | None:
    """`target` for Captum, once it is known that the model has such an output."""
    with torch.no_grad():
        out = model(x[:1])
    wanted = None if target is None else torch.as_tensor(target).reshape(-1).tolist()
    if out.ndim == 1 or wanted is None:
        if out.numel() > 1:
            raise ExplainerError(f"this network has {out.shape[1]} outputs; say which one, such as target=0")
        return None if out.ndim == 1 else 0
    outside = [t for t in wanted if not 0 <= t < out.shape[1]]
    if outside or len(wanted) not in (1, len(x)):
        what = f"target {outside[0]} is" if outside else f"{len(wanted)} targets for {len(x)} inputs are"
        raise ExplainerError(
            f"{what} not possible: one target for all, or one for each input, each from 0 to {out.shape[1] - 1}"
        )
    return wanted[0] if len(wanted) == 1 else wanted


@contextmanager
def _unwarned() -> Iterator[None]:
    """Captum warns that it sets hooks, each time. Python's filters belong to the process: one thread at a time, then put back."""
    with _CAPTUM_S_WARNINGS, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"\s*Setting")
        yield


# --- by the gradient ---


def _saliency(c: Call) -> Tensor:
    return captum.Saliency(c.model).attribute(c.x, c.target, abs=True)


def _input_x_gradient(c: Call) -> Tensor:
    return captum.InputXGradient(c.model).attribute(c.x, c.target)


def _integrated_gradients(c: Call) -> Tensor:
    rule = {"midpoint": "riemann_middle", "trapezoid": "riemann_trapezoid", "gauss": "gausslegendre"}[c.set["rule"]]
    return captum.IntegratedGradients(c.model).attribute(
        c.x, c.baseline, c.target, n_steps=c.set["steps"], method=rule, internal_batch_size=c.batch(max(4, len(c.x)))
    )


class _BaselineXGradient(captum.GradientAttribution):
    """(x - b) grad f(b + a (x - b)) with a ~ U(0, 1), whose mean is GradientShap. Captum's own takes a from NumPy's shared generator."""

    @log_usage()
    def attribute(self, inputs: Tensor, baselines: tuple[Tensor], target: Any) -> Tensor:
        (b,) = baselines
        a = torch.rand(len(inputs), dtype=inputs.dtype).reshape(-1, *[1] * (inputs.ndim - 1))
        between = (b + a * (inputs - b)).requires_grad_()
        (slope,) = self.gradient_func(self.forward_func, (between,), target)
        return (inputs - b) * slope


def _gradient_shap(c: Call) -> Tensor:
    return _averaged(c, _BaselineXGradient(c.model), "mean", baselines=c.baseline)


def _smooth_grad(c: Call) -> Tensor:
    return _averaged(c, captum.Saliency(c.model), c.set["average"], abs=False)


def _averaged(c: Call, one: captum.GradientAttribution, average: str, **more: Any) -> Tensor:
    """The mean of `one` over copies of the input with noise; its standard deviation is a share of the range of the inputs."""
    x = c.x.detach()
    return captum.NoiseTunnel(one).attribute(
        x,
        nt_type={"mean": "smoothgrad", "square": "smoothgrad_sq", "variance": "vargrad"}[average],
        nt_samples=c.set["samples"],
        nt_samples_batch_size=max(1, c.batch() // len(c.x)),
        stdevs=c.set["noise"] * float(x.max() - x.min()),
        target=c.target,
        **more,
    )


# --- by rules for each layer ---


class _Apart(nn.Module):
    """A copy of its input.

    Captum's rules hang on tensors: where one tensor leaves a ReLU and enters a max-pooling, the ReLU reads the gradient before the pooling's
    rule has changed it, and the rule is lost. A copy in between makes them two tensors.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x.clone()


def _deep_lift(c: Call) -> Tensor:
    for name, module in list(c.model.named_modules()):
        if name and isinstance(module, (nn.MaxPool1d, nn.MaxPool2d)):
            c.model.set_submodule(name, nn.Sequential(_Apart(), module))
    with _unwarned():
        return captum.DeepLift(c.model).attribute(c.x, c.baseline, c.target)


def _guided_backprop(c: Call) -> Tensor:
    with _unwarned():
        return captum.GuidedBackprop(c.model).attribute(c.x, c.target)


def _deconvolution(c: Call) -> Tensor:
    with _unwarned():
        return captum.Deconvolution(c.model).attribute(c.x, c.target)


def _lrp(c: Call) -> Tensor:
    rules = {
        "epsilon": lambda: EpsilonRule(c.set["epsilon"]),
        "gamma": lambda: GammaRule(c.set["gamma"]),
        "alpha1beta0": Alpha1_Beta0_Rule,
    }
    for module in c.model.modules():
        if any(True for _ in module.children()) or type(module) in SUPPORTED_NON_LINEAR_LAYERS:
            continue
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.rule = rules[c.set["rule"]]()
        elif type(module) not in SUPPORTED_LAYERS_WITH_RULES and not list(module.parameters()):
            module.rule = EpsilonRule()  # sums and rearrangements: each part keeps its share
    return captum.LRP(c.model).attribute(c.x, c.target)


# --- by taking parts away ---


def _occlusion(c: Call) -> Tensor:
    window, stride = _window(c.x.shape[1:], c.set["window"], c.set["stride"])
    return captum.Occlusion(c.model).attribute(
        c.x, window, stride, c.baseline, c.target, perturbations_per_eval=_per_eval(c)
    )


def _window(shape: Sequence[int], size: int, stride: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A window over the last two axes (the last one of a vector) and all channels, and how far it moves."""
    places = shape[-2:] if len(shape) > 1 else shape
    whole = tuple(shape[: len(shape) - len(places)])
    window = tuple(min(size, side) for side in places)
    return (*whole, *window), (*whole, *(min(stride, side) for side in window))


def _per_eval(c: Call) -> int:
    return max(16, min(128, c.batch() // len(c.x)))


def _feature_ablation(c: Call) -> Tensor:
    return _each(c, captum.FeatureAblation(c.model), perturbations_per_eval=_per_eval(c))


class _Ridge(Model):
    """min over w0, w of sum_z pi(z) (y(z) - w0 - w . z)^2 + ridge |w|^2, solved in float64; Captum's own needs scikit-learn."""

    def __init__(self, ridge: float) -> None:
        self.ridge, self.w = ridge, torch.empty(0)

    def fit(self, train_data: Any, **_more: Any) -> None:
        z, y, weights = (part.double() for part in next(iter(train_data)))
        share = weights / weights.sum()
        z, y = z - share @ z, y - share @ y
        pull = weights[:, None] * z
        self.w = torch.linalg.lstsq(
            z.T @ pull + self.ridge * torch.eye(z.shape[1]), pull.T @ y, driver="gelsd"
        ).solution

    def representation(self) -> Tensor:
        return self.w

    def __call__(self, x: Tensor) -> Tensor:
        return x.double() @ self.w


def _kernel_shap(c: Call) -> Tensor:
    shap = captum.KernelShap(c.model)
    shap.interpretable_model = _Ridge(0.0)
    return _each(c, shap, n_samples=c.set["samples"], perturbations_per_eval=_per_eval(c))


def _lime(c: Call) -> Tensor:
    width = c.set["width"]

    def near(_x: Tensor, _perturbed: Tensor, kept: Tensor, **_more: Any) -> Tensor:
        """exp(-D^2 / width^2), D the cosine distance of the list of kept pieces to the list of all."""
        distance = 1 - kept.to(c.x.dtype).mean().sqrt()
        return torch.exp(-((distance / width) ** 2))

    surrogate = captum.Lime(c.model, _Ridge(c.set["ridge"]), near)
    return _each(c, surrogate, n_samples=c.set["samples"], perturbations_per_eval=_per_eval(c))


def _each(c: Call, method: captum.PerturbationAttribution, **more: Any) -> Tensor:
    """One example after the other, each with pieces of its own."""
    found = []
    for n in range(len(c.x)):
        one, goal = c.x[n : n + 1].detach(), c.target[n] if isinstance(c.target, list) else c.target
        found.append(method.attribute(one, c.baseline[n : n + 1], goal, feature_mask=_pieces(c, one), **more))
    return torch.cat(found)


def _pieces(c: Call, one: Tensor) -> Tensor:
    """Labels 0, 1, ... of the pieces that are taken away together: superpixels of a picture, else single values."""
    if one.ndim != 4:
        return torch.arange(one.numel()).reshape(one.shape)
    labels = (
        slic(one[0].numpy(), c.set["pieces"]) if c.set["cut"] == "slic" else squares(*one.shape[2:], c.set["pieces"])
    )
    return torch.as_tensor(labels).expand(one.shape)


# --- by the maps of one layer ---


def _grad_cam(c: Call) -> Tensor:
    sign = {"for": 1.0, "against": -1.0}[c.set["evidence"]]
    maps = captum.LayerGradCam(c.model, maps_of(c.model, c.layer, c.x)).attribute(c.x, c.target)
    upsampled = captum.LayerAttribution.interpolate((sign * maps).clamp(min=0), c.x.shape[2:], "bilinear")
    return upsampled.expand(c.x.shape)


def _guided_grad_cam(c: Call) -> Tensor:
    with _unwarned():
        return captum.GuidedGradCam(c.model, c.module()).attribute(c.x, c.target, interpolate_mode="bilinear")


SEED = Param(0, "Seed", "The same seed gives the same map", low=0, high=9999)
NOISE = Param(
    0.1, "Noise", "Standard deviation, as a share of the range of the picture's values", low=0.0, high=1.0, step=0.01
)
PIECES = Param(49, "Pieces", "How many superpixels the picture is cut into, about", low=4, high=400)
CUT = Param("slic", "Cut", options={"slic": "By colour", "squares": "Squares"})


def _samples(default: int, label: str = "Samples") -> Param:
    return Param(default, label, low=2, high=1000)


METHODS: Mapping[str, Method] = {
    "saliency": Method(
        "Saliency",
        "How much the logit changes when one value of the picture changes a little, without its sign.",
        r"\Phi_i = \left|\partial f / \partial x_i\right|",
        "K. Simonyan, A. Vedaldi, A. Zisserman, Deep inside convolutional networks, ICLR workshop 2014, section 3.1",
        _saliency,
        signed=False,
        local=True,
    ),
    "input_x_gradient": Method(
        "Input × gradient",
        "The slope times the value that is there: exact for a linear model, where it is the term w x.",
        r"\Phi_i = x_i\, \partial f / \partial x_i",
        "A. Shrikumar, P. Greenside, A. Shcherbina, A. Kundaje, Not just a black box, arXiv:1605.01713, 2016, section 2",
        _input_x_gradient,
    ),
    "integrated_gradients": Method(
        "Integrated gradients",
        "The slope is averaged on the straight way from the baseline to the picture, so that nothing gets lost where the logit saturates.",
        r"\Phi_i = (x_i - b_i) \int_0^1 \frac{\partial f(b + a (x - b))}{\partial x_i}\, da",
        "M. Sundararajan, A. Taly, Q. Yan, Axiomatic attribution for deep networks, ICML 2017, equation 1",
        _integrated_gradients,
        {
            "steps": Param(50, "Steps", "Points on the way from the baseline", low=2, high=500),
            "rule": Param("gauss", "Rule", "How the integral is summed", options={"gauss": "Gauss-Legendre", "trapezoid": "Trapezoids", "midpoint": "Midpoints"}),
        },
        complete="difference",
    ),
    "gradient_shap": Method(
        "GradientSHAP",
        "Slopes at random points between baseline and noisy pictures: in the mean, integrated gradients of blurred copies.",
        r"\Phi_i = \mathbb{E}_{a \sim U(0,1),\, n}\left[(x_i + n_i - b_i)\, \frac{\partial f(b + a (x + n - b))}{\partial x_i}\right]",
        "S. Lundberg, S.-I. Lee, A unified approach to interpreting model predictions, NeurIPS 2017; G. Erion et al., Improving performance of deep learning models with axiomatic attribution priors and expected gradients, Nature Machine Intelligence 3, 2021, equation 3",
        _gradient_shap,
        {"samples": _samples(25), "noise": NOISE, "seed": SEED},
        random=True,
    ),
    "smooth_grad": Method(
        "SmoothGrad",
        "The slope is averaged over noisy copies of the picture, for the slope itself flickers from pixel to pixel.",
        r"\Phi_i = \mathbb{E}_{n \sim N(0, \sigma^2)}\left[\partial f(x + n) / \partial x_i\right]",
        "D. Smilkov, N. Thorat, B. Kim, F. Viégas, M. Wattenberg, SmoothGrad: removing noise by adding noise, arXiv:1706.03825, 2017, section 3.2",
        _smooth_grad,
        {
            "samples": _samples(25),
            "noise": NOISE,
            "average": Param("mean", "Average", options={"mean": "Mean", "square": "Mean square", "variance": "Variance"}),
            "seed": SEED,
        },
        local=True,
        random=True,
    ),
    "guided_backprop": Method(
        "Guided backprop",
        "The gradient, but at every ReLU only what is positive on the way back goes on: sharp edges, and nearly the same for every class.",
        r"R^{l} = (x^{l} > 0)\,(R^{l+1} > 0)\, R^{l+1}",
        "J. Springenberg, A. Dosovitskiy, T. Brox, M. Riedmiller, Striving for simplicity, ICLR workshop 2015, section 3.4",
        _guided_backprop,
        local=True,
    ),
    "deconvolution": Method(
        "Deconvolution",
        "Like guided backprop, but which units fired in the forward pass is forgotten.",
        r"R^{l} = (R^{l+1} > 0)\, R^{l+1}",
        "M. Zeiler, R. Fergus, Visualizing and understanding convolutional networks, ECCV 2014, section 2.1",
        _deconvolution,
        local=True,
    ),
    "deep_lift": Method(
        "DeepLIFT",
        "At every ReLU the ratio of differences from the baseline takes the place of the slope; so differences are shared out without rest.",
        r"\Phi_i = (x_i - b_i)\, m_i, \qquad m_{\mathrm{ReLU}} = \frac{\mathrm{ReLU}(z) - \mathrm{ReLU}(z_b)}{z - z_b}",
        "A. Shrikumar, P. Greenside, A. Kundaje, Learning important features through propagating activation differences, ICML 2017, section 3 (rescale rule, equation 5)",
        _deep_lift,
        complete="difference",
    ),
    "lrp": Method(
        "LRP",
        "The logit is handed back layer by layer; every unit gives to its inputs in proportion to what they put in. Biases keep their part.",
        r"R_j = \sum_k \frac{a_j w_{jk}}{\epsilon + \sum_{0,j} a_j w_{jk}}\, R_k",
        "S. Bach et al., On pixel-wise explanations for non-linear classifier decisions by layer-wise relevance propagation, PLoS ONE 10, 2015, equation 58; G. Montavon et al., Layer-wise relevance propagation: an overview, 2019, section 10.2",
        _lrp,
        {
            "rule": Param("epsilon", "Rule", "Of convolutions and dense layers", options={"epsilon": "LRP-ε", "gamma": "LRP-γ", "alpha1beta0": "LRP-α1β0"}),
            "epsilon": Param(1e-4, "ε", "Of LRP-ε: takes relevance away from units whose sum is near 0", low=1e-9, high=1.0, log=True),
            "gamma": Param(0.25, "γ", "Of LRP-γ: how much more positive weights count", low=0.0, high=2.0, step=0.05),
        },
        complete="output",
    ),
    "grad_cam": Method(
        "Grad-CAM",
        "The maps of one layer are added, each weighted by the mean slope of the logit with respect to it, and enlarged to the picture. Of a vision transformer's layer the tokens are laid back on the grid of patches.",
        r"\Phi = \mathrm{ReLU}\Big(\sum_k \alpha_k A^k\Big), \qquad \alpha_k = \frac{1}{Z}\sum_{i,j} \frac{\partial f}{\partial A^k_{ij}}",
        "R. Selvaraju et al., Grad-CAM: visual explanations from deep networks via gradient-based localization, ICCV 2017, equations 1 and 2",
        _grad_cam,
        {"evidence": Param("for", "Evidence", "Against: the weights change their sign (counterfactual explanation, section 3)", options={"for": "For the class", "against": "Against it"})},
        signed=False,
        needs_layer=True,
    ),
    "guided_grad_cam": Method(
        "Guided Grad-CAM",
        "Guided backprop, kept only where Grad-CAM looks.",
        r"\Phi = \Phi_{\mathrm{guided}} \odot \Phi_{\mathrm{CAM}}",
        "R. Selvaraju et al., Grad-CAM, ICCV 2017, section 3.2",
        _guided_grad_cam,
        needs_layer=True,
        local=True,
    ),
    "occlusion": Method(
        "Occlusion",
        "A window covers one place after the other; each value gets the mean drop of the logit over the windows that covered it.",
        r"\Phi_i = \mathrm{mean}_{W \ni i}\left[f(x) - f(x_{W \to b})\right]",
        "M. Zeiler, R. Fergus, Visualizing and understanding convolutional networks, ECCV 2014, section 4.2",
        _occlusion,
        {
            "window": Param(8, "Window", low=1, high=64, unit="px"),
            "stride": Param(4, "Stride", "At most the window, so that nothing stays uncovered", low=1, high=64, unit="px"),
        },
    ),
    "feature_ablation": Method(
        "Feature ablation",
        "Each piece of the picture is taken away alone; it gets the drop of the logit.",
        r"\Phi_i = f(x) - f(x_{S(i) \to b})",
        "M. Zeiler, R. Fergus, ECCV 2014, section 4.2, with superpixels of R. Achanta et al., SLIC superpixels, IEEE TPAMI 34, 2012, equation 3",
        _feature_ablation,
        {"pieces": PIECES, "cut": CUT},
    ),
    "kernel_shap": Method(
        "KernelSHAP",
        "Many random sets of pieces are kept; the linear model that explains the logits best under Shapley's weights gives the shares.",
        r"\min_\Phi \sum_z \pi(z) \Big(f(x_z) - f(b) - \sum_s \Phi_s z_s\Big)^2, \qquad \pi(z) = \frac{M - 1}{\binom{M}{|z|} |z| (M - |z|)}",
        "S. Lundberg, S.-I. Lee, A unified approach to interpreting model predictions, NeurIPS 2017, theorem 2",
        _kernel_shap,
        {"pieces": PIECES, "cut": CUT, "samples": _samples(200), "seed": SEED},
        random=True,
    ),
    "lime": Method(
        "LIME",
        "A ridge regression imitates the logit on random sets of kept pieces; sets that are close to the whole picture count more.",
        r"\min_w \sum_z e^{-D(z)^2 / \sigma^2} \big(f(x_z) - w_0 - w \cdot z\big)^2 + \lambda |w|^2",
        "M. Ribeiro, S. Singh, C. Guestrin, “Why should I trust you?”: explaining the predictions of any classifier, KDD 2016, equation 2",
        _lime,
        {
            "pieces": PIECES,
            "cut": CUT,
            "samples": _samples(200),
            "width": Param(0.25, "Kernel width σ", "In cosine distance: smaller means closer to the whole picture", low=0.05, high=2.0, step=0.05),
            "ridge": Param(1.0, "Ridge λ", low=1e-6, high=100.0, log=True),
            "seed": SEED,
        },
        random=True,
    ),
}  # fmt: skip
