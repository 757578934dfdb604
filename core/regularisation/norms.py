"""Batch norm's two modes, its trouble with tiny batches, and both norms' gradients by hand against torch's autograd.

In training a unit is normalised by the batch's own mean and variance; afterwards by running means of them, r ← r + 0.1 (batch's - r). Where
the two differ, the same weights give another answer. With a batch of B points the batch's mean is off by σ/√B and its variance by about
σ² √(2/B), so tiny batches train a noisy net, and it is asked with statistics that it never met in training. A layer norm knows no batch.

Sources: S. Ioffe, C. Szegedy, ICML 2015, algorithms 1 and 2; S. Ioffe, NeurIPS 2017, section 2 (tiny batches); J. Ba et al., arXiv:1607.06450.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from core.regularisation.compute import affordable, plan_of, trained, variant, with_kind
from core.regularisation.datasets import Part
from core.regularisation.networks import BATCH, ROWS, UNITS, forward, losses, normalise, unnormalise
from core.regularisation.spec import RegularisationSpec
from core.regularisation.training import PLAIN, Plan, Run, descend
from core.rng import numpy_generator

Array = np.ndarray
BATCHES = (2, 4, 8, 16, 32)
TINY_SEEDS = 5


@dataclass(frozen=True, eq=False)
class Modes:
    """One unit of the first hidden layer, step by step: the batch's mean and variance and the running ones, at the first seed; and the loss
    on the first ROWS training points in either mode, (look, K), at the steps `looks`."""

    mean: Float[np.ndarray, "step 2"]
    variance: Float[np.ndarray, "step 2"]
    looks: Array
    by_batch: Float[np.ndarray, "look K"]
    by_running: Float[np.ndarray, "look K"]


def norm_plan(spec: RegularisationSpec) -> Plan:
    """A net with batch norm alone; the same as in the race."""
    return affordable(with_kind(spec, "batch"))


@lru_cache(maxsize=16)
def modes(plan: Plan) -> Modes:
    """Train the plan's net with batch norm, and look at both modes."""
    net, part, unit = plan.net, plan.sets.train, 0
    means, variances, by_batch, by_running = [], [], [], []
    for t, nets in descend(plan):
        layer = net.layers(nets.theta)[0]
        if t:
            mean, variance = (values[0, 0, 0, unit] for values in nets.tape[0].moments[BATCH])
            B = nets.tape[0].U.shape[-2]
            means.append((mean, layer.mean[0, 0, unit]))
            variances.append((variance * B / (B - 1), layer.variance[0, 0, unit]))
        if t in plan.looks:
            by_batch.append(in_mode(plan, nets.theta, part, training=True)[0])
            by_running.append(in_mode(plan, nets.theta, part, training=False)[0])
    return Modes(np.array(means), np.array(variances), plan.looks, np.array(by_batch), np.array(by_running))


def in_mode(plan: Plan, theta: Array, part: Part, *, training: bool) -> Float[np.ndarray, "V K"]:
    """Mean loss on the first ROWS points of a part, normalised by their own statistics (`training`) or by the running ones."""
    U, _ = forward(plan.net, theta, part.X[None, :, :ROWS], training=training)
    return losses(plan.net, U, part.Y[None, :, :ROWS]).mean(-1)


def tiny(spec: RegularisationSpec) -> dict[int, Run]:
    """Batch size -> a plain net and both norms, trained for equally many steps."""
    compared = (PLAIN, variant(spec, "batch"), variant(spec, "layer"))
    plan = replace(plan_of(spec, compared), seeds=min(spec.seeds, TINY_SEEDS))
    return {size: trained(affordable(replace(plan, batch=size))) for size in BATCHES if size <= spec.points}


@lru_cache(maxsize=8)
def by_hand(rows: int, units: int, seed: int) -> dict[str, dict[str, float]]:
    """Norm -> quantity -> the largest difference between this project's formula and torch's, in float64."""
    import torch

    g = numpy_generator(seed, "by hand")
    Z, dH = g.standard_normal((rows, units)), g.standard_normal((rows, units))
    found = {}
    for name, axis in (("batch norm", BATCH), ("layer norm", UNITS)):
        H, _, variance = normalise(Z, axis)
        z = torch.tensor(Z, requires_grad=True)
        if axis == BATCH:
            h = torch.nn.functional.batch_norm(z, None, None, training=True, eps=1e-5)
        else:
            h = torch.nn.functional.layer_norm(z, (units,), eps=1e-5)
        (dz,) = torch.autograd.grad(h, z, torch.tensor(dH))
        backward = unnormalise(dH, H, variance, axis)
        found[name] = {
            "forward": float(np.abs(H - h.detach().numpy()).max()), "gradient": float(np.abs(backward - dz.numpy()).max())
        }  # fmt: skip
    return found
